"""Counts and sums behind the KPIs of a day, each set as one row.

Held-out decisions are recorded and not executed, so they are left out. All KPIs about outcomes have one population:
executed interventions with an outcome.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.evidence_grades import ASSUMPTION
from cjo_assets.core.expressions.intervals import interval_of_sum
from cjo_assets.core.expressions.tables import first_per
from cjo_assets.families.journey.interventions._ledger import end_of_day
from cjo_assets.families.journey.interventions._outcomes import is_measured
from cjo_assets.families.journey.value._roi_components import RETAINED_REVENUE
from cjo_assets.policy import Policy

PRECISION, LATENCY = "signal_detection_precision", "average_latency_ms"
ESCALATION_FREQUENCY, OVERRIDE_RATE = "human_escalation_frequency", "human_override_rate"
RESOLUTION_TIME, PROACTIVE_RATIO = "average_resolution_time_days", "proactive_interventions_ratio"
CSAT, NPS = "csat_delta_average", "nps_delta_average"
CONSISTENCY, RETENTION_REVENUE = "experience_consistency_score", "retention_revenue_preserved"
# KPIs that are the sum over interventions, divided by their number.
INTERVENTION_KPIS = (
    PRECISION,
    LATENCY,
    ESCALATION_FREQUENCY,
    OVERRIDE_RATE,
    RESOLUTION_TIME,
    PROACTIVE_RATIO,
    CSAT,
    NPS,
)
# Those of them that are means of quantities; the others are shares.
MEANS = (LATENCY, RESOLUTION_TIME, CSAT, NPS)


def intervention_facts(ledger: ir.Table, policy: Policy) -> ir.Table:
    """Add to each intervention what it adds to the numerator of each KPI; null where the KPI does not count it."""
    is_ours = ~ledger.is_held_out
    is_acted = is_ours & ledger.is_executed
    is_done = is_ours & is_measured(ledger)
    counted = {
        PRECISION: (is_done, ledger.outcome != "no_action_needed"),
        LATENCY: (is_ours, ledger.evaluation_latency_ms),
        ESCALATION_FREQUENCY: (is_ours, ledger.requires_human_approval),
        OVERRIDE_RATE: (is_done, ledger.human_override),
        RESOLUTION_TIME: (is_done, ledger.resolution_time_days),
        PROACTIVE_RATIO: (is_acted, ledger.journey_stage.notin(policy.journey.kpis.reactive_stages)),
        CSAT: (is_done, ledger.csat_delta),
        NPS: (is_done, ledger.nps_delta),
    }
    none = ibis.null("float64")
    return ledger.mutate(**{kpi: where.ifelse(value.cast("float64"), none) for kpi, (where, value) in counted.items()})


def ledger_facts(ledger: ir.Table, policy: Policy) -> ir.Table:
    """Return sum, count and sum of squares of what interventions add to each KPI, as one row."""
    facts = intervention_facts(ledger, policy)
    return facts.agg(
        **{f"{kpi}_sum": facts[kpi].sum() for kpi in INTERVENTION_KPIS},
        **{f"{kpi}_count": facts[kpi].count() for kpi in INTERVENTION_KPIS},
        **{f"{kpi}_squares": (facts[kpi] * facts[kpi]).sum() for kpi in MEANS},
    )


def label_facts(signal_labels: ir.Table, signals: ir.Table, as_of: ir.DateScalar, policy: Policy) -> ir.Table:
    """Count the labels of negative signals, and those of problems without a signal.

    A signal counts once, by its newest label; of two labels of a day, by the last id.
    """
    labels = signal_labels.filter(signal_labels.labelled_at <= as_of)
    of_signals = labels.filter(labels.signal_id.notnull())
    newest = first_per(of_signals, "signal_id", [of_signals.labelled_at.desc(), of_signals.label_id.desc()])
    labels = ibis.union(newest, labels.filter(labels.signal_id.isnull()))
    alarms = signals.filter(signals.signal_type.isin(sorted(policy.journey.signals.signal_aggregation_weights)))
    is_alarm = labels.signal_id.isin(alarms.signal_id)
    labels = labels.mutate(is_alarm=labels.signal_id.notnull() & is_alarm)
    problem = labels.is_problem
    return labels.agg(
        labelled_alarms=labels.count(where=labels.is_alarm),
        right_alarms=labels.count(where=labels.is_alarm & problem),
        problems=labels.count(where=problem),
        missed_problems=labels.count(where=problem & ~labels.is_alarm),
    )


def trouble_facts(state_entries: ir.Table, signals: ir.Table, as_of: ir.DateScalar, policy: Policy) -> ir.Table:
    """Count escalations and departures of the log, and those preceded by a negative signal."""
    rules = policy.journey
    stages = [*rules.forecast.escalation_stages, *policy.vocabulary.terminal_stages]
    known = state_entries.filter(state_entries.state_entered_at <= as_of, state_entries.journey_stage.isin(stages))
    troubles = known.select("customer_id", "journey_stage", "state_entered_at")
    alarms = signals.filter(signals.signal_type.isin(sorted(rules.signals.signal_aggregation_weights)))
    alarms = alarms.select("customer_id", "detected_at")
    look_back = ibis.interval(days=rules.signals.look_back_days)
    foretold = troubles.semi_join(
        alarms,
        [
            "customer_id",
            alarms.detected_at <= troubles.state_entered_at,
            alarms.detected_at >= troubles.state_entered_at - look_back,
        ],
    )
    return troubles.agg(troubles=troubles.count()).cross_join(foretold.agg(foretold=foretold.count()))


def confirmation_facts(state_entries: ir.Table, as_of: ir.DateScalar) -> ir.Table:
    """Count the entries whose stage a person checked, and those confirmed."""
    known = state_entries.filter(state_entries.state_entered_at <= as_of)
    return known.agg(
        confirmations=known.confirmed_stage.count(),
        confirmed=known.count(where=known.confirmed_stage == known.journey_stage),
    )


def revenue_facts(roi_breakdown: ir.Table) -> ir.Table:
    """Add up the retained revenue of the ROI; a component without an amount has no runs."""
    parts = roi_breakdown.filter(roi_breakdown.component == RETAINED_REVENUE, roi_breakdown.amount.notnull())
    low, high = interval_of_sum(parts.amount, parts.amount_low, parts.amount_high, are_independent=False)
    # A part without comparison has no interval, and neither has the sum, unless the part is 0.
    is_compared = parts.count(where=parts.amount_low.isnull() & (parts.amount != 0)) == 0
    return parts.agg(
        revenue=parts.amount.sum(),
        revenue_low=is_compared.ifelse(low, None),
        revenue_high=is_compared.ifelse(high, None),
        revenue_runs=parts.records.sum().fill_null(0),
        assumed_runs=parts.records.sum(where=parts.evidence_grade == ASSUMPTION).fill_null(0),
    )


def completeness_facts(accepted: list[ir.Table], rejected: list[ir.Table]) -> ir.Table:
    """Count the accepted and the rejected rows of all datasets."""
    return _count_of(accepted, "accepted").cross_join(_count_of(rejected, "rejected"))


def known_records(
    as_of: ir.DateScalar,
    customers: ir.Table,
    playbooks: ir.Table,
    state_entries: ir.Table,
    signals: ir.Table,
    interventions: ir.Table,
    outcomes: ir.Table,
    approval_decisions: ir.Table,
) -> list[ir.Table]:
    """Return the accepted rows of each dataset that were known on a day."""
    return [
        customers,
        playbooks.filter(playbooks.created_at <= as_of),
        state_entries.filter(state_entries.state_entered_at <= as_of),
        signals.filter(signals.detected_at <= as_of),
        interventions.filter(interventions.generated_at <= as_of),
        outcomes.filter(outcomes.measured_at <= as_of),
        approval_decisions.filter(approval_decisions.decided_at <= end_of_day(as_of)),
    ]


def _count_of(tables: list[ir.Table], name: str) -> ir.Table:
    counts = ibis.union(*(rows.agg(rows=rows.count()) for rows in tables))
    return counts.agg(**{name: counts.rows.sum()})
