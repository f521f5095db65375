"""Figures of a lifecycle day that `cjo run` prints."""

from cjo_assets.core.answers import Rows, Summary
from cjo_assets.policy.labels import LabelsPolicy
from cjo_assets.reporting.text import money, percent, signed

MOVEMENTS = ("new", "reactivation", "expansion", "contraction", "churn")


def figures(rows: Rows, labels: LabelsPolicy) -> list[tuple[str, str]]:
    """Return labels and texts of the figures of a day."""
    [day] = rows("FROM lifecycle.lifecycle_summary WHERE as_of = $day")
    [month] = rows("FROM lifecycle.mrr_bridge WHERE as_of = $day ORDER BY month DESC LIMIT 1")
    moved = ", ".join(f"{name} {money(month[f'{name}_mrr'])}" for name in MOVEMENTS if month[f"{name}_mrr"])
    named = ", ".join(labels.of("reasons", reason) for reason in day["reasons"])
    reasons = f" ({named})" if named else ""
    return [
        ("status", f"{labels.of('status', day['status'])}{reasons}"),
        ("revenue a month", f"{money(day['mrr'])} from {day['customers']:,} customers, {signed(day['mrr_change'])}"),
        ("moved by", moved or "nothing"),
        ("retention", f"net {percent(month['nrr'])}, gross {percent(month['grr'])}"),
        (
            "may leave",
            f"{money(day['at_risk_mrr'])} a month from {day['at_risk_customers']:,} customers, "
            f"{percent(day['at_risk_share'])}",
        ),
        (
            "service levels",
            f"{day['breached_clocks']:,} of {day['open_clocks']:,} open clocks beyond their target, "
            f"{day['clocks_at_risk']:,} close to it; {day['late_escalations']:,} late escalations",
        ),
        ("overdue", f"{money(day['overdue_amount'])} on {day['overdue_invoices']:,} invoices"),
        (
            "to offer",
            f"{money(day['offers_value'])} a year in {day['offers']:,} offers; "
            f"{day['meters_at_limit']:,} meters at the limit of a plan",
        ),
        (
            "open deals",
            f"{day['deals_open']:,}, of which {day['deals_overdue']:,} overdue, {day['deals_to_review']:,} to review",
        ),
    ]


SUMMARY = Summary("Client lifecycle", "lifecycle_summary", figures)
