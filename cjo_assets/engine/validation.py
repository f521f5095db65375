"""Validation of tables against their contracts.

The contract is a pandera model. pandera validates names and types without reading a row. The rules for values, and the
key, are counted in one scan by expressions derived from the model (`core.contract`); for a broken rule pandera
validates the failing rows and words the message. So a table of any size stays in the engine, and a test compares both
results.
"""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.types as ir
import pandera.errors
import pandera.ibis as pa
from pandera.config import ValidationDepth, config_context

from cjo_assets.core.check_result import CheckResult
from cjo_assets.core.contract import FAILURE_CASES, Contract, any_of, breaches, columns_of, key_of, pandera_schema
from cjo_assets.core.expressions.hashing import hash_of
from cjo_assets.engine.statements import Statements
from cjo_assets.policy import Vocabulary

JUDGED, ROWS, KEYS = "judged_rows", "rows", "keys"
_QUESTIONS = Statements(keep=500)


def judged(table: ir.Table, contract: type[Contract], vocabulary: Vocabulary) -> CheckResult:
    """Validate a table against its contract.

    Columns beyond the contract are rules: each is named after a rule and marks the rows that break it.
    """
    names = {spec.name for spec in columns_of(contract)}
    relations = [name for name in table.columns if name not in names]
    schema = pandera_schema(contract, vocabulary)
    if relations:
        schema = schema.add_columns(
            {name: pa.Column(bool, pa.Check.isin([False]), nullable=True) for name in relations}
        )
    wrong_shape = _wrong_shape(schema, table)
    if wrong_shape:
        return CheckResult(0, dict.fromkeys(wrong_shape, 1), [], tuple(wrong_shape))
    key = key_of(contract)
    counts = _counted(table, contract, vocabulary)
    rows = counts.pop(ROWS)
    repeated = rows - counts.pop(KEYS) if key else 0
    broken = {rule: count for rule, count in counts.items() if count}
    if repeated:
        broken["key: not unique"] = repeated
    if not broken:
        return CheckResult(rows, {}, [])
    is_offender = any_of(_rules(table, contract, vocabulary).values())
    if repeated:
        is_offender |= table.count().over(ibis.window(group_by=[table[name] for name in key])) > 1
    offenders = table.filter(is_offender).limit(FAILURE_CASES).to_pyarrow()
    shown = [_shown(found, key, names) for found in offenders.to_pylist()]
    return CheckResult(rows, broken, shown, _wording(schema, offenders, table))


def _rules(table: ir.Table, contract: type[Contract], vocabulary: Vocabulary) -> dict[str, ir.BooleanValue]:
    names = {spec.name for spec in columns_of(contract)}
    relations = {name: table[name] for name in table.columns if name not in names}
    return breaches(contract, table, vocabulary) | relations


def _counted(table: ir.Table, contract: type[Contract], vocabulary: Vocabulary) -> dict[str, int]:
    """Return the number of rows, of rows that break each rule, and of keys.

    The counts are the same for all tables of a contract, over whatever rows precede them.
    """
    backend = table.get_backend()
    schema = table.schema()
    origin = (backend.name, contract, schema)

    def of_rules(words: Vocabulary) -> str:
        rows = ibis.table(schema, name=JUDGED)
        rules = {rule: rows.count(where=is_broken) for rule, is_broken in _rules(rows, contract, words).items()}
        if key:
            rules[KEYS] = hash_of(*(rows[name] for name in key)).nunique()
        sql: str = backend.compile(rows.agg(rows.count().name(ROWS), **rules))
        return sql

    def of_keys(_: Vocabulary) -> str:
        rows = ibis.table(schema, name=JUDGED)
        sql: str = backend.compile(rows.select(*key).distinct().agg(lambda keys: keys.count().name(KEYS)))
        return sql

    key = key_of(contract)
    before = f"WITH {JUDGED} AS ({backend.compile(table)})"

    def asked(question: str) -> dict[str, int]:
        found = backend.raw_sql(f"{before} {question}")
        return dict(zip([column[0] for column in found.description], found.fetchone(), strict=True))

    counts = asked(_QUESTIONS.written(("rules", *origin), vocabulary, of_rules))
    # As many hashes as rows means as many keys; fewer may be a collision, so the keys themselves are counted.
    if key and counts[KEYS] < counts[ROWS]:
        counts |= asked(_QUESTIONS.written(("keys", *origin), vocabulary, of_keys))
    return counts


def _wrong_shape(schema: pa.DataFrameSchema, table: ir.Table) -> list[str]:
    """Return the differences in names and types that pandera finds, without reading a row."""
    shape = pa.DataFrameSchema(
        {name: pa.Column(spec.dtype, nullable=True) for name, spec in schema.columns.items()}, strict=True
    )
    try:
        with config_context(validation_depth=ValidationDepth.SCHEMA_ONLY):
            shape.validate(table, lazy=True)
    except pandera.errors.SchemaErrors as errors:
        return sorted({str(error) for error in errors.schema_errors})
    return []


def _wording(schema: pa.DataFrameSchema, offenders: Any, table: ir.Table) -> tuple[str, ...]:
    """Return the message of pandera for the failing rows, at most `FAILURE_CASES`."""
    schema.unique = None
    rows = ibis.memtable(offenders, schema=table.schema())
    try:
        schema.validate(rows, lazy=True)
    except pandera.errors.SchemaErrors as errors:
        return tuple(str(error) for error in errors.schema_errors)
    return ()


def _shown(row: dict[str, Any], key: tuple[str, ...], names: set[str]) -> dict[str, Any]:
    """Return the key of a row, its customer, and the rules beyond the contract that it breaks."""
    keep = [*key, *(name for name in ("customer_id",) if name in names and name not in key)]
    broken = [name for name, value in row.items() if name not in names and value is True]
    return {name: str(row[name]) for name in keep or sorted(names)} | ({"broken": ", ".join(broken)} if broken else {})
