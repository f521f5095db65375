"""Small tables by hand: rows as dictionaries in, rows as dictionaries out."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import ibis
import ibis.expr.types as ir

from cjo_assets.core.contract import (
    Column,
    Contract,
    DatedContract,
    allowed_words,
    columns_of,
    contract_rows,
    key_of,
    schema_of,
)
from cjo_assets.engine.validation import judged
from cjo_assets.policy import Policy, load_policy
from cjo_assets_tests.support.engine import BACKEND, made_of, stored

Row = dict[str, Any]
Rows = list[Row]

DAY = date(2025, 1, 20)
LONG_AGO = date(2024, 1, 1)
POLICY = load_policy()


def day(offset: int) -> date:
    """Return the as-of date, moved by so many days."""
    return DAY + timedelta(days=offset)


def as_of(offset: int = 0) -> ir.DateScalar:
    """Return the as-of date, moved by so many days, as a transform takes it."""
    return ibis.literal(day(offset), "date")


def instant(moment: str) -> datetime:
    """Return an instant of UTC as the tables hold it."""
    return datetime.fromisoformat(moment)


def table_of(contract: type[Contract], rows: Sequence[Row], **for_all: Any) -> ir.Table:
    """Return rows as a transform sees them: typed by the contract, without the column as_of.

    Columns that neither a row nor `for_all` names hold null where they may, otherwise the same valid value; texts of
    the key get the row's number.
    """
    table = days_of(contract, [{"as_of": DAY} | row for row in rows] if _is_dated(contract) else rows, **for_all)
    return table.drop("as_of") if _is_dated(contract) else table


def days_of(contract: type[Contract], rows: Sequence[Row], **for_all: Any) -> ir.Table:
    """Return rows as `table_of` does, but of a dated table with its column as_of."""
    schema = schema_of(contract)
    filled = [default_row(contract, number) | for_all | row for number, row in enumerate(rows, start=1)]
    unknown = {name for row in filled for name in row} - set(schema)
    if unknown:
        raise KeyError(f"{contract.__name__} has no column {', '.join(sorted(unknown))}")
    return made_of(filled, schema)


def default_row(contract: type[Contract], number: int) -> Row:
    """Return a valid row without information; rows of different numbers differ in their key."""
    key = key_of(contract)
    return {spec.name: _default(spec, number, spec.name in key) for spec in columns_of(contract)}


def rows_of(table: ir.Table) -> Rows:
    """Return the rows of an expression."""
    found: Rows = BACKEND.to_pyarrow(table).to_pylist()
    return found


def by(key: str | tuple[str, ...], rows: Sequence[Row]) -> dict[Any, Row]:
    """Return rows by their key, which must be one."""
    found = {row[key] if isinstance(key, str) else tuple(row[name] for name in key): row for row in rows}
    assert len(found) == len(rows), f"{key} is no key of {rows}"
    return found


def kept(contract: type[Contract], table: ir.Table, as_of: date = DAY, policy: Policy = POLICY) -> Rows:
    """Return the rows of a transform as the warehouse would store them, validated by the contract."""
    day = {"as_of": ibis.literal(as_of, "date")} if _is_dated(contract) else {}
    found = stored(contract_rows(contract, table, **day))
    verdict = judged(found, contract, policy.vocabulary)
    assert verdict.passed, verdict
    return rows_of(found)


def policy_with(**changes: Any) -> Policy:
    """Return the packaged policy with numbers changed, named by their path with __ for each dot."""
    content = POLICY.model_dump()
    for path, value in changes.items():
        *sections, name = path.split("__")
        part = content
        for section in sections:
            part = part[section]
        assert name in part, path
        part[name] = value
    return Policy.model_validate(content)


def _is_dated(contract: type[Contract]) -> bool:
    return issubclass(contract, DatedContract)


def _default(spec: Column, number: int, is_key: bool) -> Any:
    if spec.nullable:
        return None
    if spec.words:
        return allowed_words(spec, POLICY.vocabulary)[0]
    for check in spec.checks:
        if check.name == "isin":
            allowed = list(check.statistics["allowed_values"])
            return allowed[(number - 1) % len(allowed) if is_key else 0]
    lowest = next((check.statistics["min_value"] for check in spec.checks if "min_value" in check.statistics), 0)
    if any(check.name == "greater_than" for check in spec.checks):
        lowest += 0.5
    values = {
        "String": f"{spec.name} {number}" if is_key else spec.name,
        "Int64": number if is_key else int(lowest),
        "Float64": float(lowest),
        "Boolean": False,
        "Date": LONG_AGO + timedelta(days=number) if is_key else LONG_AGO,
        "Timestamp": datetime(2024, 1, 1),
        "Array": [],
    }
    return values[type(spec.type).__name__]
