"""Simulated campaigns, experiments and counts as rows of the marketing datasets.

Ids count within a campaign (`SYN_EXP_0000001_0002` is the second experiment of campaign 1), so the rows of a campaign
are the same whatever the number of campaigns.
"""

from __future__ import annotations

import numpy as np
import pyarrow

from cjo_assets.families.marketing.synth.draws import ARMS, CONTROL, VARIANT, Columns, Marketing
from cjo_assets.families.marketing.synth.world import MarketingWorld
from cjo_assets.synth.columns import (
    NOBODY,
    SECONDS_PER_DAY,
    Numbers,
    Span,
    date_column,
    given_or_numbered,
    id_column,
    instant_column,
    name_column,
    numbers_as_text,
    row_id_column,
)

CAMPAIGN_DIGITS, PLACE_DIGITS = 7, 3
MORNING, COUNTED, REPORTED = 9 * 3600, 23 * 3600, 23 * 3600 + 1800
CALL_PRICE, HOUR_PRICE = 0.01, 60.0
RATE_DECIMALS = 6
ACTIVE, PAUSED, COMPLETED, DRAFT = 0, 1, 2, 3
CAMPAIGN_STATUSES = ("active", "paused", "completed", "draft")
RUNNING, STOPPED, ENDED, PLANNED = 0, 1, 2, 3
EXPERIMENT_STATUSES = ("running", "stopped", "completed", "planned")
SOURCES = {
    "impression": "ads_platform",
    "click": "ads_platform",
    "visit": "web_analytics",
    "signup": "crm",
    "demo_request": "crm",
    "purchase": "crm",
    "feature_adopt": "product_analytics",
}
STAGES = tuple(SOURCES)
THEMES = ("Cost savings", "Security first", "Personal offer", "Peer benchmark", "Product news")
CALLS = ("Start Free Trial", "Book a Demo", "Read More", "Open the App")


def campaign_numbers(first: int, count: int) -> pyarrow.Array:
    """Return the numbers of campaigns as their ids have them."""
    return numbers_as_text(first, count, CAMPAIGN_DIGITS)


def campaign_ids(number: pyarrow.Array, campaign: Numbers) -> pyarrow.Array:
    """Return the ids of campaigns."""
    return id_column("SYN_CAMP_", number.take(pyarrow.array(campaign)))


def segment_ids(world: MarketingWorld, segment: Numbers) -> pyarrow.Array:
    """Return the ids of audience segments."""
    known = id_column("SYN_SEG_", numbers_as_text(1, len(world.segments), PLACE_DIGITS))
    return known.take(pyarrow.array(segment))


def channel_ids(world: MarketingWorld, channel: Numbers) -> pyarrow.Array:
    """Return the ids of channels."""
    known = id_column("SYN_CH_", numbers_as_text(1, len(world.channels), PLACE_DIGITS))
    return known.take(pyarrow.array(channel))


def experiment_ids(drawn: Marketing, number: pyarrow.Array) -> pyarrow.Array:
    """Return the ids of all experiments."""
    return row_id_column("SYN_EXP_", drawn.experiments["campaign"], number)


def asset_ids(drawn: Marketing, number: pyarrow.Array) -> pyarrow.Array:
    """Return the ids of all assets: two for each experiment, control first."""
    return row_id_column("SYN_ASSET_", np.repeat(drawn.experiments["campaign"], ARMS), number)


def place_tables(world: MarketingWorld) -> dict[str, pyarrow.Table]:
    """Return the audience segments and channels."""
    segments = {
        "segment_id": segment_ids(world, np.arange(len(world.segments))),
        "name": [segment.name for segment in world.segments],
        "description": [f"{segment.name} as the source lists them" for segment in world.segments],
        "size_estimate": [segment.size for segment in world.segments],
        "priority": [segment.priority for segment in world.segments],
    }
    channels = {
        "channel_id": channel_ids(world, np.arange(len(world.channels))),
        "type": [channel.type for channel in world.channels],
        "platform": [channel.platform for channel in world.channels],
        "cost_model": [channel.cost_model for channel in world.channels],
        "avg_cost": [channel.unit_cost for channel in world.channels],
    }
    return {"audience_segments": pyarrow.table(segments), "channels": pyarrow.table(channels)}


def counted_tables(
    world: MarketingWorld, drawn: Marketing, span: Span, number: pyarrow.Array
) -> dict[str, tuple[Numbers, pyarrow.Table]]:
    """Return the rows of campaigns, assets, experiments and counts, by dataset, each with the campaign of each row."""
    of_experiment = drawn.experiments["campaign"]
    of_day = of_experiment[drawn.days["experiment"]]
    return {
        "campaigns": (drawn.campaigns["campaign"], _campaigns(world, drawn, span, number)),
        "creative_assets": (np.repeat(of_experiment, ARMS), _assets(world, drawn, span, number)),
        "experiments": (of_experiment, _experiments(world, drawn, span, number)),
        "performance_metrics": (of_day, _metrics(drawn, number)),
        "roi_ledger": _ledger(world, drawn, number),
        "funnel_events": _funnel(world, drawn, number),
    }


def campaign_status(drawn: Marketing, span: Span) -> Numbers:
    """Return the status of each campaign on the last day."""
    campaigns = drawn.campaigns
    under_way = np.where(campaigns["is_paused"], PAUSED, ACTIVE)
    over = np.where(campaigns["last_day"] <= span.last_day, COMPLETED, under_way)
    return np.where(campaigns["is_draft"], DRAFT, over)


def true_rates(world: MarketingWorld, drawn: Marketing) -> Numbers:
    """Return the true rate of the metric of each experiment, arm by arm [0-1]."""
    clicks = drawn.experiments["click_rate"]
    conversions = clicks * world.visit_share * drawn.experiments["conversion_share"]
    rates: Numbers = np.where(drawn.experiments["is_of_clicks"][:, None], clicks, conversions)
    return rates


def _campaigns(world: MarketingWorld, drawn: Marketing, span: Span, number: pyarrow.Array) -> pyarrow.Table:
    rows = drawn.campaigns
    goals, metrics = world.goals, [goal.metric for goal in world.goals]
    known = campaign_ids(number, rows["campaign"])
    created = np.minimum(rows["first_day"] - 3, span.last_day) * SECONDS_PER_DAY + MORNING
    return pyarrow.table(
        {
            "campaign_id": known,
            "created_at": instant_column(created),
            "name": given_or_numbered(world.names, "Campaign ", number),
            "objective": name_column([goal.objective for goal in goals], rows["goal"]),
            "primary_kpi": name_column(metrics, rows["goal"]),
            "start_date": date_column(rows["first_day"]),
            "end_date": date_column(rows["last_day"]),
            "budget": rows["budget"],
            "status": name_column(CAMPAIGN_STATUSES, campaign_status(drawn, span)),
            "hypothesis": name_column(["The second version does better"], np.zeros(rows["goal"].size, int)),
            "kpi_target": pyarrow.array(_targets(world, drawn), mask=~rows["has_target"]),
        }
    )


def _targets(world: MarketingWorld, drawn: Marketing) -> Numbers:
    """Return the target of each campaign: the true primary KPI of its control arms, more or less."""
    rows = drawn.experiments
    is_of_clicks = np.array([dict(world.metrics)[goal.metric] == "clicks" for goal in world.goals])
    clicks = rows["click_rate"][:, CONTROL]
    rate = np.where(
        is_of_clicks[drawn.campaigns["goal"][rows["campaign"]]],
        clicks,
        clicks * world.visit_share * rows["conversion_share"][:, CONTROL],
    )
    count = drawn.campaigns["campaign"].size
    mean = np.bincount(rows["campaign"], rate, count) / np.bincount(rows["campaign"], minlength=count)
    return np.round(mean * drawn.campaigns["target_factor"], RATE_DECIMALS)


def _assets(world: MarketingWorld, drawn: Marketing, span: Span, number: pyarrow.Array) -> pyarrow.Table:
    rows = drawn.experiments
    twice = {name: np.repeat(rows[name], ARMS) for name in ("campaign", "segment", "channel", "first_day")}
    place = np.arange(twice["campaign"].size)
    created = np.minimum(twice["first_day"] - 2, span.last_day) * SECONDS_PER_DAY + MORNING + 600 * (place % ARMS)
    flagged = rows["is_flagged"].ravel()
    ends = np.concatenate([[0], np.cumsum(flagged)])
    flags = pyarrow.array(["unverified_claim"] * int(flagged.sum()), pyarrow.string())
    return pyarrow.table(
        {
            "asset_id": asset_ids(drawn, number),
            "created_at": instant_column(created),
            "campaign_id": campaign_ids(number, twice["campaign"]),
            "segment_id": segment_ids(world, twice["segment"]),
            "channel_id": channel_ids(world, twice["channel"]),
            "variant": name_column(("A", "B"), place % ARMS),
            "message_theme": name_column(THEMES, place % len(THEMES)),
            "cta": name_column(CALLS, twice["campaign"] % len(CALLS)),
            "approved_by_human": pyarrow.array(~flagged),
            "risk_flags": pyarrow.ListArray.from_arrays(pyarrow.array(ends, pyarrow.int32()), flags),
        }
    )


def _experiments(world: MarketingWorld, drawn: Marketing, span: Span, number: pyarrow.Array) -> pyarrow.Table:
    rows, assets = drawn.experiments, asset_ids(drawn, number)
    place = np.arange(rows["campaign"].size) * ARMS
    halted = campaign_status(drawn, span)[rows["campaign"]] == PAUSED
    under_way = np.where(halted, STOPPED, RUNNING)
    status = np.where(rows["last_day"] <= span.last_day, ENDED, under_way)
    status = np.where(rows["first_day"] > span.last_day, PLANNED, status)
    return pyarrow.table(
        {
            "experiment_id": experiment_ids(drawn, number),
            "campaign_id": campaign_ids(number, rows["campaign"]),
            "start_date": date_column(rows["first_day"]),
            "end_date": date_column(np.minimum(rows["last_day"], span.last_day), np.isin(status, (RUNNING, PLANNED))),
            "type": name_column(["A/B"], np.zeros(place.size, int)),
            "metric": name_column([name for name, _ in world.metrics], rows["metric"]),
            "control_asset": assets.take(pyarrow.array(place + CONTROL)),
            "variant_asset": assets.take(pyarrow.array(place + VARIANT)),
            "status": name_column(EXPERIMENT_STATUSES, status),
        }
    )


def _metrics(drawn: Marketing, number: pyarrow.Array) -> pyarrow.Table:
    rows = drawn.days
    rate = rows["conversions"] / np.maximum(rows["impressions"], 1)
    return pyarrow.table(
        {
            "asset_id": asset_ids(drawn, number).take(pyarrow.array(rows["experiment"] * ARMS + rows["arm"])),
            "experiment_id": experiment_ids(drawn, number).take(pyarrow.array(rows["experiment"])),
            "timestamp": instant_column(rows["day"] * SECONDS_PER_DAY + COUNTED),
            "impressions": rows["impressions"],
            "clicks": rows["clicks"],
            "conversions": rows["conversions"],
            "conversion_rate": np.round(rate, RATE_DECIMALS),
            "cost": rows["cost"],
            "revenue_proxy": rows["value"],
        }
    )


def totals_by_campaign(drawn: Marketing, name: str) -> Numbers:
    """Return the sum of a count or amount over the days of each campaign, to the cent."""
    campaign = drawn.experiments["campaign"][drawn.days["experiment"]]
    return np.round(np.bincount(campaign, drawn.days[name], drawn.campaigns["campaign"].size), 2)


def _ledger(world: MarketingWorld, drawn: Marketing, number: pyarrow.Array) -> tuple[Numbers, pyarrow.Table]:
    rows = drawn.campaigns
    begun = rows["campaign"][~rows["is_draft"]]
    spend, value = totals_by_campaign(drawn, "cost"), totals_by_campaign(drawn, "value")
    value = np.where(rows["has_ledger_error"], np.round(value * world.ledger_error, 2), value)
    calls, review = np.round(rows["model_calls"] * CALL_PRICE, 2), rows["review_hours"] * HOUR_PRICE
    table = pyarrow.table(
        {
            "campaign_id": campaign_ids(number, rows["campaign"]),
            "llm_cost": calls,
            "human_review_cost": review,
            "media_spend": spend,
            "estimated_value": value,
            "net_roi": np.round(value - calls - review - spend, 2),
        }
    )
    return begun, table.take(pyarrow.array(begun))


def _funnel(world: MarketingWorld, drawn: Marketing, number: pyarrow.Array) -> tuple[Numbers, pyarrow.Table]:
    days: Columns = {
        name: drawn.days[name].reshape(-1, ARMS).sum(axis=1)
        for name in ("impressions", "clicks", "visits", "conversions", "purchases")
    }
    experiment, day = drawn.days["experiment"][::ARMS], drawn.days["day"][::ARMS]
    campaign = drawn.experiments["campaign"][experiment]
    goal = drawn.campaigns["goal"][campaign]
    aim = np.array([STAGES.index(one.stage) for one in world.goals])[goal]
    sells = np.array([one.purchase_share > 0 for one in world.goals])[goal]
    same = np.ones(day.size, int)
    stage = np.stack(
        [
            same * STAGES.index("impression"),
            same * STAGES.index("click"),
            np.where(drawn.campaigns["is_untracked"][campaign], NOBODY, STAGES.index("visit")),
            aim,
            np.where(sells, STAGES.index("purchase"), NOBODY),
        ],
        axis=1,
    )
    is_tracked = (stage != NOBODY).ravel()
    row = np.repeat(np.arange(day.size), stage.shape[1])[is_tracked]
    stage = stage.ravel()[is_tracked]
    owner = campaign[row]
    table = pyarrow.table(
        {
            "event_id": row_id_column("SYN_FNL_", owner, number),
            "timestamp": instant_column(day[row] * SECONDS_PER_DAY + REPORTED),
            "date": date_column(day[row]),
            "campaign_id": campaign_ids(number, owner),
            "segment_id": segment_ids(world, drawn.experiments["segment"][experiment[row]]),
            "channel_id": channel_ids(world, drawn.experiments["channel"][experiment[row]]),
            "stage": name_column(STAGES, stage),
            "count": np.stack(list(days.values()), axis=1).ravel()[is_tracked],
            "source": name_column([SOURCES[name] for name in STAGES], stage),
            "confidence": np.full(row.size, 0.95),
        }
    )
    return owner, table
