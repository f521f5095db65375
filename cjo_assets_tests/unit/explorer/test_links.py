"""Tests of addresses: of the rows behind a figure, of subjects, and of changed parameters."""

from dataclasses import replace
from datetime import date

import pytest

from cjo_assets.catalog import all_families
from cjo_assets.explorer.links import Links, subject_of, with_parameters
from cjo_assets.reporting.document import Code, Record
from cjo_assets.reporting.naming import PLAIN, NameSource

TABLES = {table.full_name: table for family in all_families() for table in family.tables}
LINKS = Links(TABLES, ("customer", "campaign", "experiment"), {"journey": date(2025, 1, 20)})


def test_a_figure_leads_to_its_row_on_the_day_of_its_family() -> None:
    record = Record("journey.risk_scores", ("customer_id",), {"customer_id": "C 1&=/", "overall_risk_score": 0.5})
    assert LINKS.rows(record.show("overall_risk_score")) == (
        "/table/journey.risk_scores?is.as_of=2025-01-20&is.customer_id=C+1%26%3D%2F"
    )


def test_rows_without_a_day_or_with_a_missing_key_are_found_too() -> None:
    undated = Record("journey.customers", ("customer_id",), {"customer_id": "C1", "segment": "SMB"})
    assert LINKS.rows(undated.show("segment")) == "/table/journey.customers?is.customer_id=C1"
    missing = Record("journey.risk_scores", ("customer_id", "urgency"), {"customer_id": "C1", "urgency": None})
    assert LINKS.rows(missing.show("urgency")) == (
        "/table/journey.risk_scores?is.as_of=2025-01-20&is.customer_id=C1&empty.urgency=1"
    )
    whole = Record("journey.journey_summary", (), {"interventions_pending": 3})
    assert LINKS.rows(whole.show("interventions_pending")) == "/table/journey.journey_summary?is.as_of=2025-01-20"


def test_an_id_leads_to_the_page_of_its_subject() -> None:
    record = Record("journey.risk_scores", ("customer_id",), {"customer_id": "C/1"})
    assert LINKS.subject(record.show("customer_id")) == "/subject/customer/C%2F1"
    named = replace(
        PLAIN,
        sources={"campaign_id": NameSource("marketing.campaigns", "campaign_id")},
        names={"campaign_id": {"A/1": "A"}},
    )
    experiment = ("experiment_id",)
    for campaign, address in (("A/1", "/subject/campaign/A%2F1"), ("B", "/subject/campaign/B")):
        row = {"experiment_id": "E", "campaign_id": campaign}
        shown = Record("marketing.experiment_evaluations", experiment, row, named).show("campaign_id", "name")
        assert LINKS.subject(shown) == address
    assert subject_of("from_campaign_id", LINKS.subjects) == "campaign"
    assert subject_of("playbook_id", LINKS.subjects) is None


def test_what_is_in_no_table_has_no_address() -> None:
    assert LINKS.rows(Record("report", (), {"day": 1}).show("day")) is None
    assert LINKS.table(Code("cjo run")) is None
    assert LINKS.table(Code("journey.customers")) == "/table/journey.customers"


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"page": "2"}, "/list/a?q=x+y&page=2"),
        ({"q": None}, "/list/a"),
        ({}, "/list/a?q=x+y"),
    ],
)
def test_parameters_are_kept_changed_or_removed(changed: dict[str, str | None], expected: str) -> None:
    assert with_parameters("/list/a", [("q", "x y")], **changed) == expected
