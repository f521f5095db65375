"""Tests of the paragraph of the rules: its figures are cells, and it names its author."""

from datetime import date
from typing import Any

import pytest

from cjo_assets.families.journey.report.summary import rule_based_summary, summary_figures
from cjo_assets.reporting.summary import Figure, Summary
from cjo_assets_tests.support.rows import Row

DAY: Row = {
    "as_of": date(2025, 1, 20),
    "total_customers_analyzed": 1210,
    "customers_at_risk": 5,
    "customers_high_risk": 0,
    "customers_medium_risk": 5,
    "customers_recommended": 3,
    "interventions_pending": 3,
    "customers_without_answer": 1,
}
ROI: Row = {
    "window_start": date(2024, 12, 22),
    "window_end": date(2025, 1, 20),
    "interventions_executed": 1,
    "total_value": 4800.0,
    "total_cost": 1245.01,
    "net_benefit": 3554.99,
    "evidence_grade": "assumption",
    "value_evidence_grade": "assumption",
    "compared_value_status": "not_measurable",
}
STATUS = [
    {"family": "business_value", "status": "at_risk"},
    {"family": "journey_impact", "status": "not_measurable"},
]


def test_the_rules_write_a_paragraph() -> None:
    summary = rule_based_summary(DAY, ROI, STATUS)
    assert summary.text == (
        "On 2025-01-20, 5 of 1,210 customers are at risk: 0 high, 5 medium. 3 decisions were made; 3 interventions "
        "wait for approval, and 1 customer in trouble has no answer. From 2024-12-22 to 2025-01-20, 1 intervention was "
        "executed, with an estimated value of 4,800.00 against a cost of 1,245.01: net 3,554.99 (weakest evidence: "
        "assumption). KPIs: business value at risk, journey impact not measurable."
    )
    assert (summary.model, summary.provenance) == (None, "rule-based")
    costly = rule_based_summary(DAY, ROI | {"total_value": 0.0, "value_evidence_grade": None}, STATUS)
    doubted = rule_based_summary(DAY, ROI | {"compared_value_status": "not_distinguishable"}, STATUS)
    assert (
        "(weakest evidence: assumption; the value that was compared is not distinguishable from zero)" in doubted.text
    )
    assert "executed, with no value on record: 0.00 against a cost of 1,245.01" in costly.text


def test_no_figure_hides_among_the_words() -> None:
    """Every digit belongs to a figure, and every figure names its cell."""
    summary = rule_based_summary(DAY, ROI, STATUS)
    words = [passage for passage in summary.passages if isinstance(passage, str)]
    figures = [passage for passage in summary.passages if isinstance(passage, Figure)]
    assert not any(character.isdigit() for text in words for character in text)
    cells = {"journey.journey_summary": DAY, "journey.roi_estimate": ROI}
    for figure in figures:
        table, _, column = figure.source.partition("/")
        cell = cells[table][column]
        assert figure.text.replace(",", "") == (f"{cell:.2f}" if isinstance(cell, float) else str(cell))
    assert {figure.name for figure in figures} == set(summary_figures(DAY, ROI))


def test_missing_kpis_are_stated() -> None:
    assert rule_based_summary(DAY, ROI, []).text.endswith("KPIs are off by policy.")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "rule-based"),
        ({"fallback_reason": "HTTP 500"}, "rule-based, since HTTP 500"),
        ({"model": "gpt-4o-mini"}, "phrased by gpt-4o-mini, numbers checked"),
    ],
)
def test_provenance(given: dict[str, Any], expected: str) -> None:
    assert Summary(("",), **given).provenance == expected
