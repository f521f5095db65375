"""Report of a day of the journey: verdict, actions, evidence, value and data basis, in this order."""

from __future__ import annotations

from cjo_assets.families.journey.report.actions import action_sections
from cjo_assets.families.journey.report.evidence import evidence_sections
from cjo_assets.families.journey.report.figures import JourneyFigures
from cjo_assets.families.journey.report.grounds import ground_sections
from cjo_assets.families.journey.report.value import value_sections
from cjo_assets.families.journey.report.verdict import verdict
from cjo_assets.reporting.document import Document

TITLE = "Customer journey"


def journey_report(figures: JourneyFigures) -> Document:
    """Return the report of a day."""
    return Document(
        title=TITLE,
        day=figures.day.show("as_of"),
        verdict=verdict(figures),
        sections=(
            *action_sections(figures),
            *evidence_sections(figures),
            *value_sections(figures),
            *ground_sections(figures),
        ),
    )
