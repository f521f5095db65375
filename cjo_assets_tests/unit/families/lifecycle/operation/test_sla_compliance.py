"""Tests of compliance with agreed service levels; the as-of date is 20 January 2025, of 44,640 minutes."""

import random
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from cjo_assets.families.lifecycle.money.accounts import Accounts
from cjo_assets.families.lifecycle.operation.sla_compliance import (
    SlaCompliance,
    customers_without_four_metrics,
    overlapping_windows,
    rows_of_no_organization,
    sla_compliance,
)
from cjo_assets.families.lifecycle.support.ticket_sla import TicketSla
from cjo_assets_tests.support.lifecycle.events import RULES, organizations_of
from cjo_assets_tests.support.lifecycle.operation import window, windows_of
from cjo_assets_tests.support.lifecycle.tickets import terms_of
from cjo_assets_tests.support.rows import Row, as_of, by, day, instant, kept, rows_of, table_of

JANUARY = 31 * 1440


def account(customer: str = "C1", mrr: float = 1000.0, subscriptions: int = 1) -> Row:
    """Return an account."""
    return {"customer_id": customer, "mrr": mrr, "subscriptions": subscriptions}


def clock(name: str, state: str, at: str, clock: str = "resolution", **more: Any) -> Row:
    """Return a clock that stopped or was broken at an instant."""
    instants = {"met": "stopped_at", "breached": "breached_at"}
    found = {instants[state]: instant(at)} if state in instants else {}
    return {"ticket_id": name, "clock": clock, "customer_id": "C1", "state": state} | found | more


def promise(metric: str, target: float, valid_from: str, **more: Any) -> Row:
    """Return a term of a contract."""
    terms = {"customer_id": "C1", "metric": metric, "priority": "all", "target": target}
    return terms | {"valid_from": date.fromisoformat(valid_from)} | more


def of(
    *windows: Row,
    terms: Sequence[Row] = (),
    clocks: Sequence[Row] = (),
    accounts: Sequence[Row] = (account(),),
    offset: int = 0,
) -> dict[tuple[str, str], Row]:
    """Return the compliance of a day by customer and metric."""
    table = sla_compliance(
        windows_of(*windows),
        terms_of(*terms),
        table_of(TicketSla, clocks),
        table_of(Accounts, accounts),
        as_of(offset),
        RULES,
    )
    return by(("customer_id", "metric"), kept(SlaCompliance, table, day(offset)))


def days(count: int, down: dict[int, int] | None = None, **more: Any) -> list[Row]:
    """Return whole days from the first of January, of which some have minutes of downtime."""
    return [
        window(f"2025-01-{place:02d}", 1440, down_minutes=(down or {}).get(place, 0), **more)
        for place in range(1, count + 1)
    ]


def uptime(*windows: Row, **more: Any) -> Row:
    """Return the uptime of C1."""
    return of(*windows, **more)["C1", "uptime"]


def test_downtime_is_compared_with_the_whole_month() -> None:
    """36 of 28,800 minutes down; a thousandth of 44,640 may be: 80.6 % of it is used."""
    row = uptime(*days(20, {10: 36}))
    assert (row["measured"], row["missed"], row["attained"], row["coverage"]) == (28_800, 36, 0.99875, 1.0)
    assert (row["allowed"], row["used"], row["state"]) == (44.64, 0.806452, "at_risk")
    assert (row["month"], row["target"], row["is_contracted"], row["service"]) == (
        date(2025, 1, 1),
        0.999,
        False,
        "chatbot",
    )


@pytest.mark.parametrize(
    ("down", "state"), [(0, "met"), (33, "met"), (34, "at_risk"), (44, "at_risk"), (45, "breached")]
)
def test_states_of_the_budget(down: int, state: str) -> None:
    """Three quarters of 44.64 are 33.48."""
    assert uptime(*days(20, {3: down}))["state"] == state


def test_all_that_is_allowed_is_not_yet_breached() -> None:
    """A tenth of the month may be down."""
    terms = [promise("uptime", 0.9, "2024-01-01")]
    found = uptime(*days(4, {1: 1440, 2: 1440, 3: 1440, 4: 144}), terms=terms)
    assert (found["missed"], found["allowed"], found["state"]) == (4464, 4464.0, "at_risk")


def test_a_breach_of_a_contract_with_a_credit() -> None:
    """A tenth of 8,166.67."""
    terms = [promise("uptime", 0.999, "2024-03-18", credit_share=0.1)]
    row = uptime(*days(20, {14: 60}), terms=terms, accounts=[account(mrr=8166.67)])
    assert (row["state"], row["is_contracted"], row["credit_share"], row["credit"]) == ("breached", True, 0.1, 816.67)
    assert uptime(*days(20, {14: 44}), terms=terms)["credit"] == 0.0
    assert uptime(*days(20, {14: 60}))["credit"] == 0.0


def test_the_contract_of_the_first_of_the_month_applies() -> None:
    """A stricter one within the month applies from the next; the first one ever applies at once."""
    terms = [promise("uptime", 0.99, "2024-06-01"), promise("uptime", 0.9999, "2025-01-10")]
    assert uptime(*days(20), terms=terms)["target"] == 0.99
    assert uptime(window("2025-02-01", 60), terms=terms, offset=13)["target"] == 0.9999
    assert uptime(*days(20), terms=terms[1:])["target"] == 0.9999
    assert uptime(*days(20), terms=terms[1:], offset=-11)["target"] == 0.999
    newer = [*terms, promise("uptime", 0.95, "2024-12-31")]
    assert uptime(*days(20), terms=newer)["target"] == 0.95


def test_maintenance_and_other_months_do_not_count() -> None:
    windows = [
        window("2025-01-02", 60, down_minutes=50, is_maintenance=True),
        window("2024-12-31 22:00", 120, down_minutes=50),
        window("2025-01-20 23:30", 60, down_minutes=50),
        window("2024-12-31 23:30", 60, down_minutes=7),
        window("2025-01-20 23:00", 60, down_minutes=1),
    ]
    row = uptime(*windows)
    # The window over midnight ended in January; that of the 20th ends on the 21st.
    assert (row["measured"], row["missed"], row["coverage"]) == (120, 8, round(120 / 28_800, 6))
    assert uptime(*windows, offset=1)["missed"] == 58


def test_uptime_is_that_of_the_worst_service() -> None:
    row = uptime(*days(20, {1: 30}), *days(20, {2: 20}, service="crm"))
    assert (row["service"], row["missed"], row["measured"]) == ("chatbot", 30, 28_800)


def test_requests_count_as_in_time_by_their_window() -> None:
    """50 of 1,050 requests are in windows above 2,000 ms: 52.5 may be."""
    windows = [
        window("2025-01-02", requests=1000, p95_ms=2000.0),
        window("2025-01-03", requests=50, p95_ms=2000.1),
        window("2025-01-04", requests=70),
        window("2025-01-05", requests=80, p95_ms=9000.0, service="crm"),
    ]
    row = of(*windows)["C1", "in_time"]
    assert (row["measured"], row["missed"], row["allowed"], row["state"]) == (1050, 50, 52.5, "at_risk")
    assert (row["attained"], row["coverage"], row["service"]) == (round(1000 / 1050, 6), None, None)
    assert of(window("2025-01-02", requests=9, p95_ms=501.0, service="voicebot"))["C1", "in_time"]["missed"] == 9
    # A contract has its own limit, for every service.
    contract = of(*windows, terms=[promise("p95_ms", 1500.0, "2024-01-01")])["C1", "in_time"]
    assert (contract["measured"], contract["missed"], contract["is_contracted"]) == (1130, 1130, True)
    assert contract["target"] == 0.95


def test_clocks_of_the_month_count() -> None:
    clocks = [
        clock("T1", "met", "2025-01-02 10:00"),
        clock("T2", "met", "2024-12-31 10:00"),
        clock("T3", "breached", "2025-01-03 10:00"),
        clock("T4", "breached", "2024-12-31 23:59"),
        clock("T5", "running", ""),
        clock("T1", "met", "2025-01-02 09:00", "first_response"),
    ]
    found = of(clocks=clocks)
    row = found["C1", "resolution"]
    assert (row["measured"], row["missed"], row["allowed"], row["state"]) == (2, 1, 0.1, "breached")
    first = found["C1", "first_response"]
    assert (first["measured"], first["missed"], first["state"]) == (1, 0, "met")


def test_a_credit_needs_a_clock_of_the_contract() -> None:
    terms = [promise("resolution_minutes", 60.0, "2024-01-01", priority="high", credit_share=0.05)]
    own, others = (
        of(clocks=[clock("T1", "breached", "2025-01-03", is_contracted=is_own)], terms=terms)["C1", "resolution"]
        for is_own in (True, False)
    )
    assert (own["state"], own["credit"], own["is_contracted"]) == ("breached", 50.0, True)
    assert (others["state"], others["credit"]) == ("breached", 0.0)


def test_customers_who_pay_or_were_measured_have_four_rows() -> None:
    accounts = [account("C1"), account("C2", 0.0, 0), account("C3", 0.0, 0)]
    found = of(window("2025-01-02", customer="C3"), accounts=accounts)
    assert {customer for customer, _ in found} == {"C1", "C3"}
    assert len(found) == 8
    row = found["C1", "uptime"]
    missing = ("attained", "coverage", "allowed", "used", "service")
    assert [row[name] for name in missing] == [None] * 5
    assert (row["state"], row["measured"], row["credit"]) == ("not_measurable", 0, 0.0)


def test_checks() -> None:
    table = table_of(SlaCompliance, [{"customer_id": "C1", "metric": "uptime"}])
    assert len(rows_of(customers_without_four_metrics(table))) == 1
    assert len(rows_of(rows_of_no_organization(table, organizations_of("C2")))) == 1
    windows = windows_of(
        window("2025-01-02 10:00", 60),
        window("2025-01-02 10:10", 5),
        window("2025-01-02 10:59", 5),
        window("2025-01-02 11:04", 5),
        window("2025-01-02 10:00", 5, service="crm"),
    )
    found = rows_of(overlapping_windows(windows, as_of()))
    assert [row["started_at"] for row in found] == [instant("2025-01-02 10:10"), instant("2025-01-02 10:59")]


@pytest.mark.parametrize("seed", [1, 2])
def test_compliance_agrees_with_a_recomputation(seed: int) -> None:
    """Minutes and requests in plain Python, over 600 generated windows of three customers."""
    draw = random.Random(seed)
    windows: list[Row] = []
    for number in range(600):
        at = datetime(2024, 12, 25) + timedelta(minutes=draw.randrange(40 * 1440))
        length = draw.choice((5, 60, 1440))
        windows.append(
            window(at.isoformat(), length, f"C{number % 3}", draw.choice(("chatbot", "voicebot", "crm")))
            | {
                "requests": draw.randrange(100),
                "down_minutes": draw.choice((0, 0, 0, 0, 1, 5)),
                "p95_ms": draw.choice((None, 400.0, 700.0, 2500.0)),
                "is_maintenance": draw.random() < 0.1,
            }
        )
    found = of(*windows, accounts=[account(f"C{number}") for number in range(3)])
    begin, end = datetime(2025, 1, 1), datetime(2025, 1, 21)
    states = set()
    for customer in ("C0", "C1", "C2"):
        own = [
            row
            for row in windows
            if row["customer_id"] == customer
            and not row["is_maintenance"]
            and begin < row["started_at"] + timedelta(minutes=row["minutes"]) <= end
        ]
        services = {row["service"] for row in own}
        down = {name: sum(row["down_minutes"] for row in own if row["service"] == name) for name in services}
        limits = {"chatbot": 2000, "voicebot": 500}
        timed = [row for row in own if row["p95_ms"] is not None and row["service"] in limits]
        late = sum(row["requests"] for row in timed if row["p95_ms"] > limits[row["service"]])
        up, in_time = found[customer, "uptime"], found[customer, "in_time"]
        assert up["missed"] == max(down.values())
        assert up["state"] == (
            "breached" if up["missed"] > 44.64 else "at_risk" if up["missed"] >= 0.75 * 44.64 else "met"
        )
        assert up["allowed"] == round(JANUARY * 0.001, 6)
        assert (in_time["measured"], in_time["missed"]) == (sum(row["requests"] for row in timed), late)
        states |= {up["state"], in_time["state"]}
    assert len(states) > 1
