"""Several families in one warehouse: days, records and publication of the one leave the other alone."""

import json
import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import duckdb
import pytest
from rich.console import Console

from cjo_assets.audit.replay.differences import DIFFERS
from cjo_assets.audit.replay.replay import IDENTICAL, replayed
from cjo_assets.audit.replay.scratch import scratch
from cjo_assets.audit.verify.verify import verify
from cjo_assets.catalog import all_families, data_families, families_about
from cjo_assets.cli.launch import Supplied, supplied
from cjo_assets.cli.summary import grid_of
from cjo_assets.core.errors import InputError
from cjo_assets.core.settings import Settings
from cjo_assets.core.table import AUDIT
from cjo_assets.engine.fingerprints import hands_on
from cjo_assets.engine.store import Store
from cjo_assets.ingest.chain import compute_day, load_files
from cjo_assets.orchestration.keys import FAMILY_TAG, families_of_run, keys_of_day
from cjo_assets.policy import Policy, load_policy
from cjo_assets.warehouse.ledger import Stamp
from cjo_assets.warehouse.publish import publish
from cjo_assets.warehouse.retention import first_days_kept
from cjo_assets.warehouse.run_log import record_run
from cjo_assets_tests.support.catalog import STATEMENTS
from cjo_assets_tests.support.chain import SAMPLE
from cjo_assets_tests.support.warehouse import INSTANCE

DAYS = {"journey": date(2025, 1, 20), "marketing": date(2026, 3, 31)}
FAMILY_OF = {family.name: family for family in data_families()}


def publish_day(store: Store, settings: Settings, family: str, policy: Policy) -> None:
    """Compute, record and publish a day as the job of a family does."""
    families = tuple(found for found in all_families() if not found.datasets or found.name == family)
    day, run = DAYS[family], SimpleNamespace(run_id=f"run of {family}")
    store.families_of_run, store.days_of_run = (family,), ()
    load_files(store, families, settings.data, settings.inputs)
    compute_day(store, families, day, policy)
    store.replace(store.tables[AUDIT, "policies"], None, policy)
    typed: Any = run
    record_run(store, typed, INSTANCE, family, day, policy, None)
    publish(store, settings.published, [day])


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, policy: Policy) -> Iterator[tuple[Store, Settings]]:
    """Return a home in which a day of each family is published, the later family first."""
    settings = Settings(SAMPLE, None, tmp_path_factory.mktemp("both"))
    store = Store(duckdb.connect(), all_families(), STATEMENTS)
    for family in ("marketing", "journey"):
        publish_day(store, settings, family, policy)
    yield store, settings
    store.connection.close()


def asked(settings: Settings, sql: str) -> list[Any]:
    """Return the rows of a query to the published database."""
    with duckdb.connect(str(settings.published), read_only=True) as reader:
        return reader.execute(sql).fetchall()


def test_every_folder_of_tables_is_a_family() -> None:
    assert [family.name for family in data_families()] == ["journey", "marketing", "lifecycle"]
    names = [dataset.name for family in data_families() for dataset in family.datasets]
    assert len(set(names)) == len(names), "raw and quarantine have one schema for all families"


def test_each_family_has_its_own_newest_day(both: tuple[Store, Settings]) -> None:
    store, settings = both
    assert {family: store.newest_day(family) for family in DAYS} == DAYS
    assert asked(settings, "SELECT newest_day(), newest_day(of_family := 'marketing')") == [tuple(DAYS.values())]
    assert asked(settings, "SELECT as_of FROM days(of_family := 'marketing')") == [(DAYS["marketing"],)]
    assert asked(settings, "SELECT count(*) FROM latest.customer_360") == [(10,)]
    assert asked(settings, "SELECT DISTINCT as_of FROM latest.kpis") == [(DAYS["journey"],)]
    assert asked(settings, "SELECT DISTINCT as_of FROM latest_marketing.kpis") == [(DAYS["marketing"],)]
    assert asked(settings, "SELECT count(*) FROM table_on('marketing.kpis', DATE '2026-04-30')") == [(16,)]


def test_a_record_is_of_one_family(both: tuple[Store, Settings]) -> None:
    _, settings = both
    rows = asked(settings, "SELECT family, inputs, table_hashes FROM audit.runs")
    for family, inputs, hashes in rows:
        own = next(found for found in data_families() if found.name == family)
        assert {file["dataset"] for file in json.loads(inputs)} == {dataset.name for dataset in own.datasets}
        assert {name.partition(".")[0] for name in json.loads(hashes)} <= {family, AUDIT}
    assert len(rows) == 2


def test_what_a_failed_run_of_the_other_left_is_not_published(both: tuple[Store, Settings], policy: Policy) -> None:
    store, settings = both
    store.connection.execute("BEGIN")
    try:
        store.connection.execute("UPDATE marketing.campaigns SET budget = 0")
        store.connection.execute("UPDATE marketing.kpis SET value = 0")
        store.connection.execute("COMMIT")
        publish_day(store, settings, "journey", policy)
        assert asked(settings, "SELECT count(*) FROM marketing.campaigns WHERE budget = 0") == [(0,)]
        assert asked(settings, "SELECT count(DISTINCT value) > 1 FROM marketing.kpis") == [(True,)]
    finally:
        publish_day(store, settings, "marketing", policy)


def test_run_keeps_the_published_files_of_the_other_family(both: tuple[Store, Settings], policy: Policy) -> None:
    """Files of the other that this build never read, or that were read by a run that failed, are not the published."""
    store, settings = both
    published = asked(settings, "FROM audit.dataset_loads ORDER BY ALL")
    names = [dataset.name for dataset in store.datasets_by_family["marketing"]]
    kept = store.connection.execute("FROM raw.manifest").fetchall()
    store.connection.execute("DELETE FROM raw.manifest WHERE dataset = 'campaigns'")
    store.connection.execute("UPDATE raw.manifest SET file_sha256 = 'new' WHERE list_contains(?, dataset)", [names])
    try:
        publish_day(store, settings, "journey", policy)
        assert asked(settings, "FROM audit.dataset_loads ORDER BY ALL") == published
    finally:
        store.connection.execute("DELETE FROM raw.manifest")
        store.connection.executemany("INSERT INTO raw.manifest VALUES (?, ?, ?, ?, ?, ?)", kept)


def test_a_changed_earlier_day_makes_later_days_of_its_family_stale(
    both: tuple[Store, Settings], policy: Policy
) -> None:
    """Later days read since when a request of marketing is open, and the earlier decisions of the journey."""
    store, _ = both
    run: Any = SimpleNamespace(run_id="run of earlier days")
    store.connection.execute("BEGIN")
    try:
        for family, day in DAYS.items():
            record_run(store, run, INSTANCE, family, day - timedelta(days=1), policy, None)
        stale = store.rows("SELECT DISTINCT family FROM audit.runs WHERE is_stale")
        assert sorted(row["family"] for row in stale) == sorted(DAYS)
        assert all(hands_on(store, family) for family in DAYS)
    finally:
        store.connection.execute("ROLLBACK")


def test_a_day_of_each_family_can_be_replayed(both: tuple[Store, Settings]) -> None:
    _, settings = both
    for family, day in DAYS.items():
        with scratch(settings, family=family) as past:
            (verdict,) = replayed(past, [day])
            assert (verdict.state, verdict.reasons) == (IDENTICAL, ()), family


def test_a_changed_day_of_each_family_differs_from_its_replay(both: tuple[Store, Settings], tmp_path: Path) -> None:
    shutil.copytree(both[1].home, tmp_path / "home")
    settings = Settings(SAMPLE, None, tmp_path / "home")
    for name, day in DAYS.items():
        summary = FAMILY_OF[name].summary
        assert summary is not None
        with duckdb.connect(str(settings.published)) as connection:
            connection.execute(f"DELETE FROM {name}.{summary.table}")
        with scratch(settings, family=name) as past:
            (verdict,) = replayed(past, [day])
            assert verdict.state == DIFFERS
            assert [table.table for table in verdict.tables if not table.is_identical] == [f"{name}.{summary.table}"]


def test_each_family_adds_to_its_ledger_alone_and_a_failed_publish_to_none(
    both: tuple[Store, Settings], policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, settings = both
    tables = {"journey": "recommended_interventions", "marketing": "recommendations"}
    [decided] = asked(settings, f"SELECT {', '.join(f'(SELECT count(*) FROM {f}.{t})' for f, t in tables.items())}")
    added = dict(zip(tables, decided, strict=True))
    assert min(added.values()) > 0

    def run(family: str, number: int) -> dict[str, int]:
        store.families_of_run = (family,)
        stamp = Stamp(f"run {number}", policy.policy_hash, "code")
        heads = publish(store, settings.published, [DAYS[family]], stamp=stamp)
        return {name: head.entries for name, head in heads.items()}

    monkeypatch.setattr("cjo_assets.warehouse.publish.add_views", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run("marketing", 1)
    monkeypatch.undo()
    assert [ledger.entries for ledger in verify(settings).ledgers] == [0, 0, 0]
    assert run("marketing", 2) == {"journey": 0, "marketing": added["marketing"], "lifecycle": 0}
    assert run("journey", 3) == added | {"lifecycle": 0}
    assert run("marketing", 4) == added | {"lifecycle": 0}, "the same again adds nothing"
    verdict = verify(settings)
    assert [(ledger.days, ledger.found) for ledger in verdict.ledgers] == [(1, 0), (1, 0), (0, 0)]
    assert asked(settings, "SELECT DISTINCT run_id FROM audit.marketing_ledger") == [("run 2",)]


def test_days_are_kept_by_family(both: tuple[Store, Settings]) -> None:
    store, _ = both
    firsts = first_days_kept(store.connection, 10)
    assert firsts == {family: day - timedelta(days=9) for family, day in DAYS.items()} | {None: date(2025, 1, 11)}


def test_a_run_records_its_family() -> None:
    def run(**said: Any) -> Any:
        return SimpleNamespace(tags={}, asset_selection=None, **said) if not said else SimpleNamespace(**said)

    assert families_of_run(run(tags={FAMILY_TAG: "marketing"}, asset_selection=None)) == ("marketing",)
    assert families_of_run(run()) == ("journey", "marketing", "lifecycle")
    for family in DAYS:
        one = dg.AssetKey([family, "kpis"])
        assert families_of_run(run(tags={}, asset_selection={one, dg.AssetKey("published")})) == (family,)


def test_a_job_of_a_family_holds_nothing_of_another() -> None:
    for family in DAYS:
        others = {found.name for found in data_families()} - {family}
        keys = keys_of_day(family)
        assert not {key.path[0] for key in keys} & others
        own = {dataset.name for dataset in families_about(family)[0].datasets}
        assert {key.path[1] for key in keys if key.path[0] == "raw"} == own


def test_a_family_without_a_file_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CJO_DATA", str(SAMPLE / "marketing"))
    monkeypatch.setenv("CJO_HOME", str(tmp_path))
    monkeypatch.delenv("CJO_POLICY", raising=False)
    assert [found.family for found in supplied()] == ["marketing"]
    monkeypatch.setenv("CJO_DATA", str(SAMPLE))
    first = {found.family: found for found in supplied()}
    assert {family: found.last for family, found in first.items()} == DAYS | {"lifecycle": date(2025, 1, 20)}
    assert first["marketing"] == Supplied("marketing", None, DAYS["marketing"])
    # The first day is compared with the last of a run that is given.
    assert supplied("marketing", has_day=True, has_last_day=True) == [Supplied("marketing", date(2026, 3, 4), None)]


@pytest.mark.parametrize("family", DAYS)
def test_a_day_older_than_kept_ends_with_where_its_rows_are(family: str) -> None:
    """It is moved to files as it is published: the run was good, and nothing of the day is left to sum up."""
    console = Console(record=True, width=120)
    console.print(grid_of(FAMILY_OF[family], date(2025, 1, 16), lambda _: [], load_policy().labels))
    assert "history/<table>/2025-01-16.parquet" in console.export_text()


def test_the_error_of_a_broken_file_names_the_other_family(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "data"
    for family in DAYS:
        shutil.copytree(SAMPLE / family, data / family)
    (data / "marketing" / "campaigns.json").write_text("{{{")
    monkeypatch.setenv("CJO_DATA", str(data))
    monkeypatch.setenv("CJO_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("CJO_POLICY", raising=False)
    with pytest.raises(InputError, match="the family marketing; --family journey runs without it"):
        supplied()
    with pytest.raises(InputError, match="json") as alone:
        supplied("marketing")
    assert "--family" not in str(alone.value)
    assert supplied("journey")[0].last == DAYS["journey"]


def test_experiments_on_the_terminal_sum_to_their_number() -> None:
    """Each verdict in plain words, and the whole before its parts."""
    counts = {"scale_variant": 16, "stop": 7, "continue": 4, "inconclusive": 38, "invalid": 2}
    judged = ("exceeding_expectations", "meeting_expectations", "below_expectations", "too_early", "not_measurable")
    whole = dict.fromkeys(judged, 1) | {"total_campaigns": 5, "active_campaigns": 2}
    money = dict.fromkeys(("total_estimated_value", "total_cost", "total_net_roi"), 1.0)

    def rows(sql: str) -> list[dict[str, Any]]:
        if "experiment_evaluations" in sql:
            return [{"verdict": verdict, "experiments": number} for verdict, number in counts.items()]
        if "recommendations" in sql:
            return [{"steps": 1, "urgent": 0}]
        return [] if "kpi_status" in sql else [whole | money | {"value_evidence_grade": None}]

    console = Console(width=160, record=True)
    console.print(grid_of(FAMILY_OF["marketing"], date(2025, 1, 16), rows, load_policy().labels))
    said = "67: 16 to scale, 7 to stop, 4 still running, 38 without a clear result, 2 broken"
    assert sum(counts.values()) == 67
    assert said in console.export_text()
