"""Forecasting: from weekly probabilities to what happens within the horizon.

Not a table but the steps that the forecasts and their backtest share. All of it happens on a small table, one row per
segment, stage and week in the stage, however many customers there are. The horizon is `horizon_days`, rounded up to
whole weeks. Within a week what lies ahead changes evenly from day to day.
"""

from statistics import NormalDist

import ibis
import ibis.expr.types as ir

from cjo_assets.families.journey.forecast._spells import DAYS_PER_WEEK
from cjo_assets.families.journey.forecast._weekly_moves import STATE, horizon_weeks, moves, weekly_model
from cjo_assets.policy import Policy

PLACE = ["origin", "segment", "journey_stage", "day"]
# Where staying is impossible its logarithm must still be a number: nothing with this chance is ever seen.
LEAST_PROBABILITY = 1e-300
# Beyond it the exponential is no longer a number; no probability that matters is that far out.
LARGEST_EXPONENT = 600.0


def day_in_stage(on: ir.DateValue, entered_at: ir.DateValue, policy: Policy) -> ir.IntegerValue:
    """Return how many days of the stage are over at the end of a day, as far as the model tells them apart."""
    last_day = policy.journey.forecast.time_bins_weeks[-1] * DAYS_PER_WEEK
    return ibis.least(on.delta(entered_at, unit="day") + 1, last_day)


def interval(
    probability: ir.NumericValue, deviation: ir.NumericValue, level: float
) -> tuple[ir.NumericValue, ir.NumericValue]:
    """Return the ends of an interval around a probability, given its standard deviation.

    Normal on the logit scale, which keeps it within 0 and 1 and wide where little is known. Without any doubt it is
    the probability itself.
    """
    spread = NormalDist().inv_cdf((1 + level) / 2) * deviation / (probability * (1 - probability)).nullif(0.0)
    factor = ibis.least(spread.fill_null(0.0), LARGEST_EXPONENT).exp()
    low = probability / (probability + (1 - probability) * factor)
    high = probability * factor / (probability * factor + (1 - probability))
    return low, high


def forecasts_by_state(model: ir.Table, policy: Policy) -> ir.Table:
    """Return what happens within the horizon to a customer on each day of each stage, by what each origin knew.

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
    """Return the churn of `forecasts_by_state` alone: what a backtest needs, at half the cost."""
    return _by_day(_within_horizon(moves(weekly_model(model, policy), policy), {"churn": None}, policy), ["churn"])


def _within_horizon(moves: ir.Table, outset: dict[str, float | None], policy: Policy) -> ir.Table:
    """Return the values of every state a horizon before they are as at the outset; None is 1 for who has left."""
    states = moves.select(target="state").distinct()
    has_left = states.target["journey_stage"].isin(policy.vocabulary.terminal_stages).cast("float64")
    values = states.mutate(
        **{name: has_left if value is None else ibis.literal(value) for name, value in outset.items()}
    )
    weeks = []
    for week in range(1, horizon_weeks(policy) + 1):
        values = _week_earlier(moves, values)
        weeks.append(values.mutate(weeks_to_go=ibis.literal(week)))
    # What is read twice is computed once: queries nested a horizon deep would take the engine minutes to plan.
    every = ibis.union(*weeks) if len(weeks) > 1 else weeks[0]
    values = every.filter(every.weeks_to_go == horizon_weeks(policy)).drop("weeks_to_go").unpack("target")
    return values.filter(values.journey_stage.notin(policy.vocabulary.terminal_stages))


def _by_day(states: ir.Table, values: list[str]) -> ir.Table:
    """Return the states by day; part of a week that is over moves the values that far towards those of the next."""
    later = states.select("origin", "segment", "journey_stage", *values, week=states.week - 1)
    pairs = states.left_join(later, STATE, rname="{name}_later")
    # The last week stands for all after it: it has no next one, and only its first day.
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
    """Return what happens with one week more to go."""
    rows = moves.join(values, "target")
    chance = rows.probability
    earlier = {"churn": (chance * rows.churn).sum()}
    if "recovery" in values.columns:
        earlier |= {
            "recovery": (chance * ibis.greatest(rows.recovers, rows.recovery)).sum(),
            "escalation": (chance * ibis.greatest(rows.escalates, rows.escalation)).sum(),
            "stagnation": (chance * rows.remains * rows.stagnation).sum(),
        }
    return rows.group_by(target="state").agg(**earlier)


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
    best_first = ibis.window(group_by=STATE, order_by=[ibis.desc("chance"), "next_stage"])
    ranked = exits.mutate(place=ibis.row_number().over(best_first))
    return ranked.filter(ranked.place == 0).drop("place", "chance")


def _with_path(states: ir.Table, likeliest: ir.Table, policy: Policy) -> ir.Table:
    """Add the path: the likeliest next stage, and from there again, as long as leaving is likelier than staying."""
    rows = states.left_join(likeliest, STATE).drop(*(f"{name}_right" for name in STATE))
    rows = rows.mutate(step_1=(rows.stagnation < 0.5).ifelse(rows.next_stage, ibis.null("string"))).drop("next_stage")
    entered = rows.filter(rows.week == 0).select("origin", "segment", entered="journey_stage", onward="step_1")
    steps = policy.journey.forecast.path_steps
    for step in range(2, steps + 1):
        rows = rows.left_join(entered, ["origin", "segment", (f"step_{step - 1}", "entered")])
        rows = rows.rename({f"step_{step}": "onward"}).drop("origin_right", "segment_right", "entered")
    path = ibis.array([rows.journey_stage, *(rows[f"step_{step}"] for step in range(1, steps + 1))])
    rows = rows.mutate(predicted_path=path.filter(lambda stage: stage.notnull()))
    return rows.drop(*(f"step_{step}" for step in range(1, steps + 1)))
