"""The marketing section of the policy as typed, frozen objects.

Belongs here: what each part may say, and what contradicts itself within one part. Does not belong here: any default
number (that is `policy.yaml`) and how a policy is read (`policy.py`).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from cjo_assets.policy_sections import Section, Weight

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


class Guardrail(Section):
    """What must not fall while another metric rises."""

    counted: Counted
    per: Literal["impressions", "clicks", "cost"]
    margin: Level
    design_effect: Annotated[float, Field(ge=1, le=1e6)]

    @model_validator(mode="after")
    def _divides_by_something_else(self) -> Guardrail:
        if self.counted == self.per:
            raise ValueError("counted and per are the same")
        return self


class ExperimentRules(Section):
    """When an experiment is believed."""

    statistical_significance_threshold: Level
    minimum_sample_size: Annotated[int, Field(ge=1)]
    minimum_successes: Annotated[int, Field(ge=1)]
    lift_threshold_for_scaling: Weight
    power: Level
    sample_ratio_threshold: Level
    control_share: Level
    sequential_tightest_at: Annotated[int, Field(ge=2)]
    guardrails: dict[str, Guardrail]


class MarketingRoi(Section):
    """What the work itself costs."""

    cost_per_human_review_hour: Weight
    cost_per_llm_call: Weight
    cost_per_api_call: Weight
    infrastructure_cost_per_month: Weight


class MarketingPolicy(Section):
    """The rules of marketing."""

    metric_definitions: dict[str, MetricDefinition] = Field(min_length=1)
    snapshots: Snapshots
    campaigns: CampaignJudgement
    experiments: ExperimentRules
    roi: MarketingRoi
