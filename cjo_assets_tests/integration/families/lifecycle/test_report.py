"""The lifecycle report of a day: facts of the sample, figures traced to cells, lists that are cut, and missing data."""

import re
from dataclasses import replace
from pathlib import Path

import altair
import pytest
import vl_convert

from cjo_assets.core.settings import Settings
from cjo_assets.families.lifecycle.report.charts import CHARTS
from cjo_assets.families.lifecycle.report.figures import SHOWN
from cjo_assets.families.lifecycle.report.reading import REPORT, lifecycle_figures, write_lifecycle_report
from cjo_assets.families.lifecycle.report.report import lifecycle_report
from cjo_assets.families.lifecycle.report.terminal import SUMMARY
from cjo_assets.policy import Policy
from cjo_assets.reporting.document import Cited, Document, Grid, Paragraph, Section
from cjo_assets.reporting.drawing import NARROW, WIDE, Drawing, draw
from cjo_assets.reporting.markdown import as_markdown
from cjo_assets.reporting.page import as_page
from cjo_assets.reporting.palette import tone
from cjo_assets.reporting.writing import shown_in_dagster
from cjo_assets_tests.integration.families.lifecycle.conftest import LAST_DAY
from cjo_assets_tests.support.chain import Chain
from cjo_assets_tests.support.journey.figures import HOSTILE
from cjo_assets_tests.support.lifecycle.figures import made_figures
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
from cjo_assets_tests.support.rows import POLICY, Rows, policy_with

DIGIT = re.compile(r"\d")


@pytest.fixture(scope="module")
def document(lifecycle_sample: Chain, policy: Policy) -> Document:
    """Return the report of the sample."""
    return lifecycle_report(lifecycle_figures(lifecycle_sample.store, LAST_DAY, policy))


@pytest.fixture(scope="module")
def drawings(document: Document) -> dict[str, Drawing]:
    """Return its pictures."""
    return {picture.name: draw(picture, CHARTS) for picture in document.pictures}


@pytest.fixture(scope="module")
def page(document: Document, drawings: dict[str, Drawing]) -> Page:
    """Return its page."""
    return Page.of(as_page(document, drawings))


@pytest.fixture(scope="module")
def made() -> Document:
    """Return the report of a day by hand."""
    return lifecycle_report(made_figures())


def section(document: Document, anchor: str) -> Section:
    """Return a section of a report."""
    [found] = [found for found in document.sections if found.anchor == anchor]
    return found


def said(document: Document, anchor: str) -> list[str]:
    """Return the paragraphs of a section."""
    return [plain(block.parts) for block in section(document, anchor).blocks if isinstance(block, Paragraph)]


def grids(document: Document) -> dict[str, Grid]:
    """Return the grids of a report by caption."""
    return {block.caption: block for part in document.sections for block in part.blocks if isinstance(block, Grid)}


def texts(grid: Grid) -> list[tuple[str, ...]]:
    """Return the cells of a grid, without small print."""
    return [tuple(cell.main.text for cell in row) for row in grid.rows]


def test_every_figure_of_the_page_is_a_cell_of_a_table(lifecycle_sample: Chain, page: Page, policy: Policy) -> None:
    assert len(page.marks) > 1000
    for mark in page.marks:
        cell = cell_of(mark.source, lifecycle_sample, LAST_DAY, policy)
        assert mark.text == as_shown(mark, cell, LAST_DAY), mark.source


def test_between_the_figures_there_is_none(page: Page, document: Document) -> None:
    assert [text for text in page.between if DIGIT.search(text)] == ["Client lifecycle on 20 Jan 2025"]  # the title
    assert [part for part in parts_of(document) if isinstance(part, str) and DIGIT.search(part)] == []


def test_figures_in_pictures_are_in_their_section(document: Document, drawings: dict[str, Drawing]) -> None:
    assert drawings.keys() == CHARTS.keys()
    for part in document.sections:
        cited = {found.text for found in parts_of(part) if isinstance(found, Cited)}
        cited |= {found.text for found in parts_of(document.verdict) if isinstance(found, Cited)}
        for picture in part.blocks:
            drawing = drawings.get(getattr(picture, "name", ""))
            for mark in re.findall(
                r'mark-text role-mark.*?(?=<g class="mark|</svg>)', drawing.svg if drawing else "", re.S
            ):
                for text in re.findall(r"<text[^>]*>([^<]*)</text>", mark):
                    if DIGIT.search(text):
                        assert text in cited, (picture, text)


def test_markdown_shows_what_the_page_shows(document: Document) -> None:
    markdown = as_markdown(document, {name: f"{name}.svg" for name in CHARTS})
    assert markup_of(markdown) <= BLOCKS | INLINE
    read = "\n".join(text_of(markdown))
    for part in parts_of(document):
        if isinstance(part, Cited):
            assert part.text in read, part.source


def test_the_verdict_states_what_is_missed(document: Document) -> None:
    """F1, F11, F15, F16, F19: 1,300 of 42,716.68, 4,250 and 3,600 of 41,416.68, 1 of 6."""
    assert plain((document.verdict.status,)) == "needs attention"
    assert tone(document.verdict.word) == "warning"
    assert plain(document.verdict.meaning) == (
        "net revenue retention is 97 % (target 100 %); USD 4,250 of 41,417 a month may leave (10.3 %, limit 10 %); 1 "
        "of 6 open clocks of tickets are beyond their target (16.7 %, limit 5 %); USD 3,600 are overdue (8.7 % of a "
        "month, limit 5 %)."
    )
    assert [plain(reason) for reason in document.verdict.reasons] == [
        "Revenue is lost: customers of the month before pay 97 % of what they paid (target 100 %). "
        "Beacon Studio -700 (churn); Quarry Logistics -600 (contraction).",
        "Revenue may leave: USD 4,250 a month, or 10.3 % (target at most 10 %). Quarry Logistics 3,000 (engagement "
        "declines, health is red); Corner Cycles 1,250 (health is red).",
        "SLA targets are missed: 1 of 6 open clocks of tickets are beyond their target, or 16.7 % (target at most 5 "
        "%). Granite Telecom, ticket T-07 (first response, urgent).",
        "Payments are overdue: USD 3,600, or 8.7 % of the revenue of a month (target at most 5 %). "
        "Quarry Logistics 3,600, 15 days.",
    ]


def test_the_first_screen_has_the_figures_of_the_day(document: Document) -> None:
    """F1 to F3, F19 and F20."""
    tiles = {tile.label: (plain(tile.figure), plain(tile.remark)) for tile in document.verdict.tiles}
    assert tiles == {
        "Recurring revenue": ("USD 41,417", "-1,300 this month; 10 paying customers, -1"),
        "Net revenue retention": ("97 %", "without expansion 97 %"),
        "May leave": ("USD 4,250", "2 customers, 10.3 %"),
        "Missed SLA targets": ("1", "of 6 open clocks; close to their target 1"),
        "Overdue": ("USD 3,600", "8.7 % of a month, on 1 invoices"),
        "To offer": ("USD 30,000", "offers 1; meters at the limit of a plan 2"),
    }
    targets = {tile.label: plain(tile.target) for tile in document.verdict.tiles if tile.target}
    assert targets == {
        "Net revenue retention": "at least 100 %",
        "May leave": "at most 10 %",
        "Missed SLA targets": "at most 5 %",
        "Overdue": "at most 5 % of a month",
    }


def test_actions_follow_the_verdict_and_name_customers(document: Document) -> None:
    assert document.sections[0].anchor == "what-to-do"
    assert said(document, "what-to-do") == [
        "Answer the tickets beyond their target: Granite Telecom, ticket T-07, first response (urgent, 400 % of the "
        "target).",
        "Take over: Granite Telecom, ticket T-07, waiting for 180 minutes: SLA target exceeded.",
        "Answer the tickets close to their target: Pinewood Insurance, ticket T-13, resolution (high, 100 % of the "
        "target).",
        "Call the customers who may leave: Quarry Logistics, USD 3,000 a month: engagement declines, health is red; "
        "Corner Cycles, USD 1,250 a month: health is red.",
        "Prepare the renewals: Summit Bank, in 12 days, USD 10,417 a month.",
        "Collect payment: Quarry Logistics, USD 3,600, 15 days overdue, next step: warning.",
        "Approve or change the price: Pinewood Insurance, margin 27 % (minimum 30 %).",
        "Review the expected volume: Pinewood Insurance, who expects 420 conversations a month where 300 were "
        "predicted; Willow Vets, who expects 75 conversations a month where 60 were predicted.",
        "Move the deals that wait too long: Pinewood Insurance, 131 days before deployment; Harbor Dental, 85 days "
        "before handover; Lakeside Books, 67 days before deployment; Delta Airways, 39 days before deployment; Atlas "
        "Freight, 6 days before validated requirements.",
        "Remind of the requirements form: Atlas Freight, sent on 15 Jan 09:00.",
        "Send the messages that are due: Willow Vets, success, due on 20 Jan 2025.",
        "Offer: Harbor Dental, a larger plan worth USD 30,000 a year.",
    ]


def test_the_bridge_is_that_of_the_sample(document: Document) -> None:
    """F1 and F2: each month ends where the next begins."""
    bridge = texts(grids(document)["Bridge by month"])
    assert bridge[-3:] == [
        ("Nov 2024", "30,966.67", "666.67", "0.00", "1,416.67", "0.00", "0.00", "33,050.01"),
        ("Dec 2024", "33,050.01", "0.00", "9,166.67", "500.00", "0.00", "0.00", "42,716.68"),
        ("Jan 2025", "42,716.68", "0.00", "0.00", "0.00", "600.00", "700.00", "41,416.68"),
    ]
    [picture] = [picture for picture in document.pictures if picture.name == "mrr_bridge"]
    bars = [(bar["label"], bar["figure"], bar["start"], bar["end"]) for bar in picture.data["rows"]]
    assert bars == [
        ("less churn", "700.00", 0.0, -700.0),
        ("less contraction", "600.00", -700.0, -1300.0),
        ("net change", "-1,300", 0.0, -1300.0),
    ]


def test_retention_is_that_of_the_sample(document: Document) -> None:
    """F2 to F4."""
    assert said(document, "retention") == [
        "This month net retention is 96.957 % and gross retention 96.957 %; 1 of 11 customers left (9.1 %). Customers "
        "who paid a year before now pay 114.231 % of what they paid then."
    ]
    rows = {row[0]: row[1:] for row in texts(grids(document)["Retention by month"])}
    assert rows["Dec 2024"][:2] == ("101.513 %", "100 %")
    assert rows["Jan 2025"][:6] == ("96.957 %", "96.957 %", "114.231 %", "10", "1", "4,141.67")


def test_health_is_that_of_the_sample(document: Document) -> None:
    """F14 to F17: 16.111111, 42.261905, 70.793651 and 87.833333; nine measures of each of ten clients."""
    found = grids(document)
    lowest = {row[0]: row[1:] for row in texts(found["The lowest scores"])}
    assert list(lowest)[:3] == ["Quarry Logistics", "Corner Cycles", "Willow Vets"]
    assert lowest["Quarry Logistics"] == ("16.1", "red", "-32.8", "3,000.00", "resolved conversations", "none")
    assert [lowest[name][0] for name in ("Corner Cycles", "Willow Vets", "Meridian Clinics")] == [
        "42.3",
        "70.8",
        "87.8",
    ]
    assert plain(found["The lowest scores"].note).endswith("The first 10; all of them in lifecycle.health_scores.")
    assert texts(found["Clients by band"])[0] == ("red", "2", "4,250.00", "10.3 %")
    parts = {row[:2]: row[2:] for row in texts(found["What these scores consist of"])}
    assert len(parts) == 10 * 9
    # 18 of 20 conversations are full points, and half of the 0.30 of outcomes.
    assert parts["Meridian Clinics", "resolved conversations"] == ("0.9", "100", "15 %", "15")
    assert said(document, "health") == [
        "Whether the score foretells departures is not measurable yet: fewer than 10 customers have left."
    ]


def test_the_lowest_scores_are_drawn_as_sums(document: Document) -> None:
    [picture] = [picture for picture in document.pictures if picture.name == "health_worst"]
    [first, *_] = picture.data["rows"]
    assert (first["label"], first["figure"]) == ("Quarry Logistics", "16.1")
    assert max(part["end"] for part in picture.data["parts"] if part["place"] == 0) == pytest.approx(
        16.111111, abs=1e-5
    )


def test_service_levels_are_those_of_the_sample(document: Document) -> None:
    """F7, F9, F11 and F12: 420 of 960, 960 of 960, 240 of 60 and 2,880 of 4,800 minutes."""
    assert said(document, "service-levels") == [
        "Of 6 open clocks of tickets, 1 are beyond their target and 1 close to it. Escalations that wait too long: 1."
    ]
    clocks = [row[:6] for row in texts(grids(document)["Open clocks, the most urgent first"])]
    assert clocks[:3] == [
        ("Granite Telecom", "T-07", "first response", "breached", "240", "400 %"),
        ("Pinewood Insurance", "T-13", "resolution", "at risk", "960", "100 %"),
        ("Corner Cycles", "T-08", "resolution", "running", "2,880", "60 %"),
    ]
    assert ("Quarry Logistics", "T-04", "resolution", "running", "420", "43.8 %") in clocks
    urgent = texts(grids(document)["Clocks by priority"])[0]
    assert urgent == ("first response", "urgent", "2", "0", "2", "0", "0", "0")


def test_people_and_operation_are_those_of_the_sample(document: Document) -> None:
    found = grids(document)
    assert [row[0] for row in texts(found["Clients without a person"])] == ["Corner Cycles", "Harbor Dental"]
    assert [row[3] for row in texts(found["Clients without a person"])] == ["A-08", "A-08"]
    [row] = texts(found["Versions to roll back"])
    assert (row[0], row[1], row[2], row[4]) == ("Meridian Clinics", "cfg-01", "error rate", "1")
    assert len(texts(found["Incidents, the newest first"])) == 3
    # The credit of C008 is 816.67; the clocks of C001 and C008 have none.
    assert len(texts(found["Broken service levels of the month"])) == 3
    [row] = texts(found["Experiments on messages"])
    assert row[2] == "collect"


def test_growth_is_that_of_the_sample(document: Document) -> None:
    """F17, F18 and F20."""
    found = grids(document)
    [renewal] = texts(found["Renewals that approach"])
    assert renewal[:3] == ("Summit Bank", "12", "10,416.67")
    offers = [row[:4] for row in texts(found["Opportunities"])]
    assert offers == [
        ("Harbor Dental", "a larger plan", "30,000.00", "open"),
        ("Corner Cycles", "an integration", "4,000.00", "invited"),
    ]
    messages = texts(found["Messages that are due or missed"])
    assert ("Willow Vets", "success", "due", "20 Jan 2025") in messages


def test_usage_and_invoices_are_those_of_the_sample(document: Document) -> None:
    """F19, F20 and F27."""
    found = grids(document)
    budget, used = texts(found["Near or over the limit, the highest share first"])
    assert budget[:5] == ("Harbor Dental", "cost of language models", "0.036", "0.04", "89.5 %")
    assert used == ("Harbor Dental", "conversations", "22", "25", "88 %", "34.1", "0", "near the limit")
    [owed] = texts(found["Overdue, the longest first"])
    assert owed[:7] == ("Quarry Logistics", "INV-105", "5 Jan 2025", "15", "3,600.00", "3,600.00", "warning")


def test_the_funnel_names_where_fewest_go_on(document: Document) -> None:
    assert said(document, "pipeline") == [
        "Fewest go on: new client, after deployment, 0 of 2; iteration of a client, after signed proposal, 1 of 2."
    ]
    [picture] = [picture for picture in document.pictures if picture.name == "pipeline_funnel"]
    assert [row["end"] for row in picture.data["rows"]] == [5, 5, 4, 4, 4, 4, 4, 4, 4, 4, 2, 0]
    assert [row["label"] for row in picture.data["rows"] if row["is_worst"]] == ["deployment"]


def test_lists_are_cut_and_the_rest_is_named(made: Document) -> None:
    found = grids(made)
    for caption in ("Open deals, the overdue first", "Overdue, the longest first"):
        assert len(found[caption].rows) == 25
        assert "The first 25; all of them in lifecycle." in plain(found[caption].note), caption
    for action in said(made, "what-to-do"):
        assert action.endswith("; and others."), action


def test_a_list_is_cut_to_the_length_of_the_policy(lifecycle_sample: Chain) -> None:
    figures = lifecycle_figures(lifecycle_sample.store, LAST_DAY, policy_with(lifecycle__reporting__report_rows=2))
    cut = {name: len(rows) for name, rows in figures.rows.items() if name in figures.cut and name != "health_scores"}
    assert cut == {
        "client_pipeline": 2,
        "ticket_sla": 2,
        "incidents": 2,
        "broken_service_levels": 2,
        "lifecycle_messages": 2,
        "action_plan": 2,
        "automation_tasks": 2,
        "agent_scorecard": 2,
    }


def test_contributions_are_those_of_the_clients_shown(lifecycle_sample: Chain) -> None:
    rules = policy_with(lifecycle__reporting__worst_customers=2)
    rows = lifecycle_figures(lifecycle_sample.store, LAST_DAY, rules).rows
    assert [row["customer_id"] for row in rows["health_scores"]] == ["C005", "C010"]
    assert {row["customer_id"] for row in rows["health_contributions"]} == {"C005", "C010"}


def test_text_of_the_data_is_text(made: Document) -> None:
    drawn = {picture.name: draw(picture, CHARTS) for picture in made.pictures}
    assert drawn.keys() == CHARTS.keys()
    page = Page.of(as_page(made, drawn))
    assert page.tags <= TAGS
    assert not [name for name in page.attributes if name.startswith("on") or name in ("src", "style", "xlink:href")]
    assert set(HOSTILE) <= {mark.text for mark in page.marks}
    assert markup_of(as_markdown(made, {})) <= BLOCKS | INLINE


def test_charts_keep_the_schema_of_vega_lite(made: Document) -> None:
    for picture in made.pictures:
        for width in (WIDE, NARROW):
            specification = CHARTS[picture.name](picture.data, width)
            altair.Chart.from_dict(specification, validate=True)
            assert "signal" not in vl_convert.vegalite_to_svg(specification)


def test_the_report_states_what_is_missing() -> None:
    full = made_figures()
    [day], month = full.rows["lifecycle_summary"], full.rows["mrr_bridge"][-1]
    unknown = day | {"status": "not_measurable", "reasons": [], "nrr": None, "overdue_share": None, "mrr": 0.0}
    amounts = {name: 0.0 for name in month if name.endswith("_mrr")} | {"nrr": None, "grr": None, "cohort_nrr": None}
    rows: dict[str, Rows] = {name: [] for name in SHOWN}
    rows |= {"lifecycle_summary": [unknown], "mrr_bridge": [month | amounts]}
    nothing = lifecycle_report(replace(full, rows=rows, history=[unknown], cut=frozenset(), rejections=[]))
    read = text_of(as_markdown(nothing, {}))
    for sentence in (
        "Nothing is due.",
        "No customer paid at the end of the month before: retention is not measurable.",
        "No measured use is near the limit of a plan.",
        "No invoice is overdue.",
        "No client has a health score.",
        "No ticket is known.",
        "No client needs a person, and no change, incident or service level needs attention.",
        "No KPI is on record.",
        "No task, call of a language model or person is on record.",
        "No renewal approaches, nothing is to be offered, and no message is due.",
        "No row was rejected.",
    ):
        assert sentence in read, sentence
    assert nothing.pictures == []
    assert plain(nothing.verdict.meaning).startswith("no figure with a target is known.")
    Page.of(as_page(nothing, {}))


def test_few_months_are_no_line() -> None:
    """A new company: two months are a table, not a chart."""
    full = made_figures()
    rows = dict(full.rows) | {"mrr_bridge": full.rows["mrr_bridge"][-2:]}
    names = {picture.name for picture in lifecycle_report(replace(full, rows=rows)).pictures}
    assert names == set(CHARTS) - {"mrr_months", "retention"}


def test_the_report_is_written_and_removed(lifecycle_sample: Chain, tmp_path: Path, policy: Policy) -> None:
    settings = Settings(data=tmp_path, policy=None, home=tmp_path)
    path = write_lifecycle_report(lifecycle_sample.store, settings, LAST_DAY, policy)
    assert path is not None
    assert path.name == REPORT.page
    verdict, pictures = shown_in_dagster(path, REPORT.pictures)
    assert "Verdict: **AMBER** (needs attention)" in verdict
    assert pictures.count("![") == len(REPORT.pictures)
    content = path.read_bytes()
    assert write_lifecycle_report(lifecycle_sample.store, settings, LAST_DAY, policy) == path
    assert path.read_bytes() == content
    off = policy_with(lifecycle__reporting__enable_reporting=False)
    assert write_lifecycle_report(lifecycle_sample.store, settings, LAST_DAY, off) is None
    assert not path.exists()


def test_the_terminal_shows_the_figures_of_the_day(lifecycle_sample: Chain) -> None:
    def rows(sql: str) -> Rows:
        return lifecycle_sample.rows(sql.replace("$day", f"DATE '{LAST_DAY}'"))

    assert SUMMARY.figures(rows, POLICY.labels) == [
        (
            "status",
            "needs attention (payments are overdue, revenue may leave, revenue is lost, SLA targets are missed)",
        ),
        ("revenue a month", "41,416.68 from 10 customers, -1,300"),
        ("moved by", "contraction 600.00, churn 700.00"),
        ("retention", "net 97 %, gross 97 %"),
        ("may leave", "4,250.00 a month from 2 customers, 10.3 %"),
        ("service levels", "1 of 6 open clocks beyond their target, 1 close to it; 1 late escalations"),
        ("overdue", "3,600.00 on 1 invoices"),
        ("to offer", "30,000.00 a year in 1 offers; 2 meters at the limit of a plan"),
        ("open deals", "6, of which 5 overdue, 2 to review"),
    ]


def test_the_first_screen_is_complete_and_in_plain_words(document: Document) -> None:
    check_first_screen(document)


def test_clocks_of_the_verdict_are_parts_of_the_open_ones(lifecycle_sample: Chain, document: Document) -> None:
    [clocks] = lifecycle_sample.rows(
        "SELECT count(*) AS open, count(*) FILTER (state = 'breached') AS broken FROM lifecycle.ticket_sla "
        f"WHERE as_of = DATE '{LAST_DAY}' AND stopped_at IS NULL"
    )
    assert counts_in(document.verdict.meaning) == [clocks["broken"], clocks["open"]]
