"""People and operation in the lifecycle report: assignments, rollbacks, incidents, broken service levels, costs."""

from __future__ import annotations

from cjo_assets.families.lifecycle.report.figures import LifecycleFigures
from cjo_assets.families.lifecycle.report.prose import CUSTOMER, table_of
from cjo_assets.reporting.document import Block, Column, Paragraph, Section

ASSIGNMENTS = (
    CUSTOMER,
    Column("role", "role", "words", below=(("", "kind", "words"),)),
    Column("hours", "waited_hours", "whole"),
    Column("should go to", "person_id", below=(("", "rule", "words"),)),
    Column("clients before", "clients_before", "count", below=(("of", "max_clients", "count"),)),
)
ROLLBACKS = (
    CUSTOMER,
    Column("configuration", "config_id", below=(("version", "config_version", "count"),)),
    Column("because of", "rule", "words"),
    Column("since", "first_failed_at", "instant"),
    Column("go back to version", "to_version", "count"),
)
INCIDENTS = (
    CUSTOMER,
    Column("opened", "opened_at", "instant", below=(("", "source", "words"),)),
    Column("severity", "severity", "words"),
    Column("state", "state", "words", is_status=True),
    Column("minutes", "repair_minutes", "whole"),
    Column("deployed before", "versions"),
    Column("client informed", "notice_sent_at", "instant"),
)
BROKEN = (
    CUSTOMER,
    Column("target", "metric", "words"),
    Column("attained", "attained", "percent", below=(("of", "target", "percent"),)),
    Column("missed", "missed", "count", below=(("allowed", "allowed", "whole"),)),
    Column("credit", "credit", "money"),
)
EXPERIMENTS = (
    Column("experiment", "experiment_id"),
    Column("cohort", "cohort", "words"),
    Column("decision", "decision", "words"),
    Column("leader", "leader", below=(("best with", "leader_p_best", "percent"),)),
    Column("exposures missing", "exposures_missing", "count"),
)
# Caption, columns and note of each list.
LISTS = {
    "assignment_decisions": ("Clients without a person", ASSIGNMENTS, ""),
    "rollbacks": ("Versions to roll back", ROLLBACKS, ""),
    "incidents": (
        "Incidents, the newest first",
        INCIDENTS,
        "Versions deployed before an incident are possible causes.",
    ),
    "broken_service_levels": ("Broken service levels of the month", BROKEN, ""),
    "variant_decisions": ("Experiments on messages", EXPERIMENTS, "A promotion is a choice, not a proof."),
}


def operation(figures: LifecycleFigures) -> Section:
    """Return the section on people and operation."""
    blocks: list[Block] = [
        table_of(figures, caption, columns, name, note)
        for name, (caption, columns, note) in LISTS.items()
        if figures.rows[name]
    ]
    nothing = Paragraph(("No client needs a person, and no change, incident or service level needs attention.",))
    return Section("operation", "People and operation", tuple(blocks) or (nothing,))
