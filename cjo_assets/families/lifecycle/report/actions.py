"""Actions of the lifecycle report: what follows from the tables, one paragraph for each kind of action."""

from __future__ import annotations

from collections.abc import Sequence

from cjo_assets.families.lifecycle.money.invoices import NONE
from cjo_assets.families.lifecycle.report.figures import LifecycleFigures
from cjo_assets.families.lifecycle.report.prose import first_of, named
from cjo_assets.families.lifecycle.success.lifecycle_messages import DUE
from cjo_assets.families.lifecycle.success.opportunities import OPEN
from cjo_assets.families.lifecycle.support.ticket_sla import AT_RISK, BREACHED
from cjo_assets.reporting.document import Paragraph, Prose, Record, Section

TITLE = "What to do"


def what_to_do(figures: LifecycleFigures) -> Section:
    """Return the section on what to do, with the most urgent kind of action first."""
    actions = [
        _tickets(figures, BREACHED, "Answer the tickets beyond their target"),
        _escalations(figures),
        _tickets(figures, AT_RISK, "Answer the tickets close to their target"),
        _at_risk(figures),
        _renewals(figures),
        _invoices(figures),
        _prices(figures),
        _volumes(figures),
        _waiting(figures),
        _forms(figures),
        _messages(figures),
        _offers(figures),
    ]
    blocks = tuple(Paragraph(action) for action in actions if action)
    return Section("what-to-do", TITLE, blocks or (Paragraph(("Nothing is due.",)),))


def _action(task: str, entries: Sequence[Prose], *, is_cut: bool) -> Prose:
    """Return a task with those it is about; empty where there are none."""
    return (f"{task}: ", *first_of(entries, is_cut=is_cut), ".") if entries else ()


def _invoices(figures: LifecycleFigures) -> Prose:
    entries = [
        (
            *(*named(row), ", ", *figures.currency, row.show("open", "whole"), ", ", row.show("days_overdue", "count")),
            *(" days overdue, next step: ", row.show("dunning", "words")),
        )
        for row in figures.of("invoices")
        if row.row["dunning"] != NONE
    ]
    return _action("Collect payment", entries, is_cut="invoices" in figures.cut)


def _deals(figures: LifecycleFigures, column: str) -> list[Record]:
    return [row for row in figures.of("client_pipeline") if row.row[column]]


def _prices(figures: LifecycleFigures) -> Prose:
    minimum = figures.policy.show("lifecycle.pipeline.minimum_margin", "percent")
    entries = [
        (*named(row), ", margin ", row.show("margin", "percent"), " (minimum ", minimum, ")")
        for row in _deals(figures, "needs_approval")
    ]
    return _action("Approve or change the price", entries, is_cut="client_pipeline" in figures.cut)


def _volumes(figures: LifecycleFigures) -> Prose:
    entries = [
        (
            *(*named(row), ", who expects ", row.show("client_volume", "whole"), " conversations a month where "),
            *(row.show("predicted_volume", "whole"), " were predicted"),
        )
        for row in _deals(figures, "needs_review")
    ]
    return _action("Review the expected volume", entries, is_cut="client_pipeline" in figures.cut)


def _waiting(figures: LifecycleFigures) -> Prose:
    entries = [
        (*named(row), ", ", row.show("hours_in_step", "duration"), " before ", row.show("step", "words"))
        for row in _deals(figures, "is_overdue")
    ]
    return _action("Move the deals that wait too long", entries, is_cut="client_pipeline" in figures.cut)


def _forms(figures: LifecycleFigures) -> Prose:
    entries = [
        (*named(row), ", sent on ", row.show("requirements_sent_at", "instant"))
        for row in figures.of("client_pipeline")
        if row.row["reminder_due"] or row.row["needs_outreach"]
    ]
    return _action("Remind of the requirements form", entries, is_cut="client_pipeline" in figures.cut)


def _tickets(figures: LifecycleFigures, state: str, task: str) -> Prose:
    entries = [
        (
            *(*named(row), ", ticket ", row.show("ticket_id"), ", ", row.show("clock", "words"), " ("),
            *(row.show("priority", "words"), ", ", row.show("share", "percent"), " of the target)"),
        )
        for row in figures.of("ticket_sla")
        if row.row["state"] == state
    ]
    return _action(task, entries, is_cut="ticket_sla" in figures.cut)


def _escalations(figures: LifecycleFigures) -> Prose:
    entries = [
        (
            *(*named(row), ", ", row.show("subject_kind", "words"), " ", row.show("subject_id"), ", waiting for "),
            *(row.show("waited_minutes", "whole"), " minutes: ", row.show("triggers", "names")),
        )
        for row in figures.of("escalations")
    ]
    return _action("Take over", entries, is_cut="escalations" in figures.cut)


def _at_risk(figures: LifecycleFigures) -> Prose:
    entries = [
        (
            *(*named(row), ", ", *figures.currency, row.show("mrr", "whole"), " a month: "),
            row.show("reasons", "names"),
        )
        for row in figures.of("at_risk")
    ]
    return _action("Call the customers who may leave", entries, is_cut="at_risk" in figures.cut)


def _renewals(figures: LifecycleFigures) -> Prose:
    entries = [
        (
            *(*named(row), ", in ", row.show("days_to_renewal", "count"), " days, ", *figures.currency),
            *(row.show("mrr", "whole"), " a month"),
        )
        for row in figures.of("renewals")
    ]
    return _action("Prepare the renewals", entries, is_cut="renewals" in figures.cut)


def _messages(figures: LifecycleFigures) -> Prose:
    entries = [
        (
            *named(row),
            ", ",
            row.show("message", "words"),
            ", ",
            row.show("state", "words"),
            " on ",
            row.show("due_on", "day"),
        )
        for row in figures.of("lifecycle_messages")
        if row.row["state"] == DUE
    ]
    return _action("Send the messages that are due", entries, is_cut="lifecycle_messages" in figures.cut)


def _offers(figures: LifecycleFigures) -> Prose:
    entries = [
        (*named(row), ", ", row.show("kind", "words"), *_worth(figures, row))
        for row in figures.of("opportunities")
        if row.row["state"] == OPEN and not row.row["blocked_by"]
    ]
    return _action("Offer", entries, is_cut="opportunities" in figures.cut)


def _worth(figures: LifecycleFigures, row: Record) -> Prose:
    if row.row["value"] is None:
        return ()
    return (" worth ", *figures.currency, row.show("value", "whole"), " a year")
