"""Counts and sums of a day from which the KPIs are computed, each set as one row.

Experiments that have not ended, are invalid or too small to be read, or use an undefined metric are not evidence and
are in no mean.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.intervals import two_sided_quantile
from cjo_assets.core.expressions.numbers import money_sum
from cjo_assets.core.expressions.tables import first_per, lookup
from cjo_assets.families.marketing.experiments._experiment_verdicts import ENDED, INVALID, NOT_STARTED
from cjo_assets.families.marketing.inputs.budget_actions import APPROVED, ORCHESTRATOR, REJECTED
from cjo_assets.families.marketing.inputs.campaign_risk_signals import DISMISSED
from cjo_assets.families.marketing.inputs.campaigns import ACTIVE, DRAFT
from cjo_assets.families.marketing.inputs.experiments import PLANNED
from cjo_assets.families.marketing.measurement._economics import cost_per
from cjo_assets.families.marketing.measurement._experiment_snapshots import CONTROL, VARIANT
from cjo_assets.families.marketing.measurement.metric_definitions import DOWN
from cjo_assets.families.marketing.value._proved_value import CONVERSIONS
from cjo_assets.policy import Policy

MICROSECONDS_PER_HOUR = 3_600_000_000
DAYS_PER_MONTH = 30
CELL = ("campaign_id", "segment_id")


def campaign_facts(
    campaigns: ir.Table, experiments: ir.Table, asset_performance: ir.Table, as_of: ir.DateScalar
) -> ir.Table:
    """Count campaigns due and executed, the days they ran, and the age of their newest snapshot."""
    end = days_after(as_of, 1)
    due = campaigns.filter(campaigns.created_at < end, campaigns.start_date <= as_of)
    shown = asset_performance.filter(asset_performance.impressions > 0)
    last = asset_performance.group_by("campaign_id").agg(last=asset_performance.last_snapshot_at.max())
    due = lookup(due, last, "campaign_id")
    days = ibis.least(ibis.coalesce(due.end_date, as_of), as_of).delta(due.start_date, unit="day") + 1
    is_running = (due.status == ACTIVE) & (due.end_date >= as_of).fill_null(True)
    age = end.cast("timestamp(6)").delta(due["last"], unit="microsecond") / MICROSECONDS_PER_HOUR
    age = is_running.ifelse(age, ibis.null("float64"))
    begun = experiments.filter(experiments.start_date <= as_of, experiments.status != PLANNED)
    return due.agg(
        due=due.count(),
        executed=due.count(where=(due.status != DRAFT) & due.campaign_id.isin(shown.campaign_id)),
        campaign_days=days.sum(where=due.status != DRAFT),
        age_sum=age.sum(),
        age_count=age.count(),
    ).cross_join(begun.agg(begun=begun.count()))


def decision_facts(orchestrator_decisions: ir.Table, budget_governance: ir.Table, as_of: ir.DateScalar) -> ir.Table:
    """Count decisions and proposals of the machine with their reviews by people, and sum their latencies."""
    known = orchestrator_decisions.filter(orchestrator_decisions.timestamp < days_after(as_of, 1))
    latency = known.evaluation_latency_seconds
    hours = known.timestamp.delta(known.insight_at, unit="microsecond") / MICROSECONDS_PER_HOUR
    proposals = budget_governance.filter(budget_governance.proposed_by == ORCHESTRATOR)
    return known.agg(
        decisions=known.count(),
        overrides=known.count(where=known.human_override),
        latency_sum=latency.sum(),
        latency_count=latency.count(),
        latency_squares=(latency * latency).sum(),
        hours_sum=hours.sum(),
        hours_count=hours.count(),
        hours_squares=(hours * hours).sum(),
    ).cross_join(
        proposals.agg(
            proposals=proposals.count(),
            answered=proposals.count(where=proposals.approval_state.isin([APPROVED, REJECTED])),
        )
    )


def violation_facts(
    budget_governance: ir.Table,
    creative_assets: ir.Table,
    campaign_risk_signals: ir.Table,
    asset_performance: ir.Table,
    as_of: ir.DateScalar,
    policy: Policy,
) -> ir.Table:
    """Count the budget moves, creatives and campaigns that broke a rule, each once."""
    moves = budget_governance.filter(budget_governance.violations.length() > 0)
    shown = creative_assets.semi_join(asset_performance.filter(asset_performance.impressions > 0), "asset_id")
    kinds = list(policy.marketing.kpis.violation_risk_types)
    known = campaign_risk_signals.filter(campaign_risk_signals.timestamp < days_after(as_of, 1))
    signals = known.filter(known.risk_type.isin(kinds), known.status != DISMISSED)
    about = (signals.asset_ids.length() > 0).ifelse(signals.asset_ids, ibis.array([signals.risk_id]))
    subjects = ibis.union(
        moves.select(subject="budget_action_id"),
        shown.filter(~shown.approved_by_human).select(subject="asset_id"),
        signals.select(subject=about.unnest()),
        distinct=True,
    )
    checked = [table.agg(rows=table.count()) for table in (budget_governance, shown, known)]
    return subjects.agg(violations=subjects.count()).cross_join(
        ibis.union(*checked).agg(checked=lambda counts: counts.rows.sum())
    )


def message_facts(creative_assets: ir.Table, as_of: ir.DateScalar) -> ir.Table:
    """Count the audiences that a version reaches on several channels, and those with one theme on all of them."""
    made = creative_assets.filter(creative_assets.created_at < days_after(as_of, 1))
    places = made.group_by(["campaign_id", "segment_id", "variant"]).agg(
        channels=made.channel_id.nunique(), themes=made.message_theme.strip().lower().nunique()
    )
    places = places.filter(places.channels > 1)
    return places.agg(places=places.count(), consistent=places.count(where=places.themes == 1))


def experiment_facts(
    experiment_evaluations: ir.Table, experiment_arms: ir.Table, metric_definitions: ir.Table, policy: Policy
) -> ir.Table:
    """Sum lift, additional conversions and cost of experiments that have ended and can be read."""
    every = experiment_evaluations.filter(experiment_evaluations.phase != NOT_STARTED)
    # Experiments below the smallest sample are not read: their lift is mostly chance.
    valid = every.filter(every.phase == ENDED, every.verdict != INVALID, every.reading.notnull()).drop("direction")
    # The join drops experiments on undefined metrics.
    valid = valid.join(metric_definitions.drop("design_effect"), "metric")
    sign = (valid.direction == DOWN).ifelse(-100.0, 100.0)
    lift = valid.relative_effect * sign
    found = valid.agg(lift_sum=lift.sum(), lift_count=lift.count(), lift_squares=(lift * lift).sum())
    errors = every.agg(evaluated=every.count(), setup_errors=every.count(where=every.verdict == INVALID))
    return errors.cross_join(found).cross_join(_differences(valid)).cross_join(_costs(valid, experiment_arms, policy))


def _differences(valid: ir.Table) -> ir.Table:
    """Sum the conversions of variants beyond their controls, with the squares of their uncertainty."""
    tests = valid.filter(valid.numerator == CONVERSIONS, valid.absolute_effect.notnull())
    radius = tests.variant_exposures * (tests.absolute_effect_high - tests.absolute_effect_low) / 2
    return tests.agg(
        tests=tests.count(),
        gained=(tests.absolute_effect * tests.variant_exposures).sum(),
        exposed=tests.variant_exposures.sum(),
        radius=(radius * radius).sum().sqrt(),
    )


def _costs(valid: ir.Table, experiment_arms: ir.Table, policy: Policy) -> ir.Table:
    """Sum the cost of variants' conversions, and their cost at the price of their own controls.

    Each experiment is compared with its own control, so testing a cheap channel more often is no saving. The variance
    of conversions is that of counts times the design effect.
    """
    arms = experiment_arms
    control = arms.filter(arms.arm == CONTROL).select("experiment_id", control_cost="cost", controls="conversions")
    variant = arms.filter(arms.arm == VARIANT).select("experiment_id", variant_cost="cost", variants="conversions")
    pairs = valid.select("experiment_id", "design_effect").join(control, "experiment_id").join(variant, "experiment_id")
    least = policy.marketing.kpis.minimum_events
    pairs = pairs.filter(pairs.controls >= least, pairs.variants >= least)
    expected = pairs.variants * cost_per(pairs.control_cost, pairs.controls)
    doubt = expected * expected * pairs.design_effect * (1 / pairs.controls + 1 / pairs.variants)
    sums = pairs.agg(
        pairs=pairs.count(), expected_cost=expected.sum(), variant_cost=money_sum(pairs.variant_cost), doubt=doubt.sum()
    )
    reach = two_sided_quantile(policy.marketing.kpis.interval_level) * sums.doubt.sqrt() / sums.expected_cost
    return sums.mutate(cost_reach=reach)


def window_facts(segment_rollups: ir.Table, as_of: ir.DateScalar, policy: Policy) -> ir.Table:
    """Sum the newest window of each audience of a campaign and the one before, of audiences that have both."""
    rules = policy.marketing.kpis
    sums = _window_sums(segment_rollups.filter(segment_rollups.window_end <= as_of))
    is_enough = ibis.least(sums.now_conversions, sums.before_conversions) >= rules.minimum_events
    share, former = (
        is_enough.ifelse(sums[f"{time}_conversions"] / sums[f"{time}_clicks"].nullif(0), ibis.null("float64"))
        for time in ("now", "before")
    )
    doubt = (1 - share) / sums.now_conversions.nullif(0) + (1 - former) / sums.before_conversions.nullif(0)
    return sums.mutate(
        precision=share,
        former_precision=former,
        precision_reach=two_sided_quantile(rules.interval_level) * ibis.greatest(doubt, 0.0).sqrt(),
        waste=sums.now_wasted / sums.now_spend.nullif(0.0),
        former_waste=sums.before_wasted / sums.before_spend.nullif(0.0),
    )


def _window_sums(known: ir.Table) -> ir.Table:
    """Sum figures of the newest windows and of those before."""
    figures = ("conversions", "clicks", "spend")
    windows = known.select(
        *CELL,
        *figures,
        "window_start",
        "window_end",
        "rollup_id",
        wasted=(known.revenue_proxy < known.spend).ifelse(known.spend, 0.0),
    )
    now = first_per(windows, CELL, [windows.window_end.desc(), windows.rollup_id.desc()])
    before = windows.rename({f"before_{name}": name for name in windows.columns if name not in CELL})
    pairs = now.join(before, CELL)
    pairs = pairs.filter(pairs.before_window_end < pairs.window_start)
    pairs = first_per(pairs, CELL, [pairs.before_window_end.desc(), pairs.before_rollup_id.desc()])
    return pairs.agg(
        cells=pairs.count(),
        **{f"now_{name}": pairs[name].sum() for name in (*figures, "wasted")},
        **{f"before_{name}": pairs[f"before_{name}"].sum() for name in (*figures, "wasted")},
    )
