"""The report of a day: figures traced to cells, text of sources escaped, and days without data."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import altair
import pytest
import vl_convert

from cjo_assets.core.settings import Settings
from cjo_assets.families.journey.report.charts import CHARTS
from cjo_assets.families.journey.report.first_actions import first_actions
from cjo_assets.families.journey.report.reading import REPORT, journey_figures, write_report
from cjo_assets.families.journey.report.report import journey_report
from cjo_assets.reporting.document import Cell, Cited, Document, Grid, Record, grid
from cjo_assets.reporting.document import Column as GridColumn
from cjo_assets.reporting.drawing import NARROW, WIDE, Drawing, draw
from cjo_assets.reporting.markdown import as_markdown
from cjo_assets.reporting.page import as_page
from cjo_assets.reporting.palette import ACCENT, CARD, COLOURS, GROUND, INK, LINE, MUTED, tone
from cjo_assets.reporting.writing import shown_in_dagster
from cjo_assets_tests.support.chain import Chain, write_rows
from cjo_assets_tests.support.journey.figures import HOSTILE, made_figures, without_anything
from cjo_assets_tests.support.reports import (
    BLOCKS,
    INLINE,
    TAGS,
    Page,
    as_shown,
    cell_of,
    check_first_screen,
    counts_in,
    markup_of,
    parts_of,
    plain,
    text_of,
)
from cjo_assets_tests.support.rows import POLICY, Row, policy_with

TWENTIETH = date(2025, 1, 20)
SWITCHED_OFF = policy_with(journey__reporting__enable_reporting=False)
DIGIT = re.compile(r"\d")


@pytest.fixture(scope="module")
def sample(sample_day: Callable[[date], Chain]) -> Chain:
    """Return the sample at its latest day."""
    return sample_day(TWENTIETH)


@pytest.fixture(scope="module")
def document(sample: Chain) -> Document:
    """Return the report of that day."""
    return journey_report(journey_figures(sample.store, TWENTIETH, POLICY))


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
    return journey_report(made_figures())


def test_every_figure_of_the_page_is_a_cell_of_a_table(sample: Chain, page: Page) -> None:
    """Trap 2, 17, 22: every figure is a cell of a table, and the one that its mark names."""
    assert len(page.marks) > 500
    for mark in page.marks:
        cell = cell_of(mark.source, sample, TWENTIETH, POLICY)
        assert mark.text == as_shown(mark, cell, TWENTIETH), mark.source


def test_between_the_figures_there_is_none(page: Page, document: Document) -> None:
    assert [text for text in page.between if DIGIT.search(text)] == ["Customer journey on 20 Jan 2025"]  # the title
    assert [part for part in parts_of(document) if isinstance(part, str) and DIGIT.search(part)] == []
    assert document.day.text == "20 Jan 2025"


def test_figures_in_pictures_are_in_the_tables_beside_them(document: Document, drawings: dict[str, Drawing]) -> None:
    for section in document.sections:
        cited = {part.text for part in parts_of(section) if isinstance(part, Cited)}
        for picture in section.blocks:
            drawing = drawings.get(getattr(picture, "name", ""))
            if drawing is None:
                continue
            # Text at an axis is its scale; text in the chart is a figure.
            marks = re.findall(r'mark-text role-mark.*?(?=<g class="mark|</svg>)', drawing.svg, re.S)
            drawn = [text for mark in marks for text in re.findall(r"<text[^>]*>([^<]*)</text>", mark)]
            for text in drawn:
                if DIGIT.search(text):
                    figure = re.sub(r" friction$| \(([^()]*)\)$", "", text)
                    assert figure in cited | {roi_net(document)}, (picture, text)
    # One day on record is no course.
    assert drawings.keys() == CHARTS.keys() - {"risk_trend"}


def roi_net(document: Document) -> str:
    """Return the net benefit as the tiles' neighbour, the paragraph on ROI, has it."""
    [section] = [section for section in document.sections if section.anchor == "roi"]
    [net] = {
        part.text for part in parts_of(section) if isinstance(part, Cited) and part.source.endswith("/net_benefit")
    }
    return net


def test_markdown_shows_what_the_page_shows(document: Document) -> None:
    markdown = as_markdown(document, {})
    assert markup_of(markdown) <= BLOCKS | INLINE
    read = "\n".join(text_of(markdown))
    for part in parts_of(document):
        if isinstance(part, Cited):
            assert part.text in read, part.source


def test_text_of_strangers_is_text_in_markdown(made: Document) -> None:
    markdown = as_markdown(made, {})
    assert markup_of(markdown) <= BLOCKS | INLINE
    cells = text_of(markdown)
    for text in HOSTILE:
        for shown in (text, f"{text} waits for approval"):
            assert any(cell == shown or cell.startswith(f"{shown} (") for cell in cells), shown


def test_the_leaderboard_shows_on_what_each_bar_rests(document: Document) -> None:
    """Trap 3: a bar of belief alone proves nothing, however far it stays above zero."""
    [picture] = [picture for picture in document.pictures if picture.name == "playbook_leaderboard"]
    labels = [row["label"] for row in picture.data["playbooks"]]
    assert "Executive check-in (policy's estimate alone)" in labels
    assert all(re.search(r" \((policy's estimate alone|few runs|enough runs)\)$", label) for label in labels)


def test_text_of_strangers_is_text_in_the_page_and_in_the_charts(made: Document) -> None:
    drawings = {picture.name: draw(picture, CHARTS) for picture in made.pictures}
    text = as_page(made, drawings)
    page = Page.of(text)
    assert page.tags <= TAGS
    assert not [name for name in page.attributes if name.startswith("on") or name in ("src", "style", "xlink:href")]
    read = {mark.text for mark in page.marks}
    assert set(HOSTILE) <= read
    assert "script-src" not in text
    assert re.search(r"default-src 'none'; style-src 'sha256-[\w+/]+='; base-uri 'none'; form-action 'none'", text)
    for name in ("svg", "wide", "narrow"):
        drawn = Page.of(getattr(drawings["playbook_leaderboard"], name))
        assert drawn.tags <= TAGS


def test_a_direction_mark_is_raw_nowhere_in_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    marks = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    name = f"Demo {marks}Drive"
    monkeypatch.setattr("cjo_assets_tests.support.journey.figures.HOSTILE", [name] * 25)
    document = journey_report(made_figures())
    drawings = {picture.name: draw(picture, CHARTS) for picture in document.pictures}
    written = [as_page(document, drawings), as_markdown(document, {}), drawings["playbook_leaderboard"].svg]
    for text in written:
        assert not set(marks) & set(text)
        assert "u202e" in text, "the mark is shown as its code"
    codes = "\\u061c\\u200e\\u200f\\u202a\\u202b\\u202c\\u202d\\u202e\\u2066\\u2067\\u2068\\u2069"
    assert f"Demo {codes}Drive" in {mark.text for mark in Page.of(written[0]).marks}
    assert f"Demo {codes}Drive" in text_of(written[1])


def test_a_source_that_holds_anything_names_one_cell() -> None:
    record = Record("journey.t", ("customer_id", "segment"), {"customer_id": "a/b&c=d?", "segment": None, "n": 1})
    assert record.show("n").source == "journey.t/customer_id=a%2Fb%26c%3Dd%3F&segment=null/n"
    listed = Record("journey.t", (), {"names": ["x_y", "z"]}).each("names", "words")
    assert [(cited.text, cited.source) for cited in listed] == [
        ("x y", "journey.t/names[0]"),
        ("z", "journey.t/names[1]"),
    ]


def test_what_is_null_leaves_no_words_below() -> None:
    column = GridColumn("value", "value", "number", below=(("from", "low", "number"), ("to", "high", "number")))
    rows = [Record("t", ("k",), {"k": 1, "value": 0.5, "low": 0.1, "high": 0.9})]
    rows.append(Record("t", ("k",), {"k": 2, "value": None, "low": None, "high": None}))
    found: Grid = grid("", [column], rows)
    whole, nothing = (row[0] for row in found.rows)
    assert (whole.main.text, plain(whole.below)) == ("0.5", "from 0.1, to 0.9")
    assert nothing == Cell(Cited("n/a", "t/k=2/value", "number", None), ())


def test_long_lists_state_how_long_they_are(made: Document) -> None:
    notes = {block.caption: plain(block.note) for s in made.sections for block in s.blocks if isinstance(block, Grid)}
    assert notes["All next steps, in order"] == "25 of 654,321; all of them in journey.next_steps."
    assert notes["Interventions awaiting approval"] == "25 of 4,711; all of them in journey.outcome_analyses."
    assert notes["Decisions, the most urgent first"].startswith("25 of 123,456; ")
    assert notes["Customers in trouble without a matching playbook"].startswith("25 of 25,926; ")
    assert notes["Playbooks, all segments together"].endswith(
        "25 of 1,234; all of them in journey.playbook_performance."
    )


def test_the_report_states_what_is_missing() -> None:
    nothing = journey_report(without_anything(made_figures()))
    assert plain((nothing.verdict.status,)) == "not measurable"
    assert plain(nothing.verdict.meaning).startswith("too little is known for a verdict. Of ")
    assert ("The policy has switched KPI tracking off.",) in nothing.verdict.reasons
    read = text_of(as_markdown(nothing, {}))
    for sentence in (
        "Nothing is left to be done.",
        "No approval request is open.",
        "No decision was made.",
        "None: every customer at risk has a decision.",
        "No customer has a forecast, so revenue at risk is not known.",
        "No customer has a risk score.",
        "No customer has a stage.",
        "There is no customer.",
        "There is no playbook.",
        "The policy has switched KPI tracking off.",
        "The files as they are now, rows dated after the day included. The rejected rows below are those of the day.",
        "No row dated by the day was rejected.",
    ):
        assert sentence in read
    assert nothing.pictures == []
    assert "on track" not in "\n".join(read[: read.index("How these figures came about")])
    Page.of(as_page(nothing, {}))


def test_a_folder_of_files_that_is_the_same_each_time(sample: Chain, tmp_path: Path) -> None:
    """Trap 12: no clock, no chance; what an earlier report left behind goes."""
    written = []
    for home in (tmp_path / "one", tmp_path / "two"):
        settings = Settings(data=home, policy=None, home=home)
        stale = settings.reports / "journey" / "2025-01-20" / "figures" / "old.svg"
        stale.parent.mkdir(parents=True)
        stale.write_text("old")
        page = write_report(sample.store, settings, TWENTIETH, POLICY)
        assert page is not None
        folder = page.parent
        assert [path.name for path in (settings.reports / "journey").iterdir()] == ["2025-01-20"]
        files = (path for path in sorted(folder.rglob("*")) if path.is_file())
        written.append({str(path.relative_to(folder)): path.read_bytes() for path in files})
    assert written[0] == written[1]
    drawn = CHARTS.keys() - {"risk_trend"}
    figures = {f"figures/{name}.{kind}" for name in drawn for kind in ("svg", "png")}
    assert written[0].keys() == {"journey_report.html", "journey_report.md", "first_screen.json"} | figures
    assert all(content[:8] == b"\x89PNG\r\n\x1a\n" for name, content in written[0].items() if name.endswith("png"))
    verdict, pictures = shown_in_dagster(page, REPORT.pictures)
    assert "Verdict: **RED** (worse than target): " in verdict
    assert "## " not in verdict
    assert pictures.count("](data:image/svg+xml;base64,") == 3
    assert len(pictures) < 100_000, "the record of a run stays light"
    assert write_report(sample.store, settings, TWENTIETH, SWITCHED_OFF) is None
    assert list((settings.reports / "journey").iterdir()) == []


def test_a_stale_report_that_cannot_be_removed_is_reported(sample: Chain, tmp_path: Path) -> None:
    """A stale report that stays would be read as today's."""
    settings = Settings(data=tmp_path, policy=None, home=tmp_path)
    folder = settings.report_of("journey", TWENTIETH)
    folder.parent.mkdir(parents=True)
    folder.write_text("no folder")
    with pytest.raises(NotADirectoryError, match="2025-01-20"):
        write_report(sample.store, settings, TWENTIETH, SWITCHED_OFF)


def test_a_report_that_fails_leaves_the_last_one(
    sample: Chain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(data=tmp_path, policy=None, home=tmp_path)
    old = settings.reports / "journey" / "2025-01-20" / "journey_report.html"
    old.parent.mkdir(parents=True)
    old.write_text("the last one")

    def full(path: Path, _: bytes) -> int:
        raise OSError(28, "No space left on device", str(path))

    with monkeypatch.context() as broken:
        broken.setattr(Path, "write_bytes", full)
        with pytest.raises(OSError, match="No space left"):
            write_report(sample.store, settings, TWENTIETH, POLICY)
    assert old.read_text() == "the last one"
    assert write_report(sample.store, settings, TWENTIETH, POLICY) == old
    assert "the last one" not in old.read_text(encoding="utf-8")


def test_charts_keep_the_schema_of_vega_lite(made: Document) -> None:
    for picture in made.pictures:
        for width in (WIDE, NARROW):
            specification = CHARTS[picture.name](picture.data, width)
            altair.Chart.from_dict(specification, validate=True)
            assert specification["width"] == width
            assert "signal" not in vl_convert.vegalite_to_svg(specification)


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, as WCAG defines it."""

    def luminance(colour: str) -> float:
        shares = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        red, green, blue = (s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_colours_contrast_with_both_backgrounds() -> None:
    assert round(contrast("#000000", "#ffffff")) == 21
    for light in ("light", "dark"):
        for ground in (CARD, GROUND):
            for colour in COLOURS:
                if colour in (CARD, GROUND, LINE):
                    continue
                is_text = colour in (INK, MUTED, ACCENT)
                if not is_text and ground is GROUND:
                    continue  # shapes are drawn on cards
                least = 4.5 if is_text else 3
                assert contrast(getattr(colour, light), getattr(ground, light)) >= least, (colour.name, light)
    assert [tone(word) for word in ("on_track", "at_risk", "critical", "not_measurable", "keep", None)] == [
        *("good", "warning", "bad", "unknown", "unknown", "unknown")
    ]


CUSTOMER = "C1|<script>"
PLAYBOOK: Row = {
    "playbook_id": "P1",
    "name": "=cmd()",
    "journey_stage": "support",
    "eligible_segments": ["All"],
    "trigger_signals": [],
    "risk_threshold": 0.9,
    "default_actions": ["call"],
    "approval_required": False,
    "avg_cost_estimate": 10,
    "expected_value_range": [1, 2],
    "fallback_playbook_id": None,
    "created_at": "2024-01-01",
    "status": "active",
}


def test_the_report_of_one_customer_without_records(tmp_path: Path, chain_of: Callable[..., Chain]) -> None:
    """Trap 5, 27: no signals, no outcomes, one customer: nothing is on track, and what is missing is stated."""
    data = tmp_path / "data"
    data.mkdir()
    write_rows(
        data,
        "customers",
        [{"customer_id": CUSTOMER, "segment": "SMB", "account_value": 100, "tenure_months": 9, "risk_tier": None}],
    )
    entry = {"customer_id": CUSTOMER, "journey_stage": "support", "state_entered_at": "2025-01-10"}
    write_rows(data, "journey_state_log", [entry | {"days_in_state": 10, "previous_stage": "engagement"}])
    write_rows(data, "playbooks", [PLAYBOOK])
    chain = chain_of(data, TWENTIETH)
    figures = journey_figures(chain.store, TWENTIETH, POLICY)
    document = journey_report(figures)
    markdown = as_markdown(document, {})
    assert markup_of(markdown) <= BLOCKS | INLINE
    read = text_of(markdown)
    assert read[1] == (
        "Verdict: NOT KNOWN (not measurable): too little is known for a verdict. Of 1 active customer, 1 is in "
        "friction (limit 60 %) and 0 are at high risk (limit 10 %); 10.9 % of their yearly revenue is at risk (limit "
        "10 %)."
    )
    judged = read[: read.index("How these figures came about")]
    verdict = "\n".join(judged[: judged.index("What to do")])
    assert not re.search(r"on.?track|on.?target|exceeded", verdict)
    assert not re.search(r"on.?track|on.?target", "\n".join(judged))
    assert "Waiting for approval: 0 requests (0 lapsed without an answer; proven)" in read
    assert "Net benefit: USD -500 in the window (costs alone: no value on record; not measurable)" in read
    # Ten days of support, critical beyond 7.5: the one customer is not at risk by tier, and has no answer.
    at_high_risk = "Customers at high risk: 0 customers (of 1 active; 1 without an answer; target at most 10 %; proven)"
    assert at_high_risk in read
    assert figures.gaps[0]["customer_id"] == CUSTOMER
    assert [part.text for part in parts_of(document) if isinstance(part, Cited) and part.text == CUSTOMER]
    # Only the data themselves can be measured: they are complete.
    measured = {row["kpi"]: row["value"] for row in figures.kpis if row["value"] is not None}
    assert measured == {"data_completeness_rate": 1.0}
    notes = {row["dataset"]: (row["rows_read"], row["note"]) for row in figures.loads}
    for name in ("signals", "interventions", "outcomes", "approval_decisions"):
        assert notes[name][0] == 0
        assert notes[name][1], "what is missing is stated"
    page = Page.of(as_page(document, {picture.name: draw(picture, CHARTS) for picture in document.pictures}))
    assert page.tags <= TAGS
    for mark in page.marks:
        assert mark.text == as_shown(mark, cell_of(mark.source, chain, TWENTIETH, POLICY), TWENTIETH), mark.source


def test_dates_of_the_figures_are_the_days(sample: Chain) -> None:
    figures = journey_figures(sample.store, TWENTIETH, POLICY)
    assert [row["as_of"] for row in figures.snapshots] == [TWENTIETH]
    short = replace(figures, snapshots=[])
    assert journey_report(short).pictures[0].name == "risk_distribution"


def test_the_first_screen_is_complete_and_in_plain_words(document: Document) -> None:
    check_first_screen(document)
    assert plain(document.verdict.missing).startswith("no trend against a week before; ")


def test_a_request_beyond_the_list_of_approvals_has_its_due_date(sample: Chain) -> None:
    policy = policy_with(journey__reporting__report_rows=2)
    figures = journey_figures(sample.store, TWENTIETH, policy)
    approvals = journey_report(figures).sections[1].blocks[0]
    assert isinstance(approvals, Grid)
    assert len(approvals.rows) == 2 < len(figures.approvals)
    actions = [action for action in first_actions(figures) if plain(action.command).startswith("cjo approve ")]
    assert [plain(action.due) for action in actions] == ["23 Jan 00:00"] * 2


def test_counts_of_the_verdict_are_parts_of_the_active_customers(sample: Chain, document: Document) -> None:
    [tiers] = sample.rows(
        "SELECT count(*) FILTER (risk_tier = 'high') AS high, count(*) AS active FROM journey.risk_scores "
        "WHERE as_of = DATE '2025-01-20'"
    )
    active, *parts = counts_in(document.verdict.meaning)
    assert active == tiers["active"]
    assert tiers["high"] in parts
    assert all(part <= active for part in parts)
