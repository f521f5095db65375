"""Where people are lost on the way from an impression to a purchase, campaign by campaign.

One row per as-of date, campaign, path of the policy and step. A step leads from the nearest stage before it that the
campaign counts to its own stage: a stage that nobody counts is passed over and named, since its absence says nothing
about people. Counts of all days, places and sources of a stage add up, and `funnel_leaks.py` says where a step lets
fewer people through than before or elsewhere. More arrivals than departures are no rate: two
systems count differently, or people come in from elsewhere.
"""

from datetime import date, timedelta

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, TextList, column, key
from cjo_assets.core.expressions.intervals import MEASURED
from cjo_assets.core.expressions.numbers import rounded
from cjo_assets.core.expressions.rows import literal_rows
from cjo_assets.families.marketing.analysis._funnel_leaks import BENCHMARKS, recent_and_earlier, with_leaks
from cjo_assets.families.marketing.measurement._measured_kpis import with_interval
from cjo_assets.policy import Policy

NOT_TRACKED, NO_EVENTS, EXCEEDS = "not_tracked", "no_events", "exceeds"
STATES = [MEASURED, NOT_TRACKED, NO_EVENTS, EXCEEDS]
RATES = ("rate", "rate_low", "rate_high", "compared_rate", "benchmark_rate", "benchmark_low")
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
    )
    rate_low: float = column("Lower end of its interval [0-1]; null unless measured.", ge=0, le=1, nullable=True)
    rate_high: float = column("Upper end of its interval [0-1]; null unless measured.", ge=0, le=1, nullable=True)
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
    compared_rate: float = column("Their rate, up = better.", ge=0, le=1, nullable=True)
    benchmark_rate: float = column("Rate of the earlier days, or of the other campaigns.", ge=0, le=1, nullable=True)
    benchmark_low: float = column("Lower end of its interval [0-1].", ge=0, le=1, nullable=True)
    missing: int = column(
        "Arrivals that the benchmark's rate would have added [events], up = worse; 0 where the step is not below it.",
        ge=0,
        nullable=True,
    )
    is_leak: bool = column(
        "Whether the interval of the compared rate lies below the benchmark's, less the policy's leak_margin."
    )
    is_biggest_leak: bool = column("Whether it is the leak of the path with the most missing arrivals.")


def funnel_analysis(campaigns: ir.Table, funnel_events: ir.Table, as_of: date, policy: Policy) -> ir.Table:
    """Set the counts of each campaign's stages side by side along the paths."""
    counts = stage_counts(funnel_events, as_of)
    by_days = recent_and_earlier(known_events(funnel_events, as_of), as_of, policy)
    counts = counts.left_join(by_days, ["campaign_id", "stage"]).drop("campaign_id_right", "stage_right")
    known = campaigns.filter(
        (campaigns.created_at < as_of + timedelta(days=1)) | campaigns.campaign_id.isin(counts.campaign_id)
    ).select("campaign_id")
    rows = known.cross_join(_stages(policy)).left_join(counts, ["campaign_id", "stage"]).drop("campaign_id_right")
    before = ibis.window(group_by=["campaign_id", "path"], order_by="place", preceding=(None, 1), following=None)
    is_counted = rows["count"].notnull()
    rows = rows.mutate(
        from_place=is_counted.ifelse(rows.place, ibis.null("int64")).max().over(before),
        counts_any=is_counted.any().over(ibis.window(group_by="campaign_id")),
    )
    start = rows.select(
        "campaign_id",
        "path",
        from_place="place",
        from_stage="stage",
        from_count="count",
        from_trust="trust",
        recent_from="recent",
        earlier_from="earlier",
    ).view()
    rows = rows.filter(rows.place > 1).drop("stage_right")
    rows = rows.mutate(from_place=ibis.coalesce(rows.from_place, rows.place - 1))
    rows = rows.join(start, ["campaign_id", "path", "from_place"])
    state = ibis.cases(
        (~rows.counts_any, NO_EVENTS),
        (rows.from_count.isnull() | rows["count"].isnull(), NOT_TRACKED),
        (rows["count"] > rows.from_count, EXCEEDS),
        (rows.from_count == 0, NO_EVENTS),
        else_=MEASURED,
    )
    rows = rows.rename(to_stage="stage", to_count="count", recent_to="recent", earlier_to="earlier")
    rows = rows.mutate(state=state, rate=rows.to_count / rows.from_count.nullif(0))
    rows = with_interval(rows, "to_count", "from_count", "rate", policy.marketing.campaigns.interval_level)
    is_measured = rows.state == MEASURED
    rows = rows.mutate(is_measured=is_measured, may_leak=is_measured & (rows.from_place >= rows.leak_place))
    rows = with_leaks(rows, policy)
    return rows.mutate(
        step=rows.place - 1,
        lost=rows.is_measured.ifelse(rows.from_count - rows.to_count, ibis.null("int64")),
        confidence=(rows.from_trust <= rows.trust).ifelse(rows.from_trust, rows.trust),
        passed_over=rows.stages[rows.from_place : rows.place - 1],
        **{name: rounded(rows[name]) for name in RATES},
    )


def stage_counts(funnel_events: ir.Table, as_of: date) -> ir.Table:
    """Add up what was counted of each campaign's stages by the day, and how far it is to be trusted."""
    known = known_events(funnel_events, as_of)
    weighed = (known["count"] * known.confidence).cast("decimal(38, 6)")
    sums = known.group_by("campaign_id", "stage").agg(count=known["count"].sum(), weighed=weighed.sum())
    return sums.select("campaign_id", "stage", "count", trust=rounded(sums.weighed / sums["count"].nullif(0)))


def known_events(funnel_events: ir.Table, as_of: date) -> ir.Table:
    """Return the events of days up to the as-of date that were reported by its end."""
    return funnel_events.filter(
        funnel_events.timestamp < as_of + timedelta(days=1), funnel_events["date"] <= ibis.literal(as_of, "date")
    )


def _stages(policy: Policy) -> ir.Table:
    """Return the stages of each path with their places from 1, and the place from which on a loss is a leak."""
    rules = policy.marketing.funnel
    rows = [
        {
            "path": path,
            "place": place,
            "stage": stage,
            "stages": list(stages),
            "leak_place": stages.index(rules.leaks_from) + 1 if rules.leaks_from in stages else 1,
        }
        for path, stages in rules.paths.items()
        for place, stage in enumerate(stages, start=1)
    ]
    types = {"path": "string", "place": "int64", "stage": "string", "stages": "array<string>", "leak_place": "int64"}
    return literal_rows(rows, types)


@check(blocking=True)
def stages_that_miss_events(funnel_analysis: ir.Table, funnel_events: ir.Table, as_of: date) -> ir.Table:
    """Find steps whose count of departures or arrivals is not the sum of the events of that stage."""
    known = known_events(funnel_events, as_of)
    sums = known.group_by("campaign_id", "stage").agg(events=known["count"].sum())
    ends = [
        funnel_analysis.select("campaign_id", "path", "step", stage=f"{end}_stage", counted=f"{end}_count")
        for end in ("from", "to")
    ]
    rows = ibis.union(*ends).left_join(sums, ["campaign_id", "stage"])
    return rows.filter(~rows.counted.identical_to(rows.events)).select(
        "campaign_id", "path", "step", "stage", "counted", "events"
    )


@check
def stages_counted_twice(funnel_events: ir.Table, as_of: date) -> ir.Table:
    """Find places and days of which several systems count one stage: the same people may be in the sum twice."""
    known = known_events(funnel_events, as_of)
    found = known.group_by(PLACE).agg(
        one_source=known.source.min(), other_source=known.source.max(), counted=known["count"].sum()
    )
    return found.filter(found.one_source != found.other_source)


@check
def stages_that_exceed(funnel_analysis: ir.Table) -> ir.Table:
    """Find steps at which more arrived than left: their counts do not belong together."""
    rows = funnel_analysis.filter(funnel_analysis.state == EXCEEDS)
    return rows.select("campaign_id", "path", "step", "from_stage", "to_stage", "from_count", "to_count")
