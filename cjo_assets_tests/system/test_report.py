"""Tests of the report in a browser: no requests, no errors, everything drawn, no overflow.

The day is made by hand: a million customers, every list full, and text of strangers that would rather be markup.
"""

import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Route

from cjo_assets.families.journey.report.charts import CHARTS
from cjo_assets.families.journey.report.report import journey_report
from cjo_assets.families.lifecycle.report.charts import CHARTS as LIFECYCLE_CHARTS
from cjo_assets.families.lifecycle.report.report import lifecycle_report
from cjo_assets.families.marketing.report.charts import CHARTS as MARKETING_CHARTS
from cjo_assets.families.marketing.report.report import marketing_report
from cjo_assets.reporting.document import Document, Picture
from cjo_assets.reporting.drawing import draw
from cjo_assets.reporting.home import write_home
from cjo_assets.reporting.page import as_page
from cjo_assets.reporting.writing import write_document
from cjo_assets_tests.support.journey.figures import HOSTILE, made_figures, without_anything
from cjo_assets_tests.support.lifecycle.figures import made_figures as made_lifecycle_figures
from cjo_assets_tests.support.marketing.figures import made_figures as made_marketing_figures

WIDTHS = (375, 1440)
DRAWN = """
[...document.querySelectorAll('.drawing')].filter(box => getComputedStyle(box).display !== 'none').map(box => {
    const svg = box.querySelector('svg'), frame = svg.getBoundingClientRect();
    const marks = [...svg.querySelectorAll('path, line, rect, text')]
        .map(mark => mark.getBoundingClientRect()).filter(mark => mark.width + mark.height > 0);
    const right = Math.max(...marks.map(mark => mark.right)) - frame.right;
    const left = frame.left - Math.min(...marks.map(mark => mark.left));
    return [frame.width, frame.height, marks.length, right, left];
})
"""


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the page of a full day, that of an empty one, and those of marketing and the lifecycle."""
    pages = {}
    charts = LIFECYCLE_CHARTS | MARKETING_CHARTS | CHARTS
    documents = {
        "full": journey_report(made_figures()),
        "empty": journey_report(without_anything(made_figures())),
        "marketing": marketing_report(made_marketing_figures()),
        "lifecycle": lifecycle_report(made_lifecycle_figures()),
    }
    for name, document in documents.items():
        pages[name] = tmp_path_factory.mktemp(name) / "journey_report.html"
        drawings = {picture.name: draw(picture, charts) for picture in document.pictures}
        pages[name].write_text(as_page(document, drawings), encoding="utf-8")
    return pages


@pytest.fixture(scope="module")
def lifecycle_document() -> Document:
    """Return the report of a lifecycle day without pictures."""
    document = lifecycle_report(made_lifecycle_figures())
    sections = (
        replace(part, blocks=tuple(b for b in part.blocks if not isinstance(b, Picture))) for part in document.sections
    )
    return replace(document, sections=tuple(sections))


class Watched:
    """A page under test, with its requests and console messages."""

    def __init__(self, browser: Browser, path: Path, width: int, scheme: str = "light") -> None:
        """Open the page; a request for anything but the file itself is noted and refused."""
        self.asked: list[str] = []
        self.said: list[str] = []
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme="dark" if scheme == "dark" else "light"
        )
        self.page: Page = context.new_page()
        self.page.on("console", self._listen)
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: self.said.append(dialog.message))
        self.page.route("**/*", self._watch)
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(path.as_uri())
        self.asked.remove(path.as_uri())

    def _listen(self, message: ConsoleMessage) -> None:
        self.said.append(message.text)

    def _watch(self, route: Route) -> None:
        if route.request.is_navigation_request() and route.request.url.startswith("file:"):
            route.continue_()
        else:
            route.abort()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_quiet_and_whole(browser: Browser, reports: dict[str, Path], width: int, scheme: str) -> None:
    for name, path in reports.items():
        watched = Watched(browser, path, width, scheme)
        page = watched.page
        assert (watched.asked, watched.said) == ([], [])
        assert page.evaluate("document.documentElement.scrollWidth") == width, name
        assert page.evaluate("document.scripts.length") == 0
        drawn = page.evaluate(DRAWN)
        counts = {"full": len(CHARTS), "empty": 0, "marketing": len(MARKETING_CHARTS)}
        assert len(drawn) == (counts | {"lifecycle": len(LIFECYCLE_CHARTS)})[name]
        for chart_width, chart_height, marks, beyond_right, beyond_left in drawn:
            assert chart_width > min(width, 700) * 0.6
            assert chart_height > 40
            assert marks > 4
            assert beyond_right < 8, "within the frame of the figure"
            assert beyond_left < 8
        page.context.close()


def test_what_strangers_wrote_is_read_as_they_wrote_it(browser: Browser, reports: dict[str, Path]) -> None:
    page = Watched(browser, reports["full"], 1440).page
    read = set(page.evaluate("[...document.querySelectorAll('td [data-source]')].map(mark => mark.textContent)"))
    assert set(HOSTILE) <= read
    drawn = set(page.evaluate("[...document.querySelectorAll('svg text')].map(mark => mark.textContent)"))
    # A playbook is shown with the numbers behind its bar.
    assert {"<script>alert(1)</script>", "=cmd()", "a|b||c"} <= {text.rpartition(" (")[0] for text in drawn}
    assert page.evaluate("document.querySelectorAll('img, script, iframe, object, link, form').length") == 0
    page.context.close()


def test_night_is_dark_and_every_name_is_spoken(browser: Browser, reports: dict[str, Path]) -> None:
    grounds = []
    for scheme in ("light", "dark"):
        page = Watched(browser, reports["full"], 1440, scheme).page
        grounds.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        grounds.append(page.evaluate("getComputedStyle(document.querySelector('svg text')).fill"))
        page.context.close()
    assert len(set(grounds)) == 4
    page = Watched(browser, reports["full"], 1440).page
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(element => element.id)")
    assert len(ids) == len(set(ids))
    spoken = page.evaluate(
        "[...document.querySelectorAll('[role=img]')].map(image => image.getAttribute('aria-labelledby').split(' ')"
        ".map(id => document.getElementById(id).textContent.trim()))"
    )
    assert len(spoken) == len(CHARTS)
    assert all(len(title) > 10 and len(description) > 30 for title, description in spoken)
    targets = page.evaluate("[...document.querySelectorAll('nav a')].map(link => link.getAttribute('href').slice(1))")
    assert set(targets) <= set(ids)
    page.context.close()


def test_paper_holds_every_table(browser: Browser, reports: dict[str, Path], tmp_path: Path) -> None:
    for name in FIRST:
        watched = Watched(browser, reports[name], 703)  # the width of A4 between its margins, in pixels of CSS
        page = watched.page
        page.emulate_media(media="print", color_scheme="dark")
        page.screenshot(path=tmp_path / f"{name}-print.png")
        widths = page.evaluate("[...document.querySelectorAll('table')].map(table => table.offsetWidth)")
        assert max(widths) <= 703, name
        assert page.evaluate("document.documentElement.scrollWidth") == 703, name
        assert page.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none", name
        assert page.evaluate("getComputedStyle(document.body).color") == "rgb(27, 36, 48)", "ink, not chalk"
        assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light", "paper is white"
        assert page.pdf(format="A4", prefer_css_page_size=True)[:5] == b"%PDF-", name
        assert watched.said == []
        page.context.close()


SIZES = ((1440, 900), (390, 844))
FIRST = ("full", "marketing", "lifecycle")


def brightness(page: Page) -> float:
    """Return how bright the ground of a page is, from 0, black, to 1, white."""
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return sum(map(int, re.findall(r"\d+", colour)[:3])) / (3 * 255)


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_first_screen_shows_verdict_tiles_and_actions(
    browser: Browser, reports: dict[str, Path], tmp_path: Path, width: int, height: int, scheme: str
) -> None:
    """The pictures of the screens are in the folder of the test."""
    for name in FIRST:
        watched = Watched(browser, reports[name], width, scheme)
        page = watched.page
        page.set_viewport_size({"width": width, "height": height})
        page.screenshot(path=tmp_path / f"{name}-{width}-{scheme}.png")
        assert page.evaluate("document.documentElement.scrollWidth") == width, name
        assert (brightness(page) < 0.3) == (scheme == "dark"), name
        light, meaning = (page.inner_text(found) for found in (".word b", ".meaning"))
        assert light in ("RED", "AMBER", "GREEN", "NOT KNOWN"), name
        assert meaning.endswith("."), name
        tiles = "[...document.querySelectorAll('.tiles > div')]"
        tops = page.evaluate(f"{tiles}.map(tile => tile.getBoundingClientRect().top)")
        assert 4 <= len(tops) <= 6
        # On a wide screen the tiles and the first action are above the fold, on a phone the first tile.
        assert tops[0] < height, name
        if width > height:
            assert max(tops) < height, name
            assert page.evaluate("document.querySelector('.first li').getBoundingClientRect().top") < height, name
        assert "cjo approve" in page.inner_text(".first") or name == "marketing"
        assert (watched.asked, watched.said) == ([], [])
        page.context.close()


def test_tables_are_cards_on_a_phone_and_use_the_width_of_a_screen(browser: Browser, reports: dict[str, Path]) -> None:
    for name in FIRST:
        phone = Watched(browser, reports[name], 390).page
        phone.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
        assert set(
            phone.evaluate("[...document.querySelectorAll('td')].map(cell => getComputedStyle(cell).display)")
        ) == {"grid"}
        assert phone.evaluate("document.documentElement.scrollWidth") == 390, name
        phone.context.close()
        wide = Watched(browser, reports[name], 1440).page
        widths = wide.evaluate("[...document.querySelectorAll('div.grid')].map(table => table.offsetWidth)")
        assert min(widths) > 1300, name
        wide.context.close()


def test_detail_is_folded_and_opens_without_script(browser: Browser, reports: dict[str, Path]) -> None:
    page = Watched(browser, reports["marketing"], 1440).page
    folded = page.locator("details.grid", has_text="All next steps, in order")
    assert not folded.locator("table").is_visible()
    folded.locator("summary").click()
    assert folded.locator("table").is_visible()
    page.context.close()


def test_printed_pages_are_numbered(browser: Browser, reports: dict[str, Path]) -> None:
    page = Watched(browser, reports["lifecycle"], 703).page
    rules = page.evaluate(
        "[...document.styleSheets[0].cssRules].filter(rule => rule instanceof CSSPageRule).map(rule => rule.cssText)"
    )
    assert any("counter(page)" in rule for rule in rules)
    assert len(page.pdf(format="A4", prefer_css_page_size=True)) > 10_000
    page.context.close()


def test_the_home_lists_reports_and_their_links_lead_to_pages(
    browser: Browser, tmp_path: Path, lifecycle_document: Document
) -> None:
    days = (date(2025, 1, 17), date(2025, 1, 20))
    for day in days:
        write_document(lifecycle_document, tmp_path / "lifecycle" / day.isoformat(), "lifecycle_report.html", dict)
    pages = {"lifecycle": "lifecycle_report.html"}
    index = write_home(tmp_path, pages, [("lifecycle", day) for day in days], set(days))
    for width in (390, 1440):
        watched = Watched(browser, index, width)
        page = watched.page
        page.screenshot(path=tmp_path / f"home-{width}.png")
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert page.locator("article").count() == 2
        assert page.inner_text("article:first-of-type h2").endswith("20 Jan 2025")
        page.click("text=Newest report")
        page.click("text=Previous day")
        assert page.url.endswith("lifecycle/2025-01-17/lifecycle_report.html")
        page.click("text=All reports")
        assert page.url == index.as_uri()
        assert watched.said == []
        page.context.close()
