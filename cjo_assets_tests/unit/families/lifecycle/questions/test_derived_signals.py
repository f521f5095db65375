"""Explanation of derived signals: the rule of each type with policy values, and what its records contain."""

import json
from datetime import date
from typing import Any

import pytest

from cjo_assets.families.lifecycle.questions.derived_signals import RULES, explained_signal
from cjo_assets.policy import Policy

DAY = date(2025, 1, 20)
EVENT = {"dataset": "lifecycle_events", "quantity": None, "due_at": None}


def ticket(category: str) -> dict[str, Any]:
    """Return the values of a ticket."""
    return {"dataset": "tickets", "category": category}


def usage(day: str, logins: int) -> dict[str, Any]:
    """Return the values of a day of usage."""
    return {"dataset": "usage_daily", "usage_date": day, "logins": logins}


def talk(csat: int | None) -> dict[str, Any]:
    """Return the values of a conversation."""
    return {"dataset": "conversations", "csat": csat}


CASES = {
    "support_ticket_spike": ([ticket("bug_report")] * 3, "3 tickets up to 2025-01-20"),
    "repeat_support_tickets": (
        [ticket("bug_report"), ticket("feature_request"), ticket("bug_report")],
        "2 tickets of bug_report, 1 tickets of feature_request",
    ),
    "support_satisfaction_low": ([talk(3), talk(2), EVENT | {"quantity": 1.0}], "3 answers, mean 2"),
    # The window of 14 days begins on the 7th.
    "usage_drop": (
        [usage("2025-01-06", 12), usage("2025-01-07", 5), usage("2025-01-20", 2)],
        "7 logins from 2025-01-07 to 2025-01-20, 12 in the 14 days before",
    ),
    "usage_recovery": ([usage("2025-01-19", 12), usage("2025-01-20", 3)], "15 logins up to 2025-01-20"),
    "inactivity_warning": ([usage("2025-01-06", 1)], "last login on 2025-01-06, 14 days before"),
    "failed_onboarding_step": (
        [EVENT | {"event_type": "dependency_opened", "subject_id": "D-1", "due_at": "2025-01-14 17:00:00"}],
        "dependency_opened D-1 due 2025-01-14",
    ),
    "renewal_intent": ([EVENT | {"event_type": "proposal_signed", "subject_id": "R-1"}], "proposal_signed R-1"),
    "low_product_usage": (
        [talk(None), talk(5), EVENT | {"event_type": "subscription_started", "subject_id": "S-1"}],
        "2 conversations, subscription_started S-1",
    ),
}


@pytest.fixture
def section(policy: Policy) -> dict[str, Any]:
    """Return the section of the lifecycle as a run records it."""
    found: dict[str, Any] = json.loads(policy.content)["lifecycle"]
    return found


def signal(kind: str) -> dict[str, Any]:
    """Return a signal of a type."""
    return {"signal_type": kind, "detected_at": DAY}


@pytest.mark.parametrize("kind", RULES)
def test_each_rule_states_what_the_records_contain(kind: str, section: dict[str, Any]) -> None:
    records, found = CASES[kind]
    rule, values = explained_signal(signal(kind), records, section)
    assert rule.endswith(f". Records: {found}")
    assert "{" not in rule
    for path, value in values.items():
        place: Any = section
        for name in path.split("."):
            place = place[name]
        assert place == value
    assert values["signals.quiet_days"] == section["signals"]["quiet_days"]


def test_a_rule_has_the_values_of_the_policy_of_the_day(section: dict[str, Any]) -> None:
    section["signals"]["repeat"] |= {"tickets": 4, "days": 9}
    rule, values = explained_signal(signal("repeat_support_tickets"), [], section)
    assert rule.startswith("at least 4 tickets of one category in 9 days; strength: tickets / 4; ")
    assert values["signals.repeat.tickets"] == 4


def test_a_policy_or_a_signal_type_of_another_version(section: dict[str, Any]) -> None:
    assert explained_signal(signal("usage_doubled"), [], section) == (
        "usage_doubled is no derived signal type of this version",
        {},
    )
    del section["signals"]["repeat"]
    rule, values = explained_signal(signal("repeat_support_tickets"), [], section)
    assert rule == "the policy of that day has no value 'repeat', which the rule of repeat_support_tickets reads"
    assert list(values) == ["signals.quiet_days"]
