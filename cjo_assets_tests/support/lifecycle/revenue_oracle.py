"""Recurring revenue recomputed in plain Python, subscription by subscription and day by day.

It shares no code with the transforms: events are walked in their order, and a day is read from the spells they leave.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from cjo_assets_tests.support.rows import Row

CENT = Decimal("0.01")


def cents(value: Decimal) -> Decimal:
    """Round to the cent, half away from zero."""
    return value.quantize(CENT, rounding=ROUND_HALF_UP)


@dataclass
class Spell:
    """What follows a start until the next one.

    Attributes:
        begins: day of the start.
        is_trial: whether it is a trial.
        lapses_on: day after the end of a trial.
        cancelled_on: day on which the last cancellation takes effect.
        prices: day and yearly price, in the order of the events.
    """

    begins: date
    is_trial: bool
    lapses_on: date | None = None
    cancelled_on: date | None = None
    prices: list[tuple[date, Decimal]] = field(default_factory=list)

    @property
    def ends(self) -> date | None:
        """First day that is no longer part of it; None without an end."""
        return min((day for day in (self.lapses_on, self.cancelled_on) if day is not None), default=None)


def known(events: Iterable[Row], as_of: date) -> list[Row]:
    """Return the events that were recorded by the end of a day, in order."""
    found = [row for row in events if (row.get("recorded_at") or row["occurred_at"]).date() <= as_of]
    return sorted(found, key=lambda row: (row["occurred_at"], row["event_id"]))


def spells_of(events: list[Row], trial_days: int) -> list[Spell]:
    """Walk the events of one subscription."""
    spells: list[Spell] = []
    for row in events:
        day, kind = row["occurred_at"].date(), row["event_type"]
        if kind == "trial_started":
            last = row["due_at"].date() if row.get("due_at") else day + timedelta(days=trial_days)
            spells.append(Spell(day, is_trial=True, lapses_on=last + timedelta(days=1)))
        elif kind == "subscription_started":
            spells.append(Spell(day, is_trial=False, prices=[(day, _yearly(row))]))
        elif spells and kind == "subscription_changed":
            spells[-1].prices.append((day, _yearly(row)))
        elif spells and kind == "subscription_cancelled":
            spells[-1].cancelled_on = (row.get("due_at") or row["occurred_at"]).date()
    return spells


def _yearly(row: Row) -> Decimal:
    amount = Decimal(str(row["amount"]))
    return cents(amount * 12 if row["about"] == "monthly" else amount)


def paid_on(spells: list[Spell], day: date) -> Decimal:
    """Return the yearly price that a subscription pays at the end of a day."""
    begun = [spell for spell in spells if spell.begins <= day]
    if not begun or begun[-1].is_trial or (begun[-1].ends is not None and begun[-1].ends <= day):
        return Decimal(0)
    prices = [price for since, price in begun[-1].prices if since <= day]
    return prices[-1]


@dataclass
class Book:
    """The subscriptions of all customers as known on a day.

    Attributes:
        spells: spells of each subscription, by customer and subscription.
    """

    spells: dict[tuple[str, str], list[Spell]]

    @classmethod
    def of(cls, events: Iterable[Row], as_of: date, trial_days: int) -> Book:
        """Read the events that were known on a day."""
        by_subscription: dict[tuple[str, str], list[Row]] = {}
        for row in known(events, as_of):
            by_subscription.setdefault((row["customer_id"], row["subject_id"]), []).append(row)
        return cls({key: spells_of(rows, trial_days) for key, rows in by_subscription.items()})

    def customers(self) -> list[str]:
        """Return the customers."""
        return sorted({customer for customer, _ in self.spells})

    def monthly(self, customer: str, day: date) -> Decimal:
        """Return the monthly revenue of a customer at the end of a day."""
        prices = (paid_on(spells, day) for (name, _), spells in self.spells.items() if name == customer)
        return sum((cents(price / 12) for price in prices), Decimal(0))

    def yearly(self, customer: str, day: date) -> Decimal:
        """Return the yearly revenue of a customer at the end of a day."""
        prices = (paid_on(spells, day) for (name, _), spells in self.spells.items() if name == customer)
        return sum(prices, Decimal(0))

    def has_paid_before(self, customer: str, day: date) -> bool:
        """Return whether a customer paid at the end of any day before a day, looking at days on which prices change."""
        days = {
            since
            for (name, _), spells in self.spells.items()
            if name == customer
            for spell in spells
            for since, _ in spell.prices
        }
        return any(self.monthly(customer, since) > 0 for since in days if since < day)


def months(as_of: date, number: int) -> list[date]:
    """Return the first days of the last months, the oldest first."""
    found, first = [], as_of.replace(day=1)
    for _ in range(number):
        found.append(first)
        first = (first - timedelta(days=1)).replace(day=1)
    return found[::-1]


def end_of(month: date) -> date:
    """Return the last day of a month."""
    return month.replace(day=calendar.monthrange(month.year, month.month)[1])


def movement(book: Book, customer: str, month: date, as_of: date) -> tuple[Decimal, Decimal, str]:
    """Return start, end and name of a customer's movement in a month."""
    start = book.monthly(customer, month - timedelta(days=1))
    end = book.monthly(customer, min(end_of(month), as_of))
    if start == end:
        return start, end, "unchanged"
    if start == 0:
        return start, end, "reactivation" if book.has_paid_before(customer, month) else "new"
    if end == 0:
        return start, end, "churn"
    return start, end, "expansion" if end > start else "contraction"
