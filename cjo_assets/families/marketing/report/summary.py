"""Summary of a day of marketing, most important figures first, within the length that the policy allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cjo_assets.reporting.document import Record
from cjo_assets.reporting.summary import Figure, Summary, joined, standing
from cjo_assets.reporting.summary import words as in_words
from cjo_assets.reporting.text import money, number, shown

Row = dict[str, Any]

ASSESSMENT, ROI = "marketing.performance_assessment", "marketing.roi_analysis"
COUNTS = {
    "total_campaigns": "campaigns",
    "active_campaigns": "campaigns that are active",
    "exceeding_expectations": "campaigns that exceed what was expected",
    "meeting_expectations": "campaigns that meet what was expected",
    "below_expectations": "campaigns that stay below what was expected",
    "too_early": "campaigns of which it is too early to say",
    "not_measurable": "campaigns that cannot be judged",
    "total_experiments": "experiments begun so far",
}
AMOUNTS = {
    "total_spend": "media spend so far [currency]",
    "total_revenue_proxy": "value of the conversions so far, as the source estimates it [currency]",
    "total_cost": "all cost so far: media, language models, review, infrastructure, calls [currency]",
    "total_net_roi": "value minus all cost [currency]; below zero is a loss",
}
# What is counted of the rows of tables: name, table, column, content, and what it measures.
COUNTED_ROWS = (
    ("scale", "experiment_evaluations", "verdict", "scale_variant", "experiments whose variant is to be scaled"),
    ("stop", "experiment_evaluations", "verdict", "stop", "experiments to be stopped"),
    ("running", "experiment_evaluations", "verdict", "continue", "experiments still running"),
    ("unclear", "experiment_evaluations", "verdict", "inconclusive", "experiments without a clear result"),
    ("not_begun", "experiment_evaluations", "rule", "not_started", "of these, experiments that have not begun"),
    ("invalid", "experiment_evaluations", "verdict", "invalid", "broken experiments: nothing can be read from them"),
    ("open_risks", "risk_register", "is_open", True, "open risks"),
    ("blocking_risks", "risk_register", "is_blocking", True, "open risks that freeze the budget of a campaign"),
    ("wrong_moves", "budget_governance", "is_against_the_rules", True, "budget moves made against the rules"),
    ("pending_moves", "budget_governance", "approval_state", "pending", "budget moves that wait for a person"),
    ("approvals", "recommendations", "requires_human_approval", True, "next steps that need a person's approval"),
)
# What is counted of whole tables: table, and what it measures.
TOTALS = {
    "experiments": ("experiment_evaluations", "experiments, with those that have not begun"),
    "next_steps": ("recommendations", "next steps that the rules recommend"),
}
# Rough number of characters per token of English prose.
CHARACTERS_PER_TOKEN = 4


def marketing_summary_figures(
    assessment: Row, roi: Row, counts: Mapping[tuple[str, str, str | bool], int], totals: Mapping[str, int]
) -> dict[str, Figure]:
    """Return the figures that a summary may use, by name.

    Args:
        assessment: the row of `performance_assessment`.
        roi: the row of `roi_analysis`.
        counts: rows by table, column and content.
        totals: rows by table.
    """
    figures = [Figure("as_of", shown(assessment["as_of"]), f"{ASSESSMENT}/as_of", "the day this is about")]
    figures += [Figure(name, shown(assessment[name]), f"{ASSESSMENT}/{name}", what) for name, what in COUNTS.items()]
    for name, what in AMOUNTS.items():
        table, row = (ASSESSMENT, assessment) if name in assessment else (ROI, roi)
        figures.append(Figure(name, money(row[name]), f"{table}/{name}", what))
    what = "net value in percent of all cost: the return on investment"
    figures.append(Figure("roi_percentage", number(roi["roi_percentage"], 1), f"{ROI}/roi_percentage", what))
    figures += [
        Figure(name, shown(counts[table, column, content]), f"count(marketing.{table})/{column}={content}/rows", what)
        for name, table, column, content, what in COUNTED_ROWS
    ]
    figures += [
        Figure(name, shown(totals[table]), f"count(marketing.{table})/rows", what)
        for name, (table, what) in TOTALS.items()
    ]
    return {figure.name: figure for figure in figures}


def marketing_summary(
    found: Mapping[str, Figure],
    roi: Row,
    kpi_status: Sequence[Row],
    max_tokens: int,
    fallback_reason: str | None = None,
) -> Summary:
    """Return the paragraph that needs no language model: whole sentences, as many as fit.

    Args:
        found: the figures, as `marketing_summary_figures` returns them.
        roi: the row of `roi_analysis`.
        kpi_status: the rows of `kpi_status`.
        max_tokens: longest paragraph [tokens].
        fallback_reason: why a language model did not write it, if it was to.
    """
    evidence = roi["value_evidence_grade"]
    sentences: list[tuple[str | Figure, ...]] = [
        ("By ", found["as_of"], ", ", *_counted(found["total_campaigns"], " campaign (", " campaigns ("),
         found["active_campaigns"], " active) spent ", found["total_spend"], " on media and brought an estimated ",
         found["total_revenue_proxy"], ". "),
        ("After all cost of ", found["total_cost"], " that leaves ", found["total_net_roi"], ", or ",
         found["roi_percentage"], " % of the cost", f" (weakest evidence: {in_words(evidence)}). "),
        (*_counted(found["exceeding_expectations"], " campaign exceeds", " campaigns exceed"),
         " what was expected, ", *_counted(found["meeting_expectations"], " meets", " meet"),
         " it, ", *_counted(found["below_expectations"], " stays", " stay"), " below it, for ",
         found["too_early"], " it is too early to say, and ",
         *_counted(found["not_measurable"], " is", " are"), " not measurable. "),
        ("Of ", *_counted(found["experiments"], " experiment, ", " experiments, "), found["scale"], " to scale, ",
         found["stop"], " to stop, ", found["running"], " still running, ", found["unclear"],
         " without a clear result (of which not begun: ", found["not_begun"], ") and ", found["invalid"], " broken. "),
        (*_counted(found["open_risks"], " risk is", " risks are"), " open, of which ",
         *_counted(found["blocking_risks"], " freezes", " freeze"), " a budget. "),
        (*_counted(found["wrong_moves"], " budget move was", " budget moves were"),
         " made against the rules, and ", *_counted(found["pending_moves"], " waits", " wait"),
         " for a person. "),
        (*_counted(found["next_steps"], " next step follows", " next steps follow"), ", of which ",
         *_counted(found["approvals"], " needs", " need"), " a person's approval. "),
        (standing(kpi_status),),
    ]  # fmt: skip
    return Summary(joined(_that_fit(sentences, max_tokens)), fallback_reason=fallback_reason)


def _that_fit(sentences: Sequence[Sequence[str | Figure]], max_tokens: int) -> list[str | Figure]:
    """Return the first sentences that fit into a number of tokens."""
    passages: list[str | Figure] = []
    left = max_tokens * CHARACTERS_PER_TOKEN
    for sentence in sentences:
        left -= len(Summary(tuple(sentence)).text)
        if left < 0:
            break
        passages += sentence
    return passages


# Columns of `campaign_analysis` that a text on a campaign may name: how each is written, and what it measures.
OF_A_CAMPAIGN = {
    "recorded_spend": ("money", "media spend so far, by the record that knows the most of it [currency]"),
    "budget": ("money", "budget of the whole campaign [currency]"),
    "elapsed_share": ("percent", "share of its time that has passed"),
    "kpi_value": ("rate", "value of the metric it is judged by"),
    "kpi_target": ("rate", "target of that metric; n/a where nobody set one"),
    "conversions": ("count", "conversions so far"),
    "recorded_value": ("money", "value of its conversions by the same record, as the source estimates it [currency]"),
    "net_value": ("money", "that value minus all cost of the campaign [currency]; below zero is a loss"),
}


def campaign_figures(campaign: Record) -> dict[str, Figure]:
    """Return the figures that a text on a campaign may use, by name, from its row of `campaign_analysis`."""
    shown_cells = {name: campaign.show(name, style) for name, (style, _) in OF_A_CAMPAIGN.items()}
    return {name: Figure(name, cell.text, cell.source, OF_A_CAMPAIGN[name][1]) for name, cell in shown_cells.items()}


def campaign_words(campaign: Record) -> dict[str, str]:
    """Return the words that a text on a campaign may use."""
    names = ("name", "status", "primary_kpi", "overall_performance")
    return {name: campaign.show(name, "plain" if name == "name" else "words").text for name in names}


def campaign_summary(campaign: Record, fallback_reason: str | None = None) -> Summary:
    """Return a few sentences on a campaign without a language model."""
    found, words = campaign_figures(campaign), campaign_words(campaign)
    passages: list[str | Figure] = [
        Figure("name", words["name"], campaign.show("name").source, "its name"),
        f" ({words['status']}) has spent ", found["recorded_spend"], " of ", found["budget"], " with ",
        found["elapsed_share"], f" of its time passed. Its {words['primary_kpi']} is ", found["kpi_value"],
        " against a target of ", found["kpi_target"], f": {words['overall_performance']}. It brought ",
        found["conversions"], " conversions, estimated at ", found["recorded_value"], "; net of all its cost, ",
        found["net_value"], ".",
    ]  # fmt: skip
    return Summary(joined(passages), fallback_reason=fallback_reason)


def style_of(source: str) -> str:
    """Return the style in which a summary shows the cell of a source."""
    column = source.rpartition("/")[2]
    if column in OF_A_CAMPAIGN and source.startswith("marketing.campaign_analysis"):
        return OF_A_CAMPAIGN[column][0]
    return "money" if column in AMOUNTS else "tenth" if column == "roi_percentage" else "plain"


def _counted(figure: Figure, one: str, many: str) -> tuple[Figure, str]:
    """Return a count with the words for one, or for any other number."""
    return figure, one if figure.text == "1" else many
