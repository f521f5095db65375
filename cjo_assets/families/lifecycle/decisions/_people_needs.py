"""Needs of people: who should take which client, handoff or invitation."""

from __future__ import annotations

import ibis.expr.types as ir

from cjo_assets.core.expressions.sentences import sentence
from cjo_assets.families.lifecycle.decisions._needs import ASSIGNMENT, needs


def assignment_needs(assignment_decisions: ir.Table) -> ir.Table:
    """Return a need per request for a person."""
    rows = assignment_decisions
    role = rows.role.replace("_", " ")
    what = rows.person_id.isnull().ifelse(
        sentence("Find a {} for {}: no person has capacity.", role, rows.customer_id),
        sentence("Assign {} to {} as {}.", rows.person_id.fill_null(""), rows.customer_id, role),
    )
    return needs(
        rows,
        ASSIGNMENT,
        sentence("{} {} {}", rows.kind, rows.subject_id, rows.role),
        what,
        [sentence("assignment_decisions:{}", rows.subject_id)],
        rule=sentence("lifecycle.people: {}", rows.rule),
        due_at=rows.requested_at,
    )
