"""Tests of the rates of automation; the window of 28 days begins on 2024-12-24."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cjo_assets.families.lifecycle.support.daily_metrics import DailyMetrics
from cjo_assets.families.lifecycle.value.automation_rates import (
    AutomationRates,
    automation_rates,
    phases_that_do_not_add_up,
    unknown_tasks,
)
from cjo_assets_tests.support.lifecycle.events import RULES, event, events_of
from cjo_assets_tests.support.rows import DAY, Row, Rows, as_of, by, kept, policy_with, rows_of, table_of

Key = tuple[str, str]
TASKS = RULES.automation.tasks.model_dump()


def solved(by_ai: int, tickets: int, metric_day: Any = DAY) -> Row:
    """Return solved tickets of a day."""
    return {
        "customer_id": "C1",
        "metric": "resolved_by_ai",
        "metric_day": metric_day,
        "numerator": float(by_ai),
        "denominator": float(tickets),
    }


def of(*events: Row, metrics: Rows | None = None, rules: Any = RULES) -> dict[Key, Row]:
    """Return the rates by phase and task."""
    table = automation_rates(events_of(*events), table_of(DailyMetrics, metrics or []), as_of(), rules)
    return by(("phase", "task"), kept(AutomationRates, table))


def demo(at: str, actor: str, **more: Any) -> Row:
    """Return a demo."""
    return event("demo_delivered", at, subject="D1", actor_kind=actor, **more)


def test_a_rate_has_its_interval() -> None:
    """Wilson of 3 of 4 at 0.90: z = 1.644854, centre 0.648..., see the arithmetic below."""
    found = of(*(demo("2025-01-10", actor) for actor in ("ai", "ai", "system", "agent")))
    row = found["sales", "demo_delivered"]
    assert (row["automated"], row["tasks"], row["rate"], row["target"]) == (3, 4, 0.75, 0.6)
    z, n, share = 1.6448536269514722, 4, 0.75
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    radius = z / (1 + z**2 / n) * (share * (1 - share) / n + z**2 / (4 * n**2)) ** 0.5
    assert (row["rate_low"], row["rate_high"]) == pytest.approx((centre - radius, centre + radius), abs=1e-6)
    assert (found["sales", "all"]["automated"], found["sales", "all"]["tasks"]) == (3, 4)


def test_a_client_automates_self_service_alone() -> None:
    steps = [event("config_change_requested", "2025-01-10", subject="CH", actor_kind=kind) for kind in ("client", "ai")]
    found = of(*steps, demo("2025-01-10", "client"))
    assert found["self_service", "config_change_requested"]["automated"] == 1
    assert (found["sales", "demo_delivered"]["automated"], found["sales", "demo_delivered"]["tasks"]) == (0, 1)


def test_the_window_and_what_was_not_known() -> None:
    """The window has its first day, not the day before; a later event and a later record are unknown."""
    found = of(
        demo("2024-12-23 23:59", "ai"),
        demo("2024-12-24 00:00", "ai"),
        demo("2025-01-20 23:59", "agent"),
        demo("2025-01-21 00:00", "ai"),
        demo("2025-01-19", "ai", recorded_at="2025-01-21 08:00"),
    )
    assert (found["sales", "all"]["automated"], found["sales", "all"]["tasks"]) == (1, 2)


def test_tickets_are_those_of_the_daily_metrics() -> None:
    days = [solved(2, 3), solved(1, 5, DAY.replace(day=2)), solved(9, 9, DAY.replace(year=2024))]
    row = of(metrics=days)["support", "resolved_ticket"]
    assert (row["automated"], row["tasks"], row["rate"]) == (3, 8, 0.375)


def test_without_a_task_there_is_no_rate() -> None:
    found = of()
    assert set(found) == {(phase, task) for phase, tasks in TASKS.items() for task in (*tasks, "all")}
    assert {(row["tasks"], row["rate"], row["rate_low"], row["rate_high"]) for row in found.values()} == {
        (0, None, None, None)
    }


@given(st.lists(st.tuples(st.sampled_from(TASKS["sales"]), st.sampled_from(["ai", "agent", "client", "system"]))))
@settings(max_examples=10, deadline=None)
def test_a_phase_is_the_sum_of_its_tasks(drawn: list[tuple[str, str]]) -> None:
    found = of(*(event(kind, "2025-01-10", subject="D1", actor_kind=actor) for kind, actor in drawn))
    done = Counter(kind for kind, _ in drawn)
    automated = Counter(kind for kind, actor in drawn if actor in ("ai", "system"))
    for kind in TASKS["sales"]:
        row = found["sales", kind]
        assert (row["automated"], row["tasks"]) == (automated[kind], done[kind])
    assert found["sales", "all"]["tasks"] == len(drawn)


def test_an_unknown_task_is_reported() -> None:
    rules = policy_with(lifecycle__automation__tasks__sales=["demo_delivered", "demo_held"]).lifecycle  # type: ignore[attr-defined]
    table = automation_rates(events_of(), table_of(DailyMetrics, []), as_of(), rules)
    assert rows_of(unknown_tasks(table)) == [{"phase": "sales", "task": "demo_held"}]


def test_a_phase_that_does_not_add_up_fails() -> None:
    rows = [{"phase": "sales", "task": task, "automated": 1, "tasks": 2} for task in ("all", "demo_delivered")]
    assert rows_of(phases_that_do_not_add_up(table_of(AutomationRates, rows))) == []
    rows[0]["tasks"] = 3
    assert [row["phase"] for row in rows_of(phases_that_do_not_add_up(table_of(AutomationRates, rows)))] == ["sales"]
