"""Tests of erasing rows in databases by kind of identifier, where all identifiers are bare numbers."""

import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from cjo_assets.audit.erasure.databases import Erasure, erase_tables
from cjo_assets.audit.erasure.identity import person_of
from cjo_assets.catalog import all_families
from cjo_assets.engine.store import Store
from cjo_assets.ingest.tombstones import Tombstones
from cjo_assets.policy import Policy

# Table, and of each row the columns that matter; customer 5 has intervention 4, outcome 4, signals 5 and 12.
ROWS = {
    "raw.customers": [{"customer_id": name, "source_row": int(name)} for name in ("4", "5", "6")],
    "raw.interventions": [
        {"intervention_id": "4", "customer_id": "5", "source_row": 1},
        {"intervention_id": "5", "customer_id": "4", "source_row": 2},
    ],
    "raw.approval_decisions": [
        {"intervention_id": "4", "source_row": 1},
        {"intervention_id": "5", "source_row": 2},
    ],
    "journey.customers": [{"customer_id": name} for name in ("4", "5", "6", "55")],
    "journey.interventions": [
        {"intervention_id": "4", "customer_id": "5"},
        {"intervention_id": "5", "customer_id": "4"},
        {"intervention_id": "3", "customer_id": "6"},
    ],
    "journey.signals": [
        {"signal_id": "5", "customer_id": "5"},
        {"signal_id": "12", "customer_id": "5"},
        {"signal_id": "4", "customer_id": "4"},
        {"signal_id": "55", "customer_id": "55"},
    ],
    "journey.outcomes": [
        {"outcome_id": "4", "intervention_id": "4", "customer_id": "5"},
        {"outcome_id": "5", "intervention_id": "5", "customer_id": "4"},
        # By mistake it names another's intervention.
        {"outcome_id": "6", "intervention_id": "4", "customer_id": "6"},
    ],
    "journey.approval_decisions": [{"intervention_id": "4"}, {"intervention_id": "5"}],
    "lifecycle.outbox": [
        {"decision_id": "L-1", "customer_id": "5"},
        {"decision_id": "L-2", "customer_id": "4"},
    ],
    "lifecycle.lifecycle_approvals": [
        {"decision_id": "L-1", "reason": "agreed with them"},
        {"decision_id": "L-2", "reason": "agreed"},
    ],
    "journey.next_steps": [
        {"rank": 1, "subject": "5", "reference_table": "coverage_gaps", "reference": "5"},
        {"rank": 2, "subject": "4", "reference_table": "approval_requests", "reference": "5"},
        {"rank": 3, "subject": "5", "reference_table": "kpis", "reference": "5", "why": "5 of 10"},
        {"rank": 4, "subject": "x", "reference_table": "kpis", "why": "for example of customer 5"},
    ],
    "journey.rejections_by_rule": [
        {"rule": "a", "example_customer_id": "5"},
        {"rule": "b", "example_customer_id": "4"},
    ],
    "quarantine.outcomes": [
        {"source_row": 1, "record_key": "5", "customer_id": "4", "raw_record": {"customer_id": "4", "outcome_id": "5"}},
        {"source_row": 2, "record_key": "7", "customer_id": "5", "raw_record": {"customer_id": 5, "outcome_id": "7"}},
    ],
    "audit.rejected_records": [
        {"source_row": 1, "record_key": "5", "raw_record": {"customer_id": "4", "signal_id": "5", "days": 5}},
        {"source_row": 2, "record_key": "7", "raw_record": {"customer_id": 5, "signal_id": "7"}},
        {"source_row": 3, "record_key": "4", "raw_record": {"intervention_id": "4", "decision": "?"}},
        {"source_row": 4, "record_key": "5", "raw_record": {"intervention_id": "5", "decision": "?"}},
    ],
    "audit.runs": [{"run_id": "1", "errors": ["5 rows: customer_id 4, 5", "4,256.82"]}],
}


@pytest.fixture
def home() -> Iterator[duckdb.DuckDBPyConnection]:
    """Return a database with the rows above."""
    with duckdb.connect() as connection:
        Store(connection, all_families())
        for table, rows in ROWS.items():
            for row in rows:
                values = [json.dumps(value) if isinstance(value, dict) else value for value in row.values()]
                marks = ", ".join("?" * len(row))
                connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", values)
        yield connection


def erasure_of(home: duckdb.DuckDBPyConnection, policy: Policy, *, is_dry: bool = False) -> Erasure:
    """Erase customer 5 and return the erasure."""
    person = person_of([home], Path("nowhere"), "5", policy.vocabulary)
    erasure = Erasure("E-1", person, Tombstones("", frozenset()), is_dry=is_dry)
    erase_tables(home, erasure, "home")
    return erasure


def column(home: duckdb.DuckDBPyConnection, table: str, name: str, order: str = "ALL") -> list[object]:
    """Return a column."""
    return [value for (value,) in home.execute(f"SELECT {name} FROM {table} ORDER BY {order}").fetchall()]


def test_identifiers_of_a_customer_are_gathered_by_kind(home: duckdb.DuckDBPyConnection, policy: Policy) -> None:
    person = person_of([home], Path("nowhere"), "5", policy.vocabulary)
    assert {kind: sorted(names) for kind, names in person.identifiers.items()} == {
        "customer": ["5"],
        "intervention": ["4"],
        "decision": ["L-1"],
        "signal": ["12", "5"],
        "outcome": ["4", "7"],
    }
    assert person.telling == ["L-1"]


def test_exactly_the_rows_of_the_customer_are_erased(home: duckdb.DuckDBPyConnection, policy: Policy) -> None:
    counted = erasure_of(home, policy, is_dry=True).counts
    assert column(home, "journey.customers", "customer_id") == ["4", "5", "55", "6"], "counting changes nothing"
    assert erasure_of(home, policy).counts == counted
    assert column(home, "raw.customers", "customer_id", "source_row") == ["4", None, "6"]
    assert column(home, "raw.interventions", "intervention_id", "source_row") == [None, "5"]
    assert column(home, "raw.approval_decisions", "intervention_id", "source_row") == [None, "5"]
    assert column(home, "journey.customers", "customer_id") == ["4", "55", "6"]
    assert column(home, "journey.interventions", "intervention_id") == ["3", "5"]
    assert column(home, "journey.signals", "signal_id") == ["4", "55"]
    assert column(home, "journey.outcomes", "outcome_id") == ["5", "6"]
    assert column(home, "journey.approval_decisions", "intervention_id") == ["5"]
    assert column(home, "lifecycle.outbox", "decision_id") == ["L-2"]
    assert column(home, "lifecycle.lifecycle_approvals", "reason") == ["agreed"]
    assert column(home, "journey.next_steps", "rank") == [2, 3, 4]
    assert column(home, "journey.next_steps", "why", "rank") == [None, "5 of 10", "for example of customer erased"]
    assert column(home, "journey.rejections_by_rule", "example_customer_id", "rule") == ["erased", "4"]
    assert column(home, "quarantine.outcomes", "record_key", "source_row") == ["5", None]
    assert column(home, "audit.rejected_records", "record_key", "source_row") == ["5", None, None, "5"]
    assert column(home, "audit.rejected_records", "raw_record", "source_row")[1:3] == ["{}", "{}"]
    assert column(home, "audit.runs", "errors") == [["5 rows: customer_id 4, erased", "4,256.82"]]
    assert erasure_of(home, policy, is_dry=True).counts == {}, "nothing is left"


def test_a_name_that_is_a_word_or_anothers_proves_nothing(home: duckdb.DuckDBPyConnection, policy: Policy) -> None:
    home.execute("DELETE FROM journey.signals")
    for customer, signal in (("SMB", "acme"), ("acme", "S1"), ("ACME GmbH", "S2"), ("acme GmbH", "S3")):
        home.execute("INSERT INTO journey.customers (customer_id) VALUES (?)", [customer])
        home.execute("INSERT INTO journey.signals (signal_id, customer_id) VALUES (?, ?)", [signal, customer])
    assert person_of([home], Path("nowhere"), "SMB", policy.vocabulary).telling == [], (
        "a segment, and a customer of that name"
    )
    acme = person_of([home], Path("nowhere"), "acme", policy.vocabulary)
    assert acme.telling == [], "a signal of another customer is called so"
    assert acme.others == {"acme GmbH"}, "of which it is a part"


@pytest.mark.parametrize("ending", ["json", "csv", "parquet"])
def test_records_that_only_an_archived_file_knows_are_gathered(
    home: duckdb.DuckDBPyConnection, policy: Policy, tmp_path: Path, ending: str
) -> None:
    rows = [{"intervention_id": "70", "customer_id": "5"}, {"intervention_id": "71", "customer_id": "4"}]
    (tmp_path / "rows").write_text("\n".join(map(json.dumps, rows)))
    if ending == "csv":
        (tmp_path / "abc").write_text("intervention_id,customer_id\n70,5\n71,4\n")
    else:
        kind = "PARQUET" if ending == "parquet" else "JSON"
        duckdb.sql(f"COPY (FROM read_json('{tmp_path / 'rows'}')) TO '{tmp_path / 'abc'}' (FORMAT {kind})")
    read = json.dumps([{"dataset": "interventions", "file_sha256": "abc"}, {"dataset": "signals", "file_sha256": None}])
    home.execute("INSERT INTO audit.runs (run_id, inputs) VALUES ('2', ?)", [read])
    person = person_of([home], tmp_path, "5", policy.vocabulary)
    assert person.identifiers["intervention"] == {"4", "70"}


@pytest.mark.parametrize(("decision", "left"), [("keep", ["4", " 5", "6"]), ("trim", ["4", None, "6"])])
def test_the_policy_determines_whether_blanks_distinguish_customers(
    home: duckdb.DuckDBPyConnection, policy: Policy, decision: str, left: list[str | None]
) -> None:
    home.execute("UPDATE raw.customers SET customer_id = ' 5' WHERE customer_id = '5'")
    vocabulary = policy.vocabulary.model_copy(update={"unnormalized_ids": decision})
    erasure = Erasure("E-1", person_of([home], Path("nowhere"), "5", vocabulary), Tombstones("", frozenset()))
    erase_tables(home, erasure, "home")
    assert column(home, "raw.customers", "customer_id", "source_row") == left
    assert erasure.person.owns("customer", "5\u00a0") == (decision == "trim")
