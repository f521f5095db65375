"""Credit of each touch for the conversion it preceded, by five methods, and the value of that conversion.

One row per touch of a conversion within the policy's window. The credits of a conversion's touches sum to 1 for every
method. Credits do not depend on the as-of date, so the table is undated. It is empty without the optional touchpoints.
"""

from datetime import timedelta

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import LARGEST_AMOUNT, Contract, Instant, any_of, column, key
from cjo_assets.policy import Policy

FIRST, LAST, LINEAR, POSITION_BASED, TIME_DECAY = "first", "last", "linear", "position_based", "time_decay"
METHODS = (FIRST, LAST, LINEAR, POSITION_BASED, TIME_DECAY)
SECONDS_PER_DAY = 86_400
SUM_TOLERANCE = 1e-6


class TouchCredits(Contract):
    """Credit of each touch for its conversion. One row per touch within the window."""

    touchpoint_id: str = key("Touch.")
    conversion_id: str = column("Conversion it came before.")
    converted_at: Instant = column("Instant of the conversion [UTC]; the last one where rows disagree.")
    touched_at: Instant = column("Instant of the touch [UTC].")
    campaign_id: str = column("Campaign of the touch.")
    channel_id: str = column("Channel of the touch.")
    conversion_value: float = column(
        "Value of the conversion [currency]; the largest where rows disagree, null where none states it.",
        ge=0,
        le=LARGEST_AMOUNT,
        nullable=True,
    )
    place: int = column("Place of the touch among those of the conversion, from 1 [touches].", ge=1)
    touches: int = column("Touches of the conversion within the window [touches].", ge=1)
    first: float = column("Credit where the first touch gets all [conversions].", ge=0, le=1)
    last: float = column("Credit where the last touch gets all [conversions].", ge=0, le=1)
    linear: float = column("Credit where all touches get the same [conversions].", ge=0, le=1, decimals=12)
    position_based: float = column("Credit by the policy's position_weights [conversions].", ge=0, le=1, decimals=12)
    time_decay: float = column(
        "Credit that halves by each half-life before the last touch [conversions].", ge=0, le=1, decimals=12
    )


def touch_credits(touchpoints: ir.Table, policy: Policy) -> ir.Table:
    """Divide each conversion among its touches."""
    rules = policy.marketing.attribution
    of_conversion = ibis.window(group_by="conversion_id")
    touches = touchpoints.mutate(
        converted_at=touchpoints.converted_at.max().over(of_conversion),
        conversion_value=touchpoints.conversion_value.max().over(of_conversion),
    )
    window_start = touches.converted_at - ibis.interval(seconds=_seconds(rules.window_days))
    touches = touches.filter(touches.touched_at >= window_start)
    in_order = ibis.window(group_by="conversion_id", order_by=["touched_at", "touchpoint_id"])
    touches = touches.mutate(
        place=ibis.row_number().over(in_order) + 1,
        touches=touches.count().over(of_conversion),
        age=touches.touched_at.max().over(of_conversion).epoch_seconds() - touches.touched_at.epoch_seconds(),
    )
    weights = rules.position_weights
    is_first, is_last = touches.place == 1, touches.place == touches.touches
    weighted = touches.mutate(
        first=is_first.cast("float64"),
        last=is_last.cast("float64"),
        linear=1 / touches.touches,
        position_weight=ibis.cases(
            (is_first & is_last, 1.0),
            (is_first, weights.relative("first")),
            (is_last, weights.relative("last")),
            else_=weights.relative("middle") / (touches.touches - 2).nullif(0),
        ),
        age_weight=ibis.literal(0.5) ** (touches.age / (rules.half_life_days * SECONDS_PER_DAY)),
    )
    by_position = weighted.position_weight / weighted.position_weight.sum().over(of_conversion).nullif(0.0)
    return weighted.mutate(
        # Two touches have no middle, and a policy may give the middle all the weight.
        position_based=ibis.coalesce(by_position, weighted.linear),
        time_decay=weighted.age_weight / weighted.age_weight.sum().over(of_conversion),
    )


def _seconds(days: float) -> int:
    return round(timedelta(days=days).total_seconds())


@check(blocking=True)
def credits_that_do_not_sum(touch_credits: ir.Table) -> ir.Table:
    """Return conversions whose credits do not sum to 1 for some method."""
    sums = touch_credits.group_by("conversion_id").agg(**{name: touch_credits[name].sum() for name in METHODS})
    return sums.filter(any_of(~(sums[name] - 1).abs().between(0, SUM_TOLERANCE) for name in METHODS))


@check
def conversions_without_credit(touchpoints: ir.Table, touch_credits: ir.Table) -> ir.Table:
    """Return conversions without a touch within the window, for which no channel gets credit."""
    uncredited = touchpoints.anti_join(touch_credits, "conversion_id")
    return uncredited.group_by("conversion_id").agg(
        touches=uncredited.count(), last_touched_at=uncredited.touched_at.max()
    )


@check
def conversions_at_several_instants(touchpoints: ir.Table) -> ir.Table:
    """Return conversions whose touches state different instants of conversion."""
    instants = touchpoints.group_by("conversion_id").agg(
        first_at=touchpoints.converted_at.min(), last_at=touchpoints.converted_at.max()
    )
    return instants.filter(instants.first_at < instants.last_at)


@check
def conversions_of_several_values(touchpoints: ir.Table) -> ir.Table:
    """Return conversions whose touches state different values of the conversion."""
    values = touchpoints.group_by("conversion_id").agg(
        lowest_value=touchpoints.conversion_value.min(), highest_value=touchpoints.conversion_value.max()
    )
    return values.filter(values.lowest_value < values.highest_value)
