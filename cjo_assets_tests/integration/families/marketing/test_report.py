"""The marketing report of a day: figures traced to cells, complete lists of actions, and counts in sentences."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import altair
import pytest
import vl_convert

from cjo_assets.core.settings import Settings
from cjo_assets.families.marketing.report.audience import FUNNEL
from cjo_assets.families.marketing.report.charts import CHARTS, campaign_pacing
from cjo_assets.families.marketing.report.figures import SHOWN
from cjo_assets.families.marketing.report.money import pacing
from cjo_assets.families.marketing.report.reading import REPORT, marketing_figures, write_marketing_report
from cjo_assets.families.marketing.report.report import marketing_report
from cjo_assets.families.marketing.report.summary import (
    CHARACTERS_PER_TOKEN,
    marketing_summary,
    marketing_summary_figures,
)
from cjo_assets.language.client import BASE_URL
from cjo_assets.policy import Policy
from cjo_assets.reporting.document import Cited, Document, Grid, Paragraph, Picture
from cjo_assets.reporting.drawing import NARROW, WIDE, Drawing, draw
from cjo_assets.reporting.markdown import as_markdown
from cjo_assets.reporting.page import as_page
from cjo_assets.reporting.palette import BAD, tone
from cjo_assets.reporting.summary import Figure
from cjo_assets.reporting.text import chance, names, rate
from cjo_assets.reporting.writing import shown_in_dagster
from cjo_assets_tests.support.chain import LAST_DAY, Chain
from cjo_assets_tests.support.journey.figures import HOSTILE
from cjo_assets_tests.support.marketing.figures import ONE_A_DAY, made_figures
from cjo_assets_tests.support.reports import (
    BLOCKS,
    INLINE,
    TAGS,
    Page,
    as_shown,
    cell_of,
    check_first_screen,
    markup_of,
    parts_of,
    plain,
    text_of,
)
from cjo_assets_tests.support.rows import POLICY, policy_with

DIGIT = re.compile(r"\d")
# Every section there can be.
WORDY = policy_with(marketing__reporting__enable_llm_insights=True)


@pytest.fixture(autouse=True, scope="module")
def no_language_model() -> Iterator[None]:
    """Remove the language model from the environment of the test."""
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv(BASE_URL, raising=False)
        yield


@pytest.fixture(scope="module")
def document(marketing_sample: Chain) -> Document:
    """Return the report of the sample month."""
    return marketing_report(marketing_figures(marketing_sample.store, LAST_DAY, WORDY))


@pytest.fixture(scope="module")
def drawings(document: Document) -> dict[str, Drawing]:
    """Its pictures."""
    return {picture.name: draw(picture, CHARTS) for picture in document.pictures}


@pytest.fixture(scope="module")
def page(document: Document, drawings: dict[str, Drawing]) -> Page:
    """Its page."""
    return Page.of(as_page(document, drawings))


@pytest.fixture(scope="module")
def made() -> Document:
    """Return the report of a day by hand."""
    return marketing_report(made_figures())


def grids(document: Document) -> dict[str, Grid]:
    """Return the grids of a report by caption."""
    return {
        block.caption: block for section in document.sections for block in section.blocks if isinstance(block, Grid)
    }


def test_every_figure_of_the_page_is_a_cell_of_a_table(marketing_sample: Chain, page: Page) -> None:
    """Trap M10: no figure but a cell's, so that nothing is computed twice in two ways."""
    platforms = marketing_sample.by("channel_id", "marketing.channels")
    names = {"channel_ids": {name: row["platform"] for name, row in platforms.items()}}
    assert len(page.marks) > 1000
    for mark in page.marks:
        cell = cell_of(mark.source, marketing_sample, LAST_DAY, WORDY)
        assert mark.text == as_shown(mark, cell, LAST_DAY, names), mark.source


def test_between_the_figures_there_is_none(page: Page, document: Document) -> None:
    assert [text for text in page.between if DIGIT.search(text)] == ["Marketing on 31 Mar 2026"]  # the title
    assert [part for part in parts_of(document) if isinstance(part, str) and DIGIT.search(part)] == []


def test_figures_in_pictures_are_in_the_tables_beside_them(document: Document, drawings: dict[str, Drawing]) -> None:
    assert drawings.keys() == CHARTS.keys()
    for section in document.sections:
        cited = {part.text for part in parts_of(section) if isinstance(part, Cited)}
        for picture in section.blocks:
            drawing = drawings.get(getattr(picture, "name", ""))
            for mark in re.findall(
                r'mark-text role-mark.*?(?=<g class="mark|</svg>)', drawing.svg if drawing else "", re.S
            ):
                for text in re.findall(r"<text[^>]*>([^<]*)</text>", mark):
                    if DIGIT.search(text):
                        assert {text, text.partition(" ")[0]} & cited, (picture, text)


def test_markdown_shows_what_the_page_shows(document: Document) -> None:
    markdown = as_markdown(document, {})
    assert markup_of(markdown) <= BLOCKS | INLINE
    read = "\n".join(text_of(markdown))
    for part in parts_of(document):
        if isinstance(part, Cited):
            assert part.text in read, part.source


def test_the_sample_month_by_hand(document: Document) -> None:
    """Value 32,000 less media 10,500, ledger 597.55, infrastructure of 31 days, and calls."""
    assert plain((document.verdict.status,)) == "positive"
    tiles = {tile.label: (plain(tile.figure), plain(tile.remark)) for tile in document.verdict.tiles}
    assert tiles["Media spend"] == ("USD 10,500", "value, as estimated: 32,000")
    assert tiles["Frozen by a risk"] == ("1", "of 4 open risks")
    reasons = [plain(reason) for reason in document.verdict.reasons]
    assert "Budget moves against the rules: 4; waiting for a person 1." in reasons
    [section] = [section for section in document.sections if section.anchor == "so-what"]
    said = "\n".join(plain(block.parts) for block in section.blocks if hasattr(block, "parts"))
    assert (
        "Proved better and worth scaling, 1 in all: Spring Promo Awareness (EXP_003, click-through rate, lift 20.2 %)."
        in said
    )
    settled = (
        "Risks that let no money move until a person has settled them, 1 in all: Enterprise Demo Drive (brand safety"
    )
    assert f"{settled}, open for 15" in said


def test_all_next_steps_are_shown_other_lists_are_counted(made: Document) -> None:
    """Trap M19: thirty steps, and lists of twenty-five."""
    found = grids(made)
    assert len(found["All next steps, in order"].rows) == 30
    assert plain(found["All next steps, in order"].note).endswith("money that is spent already is no saving.")
    for caption in (
        "Effects and verdicts",
        "Moves, those against the rules first",
        "Steps of each path",
        "Audiences by campaign",
    ):
        assert len(found[caption].rows) == 25, caption
        assert "25 of 30; all of them in marketing." in plain(found[caption].note), caption
    assert len(found["Risks, the worst open one first"].rows) == 25


def test_a_sentence_names_some_and_counts_all(made: Document) -> None:
    """Trap M19: the sentence counts what it does not name."""
    [section] = [section for section in made.sections if section.anchor == "so-what"]
    [moves] = [plain(block.parts) for block in section.blocks if plain(block.parts).startswith("Moves of budget")]
    assert moves.startswith("Moves of budget against the rules, 30 in all: ")
    assert moves.endswith(" and others.")
    assert moves.count(": none)") == 5


def test_text_of_strangers_is_text(made: Document) -> None:
    drawn = {picture.name: draw(picture, CHARTS) for picture in made.pictures}
    page = Page.of(as_page(made, drawn))
    assert page.tags <= TAGS
    assert not [name for name in page.attributes if name.startswith("on") or name in ("src", "style", "xlink:href")]
    assert set(HOSTILE) <= {mark.text for mark in page.marks}
    markdown = as_markdown(made, {})
    assert markup_of(markdown) <= BLOCKS | INLINE
    for drawing in drawn.values():
        assert Page.of(drawing.wide).tags <= TAGS


def test_a_direction_mark_is_raw_nowhere_in_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cjo_assets_tests.support.marketing.figures.HOSTILE", ["Demo \u202eDrive"])
    document = marketing_report(made_figures())
    drawn = {picture.name: draw(picture, CHARTS) for picture in document.pictures}
    pages = [as_page(document, drawn), as_markdown(document, {}), *(drawing.svg for drawing in drawn.values())]
    assert not [page for page in pages if "\u202e" in page]
    assert "Demo \\u202eDrive" in {mark.text for mark in Page.of(pages[0]).marks}


def test_charts_keep_the_schema_of_vega_lite(made: Document) -> None:
    for picture in made.pictures:
        if picture.name in CHARTS:
            for width in (WIDE, NARROW):
                specification = CHARTS[picture.name](picture.data, width)
                altair.Chart.from_dict(specification, validate=True)
                assert "signal" not in vl_convert.vegalite_to_svg(specification)


EMPTY = [
    "There is no campaign.",
    "The policy has switched KPI tracking off.",
    "There is no experiment.",
    "No budget was moved, and no move was proposed.",
    "No stage of any path is counted.",
    "No segment was shown anything.",
    "No source credits a channel.",
    "No risk of a campaign is recorded.",
    "No two sources state the same figure.",
    "Nothing is left to be done.",
    "No row was rejected.",
]


def test_the_report_states_what_is_missing() -> None:
    full = made_figures()
    [roi] = full.rows["roi_analysis"]
    unknown = roi | {"roi_status": "not_measurable", "total_net_roi": None, "value_evidence_grade": None}
    rows = {table: (full.rows[table] if table in ONE_A_DAY else []) for table in SHOWN} | {"roi_analysis": [unknown]}
    nothing = marketing_report(replace(full, rows=rows, rejections=[], paragraph=None))
    read = text_of(as_markdown(nothing, {}))
    for sentence in EMPTY:
        assert sentence in read, sentence
    assert nothing.pictures == []
    meaning = plain(nothing.verdict.meaning)
    assert meaning.startswith("value or cost is not known, so it is not known whether marketing pays.")
    assert "on track" not in "\n".join(read[: read.index("How these figures came about")])
    Page.of(as_page(nothing, {}))


@pytest.mark.parametrize("status", ["positive", "negative", "neutral", "not_measurable"])
def test_every_status_has_its_words(status: str) -> None:
    figures = made_figures(rows=1)
    said = {"roi_status": status, "value_evidence_grade": "randomised"}
    rows = dict(figures.rows) | {"roi_analysis": [figures.rows["roi_analysis"][0] | said]}
    verdict = marketing_report(replace(figures, rows=rows)).verdict
    assert (verdict.word, plain((verdict.status,))) == (status, status.replace("_", " "))


@pytest.mark.parametrize(
    ("grade", "proof", "colour", "sentence"),
    [
        ("assumption", "negative", "warning", "(between -9 and 9)."),
        (
            "assumption",
            "nothing_proved",
            "warning",
            "no experiment proves any value, and without it 0 remains.",
        ),
        ("assumption", "not_distinguishable", "warning", "(between -9 and 9), not distinguishable from 0."),
        ("assumption", "positive", "good", "(between -9 and 9)."),
        ("randomised", "positive", "good", "(between -9 and 9)."),
    ],
)
def test_good_news_is_green_only_where_experiments_prove_it(grade: str, proof: str, colour: str, sentence: str) -> None:
    figures = made_figures(rows=1)
    said = {"roi_status": "positive", "value_evidence_grade": grade, "net_without_assumption": 0.0}
    said |= {"net_without_assumption_status": proof, "media_spend_residual": 0.0}
    said |= {"net_without_assumption_low": -9.0, "net_without_assumption_high": 9.0}
    rows = dict(figures.rows) | {"roi_analysis": [figures.rows["roi_analysis"][0] | said]}
    verdict = marketing_report(replace(figures, rows=rows)).verdict
    assert (tone(verdict.word), plain((verdict.status,))) == (colour, "positive")
    assert sentence in plain(verdict.meaning)


def test_the_verdict_states_whose_spend_it_counts() -> None:
    """The residual between ledger and metrics is beside the verdict, and what proves nothing is named."""
    figures = made_figures(rows=1)
    said = {"media_spend_booked": 5000.0, "media_spend_measured": 362.0, "media_spend_residual": 4638.0}
    said |= {"campaigns_by_ledger": 1, "total_media_spend": 5000.0, "unproved_experiments": ["EXP_SMALL"]}
    rows = dict(figures.rows) | {"roi_analysis": [figures.rows["roi_analysis"][0] | said]}
    history = dict(figures.history) | {"roi_analysis": rows["roi_analysis"]}
    report = marketing_report(replace(figures, rows=rows, history=history))
    reasons = "\n".join(plain(reason) for reason in report.verdict.reasons)
    assert "Media spend by the ledger 5,000, by the metrics 362, residual 4,638" in reasons
    [tile] = [tile for tile in report.verdict.tiles if tile.label == "Media spend"]
    assert (plain(tile.figure), plain(tile.remark)[-29:]) == ("USD 5,000", "; ledger minus metrics: 4,638")
    assert "Not counted, since their interval includes 0: EXP\\_SMALL." in as_markdown(report, {})


def test_what_is_over_its_budget_is_red_whatever_its_pace() -> None:
    """Running or ended, on pace or ahead; a campaign without an end has no rule across its bar."""
    figures = made_figures(rows=1)
    base = figures.rows["campaign_analysis"][0]
    campaigns = [
        base | {"campaign_id": "over", "pacing_status": "over_spent", "spent_share": 1.02, "is_over_budget": True},
        base | {"campaign_id": "fast", "pacing_status": "ahead", "spent_share": 1.02, "is_over_budget": True},
        base | {"campaign_id": "fine", "pacing_status": "on_pace", "spent_share": 0.5, "is_over_budget": False},
        base | {"campaign_id": "open", "pacing_status": "not_measurable", "spent_share": 0.5, "elapsed_share": None}
        | {"is_over_budget": False},
    ]  # fmt: skip
    section = pacing(replace(figures, rows=dict(figures.rows) | {"campaign_analysis": campaigns}))
    [picture] = [block for block in section.blocks if isinstance(block, Picture)]
    assert [row["status"] for row in picture.data["rows"]] == [
        "over_budget",
        "over_budget",
        "on_pace",
        "not_measurable",
    ]
    drawn = json.dumps(campaign_pacing(picture.data, 600))
    assert BAD.light in drawn
    assert tone("over_spent") == BAD.name


SWITCHED = {
    "enable_statistical_testing": ("experiments", "The policy has switched statistical testing off"),
    "enable_validation": ("reconciliation", None),
    "enable_llm_insights": ("campaigns", "against a target of"),
}


@pytest.mark.parametrize("switch", SWITCHED)
def test_each_switch_changes_the_report(switch: str) -> None:
    """What the policy switches off is not shown, and statistics go from the verdict too."""
    anchor, words = SWITCHED[switch]
    before, after = (
        marketing_report(made_figures(2, policy=rules))
        for rules in (POLICY, policy_with(**{f"marketing__reporting__{switch}": _flipped(switch)}))
    )
    read = {section.anchor: plain_of(section) for section in after.sections}
    assert before.sections != after.sections
    assert (anchor in read) == (words is not None)
    assert words is None or words in read[anchor]
    if switch == "enable_statistical_testing":
        assert "experiment_forest" not in {picture.name for picture in after.pictures}
        assert not [
            reason
            for reason in after.verdict.reasons
            if plain(reason).startswith("Of ") and "experiments" in plain(reason)
        ]


def _flipped(switch: str) -> bool:
    return not getattr(POLICY.marketing.reporting, switch)


def plain_of(value: Any) -> str:
    """Return all words of a part of a report."""
    return " ".join(part if isinstance(part, str) else part.text for part in parts_of(value))


@pytest.mark.parametrize("tokens", [0.25, 30, 100, 500])
def test_the_summary_is_as_long_as_the_policy_allows(marketing_sample: Chain, tokens: float) -> None:
    """Whole sentences, the weightiest first; each digit is a figure's."""
    rules = _with_tokens(max(1, int(tokens)))
    paragraph = marketing_figures(marketing_sample.store, LAST_DAY, rules).paragraph
    assert paragraph is not None
    assert len(paragraph.text) <= int(max(1, tokens) * CHARACTERS_PER_TOKEN)
    assert paragraph.text == "" or paragraph.text.endswith(".")
    assert bool(paragraph.text) == (tokens > 1)
    assert not any(DIGIT.search(part) for part in paragraph.passages if isinstance(part, str))
    assert ("KPIs: " in paragraph.text) == (tokens == 500)
    for figure in paragraph.passages:
        if isinstance(figure, Figure) and figure.source.startswith("count("):
            cell = cell_of(figure.source, marketing_sample, LAST_DAY, POLICY)
            assert figure.text == str(cell), figure.source


def _with_tokens(tokens: int) -> Policy:
    return policy_with(marketing__reporting__llm_summary_max_tokens=tokens)


def test_a_folder_of_files_that_is_the_same_each_time(marketing_sample: Chain, tmp_path: Path) -> None:
    written = []
    for home in (tmp_path / "one", tmp_path / "two"):
        settings = Settings(data=home, policy=None, home=home)
        page = write_marketing_report(marketing_sample.store, settings, LAST_DAY, POLICY)
        assert page == home / "reports" / "marketing" / "2026-03-31" / REPORT.page
        files = (path for path in sorted(page.parent.rglob("*")) if path.is_file())
        written.append({str(path.relative_to(page.parent)): path.read_bytes() for path in files})
    assert written[0] == written[1]
    assert {"marketing_report.html", "marketing_report.md", "figures/experiment_forest.svg"} <= written[0].keys()
    verdict, pictures = shown_in_dagster(page, REPORT.pictures)
    assert "Verdict: **AMBER** (positive)" in verdict
    assert pictures.count("](data:image/svg+xml;base64,") == len(REPORT.pictures)
    off = policy_with(marketing__reporting__enable_reporting=False)
    assert write_marketing_report(marketing_sample.store, settings, LAST_DAY, off) is None
    assert not page.exists()


READ: list[tuple[Callable[[Any], str], Any, str]] = [
    (rate, 0.003517, "0.352 %"),
    (rate, 0.00000012, "0.00001 %"),
    (rate, None, "n/a"),
    (chance, 0.0, "below 0.000001"),
    (chance, 0.0000004, "below 0.000001"),
    (chance, 0.05, "0.05"),
    (chance, None, "n/a"),
    (names, [], "none"),
    (names, None, "n/a"),
    (names, ["a_b", "c"], "a b, c"),
]


@pytest.mark.parametrize(("style", "value", "text"), READ)
def test_values_as_marketing_reads_them(style: Callable[[Any], str], value: Any, text: str) -> None:
    assert style(value) == text


def test_the_paragraph_of_the_sample_month(marketing_sample: Chain) -> None:
    paragraph = marketing_figures(marketing_sample.store, LAST_DAY, POLICY).paragraph
    assert paragraph is not None
    assert paragraph.text.startswith(
        "By 2026-03-31, 4 campaigns (2 active) spent 10,500.00 on media and brought an estimated 32,000.00. After all "
        "cost of 11,614.29 that leaves 20,385.71, or 175.5 % of the cost (weakest evidence: assumption). 0 campaigns "
        "exceed what was expected, 1 meets it, 1 stays below it, for 0 it is too early to say, and 2 are not "
        "measurable. Of 9 experiments, 1 to scale, 1 to stop, 2 still running, 3 without a clear result (of which not "
        "begun: 1) and 2 broken. 4 risks are open, of which 1 freezes a budget. 4 budget moves were made against the "
        "rules, and 1 waits for a person. "
    )


# A sentence that states a whole and its parts: the place of the whole, and those of the parts.
WHOLES = (
    (
        "(#) campaigns? [(]",
        "(#) campaigns? exceeds?.*?(#) meets? it, (#) stays?.*?for (#) it.*?(#) (?:is|are) not meas",
    ),
    ("Of (#) experiments?,", "(#) to scale, (#) to stop, (#) still running, (#) without a clear.*? and (#) broken"),
    (
        "Of (#) campaigns,",
        "(#) exceed expectations, (#) meet them, (#) stay below them, (#) are too early.*?, (#) are not measurable",
    ),
    (
        "Of (#) experiments?,",
        "(#) to scale, (#) to stop, (#) still running, (#) without a clear result, (#) broken",
    ),
)


def assert_parts_sum(text: str) -> None:
    """Check that the parts of each sentence sum to the whole it states."""
    for whole, parts in WHOLES:
        stated, found = (re.search(words.replace("#", r"[\d,]+"), text) for words in (whole, parts))
        assert stated is not None, whole
        assert found is not None, parts
        numbers = [int(number.replace(",", "")) for number in found.groups()]
        assert sum(numbers) == int(stated[1].replace(",", "")), (stated[0], found[0])


def test_the_parts_of_each_sentence_sum_to_the_whole(marketing_sample: Chain, document: Document) -> None:
    paragraph = marketing_figures(marketing_sample.store, LAST_DAY, POLICY).paragraph
    assert paragraph is not None
    assert_parts_sum("\n".join([paragraph.text, *(plain(reason) for reason in document.verdict.reasons)]))


@pytest.mark.parametrize("counts", [(0, 0, 0, 0, 0), (1, 0, 0, 0, 0), (16, 7, 4, 38, 2), (0, 1_200, 1, 0, 3)])
def test_sentences_sum_whatever_the_counts(counts: tuple[int, ...]) -> None:
    figures = made_figures()
    verdicts = ("scale_variant", "stop", "continue", "inconclusive", "invalid")
    judged = ("exceeding_expectations", "meeting_expectations", "below_expectations", "too_early", "not_measurable")
    counted = {("experiment_evaluations", "verdict", name): n for name, n in zip(verdicts, counts, strict=True)}
    [assessment], [roi] = figures.rows["performance_assessment"], figures.rows["roi_analysis"]
    assessment = assessment | dict(zip(judged, counts, strict=True)) | {"total_campaigns": sum(counts)}
    figures = replace(
        figures,
        rows=dict(figures.rows) | {"performance_assessment": [assessment]},
        counts=dict(figures.counts) | counted,
        totals=dict(figures.totals) | {"experiment_evaluations": sum(counts)},
    )
    found = marketing_summary_figures(assessment, roi, figures.counts, figures.totals)
    text = marketing_summary(found, roi, [], 500).text
    reasons = [plain(reason) for reason in marketing_report(figures).verdict.reasons]
    assert_parts_sum("\n".join([text, *reasons]))


def test_labels_of_charts_do_not_cut_bars(drawings: dict[str, Drawing]) -> None:
    """The ground of a letter has round corners; pointed ones reach several times as far."""
    for drawing in drawings.values():
        for svg in (drawing.svg, drawing.wide, drawing.narrow):
            texts = re.findall(r"<text[^>]*>", svg)
            assert texts
            stroked = [text for text in texts if "stroke-width" in text or 'stroke="' in text]
            assert all('stroke-linejoin="round"' in text for text in stroked), stroked[:1]


def test_the_funnel_section_lists_leaks_only(document: Document) -> None:
    """Sentence, picture and table name one leak of the sample: 331 of 7,506 signed up, and 160 of 1,540 before."""
    [section] = [section for section in document.sections if section.anchor == "funnel"]
    [said] = [plain(block.parts) for block in section.blocks if isinstance(block, Paragraph)]
    assert said == (
        "Leaks after the click, the largest of each path: Spring Promo Awareness, visit to signup: 331 of 7,506 (4.4 "
        "%) against 10.4 % of earlier days, 449 missing."
    )
    [picture] = [block for block in section.blocks if isinstance(block, Picture)]
    panels = {panel["label"]: panel["stages"] for panel in picture.data["panels"]}
    assert {name: [stage["count"] for stage in stages] for name, stages in panels.items()} == {
        "Spring Promo Awareness": [9_657, 9_046, 491, 103],
        "Enterprise Demo Drive": [2_497, 700, 31],
        "Dormant Trial Reactivation": [868, 801],
    }
    drawn = {(name, stage["label"]) for name, stages in panels.items() for stage in stages if stage["is_leak"]}
    [leak] = [index for index, column in enumerate(FUNNEL) if column.name == "is_leak"]
    rows = grids(document)["Steps of each path"].rows
    listed = {(row[0].main.value, row[4].main.text) for row in rows if row[leak].main.value}
    assert drawn == listed == {("Spring Promo Awareness", "signup")}


def test_the_first_screen_is_complete_and_in_plain_words(document: Document) -> None:
    check_first_screen(document)
