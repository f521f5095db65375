"""Tests of subscriptions, movements and the bridge against an independent recomputation on 300 generated customers."""

import random
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from cjo_assets.families.lifecycle.money.mrr_bridge import MrrBridge, months_that_do_not_close, mrr_bridge
from cjo_assets.families.lifecycle.money.mrr_movements import (
    MrrMovements,
    months_that_do_not_connect,
    mrr_movements,
)
from cjo_assets.families.lifecycle.money.subscriptions import Subscriptions, subscriptions
from cjo_assets_tests.support.lifecycle.events import RULES, event, events_of
from cjo_assets_tests.support.lifecycle.revenue_oracle import Book, months, movement
from cjo_assets_tests.support.rows import Row, Rows, as_of, by, day, kept, rows_of

CUSTOMERS, FIRST = 300, datetime(2023, 6, 1)
OFFSETS = (0, -20, -51, 40)


def generated(draw: random.Random) -> Rows:
    """Return events of subscriptions in any order of kinds, with equal instants, late records and odd effects."""
    rows: Rows = []
    for number in range(CUSTOMERS):
        for place in range(draw.choice((1, 1, 1, 2))):
            at = FIRST + timedelta(hours=draw.randrange(14_000))
            for _ in range(draw.randrange(1, 7)):
                kind = draw.choice(("started", "started", "changed", "cancelled", "cancelled", "trial"))
                row = one(draw, kind, at, f"C{number}", f"S{number}-{place}")
                rows.append(row)
                # Some follow at once, on the same day, or much later.
                at += timedelta(hours=draw.choice((0, 0, 3, 24, 200, 800, 2500)))
    draw.shuffle(rows)
    return [{"event_id": f"E{number:05d}"} | row for number, row in enumerate(rows)]


def one(draw: random.Random, kind: str, at: datetime, customer: str, subscription: str) -> Row:
    """Return one event of a subscription."""
    name = "trial_started" if kind == "trial" else f"subscription_{kind}"
    row = event(name, at.isoformat(), customer, subscription)
    if kind in ("started", "changed"):
        amount = draw.choice((0.0, 99.99, 100.0, 1234.56, 8000.0, 10.005))
        row |= {"amount": amount, "about": draw.choice(("monthly", "annual")), "related_id": draw.choice("ab")}
    elif draw.random() < 0.5:
        row["due_at"] = at + timedelta(days=draw.choice((-40, -1, 0, 1, 10, 60)))
    if draw.random() < 0.2:
        row["recorded_at"] = at + timedelta(hours=draw.randrange(2000))
    return row


@pytest.fixture(scope="module", params=[1, 2])
def log(request: pytest.FixtureRequest) -> Rows:
    """Return generated events."""
    return generated(random.Random(request.param))


@pytest.fixture(scope="module")
def book_of(log: Rows) -> Callable[[date], Book]:
    """Return a function that reads the events as known on a day."""
    return lambda known: Book.of(log, known, RULES.stages.trial_days)


@pytest.mark.parametrize("offset", OFFSETS)
def test_subscriptions_agree(log: Rows, book_of: Callable[[date], Book], offset: int) -> None:
    today, book = day(offset), book_of(day(offset))
    found = by("subscription_id", kept(Subscriptions, subscriptions(events_of(*log), as_of(offset), RULES), today))
    for (customer, subscription), spells in book.spells.items():
        if not spells:
            assert subscription not in found
            continue
        last, row = spells[-1], found[subscription]
        has_ended = last.ends is not None and last.ends <= today
        status = "cancelled" if has_ended else "trial" if last.is_trial else "active"
        assert (row["customer_id"], row["status"], row["started_on"]) == (customer, status, last.begins)
        assert row["ended_on"] == (last.ends if has_ended else None)
        expected = last.prices[-1][1] if status == "active" else Decimal(0)
        assert Decimal(str(row["arr"])) == expected
    assert len(found) == sum(bool(spells) for spells in book.spells.values())


@pytest.mark.parametrize("offset", OFFSETS)
def test_movements_and_bridge_agree(log: Rows, book_of: Callable[[date], Book], offset: int) -> None:
    today, book = day(offset), book_of(day(offset))
    table = mrr_movements(events_of(*log), as_of(offset), RULES)
    found = by(("month", "customer_id"), kept(MrrMovements, table, today))
    bridge = mrr_bridge(table, as_of(offset), RULES)
    by_month = by("month", kept(MrrBridge, bridge, today))
    assert rows_of(months_that_do_not_close(bridge)) == []
    assert rows_of(months_that_do_not_connect(table)) == []
    expected_months = months(today, RULES.billing.months_shown)
    assert list(by_month) == expected_months or sorted(by_month) == expected_months
    for month in expected_months:
        totals: dict[str, Decimal] = {}
        for customer in book.customers():
            start, end, name = movement(book, customer, month, today)
            row = found.get((month, customer))
            if row is None:
                assert (start, end) == (0, 0)
                continue
            assert (_decimal(row, "start_mrr"), _decimal(row, "end_mrr"), row["movement"]) == (start, end, name)
            assert _decimal(row, "change_mrr") == end - start
            for key, amount in (("start_mrr", start), ("end_mrr", end), (f"{name}_mrr", abs(end - start))):
                totals[key] = totals.get(key, Decimal(0)) + amount
        totals.pop("unchanged_mrr", None)
        for key in ("start", "new", "reactivation", "expansion", "contraction", "churn", "end"):
            assert _decimal(by_month[month], f"{key}_mrr") == totals.get(f"{key}_mrr", Decimal(0)), (month, key)


def _decimal(row: dict[str, Any], name: str) -> Decimal:
    return Decimal(str(row[name])).quantize(Decimal("0.01"))
