"""Tests of validation on every declared contract: counting in one scan and pandera have the same result.

pandera queries the engine once per column and check. It validates contracts that together have a column of every kind.
"""

from collections import Counter
from typing import Any

import ibis
import ibis.expr.types as ir
import pandera.errors
import pytest
from pandera.config import ValidationDepth, config_context

from cjo_assets.catalog import all_families
from cjo_assets.core.check_result import CheckResult
from cjo_assets.core.contract import (
    Column,
    Contract,
    columns_of,
    key_of,
    pandera_schema,
    schema_of,
)
from cjo_assets.engine import validation
from cjo_assets.engine.validation import judged
from cjo_assets_tests.support.rows import POLICY, Row, Rows, default_row, made_of

MISSING, VALUE, KEY = "missing", "value", "key"
NOT_A_WORD = "no such word"
KEY_RULE = "key: not unique"
NAN = float("nan")

TABLES = [table for family in all_families() for table in family.tables]
AUDITED = [audit.contract for table in TABLES for audit in table.checks if audit.contract is not None]
CONTRACTS = sorted({table.contract for table in TABLES} | set(AUDITED), key=lambda contract: contract.__name__)


def frame(contract: type[Contract], breaches: list[Row]) -> ir.Table:
    """Return one row per breach: valid but for the cells that the breach names."""
    rows = [default_row(contract, number) | breach for number, breach in enumerate(breaches, start=1)]
    return made_of(rows, schema_of(contract))


def one_scan(contract: type[Contract], verdict: CheckResult) -> Counter[tuple[str, str]]:
    """Return column and kind of what our verdict finds broken, counted by rule."""
    parts = [rule.partition(": ") for rule in verdict.broken]
    kinds = {MISSING: MISSING, "not unique": KEY}
    return Counter((contract.__name__ if name == "key" else name, kinds.get(rule, VALUE)) for name, _, rule in parts)


def panderas(contract: type[Contract], table: ir.Table) -> Counter[tuple[str, str]]:
    """Return column and kind of what pandera itself finds broken, counted by rule."""
    kinds = {"SERIES_CONTAINS_NULLS": MISSING, "DATAFRAME_CHECK": VALUE, "DUPLICATES": KEY}
    return Counter((error.schema.name, kinds[error.reason_code.name]) for error in pandera_errors(contract, table))


def pandera_errors(
    contract: type[Contract], table: ir.Table, depth: ValidationDepth = ValidationDepth.SCHEMA_AND_DATA
) -> list[Any]:
    """Return the result of pandera."""
    try:
        with config_context(validation_depth=depth):
            pandera_schema(contract, POLICY.vocabulary).validate(table, lazy=True)
    except pandera.errors.SchemaErrors as errors:
        return list(errors.schema_errors)
    return []


def step(bound: float) -> float:
    """Return a distance from a bound that its precision can show."""
    return max(1, abs(bound))


def bad_values(spec: Column) -> list[Any]:
    """Return one value per check of a column that breaks this check and no other."""
    values: list[Any] = [NOT_A_WORD] if spec.words else []
    for check in spec.checks:
        limits = {
            "greater_than_or_equal_to": lambda bounds: bounds["min_value"] - step(bounds["min_value"]),
            "greater_than": lambda bounds: bounds["min_value"],
            "less_than_or_equal_to": lambda bounds: bounds["max_value"] + step(bounds["max_value"]),
            "less_than": lambda bounds: bounds["max_value"],
            "isin": lambda _: NOT_A_WORD,
        }
        values.append(limits[check.name](check.statistics))
    return values


def floats(contract: type[Contract]) -> list[Column]:
    """Return the columns that may hold NaN."""
    return [spec for spec in columns_of(contract) if spec.type.is_floating()]


def repeated(key: tuple[str, ...], rows: Rows) -> int:
    """Count the rows with the key of an earlier row."""
    return len(rows) - len({str([row[name] for name in key]) for row in rows}) if key else 0


def kinds_of_columns(contract: type[Contract]) -> set[tuple[Any, ...]]:
    """Return the kinds of columns of a contract: type, missing values, checks, and place in the key."""
    return {
        (spec.type, spec.nullable, tuple(check.name for check in spec.checks), spec.words is None, spec.is_key)
        for spec in columns_of(contract)
    }


def with_every_kind_of_column(contracts: list[type[Contract]]) -> list[type[Contract]]:
    """Return contracts that together have every kind of column: each time the one with most kinds not yet seen."""
    chosen, missing = [], set().union(*map(kinds_of_columns, contracts))
    while missing:
        chosen.append(max(contracts, key=lambda contract: len(kinds_of_columns(contract) & missing)))
        missing -= kinds_of_columns(chosen[-1])
    return chosen


def name_of(contract: type[Contract]) -> str:
    """Return the name a test case goes by."""
    return contract.__name__


WITH_FLOATS_OF_ALL_SORTS = [
    contract for contract in CONTRACTS if {spec.nullable for spec in floats(contract)} == {True, False}
][:2]
ASKED_OF_PANDERA = with_every_kind_of_column(CONTRACTS)
each_contract = pytest.mark.parametrize("contract", CONTRACTS, ids=name_of)


@pytest.fixture
def without_wording(monkeypatch: pytest.MonkeyPatch) -> None:
    """Return results without messages: pandera would validate every breach a second time."""
    monkeypatch.setattr(validation, "_wording", lambda *_: ())


@each_contract
@pytest.mark.usefixtures("without_wording")
def test_every_rule_is_found(contract: type[Contract]) -> None:
    specs = columns_of(contract)
    breaches = [((spec.name, MISSING), {spec.name: None}) for spec in specs if not spec.nullable]
    breaches += [((spec.name, VALUE), {spec.name: value}) for spec in specs for value in bad_values(spec)]
    assert breaches
    rows = [default_row(contract, number) | cells for number, (_, cells) in enumerate(breaches, start=1)]
    # One valid row is duplicated. If the key is an enumeration, other rows must be too, for lack of values.
    rows += [default_row(contract, len(breaches) + 1)] * 2
    expected = Counter(rule for rule, _ in breaches)
    if key_of(contract):
        expected[contract.__name__, KEY] = 1
    table = made_of(rows, schema_of(contract))
    verdict = judged(table, contract, POLICY.vocabulary)
    assert one_scan(contract, verdict) == expected
    if contract in ASKED_OF_PANDERA:
        assert panderas(contract, table) == expected
    counts = dict(verdict.broken)
    assert counts.pop(KEY_RULE, 0) == repeated(key_of(contract), rows)
    assert set(counts.values()) == {1}, "each row breaks the one rule it was made to break"


@pytest.mark.parametrize("contract", [contract for contract in CONTRACTS if floats(contract)], ids=name_of)
@pytest.mark.usefixtures("without_wording")
def test_nan_is_a_breach(contract: type[Contract]) -> None:
    specs = floats(contract)
    table = frame(contract, [{spec.name: NAN} for spec in specs])
    found = {name for name, kind in one_scan(contract, judged(table, contract, POLICY.vocabulary)) if kind == VALUE}
    assert found == {spec.name for spec in specs}


@pytest.mark.parametrize("contract", WITH_FLOATS_OF_ALL_SORTS, ids=name_of)
def test_to_pandera_nan_is_null(contract: type[Contract]) -> None:
    """Where a column may be null and has no upper bound, only the scan objects."""
    specs = floats(contract)
    seen = {name for name, kind in panderas(contract, frame(contract, [{spec.name: NAN} for spec in specs]))}
    assert seen - {contract.__name__} <= {spec.name for spec in specs}
    assert {spec.name for spec in specs if not spec.nullable} <= seen


@each_contract
def test_valid_row_passes_and_wrong_names_and_types_do_not(contract: type[Contract]) -> None:
    specs = columns_of(contract)
    table = frame(contract, [{}])
    valid = judged(table, contract, POLICY.vocabulary)
    assert (valid.passed, valid.rows, valid.examples, valid.wording) == (True, 1, [], ())
    if contract in ASKED_OF_PANDERA:
        assert pandera_errors(contract, table) == []
    wrong = {
        spec.name: ibis.literal(7, "int8") if spec.type.is_string() else table[spec.name].cast("string")
        for spec in specs
    }
    names = [spec.name for spec in specs]
    cases = {
        "wrong types": (table.select(**wrong), {("WRONG_DATATYPE", name) for name in names}),
        "one more": (table.mutate(surplus=ibis.literal("x")), {("COLUMN_NOT_IN_SCHEMA", "surplus")}),
        "one less": (table.drop(names[-1]), {("COLUMN_NOT_IN_DATAFRAME", names[-1])}),
    }
    for case, (odd, expected) in cases.items():
        verdict = judged(odd, contract, POLICY.vocabulary)
        for _, name in expected:
            assert any(f"'{name}'" in text for text in verdict.broken), (case, name)
        if contract in ASKED_OF_PANDERA:
            errors = pandera_errors(contract, odd, ValidationDepth.SCHEMA_ONLY)
            for reason, name in expected:
                assert any(error.reason_code.name == reason and f"'{name}'" in str(error) for error in errors), case


def test_pandera_validates_every_kind_of_column() -> None:
    seen, every = (set().union(*map(kinds_of_columns, contracts)) for contracts in (ASKED_OF_PANDERA, CONTRACTS))
    assert seen == every
    assert len(every) > 30
    assert len(ASKED_OF_PANDERA) < len(CONTRACTS) / 4
