"""Queries of `cjo why`: the decision for a customer or an intervention from the published database.

All queries are by customer and day, by which the tables are sorted, so the engine reads a few blocks of each.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

import duckdb

from cjo_assets.audit.why.exchanged import customer_of_row, explained_rows
from cjo_assets.audit.why.other_families import rows_of_others
from cjo_assets.core.errors import UnknownSubjectError, WarehouseError
from cjo_assets.core.family import Family, deciding_family, required
from cjo_assets.core.questions import Explanation, Why
from cjo_assets.core.settings import Settings
from cjo_assets.warehouse.published import read_only, rows_of

OF_SUBJECT = "WHERE customer_id = $customer AND intervention_id = $subject AND as_of <= $day"
NEWEST = "SELECT max(as_of) AS day FROM audit.runs WHERE is_published AND family = $family"
RUN_OF_DAY = """
    SELECT run_id, as_of, ended_at, policy_hash, is_stale, ledger_entries, ledger_head FROM audit.runs
    WHERE is_published AND family = $family AND as_of = $day ORDER BY ended_at DESC LIMIT 1"""
POLICY = "FROM audit.policies WHERE policy_hash = $policy_hash ORDER BY ALL"
TABLES_OF_FAMILY = (
    "SELECT table_name FROM information_schema.tables WHERE table_catalog = 'published' AND table_schema = $family"
)
DATASETS_REJECTED = (
    "SELECT table_name FROM duckdb_tables() WHERE database_name = 'published' AND schema_name = 'quarantine'"
)


def explained(settings: Settings, subject: str, day: date | None) -> Why:
    """Return the explanation of the decision for a customer, or the customer of an intervention, on a day.

    Args:
        settings: the settings.
        subject: id of a customer, an intervention, or a row that another family wrote.
        day: the day; None for the latest, or the last on which the intervention was decided.

    Raises:
        UnknownSubjectError: the subject is unknown.
        WarehouseError: there is no published database, or the day is unknown.
    """
    family = deciding_family()
    explanation = required(family.explanation, family, "explanation")
    with read_only(settings.published) as reader:
        newest = (reader.execute(NEWEST, {"family": family.name}).fetchone() or (None,))[0]
        if newest is None:
            raise WarehouseError(f"The published database {settings.published} contains no days.")
        customer, intervention, decided = _meant(reader, family, explanation, subject, day or newest)
        as_of = day or decided or newest
        given: dict[str, Any] = {"family": family.name, "customer": customer, "day": as_of}
        run = next(iter(rows_of(reader, RUN_OF_DAY, given)), None)
        if run is None:
            raise WarehouseError(_no_such_day(reader, family.name, as_of))
        given |= {"run_id": run["run_id"], "policy_hash": run["policy_hash"]}
        parts = {name: rows_of(reader, query, given) for name, query in _possible(reader, family, explanation)}
        policy = next(iter(rows_of(reader, POLICY, given)), {})
        exchanged = explained_rows(reader, family, customer, as_of, run["ended_at"])
        others = rows_of_others(reader, family, customer, as_of)
    values = explanation.policy_values(policy["content"], parts) if policy else {}
    authorship = {name: value for name, value in policy.items() if name != "content"}
    answer = explanation.answer(parts, intervention)
    return Why(customer, as_of, intervention, answer, run, authorship, values, parts, exchanged, others)


def _possible(reader: duckdb.DuckDBPyConnection, family: Family, explanation: Explanation) -> Iterator[tuple[str, str]]:
    """Return the queries of the parts, without those of tables that an earlier version did not publish."""
    stored = {name for (name,) in reader.execute(TABLES_OF_FAMILY, {"family": family.name}).fetchall()}
    for name, query in explanation.queries.items():
        if set(re.findall(rf"\b{family.name}\.(\w+)", query)) <= stored:
            yield name, query


def _meant(
    reader: duckdb.DuckDBPyConnection, family: Family, explanation: Explanation, subject: str, day: date
) -> tuple[str, str | None, date | None]:
    """Return the customer, the intervention if given, and the last day by `day` on which it was decided."""
    if reader.execute(explanation.customers, {"subject": subject}).fetchone():
        return subject, None, None
    for query in explanation.customers_of_intervention:
        row = reader.execute(f"{query} LIMIT 1", {"subject": subject, "day": day}).fetchone()
        if row is not None:
            given = {"customer": row[0], "subject": subject, "day": day}
            chain = required(family.chain, family, "ledger")
            tables = (chain.decisions.full_name, chain.ledger.full_name)
            decided = reader.execute(
                " UNION ALL ".join(f"SELECT max(as_of) FROM {table} {OF_SUBJECT}" for table in tables), given
            ).fetchall()
            return row[0], subject, next((found for (found,) in decided if found is not None), None)
    customer = customer_of_row(reader, family, subject)
    if customer is not None:
        return customer, None, None
    for (dataset,) in reader.execute(DATASETS_REJECTED).fetchall():
        query = f"SELECT customer_id FROM quarantine.{dataset} WHERE customer_id = $subject OR record_key = $subject"
        row = reader.execute(f"{query} ORDER BY customer_id NULLS LAST LIMIT 1", {"subject": subject}).fetchone()
        if row is not None:
            return row[0] or subject, None, None
    raise UnknownSubjectError(f"Unknown customer or intervention {subject} in the days published by {day}.")


def _no_such_day(reader: duckdb.DuckDBPyConnection, family: str, day: date) -> str:
    found = reader.execute(
        "SELECT min(as_of), max(as_of), count(DISTINCT as_of) FROM audit.runs WHERE is_published AND family = ?",
        [family],
    ).fetchone()
    first, last, count = found or (None, None, 0)
    return f"{day} is not published. {count} days from {first} to {last} are."
