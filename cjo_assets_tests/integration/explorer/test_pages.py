"""Tests of the pages on the published samples: what they show, where their links lead, and what is escaped."""

import csv
import html
import re
import shutil
from pathlib import Path
from urllib.parse import quote

import duckdb
import pytest

from cjo_assets.core.settings import Settings
from cjo_assets.explorer.listings import listings
from cjo_assets.explorer.subjects import subjects
from cjo_assets_tests.support.explorer import TestClient, client_of

LINK = re.compile(r'(?:href|action)="(/[^"]*)"')
FIGURE = re.compile(r'<a class="figure[^"]*" href="([^"]+)" title="([^"]+)">([^<]*(?:<wbr>[^<]*)*)</a>')
MARKUP = '<script>alert(1)</script>"><img src=x>'


@pytest.fixture(scope="module")
def client(sample_home: Settings) -> TestClient:
    """Return a client with access to the samples."""
    return client_of(sample_home)


def text_of(client: TestClient, address: str) -> str:
    """Return the HTML of a page that exists."""
    answer = client.get(address)
    assert answer.status_code == 200, (address, answer.text[:500])
    return str(answer.text)


def rows_of(settings: Settings, sql: str, *given: object) -> list[tuple[object, ...]]:
    """Return rows of the published database."""
    with duckdb.connect(str(settings.published), read_only=True) as reader:
        return list(reader.execute(sql, list(given)).fetchall())


def test_every_list_has_its_rows_and_each_value_selects_as_many_as_it_counts(
    client: TestClient, sample_home: Settings
) -> None:
    page = text_of(client, "/list/customers")
    assert f"of {rows_of(sample_home, 'SELECT count(*) FROM journey.customers')[0][0]}." in page
    for name, (_, listing) in listings().items():
        page = text_of(client, f"/list/{name}")
        for column in listing.filters:
            options = re.search(rf'<select name="{column}">(.*?)</select>', page, re.DOTALL)
            assert options, (name, column)
            found = re.findall(r'<option value="([^"]+)">.* \(([\d,]+)\)</option>', options[1])
            assert found, (name, column)
            for value, count in found[:1]:
                chosen = text_of(client, f"/list/{name}?{column}={quote(html.unescape(value))}")
                assert f"of {count}." in chosen, (name, column, value)
        for order in listing.orders:
            assert f"<option selected>{order}</option>" in text_of(client, f"/list/{name}?sort={quote(order)}")


def test_filters_combine_and_a_text_is_searched(client: TestClient, sample_home: Settings) -> None:
    [(segment, stage, count)] = rows_of(
        sample_home,
        "SELECT segment, journey_stage, count(*) FROM latest.customer_360 GROUP BY ALL ORDER BY 3 DESC, 1, 2 LIMIT 1",
    )
    page = text_of(client, f"/list/customers?segment={quote(str(segment))}&journey_stage={stage}")
    assert f"of {count}." in page
    assert "Rows 1 to 1 of 1." in text_of(client, "/list/customers?q=c001")
    assert "No rows." in text_of(client, "/list/customers?q=%25")


def test_every_subject_has_a_page_and_each_figure_leads_to_its_rows(client: TestClient) -> None:
    pages = dict[str, str]()
    for name, (_, listing) in listings().items():
        found = re.findall(r'href="(/subject/[^"?]+)"', text_of(client, f"/list/{name}"))
        assert found or listing.subject is None, name
        pages |= {address: text_of(client, address) for address in found[:2]}
    assert {address.split("/")[2] for address in pages} == set(subjects())
    followed = 0
    for address, page in pages.items():
        for target, source, text in FIGURE.findall(page)[:48:8]:
            column = re.sub(r"\[\d+\]$", "", source.rpartition("/")[2])
            rows = text_of(client, html.unescape(target))
            if "/table/" in target:
                assert re.search(r"Rows 1 to [\d,]+ of [\d,]+\.", rows), (address, target)
                assert f">{column.replace('_', '_<wbr>')}</a>" in rows or f">{column}</a>" in rows, (target, column)
                followed += 1
            assert text
    assert followed > 20


def test_a_customer_has_the_parts_of_all_families(client: TestClient) -> None:
    page = text_of(client, "/subject/customer/C001")
    for part in ("journey-decision", "journey-risk", "lifecycle-money", "lifecycle-tickets", 'id="why"'):
        assert part in page
    assert page.count("<svg") == 4, "two pictures, each wide and narrow"
    assert "No such" not in page


def test_a_subject_has_the_answer_of_cjo_why(client: TestClient, sample_home: Settings) -> None:
    customer = "C001 (SMB) has been in the stage onboarding for 19 days; its state is at risk "
    [(campaign,)] = rows_of(sample_home, "SELECT name FROM marketing.campaigns WHERE campaign_id = 'CAMP_001'")
    for subject, text in (
        ("customer/C001", customer),
        ("campaign/CAMP_001", f"<p>{html.escape(str(campaign))} (CAMP_001) is "),
        ("experiment/EXP_001", ": EXP_001 compares the creative "),
    ):
        answer = text_of(client, f"/subject/{subject}").partition('id="why"')[2].partition("</div>")[0]
        assert text in answer, subject
        assert "<li>" in answer, "the steps"


def test_an_earlier_day_is_shown_as_it_was(sample_home: Settings, tmp_path: Path) -> None:
    settings = Settings(sample_home.data, None, tmp_path)
    shutil.copy(sample_home.published, settings.published)
    earlier = "INSERT INTO {} SELECT * REPLACE (DATE '2025-01-13' AS as_of, {}) FROM {} WHERE {}"
    with duckdb.connect(str(settings.published)) as writer:
        for table, other, rows in (
            ("audit.runs", "'earlier' AS run_id", "family = 'journey'"),
            ("journey.journey_states", "'renewal' AS journey_stage", "customer_id = 'C001'"),
        ):
            writer.execute(earlier.format(table, other, table, rows))
    client = client_of(settings)
    page = text_of(client, "/subject/customer/C001?day=2025-01-13")
    assert "Journey on 2025-01-13." in page
    assert "is.as_of=2025-01-13&amp;is.customer_id=C001" in page
    assert ">renewal</a>" in page
    assert ">renewal</a>" not in text_of(client, "/subject/customer/C001").partition("Why")[0]
    assert client.get("/subject/customer/C001?day=2024-01-01").status_code == 404
    assert client.get("/subject/customer/C001?day=soon").status_code == 404


def test_every_table_has_a_page_with_its_columns_and_rows(client: TestClient, sample_home: Settings) -> None:
    names = [
        str(name)
        for (name,) in rows_of(
            sample_home,
            "SELECT schema_name || '.' || table_name FROM duckdb_tables() UNION ALL "
            "SELECT schema_name || '.' || view_name FROM duckdb_views() WHERE NOT internal ORDER BY 1",
        )
    ]
    listed = set(re.findall(r'href="/table/([^"]+)"', text_of(client, "/tables?q=.")))
    assert listed == set(names)
    assert len(names) > 200
    # One in twelve: all pages are made by the same code.
    for name in names[::12]:
        page = text_of(client, f"/table/{name}")
        assert "Rows 1 to" in page or "No rows." in page, name


def test_rows_are_downloaded_in_full_with_formulas_escaped(client: TestClient, sample_home: Settings) -> None:
    answer = client.get("/table/journey.risk_contributions/csv?is.customer_id=C001")
    found = list(csv.DictReader(answer.text.splitlines()))
    [(expected,)] = rows_of(
        sample_home,
        "SELECT count(*) FROM journey.risk_contributions WHERE customer_id = 'C001' AND as_of = '2025-01-20'",
    )
    assert len(found) == expected
    assert {row["customer_id"] for row in found} == {"C001"}
    assert answer.headers["content-disposition"] == 'attachment; filename="journey.risk_contributions.csv"'


def test_a_search_finds_subjects_and_opens_the_only_one(client: TestClient) -> None:
    found = client.get("/find?q=C001", follow_redirects=False)
    assert (found.status_code, found.headers["location"]) == (303, "/subject/customer/C001")
    many = text_of(client, "/find?q=C00")
    assert many.count('href="/subject/customer/') > 3
    assert "Nothing contains no such thing." in text_of(client, "/find?q=no such thing")


def test_a_new_test_of_a_column_becomes_part_of_the_address(client: TestClient) -> None:
    asked = "/table/journey.signals?sort=-detected_at&page=2&column=signal_type&test=has&value=usage%26drop"
    answer = client.get(asked, follow_redirects=False)
    assert answer.headers["location"] == ("/table/journey.signals?sort=-detected_at&has.signal_type=usage%26drop")


@pytest.mark.parametrize(
    "address",
    [
        "/list/none",
        "/subject/customer/none",
        "/subject/none/C001",
        "/table/none",
        "/table/main.none",
        "/none",
        "/list/",
    ],
)
def test_what_does_not_exist_is_reported(client: TestClient, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 404
    assert "<h1>Not available</h1>" in answer.text


def test_names_of_strangers_are_text(sample_home: Settings, tmp_path: Path) -> None:
    settings = Settings(sample_home.data, None, tmp_path)
    shutil.copy(sample_home.published, settings.published)
    with duckdb.connect(str(settings.published)) as writer:
        writer.execute("UPDATE lifecycle.organizations SET name = ? WHERE customer_id = 'C001'", [MARKUP])
        writer.execute("UPDATE marketing.campaigns SET name = ?", [MARKUP])
        writer.execute("UPDATE marketing.campaign_analysis SET name = ?", [MARKUP])
    client = client_of(settings)
    for address in (
        "/list/accounts",
        "/list/campaigns",
        "/subject/customer/C001",
        "/subject/campaign/CAMP_001",
        "/table/lifecycle.organizations",
        f"/find?q={quote(MARKUP)}",
        f"/list/accounts?q={quote(MARKUP)}",
        f"/tables?q={quote(MARKUP)}",
        f"/table/lifecycle.organizations?is.name={quote(MARKUP)}",
    ):
        page = text_of(client, address)
        assert "&lt;script&gt;" in page, address
        assert "<script" not in page, address
        assert "<img" not in page, address
    missing = client.get(f"/subject/customer/{quote(MARKUP, safe='')}")
    assert missing.status_code == 404
    assert "<script" not in missing.text


def test_pages_lead_to_pages_only(client: TestClient) -> None:
    seen = set[str]()
    for address in ("/", "/list/customers", "/list/campaigns", "/approvals", "/subject/experiment/EXP_001"):
        seen |= {html.unescape(target) for target in LINK.findall(text_of(client, address))}
    for address in sorted(seen)[::4]:
        assert client.get(address).status_code == 200, address
