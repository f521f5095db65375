"""Credit of channels for conversions, by attribution method.

One row per as-of date, campaign, channel and method. Credit is summed within a method and never across methods, and is
compared with the conversions measured for the channel's assets. A method that credits a campaign but not a channel with
measured conversions has a row for that channel, with null credit.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.numbers import CONTRIBUTION_DECIMALS, rounded
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
    return sums.mutate(source=ibis.literal(HINTS))


def _computed(credits_of_touches: ir.Table) -> ir.Table:
    """Sum the credits per campaign and channel, one row per method."""
    sums = credits_of_touches.group_by(PLACE).agg(
        records=credits_of_touches.count(), **{name: credits_of_touches[name].cast(EXACT).sum() for name in METHODS}
    )
    parts = [{"method": ibis.literal(name), "credit": sums[name]} for name in METHODS]
    credited = long_rows(sums, [*PLACE, "records"], parts)
    return credited.select(
        *KEY, "records", "credit", weighted_conversions=ibis.null(EXACT), source=ibis.literal(TOUCHPOINTS)
    )


@check(blocking=True)
def credit_that_is_lost(
    attribution: ir.Table, attribution_hints: ir.Table, touch_credits: ir.Table, as_of: ir.DateScalar, policy: Policy
) -> ir.Table:
    """Return methods whose credit differs from the sum of the hints, or from the number of conversions."""
    end = days_after(as_of, 1)
    reported = _reported(attribution_hints.filter(attribution_hints.timestamp < end), policy)
    known = touch_credits.filter(touch_credits.converted_at < end)
    given = attribution.group_by("method").agg(given=attribution.credited_conversions.sum())
    of_hints = reported.group_by("method").agg(due=reported.credit.sum().cast("float64"))
    conversions = known.agg(due=known.conversion_id.nunique().cast("float64"))
    computed = [conversions.select(method=ibis.literal(name), due="due") for name in METHODS]
    totals = lookup(ibis.union(of_hints, *computed), given, "method")
    difference = (totals.given.fill_null(0.0) - totals.due).abs()
    # Each row was rounded once.
    return totals.filter(difference > SUM_TOLERANCE * ibis.greatest(totals.due, 1.0)).select("method", "given", "due")


@check
def credit_that_disagrees(attribution: ir.Table) -> ir.Table:
    """Return channels whose credit disagrees with the measured conversions, or is missing."""
    disagreeing = attribution.filter(attribution.state.isin([DISAGREES, NOT_CREDITED]))
    return disagreeing.select(*KEY, "credited_conversions", "measured_conversions", "state")
