"""Tests of campaign analysis: money, time, metric, and performance, which follows from the metric only."""

from datetime import date, datetime
from typing import Any

import pytest

from cjo_assets.core.expressions.intervals import wilson_interval
from cjo_assets.families.marketing.analysis.campaign_analysis import (
    CampaignAnalysis,
    campaign_analysis,
    measured_before_set_up,
    sums_that_miss_performance,
)
from cjo_assets.families.marketing.inputs.campaigns import COMPLETED, DRAFT, PAUSED
from cjo_assets.families.marketing.inputs.creative_assets import CreativeAssets
from cjo_assets.families.marketing.inputs.experiments import Experiments
from cjo_assets.families.marketing.inputs.roi_ledger import RoiLedger
from cjo_assets.families.marketing.value.performance_assessment import (
    PerformanceAssessment,
    campaigns_not_counted_once,
    performance_assessment,
)
from cjo_assets.families.marketing.value.roi_analysis import RoiAnalysis
from cjo_assets.policy import Policy
from cjo_assets_tests.support.marketing.campaigns import (
    campaign,
    campaign_table,
    metric_table,
    performance,
    performance_table,
)
from cjo_assets_tests.support.rows import (
    POLICY,
    Row,
    Rows,
    as_of,
    by,
    day,
    instant,
    kept,
    policy_with,
    rows_of,
    table_of,
)

# Each campaign is one case: the campaign, and what its asset did (None: nothing).
CASES: dict[str, tuple[Row, Row | None]] = {
    "a fifth below": ({"kpi_target": 0.01}, {"conversions": 80, "cost": 500.0, "revenue_proxy": 2000.0}),
    "just below": ({"kpi_target": 0.01}, {"conversions": 79, "cost": 100.0, "revenue_proxy": 90_000.0}),
    "a fifth above": ({"kpi_target": 0.01}, {"conversions": 120, "cost": 900.0, "revenue_proxy": 1.0}),
    "0.024 of 0.03": ({"kpi_target": 0.03}, {"conversions": 240}),
    "no target given": ({}, {"conversions": 500, "cost": 100.0, "revenue_proxy": 90_000.0}),
    "a target of nothing": ({"kpi_target": 0.0}, {"conversions": 500}),
    "undefined": ({"primary_kpi": "vibes", "kpi_target": 0.1}, {"conversions": 500}),
    "young": ({"kpi_target": 0.01, "start_date": day(-3), "end_date": day(16)}, {"conversions": 500}),
    "a quarter through": ({"kpi_target": 0.01, "start_date": day(-4), "end_date": day(15)}, {"conversions": 500}),
    "small": ({"kpi_target": 0.01}, {"conversions": 50, "impressions": 999}),
    "small and over": (
        {"kpi_target": 0.01, "end_date": day(0), "status": COMPLETED},
        {"conversions": 50, "impressions": 999},
    ),
    "ended, and cheap": ({"end_date": day(0), "status": COMPLETED}, {"conversions": 100, "cost": 849.0}),
    "ended early": ({"status": COMPLETED}, {"conversions": 100, "cost": 850.0}),
    "spent before its time": ({"start_date": day(-18), "end_date": day(1)}, {"conversions": 100, "cost": 1000.01}),
    "open": ({"kpi_target": 0.01, "end_date": None}, {"conversions": 100, "cost": 10.0}),
    "open, and small": ({"kpi_target": 0.01, "end_date": None}, {"conversions": 50, "impressions": 999}),
    "open until 2037": ({"kpi_target": 0.01, "end_date": date(2037, 12, 30)}, {"conversions": 100, "cost": 10.0}),
    "open until 9999": ({"kpi_target": 0.01, "end_date": date(9999, 12, 31)}, {"conversions": 100, "cost": 2000.0}),
    "booked alone": ({}, None),
    "over long ago": (
        {"kpi_target": 0.01, "start_date": day(-40), "end_date": day(-20), "status": COMPLETED},
        {"conversions": 100, "cost": 1000.01},
    ),
    "tomorrow": ({"kpi_target": 0.01, "start_date": day(1)}, None),
    "a draft": ({"kpi_target": 0.01, "status": DRAFT, "budget": 0.0}, None),
    "never shown": ({"kpi_target": 0.01}, {"conversions": 0, "impressions": 0}),
    "free": ({"kpi_target": 0.01, "budget": 0.0}, {"conversions": 100}),
    "no budget": ({"kpi_target": 0.01, "budget": 0.0}, {"conversions": 100, "cost": 5.0}),
    "the less the better": ({"primary_kpi": "cost_clicks", "kpi_target": 0.01}, {"conversions": 0, "clicks": 80}),
    "more clicks than wanted": ({"primary_kpi": "cost_clicks", "kpi_target": 0.01}, {"conversions": 0, "clicks": 130}),
    "measured too soon": ({"created_at": datetime(2025, 1, 21)}, {"conversions": 1}),
    "not there yet": ({"created_at": datetime(2025, 1, 21)}, None),
}
# performance, rule, attainment
JUDGED = {
    "a fifth below": ("meeting_expectations", "attainment", 0.8),
    "just below": ("below_expectations", "attainment", 0.79),
    "a fifth above": ("exceeding_expectations", "attainment", 1.2),
    "0.024 of 0.03": ("meeting_expectations", "attainment", 0.8),
    "no target given": ("not_measurable", "no_target", None),
    "a target of nothing": ("not_measurable", "no_target", None),
    "undefined": ("not_measurable", "metric_not_defined", None),
    "young": ("too_early", "little_time", 5.0),
    "a quarter through": ("exceeding_expectations", "attainment", 5.0),
    "small": ("too_early", "few_exposures", 50 / 9.99),
    "small and over": ("not_measurable", "few_exposures", 50 / 9.99),
    "ended, and cheap": ("not_measurable", "no_target", None),
    "ended early": ("not_measurable", "no_target", None),
    "spent before its time": ("not_measurable", "no_target", None),
    "open": ("meeting_expectations", "attainment", 1.0),
    "open, and small": ("too_early", "few_exposures", 50 / 9.99),
    "open until 2037": ("meeting_expectations", "attainment", 1.0),
    "open until 9999": ("meeting_expectations", "attainment", 1.0),
    "booked alone": ("not_measurable", "no_exposures", None),
    "over long ago": ("meeting_expectations", "attainment", 1.0),
    "tomorrow": ("too_early", "not_started", None),
    "a draft": ("not_measurable", "no_exposures", None),
    "never shown": ("not_measurable", "no_exposures", None),
    "free": ("meeting_expectations", "attainment", 1.0),
    "no budget": ("meeting_expectations", "attainment", 1.0),
    "the less the better": ("exceeding_expectations", "attainment", 1.25),
    "more clicks than wanted": ("below_expectations", "attainment", 1 / 1.3),
    "measured too soon": ("not_measurable", "no_target", None),
}
LEDGER = [
    # One percent more than the metrics is within tolerance: the metrics count.
    {"campaign_id": "a fifth below", "llm_cost": 20.0, "human_review_cost": 80.0, "media_spend": 505.0}
    | {"estimated_value": 30_000.0},
    # Twice what the assets cost, and another value: the ledger counts, for both.
    {"campaign_id": "just below", "llm_cost": 10.0, "human_review_cost": 0.0, "media_spend": 200.0}
    | {"estimated_value": 500.0},
    {"campaign_id": "tomorrow", "llm_cost": 5.0, "human_review_cost": 0.0},
    {"campaign_id": "booked alone", "llm_cost": 5.0, "human_review_cost": 0.0, "media_spend": 245.0}
    | {"estimated_value": 100.0},
]
EXPERIMENTS = [
    ("runs", "running", -5, None),
    ("was stopped later", "stopped", -5, 3),
    ("was completed later", "completed", -5, 1),
    ("is completed", "completed", -5, 0),
    ("was stopped", "stopped", -5, -1),
    ("is planned", "planned", 2, None),
    ("was to begin", "planned", -5, None),
    ("ended, not recorded", "running", -5, -1),
]


def inputs() -> dict[str, Any]:
    """Return the tables that an analysis of all cases reads."""
    tests = [
        {"experiment_id": name, "campaign_id": "a fifth below", "status": status, "start_date": day(start)}
        | {"end_date": None if end is None else day(end)}
        for name, status, start, end in EXPERIMENTS
    ]
    made = [
        {"asset_id": name, "campaign_id": "a fifth below", "created_at": instant(moment)}
        for name, moment in (("early", "2025-01-20T23:59:59"), ("late", "2025-01-21T00:00:00"))
    ]
    return {
        "campaigns": campaign_table([campaign(name, **changes) for name, (changes, _) in CASES.items()]),
        "creative_assets": table_of(CreativeAssets, made),
        "experiments": table_of(Experiments, tests),
        "asset_performance": performance_table(
            [performance(name, **done) for name, (_, done) in CASES.items() if done is not None]
        ),
        "roi_ledger": table_of(RoiLedger, LEDGER),
        "metric_definitions": metric_table(),
    }


@pytest.fixture(scope="module")
def tables() -> dict[str, Any]:
    """Return the inputs."""
    return inputs()


def analysed(tables: dict[str, Any], policy: Policy = POLICY) -> dict[str, Row]:
    """Return the analysis of each case."""
    return by("campaign_id", kept(CampaignAnalysis, campaign_analysis(**tables, as_of=as_of(), policy=policy)))


@pytest.fixture(scope="module")
def rows(tables: dict[str, Any]) -> dict[str, Row]:
    """Return the analysis of each case under the packaged policy."""
    return analysed(tables)


@pytest.mark.parametrize("case", JUDGED)
def test_performance_is_that_of_the_metric_against_its_target(case: str, rows: dict[str, Row]) -> None:
    """Trap M13, M18: no ratio of money counts; 80 % of a target is 80 %, whatever binary floats make of it."""
    judgement, rule, attainment = JUDGED[case]
    found = rows[case]
    assert (found["overall_performance"], found["rule"]) == (judgement, rule)
    assert found["kpi_attainment"] == (None if attainment is None else pytest.approx(attainment, abs=1e-6))


def test_campaign_without_setup_is_left_out_and_named_if_measured(rows: dict[str, Row], tables: dict[str, Any]) -> None:
    assert rows.keys() == CASES.keys() - {"not there yet"}
    odd = rows_of(measured_before_set_up(tables["campaigns"], tables["asset_performance"]))
    assert [row["campaign_id"] for row in odd] == ["measured too soon"]


def test_return_on_spend_is_of_one_record_and_is_no_roi(rows: dict[str, Row]) -> None:
    """Trap M10, M11: both sides of a ratio are of one record, the one that knows the most spend."""
    found = rows["a fifth below"]
    assert (found["spend_basis"], found["spend_residual"]) == ("metrics", 5.0)
    assert (found["recorded_spend"], found["recorded_value"], found["all_cost"]) == (500.0, 2000.0, 600.0)
    assert (found["roas"], found["net_value"]) == (4.0, 1400.0)
    assert found["roi"] == pytest.approx(1400 / 600, abs=1e-6)
    found = rows["just below"]
    assert (found["spend"], found["value"]) == (100.0, 90_000.0)
    assert (found["spend_basis"], found["spend_residual"]) == ("ledger", 100.0)
    assert (found["recorded_spend"], found["recorded_value"], found["all_cost"]) == (200.0, 500.0, 210.0)
    assert (found["roas"], found["net_value"]) == (2.5, 290.0)
    assert found["roi"] == pytest.approx(290 / 210, abs=1e-6)
    found = rows["booked alone"]
    assert (found["spend"], found["spend_basis"], found["recorded_spend"], found["roi"]) == (
        None,
        "ledger",
        245.0,
        -0.6,
    )


def test_reconciliation_tolerance_decides_which_record_counts(tables: dict[str, Any]) -> None:
    policy = policy_with(marketing__reconciliation__tolerances__spend=0.0)
    found = analysed(tables, policy)["a fifth below"]
    assert (found["spend_basis"], found["recorded_spend"], found["recorded_value"]) == ("ledger", 505.0, 30_000.0)


def test_the_policy_decides_from_when_on_an_end_is_open(tables: dict[str, Any]) -> None:
    found = analysed(tables, policy_with(marketing__campaigns__open_ended_after_years=20))
    assert found["open until 2037"]["end_date"] == date(2037, 12, 30)
    assert (found["open until 2037"]["pacing"] or 0) > 1
    assert found["open until 9999"]["end_date"] is None


def test_what_is_not_known_is_null(rows: dict[str, Row]) -> None:
    """Without a ledger there is no ROI; without a snapshot no figure; a spend of 0 is known."""
    assert (rows["no target given"]["roas"], rows["no target given"]["roi"]) == (900.0, None)
    unmeasured = ("impressions", "spend", "value", "kpi_value", "spend_residual")
    assert [rows["tomorrow"][name] for name in unmeasured] == [None] * len(unmeasured)
    unknown = ("spend_basis", "recorded_spend", "recorded_value", "roas", "roi", "all_cost", "is_over_budget")
    assert [rows["a draft"][name] for name in unknown] == [None] * len(unknown)
    assert rows["tomorrow"]["llm_cost"] == 5.0
    assert (rows["free"]["spend"], rows["free"]["roas"], rows["free"]["spent_share"]) == (0.0, None, None)


@pytest.mark.parametrize(
    ("case", "elapsed", "pacing", "status", "over"),
    [
        ("a fifth below", 0.5, 1.0, "on_pace", False),
        ("just below", 0.5, 0.4, "behind", False),
        ("a fifth above", 0.5, 1.8, "ahead", False),
        # What has ended cannot catch up any more; over the budget is over the budget, by however little.
        ("over long ago", 1.0, 1.00001, "over_spent", True),
        ("small and over", 1.0, 0.0, "under_spent", False),
        ("ended, and cheap", 1.0, 0.849, "under_spent", False),
        ("ended early", 0.5, 0.85, "spent", False),
        ("spent before its time", 0.95, 1.00001 / 0.95, "ahead", True),
        ("open", None, None, "not_measurable", False),
        ("open until 2037", None, None, "not_measurable", False),
        ("open until 9999", None, None, "not_measurable", True),
        ("booked alone", 0.5, 0.49, "behind", False),
        ("tomorrow", 0.0, None, "not_measurable", False),
        ("free", 0.5, None, "not_measurable", False),
        ("no budget", 0.5, None, "not_measurable", True),
    ],
)
def test_pacing_is_spend_against_time(
    case: str, elapsed: float | None, pacing: float | None, status: str, over: bool | None, rows: dict[str, Row]
) -> None:
    """Trap M13: half of the budget on half of the days is neither fast nor slow; the end of a campaign is its end."""
    found = rows[case]
    assert found["elapsed_share"] == elapsed
    assert found["pacing"] == (None if pacing is None else pytest.approx(pacing))
    assert (found["pacing_status"], found["is_over_budget"]) == (status, over)


def test_experiments_and_assets_are_those_of_the_day(rows: dict[str, Row]) -> None:
    found = rows["a fifth below"]
    assert (found["active_experiments"], found["completed_experiments"], found["total_experiments"]) == (3, 1, 6)
    assert found["total_assets"] == 1
    assert rows["a draft"]["total_experiments"] == 0


def test_the_interval_is_that_of_independent_units(rows: dict[str, Row]) -> None:
    """Trap M8: 10,000 impressions at a design effect of 1.5 have the interval of 6,667 people."""
    effect = POLICY.marketing.metric_definitions["conversion_rate"].design_effect
    count = performance_table([performance("one", 80)])
    low, high = wilson_interval(count.conversions / effect, count.impressions / effect, 0.95)
    (expected,) = rows_of(count.select(low=low, high=high))
    found = rows["a fifth below"]
    assert found["kpi_value_low"] == pytest.approx(expected["low"], abs=1e-9)
    assert found["kpi_value_high"] == pytest.approx(expected["high"], abs=1e-9)
    assert found["kpi_value_high"] - found["kpi_value_low"] > 1.2 * 2 * 1.96 * (0.008 * 0.992 / 10_000) ** 0.5


@pytest.mark.parametrize(
    ("changes", "case", "judgement", "rule"),
    [
        ({"minimum_elapsed_share": 0.2}, "young", "exceeding_expectations", "attainment"),
        ({"minimum_exposures": 999}, "small", "exceeding_expectations", "attainment"),
        (
            {"performance_thresholds": {"below_expectations": 0.79, "meeting_expectations": 0.9}
             | {"exceeding_expectations": 1.0}},
            "more clicks than wanted",
            "not_measurable",
            "off_the_scale",
        ),
        (
            {"performance_thresholds": {"below_expectations": 0.79, "meeting_expectations": 0.9}
             | {"exceeding_expectations": 1.0}},
            "just below",
            "below_expectations",
            "attainment",
        ),
    ],
)  # fmt: skip
def test_the_policy_decides(
    changes: dict[str, Any], case: str, judgement: str, rule: str, tables: dict[str, Any]
) -> None:
    policy = policy_with(**{f"marketing__campaigns__{name}": value for name, value in changes.items()})
    found = analysed(tables, policy)[case]
    assert (found["overall_performance"], found["rule"]) == (judgement, rule)


def test_the_policy_sets_interval_level_and_pacing(rows: dict[str, Row], tables: dict[str, Any]) -> None:
    policy = policy_with(marketing__campaigns__interval_level=0.5, marketing__campaigns__pacing_tolerance=0.8)
    found = analysed(tables, policy)
    assert found["a fifth below"]["kpi_value_low"] > rows["a fifth below"]["kpi_value_low"]
    assert [found[name]["pacing_status"] for name in ("just below", "a fifth above")] == ["on_pace", "on_pace"]


def test_pauses_change_no_figure(rows: dict[str, Row]) -> None:
    """A paused campaign is analysed as any other; its status is beside its figures."""
    tables = inputs()
    paused = [campaign(name, **({"status": PAUSED} | changes)) for name, (changes, _) in CASES.items()]
    found = analysed(tables | {"campaigns": campaign_table(paused)})
    assert {name: row | {"status": ""} for name, row in found.items()} == {
        name: row | {"status": ""} for name, row in rows.items()
    }


@pytest.fixture(scope="module")
def analysis(rows: dict[str, Row]) -> Any:
    """Return the analysis as a table."""
    return table_of(CampaignAnalysis, [{name: row[name] for name in row if name != "as_of"} for row in rows.values()])


def assessed(analysis: Any, roi_percentage: float | None = None) -> Rows:
    """Return the assessment of an analysis."""
    whole = table_of(RoiAnalysis, [{"roi_percentage": roi_percentage}])
    return kept(PerformanceAssessment, performance_assessment(analysis, whole))


def test_the_whole_counts_every_campaign_once(analysis: Any, tables: dict[str, Any]) -> None:
    """Trap M10, M11: spend and value are of the same assets; there is one ROI of the whole, and it is read."""
    (found,) = assessed(analysis, 233.3333)
    shown = [done for _, done in CASES.values() if done is not None]
    spend, value = (sum(done.get(name, 0.0) for done in shown) for name in ("cost", "revenue_proxy"))
    assert (found["total_campaigns"], found["active_campaigns"]) == (28, 23)
    assert found["measured_spend"] == pytest.approx(spend)
    # Two campaigns count by the ledger: 100 more of spend and 89,500 less of value, and 245 and 100 more.
    spend, value = spend + 100 + 245, value - 89_500 + 100
    assert (found["total_spend"], found["total_revenue_proxy"]) == (pytest.approx(spend), value)
    assert found["overall_roas"] == pytest.approx(value / spend, abs=1e-6)
    assert (found["overall_roi"], found["campaigns_without_ledger"]) == (2.333333, len(shown) - 2)
    judged = ("exceeding_expectations", "meeting_expectations", "below_expectations", "too_early", "not_measurable")
    assert {name: found[name] for name in judged} == {
        name: sum(judgement == name for judgement, _, _ in JUDGED.values()) for name in judged
    }
    assert (found["running_experiments"], found["completed_experiments"], found["over_budget"]) == (3, 1, 4)
    assert not rows_of(sums_that_miss_performance(analysis, tables["asset_performance"]))


def test_a_campaign_lost_or_counted_twice_is_found(analysis: Any, tables: dict[str, Any]) -> None:
    shown, campaigns = tables["asset_performance"], tables["campaigns"]
    for wrong in (analysis.filter(analysis.campaign_id != "just below"), analysis.union(analysis)):
        assert rows_of(sums_that_miss_performance(wrong, shown))
        found = table_of(PerformanceAssessment, assessed(wrong))
        assert rows_of(campaigns_not_counted_once(found, campaigns, shown, as_of()))
    assert not rows_of(
        campaigns_not_counted_once(table_of(PerformanceAssessment, assessed(analysis)), campaigns, shown, as_of())
    )


def test_no_campaign_at_all(tables: dict[str, Any]) -> None:
    empty: Rows = []
    none = {name: table.filter(False) for name, table in tables.items() if name != "metric_definitions"}
    found = campaign_analysis(**none, metric_definitions=tables["metric_definitions"], as_of=as_of(), policy=POLICY)
    assert kept(CampaignAnalysis, found) == empty
    (whole,) = assessed(found)
    assert (whole["total_campaigns"], whole["total_spend"], whole["overall_roi"]) == (0, None, None)
    assert not rows_of(sums_that_miss_performance(found, none["asset_performance"]))
