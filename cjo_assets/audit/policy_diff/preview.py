"""Comparison of a candidate policy with the one in force, on published days in a scratch database.

All tables are computed under both policies from the archived files of the day's run, so that only the policy differs.
In a range of days each side reads its own earlier decisions; days before the range are the published ones for both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import ibis.expr.types as ir

from cjo_assets.audit.policy_diff.page import PolicyFigures
from cjo_assets.audit.policy_diff.values import differing_values
from cjo_assets.audit.replay.scratch import Scratch
from cjo_assets.core.checks import CONTRACT_CHECK
from cjo_assets.core.contract import Contract, columns_of, key_of
from cjo_assets.core.errors import ContractBreachError
from cjo_assets.core.family import deciding_family, required
from cjo_assets.core.files import replacing
from cjo_assets.core.progress import report_message
from cjo_assets.core.questions import PolicyComparison
from cjo_assets.core.table import Table
from cjo_assets.engine.collection import collected_afterwards
from cjo_assets.engine.sql import literal
from cjo_assets.engine.validation import judged
from cjo_assets.policy import Policy
from cjo_assets.warehouse.run_records import DayRecord

BEFORE, PREVIEW = "before", "preview"
FORMATS = ("parquet", "csv")
# Number of rows that a browser opens quickly; the file next to the page has all rows.
PAGE_ROWS = 500


@dataclass(frozen=True)
class Preview:
    """The result of a policy comparison.

    Attributes:
        figures: the figures of the page.
        counts: number of customers and days by kind of change.
        shared: number of computed tables that are identical under both policies.
        computed: number of computed tables.
        files: the written files.
    """

    figures: PolicyFigures
    counts: dict[str, int]
    shared: int
    computed: int
    files: tuple[Path, ...]


@collected_afterwards
def previewed(
    past: Scratch,
    days: Sequence[date],
    candidate: Policy,
    folder: Path,
    file_format: str = "parquet",
    against: Policy | None = None,
) -> Preview:
    """Compute published days under two policies, and write the differences.

    Args:
        past: the scratch database.
        days: published days, in order.
        candidate: the candidate policy.
        folder: folder for the tables.
        file_format: format of the tables.
        against: the policy to compare with; by default that of each day's run.

    Raises:
        ContractBreachError: a table would break its contract under the candidate, so that a run would publish nothing.
        PastError: a day cannot be recomputed.
        TamperedError: an input of a day has changed.
    """
    records = [past.records.of(day) for day in days]
    before = [against or past.records.policy_of(record) for record in records]
    comparison = policy_comparison()
    tables = past.upstream_of(comparison.compared)
    with_policy = list(zip(records, before, strict=True))
    computed = computed_chain(past, tables, with_policy, "under its policy", None)
    past.connection.execute(f"CREATE SCHEMA {BEFORE}; CREATE SCHEMA {PREVIEW}")
    for name in comparison.compared:
        past.connection.execute(f"CREATE TABLE {BEFORE}.{_bare(name)} AS FROM {name}")
    changed = computed_chain(
        past, tables, [(record, candidate) for record in records], "under the candidate", check_contract(past)
    )
    _store_comparison(past, comparison, days, before[-1], candidate)
    figures = _figures(past, comparison, days, before[-1], candidate)
    counts = _counts(past)
    return Preview(figures, counts, computed - changed, computed, _written(past, folder, file_format))


def policy_comparison() -> PolicyComparison:
    """Return how the decisions under two policies are compared."""
    family = deciding_family()
    return required(family.policy_comparison, family, "policy comparison")


def computed_chain(
    past: Scratch,
    tables: list[Table],
    days: list[tuple[DayRecord, Policy]],
    how: str,
    check: Callable[[Table, date | None, Policy], None] | None,
) -> int:
    """Compute days in order, each reading the earlier ones, and return the number of computed tables."""
    computed = 0
    chain: tuple[date, ...] = ()
    for record, policy in days:
        report_message(f"Computing {record.as_of} {how}.")
        for table, day in past.steps(record, tables, chain):
            if past.compute(table, day, policy):
                computed += 1
                if check is not None:
                    check(table, day, policy)
        chain = (*chain, record.as_of)
    return computed


def check_contract(past: Scratch) -> Callable[[Table, date | None, Policy], None]:
    """Return a function that compares the rows of a table and day with the contract, and raises where they break it."""

    def check(table: Table, day: date | None, policy: Policy) -> None:
        rows = past.backend.table(table.name, database=table.schema)
        verdict = judged(rows.filter(rows.as_of == day) if table.is_dated else rows, table.contract, policy.vocabulary)
        if not verdict.passed:
            raise ContractBreachError(table.full_name, {CONTRACT_CHECK: verdict})

    return check


def _store_comparison(
    past: Scratch, comparison: PolicyComparison, days: Sequence[date], before: Policy, after: Policy
) -> None:
    def sides(schema: str | None) -> dict[str, ir.Table]:
        found = {}
        for name in comparison.compared:
            rows = past.backend.table(_bare(name), database=schema or name.partition(".")[0])
            found[name] = rows.filter(rows.as_of.isin(list(days)))
        return found

    old, new = sides(BEFORE), sides(None)
    decisions, scores, forecasts, gaps = comparison.compared
    schema, _, customers = comparison.customers.partition(".")
    changes = comparison.changes(
        old[decisions],
        new[decisions],
        old[scores],
        new[scores],
        old[forecasts],
        new[forecasts],
        past.backend.table(customers, database=schema),
    )
    past.connection.execute(f"CREATE TABLE {PREVIEW}.days AS SELECT unnest($days) AS as_of", {"days": list(days)})
    every_day = past.backend.table("days", database=PREVIEW)
    effects = comparison.effects(
        *(
            comparison.measures(side[decisions], side[scores], side[forecasts], side[gaps], every_day, policy)
            for side, policy in ((old, before), (new, after))
        )
    )
    for name, rows, contract in (
        ("policy_changes", changes, comparison.changes_contract),
        ("policy_effects", effects, comparison.effects_contract),
    ):
        _store(past, name, rows, contract, after)


def _store(past: Scratch, name: str, rows: ir.Table, contract: type[Contract], policy: Policy) -> None:
    cast = rows.select([rows[spec.name].cast(spec.type) for spec in columns_of(contract)])
    sql = past.backend.compile(cast.order_by(list(key_of(contract))))
    past.connection.execute(f"CREATE TABLE {PREVIEW}.{name} AS {sql}")
    verdict = judged(past.backend.table(name, database=PREVIEW), contract, policy.vocabulary)
    if not verdict.passed:
        raise ContractBreachError(name, {CONTRACT_CHECK: verdict})


def _figures(
    past: Scratch, comparison: PolicyComparison, days: Sequence[date], before: Policy, candidate: Policy
) -> PolicyFigures:
    changes = f"{PREVIEW}.policy_changes"
    gravest = "decision_change IS NULL, account_value DESC, customer_id, as_of"
    return PolicyFigures(
        days=tuple(days),
        before=before,
        candidate=candidate,
        values=tuple(differing_values(before, candidate)),
        effects=past.rows(f"FROM {PREVIEW}.policy_effects ORDER BY as_of, measure"),
        affected=past.rows(
            "SELECT count(DISTINCT customer_id) AS customers, coalesce(sum(account_value), 0) AS account_value, "
            "coalesce(sum(revenue_at_risk_before), 0) AS revenue_at_risk_before, "
            "coalesce(sum(revenue_at_risk_after), 0) AS revenue_at_risk_after FROM "
            f"(FROM {changes} QUALIFY row_number() OVER (PARTITION BY customer_id ORDER BY as_of DESC) = 1)",
        )[0],
        changes=past.rows(f"FROM {changes} ORDER BY {gravest} LIMIT {PAGE_ROWS}"),
        all_changes=past.rows(f"SELECT count(*) AS rows FROM {changes}")[0]["rows"],
        moved_scores=_moved_scores(past, comparison),
    )


def _moved_scores(past: Scratch, comparison: PolicyComparison) -> int:
    """Count the customers and days whose scores differ, also without any consequence."""
    old = f"{BEFORE}.{_bare(comparison.scores)}"
    row = past.connection.execute(
        f"SELECT count(*) FROM {old} AS old FULL JOIN {comparison.scores} AS new USING (as_of, customer_id) "
        f"WHERE ({comparison.is_score_same}) IS NOT TRUE"
    ).fetchone()
    return row[0] if row else 0


def _counts(past: Scratch) -> dict[str, int]:
    found = past.connection.execute(
        "SELECT count(*) FILTER (decision_change IS NOT NULL), count(*) FILTER (is_tier_changed), "
        f"count(*) FILTER (is_route_changed) FROM {PREVIEW}.policy_changes"
    ).fetchone()
    return dict(zip(("decisions", "tiers", "routes"), found or (0, 0, 0), strict=True))


def _written(past: Scratch, folder: Path, file_format: str) -> tuple[Path, ...]:
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name in ("policy_changes", "policy_effects"):
        target = folder / f"{name}.{file_format}"
        with replacing(target) as partial:
            past.connection.execute(
                f"COPY (FROM {PREVIEW}.{name} ORDER BY ALL) TO {literal(partial)} (FORMAT {file_format})"
            )
        files.append(target)
    return tuple(files)


def _bare(name: str) -> str:
    return name.partition(".")[2]
