"""Bad values of optional columns: they are discarded and named, and the row is kept without them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from functools import reduce
from pathlib import Path
from typing import Any

import pytest

from cjo_assets.catalog import all_families, data_families
from cjo_assets.core.contract import ALWAYS, columns_of, may_discard
from cjo_assets.core.quarantine.dataset_tables import discarded_name
from cjo_assets.policy import Policy
from cjo_assets_tests.integration.ingest.test_quarantine import (
    APPROVAL,
    CUSTOMER,
    OUTCOME,
    PLAYBOOK,
    SIGNAL,
    Court,
    known,
)
from cjo_assets_tests.support.chain import Chain, write_rows
from cjo_assets_tests.support.probe import computed_until
from cjo_assets_tests.support.rows import POLICY, policy_with

__all__ = ["known"]
Row = dict[str, Any]
USED = ALWAYS, "journey.fusion.use_normalized_strength"


@pytest.fixture(scope="module")
def court(tmp_path_factory: pytest.TempPathFactory, policy: Policy) -> Iterator[Court]:
    """Return a court without validated datasets."""
    opened = Court(tmp_path_factory.mktemp("data"), policy)
    yield opened
    opened.chain.store.connection.close()


def signals(*changes: Row) -> list[Row]:
    """Return signals of different days, each with its own change."""
    return [
        SIGNAL | {"signal_id": f"S{number}", "detected_at": f"2025-01-{number:02}"} | change
        for number, change in enumerate(changes, start=1)
    ]


def test_bad_values_of_unused_optional_columns_are_discarded(known: Court) -> None:
    changes = [{"risk_weight": value} for value in (1.4, 0.5, -1, "heavy", {"a": 1}, True, float("nan"), None)]
    assert known.judged("signals", signals(*changes)) == {}
    assert known.discarded("signals") == {
        3: ["risk_weight: below 0"],
        4: ["risk_weight: not a number"],
        5: ["risk_weight: an object or a list where a value belongs", "risk_weight: not a number"],
        6: ["risk_weight: not a number"],
        7: ["risk_weight: not a number"],
    }
    kept = {row["signal_id"]: row["risk_weight"] for row in known.accepted("signals")}
    assert kept == {"S1": 1.4, "S2": 0.5} | {f"S{number}": None for number in range(3, 9)}
    records = known.chain.rows("FROM quarantine.signals_discarded_values ORDER BY source_row")
    assert [json.loads(row["raw_record"])["risk_weight"] for row in records[:2]] == ["-1", "heavy"]
    assert [row["customer_id"] for row in records] == ["C1"] * 5


def test_bad_value_in_a_used_column_rejects_the_row(known: Court) -> None:
    changes = [{"risk_weight": -1}, {"normalized_strength": 2}, {"segment_adjustment": -2, "risk_weight": -1}]
    assert known.judged("signals", signals(*changes)) == {2: ["normalized_strength: above 1"]}
    assert known.discarded("signals") == {
        1: ["risk_weight: below 0"],
        3: ["risk_weight: below 0", "segment_adjustment: below 0"],
    }
    default = known.policy
    known.policy = policy_with(journey__fusion__use_risk_weight=True, journey__fusion__use_normalized_strength=False)
    try:
        assert known.judged("signals", signals(*changes)) == {1: ["risk_weight: below 0"], 3: ["risk_weight: below 0"]}
        assert known.discarded("signals") == {2: ["normalized_strength: above 1"]}
    finally:
        known.policy = default


def test_a_row_that_is_rejected_anyway_is_recorded_once(known: Court) -> None:
    change = {"risk_weight": -1, "signal_strength": 7}
    assert known.judged("signals", signals(change)) == {1: ["signal_strength: above 1"]}
    assert known.discarded("signals") == {}


def test_relations_of_optional_columns_discard_the_value(known: Court) -> None:
    answers = [{"category": "no reason"}, {"category": "too_expensive", "reason": "bad\x00text"}]
    rows = [APPROVAL | {"intervention_id": f"I{number}"} | answer for number, answer in enumerate(answers, start=1)]
    category = POLICY.journey.approval.rejection_categories[0]
    rows[1]["category"] = category
    assert known.judged("approval_decisions", rows) == {}
    assert known.discarded("approval_decisions") == {
        1: ["category: not in the policy's rejection_categories"],
        2: ["reason: not a printable text"],
    }
    assert [row["category"] for row in known.accepted("approval_decisions")] == [None, category]


def test_an_unreadable_hash_of_an_approval_still_costs_the_row(known: Court) -> None:
    assert known.judged("approval_decisions", [APPROVAL | {"decision_hash": "a\x00b"}]) == {
        1: ["decision_hash: not a printable text"]
    }


def test_discarded_and_rejected_and_accepted_rows_add_up(known: Court) -> None:
    changes = [{}, {"nps_delta": "many"}, {"outcome": "magic"}, {"playbook_success": "yes"}, {"channel": ["a"]}]
    rows = [OUTCOME | {"outcome_id": f"O{number}"} | change for number, change in enumerate(changes, start=1)]
    assert known.judged("outcomes", rows) == {3: ["outcome: not in the policy's outcomes"]}
    assert known.discarded("outcomes").keys() == {2, 4, 5}
    assert len(known.accepted("outcomes")) == 4


def test_playbooks_without_trigger_signals_need_none(known: Court) -> None:
    absent = {
        name: value for name, value in PLAYBOOK.items() if name not in ("trigger_signals", "fallback_playbook_id")
    }
    rows = [absent, absent | {"playbook_id": "P2", "trigger_signals": None}]
    assert known.judged("playbooks", rows) == {}
    assert [(row["trigger_signals"], row["fallback_playbook_id"]) for row in known.accepted("playbooks")] == [
        ([], None)
    ] * 2
    assert known.judged("playbooks", [absent | {"trigger_signals": "usage_drop"}]) == {
        1: ["trigger_signals: not a list of texts"]
    }


def test_an_outcome_of_a_decision_to_monitor_is_accepted(known: Court) -> None:
    assert known.judged("outcomes", [OUTCOME | {"outcome": "monitor_only"}]) == {}


def test_datasets_with_optional_columns_record_discarded_values() -> None:
    tables = {table.full_name: table for family in all_families() for table in family.tables}
    for dataset in (dataset for family in data_families() for dataset in family.datasets):
        has_table = f"quarantine.{discarded_name(dataset)}" in tables
        has_check = any(
            audit.name == "discarded_values"
            for name, table in tables.items()
            if name.endswith(f".{dataset.lookup}")
            for audit in table.checks
        )
        discardable = [spec for spec in columns_of(dataset.contract) if spec.optional and spec.used_when != ALWAYS]
        assert has_table == has_check == bool(discardable) == may_discard(dataset.contract), dataset.name
        for spec in discardable:
            if spec.used_when:
                switch: Any = reduce(getattr, spec.used_when.split("."), POLICY)
                assert isinstance(switch, bool), spec.used_when


def test_a_risk_weight_above_one_changes_no_risk(tmp_path: Path) -> None:
    """Two customers alike but for a column that the default policy does not use."""
    customers = [CUSTOMER, CUSTOMER | {"customer_id": "C2"}]
    entries = [
        {"customer_id": name, "journey_stage": "onboarding", "state_entered_at": "2025-01-01", "days_in_state": 14}
        for name in ("C1", "C2")
    ]
    kinds = [("support_ticket_spike", 0.82, 1.4), ("negative_sentiment", 0.67, -3)]
    detected = [
        SIGNAL
        | {
            "signal_id": f"{customer}-{kind}",
            "customer_id": customer,
            "signal_type": kind,
            "signal_strength": strength,
            "detected_at": "2025-01-15",
            "risk_weight": weight if customer == "C1" else 1.0,
        }
        for customer in ("C1", "C2")
        for kind, strength, weight in kinds
    ]
    playbook = PLAYBOOK | {"eligible_segments": ["All"], "created_at": "2025-01-01"}
    for name, rows in (
        ("customers", customers),
        ("journey_state_log", entries),
        ("signals", detected),
        ("playbooks", [playbook]),
    ):
        write_rows(tmp_path, name, rows)
    names = ("risk_scores", "aggregated_signals", "audit.discarded_values")
    store, _ = computed_until(tmp_path, tmp_path / "archive", [date(2025, 1, 15)], POLICY, names)
    chain = Chain(store)
    assert (
        chain.rows("SELECT aggregated_risk_score FROM journey.aggregated_signals")
        == [{"aggregated_risk_score": pytest.approx(0.918050, abs=1e-6)}] * 2
    )
    assert (
        chain.rows("SELECT overall_risk_score, risk_tier FROM journey.risk_scores")
        == [{"overall_risk_score": pytest.approx(0.538318, abs=1e-6), "risk_tier": "medium"}] * 2
    )
    [record] = chain.rows("SELECT record_key, broken_rules FROM audit.discarded_values")
    assert record == {"record_key": "C1-negative_sentiment", "broken_rules": ["risk_weight: below 0"]}
    store.connection.close()
