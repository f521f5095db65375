"""Contracts, and what one scan finds broken in a table."""

from collections import Counter
from datetime import date

import ibis

from cjo_assets.core.contract import (
    Contract,
    DatedContract,
    column,
    columns_of,
    contract_rows,
    described,
    key,
    key_of,
    pandera_schema,
    schema_of,
)
from cjo_assets.engine.validation import judged
from cjo_assets.families.journey.inputs.customers import Customers
from cjo_assets_tests.support.rows import POLICY, Row, default_row, made_of, rows_of

KEY_RULE = "key: not unique"
INFINITY = float("inf")


class Measured(Contract):
    """A contract of this test's own, with a bound of every sort."""

    name: str = key("Key.")
    segment: str = column("A word of the policy.", words="segments", nullable=True)
    share: float = column("Between two bounds.", ge=0, le=1, nullable=True)
    between: float = column("Strictly between two bounds.", gt=0, lt=1, nullable=True)
    amount: float = column("Anything.", nullable=True)


class Rounded(DatedContract):
    """A contract with rounded columns."""

    name: str = key("Name.")
    share: float = column("Share.", decimals=3, nullable=True)
    amount: float = column("Amount.", decimals=2)
    exact: float = column("Not rounded.")
    count: int = column("Count.")


def test_rows_are_selected_rounded_and_cast_to_the_contract() -> None:
    schema = ibis.schema({"other": "int64", "exact": "float64", "count": "int8", "amount": "float64", "name": "string"})
    rows = made_of([{"other": 1, "exact": 0.12345, "count": 3, "amount": 0.575, "name": "a"}], schema)
    stored = contract_rows(Rounded, rows.mutate(as_of=ibis.date("2025-01-20"), share=ibis.literal(None, "float64")))
    assert stored.schema() == schema_of(Rounded)
    # 0.575 is stored as 0.57499999999999996, and rounds half away from zero as it is written.
    expected = {"name": "a", "share": None, "amount": 0.58, "exact": 0.12345, "count": 3}
    assert rows_of(stored) == [{"as_of": date(2025, 1, 20)} | expected]


def test_the_key_is_declared_by_its_columns() -> None:
    assert key_of(Rounded) == ("name",)
    assert pandera_schema(Rounded, POLICY.vocabulary).unique == ["name"]


LIMITS: dict[str, tuple[Row, list[str]]] = {
    # cells, broken rules
    "at the bounds": ({"share": 0.0, "between": 0.000001}, []),
    "at the other bounds": ({"share": 1.0, "between": 0.999999}, []),
    "all null": ({}, []),
    "just below": ({"share": -1e-9}, ["share: below 0"]),
    "just above": ({"share": 1.0000001}, ["share: above 1"]),
    "not above": ({"between": 0.0}, ["between: not above 0"]),
    "not below": ({"between": 1.0}, ["between: not below 1"]),
    "no word": ({"segment": "smb"}, ["segment: not in the policy's segments"]),
    "nearly a word": ({"segment": "SMB "}, ["segment: not in the policy's segments"]),
    "empty": ({"segment": ""}, ["segment: not in the policy's segments"]),
}


def test_bounds_are_where_the_contract_puts_them() -> None:
    names = [spec.name for spec in columns_of(Measured)]
    rows = [dict.fromkeys(names) | {"name": name} | cells for name, (cells, _) in LIMITS.items()]
    verdict = judged(made_of(rows, schema_of(Measured)), Measured, POLICY.vocabulary)
    assert verdict.rows == len(LIMITS)
    assert verdict.broken == Counter(rule for _, rules in LIMITS.values() for rule in rules)
    assert sorted(row["name"] for row in verdict.examples) == sorted(
        name for name, (_, rules) in LIMITS.items() if rules
    )
    assert len(verdict.wording) == len({rule for _, rules in LIMITS.values() for rule in rules})


def test_infinity_is_a_breach() -> None:
    """DESIGN 6: NaN and infinity are breaches."""
    rows = [default_row(Measured, 1) | {"amount": INFINITY}, default_row(Measured, 2) | {"amount": -INFINITY}]
    assert not judged(made_of(rows, schema_of(Measured)), Measured, POLICY.vocabulary).passed


def test_columns_beyond_the_contract_are_rules_of_their_own() -> None:
    rows = [default_row(Customers, number) for number in (1, 2, 3)]
    table = made_of(rows, schema_of(Customers))
    is_second = table.customer_id == "customer_id 2"
    verdict = judged(
        table.mutate(**{"customer_id: second": is_second, "unknown": ibis.null("boolean")}),
        Customers,
        POLICY.vocabulary,
    )
    assert verdict.broken == {"customer_id: second": 1}
    assert verdict.examples == [{"customer_id": "customer_id 2", "broken": "customer_id: second"}]
    assert judged(table.mutate(**{"customer_id: second": ibis.literal(False)}), Customers, POLICY.vocabulary).passed


def test_a_verdict_leaves_the_contract_as_it_was() -> None:
    """Pandera's schema of a model is shared: neither a failure nor another policy's words may stay in it."""
    bad = made_of([default_row(Customers, 1) | {"account_value": -1.0}], schema_of(Customers))
    assert not judged(bad, Customers, POLICY.vocabulary).passed
    assert key_of(Customers) == ("customer_id",)
    twice = made_of([default_row(Customers, 1)] * 2, schema_of(Customers))
    assert judged(twice, Customers, POLICY.vocabulary).broken == {KEY_RULE: 1}
    other = POLICY.vocabulary.model_copy(update={"segments": ("Public",)})
    public = made_of([default_row(Customers, 1) | {"segment": "Public"}], schema_of(Customers))
    assert judged(public, Customers, other).passed
    assert pandera_schema(Customers, other).validate(public, lazy=True) is not None
    assert not judged(public, Customers, POLICY.vocabulary).passed


def test_an_empty_table_breaks_nothing() -> None:
    verdict = judged(made_of([], schema_of(Customers)), Customers, POLICY.vocabulary)
    assert (verdict.passed, verdict.rows) == (True, 0)


class Described(Contract):
    """Columns with values that their descriptions name, or do not."""

    named: str = column("high or low.", isin=["high", "low"])
    unnamed: str = column("How soon to act.", isin=["high", "low"])
    part: str = column("Not on the highway, low.", isin=["high", "low"])
    policy_word: str = column("Market segment.", words="segments")
    free: str = column("Note.")


def test_the_values_of_a_column_are_described_unless_it_names_them() -> None:
    texts = {spec.name: described(spec) for spec in columns_of(Described)}
    assert texts["named"] == "high or low."
    assert texts["unnamed"] == "How soon to act. One of: `high`, `low`."
    assert texts["part"].endswith("One of: `high`, `low`.")
    assert texts["policy_word"].startswith("Market segment. One of: `")
    assert texts["policy_word"].endswith(" (`vocabulary.segments` of the policy).")
    assert texts["free"] == "Note."
