"""Generated tickets with messy histories: late records, equal instants, gaps and changing contracts."""

import random
from datetime import date, datetime, timedelta

from cjo_assets_tests.support.lifecycle.tickets import status, term, ticket
from cjo_assets_tests.support.rows import Row, Rows

TICKETS = 300
PRIORITIES = ("low", "normal", "high", "urgent")
STATUSES = ("new", "open", "pending", "on_hold", "solved", "solved")


def history(draw: random.Random, number: int) -> tuple[Row, Rows]:
    """Return a ticket and the changes of its status, with late records, equal instants and gaps."""
    name, customer = f"T{number:03d}", f"C{draw.randrange(5)}"
    at = datetime(2024, 12, 20) + timedelta(seconds=draw.randrange(85 * 86_400))
    # Some instants are whole hours, so that targets end exactly when the office closes.
    at = at.replace(minute=0, second=0) if draw.random() < 0.4 else at
    made = ticket(at.isoformat(), draw.choice(PRIORITIES), name, customer)
    if draw.random() < 0.7:
        made["first_response_at"] = at + timedelta(minutes=draw.choice((0, 5, 60, 400, 480, 3000)))
    events: Rows = []
    for _ in range(draw.choice((0, 0, 1, 2, 4, 7))):
        at += timedelta(minutes=draw.choice((-1, 0, 30, 60, 480, 1440, 5000)), seconds=draw.choice((0, 0, 7)))
        row = status(at.isoformat(), draw.choice(STATUSES), name, customer if draw.random() < 0.95 else "C9")
        if draw.random() < 0.3:
            row["recorded_at"] = at + timedelta(minutes=draw.choice((10, 1440, 8000)))
        events.append(row)
    if draw.random() < 0.4:
        made["resolved_at"] = max(at, made["created_at"])
    return made, events


def generated(seed: int, tickets_made: int = TICKETS) -> tuple[Rows, Rows, Rows]:
    """Return tickets, events and terms."""
    draw = random.Random(seed)
    pairs = [history(draw, number) for number in range(tickets_made)]
    tickets = [made for made, _ in pairs]
    events = [row for _, rows in pairs for row in rows]
    draw.shuffle(events)
    events = [{"event_id": f"E{number:05d}"} | row for number, row in enumerate(events)]
    terms = {
        (row["customer_id"], row["metric"], row["priority"], row["valid_from"]): row
        for row in (
            term(
                draw.choice(("first_response", "resolution")),
                draw.choice((30.0, 60.5, 480.0, 960.0, 5000.0)),
                (date(2024, 12, 1) + timedelta(days=draw.randrange(90))).isoformat(),
                draw.choice((*PRIORITIES, "all")),
                f"C{draw.randrange(4)}",
                calendar=draw.choice(("business", "always", None)),
            )
            for _ in range(25)
        )
    }
    return tickets, events, list(terms.values())
