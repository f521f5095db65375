"""The policy as a whole: how it is read and merged, the rules between its sections, and its hash.

Each section has a module; the default values are in `policy.yaml`.
"""

from __future__ import annotations

import hashlib
import importlib
import json
from functools import cache, cached_property
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import ValidationError, create_model, model_validator

from cjo_assets.policy.base import Section, Vocabulary, WarehousePolicy
from cjo_assets.policy.identity import person
from cjo_assets.policy.journey import JourneyPolicy
from cjo_assets.policy.labels import LabelsPolicy
from cjo_assets.policy.marketing import MarketingPolicy

NO_STAGE = "none"
OVERRIDABLE_SECTIONS = (
    "evaluation",
    "signals",
    "fusion",
    "risk",
    "recommendation",
    "contact",
    "holdout",
    "approval",
)
NOT_OVERRIDABLE = {
    "evaluation.transitions": "the stage order is the same for all customers",
    "evaluation.re_entries": "the stage order is the same for all customers",
    "approval.enable_hitl": "a switch applies to all customers",
    "approval.auto_approve_for_testing": "a switch applies to all customers",
    "approval.rejection_categories": "one list serves all segments",
    "approval.approvers": "people answer for all segments",
    "fusion.use_normalized_strength": "a switch applies to all customers",
    "fusion.use_risk_weight": "a switch applies to all customers",
    "fusion.use_segment_adjustment": "a switch applies to all customers",
    "recommendation.ranking": "customers of all segments are ranked alike",
    "contact.budget_per_run": "one budget is shared by all",
    "contact.review_capacity_per_day": "the reviewers are shared by all",
    "holdout.holdout_salt": "a customer is drawn once",
}


# For our own file, which is read again and again; the one in C is there where PyYAML came with it.
FAST_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# Authorship, storage settings and labels have no effect on decisions.
UNHASHED = ("version", "author", "approver", "reason", "warehouse", "labels")


# The section that `segment_overrides` changes.
SegmentRules = JourneyPolicy


class PolicyError(ValueError):
    """A policy that cannot be used; the message names the path and the reason."""


class DeclaredPolicy(Section):
    """The sections of the policy that this module checks against each other."""

    version: str
    author: str | None
    approver: str | None
    reason: str | None
    vocabulary: Vocabulary
    journey: JourneyPolicy
    marketing: MarketingPolicy
    warehouse: WarehousePolicy
    labels: LabelsPolicy
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
        """Sha256 over the rules that decide, without their authorship, storage settings and labels."""
        rules = self.model_dump(mode="json", exclude=set(UNHASHED))
        return hashlib.sha256(json.dumps(rules, sort_keys=True).encode()).hexdigest()

    @cached_property
    def content(self) -> str:
        """The whole policy, as JSON."""
        return self.model_dump_json()

    @model_validator(mode="after")
    def _names_agree(self) -> DeclaredPolicy:
        _known("vocabulary.terminal_stages", self.vocabulary.terminal_stages, set(self.vocabulary.stages))
        _known("vocabulary.active_statuses", self.vocabulary.active_statuses, set(self.vocabulary.playbook_statuses))
        _known("journey.kpis.reactive_stages", self.journey.kpis.reactive_stages, set(self.vocabulary.stages))
        rates = self.journey.portfolio.systemic_friction_rates
        _known("journey.portfolio.systemic_friction_rates", rates, set(self.vocabulary.stages))
        for path, stages in self.marketing.stages_named().items():
            _known(f"marketing.{path}", stages, set(self.vocabulary.funnel_stages))
        for role, people in self.journey.approval.approvers.items():
            for name in people:
                if person(name, self.vocabulary.null_words) is None:
                    raise ValueError(f"journey.approval.approvers.{role}: {name!r} names no person")
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
        forecast = rules.forecast
        _known(f"{path}.forecast.recovery_stages", forecast.recovery_stages, stages)
        _known(f"{path}.forecast.escalation_stages", forecast.escalation_stages, stages)
        _known(f"{path}.forecast.prior_weekly_probabilities", forecast.prior_weekly_probabilities, stages)
        for stage, onward in forecast.prior_weekly_probabilities.items():
            _known(f"{path}.forecast.prior_weekly_probabilities.{stage}", onward, stages - {stage})
        if rules.fusion.long_window_days > rules.signals.look_back_days:
            raise ValueError(
                f"{path}.fusion.long_window_days: {rules.fusion.long_window_days} days, but only "
                f"{rules.signals.look_back_days} days are read ({path}.signals.look_back_days)"
            )
        _known(f"{path}.fusion.signal_adjustments", rules.fusion.signal_adjustments, set(rules.signals.catalogue))
        _known(f"{path}.learning.success_outcomes", rules.learning.success_outcomes, set(words.outcomes))
        if set(rules.signals.source_trust) != set(words.sources):
            raise ValueError(f"{path}.signals.source_trust must name exactly the sources of the vocabulary")

    @model_validator(mode="after")
    def _overrides_apply(self) -> DeclaredPolicy:
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


@cache
def added_sections() -> dict[str, type[Section]]:
    """Return the sections that other modules add, by the names of their families.

    A family adds its section by two files of this package: `<family>.py` with the class `<Family>Policy`, and
    `<family>.yaml` with its values.

    Raises:
        AttributeError: the module has no class of that name.
    """
    files = (Path(file.name) for file in resources.files("cjo_assets.policy").iterdir())
    names = sorted(file.stem for file in files if file.suffix == ".yaml" and file.stem != "policy")
    modules = {name: importlib.import_module(f"cjo_assets.policy.{name}") for name in names}
    return {name: getattr(module, f"{name.title().replace('_', '')}Policy") for name, module in modules.items()}


if TYPE_CHECKING:
    Policy = DeclaredPolicy
else:
    Policy = create_model(
        "Policy",
        __base__=DeclaredPolicy,
        __doc__="Everything a manager decided.",
        **{name: (section, ...) for name, section in added_sections().items()},
    )


def section_named(policy: Policy, section: str) -> Any:
    """Return the section of a class by its name, or the whole policy for `Policy`."""
    fields = Policy.model_fields.items()
    found = (name for name, field in fields if getattr(field.annotation, "__name__", None) == section)
    return policy if section == "Policy" else getattr(policy, next(found))


def default_rules(policy: Policy) -> SegmentRules:
    """Return the section that segments may override, as it holds for every other segment."""
    return policy.journey


def rules_by_segment(policy: Policy) -> dict[str, SegmentRules]:
    """Return the section that segments may override, for each segment that overrides it."""
    return policy.journey_by_segment


def tracks_progress(policy: Policy, family: str) -> bool:
    """Return whether the plan of a day records rows; true for a family whose section does not set it."""
    reporting = getattr(getattr(policy, family, None), "reporting", None)
    return reporting is None or bool(reporting.enable_progress_tracking)


def hash_of_content(content: str) -> str | None:
    """Return the hash of a policy on record, also of one that this code cannot use; None where the text is none."""
    try:
        found = json.loads(content)
    except ValueError:
        return None
    if not isinstance(found, dict):
        return None
    rules = {name: value for name, value in found.items() if name not in UNHASHED}
    return hashlib.sha256(json.dumps(rules, sort_keys=True).encode()).hexdigest()


def load_policy(path: Path | None = None) -> Policy:
    """Read the packaged policy, with the changes of the file at `path`.

    Raises:
        PolicyError: the file cannot be read, is no YAML mapping, or has an invalid value.
    """
    default = _packaged("policy") | {name: _packaged(name) for name in added_sections()}
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
        # The author and approver of the packaged rules are not those of the changed rules.
        unsigned = default | {"author": None, "approver": None}
        return _validated(_merged(unsigned, changes, ""), str(path))
    except PolicyError:
        raise
    except ValueError as error:
        raise PolicyError(f"The policy {path} cannot be used: {error}") from error


def _packaged(name: str) -> dict[str, Any]:
    text = resources.files("cjo_assets.policy").joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    content: dict[str, Any] = yaml.load(text, FAST_LOADER)
    return content


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
    """YAML loader that refuses duplicate keys."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Build a mapping, or refuse it where a key occurs twice."""
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key} occurs twice", node.start_mark)
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
