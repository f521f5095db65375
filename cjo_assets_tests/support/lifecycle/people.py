"""People with capacity, requests for them, and their distribution in plain Python."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

from cjo_assets_tests.support.rows import Row, Rows

FIRST = datetime(2025, 1, 1, 9)


@dataclass
class Case:
    """People of one role and the requests for it."""

    role: str
    staff: Rows
    requests: Rows


def generated_case(draw: random.Random, number: int) -> Case:
    """Return people and open handoffs of a role of their own."""
    role = f"role {number:03}"
    staff = [
        {
            "person_id": f"{role} P{place}",
            "roles": [role],
            "has_capacity": True,
            "max_clients": (limit := draw.choice((1, 2, 3, 5, 10, 15))),
            "clients": draw.randrange(limit),
            "open_handoffs": draw.randrange(3),
        }
        for place in range(draw.randrange(0, 6))
    ]
    requests = [
        {
            "kind": "handoff",
            "assignment_id": f"{role} H{place:02}",
            "role": role,
            "customer_id": f"C{place}",
            "state": draw.choice(("requested", "rejected")),
            # Several of one hour.
            "requested_at": FIRST + timedelta(hours=draw.randrange(12)),
        }
        for place in range(draw.randrange(0, 16))
    ]
    return Case(role, staff, requests)


def one_after_the_other(case: Case) -> dict[str, tuple[str, int] | None]:
    """Give each request in turn to the person with the least load, and return who gets it with how many clients."""
    clients = {row["person_id"]: row["clients"] for row in case.staff}
    given: dict[str, tuple[str, int] | None] = {}
    for request in sorted(case.requests, key=lambda row: (row["requested_at"], row["assignment_id"])):
        able = [row for row in case.staff if clients[row["person_id"]] < row["max_clients"]]
        chosen = min(able, key=lambda row: _load(row, clients[row["person_id"]]), default=None)
        given[request["assignment_id"]] = chosen and (chosen["person_id"], clients[chosen["person_id"]])
        if chosen:
            clients[chosen["person_id"]] += 1
    return given


def _load(row: Row, clients: int) -> tuple[Fraction, int, str]:
    return Fraction(clients, row["max_clients"]), row["open_handoffs"], row["person_id"]
