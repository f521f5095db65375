"""Possible moves within a week, with their probabilities.

Shared by the forecast and its deviation. The tables are small: one row per segment, stage, week in the stage and next
stage, whatever the number of customers.

A move falls in the middle of its week on average. With p the weekly probability of the move and q the weekly
probability of leaving the next stage, the customer is at the end of the week
- in week 0 or week 1 of the next stage, each with probability p (1 - q / 2) / 2 (`pausing_moves`);
- in a stage j after it with probability p q_j / 2, where the q_j add up to q (`further_moves`).
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.tables import lookup
from cjo_assets.families.journey.forecast._spells import DAYS_PER_WEEK, one_of
from cjo_assets.policy import Policy

STATE = ["origin", "segment", "journey_stage", "week"]


def horizon_weeks(policy: Policy) -> int:
    """Return the horizon in whole weeks."""
    return -(-policy.journey.forecast.horizon_days // DAYS_PER_WEEK)


def state_of(rows: ir.Table, stage: ir.StringValue, week: ir.IntegerValue) -> ir.StructValue:
    """Return a state as one value; four columns would be repeated in the statement for each week of the horizon."""
    return ibis.struct(dict(zip(STATE, (rows.origin, rows.segment, stage, week), strict=True)))


def weekly_model(model: ir.Table, policy: Policy) -> ir.Table:
    """Return the model by single week, up to the last week that can be reached within the horizon."""
    bins = policy.journey.forecast.time_bins_weeks
    ends = dict(zip(bins, [*bins[1:], bins[-1] + horizon_weeks(policy)], strict=True))
    until_week = model.from_week.cases(*((start, ibis.literal(end, "int64")) for start, end in ends.items()))
    weekly = model.select(
        "origin",
        "segment",
        "journey_stage",
        "next_stage",
        "weekly_probability",
        "from_week",
        week=ibis.range(model.from_week, until_week).unnest(),
    )
    cell = ibis.window(group_by=STATE)
    return weekly.mutate(stay_probability=ibis.greatest(1 - weekly.weekly_probability.sum().over(cell), 0.0))


def within_bins(weekly: ir.Table, policy: Policy) -> ir.Table:
    """Return the weeks up to the start of the last bin, which represents all later ones."""
    return weekly.filter(weekly.week <= policy.journey.forecast.time_bins_weeks[-1])


def moves(weekly: ir.Table, policy: Policy) -> ir.Table:
    """Return the states that follow each state after a week, with probabilities; terminal stages are never left."""
    words, last_week = policy.vocabulary, policy.journey.forecast.time_bins_weeks[-1]
    weekly = within_bins(weekly, policy)
    first = weekly.filter(weekly.next_stage == words.stages[0])
    ends = weekly.select("origin", "segment").distinct().cross_join(one_of("journey_stage", words.terminal_stages))
    ends = ends.mutate(week=ibis.literal(0, "int64"))
    quiet = {"recovers": ibis.literal(0.0), "escalates": ibis.literal(0.0), "remains": ibis.literal(1.0)}
    further, pausing = further_moves(weekly, policy), pausing_moves(weekly, policy)
    return ibis.union(
        further.select(
            state=state_of(further, further.journey_stage, further.week),
            target=state_of(further, further.further_stage, ibis.literal(0, "int64")),
            probability=further.weekly_probability * further.further_probability,
            recovers=ibis.greatest(further.recovers, further.recovers_further),
            escalates=ibis.greatest(further.escalates, further.escalates_further),
            remains=further.remains * further.remains_further,
        ),
        pausing.select(
            state=state_of(pausing, pausing.journey_stage, pausing.week),
            target=state_of(pausing, pausing.next_stage, pausing.to_week),
            probability=pausing.weekly_probability * pausing.share,
            recovers="recovers",
            escalates="escalates",
            remains="remains",
        ),
        first.select(
            state=state_of(first, first.journey_stage, first.week),
            target=state_of(first, first.journey_stage, ibis.least(first.week + 1, last_week)),
            probability="stay_probability",
            **quiet,
        ),
        ends.select(
            state=state_of(ends, ends.journey_stage, ends.week),
            target=state_of(ends, ends.journey_stage, ends.week),
            probability=ibis.literal(1.0),
            **quiet,
        ),
    )


def further_moves(weekly: ir.Table, policy: Policy) -> ir.Table:
    """Return the moves out of a stage and out of the next one within the same week.

    Without them each move would take half a week longer than it does.
    """
    onward = _departures(weekly, policy)
    return onward.join(onward_from_entry(onward), ["origin", "segment", ("next_stage", "entered")])


def pausing_moves(weekly: ir.Table, policy: Policy) -> ir.Table:
    """Return the moves out of a stage after which the customer is in the next one at the end of the week.

    One row for its first week and one for its second, each with the `share` of the weekly probability.
    """
    onward, last_week = _departures(weekly, policy), policy.journey.forecast.time_bins_weeks[-1]
    beginning = onward_from_entry(onward)
    leaving = beginning.group_by("origin", "segment", "entered").agg(leaving=beginning.further_probability.sum())
    pausing = lookup(onward, leaving, ["origin", "segment", ("next_stage", "entered")])
    is_final = pausing.next_stage.isin(policy.vocabulary.terminal_stages)
    second_week = is_final.ifelse(0, min(1, last_week))
    return pausing.mutate(
        to_week=ibis.array([ibis.literal(0), second_week]).unnest().cast("int64"),
        share=(1 - pausing.leaving.fill_null(0.0)) / 2,
    )


def onward_from_entry(onward: ir.Table) -> ir.Table:
    """Return the possible moves in the half week after the entry into a stage."""
    entry = onward.filter(onward.week == 0)
    return entry.select(
        "origin",
        "segment",
        entered="journey_stage",
        further_stage="next_stage",
        further_probability=entry.weekly_probability / 2,
        further_from_week="from_week",
        recovers_further="recovers",
        escalates_further="escalates",
        remains_further="remains",
    )


def _departures(weekly: ir.Table, policy: Policy) -> ir.Table:
    """Return the possible moves to a next stage, and which events each of them is."""
    rules = policy.journey.forecast
    onward = weekly.filter(weekly.weekly_probability > 0)
    is_new = onward.next_stage != onward.journey_stage
    return onward.select(
        *STATE,
        "next_stage",
        "weekly_probability",
        "from_week",
        recovers=(is_new & onward.next_stage.isin(rules.recovery_stages)).cast("float64"),
        escalates=(is_new & onward.next_stage.isin(rules.escalation_stages)).cast("float64"),
        remains=(~is_new).cast("float64"),
    )
