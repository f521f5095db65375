"""Upgrades of homes that were published under other contracts.

A published database of the present contracts is turned into one of an earlier version by `ALTER TABLE`. So an upgrade
that recomputes a table must bring back exactly what was published.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from cjo_assets.audit.replay.differences import DIFFERS, IDENTICAL, DayVerdict
from cjo_assets.audit.replay.replay import replayed
from cjo_assets.audit.replay.scratch import scratch
from cjo_assets.audit.verify.verify import verify
from cjo_assets.catalog import families_about
from cjo_assets.core.errors import PastError, WarehouseError
from cjo_assets.core.family import chains_of
from cjo_assets.core.progress import listen
from cjo_assets.core.settings import PROJECT, Settings
from cjo_assets.core.table import AUDIT
from cjo_assets.engine.code import code_version
from cjo_assets.engine.store import Store
from cjo_assets.orchestration.doctor import _warehouse
from cjo_assets.policy import Policy
from cjo_assets.warehouse import ledger_queries
from cjo_assets.warehouse import publish as publishing
from cjo_assets.warehouse.build import VERSION_TABLE, opened
from cjo_assets.warehouse.evolution.rebuild import rebuild_changed_tables
from cjo_assets.warehouse.ledger import Stamp, add_decisions
from cjo_assets.warehouse.publish import publish
from cjo_assets.warehouse.retention import HISTORY
from cjo_assets.warehouse.run_log import record_run
from cjo_assets_tests.support.catalog import PAST_STATEMENTS
from cjo_assets_tests.support.warehouse import INSTANCE, TOUR_DAYS, Home

NEXT_DAY = date(2025, 1, 21)
FLOWS, DECISIONS, RUNS = "journey.stage_flows", "journey.recommended_interventions", "audit.runs"
FAMILIES = families_about("journey")
[CHAIN] = chains_of(FAMILIES)
LEDGER = CHAIN.ledger.full_name
# A nullable column, a required one, and one of another type.
WITHOUT_NULLABLE = f"ALTER TABLE {FLOWS} DROP COLUMN median_days"
WITHOUT_REQUIRED = f"ALTER TABLE {FLOWS} DROP COLUMN moves"
WITH_OTHER_TYPE = f"ALTER TABLE {FLOWS} ALTER moves TYPE VARCHAR USING 'about ' || moves"
Rows = list[tuple[Any, ...]]


RECOMPUTE = """
import sys, time
from datetime import date
from pathlib import Path
from cjo_assets.catalog import families_about
from cjo_assets.core.settings import Settings
from cjo_assets.warehouse.build import opened
from cjo_assets.warehouse.evolution.rebuild import rebuild_changed_tables
settings, families = Settings(Path(sys.argv[1]), None, Path(sys.argv[2])), families_about("journey")
with opened(settings, families) as store:
    store.days_of_run, store.families_of_run = (date(2025, 1, 21),), ("journey",)
    rebuild_changed_tables(store, families, settings, lambda text: (print(text, flush=True), time.sleep(600)))
"""


class Killed(BaseException):
    """The end of a process in the middle of its work."""


@pytest.fixture
def settings(tour_home: Home, tmp_path: Path) -> Settings:
    """Return the places of a home with the three published days of the tour and their archived inputs."""
    shutil.copytree(tour_home.settings.inputs, tmp_path / "inputs")
    shutil.copyfile(tour_home.settings.published, tmp_path / "cjo.duckdb")
    found = Settings(data=tour_home.settings.data, policy=None, home=tmp_path)
    with opened(found, FAMILIES):
        pass
    return found


@pytest.fixture
def messages() -> Iterator[list[str]]:
    """Collect what the terminal and the log of a run receive."""
    found: list[str] = []
    listen(lambda *_: None, found.append)
    yield found
    listen(None)


def make_earlier(settings: Settings, *statements: str) -> None:
    """Turn a home into one of an earlier version."""
    for path in (settings.published, settings.build):
        with duckdb.connect(str(path)) as connection:
            for statement in statements:
                connection.execute(statement)
            # Runs of an earlier version recorded hashes over the columns of that version.
            connection.execute(
                f"UPDATE {RUNS} SET table_hashes = json_merge_patch(table_hashes, ?)",
                [json.dumps({FLOWS: "over other columns"})],
            )
            if path == settings.build:
                connection.execute(f"UPDATE {VERSION_TABLE} SET version = 'earlier'")


def upgrade(settings: Settings, policy: Policy, say: Callable[[str], None], run_id: str = "upgrade") -> None:
    """Run a day of the present version, of which the upgrade is all that matters here."""
    with opened(settings, FAMILIES) as store:
        begin(store)
        rebuild_changed_tables(store, FAMILIES, settings, say)
        finish(store, settings, policy, run_id)


def begin(store: Store) -> None:
    """Begin the run of the next day."""
    store.days_of_run, store.families_of_run = (NEXT_DAY,), ("journey",)


def finish(store: Store, settings: Settings, policy: Policy, run_id: str = "upgrade") -> None:
    """Record and publish the run of the next day."""
    run: Any = SimpleNamespace(run_id=run_id)
    for table in store.tables.values():
        if table.is_view or (table.schema, table.name) == (AUDIT, "policies"):
            store.replace(table, NEXT_DAY, policy)
    record_run(store, run, INSTANCE, "journey", NEXT_DAY, policy, None)
    stamp = Stamp(run_id, policy.policy_hash, code_version())
    publish(store, settings.published, [NEXT_DAY], policy.warehouse, stamp)


def rows_of(path: Path, name: str = FLOWS, columns: str = "*") -> Rows:
    """Return the published rows of the days of the tour."""
    with duckdb.connect(str(path), read_only=True) as reader:
        return reader.execute(f"SELECT {columns} FROM {name} WHERE as_of < ? ORDER BY ALL", [NEXT_DAY]).fetchall()


def replay(settings: Settings, day: date = TOUR_DAYS[-1]) -> DayVerdict:
    """Replay a day of the tour."""
    with scratch(settings, statements=PAST_STATEMENTS) as past:
        return next(replayed(past, [day]))


@pytest.mark.parametrize("statement", [WITHOUT_NULLABLE, WITHOUT_REQUIRED, WITH_OTHER_TYPE, f"DROP TABLE {FLOWS}"])
def test_a_changed_table_is_recomputed_from_the_archived_inputs(
    settings: Settings, policy: Policy, messages: list[str], statement: str
) -> None:
    before = rows_of(settings.published)
    assert len({row[0] for row in before}) == len(TOUR_DAYS)
    make_earlier(settings, statement)
    upgrade(settings, policy, messages.append)
    assert rows_of(settings.published) == before
    [message] = [text for text in messages if text.startswith(f"{FLOWS}: ")]
    assert message.endswith("3 days recomputed from the archived inputs.")


def test_a_removed_column_is_dropped_and_nothing_is_recomputed(
    settings: Settings, policy: Policy, messages: list[str]
) -> None:
    before = rows_of(settings.published)
    make_earlier(settings, f"ALTER TABLE {FLOWS} ADD COLUMN removed_since INTEGER")
    upgrade(settings, policy, messages.append)
    assert rows_of(settings.published) == before
    assert messages == [f"{FLOWS}: removed removed_since; the rows of 3 days are kept."]


def test_a_removed_key_column_has_the_table_recomputed(settings: Settings, policy: Policy, messages: list[str]) -> None:
    before = rows_of(settings.published)
    make_earlier(
        settings,
        f"ALTER TABLE {FLOWS} ADD COLUMN removed_since INTEGER",
        f"INSERT INTO {FLOWS} SELECT * REPLACE (1 AS removed_since) FROM {FLOWS}",
    )
    upgrade(settings, policy, messages.append)
    assert rows_of(settings.published) == before
    assert messages[-1].endswith("3 days recomputed from the archived inputs.")


def test_a_removed_table_is_kept(settings: Settings, policy: Policy, messages: list[str]) -> None:
    make_earlier(settings, "CREATE TABLE journey.removed_since AS SELECT 1 AS number", WITHOUT_NULLABLE)
    upgrade(settings, policy, messages.append)
    with duckdb.connect(str(settings.published), read_only=True) as reader:
        assert reader.execute("FROM journey.removed_since").fetchall() == [(1,)]
    assert messages[-1] == (
        "Tables without a contract, kept in the published database as they are: journey.removed_since."
    )


def test_reordered_columns_keep_their_values(settings: Settings, policy: Policy, messages: list[str]) -> None:
    before = rows_of(settings.published)
    make_earlier(settings, f"CREATE OR REPLACE TABLE {FLOWS} AS SELECT moves, * EXCLUDE (moves) FROM {FLOWS}")
    upgrade(settings, policy, messages.append)
    assert rows_of(settings.published) == before


def test_a_day_without_archived_inputs_is_kept_where_the_new_column_may_be_null(
    settings: Settings, policy: Policy, messages: list[str]
) -> None:
    make_earlier(settings, WITHOUT_NULLABLE)
    before = rows_of(settings.published)
    remove_archived(settings)
    upgrade(settings, policy, messages.append)
    names = "* EXCLUDE (median_days)"
    assert rows_of(settings.published, columns=names) == before
    assert {value for (value,) in rows_of(settings.published, columns="median_days")} == {None}
    assert "the rows of 3 days are kept, with null in the added columns because The file" in messages[-1]
    assert "is missing from the archive" in messages[-1]


@pytest.mark.parametrize("statement", [WITHOUT_REQUIRED, WITH_OTHER_TYPE])
def test_a_day_that_the_new_columns_cannot_hold_is_moved_to_history(
    settings: Settings, policy: Policy, messages: list[str], statement: str
) -> None:
    make_earlier(settings, statement)
    before = rows_of(settings.published)
    remove_archived(settings)
    upgrade(settings, policy, messages.append)
    assert rows_of(settings.published) == []
    folder = settings.home / HISTORY / FLOWS
    with duckdb.connect() as reader:
        assert reader.execute(f"FROM '{folder}/*.parquet' ORDER BY ALL").fetchall() == before
    assert f"the rows of 3 days were moved to {folder} because" in messages[-1]


def remove_archived(settings: Settings) -> None:
    """Remove every file from the archive."""
    shutil.rmtree(settings.inputs)
    settings.inputs.mkdir()


def test_decisions_are_kept_as_published(
    settings: Settings, policy: Policy, messages: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = ledger_queries.content_in_sql(CHAIN, "rows")
    make_earlier(settings, f"ALTER TABLE {DECISIONS} DROP COLUMN source_trust")
    earlier = whole.replace(', "source_trust" := rows."source_trust"', "")
    assert earlier != whole
    with duckdb.connect(str(settings.published)) as connection, monkeypatch.context() as patched:
        patched.setattr(ledger_queries, "content_in_sql", lambda *_: earlier)
        add_decisions(connection, "cjo", CHAIN, list(TOUR_DAYS), Stamp("earlier", policy.policy_hash, "earlier"))
    before, entries = rows_of(settings.published, DECISIONS), rows_of(settings.published, LEDGER)
    assert entries
    upgrade(settings, policy, messages.append)
    assert rows_of(settings.published, DECISIONS, "* EXCLUDE (source_trust)") == before
    assert {value for (value,) in rows_of(settings.published, DECISIONS, "source_trust")} == {None}
    assert rows_of(settings.published, LEDGER) == entries
    verdict = verify(settings)
    assert (verdict.found, verdict.ledgers[0].days) == (0, len(TOUR_DAYS))
    assert messages == [
        f"{DECISIONS}: added source_trust; the decisions of 3 days are kept as published, "
        "with null in the added columns."
    ]
    with duckdb.connect(str(settings.published)) as connection:
        connection.execute(f"UPDATE {DECISIONS} SET source_trust = 0.5 WHERE as_of = ?", [TOUR_DAYS[0]])
    assert verify(settings).found > 0, "a value in the added column was never decided"


def test_a_decision_recorded_with_a_column_that_was_removed_since_verifies(
    settings: Settings, policy: Policy, messages: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = ledger_queries.content_in_sql(CHAIN, "rows")
    make_earlier(settings, f"ALTER TABLE {DECISIONS} ADD COLUMN removed_since INTEGER DEFAULT 7")
    earlier = whole.replace("struct_pack(", 'struct_pack("removed_since" := rows."removed_since", ')
    with duckdb.connect(str(settings.published)) as connection, monkeypatch.context() as patched:
        patched.setattr(ledger_queries, "content_in_sql", lambda *_: earlier)
        add_decisions(connection, "cjo", CHAIN, list(TOUR_DAYS), Stamp("earlier", policy.policy_hash, "earlier"))
    upgrade(settings, policy, messages.append)
    assert verify(settings).found == 0


def test_records_are_kept_and_never_recomputed(settings: Settings, policy: Policy, messages: list[str]) -> None:
    make_earlier(settings, f"ALTER TABLE {RUNS} DROP COLUMN report_path")
    before = rows_of(settings.published, RUNS)
    upgrade(settings, policy, messages.append)
    assert rows_of(settings.published, RUNS, "* EXCLUDE (report_path)") == before
    assert messages == [f"{RUNS}: added report_path; earlier rows are kept, with null in the added columns."]


def test_values_that_a_new_type_cannot_hold_are_written_to_a_file(
    settings: Settings, policy: Policy, messages: list[str]
) -> None:
    make_earlier(settings, f"ALTER TABLE {RUNS} ALTER processing_time TYPE VARCHAR USING processing_time || ' seconds'")
    before = rows_of(settings.published, RUNS)
    upgrade(settings, policy, messages.append)
    [path] = (settings.home / HISTORY / RUNS).iterdir()
    with duckdb.connect() as reader:
        assert reader.execute(f"FROM '{path}' ORDER BY ALL").fetchall() == before
    assert messages[-1].endswith(f"rows that the new columns cannot hold are in {path}.")


def test_a_table_that_becomes_dated_is_computed_for_every_day(
    settings: Settings, policy: Policy, messages: list[str]
) -> None:
    before = rows_of(settings.published)
    newest = f"FROM {FLOWS} WHERE as_of = (SELECT max(as_of) FROM {FLOWS})"
    make_earlier(settings, f"CREATE OR REPLACE TABLE {FLOWS} AS SELECT * EXCLUDE (as_of) {newest}")
    upgrade(settings, policy, messages.append)
    assert rows_of(settings.published) == before
    [path] = (settings.home / HISTORY / FLOWS).iterdir()
    with duckdb.connect() as reader:
        assert reader.execute(f"FROM '{path}' ORDER BY ALL").fetchall() == [
            row[1:] for row in before if row[0] == TOUR_DAYS[-1]
        ]


def test_a_table_that_only_grows_takes_nullable_columns_alone(settings: Settings) -> None:
    make_earlier(settings, "ALTER TABLE audit.policies DROP COLUMN content")
    contents = settings.published.read_bytes()
    refusal = r"audit\.policies has new .*\(content\).*nullable=True"
    with pytest.raises(WarehouseError, match=refusal), opened(settings, FAMILIES):
        pass
    assert settings.published.read_bytes() == contents


def test_an_upgraded_day_is_replayed(settings: Settings, policy: Policy, messages: list[str]) -> None:
    make_earlier(settings, WITHOUT_NULLABLE)
    with pytest.raises(PastError, match=r"another version.*cjo run upgrades it"):
        replay(settings)
    upgrade(settings, policy, messages.append)
    verdict = replay(settings)
    assert (verdict.state, verdict.reasons) == (IDENTICAL, ())
    with duckdb.connect(str(settings.published)) as connection:
        connection.execute(f"UPDATE {FLOWS} SET median_days = 99 WHERE as_of = ?", [TOUR_DAYS[-1]])
    verdict = replay(settings)
    assert verdict.reasons[0].startswith(f"{FLOWS} was changed after run"), "the upgrade recorded a hash"


def test_a_day_that_was_not_recomputed_is_named_by_the_replay(
    settings: Settings, policy: Policy, messages: list[str]
) -> None:
    make_earlier(settings, WITHOUT_NULLABLE)
    archived = settings.inputs.rename(settings.home / "elsewhere")
    settings.inputs.mkdir()
    upgrade(settings, policy, messages.append)
    shutil.rmtree(settings.inputs)
    archived.rename(settings.inputs)
    verdict = replay(settings)
    assert verdict.state == DIFFERS
    assert verdict.reasons[0].startswith(
        f"run upgrade changed the columns of {FLOWS} and did not recompute its rows of the day, because The file"
    )


def test_an_upgrade_that_is_killed_leaves_the_published_database_as_it_was(
    settings: Settings, policy: Policy, messages: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = rows_of(settings.published)
    make_earlier(settings, WITHOUT_NULLABLE)
    published = settings.published.read_bytes()

    def interrupt(*_: object) -> None:
        raise Killed

    with pytest.raises(Killed):
        upgrade(settings, policy, interrupt)
    assert settings.published.read_bytes() == published
    with monkeypatch.context() as patched:
        patched.setattr(publishing.os, "replace", interrupt)
        with pytest.raises(Killed):
            upgrade(settings, policy, messages.append)
    assert settings.published.read_bytes() == published
    assert len([text for text in messages if text.startswith("Recomputing")]) == len(TOUR_DAYS)
    messages.clear()
    upgrade(settings, policy, messages.append, "another run")
    assert rows_of(settings.published) == before
    assert messages == [f"{FLOWS}: added median_days; 3 days recomputed from the archived inputs."], (
        "not recomputed again"
    )


def test_an_upgrade_continues_after_the_days_that_were_recomputed(
    settings: Settings, policy: Policy, messages: list[str]
) -> None:
    kpis = "journey.kpis"
    before = rows_of(settings.published), rows_of(settings.published, kpis)
    make_earlier(settings, WITHOUT_NULLABLE, f"ALTER TABLE {kpis} DROP COLUMN is_estimate")

    def interrupt(text: str) -> None:
        messages.append(text)
        if "on 2025-01-20" in text:
            raise Killed

    with pytest.raises(Killed):
        upgrade(settings, policy, interrupt)
    messages.clear()
    upgrade(settings, policy, messages.append)
    assert (rows_of(settings.published), rows_of(settings.published, kpis)) == before, "kpis read those of earlier days"
    assert messages[0] == "Recomputing 2 changed tables of journey on 2025-01-20: day 1 of 1."


def test_a_process_that_is_killed_while_it_recomputes_leaves_the_home_as_it_was(
    settings: Settings, policy: Policy, messages: list[str]
) -> None:
    before = rows_of(settings.published)
    make_earlier(settings, WITHOUT_NULLABLE)
    published = settings.published.read_bytes()
    command = [sys.executable, "-c", RECOMPUTE, str(settings.data), str(settings.home)]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Recomputing 1 changed table of journey on 2025-01-06")
        process.kill()
    assert settings.published.read_bytes() == published
    upgrade(settings, policy, messages.append)
    assert rows_of(settings.published) == before


def test_a_reader_keeps_the_database_that_it_opened(settings: Settings, policy: Policy, messages: list[str]) -> None:
    make_earlier(settings, WITHOUT_NULLABLE)
    before = rows_of(settings.published)
    with duckdb.connect() as reader:
        reader.execute(f"ATTACH '{settings.published}' AS earlier (READ_ONLY)")
        upgrade(settings, policy, messages.append)
        query = f"FROM earlier.{FLOWS} ORDER BY ALL"
        assert reader.execute(query).fetchall() == before
    [snapshot] = (settings.home / "snapshots").iterdir()
    assert rows_of(snapshot) == before, "the state before the upgrade is a snapshot"


def test_a_lost_database_is_made_again_from_a_snapshot_of_an_earlier_version(
    settings: Settings, policy: Policy, messages: list[str]
) -> None:
    before = rows_of(settings.published)
    make_earlier(settings, WITHOUT_NULLABLE)
    snapshots = settings.home / "snapshots"
    snapshots.mkdir()
    settings.published.rename(snapshots / "2025-01-20T000000.000000Z.duckdb")
    upgrade(settings, policy, messages.append)
    assert rows_of(settings.published) == before


def test_a_first_publish_and_one_of_the_same_version_upgrade_nothing(
    settings: Settings, policy: Policy, messages: list[str]
) -> None:
    new = replace(settings, home=settings.home / "new")
    for run_id in ("first", "second"):
        upgrade(new, policy, messages.append, run_id)
    upgrade(settings, policy, messages.append)
    assert messages == []


def test_the_plan_of_the_run_records_the_upgrade(settings: Settings, policy: Policy, messages: list[str]) -> None:
    make_earlier(settings, WITHOUT_NULLABLE)
    upgrade(settings, policy, messages.append)
    with duckdb.connect(str(settings.published), read_only=True) as reader:
        [(text,)] = reader.execute(f"SELECT plan FROM {RUNS} WHERE run_id = 'upgrade'").fetchall()
    step = json.loads(text)[0]
    assert (step["name"], list(step["tables"])) == ("upgrade", [FLOWS])
    assert step["tables"][FLOWS]["change"] == "added median_days"
    assert {day: found["rows"] for day, found in step["tables"][FLOWS]["days"].items()} == {
        day.isoformat(): "rebuilt" for day in TOUR_DAYS
    }


def test_the_doctor_lists_what_the_next_run_upgrades_and_changes_nothing(settings: Settings) -> None:
    assert [state for state, _ in _warehouse(settings)] == ["ok"]
    make_earlier(settings, WITHOUT_NULLABLE, f"ALTER TABLE {DECISIONS} ADD COLUMN removed_since INTEGER")
    contents = settings.build.read_bytes(), settings.published.read_bytes()
    assert list(_warehouse(settings)) == [
        ("note", "another version wrote this home; the next run upgrades 2 tables"),
        ("note", f"{DECISIONS}: removed removed_since; earlier decisions are kept as published"),
        ("note", f"{FLOWS}: added median_days; earlier days are recomputed from the archived inputs"),
    ]
    assert (settings.build.read_bytes(), settings.published.read_bytes()) == contents
