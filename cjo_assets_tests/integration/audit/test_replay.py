"""Tests of replay: unchanged days are identical, and changed rows, policies or files are named."""

import json
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from cjo_assets.audit.replay.differences import (
    DIFFERS,
    IDENTICAL,
    IMPOSSIBLE,
    Circumstances,
    DayVerdict,
    TableVerdict,
    reasons_of,
    worst,
)
from cjo_assets.audit.replay.replay import comparable, judged_day, replayed
from cjo_assets.audit.replay.scratch import Scratch, scratch
from cjo_assets.cli.app import app
from cjo_assets.core.errors import PastError, TamperedError
from cjo_assets.core.settings import Settings
from cjo_assets.engine.fingerprints import fingerprint
from cjo_assets.ingest.tombstones import empty_rows
from cjo_assets.policy import hash_of_content
from cjo_assets.warehouse.run_records import PUBLISHED
from cjo_assets_tests.support.catalog import PAST_STATEMENTS
from cjo_assets_tests.support.rows import day
from cjo_assets_tests.support.warehouse import APPROVAL, TOUR_DAYS, Home

FIRST, SECOND, THIRD = TOUR_DAYS


@pytest.fixture(scope="module")
def past(tour_home: Home) -> Iterator[Scratch]:
    """Return a scratch database beside the tour."""
    with scratch(tour_home.settings, statements=PAST_STATEMENTS) as opened:
        yield opened


@pytest.fixture(scope="module")
def verdict(past: Scratch) -> DayVerdict:
    """Return the third day, replayed: the approval is known, and two earlier days are read."""
    return next(replayed(past, [THIRD]))


@pytest.fixture
def tampered(
    past: Scratch, verdict: DayVerdict, tour_home: Home, tmp_path: Path
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Return the published database, open for changes that `look_at` then compares."""
    assert verdict
    path = tmp_path / "tampered.duckdb"
    shutil.copyfile(tour_home.settings.published, path)
    connection = duckdb.connect(str(path))
    yield connection
    connection.close()
    attach(past, tour_home.settings.published)


def attach(past: Scratch, path: Path) -> None:
    """Let the scratch database see another published one."""
    past.connection.execute(f"DETACH {PUBLISHED}")
    past.connection.execute(f"ATTACH '{path}' AS {PUBLISHED} (READ_ONLY)")


def look_at(past: Scratch, connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Close the changed database and compare it."""
    connection.close()
    attach(past, path / "tampered.duckdb")


def test_every_table_is_identical(past: Scratch, verdict: DayVerdict, tour_home: Home) -> None:
    assert (verdict.as_of, verdict.state, verdict.reasons) == (THIRD, IDENTICAL, ())
    compared = {table.table for table in verdict.tables}
    dated = {table.full_name for table in tour_home.store.tables.values() if table.is_dated and not table.is_view}
    assert compared > dated, "the tables of a day, all of them"
    undated = {"journey.signals", "quarantine.signals", "journey.approval_requests", "audit.dataset_loads"}
    assert undated <= compared - dated, "of the newest run what has no day, too"
    assert {table.full_name for table in comparable(past, past.records.of(SECOND))} == dated
    rows = {table.table: table.rows for table in verdict.tables}
    assert (rows["journey.customers"], rows["journey.recommended_interventions"]) == (12, 7)


def test_what_a_run_knew_is_on_record(past: Scratch, tour_home: Home) -> None:
    """The answer given on the 7th was not there on the 6th, and is in the archive since."""
    read = [{file.source_file for file in past.records.of(on).inputs} for on in TOUR_DAYS]
    assert ["approvals.ndjson" in files for files in read] == [False, True, True]
    answers = next(file for file in past.records.of(SECOND).inputs if file.source_file == "approvals.ndjson")
    assert answers.file_sha256 is not None
    archived = (tour_home.settings.inputs / answers.file_sha256).read_text(encoding="utf-8")
    assert json.loads(archived) == APPROVAL


def test_a_changed_row_is_named_with_its_column(
    past: Scratch, tampered: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    tampered.execute(
        "UPDATE journey.risk_scores SET overall_risk_score = 0.1 WHERE as_of = ? AND customer_id = 'C001'", [THIRD]
    )
    tampered.execute("DELETE FROM journey.kpis WHERE as_of = ? AND kpi = 'human_override_rate'", [THIRD])
    tampered.execute("UPDATE journey.signals SET signal_strength = 0.1 WHERE signal_id = 'S001'")
    tampered.execute("DELETE FROM journey.risk_scores WHERE as_of = ?", [SECOND])
    # No file gives back the words of a language model: their hash is on record.
    tampered.execute("INSERT INTO journey.phrased_texts BY NAME SELECT ? AS as_of, 'Well done.' AS text", [THIRD])
    look_at(past, tampered, tmp_path)
    verdict = judged_day(past, past.records.of(THIRD))
    assert verdict.state == DIFFERS
    found = {table.table: table for table in verdict.tables if not table.is_identical}
    assert found.keys() == {"journey.risk_scores", "journey.kpis", "journey.signals", "journey.phrased_texts"}
    score = found["journey.risk_scores"].examples
    assert [(row.key, row.kind, list(row.columns)) for row in score] == [
        ({"customer_id": "C001"}, "changed", ["overall_risk_score"])
    ]
    assert score[0].columns["overall_risk_score"][0] == "0.1"
    kpis = found["journey.kpis"]
    assert (kpis.differing, kpis.rows - kpis.published_rows, kpis.examples[0].kind) == (1, 1, "only replayed")
    assert found["journey.signals"].examples[0].key == {"signal_id": "S001"}
    assert "journey.risk_scores was changed after run run 3 wrote it" in verdict.reasons
    assert "journey.phrased_texts was changed after run run 3 wrote it" in verdict.reasons
    assert "journey.kpis was changed after run run 3 wrote it" in verdict.reasons
    assert any("journey.signals was changed after it was written" in reason for reason in verdict.reasons)


def test_tampered_earlier_day_is_named_by_a_later_one(
    past: Scratch, tampered: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """A change of a table and of its recorded hash is detected by recomputation."""
    tampered.execute("UPDATE journey.risk_scores SET overall_risk_score = 0.1 WHERE as_of = ?", [THIRD])
    tampered.execute("UPDATE journey.recommended_interventions SET expected_cost = 1 WHERE as_of = ?", [SECOND])
    hashes = past.records.of(THIRD).table_hashes
    scores = past.tables["journey", "risk_scores"]
    look_at(past, tampered, tmp_path)
    hashes["journey.risk_scores"] = fingerprint(past, scores, THIRD, source=past.published_rows(scores, THIRD)).content
    past.connection.execute(f"DETACH {PUBLISHED}")
    with duckdb.connect(str(tmp_path / "tampered.duckdb")) as again:
        again.execute("UPDATE audit.runs SET table_hashes = ? WHERE as_of = ?", [json.dumps(hashes), THIRD])
    past.connection.execute(f"ATTACH '{tmp_path / 'tampered.duckdb'}' AS {PUBLISHED} (READ_ONLY)")
    verdict = judged_day(past, past.records.of(THIRD))
    assert verdict.reasons == ("the published rows of 2025-01-13, which the day reads, were changed after their run",)


def test_a_rejection_taken_off_the_record_is_missed(
    past: Scratch, tampered: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    past.connection.execute(
        "INSERT INTO audit.rejected_records VALUES ('signals', 's.json', 'abc', 9, 'S9', ['some rule'], '{}')"
    )
    look_at(past, tampered, tmp_path)
    verdict = judged_day(past, past.records.of(THIRD))
    past.connection.execute("DELETE FROM audit.rejected_records")
    assert verdict.reasons == ("audit.rejected_records was changed: it lacks signals S9 of the files",)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (
            """UPDATE audit.policies SET content = replace(content, '"low_confidence":0.55', '"low_confidence":0.1')""",
            "hashes to",
        ),
        ("DELETE FROM audit.policies", "is missing from audit.policies"),
    ],
)
def test_a_changed_policy_is_named(
    past: Scratch, tampered: duckdb.DuckDBPyConnection, tmp_path: Path, change: str, named: str
) -> None:
    tampered.execute(change)
    look_at(past, tampered, tmp_path)
    verdict = next(replayed(past, [THIRD]))
    assert (verdict.state, verdict.tables) == (DIFFERS, ())
    assert named in verdict.reasons[0]
    assert past.records.of(THIRD).policy_hash[:12] in verdict.reasons[0]


def test_a_policy_with_an_invalid_value_cannot_be_replayed(
    past: Scratch, tampered: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    tampered.execute(
        """UPDATE audit.policies SET content = replace(content, '"low_confidence":0.55', '"low_confidence":"no"')"""
    )
    look_at(past, tampered, tmp_path)
    verdict = next(replayed(past, [THIRD]))
    assert verdict.state == IMPOSSIBLE
    assert "cannot be read by this code" in verdict.reasons[0]


def test_a_renamed_policy_field_does_not_match_the_recorded_hash(
    past: Scratch, tampered: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    tampered.execute("""UPDATE audit.policies SET content = replace(content, '"low_confidence"', '"other_name"')""")
    look_at(past, tampered, tmp_path)
    verdict = next(replayed(past, [THIRD]))
    assert verdict.state == DIFFERS
    assert "hashes to" in verdict.reasons[0]


def test_a_policy_recorded_before_a_field_was_added_is_replayed_with_its_packaged_value(
    past: Scratch, tampered: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    (recorded,) = tampered.execute("SELECT DISTINCT content FROM audit.policies").fetchall()[0]
    content = json.loads(recorded)
    del content["journey"]["learning"]["threshold_effective_runs"]
    content["journey"]["learning"]["removed_since"] = 1
    earlier = json.dumps(content)
    earlier_hash = hash_of_content(earlier)
    tampered.execute("UPDATE audit.policies SET content = ?, policy_hash = ?", [earlier, earlier_hash])
    for table in ("audit.runs", "journey.recommended_interventions", "journey.portfolio_snapshots"):
        tampered.execute(f"UPDATE {table} SET policy_hash = ?", [earlier_hash])
    look_at(past, tampered, tmp_path)
    policy = past.records.policy_of(past.records.of(THIRD))
    assert (policy.policy_hash, policy.content) == (earlier_hash, earlier)
    assert policy.journey.learning.threshold_effective_runs == 30
    verdict = next(replayed(past, [THIRD]))
    assert verdict.filled_fields == ("journey.learning.threshold_effective_runs",)
    others = ("journey.recommended_interventions", "journey.portfolio_snapshots", "audit.policies")
    assert not [table.table for table in verdict.tables if not table.is_identical and table.table not in others]
    compared = {table.table: table for table in verdict.tables}
    assert compared["journey.recommended_interventions"].is_identical, "decisions name the recorded policy"


def test_a_file_that_is_missing_or_changed_is_named(tour_home: Home, tmp_path: Path) -> None:
    shutil.copytree(tour_home.settings.inputs, tmp_path / "inputs")
    shutil.copyfile(tour_home.settings.published, tmp_path / "cjo.duckdb")
    with scratch(Settings(tmp_path, None, tmp_path)) as past:
        signals = next(file for file in past.records.of(THIRD).inputs if file.dataset == "signals")
        archived = tmp_path / "inputs" / str(signals.file_sha256)
        archived.write_text(archived.read_text(encoding="utf-8").replace("0.82", "0.12"), encoding="utf-8")
        with pytest.raises(TamperedError, match=r"signals\.json of signals\) differs from the file that was read"):
            past.restore_inputs(past.records.of(THIRD))
        archived.unlink()
        with pytest.raises(PastError, match=r"signals\.json of signals is missing from the archive"):
            past.restore_inputs(past.records.of(THIRD))
        assert next(replayed(past, [THIRD])).state == IMPOSSIBLE


def erased(connection: duckdb.DuckDBPyConnection, at: datetime) -> None:
    """Record an erasure."""
    row = ["E-1", "hash", [], "salt", at, "dpo", "asked", "{}", True]
    connection.execute("INSERT INTO audit.erasures VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)


@pytest.mark.parametrize(("at", "state"), [(datetime(9000, 1, 1), IMPOSSIBLE), (datetime(2000, 1, 1), DIFFERS)])
def test_a_day_before_an_erasure_cannot_be_compared(
    past: Scratch, tampered: duckdb.DuckDBPyConnection, tmp_path: Path, at: datetime, state: str
) -> None:
    erased(tampered, at)
    tampered.execute("DELETE FROM journey.risk_scores WHERE as_of = ? AND customer_id = 'C001'", [THIRD])
    look_at(past, tampered, tmp_path)
    verdict = next(replayed(past, [THIRD]))
    assert verdict.state == state
    same = f"{len(verdict.tables) - 1} of {len(verdict.tables)} tables are identical"
    assert (same in verdict.reasons[0], "E-1" in verdict.reasons[0]) == (state == IMPOSSIBLE,) * 2
    assert [table.table for table in verdict.tables if not table.is_identical] == ["journey.risk_scores"], "it is shown"
    assert verdict.is_explained_by_erasure == (state == IMPOSSIBLE)
    assert verdict.erasures == ("E-1",)


def test_a_file_with_emptied_rows_is_replayed_after_an_erasure(tour_home: Home, tmp_path: Path) -> None:
    shutil.copytree(tour_home.settings.inputs, tmp_path / "inputs")
    shutil.copyfile(tour_home.settings.published, tmp_path / "cjo.duckdb")
    with scratch(Settings(tmp_path, None, tmp_path)) as past:
        record = past.records.of(THIRD)
    customers = next(file for file in record.inputs if file.dataset == "customers")
    assert (
        empty_rows(
            tmp_path / "inputs" / str(customers.file_sha256), lambda kind, name: (kind, name) == ("customer", "C001")
        )
        == 1
    )
    with (
        scratch(Settings(tmp_path, None, tmp_path)) as past,
        pytest.raises(TamperedError, match="differs from the file that was read"),
    ):
        past.restore_inputs(record)
    with duckdb.connect(str(tmp_path / "cjo.duckdb")) as connection:
        erased(connection, datetime(9000, 1, 1))
    with scratch(Settings(tmp_path, None, tmp_path)) as past:
        past.restore_inputs(record)
        assert past.rows("SELECT count(*) AS rows FROM raw.customers WHERE customer_id = 'C001'") == [{"rows": 0}]


def test_a_day_that_was_never_published_cannot_be_replayed(past: Scratch) -> None:
    verdict = next(replayed(past, [day(-1)]))
    assert verdict.state == IMPOSSIBLE
    assert verdict.reasons == ("2025-01-19 was never published; published days: 2025-01-06 to 2025-01-20.",)


def test_a_home_of_other_tables_is_refused(tour_home: Home, tmp_path: Path) -> None:
    shutil.copyfile(tour_home.settings.published, tmp_path / "cjo.duckdb")
    with duckdb.connect(str(tmp_path / "cjo.duckdb")) as other:
        other.execute("ALTER TABLE journey.risk_scores DROP COLUMN urgency")
    with pytest.raises(PastError, match="another version"), scratch(Settings(tmp_path, None, tmp_path)):
        pass


def test_days_that_left_the_database_are_read_from_their_files(tour_home: Home, past: Scratch, tmp_path: Path) -> None:
    table = past.tables["journey", "recommended_interventions"]
    before = fingerprint(past, table, FIRST, source=past.published_rows(table, FIRST))
    shutil.copyfile(tour_home.settings.published, tmp_path / "cjo.duckdb")
    folder = tmp_path / "history" / table.full_name
    folder.mkdir(parents=True)
    with duckdb.connect(str(tmp_path / "cjo.duckdb")) as kept:
        kept.execute(f"COPY (FROM {table.full_name} WHERE as_of = '{FIRST}') TO '{folder / FIRST.isoformat()}.parquet'")
        kept.execute(f"DELETE FROM {table.full_name} WHERE as_of = ?", [FIRST])
    with scratch(Settings(tmp_path, None, tmp_path)) as moved:
        assert fingerprint(moved, table, FIRST, source=moved.published_rows(table, FIRST)) == before
        moved.know([FIRST, SECOND])
        found = moved.rows(
            "SELECT as_of, count(*) AS rows FROM known.journey_recommended_interventions GROUP BY as_of ORDER BY as_of"
        )
        assert found == [{"as_of": FIRST, "rows": 1}, {"as_of": SECOND, "rows": 4}]


SAME = Circumstances("r", "p", "a", "a", "e", "e")


def table_verdict(published: str = "x", recorded: str | None = "x") -> TableVerdict:
    """Return a table that came out as y."""
    return TableVerdict("journey.kpis", 1, "y", 1, published, recorded, int(published != "y"))


@pytest.mark.parametrize(
    ("table", "known", "named"),
    [
        (table_verdict(published="y", recorded="y"), SAME, []),
        (table_verdict(published="y"), SAME, ["the record of run r was changed: its hash of journey.kpis differs"]),
        (table_verdict(published="z"), SAME, ["journey.kpis was changed after run r"]),
        (table_verdict(recorded=None), SAME, ["journey.kpis was changed after it was written"]),
        (table_verdict(), SAME, ["unexplained difference in journey.kpis"]),
        (table_verdict(), Circumstances("r", "p", "a", "b", "e", "e"), ["the code has changed: a then, b now"]),
        (table_verdict(), Circumstances("r", "p", "a", "a", "e", "f"), ["the engine has changed"]),
        (
            table_verdict(),
            Circumstances("r", "p", "a", "a", "e", "e", run_again=(FIRST,)),
            ["2025-01-06 was run again"],
        ),
        (table_verdict(published="z"), Circumstances("r", "p", "a", "b", "e", "e"), ["was changed after run r"]),
        (table_verdict(published="z"), Circumstances("r", "p", "a", "a", "e", "f"), ["the engine has changed"]),
        (table_verdict(published="y"), Circumstances("r", "p", "a", "a", "e", "f"), []),
        (table_verdict(), Circumstances("r", "p", "a", "a", "e", "e", (), (), ("q",)), ["has policy p, but"]),
        (
            table_verdict(),
            Circumstances("r", "p", "a", "a", "e", "e", filled_fields=("a", "b", "c", "d")),
            ["recorded without a, b, c and 1 more: their packaged values are used"],
        ),
    ],
)
def test_reasons(table: TableVerdict, known: Circumstances, named: list[str]) -> None:
    """What was changed since goes before the code, which explains nothing about a table it did not write."""
    reasons = reasons_of((table,), known)
    assert len(reasons) == len(named)
    for reason, words in zip(reasons, named, strict=True):
        assert words in reason


def test_the_worst_day_determines_the_state() -> None:
    assert worst([IDENTICAL, IMPOSSIBLE, DIFFERS]) == IMPOSSIBLE
    assert worst([IDENTICAL, DIFFERS]) == DIFFERS
    assert worst([]) == IDENTICAL


def test_the_command_ends_with_two_where_it_cannot(tour_home: Home, tmp_path: Path) -> None:
    run = CliRunner()
    nothing = run.invoke(app, ["replay", "--as-of", "2025-01-20", "--home", str(tmp_path)])
    assert (nothing.exit_code, "No published database" in nothing.output) == (2, True)
    never = run.invoke(app, ["replay", "--as-of", "2024-01-01", "--json", "--home", str(tour_home.settings.home)])
    assert never.exit_code == 2
    assert json.loads(never.stdout)[0]["state"] == IMPOSSIBLE
    for days in (["yesterday"], ["2025-01-20", "--to", "2025-01-19"]):
        assert run.invoke(app, ["replay", "--as-of", *days, "--home", str(tmp_path)]).exit_code == 2
