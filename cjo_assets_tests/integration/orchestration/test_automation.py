"""Tests of automation: the schedule, the sensors, and the days that they request."""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from cjo_assets.catalog import data_families
from cjo_assets.core.days import contiguous
from cjo_assets.core.settings import Settings
from cjo_assets.core.table import RAW
from cjo_assets.definitions import defs
from cjo_assets.defs import health, schedules, sensors
from cjo_assets.ingest import changes
from cjo_assets.ingest.changes import Seen, looked
from cjo_assets.orchestration.alerts import AlertError
from cjo_assets.orchestration.automation import Automation, downstream_condition, freshness
from cjo_assets.orchestration.instance import instance_folder
from cjo_assets.orchestration.keys import COMMAND_TAG, reports_of
from cjo_assets.orchestration.partitions import PARTITION, RANGE_END, RANGE_START
from cjo_assets.policy import Policy
from cjo_assets.warehouse.publish import publish
from cjo_assets.warehouse.run_log import RUNS
from cjo_assets_tests.support.chain import SAMPLE, computed, read_rows, write_rows

PUBLISHED = [date(2025, 1, 16), date(2025, 1, 18), date(2025, 1, 20)]

JOURNEY = next(family for family in data_families() if family.name == "journey")


@pytest.fixture(scope="module")
def published_home(tmp_path_factory: pytest.TempPathFactory, policy: Policy) -> Path:
    """Return a home with the sample published, and three days recorded."""
    home = tmp_path_factory.mktemp("home")
    found = computed(SAMPLE, home / "inputs", PUBLISHED[-1:], policy)
    publish(found.store, home / "cjo.duckdb", PUBLISHED[-1:])
    found.store.connection.close()
    with duckdb.connect(str(home / "cjo.duckdb")) as published:
        for day in PUBLISHED:
            published.execute(
                f"INSERT INTO {RUNS} (run_id, family, as_of, is_published, errors, is_stale) "
                "VALUES ('test', 'journey', ?, TRUE, [], FALSE)",
                [day],
            )
    return home


@pytest.fixture
def places(published_home: Path, sample_copy: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Return a home in which three days of the sample are published, and files that may change."""
    found = Settings(data=sample_copy, policy=None, home=published_home)
    monkeypatch.setattr(changes, "REST_SECONDS", -1.0)
    monkeypatch.setenv("CJO_DATA", str(found.data))
    monkeypatch.setenv("CJO_HOME", str(found.home))
    return found


@pytest.fixture
def look(places: Settings, policy: Policy) -> Callable[[Seen | None], Seen]:
    """Return a function that examines the files."""
    return lambda seen: looked(JOURNEY, places, policy, seen)


def change(places: Settings, dataset: str, rows: list[dict[str, Any]]) -> None:
    """Write a dataset of the home's data."""
    write_rows(places.data / "journey", dataset, rows)


def rows_of(places: Settings, dataset: str) -> list[dict[str, Any]]:
    """Read a dataset of the home's data."""
    return read_rows(places.data / "journey", dataset)


def signal(day: str, **changes: Any) -> dict[str, Any]:
    """Return a signal of a day."""
    return read_rows(SAMPLE / "journey", "signals")[0] | {"signal_id": f"S-{day}", "detected_at": day} | changes


def test_published_files_request_no_run(look: Callable[[Seen | None], Seen], places: Settings) -> None:
    seen = look(None)
    assert seen.pending == []
    os.utime(places.data / "journey" / "signals.json", (0, 0))
    later = look(seen)
    assert later.signature != seen.signature, "another modification time: read again"
    assert later.pending == [], "the same bytes: nothing to do"
    change(places, "signals", list(reversed(rows_of(places, "signals"))))
    assert look(later).pending == [], "other bytes, the same rows"


@pytest.mark.parametrize(
    ("day", "asked"),
    [
        ("2025-01-17", [("2025-01-18", "2025-01-18"), ("2025-01-20", "2025-01-20")]),
        ("2025-01-20", [("2025-01-20", "2025-01-20")]),
        ("2025-01-23", [("2025-01-21", "2025-01-23")]),
        ("2024-06-01", [(day.isoformat(), day.isoformat()) for day in PUBLISHED]),
        ("2026-01-23", [("2026-01-23", "2026-01-23")]),
        ("no day", [("2025-01-20", "2025-01-20")]),
    ],
    ids=["late", "newest", "new days", "very late", "long gap", "undated"],
)
def test_a_new_row_requests_the_days_it_affects(
    look: Callable[[Seen | None], Seen], places: Settings, day: str, asked: list[tuple[str, str]]
) -> None:
    seen = look(None)
    change(places, "signals", [*rows_of(places, "signals"), signal(day)])
    later = look(seen)
    assert later.pending == asked
    assert later.reason == "new or changed: journey.signals"
    assert look(later.without_next()).pending == asked[1:], "requested once"


@pytest.mark.parametrize("rejected", [{"customer_id": "NOBODY"}, {"signal_strength": 7}], ids=["orphan", "too strong"])
def test_a_rejected_row_requests_no_later_day(
    look: Callable[[Seen | None], Seen], places: Settings, rejected: dict[str, Any]
) -> None:
    seen = look(None)
    change(places, "signals", [*rows_of(places, "signals"), signal("2025-08-20", **rejected)])
    assert look(seen).pending == [("2025-01-20", "2025-01-20")], "the last day, which puts the rejection on record"


def test_a_corrected_and_a_deleted_row_count_from_their_day(
    look: Callable[[Seen | None], Seen], places: Settings
) -> None:
    seen = look(None)
    rows = rows_of(places, "signals")
    late = max(rows, key=lambda row: row["detected_at"] <= "2025-01-18" and row["detected_at"])
    change(places, "signals", [row for row in rows if row != late])
    expected = [day for day in PUBLISHED if day.isoformat() >= late["detected_at"]]
    assert look(seen).pending == [(day.isoformat(), day.isoformat()) for day in expected]


def test_changed_customer_affects_only_the_newest_day(look: Callable[[Seen | None], Seen], places: Settings) -> None:
    seen = look(None)
    customers = rows_of(places, "customers")
    change(places, "customers", [customers[0] | {"account_value": 1}, *customers[1:]])
    seen = look(seen)
    assert seen.pending == [("2025-01-20", "2025-01-20")], "earlier days were decided on what the customer was"
    playbooks = rows_of(places, "playbooks")
    change(places, "playbooks", [playbooks[0] | {"avg_cost_estimate": 1}, *playbooks[1:]])
    seen = look(seen.without_next())
    assert seen.pending == [("2025-01-20", "2025-01-20")]
    change(places, "customers", [*customers, customers[0] | {"customer_id": "C999"}])
    seen = look(seen.without_next())
    orphan = next(row for row in rows_of(places, "signals") if row["customer_id"] == "C999")
    expected = [day for day in PUBLISHED if day.isoformat() >= orphan["detected_at"]]
    assert len(expected) > 1, "the signal S009 was there before its customer"
    assert seen.pending == [(day.isoformat(), day.isoformat()) for day in expected]


def test_an_unreadable_file_requests_one_run_that_reports_it(
    look: Callable[[Seen | None], Seen], places: Settings
) -> None:
    seen = look(None)
    (places.data / "journey" / "signals.json").write_text("[{", encoding="utf-8")
    later = look(seen)
    assert later.pending == [("2025-01-20", "2025-01-20")]
    assert look(later.without_next()).pending == []


def test_without_a_published_day_the_newest_is_run(tmp_path: Path, policy: Policy, places: Settings) -> None:
    empty = Settings(data=places.data, policy=None, home=tmp_path / "empty")
    empty.home.mkdir()
    assert looked(JOURNEY, empty, policy, None).pending == [("2025-01-20", "2025-01-20")]


def test_a_file_that_is_still_growing_waits(places: Settings, policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "REST_SECONDS", 3600.0)
    change(places, "signals", [signal("2025-01-17")])
    first = looked(JOURNEY, places, policy, None)
    assert first == Seen(unsettled=first.unsettled)
    change(places, "signals", [signal("2025-01-17"), signal("2025-01-18")])
    growing = looked(JOURNEY, places, policy, first)
    assert growing.pending == [], "another size than at the last look"
    assert looked(JOURNEY, places, policy, growing).pending, "the same at two looks"


def test_a_file_dated_in_the_future_is_read_at_the_second_look(
    places: Settings, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = looked(JOURNEY, places, policy, None)
    monkeypatch.setattr(changes, "REST_SECONDS", 3.0)
    tomorrow = time.time() + 86400
    for file in places.data.rglob("*.json"):
        os.utime(file, (0, 0))
    os.utime(places.data / "journey" / "playbooks.json", (tomorrow, tomorrow))
    change(places, "signals", [*rows_of(places, "signals"), signal("2025-01-20")])
    os.utime(places.data / "journey" / "signals.json", (0, 0))
    first = looked(JOURNEY, places, policy, seen)
    assert first.pending == []
    assert looked(JOURNEY, places, policy, Seen.read(first.written())).pending == [("2025-01-20", "2025-01-20")]


def test_the_sensor_requests_one_range_at_a_time(places: Settings) -> None:
    with dg.DagsterInstance.from_config(str(instance_folder(places.home))) as instance:

        def tick(cursor: str | None) -> Any:
            with dg.build_sensor_context(
                instance=instance, cursor=cursor, definitions=defs(), sensor_name="new_files_journey"
            ) as context:
                return sensors.new_files(JOURNEY).evaluate_tick(context)

        at_rest = tick(None)
        assert at_rest.skip_message == "No file is new or changed."
        change(places, "signals", [*rows_of(places, "signals"), signal("2025-01-17"), signal("2025-01-22")])
        first = tick(at_rest.cursor)
        (request,) = first.run_requests
        assert request.tags[PARTITION] == "2025-01-18"
        assert request.tags["cjo/reason"] == "new or changed: journey.signals"
        (request,) = tick(first.cursor).run_requests
        assert (request.tags[RANGE_START], request.tags[RANGE_END]) == ("2025-01-20", "2025-01-22")
        running = instance.create_run_for_job(
            nothing, tags={"cjo/asked_by": "new_files_journey"}, status=dg.DagsterRunStatus.STARTED
        )
        waiting = tick(first.cursor)
        assert "wait for the current run" in waiting.skip_message, "the days are run in their order"
        instance.report_run_failed(running)
        assert tick(waiting.cursor).run_requests


@dg.job
def nothing() -> None:
    """Do nothing."""


def test_days_in_ranges() -> None:
    assert contiguous([]) == []
    days = [date(2025, 1, day) for day in (3, 1, 2, 7, 9, 8, 8)]
    assert contiguous(days) == [(date(2025, 1, 1), date(2025, 1, 3)), (date(2025, 1, 7), date(2025, 1, 9))]


@pytest.mark.parametrize(("hour", "day"), [(6, "2025-03-01"), (0, "2025-03-01")])
def test_the_schedule_requests_the_last_complete_day(hour: int, day: str) -> None:
    context = dg.build_schedule_context(scheduled_execution_time=datetime(2025, 3, 2, hour, tzinfo=UTC))
    request = schedules.every_day(JOURNEY)(context)
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == day


def test_the_schedule_is_off_unless_it_is_switched_on(monkeypatch: pytest.MonkeyPatch) -> None:
    assert schedules.every_day(JOURNEY).default_status is dg.DefaultScheduleStatus.STOPPED
    assert sensors.new_files(JOURNEY).default_status is dg.DefaultSensorStatus.STOPPED
    assert health.dead_runs.default_status is dg.DefaultSensorStatus.RUNNING
    monkeypatch.setenv("CJO_AUTOMATION", "schedule")
    monkeypatch.setenv("CJO_SCHEDULE_DAY", "today")
    found = Automation.from_environment()
    assert (found.schedule_status.value, found.days_back, found.cron) == ("RUNNING", 0, "0 6 * * *")
    monkeypatch.setenv("CJO_AUTOMATION", "sometimes")
    with pytest.raises(ValueError, match="Invalid CJO_AUTOMATION=sometimes"):
        Automation.from_environment()


def test_the_policy_sets_the_freshness_of_data_and_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = {spec.key for spec in defs().resolve_all_asset_specs() if spec.freshness_policy is not None}
    files = {dg.AssetKey([RAW, dataset.name]) for family in data_families() for dataset in family.datasets}
    reports = {key for family in data_families() for key in reports_of(family)}
    assert watched == files | reports
    (tmp_path / "policy.yaml").write_text("warehouse: {freshness_hours: 2.0}")
    monkeypatch.setenv("CJO_POLICY", str(tmp_path / "policy.yaml"))
    assert freshness() == dg.FreshnessPolicy.time_window(timedelta(hours=4), timedelta(hours=2))


def test_the_policy_determines_whether_a_long_gap_is_filled(places: Settings, policy: Policy) -> None:
    patient = policy.model_copy(update={"warehouse": policy.warehouse.model_copy(update={"catch_up_days": 1000})})
    change(places, "signals", [*rows_of(places, "signals"), signal("2025-06-01")])
    assert looked(JOURNEY, places, policy, None).pending == [("2025-06-01", "2025-06-01")]
    assert looked(JOURNEY, places, patient, None).pending == [("2025-01-21", "2025-06-01")]


def test_automation_follows_and_blocked_check_stops_dependants(
    monkeypatch: pytest.MonkeyPatch, instance: dg.DagsterInstance
) -> None:
    assert downstream_condition() is None
    monkeypatch.setenv("CJO_AUTOMATION", "declarative")
    condition = downstream_condition()

    @dg.asset(check_specs=[dg.AssetCheckSpec("whole", asset=name, blocking=True) for name in ["good"]])
    def good() -> dg.MaterializeResult:
        return dg.MaterializeResult(check_results=[dg.AssetCheckResult(passed=True, check_name="whole")])

    @dg.asset(check_specs=[dg.AssetCheckSpec("whole", asset="bad", blocking=True)])
    def bad() -> dg.MaterializeResult:
        return dg.MaterializeResult(check_results=[dg.AssetCheckResult(passed=False, check_name="whole")])

    @dg.asset(deps=[good], automation_condition=condition)
    def after_good() -> None:
        """Follow."""

    @dg.asset(deps=[bad], automation_condition=condition)
    def after_bad() -> None:
        """Do not follow."""

    @dg.asset(deps=[after_good], automation_condition=condition)
    def further() -> None:
        """Follow in the same run."""

    assets = dg.Definitions(assets=[good, bad, after_good, after_bad, further])
    before = dg.evaluate_automation_conditions(assets, instance)
    dg.materialize([good, bad], instance=instance, raise_on_error=False)
    result = dg.evaluate_automation_conditions(assets, instance, cursor=before.cursor)
    asked = {
        key.to_user_string(): result.get_num_requested(key) for key in (after_good.key, after_bad.key, further.key)
    }
    assert asked == {"after_good": 1, "after_bad": 0, "further": 1}


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """Return an instance on the storage that `dagster.yaml` configures."""
    with dg.DagsterInstance.from_config(str(instance_folder(tmp_path / "home"))) as found:
        yield found


@pytest.fixture
def webhook(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """Return a webhook that records the requests to it."""
    received: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status = 500 if received == [{}] else 200
            received.append(body)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Suppress the log."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("CJO_WEBHOOK_URL", f"http://127.0.0.1:{server.server_port}/hook")
        yield received
        server.shutdown()


@dg.asset
def odd() -> None:
    """Return an asset whose check finds something."""


@dg.asset_check(asset=odd)
def finds() -> dg.AssetCheckResult:
    """Find something."""
    return dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.WARN)


@dg.asset
def failing() -> None:
    """Return an asset that fails."""
    raise dg.Failure("the file signals.json cannot be read", allow_retries=False)


Tick = Callable[[dg.SensorDefinition, str | None], dg.SensorEvaluationContext]


@pytest.fixture
def tick(instance: dg.DagsterInstance) -> Tick:
    """Return a function that evaluates a sensor with a cursor, and returns the context with the next cursor."""

    def evaluate(sensor: dg.SensorDefinition, cursor: str | None) -> dg.SensorEvaluationContext:
        context = dg.build_sensor_context(instance=instance, cursor=cursor, definitions=defs(), sensor_name=sensor.name)
        sensor.evaluate_tick(context)
        return context

    return evaluate


def test_failed_checks_are_reported_once_per_run(
    webhook: list[dict[str, Any]], instance: dg.DagsterInstance, tick: Tick
) -> None:
    dg.materialize([odd, finds], instance=instance)
    first = tick(health.failed_checks, None)
    assert webhook == [], "runs that finished before the sensor was switched on are not reported"
    runs = [dg.materialize([odd, finds], instance=instance) for _ in range(2)]
    second = tick(health.failed_checks, first.cursor)
    third = tick(health.failed_checks, second.cursor)
    assert webhook == [
        {
            "kind": "check_failure",
            "run_id": run.run_id,
            "checks": ["WARN odd finds"],
            "text": f"Run {run.run_id}: 1 checks failed: WARN odd finds",
        }
        for run in runs
    ]
    later = dg.materialize([odd, finds], instance=instance)
    tick(health.failed_checks, third.cursor)
    assert [alert["run_id"] for alert in webhook] == [run.run_id for run in (*runs, later)]


@pytest.mark.usefixtures("places")
def test_every_sensor_ticks_three_times_on_the_shipped_storage(
    instance: dg.DagsterInstance, tick: Tick, webhook: list[dict[str, Any]]
) -> None:
    evaluated = [
        sensor for sensor in defs().sensors or [] if not isinstance(sensor, dg.AutomationConditionSensorDefinition)
    ]
    names = {sensor.name for sensor in evaluated}
    assert {"dead_runs", "failed_runs", "failed_checks", "new_files_journey", "approval_decisions_sensor"} <= names
    cursors: dict[str, str | None] = dict.fromkeys(names)
    for _ in range(3):
        for sensor in evaluated:
            cursors[sensor.name] = tick(sensor, cursors[sensor.name]).cursor
        dg.materialize([odd, finds], instance=instance)
    assert [alert["kind"] for alert in webhook] == ["check_failure"] * 2


def test_a_failed_run_is_reported_with_its_reason(
    webhook: list[dict[str, Any]], instance: dg.DagsterInstance, tick: Tick
) -> None:
    first = tick(health.failed_runs, None)
    dg.materialize([failing], instance=instance, raise_on_error=False, tags={COMMAND_TAG: "cjo run"})
    launched = dg.materialize([failing], instance=instance, raise_on_error=False, tags={PARTITION: "2025-01-20"})
    second = tick(health.failed_runs, first.cursor)
    tick(health.failed_runs, second.cursor)
    (alert,) = webhook
    assert (alert["run_id"], alert["days"]) == (launched.run_id, ["2025-01-20"])
    assert "the file signals.json cannot be read" in alert["text"]


def test_a_run_that_failed_outside_a_step_is_reported(
    webhook: list[dict[str, Any]], instance: dg.DagsterInstance, tick: Tick
) -> None:
    first = tick(health.failed_runs, None)
    run = instance.create_run_for_job(nothing, status=dg.DagsterRunStatus.STARTED)
    instance.report_run_failed(run, "The process of this run has ended.")
    tick(health.failed_runs, first.cursor)
    assert webhook[0]["reasons"] == ["The process of this run has ended."]


def test_an_alert_that_was_not_delivered_is_sent_again(
    webhook: list[dict[str, Any]], instance: dg.DagsterInstance, tick: Tick
) -> None:
    first = tick(health.failed_checks, None)
    webhook.append({})
    run = dg.materialize([odd, finds], instance=instance)
    context = dg.build_sensor_context(instance=instance, cursor=first.cursor)
    with pytest.raises(AlertError, match="500"):
        health.failed_checks(context)
    assert context.cursor == first.cursor
    tick(health.failed_checks, context.cursor)
    assert [alert.get("run_id") for alert in webhook] == [None, run.run_id, run.run_id]
