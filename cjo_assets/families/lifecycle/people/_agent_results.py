"""Results of people and of the AI in a window of days: tickets, answers of clients, escalations, handoffs, actions."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.numbers import exact_mean
from cjo_assets.core.expressions.tables import first_per, lookup
from cjo_assets.families.lifecycle.inputs.lifecycle_events import AI as AI_ACTOR
from cjo_assets.families.lifecycle.inputs.tickets import BY_AI
from cjo_assets.families.lifecycle.people._assignment_events import HANDOFF, LATEST
from cjo_assets.families.lifecycle.support._status_changes import FIRST_RESPONSE, RESOLUTION
from cjo_assets.families.lifecycle.support.escalations import TAKEN_EVENT

PERSON = "person_id"
# The row of the AI beside those of people.
AI = "ai"
CSAT_GIVEN, NPS_GIVEN, ACTION_DONE = "csat_given", "nps_given", "action_done"
SUCCESS = "success"
# By the definition of the net promoter score.
PROMOTER_FROM, DETRACTOR_TO, NPS_SCALE = 9, 6, 100


def with_handler(tickets: ir.Table, ticket_sla: ir.Table) -> ir.Table:
    """Return tickets with their handler (the AI if it resolved them, otherwise the assignee) and their clocks.

    Returns:
        One row per ticket of `ticket_sla`: ticket_id, person_id, created_at, is_resolved, resolved_at, response (the
        time to the first response, null before it), has_tried (whether the AI tried).
    """
    resolution = ticket_sla.filter(ticket_sla.clock == RESOLUTION)
    response = ticket_sla.filter(ticket_sla.clock == FIRST_RESPONSE, ticket_sla.stopped_at.notnull())
    rows = resolution.select("ticket_id", resolved_at="stopped_at")
    rows = lookup(rows, tickets, "ticket_id", "created_at", "resolved_by", "assigned_to", "ai_attempts")
    rows = lookup(rows, response, "ticket_id", response="elapsed")
    is_resolved = rows.resolved_at.notnull()
    is_of_ai = is_resolved & (rows.resolved_by == BY_AI).fill_null(False)
    return rows.select(
        "ticket_id",
        "created_at",
        "resolved_at",
        "response",
        person_id=is_of_ai.ifelse(AI, rows.assigned_to),
        is_resolved=is_resolved,
        has_tried=(rows.ai_attempts > 0).fill_null(False),
    )


def ticket_results(handled: ir.Table, start: ir.DateScalar) -> ir.Table:
    """Return the tickets of each person that were created from a day on.

    The tickets of the AI are those that it tried; its responses are those to the tickets that it resolved.

    Returns:
        One row per person, and one of the AI: tickets, resolved (of these), median_first_response.
    """
    recent = handled.filter(handled.created_at >= start)
    of_people = recent.filter(recent.person_id != AI)
    people = of_people.group_by(PERSON).agg(
        tickets=of_people.count(),
        resolved=of_people.is_resolved.sum(),
        median_first_response=of_people.response.median(),
    )
    is_of_ai = (recent.person_id == AI).fill_null(False)
    # Without tickets there is no row.
    tried = recent.filter(recent.has_tried | is_of_ai).mutate(ai=ibis.literal(AI))
    own = (tried.person_id == AI).fill_null(False)
    machine = tried.group_by(person_id="ai").agg(
        tickets=tried.count(),
        resolved=own.sum(),
        median_first_response=tried.response.median(where=own),
    )
    return ibis.union(people, machine)


def satisfaction(events: ir.Table, takers: ir.Table, handled: ir.Table) -> ir.Table:
    """Return the last answer on satisfaction of each case, by the person who handled it.

    A ticket has its handler; a conversation the person who took it, otherwise the AI.

    Returns:
        One row per person: csat_answers, csat.
    """
    given = first_per(events.filter(events.event_type == CSAT_GIVEN), ["customer_id", "subject_id"], LATEST)
    rows = given.select("subject_id", "quantity")
    rows = lookup(rows, handled, [("subject_id", "ticket_id")], handler="person_id", created_at="created_at")
    rows = lookup(rows, takers, "subject_id", taker="actor_id")
    is_ticket = rows.created_at.notnull()
    rows = rows.mutate(person_id=is_ticket.ifelse(rows.handler, ibis.coalesce(rows.taker, AI)))
    return rows.group_by(PERSON).agg(csat_answers=rows.quantity.count(), csat=exact_mean(rows.quantity))


def promoter_scores(events: ir.Table, clients: ir.Table) -> ir.Table:
    """Return the net promoter score of the clients of each person, of the last answer of each.

    Returns:
        One row per person: nps_answers, nps.
    """
    given = first_per(events.filter(events.event_type == NPS_GIVEN), "customer_id", LATEST)
    rows = clients.join(given.select("customer_id", "quantity"), "customer_id")
    balance = (rows.quantity >= PROMOTER_FROM).cast("int64") - (rows.quantity <= DETRACTOR_TO).cast("int64")
    return rows.group_by(PERSON).agg(nps_answers=rows.quantity.count(), nps=balance.sum() * NPS_SCALE / rows.count())


def takers_of(events: ir.Table) -> ir.Table:
    """Return the person who last took each escalated ticket or conversation."""
    taken = events.filter(events.event_type == TAKEN_EVENT, events.actor_id.notnull())
    return first_per(taken, "subject_id", LATEST).select("subject_id", "actor_id")


def escalations_taken(takers: ir.Table, escalations: ir.Table) -> ir.Table:
    """Return how many escalations each person took, and after which wait of the client.

    Returns:
        One row per person: escalations_taken, median_wait_minutes.
    """
    rows = lookup(takers.rename(person_id="actor_id"), escalations, "subject_id", "waited_minutes")
    return rows.group_by(PERSON).agg(
        escalations_taken=rows.subject_id.nunique(), median_wait_minutes=rows.waited_minutes.median()
    )


def handoffs_given(assignments: ir.Table, start: ir.DateScalar) -> ir.Table:
    """Return how complete the handoffs are that each person gave from a day on."""
    given = assignments.filter(assignments.kind == HANDOFF, assignments.requested_at >= start)
    return given.group_by(person_id="from_person").agg(completeness_given=exact_mean(given.completeness))


def actions_of(events: ir.Table) -> ir.Table:
    """Return the actions that each person, or the AI, recorded, and the share of them that succeeded."""
    done = events.filter(events.event_type == ACTION_DONE)
    done = done.mutate(person_id=(done.actor_kind == AI_ACTOR).ifelse(AI, done.actor_id))
    return done.group_by(PERSON).agg(
        actions=done.count(), action_success=(done.about == SUCCESS).cast("float64").mean()
    )
