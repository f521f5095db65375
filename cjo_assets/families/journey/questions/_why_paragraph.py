"""Explanation of the decision for a customer as a paragraph in plain words."""

from __future__ import annotations

from cjo_assets.core.approval_status import PENDING
from cjo_assets.core.questions import Row, Why
from cjo_assets.reporting.naming import page_naming
from cjo_assets.reporting.text import day, instant, money, number


def paragraph(why: Why) -> str:
    """Return state, signals, risk, decision and approval of the customer, and the last outcome."""
    parts = why.parts
    if not parts["states"]:
        return f"{why.customer_id}: {_sentence(_label('answer', why.answer, 'prose'))}"
    found = [_state(why.customer_id, parts["states"][0]), _signals(parts), _risk(parts), _decision(parts), _last(parts)]
    return " ".join(text for text in found if text)


def _state(customer: str, row: Row) -> str:
    if row["journey_stage"] is None:
        return f"{customer} is in no stage, since no entry is known."
    stage = _label("journey_stage", row["journey_stage"])
    state = f"{customer} ({row['segment']}) has been in the stage {stage} for {_count(row['days_in_state'], 'day')}"
    if row.get("stage_health") is None:
        return f"{state}."
    reasons = row.get("friction_reasons")
    because = f" ({_label('friction_reasons', reasons)})" if reasons else ""
    return f"{state}; its state is {_label('stage_health', row['stage_health'])}{because}."


def _signals(parts: dict[str, list[Row]]) -> str:
    row = next(iter(parts["signals"]), None)
    if row is None or not row["total_signals"]:
        return "No signal of the look-back is known."
    settled = row.get("settled_signals")
    text = f"{_count(row['total_signals'], 'signal')} of the look-back, {row['negative_signals']} negative"
    return f"{text}; {settled} of them settled by an intervention." if settled else f"{text}, none of them settled."


def _risk(parts: dict[str, list[Row]]) -> str:
    row = next(iter(parts["risks"]), None)
    if row is None:
        return ""
    tier = row["risk_tier"] or "below the lowest tier"
    # The largest contribution is first.
    own = [part for part in parts["contributions"] if part["score"] == "overall_risk_score" and part["contribution"]]
    most = f", most of it from {_label('factor', own[0]['factor'])}" if own else ""
    return (
        f"The overall risk is {number(row['overall_risk_score'], 2)} ({tier}){most}; the risk that decides is "
        f"{number(row['decision_risk'], 2)}."
    )


def _decision(parts: dict[str, list[Row]]) -> str:
    for row in parts["decisions"]:
        action = _label("recommended_action", row["recommended_action"])
        book = f", of the playbook {row['playbook_name']}" if row["playbook_name"] else ""
        value = row["expected_value"]
        worth = "" if value is None else f" and is expected to bring {money(value)}"
        held = " It is in the holdout, so it is not carried out." if row["is_held_out"] else ""
        what = f"The decision is: {action} ({row['intervention_id']}){book}, which costs {money(row['expected_cost'])}"
        return f"{what}{worth}.{held} {_approval(parts, row)}".strip()
    for row in parts["gaps"]:
        return f"Nothing was decided despite a risk trigger: {_label('reason', row['reason'])}."
    failed = sorted({row["first_failed_rule"] for row in parts["candidates"] if row["first_failed_rule"]})
    because = f": {_label('first_failed_rule', failed)}" if failed else ""
    need = bool(parts["needs"] and parts["needs"][0]["is_needy"])
    return f"Nothing was decided{because}." if need else "Nothing was decided: there is no risk trigger."


def _approval(parts: dict[str, list[Row]], decision: Row) -> str:
    own = [row for row in parts["approvals"] if row["intervention_id"] == decision["intervention_id"]]
    if not own:
        return "It requires no approval." if not decision["requires_human_approval"] else ""
    row = own[-1]
    reasons = row["approval_reasons"]
    because = f" ({_label('approval_reasons', reasons)})" if reasons else ""
    if row["status"] == PENDING:
        role = _label("approval_role", row["approval_role"] or "approver")
        return f"The {role} must approve it by {instant(row['expires_at'])}{because}."
    by = f" by {row['decided_by']}" if row["decided_by"] else ""
    return f"Status of its approval{because}: {_label('status', row['status'])}{by}."


def _last(parts: dict[str, list[Row]]) -> str:
    known = [row for row in parts["outcomes"] if row["outcome"]]
    if not known:
        return ""
    row = known[-1]
    outcome, action = _label("outcome", row["outcome"]), _label("recommended_action", row["recommended_action"])
    return f"The last known outcome is: {outcome}, of {action} on {day(row['measured_at'])}."


def _label(column: str, value: str | list[str], style: str = "words") -> str:
    return page_naming().text(column, value, style)


def _count(number_of: int, name: str) -> str:
    return f"{number_of} {name}" if number_of == 1 else f"{number_of} {name}s"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}" + ("" if text.endswith(".") else ".")
