"""The SQL of `docs/how-to/load_exports.md`, executed on exports in the shapes that the products document."""

import re
import shutil
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import duckdb
import pytest

from cjo_assets.core.settings import PROJECT
from cjo_assets_tests.support.chain import Chain

PAGE = PROJECT / "docs" / "how-to" / "load_exports.md"
EXPORTS = Path(__file__).parents[3] / "support" / "lifecycle" / "exports"
SQL = re.compile(r"^```sql\n(.*?)^```", flags=re.MULTILINE | re.DOTALL)
DAY = date(2025, 1, 31)
# Events: Salesforce 4 + 2, HubSpot 3, Zendesk 7 + 2, subscriptions of Stripe 7, its invoices 6.
ROWS = {"organizations": 4, "plans": 2, "people": 2, "tickets": 4, "usage_daily": 3, "lifecycle_events": 31}


def executed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Execute the blocks of the page in order, in a folder with exports, and return the data folder."""
    blocks = SQL.findall(PAGE.read_text(encoding="utf-8"))
    assert len(blocks) == 9
    monkeypatch.chdir(folder)
    data = folder / "company"
    (data / "lifecycle").mkdir(parents=True)
    with duckdb.connect() as connection:
        connection.execute("\n".join(blocks))
    return data


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory, lifecycle_of: Callable[..., Chain]) -> Chain:
    """Return the day of the example exports."""
    folder = tmp_path_factory.mktemp("company")
    shutil.copytree(EXPORTS, folder / "exports")
    with pytest.MonkeyPatch.context() as patch:
        data = executed(folder, patch)
    return lifecycle_of(data, DAY)


@pytest.mark.parametrize("dataset", ROWS)
def test_every_row_is_accepted(loaded: Chain, dataset: str) -> None:
    assert loaded.rows(f"SELECT count(*) AS n FROM lifecycle.{dataset}") == [{"n": ROWS[dataset]}]
    assert loaded.rows(f"FROM quarantine.{dataset}") == []


def test_warnings_are_the_missing_datasets_and_a_fall_of_health(loaded: Chain) -> None:
    failed = {
        (name, check)
        for name, stored in loaded.stored.items()
        if name.startswith("lifecycle.")
        for check, verdict in stored.verdicts.items()
        if not verdict.passed
    }
    # None of these products exports the conversations of a bot, or our staff, who take clients. The check of
    # health reports a client, no fault.
    assert failed == {
        ("lifecycle.conversations", "is_present"),
        ("lifecycle.assignment_decisions", "requests_without_capacity"),
        ("lifecycle.health_scores", "health_that_fell"),
    }


def test_stripe_subscriptions(loaded: Chain) -> None:
    found = loaded.by("subscription_id", "lifecycle.subscriptions")
    shown = ("customer_id", "status", "plan_id", "interval", "mrr", "started_on", "ended_on", "cancels_on")
    assert {name: tuple(row[column] for column in shown) for name, row in found.items()} == {
        "sub_A": ("C-1", "active", "growth", "monthly", 1500.0, date(2024, 3, 1), None, None),
        # 12,000 a year, cancelled to the end of its period.
        "sub_B": ("C-2", "active", "growth", "annual", 1000.0, date(2024, 6, 15), None, date(2025, 6, 15)),
        "sub_C": ("C-3", "cancelled", "starter", "monthly", 0.0, date(2024, 2, 5), date(2025, 1, 10), None),
        "sub_D": ("C-4", "trial", None, None, 0.0, date(2025, 1, 20), None, None),
    }
    assert loaded.by("customer_id", "lifecycle.accounts")["C-4"]["trial_ends_on"] == date(2025, 2, 3)


def test_stripe_revenue_moves_as_in_the_exports(loaded: Chain) -> None:
    bridge = loaded.by("month", "lifecycle.mrr_bridge")
    shown = ("start_mrr", "new_mrr", "expansion_mrr", "contraction_mrr", "churn_mrr", "end_mrr")
    months = [date(2024, 2, 1), date(2024, 3, 1), date(2024, 6, 1), date(2024, 12, 1), date(2025, 1, 1)]
    assert [tuple(bridge[month][column] for column in shown) for month in months] == [
        # C-3: three seats of 200, and a fee of 100.
        (0.0, 700.0, 0.0, 0.0, 0.0, 700.0),
        # C-1 began at 1,000: the event of December has its earlier price.
        (700.0, 1000.0, 0.0, 0.0, 0.0, 1700.0),
        (1700.0, 1000.0, 0.0, 0.0, 0.0, 2700.0),
        (2700.0, 0.0, 500.0, 0.0, 0.0, 3200.0),
        (3200.0, 0.0, 0.0, 0.0, 700.0, 2500.0),
    ]


def test_stripe_invoices(loaded: Chain) -> None:
    found = loaded.by("invoice_id", "lifecycle.invoices")
    shown = ("subscription_id", "status", "amount", "paid", "days_overdue", "dunning", "failed_payments")
    assert {name: tuple(row[column] for column in shown) for name, row in found.items()} == {
        "in_1": ("sub_A", "paid", 1000.0, 1000.0, 0, "none", 0),
        # Due on 15 January; its subscription is in `parent`.
        "in_2": ("sub_A", "open", 1500.0, 0.0, 16, "warning", 1),
        "in_3": ("sub_C", "voided", 700.0, 0.0, 0, "none", 0),
    }


def test_zendesk_tickets(loaded: Chain) -> None:
    found = loaded.by("ticket_id", "lifecycle.tickets")
    shown = ("customer_id", "category", "priority", "first_response_at", "resolved_at", "resolved_by")
    assert {name: tuple(row[column] for column in shown) for name, row in found.items()} == {
        # 1,080 calendar minutes after Tuesday 16:00.
        "101": ("C-1", "configuration_question", "high", _at("01-15 10:00"), _at("01-15 15:00"), "agent"),
        "102": ("C-2", "bug_report", "normal", _at("01-16 10:15"), None, None),
        "103": ("C-3", "billing_inquiry", "low", _at("01-07 10:01"), _at("01-07 10:05"), "ai"),
        "105": ("C-1", "feature_request", "urgent", None, None, None),
    }
    assert found["105"]["asked_for_human"]
    history = loaded.rows(
        "SELECT subject_id, about FROM lifecycle.lifecycle_events WHERE event_type = 'ticket_status_set' "
        "ORDER BY occurred_at, event_id"
    )
    assert [tuple(row.values()) for row in history] == [
        ("101", "new"),
        ("101", "open"),
        ("101", "solved"),
        ("102", "open"),
        ("102", "pending"),
        ("105", "new"),
        ("105", "on_hold"),
    ]
    rated = loaded.rows("SELECT subject_id, quantity FROM lifecycle.lifecycle_events WHERE event_type = 'csat_given'")
    assert sorted(tuple(row.values()) for row in rated) == [("101", 5.0), ("103", 1.0)]
    people = loaded.by("person_id", "lifecycle.people")
    assert {name: row["left_on"] for name, row in people.items()} == {"71": None, "72": date(2025, 1, 30)}


def _at(text: str) -> datetime:
    return datetime.fromisoformat(f"2025-{text}")


def test_deals_of_both_crm_systems(loaded: Chain) -> None:
    found = loaded.by("deal_id", "lifecycle.client_pipeline")
    assert {name: (row["customer_id"], row["kind"], row["step"]) for name, row in found.items()} == {
        "006A": ("C-1", "new", "config_deployed"),
        # Borealis pays since June: its second contract is an iteration. A proposal that was sent is no milestone.
        "006B": ("C-2", "iteration", "pilot"),
        "hubspot-77001": ("C-4", "new", "pilot"),
    }
    assert found["006A"]["proposal_signed_at"] == datetime(2024, 2, 28, 9)
    (signed,) = loaded.rows("FROM lifecycle.lifecycle_events WHERE event_type = 'proposal_signed'")
    assert signed["amount"] == 12_000.0
    (sent,) = loaded.rows("FROM lifecycle.lifecycle_events WHERE event_id = '008A3'")
    assert (sent["event_type"], sent["occurred_at"]) == ("proposal_sent", datetime(2024, 2, 10, 9))


def test_product_usage(loaded: Chain) -> None:
    rows = loaded.rows("SELECT * EXCLUDE (source_file, source_row) FROM lifecycle.usage_daily ORDER BY ALL")
    assert [tuple(row.values()) for row in rows] == [
        # 00:30 in Berlin is the day before in UTC: 150 + 60 calls.
        ("C-1", date(2025, 1, 6), 2, 2, 2, 210, 0),
        ("C-2", date(2025, 1, 8), 1, 1, 0, 0, 12),
        ("C-3", date(2024, 12, 20), 1, 1, 0, 0, 0),
    ]
    usage = {(row["customer_id"], row["meter"]): row for row in loaded.rows("FROM lifecycle.plan_usage")}
    near = usage["C-1", "api_calls"]
    # 210 of 250.
    assert (near["used"], near["share"], near["state"]) == (210, 0.84, "near")
    assert usage["C-2", "voice_minutes"]["overage_amount"] == 0.96
    assert usage["C-1", "conversations"]["state"] == "not_measurable"


def test_rows_of_an_unmapped_client_are_in_the_quarantine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lifecycle_of: Callable[..., Chain]
) -> None:
    shutil.copytree(EXPORTS, tmp_path / "exports")
    clients = tmp_path / "exports" / "clients.csv"
    lines = clients.read_text(encoding="utf-8").splitlines(keepends=True)
    clients.write_text("".join(line for line in lines if not line.startswith("C-3")), encoding="utf-8")
    chain = lifecycle_of(executed(tmp_path, monkeypatch), DAY)
    assert chain.rows("SELECT customer_id, broken_rules FROM quarantine.tickets") == [
        {"customer_id": "9003", "broken_rules": ["customer_id: unknown organization"]}
    ]
    (counted,) = chain.rows("SELECT count(*) AS n FROM quarantine.lifecycle_events WHERE customer_id = 'cus_C'")
    # Its start, its cancellation, and an invoice with its void.
    assert counted == {"n": 4}
