"""The report of a day, in Markdown: where we stand, what to do, on what evidence, and what the data are worth.

Belongs here: order and wording. Does not belong here: any arithmetic; a figure that no table holds is not shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from cjo_assets.reporting.text import harmless, money, number, shown, table

Row = dict[str, Any]


@dataclass(frozen=True)
class JourneyFigures:
    """The rows of the tables that the report shows.

    Attributes:
        decisions: the most urgent of them; `summary` counts all.
        gaps: the riskiest of them; `summary` counts all.
        rejections: dataset, rule, rows and an example key, of the present files.
    """

    as_of: date
    policy_hash: str
    policy_version: str
    summary: Row
    kpis: list[Row]
    kpi_status: list[Row]
    roi: Row
    roi_parts: list[Row]
    decisions: list[Row]
    gaps: list[Row]
    loads: list[Row]
    rejections: list[Row]


def journey_report(figures: JourneyFigures) -> str:
    """Return the report as Markdown."""
    parts = [
        f"# Customer journey on {figures.as_of}",
        _verdict(figures),
        "## What to do",
        _decisions(figures),
        "## Customers without an answer",
        _gaps(figures),
        "## KPIs",
        _kpis(figures),
        "## Cost and value",
        _roi(figures),
        "## What the data are worth",
        _data(figures),
        "## How these figures came about",
        _provenance(figures),
    ]
    return "\n\n".join(parts) + "\n"


def _verdict(figures: JourneyFigures) -> str:
    day, roi = figures.summary, figures.roi
    families = (
        ", ".join(f"{row['family']}: **{row['status']}**" for row in figures.kpi_status) or "KPIs are off by policy"
    )
    return "\n".join(
        [
            f"- {shown(day['total_customers_analyzed'])} customers, {shown(day['customers_at_risk'])} at risk "
            f"({shown(day['customers_high_risk'])} high, {shown(day['customers_medium_risk'])} medium).",
            f"- {shown(day['customers_recommended'])} decisions today, "
            f"{shown(day['interventions_pending'])} waiting for approval, "
            f"{shown(day['customers_without_answer'])} customers without an answer.",
            f"- Value {money(roi['total_value'])}, cost {money(roi['total_cost'])}, net {money(roi['net_benefit'])} "
            f"from {roi['window_start']} to {roi['window_end']}; weakest evidence: **{shown(roi['evidence_grade'])}**.",
            f"- {families}.",
        ]
    )


def _decisions(figures: JourneyFigures) -> str:
    if not figures.decisions:
        return "No decision was made."
    rows = [
        [
            harmless(row["customer_id"]),
            harmless(row["recommended_action"]),
            number(row["priority_score"], 1),
            number(row["risk_score"]),
            number(row["confidence"]),
            shown(row["triggered_by_signals"]),
            shown(row["approval_reasons"]) if row["requires_human_approval"] else "no",
            money(row["expected_cost"]),
            money(row["expected_value"]),
        ]
        for row in figures.decisions
    ]
    header = ["customer", "action", "priority", "risk", "confidence", "signals", "needs approval", "cost", "value"]
    return table(header, rows) + _rest(len(rows), figures.summary["customers_recommended"], "recommended_interventions")


def _gaps(figures: JourneyFigures) -> str:
    if not figures.gaps:
        return "None: every customer at risk has a decision."
    rows = [
        [
            harmless(row["customer_id"]),
            shown(row["journey_stage"]),
            shown(row["risk_tier"]),
            shown(row["stage_health"]),
            number(row["overall_risk_score"]),
            money(row["account_value"]),
            harmless(row["reason"]),
        ]
        for row in figures.gaps
    ]
    header = ["customer", "stage", "tier", "health", "risk", "account value", "reason"]
    return table(header, rows) + _rest(len(rows), figures.summary["customers_without_answer"], "coverage_gaps")


def _kpis(figures: JourneyFigures) -> str:
    if not figures.kpis:
        return "The policy has switched KPI tracking off."
    return _grid(("family", "kpi", "value", "unit", "target", "status", "basis", "n", "note"), figures.kpis)


def _roi(figures: JourneyFigures) -> str:
    rows = [
        [
            row["kind"],
            harmless(row["component"]),
            money(row["amount"]),
            harmless(row["formula"]),
            harmless(row["assumption"]),
            row["evidence_grade"],
        ]
        for row in figures.roi_parts
    ]
    roi = figures.roi
    total = (
        f"Net benefit {money(roi['net_benefit'])} ({number(roi['roi_percent'], 1)} % of cost) over "
        f"{shown(roi['interventions_executed'])} executed interventions."
    )
    return table(["kind", "component", "amount", "formula", "assumption", "evidence"], rows) + f"\n\n{total}"


def _data(figures: JourneyFigures) -> str:
    loads = _grid(("dataset", "source_file", "rows_read", "rows_accepted", "rows_rejected", "note"), figures.loads)
    if not figures.rejections:
        return f"{loads}\n\nNo row was turned away."
    return f"{loads}\n\n{_grid(('dataset', 'rule', 'rows', 'example'), figures.rejections)}"


def _provenance(figures: JourneyFigures) -> str:
    return (
        f"Every figure is a cell of a table in `cjo.duckdb` with `as_of = {figures.as_of}`, "
        "or a count of rows in quarantine. "
        f"Policy version {harmless(figures.policy_version)}, hash `{figures.policy_hash}`; "
        "its text is in `audit.policies`."
    )


def _grid(names: Sequence[str], rows: list[Row]) -> str:
    return table(names, [[shown(row[name]) for name in names] for row in rows])


def _rest(listed: int, total: int, name: str) -> str:
    return f"\n\n{listed} of {total:,}; all of them in `journey.{name}`." if total > listed else ""
