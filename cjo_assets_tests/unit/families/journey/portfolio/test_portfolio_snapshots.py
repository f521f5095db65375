"""Tests of the portfolio totals: sums, verdict, leak, systemic failures, and trends."""

import pytest

from cjo_assets.families.journey.portfolio.portfolio_by_segment import PortfolioBySegment, portfolio_by_segment
from cjo_assets.families.journey.portfolio.portfolio_by_stage import PortfolioByStage, portfolio_by_stage
from cjo_assets.families.journey.portfolio.portfolio_cells import PortfolioCells
from cjo_assets.families.journey.portfolio.portfolio_snapshots import (
    PortfolioSnapshots,
    portfolio_snapshots,
    segments_that_do_not_sum,
    stages_that_do_not_sum,
)
from cjo_assets_tests.support.rows import POLICY, Row, Rows, as_of, day, days_of, kept, rows_of, table_of

CALM = {
    "segment": "SMB",
    "journey_stage": "support",
    "customers": 10,
    "active_customers": 10,
    "customers_with_signals": 4,
    "account_value": 1000.0,
    "account_value_forecast": 1000.0,
    "revenue_at_risk": 50.0,
}
LEFT = {"journey_stage": "churned", "active_customers": 0, "customers_with_signals": 0}
LEFT |= {"account_value": 0.0, "account_value_forecast": 0.0, "revenue_at_risk": None}
CELLS = [
    CALM | {"customers_high_risk": 1},
    CALM | {"segment": "Enterprise", "revenue_at_risk": 30.25, "customers_high_risk": 2},
    CALM | {"journey_stage": "retention", "revenue_at_risk": 80.25},
    CALM | LEFT,
]


def snapshot(cells: Rows, earlier: Rows = ()) -> Row:  # type: ignore[assignment]
    """Return the snapshot of some cells, after some earlier ones."""
    table = table_of(PortfolioCells, cells)
    before = days_of(PortfolioSnapshots, earlier)
    found = portfolio_snapshots(table, portfolio_by_stage(table, POLICY), before, as_of(), POLICY)
    [row] = kept(PortfolioSnapshots, found)
    return row


def test_the_whole_is_the_sum_of_its_parts() -> None:
    row = snapshot(CELLS)
    assert (row["customers"], row["active_customers"], row["customers_high_risk"]) == (40, 30, 3)
    assert (row["account_value"], row["revenue_at_risk"]) == (3000.0, 160.5)
    assert (row["revenue_at_risk_share"], row["high_risk_share"]) == (0.0535, 0.1)
    assert (row["status"], row["verdict"]) == ("green", "on_target")


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, "on_target"),
        ({"customers_in_friction": 5}, "above_target"),
        ({"customers_in_friction": 9}, "above_target"),
        ({"customers_with_signals": 0}, "not_measurable"),
        ({"customers": 1, "active_customers": 1}, "not_measurable"),
    ],
)
def test_trap_5_the_verdict_needs_data(changes: Row, verdict: str) -> None:
    """Trap 5: without signals, or of one customer, nothing is on target."""
    assert snapshot([CALM | changes])["verdict"] == verdict


def test_a_day_without_customers_is_not_measurable() -> None:
    row = snapshot([])
    assert (row["customers"], row["account_value"], row["revenue_at_risk"]) == (0, 0.0, None)
    assert (row["verdict"], row["top_leaking_stage"], row["systemic_failures"]) == ("not_measurable", None, [])


def test_the_leak_is_where_most_revenue_is_at_risk() -> None:
    row = snapshot(CELLS)
    # support 50 + 30.25 ties with retention 80.25: the first by name.
    assert (row["top_leaking_stage"], row["top_leaking_revenue_at_risk"]) == ("retention", 80.25)
    assert snapshot([CALM, CELLS[2] | {"revenue_at_risk": 49.99}])["top_leaking_stage"] == "support"
    assert snapshot([CALM | {"revenue_at_risk": 0.0}])["top_leaking_stage"] is None


def test_every_stage_that_fails_is_named() -> None:
    stuck = {"customers_in_friction": 10}
    cells = [CALM | stuck, CALM | stuck | {"journey_stage": "onboarding"}, CALM | {"journey_stage": "retention"}]
    assert snapshot(cells)["systemic_failures"] == ["onboarding", "support"]


def earlier(offset: int, revenue: float | None, **changes: object) -> Row:
    """Return the snapshot of an earlier day."""
    row = {"as_of": day(offset), "revenue_at_risk": revenue, "customers_high_risk": 4}
    return row | {"policy_hash": POLICY.policy_hash} | changes


@pytest.mark.parametrize(
    "before",
    # 100 today, and 5 % of what it was is no trend.
    [
        {-7: (90.0, "rising"), -28: (95.23, "rising")},
        {-7: (95.24, "steady"), -28: (105.26, "steady")},
        {-7: (105.27, "falling"), -28: (0.0, "rising")},
    ],
)
def test_the_trend_is_more_than_its_margin(before: dict[int, tuple[float, str]]) -> None:
    row = snapshot(
        [CALM | {"revenue_at_risk": 100.0}], [earlier(offset, money) for offset, (money, _) in before.items()]
    )
    for offset, (money, trend) in before.items():
        assert (row[f"trend_{-offset}_days"], row[f"revenue_at_risk_{-offset}_days_before"]) == (trend, money)
        assert row[f"customers_high_risk_{-offset}_days_before"] == 4
    assert row["trend_notes"] == []


def test_a_day_that_was_not_run_is_not_made_up() -> None:
    # The days on either side were run: nothing is read off between them.
    neighbours = [earlier(offset, 50.0) for offset in (-6, -8, -27, -29)]
    row = snapshot([CALM], [*neighbours, earlier(-28, None)])
    assert (row["trend_7_days"], row["revenue_at_risk_7_days_before"]) == ("not_measurable", None)
    assert (row["trend_28_days"], row["customers_high_risk_28_days_before"]) == ("not_measurable", 4)
    assert row["trend_notes"] == [
        "2025-01-13 was not run: nothing to compare with 7 days before.",
        "On 2024-12-23 nobody had a forecast.",
    ]


def test_another_yardstick_is_named() -> None:
    row = snapshot([CALM], [earlier(-7, 50.0, policy_hash="another"), earlier(-28, 50.0)])
    assert (row["trend_7_days"], row["trend_notes"]) == ("steady", ["2025-01-13 was judged under another policy."])


def test_parts_that_do_not_sum_are_found() -> None:
    cells = table_of(PortfolioCells, CELLS)
    segments = table_of(PortfolioBySegment, kept(PortfolioBySegment, portfolio_by_segment(cells, POLICY)))
    stages = table_of(PortfolioByStage, kept(PortfolioByStage, portfolio_by_stage(cells, POLICY)))
    good = snapshot(CELLS)
    more = {"customers": 1, "active_customers": 1, "customers_high_risk": 1, "account_value": 0.01}
    more |= {"revenue_at_risk": 0.01}
    spoiled = [good | {figure: good[figure] + amount} for figure, amount in more.items()]
    table = table_of(PortfolioSnapshots, [good, *spoiled])
    for offenders in (segments_that_do_not_sum(table, segments), stages_that_do_not_sum(table, stages)):
        found = rows_of(offenders)
        assert sorted([{name: row[name] for name in more} for row in found], key=repr) == sorted(
            [{name: row[name] for name in more} for row in spoiled], key=repr
        )
