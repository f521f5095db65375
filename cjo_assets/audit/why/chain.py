"""Explanation of a decision for a customer: the rows from raw data to the KPI values they contribute to."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from cjo_assets.families.audit.records.decision_ledger import LEDGER
from cjo_assets.families.journey.trace import cells, records, rejected

Row = dict[str, Any]
CUSTOMER, DAY = "$customer", "$day"
OWN_ROWS = "WHERE as_of = $day AND customer_id = $customer"
OWN_INTERVENTIONS = f"(SELECT intervention_id FROM journey.outcome_analyses {OWN_ROWS})"

# Each part of the explanation with its query, in the order of the output.
QUERIES = {
    "raw_rows": records(CUSTOMER, DAY),
    "rejected_rows": rejected(CUSTOMER, DAY),
    "states": f"""
        SELECT states.*, evaluations.stage_health, evaluations.friction_reasons
        FROM (FROM journey.journey_states {OWN_ROWS}) AS states
        LEFT JOIN (FROM journey.journey_evaluations {OWN_ROWS}) AS evaluations ON TRUE""",
    "signals": f"""
        SELECT aggregated.*, fused.counted_signals, fused.settled_signals, fused.counted_signal_types,
            fused.fused_risk_score, fused.trend
        FROM (FROM journey.aggregated_signals {OWN_ROWS}) AS aggregated
        LEFT JOIN (FROM journey.fused_signals {OWN_ROWS}) AS fused ON TRUE""",
    "forecasts": f"FROM journey.journey_forecasts {OWN_ROWS}",
    "contributions": f"FROM journey.risk_contributions {OWN_ROWS} ORDER BY score, contribution DESC, factor",
    "risks": f"FROM journey.risk_scores {OWN_ROWS}",
    "needs": f"FROM journey.customer_needs {OWN_ROWS}",
    "candidates": f"""
        FROM journey.playbook_candidates {OWN_ROWS}
        ORDER BY first_failed_rule IS NOT NULL, rank NULLS LAST, playbook_id""",
    "holdouts": f"FROM journey.holdout_assignments {OWN_ROWS}",
    "decisions": f"FROM journey.recommended_interventions {OWN_ROWS}",
    "gaps": f"FROM journey.coverage_gaps {OWN_ROWS}",
    "approvals": f"FROM journey.approval_requests WHERE intervention_id IN {OWN_INTERVENTIONS} ORDER BY ALL",
    "answers": f"FROM journey.approval_history WHERE intervention_id IN {OWN_INTERVENTIONS} ORDER BY ALL",
    "outcomes": f"""
        SELECT analyses.*, known.triggered_by_signals
        FROM (FROM journey.outcome_analyses {OWN_ROWS}) AS analyses
        LEFT JOIN (
            SELECT intervention_id, triggered_by_signals FROM journey.intervention_ledger {OWN_ROWS}
            UNION ALL
            SELECT intervention_id, triggered_by_signals FROM journey.recommended_interventions {OWN_ROWS}
                AND intervention_id NOT IN (SELECT intervention_id FROM journey.intervention_ledger {OWN_ROWS})
        ) AS known USING (intervention_id)
        ORDER BY generated_at, intervention_id""",
    "cells": cells(CUSTOMER, DAY),
    "ledger": f"FROM {LEDGER} {OWN_ROWS} ORDER BY entry",
    "checks": """
        SELECT table_name, check_name, is_blocking, found FROM audit.checks
        WHERE run_id = $run_id AND coalesce(as_of = $day, TRUE) ORDER BY ALL""",
}
RUN_OF_DAY = """
    SELECT run_id, as_of, ended_at, policy_hash, is_stale, ledger_entries, ledger_head FROM audit.runs
    WHERE is_published AND family = 'journey' AND as_of = $day ORDER BY ended_at DESC LIMIT 1"""
POLICY = "FROM audit.policies WHERE policy_hash = $policy_hash ORDER BY ALL"


@dataclass(frozen=True)
class Why:
    """The explanation of a decision for a customer on a day.

    Attributes:
        customer_id: the customer.
        as_of: the day.
        intervention_id: the requested intervention; None if the customer was requested.
        answer: the decision in a sentence.
        run: the run that published the day.
        policy: authorship of the policy that decided.
        policy_values: the policy values that the decision used.
        parts: rows of each part, by the names of `QUERIES`.
    """

    customer_id: str
    as_of: date
    intervention_id: str | None
    answer: str
    run: Row
    policy: Row
    policy_values: dict[str, Any]
    parts: dict[str, list[Row]] = field(default_factory=dict)


def answer_of(parts: dict[str, list[Row]], intervention_id: str | None = None) -> str:
    """Describe the decision, or the reason why there is none."""
    decided = {row["intervention_id"] for row in parts["decisions"]}
    if intervention_id is not None and intervention_id not in decided:
        earlier = [_outcome_line(row) for row in parts["outcomes"] if row["intervention_id"] == intervention_id]
        entries = [row for row in parts["ledger"] if row["intervention_id"] == intervention_id]
        if earlier or not entries:
            return earlier[0] if earlier else f"{intervention_id} was not decided on this day"
        later = [row for row in parts["ledger"] if row["supersedes"] == entries[-1]["entry"]]
        what = f"{later[0]['kind']} {later[0]['intervention_id']}" if later else entries[-1]["kind"]
        return f"{intervention_id} was decided and is no longer in force: {what}; see the ledger"
    if not any(row["dataset"] == "customers" for row in parts["raw_rows"]):
        return _why_missing(parts["rejected_rows"])
    for row in parts["decisions"]:
        status = next(
            (r["approval_status"] for r in parts["outcomes"] if r["intervention_id"] == row["intervention_id"]), ""
        )
        held_out = "; in the holdout: recorded and not executed" if row["is_held_out"] else ""
        return f"{row['intervention_id']}: {row['recommended_action']}, approval {status or 'unknown'}{held_out}"
    for row in parts["gaps"]:
        nearest = f" ({row['nearest_playbook_id']} was closest)" if row["nearest_playbook_id"] else ""
        return f"no decision despite a risk trigger: {row['reason']}{nearest}"
    if not parts["needs"]:
        stage = next((row["journey_stage"] for row in parts["states"]), None)
        return f"no decision: the customer is in {stage}" if stage else "the customer had no records yet"
    held_back = sorted({row["first_failed_rule"] for row in parts["candidates"] if row["first_failed_rule"]})
    tried = f"no playbook is eligible ({', '.join(held_back)})" if held_back else "no playbook for this stage"
    need = "risk trigger" if parts["needs"][0]["is_needy"] else "no need"
    return f"no decision: {need}; {tried}"


def _why_missing(rows: list[Row]) -> str:
    own = [row for row in rows if row["dataset"] == "customers"]
    if own:
        return f"not among the customers: the row was rejected: {'; '.join(own[0]['broken_rules'])}"
    return "not among the customers: no customers file has this id"


# The policy values that each part used, from the policy of the segment.
_USED = (
    "evaluation.typical_stage_durations.{stage}",
    "evaluation.critical_multiple",
    "evaluation.multiple_negative_signals",
    "signals.look_back_days",
    "signals.positive_relief",
    "signals.source_trust",
    "fusion.recency_half_life_days",
    "forecast.horizon_days",
    "risk.risk_scoring_weights",
    "risk.churn_risk_weights",
    "risk.decision_risk_weights",
    "risk.time_in_state_saturation",
    "risk.customer_value_saturation",
    "risk.signal_count_saturation",
    "risk.risk_tier_thresholds",
    "recommendation.intervention_confidence_threshold",
    "recommendation.monitor_only_confidence",
    "recommendation.escalation_value",
    "recommendation.escalation_risk",
    "holdout.holdout_share",
    "approval.approval_timeout_minutes",
    "approval.low_confidence",
    "approval.manager_value",
    "approval.manager_cost",
    "approval.executive_value",
    "approval.executive_cost",
    "contact.budget_per_run",
    "contact.review_capacity_per_day",
    "roi.window_days",
)


def policy_values(content: str, segment: str | None, stage: str | None, types: list[str]) -> dict[str, Any]:
    """Return the policy values for a customer of a segment in a stage, from the text of the policy."""
    policy = json.loads(content)
    rules = _merged(policy["journey"], policy["segment_overrides"].get(segment, {}))
    thresholds = rules["evaluation"]["friction_thresholds"]
    paths = [path.format(stage=stage) for path in _USED]
    paths += [f"evaluation.friction_thresholds.{name}" for name in sorted(thresholds) if name.startswith(f"{stage}_")]
    for kind in ("signal_aggregation_weights", "positive_signal_weights"):
        paths += [f"signals.{kind}.{name}" for name in sorted(rules["signals"][kind]) if name in types]
    found = {path: _at(rules, path) for path in paths}
    return {path: value for path, value in found.items() if value is not None}


def _at(rules: Any, path: str) -> Any:
    for name in path.split("."):
        rules = rules.get(name) if isinstance(rules, dict) else None
    return rules


def _merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for name, value in changes.items():
        both = isinstance(value, dict) and isinstance(base.get(name), dict)
        merged[name] = _merged(base[name], value) if both else value
    return merged


@dataclass(frozen=True)
class Branch:
    """A branch of the output tree: a heading, and lines under it."""

    heading: str
    lines: list[str]


def branches(why: Why) -> list[Branch]:
    """Return the explanation as a tree, starting with the raw rows."""
    parts = why.parts
    rows_read = [_raw_line(row) for row in parts["raw_rows"]]
    turned_away = [_rejected_line(row) for row in parts["rejected_rows"]]
    made = [
        Branch("Raw rows (file, row, hash of the file, hash of the content)", rows_read),
        Branch("Rejected rows", turned_away),
        Branch("State", _lines(parts["states"], _state_line)),
        Branch("Aggregated signals", _lines(parts["signals"], _signals_line)),
        Branch("Forecast", _lines(parts["forecasts"], _forecast_line)),
        *_scores(parts),
        Branch("Candidates", _lines(parts["candidates"], _candidate_line)),
        Branch("Holdout assignment", _lines(parts["holdouts"], _holdout_line)),
        Branch("Decision", [why.answer, *_lines(parts["decisions"], _decision_line)]),
        Branch("Approval", [*_lines(parts["approvals"], _approval_line), *_lines(parts["answers"], _answer_line)]),
        Branch("Interventions and outcomes", _lines(parts["outcomes"], _outcome_line)),
        Branch("Contributions to KPI and ROI", _lines(parts["cells"], _cell_line)),
        Branch(_policy_heading(why), [f"{path} = {_value(value)}" for path, value in why.policy_values.items()]),
        _checks(parts["checks"]),
        Branch("Hashes", _hashes(why)),
    ]
    return [branch for branch in made if branch.lines]


def _lines(rows: list[Row], line: Callable[[Row], str]) -> list[str]:
    return [line(row) for row in rows]


def _raw_line(row: Row) -> str:
    day = f" {row['record_date']}" if row["record_date"] else ""
    return f"{row['dataset']} {row['record_key']}{day}: {_place(row)}, content {row['content_hash'][:12]}"


def _rejected_line(row: Row) -> str:
    return f"{row['dataset']} {row['record_key'] or 'without a key'}: {_place(row)}: {'; '.join(row['broken_rules'])}"


def _place(row: Row) -> str:
    return f"{row['source_file']} row {row['source_row']}, file {(row['file_sha256'] or 'unknown')[:12]}"


def _state_line(row: Row) -> str:
    if row["journey_stage"] is None:
        return "in no stage: no entry by that day"
    since = f"since {row['state_entered_at']}, {row['days_in_state']} days, {row['transition']}"
    health = f"; {row['stage_health']}" if row.get("stage_health") else ""
    reasons = f" ({', '.join(row['friction_reasons'])})" if row.get("friction_reasons") else ""
    return f"{row['journey_stage']} {since}{health}{reasons}"


def _signals_line(row: Row) -> str:
    settled = f", {row['settled_signals']} settled" if row.get("settled_signals") else ""
    return (
        f"{row['total_signals']} in the look-back ({row['negative_signals']} negative, {row['positive_signals']} "
        f"positive{settled}): aggregated risk {_value(row['aggregated_risk_score'])}, "
        f"fused {_value(row['fused_risk_score'])}, trend {row['trend'] or 'none'}"
    )


def _forecast_line(row: Row) -> str:
    named = ("churn_probability", "churn_probability_low", "churn_probability_high", "model_type")
    return ", ".join(f"{name} {_value(row[name])}" for name in named if name in row)


def _scores(parts: dict[str, list[Row]]) -> list[Branch]:
    found = []
    for score in dict.fromkeys(row["score"] for row in parts["contributions"]):
        total = next((row[score] for row in parts["risks"] if score in row), None)
        own = [row for row in parts["contributions"] if row["score"] == score]
        found.append(Branch(f"{score} = {_value(total)}", _lines(own, _contribution_line)))
    return found


def _contribution_line(row: Row) -> str:
    return (
        f"{row['factor']}: raw {_value(row['raw_value'])} -> {_value(row['normalised_value'])} "
        f"x weight {_value(row['weight'])} = {_value(row['contribution'])}"
    )


def _candidate_line(row: Row) -> str:
    place = f"rank {row['rank']}, " if row["rank"] is not None else ""
    fallback = f" as fallback of {row['fallback_of']}" if row["fallback_of"] else ""
    verdict = f"lost: {row['first_failed_rule']}" if row["first_failed_rule"] else "chosen"
    return (
        f"{row['playbook_id']}{fallback} {verdict} ({place}decision risk {_value(row['decision_risk'])} against "
        f"{_value(row['risk_threshold'])}, confidence {_value(row['confidence'])}, expected net value "
        f"{_value(row['expected_net_value'])})"
    )


def _holdout_line(row: Row) -> str:
    return f"{row['arm']}: drew {_value(row['draw'])} against {_value(row['holdout_share'])}"


def _decision_line(row: Row) -> str:
    signals = ", ".join(row["triggered_by_signals"]) or "no signal"
    return (
        f"playbook {row['playbook_id'] or 'none'}, triggered by {signals}; first met {row['generated_at']}; expected "
        f"cost {_value(row['expected_cost'])}, value {_value(row['expected_value'])}; "
        f"{row['approval_regime']} {row['approval_role'] or ''} {', '.join(row['approval_reasons'])}".rstrip()
    )


def _approval_line(row: Row) -> str:
    asked = f"approver {row['approval_role'] or 'any'}{', two people' if row['needs_two_people'] else ''}"
    reasons = f" for {', '.join(row['approval_reasons'])}" if row["approval_reasons"] else ""
    return f"{row['intervention_id']} {asked}{reasons}: {row['status']}; expires {row['expires_at']} UTC"


def _answer_line(row: Row) -> str:
    effect = "" if row["is_effective"] else f", without effect: {row['why_ineffective']}"
    said = f" ({row['category'] or row['reason']})" if row["category"] or row["reason"] else ""
    return f"{row['intervention_id']} {row['decision']} by {row['decided_by']} at {row['decided_at']} UTC{said}{effect}"


def _outcome_line(row: Row) -> str:
    done = f"executed {row['executed_at']:%Y-%m-%d}" if row["is_executed"] else "not executed"
    outcome = f"{row['outcome']} on {row['measured_at']} ({row['outcome_id']})" if row["outcome"] else "no outcome yet"
    return (
        f"{row['intervention_id']} of {row['generated_at']}: {row['recommended_action']}, {row['approval_status']}, "
        f"{done}; {outcome}; triggered by {', '.join(row['triggered_by_signals'] or []) or 'no signal'}"
    )


def _cell_line(row: Row) -> str:
    grade = f" ({row['evidence_grade']})" if row["evidence_grade"] else ""
    added = "is counted" if row["adds"] is None else f"adds {_value(row['adds'])}"
    return f"{row['intervention_id']} -> {row['table_name']} {row['cell']}{grade}: {added}"


def _policy_heading(why: Why) -> str:
    policy = why.policy
    return (
        f"Policy values: version {policy.get('version')}, author {policy.get('author') or 'none'}, "
        f"approver {policy.get('approver') or 'none'}"
    )


def _checks(rows: list[Row]) -> Branch:
    odd = [row for row in rows if row["found"]]
    lines = [f"{row['table_name']} {row['check_name']}: {row['found']} found" for row in odd]
    held = f"{len(rows) - len(odd)} passed, {sum(row['is_blocking'] for row in rows)} of {len(rows)} blocking"
    return Branch(f"Checks of the run: {held}", lines or ["no failing rows"]) if rows else Branch("Checks", [])


def _hashes(why: Why) -> list[str]:
    lines = [f"run {why.run['run_id']}, ended {why.run['ended_at']:%Y-%m-%d %H:%M:%S} UTC"]
    lines += ["stale: an earlier day has changed since"] if why.run["is_stale"] else []
    lines.append(f"policy {why.run['policy_hash']}")
    for row in why.parts["decisions"]:
        lines += [f"input {row['input_hash']}", f"content to approve {row['decision_hash']}"]
    for row in why.parts["ledger"]:
        before = f", supersedes entry {row['supersedes']}" if row["supersedes"] else ""
        lines.append(
            f"ledger entry {row['entry']}, {row['kind']}, version {row['version']}{before}: {row['entry_hash']}, code "
            f"{row['code_version']}"
        )
    return lines


def _value(value: Any) -> str:
    if value is None:
        return "none"
    return f"{value:g}" if isinstance(value, float) else json.dumps(value, ensure_ascii=False, default=str).strip('"')
