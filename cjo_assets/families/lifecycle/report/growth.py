"""Renewals, opportunities and messages of the lifecycle report."""

from __future__ import annotations

from cjo_assets.families.lifecycle.report.figures import LifecycleFigures
from cjo_assets.families.lifecycle.report.prose import CUSTOMER, table_of
from cjo_assets.reporting.document import Block, Column, Paragraph, Section

RENEWALS = (
    CUSTOMER,
    Column("in days", "days_to_renewal", "count"),
    Column("revenue a month", "mrr", "money"),
    Column("health", "band", "words", is_status=True),
    Column("engagement", "engagement", "percent"),
    Column("tickets", "recent_tickets", "count"),
)
OFFERS = (
    CUSTOMER,
    Column("offer", "kind", "words", below=(("", "offer", "names"),)),
    Column("worth a year", "value", "money"),
    Column("state", "state", "words"),
    Column("not now because of", "blocked_by", "names"),
    Column("evidence", "evidence", "prose"),
)
MESSAGES = (
    CUSTOMER,
    Column("message", "message", "words"),
    Column("state", "state", "words"),
    Column("due", "due_on", "day"),
)


def growth(figures: LifecycleFigures) -> Section:
    """Return the section on renewals, opportunities and messages."""
    blocks: list[Block] = []
    if figures.rows["renewals"]:
        blocks.append(table_of(figures, "Renewals that approach", RENEWALS, "renewals"))
    if figures.rows["opportunities"]:
        blocks.append(table_of(figures, "Opportunities", OFFERS, "opportunities"))
    if figures.rows["lifecycle_messages"]:
        note = "The platform sends nothing."
        blocks.append(table_of(figures, "Messages that are due or missed", MESSAGES, "lifecycle_messages", note))
    nothing = Paragraph(("No renewal approaches, nothing is to be offered, and no message is due.",))
    return Section("growth", "Renewals and growth", tuple(blocks) or (nothing,))
