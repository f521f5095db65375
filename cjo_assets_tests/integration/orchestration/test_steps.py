"""Tests of the steps of a family: one per stage, and each table an asset of its own that can be run alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import ibis
import ibis.expr.types as ir
import pytest

from cjo_assets.catalog import data_families
from cjo_assets.core.checks import Check
from cjo_assets.core.contract import Contract, DatedContract, key
from cjo_assets.core.dataset import Dataset
from cjo_assets.core.errors import InputError, UnreachableError
from cjo_assets.core.family import Family
from cjo_assets.core.settings import Settings
from cjo_assets.core.table import Table
from cjo_assets.definitions import EXECUTOR, defs
from cjo_assets.engine.store import Store
from cjo_assets.ingest.loading import Loaded
from cjo_assets.orchestration import raw_files
from cjo_assets.orchestration.assets import family_definitions
from cjo_assets.orchestration.automation import DECLARATIVE
from cjo_assets.orchestration.failures import failure_texts
from cjo_assets.orchestration.instance import instance_folder
from cjo_assets.orchestration.resources import Warehouse
from cjo_assets.policy import load_policy

DAY = "2025-01-20"
JOURNEY = next(family for family in data_families() if family.name == "journey")
JOURNEY_STAGES = {
    "journey_inputs",
    "journey_interventions",
    "journey_evaluation",
    "journey_evaluation_undated",
    "journey_forecast",
    "journey_risk",
    "journey_learning",
    "journey_decision",
    "journey_approval",
    "journey_outcome",
    "journey_value",
    "journey_process",
    "journey_process_undated",
    "journey_portfolio",
}
MARKETING_STAGES = {
    "marketing_inputs",
    "marketing_measurement",
    "marketing_measurement_undated",
    "marketing_analysis",
    "marketing_analysis_undated",
    "marketing_experiments",
    "marketing_governance",
    "marketing_value",
    "marketing_recommendations",
}
LIFECYCLE_STAGES = {
    "lifecycle_inputs",
    "lifecycle_money",
    "lifecycle_pipeline",
    "lifecycle_support",
    "lifecycle_support_undated",
    "lifecycle_success",
    "lifecycle_people",
    "lifecycle_operation",
    "lifecycle_experiments",
    "lifecycle_decisions",
    "lifecycle_value",
    "lifecycle_overview",
    "lifecycle_overview_undated",
}
# The one number in a table: below 0 it breaks the contract; in `doubtful`, above 100 it fails the blocking check.
NUMBER = {"one": 1, "doubtful": 1}
STORED: dict[str, duckdb.DuckDBPyConnection] = {}


class Numbers(DatedContract):
    """Numbers of a day. One row per number."""

    number: int = key("A number.", ge=0)


class Words(Contract):
    """Numbers of no day. One row per number."""

    number: int = key("A number.", ge=0)


def one() -> ir.Table:
    """Return the number that the test sets, by default one."""
    return ibis.literal(NUMBER["one"]).name("number").as_table()


def doubtful() -> ir.Table:
    """Return the number that the test sets."""
    return ibis.literal(NUMBER["doubtful"]).name("number").as_table()


def after_one(one: ir.Table) -> ir.Table:
    """Return the same numbers."""
    return one


def after_doubtful(doubtful: ir.Table) -> ir.Table:
    """Return the same numbers."""
    return doubtful


def later_one(after_one: ir.Table) -> ir.Table:
    """Return the same numbers."""
    return after_one


def later_doubtful(after_doubtful: ir.Table) -> ir.Table:
    """Return the same numbers."""
    return after_doubtful


def undated() -> ir.Table:
    """Return the number one."""
    return ibis.literal(1).name("number").as_table()


def large(doubtful: ir.Table) -> ir.Table:
    """Return numbers above 100."""
    return doubtful.filter(doubtful.number > 100)


def odd(one: ir.Table) -> ir.Table:
    """Return odd numbers."""
    return one.filter(one.number % 2 == 1)


TOY = Family(
    name="toy",
    datasets=(),
    owner="team:toy",
    tables=(
        Table("toy", "after_doubtful", Numbers, after_doubtful, "first"),
        Table("toy", "after_one", Numbers, after_one, "first"),
        Table("toy", "doubtful", Numbers, doubtful, "first", (Check(large, is_blocking=True),)),
        Table("toy", "one", Numbers, one, "first", (Check(odd),)),
        Table("toy", "undated", Words, undated, "first"),
        Table("toy", "later_one", Numbers, later_one, "second"),
        Table("toy", "later_doubtful", Numbers, later_doubtful, "third"),
    ),
)
FIRST = {"toy/one", "toy/doubtful", "toy/after_one", "toy/after_doubtful"}
ALL = FIRST | {"toy/later_one", "toy/later_doubtful", "toy/undated"}


class InMemory(Warehouse):
    """A warehouse of the toy family in memory, the same for all runs of a test."""

    @contextmanager
    def yield_for_execution(self, _: dg.InitResourceContext) -> Iterator[Warehouse]:
        """Make the store."""
        self._store = Store(STORED["toy"].cursor(), (TOY,))
        self._settings, self._policy = Settings.from_environment(), load_policy()
        self._families, self._results = (TOY,), {}
        yield self


def toy_definitions() -> dg.Definitions:
    """Return the assets of the toy family."""
    return dg.Definitions.merge(
        family_definitions(TOY),
        dg.Definitions(
            jobs=[dg.define_asset_job("every_table", "*")],
            resources={"warehouse": InMemory(database=":memory:")},
            executor=EXECUTOR,
        ),
    )


def toy_job() -> dg.JobDefinition:
    """Return the job of all assets of the toy family."""
    return toy_definitions().resolve_job_def("every_table")


Run = tuple[bool, list[dg.EventLogEntry]]


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """Return an empty instance on the storage that `dagster.yaml` configures, and an empty store."""
    STORED["toy"] = duckdb.connect()
    NUMBER.update(one=1, doubtful=1)
    with dg.DagsterInstance.from_config(str(instance_folder(tmp_path))) as found:
        yield found
    STORED.pop("toy").close()


def run(
    instance: dg.DagsterInstance, assets: Sequence[str] = (), tags: dict[str, str] | None = None, **options: Any
) -> Run:
    """Run assets of the toy family for a day, all unless given."""
    with dg.execute_job(
        dg.build_reconstructable_job(__name__, toy_job.__name__),
        instance=instance,
        asset_selection=[dg.AssetKey.from_user_string(key) for key in assets] or None,
        tags={"dagster/partition": DAY} if tags is None else tags,
        raise_on_error=False,
        **options,
    ) as result:
        return result.success, instance.all_logs(result.run_id)


def steps(log: list[dg.EventLogEntry]) -> list[str]:
    """Return the steps that were started."""
    return [
        str(entry.step_key)
        for entry in log
        if entry.dagster_event and entry.dagster_event.event_type is dg.DagsterEventType.STEP_START
    ]


def materialized(log: list[dg.EventLogEntry]) -> list[tuple[str, str | None]]:
    """Return the materialized assets with their partitions, in order."""
    events = [entry.dagster_event for entry in log if entry.asset_materialization]
    return [(str(event.asset_key and event.asset_key.to_user_string()), event.partition) for event in events if event]


def checked(log: list[dg.EventLogEntry]) -> dict[str, bool]:
    """Return which checks passed."""
    found = [entry.asset_check_evaluation for entry in log]
    return {f"{check.asset_key.to_user_string()} {check.check_name}": check.passed for check in found if check}


def failures(log: list[dg.EventLogEntry]) -> list[str]:
    """Return the messages of the failed steps."""
    return [
        text
        for entry in log
        if entry.dagster_event and entry.dagster_event.event_type is dg.DagsterEventType.STEP_FAILURE
        for text in failure_texts(entry)
    ]


def test_a_family_has_a_step_per_stage() -> None:
    location = defs()
    ends = {"audit_records", "latest_portfolio", "published"}
    expected = {
        "daily_journey": JOURNEY_STAGES | ends | {"journey_raw", "journey_texts", "reports__journey_report"},
        "daily_marketing": MARKETING_STAGES
        | ends - {"latest_portfolio"}
        | {"marketing_raw", "latest_value", "latest_recommendations", "reports__marketing_report"},
        "daily_lifecycle": LIFECYCLE_STAGES
        | ends - {"latest_portfolio"}
        | {"lifecycle_raw", "latest_overview", "reports__lifecycle_report"},
    }
    assert {name: {node.name for node in location.resolve_job_def(name).nodes} for name in expected} == expected


def test_a_stage_is_one_step_and_its_tables_follow_what_they_read(instance: dg.DagsterInstance) -> None:
    success, log = run(instance)
    assert success
    assert sorted(steps(log)) == ["toy_first", "toy_first_undated", "toy_second", "toy_third"]
    order = [name for name, _ in materialized(log)]
    assert sorted(order) == sorted(ALL)
    assert order.index("toy/one") < order.index("toy/after_one")
    assert order.index("toy/doubtful") < order.index("toy/after_doubtful")
    assert set(materialized(log)) == {(name, None if name == "toy/undated" else DAY) for name in ALL}
    expected = {f"{name} contract": True for name in ALL} | {"toy/doubtful large": True, "toy/one odd": False}
    assert checked(log) == expected


@pytest.mark.parametrize(("number", "check"), [(-1, "contract"), (101, "large")])
def test_a_failed_blocking_check_stops_the_tables_that_read_it_and_no_other(
    instance: dg.DagsterInstance, number: int, check: str
) -> None:
    NUMBER["doubtful"] = number
    success, log = run(instance)
    assert not success
    stopped = {"toy/doubtful", "toy/after_doubtful", "toy/later_doubtful"}
    assert {name for name, _ in materialized(log)} == ALL - stopped
    expected = {f"{name} contract": True for name in ALL - stopped} | {"toy/one odd": False}
    assert checked(log) == expected | {f"toy/doubtful {check}": False}
    (message,) = failures(log)
    assert message.startswith(f"The table toy.doubtful was not stored: check {check}: ")
    # The stage that reads no failed table was computed, the other was not started.
    assert sorted(steps(log)) == ["toy_first", "toy_first_undated", "toy_second"]


def test_the_failure_of_a_step_has_a_message_per_table(instance: dg.DagsterInstance) -> None:
    NUMBER.update(one=-1, doubtful=-1)
    success, log = run(instance)
    assert (success, [name for name, _ in materialized(log)]) == (False, ["toy/undated"])
    tables = [text.partition(" was not stored")[0] for text in failures(log)]
    assert tables == ["The table toy.doubtful", "The table toy.one"]


def test_an_unexpected_error_names_the_table(instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(InMemory, "stored", lambda *_: raise_overflow())
    success, log = run(instance, ["toy/one"])
    (message,) = failures(log)
    assert not success
    assert message.startswith("toy_first: OverflowError: too large")
    assert "toy.one" in message


def raise_overflow() -> None:
    """Raise an error that is no breach of a contract."""
    raise OverflowError("too large")


@pytest.mark.parametrize("selected", [{"toy/one"}, {"toy/after_one", "toy/doubtful"}, {"toy/later_one"}])
def test_some_tables_of_a_step_run_alone(instance: dg.DagsterInstance, selected: set[str]) -> None:
    success, log = run(instance, sorted(selected))
    assert success
    assert {name for name, _ in materialized(log)} == selected
    assert {name.partition(" ")[0] for name in checked(log)} == selected
    assert len(steps(log)) == 1


def test_an_undated_table_runs_without_a_day_and_a_dated_one_does_not(instance: dg.DagsterInstance) -> None:
    success, log = run(instance, ["toy/undated"], tags={})
    assert (success, materialized(log)) == (True, [("toy/undated", None)])
    success, log = run(instance, ["toy/one"], tags={})
    assert (success, materialized(log)) == (False, [])


def test_checks_run_alone_on_stored_rows(instance: dg.DagsterInstance) -> None:
    run(instance, ["toy/one", "toy/doubtful"])
    STORED["toy"].execute("UPDATE toy.one SET number = 2")
    job = toy_job()
    checks = {dg.AssetCheckKey(dg.AssetKey(["toy", "one"]), "odd")}
    result = job.get_subset(asset_selection=set(), asset_check_selection=checks).execute_in_process(
        instance=instance, tags={"dagster/partition": DAY}
    )
    log = instance.all_logs(result.run_id)
    assert (materialized(log), checked(log)) == ([], {"toy/one odd": True})
    assert STORED["toy"].execute("SELECT number FROM toy.one").fetchall() == [(2,)], "nothing was computed"


def test_an_automation_condition_requests_some_tables_of_a_step(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CJO_AUTOMATION", DECLARATIVE)
    newest = dg.DailyPartitionsDefinition("2000-01-01", end_offset=1).get_last_partition_key()
    run(instance, tags={"dagster/partition": str(newest)})
    location = toy_definitions()
    before = dg.evaluate_automation_conditions(location, instance)
    run(instance, ["toy/one"], tags={"dagster/partition": str(newest)})
    after = dg.evaluate_automation_conditions(location, instance, cursor=before.cursor)
    requested = {name for name in ALL if after.get_num_requested(dg.AssetKey.from_user_string(name))}
    assert requested == {"toy/after_one", "toy/later_one"}
    node = location.resolve_asset_graph().get(dg.AssetKey(["toy", "after_one"]))
    assert node.execution_set_entity_keys == {node.key}, "a table does not bring the others of its step"


class Source:
    """The files of the journey, of which one may fail."""

    def __init__(self, failures: Sequence[Exception]) -> None:
        """Set the errors that the signals raise, one for each attempt to load them."""
        self.failures = list(failures)
        self.loaded: list[str] = []

    def load(self, dataset: Dataset, *_: object) -> Loaded:
        """Load a file, or raise the next error."""
        self.loaded.append(dataset.name)
        if dataset.name == "signals" and self.failures:
            raise self.failures.pop(0)
        return Loaded(dataset.name, None, None, 1, None, is_unchanged=True)


def load(
    instance: dg.DagsterInstance,
    source: Source,
    monkeypatch: pytest.MonkeyPatch,
    selection: Sequence[str] | None = None,
) -> Run:
    """Run the step that loads the files of the journey, without waiting between attempts."""
    monkeypatch.setattr(raw_files, "RETRY", dg.RetryPolicy(max_retries=3))
    monkeypatch.setattr(raw_files, "_loaded", source.load)
    monkeypatch.setattr(raw_files, "preview", lambda *_: "none")
    result = dg.materialize(
        [raw_files.raw_step(JOURNEY)],
        instance=instance,
        resources={"warehouse": InMemory(database=":memory:")},
        selection=selection,
        raise_on_error=False,
    )
    return result.success, instance.all_logs(result.run_id)


RAW = sorted(f"raw/{dataset.name}" for dataset in JOURNEY.datasets)


def test_all_files_are_loaded_in_one_step_or_some_alone(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    success, log = load(instance, Source([]), monkeypatch)
    assert (success, steps(log), sorted(name for name, _ in materialized(log))) == (True, ["journey_raw"], RAW)
    assert checked(log) == {f"{name} supplied": True for name in RAW}
    source = Source([])
    success, log = load(instance, source, monkeypatch, ["raw/customers"])
    assert (success, source.loaded, materialized(log)) == (True, ["customers"], [("raw/customers", None)])


def test_a_faulty_file_is_not_loaded_again_and_does_not_stop_the_others(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Source([InputError("signals.json is no JSON.")])
    success, log = load(instance, source, monkeypatch)
    assert (success, failures(log), source.loaded.count("signals")) == (False, ["signals.json is no JSON."], 1)
    assert sorted(name for name, _ in materialized(log)) == [name for name in RAW if name != "raw/signals"]


@pytest.mark.parametrize(("failed_attempts", "is_loaded"), [(1, True), (3, True), (4, False)])
def test_a_source_that_does_not_answer_is_tried_three_more_times(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, failed_attempts: int, is_loaded: bool
) -> None:
    source = Source([UnreachableError("The database does not respond.")] * failed_attempts)
    success, log = load(instance, source, monkeypatch)
    assert success is is_loaded
    assert source.loaded.count("signals") == min(failed_attempts + 1, 4)
    expected = [name for name in RAW if is_loaded or name != "raw/signals"]
    assert sorted(name for name, _ in materialized(log)) == expected, "each file is materialized once"
    assert failures(log) == ([] if is_loaded else ["The database does not respond."])
