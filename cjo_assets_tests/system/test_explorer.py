"""The explorer as a person uses it: `cjo explore` in a process of its own, in a real browser, at two widths.

Where CJO_SCREENSHOTS is set, a picture of each page is written to that folder.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from playwright.sync_api import Browser, Page

from cjo_assets.core.settings import PROJECT, Settings
from cjo_assets_tests.support.catalog import clean_environment

BIN = Path(sys.executable).parent
WIDTHS = (1440, 390)
PAGES = {
    "overview": "/",
    "customers": "/list/customers",
    "accounts": "/list/accounts",
    "actions": "/list/actions",
    "customer": "/subject/customer/C001",
    "campaigns": "/list/campaigns",
    "campaign": "/subject/campaign/CAMP_001",
    "experiments": "/list/experiments",
    "experiment": "/subject/experiment/EXP_001",
    "recommendations": "/list/recommendations",
    "approvals": "/approvals",
    "tables": "/tables",
    "table": "/table/journey.risk_contributions",
}


@pytest.fixture(scope="module")
def home(sample_home: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home with the published samples."""
    folder = tmp_path_factory.mktemp("explored")
    shutil.copy(sample_home.published, folder)
    return folder


@pytest.fixture(scope="module")
def address(home: Path) -> Iterator[str]:
    """Return the address that the command prints, while it serves."""
    command = [str(BIN / "cjo"), "explore", "--home", str(home), "--port", "0", "--no-browser", "--allow-decisions"]
    with subprocess.Popen(
        command, cwd=PROJECT, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as served:
        assert served.stdout is not None
        try:
            yield served.stdout.readline().strip()
        finally:
            served.send_signal(signal.SIGINT)
            rest = served.communicate(timeout=30)[0]
    assert (served.returncode, "Traceback" in rest) == (0, False), rest


@pytest.fixture
def opened(browser: Browser, address: str) -> Iterator[Page]:
    """Return a page that has the cookie."""
    context = browser.new_context(viewport={"width": WIDTHS[0], "height": 900})
    page = context.new_page()
    page.goto(address)
    yield page
    context.close()


@pytest.mark.parametrize("width", WIDTHS)
def test_pages_are_quiet_and_fit_the_screen(browser: Browser, address: str, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900})
    page = context.new_page()
    messages: list[str] = []
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.goto(address)
    base = address.partition("/?")[0]
    for name, path in PAGES.items():
        answer = page.goto(base + path)
        assert answer is not None
        assert answer.status == 200, name
        assert page.evaluate("document.documentElement.scrollWidth") == width, name
        assert page.evaluate("document.scripts.length") == 0
        if folder := os.environ.get("CJO_SCREENSHOTS"):
            page.screenshot(path=Path(folder) / f"explorer_{name}_{width}.png", full_page=True)
    assert messages == []
    assert "token" not in page.url
    context.close()


def test_from_the_portfolio_to_the_rows_behind_a_figure_in_three_clicks(opened: Page) -> None:
    opened.get_by_role("link", name="Customers", exact=True).first.click()
    opened.get_by_label("Segment").select_option(index=1)
    opened.get_by_role("button", name="Apply").click()
    assert "segment=" in opened.url
    opened.locator("tbody tr td:first-child > a").first.click()
    assert "/subject/customer/" in opened.url
    opened.locator(".tiles a.figure").first.click()
    assert "/table/" in opened.url
    assert opened.locator(".rows tbody tr").count() == 1


def test_a_search_opens_the_customer(opened: Page) -> None:
    opened.get_by_role("searchbox").first.fill("C001")
    opened.get_by_role("button", name="Find").click()
    assert opened.url.endswith("/subject/customer/C001")
    opened.get_by_text("Step by step").click()
    assert opened.get_by_role("heading", name="Candidates").is_visible()


def test_the_next_page_shows_the_next_publish(opened: Page, home: Path) -> None:
    opened.goto(opened.url.rstrip("/") + "/list/customers?q=C001")
    value = opened.locator("tbody td.number").first.inner_text()
    published, partial = home / "cjo.duckdb", home / "cjo.partial"
    shutil.copy(published, partial)
    with duckdb.connect(str(partial)) as writer:
        writer.execute("UPDATE journey.customers SET account_value = 123456789 WHERE customer_id = 'C001'")
    os.replace(partial, published)
    opened.reload()
    assert opened.locator("tbody td.number").first.inner_text() == "123,456,789" != value


def test_a_request_is_approved_on_the_page(opened: Page, home: Path) -> None:
    opened.get_by_role("link", name="Approvals", exact=True).click()
    article = opened.locator("article").first
    request = article.get_attribute("id")
    article.get_by_label("Name").fill("ann")
    article.get_by_label("Decided at").fill("2025-01-21T12:00:00")
    article.get_by_role("button", name="Approve").click()
    notice = opened.locator(".notice").inner_text()
    assert "Recorded" in notice
    assert f"{request} is approved by ann" in notice
    recorded = [path.read_text(encoding="utf-8") for path in home.glob("*.ndjson")]
    assert sum(str(request) in text for text in recorded) == 1
