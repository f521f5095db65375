"""Tests of the summary: customers from the snapshot, every other figure a count or a sum over a table of the day."""

from cjo_assets.families.journey.decision.recommended_interventions import RecommendedInterventions
from cjo_assets.families.journey.outcome.outcome_analyses import OutcomeAnalyses
from cjo_assets.families.journey.portfolio.journey_summary import JourneySummary, journey_summary
from cjo_assets.families.journey.portfolio.portfolio_snapshots import PortfolioSnapshots
from cjo_assets.families.journey.value.roi_breakdown import RoiBreakdown
from cjo_assets_tests.support.rows import DAY, Row, Rows, kept, table_of

# approval status, needs a person, executed
LEDGER = [
    ("not_required", False, True),
    ("not_required", False, True),
    ("not_required", False, False),
    ("approved", True, True),
    ("rejected", True, False),
    ("pending", True, False),
    ("pending", True, False),
    ("expired", True, False),
]


def summary(snapshot: Row, **rows: Rows) -> Row:
    """Return the one row of a day; tables not named are empty."""
    contracts = {
        "recommended_interventions": RecommendedInterventions,
        "outcome_analyses": OutcomeAnalyses,
        "roi_breakdown": RoiBreakdown,
    }
    tables = {name: table_of(contract, rows.get(name, [])) for name, contract in contracts.items()}
    [row] = kept(
        JourneySummary, journey_summary(portfolio_snapshots=table_of(PortfolioSnapshots, [snapshot]), **tables)
    )
    return row


def test_every_figure_is_counted() -> None:
    row = summary(
        # Nine customers, two of whom have left and have no score, and one below every tier.
        {
            "customers": 9,
            "active_customers": 7,
            "customers_with_signals": 4,
            "customers_high_risk": 3,
            "customers_medium_risk": 2,
            "customers_low_risk": 1,
            "customers_without_answer": 2,
        },
        recommended_interventions=[{}] * 3,
        outcome_analyses=[
            {"approval_status": status, "requires_human_approval": needs, "is_executed": done}
            for status, needs, done in LEDGER
        ],
        roi_breakdown=[
            {"component": "retained_revenue", "kind": "value", "amount": 2600.5},
            {"component": "playbook_cost", "kind": "cost", "amount": 9999.0},
            {"component": "escalation_prevention", "kind": "value", "amount": None},
        ],
    )
    assert row == {
        "as_of": DAY,
        "total_customers_analyzed": 9,
        "customers_with_signals": 4,
        "customers_at_risk": 3 + 2,
        "customers_high_risk": 3,
        "customers_medium_risk": 2,
        "customers_low_risk": 1,
        "customers_recommended": 3,
        "customers_without_answer": 2,
        "total_interventions": 8,
        "interventions_requiring_approval": 5,
        "interventions_executed": 3,
        "interventions_pending": 2,
        "interventions_expired": 1,
        "total_revenue_preserved": 2600.5,
    }


def test_an_empty_day_counts_nothing() -> None:
    row = summary({})
    assert row.pop("as_of") == DAY
    # A value that was not recorded is not 0.
    assert row.pop("total_revenue_preserved") is None
    assert set(row.values()) == {0}
