"""Tests of the quarantine: rows of a file with the rules that they break, written by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from cjo_assets.catalog import families_about
from cjo_assets.core.dataset import Dataset
from cjo_assets.core.quarantine.contests import CONFLICTING_KEY, REPEATED_ROW
from cjo_assets.core.quarantine.dataset_tables import discarded_name
from cjo_assets.core.table import inputs_of
from cjo_assets.engine.store import Store
from cjo_assets.ingest.loading import load_dataset
from cjo_assets.policy import Policy
from cjo_assets_tests.support.catalog import STATEMENTS
from cjo_assets_tests.support.chain import Chain, write_rows
from cjo_assets_tests.support.rows import Rows, policy_with

Row = dict[str, Any]

FAMILY = "journey"
RIVAL = "signal_type: a more credible signal of this type and day"
CUSTOMER: Row = {
    "customer_id": "C1",
    "segment": "SMB",
    "account_value": 12000,
    "tenure_months": 3,
    "risk_tier": "high",
}
ENTRY: Row = {
    "customer_id": "C1",
    "journey_stage": "onboarding",
    "state_entered_at": "2025-01-01",
    "days_in_state": 14,
    "previous_stage": None,
}
SIGNAL: Row = {
    "signal_id": "S1",
    "customer_id": "C1",
    "signal_type": "usage_drop",
    "signal_strength": 0.5,
    "detected_at": "2025-01-10",
    "journey_stage": "onboarding",
    "source": "automated",
}
INTERVENTION: Row = {
    "intervention_id": "I1",
    "customer_id": "C1",
    "journey_stage": "onboarding",
    "recommended_action": "call",
    "confidence": 0.7,
    "requires_human_approval": True,
    "triggered_by_signals": ["S1"],
    "evaluation_latency_ms": 240,
    "generated_at": "2025-01-12",
}
OUTCOME: Row = {
    "outcome_id": "O1",
    "intervention_id": "I1",
    "customer_id": "C1",
    "outcome": "resolved",
    "resolution_time_days": 3,
    "csat_delta": 1,
    "churn_risk_delta": -0.25,
    "estimated_revenue_saved": 2000,
    "human_override": False,
    "measured_at": "2025-01-18",
}
PLAYBOOK: Row = {
    "playbook_id": "P1",
    "name": "Rescue",
    "journey_stage": "onboarding",
    "eligible_segments": ["SMB"],
    "trigger_signals": [],
    "risk_threshold": 0.4,
    "default_actions": ["call"],
    "approval_required": False,
    "avg_cost_estimate": 120,
    "expected_value_range": [1000, 3000],
    "fallback_playbook_id": None,
    "created_at": "2024-06-01",
    "status": "active",
}
APPROVAL: Row = {
    "intervention_id": "I1",
    "decision": "approved",
    "decided_at": "2025-01-13T09:15:00Z",
    "decided_by": "maria",
    "reason": None,
}
VALID = {
    "customers": CUSTOMER,
    "playbooks": PLAYBOOK,
    "journey_state_log": ENTRY,
    "signals": SIGNAL,
    "interventions": INTERVENTION,
    "outcomes": OUTCOME,
    "approval_decisions": APPROVAL,
}
INJECTIONS = [
    "'; DROP TABLE raw.signals; --",
    '"quoted" \\" \\\\',
    "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    "a|b | c",
    "$.customer_id",
    "[bold]x[/red]",
    "{{ 7*7 }} %s {0}",
    "Zoë 客户 😀",
    "x" * 100_000,
]


KEYS = {
    "customers": ("customer_id", "C{}"),
    "playbooks": ("playbook_id", "P{}"),
    "journey_state_log": ("state_entered_at", "2025-01-{:02}"),
    "signals": ("signal_id", "S{}"),
    "interventions": ("intervention_id", "I{}"),
    "outcomes": ("outcome_id", "O{}"),
    "approval_decisions": ("intervention_id", "I{}"),
}
BASE: dict[str, Rows] = {
    "customers": [CUSTOMER, CUSTOMER | {"customer_id": "C2"}],
    "interventions": [
        INTERVENTION | {"intervention_id": f"I{number}", "customer_id": "C2" if number == 2 else "C1"}
        for number in range(1, 13)
    ],
}

# Per dataset: what is changed in a valid row, and the rules it then breaks.
FAULTS: dict[str, list[tuple[Row, list[str]]]] = {
    "customers": [
        ({"customer_id": None}, ["customer_id: missing"]),
        ({"customer_id": " "}, ["customer_id: not a printable text"]),
        ({"customer_id": "C\x009"}, ["customer_id: not a printable text"]),
        ({"customer_id": {"a": 1}}, ["customer_id: an object or a list where a value belongs"]),
        ({"customer_id": ["C1"]}, ["customer_id: an object or a list where a value belongs"]),
        ({"customer_id": 1.5}, ["customer_id: a number or a truth value where a text belongs"]),
        ({"customer_id": 1e30}, ["customer_id: a number or a truth value where a text belongs"]),
        ({"segment": "smb"}, ["segment: not in the policy's segments"]),
        ({"segment": None}, ["segment: missing"]),
        ({"account_value": -1}, ["account_value: below 0"]),
        ({"account_value": "12,5"}, ["account_value: not a number"]),
        ({"account_value": "1e999"}, ["account_value: not a number"]),
        ({"account_value": float("nan")}, ["account_value: not a number"]),
        ({"account_value": float("-inf")}, ["account_value: not a number"]),
        ({"account_value": True}, ["account_value: not a number"]),
        ({"tenure_months": "12.50"}, ["tenure_months: not a whole number"]),
        ({"tenure_months": 12.5}, ["tenure_months: not a whole number"]),
        ({"tenure_months": 10**30}, ["tenure_months: not a whole number"]),
        ({"tenure_months": -1}, ["tenure_months: below 0"]),
        ({"risk_tier": "High"}, ["risk_tier: not one of high, medium, low"]),
        ({"risk_tier": ""}, ["risk_tier: not a printable text"]),
    ],
    "signals": [
        ({"signal_strength": 1.01}, ["signal_strength: above 1"]),
        ({"signal_strength": -0.01}, ["signal_strength: below 0"]),
        ({"detected_at": "2025-02-30"}, ["detected_at: not a date (YYYY-MM-DD)"]),
        ({"detected_at": "2025-01-10T10:00:00"}, ["detected_at: not a date (YYYY-MM-DD)"]),
        ({"detected_at": 20250110}, ["detected_at: not a date (YYYY-MM-DD)"]),
        ({"source": "rumour"}, ["source: not in the policy's sources"]),
        ({"journey_stage": "limbo"}, ["journey_stage: not in the policy's stages"]),
        ({"customer_id": "C9"}, ["customer_id: unknown customer"]),
        ({"customer_id": "c1"}, ["customer_id: unknown customer"]),
        ({"customer_id": "C1 "}, ["customer_id: unknown customer"]),
        (
            {"signal_id": None, "customer_id": "C9", "signal_strength": 2, "detected_at": "soon", "source": True},
            [
                "customer_id: unknown customer",
                "detected_at: not a date (YYYY-MM-DD)",
                "signal_id: missing",
                "signal_strength: above 1",
                "source: a number or a truth value where a text belongs",
                "source: not in the policy's sources",
            ],
        ),
    ],
    "interventions": [
        ({"requires_human_approval": "yes"}, ["requires_human_approval: not true or false"]),
        ({"requires_human_approval": 1}, ["requires_human_approval: not true or false"]),
        ({"triggered_by_signals": {"a": 1}}, ["triggered_by_signals: not a list of texts"]),
        ({"triggered_by_signals": [1, 2]}, ["triggered_by_signals: not a list of texts"]),
        ({"triggered_by_signals": ["S1", None]}, ["triggered_by_signals: not a list of texts"]),
        ({"triggered_by_signals": ["S\n1"]}, ["triggered_by_signals: not a list of texts"]),
        ({"triggered_by_signals": "S1"}, ["triggered_by_signals: not a list of texts"]),
        ({"triggered_by_signals": None}, ["triggered_by_signals: missing"]),
        ({"customer_id": "C9"}, ["customer_id: unknown customer"]),
    ],
    "outcomes": [
        ({"churn_risk_delta": -1.01}, ["churn_risk_delta: below -1"]),
        ({"outcome": "magic"}, ["outcome: not in the policy's outcomes"]),
        ({"human_override": "no"}, ["human_override: not true or false"]),
        ({"intervention_id": "I99"}, ["intervention_id: unknown intervention"]),
        ({"customer_id": "C2"}, ["customer_id: not the customer of the intervention"]),
        (
            {"customer_id": "C9"},
            ["customer_id: not the customer of the intervention", "customer_id: unknown customer"],
        ),
    ],
    "playbooks": [
        ({"expected_value_range": ["1", "2"]}, ["expected_value_range: not a list of numbers"]),
        ({"expected_value_range": [1, float("inf")]}, ["expected_value_range: not a list of numbers"]),
        ({"expected_value_range": [3, 1]}, ["expected_value_range: not two numbers, the lower first"]),
        ({"expected_value_range": [1]}, ["expected_value_range: not two numbers, the lower first"]),
        ({"eligible_segments": []}, ["eligible_segments: empty"]),
        ({"eligible_segments": ["Nobody"]}, ["eligible_segments: not in the policy's segments"]),
        ({"default_actions": []}, ["default_actions: empty"]),
        ({"status": "asleep"}, ["status: not in the policy's playbook_statuses"]),
    ],
    "approval_decisions": [
        ({"decided_at": "yesterday"}, ["decided_at: not an instant (ISO 8601)"]),
        ({"decided_at": "2025-01-13T09:15:00+99:00"}, ["decided_at: not an instant (ISO 8601)"]),
        ({"decided_by": " "}, ["decided_by: not a printable text"]),
        ({"decision": "perhaps"}, ["decision: not one of approved, rejected"]),
        ({"intervention_id": "I99"}, ["intervention_id: unknown intervention"]),
    ],
    "journey_state_log": [
        ({"state_entered_at": "0000-01-01"}, ["state_entered_at: not a date (YYYY-MM-DD)"]),
        ({"days_in_state": 3.5}, ["days_in_state: not a whole number"]),
        ({"previous_stage": "limbo"}, ["previous_stage: not in the policy's stages"]),
        ({"customer_id": "C9"}, ["customer_id: unknown customer"]),
    ],
}
TEXT_COLUMNS = {
    "customers": ["customer_id"],
    "signals": ["signal_id", "signal_type"],
    "interventions": ["intervention_id", "recommended_action"],
    "outcomes": ["outcome_id"],
    "approval_decisions": ["decided_by", "reason"],
    "playbooks": ["playbook_id", "name", "fallback_playbook_id"],
}


class Court:
    """Validates the rows of datasets one after another, each with those before it."""

    def __init__(self, folder: Path, policy: Policy) -> None:
        """Open a store in memory."""
        self.folder, self.policy = folder, policy
        self.present: dict[str, Rows] = {}
        self.chain = Chain(Store(duckdb.connect(), families_about("journey"), STATEMENTS))
        self.datasets = {dataset.name: dataset for dataset in self.chain.store.datasets}

    def judged(self, dataset: str, rows: Rows) -> dict[int, list[str]]:
        """Load and validate rows, and return the broken rules of the rejected ones by row number."""
        store, declared = self.chain.store, self.datasets[dataset]
        self.present[dataset] = rows
        write_rows(self.folder, dataset, rows)
        load_dataset(store.connection, declared, self.folder, FAMILY, self.folder / "archive")
        for schema, name in self.tables_of(declared):
            store.replace(replace(store.tables[schema, name], checks=()), None, self.policy)
        rejected = {row["source_row"]: row["broken_rules"] for row in self.rejections(dataset)}
        assert len(rows) == len(rejected) + len(self.accepted(dataset)), "nothing is lost and nothing is made"
        return rejected

    def tables_of(self, dataset: Dataset) -> list[tuple[str, str]]:
        """Return the tables of a dataset in their order."""
        names = [("quarantine", dataset.name), ("quarantine", discarded_name(dataset)), (FAMILY, dataset.lookup)]
        return [name for name in names if name in self.chain.store.tables]

    def discarded(self, dataset: str) -> dict[int, list[str]]:
        """Return the rules broken by values that were discarded, by row number."""
        rows = self.chain.rows(f"FROM quarantine.{discarded_name(self.datasets[dataset])}")
        return {row["source_row"]: row["broken_rules"] for row in rows}

    def rejections(self, dataset: str) -> Rows:
        """Return the rejected rows."""
        return self.chain.rows(f"FROM quarantine.{dataset} ORDER BY source_row")

    def accepted(self, dataset: str) -> Rows:
        """Return the rows that were not."""
        return self.chain.rows(f"FROM {FAMILY}.{self.datasets[dataset].lookup} ORDER BY ALL")


@pytest.fixture(scope="module")
def court(tmp_path_factory: pytest.TempPathFactory, policy: Policy) -> Iterator[Court]:
    """Return a court without validated datasets."""
    opened = Court(tmp_path_factory.mktemp("data"), policy)
    yield opened
    opened.chain.store.connection.close()


@pytest.fixture
def known(court: Court) -> Court:
    """Return the court with customers and interventions on record that rows may refer to."""
    for dataset, rows in BASE.items():
        if court.present.get(dataset) != rows:
            court.judged(dataset, rows)
    return court


def numbered(dataset: str, number: int) -> Row:
    """Return a valid row with a key of its own."""
    key, pattern = KEYS[dataset]
    return VALID[dataset] | {key: pattern.format(number)}


@pytest.mark.parametrize("dataset", VALID)
def test_a_valid_row_of_each_dataset_is_accepted(known: Court, dataset: str) -> None:
    assert known.judged(dataset, [VALID[dataset]]) == {}
    values = known.accepted(dataset)[0]
    texts = {name: value for name, value in VALID[dataset].items() if not name.endswith("_at")}
    assert {name: values[name] for name in texts} == texts


@pytest.mark.parametrize("dataset", FAULTS)
def test_a_fault_breaks_its_rule_and_no_other(known: Court, dataset: str) -> None:
    faults = dict(enumerate(FAULTS[dataset], start=1))
    rejected = known.judged(dataset, [numbered(dataset, number) | change for number, (change, _) in faults.items()])
    assert {number: (faults[number][0], rules) for number, rules in rejected.items()} == faults


@pytest.mark.parametrize("dataset", TEXT_COLUMNS)
def test_text_that_looks_like_code_is_text(known: Court, dataset: str) -> None:
    names = TEXT_COLUMNS[dataset]
    texts = [tuple(f"{text}{place}" for place in range(len(names))) for text in INJECTIONS]
    rows = [numbered(dataset, number) | dict(zip(names, row, strict=True)) for number, row in enumerate(texts, start=1)]
    assert known.judged(dataset, rows) == {}
    assert {tuple(row[name] for name in names) for row in known.accepted(dataset)} == set(texts)


def test_text_that_looks_like_code_is_quarantined_unchanged(known: Court) -> None:
    rows = [SIGNAL | {"signal_id": text, "customer_id": text, "source": text} for text in INJECTIONS]
    assert len(known.judged("signals", rows)) == len(INJECTIONS)
    for text, rejected in zip(INJECTIONS, known.rejections("signals"), strict=True):
        assert (rejected["record_key"], rejected["customer_id"]) == (text, text)
        assert json.loads(rejected["raw_record"])["source"] == text


@pytest.mark.parametrize(
    "change",
    [{}, {"account_value": 12000.0}, {"account_value": "12000"}, {"account_value": "1.2e4", "tenure_months": "3.0"}],
)
def test_a_duplicate_key_with_equal_content_is_kept_once(known: Court, change: Row) -> None:
    assert known.judged("customers", [CUSTOMER, CUSTOMER | change]) == {2: [REPEATED_ROW]}


def test_absent_and_null_mean_the_same(known: Court) -> None:
    absent = {name: value for name, value in CUSTOMER.items() if name != "risk_tier"}
    assert known.judged("customers", [absent, absent | {"risk_tier": None}]) == {2: [REPEATED_ROW]}


def test_lists_and_dates_mean_the_same_however_they_are_spelled(known: Court) -> None:
    spelled = INTERVENTION | {"generated_at": "2025-01-12T00:00:00Z", "requires_human_approval": "TRUE"}
    assert known.judged("interventions", [INTERVENTION, spelled]) == {2: [REPEATED_ROW]}
    other = INTERVENTION | {"triggered_by_signals": ["S1", "S2"]}
    assert known.judged("interventions", [INTERVENTION, other]) == {1: [CONFLICTING_KEY], 2: [CONFLICTING_KEY]}


def test_instants_mean_the_same_in_every_zone(known: Court) -> None:
    elsewhere = APPROVAL | {"decided_at": "2025-01-13T11:15:00+02:00"}
    assert known.judged("approval_decisions", [APPROVAL, elsewhere]) == {2: [REPEATED_ROW]}


@pytest.mark.parametrize("change", [{"account_value": 12001}, {"risk_tier": None}, {"segment": "Enterprise"}])
def test_a_duplicate_key_with_different_content_is_rejected(known: Court, change: Row) -> None:
    rows = [CUSTOMER, CUSTOMER | {"customer_id": "C2"}, CUSTOMER | change]
    assert known.judged("customers", rows) == {1: [CONFLICTING_KEY], 3: [CONFLICTING_KEY]}


@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize(
    ("base", "change", "rule"),
    [
        ({}, {"account_value": "lots"}, "account_value: not a number"),
        ({}, {"tenure_months": 3.2}, "tenure_months: not a whole number"),
        ({"risk_tier": None}, {"risk_tier": ""}, "risk_tier: not a printable text"),
        ({}, {"segment": {"a": 1}}, "segment: an object or a list where a value belongs"),
    ],
)
def test_a_faulty_copy_is_another_meaning(known: Court, base: Row, change: Row, rule: str, is_first: bool) -> None:
    good, faulty = CUSTOMER | base, CUSTOMER | base | change
    rejected = known.judged("customers", [faulty, good] if is_first else [good, faulty])
    found, other = (rejected[1], rejected[2]) if is_first else (rejected[2], rejected[1])
    assert other == [CONFLICTING_KEY]
    assert {rule, CONFLICTING_KEY} <= set(found)


def test_copies_of_a_faulty_row_are_all_rejected(known: Court) -> None:
    faulty = CUSTOMER | {"account_value": -1}
    assert known.judged("customers", [faulty, faulty]) == {
        1: ["account_value: below 0"],
        2: ["account_value: below 0", REPEATED_ROW],
    }


def test_a_record_with_a_duplicate_json_key_is_rejected(known: Court) -> None:
    text = json.dumps([CUSTOMER, CUSTOMER | {"customer_id": "C2"}])
    doubled = text.replace('"segment": "SMB"', '"segment": "SMB", "segment": "Enterprise"', 1)
    known.present.pop("customers")
    (known.folder / "customers.json").write_text(doubled, encoding="utf-8")
    store = known.chain.store
    load_dataset(store.connection, known.datasets["customers"], known.folder, FAMILY, known.folder / "archive")
    store.replace(store.tables["quarantine", "customers"], None, known.policy)
    rejected = known.rejections("customers")
    rules = ["record: a key stands twice", "segment: stands twice"]
    assert [(row["source_row"], row["broken_rules"]) for row in rejected] == [(1, rules)]
    assert rejected[0]["raw_record"].count('"segment"') == 2


NULL_WORDS = ("NULL", "null", "None", "none", "\\N", "nan", "NaN", "#N/A", "N/A", "n/a", "-", " null ")


def test_null_words_as_ids_are_rejected_as_missing(known: Court) -> None:
    ids = [*NULL_WORDS, "K1", "Nullmeier", "--"]
    rejected = known.judged("customers", [CUSTOMER | {"customer_id": text} for text in ids])
    assert rejected == {number: ["customer_id: missing"] for number in range(1, len(NULL_WORDS) + 1)}
    assert [row["customer_id"] for row in known.accepted("customers")] == ["--", "K1", "Nullmeier"]
    written = known.rejections("customers")
    assert [row["record_key"] for row in written] == list(NULL_WORDS)
    assert [json.loads(row["raw_record"])["customer_id"] for row in written] == list(NULL_WORDS)


def test_null_words_in_optional_columns_are_null(known: Court) -> None:
    words = [*NULL_WORDS, "phone"]
    rows = [OUTCOME | {"outcome_id": f"O{place:02}", "channel": word} for place, word in enumerate(words)]
    assert known.judged("outcomes", rows) == {}
    assert [row["channel"] for row in known.accepted("outcomes")] == [None] * len(NULL_WORDS) + ["phone"]


def test_null_words_are_null_but_nan_is_rejected(known: Court) -> None:
    days = {"resolution_time_days": "NULL", "csat_delta": "n/a", "human_override": "None"}
    rows = [OUTCOME | days, OUTCOME | {"outcome_id": "O2", "csat_delta": "NaN"}]
    assert known.judged("outcomes", rows) == {2: ["csat_delta: not a number"]}
    assert {name: known.accepted("outcomes")[0][name] for name in days} == dict.fromkeys(days)


def test_null_words_stay_text_in_required_prose(known: Court) -> None:
    assert known.judged("playbooks", [PLAYBOOK | {"name": "None"}]) == {}
    assert known.accepted("playbooks")[0]["name"] == "None"
    listed, known.policy = known.policy, policy_with(vocabulary__null_words=["unknown"])
    try:
        ids = ["NULL", "Unknown"]
        rows = [CUSTOMER | {"customer_id": text} for text in ids]
        assert known.judged("customers", rows) == {2: ["customer_id: missing"]}
    finally:
        known.policy = listed


COMPOSED, DECOMPOSED = "M\u00fcller", "Mu\u0308ller"
SPELLINGS = ["C1", "C1 ", " C1", "C1\u00a0", COMPOSED, DECOMPOSED, "C2", "c2", "C 3", "C\u00a03", "D1 "]


def test_ids_that_look_alike_are_kept_and_named(known: Court) -> None:
    assert known.judged("customers", [CUSTOMER | {"customer_id": text} for text in SPELLINGS]) == {}
    store = known.chain.store
    [audit] = [audit for audit in store.tables[FAMILY, "customers"].checks if audit.name == "similar_ids"]
    assert not audit.is_blocking
    accepted = store.read(inputs_of(audit.failing_rows, FAMILY)["accepted"], None)
    found = store.backend.to_pyarrow(audit.failing_rows(accepted=accepted)).to_pylist()
    assert {row["normal_form"]: set(row["spellings"]) for row in found} == {
        "C1": {"C1", "C1 ", " C1", "C1\u00a0"},
        COMPOSED: {COMPOSED, DECOMPOSED},
        "C 3": {"C 3", "C\u00a03"},
    }


@pytest.mark.parametrize("decision", ["trim", "reject"])
def test_the_policy_may_trim_or_reject_ids_that_are_not_normal(known: Court, decision: str) -> None:
    kept = known.policy
    known.policy = policy_with(vocabulary__unnormalized_ids=decision)
    try:
        rejected = known.judged("customers", [CUSTOMER | {"customer_id": text} for text in SPELLINGS])
        ids = [row["customer_id"] for row in known.accepted("customers")]
        signals = known.judged("signals", [SIGNAL | {"customer_id": "C1\u00a0"}])
    finally:
        known.policy = kept
    if decision == "trim":
        assert ids == ["C 3", "C1", "C2", "D1", COMPOSED, "c2"]
        assert rejected == {number: [REPEATED_ROW] for number in (2, 3, 4, 6, 10)}
        assert signals == {}
    else:
        rule = "customer_id: not in normal form (blanks, Unicode composition)"
        assert ids == ["C 3", "C1", "C2", COMPOSED, "c2"]
        assert rejected == {number: [rule] for number in (2, 3, 4, 6, 10, 11)}
        assert signals == {1: [rule, "customer_id: unknown customer"]}


def test_a_compound_key_counts_as_a_whole(known: Court) -> None:
    later = ENTRY | {"state_entered_at": "2025-01-05"}
    other_stage = ENTRY | {"journey_stage": "engagement"}
    spelled = ENTRY | {"state_entered_at": "2025-01-01T00:00:00"}
    assert known.judged("journey_state_log", [ENTRY, later, other_stage, spelled]) == {4: [REPEATED_ROW]}
    assert known.rejections("journey_state_log")[0]["record_key"] == "C1 | 2025-01-01T00:00:00 | onboarding"


def test_an_invalid_key_is_no_duplicate(known: Court) -> None:
    badly_written = ENTRY | {"state_entered_at": "2025-1-1", "days_in_state": 99}
    assert known.judged("journey_state_log", [ENTRY, badly_written]) == {
        2: ["state_entered_at: not a date (YYYY-MM-DD)"]
    }
    assert known.rejections("journey_state_log")[0]["record_date"] is None


def test_of_conflicting_signals_the_most_credible_valid_one_is_kept(known: Court) -> None:
    rows = [
        SIGNAL | {"signal_id": "S1", "source": "manual", "signal_strength": 0.9},
        SIGNAL | {"signal_id": "S3"},
        SIGNAL | {"signal_id": "S2"},
        SIGNAL | {"signal_id": "S0", "signal_strength": 0.4},
        SIGNAL | {"signal_id": "S4", "signal_strength": 7},
        SIGNAL | {"signal_id": "S5", "detected_at": "2025-01-11"},
        SIGNAL | {"signal_id": "S6", "customer_id": "C2"},
    ]
    assert known.judged("signals", rows) == {1: [RIVAL], 2: [RIVAL], 4: [RIVAL], 5: ["signal_strength: above 1"]}
    assert [row["signal_id"] for row in known.accepted("signals")] == ["S2", "S5", "S6"]


def test_a_rival_with_a_contested_key_wins_nothing(known: Court) -> None:
    strong = SIGNAL | {"signal_id": "S1", "signal_strength": 0.9}
    rows = [strong, strong | {"signal_strength": 0.8}, SIGNAL | {"signal_id": "S2", "signal_strength": 0.1}]
    assert known.judged("signals", rows) == {1: [CONFLICTING_KEY], 2: [CONFLICTING_KEY]}


def test_rejected_rows_can_be_found_again(known: Court) -> None:
    row = SIGNAL | {"customer_id": "C9", "signal_strength": 0.10}
    known.judged("signals", [SIGNAL, row | {"signal_id": "S2"}])
    rejected = known.rejections("signals")[0]
    archived = (known.folder / "archive" / rejected["file_sha256"]).read_text(encoding="utf-8")
    assert json.loads(archived)[rejected["source_row"] - 1] == row | {"signal_id": "S2"}
    assert (rejected["dataset"], rejected["source_file"]) == ("signals", "signals.json")
    assert (rejected["record_key"], rejected["customer_id"]) == ("S2", "C9")
    assert rejected["record_date"].isoformat() == "2025-01-10"


@pytest.mark.parametrize("content", [3, "x", None, [1], [], True])
def test_a_value_that_is_not_a_record_is_rejected(known: Court, content: object) -> None:
    rows: list[Any] = [CUSTOMER, content]
    rules = known.judged("customers", rows)[2]
    assert "record: not an object" in rules
    assert known.rejections("customers")[0]["raw_record"] == json.dumps(content)


def test_rows_with_extra_columns_are_kept_and_quarantined_whole(known: Court) -> None:
    extra = {"'; DROP TABLE x; --": [1, {"a": None}], "Industry": "x", "": 1}
    rows = [CUSTOMER | extra, CUSTOMER | extra | {"customer_id": None}]
    assert known.judged("customers", rows) == {2: ["customer_id: missing"]}
    assert json.loads(known.rejections("customers")[0]["raw_record"]) == rows[1]


def test_a_bad_folder_is_quarantined_through_the_chain(
    chain_of: Callable[..., Chain], sample_copy: Path, policy: Policy
) -> None:
    """One broken customer takes with it whatever refers to it, to the end of every relation."""
    customers = json.loads((sample_copy / FAMILY / "customers.json").read_text(encoding="utf-8"))
    customers[0]["tenure_months"] = "12.50"
    write_rows(sample_copy / FAMILY, "customers", customers)
    chain = chain_of(sample_copy, date(2025, 1, 20), rules=policy)
    rejected = chain.rows("SELECT dataset, record_key, broken_rules FROM audit.rejected_records ORDER BY ALL")
    first = [row for row in rejected if row["dataset"] == "customers"]
    assert first == [
        {"dataset": "customers", "record_key": "C001", "broken_rules": ["tenure_months: not a whole number"]}
    ]
    orphans = {(row["dataset"], row["record_key"]): row["broken_rules"] for row in rejected}
    assert orphans["signals", "S001"] == ["customer_id: unknown customer"]
    assert orphans["interventions", "I001"] == ["customer_id: unknown customer"]
    assert "intervention_id: unknown intervention" in orphans["outcomes", "O001"]
    answer = "I001 | maria.keller | 2025-01-16T09:15:00Z"
    assert orphans["approval_decisions", answer] == ["intervention_id: unknown intervention"]
    assert not chain.rows("FROM journey.journey_states WHERE customer_id = 'C001'")
