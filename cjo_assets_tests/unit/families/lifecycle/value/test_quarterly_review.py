"""Tests of the quarterly review; the as-of date 2025-01-20 is the twentieth day of its quarter."""

import random
from collections import defaultdict
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from cjo_assets.families.lifecycle.operation.config_changes import ConfigChanges
from cjo_assets.families.lifecycle.support.daily_metrics import DailyMetrics
from cjo_assets.families.lifecycle.value.quarterly_review import (
    FIGURES,
    QuarterlyReview,
    quarterly_review,
    rows_of_no_organization,
    values_without_records,
)
from cjo_assets_tests.support.lifecycle.events import RULES, organizations_of
from cjo_assets_tests.support.rows import Row, Rows, as_of, by, day, instant, kept, policy_with, rows_of, table_of

NOW, BEFORE, EARLIER = date(2025, 1, 10), date(2024, 12, 31), date(2024, 4, 1)


def metric(name: str, on: date, numerator: float, denominator: float | None = None, **more: Any) -> Row:
    """Return a daily metric."""
    found = {"customer_id": "C1", "metric": name, "metric_day": on, "numerator": numerator, "denominator": denominator}
    return found | {"n": 1} | more


def live(at: str = "2024-02-10 10:00", customer: str = "C1") -> Row:
    """Return a version that was deployed."""
    return {"config_id": f"F-{customer}-{at}", "customer_id": customer, "deployed_at": instant(at)}


def of(metrics: Rows, versions: Rows | None = None, rules: Any = RULES, offset: int = 0) -> dict[tuple[str, str], Row]:
    """Return the review of a day by customer and metric."""
    table = quarterly_review(
        table_of(DailyMetrics, metrics), table_of(ConfigChanges, versions or []), as_of(offset), rules
    )
    return by(("customer_id", "metric"), kept(QuarterlyReview, table, day(offset)))


def test_three_quarters_of_a_rate() -> None:
    """9 of 10, 6 of 10 in two days, and 1 of 4 in the second quarter of 2024, the first whole one after February."""
    rows = [
        metric("resolved", NOW, 9, 10, n=10),
        metric("resolved", BEFORE, 2, 4, n=4),
        metric("resolved", date(2024, 10, 1), 4, 6, n=6),
        metric("resolved", EARLIER, 1, 4, n=4),
        metric("resolved", date(2024, 9, 30), 7, 7, n=7),
        metric("resolved", date(2025, 1, 21), 7, 7, n=7),
    ]
    row = of(rows, [live()])["C1", "resolution_rate"]
    assert (row["value"], row["before"], row["baseline"]) == (0.9, 0.6, 0.25)
    assert (row["change"], row["change_since_baseline"]) == (pytest.approx(0.3), pytest.approx(0.65))
    assert (row["n"], row["n_before"], row["n_baseline"]) == (10, 10, 4)
    assert (row["quarter"], row["baseline_quarter"], row["grade"]) == (date(2025, 1, 1), EARLIER, "measured")


def test_sums_are_shown_per_day() -> None:
    """40 in 20 days so far, 46 in 92 days."""
    rows = [metric("conversations", NOW, 40, n=40), metric("conversations", BEFORE, 46, n=46)]
    row = of(rows)["C1", "conversations_per_day"]
    assert (row["value"], row["before"], row["baseline"]) == (2.0, 0.5, None)
    assert of(rows, offset=20)["C1", "conversations_per_day"]["value"] == 1.0


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2024-04-01 00:00", date(2024, 4, 1)),
        ("2024-04-02 00:00", date(2024, 7, 1)),
        ("2024-09-30 23:59", date(2024, 10, 1)),
        # The first whole quarter is the running one.
        ("2024-10-02 10:00", None),
    ],
)
def test_the_first_whole_quarter_after_go_live(at: str, expected: date | None) -> None:
    row = of([metric("tickets", NOW, 1)], [live(at), live("2025-01-02 10:00")])["C1", "tickets_per_day"]
    assert row["baseline_quarter"] == expected


def test_without_records_values_are_null() -> None:
    found = of([metric("csat", BEFORE, 9, 2)], [live()])
    row = found["C1", "csat"]
    assert (row["value"], row["before"], row["change"], row["n"], row["n_before"]) == (None, 4.5, None, 0, 1)
    assert found["C1", "tickets_per_day"]["before"] is None
    assert of([]) == {}


COSTS = [
    metric("model_cost", NOW, 2.0),
    metric("conversations", NOW, 36),
    metric("tickets", NOW, 4),
    metric("resolved_by_ai", NOW, 1, 4),
]


def test_costs_are_assumptions() -> None:
    """2 for models and three tickets of 12 minutes at 50 an hour for 40 interactions, instead of 13 each."""
    found = of(COSTS)
    row = found["C1", "cost_per_interaction"]
    assert (row["value"], row["grade"], row["n"], row["direction"]) == (0.8, "assumption", 40, "lower_is_better")
    assert found["C1", "cost_reduction"]["value"] == pytest.approx(1 - 0.8 / 13, abs=1e-6)
    assert of(COSTS[1:])["C1", "cost_per_interaction"]["value"] is None
    rules = policy_with(lifecycle__baselines__cost_per_interaction=None).lifecycle  # type: ignore[attr-defined]
    assert of(COSTS, rules=rules)["C1", "cost_reduction"]["value"] is None


def test_generated_quarters() -> None:
    """Compare with sums in plain Python."""
    chance = random.Random(18)
    customers = [f"C{place}" for place in range(30)]
    first = date(2024, 1, 1)
    rows = [
        metric(
            figure.daily,
            first + timedelta(days=chance.randrange(420)),
            float(chance.randrange(5)),
            4.0,
            customer_id=customer,
        )
        for customer in customers
        for figure in FIGURES.values()
        for _ in range(6)
    ]
    unique = list({(row["customer_id"], row["metric"], row["metric_day"]): row for row in rows}.values())
    versions = [
        live(f"{first + timedelta(days=chance.randrange(380))} 10:00", name) for name in chance.sample(customers, 20)
    ]
    found = of(unique, versions)
    sums: dict[tuple[str, str, date], list[float]] = defaultdict(lambda: [0.0, 0.0])
    for row in unique:
        if row["metric_day"] <= day(0):
            pair = sums[row["customer_id"], row["metric"], _quarter(row["metric_day"])]
            pair[0] += row["numerator"]
            pair[1] += row["denominator"]
    live_on = {version["customer_id"]: version["deployed_at"] for version in versions}
    assert len(found) > 300
    for (customer, name), row in found.items():
        if name not in FIGURES:
            continue
        baseline = _baseline(live_on.get(customer))
        assert row["baseline_quarter"] == baseline
        quarters = {"value": date(2025, 1, 1), "before": date(2024, 10, 1), "baseline": baseline}
        for part, quarter in quarters.items():
            expected = None
            if quarter and (customer, FIGURES[name].daily, quarter) in sums:
                numerator, denominator = sums[customer, FIGURES[name].daily, quarter]
                days = 20 if part == "value" else (_next(quarter) - quarter).days
                expected = pytest.approx(numerator / (days if FIGURES[name].is_per_day else denominator), abs=1e-6)
            assert row[part] == expected, (customer, name, part)


def _quarter(on: date) -> date:
    return date(on.year, (on.month - 1) // 3 * 3 + 1, 1)


def _next(quarter: date) -> date:
    return date(quarter.year + quarter.month // 10, (quarter.month + 2) % 12 + 1, 1)


def _baseline(at: datetime | None) -> date | None:
    if at is None:
        return None
    own = _quarter(at.date())
    first = own if own == at.date() else _next(own)
    return first if first < date(2025, 1, 1) else None


def test_checks_find_strangers_and_values_without_records() -> None:
    rows: Rows = [
        {"customer_id": "C1", "metric": "csat", "value": 4.0, "n": 2},
        {"customer_id": "C1", "metric": "sla_met", "value": 1.0, "n": 0},
        {"customer_id": "C2", "metric": "csat", "before": None, "n_before": 1},
    ]
    table = table_of(QuarterlyReview, rows)
    assert [row["metric"] for row in rows_of(values_without_records(table))] == ["sla_met", "csat"]
    assert {row["customer_id"] for row in rows_of(rows_of_no_organization(table, organizations_of("C1")))} == {"C2"}
