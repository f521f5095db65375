"""Analyses of the sample month, with figures that can be added up from `data/marketing/`, and its planted faults."""

from collections import defaultdict

import pytest

from cjo_assets.cli.single_subject import rows_about
from cjo_assets.families.marketing.family import FAMILY
from cjo_assets.families.marketing.subject import SUBJECT, key_to_campaign, links_of, rows_of_campaign
from cjo_assets_tests.support.chain import LAST_DAY, SAMPLE, Chain, read_rows


def test_campaigns_by_hand(marketing_sample: Chain) -> None:
    """Trap M10, M11, M13: CAMP_001 brought 17,650 for 4,200 of media and 158.50 of work; neither decides its rating."""
    found = marketing_sample.by("campaign_id", "marketing.campaign_analysis")
    spring = found["CAMP_001"]
    assert (spring["spend"], spring["value"], spring["all_cost"]) == (4200.0, 17_650.0, 4358.5)
    assert spring["kpi_attainment"] == pytest.approx(491 / 139_600 / 0.003, abs=1e-6)
    assert (spring["roas"], spring["pacing_status"]) == (pytest.approx(17_650 / 4200, abs=1e-6), "under_spent")
    assert {name: row["overall_performance"] for name, row in found.items()} == {
        "CAMP_001": "meeting_expectations",
        "CAMP_002": "below_expectations",
        "CAMP_003": "not_measurable",
        "CAMP_004": "not_measurable",
    }
    assert (found["CAMP_003"]["is_over_budget"], found["CAMP_003"]["pacing_status"]) == (True, "over_spent")
    assert found["CAMP_004"]["spend"] is None


def test_the_whole_has_one_return(marketing_sample: Chain) -> None:
    """Trap M10: the seed's 10,500 spent; one ROI, in every table."""
    (whole,) = marketing_sample.rows("FROM marketing.performance_assessment")
    (roi,) = marketing_sample.rows("FROM marketing.roi_analysis")
    assert (whole["total_campaigns"], whole["total_spend"], whole["total_revenue_proxy"]) == (4, 10_500.0, 32_000.0)
    assert whole["overall_roi"] == pytest.approx(roi["roi_percentage"] / 100, abs=1e-6)
    assert whole["overall_roas"] == pytest.approx(roi["roas"], abs=1e-6)


def test_planted_faults_are_named(marketing_sample: Chain) -> None:
    """Trap M16, M20: the ledger and the rollup that disagree, visits not counted, first touches not measured."""
    beyond = marketing_sample.rows("FROM marketing.reconciliation WHERE state = 'beyond_tolerance'")
    assert {(row["campaign_id"], row["scope"], row["figure"], row["residual"]) for row in beyond} == {
        ("CAMP_001", "campaign", "value", -12_850.0),
        ("CAMP_002", "SEGROLL_0004", "value", 1435.0),
    }
    passed_over = marketing_sample.rows(
        "SELECT step, passed_over, rate FROM marketing.funnel_analysis "
        "WHERE campaign_id = 'CAMP_002' AND path = 'acquisition' AND to_stage = 'demo_request'"
    )
    assert passed_over == [{"step": 4, "passed_over": ["visit", "signup"], "rate": round(700 / 2497, 6)}]
    first = marketing_sample.rows(
        "SELECT sum(credited_conversions) AS credit, sum(measured_conversions) AS measured, "
        "bool_and(state = 'disagrees') AS all_differ FROM marketing.attribution WHERE method = 'first_touch'"
    )
    assert first == [{"credit": 511.0, "measured": 491, "all_differ": True}]


def test_our_segments_differ_from_the_source(marketing_sample: Chain) -> None:
    found = marketing_sample.by(
        "segment_id", "marketing.segment_portfolio WHERE campaign_id IN ('CAMP_001', 'CAMP_003')"
    )
    assert {name: (row["action"], row["source_recommendation"]) for name, row in found.items()} == {
        "SEG_001": ("revise", "hold"),
        "SEG_002": ("scale", "hold"),
        "SEG_004": ("stop", "hold"),
    }


def test_a_campaign_keeps_all_that_is_about_it(marketing_sample: Chain) -> None:
    """Trap M15: over all campaigns, every row of every table about campaigns is found; CAMP_001 keeps its snapshots."""
    store = marketing_sample.store
    campaigns = [row["campaign_id"] for row in marketing_sample.rows("FROM marketing.campaigns")]
    names = [table.name for table in FAMILY.tables if table.schema == FAMILY.name]
    tables = {name: store.backend.table(name, database="marketing") for name in names}
    for name, rows in tables.items():
        key = key_to_campaign(tuple(rows.columns))
        if key in (None, "campaign_id"):
            continue
        links = {link: tables[link] for link in links_of(tuple(rows.columns))}
        parts = [store.backend.to_pyarrow(rows_of_campaign(rows, campaign, links).count()) for campaign in campaigns]
        found = {campaign: part.as_py() for campaign, part in zip(campaigns, parts, strict=True)}
        everything = store.backend.to_pyarrow(rows.count()).as_py()
        assert sum(found.values()) >= everything, name
        if name == "performance_metrics":
            assert sum(found.values()) == everything
            assert found["CAMP_001"] > 0


def test_every_table_shows_its_rows_of_a_campaign(marketing_sample: Chain) -> None:
    """Those of the whole, too, whose only key is the day."""
    store = marketing_sample.store
    tables = [table for table in FAMILY.tables if table.schema == FAMILY.name]
    shown = {table.name: rows_about(store, SUBJECT, table, "CAMP_001", LAST_DAY) for table in tables}
    assert len(shown["performance_assessment"]) == len(shown["roi_analysis"]) == len(shown["campaign_analysis"]) == 1
    risks = [row["risk_id"] for row in shown["risk_register"]]
    assert risks == sorted(risks)
    assert {row["campaign_id"] for row in shown["risk_register"]} == {"CAMP_001"}


def test_kpis_measure_what_the_sample_holds(marketing_sample: Chain) -> None:
    rows = marketing_sample.by("kpi", "marketing.kpis")
    assert len(rows) == 16
    unknown = {kpi for kpi, row in rows.items() if row["status"] == "not_measurable"}
    assert unknown == {"average_latency_seconds", "wasted_spend_reduction"}
    judged = marketing_sample.by("family", "marketing.kpi_status")
    assert {row["status"] for row in judged.values()} <= {"critical", "at_risk", "not_distinguishable"}


def test_roi_by_hand(marketing_sample: Chain) -> None:
    """Trap M10: the seed's 76.7 % divides the net by media alone; here all cost is below the line."""
    [total] = marketing_sample.rows("FROM marketing.roi_analysis")
    assert (total["total_media_spend"], total["total_llm_cost"], total["total_human_review_cost"]) == (
        10500,
        102.55,
        495,
    )
    # March has 31 days: 31 / 30 of 500.
    assert total["total_infrastructure_cost"] == 516.67
    assert total["roi_percentage"] == pytest.approx(100 * total["total_net_roi"] / total["total_cost"], abs=1e-6)
    assert total["roas"] == pytest.approx(total["total_estimated_value"] / 10500, abs=1e-6)
    [sums] = marketing_sample.rows(
        "SELECT sum(spend) spend, sum(value) AS worth, sum(llm_cost) llm FROM marketing.campaign_analysis"
    )
    assert (sums["spend"], sums["worth"]) == (total["total_media_spend"], total["total_estimated_value"])
    assert sums["llm"] == pytest.approx(total["total_llm_cost"])


def test_decision_insights_by_hand(marketing_sample: Chain) -> None:
    rows = marketing_sample.by("campaign_id", "marketing.decision_insights")
    cells = ("total_decisions", "human_overrides", "measured_decisions", "insight_to_action_hours")
    assert {name: tuple(row[cell] for cell in cells) for name, row in rows.items()} == {
        "CAMP_001": (5, 0, 2, 10.5),  # six hours and fifteen
        "CAMP_002": (3, 2, 1, 12.0),
        "CAMP_003": (4, 1, 2, 4.375),  # three quarters of an hour and eight hours
        "CAMP_004": (0, 0, 0, None),
    }


def test_budget_governance_by_hand(marketing_sample: Chain) -> None:
    """The critical risk of the sixteenth freezes CAMP_002 and keeps money out of social (CH_03)."""
    rows = marketing_sample.by("budget_action_id", "marketing.budget_governance")
    assert {name[-1]: (row["refusal_reasons"], row["violations"]) for name, row in rows.items()} == {
        "1": ([], []),
        "2": ([], []),
        "3": (["same_channel"], ["executed_although_refused"]),
        "4": (["budget_frozen", "channel_at_risk"], ["executed_although_refused"]),
        "5": (["budget_frozen", "channel_at_risk"], ["executed_although_refused"]),
        "6": (["budget_frozen"], ["executed_although_refused", "executed_without_approval"]),
        "7": ([], []),
        "8": (["budget_frozen"], []),
    }
    assert {name[-1] for name, row in rows.items() if row["is_late"]} == {"7", "8"}
    balances = marketing_sample.by("channel_id", "(FROM marketing.budget_balances WHERE campaign_id = 'CAMP_002')")
    assert {name: (row["net"], row["refused_in"]) for name, row in balances.items()} == {
        "CH_02": (-400.0, 400.0),
        "CH_03": (400.0, 800.0),
    }


def test_risk_register_by_hand(marketing_sample: Chain) -> None:
    """CAMP_002 has spent 3,750 of 9,000; CAMP_003 more than its budget."""
    rows = marketing_sample.rows("FROM marketing.risk_register ORDER BY rank")
    assert [(row["risk_id"][-1], row["exposure"], row["risk_score"], row["due_status"]) for row in rows] == [
        ("3", 5250.0, 5250.0, "overdue"),
        ("5", 5250.0, 1312.5, "not_measurable"),
        ("6", 5250.0, 1312.5, "in_time"),
        ("1", 0.0, 0.0, "overdue"),
        ("2", 10800.0, 1350.0, "not_measurable"),
        ("4", 0.0, 0.0, "settled"),
    ]
    assert [row["risk_id"] for row in rows if row["is_blocking"]] == ["RSK_0003"]


def test_recommendations_by_hand(marketing_sample: Chain) -> None:
    """Trap M20: the month's faults each lead somewhere, the frozen campaign first."""
    rows = marketing_sample.rows("FROM marketing.recommendations ORDER BY rank")
    about = {(row["rule"], row["target_id"]) for row in rows}
    assert [row["target_id"] for row in rows[:2]] == ["CAMP_002", "CAMP_002"]
    assert about >= {
        ("critical_risk", "CAMP_002"),
        ("frozen_budget", "CAMP_002"),
        ("refused_move_executed", "BUD_0003"),
        ("refused_move_executed", "BUD_0004"),
        ("paused_campaign", "CAMP_003"),
        ("status_out_of_date", "CAMP_004"),
        ("invalid_experiment", "EXP_005"),
        ("invalid_experiment", "EXP_006"),
        ("winning_variant", "EXP_003"),
        ("unapproved_creative", "ASSET_010"),
        ("irreconcilable_figures", "CAMP_001"),
    }
    opened = marketing_sample.rows("FROM marketing.risk_register WHERE is_open")
    assert {row["risk_id"] for row in opened} == {name for rule, name in about if rule in ("overdue_risk", "open_risk")}


def test_cost_per_conversion_of_each_channel(marketing_sample: Chain) -> None:
    """Added up from the snapshots in plain Python."""
    channel_of = {row["asset_id"]: row["channel_id"] for row in read_rows(SAMPLE / "marketing", "creative_assets")}
    spend, conversions = defaultdict[str, float](float), defaultdict[str, int](int)
    for row in marketing_sample.rows("FROM marketing.performance_metrics"):
        spend[channel_of[row["asset_id"]]] += row["cost"]
        conversions[channel_of[row["asset_id"]]] += row["conversions"]
    found = marketing_sample.by("channel_id", "marketing.cpa_by_channel")
    assert set(found) == {row["channel_id"] for row in marketing_sample.rows("FROM marketing.channels")}
    for name, row in found.items():
        if name not in spend:
            assert (row["spend"], row["conversions"], row["cpa"], row["campaigns"]) == (None, None, None, 0)
            continue
        assert (row["spend"], row["conversions"]) == (pytest.approx(spend[name]), conversions[name])
        assert row["cpa"] == (pytest.approx(spend[name] / conversions[name], abs=1e-6) if conversions[name] else None)
    assert sum(row["spend"] or 0 for row in found.values()) == 10_500.0


def test_funnel_of_each_segment(marketing_sample: Chain) -> None:
    """Arrivals are those of the events of all campaigns; a segment without events has no rate."""
    arrived = defaultdict[tuple[str, str], int](int)
    for row in marketing_sample.rows("FROM marketing.funnel_events WHERE date <= ?", LAST_DAY):
        arrived[row["segment_id"], row["stage"]] += row["count"]
    steps = marketing_sample.rows("FROM marketing.funnel_by_segment")
    assert {row["segment_id"] for row in steps} == {
        row["segment_id"] for row in marketing_sample.rows("FROM marketing.audience_segments")
    }
    measured = [row for row in steps if row["state"] == "measured"]
    assert measured
    for row in measured:
        departed, came = (arrived[row["segment_id"], row[name]] for name in ("from_stage", "to_stage"))
        assert (row["from_count"], row["to_count"], row["lost"]) == (departed, came, departed - came)
        assert row["rate"] == pytest.approx(came / departed, abs=1e-6)
    silent = {row["segment_id"] for row in steps} - {segment for segment, _ in arrived}
    assert all(row["state"] == "no_events" and row["rate"] is None for row in steps if row["segment_id"] in silent)
