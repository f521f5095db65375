"""How much of a conversion each touch before it gets, by five methods.

One row per touch of a conversion within the policy's window. A conversion is one, whatever the method: the credits of
its touches add up to 1. Credits do not change with the day, so the table has no date of its own. Without the optional
touchpoints it is empty.
"""

from datetime import timedelta

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import Contract, Instant, any_of, column, key
from cjo_assets.core.expressions.numbers import CONTRIBUTION_DECIMALS, rounded
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
    campaign_id: str = column("Campaign that was seen.")
    channel_id: str = column("Channel it was seen on.")
    place: int = column("Place of the touch among those of the conversion, from 1 [touches].", ge=1)
    touches: int = column("Touches of the conversion within the window [touches].", ge=1)
    first: float = column("Credit where the first touch gets all [conversions].", ge=0, le=1)
    last: float = column("Credit where the last touch gets all [conversions].", ge=0, le=1)
    linear: float = column("Credit where all touches get the same [conversions].", ge=0, le=1)
    position_based: float = column("Credit by the policy's position_weights [conversions].", ge=0, le=1)
    time_decay: float = column("Credit that halves by each half-life before the last touch [conversions].", ge=0, le=1)


def touch_credits(touchpoints: ir.Table, policy: Policy) -> ir.Table:
    """Divide each conversion among its touches."""
    rules = policy.marketing.attribution
    of_conversion = ibis.window(group_by="conversion_id")
    rows = touchpoints.mutate(converted_at=touchpoints.converted_at.max().over(of_conversion))
    rows = rows.filter(rows.touched_at >= rows.converted_at - ibis.interval(seconds=_seconds(rules.window_days)))
    in_order = ibis.window(group_by="conversion_id", order_by=["touched_at", "touchpoint_id"])
    rows = rows.mutate(
        place=ibis.row_number().over(in_order) + 1,
        touches=rows.count().over(of_conversion),
        age=rows.touched_at.max().over(of_conversion).epoch_seconds() - rows.touched_at.epoch_seconds(),
    )
    weights = rules.position_weights
    is_first, is_last = rows.place == 1, rows.place == rows.touches
    between = weights.relative("middle") / (rows.touches - 2).nullif(0)
    rows = rows.mutate(
        first=is_first.cast("float64"),
        last=is_last.cast("float64"),
        linear=1 / rows.touches,
        by_position=ibis.cases(
            (is_first & is_last, 1.0),
            (is_first, weights.relative("first")),
            (is_last, weights.relative("last")),
            else_=between,
        ),
        by_age=ibis.literal(0.5) ** (rows.age / (rules.half_life_days * SECONDS_PER_DAY)),
    )
    # Two touches have no middle, and a policy may give all to it.
    position = rows.by_position / rows.by_position.sum().over(of_conversion).nullif(0.0)
    return rows.mutate(
        linear=rounded(rows.linear, CONTRIBUTION_DECIMALS),
        position_based=rounded(ibis.coalesce(position, rows.linear), CONTRIBUTION_DECIMALS),
        time_decay=rounded(rows.by_age / rows.by_age.sum().over(of_conversion), CONTRIBUTION_DECIMALS),
    )


def _seconds(days: float) -> int:
    return round(timedelta(days=days).total_seconds())


@check(blocking=True)
def credits_that_do_not_sum(touch_credits: ir.Table) -> ir.Table:
    """Find conversions whose credits, by some method, are not one conversion."""
    sums = touch_credits.group_by("conversion_id").agg(**{name: touch_credits[name].sum() for name in METHODS})
    return sums.filter(any_of(~(sums[name] - 1).abs().between(0, SUM_TOLERANCE) for name in METHODS))


@check
def conversions_without_credit(touchpoints: ir.Table, touch_credits: ir.Table) -> ir.Table:
    """Find conversions that no touch within the window came before: nobody gets credit for them."""
    found = touchpoints.anti_join(touch_credits, "conversion_id")
    return found.group_by("conversion_id").agg(touches=found.count(), last_touched_at=found.touched_at.max())


@check
def conversions_at_several_instants(touchpoints: ir.Table) -> ir.Table:
    """Find conversions that happened at several instants, as their touches say."""
    found = touchpoints.group_by("conversion_id").agg(
        first_at=touchpoints.converted_at.min(), last_at=touchpoints.converted_at.max()
    )
    return found.filter(found.first_at < found.last_at)
