"""Tests of recording approval answers: accepted answers, refusals, and concurrent approvers."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
from typer.testing import CliRunner

from cjo_assets.approvals.decide import Answer, newest_day, record_answer, waiting_requests
from cjo_assets.catalog import families_about
from cjo_assets.cli.app import app
from cjo_assets.core.errors import RefusalError, WarehouseError
from cjo_assets.core.settings import Settings
from cjo_assets.defs.approvals import DESCRIPTION, approval_job, record_approval_decision
from cjo_assets.defs.sensors import approval_decisions_sensor
from cjo_assets.engine.ddl import columns_in_sql
from cjo_assets.engine.store import Store
from cjo_assets.families.journey.inputs.approval_decisions import DATASET, RECORDS
from cjo_assets.ingest.loading import load_dataset
from cjo_assets.ingest.records import append, locked, records_in
from cjo_assets.orchestration.partitions import PARTITION
from cjo_assets_tests.support.rows import DAY, POLICY, Row, default_row, instant

BIN = Path(sys.executable).parent
IN_TIME = "2025-01-20T15:00:00Z"
# Requested at the end of D, with two days to answer.
TIMES = {"requested_at": instant("2025-01-21T00:00:00"), "expires_at": instant("2025-01-23T00:00:00")}
REQUESTS: dict[str, Row] = {
    "one": {"decision_hash": "h", "expected_cost": 180.0, "triggered_by_signals": ["S1"], "approval_role": "csm"},
    "two": {"needs_two_people": True, "expires_at": instant("2025-01-22T00:00:00")},
    "two, one approved": {"needs_two_people": True},
    "manager": {"approval_role": "manager", "entitled_approvers": ["eva", "mia"]},
    "own": {"requested_by": "ann"},
    "gone": {"status": "stale", "stale_reason": "changed on 2025-01-20: expected_cost"},
    "lapsed": {"status": "expired"},
    "done": {"status": "approved", "decided_by": "mia", "decided_at": instant("2025-01-20T10:00:00")},
    "answered tomorrow": {},
}
HISTORY: list[Row] = [
    {"intervention_id": "two, one approved", "decided_by": "ann", "decision": "approved", "is_effective": True},
    {"intervention_id": "answered tomorrow", "decided_by": "ann", "decision": "rejected", "is_effective": False}
    | {"why_ineffective": "given after the latest day"},
    {"intervention_id": "one", "decided_by": "zoe", "decision": "approved", "is_effective": False}
    | {"why_ineffective": "given by somebody not entitled"},
]


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a published database with these requests."""
    path = tmp_path_factory.mktemp("published") / "cjo.duckdb"
    rows: dict[str, list[Row]] = {
        "approval_requests": [
            {"intervention_id": name, "status": "pending"} | TIMES | cells for name, cells in REQUESTS.items()
        ],
        "approval_history": HISTORY,
        "outcome_analyses": [{"as_of": DAY, "intervention_id": "free"}],
        "journey_summary": [{"as_of": DAY}],
    }
    tables = {
        table.name: table
        for family in families_about("journey")
        for table in family.tables
        if table.schema == "journey"
    }
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE SCHEMA journey")
        for name, content in rows.items():
            connection.execute(f"CREATE TABLE journey.{name} ({columns_in_sql(tables[name])})")
            for number, cells in enumerate(content, start=1):
                row = default_row(tables[name].contract, number) | cells
                marks = ", ".join("?" for _ in row)
                columns = ", ".join(f'"{column}"' for column in row)
                connection.execute(f"INSERT INTO journey.{name} ({columns}) VALUES ({marks})", list(row.values()))
        waiting = "SELECT * FROM journey.approval_requests WHERE status = 'pending'"
        connection.execute(f"CREATE VIEW journey.pending_approvals AS {waiting}")
    return path


@pytest.fixture
def settings(published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Return a home with that database and no records."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "cjo.duckdb").symlink_to(published)
    monkeypatch.setenv("CJO_HOME", str(home))
    monkeypatch.delenv("CJO_POLICY", raising=False)
    return Settings(data=tmp_path, policy=None, home=home)


@pytest.fixture
def say(settings: Settings) -> Callable[..., Row]:
    """Return a function that records an answer."""

    def record(name: str, by: str = "ann", decision: str = "approved", at: str | None = IN_TIME, **more: Any) -> Row:
        return record_answer(settings, POLICY, Answer(name, decision, by, at=at, **more))

    return record


def recorded(settings: Settings) -> list[Row]:
    """Return the recorded answers."""
    return records_in(settings.home / RECORDS)


def test_an_answer_is_recorded_with_the_hash_of_its_request(settings: Settings, say: Callable[..., Row]) -> None:
    say("one", reason="worth it")
    say("manager", "mia", "rejected", category="too_expensive", reason="not now", at="2025-01-21T09:00:00+01:00")
    assert recorded(settings) == [
        {"intervention_id": "one", "decision": "approved", "decided_at": "2025-01-20T15:00:00Z", "decided_by": "ann"}
        | {"category": None, "reason": "worth it", "decision_hash": "h"},
        {"intervention_id": "manager", "decision": "rejected", "decided_at": "2025-01-21T08:00:00Z"}
        | {"decided_by": "mia", "category": "too_expensive", "reason": "not now", "decision_hash": None},
    ]


REFUSED: dict[str, tuple[Row, str]] = {
    "unknown": ({"name": "I404"}, "Unknown intervention I404"),
    "free": ({"name": "free"}, "requires no approval"),
    "approved already": ({"name": "done"}, "was approved already, by mia"),
    "rejected tomorrow": ({"name": "answered tomorrow", "by": "bob"}, "was rejected already, by ann"),
    "stale": ({"name": "gone"}, "is stale: changed on 2025-01-20: expected_cost"),
    # The answer is in time by its own date: a file may bring it as a record of another system, but the command may not.
    "lapsed": ({"name": "lapsed", "at": IN_TIME}, "expired at 2025-01-23"),
    "after the deadline": (
        {"name": "one", "at": "2025-01-23T00:00:01Z"},
        "Specify --at if the decision was made earlier",
    ),
    "now, long after": ({"name": "one", "at": None}, "Specify --at if the decision was made earlier"),
    "before the request": (
        {"name": "one", "at": "2025-01-19T23:59:59Z"},
        "The request for one did not exist before 2025-01-20",
    ),
    "in the future": ({"name": "one", "at": "2999-01-01"}, "is in the future"),
    "no instant": ({"name": "one", "at": "yesterday"}, "is not a time of the form"),
    "not entitled": (
        {"name": "manager", "by": "ann"},
        "ann is not entitled to approve manager as manager. Approvers: eva, mia",
    ),
    "own request": ({"name": "own"}, "ann requested own and cannot approve it"),
    "second approval": ({"name": "two, one approved"}, "a second person must approve"),
    "no category": ({"name": "one", "decision": "rejected"}, "Choose one of: wrong_customer, bad_timing"),
    "unknown category": ({"name": "one", "decision": "rejected", "category": "mood"}, "Unknown category 'mood'"),
    "category of an approval": ({"name": "one", "category": "other"}, "Only a rejection may have a category"),
    "neither": ({"name": "one", "decision": "maybe"}, "Invalid decision 'maybe'. Choose one of: approved, rejected"),
    "nobody": ({"name": "one", "by": " "}, "is not the name of a person"),
    "null word": ({"name": "one", "by": "N/A"}, "'N/A' is not the name of a person"),
    "nothing visible": ({"name": "one", "by": "\u200b"}, "is not the name of a person"),
    "own request, respelled": ({"name": "own", "by": "A\u00adNN"}, "requested own and cannot approve it"),
    "second approval, respelled": (
        {"name": "two, one approved", "by": "ANN"},
        "has approved two, one approved already as ann",
    ),
    "not a known name": ({"name": "manager", "by": "e\u00adv.a"}, "is not entitled to approve manager as manager"),
    "control": ({"name": "one", "by": "a\x1b[31m"}, "contains control characters"),
    "half a character": ({"name": "one", "reason": "\udcff"}, "contains control characters"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_an_invalid_answer_is_refused_and_not_recorded(case: str, settings: Settings, say: Callable[..., Row]) -> None:
    said, words = REFUSED[case]
    with pytest.raises(RefusalError) as refused:
        say(**said)
    assert words in str(refused.value)
    assert recorded(settings) == []


def test_the_same_command_twice_is_recorded_once(settings: Settings, say: Callable[..., Row]) -> None:
    say("one")
    for by in ("ann", "bob"):
        with pytest.raises(RefusalError, match="was approved already, by ann"):
            say("one", by)
    assert len(recorded(settings)) == 1


def test_two_different_people_approve_and_one_refuses(settings: Settings, say: Callable[..., Row]) -> None:
    say("two")
    with pytest.raises(RefusalError, match="ann has approved two already"):
        say("two", at="2025-01-20T16:00:00Z")
    say("two", "bob", at="2025-01-20T16:00:00Z")
    with pytest.raises(RefusalError, match="was approved already, by bob"):
        say("two", "zoe", "rejected", category="other")
    # The requester may withdraw, and one rejection is enough.
    say("own", "ann", "rejected", category="other")
    with pytest.raises(RefusalError, match="was rejected already"):
        say("own", "bob")
    assert len(recorded(settings)) == 3


@pytest.mark.parametrize("spelling", ["Ann", "ann\u200b", "a\u00adnn", "\uff41nn", "ANN"])
def test_a_second_spelling_is_refused_and_a_second_person_is_not(
    spelling: str, settings: Settings, say: Callable[..., Row]
) -> None:
    say("two")
    with pytest.raises(RefusalError, match="has approved two already as ann; a second person must approve"):
        say("two", spelling, at="2025-01-20T15:05:00Z")
    waiting = {row["intervention_id"]: row["approved_by"] for row in waiting_requests(settings, POLICY)}
    assert waiting["two"] == ["ann"]
    say("two", "kim.ito", at="2025-01-20T15:10:00Z")
    assert "two" not in {row["intervention_id"] for row in waiting_requests(settings, POLICY)}
    assert [record["decided_by"] for record in recorded(settings)] == ["ann", "kim.ito"]


@pytest.mark.parametrize("spelling", ["Lee.Park", "N/A"])
def test_a_recorded_answer_without_effect_blocks_no_other_answer(
    spelling: str, settings: Settings, say: Callable[..., Row]
) -> None:
    """An earlier version recorded such an answer; the real second person may still approve, or reject."""
    said = {"intervention_id": "two", "decision": "approved", "decided_at": "2025-01-20T15:00:00Z"}
    with locked(settings.home / RECORDS) as path:
        append(path, said | {"decided_by": "lee.park"})
        append(path, said | {"decided_by": spelling, "decided_at": "2025-01-20T15:05:00Z"})
    waiting = {row["intervention_id"]: row["approved_by"] for row in waiting_requests(settings, POLICY)}
    assert waiting["two"] == ["lee.park"]
    say("two", "kim.ito", at="2025-01-20T15:10:00Z")
    with pytest.raises(RefusalError, match=r"was approved already, by kim\.ito"):
        say("two", "zoe", "rejected", category="other", at="2025-01-20T15:15:00Z")


def test_an_approver_of_the_policy_may_answer_in_any_spelling(settings: Settings, say: Callable[..., Row]) -> None:
    say("manager", "EVA")
    assert [record["decided_by"] for record in recorded(settings)] == ["EVA"]


def test_pending_requests_are_those_without_a_complete_answer(settings: Settings, say: Callable[..., Row]) -> None:
    say("one")
    say("two")
    waiting = {row["intervention_id"]: row["approved_by"] for row in waiting_requests(settings, POLICY)}
    # The first to lapse comes first.
    assert list(waiting) == ["two", "manager", "own", "two, one approved"]
    assert (waiting["two"], waiting["two, one approved"], waiting["manager"]) == (["ann"], ["ann"], [])


def test_two_at_once_are_one(settings: Settings) -> None:
    """Two processes approve the same request as different people: one is recorded, the other is refused."""
    command = [str(BIN / "cjo"), "approve", "one", "--at", IN_TIME, "--home", str(settings.home), "--by"]
    both = [
        subprocess.Popen([*command, by], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for by in ("ann", "bob")
    ]
    said = [process.communicate(timeout=60) for process in both]
    assert sorted(process.returncode for process in both) == [0, 1]
    assert "was approved already" in " ".join(" ".join(err for _, err in said).split())
    assert len(recorded(settings)) == 1


def test_the_commands(settings: Settings) -> None:
    run = CliRunner().invoke
    listed = json.loads(run(app, ["pending", "--json"]).output)
    assert listed[0]["intervention_id"] == "two"
    assert listed[0]["expires_at"] == "2025-01-22T00:00:00Z"
    shown = run(app, ["pending"], env={"COLUMNS": "200"}).output
    for text in ("two people, any role, approved by ann", "180.00", "signals S1", "2025-01-22 00:00"):
        assert text in shown
    rejected = run(app, ["reject", "one", "--by", "ann", "--reason", "bad_timing", "--note", "later", "--at", IN_TIME])
    assert (rejected.exit_code, "one is rejected by ann" in rejected.output) == (0, True)
    approved = run(app, ["approve", "own", "--by", "bob", "--at", IN_TIME], env={"COLUMNS": "200"}).output
    assert "own is approved, taken as carried out, by bob" in " ".join(approved.split())
    assert "cjo run --as-of 2025-01-20" in approved
    assert (recorded(settings)[0]["category"], recorded(settings)[0]["reason"]) == ("bad_timing", "later")
    for arguments, words in (
        (["approve", "one", "--by", "bob", "--at", IN_TIME], "was rejected already, by ann"),
        (["reject", "two", "--by", "ann", "--reason", "mood", "--at", IN_TIME], "Unknown category"),
        (["approve", "two", "--by", "ann ", "--at", IN_TIME], "begins or ends with a space"),
        (["approve", "two", "--by", "NAME", "--at", IN_TIME], "NAME is the placeholder of the documentation"),
        (["reject", "two", "--by", "ann"], "--reason"),
        (["pending", "--home", str(settings.data / "nowhere")], "cannot be used"),
    ):
        refused = run(app, arguments)
        assert refused.exit_code != 0
        assert words in " ".join(refused.output.split())
        assert "Traceback" not in refused.output
    assert len(recorded(settings)) == 2


def test_without_a_published_database_there_is_nothing_to_answer(tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match="No published database"):
        waiting_requests(Settings(tmp_path, None, tmp_path), POLICY)


def test_a_database_that_is_none_is_named(settings: Settings) -> None:
    settings.published.unlink()
    settings.published.write_text("no database")
    with pytest.raises(WarehouseError, match="cannot be opened"):
        waiting_requests(settings, POLICY)
    settings.published.unlink()
    duckdb.connect(str(settings.published)).close()
    with pytest.raises(WarehouseError, match="another version"):
        waiting_requests(settings, POLICY)


def test_the_job_records_with_the_same_fields(settings: Settings) -> None:
    said = {"intervention_id": "one", "decision": "rejected", "by": "ann", "category": "other", "at": IN_TIME}
    config = {"ops": {"record_decision": {"config": said}}}
    assert record_approval_decision.execute_in_process(run_config=config).success
    assert recorded(settings)[0]["decided_by"] == "ann"
    with pytest.raises(dg.Failure, match="was rejected already"):
        record_approval_decision.execute_in_process(run_config=config)
    assert len(recorded(settings)) == 1


def test_the_job_opens_with_an_example_and_the_pending_requests(settings: Settings) -> None:
    job = approval_job(waiting_requests(settings, POLICY))
    assert job.description
    assert "- `two` " in job.description
    assert approval_job([]).description == DESCRIPTION
    example = job.run_config
    assert example
    assert example["ops"]["record_decision"]["config"]["intervention_id"] == "two"
    with pytest.raises(dg.Failure, match="NAME is the placeholder"):
        job.execute_in_process(run_config=example)


def looked(cursor: str | None) -> Any:
    """Return the result of the sensor for a cursor."""
    return approval_decisions_sensor(dg.build_sensor_context(cursor=cursor))


def test_the_sensor_requests_one_run_per_change(say: Callable[..., Row]) -> None:
    assert isinstance(looked(None), dg.SkipReason)
    say("one")
    first = looked(None)
    assert [request.tags[PARTITION] for request in first.run_requests] == [DAY.isoformat()]
    assert first.run_requests[0].run_key == first.cursor
    assert isinstance(looked(first.cursor), dg.SkipReason)
    # An answer of a later day runs no day that was never published; it counts from the run of that day on.
    say("manager", "mia", at="2025-01-22T09:00:00Z")
    second = looked(first.cursor)
    assert [request.tags[PARTITION] for request in second.run_requests] == [DAY.isoformat()]
    assert second.cursor != first.cursor


def test_the_sensor_waits_for_a_first_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CJO_HOME", str(tmp_path))
    with locked(tmp_path / RECORDS) as path:
        append(path, {"intervention_id": "one", "decided_at": IN_TIME})
    assert isinstance(looked(None), dg.SkipReason)
    assert newest_day(Settings.from_environment()) is None


def test_records_are_loaded_with_the_file_and_validated_alike(settings: Settings, say: Callable[..., Row]) -> None:
    """Both are in raw.approval_decisions with their source; a truncated line is not read."""
    file = settings.data / "approval_decisions.json"
    row = {"intervention_id": "one", "decision": "approved", "decided_at": IN_TIME, "decided_by": "ann", "reason": None}
    file.write_text(json.dumps([row]), encoding="utf-8")
    say("one")
    say("two")
    with (settings.home / RECORDS).open("ab") as records:
        records.write(b'{"torn')
    store = Store(duckdb.connect(), families_about("journey"))

    def load() -> Any:
        return load_dataset(store.connection, DATASET, settings.data, "journey", settings.inputs, settings.home)

    loaded = load()
    assert (loaded.rows, loaded.source_file, loaded.is_unchanged) == (3, f"approval_decisions.json, {RECORDS}", False)
    assert loaded.note is None
    assert load().is_unchanged
    for table in ("quarantine", "journey"):
        store.replace(store.tables[table, "approval_decisions"], None, POLICY)
    found = store.connection.execute(
        "SELECT source_file, source_row, broken_rules FROM quarantine.approval_decisions ORDER BY ALL"
    ).fetchall()
    unknown = "intervention_id: unknown intervention"
    assert [(name, number) for name, number, _ in found] == [
        ("approval_decisions.json", 1),
        (RECORDS, 1),
        (RECORDS, 2),
    ]
    assert all(unknown in rules for _, _, rules in found)
    archived = {path.name for path in settings.inputs.iterdir()}
    assert archived == set(str(loaded.file_sha256).split(", "))
    file.unlink()
    assert (load().rows, load().source_file) == (2, RECORDS)
