"""Tests of the decision ledgers: their entries, their hash chains, and detection of changes."""

import hashlib
import json
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from cjo_assets.audit.verify.verify import Finding, verify
from cjo_assets.catalog import FAMILIES, families_about
from cjo_assets.core.expressions.ids import MISSING, SEPARATOR
from cjo_assets.core.family import chains_of
from cjo_assets.core.settings import Settings
from cjo_assets.engine.ddl import columns_in_sql
from cjo_assets.warehouse.ledger import Head, Stamp, add_decisions, add_published_days

FIRST, SECOND = date(2025, 1, 16), date(2025, 1, 20)
CHAINS = {chain.family: chain for chain in chains_of(FAMILIES)}
SHARED = ("audit.runs", "audit.erasures", "audit.policies")
LEDGER, DECISIONS = "audit.decision_ledger", "journey.recommended_interventions"
# Values of the identifiers of a decision, given the name of its customer or campaign, and the column with its action.
NAMED = {
    "journey": ({"intervention_id": "I-{}", "customer_id": "{}"}, "recommended_action"),
    "marketing": ({"recommendation_id": "REC-{}", "campaign_id": "{}"}, "action"),
    "lifecycle": ({"decision_id": "L-{}", "customer_id": "{}"}, "what"),
}
CONTENT = '{"version": "1", "journey": {"a": 0.5}}'
POLICY = hashlib.sha256(b'{"journey": {"a": 0.5}}').hexdigest()
Rows = list[dict[str, Any]]


class House:
    """A published database with nothing but decisions of a family, their ledger and the records of runs."""

    def __init__(self, home: Path, family: str = "journey") -> None:
        """Make the tables, empty."""
        self.settings = Settings(home / "data", None, home)
        self.connection = duckdb.connect(str(self.settings.published))
        self.chain, self.runs = CHAINS[family], 0
        self.ledger, self.decisions = self.chain.ledger.full_name, self.chain.decisions.full_name
        self.tables = {table.full_name: table for found in families_about(family) for table in found.tables}
        for name in (self.ledger, self.decisions, *SHARED):
            self.create(name)
        self.connection.execute("INSERT INTO audit.policies (policy_hash, content) VALUES (?, ?)", [POLICY, CONTENT])

    def create(self, name: str) -> None:
        """Make a table, empty."""
        self.connection.execute(f"CREATE SCHEMA IF NOT EXISTS {name.partition('.')[0]}")
        self.connection.execute(f"CREATE TABLE {name} ({columns_in_sql(self.tables[name])})")

    def decide(self, day: date, **actions: str) -> None:
        """Put these decisions in the place of a day's, an action for each customer or campaign."""
        self.connection.execute(f"DELETE FROM {self.decisions} WHERE as_of = ?", [day])
        identifiers, content = NAMED[self.chain.family]
        for name, action in actions.items():
            row = {column: pattern.format(name) for column, pattern in identifiers.items()} | {
                content: action,
                "as_of": day,
                "input_hash": "inputs",
                "policy_hash": POLICY,
            }
            if self.chain.family == "journey":
                row["confidence"] = 0.5
            given = ", ".join(f"? AS {column}" for column in row)
            self.connection.execute(f"INSERT INTO {self.decisions} BY NAME SELECT {given}", list(row.values()))

    def publish(self, *days: date) -> Head:
        """Add to the ledger what it does not know of some days, and record the run."""
        self.runs += 1
        stamp = Stamp(f"run {self.runs}", POLICY, "code")
        head = add_decisions(self.connection, "cjo", self.chain, list(days), stamp)
        for day in days:
            self.record(self.chain.family, day, head)
        return head

    def record(self, family: str, day: date, head: Head) -> None:
        """Record the run of a family with a head."""
        self.connection.execute(
            "INSERT INTO audit.runs BY NAME SELECT ? AS family, ? AS run_id, ? AS as_of, TRUE AS is_published, "
            "? AS ended_at, ? AS ledger_entries, ? AS ledger_head",
            [family, f"run {self.runs}", day, datetime(2025, 1, 21, 0, self.runs), head.entries, head.entry_hash],
        )

    def entries(self) -> Rows:
        """Return the ledger."""
        found = self.connection.execute(f"FROM {self.ledger} ORDER BY entry")
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def story(self) -> list[tuple[int, str, str, int, int | None]]:
        """Return the entries of the ledger."""
        names = ("entry", "kind", self.chain.ledger.key, "version", "supersedes")
        return [tuple(row[name] for name in names) for row in self.entries()]  # type: ignore[misc]

    def findings(self, *expected: str) -> list[Finding]:
        """Return what a verification finds."""
        self.connection.close()
        found = verify(self.settings, *expected).findings
        self.connection = duckdb.connect(str(self.settings.published))
        return found


def decided(home: Path, family: str = "journey") -> House:
    """Return two days: two decisions on the first, of which the second repeats one and adds another."""
    made = House(home, family)
    made.decide(FIRST, C1="call", C2="write")
    made.publish(FIRST)
    made.decide(SECOND, C1="call", C3="watch")
    made.publish(SECOND)
    return made


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Two days of the journey."""
    made = decided(tmp_path)
    yield made
    made.connection.close()


@pytest.fixture(params=CHAINS)
def any_house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """Two days of each family."""
    made = decided(tmp_path, request.param)
    yield made
    made.connection.close()


def sha256(*values: Any) -> str:
    """Return the hash of values as docs/explanation/decision_ledger.md describes it."""
    texts = [MISSING if value is None else str(value) for value in values]
    return hashlib.sha256(SEPARATOR.join(texts).encode()).hexdigest()


def test_every_decision_of_every_day_is_an_entry(house: House) -> None:
    assert house.story() == [
        (1, "decided", "C1", 1, None),
        (2, "decided", "C2", 1, None),
        (3, "decided", "C1", 1, None),
        (4, "decided", "C3", 1, None),
    ]
    assert [row["as_of"] for row in house.entries()] == [FIRST, FIRST, SECOND, SECOND]
    assert json.loads(house.entries()[1]["content"])["recommended_action"] == "write"
    assert house.findings() == []


IDENTIFIERS = {
    "journey": ("intervention_id", "customer_id"),
    "marketing": ("recommendation_id", "campaign_id"),
    "lifecycle": ("decision_id", "customer_id"),
}


def test_the_hashes_are_those_of_the_documentation(any_house: House) -> None:
    """Computed here by hand, as docs/explanation/decision_ledger.md describes it."""
    previous = "0" * 64
    for row in any_house.entries():
        erasable = ("salt", *IDENTIFIERS[any_house.chain.family], "input_hash", "content")
        assert row["content_hash"] == sha256(*(row[name] for name in erasable))
        chained = ("entry", "kind", "as_of", "version", "supersedes", "content_hash", "policy_hash", "code_version")
        assert row["previous_hash"] == previous
        previous = sha256(previous, *(row[name] for name in chained), row["run_id"])
        assert row["entry_hash"] == previous
    assert len({row["salt"] for row in any_house.entries()}) == 4, "equal contents have different hashes"


def test_content_has_every_column_of_the_decision_but_identifiers_and_hashes(any_house: House) -> None:
    """Also those that have the name of a column of the ledger, such as the kind of a decision."""
    columns = [name for name, *_ in any_house.connection.execute(f"DESCRIBE {any_house.decisions}").fetchall()]
    own = {"as_of", *IDENTIFIERS[any_house.chain.family], "input_hash", "policy_hash"}
    assert list(json.loads(any_house.entries()[0]["content"])) == [name for name in columns if name not in own]


def test_the_columns_of_the_journeys_ledger_are_those_of_earlier_versions(house: House) -> None:
    assert list(house.entries()[0]) == [
        *("entry", "kind", "as_of", "version", "supersedes", "intervention_id", "customer_id", "content", "input_hash"),
        *("salt", "content_hash", "policy_hash", "code_version", "run_id", "previous_hash", "entry_hash"),
    ]


def test_a_rerun_adds_a_version_and_a_changed_row_is_named(any_house: House) -> None:
    """In each ledger: another action, a decision that is gone, and a row that was changed after its publication."""
    key, (identifiers, content) = any_house.chain.ledger.key, NAMED[any_house.chain.family]
    before = any_house.entries()
    any_house.decide(FIRST, C1="visit")
    any_house.publish(FIRST)
    names = {name: identifiers[key].format(name) for name in ("C1", "C2", "C3")}
    assert any_house.story()[4:] == [(5, "decided", names["C1"], 2, 1), (6, "withdrawn", names["C2"], 2, 2)]
    assert any_house.entries()[:4] == before
    assert any_house.findings() == []
    any_house.connection.execute(f"UPDATE {any_house.decisions} SET {content} = 'sell' WHERE as_of = '{SECOND}'")
    found = any_house.findings()
    assert {finding.table for finding in found} == {any_house.decisions}
    assert {finding.what for finding in found} == {
        f'{content} is "sell", was "call"',
        f'{content} is "sell", was "watch"',
    }
    assert all(finding.place.startswith(f"{SECOND} ") for finding in found)
    assert any(names["C3"] in finding.place for finding in found)


def test_a_changed_entry_is_named(any_house: House) -> None:
    any_house.connection.execute(
        f"UPDATE {any_house.ledger} SET content = replace(content, 'write', 'call') WHERE entry = 2"
    )
    [(table, place, what)] = [
        (finding.table, finding.place, finding.what)
        for finding in any_house.findings()
        if finding.table.startswith("audit.")
    ]
    first = next(iter(NAMED[any_house.chain.family][0].values())).format("C2")
    assert (table, place) == (any_house.ledger, f"entry 2, {FIRST} {first}")
    assert what == "its content differs from its hash"


def test_decisions_published_before_there_was_a_ledger_are_chained(any_house: House) -> None:
    """A home of an earlier version: one day in the database, one in a file, and a day of the run."""
    third, table = date(2025, 1, 21), any_house.decisions
    folder = any_house.settings.home / "history" / table
    folder.mkdir(parents=True)
    where = f"FROM {table} WHERE as_of = '{FIRST}'"
    any_house.connection.execute(f"COPY (SELECT * {where}) TO '{folder / f'{FIRST}.parquet'}'")
    any_house.connection.execute(f"DELETE {where}; TRUNCATE {any_house.ledger}; TRUNCATE audit.runs")
    any_house.decide(third, C9="call")
    stamp = Stamp("run 9", POLICY, "code")
    add_published_days(any_house.connection, "cjo", any_house.chain, any_house.settings.home, stamp, [third])
    assert [row["as_of"] for row in any_house.entries()] == [FIRST, FIRST, SECOND, SECOND]
    any_house.publish(third)
    assert len(any_house.entries()) == 5
    assert any_house.findings() == []


def test_heads_that_earlier_versions_recorded_with_all_families_are_known(any_house: House) -> None:
    head = any_house.publish(SECOND)
    any_house.record("marketing", SECOND, head)
    assert any_house.findings() == []
    any_house.record(any_house.chain.family, SECOND, Head(head.entries, "another"))
    assert [(finding.table, finding.place) for finding in any_house.findings()] == [(any_house.ledger, "entry 4")]


def test_the_same_day_again_adds_nothing(house: House) -> None:
    before = house.entries()
    assert house.publish(FIRST, SECOND).entries == 4
    assert house.entries() == before


def test_changed_decision_adds_a_version(house: House) -> None:
    before = house.entries()
    house.decide(FIRST, C1="visit", C2="write")
    house.publish(FIRST)
    assert house.story()[4:] == [(5, "decided", "C1", 2, 1)]
    assert house.entries()[:4] == before
    assert json.loads(house.entries()[4]["content"])["recommended_action"] == "visit"
    assert house.entries()[4]["run_id"] == "run 3"
    assert house.findings() == []


def test_a_decision_that_is_gone_is_withdrawn_and_may_return(house: House) -> None:
    house.decide(FIRST, C2="write")
    house.publish(FIRST)
    house.publish(FIRST)
    house.decide(FIRST, C1="call", C2="write")
    house.publish(FIRST)
    assert house.story()[4:] == [(5, "withdrawn", "C1", 2, 1), (6, "decided", "C1", 3, 5)]
    assert house.entries()[4]["content"] is None
    assert house.entries()[4]["intervention_id"] == "I-C1"
    assert house.findings() == []


def test_only_published_days_are_compared(house: House) -> None:
    house.decide(FIRST)
    house.decide(SECOND, C1="visit", C3="watch")
    house.publish(SECOND)
    assert house.story()[4:] == [(5, "decided", "C1", 2, 3)], "the first day was not published again"


def test_batches_make_one_chain(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cjo_assets.warehouse.ledger.BATCH_ROWS", 2)
    house.decide(SECOND, **{f"C{number}": "call" for number in range(5, 12)})
    assert house.publish(SECOND).entries == 4 + 2 + 7, "two are withdrawn, seven are new"
    assert house.findings() == []


EMPTIED = "content = NULL, customer_id = NULL, intervention_id = NULL, input_hash = NULL, salt = NULL"
TAMPERINGS = {
    "a decision was changed": (
        f"UPDATE {DECISIONS} SET confidence = 0.9 WHERE customer_id = 'C3'",
        (DECISIONS, "2025-01-20 C3 I-C3", "confidence is 0.9, was 0.5"),
    ),
    "a decision was taken out": (
        f"DELETE FROM {DECISIONS} WHERE customer_id = 'C2'",
        (DECISIONS, "2025-01-16 C2 I-C2", "the row is missing; the ledger has it"),
    ),
    "a decision was put in": (
        f"INSERT INTO {DECISIONS} SELECT * REPLACE ('C9' AS customer_id) FROM {DECISIONS} WHERE customer_id = 'C2'",
        (DECISIONS, "2025-01-16 C9 I-C2", "the ledger has no such row"),
    ),
    "a decision without a customer was put in": (
        f"INSERT INTO {DECISIONS} SELECT * REPLACE (NULL AS customer_id) FROM {DECISIONS} WHERE customer_id = 'C2'",
        (DECISIONS, "2025-01-16 I-C2", "the ledger has no such row"),
    ),
    "another policy hash of a decision": (
        f"UPDATE {DECISIONS} SET policy_hash = 'x' WHERE customer_id = 'C2'",
        (DECISIONS, "2025-01-16 C2 I-C2", "its identifiers, policy or input hash differ from the ledger"),
    ),
    "the content of an entry was changed": (
        f"UPDATE {LEDGER} SET content = replace(content, 'write', 'call') WHERE entry = 2",
        (LEDGER, "entry 2, 2025-01-16 I-C2", "its content differs from its hash"),
    ),
    "the content of an entry and its hash were changed": (
        f"UPDATE {LEDGER} SET content = 'x', content_hash = sha256('x') WHERE entry = 2",
        (LEDGER, "entry 2, 2025-01-16 I-C2", "the entry differs from its hash"),
    ),
    "the customer of an entry was changed": (
        f"UPDATE {LEDGER} SET customer_id = 'C9' WHERE entry = 2",
        (LEDGER, "entry 2, 2025-01-16 I-C2", "its content differs from its hash"),
    ),
    "the run of an entry was changed": (
        f"UPDATE {LEDGER} SET run_id = 'x' WHERE entry = 2",
        (LEDGER, "entry 2, 2025-01-16 I-C2", "the entry differs from its hash"),
    ),
    "a hash was taken away": (
        f"UPDATE {LEDGER} SET previous_hash = NULL WHERE entry = 3",
        (LEDGER, "entry 3", "it does not carry the hash of entry 2"),
    ),
    "an entry was cut out": (
        f"DELETE FROM {LEDGER} WHERE entry = 2",
        (LEDGER, "entry 3", "entries 2 to 2 are missing"),
    ),
    "the first entry was cut off": (
        f"DELETE FROM {LEDGER} WHERE entry = 1",
        (LEDGER, "entry 2", "entries 1 to 1 are missing"),
    ),
    "the end was cut off, with its decision": (
        f"DELETE FROM {LEDGER} WHERE entry = 4; DELETE FROM {DECISIONS} WHERE customer_id = 'C3'",
        (LEDGER, "entry 4", "it is missing: run run 2 ended the chain with "),
    ),
    "two entries changed places": (
        f"UPDATE {LEDGER} SET entry = CASE entry WHEN 2 THEN 3 ELSE 2 END WHERE entry IN (2, 3)",
        (LEDGER, "entry 2", "it does not carry the hash of entry 1"),
    ),
    "an entry was doubled": (
        f"INSERT INTO {LEDGER} SELECT * FROM {LEDGER} WHERE entry = 2",
        (LEDGER, "entry 2", "the entry occurs twice"),
    ),
    "an entry was appended": (
        f"INSERT INTO {LEDGER} SELECT * REPLACE (5 AS entry) FROM {LEDGER} WHERE entry = 4",
        (LEDGER, "entry 5", "it does not carry the hash of entry 4"),
    ),
    "an entry was emptied without an erasure": (
        f"UPDATE {LEDGER} SET {EMPTIED} WHERE entry = 2; DELETE FROM {DECISIONS} WHERE customer_id = 'C2'",
        (LEDGER, "entry 2, 2025-01-16", "its content is missing, and no erasure names it"),
    ),
    "the text of a policy was changed": (
        "UPDATE audit.policies SET content = replace(content, '0.5', '0.6')",
        ("audit.policies", f"policy {POLICY[:12]}", "its text differs from its hash"),
    ),
    "the text of a policy is no policy any more": (
        "UPDATE audit.policies SET content = '[no'",
        ("audit.policies", f"policy {POLICY[:12]}", "its text differs from its hash"),
    ),
    "a policy was taken away": (
        "DELETE FROM audit.policies",
        ("audit.policies", f"policy {POLICY[:12]}", "it decided, and is not on record: it was taken away"),
    ),
    "a tombstone was made up": (
        "INSERT INTO audit.erasures BY NAME SELECT 'E-1' AS erasure_id, 'x' AS customer_hash, TRUE AS is_complete",
        ("audit.erasures", "E-1", "the ledger does not know the tombstone, or knows it otherwise"),
    ),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_what_was_tampered_with_is_named(house: House, name: str) -> None:
    statement, (table, place, what) = TAMPERINGS[name]
    house.connection.execute(statement)
    found = house.findings()
    assert any(
        (finding.table, finding.place) == (table, place) and finding.what.startswith(what) for finding in found
    ), found


def test_verify_detects_a_replaced_chain_by_recorded_heads(house: House) -> None:
    """A writer of the database can compute a new chain, but cannot change heads recorded elsewhere."""
    kept = house.entries()[-1]["entry_hash"]
    house.connection.execute(f"UPDATE {DECISIONS} SET confidence = 0.9; TRUNCATE {LEDGER}")
    head = add_decisions(house.connection, "cjo", house.chain, [FIRST, SECOND], Stamp("run 1", POLICY, "code"))
    assert [finding.place for finding in house.findings()] == ["entry 2", "entry 4"], "as the runs recorded it"
    house.connection.execute("DELETE FROM audit.runs")
    assert house.findings() == [], "the file alone is consistent"
    assert house.findings(head.entry_hash) == []
    assert [finding.what for finding in house.findings(kept)] == [f"no entry has the expected hash {kept}"]


def test_a_head_of_earlier_days_is_in_the_chain_for_ever(house: House) -> None:
    assert house.findings(house.entries()[1]["entry_hash"]) == []


def test_old_days_are_compared_with_their_files(house: House) -> None:
    folder = house.settings.home / "history" / DECISIONS
    folder.mkdir(parents=True)
    where = f"FROM {DECISIONS} WHERE as_of = '{FIRST}'"
    house.connection.execute(f"COPY (SELECT * {where}) TO '{folder / f'{FIRST}.parquet'}'")
    house.connection.execute(f"DELETE {where}")
    assert house.findings() == []
    changed = f"SELECT * REPLACE (0.1 AS confidence) {where}"
    house.connection.execute(f"INSERT INTO {DECISIONS} FROM read_parquet('{folder / f'{FIRST}.parquet'}')")
    house.connection.execute(f"COPY ({changed}) TO '{folder / f'{FIRST}.parquet'}'")
    house.connection.execute(f"DELETE {where}")
    assert {finding.what for finding in house.findings()} == {"confidence is 0.1, was 0.5"}
