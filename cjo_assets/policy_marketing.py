"""The marketing section of the policy as typed, frozen objects.

Belongs here: what each part may say, and what contradicts itself within one part. Does not belong here: any default
number (that is `policy.yaml`) and how a policy is read (`policy.py`).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, Strict, model_validator

from cjo_assets.policy_sections import MOST_DAYS, MOST_MINUTES, Names, Section, Share, Weight, Weights

Level = Annotated[float, Field(gt=0, lt=1)]
Counted = Literal["impressions", "clicks", "conversions"]
Priority = Literal["high", "medium", "low"]


class MetricDefinition(Section):
    """What a metric divides by what, over which units it is judged, and which way is good."""

    numerator: Counted
    denominator: Literal["impressions", "clicks"]
    direction: Literal["up", "down"]
    design_effect: Annotated[float, Field(ge=1, le=1e6)]

    @model_validator(mode="after")
    def _divides_by_more(self) -> MetricDefinition:
        if self.numerator == self.denominator:
            raise ValueError("numerator and denominator are the same")
        return self


class Snapshots(Section):
    """How performance snapshots are to be read."""

    snapshots_are: Literal["increments", "totals"]


class CampaignJudgement(Section):
    """When a campaign does better or worse than it should."""

    performance_thresholds: dict[str, Weight]

    @model_validator(mode="after")
    def _three_ascending_steps(self) -> CampaignJudgement:
        steps = ("below_expectations", "meeting_expectations", "exceeding_expectations")
        if set(self.performance_thresholds) != set(steps):
            raise ValueError(f"performance_thresholds must name {', '.join(steps)}")
        values = [self.performance_thresholds[step] for step in steps]
        if values != sorted(set(values)):
            raise ValueError("performance_thresholds must ascend from below to exceeding")
        return self


class ExperimentRules(Section):
    """When an experiment is believed."""

    statistical_significance_threshold: Level
    minimum_sample_size: Annotated[int, Field(ge=1)]
    lift_threshold_for_scaling: Weight
    power: Level
    sample_ratio_threshold: Level
    control_share: Level


class MarketingRoi(Section):
    """What the work itself costs."""

    cost_per_human_review_hour: Weight
    cost_per_llm_call: Weight
    cost_per_api_call: Weight
    infrastructure_cost_per_month: Weight
    review_minutes_per_answer: Annotated[float, Field(ge=0, le=MOST_MINUTES)]


class MarketingOperationalTargets(Section):
    """Is the system healthy?"""

    campaign_execution_success_rate: float
    average_latency_seconds: float
    human_review_frequency: float
    policy_violation_count: float
    experiment_setup_errors: float
    data_freshness_hours: float


class MarketingEffectivenessTargets(Section):
    """Is marketing improving?"""

    experiment_velocity: float
    average_lift_percentage: float
    messaging_consistency_score: float
    insight_to_action_time_hours: float
    targeting_precision_improvement: float


class MarketingBusinessTargets(Section):
    """Is this making money?"""

    conversion_rate_delta: float
    cpa_reduction_percentage: float
    marketing_attributed_revenue: float
    wasted_spend_reduction: float
    roi_estimate: float


class MarketingKpis(Section):
    """What was promised, and how near counts as near."""

    enable_kpi_tracking: bool
    operational_kpi_targets: MarketingOperationalTargets
    effectiveness_kpi_targets: MarketingEffectivenessTargets
    business_kpi_targets: MarketingBusinessTargets
    kpi_warning_threshold: Share
    kpi_critical_threshold: Share
    minimum_measured_share: Share
    interval_level: Level
    violation_risk_types: Names

    @model_validator(mode="after")
    def _descending(self) -> MarketingKpis:
        if self.kpi_critical_threshold > self.kpi_warning_threshold:
            raise ValueError("kpi_critical_threshold must not exceed kpi_warning_threshold")
        return self


class RecommendationPriorities(Section):
    """How urgent each kind of recommendation is."""

    critical_risk: Priority
    frozen_budget: Priority
    refused_move_executed: Priority
    unapproved_creative: Priority
    winning_variant: Priority
    losing_variant: Priority
    overdue_risk: Priority
    refused_move: Priority
    pending_move: Priority
    reallocation: Priority
    budget_cut: Priority
    budget_rise: Priority
    segment_scale: Priority
    segment_stop: Priority
    open_risk: Priority
    paused_campaign: Priority
    status_out_of_date: Priority
    invalid_experiment: Priority
    inconclusive_experiment: Priority
    segment_revise: Priority
    untracked_funnel: Priority
    irreconcilable_figures: Priority


class RecommendationRules(Section):
    """What is recommended, how boldly, and who must agree."""

    impact_days: Annotated[int, Field(ge=1, le=MOST_DAYS)]
    reallocation_share: Share
    smallest_move: Weight
    marginal_return: Share
    interval_level: Level
    approval_needed: Names
    priorities: RecommendationPriorities


Severities = Annotated[tuple[Literal["low", "medium", "high", "critical"], ...], Strict(False)]


class BudgetRules(Section):
    """When money may move between channels."""

    approval_latency_target_minutes: Annotated[float, Field(gt=0, le=MOST_MINUTES)]
    largest_move_share: Share
    currency: Annotated[str, Field(min_length=1)]
    refusing_severities: Severities


class SeverityWeights(Weights):
    """What each severity counts."""

    low: Weight
    medium: Weight
    high: Weight
    critical: Weight

    @model_validator(mode="after")
    def _ascending(self) -> SeverityWeights:
        if not self.low <= self.medium <= self.high <= self.critical:
            raise ValueError("weights must ascend: low, medium, high, critical")
        return self


class RiskRules(Section):
    """What a risk weighs, and when it stops a campaign's budget."""

    severity_weights: SeverityWeights
    blocking_severities: Severities


class DecisionRules(Section):
    """What is said of decisions."""

    common_triggers: Annotated[int, Field(ge=1, le=100)]
    decision_patterns: dict[str, Annotated[Names, Field(min_length=1)]] = Field(min_length=1)


class MarketingPolicy(Section):
    """The rules of marketing."""

    metric_definitions: dict[str, MetricDefinition] = Field(min_length=1)
    snapshots: Snapshots
    campaigns: CampaignJudgement
    experiments: ExperimentRules
    roi: MarketingRoi
    budgets: BudgetRules
    risks: RiskRules
    decisions: DecisionRules
    kpis: MarketingKpis
    recommendations: RecommendationRules
