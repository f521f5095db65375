"""KPIs against their targets.

One row per as-of date and KPI of three groups. A KPI without data is not_measurable, and its note names what is
missing; the note of a proxy names the figure; an estimate of a source without a comparison is an assumption. A
reduction names its baseline; a deterioration is negative. The status follows from the unrounded value.

A KPI counts all records and is compared with its target directly, or is an estimate and compared by its interval.
Intervals are Wilson's score for a share, Student's t for a mean, that of the comparison for a reduction
(`baseline_comparisons`), that of the ratios of all pairs for the consistency of channels (`_channel_consistency`), and
the sum of its parts for retained revenue.
"""

from datetime import date
from typing import Any

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.config import TableConfig
from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.kpi import (
    BASES,
    HIGHER,
    LOWER,
    STATUSES,
    not_their_quotient,
    with_interval,
    with_status,
)
from cjo_assets.core.expressions.rows import literal_rows
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.families.journey.learning._channel_consistency import channel_facts
from cjo_assets.families.journey.value._kpi_facts import (
    completeness_facts,
    confirmation_facts,
    known_records,
    label_facts,
    ledger_facts,
    revenue_facts,
    trouble_facts,
)
from cjo_assets.families.journey.value._kpi_measures import (
    LIFETIME_VALUE_DELTA,
    REDUCTIONS,
    direct_measures,
    reductions,
)
from cjo_assets.families.journey.value.baseline_comparisons import BASELINES
from cjo_assets.policy import Policy

FAMILIES = {
    "operational_health": "operational_kpi_targets",
    "journey_impact": "effectiveness_kpi_targets",
    "business_value": "business_kpi_targets",
}
LOWER_IS_BETTER = {
    "average_latency_ms",
    "human_escalation_frequency",
    "human_override_rate",
    "average_resolution_time_days",
}
# KPIs that count all decisions, executions or rows; the others estimate more than was recorded.
COUNTS_OF_EVERYTHING = {
    "human_escalation_frequency",
    "data_completeness_rate",
    "proactive_interventions_ratio",
}
UNITS = {
    "average_latency_ms": "milliseconds",
    "average_resolution_time_days": "days",
    "experience_consistency_score": "score",
    "csat_delta_average": "CSAT points",
    "nps_delta_average": "NPS points",
    "retention_revenue_preserved": "currency",
}
BASELINE = (
    "Missing: enough customers and events on both sides, that is held out, in a baseline period that the log covers, "
    "or behind a row of the dataset baseline_metrics."
)
MISSING = {
    "journey_state_classification_accuracy": "Missing: the column confirmed_stage of the journey state log.",
    "signal_detection_precision": "Missing: labels of negative signals, or executed interventions with an outcome.",
    "signal_detection_recall": "Missing: a labelled problem that no signal told of, or an escalation or departure.",
    "average_latency_ms": "Missing: interventions with evaluation_latency_ms.",
    "human_escalation_frequency": "Missing: interventions.",
    "human_override_rate": "Missing: outcomes of executed interventions with human_override.",
    "data_completeness_rate": "Missing: rows of any dataset.",
    "average_resolution_time_days": "Missing: outcomes of executed interventions with resolution_time_days.",
    "proactive_interventions_ratio": "Missing: executed interventions.",
    "csat_delta_average": "Missing: outcomes of executed interventions with csat_delta.",
    "retention_revenue_preserved": "Missing: outcomes in the ROI window with estimated_revenue_saved.",
    "experience_consistency_score": "Missing: two channels of outcomes with established experience.",
    "nps_delta_average": "Missing: the column nps_delta of the outcomes.",
    LIFETIME_VALUE_DELTA: f"{BASELINE[:-1]}; and somebody who left.",
} | {kpi: BASELINE for kpi, *_ in REDUCTIONS if kpi != LIFETIME_VALUE_DELTA}
MEASURE_COLUMNS = ("kpi", "numerator", "denominator", "n", "basis", "note", "baseline", "interval_low", "interval_high")


class Kpis(DatedContract):
    """KPIs of the three families. One row per as-of date and KPI."""

    family: str = column("operational_health, journey_impact or business_value.", isin=list(FAMILIES))
    kpi: str = key("KPI.")
    value: float = column("Value in its unit; null where not measurable.", decimals=6, nullable=True)
    interval_low: float = column(
        "Lower end of its interval, at the policy's level; null where none.", decimals=6, nullable=True
    )
    interval_high: float = column("Upper end of its interval; null where there is none.", decimals=6, nullable=True)
    is_estimate: bool = column("Whether the value is an estimate from a sample; if not, it needs no interval.")
    unit: str = column("Unit of value, interval and target.")
    direction: str = column("Which way is better.", isin=[HIGHER, LOWER])
    target: float = column("Target, from the policy.")
    attainment: float = column(
        "Share of the target reached, 1 = met; null where it has no meaning.", decimals=6, nullable=True
    )
    status: str = column("Status of the KPI.", isin=STATUSES)
    basis: str = column("What the value rests on.", isin=BASES)
    baseline: str = column(
        "What a reduction is against: held_out, baseline_period or supplied; else null.",
        isin=list(BASELINES),
        nullable=True,
    )
    n: int = column("Records behind the value, of a reduction customers of both sides; 0 where none.", ge=0)
    numerator: float = column("What was counted or summed; null where not measurable.", decimals=6, nullable=True)
    denominator: float = column(
        "What it is divided by; null for a sum and where not measurable.", decimals=6, nullable=True
    )
    previous_value: float = column("Value of the newest earlier published day; null if none.", nullable=True)
    previous_as_of: date = column("That day; null where there is none.", nullable=True)
    note: str = column("What it is a measure of, or what is missing.")


# Later days read only the values of earlier ones.
CONFIG = TableConfig(look_back_columns=("as_of", "kpi", "value"))


def kpis(
    outcome_analyses: ir.Table,
    baseline_comparisons: ir.Table,
    roi_breakdown: ir.Table,
    signal_labels: ir.Table,
    earlier_kpis: ir.Table,
    customers: ir.Table,
    playbooks: ir.Table,
    state_entries: ir.Table,
    signals: ir.Table,
    known_signals: ir.Table,
    interventions: ir.Table,
    outcomes: ir.Table,
    approval_decisions: ir.Table,
    quarantined_customers: ir.Table,
    quarantined_playbooks: ir.Table,
    quarantined_journey_state_log: ir.Table,
    quarantined_signals: ir.Table,
    quarantined_interventions: ir.Table,
    quarantined_outcomes: ir.Table,
    quarantined_approval_decisions: ir.Table,
    as_of: ir.DateScalar,
    policy: Policy,
) -> ir.Table:
    """Measure the KPIs of the day and compare them with the targets."""
    accepted = known_records(
        as_of, customers, playbooks, state_entries, signals, interventions, outcomes, approval_decisions
    )
    rejected = [
        rows.filter(rows.record_date.isnull() | (rows.record_date <= as_of))
        for rows in (
            quarantined_customers,
            quarantined_playbooks,
            quarantined_journey_state_log,
            quarantined_signals,
            quarantined_interventions,
            quarantined_outcomes,
            quarantined_approval_decisions,
        )
    ]
    facts = ledger_facts(outcome_analyses, policy)
    for more in (
        channel_facts(outcome_analyses, policy),
        label_facts(signal_labels, known_signals, as_of, policy),
        trouble_facts(state_entries, known_signals, as_of, policy),
        confirmation_facts(state_entries, as_of),
        revenue_facts(roi_breakdown),
        completeness_facts(accepted, rejected),
    ):
        facts = facts.cross_join(more)
    measures = ibis.union(_direct(facts, policy), reductions(baseline_comparisons).select(*MEASURE_COLUMNS))
    measured = lookup(_targets(policy), measures, "kpi")
    rules = policy.journey.kpis
    compared = _with_previous(measured, earlier_kpis)
    return with_status(compared, rules.kpi_warning_threshold, rules.kpi_critical_threshold)


@check(blocking=True)
def kpis_that_are_not_their_quotient(kpis: ir.Table) -> ir.Table:
    """Return KPIs whose value is not numerator over denominator, or is outside its interval."""
    return not_their_quotient(kpis)


def _direct(facts: ir.Table, policy: Policy) -> ir.Table:
    """Return the KPIs without a baseline, with their intervals."""
    measured = with_interval(direct_measures(facts), policy.journey.kpis.interval_level)
    return measured.mutate(baseline=ibis.null("string")).select(*MEASURE_COLUMNS)


def _targets(policy: Policy) -> ir.Table:
    """Return every KPI with its target; none where the policy disables KPIs."""
    rows: list[dict[str, Any]] = [
        {
            "family": family,
            "kpi": name,
            "unit": UNITS.get(name, "share"),
            "direction": LOWER if name in LOWER_IS_BETTER else HIGHER,
            "is_estimate": name not in COUNTS_OF_EVERYTHING,
            "target": float(target),
            "missing": MISSING[name],
        }
        for family, group in FAMILIES.items()
        for name, target in getattr(policy.journey.kpis, group)
    ]
    texts = dict.fromkeys(("family", "kpi", "unit", "direction", "missing"), "string")
    table = literal_rows(rows, texts | {"target": "float64", "is_estimate": "boolean"})
    return table.filter(ibis.literal(policy.journey.kpis.enable_kpi_tracking))


def _with_previous(measured: ir.Table, earlier_kpis: ir.Table) -> ir.Table:
    """Add the value of each KPI on the newest earlier day, and that day."""
    newest = earlier_kpis.agg(newest=earlier_kpis.as_of.max())
    earlier = earlier_kpis.select("kpi", previous_as_of="as_of", previous_value="value").cross_join(newest)
    earlier = earlier.filter(earlier.previous_as_of == earlier.newest).drop("newest")
    return lookup(measured, earlier, "kpi")
