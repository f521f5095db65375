"""The sample month, analysed: figures a reader can add up from `data/marketing/`, and its planted faults."""

import pytest

from cjo_assets.cli.single_subject import CAMPAIGN, rows_about
from cjo_assets.families.marketing.family import FAMILY
from cjo_assets.families.marketing.subject import key_to_campaign, links_of, rows_of_campaign
from cjo_assets_tests.support.chain import LAST_DAY, Chain


def test_campaigns_by_hand(marketing_sample: Chain) -> None:
    """Trap M10, M11, M13: CAMP_001 brought 17,650 for 4,200 of media and 158.50 of work, and is judged by neither."""
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
    """Trap M10: the seed's 10,500 spent; one ROI, whichever table is asked."""
    (whole,) = marketing_sample.rows("FROM marketing.performance_assessment")
    (roi,) = marketing_sample.rows("FROM marketing.roi_analysis")
    assert (whole["total_campaigns"], whole["total_spend"], whole["total_revenue_proxy"]) == (4, 10_500.0, 32_000.0)
    assert whole["overall_roi"] == pytest.approx(roi["roi_percentage"] / 100, abs=1e-6)
    assert whole["overall_roas"] == pytest.approx(roi["roas"], abs=1e-6)


def test_planted_faults_are_named(marketing_sample: Chain) -> None:
    """Trap M16, M20: the ledger and the rollup that disagree, visits nobody counts, first touches nobody measured."""
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


def test_our_segments_say_something_else_than_the_source(marketing_sample: Chain) -> None:
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
    shown = {table.name: rows_about(store, CAMPAIGN, table, "CAMP_001", LAST_DAY) for table in tables}
    assert len(shown["performance_assessment"]) == len(shown["roi_analysis"]) == len(shown["campaign_analysis"]) == 1
    risks = [row["risk_id"] for row in shown["risk_register"]]
    assert risks == sorted(risks)
    assert {row["campaign_id"] for row in shown["risk_register"]} == {"CAMP_001"}
