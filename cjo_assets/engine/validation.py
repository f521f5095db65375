"""Validation of tables against their contracts.

The contract is a pandera model. pandera validates names and types without reading a row. The rules for values, and the
key, are counted in one scan by expressions derived from the model (`core.contract`); for a broken rule pandera
validates the failing rows and words the message. So a table of any size stays in the engine, and a test compares both
results.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
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


def judged(
    table: ir.Table, contract: type[Contract], vocabulary: Vocabulary, counts: dict[str, int] | None = None
) -> CheckResult:
    """Validate a table against its contract.

    Columns beyond the contract are rules: each is named after a rule and marks the rows that break it.

    Args:
        table: the table.
        contract: its contract.
        vocabulary: the allowed words.
        counts: the row of `breach_counts`, where it is known already.
    """
    wrong_shape = shape_errors(contract, table.schema())
    if wrong_shape:
        return CheckResult(0, dict.fromkeys(wrong_shape, 1), [], wrong_shape)
    key = key_of(contract)
    counts = dict(counts or _counted(table, contract, vocabulary))
    # Fewer may be a collision of hashes or rows in another order, so the keys themselves are counted.
    if key and counts[KEYS] < counts[ROWS]:
        counts[KEYS] = int(table.select(*key).distinct().count().to_pyarrow().as_py())
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
    names = {spec.name for spec in columns_of(contract)}
    shown = [_shown(found, key, names) for found in offenders.to_pylist()]
    schema = _with_relations(pandera_schema(contract, vocabulary), contract, table.columns)
    return CheckResult(rows, broken, shown, _wording(schema, offenders, table))


def _rules(table: ir.Table, contract: type[Contract], vocabulary: Vocabulary) -> dict[str, ir.BooleanValue]:
    names = {spec.name for spec in columns_of(contract)}
    relations = {name: table[name] for name in table.columns if name not in names}
    return breaches(contract, table, vocabulary) | relations


def _counted(table: ir.Table, contract: type[Contract], vocabulary: Vocabulary) -> dict[str, int]:
    """Return the row of `breach_counts`; its statement is the same for all tables of a contract."""
    backend, schema = table.get_backend(), table.schema()

    def question(words: Vocabulary) -> str:
        sql: str = backend.compile(breach_counts(ibis.table(schema, name=JUDGED), contract, words))
        return sql

    counted = _QUESTIONS.written((backend.name, contract, schema), vocabulary, question)
    found = backend.raw_sql(f"WITH {JUDGED} AS ({backend.compile(table)}) {counted}")
    return dict(zip([column[0] for column in found.description], found.fetchone(), strict=True))


def breach_counts(
    table: ir.Table,
    contract: type[Contract],
    vocabulary: Vocabulary,
    conditions: Mapping[str, ir.BooleanValue] | None = None,
    stored_keys: ir.Table | None = None,
) -> ir.Table:
    """Return one row: the number of rows, of rows that break each rule, of rows under other conditions, and of keys.

    The number of keys is a lower bound: fewer than there are rows do not prove that one occurs twice.

    Args:
        table: the rows.
        contract: their contract.
        vocabulary: the allowed words.
        conditions: further conditions of the rows by name.
        stored_keys: the keys of the rows in the order in which they are stored, if that is the order of the keys.
    """
    rules = _rules(table, contract, vocabulary) | dict(conditions or {})
    counts = {rule: table.count(where=is_broken) for rule, is_broken in rules.items()}
    key = key_of(contract)
    if key:
        hashes = hash_of(*(table[name] for name in key)).nunique()
        counts[KEYS] = hashes if stored_keys is None else _rising(stored_keys, key)
    return table.agg(table.count().name(ROWS), **counts)


def _rising(keys: ir.Table, key: tuple[str, ...]) -> ir.IntegerScalar:
    """Count the keys that are greater than the one before; they are as many as the rows only if no key is repeated.

    Reading keys in order needs no memory, which counting distinct ones does.
    """
    keys = keys.mutate(**{f"before_{name}": keys[name].lag() for name in key})
    is_greater = ibis.literal(False)
    for name in reversed(key):
        value, before = keys[name], keys[f"before_{name}"]
        is_greater = (value > before) | ((value == before) & is_greater)
    # The first key has none before it, and a comparison with a null does not count.
    return (keys.count(where=is_greater) + ibis.least(keys.count(), 1)).as_scalar()


def is_clean(counts: dict[str, int]) -> bool:
    """Return whether the counts of `breach_counts` show that no rule is broken and no key repeated."""
    rows = counts[ROWS]
    return counts.get(KEYS, rows) == rows and not any(counts[name] for name in counts if name not in (ROWS, KEYS))


@functools.cache
def shape_errors(contract: type[Contract], columns: ibis.Schema) -> tuple[str, ...]:
    """Return the differences between the columns of a table and a contract, as pandera words them.

    Columns beyond the contract are allowed if they are boolean.
    """
    declared = _with_relations(contract.to_schema(), contract, columns.names)
    shape = pa.DataFrameSchema(
        {name: pa.Column(spec.dtype, nullable=True) for name, spec in declared.columns.items()}, strict=True
    )
    try:
        with config_context(validation_depth=ValidationDepth.SCHEMA_ONLY):
            shape.validate(ibis.table(columns, name="rows"), lazy=True)
    except pandera.errors.SchemaErrors as errors:
        return tuple(sorted({str(error) for error in errors.schema_errors}))
    return ()


def _with_relations(schema: pa.DataFrameSchema, contract: type[Contract], names: Iterable[str]) -> pa.DataFrameSchema:
    """Return a schema with the columns beyond the contract, of which no row may be true."""
    own = {spec.name for spec in columns_of(contract)}
    relations = [name for name in names if name not in own]
    rule = pa.Column(bool, pa.Check.isin([False]), nullable=True)
    return schema.add_columns(dict.fromkeys(relations, rule)) if relations else schema


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
