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
from cjo_assets.families.lifecycle.success.lifecycle_stages import LifecycleStages
from cjo_assets.families.lifecycle.success.opportunities import Opportunities
from cjo_assets.families.lifecycle.support.escalations import Escalations
from cjo_assets.families.lifecycle.support.ticket_sla import TicketSla
from cjo_assets_tests.support.lifecycle.events import RULES
from cjo_assets_tests.support.rows import Row, Rows, instant, kept, rows_of, table_of

DECEMBER, JANUARY = date(2024, 12, 1), date(2025, 1, 1)


def month(first: date = JANUARY, nrr: float | None = 1.0, start: float = 1000.0, end: float = 1000.0) -> Row:
    """Return a month of the bridge."""
    return {"month": first, "start_mrr": start, "end_mrr": end, "nrr": nrr, "start_customers": 3, "end_customers": 2}


def summary(months: Rows, **rows: Rows) -> Row:
    """Return the summary of a day from rows of its inputs; the others are empty."""
    inputs = {"mrr_bridge": MrrBridge, "invoices": Invoices, "plan_usage": PlanUsage, "client_pipeline": ClientPipeline}
    inputs |= {"lifecycle_stages": LifecycleStages, "ticket_sla": TicketSla, "escalations": Escalations}
    inputs |= {"opportunities": Opportunities}
    given = {"mrr_bridge": months} | rows
    tables = {name: table_of(contract, given.get(name, [])) for name, contract in inputs.items()}
    table = lifecycle_summary(**tables, policy=RULES)
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
    row = summary(
        [month()],
        invoices=[overdue(20.5), overdue(9.5, 40), overdue(500.0, 0)],
        plan_usage=usage,
        client_pipeline=deals,
    )
    assert (row["overdue_invoices"], row["overdue_amount"], row["overdue_share"]) == (2, 30.0, 0.03)
    assert row["meters_at_limit"] == 2
    assert (row["deals_open"], row["deals_overdue"], row["deals_to_review"]) == (2, 1, 1)


def test_counts_of_stages_clocks_escalations_and_offers() -> None:
    clocks = [
        {"state": "breached", "stopped_at": None},
        {"state": "at_risk", "stopped_at": None},
        {"state": "paused", "stopped_at": None},
        {"state": "running", "stopped_at": None},
        # Stopped too late: it is no longer open.
        {"state": "breached", "stopped_at": instant("2025-01-20 09:00")},
    ]
    offers: Rows = [
        {"is_indicated": True, "state": "open", "value": 10.5, "blocked_by": []},
        {"is_indicated": True, "state": "open", "value": None, "blocked_by": []},
        {"is_indicated": True, "state": "open", "value": 99.0, "blocked_by": ["at_risk"]},
        {"is_indicated": True, "state": "won", "value": 99.0, "blocked_by": []},
        {"is_indicated": False, "state": "open", "value": 99.0, "blocked_by": []},
    ]
    row = summary(
        [month()],
        lifecycle_stages=[stage("at_risk", 40.0), stage("at_risk", 40.5), stage("renewal", 7.0), stage("active", 1.0)],
        ticket_sla=clocks,
        escalations=[{"state": "late"}, {"state": "waiting"}, {"state": "missed"}],
        opportunities=offers,
    )
    assert (row["at_risk_customers"], row["at_risk_mrr"], row["at_risk_share"]) == (2, 80.5, 0.0805)
    assert (row["renewal_customers"], row["renewal_mrr"]) == (1, 7.0)
    assert (row["open_clocks"], row["breached_clocks"], row["clocks_at_risk"], row["breached_share"]) == (4, 1, 1, 0.25)
    assert (row["late_escalations"], row["offers"], row["offers_value"]) == (1, 2, 10.5)
    assert (row["status"], row["reasons"]) == ("needs_attention", ["sla_missed"])


def stage(name: str, mrr: float) -> Row:
    """Return a customer in a stage."""
    return {"stage": name, "mrr": mrr}


@pytest.mark.parametrize(
    ("mrr", "status"),
    [(100.0, "on_track"), (100.01, "needs_attention"), (250.0, "needs_attention"), (250.01, "critical")],
)
def test_revenue_at_risk_has_targets(mrr: float, status: str) -> None:
    row = summary([month()], lifecycle_stages=[stage("at_risk", mrr)])
    assert (row["status"], row["reasons"]) == (status, [] if status == "on_track" else ["revenue_at_risk"])


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
    row = summary([month(nrr=nrr)], invoices=[overdue(open_amount)])
    assert (row["status"], row["reasons"]) == (status, reasons)


def test_without_revenue_nothing_is_measurable() -> None:
    row = summary([month(nrr=None, start=0.0, end=0.0)], invoices=[overdue(10.0)])
    assert (row["status"], row["overdue_share"], row["overdue_amount"]) == ("not_measurable", None, 10.0)


def test_a_status_agrees_with_its_reasons() -> None:
    rows = [{"status": "critical", "reasons": []}, {"status": "on_track", "reasons": ["revenue_lost"]}]
    for row in rows:
        assert len(rows_of(status_without_reasons(table_of(LifecycleSummary, [row])))) == 1
    assert rows_of(status_without_reasons(table_of(LifecycleSummary, [{"status": "on_track", "reasons": []}]))) == []
