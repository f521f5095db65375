"""The experiment rules of the marketing section: guardrails, requirements, and metrics of people."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, Strict, model_validator

from cjo_assets.policy.base import MOST_DAYS, Positive, Section, Weight

Level = Annotated[float, Field(gt=0, lt=1)]
Counted = Literal["impressions", "clicks", "conversions"]


class Guardrail(Section):
    """A guardrail metric, and how far it may fall."""

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
    """Requirements for conclusions from an experiment."""

    statistical_significance_threshold: Level
    minimum_sample_size: Annotated[int, Field(ge=1)]
    minimum_successes: Annotated[int, Field(ge=1)]
    minimum_weeks: Annotated[int, Field(ge=1, le=MOST_DAYS)]
    lift_threshold_for_scaling: Weight
    power: Level
    sample_ratio_threshold: Level
    sample_ratio_prior_weight: Positive
    control_share: Level
    sequential_tightest_at: Annotated[int, Field(ge=2)]
    prior_successes: Positive
    prior_failures: Positive
    planned_lifts: Annotated[tuple[Positive, ...], Strict(False), Field(min_length=1)]
    guardrails: dict[str, Guardrail]

    @model_validator(mode="after")
    def _ascending_lifts(self) -> ExperimentRules:
        if list(self.planned_lifts) != sorted(set(self.planned_lifts)):
            raise ValueError("planned_lifts must ascend")
        return self


class PersonMetric(Section):
    """A metric of people: a mean per person, or a ratio of two means, and the least relative effect worth detecting."""

    kind: Literal["mean", "ratio"]
    unit: Annotated[str, Field(min_length=1)]
    direction: Literal["up", "down"]
    minimum_effect: Annotated[float, Field(gt=0, le=1e6)]


class PersonMetrics(Section):
    """Metrics of people in experiments, and which comparisons are corrected together."""

    corrected_over: Literal["experiment", "family", "day"]
    definitions: dict[str, PersonMetric]
