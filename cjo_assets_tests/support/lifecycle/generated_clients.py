"""Generated clients with invoices and daily metrics, for recomputations in plain Python."""

import random
from datetime import date, timedelta

from cjo_assets_tests.support.lifecycle.events import cancelled, event, started
from cjo_assets_tests.support.lifecycle.health_oracle import Client
from cjo_assets_tests.support.rows import Row, Rows, day

CLIENTS = 300
SUMS = ("conversations", "tickets", "complex_tickets", "active_days", "active_users", "features")
RATES = ("resolved", "completed", "csat")


def clients_of(draw: random.Random) -> list[Client]:
    """Return customers that begin and end on any days, with paid and unpaid invoices."""
    found = []
    for number in range(CLIENTS):
        client = Client(f"C{number:03}", day(-draw.randrange(1, 400)))
        if draw.random() < 0.3:
            client.ends = client.begins + timedelta(days=draw.randrange(0, 300))
        for _ in range(draw.choice((0, 1, 1, 2))):
            issued = client.begins + timedelta(days=draw.randrange(0, 300))
            if draw.random() < 0.5:
                client.due[issued] = issued + timedelta(days=draw.choice((0, 14, 30)))
            else:
                client.paid.append(issued)
        found.append(client)
    return found


def metrics_for(draw: random.Random, clients: list[Client]) -> Rows:
    """Return metrics of some days; a customer lacks some of them altogether."""
    rows: Rows = []
    for client in clients:
        for name in (*SUMS, *RATES):
            if draw.random() < 0.25:
                continue
            for offset in draw.sample(range(-130, 3), draw.choice((1, 4, 12))):
                rows.append(_metric(draw, client.name, name, day(offset)))
    return rows


def _metric(draw: random.Random, customer: str, name: str, at: date) -> Row:
    row = {"customer_id": customer, "metric": name, "metric_day": at, "n": 1, "denominator": None}
    if name == "csat":
        return row | {"numerator": draw.choice((1.0, 2.5, 4.0, 4.3, 5.0)), "denominator": 1.0}
    if name in RATES:
        return row | {"numerator": float(draw.randrange(0, 11)), "denominator": 10.0}
    return row | {"numerator": 1.0 if name == "active_days" else float(draw.randrange(0, 9))}


def events_for(clients: list[Client]) -> Rows:
    """Return the events of the customers."""
    rows: Rows = []
    for client in clients:
        subscription = f"S-{client.name}"
        rows.append(started(client.begins.isoformat(), 100.0, client.name, subscription))
        if client.ends:
            rows.append(cancelled(f"{client.begins} 10:00", client.name, subscription, due_at=client.ends.isoformat()))
        invoices = [*client.due.items(), *((issued, issued) for issued in client.paid)]
        for number, (issued, due) in enumerate(invoices):
            name, is_paid = f"I-{client.name}-{number}", number >= len(client.due)
            issue = event("invoice_issued", issued.isoformat(), client.name, name, amount=10.0, due_at=due.isoformat())
            rows.append(issue)
            if is_paid:
                rows.append(event("payment_received", issued.isoformat(), client.name, name, amount=10.0))
    return rows
