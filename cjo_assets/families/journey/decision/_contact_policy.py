"""Contact policy: how often a customer may be contacted, and with which playbooks.

An intervention is open until an outcome measures it, a person rejects it, its request expires or becomes stale, or the
policy's days are over. A pending one of the history counts as executed, since its need cannot be evaluated here.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.approval_status import PENDING, REJECTED
from cjo_assets.core.expressions.by_segment import Pick, by_segment
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.families.journey.inputs.interventions import MONITOR_ONLY
from cjo_assets.families.journey.interventions._ledger import DECISION, HISTORY, needs_asking_anew
from cjo_assets.policy import Policy

DAY_LENGTH = len("2025-01-20")


def with_contact_history(
    needs: ir.Table, intervention_ledger: ir.Table, as_of: ir.DateScalar, policy: Policy
) -> ir.Table:
    """Add open_intervention_id, contacts and last_refused_at of each customer.

    Args:
        needs: customers with their segment.
        intervention_ledger: interventions of earlier days.
        as_of: the day.
        policy: the windows of the contact policy.
    """
    known = _with_openness(intervention_ledger, as_of, policy)
    window = by_segment(policy, known.segment, lambda own: own.contact.contacts_window_days)
    is_contact = known.is_executed & (_days_ago(_day_of(known.executed_at), as_of) < window)
    is_open = known.is_open & (known.is_executed | known.is_held_out | (known.origin == HISTORY))
    per_customer = known.group_by("customer_id").agg(
        open_intervention_id=_latest(known, is_open),
        contacts=is_contact.cast("int64").sum(),
        last_refused_at=_day_of(known.decided_at).max(where=known.approval_status == REJECTED),
    )
    contacted = lookup(needs, per_customer, "customer_id")
    return contacted.mutate(contacts=contacted.contacts.fill_null(0))


def playbook_uses(intervention_ledger: ir.Table, as_of: ir.DateScalar, policy: Policy) -> ir.Table:
    """Return one row per customer and playbook used or decided before.

    standing_id: our decision of an earlier day that is still open; standing_is_pending: whether it waits for an answer;
    last_used_at: day the playbook was last executed for the customer.
    """
    known = _with_openness(intervention_ledger, as_of, policy)
    known = known.filter(known.playbook_id.notnull())
    is_ours = known.is_open & (known.origin == DECISION)
    return known.group_by("customer_id", "playbook_id").agg(
        standing_id=_latest(known, is_ours),
        standing_is_pending=(is_ours & (known.approval_status == PENDING)).any(),
        last_used_at=_day_of(known.executed_at).max(where=known.is_executed),
    )


def is_refused_recently(rows: ir.Table, as_of: ir.DateScalar, policy: Policy) -> ir.BooleanValue:
    """Return whether a person rejected an intervention for the customer within the cool-down."""
    return _is_within(rows.last_refused_at, rows, as_of, policy, lambda own: own.contact.rejection_cool_down_days)


def is_used_recently(rows: ir.Table, as_of: ir.DateScalar, policy: Policy) -> ir.BooleanValue:
    """Return whether the playbook was executed for the customer too recently to repeat it."""
    return _is_within(rows.last_used_at, rows, as_of, policy, lambda own: own.contact.repeat_playbook_days)


def _with_openness(rows: ir.Table, as_of: ir.DateScalar, policy: Policy) -> ir.Table:
    days = by_segment(policy, rows.segment, lambda own: own.contact.open_intervention_days)
    return rows.mutate(
        is_open=(rows.recommended_action != MONITOR_ONLY)
        & (rows.approval_status != REJECTED)
        & ~needs_asking_anew(rows)
        & rows.measured_at.isnull()
        & (_days_ago(rows.generated_at, as_of) < days)
    )


def _latest(rows: ir.Table, condition: ir.BooleanValue) -> ir.StringValue:
    """Return the id of the latest intervention for which the condition holds; of two on a day, the larger id."""
    dated_id = rows.generated_at.cast("string").concat(rows.intervention_id)
    return dated_id.max(where=condition).substr(DAY_LENGTH)


def _is_within(then: ir.DateValue, rows: ir.Table, as_of: ir.DateScalar, policy: Policy, pick: Pick) -> ir.BooleanValue:
    return (_days_ago(then, as_of) < by_segment(policy, rows.segment, pick)).fill_null(False)


def _days_ago(then: ir.DateValue, as_of: ir.DateScalar) -> ir.IntegerValue:
    return as_of.delta(then, unit="day")


def _day_of(instant: ir.TimestampValue) -> ir.DateValue:
    """Return the day of an instant; 24:00 belongs to the day that it ends."""
    return (instant - ibis.interval(microseconds=1)).date()
