"""Funnel steps of each audience segment, over all campaigns.

One row per as-of date, audience segment, path of the policy and step; steps are paired as in `funnel_analysis`. Leaks
are those of campaigns: a segment is reached by campaigns with different funnels.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.intervals import MEASURED
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.families.marketing.analysis._funnel_steps import STATES, stages_of, steps_of
from cjo_assets.families.marketing.analysis.funnel_analysis import known_events
from cjo_assets.families.marketing.measurement._measured_kpis import with_interval
from cjo_assets.policy import Policy

SEGMENT = "segment_id"


class FunnelBySegment(DatedContract):
    """Steps of each audience segment's funnels. One row per as-of date, audience segment, path and step."""

    segment_id: str = key("Audience segment.")
    path: str = key("Path, as the policy's funnel.paths names it.")
    step: int = key("Place of the step on the path, from 1 [steps].", ge=1)
    from_stage: str = column("Stage it leads from: the nearest before it that is counted; the one before if none is.")
    to_stage: str = column("Stage it leads to.", words="funnel_stages")
    campaigns: int = column("Campaigns that counted arrivals [campaigns].", ge=0)
    from_count: int = column("How many left from there [events]; null where that is not counted.", ge=0, nullable=True)
    to_count: int = column("How many arrived [events]; null where that is not counted.", ge=0, nullable=True)
    lost: int = column("Departures without arrival [events], up = worse; null unless measured.", ge=0, nullable=True)
    rate: float = column(
        "Arrivals over departures, up = better; above 1 where more arrived than left; null where it cannot be had.",
        ge=0,
        nullable=True,
        decimals=6,
    )
    rate_low: float = column(
        "Lower end of its interval [0-1]; null unless measured.", ge=0, le=1, nullable=True, decimals=6
    )
    rate_high: float = column(
        "Upper end of its interval [0-1]; null unless measured.", ge=0, le=1, nullable=True, decimals=6
    )
    state: str = column(
        "measured; not_tracked: other stages are counted, not this; no_events: nothing left from there; exceeds.",
        isin=STATES,
    )


def funnel_by_segment(
    audience_segments: ir.Table, funnel_events: ir.Table, as_of: ir.DateScalar, policy: Policy
) -> ir.Table:
    """Compare the counts of consecutive stages along each path."""
    known = known_events(funnel_events, as_of)
    counts = known.group_by(SEGMENT, "stage").agg(count=known["count"].sum(), campaigns=known.campaign_id.nunique())
    stages = audience_segments.select(SEGMENT).cross_join(stages_of(policy))
    steps = steps_of(lookup(stages, counts, [SEGMENT, "stage"]), SEGMENT)
    steps = with_interval(steps, "to_count", "from_count", "rate", policy.marketing.campaigns.interval_level)
    return steps.mutate(
        step=steps.place - 1,
        campaigns=steps.campaigns.fill_null(0),
        lost=(steps.state == MEASURED).ifelse(steps.from_count - steps.to_count, ibis.null("int64")),
    )


@check(blocking=True)
def arrivals_that_miss_events(funnel_by_segment: ir.Table, funnel_events: ir.Table, as_of: ir.DateScalar) -> ir.Table:
    """Return steps whose arrivals differ from the sum of the events of that stage."""
    known = known_events(funnel_events, as_of)
    sums = known.group_by(SEGMENT, "stage").agg(events=known["count"].sum())
    compared = lookup(funnel_by_segment, sums, [SEGMENT, ("to_stage", "stage")])
    rows = compared.filter(~compared.to_count.identical_to(compared.events))
    return rows.select(SEGMENT, "path", "step", "to_stage", "to_count", "events")
