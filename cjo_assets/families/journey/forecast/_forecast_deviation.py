"""Standard deviation of the churn forecast: what not knowing the weekly probabilities leaves open.

Not a table but a step of `journey_forecasts`, by the delta method. The weekly probabilities of a bin of the transition
model follow a Dirichlet distribution, and those of different bins are independent. Churn within the horizon is a
polynomial in them. Its derivatives are carried week by week with its value, so that weeks that share a probability
share its error. The variance is then that of the tangent. All of it happens on a small table, one row per segment,
stage, week and probability, however many customers there are.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.families.journey.forecast._spells import DAYS_PER_WEEK
from cjo_assets.families.journey.forecast._weekly_moves import (
    further_moves,
    horizon_weeks,
    moves,
    onward_from_entry,
    pausing_moves,
    state_of,
    weekly_model,
    within_bins,
)
from cjo_assets.policy import Policy

# The forecast itself, among its derivatives by each weekly probability.
VALUE = ""
PLACE = ["origin", "segment", "journey_stage", "day"]


def churn_deviations(model: ir.Table, policy: Policy) -> ir.Table:
    """Return the standard deviation of the churn forecast for each day of each non-terminal stage.

    Args:
        model: `origin` and the columns of `transition_model`.
        policy: horizon and weight of the prior.

    Returns:
        One row per origin, segment, stage and day, with `deviation`.
    """
    slopes = _by_day(_within_horizon(_steps(weekly_model(model, policy), policy), policy), policy)
    chances = model.select(
        "origin",
        "segment",
        "weekly_probability",
        parameter=_parameter(model.journey_stage, model.from_week, model.next_stage),
        cell=ibis.struct({"stage": model.journey_stage, "from_week": model.from_week}),
        weight=model.observed_weeks + policy.journey.forecast.prior_weeks + 1,
    )
    rows = slopes.join(chances, ["origin", "segment", "parameter"])
    weighted = rows.weekly_probability * rows.slope
    cells = rows.group_by(*PLACE, "cell").agg(
        variance=((weighted * rows.slope).sum() - weighted.sum() ** 2) / rows.weight.max()
    )
    # What remains after subtraction may fall a rounding error below 0.
    return cells.group_by(PLACE).agg(deviation=ibis.greatest(cells.variance.sum(), 0.0).sqrt())


def _steps(weekly: ir.Table, policy: Policy) -> ir.Table:
    """Return the factors from one week to the week before: of each move, and of its derivative by each probability."""
    certain = moves(weekly, policy)
    parts = [
        certain.select("state", "target", parameter=ibis.literal(VALUE), factor="probability"),
        *_slopes_of_departures(within_bins(weekly, policy), policy),
        _slope_of_staying(within_bins(weekly, policy), policy),
    ]
    steps = ibis.union(*parts)
    return steps.group_by("state", "target", "parameter").agg(factor=steps.factor.sum())


def _slope_of_staying(weekly: ir.Table, policy: Policy) -> ir.Table:
    """Return the derivative of staying by the probability of each move: the likelier the move, the less is left."""
    last_week = policy.journey.forecast.time_bins_weeks[-1]
    onward = weekly.filter(weekly.weekly_probability > 0)
    return onward.select(
        state=state_of(onward, onward.journey_stage, onward.week),
        target=state_of(onward, onward.journey_stage, ibis.least(onward.week + 1, last_week)),
        parameter=_parameter(onward.journey_stage, onward.from_week, onward.next_stage),
        factor=ibis.literal(-1.0),
    )


def _slopes_of_departures(weekly: ir.Table, policy: Policy) -> list[ir.Table]:
    """Return the derivatives of the moves out of a stage, by their own probability and by that of moving further."""
    further, pausing = further_moves(weekly, policy), pausing_moves(weekly, policy)
    start = ibis.literal(0, "int64")
    twice = further.select(
        state=state_of(further, further.journey_stage, further.week),
        target=state_of(further, further.further_stage, start),
        slopes=ibis.array(
            [
                _slope(further.journey_stage, further.from_week, further.next_stage, further.further_probability),
                _slope(
                    further.next_stage,
                    further.further_from_week,
                    further.further_stage,
                    further.weekly_probability / 2,
                ),
            ]
        ).unnest(),
    )
    once = pausing.select(
        state=state_of(pausing, pausing.journey_stage, pausing.week),
        target=state_of(pausing, pausing.next_stage, pausing.to_week),
        parameter=_parameter(pausing.journey_stage, pausing.from_week, pausing.next_stage),
        factor="share",
    )
    beginning = onward_from_entry(pausing.drop("to_week", "share", "leaving").distinct())
    left = pausing.join(beginning, ["origin", "segment", ("next_stage", "entered")])
    less = left.select(
        state=state_of(left, left.journey_stage, left.week),
        target=state_of(left, left.next_stage, left.to_week),
        parameter=_parameter(left.next_stage, left.further_from_week, left.further_stage),
        factor=-left.weekly_probability / 4,
    )
    return [twice.unpack("slopes"), once, less]


def _slope(
    stage: ir.StringValue, from_week: ir.IntegerValue, next_stage: ir.StringValue, factor: ir.NumericValue
) -> ir.StructValue:
    return ibis.struct({"parameter": _parameter(stage, from_week, next_stage), "factor": factor})


def _parameter(stage: ir.StringValue, from_week: ir.IntegerValue, next_stage: ir.StringValue) -> ir.StringValue:
    """Return the name of a weekly probability of the model."""
    return stage.concat(">", next_stage, ">", from_week.cast("string"))


def _within_horizon(steps: ir.Table, policy: Policy) -> ir.Table:
    """Return the derivatives of churn, by every weekly probability, a horizon before the end."""
    states = steps.select(target="state").distinct()
    has_left = states.target["journey_stage"].isin(policy.vocabulary.terminal_stages)
    values = states.mutate(parameter=ibis.literal(VALUE), value=has_left.cast("float64"))
    weeks = []
    for week in range(1, horizon_weeks(policy) + 1):
        rows = steps.join(values, "target", rname="{name}_later")
        # The derivative of a product: one factor's, times the other's value.
        is_own = rows.parameter == VALUE
        rows = rows.filter(is_own | (rows.parameter_later == VALUE))
        is_own = rows.parameter == VALUE
        rows = rows.mutate(parameter=is_own.ifelse(rows.parameter_later, rows.parameter))
        values = rows.group_by(target="state", parameter="parameter").agg(value=(rows.factor * rows.value).sum())
        weeks.append(values.mutate(weeks_to_go=ibis.literal(week)))
    # As in the forecast itself: what is read twice is computed once.
    every = ibis.union(*weeks) if len(weeks) > 1 else weeks[0]
    slopes = every.filter(every.weeks_to_go == horizon_weeks(policy), every.parameter != VALUE)
    slopes = slopes.drop("weeks_to_go").unpack("target")
    return slopes.filter(slopes.journey_stage.notin(policy.vocabulary.terminal_stages))


def _by_day(slopes: ir.Table, policy: Policy) -> ir.Table:
    """Return the derivatives by day: a day has its part of those of the week under way and of the next one."""
    last_week = policy.journey.forecast.time_bins_weeks[-1]
    rows = slopes.mutate(apart=ibis.range(1 - DAYS_PER_WEEK, DAYS_PER_WEEK).unnest())
    rows = rows.mutate(day=(rows.week * DAYS_PER_WEEK + rows.apart).cast("int64"))
    rows = rows.filter(rows.day.between(0, last_week * DAYS_PER_WEEK))
    part = 1 - rows.apart.abs() / DAYS_PER_WEEK
    return rows.group_by(*PLACE, "parameter").agg(slope=(rows.value * part).sum())
