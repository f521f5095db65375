"""Why: the chain of the sample's decisions, in the published database alone."""

import hashlib
import json
import re
from collections.abc import Callable
from datetime import date, datetime
from html import escape
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from cjo_assets.audit.why.ask import explained
from cjo_assets.cli.app import app
from cjo_assets.core.errors import WarehouseError
from cjo_assets.core.questions import Why
from cjo_assets.core.settings import Settings
from cjo_assets.families.journey.questions._why_lines import branches
from cjo_assets.families.journey.questions.why import answer_of, policy_values
from cjo_assets.policy import Policy
from cjo_assets.warehouse.ledger import Stamp
from cjo_assets.warehouse.publish import publish
from cjo_assets_tests.support.chain import SAMPLE, Chain, read_rows
from cjo_assets_tests.support.journey.cells import assert_cells_add_up

FIRST, SECOND = date(2025, 1, 16), date(2025, 1, 20)
ENDED = datetime(2025, 1, 21)


@pytest.fixture(scope="module")
def house(sample_day: Callable[[date], Chain], policy: Policy, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Two days of the sample, published one after the other, each with the record of its run."""
    home = tmp_path_factory.mktemp("home")
    settings = Settings(SAMPLE, None, home)
    for day in (FIRST, SECOND):
        store = sample_day(day).store
        runs = [(f"run of {known}", known) for known in (FIRST, SECOND) if known <= day]
        for run, known in runs:
            store.connection.execute(
                "INSERT INTO audit.runs BY NAME SELECT 'journey' AS family, ? AS run_id, ? AS as_of, "
                "? AS ended_at, ? AS policy_hash, "
                "TRUE AS is_published, FALSE AS is_stale",
                [run, known, ENDED, policy.policy_hash],
            )
        store.connection.execute(
            "INSERT INTO audit.checks VALUES (?, ?, 'journey.kpis', 'contract', TRUE, 19, 0), "
            "(?, NULL, 'journey.signals', 'unknown_signal_types', FALSE, 2, 2)",
            [f"run of {day}", day, f"run of {day}"],
        )
        publish(store, settings.published, [day], stamp=Stamp(f"run of {day}", policy.policy_hash, "code"))
        store.connection.execute("TRUNCATE audit.runs; TRUNCATE audit.checks")
    return settings


def lines(why: Why, heading: str) -> list[str]:
    """Return the lines of the branch whose heading begins so."""
    return next(branch.lines for branch in branches(why) if branch.heading.startswith(heading))


def test_sample_decision_names_signals_and_file_rows(house: Settings) -> None:
    why = explained(house, "I001", None)
    assert (why.customer_id, why.as_of, why.intervention_id) == ("C001", SECOND, "I001")
    assert "triggered by S001, S002" in why.answer
    file = SAMPLE / "journey" / "signals.json"
    found = {row["record_key"]: row for row in why.parts["raw_rows"] if row["dataset"] == "signals"}
    assert sorted(found) == ["S001", "S002"]
    for key, row in found.items():
        source = read_rows(file.parent, "signals")[row["source_row"] - 1]
        assert source["signal_id"] == key, "it is that row of the file"
        assert (row["source_file"], row["file_sha256"]) == (file.name, hashlib.sha256(file.read_bytes()).hexdigest())
        assert row["content_hash"] == hashlib.sha256(row["content"].encode()).hexdigest()
        assert json.loads(row["content"])["signal_strength"] == source["signal_strength"]
    raw = lines(why, "Raw rows")
    assert any(line.startswith("signals S001 2025-01-14: signals.json row 1, file ") for line in raw)
    assert any(line.startswith("signals S002 2025-01-15: signals.json row 2, file ") for line in raw)


def test_a_decision_of_ours_from_its_rows_to_its_ledger_entry(house: Settings) -> None:
    why = explained(house, "C004", None)
    decision = why.parts["decisions"][0]
    assert why.answer == f"{decision['intervention_id']}: reengagement_campaign, approval pending"
    assert explained(house, decision["intervention_id"], None).parts["decisions"] == [decision]
    assert [row["first_failed_rule"] for row in why.parts["candidates"]] == [
        None,
        "playbook_used_recently",
        "segment_not_eligible",
    ]
    assert lines(why, "Candidates")[1].startswith("PB_ENG_001 lost: playbook_used_recently")
    for score in ("overall_risk_score", "decision_risk"):
        own = [row for row in why.parts["contributions"] if row["score"] == score]
        assert sum(row["contribution"] for row in own) == pytest.approx(why.parts["risks"][0][score], abs=1e-6)
    assert lines(why, "overall_risk_score")[0] == "time_in_state: raw 100 -> 1 x weight 0.25 = 0.25"
    assert lines(why, "Approval") == [line for line in lines(why, "Approval") if "approver csm" in line]
    entry = why.parts["ledger"][0]
    assert (entry["intervention_id"], entry["kind"], entry["version"]) == (decision["intervention_id"], "decided", 1)
    hashes = "\n".join(lines(why, "Hashes"))
    for part in (decision["policy_hash"], decision["input_hash"], decision["decision_hash"], entry["entry_hash"]):
        assert part in hashes
    assert why.policy_values["evaluation.friction_thresholds.engagement_inactivity_days"] == 30
    assert lines(why, "Checks of the run: 1 passed") == ["journey.signals unknown_signal_types: 2 found"]


def test_an_earlier_day_knows_nothing_later(house: Settings) -> None:
    why = explained(house, "C001", FIRST)
    assert why.parts["states"][0]["days_in_state"] == 15
    assert [row["record_key"] for row in why.parts["raw_rows"] if row["dataset"] == "outcomes"] == []
    assert why.parts["outcomes"][0]["outcome"] is None
    assert why.run["run_id"] == f"run of {FIRST}"
    earlier = explained(house, "C006", FIRST).parts["decisions"][0]["intervention_id"]
    assert explained(house, earlier, None).as_of == FIRST, "the last day on which it was decided"


def test_why_nothing_was_decided(house: Settings) -> None:
    assert explained(house, "C003", None).answer == (
        "no decision despite a risk trigger: risk_below_threshold (PB_ENG_002 was closest)"
    )
    assert explained(house, "C001", FIRST).answer == (
        "no decision: risk trigger; no playbook is eligible (open_intervention, segment_not_eligible)"
    )


def test_why_a_record_is_missing(house: Settings) -> None:
    """Trap 27 in reverse: a missing record and the reason are shown."""
    for subject in ("C999", "S009"):
        why = explained(house, subject, None)
        assert (why.customer_id, why.answer) == ("C999", "not among the customers: no customers file has this id")
        assert lines(why, "Rejected rows")[0].endswith("customer_id: unknown customer")
        assert lines(why, "Rejected rows")[0].startswith("signals S009: signals.json row 9, file ")


def parts_with(**rows: Any) -> dict[str, Any]:
    """Return a chain in which only these parts have rows."""
    names = ("raw_rows", "rejected_rows", "decisions", "outcomes", "gaps", "needs", "states", "candidates", "ledger")
    return {name: [] for name in names} | {"raw_rows": [{"dataset": "customers"}]} | rows


def test_the_answer_in_words() -> None:
    rejected = [{"dataset": "customers", "broken_rules": ["segment: missing", "tenure_months: below 0"]}]
    assert answer_of(parts_with(raw_rows=[], rejected_rows=rejected)) == (
        "not among the customers: the row was rejected: segment: missing; tenure_months: below 0"
    )
    held_out = {"intervention_id": "I-1", "recommended_action": "call", "is_held_out": True}
    status = {"intervention_id": "I-1", "approval_status": "not_required"}
    assert answer_of(parts_with(decisions=[held_out], outcomes=[status])) == (
        "I-1: call, approval not_required; in the holdout: recorded and not executed"
    )
    stale = status | {"approval_status": "stale"}
    assert "approval stale" in answer_of(parts_with(decisions=[held_out], outcomes=[stale]))
    assert answer_of(parts_with(states=[{"journey_stage": "churned"}])) == ("no decision: the customer is in churned")
    assert answer_of(parts_with()) == "the customer had no records yet"
    entries = [
        {"entry": 1, "intervention_id": "I-1", "kind": "decided", "supersedes": None},
        {"entry": 2, "intervention_id": "I-2", "kind": "decided", "supersedes": 1},
    ]
    assert answer_of(parts_with(ledger=entries), "I-1") == (
        "I-1 was decided and is no longer in force: decided I-2; see the ledger"
    )


def test_policy_values_are_those_of_segment_and_deciding_policy(policy: Policy) -> None:
    overrides = {"SMB": {"evaluation": {"friction_thresholds": {"support_escalation_days": 9}}}}
    content = policy.model_copy(update={"segment_overrides": overrides}).model_dump_json()
    path = "evaluation.friction_thresholds.support_escalation_days"
    assert policy_values(content, "SMB", "support", [])[path] == 9
    assert policy_values(content, "Enterprise", "support", [])[path] == 5
    values = policy_values(content, "SMB", "retention", ["usage_drop", "renewal_intent"])
    assert not [name for name in values if "friction_thresholds" in name], "retention has no threshold"
    assert values["signals.signal_aggregation_weights.usage_drop"] == 0.2
    assert values["signals.positive_signal_weights.renewal_intent"] == 0.1


def test_what_entered_the_cells_adds_up_to_them(house: Settings) -> None:
    """Every KPI and every part of the ROI that counts interventions, over all customers, against the published cell."""
    with duckdb.connect(str(house.published), read_only=True) as reader:
        everybody = [f"FROM entered('C{number:03}')" for number in range(1, 11)]
        assert_cells_add_up(reader, everybody, "latest")


def test_contributions_of_a_version_without_evidence(house: Settings, tmp_path: Path) -> None:
    settings = Settings(SAMPLE, None, tmp_path)
    settings.published.write_bytes(house.published.read_bytes())
    with duckdb.connect(str(settings.published)) as earlier:
        earlier.execute("DROP TABLE journey.kpi_evidence")
    why = explained(settings, "C001", None)
    assert lines(why, "Contributions") == ["not published yet: the next run adds them to every day"]


def test_the_same_as_sql(house: Settings) -> None:
    """The commands of docs/how-to/investigate_a_decision.md, on the published file alone."""
    why = explained(house, "C001", None)
    with duckdb.connect(str(house.published), read_only=True) as reader:
        names = "record_key, source_file, source_row, file_sha256, content_hash"
        rows = reader.execute(f"SELECT {names} FROM evidence('C001') ORDER BY ALL").fetchall()
        steps = reader.execute("FROM why('C001')").fetchall()
        versions = reader.execute("SELECT entry, as_of, superseded_by FROM versions('C004')").fetchall()
    assert rows == sorted(tuple(row[name] for name in names.split(", ")) for row in why.parts["raw_rows"])
    assert (0, "signals S001", "signals.json row 1") in [step[:3] for step in steps]
    assert (6, "candidate PB_ONB_003", "lost: segment_not_eligible") in [step[:3] for step in steps]
    assert (10, "I001 entered journey.kpis", "csat_delta_average", "adds 1.0") in steps
    assert [row[1:] for row in versions] == [(SECOND, None)]


def test_the_command(house: Settings, tmp_path: Path) -> None:
    run = CliRunner()
    asked = ["why", "C001", "--as-of", "2025-01-16", "--home", str(house.home)]
    short, tree = run.invoke(app, asked), run.invoke(app, [*asked, "--full"])
    assert (short.exit_code, tree.exit_code) == (0, 0), tree.output
    paragraph, hint = short.output.splitlines()
    assert paragraph.startswith("C001 (SMB) has been in the stage onboarding for ")
    assert "Nothing was decided" in paragraph
    assert not re.search(r"[a-z]_[a-z]", paragraph), "names of the tables are words"
    assert hint == "Every step, from the raw rows on: --full, or --html FILE for a page."
    assert tree.output.splitlines()[:2] == [paragraph, f"C001 on 2025-01-16: {explained(house, 'C001', FIRST).answer}"]
    page = tmp_path / "why.html"
    assert run.invoke(app, [*asked, "--html", str(page)]).output.splitlines()[1] == f"Wrote {page}."
    written = page.read_text(encoding="utf-8")
    assert "Raw rows" in written
    assert escape(paragraph) in written
    said = run.invoke(app, ["why", "I001", "--json", "--home", str(house.home)])
    assert json.loads(said.stdout)["parts"]["raw_rows"][-1]["record_key"] == "S002"
    for arguments, why in (
        (["C404"], "Unknown customer or intervention C404"),
        (["C001", "--as-of", "2025-01-17"], "is not published"),
    ):
        refused = run.invoke(app, ["why", *arguments, "--home", str(house.home)])
        assert refused.exit_code == 1
        assert why in refused.output
    verified = run.invoke(app, ["audit", "verify", "--home", str(house.home)])
    assert (verified.exit_code, verified.output.split(":")[0]) == (0, "The ledger audit.decision_ledger is whole")


def test_where_nothing_is_published(tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match="No published database"):
        explained(Settings(SAMPLE, None, tmp_path), "C001", None)
