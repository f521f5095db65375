"""The promises, measured.

One row per as-of date and KPI of the seed's three families. A KPI that the data cannot answer is not_measurable and
says what is missing; a proxy says of what. Status is judged on the unrounded value.
"""

from dataclasses import dataclass
from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.journey.interventions import MONITOR_ONLY
from cjo_assets.journey.ledger import end_of_day
from cjo_assets.journey.outcome_analyses import executed_in_window
from cjo_assets.policy import Policy
from cjo_assets.shared.contract import DatedContract, column
from cjo_assets.shared.numbers import CONTRIBUTION_DECIMALS, rounded

FAMILIES = {
    "operational_health": "operational_kpi_targets",
    "journey_impact": "effectiveness_kpi_targets",
    "business_value": "business_kpi_targets",
}
EXCEEDED, ON_TRACK, AT_RISK, CRITICAL, NOT_MEASURABLE = "exceeded", "on_track", "at_risk", "critical", "not_measurable"
STATUSES = [EXCEEDED, ON_TRACK, AT_RISK, CRITICAL, NOT_MEASURABLE]
MEASURED, PROXY = "measured", "proxy"
BASES = [MEASURED, PROXY, "assumption", NOT_MEASURABLE]
HIGHER, LOWER = "higher_is_better", "lower_is_better"
LOWER_IS_BETTER = {
    "average_latency_ms",
    "human_escalation_frequency",
    "human_override_rate",
    "average_resolution_time_days",
}
UNITS = {
    "average_latency_ms": "milliseconds",
    "average_resolution_time_days": "days",
    "experience_consistency_score": "score",
    "csat_delta_average": "CSAT points",
    "nps_delta_average": "NPS points",
    "retention_revenue_preserved": "currency",
}
BASELINE = "Missing: a baseline or a control group to compare with."
MISSING = {
    "journey_state_classification_accuracy": "Missing: stages that somebody labelled.",
    "signal_detection_recall": "Missing: labelled problems, those without a signal included.",
    "experience_consistency_score": "Missing: the channel of each contact.",
    "nps_delta_average": "Missing: an NPS survey.",
}


class Kpis(DatedContract):
    """KPIs of the three families. One row per as-of date and KPI."""

    family: str = column("operational_health, journey_impact or business_value.", isin=list(FAMILIES))
    kpi: str = column("KPI.")
    value: float = column("Value in its unit; null where not measurable.", nullable=True)
    unit: str = column("Unit of value and target.")
    direction: str = column("Which way is better.", isin=[HIGHER, LOWER])
    target: float = column("Promise, from the policy.")
    attainment: float = column("Share of the target reached, 1 = met; null where it has no meaning.", nullable=True)
    status: str = column("Where the KPI stands.", isin=STATUSES)
    basis: str = column("What the value rests on.", isin=BASES)
    n: int = column("Records behind the value; 0 where none.", ge=0)
    numerator: float = column("What was counted or summed; null where not measurable.", nullable=True)
    denominator: float = column("What it is divided by; null for a sum and where not measurable.", nullable=True)
    note: str = column("What it is a measure of, or what is missing.")

    class Config:
        """A KPI stands once."""

        unique = ["kpi"]


@dataclass(frozen=True)
class Measure:
    """A KPI that the data answer: numerator over denominator, or the numerator alone for a sum."""

    numerator: ir.NumericValue
    denominator: ir.NumericValue | None
    n: ir.NumericValue
    note: str
    basis: str = MEASURED


def kpis(
    outcome_analyses: ir.Table,
    customers: ir.Table,
    playbooks: ir.Table,
    state_entries: ir.Table,
    signals: ir.Table,
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
    as_of: date,
    policy: Policy,
) -> ir.Table:
    """Measure what can be measured on the ledger of the day, and judge it against the targets."""
    end = end_of_day(as_of)
    accepted = [
        customers,
        playbooks.filter(playbooks.created_at <= as_of),
        state_entries.filter(state_entries.state_entered_at <= as_of),
        signals.filter(signals.detected_at <= as_of),
        interventions.filter(interventions.generated_at <= as_of),
        outcomes.filter(outcomes.measured_at <= as_of),
        approval_decisions.filter(approval_decisions.decided_at <= end),
    ]
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
    facts = _facts(outcome_analyses, as_of, policy)
    facts = facts.cross_join(_count_of(accepted, "accepted")).cross_join(_count_of(rejected, "rejected"))
    measures = _measures(facts)
    rows = [
        _row(family, name, target, measures.get(name), policy)
        for family, group in FAMILIES.items()
        for name, target in getattr(policy.journey.kpis, group)
    ]
    table = facts.select(row=ibis.array([ibis.struct(row) for row in rows]).unnest()).unpack("row")
    return table.filter(ibis.literal(policy.journey.kpis.enable_kpi_tracking))


def kpis_that_are_not_their_quotient(kpis: ir.Table) -> ir.Table:
    """Find KPIs whose value is not numerator over denominator."""
    expected = kpis.numerator / kpis.denominator.fill_null(1.0)
    gap = (kpis.value - rounded(expected)).abs()
    return kpis.filter(gap > 1e-6).select("kpi", "value", "numerator", "denominator")


def _facts(ledger: ir.Table, as_of: date, policy: Policy) -> ir.Table:
    """Return one row of sums and counts over the ledger of the day."""
    done = ledger.is_executed & ledger.outcome.notnull()
    acts = ledger.recommended_action != MONITOR_ONLY
    reactive = ledger.journey_stage.isin(policy.journey.kpis.reactive_stages)
    facts = ledger.agg(
        decisions=ledger.count(),
        asked=ledger.requires_human_approval.cast("int64").sum().fill_null(0),
        latency_sum=ledger.evaluation_latency_ms.sum(),
        latency_count=ledger.evaluation_latency_ms.count(),
        overrides=ledger.human_override.cast("int64").sum().fill_null(0),
        override_answers=ledger.human_override.count(),
        measured=done.cast("int64").sum().fill_null(0),
        needed=(done & (ledger.outcome != "no_action_needed")).fill_null(False).cast("int64").sum().fill_null(0),
        resolution_sum=ledger.resolution_time_days.sum(where=done),
        resolution_count=ledger.resolution_time_days.count(where=done),
        acting=acts.cast("int64").sum().fill_null(0),
        proactive=(acts & ~reactive).cast("int64").sum().fill_null(0),
        csat_sum=ledger.csat_delta.sum(where=done),
        csat_count=ledger.csat_delta.count(where=done),
    )
    executed = executed_in_window(ledger, as_of, policy.journey.roi.window_days)
    return facts.cross_join(
        executed.agg(
            revenue=executed.estimated_revenue_saved.sum(), revenue_count=executed.estimated_revenue_saved.count()
        )
    )


def _measures(facts: ir.Table) -> dict[str, Measure]:
    every = facts.accepted + facts.rejected
    return {
        "signal_detection_precision": Measure(
            facts.needed,
            facts.measured,
            facts.measured,
            "Proxy for labels: executed interventions whose outcome was not no_action_needed.",
            PROXY,
        ),
        "average_latency_ms": Measure(
            facts.latency_sum, facts.latency_count, facts.latency_count, "Interventions with a recorded latency."
        ),
        "human_escalation_frequency": Measure(
            facts.asked, facts.decisions, facts.decisions, "Interventions of the ledger that needed a person."
        ),
        "human_override_rate": Measure(
            facts.overrides,
            facts.override_answers,
            facts.override_answers,
            "Outcomes that say whether it was overridden.",
        ),
        "data_completeness_rate": Measure(
            facts.accepted, every, every, "Rows of all datasets, dated by the as-of date, that passed their contract."
        ),
        "average_resolution_time_days": Measure(
            facts.resolution_sum,
            facts.resolution_count,
            facts.resolution_count,
            "Executed interventions that were resolved.",
        ),
        "proactive_interventions_ratio": Measure(
            facts.proactive,
            facts.acting,
            facts.acting,
            "Interventions, watching excluded, made before support was needed.",
        ),
        "csat_delta_average": Measure(
            facts.csat_sum, facts.csat_count, facts.csat_count, "Executed interventions with a measured satisfaction."
        ),
        "retention_revenue_preserved": Measure(
            facts.revenue,
            None,
            facts.revenue_count,
            "Sum of the estimates recorded with outcomes of the ROI window; not causal, see its evidence grade.",
        ),
    }


def _row(family: str, name: str, target: float, measure: Measure | None, policy: Policy) -> dict[str, ir.Value]:
    direction = LOWER if name in LOWER_IS_BETTER else HIGHER
    promise = {
        "family": ibis.literal(family),
        "kpi": ibis.literal(name),
        "unit": ibis.literal(UNITS.get(name, "share")),
        "direction": ibis.literal(direction),
        "target": ibis.literal(float(target)),
    }
    answer = _nothing(name) if measure is None else _answer(measure, float(target), direction, policy)
    # Structs of one list must have their fields in one order.
    return {spec: (promise | answer)[spec] for spec in Kpis.to_schema().columns if spec != "as_of"}


def _nothing(name: str) -> dict[str, ir.Value]:
    missing = ("value", "attainment", "numerator", "denominator")
    return {column_name: ibis.null("float64") for column_name in missing} | {
        "status": ibis.literal(NOT_MEASURABLE),
        "basis": ibis.literal(NOT_MEASURABLE),
        "n": ibis.literal(0, "int64"),
        "note": ibis.literal(MISSING.get(name, BASELINE)),
    }


def _answer(measure: Measure, target: float, direction: str, policy: Policy) -> dict[str, ir.Value]:
    is_known = measure.n > 0
    nothing = ibis.null("float64")
    numerator = is_known.ifelse(measure.numerator.cast("float64"), nothing)
    denominator = nothing if measure.denominator is None else measure.denominator.cast("float64")
    quotient = numerator if measure.denominator is None else numerator / denominator.nullif(0.0)
    # What is judged is free of the noise of binary floats, which depends on the order of the rows.
    value = rounded(quotient, CONTRIBUTION_DECIMALS)
    attainment = _attainment(value, target, direction)
    return {
        "value": rounded(value),
        "attainment": rounded(attainment),
        "status": _status(value, attainment, target, direction, policy),
        "basis": is_known.ifelse(measure.basis, NOT_MEASURABLE),
        "n": measure.n.cast("int64"),
        "numerator": rounded(numerator),
        "denominator": rounded(is_known.ifelse(denominator, nothing)),
        "note": is_known.ifelse(measure.note, f"Missing: any record. {measure.note}"),
    }


def _attainment(value: ir.NumericValue, target: float, direction: str) -> ir.NumericValue:
    if target == 0:
        return ibis.null("float64")
    quotient = value / target if direction == HIGHER else target / value.nullif(0.0)
    # Only the noise of binary floats is rounded away, lest 0.24 / 0.3 miss a threshold of 0.8.
    return rounded(quotient, CONTRIBUTION_DECIMALS)


def _status(
    value: ir.NumericValue, attainment: ir.NumericValue, target: float, direction: str, policy: Policy
) -> ir.StringValue:
    is_better = value > target if direction == HIGHER else value < target
    return ibis.cases(
        (value.isnull(), NOT_MEASURABLE),
        (is_better, EXCEEDED),
        (value == target, ON_TRACK),
        (attainment.isnull(), AT_RISK),
        (attainment >= policy.journey.kpis.kpi_warning_threshold, ON_TRACK),
        (attainment >= policy.journey.kpis.kpi_critical_threshold, AT_RISK),
        else_=CRITICAL,
    )


def _count_of(tables: list[ir.Table], name: str) -> ir.Table:
    counts = ibis.union(*(rows.agg(rows=rows.count()) for rows in tables))
    return counts.agg(**{name: counts.rows.sum()})
