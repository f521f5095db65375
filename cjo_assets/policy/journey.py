"""The journey section of the policy as typed, frozen objects."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, Strict, model_validator

from cjo_assets.policy.base import (
    MOST,
    MOST_DAYS,
    MOST_MINUTES,
    Count,
    Names,
    Positive,
    Section,
    Share,
    Weight,
    Weights,
)
from cjo_assets.policy.identity import person_key
from cjo_assets.policy.journey_value import Kpis, Portfolio, Reporting, Roi


class Evaluation(Section):
    """Typical durations and friction thresholds of stages, and allowed transitions."""

    typical_stage_durations: dict[str, Positive]
    friction_thresholds: dict[str, Positive]
    critical_multiple: Annotated[float, Field(ge=1)]
    untimed_multiple: Annotated[float, Field(ge=1)]
    multiple_negative_signals: Annotated[int, Field(ge=1)]
    early_tenure_months: Count
    transitions: dict[str, Names]
    re_entries: dict[str, Names]

    def friction_threshold(self, stage: str) -> float | None:
        """Return the friction threshold of a stage [days], or None without one."""
        return next((days for name, days in self.friction_thresholds.items() if name.startswith(f"{stage}_")), None)


class Signals(Section):
    """Meaning and weights of signals."""

    signal_aggregation_weights: dict[str, Weight]
    positive_signal_weights: dict[str, Weight]
    source_trust: dict[str, Share]
    look_back_days: Annotated[int, Field(ge=0, le=MOST_DAYS)]
    severity_floor: Share
    positive_relief: Share
    strong_signal_strength: Share

    @property
    def catalogue(self) -> dict[str, float]:
        """Weight of every known signal type."""
        return self.signal_aggregation_weights | self.positive_signal_weights

    def severity_factor(self, signal_type: str) -> float:
        """Return what a type makes of strength and trust: 1 for the weightiest, `severity_floor` without weight."""
        relative_weight = self.catalogue[signal_type] / max(self.catalogue.values())
        return self.severity_floor + (1 - self.severity_floor) * relative_weight

    @model_validator(mode="after")
    def _catalogue_is_usable(self) -> Signals:
        both = self.signal_aggregation_weights.keys() & self.positive_signal_weights.keys()
        if both:
            raise ValueError(f"both negative and positive: {', '.join(sorted(both))}")
        if not self.catalogue or max(self.catalogue.values()) <= 0:
            raise ValueError("at least one signal type must have a weight above 0")
        return self


class Fusion(Section):
    """Half-life and windows of signals, and their weights by segment."""

    recency_half_life_days: Annotated[float, Field(gt=0, le=MOST_DAYS)]
    signal_adjustments: dict[str, Weight]
    short_window_days: Annotated[int, Field(ge=1, le=MOST_DAYS)]
    long_window_days: Annotated[int, Field(ge=2, le=MOST_DAYS)]
    trend_margin: Share
    use_normalized_strength: bool
    use_risk_weight: bool
    use_segment_adjustment: bool

    @model_validator(mode="after")
    def _windows_nest(self) -> Fusion:
        if self.short_window_days >= self.long_window_days:
            raise ValueError("short_window_days must be less than long_window_days")
        return self


class Forecast(Section):
    """Forecast from the state log, and its priors while the log is short."""

    horizon_days: Annotated[int, Field(ge=7, le=364)]
    time_bins_weeks: Annotated[tuple[Count, ...], Strict(False), Field(min_length=1)]
    prior_weeks: Positive
    prior_weekly_probabilities: dict[str, dict[str, Share]]
    recovery_stages: Names
    escalation_stages: Names
    interval_level: Annotated[float, Field(gt=0, lt=1)]
    path_steps: Annotated[int, Field(ge=1, le=5)]
    backtest_origins: Annotated[int, Field(ge=1, le=24)]
    backtest_step_days: Annotated[int, Field(ge=1, le=MOST_DAYS)]
    backtest_minimum_forecasts: Annotated[int, Field(ge=1)]
    calibration_bins: Annotated[int, Field(ge=2, le=20)]
    cut_offs: Annotated[tuple[Share, ...], Strict(False), Field(min_length=1)]

    @model_validator(mode="after")
    def _bins_and_prior_are_usable(self) -> Forecast:
        if self.time_bins_weeks[0] != 0 or list(self.time_bins_weeks) != sorted(set(self.time_bins_weeks)):
            raise ValueError("time_bins_weeks must ascend from 0")
        if list(self.cut_offs) != sorted(set(self.cut_offs)):
            raise ValueError("cut_offs must ascend")
        for stage, onward in self.prior_weekly_probabilities.items():
            if sum(onward.values()) > 1:
                raise ValueError(f"prior_weekly_probabilities.{stage}: the probabilities sum to more than 1")
        return self


class RiskScoringWeights(Weights):
    """Weights of the factors of overall risk."""

    signal_strength: Weight
    time_in_state: Weight
    customer_value: Weight
    signal_count: Weight


class FrictionWeights(Weights):
    """Weights of the factors of the friction score."""

    time_in_state: Weight
    friction_reasons: Weight


class ChurnRiskWeights(Weights):
    """Weights of the factors of churn risk."""

    signal_strength: Weight
    friction: Weight
    time_in_state: Weight


class DecisionRiskWeights(Weights):
    """Weights of the risk factors for eligibility."""

    overall_risk_score: Weight
    churn_risk_score: Weight
    fused_risk_score: Weight
    churn_probability: Weight


class RiskTierThresholds(Section):
    """Lowest risk of each tier."""

    high: Share
    medium: Share
    low: Share

    @model_validator(mode="after")
    def _descending(self) -> RiskTierThresholds:
        if not self.high >= self.medium >= self.low:
            raise ValueError("thresholds must descend: high, medium, low")
        return self


class Risk(Section):
    """Weights and thresholds of risk, tier and urgency."""

    risk_scoring_weights: RiskScoringWeights
    time_in_state_stage_weights: dict[str, Share]
    time_in_state_saturation: Positive
    customer_value_saturation: Positive
    signal_count_saturation: Annotated[int, Field(ge=1)]
    risk_tier_thresholds: RiskTierThresholds
    friction_weights: FrictionWeights
    friction_reasons_saturation: Annotated[int, Field(ge=1)]
    churn_risk_weights: ChurnRiskWeights
    decision_risk_weights: DecisionRiskWeights
    urgency_high_risk: Share
    urgency_medium_risk: Share
    high_signal_strength: Share
    long_time_in_state: Share
    crm_tier_steps: Annotated[int, Field(ge=1, le=2)]


class PriorityWeights(Weights):
    """Weights of the priority of a customer."""

    overall_risk: Weight
    customer_value: Weight


class UrgencyMultipliers(Section):
    """Factors on the priority by urgency."""

    high: Weight
    medium: Weight
    low: Weight


class Recommendation(Section):
    """Thresholds and order of recommendations."""

    intervention_confidence_threshold: Share
    monitor_only_confidence: Share
    confidence_margin: Share
    conflict_penalty: Share
    high_value_customer_threshold: Weight
    ranking: Literal["net_value_lower_bound", "roi_ratio"]
    escalation_value: Weight
    escalation_risk: Share
    priority_weights: PriorityWeights
    urgency_multipliers: UrgencyMultipliers


class Contact(Section):
    """Limits of contacts with a customer, and of the cost and reviews of a day."""

    open_intervention_days: Annotated[int, Field(ge=0, le=MOST_DAYS)]
    contacts_limit: Annotated[int, Field(ge=1)]
    contacts_window_days: Annotated[int, Field(ge=1, le=MOST_DAYS)]
    rejection_cool_down_days: Annotated[int, Field(ge=0, le=MOST_DAYS)]
    repeat_playbook_days: Annotated[int, Field(ge=0, le=MOST_DAYS)]
    budget_per_run: Weight
    review_capacity_per_day: Count


class Holdout(Section):
    """Size and salt of the holdout."""

    holdout_share: Share
    holdout_salt: str


class Learning(Section):
    """Priors of learned estimates, and requirements for advice on a playbook."""

    success_outcomes: Names
    use_performance_log: bool
    prior_success_rate: Annotated[float, Field(gt=0, lt=1)]
    prior_runs: Positive
    learned_prior_playbooks: Annotated[int, Field(ge=2)]
    learned_prior_least_runs: Positive
    learned_prior_most_runs: Positive
    log_run_weight: Annotated[float, Field(ge=0, le=1)]
    segment_prior_runs: Positive
    established_runs: Annotated[int, Field(ge=1)]
    interval_level: Annotated[float, Field(gt=0, lt=1)]
    review_override_rate: Share
    promotion_error_rate: Annotated[float, Field(gt=0, lt=1)]
    effect_window_days: Annotated[int, Field(ge=1, le=MOST_DAYS)]
    minimum_per_arm: Annotated[int, Field(ge=2)]
    confidence_thresholds: Annotated[tuple[Share, ...], Strict(False), Field(min_length=1)]
    threshold_effective_runs: Annotated[int, Field(ge=2)]

    @model_validator(mode="after")
    def _ascending(self) -> Learning:
        if self.learned_prior_least_runs > self.learned_prior_most_runs:
            raise ValueError("learned_prior_least_runs must not exceed learned_prior_most_runs")
        return self


class Approval(Section):
    """When a person must approve, and for how long a request is open."""

    enable_hitl: bool
    auto_approve_for_testing: bool
    approval_timeout_minutes: Annotated[float, Field(gt=0, le=MOST_MINUTES)]
    low_confidence: Share
    manager_tiers: Names
    manager_value: Weight
    manager_cost: Weight
    executive_value: Weight
    executive_cost: Weight
    sensitive_actions: Names
    two_people_value: Weight
    two_people_cost: Weight
    rejection_categories: Annotated[Names, Field(min_length=1)]
    approvers: dict[Literal["csm", "manager", "executive"], Names]

    @model_validator(mode="after")
    def _every_role_can_answer(self) -> Approval:
        """Validate that every role has approvers; those of executives may answer for every role."""
        named = {role for role, people in self.approvers.items() if people}
        for role, people in self.approvers.items():
            if len(set(map(person_key, people))) < len(people):
                raise ValueError(f"approvers.{role} names one person twice: {', '.join(people)}")
        executives = self.approvers.get("executive", ())
        if named and not executives:
            raise ValueError(
                f"approvers.executive names no person, while {' and '.join(sorted(named))} names one: without a list, "
                "any person may answer for executives; name executives too, or leave all roles empty"
            )
        if len(executives) == 1 and min(self.two_people_value, self.two_people_cost) < MOST:
            raise ValueError(
                "approvers.executive names one person, and two must approve from two_people_value or two_people_cost "
                f"on, so no request could be approved; name two, or set both to {MOST:g}"
            )
        return self


class JourneyPolicy(Section):
    """The journey section."""

    evaluation: Evaluation
    signals: Signals
    fusion: Fusion
    forecast: Forecast
    risk: Risk
    recommendation: Recommendation
    contact: Contact
    holdout: Holdout
    approval: Approval
    learning: Learning
    kpis: Kpis
    roi: Roi
    portfolio: Portfolio
    reporting: Reporting
