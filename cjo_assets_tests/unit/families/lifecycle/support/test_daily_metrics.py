"""Tests of daily metrics: definitions, days on which facts are known, late records, and checks."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest

from cjo_assets.core.settings import PROJECT
from cjo_assets.families.lifecycle.inputs.knowledge_searches import KnowledgeSearches
from cjo_assets.families.lifecycle.inputs.model_calls import ModelCalls
from cjo_assets.families.lifecycle.inputs.usage_daily import UsageDaily
from cjo_assets.families.lifecycle.support._metrics import METRICS, NAMES, metrics_page
from cjo_assets.families.lifecycle.support.daily_metrics import (
    DailyMetrics,
    conversations_not_pinned,
    daily_metrics,
    documents_of_another_customer,
    replies_during_calls,
    rows_of_no_organization,
)
from cjo_assets_tests.support.lifecycle.conversations import conversations_of, talk
from cjo_assets_tests.support.lifecycle.events import RULES, event, events_of, organizations_of
from cjo_assets_tests.support.lifecycle.tickets import status, term, terms_of, ticket, tickets_of
from cjo_assets_tests.support.rows import Row, instant, kept, policy_with, rows_of, table_of

Facts = dict[str, tuple[float, float | None, int]]


def of(
    *metrics: str,
    talks: Sequence[Row] = (),
    tickets: Sequence[Row] = (),
    terms: Sequence[Row] = (),
    usage: Sequence[Row] = (),
    searches: Sequence[Row] = (),
    calls: Sequence[Row] = (),
    events: Sequence[Row] = (),
    rules: Any = RULES,
) -> Facts:
    """Return numerator, denominator and n by metric and day of January 2025; of some metrics if any are given."""
    table = daily_metrics(
        conversations_of(*talks),
        tickets_of(*tickets),
        terms_of(*terms),
        table_of(UsageDaily, usage, customer_id="C1"),
        table_of(KnowledgeSearches, searches, customer_id="C1"),
        table_of(ModelCalls, calls, customer_id="C1"),
        events_of(*events),
        rules,
    )
    rows = kept(DailyMetrics, table)
    return {
        f"{row['metric']} {row['metric_day'].day}": (row["numerator"], row["denominator"], row["n"])
        for row in rows
        if not metrics or row["metric"] in metrics
    }


def rules_with(**changes: Any) -> Any:
    """Return the policy's section with values changed."""
    return policy_with(**{f"lifecycle__{path}": value for path, value in changes.items()}).lifecycle  # type: ignore[attr-defined]


def test_metrics_have_names_of_their_own_and_the_page_defines_them() -> None:
    assert len(set(NAMES)) == len(METRICS) == 29
    page = (PROJECT / "docs" / "reference" / "daily_metrics.md").read_text(encoding="utf-8")
    assert metrics_page() in page


def test_a_conversation_counts_at_its_start_and_its_results_at_its_end() -> None:
    talks = [
        talk("2025-01-10 23:58", "V1", is_resolved=True, csat=4.0, p95_ms=2000.0, tool_calls=4, tool_errors=1),
        talk("2025-01-11 09:00", "V2", status="abandoned", is_resolved=False, p95_ms=2001.0, user_id="U2"),
        talk("2025-01-11 10:00", "V3", status="escalated", user_id=None, is_flagged=True, tool_calls=0),
        talk("2025-01-11 11:00", "V4", minutes=None),
    ]
    found = of(talks=talks)
    assert found == {
        "conversations 10": (1.0, None, 1),
        "conversations 11": (3.0, None, 3),
        "completed 11": (1.0, 3.0, 3),
        "resolved 11": (1.0, 2.0, 2),
        "escalated 11": (1.0, 3.0, 3),
        "flagged 11": (1.0, 1.0, 1),
        "in_time 11": (1.0, 2.0, 2),
        "csat 11": (4.0, 1.0, 1),
        "tool_ok 11": (3.0, 4.0, 1),
        # Three days after the end; the user of V1 had V4.
        "first_contact 14": (1.0, 2.0, 2),
    }
    assert of("completed", talks=talks, rules=rules_with(runtime__escalated_is_completed=True)) == {
        "completed 11": (2.0, 3.0, 3)
    }


def test_the_limit_of_response_times_is_that_of_the_product() -> None:
    calls = [
        talk("2025-01-10 09:00", f"V{p95}", product="voicebot", p95_ms=p95, user_id=None) for p95 in (500.0, 501.0)
    ]
    assert of("in_time", talks=calls) == {"in_time 10": (1.0, 2.0, 2)}


@pytest.mark.parametrize(
    ("again", "more", "numerator"),
    [
        # Three days after 09:05.
        ("2025-01-13 09:05", {}, 1.0),
        ("2025-01-13 09:05:01", {}, 2.0),
        ("2025-01-10 09:00", {}, 1.0),
        ("2025-01-11 09:00", {"user_id": "U2"}, 2.0),
        ("2025-01-11 09:00", {"customer": "C2"}, 2.0),
    ],
)
def test_a_further_conversation_of_the_user_within_three_days(again: str, more: Row, numerator: float) -> None:
    talks = [talk("2025-01-10 09:00", "V1"), talk(again, "V2", **more)]
    found = of("first_contact", talks=talks)
    assert sum(value for value, _, _ in found.values()) == numerator
    assert "first_contact 13" in found


def test_satisfaction_of_an_event_counts_when_recorded() -> None:
    talks = [talk("2025-01-10 09:00", "V1", csat=2.0), talk("2025-01-10 09:30", "V2", user_id="U2")]
    answers = [
        # The conversation has it itself, and that is known first.
        event("csat_given", "2025-01-10 10:00", subject="V1", quantity=3.0),
        event("csat_given", "2025-01-10 10:00", subject="V2", quantity=5.0, recorded_at="2025-01-12 10:00"),
        event("csat_given", "2025-01-12 11:00", subject="T1", quantity=4.0),
    ]
    assert of("csat", talks=talks, events=answers) == {"csat 10": (2.0, 1.0, 1), "csat 12": (9.0, 2.0, 2)}
    overnight = [talk("2025-01-10 23:58", "V1", csat=2.0)]
    assert of("csat", talks=overnight, events=answers[:1]) == {"csat 10": (3.0, 1.0, 1)}


def deployed(at: str, version: int, **more: Any) -> Row:
    """Return the deployment of a version to production."""
    return event(
        "config_deployed",
        at,
        subject=f"CH{version}",
        related_id="G1",
        quantity=version,
        **({"about": "production"} | more),
    )


def test_a_pinned_conversation_keeps_the_live_version() -> None:
    def of_version(at: str, name: str, start: int, end: int) -> Row:
        return talk(at, name, config_id="G1", config_version=start, ended_version=end, user_id=None)

    log = [
        deployed("2025-01-10 08:00", 1),
        deployed("2025-01-10 10:00", 2),
        deployed("2025-01-10 10:30", 3, about="staging"),
        event("config_rolled_back", "2025-01-10 12:00", subject="G1", about="errors", quantity=1.0),
    ]
    talks = [
        # No version was live.
        of_version("2025-01-10 07:00", "V1", 1, 1),
        of_version("2025-01-10 09:00", "V2", 1, 1),
        of_version("2025-01-10 09:59", "V3", 1, 2),
        # Two seconds until all conversations begin with it.
        of_version("2025-01-10 10:00:01", "V4", 1, 1),
        of_version("2025-01-10 10:00:02", "V5", 1, 1),
        of_version("2025-01-10 11:00", "V6", 2, 2),
        of_version("2025-01-10 12:01", "V7", 1, 1),
        of_version("2025-01-10 12:02", "V8", 2, 2),
    ]
    assert of("pinned_ok", talks=talks, events=log) == {"pinned_ok 10": (4.0, 7.0, 7)}
    failing = rows_of(conversations_not_pinned(conversations_of(*talks), events_of(*log), RULES))
    assert sorted(row["conversation_id"] for row in failing) == ["V3", "V5", "V8"]
    slower = rules_with(runtime__propagation_seconds=3)
    assert of("pinned_ok", talks=talks, events=log, rules=slower) == {"pinned_ok 10": (5.0, 7.0, 7)}
    # A deployment that became known on the next day changes nothing.
    late = [log[0], deployed("2025-01-10 10:00", 2, recorded_at="2025-01-11 00:00")]
    assert of("pinned_ok", talks=talks[5:6], events=late) == {"pinned_ok 10": (0.0, 1.0, 1)}


def test_a_chat_reply_during_a_call_of_the_user() -> None:
    talks = [
        talk("2025-01-10 10:00", "V1", product="voicebot", minutes=10),
        talk("2025-01-10 10:00", "V2", product="voicebot", minutes=10, user_id="U2"),
        talk("2025-01-10 12:00", "V3", product="voicebot"),
        talk("2025-01-10 10:05", "V4"),
    ]

    def reply(at: str, **more: Any) -> Row:
        return event("chat_reply_sent", at, subject="V4", **more)

    assert of("silent_ok", talks=talks) == {"silent_ok 10": (3.0, 3.0, 3)}
    twice = [reply("2025-01-10 10:06"), reply("2025-01-10 10:10")]
    assert of("silent_ok", talks=talks, events=twice) == {"silent_ok 10": (2.0, 3.0, 3)}
    assert of("silent_ok", talks=talks, events=[reply("2025-01-10 10:10:01")]) == {"silent_ok 10": (3.0, 3.0, 3)}
    late = [reply("2025-01-10 10:06", recorded_at="2025-01-12 08:00")]
    assert of("silent_ok", talks=talks, events=late) == {"silent_ok 10": (3.0, 3.0, 3), "silent_ok 12": (-1.0, 0.0, 0)}
    failing = rows_of(replies_during_calls(conversations_of(*talks), events_of(*twice)))
    assert {(row["conversation_id"], row["chat_id"]) for row in failing} == {("V1", "V4")}
    assert len(failing) == 2


def test_tickets_are_solved_and_reopened_once() -> None:
    made = [
        ticket("2025-01-06 09:00", name="T1", resolved_at="2025-01-15 11:00", resolved_by="agent"),
        ticket("2025-01-06 09:00", name="T2", resolved_at="2025-01-06 09:10", resolved_by="ai"),
        ticket("2025-01-07 09:00", name="T3"),
    ]
    log = [
        status("2025-01-09 12:00", "solved"),
        status("2025-01-10 10:00", "open", recorded_at="2025-01-13 10:00"),
        status("2025-01-14 10:00", "open"),
    ]
    found = of("tickets", "resolved_tickets", "resolved_by_ai", "reopened", tickets=made, events=log)
    assert found == {
        "tickets 6": (2.0, None, 2),
        "tickets 7": (1.0, None, 1),
        "resolved_tickets 6": (1.0, None, 1),
        "resolved_tickets 9": (1.0, None, 1),
        "resolved_by_ai 6": (1.0, 1.0, 1),
        "resolved_by_ai 9": (0.0, 1.0, 1),
        "reopened 6": (0.0, 1.0, 1),
        "reopened 9": (0.0, 1.0, 1),
        "reopened 13": (1.0, 0.0, 0),
    }


def test_a_ticket_is_complex_once_it_is_broken_reopened_or_escalated() -> None:
    made = [
        ticket(f"2025-01-06 1{place}:00", name=f"T{place}", first_response_at=f"2025-01-06 1{place}:00")
        for place in range(5)
    ]
    # Broken on the 7th at 9:00, reopened on the 8th, escalated on the 9th, and nothing.
    agreed = [term("resolution", 420.0, "2024-01-01")]
    log = [
        *(status("2025-01-06 15:00", "solved", name) for name in ("T1", "T2", "T3", "T4")),
        status("2025-01-08 10:00", "pending", "T1"),
        event("escalated", "2025-01-08 12:00", subject="T2", about="reason", recorded_at="2025-01-09 12:00"),
        event("escalated", "2025-01-10 12:00", subject="T2", about="reason"),
        event("escalated", "2025-01-08 12:00", "C2", "T3", about="reason"),
        event("escalated", "2025-01-09 12:00", subject="T0", about="reason"),
    ]
    assert of("complex_tickets", tickets=made, terms=agreed, events=log) == {
        f"complex_tickets {number}": (1.0, None, 1) for number in (7, 8, 9)
    }


def clock_facts(made: Row, log: Sequence[Row], minutes: float = 60.0) -> Facts:
    """Return the clocks of a ticket answered at once, whose resolution has a target in business minutes."""
    agreed = [term("resolution", minutes, "2024-01-01")]
    return of("sla_met", tickets=[made | {"first_response_at": made["created_at"]}], terms=agreed, events=log)


@pytest.mark.parametrize(
    ("log", "facts"),
    [
        # The first response was met on the 6th, a Monday.
        ([status("2025-01-06 09:30", "solved")], {"sla_met 6": (2.0, 2.0, 2)}),
        # Broken at 10:00 if nothing else happens.
        ([], {"sla_met 6": (1.0, 2.0, 2)}),
        ([status("2025-01-06 09:30", "pending")], {"sla_met 6": (1.0, 1.0, 1)}),
        # 30 minutes are left on the 8th.
        (
            [status("2025-01-06 09:30", "pending"), status("2025-01-08 16:00", "open")],
            {"sla_met 6": (1.0, 1.0, 1), "sla_met 8": (0.0, 1.0, 1)},
        ),
        # One minute of the 8th is left, and 9:01 of the 9th is too late.
        (
            [status("2025-01-06 09:59", "pending"), status("2025-01-08 16:59", "open")],
            {"sla_met 6": (1.0, 1.0, 1), "sla_met 9": (0.0, 1.0, 1)},
        ),
        # Solved in time, reopened, and broken on the 9th.
        (
            [status("2025-01-06 09:30", "solved"), status("2025-01-09 09:00", "open")],
            {"sla_met 6": (2.0, 2.0, 2), "sla_met 9": (-1.0, 0.0, 0)},
        ),
        # Solved in time, which was recorded on the 8th: until then it was broken.
        (
            [status("2025-01-06 09:30", "solved", recorded_at="2025-01-08 09:00")],
            {"sla_met 6": (1.0, 2.0, 2), "sla_met 8": (1.0, 0.0, 0)},
        ),
    ],
)
def test_a_clock_counts_when_its_outcome_is_known(log: list[Row], facts: Facts) -> None:
    assert clock_facts(ticket("2025-01-06 09:00"), log) == facts


def test_usage_searches_and_models() -> None:
    usage = [
        {"usage_date": date(2025, 1, 6), "logins": 3, "active_users": 2, "features_used": 4, "api_calls": 5},
        {"usage_date": date(2025, 1, 7), "voice_minutes": 6},
    ]
    found = of("logins", "active_days", "active_users", "features", "api_calls", "voice_minutes", usage=usage)
    assert {name: value for name, (value, _, _) in found.items()} == {
        "logins 6": 3.0,
        "active_days 6": 1.0,
        "active_users 6": 2.0,
        "features 6": 4.0,
        "api_calls 6": 5.0,
        "voice_minutes 6": 0.0,
        "logins 7": 0.0,
        "active_days 7": 0.0,
        "active_users 7": 0.0,
        "features 7": 0.0,
        "api_calls 7": 0.0,
        "voice_minutes 7": 6.0,
    }
    at = instant("2025-01-06 09:00")
    searches = [
        {"searched_at": at, "document_id": "D1", "confidence": 0.85, "latency_ms": 100.0, "was_helpful": True},
        {"searched_at": at, "document_id": "D1", "confidence": 0.84, "latency_ms": 200.0, "was_helpful": False},
        {"searched_at": at, "latency_ms": 300.0},
    ]
    assert of(searches=searches) == {
        "searches 6": (3.0, None, 3),
        "search_hits 6": (1.0, 3.0, 3),
        "search_helpful 6": (1.0, 2.0, 2),
        "search_ms 6": (600.0, 3.0, 3),
    }
    tokens = {"called_at": at, "input_tokens": 700, "output_tokens": 350}
    calls = [
        tokens | {"model": "large"},
        tokens | {"model": "small", "is_cache_hit": True},
        tokens | {"model": "unknown"},
    ]
    # (700 x 10 + 350 x 30) / 1,000,000, and (700 x 0.5 + 350 x 1.5) / 1,000,000.
    assert of(calls=calls) == {"model_cost 6": (0.0175, None, 1), "cost_avoided 6": (0.000875, None, 1)}


def test_without_records_nothing_is_measured() -> None:
    assert of() == {}


def test_checks_report_other_tenants() -> None:
    searches = table_of(
        KnowledgeSearches,
        [{"search_id": "S1", "document_customer_id": "C2"}, {"search_id": "S2", "document_customer_id": "C1"}, {}],
        customer_id="C1",
    )
    assert [row["search_id"] for row in rows_of(documents_of_another_customer(searches))] == ["S1"]
    table = table_of(DailyMetrics, [{"customer_id": "C1"}, {"customer_id": "C2"}], metric="logins")
    assert len(rows_of(rows_of_no_organization(table, organizations_of("C2")))) == 1
