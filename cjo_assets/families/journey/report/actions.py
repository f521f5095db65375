"""Actions of the journey report: next steps, approvals, decisions and customers without a decision."""

from __future__ import annotations

from cjo_assets.families.journey.report.figures import JourneyFigures
from cjo_assets.reporting.document import Column, Paragraph, Prose, Record, Section, grid, records, rest_of

STEPS = (
    Column("", "rank", "count"),
    Column("do", "kind", "words", below=(("", "owner", "words"),)),
    Column("about", "subject", below=(("", "segment", "plain"),)),
    Column("why", "why", "prose", is_long=True),
    Column("revenue at risk", "revenue_at_risk", "money"),
    Column("details in", "reference_table", below=(("", "reference", "plain"),)),
)
DECISIONS = (
    Column("customer", "customer_id", below=(("", "segment", "plain"), ("", "journey_stage", "words"))),
    Column(
        "action",
        "recommended_action",
        "words",
        below=(("", "playbook_name", "plain"), ("signals", "triggered_by_signals", "plain")),
    ),
    Column("priority", "priority_score", "tenth"),
    Column("risk", "risk_score", "number"),
    Column("confidence", "confidence", "number"),
    Column("needs approval", "requires_human_approval", is_long=True, below=(("", "approval_reasons", "names"),)),
    Column("cost", "expected_cost", "money"),
    Column("value", "expected_value", "money"),
)
GAPS = (
    Column("customer", "customer_id", below=(("", "segment", "plain"), ("", "journey_stage", "words"))),
    Column("tier", "risk_tier", "words", is_status=True),
    Column("health", "stage_health", "words", is_status=True),
    Column("risk", "overall_risk_score", "number"),
    Column("account value", "account_value", "money"),
    Column("reason", "reason", "words", below=(("nearest", "nearest_playbook_id", "name"),)),
)
APPROVALS = (
    Column("customer", "customer_id", below=(("", "segment", "plain"), ("", "journey_stage", "words"))),
    Column("action", "recommended_action", "words", below=(("", "intervention_id", "plain"),)),
    Column("because of", "approval_reasons", "names"),
    Column("waits with", "approval_role", "words"),
    Column("since", "requested_at", "instant"),
    Column("lapses", "expires_at", "instant"),
    Column("cost", "expected_cost", "money"),
)


def action_sections(figures: JourneyFigures) -> list[Section]:
    """Return the sections on actions."""
    return [_steps(figures), _approvals(figures), _decisions(figures), _gaps(figures)]


def rest(figures: JourneyFigures, shown: int, count: Record, column: str, table: str) -> Prose:
    """Return the note on a list that shows the first of more rows."""
    return rest_of(figures.policy.show("journey.reporting.report_rows", "count"), shown, count, column, table)


def _steps(figures: JourneyFigures) -> Section:
    if not figures.next_steps or figures.last_step is None:
        return Section("what-to-do", "What to do", (Paragraph(("Nothing is left to be done.",)),))
    last = Record("journey.next_steps", ("rank",), figures.last_step, figures.naming)
    note = rest(figures, len(figures.next_steps), last, "rank", "journey.next_steps")
    rows = records("journey.next_steps", ("rank",), figures.next_steps, figures.naming)
    return Section("what-to-do", "What to do", (grid("All next steps, in order", STEPS, rows, note, is_folded=True),))


def _approvals(figures: JourneyFigures) -> Section:
    title = "Approvals waiting"
    if not figures.approvals:
        return Section("approvals", title, (Paragraph(("No approval request is open.",)),))
    day = Record("journey.journey_summary", (), figures.summary, figures.naming)
    shown = figures.approvals[: figures.report_rows]
    note = rest(figures, len(shown), day, "interventions_pending", "journey.outcome_analyses")
    rows = records("journey.approval_requests", ("intervention_id",), shown, figures.naming)
    return Section("approvals", title, (grid("Interventions awaiting approval", APPROVALS, rows, note),))


def _decisions(figures: JourneyFigures) -> Section:
    title = "Decisions of the day"
    if not figures.decisions:
        return Section("decisions", title, (Paragraph(("No decision was made.",)),))
    day = Record("journey.journey_summary", (), figures.summary, figures.naming)
    note = rest(figures, len(figures.decisions), day, "customers_recommended", "journey.recommended_interventions")
    rows = records("journey.recommended_interventions", ("intervention_id",), figures.decisions, figures.naming)
    return Section("decisions", title, (grid("Decisions, the most urgent first", DECISIONS, rows, note),))


def _gaps(figures: JourneyFigures) -> Section:
    title = "Customers without an answer"
    if not figures.gaps:
        return Section("gaps", title, (Paragraph(("None: every customer at risk has a decision.",)),))
    day = Record("journey.journey_summary", (), figures.summary, figures.naming)
    note = rest(figures, len(figures.gaps), day, "customers_without_answer", "journey.coverage_gaps")
    rows = records("journey.coverage_gaps", ("customer_id",), figures.gaps, figures.naming)
    return Section("gaps", title, (grid("Customers in trouble without a matching playbook", GAPS, rows, note),))
