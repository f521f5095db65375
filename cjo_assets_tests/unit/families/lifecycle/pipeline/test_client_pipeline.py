"""Tests of deals: milestones, steps and patience, volumes, margins, reminders and dependencies."""

from typing import Any

import ibis.expr.types as ir
import pytest

from cjo_assets.families.lifecycle.pipeline.client_pipeline import (
    ClientPipeline,
    client_pipeline,
    dependencies_of_no_deal,
    milestones_out_of_order,
)
from cjo_assets_tests.support.lifecycle.events import RULES, event, events_of, organizations_of, started
from cjo_assets_tests.support.rows import Row, as_of, by, day, instant, kept, rows_of

SIGNUP = "2025-01-02T09:00:00"


def table(*events: Row, customers: tuple[str, ...] = ("C1",), offset: int = 0) -> ir.Table:
    """Return the deals of a day as a table."""
    return client_pipeline(organizations_of(*customers, signed_up_at=SIGNUP), events_of(*events), as_of(offset), RULES)


def of(*events: Row, customers: tuple[str, ...] = ("C1",), offset: int = 0) -> dict[str, Row]:
    """Return the deals of a day, by id."""
    found = table(*events, customers=customers, offset=offset)
    return by("deal_id", kept(ClientPipeline, found, day(offset)))


def step(kind: str, at: str, **more: Any) -> Row:
    """Return an event of the deal D1."""
    return event(kind, at, subject="D1", **more)


def test_an_organization_without_deal_waits_for_research() -> None:
    row = of()["C1"]
    assert (row["kind"], row["reached"], row["step"]) == ("new", 1, "researched")
    # From 2 January 09:00 to the end of 20 January.
    assert (row["hours_in_step"], row["is_overdue"]) == (447.0, True)


def test_an_organization_that_pays_without_deal_is_no_deal() -> None:
    assert of(started("2025-01-05", 100.0)) == {}


def test_the_step_follows_the_furthest_milestone() -> None:
    row = of(step("research_completed", "2025-01-10"), step("demo_delivered", "2025-01-20T12:00:00"))["D1"]
    assert (row["reached"], row["step"], row["hours_in_step"], row["is_overdue"]) == (4, "pilot", 12.0, False)
    assert (row["begun_at"], row["requirements_validated_at"]) == (instant(SIGNUP), None)


@pytest.mark.parametrize(("offset", "is_overdue"), [(-1, False), (0, True)])
def test_patience_for_the_form_counts_from_its_sending(offset: int, is_overdue: bool) -> None:
    log = [step("research_completed", "2025-01-03"), step("requirements_sent", "2025-01-17T00:00:00")]
    row = of(*log, offset=offset)["D1"]
    assert row["step"] == "requirements_validated"
    assert (row["hours_in_step"], row["is_overdue"]) == (96.0 + 24 * offset, is_overdue)


@pytest.mark.parametrize(
    ("sent", "reminder", "outreach"),
    [
        ("2025-01-19", False, False),
        ("2025-01-18", True, False),
        ("2025-01-15", True, False),
        ("2025-01-13", True, False),
        ("2025-01-14", False, False),
        ("2025-01-12", False, True),
    ],
)
def test_reminders_of_the_form(sent: str, reminder: bool, outreach: bool) -> None:
    row = of(step("requirements_sent", sent))["D1"]
    assert (row["reminder_due"], row["needs_outreach"]) == (reminder, outreach)
    answered = of(step("requirements_sent", sent), step("requirements_validated", "2025-01-20"))["D1"]
    assert (answered["reminder_due"], answered["needs_outreach"]) == (False, False)


@pytest.mark.parametrize(
    ("predicted", "stated", "discrepancy", "needs_review"),
    [(100, 120, 0.2, False), (100, 121, 0.21, True), (100, 79, -0.21, True), (0, 5, None, None), (None, 5, None, None)],
)
def test_volumes(predicted: float | None, stated: float, discrepancy: float | None, needs_review: bool | None) -> None:
    row = of(
        step("research_completed", "2025-01-10", quantity=predicted),
        step("requirements_validated", "2025-01-11", quantity=stated),
    )["D1"]
    assert (row["volume_discrepancy"], row["needs_review"]) == (discrepancy, needs_review)


def test_the_last_price_gives_the_margin() -> None:
    first = step("pricing_proposed", "2025-01-10", amount=1000.0, quantity=800.0)
    later = step("pricing_proposed", "2025-01-11", amount=1000.0, quantity=700.0)
    unknown = step("pricing_proposed", "2025-01-12", amount=900.0)
    assert (of(first)["D1"]["margin"], of(first)["D1"]["needs_approval"]) == (0.2, True)
    assert (of(first, later)["D1"]["margin"], of(first, later)["D1"]["needs_approval"]) == (0.3, False)
    # The cost of the last price is unknown; that of an earlier one is not its cost.
    row = of(first, later, unknown)["D1"]
    assert (row["price"], row["cost"], row["margin"], row["needs_approval"]) == (900.0, None, None, None)


def test_milestones_before_one_that_precedes_them() -> None:
    log = [
        step("prd_approved", "2025-01-12"),
        step("pricing_approved", "2025-01-11"),
        step("pilot_agreed", "2025-01-13"),
    ]
    assert of(*log)["D1"]["out_of_order"] == ["prd_approved", "pricing_approved"]
    assert [row["deal_id"] for row in rows_of(milestones_out_of_order(table(*log)))] == ["D1"]
    assert of(log[0])["D1"]["out_of_order"] == []


def test_deployment_and_handover_belong_to_the_newest_deal() -> None:
    def deployed(at: str, environment: str = "production") -> Row:
        return event("config_deployed", at, subject="CH", related_id="cfg", about=environment, quantity=1.0)

    log = [
        step("prd_approved", "2025-01-05T09:00:00"),
        deployed("2025-01-06", "staging"),
        deployed("2025-01-07T21:00:00"),
        event("handoff_accepted", "2025-01-08", subject="H1", about="support_specialist"),
        event("handoff_accepted", "2025-01-09", subject="H1", about="success_manager"),
        event("prd_started", "2025-01-12", subject="D2"),
        event("prd_approved", "2025-01-13", subject="D2"),
        deployed("2025-01-16"),
    ]
    found = of(*log)
    assert (found["D1"]["config_deployed_at"], found["D1"]["deploy_days"]) == (instant("2025-01-07T21:00:00"), 2.5)
    assert (found["D1"]["step"], found["D1"]["hours_in_step"], found["D1"]["is_overdue"]) == (None, None, False)
    second = found["D2"]
    assert (second["kind"], second["signed_up_at"], second["begun_at"]) == (
        "iteration",
        None,
        instant("2025-01-12 09:00"),
    )
    assert (second["deploy_days"], second["step"]) == (3.0, "handed_over")


def test_a_deal_of_a_customer_with_a_subscription_is_an_iteration() -> None:
    assert of(started("2025-01-03", 1.0), step("prd_started", "2025-01-05"))["D1"]["kind"] == "iteration"
    assert of(step("prd_started", "2025-01-03"), started("2025-01-05", 1.0))["D1"]["kind"] == "new"


def test_open_dependencies_and_days_overdue() -> None:
    def opened(name: str, due: str, deal: str = "D1") -> Row:
        return event("dependency_opened", "2025-01-10", subject=name, related_id=deal, about="access", due_at=due)

    log = [
        step("prd_started", "2025-01-05"),
        opened("P1", "2025-01-14"),
        opened("P2", "2025-01-01"),
        event("dependency_done", "2025-01-12", subject="P2"),
        opened("P3", "2025-01-30"),
        opened("P4", "2025-01-30", "D9"),
    ]
    row = of(*log)["D1"]
    assert (row["open_dependencies"], row["days_overdue"]) == (2, 6)
    assert of(*log, offset=-6)["D1"]["days_overdue"] == 0
    missing = rows_of(dependencies_of_no_deal(events_of(*log), table(*log), as_of()))
    assert [row["dependency_id"] for row in missing] == ["P4"]


def test_what_was_recorded_later_is_unknown() -> None:
    log = [step("prd_started", "2025-01-05"), step("prd_approved", "2025-01-10", recorded_at="2025-01-21T00:00:00")]
    assert of(*log)["D1"]["step"] == "prd_approved"
    assert of(*log, offset=1)["D1"]["step"] == "pricing_approved"
    assert of(offset=-19) == {}
