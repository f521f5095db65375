"""Tests of the cells in which customers and their revenue at risk are counted once."""

import ibis.expr.types as ir

from cjo_assets.families.journey.decision.coverage_gaps import CoverageGaps
from cjo_assets.families.journey.evaluation.aggregated_signals import AggregatedSignals
from cjo_assets.families.journey.evaluation.journey_evaluations import JourneyEvaluations
from cjo_assets.families.journey.evaluation.journey_states import JourneyStates
from cjo_assets.families.journey.forecast.journey_forecasts import JourneyForecasts
from cjo_assets.families.journey.inputs.customers import Customers
from cjo_assets.families.journey.portfolio._portfolio_measures import COUNTS
from cjo_assets.families.journey.portfolio.portfolio_cells import (
    PortfolioCells,
    cells_that_miss_customers,
    cells_that_miss_revenue,
    portfolio_cells,
)
from cjo_assets.families.journey.risk.risk_scores import RiskScores
from cjo_assets_tests.support.rows import Rows, by, kept, rows_of, table_of

# customer, segment, stage, value, signals, tier, friction, health, probability, revenue at risk, model, without answer
CUSTOMERS = [
    ("C1", "SMB", "support", 100.0, 2, "high", True, "critical", 0.5, 50.0, "smoothed", True),
    ("C2", "SMB", "support", 0.1, 0, "medium", True, "at_risk", 0.2, 0.02, "prior_only", False),
    ("C3", "SMB", "support", 0.2, 1, "low", False, "healthy", 0.1, 0.02, "churn_from_prior", False),
    # No stage, hence no forecast: the revenue at risk is unknown.
    ("C4", "SMB", None, 70.0, 0, None, False, None, None, None, "no_stage", True),
    # A customer who has left has neither score nor forecast, and nothing is at risk any more.
    ("C5", "SMB", "churned", 900.0, 3, None, False, None, None, None, None, False),
    ("C6", "Enterprise", "support", 40.0, 0, "high", False, "healthy", 0.25, 10.0, "smoothed", False),
]


def tables(rows: list[tuple] = CUSTOMERS) -> dict[str, ir.Table]:  # type: ignore[type-arg]
    """Return what the table reads of some customers."""
    active = [row for row in rows if row[10]]
    return {
        "customers": table_of(
            Customers, [{"customer_id": row[0], "segment": row[1], "account_value": row[3]} for row in rows]
        ),
        "journey_states": table_of(
            JourneyStates, [{"customer_id": row[0], "segment": row[1], "journey_stage": row[2]} for row in rows]
        ),
        "journey_evaluations": table_of(
            JourneyEvaluations,
            [{"customer_id": row[0], "friction_detected": row[6], "stage_health": row[7]} for row in rows],
        ),
        "aggregated_signals": table_of(
            AggregatedSignals, [{"customer_id": row[0], "total_signals": row[4]} for row in rows]
        ),
        "journey_forecasts": table_of(
            JourneyForecasts,
            [
                {"customer_id": row[0], "churn_probability": row[8], "revenue_at_risk": row[9], "model_type": row[10]}
                for row in active
            ],
        ),
        "risk_scores": table_of(RiskScores, [{"customer_id": row[0], "risk_tier": row[5]} for row in active]),
        "coverage_gaps": table_of(CoverageGaps, [{"customer_id": row[0]} for row in active if row[11]]),
    }


def test_each_segment_and_stage_is_counted_and_added_up() -> None:
    rows = by(("segment", "journey_stage"), kept(PortfolioCells, portfolio_cells(**tables())))
    assert set(rows) == {("SMB", "support"), ("SMB", None), ("SMB", "churned"), ("Enterprise", "support")}
    found = {name: rows["SMB", "support"][name] for name in COUNTS}
    assert found == {
        "customers": 3,
        "active_customers": 3,
        "customers_with_signals": 2,
        "customers_high_risk": 1,
        "customers_medium_risk": 1,
        "customers_low_risk": 1,
        "customers_in_friction": 2,
        "customers_critical": 1,
        "customers_without_answer": 1,
        "customers_without_forecast": 0,
        "customers_on_belief": 2,
        "account_value": 100.3,
        "account_value_forecast": 100.3,
        "revenue_at_risk": 50.04,
        "revenue_at_risk_without_answer": 50.0,
    }


def test_trap_21_churned_have_no_risk_and_unknown_is_not_zero() -> None:
    rows = by(("segment", "journey_stage"), kept(PortfolioCells, portfolio_cells(**tables())))
    left, nowhere = rows["SMB", "churned"], rows["SMB", None]
    # Signals of a customer who left do not count for those who stayed.
    assert (left["customers"], left["active_customers"], left["customers_with_signals"]) == (1, 0, 0)
    assert (left["account_value"], left["revenue_at_risk"]) == (0.0, None)
    assert (nowhere["customers_without_forecast"], nowhere["customers_without_answer"]) == (1, 1)
    assert (nowhere["account_value"], nowhere["account_value_forecast"]) == (70.0, 0.0)
    assert (nowhere["revenue_at_risk"], nowhere["revenue_at_risk_without_answer"]) == (None, None)


def test_sums_are_exact_whatever_the_order() -> None:
    # As binary floats, 0.1 and 0.2 make 0.30000000000000004, and a cent is lost beside ten trillion.
    amounts = [0.1, 0.2, 1e12, *[1e12] * 9, 0.01]
    rows = [("C" + str(n), "SMB", "support", amount, *CUSTOMERS[0][4:]) for n, amount in enumerate(amounts)]
    for ordered in (rows, rows[::-1]):
        [cell] = kept(PortfolioCells, portfolio_cells(**tables(ordered)))
        assert cell["account_value"] == 10_000_000_000_000.31


def test_a_customer_or_a_cent_that_is_missing_is_found() -> None:
    given = tables()
    good = kept(PortfolioCells, portfolio_cells(**given))

    def offenders(changes: Rows) -> tuple[int, int]:
        cells = table_of(PortfolioCells, changes)
        customers = rows_of(cells_that_miss_customers(cells, given["customers"]))
        return len(customers), len(rows_of(cells_that_miss_revenue(cells, given["journey_forecasts"])))

    assert offenders(good) == (0, 0)
    at_risk = next(row for row in good if row["revenue_at_risk"])
    others = [row for row in good if row is not at_risk]
    assert offenders([*others, at_risk | {"customers": at_risk["customers"] + 1}]) == (1, 0)
    assert offenders([*others, at_risk | {"revenue_at_risk": at_risk["revenue_at_risk"] + 0.01}]) == (0, 1)
    assert offenders(others) == (1, 1)
