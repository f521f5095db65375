"""The page of a policy diff: a self-contained HTML page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from cjo_assets.policy import Policy
from cjo_assets.reporting.shell import filled
from cjo_assets.reporting.text import NOTHING, number

WORDS = {
    "new": "new",
    "gone": "gone",
    "other_playbook": "other playbook",
    "other_action": "other action",
    "held_out": "held out",
    "released": "no longer held out",
}


@dataclass(frozen=True)
class PolicyFigures:
    """The figures of the page.

    Attributes:
        days: the compared days.
        before: the policy of the days; of several, that of the last day.
        candidate: the candidate policy.
        values: values that differ: path, before, after.
        effects: rows of `policy_effects`.
        affected: customers, account value and revenue at risk of all changes.
        changes: rows of `policy_changes`, the most important first, up to the limit of the page.
        all_changes: number of changes.
        moved_scores: number of customers and days with a different risk.
    """

    days: tuple[date, ...]
    before: Policy
    candidate: Policy
    values: tuple[tuple[str, Any, Any], ...]
    effects: list[dict[str, Any]]
    affected: dict[str, Any]
    changes: list[dict[str, Any]]
    all_changes: int
    moved_scores: int


def policy_report(figures: PolicyFigures) -> str:
    """Return the page, with all data escaped."""
    return filled("policy_diff.html", figures=figures, decision=decision, words=WORDS, said=said)


def said(value: Any) -> str:
    """Return a value as text."""
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return number(float(value))
    if isinstance(value, list):
        return ", ".join(said(item) for item in value) or "none"
    return str(value)


def decision(row: dict[str, Any], side: str) -> str:
    """Describe the decision on one side of a change."""
    if row[f"intervention_id_{side}"] is None:
        return "nothing"
    parts = [row[f"recommended_action_{side}"]]
    if row[f"playbook_id_{side}"]:
        parts.append(row[f"playbook_id_{side}"])
    if row[f"is_held_out_{side}"]:
        parts.append("held out")
    if row[f"approval_role_{side}"]:
        two = " (two people)" if row[f"needs_two_people_{side}"] else ""
        parts.append(f"approver {row[f'approval_role_{side}']}{two}")
    return ", ".join(parts)
