"""Tests of the status of a group of customers, and of systemic failures of stages."""

from typing import Any

from cjo_assets.families.journey.portfolio._portfolio_measures import with_status
from cjo_assets.families.journey.portfolio.portfolio_by_segment import PortfolioBySegment, portfolio_by_segment
from cjo_assets.families.journey.portfolio.portfolio_by_stage import PortfolioByStage, portfolio_by_stage
from cjo_assets.families.journey.portfolio.portfolio_cells import PortfolioCells
from cjo_assets_tests.support.rows import Row, by, kept, policy_with, rows_of, table_of

LIMITS: dict[str | None, float] = {"support": 0.5, "retention": 0.2}
POLICY = policy_with(
    journey__portfolio__targets={"revenue_at_risk_share": 0.1, "high_risk_share": 0.2, "friction_rate": 0.4},
    journey__portfolio__red_limits={"revenue_at_risk_share": 0.3, "high_risk_share": 0.5, "friction_rate": 0.6},
    journey__portfolio__systemic_friction_rates=LIMITS,
    journey__portfolio__minimum_customers=5,
)
# Ten customers of whom everything is known and nothing is wrong.
CALM = {
    "segment": "SMB",
    "journey_stage": "support",
    "customers": 10,
    "active_customers": 10,
    "customers_with_signals": 4,
    "customers_on_belief": 3,
    "account_value": 1000.0,
    "account_value_forecast": 1000.0,
    "revenue_at_risk": 100.0,
}
JUDGED = {
    "each at its target": ({"customers_high_risk": 2, "customers_in_friction": 4}, "green"),
    "one above its target": ({"customers_in_friction": 5}, "yellow"),
    "one at its red limit": ({"customers_in_friction": 6}, "yellow"),
    "one above its red limit": ({"customers_in_friction": 7}, "red"),
    "a high risk above its target": ({"customers_high_risk": 3}, "yellow"),
    "revenue above its red limit": ({"revenue_at_risk": 300.01}, "red"),
    # A share of 0.4000004 is published as 0.4, and is more.
    "a hair above its target": (
        {"active_customers": 10_000_000, "customers_in_friction": 4_000_004},
        "yellow",
    ),
    # Calm, because there are no signals.
    "no signal": ({"customers_with_signals": 0}, "not_measurable"),
    "all on belief": ({"customers_on_belief": 10}, "not_measurable"),
    "on belief, but for those without forecast": (
        {"customers_on_belief": 8, "customers_without_forecast": 2},
        "not_measurable",
    ),
    "no forecast": ({"revenue_at_risk": None, "account_value_forecast": 0.0}, "not_measurable"),
    "too few": ({"active_customers": 4, "customers_in_friction": 4}, "not_measurable"),
    "all left": (
        {"active_customers": 0, "account_value": 0.0, "account_value_forecast": 0.0, "revenue_at_risk": None},
        "not_measurable",
    ),
    # What is not known does not excuse what is.
    "no signal, and in friction": ({"customers_with_signals": 0, "customers_in_friction": 7}, "red"),
    "on belief, and the belief alarms": ({"customers_on_belief": 10, "revenue_at_risk": 400.0}, "red"),
}


def stages(*cells: Row) -> dict[Any, Row]:
    """Return the stages of some cells."""
    table = table_of(PortfolioCells, cells)
    return by("journey_stage", kept(PortfolioByStage, portfolio_by_stage(table, POLICY)))


def test_trap_5_good_news_needs_every_share_and_bad_news_one() -> None:
    """Trap 5: no data is not on track, and one good share hides no bad one."""
    # The number of customers who have left has no effect: here it identifies the cases.
    rows = [CALM | changes | {"customers": number} for number, (changes, _) in enumerate(JUDGED.values())]
    found = by("customers", rows_of(with_status(table_of(PortfolioCells, rows), POLICY)))
    statuses = {name: found[number]["status"] for number, name in enumerate(JUDGED)}
    assert statuses == {name: status for name, (_, status) in JUDGED.items()}


def test_the_reasons_name_each_share_and_its_limit() -> None:
    row = stages(CALM | {"customers_on_belief": 10, "customers_in_friction": 7, "customers_high_risk": 3})["support"]
    assert row["status_reasons"] == [
        "friction_rate 0.7 is above the red limit 0.6",
        "high_risk_share 0.3 is above the target 0.2",
        "revenue_at_risk_share: no forecast rests on more than the policy's belief",
    ]
    assert stages(CALM | {"customers_with_signals": 0})["support"]["status_reasons"] == [
        "friction_rate 0.0 keeps the target 0.4",
        "high_risk_share: no signal speaks of any customer",
        "revenue_at_risk_share 0.1 keeps the target 0.1",
    ]
    assert stages(CALM | {"active_customers": 4, "revenue_at_risk": None})["support"]["status_reasons"] == [
        "friction_rate: fewer active customers than 5",
        "high_risk_share: fewer active customers than 5",
        "revenue_at_risk_share: nobody to judge",
    ]


def test_shares_are_of_the_sums_and_of_whom_is_known() -> None:
    rows = stages(
        CALM | {"customers_high_risk": 1, "customers_in_friction": 9, "account_value": 1500.0},
        CALM | {"segment": "Enterprise", "active_customers": 6, "customers": 30, "customers_high_risk": 3},
    )
    row = rows["support"]
    assert (row["customers"], row["active_customers"]) == (40, 16)
    assert row["high_risk_share"] == 0.25, "4 of 16: those who left do not count"
    assert row["friction_rate"] == 0.5625
    assert row["revenue_at_risk_share"] == 0.1, "200 of 2,000: value without a forecast does not count"


def test_a_stage_fails_that_breaks_its_own_limit() -> None:
    def failing(cells: dict[str | None, tuple[int, int]]) -> dict[str | None, bool]:
        rows = stages(
            *(
                CALM | {"journey_stage": stage, "customers_in_friction": stuck, "active_customers": active}
                for stage, (stuck, active) in cells.items()
            )
        )
        assert all(row["systemic_friction_rate"] == LIMITS.get(stage) for stage, row in rows.items())
        return {stage: row["is_systemic_failure"] for stage, row in rows.items()}

    # At its limit support does not fail yet; for onboarding, and for no stage at all, the policy sets no limit.
    assert failing({"support": (5, 10), "retention": (3, 10), "onboarding": (10, 10), None: (10, 10)}) == {
        "support": False,
        "retention": True,
        "onboarding": False,
        None: False,
    }
    # Four are too few for a failure.
    assert failing({"support": (6, 10), "retention": (4, 4)}) == {"support": True, "retention": False}


def test_the_stages_share_the_revenue_at_risk_among_them() -> None:
    rows = stages(
        CALM | {"revenue_at_risk": 30.0},
        CALM | {"journey_stage": "retention", "revenue_at_risk": 10.0},
        CALM | {"journey_stage": "churned", "active_customers": 0, "revenue_at_risk": None},
    )
    assert {name: row["share_of_revenue_at_risk"] for name, row in rows.items()} == {
        "support": 0.75,
        "retention": 0.25,
        "churned": None,
    }


def test_segments_have_the_same_limits() -> None:
    cells = [
        CALM | {"customers_in_friction": 2},
        CALM | {"journey_stage": "retention", "customers_in_friction": 10, "revenue_at_risk": 10.005},
        CALM | {"segment": "Enterprise", "customers_in_friction": 5},
    ]
    table = portfolio_by_segment(table_of(PortfolioCells, cells), POLICY)
    rows = by("segment", kept(PortfolioBySegment, table, policy=POLICY))
    assert {name: (row["friction_rate"], row["status"]) for name, row in rows.items()} == {
        "SMB": (0.6, "yellow"),
        "Enterprise": (0.5, "yellow"),
    }
    assert rows["SMB"]["customers"] == 20
