"""The marketing section of the policy as typed, frozen objects, and the rules within each part.

The default values are in `policy.yaml`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, Strict, model_validator

from cjo_assets.policy.base import MOST_DAYS, MOST_MINUTES, Count, Names, Positive, Section, Share, Weight, Weights
from cjo_assets.policy.marketing_experiments import Counted, ExperimentRules, Level, PersonMetrics

Priority = Literal["high", "medium", "low"]
Action = Literal[
    "pause",
    "scale",
    "increase_budget",
    "decrease_budget",
    "reallocate",
    "optimize",
    "stop",
    "freeze_budget",
    "reject",
    "roll_back",
    "review",
    "settle_status",
    "mend_tracking",
]


class MetricDefinition(Section):
    """A metric: numerator, denominator, unit of its variance, and the direction that is good."""

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
    """Meaning of performance snapshots."""

    snapshots_are: Literal["increments", "totals"]
    people_design_effect: Annotated[float, Field(ge=1, le=1e6)]


class CampaignJudgement(Section):
    """Thresholds of the performance and pace of a campaign."""

    performance_thresholds: dict[str, Weight]
    minimum_elapsed_share: Share
    minimum_exposures: Count
    interval_level: Level
    pacing_tolerance: Share
    open_ended_after_years: Annotated[int, Field(ge=1, le=100)]

    @model_validator(mode="after")
    def _three_ascending_steps(self) -> CampaignJudgement:
        steps = ("below_expectations", "meeting_expectations", "exceeding_expectations")
        if set(self.performance_thresholds) != set(steps):
            raise ValueError(f"performance_thresholds must name {', '.join(steps)}")
        values = [self.performance_thresholds[step] for step in steps]
        if values != sorted(set(values)):
            raise ValueError("performance_thresholds must ascend from below to exceeding")
        return self


class MarketingRoi(Section):
    """Costs of the work: review, language models, calls and infrastructure."""

    cost_per_human_review_hour: Weight
    cost_per_llm_call: Weight
    cost_per_api_call: Weight
    infrastructure_cost_per_month: Weight
    review_minutes_per_answer: Annotated[float, Field(ge=0, le=MOST_MINUTES)]


class MarketingOperationalTargets(Section):
    """Targets of the KPIs of operational health."""

    campaign_execution_success_rate: float
    average_latency_seconds: float
    human_review_frequency: float
    policy_violation_count: float
    experiment_setup_errors: float
    data_freshness_hours: float


class MarketingEffectivenessTargets(Section):
    """Targets of the KPIs of campaign impact."""

    experiment_velocity: float
    average_lift_percentage: float
    messaging_consistency_score: float
    insight_to_action_time_hours: float
    targeting_precision_improvement: float


class MarketingBusinessTargets(Section):
    """Targets of the KPIs of business value."""

    conversion_rate_delta: float
    cpa_reduction_percentage: float
    marketing_attributed_revenue: float
    wasted_spend_reduction: float
    roi_estimate: float


class MarketingKpis(Section):
    """Targets of the KPIs, and the margins of their statuses."""

    enable_kpi_tracking: bool
    operational_kpi_targets: MarketingOperationalTargets
    effectiveness_kpi_targets: MarketingEffectivenessTargets
    business_kpi_targets: MarketingBusinessTargets
    kpi_warning_threshold: Share
    kpi_critical_threshold: Share
    minimum_measured_share: Share
    interval_level: Level
    minimum_events: Annotated[int, Field(ge=1)]
    violation_risk_types: Names

    @model_validator(mode="after")
    def _descending(self) -> MarketingKpis:
        if self.kpi_critical_threshold > self.kpi_warning_threshold:
            raise ValueError("kpi_critical_threshold must not exceed kpi_warning_threshold")
        return self


class RecommendationPriorities(Section):
    """Priority of each kind of recommendation."""

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
    """Horizon, size and approval of recommendations."""

    impact_days: Annotated[int, Field(ge=1, le=MOST_DAYS)]
    reallocation_share: Share
    smallest_move: Weight
    marginal_return: Share
    interval_level: Level
    pace_days: Annotated[int, Field(ge=1, le=MOST_DAYS)]
    approval_needed: Annotated[tuple[Action, ...], Strict(False)]
    priorities: RecommendationPriorities


class MarketingApprovals(Section):
    """Who approves recommendations and budget moves, and in which time."""

    timeout_minutes: Annotated[int, Field(ge=1, le=MOST_MINUTES)]
    executive_amount: Weight


Severities = Annotated[tuple[Literal["low", "medium", "high", "critical"], ...], Strict(False)]


class BudgetRules(Section):
    """Limits of budget moves between channels."""

    approval_latency_target_minutes: Annotated[float, Field(gt=0, le=MOST_MINUTES)]
    largest_move_share: Share
    largest_window_share: Weight
    window_days: Annotated[int, Field(ge=1, le=MOST_DAYS)]
    currency: Annotated[str, Field(min_length=1)]
    refusing_severities: Severities


class SeverityWeights(Weights):
    """Weight of each severity."""

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
    """Weights of risks, and the risks that freeze a budget."""

    severity_weights: SeverityWeights
    blocking_severities: Severities


class DecisionRules(Section):
    """Rules for the texts about decisions."""

    common_triggers: Annotated[int, Field(ge=1, le=100)]
    decision_patterns: dict[str, Annotated[Names, Field(min_length=1)]] = Field(min_length=1)


class SegmentPortfolioRules(Section):
    """Thresholds of the action for an audience segment: scale, hold, revise or stop."""

    minimum_exposures: Count
    scale_roi: Weight
    minimum_roi: Annotated[float, Field(ge=-1, le=1e12)]
    stop_share: Share
    spend_without_value: Weight

    @model_validator(mode="after")
    def _scaling_asks_for_more(self) -> SegmentPortfolioRules:
        if self.scale_roi < self.minimum_roi:
            raise ValueError("scale_roi is below minimum_roi: what is scaled would be revised too")
        return self


class FunnelRules(Section):
    """Paths of the funnel, and thresholds of a leak."""

    paths: dict[str, Annotated[Names, Field(min_length=2)]] = Field(min_length=1)
    leaks_from: str
    minimum_measured_steps: Annotated[int, Field(ge=1)]
    recent_days: Annotated[int, Field(ge=1, le=MOST_DAYS)]
    leak_margin: Share

    @model_validator(mode="after")
    def _each_stage_once(self) -> FunnelRules:
        for path, stages in self.paths.items():
            if len(set(stages)) != len(stages):
                raise ValueError(f"paths.{path} names a stage twice")
        return self


class PositionWeights(Weights):
    """Shares of a conversion for the first, the middle and the last touches."""

    first: Weight
    middle: Weight
    last: Weight


class AttributionRules(Section):
    """Window, weights and tolerance of attribution."""

    hints_are: Literal["increments", "restatements"]
    tolerance: Share
    window_days: Annotated[float, Field(gt=0, le=MOST_DAYS)]
    half_life_days: Positive
    position_weights: PositionWeights


class Tolerances(Section):
    """Tolerated residuals, as shares."""

    impressions: Share
    clicks: Share
    conversions: Share
    spend: Share
    value: Share
    net_value: Share
    rate: Share
    asset_cost: Share


class ReconciliationRules(Section):
    """Tolerances and definitions for the comparison of sources."""

    tolerances: Tolerances
    impression_stage: str
    click_stage: str
    conversion_stages: dict[str, str]
    cost_model_units: dict[str, Counted]


class MarketingReporting(Section):
    """Settings of the report and its generated texts."""

    enable_progress_tracking: bool
    enable_statistical_testing: bool
    enable_reporting: bool
    enable_validation: bool
    report_rows: Annotated[int, Field(ge=1)]
    enable_llm_summary: bool
    llm_summary_max_tokens: Annotated[int, Field(ge=1, le=100_000)]
    enable_llm_insights: bool
    llm_insights_max_campaigns: Count
    llm_model: Annotated[str, Field(min_length=1)]
    temperature: Annotated[float, Field(ge=0, le=2)]
    llm_timeout_seconds: Annotated[float, Field(gt=0, le=600)]


class MarketingPolicy(Section):
    """The marketing section."""

    metric_definitions: dict[str, MetricDefinition] = Field(min_length=1)
    snapshots: Snapshots
    campaigns: CampaignJudgement
    experiments: ExperimentRules
    person_metrics: PersonMetrics
    roi: MarketingRoi
    segments: SegmentPortfolioRules
    funnel: FunnelRules
    attribution: AttributionRules
    reconciliation: ReconciliationRules
    budgets: BudgetRules
    risks: RiskRules
    decisions: DecisionRules
    reporting: MarketingReporting
    kpis: MarketingKpis
    recommendations: RecommendationRules
    approvals: MarketingApprovals

    @model_validator(mode="after")
    def _metrics_are_defined(self) -> MarketingPolicy:
        unknown = set(self.reconciliation.conversion_stages) - set(self.metric_definitions)
        if unknown:
            raise ValueError(f"reconciliation.conversion_stages: unknown metric {', '.join(sorted(unknown))}")
        return self

    def stages_named(self) -> dict[str, set[str]]:
        """Return the funnel steps that these rules name, by the place that names them."""
        paths = {f"funnel.paths.{name}": set(stages) for name, stages in self.funnel.paths.items()}
        return paths | {
            "funnel.leaks_from": {self.funnel.leaks_from},
            "reconciliation.impression_stage": {self.reconciliation.impression_stage},
            "reconciliation.click_stage": {self.reconciliation.click_stage},
            "reconciliation.conversion_stages": set(self.reconciliation.conversion_stages.values()),
        }
