"""Standard deviation of the churn forecast, by the delta method.

The weekly probabilities of a bin of the transition model follow a Dirichlet distribution, and those of different bins
are independent. Churn within the horizon is a polynomial in them. Its derivatives are computed week by week with its
value, so that weeks that share a probability share its error; the variance is that of the tangent. The tables are
small: one row per segment, stage, week and probability, whatever the number of customers.
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
    slopes = slopes.join(chances, ["origin", "segment", "parameter"])
    weighted = slopes.weekly_probability * slopes.slope
    cells = slopes.group_by(*PLACE, "cell").agg(
        variance=((weighted * slopes.slope).sum() - weighted.sum() ** 2) / slopes.weight.max()
    )
    # A difference of equal numbers may be a rounding error below 0.
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
    """Return the derivative of staying by the probability of each move, which is -1."""
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
        products = steps.join(values, "target", rname="{name}_later")
        # The product rule: the derivative of one factor times the value of the other.
        products = products.filter((products.parameter == VALUE) | (products.parameter_later == VALUE))
        is_own = products.parameter == VALUE
        products = products.mutate(parameter=is_own.ifelse(products.parameter_later, products.parameter))
        values = products.group_by(target="state", parameter="parameter").agg(
            value=(products.factor * products.value).sum()
        )
        weeks.append(values.mutate(weeks_to_go=ibis.literal(week)))
    # A union of all weeks is computed once; nested queries would take the engine minutes to plan.
    every = ibis.union(*weeks) if len(weeks) > 1 else weeks[0]
    slopes = every.filter(every.weeks_to_go == horizon_weeks(policy), every.parameter != VALUE)
    slopes = slopes.drop("weeks_to_go").unpack("target")
    return slopes.filter(slopes.journey_stage.notin(policy.vocabulary.terminal_stages))


def _by_day(slopes: ir.Table, policy: Policy) -> ir.Table:
    """Return the derivatives by day, interpolated between those of the current week and of the next one."""
    last_week = policy.journey.forecast.time_bins_weeks[-1]
    days = slopes.mutate(days_apart=ibis.range(1 - DAYS_PER_WEEK, DAYS_PER_WEEK).unnest())
    days = days.mutate(day=(days.week * DAYS_PER_WEEK + days.days_apart).cast("int64"))
    days = days.filter(days.day.between(0, last_week * DAYS_PER_WEEK))
    share = 1 - days.days_apart.abs() / DAYS_PER_WEEK
    return days.group_by(*PLACE, "parameter").agg(slope=(days.value * share).sum())
