"""Support in the lifecycle report: service levels by priority, open clocks, and escalations that wait."""

from __future__ import annotations

from cjo_assets.families.lifecycle.report.figures import LifecycleFigures
from cjo_assets.families.lifecycle.report.prose import CUSTOMER, table_of
from cjo_assets.reporting.document import Block, Column, Paragraph, Prose, Section

PRIORITIES = (
    Column("clock", "clock", "words"),
    Column("priority", "priority", "words"),
    Column("tickets", "tickets", "count"),
    Column("met", "met", "count", below=(("", "met_share", "percent"),)),
    Column("breached", "breached", "count", below=(("open", "breached_open", "count"),)),
    Column("close to the target", "at_risk", "count"),
    Column("running", "running", "count"),
    Column("paused", "paused", "count"),
)
CLOCKS = (
    CUSTOMER,
    Column("ticket", "ticket_id", below=(("", "priority", "words"),)),
    Column("clock", "clock", "words"),
    Column("state", "state", "words", is_status=True),
    Column("minutes", "elapsed", "whole", below=(("of", "target", "whole"),)),
    Column("share", "share", "percent"),
    Column("due", "due_at", "instant", below=(("breached", "breached_at", "instant"),)),
    Column("minutes that count", "calendar", "words"),
)
WAITING = (
    CUSTOMER,
    Column("about", "subject_kind", "words", below=(("", "subject_id", "plain"),)),
    Column("because", "triggers", "names"),
    Column("state", "state", "words", is_status=True),
    Column("minutes", "waited_minutes", "whole"),
    Column("since", "first_trigger_at", "instant"),
)


def support(figures: LifecycleFigures) -> Section:
    """Return the section on service levels: SLA clocks and escalations."""
    title = "Service levels"
    if not figures.rows["sla_by_priority"]:
        return Section("service-levels", title, (Paragraph(("No ticket is known.",)),))
    day = figures.summary
    said: Prose = (
        *("Of ", day.show("open_clocks", "count"), " open clocks of tickets, "),
        *(day.show("breached_clocks", "count", is_strong=True), " are beyond their target and "),
        *(day.show("clocks_at_risk", "count", is_strong=True), " close to it. "),
        *("Escalations that wait too long: ", day.show("late_escalations", "count"), "."),
    )
    blocks: list[Block] = [Paragraph(said)]
    if figures.rows["ticket_sla"]:
        note = "A clock of business minutes runs in opening hours only; a paused clock has no due instant."
        blocks.append(table_of(figures, "Open clocks, the most urgent first", CLOCKS, "ticket_sla", note))
    if figures.rows["escalations"]:
        blocks.append(table_of(figures, "Escalations without a person", WAITING, "escalations"))
    blocks.append(table_of(figures, "Clocks by priority", PRIORITIES, "sla_by_priority"))
    return Section("service-levels", title, tuple(blocks))
