"""Revenue, plan usage and invoices of the lifecycle report."""

from __future__ import annotations

from typing import Any

from cjo_assets.families.lifecycle.report.figures import LifecycleFigures
from cjo_assets.families.lifecycle.report.prose import CUSTOMER, table_of
from cjo_assets.reporting.document import Block, Column, Paragraph, Picture, Prose, Record, Section
from cjo_assets.reporting.first_screen import FEWEST_POINTS

# Columns of the bridge by movement, gains first, and the sign of the amount.
MOVEMENTS = {
    "new": ("new_mrr", 1),
    "reactivation": ("reactivation_mrr", 1),
    "expansion": ("expansion_mrr", 1),
    "contraction": ("contraction_mrr", -1),
    "churn": ("churn_mrr", -1),
}
NET, GAIN, LOSS = "net change", "gain", "loss"
BRIDGE = (
    Column("month", "month", "month"),
    Column("start", "start_mrr", "money"),
    Column("new", "new_mrr", "money"),
    Column("returned", "reactivation_mrr", "money"),
    Column("expansion", "expansion_mrr", "money"),
    Column("contraction", "contraction_mrr", "money"),
    Column("churn", "churn_mrr", "money"),
    Column("end", "end_mrr", "money"),
)
RETENTION = (
    Column("month", "month", "month"),
    Column("net retention", "nrr", "rate"),
    Column("gross retention", "grr", "rate"),
    Column("of a year before", "cohort_nrr", "rate"),
    Column("paying", "end_customers", "count"),
    Column("left", "churned_customers", "count", below=(("", "logo_churn", "percent"),)),
    Column("revenue each", "arpa", "money"),
    Column("lifetime value", "ltv", "money"),
)
CHANGES = (
    CUSTOMER,
    Column("movement", "movement", "words"),
    Column("from", "start_mrr", "money"),
    Column("to", "end_mrr", "money"),
    Column("change", "change_mrr", "money"),
)
USAGE = (
    CUSTOMER,
    Column("meter", "meter", "words", below=(("plan", "plan_id", "plain"),)),
    Column("used", "used", "count"),
    Column("included", "included", "count"),
    Column("share", "share", "percent"),
    Column("projected", "projected", "tenth"),
    Column("beyond the plan", "overage_units", "count", below=(("", "overage_amount", "money"),)),
    Column("state", "state", "words", is_status=True),
)
INVOICES = (
    CUSTOMER,
    Column("invoice", "invoice_id", below=(("plan", "plan_id", "plain"),)),
    Column("due", "due_on", "day"),
    Column("days overdue", "days_overdue", "count"),
    Column("open", "open", "money"),
    Column("of", "amount", "money"),
    Column("next step", "dunning", "words", below=(("failed payments", "failed_payments", "count"),)),
    Column("next attempt", "next_retry_at", "instant"),
)


def revenue(figures: LifecycleFigures) -> Section:
    """Return the section on recurring revenue: what moved it this month, and by month."""
    month = figures.month
    said: Prose = (
        *("From ", *figures.currency, month.show("start_mrr", "money"), " at the end of the month before to "),
        *(*figures.currency, month.show("end_mrr", "money", is_strong=True), " a month on "),
        *(month.show("until_on", "day"), "."),
    )
    blocks: list[Block] = [Paragraph(said)]
    blocks += _bridge(figures, month)
    if figures.rows["movements"]:
        note = "A movement is the net change of a customer in the month."
        blocks.append(table_of(figures, "Who moved it this month", CHANGES, "movements", note))
    blocks += _months(figures)
    blocks.append(table_of(figures, "Bridge by month", BRIDGE, "mrr_bridge", is_folded=True))
    return Section("revenue", "Recurring revenue", tuple(blocks))


def _bridge(figures: LifecycleFigures, month: Record) -> list[Picture]:
    """Return the picture of the movements of the running month, the largest first; none where there are few."""
    bars: list[dict[str, Any]] = []
    reached = 0.0
    by_size = sorted(MOVEMENTS.items(), key=lambda item: (-item[1][1], -(month.row[item[1][0]] or 0.0)))
    for movement, (column, sign) in by_size:
        amount = month.row[column]
        if amount:
            bars.append(
                {
                    "label": movement if sign > 0 else f"less {movement}",
                    "figure": month.show(column, "money").text,
                    "start": reached,
                    "end": reached + sign * amount,
                    "word": GAIN if sign > 0 else LOSS,
                }
            )
            reached += sign * amount
    net = figures.summary.show("mrr_change", "signed")
    bars.append({"label": NET, "figure": net.text, "start": 0.0, "end": net.value, "word": NET})
    if len(bars) < FEWEST_POINTS:
        return []
    description = "Each bar begins where the one above ends; zero is the revenue at the end of the month before."
    data = {"rows": [bar | {"place": place} for place, bar in enumerate(bars)]}
    return [Picture("mrr_bridge", "What moved recurring revenue this month", (description,), data)]


def _months(figures: LifecycleFigures) -> list[Block]:
    """Return the picture of the movements by month; none where few months have any revenue."""
    months = [row for row in figures.of("mrr_bridge") if row.row["start_mrr"] or row.row["end_mrr"]]
    if len(months) < FEWEST_POINTS:
        return []
    rows = [
        {"month": row.show("month", "month").text, "movement": movement, "amount": sign * row.row[column]}
        for row in months
        for movement, (column, sign) in MOVEMENTS.items()
        if row.row[column]
    ]
    if not rows:
        return []
    description: Prose = (
        "Gains are above zero, losses below; the last month ends on ",
        months[-1].show("until_on"),
        ".",
    )
    data = {"rows": rows, "months": [row.show("month", "month").text for row in months]}
    return [Picture("mrr_months", "Movements of recurring revenue by month", description, data)]


def retention(figures: LifecycleFigures) -> Section:
    """Return the section on retention by month."""
    months = [row for row in figures.of("mrr_bridge") if row.row["nrr"] is not None]
    blocks: list[Block] = [Paragraph(_retention(figures))]
    if len(months) >= FEWEST_POINTS:
        rows = [
            {"month": row.show("month", "month").text, "kind": kind, "value": row.row[column]}
            for row in months
            for kind, column in (("net retention", "nrr"), ("gross retention", "grr"))
        ]
        target = figures.policy.show("lifecycle.targets.nrr.target", "percent")
        data = {"rows": rows, "months": [row.show("month", "month").text for row in months], "target": target.value}
        description: Prose = (
            *("Net retention includes expansion, gross retention does not. The dashed line is the target of net "),
            *("retention, ", target, "."),
        )
        blocks.append(Picture("retention", "Retention of recurring revenue by month", description, data))
    blocks.append(table_of(figures, "Retention by month", RETENTION, "mrr_bridge", is_folded=bool(months)))
    return Section("retention", "Retention", tuple(blocks))


def _retention(figures: LifecycleFigures) -> Prose:
    month = figures.month
    if month.row["nrr"] is None:
        return ("No customer paid at the end of the month before: retention is not measurable.",)
    said: Prose = (
        *("This month net retention is ", month.show("nrr", "rate", is_strong=True), " and gross retention "),
        *(month.show("grr", "rate"), "; ", month.show("churned_customers", "count"), " of "),
        *(month.show("start_customers", "count"), " customers left (", month.show("logo_churn", "percent"), ")."),
    )
    if month.row["cohort_nrr"] is None:
        return said
    return (
        *(*said, " Customers who paid a year before now pay ", month.show("cohort_nrr", "rate")),
        " of what they paid then.",
    )


def usage(figures: LifecycleFigures) -> Section:
    """Return the section on customers near or over the limit of their plan."""
    title = "Plan usage"
    if not figures.rows["plan_usage"]:
        return Section("usage", title, (Paragraph(("No measured use is near the limit of a plan.",)),))
    note = "Use of the month so far; the projection continues at the same pace."
    grid = table_of(figures, "Near or over the limit, the highest share first", USAGE, "plan_usage", note)
    return Section("usage", title, (grid,))


def overdue(figures: LifecycleFigures) -> Section:
    """Return the section on overdue invoices."""
    title = "Overdue invoices"
    if not figures.rows["invoices"]:
        return Section("overdue", title, (Paragraph(("No invoice is overdue.",)),))
    note = "A suspension is proposed; a person decides."
    return Section("overdue", title, (table_of(figures, "Overdue, the longest first", INVOICES, "invoices", note),))
