"""KPIs, ROI, portfolio and reporting in the journey section of the policy, as typed, frozen objects."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from cjo_assets.policy.base import MOST, MOST_DAYS, Count, Day, Names, Section, Share, Weight


class OperationalTargets(Section):
    """Targets of the KPIs of operational health."""

    journey_state_classification_accuracy: float
    signal_detection_precision: float
    signal_detection_recall: float
    average_latency_ms: float
    human_escalation_frequency: float
    human_override_rate: float
    data_completeness_rate: float


class EffectivenessTargets(Section):
    """Targets of the KPIs of journey impact."""

    average_resolution_time_days: float
    unresolved_issues_reduction: float
    escalation_reduction: float
    proactive_interventions_ratio: float
    experience_consistency_score: float


class BusinessTargets(Section):
    """Targets of the KPIs of business value."""

    churn_rate_reduction: float
    csat_delta_average: float
    nps_delta_average: float
    cost_per_support_case_reduction: float
    retention_revenue_preserved: float
    escalation_cost_reduction: float
    lifetime_value_delta: float


class BaselinePeriod(Section):
    """Days that the present is compared with; none where both are null."""

    start: Day | None
    end: Day | None

    @model_validator(mode="after")
    def _both_or_none(self) -> BaselinePeriod:
        if (self.start is None) != (self.end is None):
            raise ValueError("start and end: give both, or neither")
        if self.start is not None and self.end is not None and self.start > self.end:
            raise ValueError("start must not be after end")
        return self


class Kpis(Section):
    """Targets of the KPIs, and the margins of their statuses."""

    enable_kpi_tracking: bool
    operational_kpi_targets: OperationalTargets
    effectiveness_kpi_targets: EffectivenessTargets
    business_kpi_targets: BusinessTargets
    reactive_stages: Names
    kpi_warning_threshold: Share
    kpi_critical_threshold: Share
    minimum_measured_share: Share
    interval_level: Annotated[float, Field(gt=0, lt=1)]
    minimum_events: Annotated[int, Field(ge=1)]
    measurement_days: Annotated[int, Field(ge=1, le=MOST_DAYS)]
    issue_days: Annotated[int, Field(ge=1, le=MOST_DAYS)]
    baseline_period: BaselinePeriod

    @model_validator(mode="after")
    def _descending(self) -> Kpis:
        if self.kpi_critical_threshold > self.kpi_warning_threshold:
            raise ValueError("kpi_critical_threshold must not exceed kpi_warning_threshold")
        return self


class Range(Section):
    """Range of an assumption, in multiples of its value."""

    low: Share
    high: Annotated[float, Field(ge=1, le=MOST)]


class SensitivityRanges(Section):
    """Ranges of the assumptions of the ROI, by their names in the section `roi`."""

    review_minutes_per_approval: Range
    cost_per_human_review_hour: Range
    api_calls_per_intervention: Range
    cost_per_api_call: Range
    cost_per_llm_call: Range
    infrastructure_cost_per_month: Range
    playbook_cost_multiple: Range
    credited_revenue_share: Range
    cost_per_support_day: Range
    cost_per_escalation_day: Range
    value_share_in_trouble: Range


class Roi(Section):
    """Costs and values: the assumptions of the ROI."""

    window_days: Annotated[int, Field(ge=1, le=MOST_DAYS)]
    review_minutes_per_approval: Weight
    api_calls_per_intervention: Count
    cost_per_human_review_hour: Weight
    cost_per_llm_call: Weight
    cost_per_api_call: Weight
    infrastructure_cost_per_month: Weight
    playbook_cost_multiple: Weight
    credited_revenue_share: Share
    cost_per_support_day: Weight
    cost_per_escalation_day: Weight
    value_share_in_trouble: Share
    sensitivity_ranges: SensitivityRanges


class PortfolioLimits(Section):
    """Upper limits of shares of a group of customers."""

    revenue_at_risk_share: Share
    high_risk_share: Share
    friction_rate: Share


class Portfolio(Section):
    """Limits for the status of the portfolio, and the windows of journey measurements."""

    targets: PortfolioLimits
    red_limits: PortfolioLimits
    systemic_friction_rates: dict[str, Share]
    minimum_customers: Annotated[int, Field(ge=1)]
    trend_margin: Share
    window_days: Annotated[int, Field(ge=1, le=MOST_DAYS)]
    slow_visit_share: Annotated[float, Field(gt=0, lt=1)]

    @model_validator(mode="after")
    def _red_is_worse_than_yellow(self) -> Portfolio:
        for name, target in self.targets:
            if getattr(self.red_limits, name) < target:
                raise ValueError(f"red_limits.{name} must not be below targets.{name}")
        return self


class Reporting(Section):
    """Settings of the report and its generated texts."""

    enable_progress_tracking: bool
    enable_reporting: bool
    report_rows: Annotated[int, Field(ge=1)]
    trend_days: Annotated[int, Field(ge=1)]
    enable_llm_summary: bool
    enable_llm_personalization: bool
    llm_personalization_max_interventions: Count
    llm_model: Annotated[str, Field(min_length=1)]
    temperature: Annotated[float, Field(ge=0, le=2)]
    llm_timeout_seconds: Annotated[float, Field(gt=0, le=600)]
    llm_max_tokens: Annotated[int, Field(ge=1, le=100_000)]
    llm_max_characters: Annotated[int, Field(ge=1, le=100_000)]
