"""Which channel gets the credit for conversions, method by method, and how far that is from what was measured.

One row per as-of date, campaign, channel and method. Methods answer different questions: each is added up within itself
and held against the conversions that the channel's assets were measured to bring, and no figure here mixes two. A
method that gives credit in a campaign but none to a channel with measured conversions has a row there too: silence is
not 0.
"""

from datetime import date, timedelta

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.numbers import CONTRIBUTION_DECIMALS, rounded
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
        "Credit of the channel [conversions]; null where the method gives it none.", ge=0, nullable=True
    )
    confidence: float = column(
        "Trust of the source in that credit [0-1], each hint by its size; null for touchpoints, which state none.",
        ge=0,
        le=1,
        nullable=True,
    )
    weighted_conversions: float = column(
        "Credit times trust [conversions]: what of it the source would vouch for; null as above.", ge=0, nullable=True
    )
    share_of_method: float = column(
        "Credit over all credit of this method in the campaign [0-1]; null without any.", ge=0, le=1, nullable=True
    )
    measured_conversions: int = column(
        "Conversions of the channel's assets in the campaign [conversions]; null where nothing was measured.",
        ge=0,
        nullable=True,
    )
    disagreement: float = column(
        "Credit minus measured conversions [conversions], up = more credit than was measured; null without both.",
        nullable=True,
    )
    disagreement_share: float = column("disagreement over measured conversions [x]; null without any.", nullable=True)
    state: str = column(
        "agrees or disagrees by the policy's tolerance; not_exclusive: an assist comes beside the credit of others; "
        "not_credited: measured, but the method says nothing; not_measured.",
        isin=STATES,
    )


def attribution(
    attribution_hints: ir.Table,
    touch_credits: ir.Table,
    asset_performance: ir.Table,
    as_of: date,
    policy: Policy,
) -> ir.Table:
    """Add up the credit of each method, and hold it against the measured conversions."""
    end = as_of + timedelta(days=1)
    hinted = _hinted(attribution_hints.filter(attribution_hints.timestamp < end), policy)
    computed = _computed(touch_credits.filter(touch_credits.converted_at < end))
    credited = ibis.union(hinted, computed)
    measured = asset_performance.group_by(PLACE).agg(measured_conversions=asset_performance.conversions.sum())
    # Nobody need assist.
    methods = credited.filter(credited.method != ASSIST).select("campaign_id", "method", "source").distinct()
    expected = methods.join(measured.select(PLACE), "campaign_id").select(*KEY, "source")
    places = ibis.union(credited.select(*KEY, "source"), expected, distinct=True)
    rows = places.left_join(credited.drop("source"), KEY).drop([f"{name}_right" for name in KEY])
    rows = rows.left_join(measured, PLACE).drop([f"{name}_right" for name in PLACE])
    of_method = ibis.window(group_by=["campaign_id", "method"])
    rows = rows.mutate(
        all_credit=rows.credit.sum().over(of_method),
        apart=(rows.credit - rows.measured_conversions.cast(EXACT)).cast("float64"),
    )
    is_close = rounded(rows.apart.abs(), CONTRIBUTION_DECIMALS) <= rounded(
        policy.marketing.attribution.tolerance * rows.measured_conversions, CONTRIBUTION_DECIMALS
    )
    credit = rows.credit.cast("float64")
    return rows.mutate(
        records=rows.records.fill_null(0),
        credited_conversions=rounded(credit),
        confidence=rounded(rows.weighted.cast("float64") / credit.nullif(0.0)),
        weighted_conversions=rounded(rows.weighted),
        share_of_method=rounded(credit / rows.all_credit.cast("float64").nullif(0.0)),
        disagreement=rounded(rows.apart),
        disagreement_share=rounded(rows.apart / rows.measured_conversions.nullif(0)),
        state=ibis.cases(
            (rows.credit.isnull(), NOT_CREDITED),
            (rows.measured_conversions.isnull(), NOT_MEASURED),
            (rows.method == ASSIST, NOT_EXCLUSIVE),
            (is_close, AGREES),
            else_=DISAGREES,
        ),
    )


def _hinted(hints: ir.Table, policy: Policy) -> ir.Table:
    """Add up the hints of each campaign, channel and method, or take the last where each restates the one before."""
    if policy.marketing.attribution.hints_are != INCREMENTS:
        latest_first = ibis.window(group_by=KEY, order_by=[ibis.desc("timestamp"), ibis.desc("hint_id")])
        hints = hints.mutate(place=ibis.row_number().over(latest_first))
        hints = hints.filter(hints.place == 0)
    credit = hints.attributed_conversions.cast(EXACT)
    weighted = (hints.attributed_conversions * hints.confidence).cast(EXACT)
    sums = hints.group_by(KEY).agg(records=hints.count(), credit=credit.sum(), weighted=weighted.sum())
    return sums.select(*KEY, "records", "credit", "weighted", source=ibis.literal(HINTS))


def _computed(credits_of_touches: ir.Table) -> ir.Table:
    """Add up the credits of each campaign and channel, one row per method."""
    sums = credits_of_touches.group_by(PLACE).agg(
        records=credits_of_touches.count(), **{name: credits_of_touches[name].cast(EXACT).sum() for name in METHODS}
    )
    parts = [ibis.struct({"method": ibis.literal(name), "credit": sums[name]}) for name in METHODS]
    rows = sums.select(*PLACE, "records", part=ibis.array(parts).unnest()).unpack("part")
    return rows.select(*KEY, "records", "credit", weighted=ibis.null(EXACT), source=ibis.literal(TOUCHPOINTS))


@check(blocking=True)
def credit_that_is_lost(
    attribution: ir.Table, attribution_hints: ir.Table, touch_credits: ir.Table, as_of: date, policy: Policy
) -> ir.Table:
    """Find methods whose credit is not what the hints say, or what there are conversions."""
    end = as_of + timedelta(days=1)
    hinted = _hinted(attribution_hints.filter(attribution_hints.timestamp < end), policy)
    known = touch_credits.filter(touch_credits.converted_at < end)
    given = attribution.group_by("method").agg(given=attribution.credited_conversions.sum())
    of_hints = hinted.group_by("method").agg(due=hinted.credit.sum().cast("float64"))
    conversions = known.agg(due=known.conversion_id.nunique().cast("float64"))
    computed = [conversions.select(method=ibis.literal(name), due="due") for name in METHODS]
    due = ibis.union(of_hints, *computed)
    rows = due.left_join(given, "method")
    apart = (rows.given.fill_null(0.0) - rows.due).abs()
    # Each row was rounded once.
    return rows.filter(apart > SUM_TOLERANCE * ibis.greatest(rows.due, 1.0)).select("method", "given", "due")


@check
def credit_that_disagrees(attribution: ir.Table) -> ir.Table:
    """Find channels whose credit is not what was measured of them, or which get none."""
    rows = attribution.filter(attribution.state.isin([DISAGREES, NOT_CREDITED]))
    return rows.select(*KEY, "credited_conversions", "measured_conversions", "state")
