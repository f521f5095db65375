"""Output of `cjo why`: a tree from the raw rows of a customer to the KPI values that the decision contributes to."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from cjo_assets.core.questions import Branch, ExplainedRow, Row, Why


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
        *(_derived(row, parts.get("known_signals", [])) for row in why.exchanged),
        Branch("Forecast", _lines(parts["forecasts"], _forecast_line)),
        *_scores(parts),
        Branch("Candidates", _lines(parts["candidates"], _candidate_line)),
        Branch("Holdout assignment", _lines(parts["holdouts"], _holdout_line)),
        Branch("Decision", [why.answer, *_lines(parts["decisions"], _decision_line)]),
        Branch("Approval", [*_lines(parts["approvals"], _approval_line), *_lines(parts["answers"], _answer_line)]),
        Branch("Interventions and outcomes", _lines(parts["outcomes"], outcome_line)),
        Branch("Contributions to KPI and ROI", _contributions(parts)),
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


def _derived(explained: ExplainedRow, known_signals: list[Row]) -> Branch:
    """Return the branch of a derived signal: its rule, policy values and records, and whether it counts."""
    row = explained.row
    confirmed = [signal["signal_id"] for signal in known_signals if signal["confirmed_by"] == row["signal_id"]]
    is_counted = any(signal["signal_id"] == row["signal_id"] for signal in known_signals)
    effect = f"confirms {confirmed[0]}" if confirmed else "no source has it" if is_counted else "without effect"
    written = f"on {explained.as_of}" if explained.as_of else "on no published day"
    lines = [f"rule: {explained.rule}"] if explained.rule else []
    if explained.policy_hash:
        lines.append(f"policy {explained.policy_hash[:12]} of {explained.family} {written}")
    lines += [f"{path} = {_value(value)}" for path, value in explained.policy_values.items()]
    lines += _lines(explained.records, _record_line)
    lines += [f"{evidence}: not among the published records" for evidence in explained.missing]
    heading = f"{row['signal_type']} on {row['detected_at']}, strength {_value(row['signal_strength'])}, {effect}"
    return Branch(f"Derived signal {row['signal_id']} of {explained.family}: {heading}", lines)


def _record_line(row: Row) -> str:
    values = ", ".join(f"{name} {_value(value)}" for name, value in row["values"].items() if name != "dataset")
    return f"{row['dataset']} {row['record_key']} ({values}): {_place(row)}, content {row['content_hash'][:12]}"


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


def outcome_line(row: Row) -> str:
    """Describe an intervention with its approval and its outcome."""
    done = f"executed {row['executed_at']:%Y-%m-%d}" if row["is_executed"] else "not executed"
    outcome = f"{row['outcome']} on {row['measured_at']} ({row['outcome_id']})" if row["outcome"] else "no outcome yet"
    return (
        f"{row['intervention_id']} of {row['generated_at']}: {row['recommended_action']}, {row['approval_status']}, "
        f"{done}; {outcome}; triggered by {', '.join(row['triggered_by_signals'] or []) or 'no signal'}"
    )


def _contributions(parts: dict[str, list[Row]]) -> list[str]:
    if "cells" not in parts:
        return ["not published yet: the next run adds them to every day"]
    return _lines(parts["cells"], _cell_line)


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
