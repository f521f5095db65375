"""Tests of derived signals: each condition at its edge, first days, quiet days, and what was known on a day."""

from datetime import date, timedelta

import pytest

from cjo_assets.families.lifecycle.inputs.plans import Plans
from cjo_assets.families.lifecycle.inputs.tickets import Tickets
from cjo_assets.families.lifecycle.inputs.usage_daily import UsageDaily
from cjo_assets.families.lifecycle.success.journey_signals import JourneySignals, journey_signals
from cjo_assets_tests.support.lifecycle.conversations import conversations_of, talk
from cjo_assets_tests.support.lifecycle.events import RULES, cancelled, event, events_of, started
from cjo_assets_tests.support.lifecycle.tickets import ticket
from cjo_assets_tests.support.rows import Row, Rows, as_of, day, kept, table_of

NONE: Rows = []
PLANS = [
    {"plan_id": "starter", "included_conversations": 25},
    {"plan_id": "unlimited", "included_conversations": None},
]


def of(
    tickets: Rows = NONE, events: Rows = NONE, usage: Rows = NONE, talks: Rows = NONE, offset: int = 0
) -> list[tuple[str, date, float]]:
    """Return type, first day and strength of the signals of a day, in order."""
    return [
        (row["signal_type"], row["detected_at"], row["signal_strength"])
        for row in rows(tickets, events, usage, talks, offset)
    ]


def rows(tickets: Rows = NONE, events: Rows = NONE, usage: Rows = NONE, talks: Rows = NONE, offset: int = 0) -> Rows:
    """Return the signals of a day."""
    named = [{"ticket_id": f"T{number}"} | row for number, row in enumerate(tickets)]
    table = journey_signals(
        table_of(Tickets, named),
        events_of(*events),
        table_of(UsageDaily, usage),
        conversations_of(*(row | {"conversation_id": f"V{number}"} for number, row in enumerate(talks))),
        table_of(Plans, PLANS),
        as_of(offset),
        RULES,
    )
    found = kept(JourneySignals, table, day(offset))
    return sorted(found, key=lambda row: (row["detected_at"], row["signal_type"]))


def tickets_on(*offsets: int, category: str = "bug_report") -> Rows:
    """Return tickets of days, of one category or of a category each."""
    names = ["bug_report", "billing_inquiry", "deployment_issue", "feature_request", "configuration_question"]
    found = []
    for place, offset in enumerate(offsets):
        row = ticket(f"{day(offset)}T10:00:00", category=category or names[place % len(names)])
        found.append({key: value for key, value in row.items() if key != "ticket_id"})
    return found


def logins(first: int, last: int, number: int, customer: str = "C1") -> Rows:
    """Return equal logins on each of some days."""
    return [{"customer_id": customer, "usage_date": day(offset), "logins": number} for offset in range(first, last + 1)]


def test_nothing_is_derived_from_nothing() -> None:
    assert of() == []


@pytest.mark.parametrize(
    ("offsets", "expected"),
    [
        ((-6, -3, 0), [("support_ticket_spike", day(0), 0.5)]),
        ((-7, -3, 0), []),
        # Six and more have full strength, on the third of them already half.
        ((0, 0, 0, 0, 0, 0, 0), [("support_ticket_spike", day(0), 1.0)]),
        # Six in the 28 days before: a weekly mean of 1.5.
        ((-34, -29, -24, -19, -14, -9, -2, -1, 0), [("support_ticket_spike", day(0), 0.5)]),
        # Seven: a weekly mean of 1.75, of which twice is more than 3.
        ((-34, -30, -26, -22, -18, -14, -9, -2, -1, 0), []),
    ],
)
def test_bursts_of_tickets(offsets: tuple[int, ...], expected: list[tuple[str, date, float]]) -> None:
    found = of(tickets_on(*offsets, category=""))
    assert [row for row in found if row[0] == "support_ticket_spike"] == expected


@pytest.mark.parametrize(
    ("offsets", "expected"),
    [
        ((-13, 0), [("repeat_support_tickets", day(0), 0.5)]),
        ((-14, 0), []),
        ((-13, -12), [("repeat_support_tickets", day(-12), 0.5)]),
        # The condition holds until day -27, and needs seven days without it to begin again.
        ((-40, -39, -21, -20), [("repeat_support_tickets", day(-39), 0.5)]),
        ((-40, -39, -20, -19), [("repeat_support_tickets", day(-39), 0.5), ("repeat_support_tickets", day(-19), 0.5)]),
    ],
)
def test_tickets_of_one_category(offsets: tuple[int, ...], expected: list[tuple[str, date, float]]) -> None:
    assert of(tickets_on(*offsets)) == expected


def test_tickets_of_different_categories_are_no_repetition() -> None:
    assert of([*tickets_on(-2, category="bug_report"), *tickets_on(-1, category="billing_inquiry")]) == []


def test_evidence_names_the_records_of_the_window() -> None:
    [row] = rows([*tickets_on(-30, -3, -1), *tickets_on(-10, category="billing_inquiry")])
    assert (row["evidence"], row["source"]) == (["tickets:T1", "tickets:T2"], "derived")
    assert row["signal_id"].startswith("DS-")


def test_low_satisfaction_needs_three_answers() -> None:
    def answers(*values: float) -> Rows:
        return [talk(f"{day(place - 3)}T10:00:00", csat=value) for place, value in enumerate(values)]

    # 9 / 3 is exactly 3: (5 - 3) / 4.
    assert of(talks=answers(3.0, 3.0, 3.0)) == [("support_satisfaction_low", day(-1), 0.5)]
    assert of(talks=answers(3.0, 3.0, 3.1)) == []
    assert of(talks=answers(1.0, 1.0)) == []
    # The third answer is an event that was recorded today.
    given = event("csat_given", day(-9).isoformat(), subject="T9", quantity=1.0, recorded_at=f"{day(0)}T08:00:00")
    found = rows(talks=answers(1.0, 1.0), events=[given])
    assert [(row["detected_at"], row["signal_strength"]) for row in found] == [(day(0), 1.0)]
    assert found[0]["evidence"] == ["conversations:V0", "conversations:V1", "lifecycle_events:E001"]
    # One about a conversation that has its answer itself counts once.
    twice = event("csat_given", day(-1).isoformat(), subject="V0", quantity=1.0)
    assert of(talks=answers(1.0, 1.0), events=[twice]) == []


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        # 14 x 10 against 14 x 7: exactly the ratio, reached today.
        (10, 7, [("usage_drop", day(0), 0.3)]),
        (10, 8, []),
        # Nine logins before are too few.
        (0, 0, []),
    ],
)
def test_drops_of_usage(before: int, now: int, expected: list[tuple[str, date, float]]) -> None:
    assert of(usage=[*logins(-27, -14, before), *logins(-13, 0, now)]) == expected


def test_a_drop_begins_once_and_recovers() -> None:
    usage = [*logins(-80, -50, 10), *logins(-49, -40, 0), *logins(-39, 0, 10)]
    found = of(usage=usage)
    # 14 x 10 before. On the fifth day without logins 90 of 140 are left: 0.643.
    assert found[0] == ("usage_drop", day(-45), 0.357143)
    # From the 13th day with logins on they are at least 126 of 140.
    assert found[1] == ("usage_recovery", day(-27), 0.928571)
    assert len(found) == 2


def test_a_recovery_after_too_long_is_none() -> None:
    usage = [*logins(-80, -50, 10), *logins(-49, -20, 1), *logins(-19, 0, 10)]
    assert [kind for kind, *_ in of(usage=usage)] == ["usage_drop"]


def test_inactivity_since_the_last_login() -> None:
    others = logins(-40, 0, 1, "C2")
    assert of(usage=[*logins(-14, -14, 1), *others]) == [("inactivity_warning", day(0), 0.5)]
    assert of(usage=[*logins(-13, -13, 1), *others]) == []
    [row] = rows(usage=[*logins(-14, -14, 1), *others])
    assert row["evidence"] == [f"usage_daily:{day(-14)}"]


def test_a_source_that_stopped_is_no_drop() -> None:
    """Without a day of usage of any customer in the window nothing is known."""
    assert [kind for kind, at, _ in of(usage=logins(-80, -30, 10)) if at > day(-30) + timedelta(days=13)] == []


def dependency(due: str, **more: str) -> Row:
    """Return a dependency."""
    return event("dependency_opened", "2025-01-02", subject="D1", related_id="deal", about="access", due_at=due, **more)


def test_overdue_dependencies() -> None:
    assert of(events=[dependency("2025-01-14T17:00:00")]) == [("failed_onboarding_step", date(2025, 1, 15), 0.6)]
    done = event("dependency_done", "2025-01-14", subject="D1")
    assert of(events=[dependency("2025-01-14T17:00:00"), done]) == []
    # It was done in time, which became known later.
    late = done | {"recorded_at": done["occurred_at"] + timedelta(days=3)}
    assert of(events=[dependency("2025-01-14T17:00:00"), late]) == [("failed_onboarding_step", date(2025, 1, 15), 0.6)]
    late_opened = dependency("2025-01-14T17:00:00", recorded_at="2025-01-18T08:00:00")
    assert of(events=[late_opened]) == [("failed_onboarding_step", date(2025, 1, 18), 0.6)]


@pytest.mark.parametrize(("back", "is_early"), [("2025-01-09", True), ("2025-01-10", False)])
def test_rollbacks_soon_after_the_first_deployment(back: str, is_early: bool) -> None:
    events = [
        event("config_deployed", "2024-12-10", subject="CH1", related_id="cfg", about="production", quantity=1.0),
        event("config_deployed", "2025-01-05", subject="CH2", related_id="cfg", about="production", quantity=2.0),
        event("config_rolled_back", back, subject="cfg", about="errors", quantity=1.0),
    ]
    expected = [("failed_onboarding_step", date.fromisoformat(back), 0.6)] if is_early else []
    assert of(events=events) == expected


@pytest.mark.parametrize(
    ("start", "more", "is_renewing"),
    [
        # The anniversary is on 15 February, 30 days after the signature, or on the 16th.
        (started("2023-02-15", 1000.0, about="annual"), [], True),
        (started("2023-02-16", 1000.0, about="annual"), [], False),
        (started("2023-02-15", 1000.0, about="monthly"), [], False),
        (started("2023-02-15", 1000.0, about="annual"), [cancelled("2024-06-01")], False),
    ],
)
def test_proposals_of_renewing_customers(start: Row, more: Rows, is_renewing: bool) -> None:
    signed = event("proposal_signed", "2025-01-16", subject="deal", amount=1000.0)
    expected = [("renewal_intent", date(2025, 1, 16), 0.8)] if is_renewing else []
    assert of(events=[start, *more, signed]) == expected


@pytest.mark.parametrize(
    ("number", "deployed", "plan", "expected"),
    [
        # 4 of 25 in December; 5 of 25 are the share of the policy.
        (4, "2024-12-01", "starter", [("low_product_usage", date(2025, 1, 1), 0.84)]),
        (5, "2024-12-01", "starter", []),
        (0, "2024-11-15", "starter", [("low_product_usage", date(2025, 1, 1), 1.0)]),
        # Not live for the whole month; no limit; no known plan.
        (4, "2024-12-02", "starter", []),
        (4, "2024-12-01", "unlimited", []),
        (4, "2024-12-01", "gold", []),
    ],
)
def test_months_with_little_use(number: int, deployed: str, plan: str, expected: list[tuple[str, date, float]]) -> None:
    events = [
        started("2024-06-01", 1000.0, related_id=plan),
        event("config_deployed", deployed, subject="CH1", related_id="cfg", about="production", quantity=1.0),
    ]
    talks = [talk(f"2024-12-{place + 1:02}T10:00:00") for place in range(number)]
    others = [talk("2024-12-05T10:00:00", customer="C2")]
    assert of(events=events, talks=[*talks, *others]) == expected


def test_a_month_without_any_conversation_was_not_recorded() -> None:
    events = [
        started("2024-06-01", 1000.0),
        event("config_deployed", "2024-06-02", subject="CH1", related_id="cfg", about="production", quantity=1.0),
    ]
    assert of(events=events) == []


def test_signals_older_than_the_look_back_are_left_out() -> None:
    assert len(of(tickets_on(-95, -90))) == 1
    assert of(tickets_on(-95, -91)) == []


@pytest.mark.parametrize("offset", [-1, -10, -27, -46])
def test_an_earlier_day_has_the_signals_up_to_it(offset: int) -> None:
    usage = [*logins(-80, -50, 10), *logins(-49, -40, 0), *logins(-39, -5, 10)]
    tickets = tickets_on(-60, -55, -54, -30, -29, -28, -9, -3)
    later = [row for row in of(tickets, usage=usage) if row[1] <= day(offset)]
    assert of(tickets, usage=usage, offset=offset) == later
