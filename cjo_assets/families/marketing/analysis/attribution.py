"""Credit of channels for conversions, by attribution method.

One row per as-of date, campaign, channel and method. Credit is summed within a method and never across methods, and is
compared with the conversions measured for the channel's assets. A method that credits a campaign but not a channel with
measured conversions has a row for that channel, with null credit. Conversions of touchpoints may carry a value, which
is divided as the conversions are; hints carry none.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.numbers import CONTRIBUTION_DECIMALS, exact_sum, rounded, same_money
from cjo_assets.core.expressions.tables import first_per, long_rows, lookup
from cjo_assets.families.marketing.analysis.touch_credits import METHODS
from cjo_assets.families.marketing.inputs.attribution_hints import ASSIST, FIRST_TOUCH, LAST_TOUCH
from cjo_assets.policy import Policy

HINTS, TOUCHPOINTS = "hints", "touchpoints"
AGREES, DISAGREES, NOT_EXCLUSIVE = "agrees", "disagrees", "not_exclusive"
NOT_CREDITED, NOT_MEASURED = "not_credited", "not_measured"
STATES = [AGREES, DISAGREES, NOT_EXCLUSIVE, NOT_CREDITED, NOT_MEASURED]
INCREMENTS = "increments"
EXACT = "decimal(38, 12)"
PLACE, KEY = ("campaign_id", "channel_id"), ("campaign_id", "channel_id", "method")
SUM_TOLERANCE = 1e-6


class Attribution(DatedContract):
    """Credit for conversions. One row per as-of date, campaign, channel and method."""

    campaign_id: str = key("Campaign.")
    channel_id: str = key("Channel.")
    method: str = key("How credit is given.", isin=[FIRST_TOUCH, ASSIST, LAST_TOUCH, *METHODS])
    source: str = column("Whether sources hint at it or we compute it from touchpoints.", isin=[HINTS, TOUCHPOINTS])
    records: int = column("Hints or touches it rests on [records].", ge=0)
    credited_conversions: float = column(
        "Credit of the channel [conversions]; null where the method gives it none.", ge=0, nullable=True, decimals=6
    )
    credited_value: float = column(
        "Credited part of the value of conversions [currency], of those alone that carry a value "
        "(valued_conversions); null where none of the row does.",
        ge=0,
        nullable=True,
        decimals=9,
    )
    valued_conversions: float = column(
        "Part of credited_conversions that credited_value covers [conversions]; null for hints and without credit.",
        ge=0,
        nullable=True,
        decimals=6,
    )
    confidence: float = column(
        "Trust of the source in that credit [0-1], each hint by its size; null for touchpoints, which state none.",
        ge=0,
        le=1,
        nullable=True,
        decimals=6,
    )
    weighted_conversions: float = column(
        "Credit times trust [conversions]: what of it the source would vouch for; null as above.",
        ge=0,
        nullable=True,
        decimals=6,
    )
    share_of_method: float = column(
        "Credit over all credit of this method in the campaign [0-1]; null without any.",
        ge=0,
        le=1,
        nullable=True,
        decimals=6,
    )
    measured_conversions: int = column(
        "Conversions of the channel's assets in the campaign [conversions]; null where nothing was measured.",
        ge=0,
        nullable=True,
    )
    disagreement: float = column(
        "Credit minus measured conversions [conversions], up = more credit than was measured; null without both.",
        nullable=True,
        decimals=6,
    )
    disagreement_share: float = column(
        "disagreement over measured conversions [x]; null without any.", nullable=True, decimals=6
    )
    state: str = column(
        "agrees or disagrees by the policy's tolerance; not_exclusive: an assist comes beside the credit of others; "
        "not_credited: measured, but without credit by the method; not_measured.",
        isin=STATES,
    )


def attribution(
    attribution_hints: ir.Table,
    touch_credits: ir.Table,
    asset_performance: ir.Table,
    as_of: ir.DateScalar,
    policy: Policy,
) -> ir.Table:
    """Sum the credit of each method and compare it with the measured conversions."""
    end = days_after(as_of, 1)
    reported = _reported(attribution_hints.filter(attribution_hints.timestamp < end), policy)
    computed = _computed(touch_credits.filter(touch_credits.converted_at < end))
    credited = ibis.union(reported, computed)
    measured = asset_performance.group_by(PLACE).agg(measured_conversions=asset_performance.conversions.sum())
    # Assists are optional, so a missing one is not an error.
    methods = credited.filter(credited.method != ASSIST).select("campaign_id", "method", "source").distinct()
    expected = methods.join(measured.select(PLACE), "campaign_id").select(*KEY, "source")
    channels = ibis.union(credited.select(*KEY, "source"), expected, distinct=True)
    compared = lookup(lookup(channels, credited.drop("source"), KEY), measured, PLACE)
    compared = compared.mutate(
        method_credit=compared.credit.sum().over(ibis.window(group_by=["campaign_id", "method"])),
        disagreement=(compared.credit - compared.measured_conversions.cast(EXACT)).cast("float64"),
    )
    allowed = policy.marketing.attribution.tolerance * compared.measured_conversions
    is_close = rounded(compared.disagreement.abs(), CONTRIBUTION_DECIMALS) <= rounded(allowed, CONTRIBUTION_DECIMALS)
    credit = compared.credit.cast("float64")
    return compared.mutate(
        records=compared.records.fill_null(0),
        credited_conversions=credit,
        credited_value=compared.credited_value.cast("float64"),
        valued_conversions=compared.valued_conversions.cast("float64"),
        confidence=compared.weighted_conversions.cast("float64") / credit.nullif(0.0),
        share_of_method=credit / compared.method_credit.cast("float64").nullif(0.0),
        disagreement_share=compared.disagreement / compared.measured_conversions.nullif(0),
        state=ibis.cases(
            (compared.credit.isnull(), NOT_CREDITED),
            (compared.measured_conversions.isnull(), NOT_MEASURED),
            (compared.method == ASSIST, NOT_EXCLUSIVE),
            (is_close, AGREES),
            else_=DISAGREES,
        ),
    )


def _reported(hints: ir.Table, policy: Policy) -> ir.Table:
    """Sum the hints per campaign, channel and method; of cumulative hints the last one counts."""
    if policy.marketing.attribution.hints_are != INCREMENTS:
        hints = first_per(hints, KEY, [ibis.desc("timestamp"), ibis.desc("hint_id")])
    confidence_weight = (hints.attributed_conversions * hints.confidence).cast(EXACT)
    sums = hints.group_by(KEY).agg(
        records=hints.count(),
        credit=hints.attributed_conversions.cast(EXACT).sum(),
        weighted_conversions=confidence_weight.sum(),
    )
    return sums.select(
        *KEY,
        "records",
        "credit",
        "weighted_conversions",
        credited_value=ibis.null(EXACT),
        valued_conversions=ibis.null(EXACT),
        source=ibis.literal(HINTS),
    )


def _computed(credits_of_touches: ir.Table) -> ir.Table:
    """Sum the credits and their values per campaign and channel, one row per method."""
    sums = credits_of_touches.group_by(PLACE).agg(
        records=credits_of_touches.count(), **{name: credits_of_touches[name].cast(EXACT).sum() for name in METHODS}
    )
    compared = lookup(sums, _valued(credits_of_touches), PLACE)
    parts = [
        {
            "method": ibis.literal(name),
            "credit": compared[name],
            "credited_value": compared[f"{name}_value"],
            "valued_conversions": compared[f"{name}_valued"].fill_null(ibis.literal(0, EXACT)),
        }
        for name in METHODS
    ]
    credited = long_rows(compared, [*PLACE, "records"], parts)
    return credited.select(
        *KEY,
        "records",
        "credit",
        weighted_conversions=ibis.null(EXACT),
        credited_value="credited_value",
        valued_conversions="valued_conversions",
        source=ibis.literal(TOUCHPOINTS),
    )


def _valued(credits_of_touches: ir.Table) -> ir.Table:
    """Sum value and credit of the conversions that carry a value, per campaign and channel, by method."""
    touches = credits_of_touches.filter(credits_of_touches.conversion_value.notnull())
    of_conversion = ibis.window(group_by="conversion_id")
    # Credits are stored to twelve decimals: their own sum, not 1, divides a large value without a rest.
    touches = touches.mutate(
        **{
            f"{name}_share": touches[name] / touches[name].cast(EXACT).sum().over(of_conversion).cast("float64")
            for name in METHODS
        }
    )
    values = {
        f"{name}_value": (touches.conversion_value * touches[f"{name}_share"]).cast(EXACT).sum() for name in METHODS
    }
    return touches.group_by(PLACE).agg(
        **values, **{f"{name}_valued": touches[name].cast(EXACT).sum() for name in METHODS}
    )


@check(blocking=True)
def credit_that_is_lost(
    attribution: ir.Table, attribution_hints: ir.Table, touch_credits: ir.Table, as_of: ir.DateScalar, policy: Policy
) -> ir.Table:
    """Return methods whose credit differs from the hints or the number of conversions, or in value from theirs."""
    end = days_after(as_of, 1)
    reported = _reported(attribution_hints.filter(attribution_hints.timestamp < end), policy)
    known = touch_credits.filter(touch_credits.converted_at < end)
    given = attribution.group_by("method").agg(
        given=attribution.credited_conversions.sum(), given_value=exact_sum(attribution.credited_value)
    )
    of_hints = reported.group_by("method").agg(
        due=reported.credit.sum().cast("float64"), due_value=ibis.null("float64")
    )
    values = known.group_by("conversion_id").agg(conversion_value=known.conversion_value.max())
    conversions = values.agg(due=values.count().cast("float64"), due_value=exact_sum(values.conversion_value))
    computed = [conversions.select(method=ibis.literal(name), due="due", due_value="due_value") for name in METHODS]
    totals = lookup(ibis.union(of_hints, *computed), given, "method")
    difference = (totals.given.fill_null(0.0) - totals.due).abs()
    # Each row was rounded once.
    is_lost = difference > SUM_TOLERANCE * ibis.greatest(totals.due, 1.0)
    is_value_lost = ~same_money(totals.given_value.fill_null(0.0), totals.due_value.fill_null(0.0))
    return totals.filter(is_lost | is_value_lost).select("method", "given", "due", "given_value", "due_value")


@check
def credit_that_disagrees(attribution: ir.Table) -> ir.Table:
    """Return channels whose credit disagrees with the measured conversions, or is missing."""
    disagreeing = attribution.filter(attribution.state.isin([DISAGREES, NOT_CREDITED]))
    return disagreeing.select(*KEY, "credited_conversions", "measured_conversions", "state")
