"""Simulated campaigns and experiments, as arrays.

Some of the people who are shown an asset click, some of these arrive, some convert, and some buy. The second arm of an
experiment multiplies the rate of the count in its metric. Rates vary by day, so that the counts of an arm have the
variance of independent impressions times the market's design effect, whatever the length.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cjo_assets.families.marketing.synth.world import CLICKS, MarketingWorld
from cjo_assets.synth.columns import Numbers, Span

Columns = dict[str, Numbers]
CONTROL, VARIANT = 0, 1
ARMS = 2
DECIMALS = 6


@dataclass(frozen=True)
class Marketing:
    """The outcome of a chunk of campaigns, as columns of arrays.

    Attributes:
        campaigns: one row per campaign; days as days since 1970-01-01.
        experiments: one row per experiment, by campaign; a rate of an arm has a column for each arm.
        days: one row per experiment, day and arm that was over by the last day, in that order.
    """

    campaigns: Columns
    experiments: Columns
    days: Columns


def marketing_of(world: MarketingWorld, span: Span, count: int, chance: np.random.Generator) -> Marketing:
    """Draw campaigns, their experiments, and what was counted on each day."""
    campaigns = _campaigns(world, span, count, chance)
    experiments = _experiments(world, campaigns, chance)
    campaigns["budget"] = _budget(world, campaigns, experiments)
    return Marketing(campaigns, experiments, _days(world, span, campaigns, experiments, chance))


def _campaigns(world: MarketingWorld, span: Span, count: int, chance: np.random.Generator) -> Columns:
    first = chance.integers(span.first_day, span.last_day + world.drafted_days + 1, count)
    return {
        "campaign": np.arange(count),
        "first_day": first,
        "last_day": first + world.campaign_days - 1,
        "goal": chance.integers(0, len(world.goals), count),
        "is_draft": first > span.last_day,
        "is_paused": chance.random(count) < world.paused_share,
        "is_untracked": chance.random(count) < world.untracked_share,
        "has_ledger_error": chance.random(count) < world.ledger_error_share,
        "has_target": chance.random(count) < world.target_share,
        "target_factor": chance.uniform(*world.target_spread, count),
        "budget_factor": chance.uniform(*world.budget_spread, count),
        "review_hours": chance.integers(1, 12, count),
        "model_calls": chance.integers(100, 5_000, count),
    }


def _experiments(world: MarketingWorld, campaigns: Columns, chance: np.random.Generator) -> Columns:
    number = 1 + chance.choice(len(world.experiments), campaigns["campaign"].size, p=world.experiments)
    campaign = np.repeat(campaigns["campaign"], number)
    count = campaign.size
    names = [name for name, _ in world.metrics]
    kpi = np.array([names.index(goal.metric) for goal in world.goals])[campaigns["goal"][campaign]]
    is_by_kpi = chance.random(count) < world.goal_metric_share
    metric = np.where(is_by_kpi, kpi, names.index("click_through_rate"))
    effects, shares = zip(*world.effects, strict=True)
    drawn = np.array(effects)[chance.choice(len(effects), count, p=shares)]
    effect = drawn if world.has_effect else np.zeros(count)
    channel = chance.integers(0, len(world.channels), count)
    segment = chance.integers(0, len(world.segments), count)
    first = campaigns["first_day"][campaign] + chance.integers(0, world.first_day_in_campaign + 1, count)
    length = chance.integers(world.experiment_days[0], world.experiment_days[1] + 1, count)
    is_mismatched = chance.random(count) < world.mismatch_share
    clicks, visits = chance.uniform(*world.spread, (2, count))
    click = np.array([channel.click_rate for channel in world.channels])[channel] * clicks
    click *= np.array([segment.click_factor for segment in world.segments])[segment]
    convert = np.array([goal.conversion_share for goal in world.goals])[campaigns["goal"][campaign]] * visits
    is_of_clicks = np.array([of == CLICKS for _, of in world.metrics])[metric]
    lifted = np.stack([np.ones(count), 1 + effect], axis=1)
    return {
        "campaign": campaign,
        "metric": metric,
        "is_of_clicks": is_of_clicks,
        "effect": effect,
        "channel": channel,
        "segment": segment,
        "first_day": first,
        "last_day": first + length - 1,
        "control_share": np.where(is_mismatched, world.mismatch, 0.5),
        "daily_impressions": np.array([channel.daily_impressions for channel in world.channels])[channel],
        "click_rate": np.round(click[:, None] * np.where(is_of_clicks[:, None], lifted, 1.0), DECIMALS),
        "is_flagged": chance.random((count, ARMS)) < world.flagged_share,
        "conversion_share": np.round(convert[:, None] * np.where(is_of_clicks[:, None], 1.0, lifted), DECIMALS),
    }


def _budget(world: MarketingWorld, campaigns: Columns, experiments: Columns) -> Numbers:
    """Return budgets of what the campaigns are expected to spend, more or less, in whole hundreds."""
    shown = experiments["daily_impressions"] / ARMS
    clicks = shown * experiments["click_rate"][:, CONTROL]
    a_day = ARMS * _cost(world, experiments["channel"], shown, clicks)
    expected = a_day * (experiments["last_day"] - experiments["first_day"] + 1)
    spend = np.bincount(experiments["campaign"], expected, campaigns["campaign"].size)
    return np.ceil(spend * campaigns["budget_factor"] / 100) * 100


def _days(
    world: MarketingWorld, span: Span, campaigns: Columns, experiments: Columns, chance: np.random.Generator
) -> Columns:
    over = np.minimum(experiments["last_day"], span.last_day) - experiments["first_day"] + 1
    length = np.maximum(over, 0)
    experiment = np.repeat(np.arange(length.size), length)
    day = experiments["first_day"][experiment] + np.arange(experiment.size)
    day -= np.repeat(np.cumsum(length) - length, length)
    shown = chance.poisson(experiments["daily_impressions"][experiment])
    to_control = chance.binomial(shown, experiments["control_share"][experiment])
    impressions = np.stack([to_control, shown - to_control], axis=1).ravel()
    experiment, day = np.repeat(experiment, ARMS), np.repeat(day, ARMS)
    arm = np.tile([CONTROL, VARIANT], impressions.size // ARMS)
    click_rate, share = experiments["click_rate"][experiment, arm], experiments["conversion_share"][experiment, arm]
    clicks = _clustered(impressions, click_rate, world.click_design_effect, chance)
    visits = chance.binomial(clicks, world.visit_share)
    conversions = _clustered(visits, share, _conversion_effect(world, click_rate, share), chance)
    goal = campaigns["goal"][experiments["campaign"][experiment]]
    purchases = chance.binomial(conversions, np.array([goal.purchase_share for goal in world.goals])[goal])
    return {
        "experiment": experiment,
        "arm": arm,
        "day": day,
        "impressions": impressions,
        "clicks": clicks,
        "visits": visits,
        "conversions": conversions,
        "purchases": purchases,
        "cost": _cost(world, experiments["channel"][experiment], impressions, clicks),
        "value": np.round(conversions * np.array([goal.value for goal in world.goals])[goal], 2),
    }


def _clustered(trials: Numbers, rate: Numbers, design_effect: float | Numbers, chance: np.random.Generator) -> Numbers:
    """Return successes with so many times the variance of independent trials: the rate of a day is drawn, too."""
    # Of n trials whose rate is beta with correlation r, the variance is that of independent ones times 1 + (n - 1) r.
    correlation = (np.broadcast_to(design_effect, trials.shape) - 1) / np.maximum(trials - 1, 1)
    is_clustered = (trials > 1) & (correlation > 0)
    strength = (1 - correlation[is_clustered]) / correlation[is_clustered]
    of_day = rate.copy()
    of_day[is_clustered] = chance.beta(rate[is_clustered] * strength, (1 - rate[is_clustered]) * strength)
    successes: Numbers = chance.binomial(trials, of_day)
    return successes


def _conversion_effect(world: MarketingWorld, click_rate: Numbers, share: Numbers) -> Numbers:
    """Return the design effect of conversions given visits that gives conversions of impressions the market's.

    Clicks vary already, and with them visits: var(conversions) = var of those given visits + share^2 var(visits).
    """
    of_visits = (1 - click_rate) * world.click_design_effect * world.visit_share + 1 - world.visit_share
    wanted = world.conversion_design_effect * (1 - click_rate * world.visit_share * share)
    given_visits: Numbers = (wanted - share * of_visits) / (1 - share)
    return given_visits


def _cost(world: MarketingWorld, channel: Numbers, impressions: Numbers, clicks: Numbers) -> Numbers:
    prices = np.array([channel.unit_cost for channel in world.channels])[channel]
    units = {"per_click": clicks, "flat": np.full(clicks.shape, 1 / ARMS)}
    models = [channel.cost_model for channel in world.channels]
    counted = np.stack([np.broadcast_to(units.get(model, impressions), clicks.shape) for model in models])
    cost: Numbers = np.round(prices * counted[channel, np.arange(channel.size)], 2)
    return cost
