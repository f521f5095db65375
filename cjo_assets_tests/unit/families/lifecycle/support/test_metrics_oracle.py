"""Tests of daily metrics on generated records: no look-ahead, and outcomes of clocks recomputed day by day."""

import random
from collections import Counter
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest

from cjo_assets.families.lifecycle.inputs.knowledge_searches import KnowledgeSearches
from cjo_assets.families.lifecycle.inputs.model_calls import ModelCalls
from cjo_assets.families.lifecycle.inputs.usage_daily import UsageDaily
from cjo_assets.families.lifecycle.support.daily_metrics import DailyMetrics, daily_metrics
from cjo_assets_tests.support.lifecycle.conversations import conversations_of, talk
from cjo_assets_tests.support.lifecycle.events import RULES, event, events_of
from cjo_assets_tests.support.lifecycle.generated_tickets import generated
from cjo_assets_tests.support.lifecycle.sla_oracle import changes_of, clock_at, opening_hours, target_of
from cjo_assets_tests.support.lifecycle.tickets import terms_of, tickets_of
from cjo_assets_tests.support.rows import Row, Rows, kept, table_of

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
FIRST = datetime(2024, 12, 20)
ALL_HOURS = [(datetime(2020, 1, 1), datetime(2080, 1, 1))]
Facts = dict[tuple[str, str, date], tuple[float, float | None, int]]


def measured(talks: Rows, tickets: Rows, terms: Rows, events: Rows) -> Facts:
    """Return the metrics by customer, metric and day."""
    table = daily_metrics(
        conversations_of(*talks),
        tickets_of(*tickets),
        terms_of(*terms),
        table_of(UsageDaily, []),
        table_of(KnowledgeSearches, []),
        table_of(ModelCalls, []),
        events_of(*events),
        RULES,
    )
    return {
        (row["customer_id"], row["metric"], row["metric_day"]): (row["numerator"], row["denominator"], row["n"])
        for row in kept(DailyMetrics, table)
    }


def runtime_records(seed: int) -> tuple[Rows, Rows]:
    """Return conversations of few users with replies and deployments, some of which were recorded late."""
    draw = random.Random(seed)
    talks: Rows = []
    for number in range(200):
        at = FIRST + timedelta(minutes=draw.randrange(30 * 1440))
        versions = {"config_id": "G1", "config_version": draw.choice((1, 2)), "ended_version": draw.choice((1, 2, 2))}
        talks.append(
            talk(
                at.isoformat(),
                f"V{number}",
                f"C{draw.randrange(2)}",
                minutes=draw.choice((1, 600, 1500)),
                product=draw.choice(("chatbot", "voicebot")),
                user_id=draw.choice(("U1", "U2", None)),
                csat=draw.choice((None, 3.0)),
                **(versions if draw.random() < 0.8 else {}),
            )
        )
    events: Rows = []
    for number in range(150):
        at = FIRST + timedelta(minutes=draw.randrange(30 * 1440))
        customer = f"C{draw.randrange(2)}"
        subject = f"V{draw.randrange(200)}"
        row = draw.choice(
            (
                event("chat_reply_sent", at.isoformat(), customer, subject),
                event("csat_given", at.isoformat(), customer, subject, quantity=4.0),
                event(
                    "config_deployed",
                    at.isoformat(),
                    customer,
                    f"CH{number}",
                    related_id="G1",
                    about="production",
                    quantity=float(draw.choice((1, 2))),
                ),
            )
        )
        if draw.random() < 0.4:
            row["recorded_at"] = at + timedelta(minutes=draw.choice((10, 2000, 9000)))
        events.append({"event_id": f"R{number:03d}"} | row)
    return talks, events


def cut(rows: Rows, day: date, key: str, *instants: str) -> Rows:
    """Return the rows known at the end of a day, without instants after it."""
    known = [row for row in rows if (row.get("recorded_at") or row[key]).date() <= day]
    return [row | {name: None for name in instants if row.get(name) and row[name].date() > day} for row in known]


def talks_of(rows: Rows, day: date) -> Rows:
    """Return the conversations as they were at the end of a day: those that had not ended are active."""
    found = cut(rows, day, "started_at", "ended_at")
    return [row if row["ended_at"] else row | {"status": "active", "csat": None} for row in found]


@pytest.mark.parametrize("seed", [1, 2])
def test_a_later_record_changes_no_earlier_day(seed: int) -> None:
    tickets, statuses, terms = generated(seed, 120)
    talks, events = runtime_records(seed)
    events += statuses
    whole = measured(talks, tickets, terms, events)
    for day in (date(2024, 12, 27), date(2025, 1, 6), date(2025, 1, 14), date(2025, 2, 3)):
        known = measured(
            talks_of(talks, day),
            cut(tickets, day, "created_at", "first_response_at", "resolved_at"),
            terms,
            cut(events, day, "occurred_at"),
        )
        found, expected = ({key: row for key, row in facts.items() if key[2] <= day} for facts in (known, whole))
        assert found == expected
        assert len({metric for _, metric, _ in found}) > 10


@pytest.mark.parametrize("seed", [3, 4])
def test_outcomes_of_clocks_agree_day_by_day(seed: int) -> None:
    """Each day, a clock counts with its last outcome: the outcome that was known at the end of the day, if any."""
    tickets, events, terms = generated(seed, 60)
    found = measured([], tickets, terms, events)
    business = opening_hours(RULES.calendar, date(2024, 12, 19), date(2025, 4, 30))
    clocks: list[tuple[Row, Any, Any, Any]] = []
    for row in tickets:
        own = [
            log for log in events if (log["subject_id"], log["customer_id"]) == (row["ticket_id"], row["customer_id"])
        ]
        for name in ("first_response", "resolution"):
            minutes, is_always = target_of(row, name, terms, RULES)
            changes = changes_of(row, name, own, RULES.sla.counting_statuses)
            clocks.append((row, changes, minutes * MINUTE, ALL_HOURS if is_always else business))
    outcomes: dict[int, bool] = {}
    running: Counter[str] = Counter()
    for place in range(110):
        end = FIRST + (place + 1) * DAY
        for number, (row, changes, target, hours) in enumerate(clocks):
            if row["created_at"] < end:
                clock = clock_at(changes, target, hours, end, RULES.sla.at_risk_share)
                if clock.state in ("met", "breached"):
                    outcomes[number] = clock.state == "met"
        day = (end - DAY).date()
        for (customer, metric, known_on), (numerator, denominator, _) in found.items():
            if metric == "sla_met" and known_on == day:
                running[f"{customer} met"] += int(numerator)
                running[f"{customer} all"] += int(denominator or 0)
        expected: Counter[str] = Counter()
        for number, is_met in outcomes.items():
            customer = clocks[number][0]["customer_id"]
            expected[f"{customer} met"] += is_met
            expected[f"{customer} all"] += 1
        assert +running == +expected, day
    assert datetime.combine(day, time()) > FIRST
    assert sum(expected.values()) > len(clocks)
