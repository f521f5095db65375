"""Tests of the action for each segment: from our figures, their intervals and their money, beside the source's."""

from datetime import datetime
from typing import Any

import pytest
from statsmodels.stats.proportion import proportion_confint

from cjo_assets.families.marketing.analysis.campaign_analysis import CampaignAnalysis
from cjo_assets.families.marketing.analysis.segment_portfolio import (
    SegmentPortfolio,
    recommendations_that_differ,
    segment_portfolio,
    segments_that_do_not_sum,
)
from cjo_assets.families.marketing.inputs.creative_assets import CreativeAssets
from cjo_assets.families.marketing.inputs.segment_rollups import SegmentRollups
from cjo_assets.families.marketing.measurement._measured_kpis import performance_sums
from cjo_assets.policy import Policy
from cjo_assets_tests.support.marketing.campaigns import metric_table, performance, performance_table
from cjo_assets_tests.support.rows import POLICY, Row, as_of, by, day, kept, policy_with, rows_of, table_of


def shown(segment: str, conversions: int, impressions: int = 10_000, **money: float) -> Row:
    """Return what the one asset of a segment did in the campaign with a target of 1 %."""
    return performance("aimed", conversions, impressions, segment_id=segment, **money)


SHOWN = [
    shown("good", 150, cost=100.0, revenue_proxy=300.0),
    shown("good but dear", 150, cost=100.0, revenue_proxy=140.0),
    shown("good but a loss", 150, cost=100.0, revenue_proxy=50.0),
    shown("as it should be", 105, cost=100.0, revenue_proxy=900.0),
    shown("weak", 60, cost=100.0, revenue_proxy=300.0),
    shown("hopeless", 20, cost=100.0, revenue_proxy=40.0),
    shown("hopeless but pays", 20, cost=100.0, revenue_proxy=400.0),
    shown("small", 15, 999, cost=10.0, revenue_proxy=900.0),
    shown("money for nothing", 0, 900, cost=500.0, revenue_proxy=0.0),
    shown("little for nothing", 0, 900, cost=499.99, revenue_proxy=0.0),
    shown("nothing shown", 0, 0),
    # No target: each is compared with the other.
    performance("aimless", 300, segment_id="better", cost=100.0, revenue_proxy=300.0),
    performance("aimless", 100, segment_id="worse", cost=100.0, revenue_proxy=300.0),
    performance("alone", 300, segment_id="only", cost=100.0, revenue_proxy=300.0),
    performance("undefined", 300, segment_id="only", cost=100.0, revenue_proxy=300.0),
    performance("downward", 0, segment_id="low", clicks=50, cost=100.0, revenue_proxy=300.0),
    performance("downward", 0, segment_id="high", clicks=150, cost=100.0, revenue_proxy=300.0),
    # Where others were shown: each segment is alone on its channel, or with its call to action.
    performance("apart", 300, segment_id="searched", channel_id="search", cost=100.0, revenue_proxy=300.0),
    performance("apart", 0, segment_id="social", channel_id="social", cost=10.0, revenue_proxy=30.0),
    performance("apart", 100, segment_id="mailed", cost=100.0, revenue_proxy=300.0),
    performance("apart", 0, segment_id="read more", cost=10.0, revenue_proxy=30.0),
    # The other segment on the channel has no success.
    performance("fruitless", 300, segment_id="some", cost=100.0, revenue_proxy=300.0),
    performance("fruitless", 0, segment_id="none", cost=10.0, revenue_proxy=30.0),
    # Two places: 6,000 of 10,000 exposures on mail, 4,000 on search.
    performance("two places", 60, 6_000, segment_id="both", cost=60.0, revenue_proxy=300.0),
    performance("two places", 120, 4_000, segment_id="both", channel_id="search", cost=60.0, revenue_proxy=300.0),
    performance("two places", 100, 20_000, segment_id="mailed", cost=60.0, revenue_proxy=300.0),
    performance("two places", 150, 5_000, segment_id="searched", channel_id="search", cost=9.0, revenue_proxy=30.0),
    performance("two places", 50, 5_000, segment_id="half", cost=9.0, revenue_proxy=30.0),
    performance("two places", 50, 5_000, segment_id="half", channel_id="social", cost=9.0, revenue_proxy=30.0),
]
# Calls to action that differ from those of the rest.
CALLS = {"asset of apart/read more/mail": "Read more", "asset of two places/mailed/mail": " try "}
ACTIONS = {
    ("aimed", "good"): ("scale", "above_reference_and_paying"),
    ("aimed", "good but dear"): ("hold", "as_expected"),
    ("aimed", "good but a loss"): ("revise", "losing_money"),
    ("aimed", "as it should be"): ("hold", "as_expected"),
    ("aimed", "weak"): ("revise", "below_reference"),
    ("aimed", "hopeless"): ("stop", "far_below_reference"),
    ("aimed", "hopeless but pays"): ("revise", "below_reference"),
    ("aimed", "small"): ("hold", "few_exposures"),
    ("aimed", "money for nothing"): ("stop", "spend_without_value"),
    ("aimed", "little for nothing"): ("hold", "few_exposures"),
    ("aimed", "nothing shown"): (None, "no_exposures"),
    ("aimed", "not yet shown"): (None, "no_exposures"),
    ("aimed", "only in a rollup"): (None, "no_exposures"),
    ("aimless", "better"): ("scale", "above_reference_and_paying"),
    ("aimless", "worse"): ("revise", "below_reference"),
    ("alone", "only"): ("hold", "no_reference"),
    ("undefined", "only"): (None, "metric_not_defined"),
    ("downward", "low"): ("scale", "above_reference_and_paying"),
    ("downward", "high"): ("revise", "below_reference"),
    ("apart", "searched"): ("hold", "no_reference"),
    ("apart", "social"): ("hold", "no_reference"),
    ("apart", "mailed"): ("hold", "no_reference"),
    ("apart", "read more"): ("hold", "no_reference"),
    ("fruitless", "some"): ("hold", "no_reference"),
    ("fruitless", "none"): ("revise", "below_reference"),
    ("two places", "both"): ("hold", "as_expected"),
    ("two places", "mailed"): ("revise", "below_reference"),
    ("two places", "searched"): ("hold", "as_expected"),
    ("two places", "half"): ("hold", "no_reference"),
}
METRIC = {"downward": "cost_clicks", "undefined": "vibes"}


def rollup(segment: str, recommendation: str, end: int, **changes: Any) -> Row:
    """Return a rollup of the campaign with a target."""
    window = {"window_start": day(end - 6), "window_end": day(end)}
    return {"campaign_id": "aimed", "segment_id": segment, "recommendation": recommendation} | window | changes


ROLLUPS = [
    rollup("good", "stop", -7, rollup_id="1"),
    rollup("good", "scale", 0, rollup_id="2", trend_vs_prior_window=0.5),
    rollup("good", "stop", 1, rollup_id="3"),
    rollup("weak", "scale", 0, rollup_id="4"),
    rollup("only in a rollup", "scale", 0, rollup_id="5"),
]


@pytest.fixture(scope="module")
def tables() -> dict[str, Any]:
    """Return the inputs; a campaign's own figures are the sums of its segments, as campaign_analysis has them."""
    sums = rows_of(performance_sums(performance_table(SHOWN), "campaign_id").drop("counts_people"))
    campaigns = [
        row
        | {
            "primary_kpi": METRIC.get(row["campaign_id"], "conversion_rate"),
            "kpi_target": {"aimed": 0.01, "aimless": 0.0}.get(row["campaign_id"]),
            "kpi_successes": row["clicks" if row["campaign_id"] == "downward" else "conversions"],
            "kpi_exposures": row["impressions"],
            # Of the media of "alone" the ledger knows four times as much, and work of 8.
            "recorded_spend": row["spend"] * (4 if row["campaign_id"] == "alone" else 1),
            "llm_cost": {"aimless": 1.0, "alone": 8.0}.get(row["campaign_id"], 0.0),
            "human_review_cost": 9.0 if row["campaign_id"] == "aimless" else 0.0,
        }
        for row in sums
    ]
    made = [("a", "not yet shown", datetime(2025, 1, 20)), ("b", "not yet made", datetime(2025, 1, 21))]
    return {
        "campaign_analysis": table_of(CampaignAnalysis, campaigns),
        "creative_assets": table_of(
            CreativeAssets,
            [
                {"asset_id": name, "campaign_id": "aimed", "segment_id": segment, "created_at": moment}
                for name, segment, moment in made
            ]
            + [
                {name: row[name] for name in ("asset_id", "campaign_id", "segment_id", "channel_id")}
                | {"created_at": datetime(2025, 1, 1), "cta": CALLS.get(row["asset_id"], "Try")}
                for row in SHOWN
            ],
        ),
        "asset_performance": performance_table(SHOWN),
        "segment_rollups": table_of(SegmentRollups, ROLLUPS),
        "metric_definitions": metric_table(),
    }


def judged(tables: dict[str, Any], policy: Policy = POLICY) -> dict[tuple[str, str], Row]:
    """Return the segments under a policy."""
    return by(
        ("campaign_id", "segment_id"), kept(SegmentPortfolio, segment_portfolio(**tables, as_of=as_of(), policy=policy))
    )


@pytest.fixture(scope="module")
def segments(tables: dict[str, Any]) -> dict[tuple[str, str], Row]:
    """Return the segments under the packaged policy."""
    return judged(tables)


def test_no_other_segment_is_there(segments: dict[tuple[str, str], Row]) -> None:
    assert segments.keys() == ACTIONS.keys()


@pytest.mark.parametrize("pair", ACTIONS)
def test_the_action_follows_from_our_figures(pair: tuple[str, str], segments: dict[tuple[str, str], Row]) -> None:
    """Trap M13: surely better and paying scales, surely worse is revised; what the interval leaves open is held."""
    assert (segments[pair]["action"], segments[pair]["rule"]) == ACTIONS[pair]


def test_the_recommendation_of_the_source_is_beside_ours(segments: dict[tuple[str, str], Row]) -> None:
    """The last rollup that had ended by the day; a recommendation without figures of ours agrees with nothing."""
    good, weak = segments["aimed", "good"], segments["aimed", "weak"]
    assert (good["source_recommendation"], good["source_trend"], good["agrees_with_source"]) == ("scale", 0.5, True)
    assert (weak["source_recommendation"], weak["agrees_with_source"]) == ("scale", False)
    assert segments["aimed", "only in a rollup"]["agrees_with_source"] is None
    assert segments["aimless", "better"]["agrees_with_source"] is None


def test_work_is_laid_on_segments_as_spend_is(segments: dict[tuple[str, str], Row]) -> None:
    """Trap M10: ten of work over two segments of equal spend; ROI counts it, return on spend does not."""
    row = segments["aimless", "better"]
    assert (row["work_cost"], row["roas"]) == (5.0, 3.0)
    assert row["roi"] == pytest.approx((300 - 105) / 105, abs=1e-6)
    assert segments["aimed", "not yet shown"]["roi"] is None
    # A quarter of the media that the ledger books has a quarter of the work.
    assert segments["alone", "only"]["work_cost"] == 2.0


def test_without_a_target_a_segment_is_compared_with_the_others(segments: dict[tuple[str, str], Row]) -> None:
    better, alone, good = segments["aimless", "better"], segments["alone", "only"], segments["aimed", "good"]
    assert (better["reference_source"], better["reference"]) == ("other_segments", 0.01)
    assert better["reference_low"] < 0.01 < better["reference_high"]
    assert (alone["reference_source"], alone["reference"]) == (None, None)
    assert (alone["reference_low"], alone["reference_high"]) == (None, None)
    assert (good["reference_source"], good["reference_low"], good["reference_high"]) == ("target", 0.01, 0.01)


def test_the_interval_of_the_others_is_theirs(segments: dict[tuple[str, str], Row]) -> None:
    """Trap M8: the reference of a segment is as uncertain as when it is compared itself."""
    better, worse = segments["aimless", "better"], segments["aimless", "worse"]
    assert (better["reference_low"], better["reference_high"]) == (worse["kpi_value_low"], worse["kpi_value_high"])
    assert (worse["reference_low"], worse["reference_high"]) == (better["kpi_value_low"], better["kpi_value_high"])


def test_segments_are_compared_on_their_own_channels(segments: dict[tuple[str, str], Row]) -> None:
    """Sixty per cent of its exposures at the 150 of 25,000 of others there, forty at the 150 of 5,000."""
    both = segments["two places", "both"]
    assert both["reference"] == pytest.approx(0.6 * 150 / 25_000 + 0.4 * 150 / 5_000, abs=1e-9)
    # As uncertain as one rate of so many exposures, each two thirds of a trial.
    trials = 1 / (0.6**2 / 25_000 + 0.4**2 / 5_000) / 1.5
    low, high = proportion_confint(both["reference"] * trials, trials, alpha=0.05, method="wilson")
    assert (both["reference_low"], both["reference_high"]) == (pytest.approx(low), pytest.approx(high))
    assert segments["two places", "half"]["reference"] is None


def test_a_reference_without_successes_is_none(segments: dict[tuple[str, str], Row]) -> None:
    some, none = segments["fruitless", "some"], segments["fruitless", "none"]
    assert (some["reference"], some["reference_source"]) == (None, None)
    assert none["reference"] == 0.03


def test_segments_counted_in_people_have_their_design_effect() -> None:
    """30 of 10,000 exposures: 1.5 impressions are a trial, and a person is one."""
    rows = [performance("people", 30, segment_id="one"), performance("people", 30, segment_id="two")]
    widths = {}
    for effect, people in ((1.5, None), (1.0, 4_000)):
        shown_to = [row | {"exposed_people": people} for row in rows]
        calls = [{name: row[name] for name in ("asset_id", "campaign_id", "segment_id", "channel_id")} for row in rows]
        analysis = {"campaign_id": "people", "primary_kpi": "conversion_rate", "kpi_target": None, "spend": 0.0}
        found = judged(
            {
                "campaign_analysis": table_of(CampaignAnalysis, [analysis]),
                "creative_assets": table_of(CreativeAssets, calls, cta="Try"),
                "asset_performance": performance_table(shown_to),
                "segment_rollups": table_of(SegmentRollups, []),
                "metric_definitions": metric_table(),
            }
        )
        row = found["people", "one"]
        low, high = proportion_confint(30 / effect, 10_000 / effect, alpha=0.05, method="wilson")
        assert row["design_effect"] == effect
        assert (row["kpi_value_low"], row["kpi_value_high"]) == (pytest.approx(low), pytest.approx(high))
        assert (row["reference_low"], row["reference_high"]) == (pytest.approx(low), pytest.approx(high))
        widths[effect] = high - low
    assert widths[1.0] < widths[1.5]


@pytest.mark.parametrize(
    ("name", "value", "pair", "action"),
    [
        ("minimum_exposures", 10_001, ("aimed", "good"), "hold"),
        ("scale_roi", 3.0, ("aimed", "good"), "hold"),
        ("scale_roi", 0.4, ("aimed", "good but dear"), "scale"),
        ("minimum_roi", -0.6, ("aimed", "good but a loss"), "hold"),
        ("stop_share", 0.2, ("aimed", "hopeless"), "revise"),
        ("spend_without_value", 499.0, ("aimed", "little for nothing"), "stop"),
    ],
)
def test_the_policy_decides(
    name: str, value: float, pair: tuple[str, str], action: str, tables: dict[str, Any]
) -> None:
    found = judged(tables, policy_with(**{f"marketing__segments__{name}": value}))
    assert (found[pair]["action"], ACTIONS[pair][0] != action) == (action, True)


def test_segments_add_up_to_their_campaign(segments: dict[tuple[str, str], Row], tables: dict[str, Any]) -> None:
    rows = table_of(
        SegmentPortfolio, [{name: row[name] for name in row if name != "as_of"} for row in segments.values()]
    )
    assert not rows_of(segments_that_do_not_sum(rows, tables["campaign_analysis"]))
    lost = rows.filter(rows.segment_id != "worse")
    assert [row["campaign_id"] for row in rows_of(segments_that_do_not_sum(lost, tables["campaign_analysis"]))] == [
        "aimless"
    ]
    assert [row["segment_id"] for row in rows_of(recommendations_that_differ(rows))] == ["weak"]
