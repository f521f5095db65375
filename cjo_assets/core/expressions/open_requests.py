"""Approval requests that wait until a person answers them.

Such a request never lapses and one person answers it. While it is pending, it goes to the next higher role each time
the timeout of the policy passes; the lower roles may still answer it.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from cjo_assets.core.approval_roles import ROLES
from cjo_assets.core.approval_status import ASKED, PENDING
from cjo_assets.core.expressions.approval_answers import settlements
from cjo_assets.core.expressions.calendars import minutes_in
from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.tables import lookup


def as_answered(requests: ir.Table) -> ir.Table:
    """Return requests in the columns that the effect of answers is computed from; they neither lapse nor go stale."""
    return requests.mutate(
        requested_at=requests.answers_from + ibis.interval(days=1),
        expires_at=ibis.null("timestamp(6)"),
        stale_at=ibis.null("timestamp(6)"),
        approval_regime=ibis.literal(ASKED),
        needs_two_people=ibis.literal(False),
    )


def with_answers(
    requests: ir.Table, answers: ir.Table, key: str, as_of: ir.DateScalar, timeout_minutes: float
) -> ir.Table:
    """Add status, answer, due time and the role that a request waits with.

    Args:
        requests: one row per request with `requested_at` and `approval_role`.
        answers: answers with their effect.
        key: column of both that identifies a request.
        as_of: the day.
        timeout_minutes: time after which a pending request goes to the next higher role.
    """
    rows = lookup(requests, settlements(answers, key), key)
    until = ibis.coalesce(rows.decided_at, days_after(as_of, 1).cast("timestamp(6)"))
    waited = ibis.greatest(minutes_in(until.delta(rows.requested_at, unit="microsecond")), 0.0)
    is_pending = rows.decision.isnull()
    # None has passed at the very end of the first.
    passed = ibis.greatest((waited / timeout_minutes).ceil().cast("int64") - 1, 0)
    lowest = rows.approval_role.cases(*((role, place) for place, role in enumerate(ROLES)), else_=len(ROLES) - 1)
    place = ibis.least(lowest + passed, len(ROLES) - 1)
    waits_with = place.cases(*enumerate(ROLES), else_=ROLES[-1])
    return rows.mutate(
        waits_with=is_pending.ifelse(waits_with, ibis.null("string")),
        due_at=rows.requested_at + ibis.interval(minutes=timeout_minutes),
        waited_minutes=waited,
        is_overdue=is_pending & (passed > 0),
        status=ibis.coalesce(rows.decision, PENDING),
    )
