"""Summary of a day of the journey: its figures, and the paragraph that the rules write."""

from __future__ import annotations

from collections.abc import Sequence

from cjo_assets.reporting.document import Row
from cjo_assets.reporting.summary import Figure, Summary, joined, standing, words
from cjo_assets.reporting.text import against_zero, money, shown

DAY, ROI = "journey.journey_summary", "journey.roi_estimate"
COUNTS = {
    "total_customers_analyzed": "customers",
    "customers_at_risk": "customers at risk: those at high and those at medium risk together",
    "customers_high_risk": "customers at high risk",
    "customers_medium_risk": "customers at medium risk",
    "customers_recommended": "decisions made for this day",
    "interventions_pending": "interventions that wait for a person's approval",
    "customers_without_answer": "customers in trouble without a decision that helps them",
}
AMOUNTS = {
    "total_value": "value of the executed interventions of the window, as estimated [currency]",
    "total_cost": "cost of the executed interventions of the window [currency]",
    "net_benefit": "value minus cost in the window [currency]; below zero is a loss",
}


def summary_figures(day: Row, roi: Row) -> dict[str, Figure]:
    """Return the figures that a summary may use, by name.

    Args:
        day: the row of `journey_summary`.
        roi: the row of `roi_estimate`.
    """
    figures = [Figure("as_of", shown(day["as_of"]), f"{DAY}/as_of", "the day this is about")]
    figures += [Figure(name, shown(day[name]), f"{DAY}/{name}", what) for name, what in COUNTS.items()]
    figures += [
        Figure("window_start", shown(roi["window_start"]), f"{ROI}/window_start", "first day of the window"),
        Figure("window_end", shown(roi["window_end"]), f"{ROI}/window_end", "last day of the window"),
        Figure(
            "interventions_executed",
            shown(roi["interventions_executed"]),
            f"{ROI}/interventions_executed",
            "interventions executed in the window",
        ),
    ]
    figures += [Figure(name, money(roi[name]), f"{ROI}/{name}", what) for name, what in AMOUNTS.items()]
    return {figure.name: figure for figure in figures}


def rule_based_summary(day: Row, roi: Row, kpi_status: Sequence[Row], fallback_reason: str | None = None) -> Summary:
    """Return the paragraph that needs no language model.

    Args:
        day: the row of `journey_summary`.
        roi: the row of `roi_estimate`.
        kpi_status: the rows of `kpi_status`.
        fallback_reason: why a language model did not write it, if it was to.
    """
    found = summary_figures(day, roi)
    passages: list[str | Figure] = [
        "On ", found["as_of"], ", ", found["customers_at_risk"], " of ",
        *_counted(day, found["total_customers_analyzed"], "customer is at risk", "customers are at risk"),
        ": ", found["customers_high_risk"], " high, ", found["customers_medium_risk"], " medium. ",
        *_counted(day, found["customers_recommended"], "decision was made", "decisions were made"), "; ",
        *_counted(day, found["interventions_pending"], "intervention waits", "interventions wait"),
        " for approval, and ",
        *_counted(day, found["customers_without_answer"], "customer in trouble has", "customers in trouble have"),
        " no answer. From ", found["window_start"], " to ", found["window_end"], ", ",
        *_counted(roi, found["interventions_executed"], "intervention was executed", "interventions were executed"),
        f", with {_valued(roi)} ", found["total_value"], " against a cost of ", found["total_cost"], ": net ",
        found["net_benefit"], f" (weakest evidence: {words(roi['evidence_grade'])}{_doubt(roi)}). ",
        standing(kpi_status),
    ]  # fmt: skip
    return Summary(joined(passages), fallback_reason=fallback_reason)


def _counted(row: Row, figure: Figure, one: str, many: str) -> tuple[Figure, str]:
    return figure, f" {one if row[figure.name] == 1 else many}"


def _valued(roi: Row) -> str:
    return "no value on record:" if roi["value_evidence_grade"] is None else "an estimated value of"


def _doubt(roi: Row) -> str:
    said = against_zero(roi["compared_value_status"])
    return f"; {said}" if said else ""


def style_of(source: str) -> str:
    """Return the style in which the summary shows the cell of a source."""
    return "money" if source.rpartition("/")[2] in AMOUNTS else "plain"
