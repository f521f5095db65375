"""Leaves of the marketing policy, with their alternative values and those of the seed."""

from typing import Any

from cjo_assets_tests.support.policy_leaves import DEFAULT, FamilyLeaves
from cjo_assets_tests.support.probe import leaves

RULES: dict[str, Any] = DEFAULT["marketing"]
# The words of the vocabulary that files of marketing may hold.
WORDS = (
    "channel_types",
    "cost_models",
    "asset_variants",
    "experiment_types",
    "funnel_stages",
    "funnel_sources",
    "budget_reasons",
    "risk_types",
    "risk_actions",
)
LEAVES: dict[str, Any] = dict(leaves(RULES, "marketing")) | {
    path: value for name in WORDS for path, value in leaves(DEFAULT["vocabulary"][name], f"vocabulary.{name}")
}

METRICS, PERSON_METRICS, GUARDRAILS, PRIORITIES = (
    "marketing.metric_definitions",
    "marketing.person_metrics",
    "marketing.experiments.guardrails",
    "marketing.recommendations.priorities",
)
# What the rule of turning makes no policy of, or no difference.
OTHER_VALUES: dict[str, Any] = {
    **{f"{METRICS}.{name}.denominator": "clicks" for name in RULES["metric_definitions"]},
    **{f"{METRICS}.{name}.direction": "down" for name in RULES["metric_definitions"]},
    **{f"{METRICS}.{name}.design_effect": 3.0 for name in RULES["metric_definitions"]},
    **{
        f"{METRICS}.{name}.numerator": "clicks" if metric["numerator"] == "conversions" else "conversions"
        for name, metric in RULES["metric_definitions"].items()
    },
    **{f"{GUARDRAILS}.{name}.counted": "clicks" for name in RULES["experiments"]["guardrails"]},
    **{f"{GUARDRAILS}.{name}.per": "clicks" for name in RULES["experiments"]["guardrails"]},
    **{f"{GUARDRAILS}.{name}.design_effect": 10.0 for name in RULES["experiments"]["guardrails"]},
    **{
        f"{PRIORITIES}.{rule}": "low" if level == "high" else "high"
        for rule, level in RULES["recommendations"]["priorities"].items()
    },
    "marketing.snapshots.snapshots_are": "totals",
    "marketing.campaigns.performance_thresholds.exceeding_expectations": 1.0,
    "marketing.campaigns.performance_thresholds.below_expectations": 0.5,
    # The smallest is 1.
    "marketing.snapshots.people_design_effect": 2.0,
    f"{PERSON_METRICS}.corrected_over": "day",
    **{
        f"{PERSON_METRICS}.definitions.{name}.{part}": other[metric[part]]
        for name, metric in RULES["person_metrics"]["definitions"].items()
        for part, other in (
            ("kind", {"mean": "ratio", "ratio": "mean"}),
            ("unit", {metric["unit"]: "points"}),
            ("direction", {"up": "down"}),
        )
    },
    # Arms of equal size are not a mismatch: the mismatch of the sample must not be the only one.
    "marketing.experiments.sample_ratio_threshold": 0.9,
    "marketing.kpis.operational_kpi_targets.policy_violation_count": 1,
    "marketing.kpis.operational_kpi_targets.experiment_setup_errors": 1,
    "marketing.kpis.business_kpi_targets.marketing_attributed_revenue": 100.0,
    "marketing.kpis.kpi_warning_threshold": 1.0,
    "marketing.kpis.minimum_measured_share": 0.9,
    "marketing.kpis.minimum_events": 200,
    "marketing.segments.minimum_roi": 0.45,
    "marketing.funnel.leaks_from": "visit",
    # The sample's leak is less than half of its benchmark.
    "marketing.funnel.leak_margin": 0.9,
    "marketing.attribution.hints_are": "restatements",
    "marketing.reconciliation.impression_stage": "click",
    "marketing.reconciliation.click_stage": "visit",
    "marketing.reconciliation.conversion_stages.conversion_rate": "purchase",
    "marketing.reconciliation.conversion_stages.demo_request_rate": "purchase",
    "marketing.reconciliation.cost_model_units.per_send": "clicks",
    "marketing.reconciliation.cost_model_units.per_click": "impressions",
    "marketing.reconciliation.cost_model_units.per_impression": "clicks",
    "marketing.budgets.currency": "EUR",
    # The largest move is of two thousand.
    "marketing.approvals.executive_amount": 100.0,
    # The longest campaign has thirty days left, and the largest move is of two thousand.
    "marketing.recommendations.impact_days": 10,
    "marketing.recommendations.smallest_move": 5000.0,
    "marketing.reporting.llm_model": "another",
}


def _without_stage(stage: str) -> dict[str, Any]:
    """Return rules that name a stage nowhere: as long as one does, it must be a word."""
    named = ("funnel.leaks_from", "reconciliation.impression_stage", "reconciliation.click_stage")
    named += tuple(
        f"reconciliation.conversion_stages.{metric}" for metric in RULES["reconciliation"]["conversion_stages"]
    )
    other = "visit" if stage != "visit" else "click"
    return {
        f"marketing.funnel.paths.{path}": [name for name in stages if name != stage]
        for path, stages in RULES["funnel"]["paths"].items()
    } | {f"marketing.{path}": other for path in named if LEAVES[f"marketing.{path}"] == stage}


STARTING_FROM: dict[str, dict[str, Any]] = {
    # What counts clicks cannot be divided by clicks.
    **{
        f"{METRICS}.{name}.denominator": {f"{METRICS}.{name}.numerator": "conversions"}
        for name in ("click_through_rate", "feature_click_through_rate")
    },
    "marketing.reporting.llm_insights_max_campaigns": {"marketing.reporting.enable_llm_insights": True},
    **{f"vocabulary.funnel_stages[{stage}]": _without_stage(stage) for stage in DEFAULT["vocabulary"]["funnel_stages"]},
}

# Leaves with rows of their own: table, the column that names the leaf, and the one with its value.
SHOWN_BY_NAME = {
    "marketing.recommendations.priorities": ("marketing.recommendations", "rule", "priority"),
    "marketing.recommendations.approval_needed": ("marketing.recommendations", "action", "requires_human_approval"),
    **{
        f"marketing.kpis.{group}_kpi_targets": ("marketing.kpis", "kpi", "target")
        for group in ("operational", "effectiveness", "business")
    },
}

# The seed's MarketingOrchestratorConfig: every field, with its default.
SEED_CONFIGURATION: dict[str, Any] = {
    "llm_model": "gpt-4o-mini",
    "temperature": 0.3,
    "performance_thresholds": {"exceeding_expectations": 1.2, "meeting_expectations": 0.8, "below_expectations": 0.0},
    "statistical_significance_threshold": 0.05,
    "minimum_sample_size": 100,
    "lift_threshold_for_scaling": 0.10,
    "operational_kpi_targets": {
        "campaign_execution_success_rate": 0.95,
        "average_latency_seconds": 5.0,
        "human_review_frequency": 0.30,
        "policy_violation_count": 0,
        "experiment_setup_errors": 0,
        "data_freshness_hours": 2.0,
    },
    "effectiveness_kpi_targets": {
        "experiment_velocity": 1.5,
        "average_lift_percentage": 15.0,
        "messaging_consistency_score": 0.85,
        "insight_to_action_time_hours": 6.0,
        "targeting_precision_improvement": 0.10,
    },
    "business_kpi_targets": {
        "conversion_rate_delta": 0.001,
        "cpa_reduction_percentage": 0.15,
        "marketing_attributed_revenue": 0.0,
        "wasted_spend_reduction": 0.10,
        "roi_estimate": 0.50,
    },
    "kpi_warning_threshold": 0.8,
    "kpi_critical_threshold": 0.5,
    "cost_per_human_review_hour": 60.0,
    "cost_per_llm_call": 0.01,
    "cost_per_api_call": 0.001,
    "infrastructure_cost_per_month": 500.0,
    "enable_progress_tracking": True,
    "enable_kpi_tracking": True,
    "enable_statistical_testing": True,
    "enable_reporting": True,
    "enable_validation": True,
    "enable_llm_summary": True,
    "llm_summary_max_tokens": 500,
    "enable_llm_insights": False,
    "llm_insights_max_campaigns": 3,
}
# Places of files: configuration, set by the environment or the command line, and no policy.
SEED_SETTINGS = (
    "reports_dir",
    "data_dir",
    "campaigns_file",
    "audience_segments_file",
    "channels_file",
    "creative_assets_file",
    "experiments_file",
    "performance_metrics_file",
    "orchestrator_decisions_file",
    "roi_ledger_file",
    "funnel_events_file",
    "budget_actions_file",
    "campaign_risk_signals_file",
    "segment_rollups_file",
    "attribution_hints_file",
)

MARKETING = FamilyLeaves(
    LEAVES,
    {path: {path: value} for path, value in OTHER_VALUES.items()},
    STARTING_FROM,
    SEED_CONFIGURATION,
    SEED_SETTINGS,
    shown_by_name=SHOWN_BY_NAME,
    defined_in={METRICS: "metric_definitions"},
)
