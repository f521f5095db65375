"""Changes of the status of tickets, and of the state of their two clocks.

A ticket is `new` from its creation. The events `ticket_status_set` and the `resolved_at` of the file change its status;
the file's values count from the instant they have, an event from its `recorded_at`.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from cjo_assets.families.lifecycle.inputs._event_types import NEW, SOLVED
from cjo_assets.policy.lifecycle import LifecyclePolicy

STATUS_SET = "ticket_status_set"
FIRST_RESPONSE, RESOLUTION = "first_response", "resolution"
CLOCKS = [FIRST_RESPONSE, RESOLUTION]
RUNNING, PAUSED, STOPPED = "running", "paused", "stopped"
# Of one instant, the file comes before the events, which are more precise.
CREATION, FILE, EVENT = 0, 1, 2
ORDER = ["at", "place", "change_id"]
COLUMNS = ["ticket_id", "at", "known_at", "place", "change_id"]


def status_changes(tickets: ir.Table, lifecycle_events: ir.Table) -> ir.Table:
    """Return the changes of the status of tickets.

    Returns:
        One row per change: ticket_id, at, known_at, place and change_id (the order within an instant), and status.
    """
    created = _of_file(tickets, "created_at", CREATION, NEW)
    resolved = _of_file(tickets, "resolved_at", FILE, SOLVED)
    events = lifecycle_events.filter(lifecycle_events.event_type == STATUS_SET)
    owners = tickets.select("customer_id", "ticket_id", "created_at")
    logged = events.join(owners, [("customer_id", "customer_id"), ("subject_id", "ticket_id")])
    # An event of the instant of creation may have an earlier clock.
    at = ibis.greatest(logged.occurred_at, logged.created_at)
    logged = logged.select(
        ticket_id=logged.subject_id,
        at=at,
        known_at=ibis.greatest(ibis.coalesce(logged.recorded_at, logged.occurred_at), at),
        place=ibis.literal(EVENT, "int8"),
        change_id=logged.event_id,
        status=logged.about,
    )
    return ibis.union(created, resolved, logged)


def clock_changes(tickets: ir.Table, changes: ir.Table, policy: LifecyclePolicy) -> ir.Table:
    """Return the changes of the state of both clocks of tickets.

    The first response stops at the response, or at a solution without one, and does not run again. The resolution runs
    in the policy's counting statuses, stops when the ticket is solved, and runs on when it is reopened.

    Returns:
        One row per clock and change: clock, the columns of `status_changes`, and state.
    """
    state = ibis.cases(
        (changes.status == SOLVED, STOPPED),
        (changes.status.isin(policy.sla.counting_statuses), RUNNING),
        else_=PAUSED,
    )
    resolution = changes.select(*COLUMNS, state=state, clock=ibis.literal(RESOLUTION))
    answers = _of_file(tickets, "first_response_at", FILE, STOPPED).rename(state="status")
    ends = changes.filter((changes.place == CREATION) | (changes.status == SOLVED))
    ends = ends.select(*COLUMNS, state=(ends.place == CREATION).ifelse(RUNNING, STOPPED))
    first_response = ibis.union(ends, answers.select(*ends.columns)).mutate(clock=ibis.literal(FIRST_RESPONSE))
    return ibis.union(resolution, first_response.select(*resolution.columns))


def _of_file(tickets: ir.Table, name: str, place: int, status: str) -> ir.Table:
    rows = tickets.filter(tickets[name].notnull())
    return rows.select(
        "ticket_id",
        at=rows[name],
        known_at=rows[name],
        place=ibis.literal(place, "int8"),
        change_id=ibis.literal(""),
        status=ibis.literal(status),
    )
