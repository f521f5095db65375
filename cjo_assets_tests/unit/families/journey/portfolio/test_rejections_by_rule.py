"""Tests of rejections by rule, which are counted from the rejected rows only."""

from cjo_assets.core.quarantine.rules import QuarantinedRows
from cjo_assets.families.journey.portfolio.rejections_by_rule import RejectionsByRule, rejections_by_rule
from cjo_assets_tests.support.rows import Row, as_of, by, day, kept, table_of

ORPHAN, RANGE = "customer_id: unknown customer", "signal_strength: above 1.0"


def turned_away(dataset: str, customer_id: str | None, *rules: str, age: int | None = 3) -> Row:
    """Return a row of the quarantine."""
    dated = None if age is None else day(-age)
    return {"dataset": dataset, "customer_id": customer_id, "broken_rules": list(rules), "record_date": dated}


def test_trap_17_rows_are_counted_by_every_rule_they_broke() -> None:
    """Trap 17: the data cannot contradict the figures, since they are the data's."""
    signals = [
        turned_away("signals", "C9", ORPHAN),
        turned_away("signals", "C8", ORPHAN, RANGE),
        turned_away("signals", "C8", ORPHAN),
        turned_away("signals", None, RANGE, age=None),
        # Dated tomorrow: not yet known.
        turned_away("signals", "C7", ORPHAN, age=-1),
    ]
    customers = [turned_away("customers", "C1", "segment: missing", age=None)]
    found = rejections_by_rule(
        as_of(),
        quarantined_signals=table_of(QuarantinedRows, signals),
        quarantined_customers=table_of(QuarantinedRows, customers),
        quarantined_outcomes=table_of(QuarantinedRows, []),
    )
    rows = by(("dataset", "rule"), kept(RejectionsByRule, found))
    assert {key: (row["rejected_rows"], row["customers"], row["example_customer_id"]) for key, row in rows.items()} == {
        ("signals", ORPHAN): (3, 2, "C8"),
        ("signals", RANGE): (2, 1, "C8"),
        ("customers", "segment: missing"): (1, 1, "C1"),
    }
