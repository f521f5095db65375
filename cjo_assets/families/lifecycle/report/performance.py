"""Performance in the lifecycle report: KPIs, rates of automation, costs of language models, and results of people."""

from __future__ import annotations

from cjo_assets.core.expressions.intervals import NOT_MEASURABLE
from cjo_assets.families.lifecycle.report.figures import LifecycleFigures
from cjo_assets.families.lifecycle.report.prose import CUSTOMER, table_of
from cjo_assets.reporting.document import Block, Column, Paragraph, Section, grid
from cjo_assets.reporting.kpi_columns import SCORECARD

GROUPS = (
    Column("KPIs", "family", "words"),
    Column("status", "status", "words", is_status=True),
    Column("worst", "worst_kpi", "words", below=(("", "worst_status", "words"),)),
    Column("with a target", "kpis", "count"),
    Column("measured", "measured", "count"),
    Column("at risk", "at_risk", "count"),
    Column("exceeded", "exceeded", "count"),
)
AUTOMATION = (
    Column("phase", "phase", "words"),
    Column("tasks", "tasks", "count"),
    Column("automated", "automated", "count"),
    Column("share", "rate", "percent", below=(("from", "rate_low", "percent"), ("to", "rate_high", "percent"))),
    Column("target", "target", "percent"),
)
TASKS = (AUTOMATION[0], Column("task", "task", "words"), *AUTOMATION[1:])
COSTS = (
    CUSTOMER,
    Column("model", "model", below=(("", "workflow", "words"),)),
    Column("calls", "calls", "count", below=(("from the cache", "cache_hits", "count"),)),
    Column("cost", "cost", "number", below=(("spared by the cache", "avoided", "number"),)),
    Column("billed above the price list", "billed_difference", "number"),
    Column("by a needlessly dear model", "misrouted_cost", "number", below=(("calls", "misrouted_calls", "count"),)),
)
PEOPLE = (
    Column("person", "person_id", below=(("", "roles", "names"), ("", "availability", "words"))),
    Column("clients", "clients", "count", below=(("of", "max_clients", "count"),)),
    Column("tickets", "tickets", "count", below=(("resolved", "resolution_rate", "percent"),)),
    Column(
        "minutes to first response",
        "median_first_response",
        "whole",
        below=(("peers", "peers_first_response", "whole"),),
    ),
    Column("satisfaction", "csat", "tenth", below=(("answers", "csat_answers", "count"),)),
    Column("health of clients", "clients_health", "tenth"),
    Column("actions", "actions", "count", below=(("successful", "action_success", "percent"),)),
)


def kpis(figures: LifecycleFigures) -> Section:
    """Return the section on KPIs against their targets."""
    rows = figures.of("kpis")
    if not rows:
        return Section("kpis", "KPIs", (Paragraph(("No KPI is on record.",)),))
    known = [row for row in rows if row.row["status"] != NOT_MEASURABLE]
    unknown = [row for row in rows if row.row["status"] == NOT_MEASURABLE]
    blocks: list[Block] = [table_of(figures, "Groups of KPIs", GROUPS, "kpi_status")]
    if known:
        blocks.append(grid("Measured KPIs", SCORECARD, known))
    if unknown:
        blocks.append(grid("KPIs without data, and what they need", SCORECARD, unknown, is_folded=True))
    return Section("kpis", "KPIs", tuple(blocks))


def performance(figures: LifecycleFigures) -> Section:
    """Return the section on automation, language models and people."""
    blocks: list[Block] = []
    if figures.rows["automation_phases"]:
        note = "Tasks done by the AI or a system; in self-service by clients."
        blocks.append(table_of(figures, "Automation by phase", AUTOMATION, "automation_phases", note))
        blocks.append(table_of(figures, "Automation by task", TASKS, "automation_tasks", is_folded=True))
    if figures.rows["model_costs"]:
        caption = "Language models this month, the highest cost first"
        blocks.append(table_of(figures, caption, COSTS, "model_costs"))
    if figures.rows["agent_scorecard"]:
        blocks.append(table_of(figures, "People, and the AI beside them", PEOPLE, "agent_scorecard"))
    nothing = Paragraph(("No task, call of a language model or person is on record.",))
    return Section("performance", "Automation, models and people", tuple(blocks) or (nothing,))
