"""Contracts of tables: the base class, the column declarations, and the rules of a contract as expressions.

A contract is a strict pandera model. Its rules are also derived as ibis expressions, so that one scan validates a table
of any size.
"""

from __future__ import annotations

import copy
import functools
import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pandera.ibis as pa
from pandera.dtypes import immutable
from pandera.engines import ibis_engine

from cjo_assets.core.expressions.numbers import rounded
from cjo_assets.core.personal import Personal, mark_of
from cjo_assets.policy import Policy, Vocabulary, load_policy

FAILURE_CASES = 20
ANY_SEGMENT = "All"
# For `used_when` of a column: used under any policy.
ALWAYS = "always"
# Beyond it sums over a large file could no longer be rounded exactly; no customer is worth that much.
LARGEST_AMOUNT = 1e12
# Nine million of them still add up to a whole number of the engine; more than a hundred times all people.
LARGEST_COUNT = 10**12


@ibis_engine.Engine.register_dtype(equivalents=[dt.Array(dt.string)])
@immutable
class TextList(ibis_engine.DataType):
    """A list of text values, sorted wherever we made it."""

    type = dt.Array(dt.string)


@ibis_engine.Engine.register_dtype(equivalents=[dt.Array(dt.float64)])
@immutable
class NumberList(ibis_engine.DataType):
    """A list of numbers."""

    type = dt.Array(dt.float64)


@immutable
class Instant(ibis_engine.DataType):
    """An instant in UTC, to the microsecond."""

    type = dt.Timestamp(scale=6)


ibis_engine.Engine.register_dtype(Instant, equivalents=[dt.Timestamp(scale=6)])


class Contract(pa.DataFrameModel):
    """Base of all contracts: exactly these columns, of exactly these types, nothing converted."""

    class Config:
        strict = True
        coerce = False


class DatedContract(Contract):
    """Base of the contracts of tables that have a state of their own on every day."""

    as_of: date = pa.Field(description="As-of date: nothing later was known.")


def column(
    description: str,
    *,
    words: str | None = None,
    free_text: bool = False,
    free_object: bool = False,
    optional: bool = False,
    used_when: str = "",
    absent: str = "",
    personal: str | Personal | None = None,
    decimals: int | None = None,
    is_key: bool = False,
    **checks: Any,
) -> Any:
    """Describe a column of a contract.

    Args:
        description: one line, with unit in brackets and direction where there is one.
        words: the list of the policy's vocabulary that holds the allowed values.
        free_text: prose, in which line breaks are welcome.
        free_object: whatever the source puts there, objects and lists too, as JSON; what is none is a text of JSON.
        optional: a source that leaves the column out is complete all the same; it is then null. A value that breaks a
            rule is discarded, and the row is kept without it.
        used_when: the switch of the policy under which a bad value of an optional column rejects the row, since a rule
            reads it; `ALWAYS` where null has a meaning that a bad value must not get.
        absent: text of the value that an optional column gets where the source leaves it out; null unless given.
        personal: the kind of identifier it holds of a person (`core/personal.py`), by which a person is erased.
        decimals: decimal places to which the stored value is rounded, half away from zero; not rounded unless given.
        is_key: whether the column is part of the key of the table.
        checks: what `pandera.Field` takes (nullable, ge, le, gt, isin, ...).
    """
    metadata = {
        "words": words,
        "free_text": free_text,
        "free_object": free_object,
        "optional": optional,
        "used_when": used_when,
        "absent": absent,
        "personal": mark_of(personal),
        "decimals": decimals,
        "is_key": is_key,
    }
    if optional:
        checks["nullable"] = not absent
    elif used_when:
        raise ValueError(f"used_when is of optional columns; the column {description!r} is required.")
    return pa.Field(description=description, n_failure_cases=FAILURE_CASES, metadata=metadata, **checks)


def key(description: str, **properties: Any) -> Any:
    """Describe a column of the key, which identifies a row within its day; the properties are those of `column`."""
    return column(description, is_key=True, **properties)


@dataclass(frozen=True)
class Column:
    """One column of a contract, as everything that is derived from the contract sees it."""

    name: str
    type: dt.DataType
    nullable: bool
    description: str
    words: str | None
    free_text: bool
    free_object: bool
    optional: bool
    used_when: str
    absent: str
    checks: tuple[pa.Check, ...]
    personal: Personal | None = None
    decimals: int | None = None
    is_key: bool = False

    @property
    def is_required(self) -> bool:
        """Whether a source must have the column, with a value in every row."""
        return not self.nullable and not self.optional


@functools.cache
def columns_of(contract: type[Contract]) -> tuple[Column, ...]:
    """Return the columns of a contract in their order."""
    return tuple(
        Column(
            name=name,
            type=spec.dtype.type,
            nullable=spec.nullable,
            description=spec.description or "",
            words=(spec.metadata or {}).get("words"),
            free_text=(spec.metadata or {}).get("free_text", False),
            free_object=(spec.metadata or {}).get("free_object", False),
            optional=(spec.metadata or {}).get("optional", False),
            used_when=(spec.metadata or {}).get("used_when", ""),
            absent=(spec.metadata or {}).get("absent", ""),
            checks=tuple(spec.checks),
            personal=(spec.metadata or {}).get("personal"),
            decimals=(spec.metadata or {}).get("decimals"),
            is_key=(spec.metadata or {}).get("is_key", False),
        )
        for name, spec in contract.to_schema().columns.items()
    )


def key_of(contract: type[Contract]) -> tuple[str, ...]:
    """Return the columns that identify a row within its day, or within the table where it has no day.

    They are the columns declared with `key`, in the order of the contract unless its `Config.unique` gives another. A
    dated table without any has one row per day.
    """
    declared = contract.to_schema().unique or [spec.name for spec in columns_of(contract) if spec.is_key]
    return tuple(declared or (["as_of"] if issubclass(contract, DatedContract) else []))


def schema_of(contract: type[Contract]) -> ibis.Schema:
    """Return the column names and types of a contract."""
    return ibis.schema({spec.name: spec.type for spec in columns_of(contract)})


def contract_rows(contract: type[Contract], rows: ir.Table, **given: ir.Value) -> ir.Table:
    """Return the contract's columns of the rows: in its order, rounded to its decimals, cast to its types.

    Args:
        contract: the contract.
        rows: rows that have all of its columns but those given, and may have others.
        given: values of columns that the rows lack.
    """
    columns = {spec.name: given[spec.name] if spec.name in given else rows[spec.name] for spec in columns_of(contract)}
    return rows.select(**{spec.name: _as_stored(columns[spec.name], spec) for spec in columns_of(contract)})


def _as_stored(value: ir.Value, spec: Column) -> ir.Value:
    return (value if spec.decimals is None else rounded(value, spec.decimals)).cast(spec.type)


def pandera_schema(contract: type[Contract], vocabulary: Vocabulary) -> pa.DataFrameSchema:
    """Return the contract as a pandera schema in which the policy's vocabulary has become checks."""
    # pandera keeps one schema per model: what is changed must be a copy.
    schema = copy.deepcopy(contract.to_schema())
    schema.unique = list(key_of(contract)) or None
    for spec in columns_of(contract):
        if spec.words:
            allowed = pa.Check.isin(allowed_words(spec, vocabulary), n_failure_cases=FAILURE_CASES)
            schema.columns[spec.name].checks = [*schema.columns[spec.name].checks, allowed]
    return schema


def allowed_words(spec: Column, vocabulary: Vocabulary) -> list[str]:
    """Return the values an enumerated column may hold."""
    return list(getattr(vocabulary, spec.words or ""))


def described(spec: Column) -> str:
    """Return the description of a column with the values it may have, unless it names them all.

    Values that the policy's vocabulary defines are those of the packaged policy.
    """
    values = [str(value) for check in spec.checks if check.name == "isin" for value in _bounds(check)["allowed_values"]]
    if spec.words:
        values = allowed_words(spec, _packaged_vocabulary())
    if all(re.search(rf"(?<![\w-]){re.escape(value)}(?![\w-])", spec.description) for value in values):
        return spec.description
    origin = f" (`vocabulary.{spec.words}` of the policy)" if spec.words else ""
    return f"{spec.description} One of: {', '.join(f'`{value}`' for value in values)}{origin}."


@functools.cache
def _packaged_vocabulary() -> Vocabulary:
    return load_policy().vocabulary


def is_discardable(spec: Column, policy: Policy) -> bool:
    """Return whether a bad value of the column is discarded under a policy; otherwise it rejects the row."""
    if not spec.optional or spec.used_when == ALWAYS:
        return False
    return not (spec.used_when and functools.reduce(getattr, spec.used_when.split("."), policy))


def may_discard(contract: type[Contract]) -> bool:
    """Return whether any policy discards values of a contract's columns."""
    return any(spec.optional and spec.used_when != ALWAYS for spec in columns_of(contract))


def breaches(contract: type[Contract], table: ir.Table, vocabulary: Vocabulary) -> dict[str, ir.BooleanValue]:
    """Return, per rule of the contract that a single row can break, whether each row breaks it.

    The rules are those of pandera, as expressions of the table: all of them are counted in one scan. A null is tested
    by nullability alone. NaN and infinity are breaches, since they are neither numbers nor missing.
    """
    rules: dict[str, ir.BooleanValue] = {}
    for spec in columns_of(contract):
        value = table[spec.name]
        if not spec.nullable:
            rules[f"{spec.name}: missing"] = value.isnull()
        if spec.type.is_floating():
            rules[f"{spec.name}: not a number"] = (value.isnan() | value.isinf()).fill_null(False)
        for check in spec.checks:
            rules[f"{spec.name}: {_wording(check)}"] = (~_holds(check, value)).fill_null(False)
        if spec.words:
            unknown = value.notin(allowed_words(spec, vocabulary))
            rules[f"{spec.name}: not in the policy's {spec.words}"] = unknown.fill_null(False)
    return rules


def any_of(conditions: Iterable[ir.BooleanValue]) -> ir.BooleanValue:
    """Return whether at least one condition holds."""
    return functools.reduce(operator.or_, conditions, ibis.literal(False))


def names_where(conditions: dict[str, ir.BooleanValue]) -> ir.ArrayValue:
    """Return the sorted names of the conditions that hold in a row."""
    named = [
        condition.ifelse(ibis.literal(name), ibis.null("string")) for name, condition in sorted(conditions.items())
    ]
    return ibis.array(named).filter(lambda name: name.notnull())


_COMPARISONS: dict[str, tuple[str, str, Callable[[Any, Any], Any]]] = {
    "greater_than_or_equal_to": ("min_value", "below", operator.ge),
    "greater_than": ("min_value", "not above", operator.gt),
    "less_than_or_equal_to": ("max_value", "above", operator.le),
    "less_than": ("max_value", "not below", operator.lt),
}


def _bounds(check: pa.Check) -> dict[str, Any]:
    return dict(check.statistics or {})


def _wording(check: pa.Check) -> str:
    if check.name in _COMPARISONS:
        bound, word, _ = _COMPARISONS[check.name]
        return f"{word} {_bounds(check)[bound]}"
    return f"not one of {', '.join(map(str, _bounds(check)['allowed_values']))}"


def _holds(check: pa.Check, value: ir.Value) -> ir.BooleanValue:
    if check.name in _COMPARISONS:
        bound, _, compare = _COMPARISONS[check.name]
        return compare(value, _bounds(check)[bound])
    if check.name == "isin":
        return value.isin(list(_bounds(check)["allowed_values"]))
    raise TypeError(f"No expression is known for the pandera check {check.name}; add it to cjo_assets.core.contract.")
