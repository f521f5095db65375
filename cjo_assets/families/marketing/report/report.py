"""Marketing report of a day: verdict, actions, conclusions, evidence, and gaps in the data, in this order."""

from __future__ import annotations

from cjo_assets.families.marketing.report.actions import campaign_by_campaign, decisions, next_steps, risks
from cjo_assets.families.marketing.report.audience import attribution, funnel, segments
from cjo_assets.families.marketing.report.experiments import experiments
from cjo_assets.families.marketing.report.figures import MarketingFigures
from cjo_assets.families.marketing.report.grounds import definitions, input_data, not_known, reconciliation
from cjo_assets.families.marketing.report.money import budget_flows, pacing
from cjo_assets.families.marketing.report.promises import cost_and_value, scorecard, targets
from cjo_assets.families.marketing.report.verdict import so_what, verdict
from cjo_assets.reporting.document import Document, Section

TITLE = "Marketing"


def marketing_report(figures: MarketingFigures) -> Document:
    """Return the report of a day."""
    return Document(
        title=TITLE,
        day=figures.day.show("as_of"),
        verdict=verdict(figures),
        sections=(
            next_steps(figures),
            so_what(figures),
            *_where_wanted(figures.rules.enable_llm_insights, campaign_by_campaign(figures)),
            targets(figures),
            scorecard(figures),
            cost_and_value(figures),
            experiments(figures),
            pacing(figures),
            budget_flows(figures),
            funnel(figures),
            segments(figures),
            attribution(figures),
            risks(figures),
            decisions(figures),
            *_where_wanted(figures.rules.enable_validation, reconciliation(figures)),
            not_known(figures),
            *_where_wanted(figures.rules.enable_validation, input_data(figures)),
            definitions(figures),
        ),
    )


def _where_wanted(is_wanted: bool, section: Section) -> tuple[Section, ...]:
    return (section,) if is_wanted else ()
