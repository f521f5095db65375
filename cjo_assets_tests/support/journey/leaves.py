"""Leaves of the journey policy, with their alternative values and those of the seed."""

import itertools
from datetime import date
from typing import Any

from cjo_assets_tests.support.lifecycle.leaves import WORDS as LIFECYCLE_WORDS
from cjo_assets_tests.support.marketing.leaves import WORDS as MARKETING_WORDS
from cjo_assets_tests.support.policy_leaves import DEFAULT, FamilyLeaves
from cjo_assets_tests.support.probe import leaves, value_at

# The entries of these are named elsewhere in the policy too: they are turned as a whole.
WHOLE = ("vocabulary.stages", "vocabulary.sources", "vocabulary.terminal_stages", "vocabulary.null_words")
LEAVES: dict[str, Any] = {
    path: value
    for section in ("journey", "vocabulary")
    for path, value in leaves(DEFAULT[section], section)
    if not path.startswith((*WHOLE, *(f"vocabulary.{name}" for name in (*MARKETING_WORDS, *LIFECYCLE_WORDS))))
} | {path: value_at(DEFAULT, path) for path in WHOLE}

# These change a check result, which the summary of a run prints, and no table or report.
SEEN_IN_A_CHECK = {
    "journey.risk.crm_tier_steps": "check journey.risk_scores distant_crm_tiers",
    "journey.signals.strong_signal_strength": "check journey.recommended_interventions unaddressed_strong_signals",
}

# The rule turns a leaf by itself: an integer doubles, another number halves, a switch flips, an entry of a list goes.
# These need another value, or company, to be a policy at all; or another place to start from, to make a difference.
EXCEPTIONS: dict[str, dict[str, Any]] = {
    "journey.evaluation.critical_multiple": {"journey.evaluation.critical_multiple": 3.0},
    "journey.evaluation.untimed_multiple": {"journey.evaluation.untimed_multiple": 3.0},
    "journey.risk.risk_tier_thresholds.high": {"journey.risk.risk_tier_thresholds.high": 0.95},
    "journey.risk.risk_tier_thresholds.low": {"journey.risk.risk_tier_thresholds.low": 0.2},
    "journey.risk.crm_tier_steps": {"journey.risk.crm_tier_steps": 1},
    "journey.kpis.kpi_warning_threshold": {"journey.kpis.kpi_warning_threshold": 1.0},
    # Of the probe's 40 customers on each side all left.
    "journey.kpis.minimum_events": {"journey.kpis.minimum_events": 50},
    "journey.kpis.kpi_critical_threshold": {"journey.kpis.kpi_critical_threshold": 0.7},
    # No period is named: first one end of it moves, then the other.
    "journey.kpis.baseline_period.start": {"journey.kpis.baseline_period.start": date(2024, 7, 1)},
    "journey.kpis.baseline_period.end": {"journey.kpis.baseline_period.end": date(2024, 11, 30)},
    # A range holds the value itself, and 0 has no half.
    **{
        f"journey.roi.sensitivity_ranges.{name}": {f"journey.roi.sensitivity_ranges.{name}": value}
        for name, value in (
            ("api_calls_per_intervention.low", 0.5),
            ("value_share_in_trouble.low", 0.5),
            ("credited_revenue_share.high", 2.0),
        )
    },
    "journey.reporting.report_rows": {"journey.reporting.report_rows": 5},
    # The probe's portfolio has fallen by all but nothing of a billion within a week, and most of it is in friction.
    "journey.portfolio.trend_margin": {"journey.portfolio.trend_margin": 1.0},
    "journey.portfolio.red_limits.friction_rate": {"journey.portfolio.red_limits.friction_rate": 1.0},
    "journey.reporting.llm_model": {"journey.reporting.llm_model": "another"},
    "journey.reporting.llm_max_characters": {"journey.reporting.llm_max_characters": 10},
    # The first bin begins at 0, the longest path has 5 steps, and the probe has no 60 forecasts to lose.
    "journey.forecast.time_bins_weeks[0]": {"journey.forecast.time_bins_weeks": [0]},
    "journey.forecast.path_steps": {"journey.forecast.path_steps": 1},
    "journey.forecast.backtest_minimum_forecasts": {"journey.forecast.backtest_minimum_forecasts": 1},
    "journey.approval.manager_tiers[high]": {"journey.approval.manager_tiers": ["high", "medium", "low"]},
    "journey.approval.manager_value": {"journey.approval.manager_value": 10_000},
    "journey.approval.manager_cost": {"journey.approval.manager_cost": 50},
    "journey.approval.executive_cost": {"journey.approval.executive_cost": 100},
    "journey.approval.two_people_cost": {"journey.approval.two_people_cost": 100},
    # The probe's sensitive actions have other names.
    **{
        f"journey.approval.sensitive_actions[{action}]": {
            "journey.approval.sensitive_actions": [other, "onboarding_call"]
        }
        for action, other in itertools.permutations(DEFAULT["journey"]["approval"]["sensitive_actions"])
    },
    # Words have other words.
    "journey.recommendation.ranking": {"journey.recommendation.ranking": "roi_ratio"},
    "journey.holdout.holdout_salt": {"journey.holdout.holdout_salt": "cjo-2"},
    # What is empty in the packaged policy is filled.
    "journey.fusion.signal_adjustments": {"journey.fusion.signal_adjustments": {"usage_drop": 1.5}},
    "journey.approval.approvers": {"journey.approval.approvers": {"executive": ["ann", "eve"]}},
    # Few of the probe's playbooks were ever used, and what one of them weighs at least matters where they differ.
    "journey.learning.learned_prior_playbooks": {"journey.learning.learned_prior_playbooks": 2},
    "journey.learning.learned_prior_least_runs": {"journey.learning.learned_prior_least_runs": 10.0},
    "journey.learning.learned_prior_most_runs": {"journey.learning.learned_prior_most_runs": 0.5},
    # The probe has people enough for all.
    "journey.contact.review_capacity_per_day": {"journey.contact.review_capacity_per_day": 2},
    # Stages are named in many places; their order is only defined here.
    "vocabulary.stages": {"vocabulary.stages": [*reversed(DEFAULT["vocabulary"]["stages"])]},
    "vocabulary.terminal_stages": {"vocabulary.terminal_stages": ["churned", "escalation"]},
    "vocabulary.null_words": {"vocabulary.null_words": []},
    "vocabulary.unnormalized_ids": {"vocabulary.unnormalized_ids": "reject"},
    "vocabulary.sources": {
        "vocabulary.sources": ["automated", "derived", "manual", "partner"],
        "journey.signals.source_trust.partner": 0.5,
    },
}
ASKING = {"journey.reporting.enable_llm_summary": True, "journey.reporting.enable_llm_personalization": True}
STARTING_FROM: dict[str, dict[str, Any]] = {
    # No complete count of the probe is near its target, and an estimate is compared by its interval.
    "journey.kpis.kpi_warning_threshold": {"journey.kpis.operational_kpi_targets.human_escalation_frequency": 0.35},
    # Settings of requests matter only with a language model.
    **{
        f"journey.reporting.{name}": ASKING
        for name in (
            "llm_personalization_max_interventions",
            "llm_model",
            "temperature",
            "llm_timeout_seconds",
            "llm_max_tokens",
            "llm_max_characters",
        )
    },
    # The playbooks' own prior counts once there are enough of them.
    "journey.learning.learned_prior_most_runs": {
        "journey.learning.learned_prior_playbooks": 2,
        "journey.learning.learned_prior_least_runs": 0.5,
        # Counted as the same kind of success, the probe's playbooks are more alike.
        "journey.learning.success_outcomes": ["resolved", "improved_engagement", "no_response"],
    },
    "journey.learning.learned_prior_least_runs": {
        "journey.learning.learned_prior_playbooks": 2,
        "journey.learning.success_outcomes": ["no_response"],
    },
    # As long as the step is allowed as a re-entry it is allowed.
    "journey.evaluation.transitions.retention[support]": {"journey.evaluation.re_entries": {}},
    **{
        f"journey.kpis.baseline_period.{end}": {
            "journey.kpis.baseline_period.start": date(2024, 10, 1),
            "journey.kpis.baseline_period.end": date(2024, 12, 31),
        }
        for end in ("start", "end")
    },
    # A red value is not compared with the target.
    "journey.portfolio.targets.friction_rate": {"journey.portfolio.red_limits.friction_rate": 1.0},
    # As long as a playbook of this status is used it must be a word.
    "vocabulary.playbook_statuses[active]": {"vocabulary.active_statuses": ["draft"]},
    # As long as it counts as a success it must be a word.
    "vocabulary.outcomes[resolved]": {"journey.learning.success_outcomes": ["improved_engagement"]},
    "vocabulary.outcomes[improved_engagement]": {"journey.learning.success_outcomes": ["resolved"]},
}

# The seed's CustomerJourneyOrchestratorConfig: every field, with its default.
SEED_CONFIGURATION: dict[str, Any] = {
    "typical_stage_durations": {"onboarding": 14, "engagement": 30, "support": 7, "retention": 90},
    "friction_thresholds": {
        "onboarding_exceeded_days": 14,
        "engagement_inactivity_days": 30,
        "support_escalation_days": 5,
    },
    "signal_aggregation_weights": {
        "negative_sentiment": 0.30,
        "support_ticket_spike": 0.25,
        "usage_drop": 0.20,
        "repeat_support_tickets": 0.15,
        "failed_onboarding_step": 0.10,
    },
    "risk_scoring_weights": {
        "signal_strength": 0.35,
        "time_in_state": 0.25,
        "customer_value": 0.20,
        "signal_count": 0.20,
    },
    "risk_tier_thresholds": {"high": 0.70, "medium": 0.40, "low": 0.0},
    "intervention_confidence_threshold": 0.50,
    "high_value_customer_threshold": 30000.0,
    "auto_approve_for_testing": True,
    "approval_timeout_minutes": 60,
    "operational_kpi_targets": {
        "journey_state_classification_accuracy": 0.90,
        "signal_detection_precision": 0.85,
        "signal_detection_recall": 0.85,
        "average_latency_ms": 300.0,
        "human_escalation_frequency": 0.30,
        "human_override_rate": 0.15,
        "data_completeness_rate": 0.95,
    },
    "effectiveness_kpi_targets": {
        "average_resolution_time_days": 5.0,
        "unresolved_issues_reduction": 0.10,
        "escalation_reduction": 0.15,
        "proactive_interventions_ratio": 0.60,
        "experience_consistency_score": 0.85,
    },
    "business_kpi_targets": {
        "churn_rate_reduction": 0.10,
        "csat_delta_average": 1.0,
        "nps_delta_average": 0.5,
        "cost_per_support_case_reduction": 0.15,
        "retention_revenue_preserved": 10000.0,
        "escalation_cost_reduction": 0.15,
        "lifetime_value_delta": 0.03,
    },
    "kpi_warning_threshold": 0.8,
    "kpi_critical_threshold": 0.5,
    "cost_per_human_review_hour": 50.0,
    "cost_per_llm_call": 0.01,
    "cost_per_api_call": 0.001,
    "infrastructure_cost_per_month": 500.0,
    "enable_progress_tracking": True,
    "enable_kpi_tracking": True,
    "enable_hitl": True,
    "enable_reporting": True,
    "enable_llm_personalization": False,
    "llm_personalization_max_interventions": 3,
    "llm_model": "gpt-4o-mini",
    "temperature": 0.3,
}
# Places of files: configuration, set by the environment or the command line, and no policy.
SEED_SETTINGS = (
    "reports_dir",
    "data_dir",
    "customers_file",
    "journey_state_log_file",
    "signals_file",
    "interventions_file",
    "outcomes_file",
)
# Where a value differs from the seed, the issue gives it.
NOT_THE_SEEDS = {
    "auto_approve_for_testing": False,
    "approval_timeout_minutes": 2880,
}

JOURNEY = FamilyLeaves(
    LEAVES, EXCEPTIONS, STARTING_FROM, SEED_CONFIGURATION, SEED_SETTINGS, SEEN_IN_A_CHECK, not_the_seeds=NOT_THE_SEEDS
)
