"""Cost and value of one population: what was executed in the thirty days that end with D, and the reviews in them."""

from datetime import datetime

from cjo_assets.journey.outcome_analyses import OutcomeAnalyses
from cjo_assets.journey.roi_breakdown import RoiBreakdown, roi_breakdown
from cjo_assets.policy import Policy
from cjo_assets_tests.tables import DAY, POLICY, Row, Rows, by, instant, kept, policy_with, table_of

# The window: after 2024-12-22 00:00, the end of 21 December, up to 2025-01-21 00:00, the end of D.
BEFORE, FIRST = datetime(2024, 12, 22), instant("2024-12-22T00:00:00.000001")
LAST, AFTER = datetime(2025, 1, 21), instant("2025-01-21T00:00:00.000001")


def executed(name: str, at: datetime, cost: float | None, revenue: float | None) -> Row:
    """Return an intervention that needed no approval and was executed."""
    cells = {"intervention_id": name, "is_executed": True, "executed_at": at, "approval_status": "not_required"}
    return cells | {"expected_cost": cost, "estimated_revenue_saved": revenue}


def reviewed(name: str, status: str, at: datetime | None, who: str | None = "ann") -> Row:
    """Return an intervention somebody decided on; cost and revenue must not count unless it was executed."""
    cells = {"intervention_id": name, "approval_status": status, "decided_at": at, "decided_by": who}
    return cells | {"expected_cost": 1e6, "estimated_revenue_saved": 1e6}


LEDGER = [
    executed("first instant", FIRST, 100.10, 2000.0),
    executed("last instant", LAST, 50.05, None),
    executed("cost unknown", LAST, None, 0.5),
    executed("before", BEFORE, 1e6, 1e6),
    executed("after", AFTER, 1e6, 1e6),
    # Approved and executed: it costs its use and its review.
    executed("approved", LAST, 10.0, 100.0) | {"approval_status": "approved", "decided_at": LAST, "decided_by": "ann"},
    # A review is paid for whatever its answer; nothing unapproved costs more than that.
    reviewed("rejected", "rejected", FIRST),
    reviewed("rejected before", "rejected", BEFORE),
    reviewed("waiting", "pending", None, None),
    reviewed("expired", "expired", None, None),
    # Approved by the switch: executed, and nobody spent time on it.
    executed("automatic", LAST, 10.0, None)
    | {"approval_status": "approved", "decided_at": LAST, "decided_by": "policy:auto_approve_for_testing"},
]
AMOUNTS = {
    # 100.10 + 50.05 + 10 + 10
    "playbook_cost": ("cost", 170.15),
    # "approved" and "rejected": 30 minutes each at 50 an hour.
    "human_review_time": ("cost", 2 * 0.5 * 50.0),
    # Five executed interventions make one call each: 0.005, half a cent, away from zero.
    "api_calls": ("cost", 0.01),
    "llm_usage": ("cost", 0.0),
    "infrastructure": ("cost", 500.0),
    "retained_revenue": ("value", 2000.0 + 0.5 + 100.0),
    "escalation_prevention": ("value", None),
    "support_workload_reduction": ("value", None),
}


def price(ledger: Rows, policy: Policy = POLICY) -> dict[str, Row]:
    """Return the components."""
    return by("component", kept(RoiBreakdown, roi_breakdown(table_of(OutcomeAnalyses, ledger), DAY, policy)))


def test_every_component_counts_the_population_of_the_window() -> None:
    rows = price(LEDGER)
    assert {name: (row["kind"], row["amount"]) for name, row in rows.items()} == AMOUNTS
    assert {row["evidence_grade"] for row in rows.values()} == {"assumption"}
    assert all(row["assumption"] for row in rows.values())
    assert {name: rows[name]["formula"] for name in AMOUNTS} == {
        "playbook_cost": "4 of 5 executed interventions with a known cost",
        "human_review_time": "2 reviews x 30 minutes x 50 an hour",
        "api_calls": "5 executed interventions x 1 calls x 0.001",
        "llm_usage": "0 calls made",
        "infrastructure": "500 a month x 30 / 30 days",
        "retained_revenue": "estimated_revenue_saved of 3 of 5 executed interventions",
        "escalation_prevention": "not measurable",
        "support_workload_reduction": "not measurable",
    }


def test_an_empty_ledger_costs_its_infrastructure() -> None:
    rows = price([])
    assert {name: row["amount"] for name, row in rows.items()} == {
        "playbook_cost": 0.0,
        "human_review_time": 0.0,
        "api_calls": 0.0,
        "llm_usage": 0.0,
        "infrastructure": 500.0,
        "retained_revenue": 0.0,
        "escalation_prevention": None,
        "support_workload_reduction": None,
    }


def test_another_window_and_other_prices() -> None:
    rules = policy_with(
        journey__roi__window_days=15,
        journey__roi__review_minutes_per_approval=6,
        journey__roi__cost_per_human_review_hour=100.0,
        journey__roi__api_calls_per_intervention=3,
        journey__roi__cost_per_api_call=0.5,
        journey__roi__infrastructure_cost_per_month=90.0,
    )
    amounts = {name: row["amount"] for name, row in price(LEDGER, rules).items()}
    # "first instant" and "rejected" lie before the fifteen days.
    assert amounts["playbook_cost"] == 50.05 + 10.0 + 10.0
    assert amounts["human_review_time"] == 1 * 0.1 * 100.0
    assert amounts["api_calls"] == 4 * 3 * 0.5
    assert amounts["infrastructure"] == 90.0 * 15 / 30
    assert amounts["retained_revenue"] == 0.5 + 100.0
