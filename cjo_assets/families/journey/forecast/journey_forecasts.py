"""Forecasts of every customer within the horizon.

One row per customer and as-of date, for customers who have not left. The transition model is applied week by week over
all paths through the stages, from the customer's stage and the time already spent in it. Churn, recovery, escalation
and stagnation do not exclude each other: a customer may recover and churn later.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, TextList, column, key
from cjo_assets.core.expressions.numbers import rounded
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.families.journey.forecast._forecast_deviation import churn_deviations
from cjo_assets.families.journey.forecast._forecasting import PLACE, day_in_stage, forecasts_by_state, interval
from cjo_assets.families.journey.forecast._spells import DAYS_PER_WEEK
from cjo_assets.families.journey.forecast._weekly_moves import horizon_weeks
from cjo_assets.policy import Policy

NO_STAGE_KNOWN, PRIOR_ONLY, CHURN_FROM_PRIOR, SMOOTHED = "no_stage", "prior_only", "churn_from_prior", "smoothed"
MODEL_TYPES = [NO_STAGE_KNOWN, PRIOR_ONLY, CHURN_FROM_PRIOR, SMOOTHED]


class JourneyForecasts(DatedContract):
    """Future of every customer who has not left, within the horizon. One row per customer and as-of date."""

    customer_id: str = key("Customer.", personal="customer")
    churn_probability: float = column(
        "Chance of entering a terminal stage [0-1, up = worse].", decimals=6, ge=0, le=1, nullable=True
    )
    churn_probability_low: float = column("Lower end of its interval [0-1].", decimals=6, ge=0, le=1, nullable=True)
    churn_probability_high: float = column("Upper end of its interval [0-1].", decimals=6, ge=0, le=1, nullable=True)
    recovery_probability: float = column(
        "Chance of entering one of the policy's recovery stages [0-1, up = better].",
        decimals=6,
        ge=0,
        le=1,
        nullable=True,
    )
    stagnation_probability: float = column(
        "Chance of not leaving the current stage for another [0-1].", decimals=6, ge=0, le=1, nullable=True
    )
    escalation_probability: float = column(
        "Chance of entering one of the policy's escalation stages [0-1, up = worse].",
        decimals=6,
        ge=0,
        le=1,
        nullable=True,
    )
    predicted_path: TextList = column("Current stage and the likeliest next ones in order; empty without a stage.")
    revenue_at_risk: float = column(
        "Churn probability x account value [currency, up = worse].", decimals=2, ge=0, nullable=True
    )
    model_type: str = column(
        "no_stage; prior_only: nothing observed there; churn_from_prior: no departure observed yet; smoothed.",
        isin=MODEL_TYPES,
    )
    n_observations: int = column("Observed weeks in the remaining bins of the stage [customer-weeks].", ge=0)
    prior_weight: float = column(
        "Share of the policy's belief in these bins [0-1]; null without a stage.",
        decimals=6,
        ge=0,
        le=1,
        nullable=True,
    )


def journey_forecasts(
    customers: ir.Table,
    journey_states: ir.Table,
    state_entries: ir.Table,
    transition_model: ir.Table,
    as_of: ir.DateScalar,
    policy: Policy,
) -> ir.Table:
    """Look up the forecast of each customer's segment, stage and day in the stage."""
    rules, terminal = policy.journey.forecast, policy.vocabulary.terminal_stages
    active = customers.select("customer_id", "segment", "account_value")
    active = active.join(journey_states.select("customer_id", "journey_stage", "state_entered_at"), "customer_id")
    active = active.filter(active.journey_stage.isnull() | active.journey_stage.notin(terminal))
    active = active.mutate(day=day_in_stage(as_of, active.state_entered_at, policy))
    forecasts = lookup(active, _forecasts(transition_model, as_of, policy), ["segment", "journey_stage", "day"])
    known = state_entries.filter(state_entries.state_entered_at <= as_of)
    departures = known.journey_stage.isin(terminal).cast("int64").sum().fill_null(0)
    forecasts = forecasts.cross_join(known.agg(departures=departures))
    low, high = interval(forecasts.churn, forecasts.deviation, rules.interval_level)
    return forecasts.mutate(
        churn_probability=forecasts.churn,
        churn_probability_low=low,
        churn_probability_high=high,
        recovery_probability=forecasts.recovery,
        stagnation_probability=forecasts.stagnation,
        escalation_probability=forecasts.escalation,
        predicted_path=forecasts.predicted_path.fill_null(ibis.literal([], "array<string>")),
        # The product of the published numbers, so that a reader can check it.
        revenue_at_risk=rounded(forecasts.churn) * forecasts.account_value,
        model_type=ibis.cases(
            (forecasts.journey_stage.isnull(), NO_STAGE_KNOWN),
            (forecasts.observed_weeks == 0, PRIOR_ONLY),
            (forecasts.departures == 0, CHURN_FROM_PRIOR),
            else_=SMOOTHED,
        ),
        n_observations=forecasts.observed_weeks.fill_null(0),
    )


@check(blocking=True)
def forecasts_outside_their_interval(journey_forecasts: ir.Table) -> ir.Table:
    """Return forecasts outside their own interval."""
    churn = journey_forecasts.churn_probability
    is_inside = churn.between(journey_forecasts.churn_probability_low, journey_forecasts.churn_probability_high)
    return journey_forecasts.filter(~is_inside).select("customer_id", "churn_probability", "churn_probability_low")


def _forecasts(model: ir.Table, as_of: ir.DateScalar, policy: Policy) -> ir.Table:
    """Return the forecast of every segment, stage and day, with the observations of the weeks ahead."""
    known = model.mutate(origin=as_of)
    states = lookup(forecasts_by_state(known, policy), churn_deviations(known, policy), PLACE)
    states = states.mutate(deviation=states.deviation.fill_null(0.0)).drop("origin")
    cells = model.select("segment", "journey_stage", "from_week", "until_week", "observed_weeks").distinct()
    days = states.select("segment", "journey_stage", "day").distinct()
    ahead = days.join(cells, ["segment", "journey_stage"])
    week = ahead.day // DAYS_PER_WEEK
    is_over = (ahead.until_week <= week).fill_null(False)
    ahead = ahead.filter(~is_over, ahead.from_week <= week + horizon_weeks(policy))
    evidence = ahead.group_by("segment", "journey_stage", "day").agg(
        observed_weeks=ahead.observed_weeks.sum(), believed_weeks=ahead.count() * policy.journey.forecast.prior_weeks
    )
    evidence = evidence.mutate(
        prior_weight=evidence.believed_weeks / (evidence.observed_weeks + evidence.believed_weeks)
    )
    return states.join(evidence, ["segment", "journey_stage", "day"])
