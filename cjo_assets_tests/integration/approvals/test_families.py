"""Tests of approval requests of several families: one list, and answers in the records of each family."""

import json
from datetime import date
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from cjo_assets.approvals.decide import Answer, newest_day, record_answer, waiting_requests
from cjo_assets.catalog import data_families, families_about
from cjo_assets.cli.app import app
from cjo_assets.core.errors import RefusalError
from cjo_assets.core.settings import Settings
from cjo_assets.engine.ddl import columns_in_sql
from cjo_assets.families.lifecycle.inputs.lifecycle_approvals import RECORDS
from cjo_assets.ingest.records import records_in
from cjo_assets_tests.support.rows import DAY, POLICY, Row, default_row, instant

CREDIT, DISCOUNT, FREE, VARIANT = (f"L-00000000000{letter}" for letter in "abce")
QUEUE: list[Row] = [
    {
        "decision_id": CREDIT,
        "kind": "credit",
        "customer_id": "C008",
        "what": "Credit 816.67.",
        "amount": 816.67,
        "approval_rule": "credit",
        "approval_role": "csm",
        "waits_with": "csm",
        "answers_from": instant("2025-01-20 00:00"),
        "requested_at": instant("2025-01-21 00:00"),
        "due_at": instant("2025-01-22 00:00"),
        "decision_hash": "h",
    },
    {
        "decision_id": DISCOUNT,
        "kind": "approval_requested",
        "customer_id": "C009",
        "what": "Approve the discount AR-1.",
        "approval_role": "manager",
        "waits_with": "executive",
        "entitled_approvers": ["eva", "mia"],
        "requested_by": "mia",
        "answers_from": instant("2025-01-18 09:00"),
        "requested_at": instant("2025-01-18 09:00"),
        "due_at": instant("2025-01-19 09:00"),
        "is_overdue": True,
        "decision_hash": "d",
    },
    {
        "decision_id": VARIANT,
        "kind": "promotion",
        "what": "Promote the variant B of the experiment E1.",
        "approval_rule": "promotion",
        "approval_role": "manager",
        "waits_with": "manager",
        "answers_from": instant("2025-01-20 00:00"),
        "requested_at": instant("2025-01-21 00:00"),
        "due_at": instant("2025-01-23 00:00"),
        "decision_hash": "v",
    },
]
EARLIER: Row = QUEUE[0] | {"decision_id": "L-00000000000d", "as_of": date(2025, 1, 19)}


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Return a home with published requests of the lifecycle, one intervention of the journey, and no records."""
    home = tmp_path / "home"
    home.mkdir()
    tables = {table.full_name: table for family in families_about("journey", "lifecycle") for table in family.tables}
    rows: dict[str, list[Row]] = {
        "lifecycle.approval_queue": [EARLIER, *({"as_of": DAY} | row for row in QUEUE)],
        "lifecycle.approval_answers": [],
        "lifecycle.outbox": [
            {"as_of": DAY, "decision_id": name, "evidence": ["sla_compliance:uptime"]} for name in (CREDIT, FREE)
        ],
        "lifecycle.lifecycle_summary": [{"as_of": DAY}],
        "journey.approval_requests": [
            {"intervention_id": "I-1", "status": "pending", "expires_at": instant("2025-01-21 12:00")}
            | {"customer_id": "C001", "recommended_action": "proactive_outreach", "needs_two_people": False}
            | {"approval_role": "csm", "approval_reasons": ["high_value_customer"], "triggered_by_signals": ["S1"]}
        ],
        "journey.approval_history": [],
        "journey.outcome_analyses": [],
        "journey.journey_summary": [{"as_of": DAY}],
    }
    with duckdb.connect(str(home / "cjo.duckdb")) as connection:
        connection.execute("CREATE SCHEMA journey; CREATE SCHEMA lifecycle")
        for name, content in rows.items():
            connection.execute(f"CREATE TABLE {name} ({columns_in_sql(tables[name])})")
            for number, cells in enumerate(content, start=1):
                row = default_row(tables[name].contract, number) | cells
                columns, marks = ", ".join(f'"{column}"' for column in row), ", ".join("?" for _ in row)
                connection.execute(f"INSERT INTO {name} ({columns}) VALUES ({marks})", list(row.values()))
        connection.execute("CREATE VIEW journey.pending_approvals AS FROM journey.approval_requests")
    monkeypatch.setenv("CJO_HOME", str(home))
    monkeypatch.delenv("CJO_POLICY", raising=False)
    return Settings(data=tmp_path, policy=None, home=home)


def test_the_requests_of_all_families_are_one_list(settings: Settings) -> None:
    waiting = waiting_requests(settings, POLICY)
    # By due time or expiry; those of an earlier day are not listed.
    assert [row["intervention_id"] for row in waiting] == [DISCOUNT, "I-1", CREDIT, VARIANT]
    printed = CliRunner().invoke(app, ["pending"], env={"COLUMNS": "200"}).output
    # Labels of the policy; a cost that is not known differs from a request that costs nothing.
    assert printed.splitlines() == [
        f"{DISCOUNT}  C009  Approve the discount AR-1.  cost unknown  approver: executive, overdue since "
        "2025-01-19 09:00 UTC",
        "    approval requested; evidence none",
        "I-1  C001  personal outreach  cost unknown  approver: customer success manager, expires 2025-01-21 12:00 UTC",
        "    valuable customer; signals S1",
        f"{CREDIT}  C008  Credit 816.67.  816.67  approver: customer success manager, due 2025-01-22 00:00 UTC",
        "    credit; evidence sla_compliance:uptime",
        f"{VARIANT}  all customers  Promote the variant B of the experiment E1.  no money moves  approver: manager, "
        "due 2025-01-23 00:00 UTC",
        "    promotion; evidence none",
    ]
    assert [row["approval_reasons"] for row in waiting if row["family"] == "lifecycle"] == [
        ["approval_requested"],
        ["credit"],
        ["promotion"],
    ]
    assert {(row["subject"], row["subject_id"] == row["customer_id"]) for row in waiting} == {("customer", True)}
    listed = json.loads(CliRunner().invoke(app, ["pending", "--json"]).output)
    assert listed[2]["due_at"] == "2025-01-22T00:00:00Z"


def test_an_answer_goes_to_the_records_of_its_family(settings: Settings) -> None:
    answer = Answer(CREDIT, "approved", "ann", at="2025-01-20T15:00:00Z")
    record_answer(settings, POLICY, answer)
    assert records_in(settings.home / RECORDS) == [
        {"decision_id": CREDIT, "decision": "approved", "decided_at": "2025-01-20T15:00:00Z", "decided_by": "ann"}
        | {"category": None, "reason": None, "decision_hash": "h"}
    ]
    assert [row["intervention_id"] for row in waiting_requests(settings, POLICY)] == [DISCOUNT, "I-1", VARIANT]
    with pytest.raises(RefusalError, match="was approved already"):
        record_answer(settings, POLICY, answer)
    record_answer(settings, POLICY, Answer("I-1", "approved", "ann", at="2025-01-20T15:00:00Z"))
    assert len(records_in(settings.home / RECORDS)) == 1
    [lifecycle] = [family for family in data_families() if family.name == "lifecycle"]
    assert newest_day(settings, lifecycle) == DAY


@pytest.mark.parametrize(
    ("name", "by", "at", "words"),
    [
        (FREE, "ann", "2025-01-20T15:00:00Z", "requires no approval"),
        (DISCOUNT, "ann", "2025-01-20T15:00:00Z", "is not entitled to approve"),
        (DISCOUNT, "mia", "2025-01-20T15:00:00Z", "requested .* and cannot approve it"),
        (DISCOUNT, "eva", "2025-01-18T08:00:00Z", "did not exist before"),
        (CREDIT, "ann", "2025-01-19T23:00:00Z", "did not exist before"),
        ("L-00000000000d", "ann", "2025-01-20T15:00:00Z", "Unknown intervention"),
    ],
)
def test_answers_that_would_not_count_are_refused(settings: Settings, name: str, by: str, at: str, words: str) -> None:
    with pytest.raises(RefusalError, match=words):
        record_answer(settings, POLICY, Answer(name, "approved", by, at=at))
    assert records_in(settings.home / RECORDS) == []
