"""The first things to do in the journey report, each with owner, due date, money and command."""

from __future__ import annotations

from cjo_assets.families.journey.portfolio.next_steps import CARRY_OUT, CLOSE_GAP, DECIDE, RECORD_OUTCOME
from cjo_assets.families.journey.report.figures import JourneyFigures
from cjo_assets.reporting.document import Action, Prose, Record, records
from cjo_assets.reporting.first_screen import MOST_ACTIONS

OF_CUSTOMERS = (DECIDE, CARRY_OUT, RECORD_OUTCOME, CLOSE_GAP)


def first_actions(figures: JourneyFigures) -> tuple[Action, ...]:
    """Return the first next steps of the day."""
    steps = records("journey.next_steps", ("rank",), figures.next_steps[:MOST_ACTIONS], figures.naming)
    return tuple(
        Action(
            sentence=(*_sentence(figures, step), "."),
            owner=(step.show("owner", "words"),),
            due=_due(figures, step),
            money=_money(figures, step),
            command=_command(step),
        )
        for step in steps
    )


def _sentence(figures: JourneyFigures, step: Record) -> Prose:
    """Return what to do, for whom, and why."""
    kind = step.row["kind"]
    is_of_customer = kind in OF_CUSTOMERS
    about: Prose = (step.show("subject", "plain" if is_of_customer else "words", is_strong=True),)
    about = ("customer ", *about) if is_of_customer else about
    segment: Prose = (" (", step.show("segment"), ")") if step.has("segment") else ()
    request, gap = _request(figures, step), _gap(figures, step)
    if request is not None:
        reasons: Prose = ()
        if request.has("approval_reasons"):
            reasons = (", because of ", request.show("approval_reasons", "names"))
        return ("Approve or reject for ", *about, *segment, ": ", request.show("recommended_action", "words"), *reasons)
    task: Prose = (step.show("kind", "words"), ": ", *about, *segment, ", ")
    if gap is not None:
        nearest: Prose = ()
        if gap.has("nearest_playbook_id"):
            nearest = ("; the nearest playbook is ", gap.show("nearest_playbook_id", "name"))
        return (*task, gap.show("reason", "words"), *nearest)
    return (*task, step.show("why", "prose"))


def _request(figures: JourneyFigures, step: Record) -> Record | None:
    """Return the approval request that a step is about."""
    rows = figures.approvals if step.row["kind"] == DECIDE else []
    found = (row for row in rows if row["intervention_id"] == step.row["reference"])
    return next(iter(records("journey.approval_requests", ("intervention_id",), [*found], figures.naming)), None)


def _gap(figures: JourneyFigures, step: Record) -> Record | None:
    """Return the customer without a recommendation that a step is about."""
    rows = figures.gaps if step.row["kind"] == CLOSE_GAP else []
    found = (row for row in rows if row["customer_id"] == step.row["reference"])
    return next(iter(records("journey.coverage_gaps", ("customer_id",), [*found], figures.naming)), None)


def _due(figures: JourneyFigures, step: Record) -> Prose:
    request = _request(figures, step)
    return () if request is None else (request.show("expires_at", "instant"),)


def _money(figures: JourneyFigures, step: Record) -> Prose:
    if not step.has("revenue_at_risk"):
        return ()
    return (*figures.amounts_in, step.show("revenue_at_risk", "whole"), " of revenue at risk")


def _command(step: Record) -> Prose:
    """Return the command that answers the request, or else explains the customer; other steps have their table."""
    if step.row["kind"] == DECIDE:
        return ("cjo approve ", step.show("reference"), " --by NAME")
    if step.row["kind"] in OF_CUSTOMERS:
        return ("cjo why ", step.show("subject"))
    return ("cjo sql journey.", step.show("reference_table"))
