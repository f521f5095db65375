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
class TableDifference:
    """A table whose rows differ.

    Attributes:
        table: its name.
        before: rows under the policy of each day.
        after: rows under the candidate.
        added: rows whose key only the candidate has.
        removed: rows whose key only the policy of the day has.
        changed: rows with the same key and other values.
    """

    table: str
    before: int
    after: int
    added: int
    removed: int
    changed: int

    @property
    def words(self) -> str:
        """The difference as a line."""
        return (
            f"{self.table}: {self.changed:,} rows changed, {self.added:,} added, {self.removed:,} removed "
            f"({self.before:,} -> {self.after:,})"
        )


@dataclass(frozen=True)
class FamilyDifference:
    """What a candidate policy changes in the tables of a family.

    Attributes:
        family: its name.
        days: the compared days.
        compared: number of compared tables.
        tables: those that differ.
    """

    family: str
    days: tuple[date, ...]
    compared: int
    tables: tuple[TableDifference, ...]


@dataclass(frozen=True)
class PolicyFigures:
    """What changes in the decisions of the deciding family.

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


@dataclass(frozen=True)
class PolicyPage:
    """The content of the page.

    Attributes:
        before: the policy in force.
        candidate: the candidate policy.
        values: values that differ: path, before, after.
        decisions: what changes in the decisions of the deciding family; None where no day of it was compared.
        families: the tables of the other families that differ.
    """

    before: Policy
    candidate: Policy
    values: tuple[tuple[str, Any, Any], ...]
    decisions: PolicyFigures | None
    families: tuple[FamilyDifference, ...]


def policy_report(page: PolicyPage) -> str:
    """Return the page, with all data escaped."""
    return filled(
        "policy_diff.html", page=page, figures=page.decisions, decision=decision, words=WORDS, said=said, span=span
    )


def span(days: tuple[date, ...]) -> str:
    """Return compared days as text."""
    return str(days[0]) if len(days) == 1 else f"{days[0]} to {days[-1]} ({len(days)} published days)"


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
