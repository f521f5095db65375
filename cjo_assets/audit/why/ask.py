"""Queries of `cjo why`: the decision for a customer or an intervention from the published database.

All queries are by customer and day, by which the tables are sorted, so the engine reads a few blocks of each.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import duckdb

from cjo_assets.audit.why.chain import POLICY, QUERIES, RUN_OF_DAY, Why, answer_of, policy_values
from cjo_assets.core.errors import WarehouseError
from cjo_assets.core.family import decision_table
from cjo_assets.core.settings import Settings
from cjo_assets.families.audit.records.decision_ledger import LEDGER
from cjo_assets.warehouse.published import read_only, rows_of

OF_SUBJECT = "WHERE customer_id = $customer AND intervention_id = $subject AND as_of <= $day"
NEWEST = "SELECT max(as_of) FROM audit.runs WHERE is_published AND family = 'journey'"
DATASETS_REJECTED = (
    "SELECT table_name FROM duckdb_tables() WHERE database_name = 'published' AND schema_name = 'quarantine'"
)


def explained(settings: Settings, subject: str, day: date | None) -> Why:
    """Return the explanation of the decision for a customer, or the customer of an intervention, on a day.

    Args:
        settings: the settings.
        subject: id of a customer or an intervention.
        day: the day; None for the latest, or the last on which the intervention was decided.

    Raises:
        WarehouseError: there is no published database, or the subject or the day is unknown.
    """
    with read_only(settings.published) as reader:
        newest = (reader.execute(NEWEST).fetchone() or (None,))[0]
        if newest is None:
            raise WarehouseError(f"The published database {settings.published} contains no days.")
        customer, intervention, decided = _meant(reader, subject, day or newest)
        as_of = day or decided or newest
        given: dict[str, Any] = {"customer": customer, "day": as_of}
        run = next(iter(rows_of(reader, RUN_OF_DAY, given)), None)
        if run is None:
            raise WarehouseError(_no_such_day(reader, as_of))
        given |= {"run_id": run["run_id"], "policy_hash": run["policy_hash"]}
        parts = {name: rows_of(reader, query, given) for name, query in QUERIES.items()}
        policy = next(iter(rows_of(reader, POLICY, given)), {})
    state = next(iter(parts["states"]), {})
    types = sorted({name for row in parts["signals"] for name in row["signal_types"]})
    values = policy_values(policy["content"], state.get("segment"), state.get("journey_stage"), types) if policy else {}
    authorship = {name: value for name, value in policy.items() if name != "content"}
    return Why(customer, as_of, intervention, answer_of(parts, intervention), run, authorship, values, parts)


def _meant(reader: duckdb.DuckDBPyConnection, subject: str, day: date) -> tuple[str, str | None, date | None]:
    """Return the customer, the intervention if given, and the last day by `day` on which it was decided."""
    if reader.execute("SELECT 1 FROM journey.customers WHERE customer_id = ?", [subject]).fetchone():
        return subject, None, None
    places = (
        "SELECT customer_id FROM journey.outcome_analyses WHERE as_of = $day AND intervention_id = $subject",
        "SELECT customer_id FROM journey.recommended_interventions WHERE as_of <= $day AND intervention_id = $subject",
        "SELECT customer_id FROM journey.interventions WHERE intervention_id = $subject AND $day IS NOT NULL",
        "SELECT customer_id FROM audit.decision_ledger WHERE as_of <= $day AND intervention_id = $subject",
    )
    for query in places:
        row = reader.execute(f"{query} LIMIT 1", {"subject": subject, "day": day}).fetchone()
        if row is not None:
            given = {"customer": row[0], "subject": subject, "day": day}
            decided = reader.execute(
                " UNION ALL ".join(
                    f"SELECT max(as_of) FROM {table} {OF_SUBJECT}" for table in (decision_table().full_name, LEDGER)
                ),
                given,
            ).fetchall()
            return row[0], subject, next((found for (found,) in decided if found is not None), None)
    for (dataset,) in reader.execute(DATASETS_REJECTED).fetchall():
        query = f"SELECT customer_id FROM quarantine.{dataset} WHERE customer_id = $subject OR record_key = $subject"
        row = reader.execute(f"{query} ORDER BY customer_id NULLS LAST LIMIT 1", {"subject": subject}).fetchone()
        if row is not None:
            return row[0] or subject, None, None
    raise WarehouseError(f"Unknown customer or intervention {subject} in the days published by {day}.")


def _no_such_day(reader: duckdb.DuckDBPyConnection, day: date) -> str:
    found = reader.execute(
        "SELECT min(as_of), max(as_of), count(DISTINCT as_of) FROM audit.runs WHERE is_published AND family = 'journey'"
    ).fetchone()
    first, last, count = found or (None, None, 0)
    return f"{day} is not published. {count} days from {first} to {last} are."
