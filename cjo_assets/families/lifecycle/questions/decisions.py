"""Decisions of the outbox and approval requests, as `cjo why` explains them."""

from __future__ import annotations

from cjo_assets.core.questions import ExplainedDecision, HandedOver, Row
from cjo_assets.reporting.approvals import approval_sentence
from cjo_assets.reporting.naming import page_naming
from cjo_assets.reporting.text import day, instant, money


def paragraph(found: ExplainedDecision) -> str:
    """Return what is to be done, where, since when, and how far its approval is."""
    row = found.decision or found.request or {}
    what = _label("what", row["what"], "prose")
    if found.customer_name and row["customer_id"]:
        what = what.replace(row["customer_id"], found.customer_name)
    parts = [f"{_customer(found, row)}: {what}"]
    if row["amount"] is not None:
        parts.append(f"Its amount is {money(row['amount'])}.")
    if found.decision:
        parts += [
            f"This is the decision {found.decision_id}, open since {day(row['first_day'])}; it is carried out by the "
            f"system for {_label('target_system', row['target_system'])}.",
            _delivery(found.decision),
        ]
    else:
        parts.append(f"A person recorded the request {found.decision_id}.")
    return " ".join([*parts, _approval(found.request)])


def _customer(found: ExplainedDecision, row: Row) -> str:
    if row["customer_id"] is None:
        return "Several customers"
    return f"{found.customer_name} ({row['customer_id']})" if found.customer_name else str(row["customer_id"])


def _delivery(row: Row) -> str:
    if row["delivered"] is None:
        due = f"It is due at {instant(row['due_at'])}, and its" if row["due_at"] else "Its"
        return f"{due} delivery has not been reported."
    return f"Its delivery was reported as {_label('delivered', row['delivered'])} at {instant(row['delivered_at'])}."


def _approval(row: Row | None) -> str:
    if row is None:
        return "It requires no approval."
    rule = f", by the rule for {_label('approval_rule', row['approval_rule'])}" if row["approval_rule"] else ""
    return approval_sentence(row, rule)


def _label(column: str, value: str, style: str = "words") -> str:
    return page_naming().text(column, value, style)


HANDED_OVER = HandedOver(
    "lifecycle.outbox",
    "lifecycle.approval_queue",
    "decision_id",
    "SELECT name FROM lifecycle.organizations WHERE customer_id = $customer",
    paragraph,
)
