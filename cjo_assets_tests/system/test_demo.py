"""The demonstration as a newcomer reads it: five questions, each answered on one screen within three clicks.

CJO_DEMO_HOME names the home that `make demo` wrote; without it, the last day and the day a week before are computed.
Where CJO_SCREENSHOTS is set, a picture of each answer is written to that folder (`make pictures`).
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from playwright.sync_api import Browser, Locator, Page

from cjo_assets.approvals.decide import record_answer, waiting_requests
from cjo_assets.audit.why.answer import answered
from cjo_assets.catalog import all_families, data_families
from cjo_assets.core.family import in_run_order
from cjo_assets.core.settings import PROJECT, Settings
from cjo_assets.demo.answers import answers_to
from cjo_assets.demo.company import LAST_DAY
from cjo_assets.demo.generate import write_demo
from cjo_assets.engine.store import Store
from cjo_assets.families.journey.report.reading import journey_figures
from cjo_assets.families.journey.report.report import journey_report
from cjo_assets.families.lifecycle.report.reading import lifecycle_figures
from cjo_assets.families.lifecycle.report.report import lifecycle_report
from cjo_assets.families.marketing.report.reading import marketing_figures
from cjo_assets.families.marketing.report.report import marketing_report
from cjo_assets.policy import Policy
from cjo_assets.reporting.document import Document
from cjo_assets.reporting.home import write_home
from cjo_assets.warehouse.build import opened
from cjo_assets_tests.support.catalog import clean_environment
from cjo_assets_tests.support.reports import RAW, check_first_screen, counts_in, plain
from cjo_assets_tests.support.warehouse import publish_family

BIN = Path(sys.executable).parent
WEEK_BEFORE = LAST_DAY - timedelta(weeks=1)
WIDTH, HEIGHT = 1440, 900
MOST_CLICKS = 3
# Subjects of `cjo why`, some of each kind.
SUBJECTS = {
    "customers with a decision": "SELECT customer_id FROM journey.recommended_interventions WHERE as_of = $day "
    "ORDER BY 1 LIMIT 6",
    "customers without one": "SELECT customer_id FROM journey.coverage_gaps WHERE as_of = $day ORDER BY 1 LIMIT 6",
    "interventions": "SELECT intervention_id FROM journey.approval_requests WHERE requested_at <= $day "
    "ORDER BY 1 LIMIT 4",
    "campaigns": "SELECT campaign_id FROM marketing.campaign_analysis WHERE as_of = $day",
    "experiments": "SELECT experiment_id FROM marketing.experiment_evaluations WHERE as_of = $day",
    "recommendations": "SELECT recommendation_id FROM marketing.recommendations WHERE as_of = $day ORDER BY 1 LIMIT 6",
    "decisions": "SELECT min(decision_id) FROM lifecycle.outbox WHERE as_of = $day GROUP BY kind ORDER BY kind",
}
ID = re.compile(r"\bSYN_\w+|\b[A-Z]{1,3}-[0-9a-f]{12}\b")
# What an id of a paragraph follows: nothing, a bracket after its name, or the word for what it is.
LABELS = (
    *("account", "campaign", "channel", "conversation", "creative", "customer", "deal", "decision", "experiment"),
    *("invoice", "recommendation", "request", "risk", "ticket"),
)
BEFORE_ID = re.compile(rf"(^|[(:]\s?|\b(?:{'|'.join(LABELS)}) )$")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, policy: Policy) -> Settings:
    """Return a home with the last day of the demonstration and the day a week before; tests only read it."""
    if given := os.environ.get("CJO_DEMO_HOME"):
        return Settings(Path(given).parent / "data", None, Path(given).resolve())
    folder = tmp_path_factory.mktemp("demo")
    settings = Settings(folder / "data", None, folder / "warehouse")
    for _ in write_demo(settings.data, policy):
        pass
    days = (WEEK_BEFORE, LAST_DAY)
    families = in_run_order(data_families())
    with opened(settings, all_families()) as store:
        for day in days:
            for family in families:
                publish_family(store, settings, family.name, day, policy)
                assert family.report is not None
                family.report.write(store, settings, day, policy)
            if day != LAST_DAY:
                for answer in answers_to(waiting_requests(settings, policy), day):
                    record_answer(settings, policy, answer)
    pages = {family.name: family.report.page for family in families if family.report}
    write_home(settings.reports, pages, [(family.name, day) for family in families for day in days], set(days))
    return settings


@pytest.fixture(scope="module")
def documents(home: Settings, policy: Policy, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Document]:
    """Return the report of each family on the last day."""
    copy = shutil.copy(home.build, tmp_path_factory.mktemp("build"))
    with duckdb.connect(str(copy)) as connection:
        store = Store(connection, all_families())
        return {
            "journey": journey_report(journey_figures(store, LAST_DAY, policy)),
            "lifecycle": lifecycle_report(lifecycle_figures(store, LAST_DAY, policy)),
            "marketing": marketing_report(marketing_figures(store, LAST_DAY, policy)),
        }


@pytest.fixture(scope="module")
def explorer(home: Settings) -> Iterator[str]:
    """Return the address that `cjo explore` prints, while it serves."""
    command = [str(BIN / "cjo"), "explore", "--home", str(home.home), "--port", "0", "--no-browser"]
    with subprocess.Popen(
        command, cwd=PROJECT, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as served:
        assert served.stdout is not None
        try:
            yield served.stdout.readline().strip()
        finally:
            served.send_signal(signal.SIGINT)
            served.communicate(timeout=30)


@dataclass
class Reader:
    """A person at a browser, who clicks and reads what is on the screen."""

    page: Page
    home: Settings
    clicks: int = 0

    def click(self, link: Locator) -> None:
        """Follow a link."""
        link.click()
        self.clicks += 1

    def read(self, place: Locator) -> str:
        """Return the text of an element that is on the screen as a whole, without scrolling."""
        box = place.bounding_box()
        assert box is not None
        assert box["y"] >= 0, place
        assert box["y"] + box["height"] <= HEIGHT, place
        return " ".join(place.inner_text().split())

    def row(self, sql: str) -> tuple[Any, ...]:
        """Return the only row of a query to the published database."""
        with duckdb.connect(str(self.home.published), read_only=True) as connection:
            days = {"day": LAST_DAY, "week_before": WEEK_BEFORE}
            given = {name: day for name, day in days.items() if f"${name}" in sql}
            [row] = connection.execute(sql, given).fetchall()
        return tuple(row)

    def answered(self, name: str) -> None:
        """Assert that the answer was near, and take a picture of the screen."""
        assert self.clicks <= MOST_CLICKS
        if folder := os.environ.get("CJO_SCREENSHOTS"):
            self.page.screenshot(path=Path(folder) / f"demonstration_{name}.png")


@pytest.fixture
def reader(browser: Browser, home: Settings) -> Iterator[Reader]:
    """Return a reader in front of an empty page."""
    context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT}, reduced_motion="reduce")
    yield Reader(context.new_page(), home)
    context.close()


@pytest.fixture
def at_reports(reader: Reader) -> Reader:
    """Return a reader at the home of the reports."""
    reader.page.goto((reader.home.reports / "index.html").as_uri())
    return reader


@pytest.fixture
def at_explorer(reader: Reader, explorer: str) -> Reader:
    """Return a reader at the first page of the explorer."""
    reader.page.goto(explorer)
    return reader


def whole(value: float) -> str:
    """Return an amount without decimals, as reports show it."""
    return f"{round(value):,}"


def date_text(day: date) -> str:
    """Return a day as reports show it."""
    return f"{day:%-d %b %Y}"


def test_who_is_at_risk_and_why(at_explorer: Reader) -> None:
    customer, risk, segment = at_explorer.row(
        "SELECT customer_id, overall_risk_score, segment FROM latest.customer_360 "
        "ORDER BY overall_risk_score DESC NULLS LAST, customer_id LIMIT 1"
    )
    at_explorer.click(at_explorer.page.get_by_role("link", name="Customers", exact=True).first)
    at_explorer.click(at_explorer.page.locator("tbody tr td:first-child > a").first)
    why = at_explorer.read(at_explorer.page.locator("#why > p"))
    assert why.startswith(f"{customer} ({segment}) has been in the stage ")
    assert f"The overall risk is {round(risk, 2)} " in why
    assert "most of it from" in why
    at_explorer.answered("who_is_at_risk")


def test_what_should_i_do_today(at_reports: Reader) -> None:
    customer, revenue, steps = at_reports.row(
        "SELECT subject, revenue_at_risk, (SELECT count(*) FROM journey.next_steps WHERE as_of = $day) "
        "FROM journey.next_steps WHERE as_of = $day AND rank = 1"
    )
    at_reports.click(at_reports.page.get_by_role("link", name="Newest report: Customer journey"))
    actions = [at_reports.read(action) for action in at_reports.page.locator(".first li").all()]
    assert len(actions) == min(steps, 5)
    assert customer in actions[0]
    assert f"USD {whole(revenue)} of revenue at risk" in actions[0]
    assert "cjo approve " in actions[0]
    at_reports.answered("what_to_do")


def test_did_it_work(at_reports: Reader) -> None:
    executed, value, cost, benefit, proven = at_reports.row(
        "SELECT interventions_executed, total_value, total_cost, net_benefit, net_benefit_compared "
        "FROM journey.roi_estimate WHERE as_of = $day"
    )
    at_reports.click(at_reports.page.get_by_role("link", name="Newest report: Customer journey"))
    at_reports.click(at_reports.page.get_by_role("link", name="Cost and value"))
    answer = at_reports.read(at_reports.page.locator("#roi > p").first)
    assert f"{executed} interventions were executed: value {value:,.2f}, cost {cost:,.2f}, net benefit" in answer
    assert f"net benefit {benefit:,.2f} (" in answer
    assert f"Without the value that nothing was compared for, {proven:,.2f} remains" in answer
    assert value - cost == pytest.approx(benefit, abs=0.01)
    at_reports.answered("did_it_work")


def test_which_experiment_may_be_scaled(at_explorer: Reader) -> None:
    [scaled] = at_explorer.row(
        "SELECT list(experiment_id ORDER BY relative_effect DESC, experiment_id) "
        "FROM marketing.experiment_evaluations WHERE as_of = $day AND verdict = 'scale_variant'"
    )
    assert scaled
    at_explorer.click(at_explorer.page.locator("a[href='/list/experiments?verdict=scale_variant']"))
    rows = [at_explorer.read(row) for row in at_explorer.page.locator("tbody tr").all()]
    assert [row.split()[0] for row in rows] == scaled
    at_explorer.answered("which_experiment")


def test_what_changed_since_last_week(at_reports: Reader) -> None:
    before, now = at_reports.row(
        "SELECT max(revenue_at_risk) FILTER (as_of = $week_before), max(revenue_at_risk) FILTER (as_of = $day) "
        "FROM journey.portfolio_snapshots"
    )
    changes = at_reports.read(at_reports.page.locator(".changes").first)
    direction = "up" if now > before else "down"
    assert changes.startswith(
        f"Since {date_text(WEEK_BEFORE)}: Revenue at risk {direction} from USD {whole(before)} to USD {whole(now)}; "
    )
    at_reports.answered("what_changed")


@pytest.mark.parametrize("family", ["journey", "lifecycle", "marketing"])
def test_reports_are_in_plain_words_and_each_tile_has_unit_and_evidence(
    documents: dict[str, Document], family: str
) -> None:
    check_first_screen(documents[family])
    verdict = documents[family].verdict
    texts = [plain(part) for part in (verdict.summary, *verdict.reasons)]
    assert {text: RAW.findall(text) for text in texts if RAW.findall(text)} == {}


@pytest.mark.parametrize("kind", SUBJECTS)
def test_why_paragraphs_are_in_plain_words(home: Settings, kind: str) -> None:
    with duckdb.connect(str(home.published), read_only=True) as connection:
        subjects = [name for (name,) in connection.execute(SUBJECTS[kind], {"day": LAST_DAY}).fetchall()]
    assert subjects
    for subject in subjects:
        paragraph = answered(home, subject, LAST_DAY).paragraph
        assert RAW.findall(paragraph) == [], paragraph
        assert "None" not in paragraph, paragraph
        bare = [found[0] for found in ID.finditer(paragraph) if not BEFORE_ID.search(paragraph[: found.start()])]
        assert bare == [], paragraph


def test_parts_of_the_marketing_sentences_add_up(documents: dict[str, Document]) -> None:
    verdict = documents["marketing"].verdict
    sums = [counts_in(reason) for reason in verdict.reasons if plain(reason).startswith("Of ")]
    assert len(sums) == 2
    for total, *parts in sums:
        assert total == sum(parts)
    summary = plain(verdict.summary)
    experiments = re.search(
        r"Of (\d+) experiments, (\d+) to scale, (\d+) to stop, (\d+) still running, (\d+) without a clear result "
        r"\(of which not begun: (\d+)\) and (\d+) broken",
        summary,
    )
    assert experiments is not None, summary
    total, scale, stop, running, unclear, not_begun, broken = map(int, experiments.groups())
    assert total == scale + stop + running + unclear + broken
    assert not_begun <= unclear
    campaigns = re.search(
        r"(\d+) campaigns? exceeds? what was expected, (\d+) meets? it, (\d+) stays? below it, for (\d+) it is too "
        r"early to say, and (\d+) (?:is|are) not measurable",
        summary,
    )
    assert campaigns is not None, summary
    assert f" {sum(map(int, campaigns.groups()))} campaigns (" in summary


def test_parts_of_the_journey_sentences_add_up(documents: dict[str, Document]) -> None:
    summary = plain(documents["journey"].verdict.summary)
    risks = re.search(r"(\d+) of (\d+) customers are at risk: (\d+) high, (\d+) medium", summary)
    assert risks is not None, summary
    at_risk, customers, high, medium = map(int, risks.groups())
    assert at_risk == high + medium <= customers
    money = re.search(r"value of ([\d.,]+) against a cost of ([\d.,]+): net (-?[\d.,]+\d)", summary)
    assert money is not None, summary
    value, cost, net = (float(text.replace(",", "")) for text in money.groups())
    assert net == pytest.approx(value - cost, abs=0.01)
    active, *parts = counts_in(documents["journey"].verdict.meaning)
    assert all(part <= active for part in parts)


def test_parts_of_the_lifecycle_sentences_do_not_exceed_their_whole(
    documents: dict[str, Document], home: Settings
) -> None:
    broken, clocks = counts_in(documents["lifecycle"].verdict.meaning)
    assert broken <= clocks
    with duckdb.connect(str(home.published), read_only=True) as connection:
        row = connection.execute(
            "SELECT mrr, at_risk_mrr FROM lifecycle.lifecycle_summary WHERE as_of = ?", [LAST_DAY]
        ).fetchone()
    assert row is not None
    assert f"USD {whole(row[1])} of {whole(row[0])} a month may leave" in plain(documents["lifecycle"].verdict.meaning)
