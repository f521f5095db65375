"""The policy as typed, frozen objects: what `policy.yaml` may say and what follows if it says it wrongly.

Belongs here: the shape of the policy, its validation, its hash. Does not belong here: any default number (that is
`policy.yaml`) and any rule that uses one (that is the file of its table).
"""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, Strict, ValidationError, model_validator

# Beyond these a number is a slip of the pen, and dates and intervals would overflow.
MOST, MOST_DAYS, MOST_MINUTES = 1e12, 36_500, 5_256_000

Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0, le=MOST)]
Positive = Annotated[float, Field(gt=0, le=MOST)]
Count = Annotated[int, Field(ge=0)]
Names = Annotated[tuple[str, ...], Strict(False)]

NO_STAGE = "none"
OVERRIDABLE_SECTIONS = ("evaluation", "signals", "risk", "recommendation", "approval")
NOT_OVERRIDABLE = {
    "evaluation.transitions": "the stage order is one for everybody",
    "evaluation.re_entries": "the stage order is one for everybody",
    "approval.enable_hitl": "a switch holds for everybody",
    "approval.auto_approve_for_testing": "a switch holds for everybody",
}


class PolicyError(ValueError):
    """A policy that cannot be used; the message names the path and the reason."""


class Section(BaseModel):
    """A part of the policy: immutable, closed to names nobody reads, converting nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Weights(Section):
    """Named weights that count relative to their sum."""

    def relative(self, name: str) -> float:
        """Return the share of one weight in the sum of all [0-1]."""
        values = self.model_dump()
        return float(values[name] / sum(values.values()))

    @model_validator(mode="after")
    def _some_weight(self) -> Weights:
        if sum(self.model_dump().values()) <= 0:
            raise ValueError("at least one weight must be above 0")
        return self


class Vocabulary(Section):
    """The values that enumerated columns may hold."""

    segments: Names = Field(min_length=1)
    stages: Names = Field(min_length=1)
    terminal_stages: Names
    sources: Names = Field(min_length=1)
    outcomes: Names = Field(min_length=1)
    playbook_statuses: Names = Field(min_length=1)

    @model_validator(mode="after")
    def _no_word_twice(self) -> Vocabulary:
        for name, words in self:
            if len(set(words)) != len(words):
                raise ValueError(f"{name}: a word stands twice")
        return self


class Evaluation(Section):
    """When a stage has lasted too long, and which way a customer may move."""

    typical_stage_durations: dict[str, Positive]
    friction_thresholds: dict[str, Positive]
    critical_multiple: Annotated[float, Field(ge=1)]
    untimed_multiple: Annotated[float, Field(ge=1)]
    multiple_negative_signals: Annotated[int, Field(ge=1)]
    early_tenure_months: Count
    transitions: dict[str, Names]
    re_entries: dict[str, Names]

    def friction_threshold(self, stage: str) -> float | None:
        """Return the friction threshold of a stage [days], or None where patience has no end."""
        return next((days for name, days in self.friction_thresholds.items() if name.startswith(f"{stage}_")), None)


class Signals(Section):
    """What signals mean and how far they are believed."""

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


class RiskScoringWeights(Weights):
    """What drives overall risk."""

    signal_strength: Weight
    time_in_state: Weight
    customer_value: Weight
    signal_count: Weight


class FrictionWeights(Weights):
    """What drives the friction score."""

    time_in_state: Weight
    friction_reasons: Weight


class ChurnRiskWeights(Weights):
    """What drives churn risk."""

    signal_strength: Weight
    friction: Weight
    time_in_state: Weight


class DecisionRiskWeights(Weights):
    """What eligibility looks at."""

    overall_risk_score: Weight
    churn_risk_score: Weight


class RiskTierThresholds(Section):
    """Where each tier begins."""

    high: Share
    medium: Share
    low: Share

    @model_validator(mode="after")
    def _descending(self) -> RiskTierThresholds:
        if not self.high >= self.medium >= self.low:
            raise ValueError("thresholds must descend: high, medium, low")
        return self


class Risk(Section):
    """How evidence becomes risk, tier and urgency."""

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
    """What drives the order of work."""

    overall_risk: Weight
    customer_value: Weight


class UrgencyMultipliers(Section):
    """What urgency adds to priority."""

    high: Weight
    medium: Weight
    low: Weight


class Recommendation(Section):
    """When to act, and in which order."""

    intervention_confidence_threshold: Share
    monitor_only_confidence: Share
    confidence_margin: Share
    conflict_penalty: Share
    high_value_customer_threshold: Weight
    priority_weights: PriorityWeights
    urgency_multipliers: UrgencyMultipliers


class Approval(Section):
    """When a person decides, and for how long the question stands."""

    enable_hitl: bool
    auto_approve_for_testing: bool
    approval_timeout_minutes: Annotated[float, Field(gt=0, le=MOST_MINUTES)]
    low_confidence: Share


class OperationalTargets(Section):
    """Is the system working correctly?"""

    journey_state_classification_accuracy: float
    signal_detection_precision: float
    signal_detection_recall: float
    average_latency_ms: float
    human_escalation_frequency: float
    human_override_rate: float
    data_completeness_rate: float


class EffectivenessTargets(Section):
    """Is the journey improving?"""

    average_resolution_time_days: float
    unresolved_issues_reduction: float
    escalation_reduction: float
    proactive_interventions_ratio: float
    experience_consistency_score: float


class BusinessTargets(Section):
    """Is it worth the money?"""

    churn_rate_reduction: float
    csat_delta_average: float
    nps_delta_average: float
    cost_per_support_case_reduction: float
    retention_revenue_preserved: float
    escalation_cost_reduction: float
    lifetime_value_delta: float


class Kpis(Section):
    """What was promised, and how near counts as near."""

    enable_kpi_tracking: bool
    operational_kpi_targets: OperationalTargets
    effectiveness_kpi_targets: EffectivenessTargets
    business_kpi_targets: BusinessTargets
    reactive_stages: Names
    kpi_warning_threshold: Share
    kpi_critical_threshold: Share

    @model_validator(mode="after")
    def _descending(self) -> Kpis:
        if self.kpi_critical_threshold > self.kpi_warning_threshold:
            raise ValueError("kpi_critical_threshold must not exceed kpi_warning_threshold")
        return self


class Roi(Section):
    """What things cost."""

    window_days: Annotated[int, Field(ge=1, le=MOST_DAYS)]
    review_minutes_per_approval: Weight
    api_calls_per_intervention: Count
    cost_per_human_review_hour: Weight
    cost_per_llm_call: Weight
    cost_per_api_call: Weight
    infrastructure_cost_per_month: Weight


class Reporting(Section):
    """What is written down, and by whom."""

    enable_progress_tracking: bool
    enable_reporting: bool
    report_rows: Annotated[int, Field(ge=1)]
    enable_llm_personalization: bool
    llm_personalization_max_interventions: Count


class JourneyPolicy(Section):
    """The rules of the customer journey."""

    evaluation: Evaluation
    signals: Signals
    risk: Risk
    recommendation: Recommendation
    approval: Approval
    kpis: Kpis
    roi: Roi
    reporting: Reporting


class Policy(Section):
    """Everything a manager decided."""

    version: str
    author: str | None
    approver: str | None
    reason: str | None
    vocabulary: Vocabulary
    journey: JourneyPolicy
    segment_overrides: dict[str, dict[str, Any]]

    @cached_property
    def journey_by_segment(self) -> dict[str, JourneyPolicy]:
        """The rules of each segment that has rules of its own."""
        journey = self.journey.model_dump()
        rules: dict[str, JourneyPolicy] = {}
        for segment, changes in self.segment_overrides.items():
            path = f"segment_overrides.{segment}"
            try:
                rules[segment] = JourneyPolicy.model_validate(_merged(journey, changes, path))
            except ValidationError as error:
                raise ValueError(_reasons(error, path)) from error
        return rules

    @cached_property
    def policy_hash(self) -> str:
        """Sha256 over the rules, whoever wrote them."""
        rules = self.model_dump(mode="json", exclude={"version", "author", "approver", "reason"})
        return hashlib.sha256(json.dumps(rules, sort_keys=True).encode()).hexdigest()

    @model_validator(mode="after")
    def _names_agree(self) -> Policy:
        _known("vocabulary.terminal_stages", self.vocabulary.terminal_stages, set(self.vocabulary.stages))
        _known("journey.kpis.reactive_stages", self.journey.kpis.reactive_stages, set(self.vocabulary.stages))
        self._check_names(self.journey, "journey")
        return self

    def _check_names(self, rules: JourneyPolicy, path: str) -> None:
        words, evaluation = self.vocabulary, rules.evaluation
        stages = set(words.stages)
        _known(f"{path}.evaluation.typical_stage_durations", evaluation.typical_stage_durations, stages)
        _known(f"{path}.risk.time_in_state_stage_weights", rules.risk.time_in_state_stage_weights, stages)
        missing = stages - set(words.terminal_stages) - evaluation.typical_stage_durations.keys()
        if missing:
            raise ValueError(f"{path}.evaluation.typical_stage_durations lacks {', '.join(sorted(missing))}")
        stage_of = {name: _stage_of(name, words) for name in evaluation.friction_thresholds}
        for name, stage in stage_of.items():
            if stage is None:
                raise ValueError(f"{path}.evaluation.friction_thresholds.{name} begins with no known stage")
            rivals = [other for other in stage_of if stage_of[other] == stage]
            if len(rivals) > 1:
                raise ValueError(f"{path}.evaluation.friction_thresholds: {' and '.join(rivals)} are of one stage")
        for table in ("transitions", "re_entries"):
            for start, ends in getattr(evaluation, table).items():
                _known(f"{path}.evaluation.{table}", [start], stages | {NO_STAGE})
                _known(f"{path}.evaluation.{table}.{start}", ends, stages)
        if set(rules.signals.source_trust) != set(words.sources):
            raise ValueError(f"{path}.signals.source_trust must name exactly the sources of the vocabulary")

    @model_validator(mode="after")
    def _overrides_apply(self) -> Policy:
        _known("segment_overrides", self.segment_overrides, set(self.vocabulary.segments))
        for segment, changes in self.segment_overrides.items():
            for path in _leaves(changes):
                if path.split(".")[0] not in OVERRIDABLE_SECTIONS:
                    raise ValueError(f"segment_overrides.{segment}.{path}: holds for all customers together")
                for fixed, reason in NOT_OVERRIDABLE.items():
                    if path == fixed or path.startswith(f"{fixed}."):
                        raise ValueError(f"segment_overrides.{segment}.{path}: {reason}")
        for segment, rules in self.journey_by_segment.items():
            path = f"segment_overrides.{segment}"
            self._check_names(rules, path)
            for kind in ("signal_aggregation_weights", "positive_signal_weights"):
                _known(f"{path}.signals.{kind}", getattr(rules.signals, kind), set(getattr(self.journey.signals, kind)))
        return self


def load_policy(path: Path | None = None) -> Policy:
    """Read the packaged policy, changed by what the file at `path` says.

    Raises:
        PolicyError: the file cannot be read, is no YAML mapping, or says something that cannot be.
    """
    default = yaml.safe_load(resources.files("cjo_assets").joinpath("policy.yaml").read_text(encoding="utf-8"))
    if path is None:
        return _validated(default, "policy.yaml")
    try:
        changes = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise PolicyError(f"The policy {path} cannot be read: {error}") from error
    if changes is None:
        changes = {}
    if not isinstance(changes, dict):
        raise PolicyError(f"The policy {path} must be a YAML mapping, as policy.yaml is.")
    try:
        return _validated(_merged(default, changes, ""), str(path))
    except PolicyError:
        raise
    except ValueError as error:
        raise PolicyError(f"The policy {path} cannot be used: {error}") from error


def _validated(content: dict[str, Any], origin: str) -> Policy:
    try:
        return Policy.model_validate(content)
    except ValidationError as error:
        raise PolicyError(f"The policy {origin} cannot be used: {_reasons(error)}") from error


def _reasons(error: ValidationError, path: str = "") -> str:
    """Return every reason with the path it is about."""
    reasons = []
    for item in error.errors():
        place = ".".join(str(part) for part in (path, *item["loc"]) if part)
        message = item["msg"].removeprefix("Value error, ")
        reasons.append(f"{place}: {message}" if place else message)
    return "; ".join(reasons)


class _Loader(yaml.SafeLoader):
    """YAML in which a key may stand once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Build a mapping, or refuse it where a key stands twice."""
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key} stands twice", node.start_mark)
        return super().construct_mapping(node, deep)


def _stage_of(threshold: str, words: Vocabulary) -> str | None:
    return next((stage for stage in words.stages if threshold.startswith(f"{stage}_")), None)


# Where a mapping is a list of what counts, a file that names it names it whole: a transition left out is forbidden.
WHOLE_MAPPINGS = ("transitions", "re_entries")


def _merged(base: dict[str, Any], changes: dict[str, Any], path: str) -> dict[str, Any]:
    merged = dict(base)
    for name, value in changes.items():
        here = f"{path}.{name}".lstrip(".")
        if isinstance(base.get(name), dict) and name not in WHOLE_MAPPINGS:
            if not isinstance(value, dict):
                raise ValueError(f"{here}: a mapping is expected here, not {value!r}")
            merged[name] = _merged(base[name], value, here)
        else:
            merged[name] = value
    return merged


def _leaves(content: dict[str, Any], prefix: str = "") -> list[str]:
    found: list[str] = []
    for name, value in content.items():
        here = f"{prefix}.{name}".lstrip(".")
        found += _leaves(value, here) if isinstance(value, dict) and value else [here]
    return found


def _known(path: str, names: Any, allowed: set[str]) -> None:
    unknown = set(names) - allowed
    if unknown:
        raise ValueError(f"{path}: unknown name {', '.join(sorted(map(str, unknown)))}")
