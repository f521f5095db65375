"""Lifecycle report of a day: verdict, actions, evidence, and the data behind it, in this order."""

from __future__ import annotations

from cjo_assets.families.lifecycle.report.actions import what_to_do
from cjo_assets.families.lifecycle.report.figures import LifecycleFigures
from cjo_assets.families.lifecycle.report.grounds import definitions, input_data
from cjo_assets.families.lifecycle.report.growth import growth
from cjo_assets.families.lifecycle.report.health import health
from cjo_assets.families.lifecycle.report.money import overdue, retention, revenue, usage
from cjo_assets.families.lifecycle.report.operation import operation
from cjo_assets.families.lifecycle.report.performance import kpis, performance
from cjo_assets.families.lifecycle.report.pipeline import pipeline
from cjo_assets.families.lifecycle.report.support import support
from cjo_assets.families.lifecycle.report.verdict import verdict
from cjo_assets.reporting.document import Document

TITLE = "Client lifecycle"


def lifecycle_report(figures: LifecycleFigures) -> Document:
    """Return the report of a day."""
    return Document(
        title=TITLE,
        day=figures.day.show("as_of"),
        verdict=verdict(figures),
        sections=(
            what_to_do(figures),
            revenue(figures),
            retention(figures),
            health(figures),
            support(figures),
            operation(figures),
            kpis(figures),
            performance(figures),
            pipeline(figures),
            growth(figures),
            usage(figures),
            overdue(figures),
            input_data(figures),
            definitions(figures),
        ),
    )
