"""Computation of scores between two published days, and of the intermediate states, in a scratch database."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

from cjo_assets.audit.replay.scratch import Rows, Scratch
from cjo_assets.core.check_result import CheckResult
from cjo_assets.core.checks import CONTRACT_CHECK
from cjo_assets.core.contract import columns_of, key_of
from cjo_assets.core.errors import ContractBreachError, InputError
from cjo_assets.core.family import deciding_family, required
from cjo_assets.core.progress import report_message
from cjo_assets.core.questions import ScoreChanges
from cjo_assets.core.table import Table
from cjo_assets.engine.code import code_version
from cjo_assets.engine.collection import collected_afterwards
from cjo_assets.engine.sql import literal
from cjo_assets.engine.validation import judged
from cjo_assets.policy import Policy
from cjo_assets.warehouse.run_log import engine_version
from cjo_assets.warehouse.run_records import DayRecord

STATE_SCHEMA = "states"
CHANGES = f"{STATE_SCHEMA}.risk_changes"
FORMATS = {".parquet": "parquet", ".csv": "csv"}


def score_changes() -> ScoreChanges:
    """Return how changes of scores are explained."""
    family = deciding_family()
    return required(family.score_changes, family, "score changes")


@collected_afterwards
def explain(past: Scratch, first: date, last: date) -> None:
    """Compute the change of all scores between two published days into `CHANGES`.

    Raises:
        ContractBreachError: the parts of a change do not sum to it.
        InputError: the days are not in order.
        PastError: a day cannot be recomputed.
        TamperedError: an input of a day has changed.
    """
    if first >= last:
        raise InputError(f"The last day {last} is not after the first day {first}.")
    start, end = past.records.of(first), past.records.of(last)
    before, after = past.records.policy_of(start), past.records.policy_of(end)
    past.connection.execute(f"CREATE SCHEMA {STATE_SCHEMA}")
    _keep_published(past, "start", first)
    _keep_published(past, "end", last)
    _keep_segments(past, first, last)
    _keep_present(past, "start", start, before)
    tables = past.upstream_of(_compared())
    report_message(f"Computing {last} with the records of {first}.")
    _compute(past, past.steps_as_if(start, tables, last), before)
    _keep_computed(past, "timed", last)
    _keep_present(past, "end", end, after)
    if before.policy_hash == after.policy_hash:
        _alias(past, "dated", "end_now")
    else:
        report_message(f"Computing {last} with the policy of {first}.")
        _compute(past, past.steps(end, tables), before)
        _keep_computed(past, "dated", last)
    _split(past, after)


def changes_of(past: Scratch, customer_id: str) -> Rows:
    """Return the decomposed changes of one customer."""
    return past.rows(f"FROM {CHANGES} WHERE customer_id = ? ORDER BY score DESC", customer_id)


def factors_of(past: Scratch, customer_id: str) -> Rows:
    """Return each factor of a customer's scores before and after."""
    names = "customer_id, score, factor"
    return past.rows(
        f"SELECT score, factor, old.raw_value AS raw_before, new.raw_value AS raw_after, "
        "old.contribution AS before, new.contribution AS after "
        f"FROM {STATE_SCHEMA}.contributions_start AS old FULL JOIN {STATE_SCHEMA}.contributions_end AS new "
        f"USING ({names}) WHERE customer_id = ? AND score IN (SELECT score FROM {CHANGES}) "
        "ORDER BY score DESC, abs(coalesce(new.contribution, 0) - coalesce(old.contribution, 0)) DESC, factor",
        customer_id,
    )


def by_segment(past: Scratch) -> Rows:
    """Return the mean change of each score by segment and cause."""
    means = ", ".join(f"avg({name}) AS {name}" for name in ("change", *score_changes().causes))
    return past.rows(
        f"SELECT score, coalesce(segment, 'All') AS segment, count(change) AS customers, "
        f"count(*) FILTER (presence = 'came') AS came, count(*) FILTER (presence = 'left') AS gone, {means} "
        f"FROM {CHANGES} GROUP BY GROUPING SETS ((score, segment), (score)) "
        "ORDER BY score DESC, segment = 'All' DESC, segment",
    )


def movers(past: Scratch, limit: int) -> Rows:
    """Return the largest changes of decision risk."""
    return past.rows(
        f"FROM {CHANGES} WHERE score = {literal(score_changes().main_score)} AND change <> 0 "
        f"ORDER BY abs(change) DESC, customer_id LIMIT {limit}",
    )


def write_changes(past: Scratch, target: Path) -> int:
    """Write the changes of all customers as Parquet or CSV, and return the number of rows.

    Raises:
        InputError: the file extension is neither.
    """
    if target.suffix not in FORMATS:
        raise InputError(f"Unknown file extension of {target}. Choose one of: {', '.join(FORMATS)}.")
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    copied = past.connection.execute(
        f"COPY (FROM {CHANGES} ORDER BY customer_id, score) TO {literal(partial)} (FORMAT {FORMATS[target.suffix]})"
    ).fetchone()
    os.replace(partial, target)
    return int(copied[0]) if copied else 0


def _compute(past: Scratch, steps: Iterable[tuple[Table, date | None]], policy: Policy) -> None:
    for table, day in steps:
        past.compute(table, day, policy)


def _keep_published(past: Scratch, state: str, day: date) -> None:
    for name in _compared():
        past.connection.execute(
            f"CREATE TABLE {_state(name, state)} AS FROM {past.published_rows(past.table_named(name), day)}"
        )


def _keep_segments(past: Scratch, first: date, last: date) -> None:
    states = past.table_named(score_changes().segments)
    past.connection.execute(
        f"CREATE TABLE {STATE_SCHEMA}.segments AS SELECT customer_id, arg_max(segment, as_of) AS segment FROM ("
        + " UNION ALL ".join(
            f"SELECT customer_id, segment, as_of FROM {past.published_rows(states, day)}" for day in (first, last)
        )
        + ") GROUP BY customer_id"
    )


def _keep_computed(past: Scratch, state: str, day: date) -> None:
    for name in _compared():
        past.connection.execute(f"CREATE TABLE {_state(name, state)} AS FROM {name} WHERE as_of = ?", [day])


def _keep_present(past: Scratch, state: str, record: DayRecord, policy: Policy) -> None:
    """Compute a day with the present code, or use the published tables if the code is the same."""
    if (record.code_version, record.engine) == (code_version(), engine_version()):
        _alias(past, f"{state}_now", state)
        return
    report_message(f"Computing {record.as_of} with the present code, which differs from that of its run.")
    _compute(past, past.steps(record, past.upstream_of(_compared())), policy)
    _keep_computed(past, f"{state}_now", record.as_of)


def _alias(past: Scratch, state: str, other: str) -> None:
    for name in _compared():
        past.connection.execute(f"CREATE VIEW {_state(name, state)} AS FROM {_state(name, other)}")


def _split(past: Scratch, policy: Policy) -> None:
    asked = score_changes()

    def tables(name: str) -> dict[str, Any]:
        return {
            state: past.backend.table(_state(name, state).partition(".")[2], database=STATE_SCHEMA)
            for state in asked.states_between
        }

    segments = past.backend.table("segments", database=STATE_SCHEMA)
    rows = asked.split(tables(asked.scores), tables(asked.contributions), segments)
    cast = rows.select([rows[spec.name].cast(spec.type) for spec in columns_of(asked.contract)])
    sql = past.backend.compile(cast.order_by(list(key_of(asked.contract))))
    past.connection.execute(f"CREATE TABLE {CHANGES} AS {sql}")
    changes = past.backend.table(CHANGES.partition(".")[2], database=STATE_SCHEMA)
    verdict = judged(changes, asked.contract, policy.vocabulary)
    if not verdict.passed:
        raise ContractBreachError(CHANGES, {CONTRACT_CHECK: verdict})
    failing = past.rows(past.backend.compile(asked.failing_rows(changes).limit(20)))
    if failing:
        name = asked.failing_rows.__name__
        raise ContractBreachError(CHANGES, {name: CheckResult(0, {name: len(failing)}, failing)})


def _compared() -> tuple[str, str]:
    asked = score_changes()
    return (asked.scores, asked.contributions)


def _state(name: str, state: str) -> str:
    kind = "scores" if name == score_changes().scores else "contributions"
    return f"{STATE_SCHEMA}.{kind}_{state}"
