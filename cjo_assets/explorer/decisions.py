"""Pending approval requests of all families, and answers that are recorded as the command line records them."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cjo_assets.approvals.decide import Answer, families_with_approvals, record_answer, waiting_requests
from cjo_assets.core.approval_status import APPROVED, REJECTED
from cjo_assets.core.errors import RefusalError
from cjo_assets.core.settings import Settings
from cjo_assets.explorer.database import identity_of
from cjo_assets.explorer.links import subject_address
from cjo_assets.explorer.paging import Paging
from cjo_assets.policy import Policy, load_policy
from cjo_assets.reporting.approvals import approver_of, cost_of, reasons_of
from cjo_assets.reporting.naming import Naming
from cjo_assets.reporting.text import instant


@dataclass(frozen=True)
class PendingRequest:
    """A pending request for readers.

    Attributes:
        request_id: its id.
        subject_id: the customer or campaign; None of a request about several.
        address: page of the subject.
        action: what would be done.
        cost: expected cost, or the amount [currency]; in words where there is none.
        reasons: why a person must answer.
        evidence: the signals or records behind it.
        approver: who may answer.
        until: until when.
        is_overdue: whether that has passed.
    """

    request_id: str
    subject_id: str | None
    address: str | None
    action: str
    cost: str
    reasons: str
    evidence: str
    approver: str
    until: str
    is_overdue: bool


def policy_of(settings: Settings) -> Policy:
    """Return the policy of the home; its file is read again when it changes."""
    return _loaded(settings.policy, identity_of(settings.policy) if settings.policy else None)


@functools.lru_cache(maxsize=1)
def _loaded(path: Path | None, identity: tuple[int, int, int] | None) -> Policy:
    del identity
    return load_policy(path)


def pending_requests(settings: Settings, policy: Policy, asked: Paging) -> tuple[list[PendingRequest], Paging]:
    """Return a page of the requests that `cjo pending` lists, in its order, and its place among all pages."""
    naming, waiting = Naming(policy.labels), waiting_requests(settings, policy)
    paging = asked.of_rows(len(waiting))
    return [_shown(row, naming) for row in waiting[max(paging.first - 1, 0) : paging.last]], paging


def answer_of(form: Mapping[str, str]) -> Answer:
    """Return the answer that a form contains.

    Raises:
        RefusalError: it has no decision or no name.
    """
    decision = form.get("decision", "")
    if decision not in (APPROVED, REJECTED):
        raise RefusalError(f"Choose one of: {APPROVED}, {REJECTED}.")
    by = form.get("by", "").strip()
    if not by:
        raise RefusalError("Enter the name of the approver.")
    category = form.get("category") or None
    return Answer(
        intervention_id=form.get("request", ""),
        decision=decision,
        by=by,
        category=category if decision == REJECTED else None,
        reason=form.get("note", "").strip() or None,
        at=form.get("at") or None,
    )


def record(settings: Settings, policy: Policy, form: Mapping[str, str]) -> str:
    """Record the answer of a form, and return the message for its reader.

    Raises:
        RefusalError: the answer is invalid, not permitted or too late.
        WarehouseError: there is no published database, or the records cannot be written.
    """
    recorded = record_answer(settings, policy, answer_of(form))
    return f"{form['request']} is {recorded['decision']} by {recorded['decided_by']}. The next run applies it."


def _shown(row: dict[str, Any], naming: Naming) -> PendingRequest:
    subject, subject_id = row["subject"], row["subject_id"]
    entitled = f" ({', '.join(row['entitled_approvers'])})" if row["entitled_approvers"] else ""
    end = row["expires_at"] or row["due_at"]
    is_overdue = bool(row.get("is_overdue"))
    until = "expires" if row["expires_at"] is not None else "since" if is_overdue else "due"
    evidence = row["evidence"] if "evidence" in row else row["triggered_by_signals"]
    return PendingRequest(
        row["intervention_id"],
        subject_id,
        subject_address(subject, subject_id) if subject_id else None,
        naming.text("recommended_action", row["recommended_action"], "prose").removesuffix("."),
        cost_of(row),
        reasons_of(row, naming),
        ", ".join(evidence or ()) or "none",
        f"{approver_of(row, naming)}{entitled}",
        f"{until} {instant(end)} UTC",
        is_overdue,
    )


def categories_of(policy: Policy) -> tuple[str, ...]:
    """Return the categories of a rejection, of all families."""
    known = [family.approvals.categories(policy) for family in families_with_approvals() if family.approvals]
    return tuple(dict.fromkeys(category for categories in known for category in categories))
