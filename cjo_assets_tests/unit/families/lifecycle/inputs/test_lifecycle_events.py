"""Tests of the rules of events, and of what is known on a day."""

from typing import Any

import ibis.expr.types as ir
import pytest

from cjo_assets.families.lifecycle.inputs.config_versions import ConfigVersions
from cjo_assets.families.lifecycle.inputs.conversations import Conversations
from cjo_assets.families.lifecycle.inputs.lifecycle_events import known_events, relations
from cjo_assets.families.lifecycle.inputs.people import People
from cjo_assets.families.lifecycle.inputs.tickets import Tickets
from cjo_assets_tests.support.lifecycle.events import cancelled, changed, event, events_of, organizations_of, started
from cjo_assets_tests.support.rows import POLICY, Row, as_of, policy_with, rows_of, table_of

PEOPLE = table_of(People, [{"person_id": "A1"}, {"person_id": "P2", "customer_id": "C2"}])
TICKETS = table_of(Tickets, [{"ticket_id": "T1", "customer_id": "C1"}, {"ticket_id": "T2", "customer_id": "C2"}])
TALKS = table_of(Conversations, [{"conversation_id": "V2", "customer_id": "C2"}])
CONFIGS = table_of(ConfigVersions, [{"config_id": "cfg2", "customer_id": "C2"}])
VALID = started("2025-01-01", 1.0)


def broken(*rows: Row, policy: Any = POLICY) -> dict[str, list[str]]:
    """Return the rules that each event breaks."""
    log = events_of(*rows)
    rules = relations(log, organizations_of("C1", "C2"), PEOPLE, TICKETS, TALKS, CONFIGS, policy)
    found: dict[str, list[str]] = {}
    for rule, condition in rules.items():
        for row in rows_of(log.filter(condition.fill_null(False))):
            found.setdefault(row["event_id"], []).append(rule)
    return found


def test_valid_events_break_nothing() -> None:
    availability = event("agent_availability_set", "2025-01-01", None, "A1", about="online")
    assert broken(VALID, changed("2025-01-02", 2.0), cancelled("2025-01-03"), availability) == {}


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"amount": None}, "amount: required by the event_type"),
        ({"about": None}, "about: required by the event_type"),
        ({"related_id": None}, "related_id: required by the event_type"),
        ({"subject_id": None}, "subject_id: required by the event_type"),
        ({"customer_id": None}, "customer_id: required by the event_type"),
        ({"about": "weekly"}, "about: not a word of the event_type"),
        ({"customer_id": "C9"}, "customer_id: unknown organization"),
        ({"currency": "EUR"}, "currency: not the policy's currency"),
        ({"actor_id": "P2"}, "actor_id: person of another customer"),
    ],
)
def test_a_start_that_breaks_one_rule(change: dict[str, Any], rule: str) -> None:
    assert broken(VALID | change) == {"E001": [rule]}


@pytest.mark.parametrize("actor", ["A1", "somewhere else", None])
def test_staff_and_unknown_actors_are_accepted(actor: str | None) -> None:
    assert broken(VALID | {"actor_id": actor}) == {}


@pytest.mark.parametrize(("score", "is_broken"), [(0.9, True), (1.0, False), (5.0, False), (5.1, True)])
def test_a_quantity_has_the_range_of_its_type(score: float, is_broken: bool) -> None:
    found = broken(event("csat_given", "2025-01-01", subject="T1", quantity=score))
    assert found == ({"E001": ["quantity: out of the range of the event_type"]} if is_broken else {})


def test_all_events_of_a_subject_of_two_customers_are_rejected() -> None:
    shared = [event("demo_delivered", "2025-01-01", "C1", "D1"), event("nda_signed", "2025-01-02", "C2", "D1")]
    rule = ["subject_id: events of two customers"]
    assert broken(*shared) == {"E001": rule, "E002": rule}


@pytest.mark.parametrize(
    "row",
    [
        event("ticket_status_set", "2025-01-01", "C1", "T2", about="open"),
        event("escalated", "2025-01-01", "C1", "T2", about="urgent"),
        event("escalated", "2025-01-01", "C1", "V2", about="urgent"),
        event("chat_reply_sent", "2025-01-01", "C1", "V2"),
        event("config_rolled_back", "2025-01-01", "C1", "cfg2", about="errors", quantity=1.0),
    ],
)
def test_the_subject_belongs_to_the_customer(row: Row) -> None:
    """The event of the owner stays, and so does one about a record that no file has."""
    log = [row, row | {"customer_id": "C2"}, row | {"subject_id": "unknown"}]
    assert broken(*log) == {"E001": ["subject_id: record of another customer"]}


def test_the_configuration_belongs_to_the_customer() -> None:
    deployed = event("config_deployed", "2025-01-01", "C1", "CH1", related_id="cfg2", about="production", quantity=1.0)
    assert broken(deployed) == {"E001": ["related_id: configuration of another customer"]}
    assert broken(deployed | {"customer_id": "C2"}) == broken(deployed | {"related_id": "cfg9"}) == {}


def test_equal_ids_of_two_kinds_and_of_unknown_customers_are_no_conflict() -> None:
    deal, invoice = event("demo_delivered", "2025-01-01", "C1", "7"), event("payment_failed", "2025-01-01", "C2", "7")
    assert broken(deal, invoice) == {}
    unknown = event("nda_signed", "2025-01-01", "C9", "7")
    assert broken(deal, unknown) == {"E002": ["customer_id: unknown organization"]}


def test_records_before_they_occurred_are_rejected() -> None:
    rule = ["recorded_at: before it occurred"]
    assert broken(VALID | {"recorded_at": VALID["occurred_at"]}) == {}
    assert broken(event("qbr_held", "2025-01-02", recorded_at="2025-01-01")) == {"E001": rule}


def test_the_currency_is_that_of_the_policy() -> None:
    euros = policy_with(lifecycle__billing__currency="EUR")
    assert broken(VALID | {"currency": "EUR"}, policy=euros) == {}


def test_an_event_is_known_from_the_day_on_which_it_was_recorded() -> None:
    log: ir.Table = events_of(
        event("qbr_held", "2025-01-20T23:59:59"),
        event("qbr_held", "2025-01-21T00:00:00"),
        event("qbr_held", "2025-01-10", recorded_at="2025-01-20T23:00:00"),
        event("qbr_held", "2025-01-10", recorded_at="2025-01-21T00:00:00"),
        event("practice_applied", "2025-01-10", about="x"),
    )
    assert {row["event_id"] for row in rows_of(known_events(log, as_of()))} == {"E001", "E003", "E005"}
    assert {row["event_id"] for row in rows_of(known_events(log, as_of(), "qbr_held"))} == {"E001", "E003"}
    assert len(rows_of(known_events(log, as_of(1)))) == 5
