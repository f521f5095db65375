"""Funnel steps of each campaign, from impression to purchase, with losses and leaks.

One row per as-of date, campaign, path of the policy and step. A step leads from the nearest preceding stage that the
campaign counts; stages without counts are listed in `passed_over`, since missing events are no evidence about people.
The counts of a stage are summed over days, places and sources. More arrivals than departures are no rate: the two
systems count differently, or people enter from elsewhere.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, TextList, column, key
from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.intervals import MEASURED
from cjo_assets.core.expressions.numbers import rounded
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.families.marketing.analysis._funnel_leaks import BENCHMARKS, recent_and_earlier, with_leaks
from cjo_assets.families.marketing.analysis._funnel_steps import EXCEEDS, STATES, stages_of, steps_of
from cjo_assets.families.marketing.measurement._measured_kpis import with_interval
from cjo_assets.policy import Policy

PLACE = ("date", "campaign_id", "segment_id", "channel_id", "stage")


class FunnelAnalysis(DatedContract):
    """Steps of each campaign's funnels. One row per as-of date, campaign, path and step."""

    campaign_id: str = key("Campaign.")
    path: str = key("Path, as the policy's funnel.paths names it.")
    step: int = key("Place of the step on the path, from 1 [steps].", ge=1)
    from_stage: str = column("Stage it leads from: the nearest before it that is counted; the one before if none is.")
    to_stage: str = column("Stage it leads to.", words="funnel_stages")
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
    confidence: float = column(
        "Trust of the sources in the weaker of the two counts [0-1], by its events; null where nothing was counted.",
        ge=0,
        le=1,
        nullable=True,
    )
    state: str = column(
        "measured; not_tracked: other stages are counted, not this; no_events: nothing left from there; exceeds.",
        isin=STATES,
    )
    passed_over: TextList = column("Stages between the two that the campaign does not count.")
    benchmark_source: str = column(
        "What the step is compared with: earlier_days of the campaign, or all other_campaigns with this step; null "
        "where there is neither, or the step cannot be a leak.",
        isin=BENCHMARKS,
        nullable=True,
    )
    compared_from: int = column(
        "Departures that are compared [events]: of the policy's recent_days, or of all days with other campaigns.",
        ge=0,
        nullable=True,
    )
    compared_to: int = column("Arrivals that are compared [events].", ge=0, nullable=True)
    compared_rate: float = column("Their rate, up = better.", ge=0, le=1, nullable=True, decimals=6)
    benchmark_rate: float = column(
        "Rate of the earlier days, or of the other campaigns.", ge=0, le=1, nullable=True, decimals=6
    )
    benchmark_low: float = column("Lower end of its interval [0-1].", ge=0, le=1, nullable=True, decimals=6)
    missing: int = column(
        "Arrivals that the benchmark's rate would have added [events], up = worse; 0 where the step is not below it.",
        ge=0,
        nullable=True,
    )
    is_leak: bool = column(
        "Whether the interval of the compared rate is below the benchmark's, less the policy's leak_margin."
    )
    is_biggest_leak: bool = column("Whether it is the leak of the path with the most missing arrivals.")


def funnel_analysis(campaigns: ir.Table, funnel_events: ir.Table, as_of: ir.DateScalar, policy: Policy) -> ir.Table:
    """Compare the counts of consecutive stages along each path."""
    by_days = recent_and_earlier(known_events(funnel_events, as_of), as_of, policy)
    counts = lookup(stage_counts(funnel_events, as_of), by_days, ["campaign_id", "stage"])
    is_known = (campaigns.created_at < days_after(as_of, 1)) | campaigns.campaign_id.isin(counts.campaign_id)
    stages = campaigns.filter(is_known).select("campaign_id").cross_join(stages_of(policy))
    steps = steps_of(lookup(stages, counts, ["campaign_id", "stage"]), "campaign_id", "trust", "recent", "earlier")
    steps = steps.rename(
        recent_to="recent", earlier_to="earlier", recent_from="from_recent", earlier_from="from_earlier"
    )
    steps = with_interval(steps, "to_count", "from_count", "rate", policy.marketing.campaigns.interval_level)
    is_measured = steps.state == MEASURED
    may_leak = is_measured & (steps.from_place >= steps.leak_place)
    steps = with_leaks(steps.mutate(is_measured=is_measured, may_leak=may_leak), policy)
    return steps.mutate(
        step=steps.place - 1,
        lost=steps.is_measured.ifelse(steps.from_count - steps.to_count, ibis.null("int64")),
        confidence=(steps.from_trust <= steps.trust).ifelse(steps.from_trust, steps.trust),
        passed_over=steps.stages[steps.from_place : steps.place - 1],
    )


def stage_counts(funnel_events: ir.Table, as_of: ir.DateScalar) -> ir.Table:
    """Sum the events of each stage of a campaign, with the confidence of their sources weighted by events."""
    known = known_events(funnel_events, as_of)
    weighted = (known["count"] * known.confidence).cast("decimal(38, 6)")
    sums = known.group_by("campaign_id", "stage").agg(count=known["count"].sum(), weighted=weighted.sum())
    return sums.select("campaign_id", "stage", "count", trust=rounded(sums.weighted / sums["count"].nullif(0)))


def known_events(funnel_events: ir.Table, as_of: ir.DateScalar) -> ir.Table:
    """Return events of days up to the as-of date that were reported by the end of that date."""
    return funnel_events.filter(funnel_events.timestamp < days_after(as_of, 1), funnel_events["date"] <= as_of)


@check(blocking=True)
def stages_that_miss_events(funnel_analysis: ir.Table, funnel_events: ir.Table, as_of: ir.DateScalar) -> ir.Table:
    """Return steps whose departures or arrivals differ from the sum of the events of that stage."""
    known = known_events(funnel_events, as_of)
    sums = known.group_by("campaign_id", "stage").agg(events=known["count"].sum())
    ends = [
        funnel_analysis.select("campaign_id", "path", "step", stage=f"{end}_stage", counted=f"{end}_count")
        for end in ("from", "to")
    ]
    compared = lookup(ibis.union(*ends), sums, ["campaign_id", "stage"])
    return compared.filter(~compared.counted.identical_to(compared.events))


@check
def stages_counted_twice(funnel_events: ir.Table, as_of: ir.DateScalar) -> ir.Table:
    """Return places and days with counts of a stage by several systems: the sum may count people twice."""
    known = known_events(funnel_events, as_of)
    sources = known.group_by(PLACE).agg(
        one_source=known.source.min(), other_source=known.source.max(), counted=known["count"].sum()
    )
    return sources.filter(sources.one_source != sources.other_source)


@check
def stages_that_exceed(funnel_analysis: ir.Table) -> ir.Table:
    """Return steps with more arrivals than departures, whose counts are not comparable."""
    exceeding = funnel_analysis.filter(funnel_analysis.state == EXCEEDS)
    return exceeding.select("campaign_id", "path", "step", "from_stage", "to_stage", "from_count", "to_count")
