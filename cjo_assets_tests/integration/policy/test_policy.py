"""Tests of the policy file: valid and invalid content, error messages, and the coverage of its hash."""

import re
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml

from cjo_assets.policy import Policy, PolicyError, load_policy
from cjo_assets.policy.policy import added_sections
from cjo_assets_tests.support.probe import default_content, leaves, policy_with

FILES = resources.files("cjo_assets.policy")
TEXT = FILES.joinpath("policy.yaml").read_text(encoding="utf-8")
ADDED = [FILES.joinpath(f"{name}.yaml").read_text(encoding="utf-8") for name in added_sections()]
LINE = re.compile(r"^(?P<indent> *)(?P<name>\w+):(?P<value>(?: [^#]*\S)?)(?P<rest> *(?:#.*)?)$")
NUMBER_OR_SWITCH = re.compile(r"(?<![\w.\"-])(?:-?\d+(?:\.\d+)?|true|false)(?![\w.\"-])")
UNIT_AND_REASON = re.compile(r"^ +# \[(?P<unit>[^\]]+)\] (?P<reason>\S.*)$")


def written(folder: Path, text: str) -> Path:
    """Write a policy file and return its path."""
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def refusal(folder: Path, text: str) -> str:
    """Return the words in which a policy file is refused."""
    with pytest.raises(PolicyError) as refused:
        load_policy(written(folder, text))
    return str(refused.value)


def test_the_packaged_policy_has_the_values_of_its_file(policy: Policy) -> None:
    """Nothing is added to the file and nothing in it is dropped."""
    assert dict(leaves(policy.model_dump(mode="json"))) == dict(leaves(default_content()))


def test_a_partial_file_changes_what_it_names_and_nothing_else(policy: Policy, tmp_path: Path) -> None:
    """What a file leaves out keeps the packaged value, beside a changed number too."""
    changed = load_policy(written(tmp_path, "journey: {risk: {risk_tier_thresholds: {high: 0.8}}}\nauthor: mk\n"))
    before, after = (dict(leaves(one.model_dump(mode="json"))) for one in (policy, changed))
    assert {path: (before[path], after[path]) for path in before if before[path] != after[path]} == {
        "author": ("cjo_assets", "mk"),
        "journey.risk.risk_tier_thresholds.high": (0.7, 0.8),
    }
    assert before.keys() == after.keys()


@pytest.mark.parametrize("text", ["", "null\n", "# nothing but a remark\n", "{}\n"])
def test_an_empty_file_changes_nothing(text: str, policy: Policy, tmp_path: Path) -> None:
    """An empty file is the packaged policy."""
    assert load_policy(written(tmp_path, text)).policy_hash == policy.policy_hash


def test_a_list_of_what_is_allowed_is_named_whole(tmp_path: Path) -> None:
    """A file that names the transitions names all of them: one left out is forbidden."""
    changed = load_policy(written(tmp_path, "journey: {evaluation: {transitions: {none: [onboarding]}}}"))
    assert changed.journey.evaluation.transitions == {"none": ("onboarding",)}


def test_a_stage_may_be_added_by_a_file(tmp_path: Path) -> None:
    """A new stage needs its place in the vocabulary and a typical duration."""
    stages = "[onboarding, trial, engagement, support, retention, escalation, churned]"
    durations = "journey: {evaluation: {typical_stage_durations: {trial: 21}}}"
    changed = load_policy(written(tmp_path, f"vocabulary: {{stages: {stages}}}\n{durations}"))
    assert changed.journey.evaluation.typical_stage_durations["trial"] == 21
    assert "trial" in refusal(tmp_path, f"vocabulary: {{stages: {stages}}}")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("jurney: {}", "jurney"),
        ("journey: {evalution: {critical_multiple: 2}}", "journey.evalution"),
        ("journey: {roi: {windowdays: 30}}", "journey.roi.windowdays"),
        ("vocabulary: {colours: [red]}", "vocabulary.colours"),
        ("1: 2", r"\b1: Keys should be strings"),
        ("journey: {evaluation: {typical_stage_durations: {onbording: 14}}}", "typical_stage_durations.*onbording"),
        ("journey: {evaluation: {friction_thresholds: {onbording_exceeded_days: 14}}}", "onbording_exceeded_days"),
        ("journey: {evaluation: {transitions: {onboarding: [engagment]}}}", "transitions.onboarding.*engagment"),
        ("journey: {signals: {source_trust: {partner: 0.5}}}", "source_trust"),
        ("journey: {risk: {time_in_state_stage_weights: {retension: 0.3}}}", "time_in_state_stage_weights.*retension"),
        ("journey: {kpis: {reactive_stages: [suport]}}", "reactive_stages.*suport"),
        ("journey: {portfolio: {systemic_friction_rates: {suport: 0.5}}}", "systemic_friction_rates.*suport"),
        ("vocabulary: {terminal_stages: [lost]}", "terminal_stages.*lost"),
        ("segment_overrides: {Enterprize: {}}", "segment_overrides.*Enterprize"),
    ],
)
def test_an_unknown_name_is_refused_by_name(text: str, named: str, tmp_path: Path) -> None:
    """A slip of the pen is an error, never a number without effect."""
    assert re.search(named, refusal(tmp_path, text))


def test_a_second_threshold_for_a_stage_is_refused(tmp_path: Path) -> None:
    """A stage has one threshold: of two the second would have no effect."""
    text = "journey: {evaluation: {friction_thresholds: {onboarding_limit_days: 3}}}"
    assert "onboarding_limit_days" in refusal(tmp_path, text)


def test_a_red_limit_below_its_target_is_refused(tmp_path: Path) -> None:
    """Between target and red limit is yellow: a red value cannot reach its target."""
    assert "red_limits.friction_rate" in refusal(tmp_path, "journey: {portfolio: {red_limits: {friction_rate: 0.39}}}")


def test_a_duplicate_key_is_refused(tmp_path: Path) -> None:
    """YAML would silently use the last of them."""
    assert "window_days" in refusal(tmp_path, "journey:\n  roi:\n    window_days: 30\n    window_days: 60\n")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("journey.evaluation.critical_multiple", "often"),
        ("journey.evaluation.critical_multiple", None),
        ("journey.evaluation.critical_multiple", [1.5]),
        ("journey.evaluation.critical_multiple", {"days": 1.5}),
        ("journey.evaluation.critical_multiple", "2"),
        ("journey.evaluation.multiple_negative_signals", 2.5),
        ("journey.evaluation.multiple_negative_signals", True),
        ("journey.recommendation.high_value_customer_threshold", True),
        ("journey.approval.enable_hitl", "sometimes"),
        ("journey.approval.enable_hitl", 0),
        ("journey.evaluation.typical_stage_durations", [14]),
        ("journey.evaluation.typical_stage_durations.onboarding", "a fortnight"),
        ("journey.evaluation", None),
        ("journey.evaluation", 3),
        ("journey", "default"),
        ("vocabulary.segments", "SMB"),
        ("vocabulary.segments", [1]),
        ("version", 2),
    ],
)
def test_a_value_of_another_type_is_refused_by_its_path(path: str, value: Any, tmp_path: Path) -> None:
    """A text is no number, and neither is a truth value; nothing is converted."""
    with pytest.raises(PolicyError, match=path):
        policy_with(tmp_path, {path: value})


@pytest.mark.parametrize("value", [".nan", ".inf", "-.inf"])
@pytest.mark.parametrize(
    "path",
    [
        "journey.evaluation.critical_multiple",
        "journey.evaluation.typical_stage_durations.support",
        "journey.signals.signal_aggregation_weights.usage_drop",
        "journey.recommendation.confidence_margin",
        "journey.kpis.operational_kpi_targets.average_latency_ms",
        "journey.roi.cost_per_api_call",
    ],
)
def test_what_is_no_number_is_refused_by_its_path(path: str, value: str, tmp_path: Path) -> None:
    """NaN and infinity compare with nothing."""
    with pytest.raises(PolicyError, match=path):
        policy_with(tmp_path, {path: yaml.safe_load(value)})


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("journey.signals.positive_relief", 1.5),
        ("journey.signals.source_trust.manual", -0.1),
        ("journey.evaluation.typical_stage_durations.support", 0),
        ("journey.evaluation.critical_multiple", 0.9),
        ("journey.risk.risk_scoring_weights.signal_count", -0.2),
        ("journey.risk.customer_value_saturation", 0),
        ("journey.risk.signal_count_saturation", 0),
        ("journey.approval.approval_timeout_minutes", 0),
        ("journey.roi.window_days", 0),
        ("journey.reporting.report_rows", 0),
        ("journey.reporting.trend_days", 0),
        # Later than any calendar: the day itself could not be computed.
        ("journey.signals.look_back_days", 1_000_000),
        ("journey.roi.window_days", 1_000_000),
        ("journey.approval.approval_timeout_minutes", 1e12),
    ],
)
def test_a_number_out_of_range_is_refused_by_its_path(path: str, value: float, tmp_path: Path) -> None:
    """What no rule could work with is an error of the policy, not of a run."""
    with pytest.raises(PolicyError, match=path):
        policy_with(tmp_path, {path: value})


@pytest.mark.parametrize("text", ["- version: 2\n", "just words\n", "3\n", "[]\n", "true\n"])
def test_a_file_that_is_no_mapping_is_refused(text: str, tmp_path: Path) -> None:
    """A list or a word is no policy."""
    assert "must be a YAML mapping" in refusal(tmp_path, text)


@pytest.mark.parametrize(
    "text",
    [
        "journey: {roi: [1",
        "journey:\n\troi: 1\n",
        "version: a\n---\nversion: b\n",
        '!!python/object/apply:os.system ["true"]\n',
        "? [a]\n: 2\n",
    ],
)
def test_a_file_that_is_no_yaml_is_refused(text: str, tmp_path: Path) -> None:
    """The message names the file; nothing in it is executed."""
    words = refusal(tmp_path, text)
    assert "mine.yaml cannot be read" in words


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """No file, a folder, and bytes that are no text."""
    not_text = tmp_path / "latin.yaml"
    not_text.write_bytes("author: Jörg\n".encode("latin-1"))
    for path in (tmp_path / "absent.yaml", tmp_path, not_text):
        with pytest.raises(PolicyError, match=re.escape(str(path))):
            load_policy(path)


@pytest.mark.parametrize(
    ("thresholds", "is_fine"),
    [
        ({"high": 0.39}, False),
        ({"medium": 0.71}, False),
        ({"low": 0.41}, False),
        ({"high": 0.4}, True),
        ({"high": 0.9, "medium": 0.8, "low": 0.1}, True),
    ],
)
def test_tiers_descend(thresholds: dict[str, float], is_fine: bool, tmp_path: Path) -> None:
    """High does not begin below medium, nor medium below low."""
    changes = {f"journey.risk.risk_tier_thresholds.{tier}": value for tier, value in thresholds.items()}
    if is_fine:
        policy_with(tmp_path, changes)
        return
    with pytest.raises(PolicyError, match=r"journey\.risk\.risk_tier_thresholds: .*descend"):
        policy_with(tmp_path, changes)


def test_warning_does_not_come_after_critical(tmp_path: Path) -> None:
    """A KPI is at risk before it is critical."""
    with pytest.raises(PolicyError, match=r"journey\.kpis: .*kpi_critical_threshold"):
        policy_with(tmp_path, {"journey.kpis.kpi_critical_threshold": 0.9})


@pytest.mark.parametrize(
    "group", ["risk_scoring_weights", "friction_weights", "churn_risk_weights", "decision_risk_weights"]
)
def test_a_group_of_weights_has_a_sum(group: str, tmp_path: Path) -> None:
    """Weights are relative to their sum, which must not be nothing."""
    names = default_content()["journey"]["risk"][group]
    with pytest.raises(PolicyError, match=rf"journey\.risk\.{group}"):
        policy_with(tmp_path, {f"journey.risk.{group}.{name}": 0 for name in names})


def test_a_stage_with_the_separator_of_paths_is_refused(tmp_path: Path) -> None:
    words = refusal(tmp_path, "vocabulary: {stages: [onboarding, 'a > b']}")
    assert "a > b contains >, which separates the stages of a path" in words


def test_a_null_word_is_no_approver(tmp_path: Path) -> None:
    words = refusal(tmp_path, "journey: {approval: {approvers: {csm: [ann, 'n/a'], executive: [eva, mia]}}}")
    assert "journey.approval.approvers.csm: 'n/a' names no person" in words


@pytest.mark.parametrize(
    ("approval", "reason"),
    [
        ("approvers: {csm: [ann]}", "approvers.executive names no person, while csm names one"),
        ("approvers: {csm: [ann], manager: [mia], executive: []}", "while csm and manager names one"),
        ("approvers: {executive: [eva]}", "approvers.executive names one person"),
        ("approvers: {csm: [ann, bo], executive: [eva, eva]}", "approvers.executive names one person"),
        ("approvers: {executive: [eva, Eva\u200b]}", "approvers.executive names one person twice"),
        ("approvers: {executive: [eva]}, two_people_value: 1.0e+12", "approvers.executive names one person"),
    ],
)
def test_approvers_must_be_named_consistently(approval: str, reason: str, tmp_path: Path) -> None:
    """A role that is open by oversight, and a role in which two people can never be found."""
    words = refusal(tmp_path, f"journey: {{approval: {{{approval}}}}}")
    assert "journey.approval: " in words
    assert reason in words


@pytest.mark.parametrize(
    "approval",
    [
        "approvers: {}",
        "approvers: {csm: []}",
        "approvers: {executive: [eva, mia]}",
        "approvers: {csm: [ann], executive: [eva, mia]}",
        "approvers: {executive: [eva]}, two_people_value: 1.0e+12, two_people_cost: 1.0e+12",
    ],
)
def test_roles_that_can_answer_are_fine(approval: str, tmp_path: Path) -> None:
    load_policy(written(tmp_path, f"journey: {{approval: {{{approval}}}}}"))


def test_no_window_exceeds_the_look_back(tmp_path: Path) -> None:
    """A trend over days without signals would improve by itself."""
    words = refusal(tmp_path, "journey: {signals: {look_back_days: 29}}")
    assert "journey.fusion.long_window_days: 30 days, but only 29 days are read" in words
    load_policy(written(tmp_path, "journey: {signals: {look_back_days: 30}}"))
    own = "segment_overrides: {Enterprise: {fusion: {long_window_days: 91}}}"
    assert "segment_overrides.Enterprise.fusion.long_window_days: 91 days" in refusal(tmp_path, own)


def test_only_a_known_status_is_active(tmp_path: Path) -> None:
    words = refusal(tmp_path, "vocabulary: {active_statuses: [live]}")
    assert "vocabulary.active_statuses: unknown name live" in words
    load_policy(written(tmp_path, "vocabulary: {playbook_statuses: [live, dead], active_statuses: [live]}"))


def test_a_signal_has_one_polarity(tmp_path: Path) -> None:
    """A type cannot be bad news and good news."""
    with pytest.raises(PolicyError, match="usage_drop"):
        policy_with(tmp_path, {"journey.signals.positive_signal_weights.usage_drop": 0.1})


def test_the_hash_covers_the_rules_and_not_their_author(policy: Policy, tmp_path: Path) -> None:
    """Version, author, approver and reason are about the policy, not in it."""
    said = {"version": "7", "author": "mk", "approver": "jb", "reason": "a good one"}
    signed = policy_with(tmp_path, dict(said))
    assert signed.policy_hash == policy.policy_hash
    assert {name: getattr(signed, name) for name in said} == said
    assert re.fullmatch(r"[0-9a-f]{64}", policy.policy_hash)


def test_the_hash_does_not_depend_on_the_order_of_keys(policy: Policy) -> None:
    """A mapping is the same mapping in any order; so is a whole number with or without its zero."""
    reversed_content = _reversed(default_content())
    assert list(reversed_content) != list(default_content())
    assert Policy.model_validate(reversed_content).policy_hash == policy.policy_hash
    rewritten = default_content()
    rewritten["journey"]["risk"]["customer_value_saturation"] = 200000.0
    assert Policy.model_validate(rewritten).policy_hash == policy.policy_hash


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("journey.evaluation.typical_stage_durations.support", 8),
        ("journey.roi.cost_per_api_call", 0.0011),
        ("journey.approval.enable_hitl", False),
        ("journey.evaluation.re_entries", {}),
        ("vocabulary.segments", ["SMB", "Mid-Market", "Enterprise", "Public"]),
        ("segment_overrides", {"Enterprise": {"evaluation": {"critical_multiple": 2.0}}}),
    ],
)
def test_the_hash_changes_with_a_number(path: str, value: Any, policy: Policy, tmp_path: Path) -> None:
    """Two policies that could decide differently have two hashes."""
    assert policy_with(tmp_path, {path: value}).policy_hash != policy.policy_hash


def test_a_policy_is_frozen(policy: Policy) -> None:
    """No value is changed by loading."""
    with pytest.raises(ValueError, match="frozen"):
        policy.journey.roi.window_days = 60  # type: ignore[misc]


def test_every_number_has_a_unit_and_a_reason() -> None:
    """Each line with numbers or a switch ends in a remark: a unit in brackets, then why it has this value.

    A line of the form `name: {name: number, ...}` is a row of a table, whose heading may comment all rows.
    """
    text = "\n".join([TEXT.partition("segment_overrides:")[0], *ADDED])
    lines = [match for line in text.splitlines() if (match := LINE.match(line))]
    silent, found, heading = [], 0, ""
    for line in lines:
        numbers = NUMBER_OR_SWITCH.findall(line["value"])
        found += len(numbers)
        if not line["value"]:
            heading = line["rest"]
        is_explained = UNIT_AND_REASON.match(heading if line["value"].startswith(" {") else line["rest"])
        if numbers and not is_explained:
            silent.append(line["name"])
    assert not silent
    assert found == sum(isinstance(value, int | float) for _, value in leaves(default_content()))


def test_the_example_in_the_file_is_a_policy(tmp_path: Path) -> None:
    """The example in the last comment can be uncommented unchanged."""
    example = TEXT.partition("segment_overrides: {}\n")[2]
    lines = [line.removeprefix("# ").partition("  #")[0].rstrip() for line in example.splitlines()]
    text = "segment_overrides:\n" + "\n".join(f"  {line}" for line in lines)
    changed = load_policy(written(tmp_path, text))
    assert changed.journey_by_segment["Enterprise"].evaluation.friction_threshold("onboarding") == 30
    assert changed.journey.evaluation.friction_threshold("onboarding") == 14


def _reversed(content: Any) -> Any:
    """Return mappings with their keys in reverse order, lists as they are."""
    if isinstance(content, dict):
        return {name: _reversed(value) for name, value in reversed(content.items())}
    return content
