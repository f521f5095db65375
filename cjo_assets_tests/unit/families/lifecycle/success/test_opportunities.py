"""Tests of opportunities: the three rules, their values, invitations, and reasons against an offer."""

from typing import Any

import pytest

from cjo_assets.families.lifecycle.inputs.plans import Plans
from cjo_assets.families.lifecycle.inputs.tickets import Tickets
from cjo_assets.families.lifecycle.money.accounts import Accounts
from cjo_assets.families.lifecycle.money.invoices import Invoices
from cjo_assets.families.lifecycle.money.plan_usage import PlanUsage
from cjo_assets.families.lifecycle.success.lifecycle_stages import LifecycleStages
from cjo_assets.families.lifecycle.success.opportunities import (
    Opportunities,
    invitations_of_unknown_kind,
    opportunities,
)
from cjo_assets_tests.support.lifecycle.events import RULES, event, events_of
from cjo_assets_tests.support.rows import Row, Rows, as_of, by, day, instant, kept, rows_of, table_of

NONE: Rows = []
PLANS = [
    {"plan_id": "starter", "tier": 1, "monthly_price": 1000.0},
    {"plan_id": "growth", "tier": 2, "monthly_price": 3500.0},
    {"plan_id": "enterprise", "tier": 3, "monthly_price": 9000.0},
]


def of(
    usage: Rows = NONE,
    events: Rows = NONE,
    tickets: Rows = NONE,
    stage: str = "active",
    overdue: int = 0,
    voice: bool | None = False,
) -> dict[Any, Row]:
    """Return the opportunities of C1, by kind."""
    table = opportunities(
        table_of(PlanUsage, [{"customer_id": "C1", "plan_id": "starter"} | row for row in usage]),
        table_of(Plans, PLANS),
        table_of(Accounts, [{"customer_id": "C1", "has_voice": voice}]),
        table_of(Tickets, [{"customer_id": "C1", "category": "feature_request"} | row for row in tickets]),
        table_of(LifecycleStages, [{"customer_id": "C1", "stage": stage}]),
        table_of(Invoices, [{"customer_id": "C1", "days_overdue": overdue}]),
        events_of(*events),
        as_of(),
        RULES,
    )
    return by("kind", kept(Opportunities, table))


def used(share: float | None, projected: float, plan: str = "starter") -> Row:
    """Return the use of conversations of a plan of 25."""
    row = {"meter": "conversations", "plan_id": plan, "share": share, "projected": projected}
    return row | {"included": 25 if share is not None else None}


def escalations(number: int, at: str = "2025-01-10") -> Rows:
    """Return escalations of different conversations."""
    return [event("escalated", at, subject=f"CV-{place}", about="asked_for_human") for place in range(number)]


def test_the_next_plan_is_worth_the_difference_of_a_year() -> None:
    row = of([used(0.88, 34.1)])["premium_tier"]
    # (3,500 - 1,000) x 12.
    assert (row["value"], row["offer"], row["evidence"]) == (30_000.0, ["growth"], ["conversations"])
    assert (row["state"], row["is_indicated"], row["blocked_by"]) == ("open", True, [])


@pytest.mark.parametrize(
    ("usage", "is_indicated"),
    [
        (used(0.8, 0.0), True),
        (used(0.79, 19.9), False),
        # 20 of 25 are projected.
        (used(0.1, 20.0), True),
        (used(None, 500.0), False),
        # There is none above.
        (used(0.99, 30.0, "enterprise"), False),
        (used(0.99, 30.0) | {"meter": "api_calls"}, False),
    ],
)
def test_high_usage(usage: Row, is_indicated: bool) -> None:
    assert ("premium_tier" in of([usage])) is is_indicated


@pytest.mark.parametrize(
    ("events", "voice", "is_indicated"),
    [
        (escalations(5), False, True),
        (escalations(4), False, False),
        (escalations(5), True, False),
        (escalations(5), None, False),
        (escalations(5, "2024-12-24"), False, True),
        (escalations(5, "2024-12-23"), False, False),
        # One conversation that was escalated five times.
        ([event("escalated", "2025-01-10", subject="CV-1", about="asked_for_human")] * 5, False, False),
    ],
)
def test_voice_is_offered_after_escalations_to_people(events: Rows, voice: bool | None, is_indicated: bool) -> None:
    found = of(events=events, voice=voice)
    assert ("voice_addon" in found) is is_indicated
    if is_indicated:
        assert found["voice_addon"]["value"] == 6000.0
        assert found["voice_addon"]["evidence"] == [f"CV-{place}" for place in range(5)]


def test_unresolved_requests_name_features() -> None:
    tickets: Rows = [
        {"ticket_id": "T1", "requested_feature": "salesforce"},
        {"ticket_id": "T2", "requested_feature": "hubspot"},
        {"ticket_id": "T3", "requested_feature": "salesforce"},
        {"ticket_id": "T4", "requested_feature": None},
        {"ticket_id": "T5", "requested_feature": "done", "resolved_at": instant("2025-01-19T10:00:00")},
        {"ticket_id": "T6", "requested_feature": "later", "created_at": instant("2025-01-21T10:00:00")},
        {"ticket_id": "T7", "requested_feature": "bug", "category": "bug_report"},
    ]
    row = of(tickets=tickets)["custom_integration"]
    assert (row["offer"], row["evidence"], row["value"]) == (["hubspot", "salesforce"], ["T1", "T2", "T3"], 4000.0)


def test_states_follow_the_last_invitation() -> None:
    invited = event("specialist_invited", "2025-01-16", subject="O1", about="voice_addon")
    closed = event("specialist_closed", "2025-01-17", subject="O1", about="won", amount=500.0)
    row = of(events=[invited])["voice_addon"]
    assert (row["state"], row["is_indicated"], row["opportunity_id"], row["value"]) == ("invited", False, "O1", None)
    row = of(events=[invited, closed])["voice_addon"]
    assert (row["state"], row["revenue"]) == ("won", 500.0)
    row = of(events=[invited, closed | {"about": "lost"}])["voice_addon"]
    assert (row["state"], row["revenue"]) == ("lost", None)
    again = event("specialist_invited", "2025-01-18", subject="O2", about="voice_addon")
    row = of(events=[invited, closed, again])["voice_addon"]
    assert (row["state"], row["opportunity_id"]) == ("invited", "O2")


@pytest.mark.parametrize(
    ("stage", "overdue", "blocked_by"),
    [
        ("renewal", 0, []),
        ("at_risk", 0, ["at_risk"]),
        ("at_risk", 3, ["at_risk", "unpaid"]),
        ("churned", 0, ["churned"]),
    ],
)
def test_reasons_against_an_offer(stage: str, overdue: int, blocked_by: list[str]) -> None:
    assert of([used(0.88, 34.1)], stage=stage, overdue=overdue)["premium_tier"]["blocked_by"] == blocked_by


def test_unknown_kinds_are_listed() -> None:
    log = events_of(
        event("specialist_invited", day(-1).isoformat(), subject="O1", about="voice_addon"),
        event("specialist_invited", day(-1).isoformat(), subject="O2", about="training"),
    )
    assert [row["kind"] for row in rows_of(invitations_of_unknown_kind(log, as_of()))] == ["training"]
