"""Tests of the check of the rows of a dataset before any are rejected."""

from typing import Any

import ibis
import ibis.expr.types as ir

from cjo_assets.core.quarantine.contests import SUPERSEDED
from cjo_assets.core.quarantine.dataset_checks import checks_of_rows
from cjo_assets.core.quarantine.dataset_tables import dataset_tables
from cjo_assets.core.quarantine.rules import RAW_COLUMNS, QuarantinedRows
from cjo_assets.core.table import QUARANTINE, RAW, Reference
from cjo_assets.engine.validation import judged
from cjo_assets.families.journey.inputs.customers import DATASET, Customers
from cjo_assets_tests.support.engine import made_of
from cjo_assets_tests.support.rows import POLICY, Rows, rows_of, table_of

CONTENT = dict.fromkeys(("customer_id", "segment", "account_value", "tenure_months", "risk_tier"), "string")
[BEFORE] = [check for check in dataset_tables(DATASET, "journey", "inputs")[-1].checks if check.contract]


def raw(*rows: tuple[str, int, str, str]) -> ir.Table:
    """Return rows of files by file, number, customer and tenure."""
    whole: Rows = [
        {"source_file": file, "source_row": number, "customer_id": customer, "tenure_months": tenure}
        | {"segment": "SMB", "account_value": "1"}
        for file, number, customer, tenure in rows
    ]
    columns = ibis.schema(CONTENT | RAW_COLUMNS)
    return made_of([dict.fromkeys(columns.names) | row for row in whole], columns)


def rejected(*rows: tuple[str, int, str]) -> ir.Table:
    """Return rejected rows by file, number and broken rule."""
    return table_of(
        QuarantinedRows,
        [{"source_file": file, "source_row": number, "broken_rules": [rule]} for file, number, rule in rows],
    )


def before(**tables: Any) -> ir.Table:
    """Return the rows that the check validates."""
    return BEFORE.failing_rows(**tables, policy=POLICY)


def test_only_rejected_rows_and_those_with_their_keys_are_validated_again() -> None:
    """A row of another file has the number of a rejected one and is none of them."""
    files = raw(("a", 1, "C1", "-1"), ("b", 1, "C2", "1"), ("a", 2, "C3", "1"), ("b", 2, "C3", "2"))
    rows = before(
        raw=files,
        quarantined=rejected(("a", 1, "tenure_months: below 0"), ("a", 2, "key: conflicting")),
        accepted=table_of(Customers, [{"customer_id": "C2"}, {"customer_id": "C3"}]),
    )
    assert sorted(row["customer_id"] for row in rows_of(rows)) == ["C1", "C3", "C3"]
    broken = judged(rows, Customers, POLICY.vocabulary).broken
    assert broken == {"tenure_months: below 0": 1, "key: not unique": 1}


def test_without_a_broken_rule_there_is_nothing_to_validate() -> None:
    assert BEFORE.candidates is not None
    files, accepted = raw(("a", 1, "C1", "-1")), table_of(Customers, [{"customer_id": "C2"}])
    for quarantined, count in (
        (rejected(), 0),
        (rejected(("a", 1, SUPERSEDED)), 0),
        (rejected(("a", 1, "tenure_months: below 0")), 1),
    ):
        rows = before(raw=files, quarantined=quarantined, accepted=accepted)
        assert len(rows_of(BEFORE.candidates(quarantined=quarantined))) == len(rows_of(rows)) == count


def test_ids_are_similar_in_any_order_of_their_spellings() -> None:
    inputs = {"raw": Reference(RAW, "x"), "quarantined": Reference(QUARANTINE, "x"), "accepted": Reference("f", "x")}
    [similar] = [check for check in checks_of_rows(DATASET, inputs) if check.name == "similar_ids"]
    ids = ["C1", "C1 ", " C1", "C2", "C2", "C3 ", "C3 ", "Ä", "A\u0308", "D"]
    accepted = table_of(Customers, [{"customer_id": name} for name in ids])
    found = {row["normal_form"]: row["spellings"] for row in rows_of(similar.failing_rows(accepted=accepted))}
    assert found == {"C1": [" C1", "C1", "C1 "], "Ä": ["A\u0308", "Ä"]}
