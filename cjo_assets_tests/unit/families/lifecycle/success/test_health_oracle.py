"""Tests of health and its backtest against an independent recomputation on 300 generated clients."""

import random
from datetime import date, timedelta

import pytest

from cjo_assets.families.lifecycle.money.subscriptions import subscriptions
from cjo_assets.families.lifecycle.success.health_backtest import HealthBacktest, health_backtest
from cjo_assets_tests.support.lifecycle.events import RULES, cancelled, event, events_of, started
from cjo_assets_tests.support.lifecycle.health import metrics_of, scores_of
from cjo_assets_tests.support.lifecycle.health_oracle import WINDOW, Client, Ledger, band, score
from cjo_assets_tests.support.rows import Row, Rows, as_of, by, day, kept

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


@pytest.mark.parametrize("seed", [1, 2])
def test_scores_bands_and_the_backtest_agree(seed: int) -> None:
    draw = random.Random(seed)
    clients = clients_of(draw)
    metrics, log = metrics_for(draw, clients), events_for(clients)
    ledger = Ledger(metrics)
    found = scores_of(metrics, log)
    paying = {client.name: client for client in clients if client.pays_on(day(0))}
    assert found.keys() == paying.keys()
    bands = set()
    for name, client in paying.items():
        exact, earlier = score(ledger, client, day(0)), score(ledger, client, day(-7))
        row = found[name]
        assert row["score"] == (None if exact is None else pytest.approx(float(exact), abs=6e-7)), name
        assert row["band"] == band(exact)
        was_paying = client.pays_on(day(-7))
        known = float(earlier) if was_paying and earlier is not None else None
        assert row["earlier_score"] == (None if known is None else pytest.approx(known, abs=6e-7)), name
        bands.add(row["band"])
    assert bands == {"red", "yellow", "green", "unknown"}
    subscribed = subscriptions(events_of(*log), as_of(), RULES)
    table = health_backtest(metrics_of(metrics), events_of(*log), subscribed, as_of(), RULES)
    tested = by(("horizon_days", "band"), kept(HealthBacktest, table))
    for days in RULES.health.backtest.horizons:
        then = {client.name: client for client in clients if client.pays_on(day(-days))}
        banded = {name: band(score(ledger, client, day(-days))) for name, client in then.items()}
        for name in ("red", "yellow", "green", "unknown"):
            own = [client for client in then.values() if banded[client.name] == name]
            left = [client for client in own if not client.pays_on(day(0))]
            row = tested[days, name]
            assert (row["customers"], row["churned"], row["mrr"]) == (len(own), len(left), 100.0 * len(own))
    assert RULES.health.window_days == WINDOW
