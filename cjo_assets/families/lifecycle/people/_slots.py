"""Distribution of requests to the least loaded people, without recursion.

A person with a of m clients offers the places a, a + 1, ..., m - 1, each with the load place / m. Requests that the
same people may take form a group. In a group the places are sorted by load, open handoffs and person, and the r-th
request takes the r-th place: the result of giving each request in turn to the person with the least load. A person
whom several groups may reach offers each place to the group whose request is at its turn, so that no place is given
twice. What such a person has left is offered in a second round.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.tables import lookup

REQUEST = ["kind", "subject_id", "role"]
GROUP = ["role", "group_skill", "excluded"]
IN_TURN = ["requested_at", "kind", "subject_id", "role"]
LEAST_LOADED = ["load", "open_handoffs", "person_id"]
ROUNDS = 2


def by_creator(requests: ir.Table, staff: ir.Table, role: str) -> ir.Table:
    """Return the requests that the creator of the account takes, as far as the limit allows.

    Args:
        requests: requests with `created_by`.
        staff: people with capacity: person_id, roles, skills, clients, max_clients, open_handoffs.
        role: the role that a creator must have.
    """
    creators = staff.filter(staff.roles.contains(role)).select("person_id", "clients", "max_clients")
    rows = requests.filter(requests.created_by.notnull()).join(creators, [("created_by", "person_id")])
    turn = ibis.row_number().over(ibis.window(group_by="created_by", order_by=IN_TURN))
    rows = rows.mutate(turn=turn)
    rows = rows.mutate(clients_before=rows.clients + rows.turn)
    rows = rows.filter(rows.clients_before < rows.max_clients)
    return rows.select(*REQUEST, "clients_before", person_id="created_by")


def least_loaded(requests: ir.Table, staff: ir.Table) -> ir.Table:
    """Return the person whom each request is given to, and their clients before it; requests without one are left out.

    Args:
        requests: the requests: `REQUEST`, skill, from_person, requested_at.
        staff: people with capacity: person_id, roles, skills, clients, max_clients, open_handoffs.
    """
    given = _round(requests, staff)
    for _ in range(ROUNDS - 1):
        more = _round(requests.anti_join(given, REQUEST), with_given(staff, given))
        given = ibis.union(given, more)
    return given


def with_given(staff: ir.Table, given: ir.Table) -> ir.Table:
    """Return people with the clients that were given to them."""
    counts = given.group_by("person_id").agg(more=given.count())
    rows = lookup(staff, counts, "person_id")
    return rows.mutate(clients=rows.clients + rows.more.fill_null(0)).drop("more")


def eligible(requests: ir.Table, staff: ir.Table) -> ir.Table:
    """Return pairs of a request and a person with its role and skill, other than the one it comes from."""
    able = staff.mutate(role=staff.roles.unnest()).drop("roles")
    pairs = requests.join(able, "role")
    has_skill = pairs.skill.isnull() | pairs.skills.contains(pairs.skill)
    is_other = (pairs.person_id != pairs.from_person).fill_null(True)
    return pairs.filter(has_skill, is_other)


def _round(requests: ir.Table, staff: ir.Table) -> ir.Table:
    """Return what is given in one round."""
    rows = _with_group(requests, staff)
    turn = ibis.row_number().over(ibis.window(group_by="person_id", order_by=IN_TURN))
    pairs = eligible(rows, staff).mutate(place=turn)
    places = pairs.filter(pairs.clients + pairs.place < pairs.max_clients)
    places = places.mutate(
        clients_before=places.clients + places.place, load=(places.clients + places.place) / places.max_clients
    )
    number = ibis.row_number().over(ibis.window(group_by=GROUP, order_by=[*LEAST_LOADED, "place"]))
    places = places.mutate(number=number).select(*GROUP, "number", "person_id", "clients_before")
    number = ibis.row_number().over(ibis.window(group_by=GROUP, order_by=IN_TURN))
    rows = rows.mutate(number=number)
    given = rows.join(places, [*GROUP, "number"])
    return given.select(*REQUEST, "person_id", "clients_before")


def _with_group(requests: ir.Table, staff: ir.Table) -> ir.Table:
    """Add the group of a request: its skill, and the person it comes from where they could take it otherwise."""
    sources = staff.mutate(role=staff.roles.unnest()).select("role", "skills", source="person_id")
    rows = lookup(requests, sources, [("from_person", "source"), "role"], own_skills="skills")
    could_take = rows.own_skills.notnull() & (rows.skill.isnull() | rows.own_skills.contains(rows.skill))
    return rows.mutate(
        group_skill=rows.skill.fill_null(""),
        excluded=could_take.fill_null(False).ifelse(rows.from_person, ""),
    ).drop("own_skills")
