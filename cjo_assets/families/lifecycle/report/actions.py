"""Actions of the lifecycle report: what follows from the tables, one paragraph for each kind of action."""

from __future__ import annotations

from collections.abc import Sequence

from cjo_assets.families.lifecycle.money.invoices import NONE
from cjo_assets.families.lifecycle.report.figures import LifecycleFigures
from cjo_assets.families.lifecycle.report.prose import first_of, named
from cjo_assets.reporting.document import Paragraph, Prose, Record, Section

TITLE = "What to do"


def what_to_do(figures: LifecycleFigures) -> Section:
    """Return the section on what to do, with the most urgent kind of action first."""
    actions = [
        _invoices(figures),
        _prices(figures),
        _volumes(figures),
        _waiting(figures),
        _forms(figures),
        _plans(figures),
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
            *(" days overdue, due is the ", row.show("dunning", "words")),
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


def _plans(figures: LifecycleFigures) -> Prose:
    entries = [
        (
            *(*named(row), ", ", row.show("used", "count"), " of ", row.show("included", "count"), " "),
            *(row.show("meter", "words"), ", projected ", row.show("projected", "whole")),
        )
        for row in figures.of("plan_usage")
    ]
    return _action("Talk about a larger plan", entries, is_cut="plan_usage" in figures.cut)
