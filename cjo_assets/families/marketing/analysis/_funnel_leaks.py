"""Steps of a funnel that let fewer people through than they should: below their own earlier days, or other campaigns.

Not a table but a part of `funnel_analysis`. Every step loses people, and the step with the lowest rate is the one that
asks most of them. So a step is a leak only where its interval lies below a benchmark. Leaks are ranked by the arrivals
that are missing against it, not by their rate.
"""

from datetime import date, timedelta

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.numbers import rounded
from cjo_assets.families.marketing.measurement._measured_kpis import with_interval
from cjo_assets.policy import Policy

EARLIER_DAYS, OTHER_CAMPAIGNS = "earlier_days", "other_campaigns"
BENCHMARKS = [EARLIER_DAYS, OTHER_CAMPAIGNS]
PATH = ("campaign_id", "path")


def recent_and_earlier(known_events: ir.Table, as_of: date, policy: Policy) -> ir.Table:
    """Return what was counted of each stage in the newest days and before; null where nobody counted then."""
    newest = as_of - timedelta(days=policy.marketing.funnel.recent_days)
    is_recent = known_events["date"] > ibis.literal(newest, "date")
    return known_events.group_by("campaign_id", "stage").agg(
        recent=known_events["count"].sum(where=is_recent), earlier=known_events["count"].sum(where=~is_recent)
    )


def with_leaks(rows: ir.Table, policy: Policy) -> ir.Table:
    """Add the benchmark of each step, how far the step stays below it, and whether it is a leak.

    Args:
        rows: steps with `to` and `from` counts of all days, of the newest days and of those before, the interval of the
            rate, and `may_leak`: measured, from the policy's `leaks_from` on.
        policy: what is a leak.
    """
    rules, level = policy.marketing.funnel, policy.marketing.campaigns.interval_level
    measured = rows.may_leak.cast("int64").sum().over(ibis.window(group_by=PATH))
    rows = rows.mutate(may_leak=rows.may_leak & (measured >= rules.minimum_measured_steps))
    rows = _with_both_benchmarks(rows, level)
    share = 1 - rules.leak_margin
    is_below_earlier = (rows.recent_rate_high < rows.earlier_rate_low * share).fill_null(False)
    is_below_others = (rows.rate_high < rows.others_rate_low * share).fill_null(False)
    source = ibis.cases(
        (is_below_earlier, EARLIER_DAYS),
        (is_below_others, OTHER_CAMPAIGNS),
        (rows.earlier_from.notnull(), EARLIER_DAYS),
        (rows.others_from.notnull(), OTHER_CAMPAIGNS),
    )
    rows = rows.mutate(benchmark_source=source, is_leak=is_below_earlier | is_below_others)

    def chosen(of_earlier_days: ir.NumericValue, of_other_campaigns: ir.NumericValue) -> ir.NumericValue:
        return rows.benchmark_source.cases(
            (EARLIER_DAYS, of_earlier_days), (OTHER_CAMPAIGNS, of_other_campaigns), else_=None
        )

    rows = rows.mutate(
        compared_from=chosen(rows.recent_from, rows.from_count),
        compared_to=chosen(rows.recent_to, rows.to_count),
        compared_rate=chosen(rows.recent_to / rows.recent_from, rows.to_count / rows.from_count),
        benchmark_rate=chosen(rows.earlier_to / rows.earlier_from, rows.others_to / rows.others_from),
        benchmark_low=chosen(rows.earlier_rate_low, rows.others_rate_low),
    )
    missing = rounded(rows.compared_from * rows.benchmark_rate - rows.compared_to, 0).cast("int64")
    # The greater of nothing known and 0 would be 0.
    rows = rows.mutate(missing=(missing < 0).ifelse(0, missing))
    most_first = ibis.window(
        group_by=PATH, order_by=[ibis.desc(rows.is_leak), ibis.desc(rows.missing), ibis.asc(rows.place)]
    )
    return rows.mutate(is_biggest_leak=rows.is_leak & (ibis.row_number().over(most_first) == 0))


def _with_both_benchmarks(rows: ir.Table, level: float) -> ir.Table:
    """Add counts and intervals of the newest days, of those before, and of other campaigns, where each is a share."""
    has_earlier = rows.may_leak & (rows.earlier_from > 0) & (rows.recent_from > 0)
    has_earlier &= (rows.earlier_to <= rows.earlier_from) & (rows.recent_to <= rows.recent_from)
    step = ibis.window(group_by=["path", "from_stage", "to_stage"])
    others = {
        end: rows.is_measured.ifelse(rows[f"{end}_count"], 0).sum().over(step) - rows[f"{end}_count"]
        for end in ("from", "to")
    }
    has_others = rows.may_leak & (others["from"] > 0)
    nothing = ibis.null("int64")
    rows = rows.mutate(
        **{
            f"{days}_{end}": has_earlier.fill_null(False).ifelse(rows[f"{days}_{end}"], nothing)
            for days in ("recent", "earlier")
            for end in ("from", "to")
        },
        **{f"others_{end}": has_others.fill_null(False).ifelse(counted, nothing) for end, counted in others.items()},
    )
    for group in ("recent", "earlier", "others"):
        rows = with_interval(rows, f"{group}_to", f"{group}_from", f"{group}_rate", level)
    return rows
