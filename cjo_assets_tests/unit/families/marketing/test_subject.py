"""Tests of the filter by campaign: every row about a campaign is found by its key."""

from typing import Any

import ibis
import ibis.expr.types as ir
import pytest

from cjo_assets.core.contract import columns_of
from cjo_assets.families.marketing.family import FAMILY
from cjo_assets.families.marketing.inputs.attribution_hints import AttributionHints
from cjo_assets.families.marketing.inputs.audience_segments import AudienceSegments
from cjo_assets.families.marketing.inputs.budget_actions import BudgetActions
from cjo_assets.families.marketing.inputs.campaigns import Campaigns
from cjo_assets.families.marketing.inputs.channels import Channels
from cjo_assets.families.marketing.inputs.creative_assets import CreativeAssets
from cjo_assets.families.marketing.inputs.experiments import Experiments
from cjo_assets.families.marketing.inputs.funnel_events import FunnelEvents
from cjo_assets.families.marketing.inputs.performance_metrics import PerformanceMetrics
from cjo_assets.families.marketing.inputs.segment_rollups import SegmentRollups
from cjo_assets.families.marketing.inputs.touchpoints import Touchpoints
from cjo_assets.families.marketing.measurement.metric_definitions import MetricDefinitions
from cjo_assets.families.marketing.recommendations.approval_answers import ApprovalAnswers
from cjo_assets.families.marketing.recommendations.approval_queue import ApprovalQueue
from cjo_assets.families.marketing.subject import key_to_campaign, links_of, rows_of_campaign
from cjo_assets_tests.support.rows import rows_of, table_of

# What was rejected or discarded is about rows of a file, not about campaigns.
TABLES = {
    table.name: tuple(spec.name for spec in columns_of(table.contract))
    for table in FAMILY.tables
    if table.schema == FAMILY.name
}
# These are about all campaigns together.
ABOUT_THE_WHOLE = {"performance_assessment", "kpis", "kpi_status", "roi_analysis", "roi_components"}
LINKS = {
    "campaigns": (Campaigns, {"primary_kpi": "{}_kpi"}),
    "creative_assets": (CreativeAssets, {"asset_id": "{}_asset", "segment_id": "{}_seg", "channel_id": "{}_ch"}),
    "experiments": (Experiments, {"experiment_id": "{}_exp", "metric": "{}_metric"}),
    "funnel_events": (FunnelEvents, {"event_id": "{}", "segment_id": "{}_seg 2", "channel_id": "{}_ch 2"}),
    "segment_rollups": (SegmentRollups, {"rollup_id": "{}", "segment_id": "{}_seg 3", "primary_kpi": "{}_kpi 2"}),
    "attribution_hints": (AttributionHints, {"hint_id": "{}", "channel_id": "{}_ch 3"}),
    "budget_actions": (BudgetActions, {"budget_action_id": "{}", "from_channel_id": "{}_ch 4"}
                       | {"to_channel_id": "{}_ch 5"}),
    "approval_queue": (ApprovalQueue, {"request_id": "{}_request"}),
    "touchpoints": (Touchpoints, {"touchpoint_id": "{}", "channel_id": "{}_ch 6"}),
}  # fmt: skip
CASES = {
    "approval_answers": (ApprovalAnswers, "request_id", ["_request"], {}),
    "performance_metrics": (PerformanceMetrics, "asset_id", ["_asset"], {"experiment_id": "{}_exp"}),
    "audience_segments": (AudienceSegments, "segment_id", ["_seg", "_seg 2", "_seg 3"], {}),
    "channels": (Channels, "channel_id", ["_ch", *(f"_ch {place}" for place in range(2, 7))], {}),
    "metric_definitions": (MetricDefinitions, "metric", ["_kpi", "_kpi 2", "_metric"], {}),
}


@pytest.fixture(scope="module")
def links() -> dict[str, ir.Table]:
    """Return the tables of two campaigns, A and B, whose keys begin with the campaign's name."""
    return {
        name: table_of(
            contract,
            [
                {"campaign_id": campaign} | {column: text.format(campaign) for column, text in changes.items()}
                for campaign in "AB"
            ],
        )
        for name, (contract, changes) in LINKS.items()
    }


@pytest.mark.parametrize("name", CASES)
def test_a_table_without_the_column_is_reached_through_its_key(name: str, links: dict[str, ir.Table]) -> None:
    """Trap M15: no metric is lost because its campaign is in another table."""
    contract, key, ends, changes = CASES[name]
    rows: list[dict[str, Any]] = [
        {key: f"{campaign}{end}"} | {column: text.format(campaign) for column, text in changes.items()}
        for campaign in "AB"
        for end in ends
    ]
    table = table_of(contract, rows)
    needed = {link: links[link] for link in links_of(TABLES[name])}
    for campaign in "AB":
        found = rows_of(rows_of_campaign(table, campaign, needed))
        assert sorted(row[key] for row in found) == sorted(row[key] for row in rows if row[key][0] == campaign)
    assert not rows_of(rows_of_campaign(table, "C", needed))


def test_every_table_is_about_a_campaign_or_about_the_whole() -> None:
    """Trap M15: a new table names the campaign of a row, or is listed here as one about all of them."""
    assert {name for name, columns in TABLES.items() if key_to_campaign(columns) is None} == {*ABOUT_THE_WHOLE}
    for name, columns in TABLES.items():
        assert all(link in TABLES and "campaign_id" in TABLES[link] for link in links_of(columns)), name


def test_the_column_and_the_whole(links: dict[str, ir.Table]) -> None:
    hints = links["attribution_hints"]
    assert [row["campaign_id"] for row in rows_of(rows_of_campaign(hints, "A", {}))] == ["A"]
    moves = links["budget_actions"].select(from_campaign_id="campaign_id", to_campaign_id=ibis.literal("B"))
    assert [row["from_campaign_id"] for row in rows_of(rows_of_campaign(moves, "A", {}))] == ["A"]
    assert len(rows_of(rows_of_campaign(moves, "B", {}))) == 2
    whole = hints.select("hint_id")
    assert rows_of(rows_of_campaign(whole, "A", {})) == rows_of(whole)
