"""Explanation of rows that one family wrote for another, down to the raw rows of the family that wrote them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import duckdb

from cjo_assets.core.contract import columns_of, key_of
from cjo_assets.core.dataset import Dataset
from cjo_assets.core.family import Exchange, Family, written_files
from cjo_assets.core.questions import ExplainedRow, Row
from cjo_assets.engine.accepted_records import SEPARATOR, accepted_records, key_text, record_date, with_files
from cjo_assets.engine.sql import quoted_names
from cjo_assets.warehouse.published import rows_of

CUSTOMER = "customer_id"
# The file that a run could read was written after the newest day that was published before.
WRITTEN_BY = """
    SELECT runs.as_of, runs.policy_hash, policies.content FROM audit.runs AS runs
    LEFT JOIN audit.policies AS policies USING (policy_hash)
    WHERE runs.is_published AND runs.family = $family AND runs.ended_at <= $ended_at
    ORDER BY runs.as_of DESC, runs.ended_at DESC LIMIT 1"""
STORED = "SELECT 1 FROM duckdb_tables() WHERE database_name = 'published' AND schema_name || '.' || table_name = $table"


def explained_rows(
    reader: duckdb.DuckDBPyConnection, family: Family, customer: str, day: date, ended_at: datetime
) -> list[ExplainedRow]:
    """Return the exchanged rows about a customer that a day of a family could see, each explained.

    Args:
        reader: the published database.
        family: the family that reads the rows.
        customer: the customer.
        day: the day.
        ended_at: end of the run of the day.
    """
    found = []
    for dataset, writer, exchange in _exchanged(family):
        if not _is_stored(reader, family, dataset):
            continue
        names = quoted_names(spec.name for spec in columns_of(dataset.contract))
        query = (
            f"SELECT {names} FROM {family.name}.{dataset.lookup} "
            f"WHERE {CUSTOMER} = $customer AND coalesce({record_date(dataset)} <= $day, TRUE) "
            f"ORDER BY {record_date(dataset)}, {quoted_names(key_of(dataset.contract))}"
        )
        written = next(iter(rows_of(reader, WRITTEN_BY, {"family": writer.name, "ended_at": ended_at})), {})
        for row in rows_of(reader, query, {"customer": customer, "day": day}):
            found.append(_explained(reader, dataset, writer, exchange, row, written))
    return found


def customer_of_row(reader: duckdb.DuckDBPyConnection, family: Family, key: str) -> str | None:
    """Return the customer of an exchanged row, by the key of the row; None if there is none."""
    for dataset, _, _ in _exchanged(family):
        if _is_stored(reader, family, dataset):
            query = (
                f"SELECT {CUSTOMER} FROM {family.name}.{dataset.lookup} WHERE {key_text(key_of(dataset.contract))} = ?"
            )
            row = reader.execute(query, [key]).fetchone()
            if row is not None:
                return str(row[0])
    return None


def _exchanged(family: Family) -> Iterator[tuple[Dataset, Family, Exchange]]:
    """Yield the datasets of a family that other families write, with the family that writes each."""
    files = written_files()
    for dataset in family.datasets:
        if dataset.exchange in files:
            yield (dataset, *files[dataset.exchange])


def _is_stored(reader: duckdb.DuckDBPyConnection, family: Family, dataset: Dataset) -> bool:
    """Return whether the published database has the accepted rows of a dataset."""
    return reader.execute(STORED, {"table": f"{family.name}.{dataset.lookup}"}).fetchone() is not None


def _explained(
    reader: duckdb.DuckDBPyConnection, dataset: Dataset, writer: Family, exchange: Exchange, row: Row, written: Row
) -> ExplainedRow:
    """Return a row with its records, and the rule of the policy that the writing family had."""
    explanation = exchange.explanation
    records, missing = records_of(reader, writer, row[explanation.evidence], row[CUSTOMER], explanation.shown)
    rule = ""
    values: dict[str, Any] = {}
    if written.get("content"):
        section = json.loads(written["content"]).get(writer.name, {})
        rule, values = explanation.rule(row, [record["values"] for record in records], section)
    return ExplainedRow(
        dataset.name,
        writer.name,
        row,
        written.get("as_of"),
        written.get("policy_hash"),
        rule,
        values,
        records,
        missing,
    )


def records_of(
    reader: duckdb.DuckDBPyConnection,
    writer: Family,
    evidence: Sequence[str],
    customer: str,
    shown: Mapping[str, Sequence[str]],
) -> tuple[list[Row], list[str]]:
    """Return the records of a customer that evidence names as dataset:key, and the evidence without one."""
    named: defaultdict[str, list[str]] = defaultdict(list)
    for text in evidence:
        name, _, key = text.partition(":")
        named[name].append(key)
    queries, given = [], dict[str, Any](customer=customer)
    datasets = {dataset.name: dataset for dataset in writer.datasets}
    for name in sorted(named):
        if name in datasets and _is_stored(reader, writer, datasets[name]):
            queries.append(accepted_records(datasets[name], writer.name, _condition(datasets[name], f"${name}")))
            given[name] = named[name]
    records = rows_of(reader, with_files(queries), given) if queries else []
    for record in records:
        content = json.loads(record["content"])
        named_columns = shown.get(record["dataset"], ())
        record["values"] = {"dataset": record["dataset"]} | {column: content[column] for column in named_columns}
    seen = {(record["dataset"], _without(record["record_key"], customer)) for record in records}
    missing = [f"{name}:{key}" for name, keys in sorted(named.items()) for key in keys if (name, key) not in seen]
    return records, missing


def _condition(dataset: Dataset, keys: str) -> str:
    """Return the condition for the records with some keys, which do not name the customer."""
    names = [spec.name for spec in columns_of(dataset.contract)]
    own = f"{CUSTOMER} = $customer AND " if CUSTOMER in names else ""
    key = key_text([name for name in key_of(dataset.contract) if name != CUSTOMER])
    return f"{own}list_contains({keys}, {key})"


def _without(key: str, customer: str) -> str:
    """Return a key without the customer."""
    return SEPARATOR.join(part for part in key.split(SEPARATOR) if part != customer)
