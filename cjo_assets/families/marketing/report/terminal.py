"""Figures of a marketing day that `cjo run` prints."""

from typing import Any

from cjo_assets.core.answers import Rows, Summary
from cjo_assets.policy.labels import LabelsPolicy
from cjo_assets.reporting.text import money

ASSESSMENTS = ("exceeding_expectations", "meeting_expectations", "below_expectations", "too_early", "not_measurable")


def figures(rows: Rows, labels: LabelsPolicy) -> list[tuple[str, str]]:
    """Return labels and texts of the figures of a day."""
    [whole] = rows("FROM marketing.performance_assessment WHERE as_of = $day")
    [roi] = rows("FROM marketing.roi_analysis WHERE as_of = $day")
    verdicts = rows(
        "SELECT verdict, count(*) AS experiments FROM marketing.experiment_evaluations WHERE as_of = $day "
        "GROUP BY verdict ORDER BY verdict"
    )
    [steps] = rows(
        "SELECT count(*) AS steps, count(*) FILTER (priority = 'high') AS urgent FROM marketing.recommendations "
        "WHERE as_of = $day"
    )
    groups = [
        f"{labels.of('family', row['family'])} {labels.of('status', row['status'])}"
        for row in rows("FROM marketing.kpi_status WHERE as_of = $day ORDER BY family")
    ]
    evidence = (
        f" (evidence: {labels.of('value_evidence_grade', roi['value_evidence_grade'])})"
        if roi["value_evidence_grade"]
        else ""
    )
    value, cost, net = (money(roi[name]) for name in ("total_estimated_value", "total_cost", "total_net_roi"))
    return [
        ("campaigns", f"{whole['total_campaigns']:,}, of which {whole['active_campaigns']:,} active"),
        (
            "assessed",
            ", ".join(
                f"{whole[name]:,} {labels.of('overall_performance', name)}" for name in ASSESSMENTS if whole[name]
            ),
        ),
        ("experiments", _parts(verdicts, labels) or "none"),
        ("value and cost", f"{value} - {cost} = {net}{evidence}"),
        ("next steps", f"{steps['steps']:,}, of which {steps['urgent']:,} urgent"),
        ("KPIs", ", ".join(groups) or "switched off by policy"),
    ]


def _parts(verdicts: list[dict[str, Any]], labels: LabelsPolicy) -> str:
    """Return the number of experiments, in total and by verdict."""
    if not verdicts:
        return ""
    parts = ", ".join(f"{row['experiments']:,} {labels.of('verdict', row['verdict'])}" for row in verdicts)
    return f"{sum(row['experiments'] for row in verdicts):,}: {parts}"


SUMMARY = Summary("Marketing", "performance_assessment", figures)
