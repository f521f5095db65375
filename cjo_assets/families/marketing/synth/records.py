"""Generated decisions, budget moves, risks, rollups, hints and touches."""

from __future__ import annotations

import numpy as np
import pyarrow
import pyarrow.compute as pc

from cjo_assets.families.marketing.synth.draws import ARMS, Columns, Marketing
from cjo_assets.families.marketing.synth.tables import (
    RATE_DECIMALS,
    asset_ids,
    campaign_ids,
    channel_ids,
    experiment_ids,
    segment_ids,
)
from cjo_assets.families.marketing.synth.world import CLICKS, MarketingWorld
from cjo_assets.synth.columns import (
    SECONDS_PER_DAY,
    Numbers,
    Span,
    date_column,
    id_column,
    instant_column,
    name_column,
    row_id_column,
)

OwnedTable = tuple[Numbers, pyarrow.Table]
TRIGGERS = ("Low conversion rate", "High performance", "Spend spike", "Experiment planned")
ACTIONS = ("Shifted budget to Variant B", "Scaled variant", "Reduced budget", "Started experiment")
REASONS = ("roi_optimization", "scale_winner", "risk_mitigation", "stop_loss", "capacity_constraint")
PROPOSED, APPROVED, REJECTED, EXECUTED, ROLLED_BACK = 0, 1, 2, 3, 4
MOVE_STATUSES = ("proposed", "approved", "rejected", "executed", "rolled_back")
MOVE_SHARES = (0.10, 0.10, 0.15, 0.60, 0.05)
RISKS = (
    ("low_conversion", "revise_copy"),
    ("spend_spike", "reduce_budget"),
    ("data_quality", "investigate_tracking"),
    ("brand_safety", "pause"),
    ("segment_mismatch", "human_review"),
)
SEVERITIES = ("low", "medium", "high", "critical")
SEVERITY_SHARES = (0.4, 0.35, 0.2, 0.05)
OPEN, IN_REVIEW, MITIGATED, DISMISSED = 0, 1, 2, 3
RISK_STATUSES = ("open", "in_review", "mitigated", "dismissed")
RISK_SHARES = (0.3, 0.1, 0.4, 0.2)
RECOMMENDATIONS = ("stop", "revise", "hold", "scale")
RETURNS = (0.5, 1.0, 2.0)
FIRST_TOUCH, ASSIST, LAST_TOUCH = 0, 1, 2
METHODS = ("first_touch", "assist", "last_touch")
HOUR, LONGEST_ANSWER, LONGEST_RISK = 3600, 86_400, 5 * 86_400
DUE_DAYS = 7
MOST_EARLIER_TOUCHES, EARLIER_TOUCH = 3, 0.4


def record_tables(
    world: MarketingWorld, drawn: Marketing, span: Span, number: pyarrow.Array, chance: np.random.Generator
) -> dict[str, OwnedTable]:
    """Draw the records and return their rows, by dataset, each with the campaign of each row."""
    return {
        "orchestrator_decisions": _decisions(world, drawn, span, number, chance),
        "budget_actions": _moves(world, drawn, span, number, chance),
        "campaign_risk_signals": _risks(world, drawn, span, number, chance),
        "segment_rollups": _rollups(world, drawn, span, number),
        "attribution_hints": _hints(world, drawn, span, number),
    }


def _moments(drawn: Marketing, span: Span, mean: float, chance: np.random.Generator) -> tuple[Numbers, Numbers]:
    """Draw moments of campaigns that have begun, so many on average: campaign and second of each, in order."""
    rows = drawn.campaigns
    owner = np.repeat(rows["campaign"], chance.poisson(mean, rows["campaign"].size))
    first = rows["first_day"][owner] * SECONDS_PER_DAY
    end = (np.minimum(rows["last_day"][owner], span.last_day) + 1) * SECONDS_PER_DAY
    moment = (first + chance.random(owner.size) * np.maximum(end - first, 0)).astype(np.int64)
    order = np.lexsort((moment, owner))
    order = order[~rows["is_draft"][owner[order]]]
    return owner[order], moment[order]


def _decisions(
    world: MarketingWorld, drawn: Marketing, span: Span, number: pyarrow.Array, chance: np.random.Generator
) -> OwnedTable:
    owner, moment = _moments(drawn, span, world.decisions, chance)
    kind = chance.integers(0, len(TRIGGERS), owner.size)
    known = moment - chance.exponential(6 * HOUR, owner.size).astype(np.int64)
    table = pyarrow.table(
        {
            "decision_id": row_id_column("SYN_DEC_", owner, number),
            "campaign_id": campaign_ids(number, owner),
            "trigger": name_column(TRIGGERS, kind),
            "action_taken": name_column(ACTIONS, kind),
            "confidence_score": np.round(chance.uniform(0.5, 1.0, owner.size), 2),
            "human_override": pyarrow.array(chance.random(owner.size) < 0.2),
            "timestamp": instant_column(moment),
            "insight_at": instant_column(known, chance.random(owner.size) < 0.4),
        }
    )
    return owner, table


def _moves(
    world: MarketingWorld, drawn: Marketing, span: Span, number: pyarrow.Array, chance: np.random.Generator
) -> OwnedTable:
    owner, moment = _moments(drawn, span, world.moves, chance)
    count = owner.size
    giver = chance.integers(0, len(world.channels), count)
    step = chance.integers(1, len(world.channels), count)
    taker = np.where(chance.random(count) < world.self_transfer_share, giver, (giver + step) % len(world.channels))
    status = chance.choice(len(MOVE_STATUSES), count, p=MOVE_SHARES)
    is_unapproved = (status == EXECUTED) & (chance.random(count) < world.unapproved_share)
    waited = np.minimum(chance.exponential(HOUR, count), LONGEST_ANSWER).astype(np.int64) // 60 * 60
    amount = np.round(drawn.campaigns["budget"][owner] * chance.uniform(0.01, 0.05, count), 2)
    by, reason = chance.integers(0, 2, count), chance.integers(0, len(REASONS), count)
    answered = moment + waited
    # What was not answered by the end of the last day is still a proposal.
    status = np.where(answered + HOUR >= (span.last_day + 1) * SECONDS_PER_DAY, PROPOSED, status)
    is_unapproved &= status == EXECUTED
    is_open = (status == PROPOSED) | is_unapproved
    is_moved = np.isin(status, (EXECUTED, ROLLED_BACK))
    table = pyarrow.table(
        {
            "budget_action_id": row_id_column("SYN_BUD_", owner, number),
            "timestamp": instant_column(moment),
            "campaign_id": campaign_ids(number, owner),
            "from_channel_id": channel_ids(world, giver),
            "to_channel_id": channel_ids(world, taker),
            "amount": amount,
            "currency": name_column(["USD"], np.zeros(count, int)),
            "reason_code": name_column(REASONS, reason),
            "reason_detail": pyarrow.nulls(count, pyarrow.string()),
            "proposed_by": name_column(("orchestrator", "human"), by),
            "approved_by_human": pyarrow.array(~is_open & (status != REJECTED)),
            "approver_id": pyarrow.array(["manager_01"] * count, pyarrow.string(), mask=is_open),
            "approval_latency_minutes": pyarrow.array(waited / 60, mask=is_open),
            "status": name_column(MOVE_STATUSES, status),
            "decided_at": instant_column(answered, is_open),
            "executed_at": instant_column(answered + HOUR // 2, ~is_moved),
        }
    )
    return owner, table


def _risks(
    world: MarketingWorld, drawn: Marketing, span: Span, number: pyarrow.Array, chance: np.random.Generator
) -> OwnedTable:
    owner, moment = _moments(drawn, span, world.risks, chance)
    count = owner.size
    kind = chance.integers(0, len(RISKS), count)
    first = np.searchsorted(drawn.experiments["campaign"], owner)
    asset = first * ARMS + chance.integers(0, ARMS, count)
    status = chance.choice(len(RISK_STATUSES), count, p=RISK_SHARES)
    settled = moment + (chance.random(count) * LONGEST_RISK).astype(np.int64)
    status = np.where(settled >= (span.last_day + 1) * SECONDS_PER_DAY, OPEN, status)
    observed = chance.integers(1, 1_000, count)
    evidence = pyarrow.array([f'{{"observed":{value},"expected":{value // 2}}}' for value in observed.tolist()])
    named = asset_ids(drawn, number).take(pyarrow.array(asset))
    table = pyarrow.table(
        {
            "risk_id": row_id_column("SYN_RSK_", owner, number),
            "timestamp": instant_column(moment),
            "campaign_id": campaign_ids(number, owner),
            "experiment_id": experiment_ids(drawn, number).take(pyarrow.array(first)),
            "asset_ids": pyarrow.ListArray.from_arrays(pyarrow.array(np.arange(count + 1), pyarrow.int32()), named),
            "risk_type": name_column([name for name, _ in RISKS], kind),
            "severity": name_column(SEVERITIES, chance.choice(len(SEVERITIES), count, p=SEVERITY_SHARES)),
            "evidence": evidence.cast(pyarrow.string()),
            "recommended_action": name_column([action for _, action in RISKS], kind),
            "status": name_column(RISK_STATUSES, status),
            "due_date": date_column(moment // SECONDS_PER_DAY + DUE_DAYS, chance.random(count) < 0.3),
            "resolved_at": instant_column(settled, ~np.isin(status, (MITIGATED, DISMISSED))),
        }
    )
    return owner, table


def _added(drawn: Marketing, place: str, span: Span) -> tuple[Columns, Numbers, Numbers]:
    """Add up the days of each campaign in each place, and return the sums, the campaign and the place of each."""
    rows, experiments = drawn.days, drawn.experiments
    width = int(experiments[place].max(initial=0)) + 1
    key = (experiments["campaign"] * width + experiments[place])[rows["experiment"]]
    found, at = np.unique(key, return_inverse=True)
    campaign = found // width
    middle = (drawn.campaigns["first_day"] + np.minimum(drawn.campaigns["last_day"], span.last_day)) / 2
    is_late = rows["day"] > middle[experiments["campaign"][rows["experiment"]]]
    sums = {
        name: np.bincount(at, rows[name], found.size)
        for name in ("impressions", "clicks", "conversions", "cost", "value")
    }
    sums["late_clicks"] = np.bincount(at, rows["clicks"] * is_late, found.size)
    return sums, campaign, found % width


def _rollups(world: MarketingWorld, drawn: Marketing, span: Span, number: pyarrow.Array) -> OwnedTable:
    sums, owner, segment = _added(drawn, "segment", span)
    rows = drawn.campaigns
    goal = rows["goal"][owner]
    is_of_clicks = np.array([dict(world.metrics)[one.metric] == CLICKS for one in world.goals])[goal]
    kpi = np.where(is_of_clicks, sums["clicks"], sums["conversions"]) / np.maximum(sums["impressions"], 1)
    trend = (2 * sums["late_clicks"] - sums["clicks"]) / np.maximum(sums["clicks"], 1)
    returned = np.searchsorted(RETURNS, sums["value"] / np.maximum(sums["cost"], 0.01), side="right")
    table = pyarrow.table(
        {
            "rollup_id": row_id_column("SYN_SEGROLL_", owner, number),
            "window_start": date_column(rows["first_day"][owner]),
            "window_end": date_column(np.minimum(rows["last_day"][owner], span.last_day)),
            "campaign_id": campaign_ids(number, owner),
            "segment_id": segment_ids(world, segment),
            **{name: sums[name].astype(np.int64) for name in ("impressions", "clicks", "conversions")},
            "spend": np.round(sums["cost"], 2),
            "revenue_proxy": np.round(sums["value"], 2),
            "primary_kpi": name_column([one.metric for one in world.goals], goal),
            "kpi_value": np.round(kpi, RATE_DECIMALS),
            "trend_vs_prior_window": np.round(trend, 2),
            "recommendation": name_column(RECOMMENDATIONS, returned),
        }
    )
    return owner, table


def _hints(world: MarketingWorld, drawn: Marketing, span: Span, number: pyarrow.Array) -> OwnedTable:
    sums, campaign, channel = _added(drawn, "channel", span)
    owner, place = np.repeat(campaign, len(METHODS)), np.repeat(channel, len(METHODS))
    method = np.tile(np.arange(len(METHODS)), campaign.size)
    # The last touch is the one that was counted; first touches are known of nine in ten, assists of three.
    share = np.array([0.9, 0.3, 1.0])[method]
    until = np.minimum(drawn.campaigns["last_day"][owner], span.last_day)
    table = pyarrow.table(
        {
            "hint_id": row_id_column("SYN_ATTR_", owner, number),
            "timestamp": instant_column(until * SECONDS_PER_DAY + 23 * HOUR),
            "campaign_id": campaign_ids(number, owner),
            "channel_id": channel_ids(world, place),
            "attributed_conversions": np.round(np.repeat(sums["conversions"], len(METHODS)) * share, 1),
            "method": name_column(METHODS, method),
            "confidence": np.array([0.6, 0.4, 0.85])[method],
        }
    )
    return owner, table


def touchpoints(
    world: MarketingWorld, drawn: Marketing, number: pyarrow.Array, chance: np.random.Generator
) -> OwnedTable:
    """Draw the touches before each conversion: the last on the channel that was counted, earlier ones anywhere."""
    rows, experiments = drawn.days, drawn.experiments
    counted = np.repeat(np.arange(rows["day"].size), rows["conversions"])
    owner = experiments["campaign"][rows["experiment"][counted]]
    converted = rows["day"][counted] * SECONDS_PER_DAY + chance.integers(8 * HOUR, 20 * HOUR, counted.size)
    touches = 1 + chance.binomial(MOST_EARLIER_TOUCHES, EARLIER_TOUCH, counted.size)
    conversion = np.repeat(np.arange(counted.size), touches)
    is_last = np.append(conversion[1:] != conversion[:-1], np.ones(min(conversion.size, 1), bool))
    last = experiments["channel"][rows["experiment"][counted]][conversion]
    channel = np.where(is_last, last, chance.integers(0, len(world.channels), conversion.size))
    remaining = np.cumsum(touches)[conversion] - np.arange(conversion.size)
    before = remaining * 6 * HOUR - chance.integers(0, 6 * HOUR, conversion.size)
    value = rows["value"] / np.maximum(rows["conversions"], 1)
    number_of = id_column("SYN_CONV_", number.take(pyarrow.array(owner)))
    in_campaign = np.arange(counted.size) - np.searchsorted(owner, owner) + 1
    conversions = pc.binary_join_element_wise(number_of, pyarrow.array(in_campaign.astype(str), pyarrow.string()), "_")
    table = pyarrow.table(
        {
            "touchpoint_id": row_id_column("SYN_TCH_", owner[conversion], number),
            "conversion_id": conversions.take(pyarrow.array(conversion)),
            "converted_at": instant_column(converted[conversion]),
            "touched_at": instant_column(converted[conversion] - before),
            "campaign_id": campaign_ids(number, owner[conversion]),
            "channel_id": channel_ids(world, channel),
            "conversion_value": np.round(value[counted][conversion], 2),
        }
    )
    return owner[conversion], table
