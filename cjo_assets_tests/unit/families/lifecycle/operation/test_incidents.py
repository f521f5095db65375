"""Tests of incidents: what was opened, what windows show, and which of both belong together."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from cjo_assets.families.lifecycle.operation.incidents import (
    Incidents,
    incidents,
    records_of_no_incident,
    rows_of_no_organization,
)
from cjo_assets_tests.support.lifecycle.events import RULES, event, events_of, organizations_of
from cjo_assets_tests.support.lifecycle.operation import deployed, rolled_back, window, windows_of
from cjo_assets_tests.support.rows import Row, Rows, as_of, by, day, instant, kept, rows_of

FAILING = {"requests": 40, "errors": 3}


def of(*windows: Row, events: Sequence[Row] = (), offset: int = 0, rules: Any = RULES) -> Rows:
    """Return the incidents of a day in the order in which they were opened."""
    table = incidents(windows_of(*windows), events_of(*events), as_of(offset), rules)
    found = kept(Incidents, table, day(offset))
    return sorted(found, key=lambda row: (row["opened_at"], row["source"]))


def opened(at: str, name: str = "I1", services: Sequence[str] = ("chatbot",), **more: Any) -> Row:
    """Return an incident that was opened."""
    return event("incident_opened", at, "C1", name, about="high", parts=list(services), **more)


def resolved(at: str, name: str = "I1", **more: Any) -> Row:
    """Return the resolution of an incident."""
    return event("incident_resolved", at, "C1", name, **more)


def failing(at: str, **more: Any) -> Row:
    """Return a window of five minutes with 3 errors of 40 requests."""
    return window(at, **(FAILING | more))


def healthy(at: str, **more: Any) -> Row:
    """Return a window of five minutes without errors."""
    return window(at, requests=40, **more)


def test_an_incident_with_its_records() -> None:
    events = [
        opened("2025-01-10 14:00"),
        resolved("2025-01-10 14:30"),
        resolved("2025-01-10 14:36"),
        event("incident_notice_sent", "2025-01-10 15:00", "C1", "I1"),
        event("rca_published", "2025-01-12 09:00", "C1", "I1"),
    ]
    (row,) = of(events=events)
    assert (row["incident_id"], row["source"], row["severity"], row["services"]) == (
        "I1",
        "reported",
        "high",
        ["chatbot"],
    )
    assert (row["state"], row["resolved_at"], row["repair_minutes"]) == ("resolved", instant("2025-01-10 14:36"), 36.0)
    assert row["notice_sent_at"] == instant("2025-01-10 15:00")
    assert row["rca_published_at"] == instant("2025-01-12 09:00")
    assert (row["failing_windows"], row["first_failed_at"], row["versions"]) == (0, None, [])


def test_a_day_knows_only_its_own() -> None:
    events = [opened("2025-01-20 14:00"), resolved("2025-01-21 09:00")]
    (today,), (tomorrow,) = of(events=events), of(events=events, offset=1)
    assert (today["state"], today["resolved_at"], today["repair_minutes"]) == ("open", None, None)
    assert (tomorrow["state"], tomorrow["repair_minutes"]) == ("resolved", 1140.0)
    assert of(events=events, offset=-1) == []
    assert of(failing("2025-01-20 23:56")) == []


def test_adjacent_failing_windows_are_one_failure() -> None:
    windows = [failing(f"2025-01-15 10:{minute:02d}") for minute in (0, 5, 15, 20)]
    windows += [healthy("2025-01-15 10:10"), healthy("2025-01-15 10:25"), failing("2025-01-15 10:00", service="crm")]
    found = of(*windows)
    assert {(row["services"][0], row["opened_at"], row["failing_windows"]) for row in found} == {
        ("chatbot", instant("2025-01-15 10:00"), 2),
        ("crm", instant("2025-01-15 10:00"), 1),
        ("chatbot", instant("2025-01-15 10:15"), 2),
    }
    first = next(row for row in found if row["services"] == ["chatbot"])
    assert (first["source"], first["state"], first["repair_minutes"]) == ("unreported", "resolved", 10.0)
    assert (first["requests"], first["errors"], first["severity"]) == (80, 6, None)
    # No later window of the integration is known.
    crm = next(row for row in found if row["services"] == ["crm"])
    assert (crm["state"], crm["resolved_at"]) == ("open", None)
    assert len({row["incident_id"] for row in found}) == 3


@pytest.mark.parametrize(
    ("changed", "count"),
    [
        ({}, 1),
        ({"requests": 19, "errors": 19}, 0),
        ({"errors": 2}, 0),
        ({"is_maintenance": True}, 0),
        ({"errors": 0, "down_minutes": 5}, 1),
        ({"errors": 0, "down_minutes": 4}, 0),
        ({"minutes": 1440}, 1),
    ],
)
def test_windows_that_fail(changed: Row, count: int) -> None:
    assert len(of(failing("2025-01-15 10:00") | changed)) == count


@pytest.mark.parametrize(
    ("events", "sources"),
    [
        ([opened("2025-01-15 10:04")], ["reported"]),
        # Opened an hour after the failure.
        ([opened("2025-01-15 11:05")], ["reported"]),
        ([opened("2025-01-15 11:06")], ["unreported", "reported"]),
        ([opened("2025-01-15 09:00"), resolved("2025-01-15 10:00")], ["reported", "unreported"]),
        ([opened("2025-01-15 09:00"), resolved("2025-01-15 10:01")], ["reported"]),
        ([opened("2025-01-15 10:04", services=["voicebot"])], ["unreported", "reported"]),
        ([opened("2025-01-15 10:04", services=[])], ["reported"]),
        ([opened("2025-01-15 10:04") | {"customer_id": "C2"}], ["unreported", "reported"]),
    ],
)
def test_a_failure_is_reported_by_an_incident_around_it(events: Rows, sources: list[str]) -> None:
    found = of(failing("2025-01-15 10:00"), healthy("2025-01-15 10:05"), events=events)
    assert [row["source"] for row in found] == sources


def test_how_long_a_failure_was_not_known() -> None:
    windows = [failing("2025-01-15 10:00"), failing("2025-01-15 10:30"), healthy("2025-01-15 10:35")]
    (row,) = of(*windows, events=[opened("2025-01-15 10:32")])
    assert (row["first_failed_at"], row["detected_after_minutes"]) == (instant("2025-01-15 10:00"), 32.0)
    assert (row["failing_windows"], row["errors"], row["requests"]) == (2, 6, 80)
    (early,) = of(*windows, events=[opened("2025-01-15 09:59")])
    assert early["detected_after_minutes"] == 0.0
    # The failure of a long window may have begun at any time in it.
    (long,) = of(failing("2025-01-15 10:00", minutes=60), events=[opened("2025-01-15 10:32")])
    assert long["detected_after_minutes"] is None


def test_versions_deployed_in_the_hour_before() -> None:
    events = [
        deployed("2025-01-15 09:00", 2),
        deployed("2025-01-15 08:59", 3, config="G2"),
        rolled_back("2025-01-15 10:00", 4, config="G3"),
        deployed("2025-01-15 10:01", 5, config="G4"),
        deployed("2025-01-15 09:30", 6, config="G5", customer="C2"),
        deployed("2025-01-15 09:30", 7, config="G6", about="staging"),
    ]
    (row,) = of(failing("2025-01-15 10:00"), events=events)
    assert row["versions"] == ["G1 2", "G3 4"]
    (reported,) = of(failing("2025-01-15 10:00"), events=[*events, opened("2025-01-15 10:40")])
    assert reported["versions"] == ["G1 2", "G3 4"]


def test_checks() -> None:
    table = incidents(windows_of(failing("2025-01-15 10:00")), events_of(), as_of(), RULES)
    assert len(rows_of(rows_of_no_organization(table, organizations_of("C2")))) == 1
    log = events_of(opened("2025-01-15"), resolved("2025-01-16"), resolved("2025-01-16", "I2"))
    assert [row["incident_id"] for row in rows_of(records_of_no_incident(log, as_of()))] == ["I2"]


@pytest.mark.parametrize("seed", [1, 2])
def test_failures_agree_with_a_recomputation(seed: int) -> None:
    """Stretches and reports in plain Python, over 500 generated windows of two customers."""
    draw = random.Random(seed)
    windows: Rows = []
    for number in range(500):
        at = datetime(2025, 1, 19) + timedelta(minutes=5 * draw.randrange(720))
        windows.append(
            window(at.isoformat(), draw.choice((5, 5, 10)), f"C{number % 2}", draw.choice(("chatbot", "crm")))
            | {
                "window_id": f"W{number:03d}",
                "requests": draw.choice((10, 20, 40)),
                "errors": draw.choice((0, 1, 2, 3)),
                "down_minutes": draw.choice((0, 0, 0, 5)),
                "is_maintenance": draw.random() < 0.1,
            }
        )
    reports = [
        opened((datetime(2025, 1, 19) + timedelta(minutes=draw.randrange(2880))).isoformat(), f"I{number}")
        | {"customer_id": f"C{number % 2}"}
        for number in range(3)
    ]
    ends = [resolved((row["occurred_at"] + timedelta(hours=3)).isoformat(), row["subject_id"]) for row in reports]
    ends = [end | {"customer_id": row["customer_id"]} for end, row in zip(ends, reports, strict=True)]
    end_of_day = datetime(2025, 1, 21)
    expected = set()
    for customer in ("C0", "C1"):
        for service in ("chatbot", "crm"):
            own = [
                (row["started_at"], row["started_at"] + timedelta(minutes=row["minutes"]), row)
                for row in windows
                if (row["customer_id"], row["service"], row["is_maintenance"]) == (customer, service, False)
            ]
            stretches: list[list[datetime]] = []
            for begin, end, row in sorted((span for span in own if span[1] <= end_of_day), key=lambda span: span[:2]):
                is_bad = row["requests"] >= 20 and row["errors"] / row["requests"] > 0.05
                if is_bad or row["down_minutes"] >= 5:
                    if stretches and begin <= stretches[-1][1]:
                        stretches[-1][1] = max(end, stretches[-1][1])
                    else:
                        stretches.append([begin, end])
            for begin, end in stretches:
                around = [
                    row
                    for row, stop in zip(reports, ends, strict=True)
                    if row["customer_id"] == customer
                    and service in row["parts"]
                    and row["occurred_at"] <= end + timedelta(minutes=60)
                    and min(stop["occurred_at"], end_of_day) > begin
                ]
                if not around:
                    expected.add((customer, service, begin))
    found = of(*windows, events=[*reports, *ends])
    unreported = {
        (row["customer_id"], row["services"][0], row["opened_at"]) for row in found if row["source"] == "unreported"
    }
    assert unreported == expected
    known = [row for row in reports if row["occurred_at"] < end_of_day]
    assert len(by("incident_id", found)) == len(expected) + len(known)
