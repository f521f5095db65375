"""Figures of a journey day that `cjo run` prints."""

from cjo_assets.core.answers import Rows, Summary
from cjo_assets.policy.labels import LabelsPolicy
from cjo_assets.reporting.text import against_zero, money


def figures(rows: Rows, labels: LabelsPolicy) -> list[tuple[str, str]]:
    """Return labels and texts of the figures of a day."""
    [summary] = rows("FROM journey.journey_summary WHERE as_of = $day")
    [roi] = rows("FROM journey.roi_estimate WHERE as_of = $day")
    groups = [
        f"{labels.of('family', row['family'])} {labels.of('status', row['status'])}"
        for row in rows("FROM journey.kpi_status WHERE as_of = $day ORDER BY family")
    ]
    evidence = "costs alone, no value on record"
    if roi["value_evidence_grade"] is not None:
        said = against_zero(roi["compared_value_status"])
        evidence = f"evidence: {labels.of('evidence_grade', roi['evidence_grade'])}{'; ' if said else ''}{said}"
    return [
        ("customers", f"{summary['total_customers_analyzed']:,}"),
        (
            "at risk",
            f"{summary['customers_at_risk']:,}: {summary['customers_high_risk']:,} high, "
            f"{summary['customers_medium_risk']:,} medium ({summary['customers_low_risk']:,} low)",
        ),
        (
            "decisions",
            f"{summary['customers_recommended']:,}; "
            f"{summary['customers_without_answer']:,} customers without an answer",
        ),
        ("approvals", f"{summary['interventions_pending']:,} pending, {summary['interventions_expired']:,} expired"),
        (
            "value and cost",
            f"{money(roi['total_value'])} - {money(roi['total_cost'])} = {money(roi['net_benefit'])} "
            f"in {(roi['window_end'] - roi['window_start']).days + 1} days ({evidence})",
        ),
        ("KPIs", ", ".join(groups) or "switched off by policy"),
    ]


SUMMARY = Summary("Customer journey", "journey_summary", figures)
