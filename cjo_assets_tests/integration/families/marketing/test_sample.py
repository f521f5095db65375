"""The sample month of marketing: its contents, its planted faults, and its totals."""

import json
from datetime import date
from typing import Any

import pytest

from cjo_assets.families.marketing.family import DATASETS, FAMILY
from cjo_assets.ingest.loading import days_of_records
from cjo_assets_tests.support.chain import LAST_DAY, SAMPLE, Chain, read_rows

FOLDER = SAMPLE / "marketing"
FIRST_DAY = date(2026, 3, 4)
# Rows read, and those of them that the quarantine keeps.
ROWS = {
    "campaigns": (4, 0),
    "audience_segments": (4, 0),
    "channels": (4, 0),
    "creative_assets": (18, 0),
    "experiments": (9, 0),
    "performance_metrics": (29, 1),
    "orchestrator_decisions": (12, 0),
    "roi_ledger": (3, 0),
    "funnel_events": (37, 1),
    "budget_actions": (8, 0),
    "campaign_risk_signals": (6, 0),
    "segment_rollups": (5, 0),
    "attribution_hints": (9, 0),
}
# impressions, clicks, conversions, cost, value: by hand, snapshot by snapshot.
TOTALS = {
    # EXP_001: 11,820 + 11,780; EXP_002: 12,000 twice; EXP_003: 46,050 + 45,950.
    # Cost: 940 clicks at 2.00, 24,000 and 92,000 messages at 0.02. Value: (101 + 160) x 50 + 230 x 20.
    "CAMP_001": (139_600, 9_657, 491, 1_880.0 + 480.0 + 1_840.0, 13_050.0 + 4_600.0),
    # EXP_004: 20,000 twice at 2.00 a click; EXP_005: 23,500 at 0.012; EXP_006: 13,400 at 0.02. Value: 700 x 20.50.
    "CAMP_002": (76_900, 2_497, 700, 3_200.0 + 282.0 + 268.0, 14_350.0),
    # EXP_007: 19,550, two arms, twice 600 each; EXP_008: 80 + 84 at 75 each. No conversions.
    "CAMP_003": (19_714, 868, 0, 2_400.0 + 150.0, 0.0),
}


def test_the_files_hold_one_row_a_line() -> None:
    for dataset, (rows, _) in ROWS.items():
        lines = (FOLDER / f"{dataset}.json").read_text(encoding="utf-8").splitlines()
        assert (lines[0], lines[-1], len(lines)) == ("[", "]", rows + 2), dataset
        for line in lines[1:-1]:
            assert isinstance(json.loads(line.rstrip(",")), dict)


def test_every_dataset_but_the_optional_ones_has_a_sample() -> None:
    assert set(ROWS) == {dataset.name for dataset in DATASETS if not dataset.is_optional}


@pytest.mark.parametrize("dataset", ROWS)
def test_rows_are_read_and_kept_as_counted(marketing_sample: Chain, dataset: str) -> None:
    (counted,) = marketing_sample.rows(
        f"SELECT (SELECT count(*) FROM raw.{dataset}) AS read, "
        f"(SELECT count(*) FROM quarantine.{dataset}) AS rejected, (SELECT count(*) FROM marketing.{dataset}) AS kept"
    )
    read, rejected = ROWS[dataset]
    assert counted == {"read": read, "rejected": rejected, "kept": read - rejected}


def test_the_quarantine_holds_the_orphan_and_the_broken_row(marketing_sample: Chain) -> None:
    found = {
        row["record_key"]: row["broken_rules"]
        for dataset in ROWS
        for row in marketing_sample.rows(f"FROM quarantine.{dataset}")
    }
    assert found == {
        "ASSET_099 | EXP_099 | 2026-03-22T09:00:00": [
            "asset_id: no arm of the experiment",
            "experiment_id: unknown experiment",
        ],
        "FNL_0029": ["count: not a whole number"],
    }


def test_the_last_day_is_that_of_the_newest_record(marketing_sample: Chain) -> None:
    first, last = days_of_records(marketing_sample.store.connection, FAMILY.datasets)
    assert (first, last) == (FIRST_DAY, LAST_DAY)


def test_campaigns_add_up_to_the_figures_made_by_hand(marketing_sample: Chain) -> None:
    rows = marketing_sample.rows(
        "SELECT campaign_id, sum(impressions)::BIGINT AS impressions, sum(clicks)::BIGINT AS clicks, "
        "sum(conversions)::BIGINT AS conversions, round(sum(cost), 2) AS cost, round(sum(revenue_proxy), 2) AS revenue "
        "FROM marketing.asset_performance GROUP BY campaign_id"
    )
    assert {row.pop("campaign_id"): tuple(row.values()) for row in rows} == TOTALS


def test_stated_rates_are_conversions_of_impressions() -> None:
    for row in read_rows(FOLDER, "performance_metrics"):
        assert row["conversion_rate"] == round(row["conversions"] / row["impressions"], 6)


def test_ledger_agrees_with_metrics_but_for_one_campaign() -> None:
    ledger = {row["campaign_id"]: row for row in read_rows(FOLDER, "roi_ledger")}
    assert set(ledger) == set(TOTALS)
    for campaign, (*_, cost, value) in TOTALS.items():
        row = ledger[campaign]
        assert row["media_spend"] == cost
        assert (row["estimated_value"] == value) == (campaign != "CAMP_001")
        costs = row["llm_cost"] + row["human_review_cost"] + row["media_spend"]
        assert row["net_roi"] == pytest.approx(row["estimated_value"] - costs, abs=1e-9)
    # What the ledger has of CAMP_001 is the value of ASSET_005 alone.
    assert ledger["CAMP_001"]["estimated_value"] == 4_800
    # The totals are those of the seed.
    assert sum(row["media_spend"] for row in ledger.values()) == 10_500
    assert sum(row["estimated_value"] for row in ledger.values()) == 19_150
    assert sum(row["net_roi"] for row in ledger.values()) == pytest.approx(8_052.45)


def test_rollups_agree_with_metrics_but_for_one_value(marketing_sample: Chain) -> None:
    rows = marketing_sample.rows(
        "SELECT rollup_id, any_value(r.impressions) = sum(m.impressions) AND any_value(r.clicks) = sum(m.clicks) "
        "AND any_value(r.conversions) = sum(m.conversions) AND any_value(r.spend) = round(sum(m.cost), 2) AS counts, "
        "any_value(r.revenue_proxy) - round(sum(m.revenue_proxy), 2) AS residual "
        "FROM marketing.segment_rollups r JOIN marketing.creative_assets USING (campaign_id, segment_id) "
        "JOIN marketing.performance_metrics m USING (asset_id) "
        "WHERE m.timestamp::DATE BETWEEN window_start AND window_end GROUP BY rollup_id"
    )
    assert len(rows) == ROWS["segment_rollups"][0]
    assert all(row["counts"] for row in rows)
    assert {row["rollup_id"]: row["residual"] for row in rows if row["residual"]} == {"SEGROLL_0004": 1_435.0}


def test_funnel_never_grows_and_starts_with_the_metrics(marketing_sample: Chain) -> None:
    order = ["impression", "click", "visit", "signup", "demo_request", "purchase", "feature_adopt"]
    places = marketing_sample.rows(
        "SELECT campaign_id, segment_id, channel_id, date, map_from_entries(list((stage, total))) AS stages FROM "
        "(SELECT campaign_id, segment_id, channel_id, date, stage, sum(count)::BIGINT AS total "
        "FROM marketing.funnel_events GROUP BY ALL) GROUP BY ALL"
    )
    for place in places:
        counts = [place["stages"][stage] for stage in order if stage in place["stages"]]
        assert counts == sorted(counts, reverse=True), place
    for campaign, (impressions, clicks, *_) in TOTALS.items():
        own = [place["stages"] for place in places if place["campaign_id"] == campaign]
        assert sum(stages["impression"] for stages in own) == impressions
        assert sum(stages["click"] for stages in own) == clicks


def test_dates_are_in_order(marketing_sample: Chain) -> None:
    late = marketing_sample.rows(
        "SELECT experiment_id FROM marketing.experiments e JOIN marketing.campaigns c USING (campaign_id) "
        "JOIN marketing.creative_assets a ON a.asset_id IN (control_asset, variant_asset) "
        "WHERE c.created_at > a.created_at OR a.created_at >= e.start_date + 1 OR e.start_date < c.start_date "
        "UNION ALL SELECT experiment_id FROM marketing.experiments e "
        "JOIN marketing.performance_metrics m USING (experiment_id) "
        "WHERE m.timestamp < e.start_date OR m.timestamp >= coalesce(e.end_date, DATE '2026-03-31') + 1"
    )
    assert late == []


# Planted faults: the tables that have them, and the rows that show them.
FAULTS: dict[str, tuple[str, set[Any]]] = {
    "a running experiment of a paused campaign": (
        "SELECT experiment_id FROM marketing.experiments e JOIN marketing.campaigns c USING (campaign_id) "
        "WHERE e.status = 'running' AND c.status = 'paused'",
        {"EXP_007"},
    ),
    "a draft whose first day has passed": (
        "SELECT campaign_id FROM marketing.campaigns WHERE status = 'draft' AND start_date < DATE '2026-03-31'",
        {"CAMP_004"},
    ),
    "campaigns without a target": (
        "SELECT campaign_id FROM marketing.campaigns WHERE kpi_target IS NULL",
        {"CAMP_003", "CAMP_004"},
    ),
    "a campaign beyond its budget": (
        "SELECT campaign_id FROM marketing.campaigns JOIN marketing.asset_performance USING (campaign_id) "
        "GROUP BY campaign_id, budget HAVING sum(cost) > budget",
        {"CAMP_003"},
    ),
    "an experiment on a metric without a definition": (
        "SELECT experiment_id FROM marketing.experiments ANTI JOIN marketing.metric_definitions USING (metric)",
        {"EXP_006"},
    ),
    "arms too small to be read": (
        "SELECT DISTINCT experiment_id FROM marketing.asset_performance WHERE impressions < 100",
        {"EXP_008"},
    ),
    "arms far from the planned half": (
        "SELECT experiment_id FROM marketing.asset_performance GROUP BY experiment_id "
        "HAVING max(impressions) / sum(impressions) > 0.525",
        {"EXP_005"},
    ),
    "creatives that run unapproved, with flags": (
        "SELECT asset_id FROM marketing.creative_assets JOIN marketing.asset_performance USING (asset_id) "
        "WHERE NOT approved_by_human AND len(risk_flags) > 0",
        {"ASSET_010"},
    ),
    "money moved from a channel to itself": (
        "SELECT budget_action_id FROM marketing.budget_actions WHERE from_channel_id = to_channel_id",
        {"BUD_0003"},
    ),
    "money moved without approval": (
        "SELECT budget_action_id FROM marketing.budget_actions WHERE status = 'executed' AND NOT approved_by_human",
        {"BUD_0006"},
    ),
    "money moved into a channel under an open critical risk": (
        "SELECT budget_action_id FROM marketing.budget_actions b JOIN marketing.creative_assets a "
        "ON a.campaign_id = b.campaign_id AND a.channel_id = b.to_channel_id JOIN marketing.campaign_risk_signals r "
        "ON list_contains(r.asset_ids, a.asset_id) AND r.timestamp < b.timestamp "
        "WHERE r.severity = 'critical' AND r.status = 'open'",
        {"BUD_0004", "BUD_0005"},
    ),
    "an answer that took hours": (
        "SELECT budget_action_id FROM marketing.budget_actions WHERE approval_latency_minutes > 240",
        {"BUD_0007"},
    ),
    "a critical risk open beyond its day": (
        "SELECT risk_id FROM marketing.campaign_risk_signals "
        "WHERE status = 'open' AND severity = 'critical' AND due_date < DATE '2026-03-31'",
        {"RSK_0003"},
    ),
    "campaigns with clicks whose visits are not tracked": (
        "SELECT campaign_id FROM marketing.funnel_events GROUP BY campaign_id HAVING count_if(stage = 'visit') = 0",
        {"CAMP_002"},
    ),
    "stages that are tracked and have no count": (
        "SELECT campaign_id FROM marketing.funnel_events GROUP BY campaign_id, stage HAVING sum(count) = 0",
        {"CAMP_003"},
    ),
    "stages counted in two rows of one day": (
        "SELECT DISTINCT stage FROM marketing.funnel_events "
        "GROUP BY campaign_id, segment_id, channel_id, date, stage HAVING count(*) > 1",
        {"impression"},
    ),
    "first touches that exceed the conversions": (
        "SELECT campaign_id FROM (SELECT campaign_id, sum(attributed_conversions) AS credited "
        "FROM marketing.attribution_hints WHERE method = 'first_touch' GROUP BY campaign_id) JOIN "
        "(SELECT campaign_id, sum(conversions) AS converted FROM marketing.asset_performance GROUP BY campaign_id) "
        "USING (campaign_id) WHERE credited > converted",
        {"CAMP_001"},
    ),
    "a rollup that would scale what brings least": (
        "SELECT rollup_id FROM marketing.segment_rollups WHERE recommendation = 'scale' AND trend_vs_prior_window < 0",
        {"SEGROLL_0004"},
    ),
    "evidence that is a list, and evidence within evidence": (
        "SELECT risk_id FROM marketing.campaign_risk_signals WHERE json_type(evidence) = 'ARRAY' "
        "OR json_extract_string(evidence, '$.platform_review.state') = 'pending'",
        {"RSK_0003", "RSK_0006"},
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_wrong_on_purpose_is_there(marketing_sample: Chain, fault: str) -> None:
    query, expected = FAULTS[fault]
    assert {next(iter(row.values())) for row in marketing_sample.rows(query)} == expected


# Where it shows: what the tables make of these faults, as docs/reference/sample_data.md lists them.
SHOWN: dict[str, tuple[str, set[Any]]] = {
    "figures beyond tolerance": (
        "SELECT campaign_id || ' ' || scope || ' ' || figure FROM marketing.reconciliation "
        "WHERE state = 'beyond_tolerance'",
        {"CAMP_001 campaign value", "CAMP_002 SEGROLL_0004 value"},
    ),
    "beyond the budget": ("SELECT campaign_id FROM marketing.campaign_analysis WHERE is_over_budget", {"CAMP_003"}),
    "no target to compare with": (
        "SELECT campaign_id || ' ' || rule FROM marketing.campaign_analysis "
        "WHERE overall_performance = 'not_measurable'",
        {"CAMP_003 no_target", "CAMP_004 no_exposures"},
    ),
    "visits that are not tracked, of campaigns that were shown": (
        "SELECT campaign_id FROM marketing.funnel_analysis WHERE to_stage = 'visit' AND state = 'not_tracked'",
        {"CAMP_002"},
    ),
    "a stage without arrivals": (
        "SELECT campaign_id || ' ' || to_stage FROM marketing.funnel_analysis "
        "WHERE state = 'measured' AND to_count = 0",
        {"CAMP_003 feature_adopt"},
    ),
    "two counts of one day": (
        "SELECT from_count FROM marketing.funnel_analysis WHERE campaign_id = 'CAMP_001' AND from_stage = 'impression'",
        {139_600},
    ),
    "a segment whose source would scale it": (
        "SELECT segment_id || ' ' || action FROM marketing.segment_portfolio "
        "WHERE source_recommendation = 'scale' AND NOT agrees_with_source",
        {"SEG_003 revise"},
    ),
    "refused: one channel": (
        "SELECT budget_action_id FROM marketing.budget_governance WHERE list_contains(refusal_reasons, 'same_channel')",
        {"BUD_0003"},
    ),
    "refused: a channel at risk": (
        "SELECT budget_action_id FROM marketing.budget_governance "
        "WHERE list_contains(refusal_reasons, 'channel_at_risk')",
        {"BUD_0004", "BUD_0005"},
    ),
    "moved without approval": (
        "SELECT budget_action_id FROM marketing.budget_governance "
        "WHERE list_contains(violations, 'executed_without_approval')",
        {"BUD_0006"},
    ),
    "late answers, and those still waited for": (
        "SELECT budget_action_id || ' ' || approval_state FROM marketing.budget_governance WHERE is_late",
        {"BUD_0007 approved", "BUD_0008 pending"},
    ),
    "overdue risks": (
        "SELECT risk_id || ' ' || is_blocking FROM marketing.risk_register WHERE is_overdue",
        {"RSK_0001 false", "RSK_0003 true"},
    ),
    "open risks without a due date": (
        "SELECT risk_id FROM marketing.risk_register WHERE is_open AND due_status = 'not_measurable'",
        {"RSK_0005"},
    ),
    "hints that disagree": (
        "SELECT campaign_id || ' ' || method FROM marketing.attribution WHERE state = 'disagrees'",
        {"CAMP_001 first_touch"},
    ),
    "creatives that should not be shown": (
        "SELECT target_id FROM marketing.recommendations WHERE rule = 'unapproved_creative' AND action = 'pause'",
        {"ASSET_010"},
    ),
    "campaigns to be paused": (
        "SELECT target_id FROM marketing.recommendations WHERE category = 'campaign' AND action = 'pause'",
        {"CAMP_002"},
    ),
    "decisions over the machine's head": (
        "SELECT campaign_id || ' ' || human_overrides FROM marketing.decision_insights WHERE human_overrides > 0",
        {"CAMP_002 2", "CAMP_003 1"},
    ),
    "decisions with a recorded instant of their trigger": (
        "SELECT campaign_id || ' ' || measured_decisions FROM marketing.decision_insights",
        {"CAMP_001 2", "CAMP_002 1", "CAMP_003 2", "CAMP_004 0"},
    ),
}


@pytest.mark.parametrize("fault", SHOWN)
def test_planted_faults_are_found_in_the_published_tables(marketing_sample: Chain, fault: str) -> None:
    query, expected = SHOWN[fault]
    assert {next(iter(row.values())) for row in marketing_sample.rows(query)} == expected


def test_the_planted_winner_and_the_planted_failure_by_hand(marketing_sample: Chain) -> None:
    arms = marketing_sample.by("asset_id", "marketing.asset_performance")

    def rate(asset: str, what: str) -> float:
        return float(arms[asset][what] / arms[asset]["impressions"])

    # EXP_003: 3,865 of 45,950 click, where 3,222 of 46,050 do.
    assert rate("ASSET_006", "clicks") / rate("ASSET_003", "clicks") - 1 == pytest.approx(0.2022, abs=5e-5)
    # EXP_004: 244 of 20,000 request a demo, where 376 do.
    assert rate("ASSET_008", "conversions") / rate("ASSET_007", "conversions") - 1 == pytest.approx(-0.3511, abs=5e-5)
    # EXP_002 is the seed's lift of 50 %: 96 of 12,000, where 64 convert.
    assert rate("ASSET_005", "conversions") / rate("ASSET_004", "conversions") == pytest.approx(1.5)


def test_every_experiment_gets_the_verdict_it_is_there_for(marketing_sample: Chain) -> None:
    found = marketing_sample.by("experiment_id", "marketing.experiment_evaluations")
    assert {key: (row["verdict"], row["rule"]) for key, row in found.items()} == {
        "EXP_001": ("continue", "underpowered"),
        "EXP_002": ("inconclusive", "underpowered"),
        "EXP_003": ("scale_variant", "better_than_control"),
        "EXP_004": ("stop", "worse_than_control"),
        "EXP_005": ("invalid", "sample_ratio_mismatch"),
        "EXP_006": ("invalid", "metric_not_defined"),
        "EXP_007": ("continue", "underpowered"),
        "EXP_008": ("inconclusive", "too_few_exposures"),
        "EXP_009": ("inconclusive", "not_started"),
    }


def test_the_seed_is_in_it_as_it_wrote_it() -> None:
    (campaign,) = (row for row in read_rows(FOLDER, "campaigns") if row["campaign_id"] == "CAMP_001")
    assert campaign | {"kpi_target": None} == {
        "campaign_id": "CAMP_001",
        "created_at": "2026-02-25T09:00:00",
        "name": "Spring Promo Awareness",
        "objective": "Increase trial signups",
        "primary_kpi": "conversion_rate",
        "start_date": "2026-03-01",
        "end_date": "2026-03-31",
        "budget": 15000,
        "status": "active",
        "hypothesis": "Personalized messaging improves conversion vs generic copy",
        "kpi_target": None,
    }
    (snapshot,) = (row for row in read_rows(FOLDER, "performance_metrics") if row["asset_id"] == "ASSET_005")
    # The seed shows it in EXP_001, of which it is no arm.
    assert snapshot == {
        "asset_id": "ASSET_005",
        "experiment_id": "EXP_002",
        "timestamp": "2026-03-15T10:00:00",
        "impressions": 12000,
        "clicks": 840,
        "conversions": 96,
        "conversion_rate": 0.008,
        "cost": 240,
        "revenue_proxy": 4800,
    }
    assert date.fromisoformat(campaign["end_date"]) == LAST_DAY
