"""Generated lifecycle data: the same bytes for a seed, accepted or rejected as made, and true to the truth file."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow
import pyarrow.compute as pc
import pytest
from typer.testing import CliRunner

from cjo_assets.catalog import families_about
from cjo_assets.cli.app import app
from cjo_assets.engine.store import Store
from cjo_assets.families.lifecycle import family as lifecycle
from cjo_assets.families.lifecycle.synth.datasets import (
    CHUNK_ORGANIZATIONS,
    GeneratedLifecycle,
    LifecycleRequest,
    generated_lifecycle,
)
from cjo_assets.families.lifecycle.synth.deals import REVIEW_DAYS, REVIEW_SPREAD
from cjo_assets.families.lifecycle.synth.draws import OPEN_DAYS
from cjo_assets.families.lifecycle.synth.world import default_lifecycle_world, require_lifecycle_words
from cjo_assets.ingest.chain import compute_day, load_files
from cjo_assets.policy import Policy
from cjo_assets.synth.made import WorldError
from cjo_assets_tests.integration.synth.test_writer import hashes
from cjo_assets_tests.support.catalog import STATEMENTS
from cjo_assets_tests.support.chain import Chain
from cjo_assets_tests.support.lifecycle.events import RULES
from cjo_assets_tests.support.lifecycle.revenue_oracle import Book, movement

UNTIL = date(2025, 1, 20)
NAMES = sorted(dataset.name for dataset in GeneratedLifecycle.datasets)
MONEY_EVENTS = ("trial_started", "subscription_started", "subscription_changed", "subscription_cancelled")
# The tables of files and quarantine, without derived figures.
LOOKUPS = replace(
    lifecycle.FAMILY,
    tables=tuple(replace(table, checks=()) for table in lifecycle.FAMILY.tables if table.group == "inputs"),
)


@dataclass(frozen=True)
class World:
    """Generated tables and their truth."""

    tables: dict[str, pyarrow.Table]
    truth: dict[str, Any]

    def events(self, *types: str) -> list[dict[str, Any]]:
        """Return the events of some types."""
        log = self.tables["lifecycle_events"]
        rows: list[dict[str, Any]] = log.filter(pc.is_in(log["event_type"], pyarrow.array(types))).to_pylist()
        return rows


def world_of(count: int, policy: Policy, **changes: Any) -> World:
    """Generate tables in memory."""
    made = generated_lifecycle(replace(LifecycleRequest(count, 7, UNTIL), **changes), policy)
    parts: dict[str, list[pyarrow.Table]] = {}
    for name, table in made.batches():
        parts.setdefault(name, []).append(table)
    return World({name: pyarrow.concat_tables(tables) for name, tables in parts.items()}, made.truth())


def synth(out: Path, *arguments: str) -> None:
    """Run the command in this process."""
    done = CliRunner().invoke(app, ["synth", "--family", "lifecycle", "--out", str(out), *arguments])
    assert done.exit_code == 0, done.output


def truth_of(out: Path) -> dict[str, Any]:
    """Return the truth file."""
    truth: dict[str, Any] = json.loads((out / "truth_lifecycle.json").read_text(encoding="utf-8"))
    return truth


@pytest.fixture(scope="module")
def many(policy: Policy) -> World:
    """Return enough organizations for shares to settle."""
    return world_of(3_000, policy, conversations=4.0, tickets=6.0)


@pytest.fixture
def lookups() -> Iterator[Store]:
    """Return a store with the lookups only."""
    store = Store(duckdb.connect(), (LOOKUPS,), STATEMENTS)
    yield store
    store.connection.close()


def test_a_seed_gives_the_same_bytes_in_any_process(tmp_path: Path) -> None:
    arguments = ["--organizations", "12", "--seed", "3", "--format", "csv", "--dirty", "0.2"]
    synth(tmp_path / "here", *arguments)
    command = [str(Path(sys.executable).with_name("cjo")), "synth", "--family", "lifecycle", "--out", "there"]
    environment = os.environ | {"PYTHONHASHSEED": "1", "TZ": "Pacific/Auckland", "LC_ALL": "C"}
    subprocess.run([*command, *arguments], cwd=tmp_path, env=environment, check=True, capture_output=True, timeout=60)
    assert hashes(tmp_path / "here") == hashes(tmp_path / "there")
    assert {Path(name).stem for name in hashes(tmp_path / "here")} == {*NAMES, "truth_lifecycle"}
    synth(tmp_path / "here", "--force", "--organizations", "12", "--seed", "4", "--format", "json")
    files = hashes(tmp_path / "here")
    assert {Path(name).suffix for name in files} == {".json"}
    assert files["truth_lifecycle.json"] != hashes(tmp_path / "there")["truth_lifecycle.json"]


def test_every_dataset_but_answers_to_requests_is_generated() -> None:
    assert {dataset.name for dataset in lifecycle.DATASETS} - set(NAMES) == {"lifecycle_approvals"}


def test_all_formats_have_equal_rows_and_all_are_accepted(tmp_path: Path, policy: Policy) -> None:
    found = []
    for file_format in ("parquet", "csv", "json"):
        synth(tmp_path / file_format, "--organizations", "40", "--format", file_format)
        store = Store(duckdb.connect(), (LOOKUPS,), STATEMENTS)
        load_files(store, (LOOKUPS,), tmp_path / file_format, tmp_path / "archive")
        compute_day(store, (LOOKUPS,), UNTIL, policy)
        chain, rows = Chain(store), truth_of(tmp_path / file_format)["rows"]
        for name in NAMES:
            assert chain.rows(f"FROM quarantine.{name}") == [], name
            assert chain.rows(f"SELECT count(*) AS n FROM lifecycle.{name}") == [{"n": rows[name]}]
            assert rows[name] > 0, name
        columns = "* EXCLUDE (source_file)"
        found.append({name: chain.rows(f"SELECT {columns} FROM lifecycle.{name} ORDER BY ALL") for name in NAMES})
        store.connection.close()
    assert found[0] == found[1] == found[2]


def test_exactly_the_corrupted_rows_are_rejected(tmp_path: Path, policy: Policy, lookups: Store) -> None:
    synth(tmp_path, "--organizations", "200", "--dirty", "0.2")
    load_files(lookups, (LOOKUPS,), tmp_path, tmp_path / "archive")
    compute_day(lookups, (LOOKUPS,), UNTIL, policy)
    chain, truth = Chain(lookups), truth_of(tmp_path)
    for name in NAMES:
        spoiled = truth["spoiled_rows"].get(name, {})
        broken = chain.rows(f"SELECT broken_rules, count(*) AS n FROM quarantine.{name} GROUP BY ALL")
        # A fault in an optional column that no rule reads costs the value, not the row.
        discards = f"quarantine.{name}_discarded_values"
        is_there = chain.rows("FROM duckdb_tables() WHERE schema_name || '.' || table_name = ?", discards)
        kept = chain.rows(f"SELECT broken_rules, count(*) AS n FROM {discards} GROUP BY ALL") if is_there else []
        # Each kind of fault breaks rules of its own.
        assert sorted(row["n"] for row in [*broken, *kept]) == sorted(filter(None, spoiled.values())), name
        (accepted,) = chain.rows(f"SELECT count(*) AS n FROM lifecycle.{name}")
        assert accepted["n"] + sum(row["n"] for row in broken) == truth["rows"][name]
    kinds = {name: len(faults) for name, faults in truth["spoiled_rows"].items()}
    assert (kinds["organizations"], kinds["lifecycle_events"], sum(kinds.values())) == (5, 8, 50)


def test_first_organizations_are_the_same_however_many_follow(policy: Policy) -> None:
    few = world_of(30, policy)
    more = world_of(CHUNK_ORGANIZATIONS + 30, policy)
    known = few.tables["organizations"]["customer_id"].combine_chunks()
    assert len(known) == 30
    for name, table in few.tables.items():
        other = more.tables[name]
        if "customer_id" in other.column_names and name != "people":
            other = other.filter(pc.is_in(other["customer_id"], known))
            assert table.combine_chunks().equals(other.combine_chunks()), name
    assert more.truth["organizations"][:30] == few.truth["organizations"]
    names = more.tables["organizations"]["industry"].to_pylist()
    assert names[:30] != names[CHUNK_ORGANIZATIONS:], "chunks have seeds of their own"


def test_revenue_and_bridge_are_those_of_the_rows(tmp_path: Path, policy: Policy) -> None:
    """Recompute each movement in plain Python from the generated events, and the bridge from the movements."""
    synth(
        tmp_path, "--organizations", "250", "--seed", "5", "--format", "json", "--conversations-per-organization", "3"
    )
    families = families_about("lifecycle")
    store = Store(duckdb.connect(), families, STATEMENTS)
    load_files(store, families, tmp_path, tmp_path / "archive")
    stored = compute_day(store, families, UNTIL, policy)
    chain = Chain(store, stored)
    log = json.loads((tmp_path / "lifecycle" / "lifecycle_events.json").read_text(encoding="utf-8"))
    instants = ("occurred_at", "recorded_at", "due_at")
    events = [
        row | {name: row[name] and datetime.fromisoformat(row[name]) for name in instants}
        for row in log
        if row["event_type"] in MONEY_EVENTS
    ]
    book = Book.of(events, UNTIL, RULES.stages.trial_days)
    found = {(row["month"], row["customer_id"]): row for row in chain.rows("FROM lifecycle.mrr_movements")}
    kinds: set[str] = set()
    for row in chain.rows("FROM lifecycle.mrr_bridge ORDER BY month"):
        totals: dict[str, Decimal] = {}
        for customer in book.customers():
            start, end, name = movement(book, customer, row["month"], UNTIL)
            if start or end:
                moved = found[row["month"], customer]
                assert tuple(_cents(moved[column]) for column in ("start_mrr", "end_mrr")) == (start, end)
                assert moved["movement"] == name
                kinds.add(name)
            for key, amount in (("start", start), ("end", end), (name, abs(end - start))):
                totals[key] = totals.get(key, Decimal(0)) + amount
        for key in ("start", "new", "reactivation", "expansion", "contraction", "churn", "end"):
            assert _cents(row[f"{key}_mrr"]) == totals.get(key, Decimal(0)), (row["month"], key)
    assert kinds == {"new", "reactivation", "expansion", "contraction", "churn", "unchanged"}
    # The use of some clients falls, and there are more clients than the staff may have.
    assert _failed(stored) == {
        "lifecycle.action_plan": ["actions_beyond_a_day"],
        "lifecycle.agent_scorecard": ["people_beyond_a_limit"],
        "lifecycle.assignment_decisions": ["requests_without_capacity"],
        "lifecycle.health_scores": ["health_that_fell"],
    }
    store.connection.close()


def _cents(value: float) -> Decimal:
    return Decimal(str(value)).quantize(Decimal("0.01"))


def _failed(stored: dict[str, Any]) -> dict[str, list[str]]:
    """Return the failed checks of each table of the family that has any."""
    failed = {
        name: [check for check, verdict in table.verdicts.items() if not verdict.passed]
        for name, table in stored.items()
        if name.startswith("lifecycle.")
    }
    return {name: checks for name, checks in failed.items() if checks}


def _left(truth: dict[str, Any], enough: timedelta) -> tuple[list[bool], list[bool]]:
    """Return which clients have left: those whose use began to fall long enough ago, and those whose use does not."""
    declined, others = [], []
    for one in truth["organizations"]:
        if one["declines_on"] is not None and UNTIL - date.fromisoformat(one["declines_on"]) >= enough:
            if one["churns_on"] is None or one["churns_on"] >= one["declines_on"]:
                declined.append(one["churns_on"] is not None)
        elif one["starts_on"] is not None and one["declines_on"] is None:
            others.append(one["churns_on"] is not None)
    return declined, others


def test_falling_use_makes_clients_leave_unless_without_effect(many: World, policy: Policy) -> None:
    # All that leave after a decline have left after 120 days.
    declined, others = _left(many.truth, timedelta(days=120))
    assert len(declined) > 200
    assert np.mean(declined) == pytest.approx(default_lifecycle_world().churn_after_decline, abs=0.1)
    assert np.mean(others) < 0.1
    idle = world_of(3_000, policy, conversations=0.0, tickets=0.0, has_effect=False)
    declined, others = _left(idle.truth, timedelta(days=120))
    assert abs(np.mean(declined) - np.mean(others)) < 0.1


def test_use_falls_and_tickets_wait_from_the_onset_on(many: World) -> None:
    onset = {one["customer_id"]: one["declines_on"] for one in many.truth["organizations"] if one["declines_on"]}
    logins: dict[bool, list[int]] = {False: [], True: []}
    usage = many.tables["usage_daily"]
    usage = usage.filter(pc.is_in(usage["customer_id"], pyarrow.array(list(onset))))
    for row in usage.select(["customer_id", "usage_date", "logins"]).to_pylist():
        since = (row["usage_date"] - date.fromisoformat(onset[row["customer_id"]])).days
        if since < 0 or since >= default_lifecycle_world().decline_days:
            logins[since > 0].append(row["logins"])
    assert np.mean(logins[True]) < 0.5 * np.mean(logins[False])
    waits: dict[bool, list[float]] = {False: [], True: []}
    for row in many.tables["tickets"].to_pylist():
        begins = onset.get(row["customer_id"])
        if row["first_response_at"] is not None:
            is_late = begins is not None and row["created_at"].date() >= date.fromisoformat(begins)
            waits[is_late].append((row["first_response_at"] - row["created_at"]).total_seconds())
    assert np.mean(waits[True]) > 4 * np.mean(waits[False])


def test_what_is_old_is_settled(many: World) -> None:
    """Tickets without a solution and escalations without a person are of the last weeks: no action is years overdue."""
    first_open = datetime.combine(UNTIL + timedelta(days=1 - OPEN_DAYS), datetime.min.time())
    old = [row for row in many.tables["tickets"].to_pylist() if row["created_at"].replace(tzinfo=None) < first_open]
    seen = {row["subject_id"] for row in many.events("escalation_taken")}
    assert [row["ticket_id"] for row in old if row["first_response_at"] and row["ticket_id"] not in seen] == []
    # A ticket of a declining client may take longer.
    assert sum(row["resolved_at"] is None for row in old) < 0.005 * len(old)
    talks = [row for row in many.tables["conversations"].to_pylist() if row["status"] == "escalated"]
    waiting = [row["started_at"].replace(tzinfo=None) for row in talks if row["conversation_id"] not in seen]
    assert len(talks) > 100
    assert min(waiting) >= first_open
    held: dict[str, list[date]] = {}
    for row in many.events("qbr_held"):
        held.setdefault(row["customer_id"], []).append(row["occurred_at"].date())
    gaps = {(later - earlier).days for days in map(sorted, held.values()) for earlier, later in pairwise(days)}
    # A client that returns had no reviews while it was away.
    assert {gap for gap in gaps if gap < 2 * REVIEW_DAYS} == set(range(REVIEW_DAYS, REVIEW_DAYS + REVIEW_SPREAD))


def test_events_of_the_truth_are_in_the_log(many: World) -> None:
    starts = {one["customer_id"]: one["starts_on"] for one in many.truth["organizations"] if one["starts_on"]}
    found: dict[str, str] = {}
    for row in many.events("subscription_started"):
        if row["subject_id"].startswith("SYN_SUB_"):
            found[row["customer_id"]] = min(
                row["occurred_at"].date().isoformat(), found.get(row["customer_id"], "9999-12-31")
            )
    assert found == starts
    late = [row for row in many.events("subscription_cancelled") if row["recorded_at"] is not None]
    announced = [row for row in many.events("subscription_cancelled") if row["due_at"] is not None]
    assert len(late) > 10
    assert len(announced) > 100


def test_nothing_that_happened_is_later_than_the_last_day(many: World) -> None:
    records = {dataset.name: dataset.record_date for dataset in GeneratedLifecycle.datasets if dataset.record_date}
    for name, column in records.items():
        if column in many.tables[name].column_names and name != "sla_terms":
            assert str(pc.max(many.tables[name][column]).as_py())[:10] <= UNTIL.isoformat(), name


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--organizations", "0"], "1 to 9,999,999 for organizations"),
        (["--organizations", "5", "--weeks", "0"], "1 to 1,040 for weeks"),
        (["--organizations", "5", "--dirty", "2"], "the dirty share"),
        (["--organizations", "5", "--seed", "-1"], "A seed is 0 or above"),
        (["--organizations", "5", "--tickets-per-organization", "-1"], "tickets per organization"),
        (["--customers", "5"], "Missing option --organizations"),
    ],
)
def test_mistakes_get_one_clear_message_and_leave_no_file(arguments: list[str], message: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = CliRunner().invoke(app, ["synth", "--family", "lifecycle", "--out", str(out), *arguments])
    assert done.exit_code == 1
    assert message in " ".join(done.output.split())
    assert not out.exists()


def test_a_policy_without_words_for_the_rows_is_rejected(policy: Policy) -> None:
    world = default_lifecycle_world()
    require_lifecycle_words(world, policy)
    with pytest.raises(WorldError, match=r"ticket categories: gossip\."):
        require_lifecycle_words(replace(world, categories=(*world.categories, "gossip")), policy)
