"""Tests of the relations of lifecycle datasets: references to records of another customer, and counts."""

from typing import Any

import ibis.expr.types as ir
import pytest

from cjo_assets.core.contract import Contract
from cjo_assets.families.lifecycle.inputs import (
    config_versions,
    conversations,
    knowledge_searches,
    lifecycle_approvals,
    people,
    service_windows,
    sla_terms,
    tickets,
)
from cjo_assets.families.lifecycle.inputs._tenancy import is_of_another
from cjo_assets_tests.support.lifecycle.events import organizations_of
from cjo_assets_tests.support.rows import POLICY, Row, instant, rows_of, table_of

ORGANIZATIONS = organizations_of("C1", "C2")
PEOPLE = table_of(people.People, [{"person_id": "A1"}, {"person_id": "P2", "customer_id": "C2"}])
CONFIGS = table_of(
    config_versions.ConfigVersions,
    [{"config_id": "cfg1", "customer_id": "C1"}, {"config_id": "cfg2", "customer_id": "C2"}],
)


def broken(contract: type[Contract], row: Row, relations: Any, **tables: Any) -> list[str]:
    """Return the rules that a row breaks."""
    rows = table_of(contract, [row])
    rules: dict[str, ir.BooleanValue] = relations(rows, **tables)
    return [rule for rule, condition in rules.items() if rows_of(rows.filter(condition.fill_null(False)))]


@pytest.mark.parametrize(
    ("change", "rules"),
    [
        ({}, []),
        ({"customer_id": "C9"}, ["customer_id: unknown organization"]),
        ({"config_id": "cfg1"}, []),
        ({"config_id": "cfg9"}, []),
        ({"config_id": "cfg2"}, ["config_id: configuration of another customer"]),
        ({"ended_at": instant("2023-12-31")}, ["ended_at: before started_at"]),
        ({"tool_calls": 1, "tool_errors": 2}, ["tool_errors: more than tool_calls"]),
    ],
)
def test_conversations(change: Row, rules: list[str]) -> None:
    row = {"customer_id": "C1"} | change
    found = broken(
        conversations.Conversations,
        row,
        conversations.relations,
        organizations=ORGANIZATIONS,
        config_versions=CONFIGS,
    )
    assert found == rules


@pytest.mark.parametrize(
    ("change", "rules"),
    [
        ({"assigned_to": "A1"}, []),
        ({"assigned_to": "P2"}, ["assigned_to: person of another customer"]),
        ({"assigned_to": "P2", "customer_id": "C2"}, []),
        ({"first_response_at": instant("2023-12-31")}, ["first_response_at: before created_at"]),
        ({"resolved_at": instant("2023-12-31")}, ["resolved_at: before created_at"]),
    ],
)
def test_tickets(change: Row, rules: list[str]) -> None:
    row = {"customer_id": "C1"} | change
    assert broken(tickets.Tickets, row, tickets.relations, organizations=ORGANIZATIONS, people=PEOPLE) == rules


@pytest.mark.parametrize(
    ("change", "rules"),
    [
        ({"requests": 2, "errors": 2, "minutes": 5, "down_minutes": 5, "ended": 1, "completed": 1}, []),
        ({"requests": 2, "errors": 3}, ["errors: more than requests"]),
        ({"ended": 1, "completed": 2}, ["completed: more than ended"]),
        ({"minutes": 5, "down_minutes": 6}, ["down_minutes: more than minutes"]),
        ({"config_id": "cfg2"}, ["config_id: configuration of another customer"]),
    ],
)
def test_service_windows(change: Row, rules: list[str]) -> None:
    row = {"customer_id": "C1"} | change
    found = broken(
        service_windows.ServiceWindows,
        row,
        service_windows.relations,
        organizations=ORGANIZATIONS,
        config_versions=CONFIGS,
    )
    assert found == rules


@pytest.mark.parametrize(
    ("settings", "is_broken"),
    [(["a=1", "b.c=x=y"], False), ([], False), (["a=1", "b"], True), (["=1"], True), (["a="], False)],
)
def test_settings_are_pairs(settings: list[str], is_broken: bool) -> None:
    row = {"customer_id": "C1", "settings": settings}
    known = {"organizations": ORGANIZATIONS, "people": PEOPLE}
    found = broken(config_versions.ConfigVersions, row, config_versions.relations, **known)
    assert found == (["settings: an entry is not path=value"] if is_broken else [])


def test_a_version_is_saved_by_a_person_of_the_customer_or_of_ours() -> None:
    known = {"organizations": ORGANIZATIONS, "people": PEOPLE}
    for author, rules in {"A1": [], "P2": ["saved_by: person of another customer"], "someone": []}.items():
        row = {"customer_id": "C1", "saved_by": author}
        assert broken(config_versions.ConfigVersions, row, config_versions.relations, **known) == rules


def test_a_configuration_of_two_customers_is_rejected_whole() -> None:
    rows = table_of(
        config_versions.ConfigVersions,
        [
            {"config_id": "cfg", "config_version": 1, "customer_id": "C1"},
            {"config_id": "cfg", "config_version": 2, "customer_id": "C2"},
            {"config_id": "own", "config_version": 1, "customer_id": "C2"},
        ],
    )
    rule = config_versions.relations(rows, ORGANIZATIONS, PEOPLE)["config_id: versions of two customers"]
    assert [row["config_version"] for row in rows_of(rows.filter(rule))] == [1, 2]
    assert {row["config_id"] for row in rows_of(rows.filter(rule))} == {"cfg"}


def test_roles_are_those_of_the_policy() -> None:
    row = {"customer_id": None, "roles": ["sales_agent", "juggler"]}
    found = broken(people.People, row, people.relations, organizations=ORGANIZATIONS, policy=POLICY)
    assert found == ["roles: not in the policy's people_roles"]
    row["roles"] = ["sales_agent"]
    assert broken(people.People, row, people.relations, organizations=ORGANIZATIONS, policy=POLICY) == []


@pytest.mark.parametrize(
    ("metric", "target", "is_broken"), [("uptime", 1.1, True), ("uptime", 1.0, False), ("p95_ms", 900.0, False)]
)
def test_uptime_is_a_share(metric: str, target: float, is_broken: bool) -> None:
    row = {"customer_id": "C1", "metric": metric, "target": target}
    found = broken(sla_terms.SlaTerms, row, sla_terms.relations, organizations=ORGANIZATIONS)
    assert found == (["target: uptime above 1"] if is_broken else [])


def test_a_document_of_another_customer_does_not_reject_a_search() -> None:
    row = {"customer_id": "C1", "document_customer_id": "C2"}
    relations = knowledge_searches.relations
    assert broken(knowledge_searches.KnowledgeSearches, row, relations, organizations=ORGANIZATIONS) == []


@pytest.mark.parametrize(("name", "is_broken"), [("L-0123456789ab", False), ("I-0123456789ab", True), ("L-1", True)])
def test_answers_name_decisions_of_the_lifecycle(name: str, is_broken: bool) -> None:
    found = broken(lifecycle_approvals.LifecycleApprovals, {"decision_id": name}, lifecycle_approvals.relations)
    assert bool(found) == is_broken


def test_records_without_customer_belong_to_all() -> None:
    rows = table_of(tickets.Tickets, [{"customer_id": "C1", "assigned_to": name} for name in ("A1", "P2", None)])
    found = rows.filter(is_of_another(rows, rows.assigned_to, PEOPLE, "person_id"))
    assert [row["assigned_to"] for row in rows_of(found)] == ["P2"]
