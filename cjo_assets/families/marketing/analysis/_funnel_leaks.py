"""Leaks of a funnel: steps whose rate is below that of the campaign's earlier days, or of other campaigns.

Every step loses people, so a low rate alone is no leak: a step is a leak only where its interval is below a
benchmark. Leaks are ranked by the arrivals that the benchmark's rate would have added.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.numbers import rounded
from cjo_assets.families.marketing.measurement._measured_kpis import with_interval
from cjo_assets.policy import Policy

EARLIER_DAYS, OTHER_CAMPAIGNS = "earlier_days", "other_campaigns"
BENCHMARKS = [EARLIER_DAYS, OTHER_CAMPAIGNS]
PATH = ("campaign_id", "path")


def recent_and_earlier(known_events: ir.Table, as_of: ir.DateScalar, policy: Policy) -> ir.Table:
    """Count each stage in the newest days and before; null where it has no events then."""
    is_recent = known_events["date"] > days_after(as_of, -policy.marketing.funnel.recent_days)
    return known_events.group_by("campaign_id", "stage").agg(
        recent=known_events["count"].sum(where=is_recent), earlier=known_events["count"].sum(where=~is_recent)
    )


def with_leaks(steps: ir.Table, policy: Policy) -> ir.Table:
    """Add the benchmark of each step, the arrivals missing against it, and whether the step is a leak.

    Args:
        steps: steps with `to` and `from` counts of all days, of the newest days and of those before, the interval of
            the rate, and `may_leak`: measured, from the policy's `leaks_from` on.
        policy: thresholds of a leak.
    """
    rules, level = policy.marketing.funnel, policy.marketing.campaigns.interval_level
    measured = steps.may_leak.cast("int64").sum().over(ibis.window(group_by=PATH))
    eligible = steps.mutate(may_leak=steps.may_leak & (measured >= rules.minimum_measured_steps))
    compared = _with_comparison(_with_both_benchmarks(eligible, level), 1 - rules.leak_margin)
    missing = rounded(compared.compared_from * compared.benchmark_rate - compared.compared_to, 0).cast("int64")
    # `greatest` would return 0 for null.
    compared = compared.mutate(missing=(missing < 0).ifelse(0, missing))
    most_first = ibis.window(
        group_by=PATH, order_by=[ibis.desc(compared.is_leak), ibis.desc(compared.missing), ibis.asc(compared.place)]
    )
    return compared.mutate(is_biggest_leak=compared.is_leak & (ibis.row_number().over(most_first) == 0))


def _with_comparison(steps: ir.Table, share: float) -> ir.Table:
    """Add the benchmark that applies, its figures, and whether the step is below that share of it."""
    is_below_earlier = (steps.recent_rate_high < steps.earlier_rate_low * share).fill_null(False)
    is_below_others = (steps.rate_high < steps.others_rate_low * share).fill_null(False)
    source = ibis.cases(
        (is_below_earlier, EARLIER_DAYS),
        (is_below_others, OTHER_CAMPAIGNS),
        (steps.earlier_from.notnull(), EARLIER_DAYS),
        (steps.others_from.notnull(), OTHER_CAMPAIGNS),
    )
    steps = steps.mutate(benchmark_source=source, is_leak=is_below_earlier | is_below_others)

    def chosen(of_earlier_days: ir.NumericValue, of_other_campaigns: ir.NumericValue) -> ir.NumericValue:
        return steps.benchmark_source.cases(
            (EARLIER_DAYS, of_earlier_days), (OTHER_CAMPAIGNS, of_other_campaigns), else_=None
        )

    return steps.mutate(
        compared_from=chosen(steps.recent_from, steps.from_count),
        compared_to=chosen(steps.recent_to, steps.to_count),
        compared_rate=chosen(steps.recent_to / steps.recent_from, steps.to_count / steps.from_count),
        benchmark_rate=chosen(steps.earlier_to / steps.earlier_from, steps.others_to / steps.others_from),
        benchmark_low=chosen(steps.earlier_rate_low, steps.others_rate_low),
    )


def _with_both_benchmarks(steps: ir.Table, level: float) -> ir.Table:
    """Add counts and intervals of the newest days, the days before and other campaigns, where each is a share."""
    has_earlier = steps.may_leak & (steps.earlier_from > 0) & (steps.recent_from > 0)
    has_earlier &= (steps.earlier_to <= steps.earlier_from) & (steps.recent_to <= steps.recent_from)
    step = ibis.window(group_by=["path", "from_stage", "to_stage"])
    others = {
        end: steps.is_measured.ifelse(steps[f"{end}_count"], 0).sum().over(step) - steps[f"{end}_count"]
        for end in ("from", "to")
    }
    has_others = steps.may_leak & (others["from"] > 0)
    nothing = ibis.null("int64")
    steps = steps.mutate(
        **{
            f"{days}_{end}": has_earlier.fill_null(False).ifelse(steps[f"{days}_{end}"], nothing)
            for days in ("recent", "earlier")
            for end in ("from", "to")
        },
        **{f"others_{end}": has_others.fill_null(False).ifelse(counted, nothing) for end, counted in others.items()},
    )
    for group in ("recent", "earlier", "others"):
        steps = with_interval(steps, f"{group}_to", f"{group}_from", f"{group}_rate", level)
    return steps
