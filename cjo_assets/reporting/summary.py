"""The paragraph below the verdict: what the day comes to, in sentences, and who wrote them.

Belongs here: the value object that a report shows, its figures, and the paragraph that the rules write. Does not
belong here: how a language model is asked and held to the figures; that is `language/`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cjo_assets.reporting.text import against_zero, money, shown

Row = dict[str, Any]

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


@dataclass(frozen=True)
class Figure:
    """A cell of a table as a text shows it.

    Attributes:
        name: what a prompt calls it.
        text: as a person reads it.
        source: table and column of the cell, as `schema.table/column`; the day is the report's.
        description: what it measures.
    """

    name: str
    text: str
    source: str
    description: str


@dataclass(frozen=True)
class Summary:
    """The paragraph and where it comes from.

    Attributes:
        passages: its words, as they are to be read (plain text: whoever shows them escapes them), and its figures.
        model: the language model that phrased it; None where the rules did.
        fallback_reason: why the rules did, where a language model was to; else None.
    """

    passages: tuple[str | Figure, ...]
    model: str | None = None
    fallback_reason: str | None = None

    @property
    def text(self) -> str:
        """The paragraph as plain text."""
        return "".join(passage if isinstance(passage, str) else passage.text for passage in self.passages)

    @property
    def provenance(self) -> str:
        """Who wrote it, in one line."""
        if self.model is not None:
            return f"phrased by {self.model}, numbers checked"
        return "rule-based" if self.fallback_reason is None else f"rule-based, since {self.fallback_reason}"


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
        fallback_reason: why a language model that was asked did not write it.
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


def standing(kpi_status: Sequence[Row]) -> str:
    """Say how each family of KPIs stands; the words are the table's."""
    if not kpi_status:
        return "KPIs are off by policy."
    return "KPIs: " + ", ".join(f"{words(row['family'])} {words(row['status'])}" for row in kpi_status) + "."


def words(name: str | None) -> str:
    """Return a word of the tables as people write it."""
    return "unknown" if name is None else name.replace("_", " ")


def joined(passages: Sequence[str | Figure]) -> tuple[str | Figure, ...]:
    """Return the passages with neighbouring words as one, and no space at the end."""
    parts: list[str | Figure] = []
    for passage in passages:
        last = parts[-1] if parts else None
        if isinstance(passage, str) and isinstance(last, str):
            parts[-1] = last + passage
        else:
            parts.append(passage)
    if parts and isinstance(parts[-1], str):
        parts[-1] = parts[-1].rstrip()
    return tuple(parts)
