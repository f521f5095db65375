"""The journey family: its datasets, its tables in reading order, and the questions asked to each."""

import dagster as dg

from cjo_assets.core.quarantine.dataset_tables import dataset_tables
from cjo_assets.core.table import Audit, Family, Table
from cjo_assets.defs.portfolio import portfolio_tables
from cjo_assets.families.journey.approval import (
    approval_history,
    approval_requests,
    outcome_analyses,
    pending_approvals,
)
from cjo_assets.families.journey.decision import (
    coverage_gaps,
    customer_needs,
    holdout_assignments,
    playbook_candidates,
    recommended_interventions,
)
from cjo_assets.families.journey.evaluation import (
    aggregated_signals,
    fused_signals,
    journey_evaluations,
    journey_states,
)
from cjo_assets.families.journey.forecast import forecast_backtest, journey_forecasts, transition_model
from cjo_assets.families.journey.inputs import (
    approval_decisions,
    baseline_metrics,
    customers,
    interventions,
    outcomes,
    playbook_performance_log,
    playbooks,
    signal_labels,
    signals,
    state_entries,
)
from cjo_assets.families.journey.interventions import intervention_ledger
from cjo_assets.families.journey.learning import (
    playbook_performance,
    signal_effectiveness,
    threshold_advice,
    treatment_effects,
)
from cjo_assets.families.journey.portfolio import journey_summary, phrased_texts
from cjo_assets.families.journey.risk import risk_contributions, risk_scores
from cjo_assets.families.journey.value import (
    baseline_comparisons,
    kpi_status,
    kpis,
    roi_breakdown,
    roi_by_grade,
    roi_estimate,
    roi_sensitivity,
)
from cjo_assets.orchestration.assets import family_definitions

SCHEMA = "journey"
DATASETS = (
    customers.DATASET,
    playbooks.DATASET,
    state_entries.DATASET,
    signals.DATASET,
    interventions.DATASET,
    outcomes.DATASET,
    approval_decisions.DATASET,
    playbook_performance_log.DATASET,
    baseline_metrics.DATASET,
    signal_labels.DATASET,
)

LOOKUPS = [
    *dataset_tables(customers.DATASET, SCHEMA),
    *dataset_tables(
        playbooks.DATASET,
        SCHEMA,
        (Audit(playbooks.unknown_fallbacks), Audit(playbooks.unknown_trigger_signals)),
    ),
    *dataset_tables(
        state_entries.DATASET,
        SCHEMA,
        (
            Audit(state_entries.transitions_as_read, contract=state_entries.AllowedTransitions),
            Audit(state_entries.entries_of_one_day),
        ),
    ),
    *dataset_tables(signals.DATASET, SCHEMA, (Audit(signals.unknown_signal_types),)),
    *dataset_tables(
        interventions.DATASET,
        SCHEMA,
        (Audit(interventions.unknown_triggers), Audit(interventions.unknown_playbooks)),
    ),
    *dataset_tables(
        outcomes.DATASET,
        SCHEMA,
        (
            Audit(outcomes.out_of_order),
            Audit(outcomes.outcomes_of_nothing_known),
        ),
    ),
    *dataset_tables(approval_decisions.DATASET, SCHEMA),
    *dataset_tables(
        playbook_performance_log.DATASET, SCHEMA, (Audit(playbook_performance_log.ratios_without_success),)
    ),
    *dataset_tables(baseline_metrics.DATASET, SCHEMA),
    *dataset_tables(signal_labels.DATASET, SCHEMA),
]

TABLES = [
    Table(
        SCHEMA,
        "journey_states",
        journey_states.JourneyStates,
        journey_states.journey_states,
        "evaluation",
        (Audit(journey_states.invalid_transitions), Audit(journey_states.disagreeing_days)),
        remembered=journey_states.REMEMBERED,
    ),
    Table(
        SCHEMA,
        "intervention_ledger",
        intervention_ledger.InterventionLedger,
        intervention_ledger.intervention_ledger,
        "evaluation",
    ),
    Table(
        SCHEMA,
        "aggregated_signals",
        aggregated_signals.AggregatedSignals,
        aggregated_signals.aggregated_signals,
        "evaluation",
    ),
    Table(SCHEMA, "fused_signals", fused_signals.FusedSignals, fused_signals.fused_signals, "evaluation"),
    Table(
        SCHEMA,
        "journey_evaluations",
        journey_evaluations.JourneyEvaluations,
        journey_evaluations.journey_evaluations,
        "evaluation",
    ),
    Table(
        SCHEMA,
        "transition_model",
        transition_model.TransitionModel,
        transition_model.transition_model,
        "forecast",
        (Audit(transition_model.cells_beyond_certainty, is_blocking=True),),
    ),
    Table(
        SCHEMA,
        "journey_forecasts",
        journey_forecasts.JourneyForecasts,
        journey_forecasts.journey_forecasts,
        "forecast",
        (Audit(journey_forecasts.forecasts_outside_their_interval, is_blocking=True),),
    ),
    Table(
        SCHEMA,
        "forecast_backtest",
        forecast_backtest.ForecastBacktest,
        forecast_backtest.forecast_backtest,
        "forecast",
        (Audit(forecast_backtest.records_from_the_future, is_blocking=True),),
    ),
    Table(
        SCHEMA,
        "risk_scores",
        risk_scores.RiskScores,
        risk_scores.risk_scores,
        "risk",
        (Audit(risk_scores.distant_crm_tiers),),
    ),
    Table(
        SCHEMA,
        "risk_contributions",
        risk_contributions.RiskContributions,
        risk_contributions.risk_contributions,
        "risk",
        (Audit(risk_contributions.contributions_that_do_not_sum, is_blocking=True),),
    ),
    Table(
        SCHEMA, "treatment_effects", treatment_effects.TreatmentEffects, treatment_effects.treatment_effects, "learning"
    ),
    Table(
        SCHEMA,
        "playbook_performance",
        playbook_performance.PlaybookPerformance,
        playbook_performance.playbook_performance,
        "learning",
        (Audit(playbook_performance.runs_that_do_not_add_up, is_blocking=True),),
    ),
    Table(
        SCHEMA,
        "signal_effectiveness",
        signal_effectiveness.SignalEffectiveness,
        signal_effectiveness.signal_effectiveness,
        "learning",
    ),
    Table(SCHEMA, "threshold_advice", threshold_advice.ThresholdAdvice, threshold_advice.threshold_advice, "learning"),
    Table(SCHEMA, "customer_needs", customer_needs.CustomerNeeds, customer_needs.customer_needs, "recommendation"),
    Table(
        SCHEMA,
        "playbook_candidates",
        playbook_candidates.PlaybookCandidates,
        playbook_candidates.playbook_candidates,
        "recommendation",
    ),
    Table(
        SCHEMA,
        "holdout_assignments",
        holdout_assignments.HoldoutAssignments,
        holdout_assignments.holdout_assignments,
        "recommendation",
    ),
    Table(
        SCHEMA,
        "recommended_interventions",
        recommended_interventions.RecommendedInterventions,
        recommended_interventions.recommended_interventions,
        "recommendation",
        (
            Audit(recommended_interventions.ids_of_two_decisions, is_blocking=True),
            Audit(recommended_interventions.unaddressed_strong_signals),
        ),
        remembered=recommended_interventions.REMEMBERED,
    ),
    Table(SCHEMA, "coverage_gaps", coverage_gaps.CoverageGaps, coverage_gaps.coverage_gaps, "recommendation"),
    Table(
        SCHEMA,
        "approval_requests",
        approval_requests.ApprovalRequests,
        approval_requests.approval_requests,
        "approval",
    ),
    Table(
        SCHEMA,
        "pending_approvals",
        pending_approvals.PendingApprovals,
        pending_approvals.pending_approvals,
        "approval",
        is_view=True,
    ),
    Table(
        SCHEMA,
        "approval_history",
        approval_history.ApprovalHistory,
        approval_history.approval_history,
        "approval",
        (Audit(approval_history.answers_without_effect),),
    ),
    Table(
        SCHEMA,
        "outcome_analyses",
        outcome_analyses.OutcomeAnalyses,
        outcome_analyses.outcome_analyses,
        "outcome",
        (
            Audit(outcome_analyses.interventions_without_outcome),
            Audit(outcome_analyses.outcomes_of_what_was_not_executed),
            Audit(outcome_analyses.uses_outside_eligibility),
            Audit(outcome_analyses.outcomes_of_another_playbook),
        ),
    ),
    Table(
        SCHEMA,
        "baseline_comparisons",
        baseline_comparisons.BaselineComparisons,
        baseline_comparisons.baseline_comparisons,
        "value",
        (Audit(baseline_comparisons.ratios_that_are_not_their_quotient, is_blocking=True),),
    ),
    Table(
        SCHEMA,
        "kpis",
        kpis.Kpis,
        kpis.kpis,
        "value",
        (Audit(kpis.kpis_that_are_not_their_quotient, is_blocking=True),),
        remembered=kpis.REMEMBERED,
    ),
    Table(SCHEMA, "kpi_status", kpi_status.KpiStatus, kpi_status.kpi_status, "value"),
    Table(
        SCHEMA,
        "roi_breakdown",
        roi_breakdown.RoiBreakdown,
        roi_breakdown.roi_breakdown,
        "value",
        (Audit(roi_breakdown.amounts_that_are_not_their_product, is_blocking=True),),
    ),
    Table(
        SCHEMA,
        "roi_by_grade",
        roi_by_grade.RoiByGrade,
        roi_by_grade.roi_by_grade,
        "value",
        (Audit(roi_by_grade.grades_that_do_not_sum, is_blocking=True),),
    ),
    Table(
        SCHEMA,
        "roi_estimate",
        roi_estimate.RoiEstimate,
        roi_estimate.roi_estimate,
        "value",
        (Audit(roi_estimate.totals_that_do_not_sum, is_blocking=True),),
    ),
    Table(
        SCHEMA,
        "roi_sensitivity",
        roi_sensitivity.RoiSensitivity,
        roi_sensitivity.roi_sensitivity,
        "value",
        (Audit(roi_sensitivity.bases_that_are_not_the_estimate, is_blocking=True),),
    ),
    *portfolio_tables(SCHEMA, DATASETS),
    Table(SCHEMA, "journey_summary", journey_summary.JourneySummary, journey_summary.journey_summary, "value"),
]

PHRASED_TEXTS = Table(SCHEMA, "phrased_texts", phrased_texts.PhrasedTexts, None, "language")

FAMILY = Family(
    name=SCHEMA,
    datasets=DATASETS,
    tables=(*LOOKUPS, *TABLES, PHRASED_TEXTS),
)


@dg.definitions
def journey_assets() -> dg.Definitions:
    """Return the assets of the journey family."""
    return family_definitions(FAMILY)
