"""Verdict of the marketing report with its reasons and key figures, and the conclusions that follow."""

from __future__ import annotations

from collections.abc import Sequence

from cjo_assets.core.expressions.evidence_grades import ASSUMPTION
from cjo_assets.core.expressions.intervals import NOT_MEASURABLE
from cjo_assets.families.marketing.report.figures import MarketingFigures
from cjo_assets.families.marketing.report.prose import listed, where
from cjo_assets.families.marketing.report.summary import style_of
from cjo_assets.families.marketing.value.roi_analysis import NOT_DISTINGUISHABLE, NOTHING_PROVED, POSITIVE
from cjo_assets.reporting.document import Cited, Paragraph, Prose, Record, Section, Tile, Verdict
from cjo_assets.reporting.summary import passages_of

# Most names in a sentence; the tables below have the others.
NAMED = 5
MEANINGS = {
    "positive": "What marketing is estimated to have brought exceeds all that it cost",
    "negative": "Marketing cost more than it is estimated to have brought",
    "neutral": "Marketing is estimated to have brought what it cost",
    NOT_MEASURABLE: "Value or cost is not known, so it is not known whether marketing pays",
}
JUDGEMENTS = {
    "exceeding_expectations": "; exceeding expectations ",
    "meeting_expectations": ", meeting them ",
    "below_expectations": ", below them ",
    "too_early": ", too early to rate ",
    "not_measurable": ", not measurable ",
}
VERDICTS = {
    "scale_variant": "; to scale ",
    "stop": ", to stop ",
    "continue": ", still running ",
    "inconclusive": ", without a clear result ",
    "invalid": ", broken ",
}


def verdict(figures: MarketingFigures) -> Verdict:
    """Return the verdict on the day."""
    roi = figures.one("roi_analysis")
    status = roi.row["roi_status"]
    meaning: Prose = (MEANINGS[status],)
    if roi.row["value_evidence_grade"] is not None:
        grade = roi.show("value_evidence_grade", "words", is_strong=True)
        meaning = (*meaning, "; weakest evidence of the value: ", grade, ". ", *_proof(roi))
    if roi.row["media_spend_residual"]:
        meaning = (*meaning, ". ", *_records(roi))
    paragraph = figures.paragraph
    return Verdict(
        status=roi.show("roi_status", "words"),
        word=_word(roi),
        meaning=(*meaning, "."),
        reasons=tuple(_reasons(figures)),
        tiles=_tiles(figures),
        summary=passages_of(paragraph, style_of),
        provenance="" if paragraph is None else paragraph.provenance,
    )


def _proof(roi: Record) -> Prose:
    """Return the net if only the value counts that experiments prove."""
    net = ("net of the same cost: ", roi.show("net_without_assumption", "whole"))
    status = roi.row["net_without_assumption_status"]
    if status == NOTHING_PROVED:
        return ("No experiment proves any value; without it, ", *net)
    found: Prose = (
        *("With the value alone that experiments prove, ", *net, " (between "),
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
        *(roi.show("campaigns_by_ledger", "count"),),
    )


def _word(roi: Record) -> str:
    """Return the word that colours the verdict: a positive result on an assumption alone is not shown as good."""
    row = roi.row
    is_proved = row["net_without_assumption_status"] == POSITIVE
    if row["roi_status"] == POSITIVE and row["value_evidence_grade"] == ASSUMPTION and not is_proved:
        return ASSUMPTION
    return str(row["roi_status"])


def _reasons(figures: MarketingFigures) -> list[Prose]:
    assessment = figures.one("performance_assessment")
    judged: Prose = ("Campaigns: ", assessment.show("total_campaigns", "count"))
    for name, words in JUDGEMENTS.items():
        judged = (*judged, words, assessment.show(name, "count"))
    said: list[Prose] = [(*judged, ".")]
    if figures.rules.enable_statistical_testing:
        found: Prose = ("Experiments: ", figures.total("experiment_evaluations").show("rows", "count"))
        for word, words in VERDICTS.items():
            found = (*found, words, figures.count("experiment_evaluations", "verdict", word).show("rows", "count"))
        said.append((*found, "."))
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
    if not figures.rows["kpi_status"]:
        return [*said, ("The policy has switched KPI tracking off.",)]
    families = [
        (row.show("family", "words"), " ", row.show("status", "words", is_strong=True))
        for row in figures.of("kpi_status")
    ]
    return [*said, ("KPIs: ", *listed(families), ".")]


def _tiles(figures: MarketingFigures) -> tuple[Tile, ...]:
    roi = figures.one("roi_analysis")
    residual: Prose = ()
    if roi.row["media_spend_residual"]:
        residual = ("; ledger minus metrics: ", roi.show("media_spend_residual", "whole"))
    return (
        Tile(
            "Net of all cost",
            (roi.show("total_net_roi", "whole"),),
            (roi.show("roi_percentage", "tenth"), " % of the cost"),
        ),
        Tile(
            "Media spend",
            (roi.show("total_media_spend", "whole"),),
            ("value, as estimated: ", roi.show("total_estimated_value", "whole"), *residual),
        ),
        Tile(
            "Frozen by a risk",
            (figures.count("risk_register", "is_blocking", True).show("rows", "count"),),
            ("of ", figures.count("risk_register", "is_open", True).show("rows", "count"), " open risks"),
        ),
        Tile(
            "To do",
            (figures.total("recommendations").show("rows", "count"),),
            (
                figures.count("recommendations", "requires_human_approval", True).show("rows", "count"),
                " need a person's approval",
            ),
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
                *(row.show("experiment_id", is_strong=True), " (", row.show("metric", "words"), ", lift "),
                *(row.show("relative_effect", "percent"), ")"),
            )
            for row in where(rows, "verdict", word)
        ]
        said.append(_some(words, figures.count("experiment_evaluations", "verdict", word).show("rows", "count"), named))
    return said


def _frozen(figures: MarketingFigures) -> Prose:
    named = [
        (
            *(row.show("campaign_id", is_strong=True), " (", row.show("risk_type", "words"), ", open for "),
            *(row.show("age_days", "count"), " days, ", row.show("exposure", "money"), " at stake)"),
        )
        for row in where(figures.of("risk_register"), "is_blocking", True)
    ]
    total = figures.count("risk_register", "is_blocking", True).show("rows", "count")
    return _some("Risks that let no money move until a person has settled them", total, named)


def _against_the_rules(figures: MarketingFigures) -> Prose:
    named = [
        (row.show("budget_action_id", is_strong=True), " (", row.show("violations", "names"), ")")
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
    return (row.show("campaign_id", is_strong=True), " (", row.show("name"), ")")
