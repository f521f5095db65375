"""Filter of any marketing table to the rows about one campaign.

Rows are found by `campaign_id`, by both campaigns of a move, or through the table that links their key to a campaign: a
metric through its asset, an audience segment or a channel through any record of the campaign that names it, an answer
through its request. A table about all campaigns is not filtered.
"""

from collections.abc import Mapping

import ibis
import ibis.expr.types as ir

from cjo_assets.core.answers import Subject
from cjo_assets.core.contract import any_of

CAMPAIGN = "campaign_id"
# Columns that name a campaign; a row is about every campaign that it names.
CAMPAIGNS = (CAMPAIGN, "from_campaign_id", "to_campaign_id")
# Key of a row, and the tables and columns that link it to a campaign.
NAMED_BY: dict[str, tuple[tuple[str, str], ...]] = {
    "experiment_id": (("experiments", "experiment_id"),),
    "asset_id": (("creative_assets", "asset_id"),),
    "segment_id": (
        ("creative_assets", "segment_id"),
        ("funnel_events", "segment_id"),
        ("segment_rollups", "segment_id"),
    ),
    "channel_id": (
        ("creative_assets", "channel_id"),
        ("funnel_events", "channel_id"),
        ("attribution_hints", "channel_id"),
        ("budget_actions", "from_channel_id"),
        ("budget_actions", "to_channel_id"),
        ("touchpoints", "channel_id"),
    ),
    "request_id": (("approval_queue", "request_id"),),
    "metric": (("campaigns", "primary_kpi"), ("experiments", "metric"), ("segment_rollups", "primary_kpi")),
}


def key_to_campaign(columns: tuple[str, ...]) -> str | None:
    """Return the column by which a table is filtered; None for a table about all campaigns."""
    return next((name for name in (*CAMPAIGNS, *NAMED_BY) if name in columns), None)


def links_of(columns: tuple[str, ...]) -> tuple[str, ...]:
    """Return the tables that are needed to filter a table with these columns."""
    key = key_to_campaign(columns)
    return tuple(dict.fromkeys(name for name, _ in NAMED_BY.get(key or "", ())))


def rows_of_campaign(rows: ir.Table, campaign_id: str, links: Mapping[str, ir.Table]) -> ir.Table:
    """Return the rows about a campaign; all rows of a table about all campaigns.

    Args:
        rows: any table of the family.
        campaign_id: the campaign.
        links: the tables that `links_of` names, by their names.
    """
    key = key_to_campaign(tuple(rows.columns))
    if key is None:
        return rows
    if key in CAMPAIGNS:
        return rows.filter(any_of(rows[name] == campaign_id for name in CAMPAIGNS if name in rows.columns))
    named = [
        links[table].filter(links[table][CAMPAIGN] == campaign_id).select(**{key: column})
        for table, column in NAMED_BY[key]
    ]
    return rows.semi_join(ibis.union(*named) if len(named) > 1 else named[0], key)


SUBJECT = Subject("campaign", "campaigns", rows_of_campaign, links_of=links_of)
