"""The marketing section of the policy as typed, frozen objects.

Belongs here: what each part may say, and what contradicts itself within one part. Does not belong here: any default
number (that is `policy.yaml`) and how a policy is read (`policy.py`).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, Strict, model_validator

from cjo_assets.policy_sections import MOST_MINUTES, Count, Names, Section, Share, Weight, Weights

Level = Annotated[float, Field(gt=0, lt=1)]
Counted = Literal["impressions", "clicks", "conversions"]


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


class MarketingReporting(Section):
    """What is written down about marketing, and by whom."""

    enable_progress_tracking: bool
    enable_kpi_tracking: bool
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
    reporting: MarketingReporting
