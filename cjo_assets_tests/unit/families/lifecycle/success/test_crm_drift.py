"""Tests of the differences to a CRM: whose stage is newer, resolutions, failures and retries."""

from typing import Any

import pytest

from cjo_assets.families.lifecycle.success.crm_drift import (
    CrmDrift,
    crm_drift,
    stages_that_differ,
    synchronizations_without_retries,
)
from cjo_assets.families.lifecycle.success.lifecycle_stages import LifecycleStages
from cjo_assets_tests.support.lifecycle.events import event, events_of
from cjo_assets_tests.support.rows import Row, as_of, by, day, instant, kept, policy_with, rows_of, table_of

STAGE = {"customer_id": "C1", "previous_stage": "trial"}


def of(*events: Row, stage: str = "churned", since: int = -5, conflict: str = "newest", **more: Any) -> dict[Any, Row]:
    """Return the rows of C1 by provider; its stage was published since so many days."""
    rules: Any = policy_with(lifecycle__crm__conflict=conflict)
    stages = table_of(LifecycleStages, [STAGE | {"stage": stage, "seen_since": day(since)} | more])
    return by("provider", kept(CrmDrift, crm_drift(stages, events_of(*events), as_of(), rules.lifecycle)))


def seen(at: str, stage: str, provider: str = "hubspot") -> Row:
    """Return a sighting of a stage."""
    return event("crm_stage_seen", at, subject="R1", related_id=provider, about=stage)


def synced(kind: str, at: str) -> Row:
    """Return a synchronization that succeeded or failed."""
    return event(f"crm_sync_{kind}", at, subject="R1", related_id="hubspot")


@pytest.mark.parametrize(
    ("stage", "word"),
    [
        ("lead", "lead"),
        ("trial", "opportunity"),
        ("active", "customer"),
        ("renewal", "customer"),
        ("at_risk", "customer"),
        ("churned", "churned"),
    ],
)
def test_stages_are_translated(stage: str, word: str) -> None:
    row = of(seen("2025-01-18", word), stage=stage)["hubspot"]
    assert (row["stage"], row["expected_crm_stage"], row["is_drifting"]) == (stage, word, False)
    assert (row["newer"], row["resolution"]) == (None, "none")


@pytest.mark.parametrize(
    ("since", "newer"),
    [(-5, "crm"), (-3, "crm"), (-2, "platform"), (-1, "platform")],
)
def test_the_newest_stage_counts(since: int, newer: str) -> None:
    row = of(seen("2025-01-18", "customer"), since=since)["hubspot"]
    assert (row["is_drifting"], row["newer"], row["resolution"]) == (True, newer, newer)


@pytest.mark.parametrize(
    ("since", "newer", "resolution"),
    [(-5, "crm", "crm"), (-3, "crm", "crm"), (-2, None, "manual"), (-1, None, "manual")],
)
def test_a_first_stage_may_be_older_than_the_day_it_was_published(
    since: int, newer: str | None, resolution: str
) -> None:
    row = of(seen("2025-01-18", "customer"), since=since, previous_stage=None)["hubspot"]
    assert (row["is_drifting"], row["newer"], row["resolution"]) == (True, newer, resolution)


@pytest.mark.parametrize("conflict", ["platform", "crm", "manual"])
def test_the_policy_decides_a_conflict(conflict: str) -> None:
    assert of(seen("2025-01-18", "customer"), conflict=conflict)["hubspot"]["resolution"] == conflict
    assert of(seen("2025-01-18", "churned"), conflict=conflict)["hubspot"]["resolution"] == "none"


def test_a_stage_is_as_old_as_its_unbroken_sightings() -> None:
    events = [
        seen("2025-01-10", "customer"),
        seen("2025-01-12", "lead"),
        seen("2025-01-14", "customer"),
        seen("2025-01-16", "customer"),
        seen("2025-01-18", "lead", "salesforce"),
        seen("2025-01-21", "lead"),
    ]
    found = of(*events)
    row = found["hubspot"]
    assert (row["crm_stage"], row["crm_stage_since"]) == ("customer", instant("2025-01-14 09:00"))
    assert found["salesforce"]["crm_stage"] == "lead"


def test_failures_since_the_last_success() -> None:
    failures = [synced("failed", f"2025-01-{number}") for number in (10, 13, 14, 15)]
    row = of(*failures, synced("succeeded", "2025-01-12"))["hubspot"]
    assert (row["failures_in_row"], row["retries_left"], row["last_synced_at"]) == (3, 2, instant("2025-01-12 09:00"))
    assert (row["crm_stage"], row["is_drifting"], row["resolution"]) == (None, None, "none")
    more = [synced("failed", f"2025-01-{number}") for number in (16, 17, 18)]
    row = of(*failures, *more)["hubspot"]
    assert (row["failures_in_row"], row["retries_left"], row["last_synced_at"]) == (7, 0, None)


def test_customers_without_an_account_have_no_stage() -> None:
    found = of(seen("2025-01-18", "customer") | {"customer_id": "C2"})
    row = found["hubspot"]
    assert (row["stage"], row["expected_crm_stage"], row["is_drifting"], row["newer"]) == (None, None, None, None)


def test_differences_and_failures_are_listed() -> None:
    rows = [{"provider": "A", "is_drifting": True}, {"provider": "B", "is_drifting": False}, {"provider": "C"}]
    table = table_of(CrmDrift, [row | {"customer_id": "C1", "retries_left": 1} for row in rows])
    assert [row["provider"] for row in rows_of(stages_that_differ(table))] == ["A"]
    table = table_of(CrmDrift, [{"provider": "A", "retries_left": 0}, {"provider": "B", "retries_left": 1}])
    assert [row["provider"] for row in rows_of(synchronizations_without_retries(table))] == ["A"]
