"""What is likely to become of every customer within the horizon.

One row per customer and as-of date, for customers who have not left. The transition model is followed week by week
over all ways through the stages, starting from the customer's stage and the time already spent in it. Churn,
recovery, escalation and stagnation are events of one future and do not exclude each other: a customer may recover and
churn later.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, TextList, column, key
from cjo_assets.core.expressions.numbers import MONEY_DECIMALS, rounded
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
        "Chance of entering a terminal stage [0-1, up = worse].", ge=0, le=1, nullable=True
    )
    churn_probability_low: float = column("Lower end of its interval [0-1].", ge=0, le=1, nullable=True)
    churn_probability_high: float = column("Upper end of its interval [0-1].", ge=0, le=1, nullable=True)
    recovery_probability: float = column(
        "Chance of entering one of the policy's recovery stages [0-1, up = better].", ge=0, le=1, nullable=True
    )
    stagnation_probability: float = column(
        "Chance of not leaving the current stage for another [0-1].", ge=0, le=1, nullable=True
    )
    escalation_probability: float = column(
        "Chance of entering one of the policy's escalation stages [0-1, up = worse].", ge=0, le=1, nullable=True
    )
    predicted_path: TextList = column("Current stage and the likeliest next ones in order; empty without a stage.")
    revenue_at_risk: float = column("Churn probability x account value [currency, up = worse].", ge=0, nullable=True)
    model_type: str = column(
        "no_stage; prior_only: nothing observed there; churn_from_prior: nobody has left yet; smoothed.",
        isin=MODEL_TYPES,
    )
    n_observations: int = column("Observed weeks in the bins of the stage that lie ahead [customer-weeks].", ge=0)
    prior_weight: float = column(
        "Share of the policy's belief in these bins [0-1]; null without a stage.",
        ge=0,
        le=1,
        nullable=True,
    )


def journey_forecasts(
    customers: ir.Table,
    journey_states: ir.Table,
    state_entries: ir.Table,
    transition_model: ir.Table,
    as_of: date,
    policy: Policy,
) -> ir.Table:
    """Look up what the model says of each customer's segment, stage and day in it."""
    rules, terminal = policy.journey.forecast, policy.vocabulary.terminal_stages
    today = ibis.literal(as_of, "date")
    rows = customers.select("customer_id", "segment", "account_value")
    rows = rows.join(journey_states.select("customer_id", "journey_stage", "state_entered_at"), "customer_id")
    rows = rows.filter(rows.journey_stage.isnull() | rows.journey_stage.notin(terminal))
    rows = rows.mutate(day=day_in_stage(today, rows.state_entered_at, policy))
    rows = rows.left_join(_forecasts(transition_model, today, policy), ["segment", "journey_stage", "day"])
    known = state_entries.filter(state_entries.state_entered_at <= as_of)
    rows = rows.cross_join(known.agg(departures=known.journey_stage.isin(terminal).cast("int64").sum().fill_null(0)))
    low, high = interval(rows.churn, rows.deviation, rules.interval_level)
    churn = rounded(rows.churn)
    return rows.select(
        "customer_id",
        churn_probability=churn,
        churn_probability_low=rounded(low),
        churn_probability_high=rounded(high),
        recovery_probability=rounded(rows.recovery),
        stagnation_probability=rounded(rows.stagnation),
        escalation_probability=rounded(rows.escalation),
        predicted_path=rows.predicted_path.fill_null(ibis.literal([], "array<string>")),
        revenue_at_risk=rounded(churn * rows.account_value, MONEY_DECIMALS),
        model_type=ibis.cases(
            (rows.journey_stage.isnull(), NO_STAGE_KNOWN),
            (rows.observed_weeks == 0, PRIOR_ONLY),
            (rows.departures == 0, CHURN_FROM_PRIOR),
            else_=SMOOTHED,
        ),
        n_observations=rows.observed_weeks.fill_null(0),
        prior_weight=rounded(rows.prior_weight),
    )


@check(blocking=True)
def forecasts_outside_their_interval(journey_forecasts: ir.Table) -> ir.Table:
    """Find forecasts that their own interval does not hold."""
    rows = journey_forecasts
    outside = ~rows.churn_probability.between(rows.churn_probability_low, rows.churn_probability_high)
    return rows.filter(outside).select("customer_id", "churn_probability", "churn_probability_low")


def _forecasts(model: ir.Table, today: ir.DateScalar, policy: Policy) -> ir.Table:
    """Return the forecast of every segment, stage and day, and how much was seen of the weeks in the stage ahead."""
    known = model.mutate(origin=today)
    states = forecasts_by_state(known, policy).left_join(churn_deviations(known, policy), PLACE)
    states = states.mutate(deviation=states.deviation.fill_null(0.0)).drop(
        "origin", *(f"{name}_right" for name in PLACE)
    )
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
