"""Health in plain Python with exact fractions, written from the specification and not from the transforms."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction

from cjo_assets_tests.support.rows import Row

WINDOW = 28
WEIGHTS = {"outcomes": 30, "engagement": 25, "support": 20, "satisfaction": 15, "payment": 10}
# Component, value of 0 points, value of 100 points.
MEASURES = {
    "resolution_rate": ("outcomes", "0.5", "0.9"),
    "completion_rate": ("outcomes", "0.7", "0.95"),
    "volume_trend": ("engagement", "0.5", "1"),
    "active_day_share": ("engagement", "0", "0.6"),
    "features_used": ("engagement", "0", "5"),
    "tickets_per_user": ("support", "1", "0.1"),
    "complex_ticket_share": ("support", "0.5", "0"),
    "csat": ("satisfaction", "2.5", "4.5"),
    "days_overdue": ("payment", "30", "0"),
}


@dataclass
class Client:
    """A customer with one subscription and its invoices.

    Attributes:
        begins: first paid day.
        ends: day from which nothing is paid; None while it pays.
        due: due days of unpaid invoices, by the day they were issued.
        paid: days on which paid invoices were issued.
    """

    name: str
    begins: date
    ends: date | None = None
    due: dict[date, date] = field(default_factory=dict)
    paid: list[date] = field(default_factory=list)

    def pays_on(self, day: date) -> bool:
        """Return whether the customer pays at the end of a day."""
        return self.begins <= day and (self.ends is None or self.ends > day)

    def days_overdue(self, day: date) -> int | None:
        """Return the delay of the worst invoice; None without any."""
        delays = [max((day - due).days, 0) for issued, due in self.due.items() if issued <= day]
        delays += [0 for issued in self.paid if issued <= day]
        return max(delays, default=None)


class Ledger:
    """Daily metrics by customer, metric and day."""

    def __init__(self, rows: Iterable[Row]) -> None:
        """Index the rows."""
        self.rows = list(rows)

    def of(self, customer: str | None, metric: str, last: date, days: int = WINDOW) -> list[Row]:
        """Return the rows of a window of days."""
        first = last - timedelta(days=days - 1)
        return [
            row
            for row in self.rows
            if row["metric"] == metric and customer in (None, row["customer_id"]) and first <= row["metric_day"] <= last
        ]

    def total(self, customer: str, metric: str, last: date, part: str = "numerator") -> Fraction:
        """Return the sum of a part in a window."""
        return sum((Fraction(str(row[part])) for row in self.of(customer, metric, last)), Fraction(0))


def values(ledger: Ledger, client: Client, day: date) -> dict[str, Fraction | None]:
    """Return the value of each measure; None where it is not known."""

    def rate(metric: str) -> Fraction | None:
        of = ledger.total(client.name, metric, day, "denominator")
        return ledger.total(client.name, metric, day) / of if of else None

    def total(metric: str) -> Fraction:
        return ledger.total(client.name, metric, day)

    def peak(metric: str) -> Fraction:
        return max(
            (Fraction(str(row["numerator"])) for row in ledger.of(client.name, metric, day)), default=Fraction(0)
        )

    before = ledger.total(client.name, "conversations", day - timedelta(days=WINDOW))
    has_usage = bool(ledger.of(None, "active_users", day))
    has_tickets = bool(ledger.of(None, "tickets", day, 100_000))
    many = max(total("tickets"), total("complex_tickets"))
    overdue = client.days_overdue(day)
    answers = ledger.total(client.name, "csat", day, "denominator")
    has_talks = bool(ledger.of(None, "conversations", day))
    return {
        "resolution_rate": rate("resolved"),
        "completion_rate": rate("completed"),
        "volume_trend": total("conversations") / before if before and has_talks else None,
        "active_day_share": total("active_days") / WINDOW if has_usage else None,
        "features_used": peak("features") if has_usage else None,
        "tickets_per_user": total("tickets") / peak("active_users") if has_tickets and peak("active_users") else None,
        "complex_ticket_share": total("complex_tickets") / many if many else None,
        "csat": rate("csat") if answers >= 3 else None,
        "days_overdue": None if overdue is None else Fraction(overdue),
    }


def points(measure: str, value: Fraction | None) -> Fraction | None:
    """Return the points of a value."""
    if value is None:
        return None
    _, zero, full = MEASURES[measure]
    share = (value - Fraction(zero)) / (Fraction(full) - Fraction(zero))
    return 100 * min(max(share, Fraction(0)), Fraction(1))


def score(ledger: Ledger, client: Client, day: date) -> Fraction | None:
    """Return the score; None where less than half of the weight is known."""
    found: dict[str, list[Fraction]] = {}
    for measure, value in values(ledger, client, day).items():
        reached = points(measure, value)
        if reached is not None:
            found.setdefault(MEASURES[measure][0], []).append(reached)
    weight = sum(WEIGHTS[name] for name in found)
    if weight < 50:
        return None
    return sum((WEIGHTS[name] * sum(own, Fraction(0)) / len(own) for name, own in found.items()), Fraction(0)) / weight


def band(found: Fraction | None) -> str:
    """Return the band of a score."""
    if found is None:
        return "unknown"
    return "red" if found < 60 else "green" if found > 80 else "yellow"
