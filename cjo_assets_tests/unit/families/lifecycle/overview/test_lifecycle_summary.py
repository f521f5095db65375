"""Tests of the day in one row: its figures, its status and its reasons."""

from datetime import date

import pytest

from cjo_assets.families.lifecycle.money.invoices import Invoices
from cjo_assets.families.lifecycle.money.mrr_bridge import MrrBridge
from cjo_assets.families.lifecycle.money.plan_usage import PlanUsage
from cjo_assets.families.lifecycle.overview.lifecycle_summary import (
    LifecycleSummary,
    lifecycle_summary,
    status_without_reasons,
)
from cjo_assets.families.lifecycle.pipeline.client_pipeline import ClientPipeline
from cjo_assets_tests.support.lifecycle.events import RULES
from cjo_assets_tests.support.rows import Row, Rows, kept, rows_of, table_of

DECEMBER, JANUARY = date(2024, 12, 1), date(2025, 1, 1)


def month(first: date = JANUARY, nrr: float | None = 1.0, start: float = 1000.0, end: float = 1000.0) -> Row:
    """Return a month of the bridge."""
    return {"month": first, "start_mrr": start, "end_mrr": end, "nrr": nrr, "start_customers": 3, "end_customers": 2}


def summary(months: Rows, invoices: Rows = (), usage: Rows = (), deals: Rows = ()) -> Row:
    """Return the summary of a day."""
    table = lifecycle_summary(
        table_of(MrrBridge, months),
        table_of(Invoices, invoices),
        table_of(PlanUsage, usage),
        table_of(ClientPipeline, deals),
        RULES,
    )
    [row] = kept(LifecycleSummary, table)
    return row


def overdue(amount: float, days: int = 1) -> Row:
    """Return an invoice with so much open."""
    return {"open": amount, "days_overdue": days}


def test_revenue_is_that_of_the_running_month() -> None:
    row = summary([month(DECEMBER, start=1.0, end=1000.0), month(JANUARY, 0.97, 1000.0, 970.0)])
    assert (row["month"], row["mrr"], row["mrr_change"]) == (JANUARY, 970.0, -30.0)
    assert (row["customers"], row["customers_change"], row["nrr"]) == (2, -1, 0.97)


def test_counts_are_those_of_the_tables_of_the_day() -> None:
    usage = [{"state": state} for state in ("ok", "near", "over", "not_measurable")]
    deals = [
        {"step": "demo", "is_overdue": True, "needs_review": True, "needs_approval": True},
        {"step": "pilot", "is_overdue": False, "needs_review": None, "needs_approval": None},
        # Handed over: nothing waits.
        {"step": None, "is_overdue": False, "needs_review": True},
    ]
    row = summary([month()], [overdue(20.5), overdue(9.5, 40), overdue(500.0, 0)], usage, deals)
    assert (row["overdue_invoices"], row["overdue_amount"], row["overdue_share"]) == (2, 30.0, 0.03)
    assert row["meters_at_limit"] == 2
    assert (row["deals_open"], row["deals_overdue"], row["deals_to_review"]) == (2, 1, 1)


# Targets: nrr 1.00 and 0.95, overdue_share 0.05 and 0.20.
@pytest.mark.parametrize(
    ("nrr", "open_amount", "status", "reasons"),
    [
        (1.0, 50.0, "on_track", []),
        (0.999, 50.0, "needs_attention", ["revenue_lost"]),
        (0.95, 0.0, "needs_attention", ["revenue_lost"]),
        (0.949, 0.0, "critical", ["revenue_lost"]),
        (1.0, 50.01, "needs_attention", ["payments_overdue"]),
        (1.0, 200.0, "needs_attention", ["payments_overdue"]),
        (1.0, 200.01, "critical", ["payments_overdue"]),
        (0.99, 60.0, "needs_attention", ["payments_overdue", "revenue_lost"]),
        (None, 0.0, "on_track", []),
    ],
)
def test_the_status_follows_from_the_targets(
    nrr: float | None, open_amount: float, status: str, reasons: list[str]
) -> None:
    row = summary([month(nrr=nrr)], [overdue(open_amount)])
    assert (row["status"], row["reasons"]) == (status, reasons)


def test_without_revenue_nothing_is_measurable() -> None:
    row = summary([month(nrr=None, start=0.0, end=0.0)], [overdue(10.0)])
    assert (row["status"], row["overdue_share"], row["overdue_amount"]) == ("not_measurable", None, 10.0)


def test_a_status_agrees_with_its_reasons() -> None:
    rows = [{"status": "critical", "reasons": []}, {"status": "on_track", "reasons": ["revenue_lost"]}]
    for row in rows:
        assert len(rows_of(status_without_reasons(table_of(LifecycleSummary, [row])))) == 1
    assert rows_of(status_without_reasons(table_of(LifecycleSummary, [{"status": "on_track", "reasons": []}]))) == []
