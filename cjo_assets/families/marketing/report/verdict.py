"""First screen of the marketing report, and the conclusions that follow."""

from __future__ import annotations

from collections.abc import Sequence

from cjo_assets.core.expressions.intervals import NOT_MEASURABLE
from cjo_assets.families.marketing.report.figures import ROI_TARGET, MarketingFigures
from cjo_assets.families.marketing.report.first_actions import first_actions
from cjo_assets.families.marketing.report.prose import listed, where
from cjo_assets.families.marketing.report.summary import style_of
from cjo_assets.families.marketing.value.roi_analysis import NEGATIVE, NOT_DISTINGUISHABLE, NOTHING_PROVED, POSITIVE
from cjo_assets.reporting.document import Cited, Paragraph, Prose, Record, Section, Tile, Verdict
from cjo_assets.reporting.first_screen import PROVEN, evidence_of, measured_kpis, one_line, tile, units
from cjo_assets.reporting.summary import passages_of

# Most names in a sentence; the tables below have the others.
NAMED = 5
MEANINGS = {
    "positive": "marketing is estimated to earn more than it costs",
    "negative": "marketing costs more than it is estimated to earn",
    "neutral": "marketing is estimated to earn what it costs",
    NOT_MEASURABLE: "value or cost is not known, so it is not known whether marketing pays",
}
# The status that colours the verdict where value that nothing was compared with decides it.
UNPROVEN = "unproven"
JUDGEMENTS = {
    "exceeding_expectations": " exceed expectations",
    "meeting_expectations": " meet them",
    "below_expectations": " stay below them",
    "too_early": " are too early to rate",
    "not_measurable": " are not measurable",
}
VERDICTS = {
    "scale_variant": " to scale",
    "stop": " to stop",
    "continue": " still running",
    "inconclusive": " without a clear result",
    "invalid": " broken",
}


def verdict(figures: MarketingFigures) -> Verdict:
    """Return the first screen of the day."""
    roi = figures.one("roi_analysis")
    paragraph = figures.paragraph
    return Verdict(
        status=roi.show("roi_status", "words"),
        word=_word(roi),
        meaning=_sentence(figures, roi),
        reasons=tuple(_reasons(figures, roi)),
        tiles=_tiles(figures),
        actions=first_actions(figures),
        missing=_missing(figures),
        summary=passages_of(paragraph, style_of),
        provenance="" if paragraph is None else paragraph.provenance,
    )


def _sentence(figures: MarketingFigures, roi: Record) -> Prose:
    """Return whether marketing pays, what is proven of it, and how many campaigns of how many miss their target."""
    said: Prose = (MEANINGS[roi.row["roi_status"]],)
    if roi.row["total_net_roi"] is not None:
        said = (*said, ": net ", *figures.amounts_in, roi.show("total_net_roi", "whole", is_strong=True))
        said = (*said, " after a cost of ", roi.show("total_cost", "whole"))
    if roi.row["value_evidence_grade"] is not None:
        said = (*said, "; ", *_proof(roi))
    assessment = figures.one("performance_assessment")
    if not assessment.row["total_campaigns"]:
        return (*said, ".")
    return (
        *(*said, ". ", assessment.show("below_expectations", "count", is_strong=True), " of "),
        *(assessment.show("total_campaigns", "count"), " campaigns stay below their target, and "),
        *(assessment.show("over_budget", "count", is_strong=True), " spent more than their budget."),
    )


def _proof(roi: Record) -> Prose:
    """Return the net if only the value counts that experiments prove."""
    net = roi.show("net_without_assumption", "whole")
    status = roi.row["net_without_assumption_status"]
    if status == NOTHING_PROVED:
        return ("no experiment proves any value, and without it ", net, " remains")
    found: Prose = (
        *("with the value alone that experiments prove, ", net, " (between "),
        *(roi.show("net_without_assumption_low", "whole"), " and "),
        *(roi.show("net_without_assumption_high", "whole"), ")"),
    )
    return (*found, ", not distinguishable from 0") if status == NOT_DISTINGUISHABLE else found


def _records(roi: Record) -> Prose:
    """Return the residual of ledger and metrics, and whose spend is counted."""
    return (
        *("Media spend by the ledger ", roi.show("media_spend_booked", "whole"), ", by the metrics "),
        *(roi.show("media_spend_measured", "whole"), ", residual "),
        *(roi.show("media_spend_residual", "whole", is_strong=True), "; campaigns whose spend is the ledger's: "),
        *(roi.show("campaigns_by_ledger", "count"), "."),
    )


def _word(roi: Record) -> str:
    """Return the word that colours the verdict: a positive result that no experiment proves is not shown as good."""
    status = str(roi.row["roi_status"])
    is_proven = roi.row["net_without_assumption_status"] == POSITIVE
    return UNPROVEN if status not in (NEGATIVE, NOT_MEASURABLE) and not is_proven else status


def _reasons(figures: MarketingFigures, roi: Record) -> list[Prose]:
    assessment = figures.one("performance_assessment")
    judged: list[Prose] = [(assessment.show(name, "count"), words) for name, words in JUDGEMENTS.items()]
    campaigns = assessment.show("total_campaigns", "count")
    said: list[Prose] = [("Of ", campaigns, " campaigns, ", *listed(judged), ".")]
    if figures.rules.enable_statistical_testing:
        found: list[Prose] = [
            (figures.count("experiment_evaluations", "verdict", word).show("rows", "count"), words)
            for word, words in VERDICTS.items()
        ]
        total = figures.total("experiment_evaluations").show("rows", "count")
        said.append(("Of ", total, " experiments, ", *listed(found), "."))
    said.append(
        (
            *("Open risks: ", figures.count("risk_register", "is_open", True).show("rows", "count")),
            *("; freezing a budget ", figures.count("risk_register", "is_blocking", True).show("rows", "count")),
            *(", known to be overdue ", figures.count("risk_register", "is_overdue", True).show("rows", "count"), "."),
        )
    )
    said.append(
        (
            *("Budget moves against the rules: ",),
            *(figures.count("budget_governance", "is_against_the_rules", True).show("rows", "count"),),
            *("; waiting for a person ",),
            *(figures.count("budget_governance", "approval_state", "pending").show("rows", "count"), "."),
        )
    )
    if roi.row["media_spend_residual"]:
        said.append(_records(roi))
    if not figures.rows["kpi_status"]:
        return [*said, ("The policy has switched KPI tracking off.",)]
    families: list[Prose] = [
        (row.show("family", "words"), " ", row.show("status", "words", is_strong=True))
        for row in figures.of("kpi_status")
    ]
    return [*said, ("KPIs: ", *listed(families), ".")]


def _missing(figures: MarketingFigures) -> Prose:
    """Return what lacks data: campaigns, steps of funnels, risks without a day, and KPIs."""
    counted = (
        ("campaign_analysis", "overall_performance", NOT_MEASURABLE, "campaigns without a measurable performance"),
        ("funnel_analysis", "state", "not_tracked", "steps of funnels that are not tracked"),
        ("risk_register", "due_status", NOT_MEASURABLE, "risks without a due date"),
    )
    parts: list[Prose] = [
        (f"{words}: ", figures.count(table, column, content).show("rows", "count"))
        for table, column, content, words in counted
        if figures.count(table, column, content).row["rows"]
    ]
    return one_line([*parts, *measured_kpis(figures.of("kpi_status"))])


def _tiles(figures: MarketingFigures) -> tuple[Tile, ...]:
    roi, days = figures.days("roi_analysis"), figures.days("performance_assessment")
    assessment = days[-1]
    residual: Prose = ()
    if roi[-1].row["media_spend_residual"]:
        residual = ("; ledger minus metrics: ", roi[-1].show("media_spend_residual", "whole"))
    return (
        tile(
            "Net of all cost",
            roi,
            "total_net_roi",
            "whole",
            (roi[-1].show("roi_percentage", "tenth"), " % of the cost"),
            unit="so far",
            currency=figures.amounts_in,
            target=("at least ", figures.policy.show(ROI_TARGET, "percent"), " of the cost"),
            evidence=evidence_of(roi[-1].row["value_evidence_grade"]),
        ),
        tile(
            "Media spend",
            roi,
            "total_media_spend",
            "whole",
            ("value, as estimated: ", roi[-1].show("total_estimated_value", "whole"), *residual),
            unit="so far",
            currency=figures.amounts_in,
        ),
        tile(
            "Below their target",
            days,
            "below_expectations",
            "count",
            ("of ", assessment.show("total_campaigns", "count")),
            unit=units(assessment.row["below_expectations"], "campaign"),
        ),
        tile(
            "Over budget",
            days,
            "over_budget",
            "count",
            ("of ", assessment.show("total_campaigns", "count")),
            unit=units(assessment.row["over_budget"], "campaign"),
        ),
        *_work_tiles(figures),
    )


def _work_tiles(figures: MarketingFigures) -> tuple[Tile, ...]:
    """Return what is frozen and what is to be done."""
    frozen = figures.count("risk_register", "is_blocking", True)
    return (
        Tile(
            "Frozen by a risk",
            (frozen.show("rows", "count", is_strong=True),),
            ("of ", figures.count("risk_register", "is_open", True).show("rows", "count"), " open risks"),
            unit=units(frozen.row["rows"], "risk"),
            evidence=PROVEN,
        ),
        Tile(
            "To do",
            (figures.total("recommendations").show("rows", "count", is_strong=True),),
            (
                figures.count("recommendations", "requires_human_approval", True).show("rows", "count"),
                " need a person's approval",
            ),
            unit=units(figures.totals["recommendations"], "next step"),
            evidence=PROVEN,
        ),
    )


def so_what(figures: MarketingFigures) -> Section:
    """Return the conclusions for money, experiments, budgets and campaigns."""
    roi = figures.one("roi_analysis")
    money: Prose = (
        *("Value of ", roi.show("total_estimated_value", "money"), " against a cost of "),
        *(roi.show("total_cost", "money"), " leaves ", roi.show("total_net_roi", "money", is_strong=True), ". "),
        *("With the value alone that experiments prove, it would be ",),
        *(roi.show("net_without_assumption", "money"), ": how much of the rest would have come anyway is not known. "),
        *_not_counted(roi),
        *("Value over media spend, gross of the work and no ROI, is ", roi.show("roas", "number"), "."),
    )
    blocks = [Paragraph(money)]
    for sentence in (*_experiments(figures), _frozen(figures), _against_the_rules(figures), *_campaigns(figures)):
        if sentence:
            blocks.append(Paragraph(sentence))
    return Section("so-what", "So what", tuple(blocks))


def _not_counted(roi: Record) -> Prose:
    """Return the experiments with a verdict that prove no value."""
    if not roi.row["unproved_experiments"]:
        return ()
    named = roi.show("unproved_experiments")
    return ("Not counted, since their interval includes 0: ", named, ". ")


def _some(words: str, total: Cited, named: Sequence[Prose]) -> Prose:
    """Return a sentence that counts all and names the first; nothing where there is none."""
    if not total.value:
        return ()
    others = () if len(named) == total.value and len(named) <= NAMED else (" and others",)
    first = (": ", *listed(named[:NAMED]), *others) if named else ()
    return (words, ", ", total, " in all", *first, ".")


def _experiments(figures: MarketingFigures) -> list[Prose]:
    if not figures.rules.enable_statistical_testing:
        return []
    rows = figures.of("experiment_evaluations")
    said: list[Prose] = []
    for word, words in (("scale_variant", "Proved better and worth scaling"), ("stop", "Not worth continuing")):
        named = [
            (
                *(row.show("campaign_id", "name", is_strong=True), " (", row.show("experiment_id"), ", "),
                *(row.show("metric", "words"), ", lift ", row.show("relative_effect", "lift"), ")"),
            )
            for row in where(rows, "verdict", word)
        ]
        said.append(_some(words, figures.count("experiment_evaluations", "verdict", word).show("rows", "count"), named))
    return said


def _frozen(figures: MarketingFigures) -> Prose:
    named = [
        (
            *(row.show("campaign_id", "name", is_strong=True), " (", row.show("risk_type", "words"), ", open for "),
            *(row.show("age_days", "count"), " days, ", row.show("exposure", "money"), " at stake)"),
        )
        for row in where(figures.of("risk_register"), "is_blocking", True)
    ]
    total = figures.count("risk_register", "is_blocking", True).show("rows", "count")
    return _some("Risks that let no money move until a person has settled them", total, named)


def _against_the_rules(figures: MarketingFigures) -> Prose:
    named = [
        (
            *(row.show("campaign_id", "name", is_strong=True), " (", row.show("budget_action_id"), ": "),
            *(row.show("violations", "names"), ")"),
        )
        for row in where(figures.of("budget_governance"), "is_against_the_rules", True)
    ]
    total = figures.count("budget_governance", "is_against_the_rules", True).show("rows", "count")
    return _some("Moves of budget against the rules", total, named)


def _campaigns(figures: MarketingFigures) -> list[Prose]:
    rows, assessment = figures.of("campaign_analysis"), figures.one("performance_assessment")
    weak = [_named(row) for row in where(rows, "overall_performance", "below_expectations")]
    over = [_named(row) for row in where(rows, "is_over_budget", True)]
    return [
        _some("Campaigns below what was expected", assessment.show("below_expectations", "count"), weak),
        _some("Campaigns over budget", assessment.show("over_budget", "count"), over),
    ]


def _named(row: Record) -> Prose:
    return (row.show("name", is_strong=True),)
