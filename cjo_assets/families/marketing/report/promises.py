"""Targets of campaigns, KPIs, cost and value of the marketing report."""

from __future__ import annotations

from cjo_assets.core.expressions.intervals import NOT_MEASURABLE
from cjo_assets.families.marketing.report.figures import MarketingFigures
from cjo_assets.families.marketing.report.prose import table_of, where
from cjo_assets.reporting.document import Block, Column, Paragraph, Prose, Section, grid
from cjo_assets.reporting.kpi_columns import SCORECARD
from cjo_assets.reporting.waterfall import waterfall

OFF = "The policy has switched KPI tracking off."
TARGETS = (
    Column("campaign", "name", below=(("", "campaign_id", "plain"), ("", "status", "words"))),
    Column("metric", "primary_kpi", "words"),
    Column(
        "reached",
        "kpi_value",
        "rate",
        below=(("from", "kpi_value_low", "rate"), ("to", "kpi_value_high", "rate")),
    ),
    Column("target", "kpi_target", "rate"),
    Column("attained", "kpi_attainment", "percent"),
    Column("comparable with it", "kpi_status", "words"),
    Column("performance", "overall_performance", "words", is_status=True, below=(("", "rule", "words"),)),
)
FAMILIES = (
    Column("family", "family", "words"),
    Column("status", "status", "words", is_status=True),
    Column("worst", "worst_kpi", "words", below=(("", "worst_status", "words"),)),
    Column("KPIs", "kpis", "count"),
    Column("measured", "measured", "count"),
    Column("at risk", "at_risk", "count"),
    Column("exceeded", "exceeded", "count"),
    Column("not distinguishable", "not_distinguishable", "count"),
)
PARTS = (
    Column("component", "component", "words", below=(("from", "rests_on", "prose"),)),
    Column("kind", "kind", "words"),
    Column("quantity", "quantity", "number", below=(("", "unit", "words"), ("at", "unit_price", "number"))),
    Column("amount", "amount", "money", below=(("from", "amount_low", "money"), ("to", "amount_high", "money"))),
    Column("evidence", "evidence_grade", "words"),
    Column("what must hold", "assumption", "prose", is_long=True),
)


def targets(figures: MarketingFigures) -> Section:
    """Return the section on campaigns against their targets."""
    title = "Targets"
    if not figures.rows["campaign_analysis"]:
        return Section("targets", title, (Paragraph(("There is no campaign.",)),))
    note = "Performance is the attainment of the campaign's own target by its own KPI, never revenue over spend."
    return Section(
        "targets", title, (table_of(figures, "Campaigns against their targets", TARGETS, "campaign_analysis", note),)
    )


def scorecard(figures: MarketingFigures) -> Section:
    """Return the section on KPIs against their targets."""
    if not figures.rows["kpis"]:
        return Section("kpis", "KPIs", (Paragraph((OFF,)),))
    note = (
        "The status of a family follows from measured KPIs, and is no better than its worst. n/a is unknown, not zero."
    )
    known = [row for row in figures.of("kpis") if row.row["status"] != NOT_MEASURABLE]
    unknown = where(figures.of("kpis"), "status", NOT_MEASURABLE)
    blocks: list[Block] = [table_of(figures, "Groups of KPIs", FAMILIES, "kpi_status")]
    blocks += [grid("Measured KPIs", SCORECARD, known, (note,))] if known else []
    blocks += [grid("KPIs without data, and what they need", SCORECARD, unknown, is_folded=True)] if unknown else []
    return Section("kpis", "KPIs", tuple(blocks))


def cost_and_value(figures: MarketingFigures) -> Section:
    """Return the section on cost and value by component."""
    roi, parts = figures.one("roi_analysis"), figures.of("roi_components")
    total: Prose = (
        *("From ", roi.show("window_start"), " to ", roi.show("window_end"), ": value "),
        *(roi.show("total_estimated_value", "money"), ", all cost ", roi.show("total_cost", "money"), ", net "),
        *(roi.show("total_net_roi", "money", is_strong=True), ", which is ", roi.show("roi_percentage", "tenth")),
        *(" % of the cost: the one definition of ROI here. ROAS, value over media spend alone, is another thing: ",),
        *(roi.show("roas", "number"), ". "),
        *("Media spend by the metrics ", roi.show("media_spend_measured", "money"), ", by the ledger "),
        *(roi.show("media_spend_booked", "money"), ": residual ", roi.show("media_spend_residual", "money")),
        *(", that of their value ", roi.show("value_residual", "money"), ". Spend and value of a campaign are the "),
        *("ledger's where it books more beyond tolerance, the metrics' elsewhere."),
    )
    drawn = [] if roi.row["total_net_roi"] is None else waterfall(roi.show("total_net_roi", "money"), parts)
    whole = table_of(figures, "Cost and value, part by part", PARTS, "roi_components", is_folded=bool(drawn))
    blocks: list[Block] = [Paragraph(total), *drawn, whole]
    return Section("roi", "Cost and value", tuple(blocks))
