"""Probabilities of events within the horizon, from the weekly probabilities of the transition model.

Shared by the forecasts and their backtest. The tables are small: one row per segment, stage and week in the stage,
whatever the number of customers. The horizon is `horizon_days`, rounded up to whole weeks. Between the days of a week
probabilities are interpolated.
"""

from statistics import NormalDist

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.tables import first_per, lookup
from cjo_assets.families.journey.forecast._spells import DAYS_PER_WEEK
from cjo_assets.families.journey.forecast._weekly_moves import STATE, horizon_weeks, moves, weekly_model
from cjo_assets.policy import Policy

PLACE = ["origin", "segment", "journey_stage", "day"]
# Replaces a probability of 0, which has no logarithm; events this rare are never observed.
LEAST_PROBABILITY = 1e-300
# The exponential of a larger number overflows; probabilities are 0 or 1 far before.
LARGEST_EXPONENT = 600.0


def day_in_stage(on: ir.DateValue, entered_at: ir.DateValue, policy: Policy) -> ir.IntegerValue:
    """Return the completed days in the stage at the end of a day, up to the first day of the model's last bin."""
    last_day = policy.journey.forecast.time_bins_weeks[-1] * DAYS_PER_WEEK
    return ibis.least(on.delta(entered_at, unit="day") + 1, last_day)


def interval(
    probability: ir.NumericValue, deviation: ir.NumericValue, level: float
) -> tuple[ir.NumericValue, ir.NumericValue]:
    """Return the ends of an interval around a probability, given its standard deviation.

    Normal on the logit scale, which keeps it within 0 and 1. Without a deviation both ends are the probability itself.
    """
    spread = NormalDist().inv_cdf((1 + level) / 2) * deviation / (probability * (1 - probability)).nullif(0.0)
    factor = ibis.least(spread.fill_null(0.0), LARGEST_EXPONENT).exp()
    low = probability / (probability + (1 - probability) * factor)
    high = probability * factor / (probability * factor + (1 - probability))
    return low, high


def forecasts_by_state(model: ir.Table, policy: Policy) -> ir.Table:
    """Return the probabilities of events within the horizon for each day in each stage, as known on each origin.

    Args:
        model: `origin` and the columns of `transition_model`.
        policy: horizon, prior, and which stages are what.

    Returns:
        One row per origin, segment, non-terminal stage and day, with the probabilities churn, recovery, escalation and
        stagnation, and the predicted path.
    """
    weekly = weekly_model(model, policy)
    outset = {"churn": None, "recovery": 0.0, "escalation": 0.0, "stagnation": 1.0}
    states = _within_horizon(moves(weekly, policy), outset, policy)
    return _by_day(_with_path(states, _likeliest_next(weekly, policy), policy), list(outset))


def churn_by_state(model: ir.Table, policy: Policy) -> ir.Table:
    """Return only the churn of `forecasts_by_state`, which a backtest needs, at half the cost."""
    return _by_day(_within_horizon(moves(weekly_model(model, policy), policy), {"churn": None}, policy), ["churn"])


def _within_horizon(moves: ir.Table, outset: dict[str, float | None], policy: Policy) -> ir.Table:
    """Return the values of every state one horizon before `outset`; the outset None is 1 in terminal stages."""
    states = moves.select(target="state").distinct()
    has_left = states.target["journey_stage"].isin(policy.vocabulary.terminal_stages).cast("float64")
    values = states.mutate(
        **{name: has_left if value is None else ibis.literal(value) for name, value in outset.items()}
    )
    weeks = []
    for week in range(1, horizon_weeks(policy) + 1):
        values = _week_earlier(moves, values)
        weeks.append(values.mutate(weeks_to_go=ibis.literal(week)))
    # A union of all weeks is computed once; nested queries would take the engine minutes to plan.
    every = ibis.union(*weeks) if len(weeks) > 1 else weeks[0]
    values = every.filter(every.weeks_to_go == horizon_weeks(policy)).drop("weeks_to_go").unpack("target")
    return values.filter(values.journey_stage.notin(policy.vocabulary.terminal_stages))


def _by_day(states: ir.Table, values: list[str]) -> ir.Table:
    """Return the states by day, interpolated between the values of a week and of the next one."""
    later = states.select("origin", "segment", "journey_stage", *values, week=states.week - 1)
    pairs = states.left_join(later, STATE, rname="{name}_later")
    # The last week represents all later ones: it has no next week, and only its first day.
    days = pairs.week_later.notnull().ifelse(DAYS_PER_WEEK, 1)
    pairs = pairs.mutate(days_over=ibis.range(0, days).unnest())
    share = pairs.days_over / DAYS_PER_WEEK
    return pairs.select(
        "origin",
        "segment",
        "journey_stage",
        *(["predicted_path"] if "predicted_path" in states.columns else []),
        day=(pairs.week * DAYS_PER_WEEK + pairs.days_over).cast("int64"),
        **{
            name: pairs[name] + share * (pairs[f"{name}_later"].fill_null(pairs[name]) - pairs[name]) for name in values
        },
    )


def _week_earlier(moves: ir.Table, values: ir.Table) -> ir.Table:
    """Return the values with one more week to go."""
    steps = moves.join(values, "target")
    probability = steps.probability
    earlier = {"churn": (probability * steps.churn).sum()}
    if "recovery" in values.columns:
        earlier |= {
            "recovery": (probability * ibis.greatest(steps.recovers, steps.recovery)).sum(),
            "escalation": (probability * ibis.greatest(steps.escalates, steps.escalation)).sum(),
            "stagnation": (probability * steps.remains * steps.stagnation).sum(),
        }
    return steps.group_by(target="state").agg(**earlier)


def _likeliest_next(weekly: ir.Table, policy: Policy) -> ir.Table:
    """Return, for each state, the other stage that most probably comes next within the horizon."""
    keys = ["origin", "segment", "journey_stage"]
    so_far = ibis.window(group_by=[*keys, "next_stage"], order_by="week", rows=(None, -1))
    log_of_stay = ibis.greatest(weekly.stay_probability, LEAST_PROBABILITY).ln()
    weekly = weekly.mutate(log_of_lasting=log_of_stay.sum().over(so_far).fill_null(0.0))
    start = weekly.select(*keys, "next_stage", week="week", log_at_start="log_of_lasting")
    later = weekly.select(*keys, "next_stage", "weekly_probability", "log_of_lasting", later="week")
    pairs = start.filter(start.week <= policy.journey.forecast.time_bins_weeks[-1]).join(later, [*keys, "next_stage"])
    pairs = pairs.filter(pairs.next_stage != pairs.journey_stage, pairs.later >= pairs.week)
    pairs = pairs.filter(pairs.later < pairs.week + horizon_weeks(policy))
    chance = (pairs.weekly_probability * (pairs.log_of_lasting - pairs.log_at_start).exp()).sum()
    exits = pairs.group_by(*STATE, "next_stage").agg(chance=chance.round(9))
    return first_per(exits, STATE, [ibis.desc("chance"), "next_stage"]).drop("chance")


def _with_path(states: ir.Table, likeliest: ir.Table, policy: Policy) -> ir.Table:
    """Add the path: the likeliest next stage, and from there again, as long as leaving is likelier than staying."""
    paths = lookup(states, likeliest, STATE)
    leaves = paths.stagnation < 0.5
    paths = paths.mutate(step_1=leaves.ifelse(paths.next_stage, ibis.null("string"))).drop("next_stage")
    on_entry = paths.filter(paths.week == 0).select("origin", "segment", "journey_stage", next_stage="step_1")
    steps = policy.journey.forecast.path_steps
    for step in range(2, steps + 1):
        entered = (f"step_{step - 1}", "journey_stage")
        paths = lookup(paths, on_entry, ["origin", "segment", entered], **{f"step_{step}": "next_stage"})
    path = ibis.array([paths.journey_stage, *(paths[f"step_{step}"] for step in range(1, steps + 1))])
    paths = paths.mutate(predicted_path=path.filter(lambda stage: stage.notnull()))
    return paths.drop(*(f"step_{step}" for step in range(1, steps + 1)))
