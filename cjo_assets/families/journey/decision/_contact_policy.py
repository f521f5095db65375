"""The contact policy: how often, and with what, a customer may be approached.

Not a table but steps of `customer_needs` and `playbook_candidates`: what earlier interventions mean for a new one. An
intervention is open until an outcome measures it, a person refuses it, its request lapses or goes stale, or the
policy's days are over. One of the history that waits for an answer counts as carried out: nobody here can say whether
it is still wanted.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.by_segment import Pick, by_segment
from cjo_assets.families.journey.inputs.approval_decisions import REJECTED
from cjo_assets.families.journey.inputs.interventions import MONITOR_ONLY
from cjo_assets.families.journey.interventions._ledger import DECISION, HISTORY, PENDING, needs_asking_anew
from cjo_assets.policy import Policy

DAY_LENGTH = len("2025-01-20")


def with_contact_history(needs: ir.Table, intervention_ledger: ir.Table, as_of: date, policy: Policy) -> ir.Table:
    """Add to each customer what was done before: open_intervention_id, contacts, last_refused_at.

    Args:
        needs: customers with their segment.
        intervention_ledger: what was decided on earlier days.
        as_of: the day.
        policy: how long things count.
    """
    rows = _with_openness(intervention_ledger, as_of, policy)
    window = by_segment(policy, rows.segment, lambda own: own.contact.contacts_window_days)
    is_contact = rows.is_executed & (_days_ago(_day_of(rows.executed_at), as_of) < window)
    per_customer = rows.group_by("customer_id").agg(
        open_intervention_id=_latest(
            rows, rows.is_open & (rows.is_executed | rows.is_held_out | (rows.origin == HISTORY))
        ),
        contacts=is_contact.cast("int64").sum(),
        last_refused_at=_day_of(rows.decided_at).max(where=rows.approval_status == REJECTED),
    )
    joined = needs.left_join(per_customer, "customer_id").drop("customer_id_right")
    return joined.mutate(contacts=joined.contacts.fill_null(0))


def playbook_uses(intervention_ledger: ir.Table, as_of: date, policy: Policy) -> ir.Table:
    """Return one row per customer and playbook used or decided before.

    standing_id: our decision of earlier days that still stands; standing_is_pending: nobody has answered it yet;
    last_used_at: day the playbook was last carried out for the customer.
    """
    rows = _with_openness(intervention_ledger, as_of, policy)
    rows = rows.filter(rows.playbook_id.notnull())
    is_ours = rows.is_open & (rows.origin == DECISION)
    return rows.group_by("customer_id", "playbook_id").agg(
        standing_id=_latest(rows, is_ours),
        standing_is_pending=(is_ours & (rows.approval_status == PENDING)).any(),
        last_used_at=_day_of(rows.executed_at).max(where=rows.is_executed),
    )


def is_refused_recently(rows: ir.Table, as_of: date, policy: Policy) -> ir.BooleanValue:
    """Tell whether a person refused something for the customer within the cool-down."""
    return _is_within(rows.last_refused_at, rows, as_of, policy, lambda own: own.contact.rejection_cool_down_days)


def is_used_recently(rows: ir.Table, as_of: date, policy: Policy) -> ir.BooleanValue:
    """Tell whether the playbook was carried out for the customer too recently to repeat it."""
    return _is_within(rows.last_used_at, rows, as_of, policy, lambda own: own.contact.repeat_playbook_days)


def _with_openness(rows: ir.Table, as_of: date, policy: Policy) -> ir.Table:
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


def _is_within(then: ir.DateValue, rows: ir.Table, as_of: date, policy: Policy, pick: Pick) -> ir.BooleanValue:
    return (_days_ago(then, as_of) < by_segment(policy, rows.segment, pick)).fill_null(False)


def _days_ago(then: ir.DateValue, as_of: date) -> ir.IntegerValue:
    return ibis.literal(as_of, "date").delta(then, unit="day")


def _day_of(instant: ir.TimestampValue) -> ir.DateValue:
    """Return the day of an instant; 24:00 belongs to the day that it ends."""
    return (instant - ibis.interval(microseconds=1)).date()
