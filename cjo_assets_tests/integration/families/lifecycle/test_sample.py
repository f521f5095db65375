"""The sample of the lifecycle: its rows, its planted faults, and the facts of money and pipeline."""

import json
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from cjo_assets.families.lifecycle.family import DATASETS, FAMILY
from cjo_assets.ingest.loading import days_of_records
from cjo_assets_tests.support.chain import SAMPLE, Chain

FOLDER = SAMPLE / "lifecycle"
# Rows read, and those of them that the quarantine keeps.
ROWS = {
    "organizations": (14, 1),
    "people": (12, 0),
    "lifecycle_events": (210, 3),
    "plans": (3, 0),
    "sla_terms": (4, 0),
    "usage_daily": (262, 0),
    "conversations": (171, 0),
    "tickets": (15, 2),
    "config_versions": (7, 1),
    "service_windows": (71, 0),
    "model_calls": (12, 0),
    "variant_results": (9, 0),
    "knowledge_searches": (10, 0),
    "lifecycle_approvals": (2, 0),
}
NOVEMBER, DECEMBER, JANUARY = date(2024, 11, 1), date(2024, 12, 1), date(2025, 1, 1)


def test_the_files_hold_one_row_a_line() -> None:
    assert set(ROWS) == {dataset.name for dataset in DATASETS}
    for dataset, (rows, _) in ROWS.items():
        lines = (FOLDER / f"{dataset}.json").read_text(encoding="utf-8").splitlines()
        assert (lines[0], lines[-1], len(lines)) == ("[", "]", rows + 2), dataset
        for line in lines[1:-1]:
            assert isinstance(json.loads(line.rstrip(",")), dict)


@pytest.mark.parametrize("dataset", ROWS)
def test_rows_are_read_and_kept_as_counted(lifecycle_sample: Chain, dataset: str) -> None:
    (counted,) = lifecycle_sample.rows(
        f"SELECT (SELECT count(*) FROM raw.{dataset}) AS read, "
        f"(SELECT count(*) FROM quarantine.{dataset}) AS rejected, (SELECT count(*) FROM lifecycle.{dataset}) AS kept"
    )
    read, rejected = ROWS[dataset]
    assert counted == {"read": read, "rejected": rejected, "kept": read - rejected}


def test_the_quarantine_holds_the_planted_rows(lifecycle_sample: Chain) -> None:
    found = [
        (dataset, row["customer_id"], row["broken_rules"])
        for dataset in ROWS
        for row in lifecycle_sample.rows(f"FROM quarantine.{dataset} ORDER BY source_row")
    ]
    assert found == [
        ("organizations", "C001", ["key: stands again with the same content, kept once"]),
        ("lifecycle_events", "C008", ["subject_id: events of two customers"]),
        ("lifecycle_events", "C009", ["subject_id: events of two customers"]),
        ("lifecycle_events", "C010", ["amount: required by the event_type"]),
        ("tickets", "C099", ["customer_id: unknown organization"]),
        ("tickets", "C006", ["first_response_at: before created_at"]),
        ("config_versions", "C001", ["settings: an entry is not path=value"]),
    ]


def test_the_last_day_is_that_of_the_newest_record(lifecycle_sample: Chain) -> None:
    assert days_of_records(lifecycle_sample.store.connection, FAMILY.datasets)[1] == date(2025, 1, 20)


def test_recurring_revenue_moves_as_planted(lifecycle_sample: Chain) -> None:
    """F1: 30,966.67 to 33,050.01, 42,716.68 and 41,416.68."""
    bridge = lifecycle_sample.by("month", "lifecycle.mrr_bridge")
    ends = [bridge[month]["end_mrr"] for month in (date(2024, 10, 1), NOVEMBER, DECEMBER, JANUARY)]
    assert ends == [30_966.67, 33_050.01, 42_716.68, 41_416.68]
    moved = lifecycle_sample.rows(
        "SELECT month, customer_id, movement, change_mrr FROM lifecycle.mrr_movements "
        "WHERE movement <> 'unchanged' AND month >= DATE '2024-11-01' ORDER BY ALL"
    )
    assert [tuple(row.values()) for row in moved] == [
        (NOVEMBER, "C002", "new", 666.67),
        # A second subscription: 17,000 / 12.
        (NOVEMBER, "C007", "expansion", 1416.67),
        (DECEMBER, "C004", "expansion", 500.0),
        # 110,000 / 12, after 8,000 until September.
        (DECEMBER, "C009", "reactivation", 9166.67),
        (JANUARY, "C005", "contraction", -600.0),
        (JANUARY, "C013", "churn", -700.0),
    ]


def test_retention_churn_and_revenue_per_account(lifecycle_sample: Chain) -> None:
    """F2 to F4."""
    bridge = lifecycle_sample.by("month", "lifecycle.mrr_bridge")
    january, december = bridge[JANUARY], bridge[DECEMBER]
    # (42,716.68 - 1,300) / 42,716.68, and (33,050.01 + 500) / 33,050.01.
    assert [round(january[name], 6) for name in ("nrr", "grr")] == [0.969567, 0.969567]
    assert (round(december["nrr"], 6), december["grr"]) == (1.015129, 1.0)
    # From prices: 12 x 41,416.68 would be 497,000.16.
    assert (january["end_arr"], january["arpa"], january["end_customers"]) == (497_000.0, 4141.67, 10)
    assert (january["churned_customers"], january["start_customers"]) == (1, 11)
    assert january["logo_churn"] == 0.090909091
    # C003, C004, C007, C009 and C010: 24,750.01 / 21,666.67.
    assert round(january["cohort_nrr"], 6) == 1.142308
    (total,) = lifecycle_sample.rows("SELECT round(sum(arr), 2) AS arr FROM lifecycle.accounts")
    assert total == {"arr": 497_000.0}


def test_renewals_trial_and_departure(lifecycle_sample: Chain) -> None:
    """F17 and F18: days to the anniversary, and the trial of C011."""
    accounts = lifecycle_sample.by("customer_id", "lifecycle.accounts")
    assert len(accounts) == 13
    today = date(2025, 1, 20)
    assert [(accounts[name]["renewal_on"] - today).days for name in ("C007", "C008")] == [12, 57]
    trial = accounts["C011"]
    assert (trial["trial_started_on"], trial["trial_ends_on"]) == (date(2025, 1, 13), date(2025, 1, 27))
    assert accounts["C013"]["churned_on"] == date(2025, 1, 10)
    assert {name for name, row in accounts.items() if row["mrr"] == 0} == {"C011", "C012", "C013"}


def test_the_overdue_invoice(lifecycle_sample: Chain) -> None:
    """F19: due on 5 January, unpaid for 15 days."""
    invoices = lifecycle_sample.by("invoice_id", "lifecycle.invoices")
    overdue = {name: row for name, row in invoices.items() if row["days_overdue"] > 0}
    assert list(overdue) == ["INV-105"]
    row = overdue["INV-105"]
    assert (row["customer_id"], row["days_overdue"], row["dunning"], row["open"]) == ("C005", 15, "warning", 3600.0)


def test_use_of_plans(lifecycle_sample: Chain) -> None:
    """F20: 22 of 25 conversations, and 22 / 20 x 31 at the end of the month; F27: 0.0358 of a budget of 0.04."""
    usage = lifecycle_sample.rows("FROM lifecycle.plan_usage WHERE state <> 'ok' ORDER BY meter")
    found = [(row["customer_id"], row["meter"], row["state"]) for row in usage]
    assert found == [("C001", "conversations", "near"), ("C001", "model_cost", "near")]
    assert (usage[1]["used"], usage[1]["included"], usage[1]["share"]) == (0.0358, 0.04, 0.895)
    assert (usage[0]["used"], usage[0]["share"], usage[0]["projected"]) == (22, 0.88, 34.1)


def test_where_new_clients_wait(lifecycle_sample: Chain) -> None:
    deals = lifecycle_sample.by("deal_id", "lifecycle.client_pipeline")
    assert {name: (row["kind"], row["step"]) for name, row in deals.items()} == {
        "D-001": ("new", "handed_over"),
        "D-002": ("new", "config_deployed"),
        "D-006": ("new", "config_deployed"),
        "D-007": ("iteration", None),
        "D-009": ("iteration", "config_deployed"),
        "D-011": ("new", "handed_over"),
        "D-012": ("new", "requirements_validated"),
    }
    lead = deals["D-012"]
    # Sent on 15 January 09:00: 135 hours to the end of the 20th, on the fifth day.
    assert (lead["hours_in_step"], lead["is_overdue"], lead["reminder_due"]) == (135.0, True, True)
    # 2,800 of 3,833.33; 420 against 300; due on 14 January.
    priced = deals["D-006"]
    assert (round(priced["margin"], 4), priced["needs_approval"]) == (0.2696, True)
    assert (priced["volume_discrepancy"], priced["needs_review"]) == (0.4, True)
    assert (priced["open_dependencies"], priced["days_overdue"]) == (1, 6)
    worst = lifecycle_sample.rows("SELECT kind, step, reached, went_on FROM lifecycle.pipeline_funnel WHERE is_worst")
    assert sorted(tuple(row.values()) for row in worst) == [
        ("iteration", "proposal_signed", 2, 1),
        ("new", "config_deployed", 2, 0),
    ]


def test_warnings_are_the_planted_ones(lifecycle_sample: Chain) -> None:
    failed = {
        (name, check)
        for name, stored in lifecycle_sample.stored.items()
        if name.startswith("lifecycle.")
        for check, verdict in stored.verdicts.items()
        if not verdict.passed and check != "contract_before_quarantine"
    }
    assert failed == {
        ("lifecycle.agent_scorecard", "clients_of_people_who_left"),
        ("lifecycle.approval_answers", "answers_without_effect"),
        ("lifecycle.approval_queue", "overdue_requests"),
        ("lifecycle.crm_drift", "stages_that_differ"),
        ("lifecycle.invoices", "invoices_without_plan"),
        ("lifecycle.client_pipeline", "milestones_out_of_order"),
        ("lifecycle.ticket_sla", "changed_priorities"),
        ("lifecycle.daily_metrics", "conversations_not_pinned"),
        ("lifecycle.daily_metrics", "replies_during_calls"),
        ("lifecycle.daily_metrics", "documents_of_another_customer"),
        ("lifecycle.health_scores", "health_that_fell"),
    }


def test_earlier_days_know_less(lifecycle_of: Callable[..., Chain]) -> None:
    """On 12 January the cancellation of C013 of the 10th is not recorded yet."""
    earlier = lifecycle_of(day=date(2025, 1, 12))
    assert earlier.by("customer_id", "lifecycle.accounts")["C013"]["mrr"] == 700.0
    assert "C011" in earlier.by("customer_id", "lifecycle.accounts")
    assert "C012" not in earlier.by("customer_id", "lifecycle.accounts")


def test_missing_files_measure_nothing(lifecycle_of: Callable[..., Chain], tmp_path: Path) -> None:
    """Two files make a run; a missing one leaves its figures null."""
    folder = tmp_path / "lifecycle"
    folder.mkdir()
    for name in ("organizations", "lifecycle_events"):
        shutil.copy(FOLDER / f"{name}.json", folder)
    chain = lifecycle_of(tmp_path)
    assert chain.by("month", "lifecycle.mrr_bridge")[JANUARY]["end_mrr"] == 41_416.68
    accounts = chain.by("customer_id", "lifecycle.accounts")
    assert (accounts["C007"]["plan_id"], accounts["C007"]["has_voice"]) == ("enterprise", None)
    states = chain.rows("SELECT DISTINCT state, used, share, overage_units FROM lifecycle.plan_usage")
    assert states == [{"state": "not_measurable", "used": None, "share": None, "overage_units": None}]
