"""Tests of tenancy on generated records: references to another customer's record are rejected and reach no table."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import duckdb
import pyarrow
import pyarrow.parquet
import pytest

from cjo_assets.catalog import families_about
from cjo_assets.engine.store import Store
from cjo_assets.families.lifecycle.synth.datasets import LifecycleRequest, generated_lifecycle
from cjo_assets.ingest.chain import compute_day, load_files
from cjo_assets.policy import Policy
from cjo_assets_tests.support.catalog import STATEMENTS
from cjo_assets_tests.support.chain import Chain

UNTIL = date(2025, 1, 20)
UNKNOWN = "customer_id: unknown organization"
OF_ANOTHER = {
    ("conversations", "config_id"): ("config_id: configuration of another customer", 2_000),
    ("service_windows", "config_id"): ("config_id: configuration of another customer", 400),
    ("tickets", "assigned_to"): ("assigned_to: person of another customer", 1_200),
    ("lifecycle_events", "actor_id"): ("actor_id: person of another customer", 1_500),
    ("lifecycle_events", "subject_id"): ("subject_id: record of another customer", 2_000),
    ("lifecycle_events", "related_id"): ("related_id: configuration of another customer", 30),
    ("config_versions", "saved_by"): ("saved_by: person of another customer", 30),
}
OF_NOBODY = {
    "conversations": 800,
    "tickets": 400,
    "lifecycle_events": 500,
    "usage_daily": 800,
    "model_calls": 140,
    "knowledge_searches": 100,
    "service_windows": 100,
}
TYPES = {
    "subject_id": ("ticket_status_set", "escalated", "csat_given"),
    "related_id": ("config_deployed", "config_change_requested"),
}
Rows = list[dict[str, Any]]
# Ids of records with their owners.
Owned = list[tuple[str, str]]


@dataclass
class Records:
    """Generated records with planted references, by dataset.

    Attributes:
        tables: rows of each dataset.
        schemas: their types.
        rules: the rule that each planted row breaks, by dataset and number of the row in its file.
        found: number of searches that found a document of another customer.
    """

    tables: dict[str, Rows]
    schemas: dict[str, pyarrow.Schema]
    rules: dict[tuple[str, int], str] = field(default_factory=dict)
    found: int = 0

    def choose(self, draw: random.Random, dataset: str, count: int, column: str) -> Rows:
        """Return rows in which nothing was planted yet, and which have a value in a column."""
        rows = self.tables[dataset]
        free = [row for row in rows if row[column] is not None and "rule" not in row]
        return draw.sample(free, count)

    def take_rules(self) -> None:
        """Take the rules of planted rows out of the rows, and count the searches."""
        for dataset, rows in self.tables.items():
            for number, row in enumerate(rows, 1):
                if "rule" in row:
                    self.rules[dataset, number] = row.pop("rule")
                elif dataset == "knowledge_searches":
                    self.found += (row["document_customer_id"] or row["customer_id"]) != row["customer_id"]

    def owned(self, dataset: str, column: str) -> Owned:
        """Return the records of customers that will be accepted, with their owners."""
        pairs = {(row[column], row["customer_id"]) for row in self.tables[dataset] if "rule" not in row}
        return sorted((name, owner) for name, owner in pairs if owner is not None)

    def plant(self, draw: random.Random, dataset: str, column: str, owned: Owned) -> None:
        """Replace values of a column by records of other customers."""
        rule, count = OF_ANOTHER[dataset, column]
        types = TYPES.get(column)
        free = [
            row
            for row in self.tables[dataset]
            if "rule" not in row and row["customer_id"] and (types is None or row["event_type"] in types)
        ]
        for row in draw.sample(free, count):
            name, owner = draw.choice(owned)
            while owner == row["customer_id"]:
                name, owner = draw.choice(owned)
            row.update({column: name, "rule": rule})


@pytest.fixture(scope="module")
def records(policy: Policy) -> Records:
    """Return the records of 200 organizations, in 10,000 rows of which a record of another customer is named."""
    made = generated_lifecycle(LifecycleRequest(200, 11, UNTIL, weeks=52, conversations=60.0, tickets=30.0), policy)
    tables: dict[str, Rows] = {}
    schemas: dict[str, pyarrow.Schema] = {}
    for name, table in made.batches():
        tables.setdefault(name, []).extend(table.to_pylist())
        schemas[name] = table.schema
    found, draw = Records(tables, schemas), random.Random(5)
    for dataset, count in OF_NOBODY.items():
        for number, row in enumerate(found.choose(draw, dataset, count, "customer_id")):
            row.update(
                {"customer_id": f"NOBODY_{number}", "rule": UNKNOWN} | ({"actor_id": None} if "actor_id" in row else {})
            )
    people = found.owned("people", "person_id")
    found.plant(draw, "config_versions", "saved_by", people)
    configurations = found.owned("config_versions", "config_id")
    for dataset, column in OF_ANOTHER:
        if column in ("config_id", "related_id"):
            found.plant(draw, dataset, column, configurations)
        elif column in ("assigned_to", "actor_id"):
            found.plant(draw, dataset, column, people)
    # Last, because a ticket that was rejected itself has no owner.
    found.plant(draw, "lifecycle_events", "subject_id", found.owned("tickets", "ticket_id"))
    owners = sorted({row["customer_id"] for row in tables["organizations"]})
    for row in found.choose(draw, "knowledge_searches", 50, "document_id"):
        row["document_customer_id"] = draw.choice([owner for owner in owners if owner != row["customer_id"]])
    found.take_rules()
    return found


@pytest.fixture(scope="module")
def chain(records: Records, tmp_path_factory: pytest.TempPathFactory, policy: Policy) -> Iterator[Chain]:
    """Return the last day computed over the records."""
    folder = tmp_path_factory.mktemp("tenancy")
    for name, rows in records.tables.items():
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows, records.schemas[name]), folder / f"{name}.parquet")
    families = families_about("lifecycle")
    store = Store(duckdb.connect(), families, STATEMENTS)
    load_files(store, families, folder, folder / "archive")
    yield Chain(store, compute_day(store, families, UNTIL, policy))
    store.connection.close()


def test_each_planted_reference_is_named_by_its_rule_and_nothing_else_is_rejected(
    records: Records, chain: Chain
) -> None:
    assert len(records.rules) == 10_000
    found = {
        (dataset, row["source_row"]): row["broken_rules"]
        for dataset in records.tables
        for row in chain.rows(f"SELECT source_row, broken_rules FROM quarantine.{dataset}")
    }
    assert set(found) == set(records.rules)
    # A row of an unknown customer also names a configuration or person that is not its own.
    assert [place for place, rules in found.items() if not {records.rules[place]} <= set(rules)] == []


def test_documents_of_another_customer_are_counted(records: Records, chain: Chain) -> None:
    """A search that found one is accepted: it is what the check is for."""
    verdict = chain.stored["lifecycle.daily_metrics"].verdicts["documents_of_another_customer"]
    assert sum(verdict.broken.values()) == records.found
    assert records.found >= 50


def test_no_row_of_a_customer_names_a_record_of_another(chain: Chain) -> None:
    """Each text of each table is compared with the owners of all accepted records."""
    connection = chain.store.connection
    connection.execute(
        """
        CREATE TEMP TABLE owners AS
        SELECT ticket_id AS record_id, customer_id FROM lifecycle.tickets
        UNION SELECT conversation_id, customer_id FROM lifecycle.conversations
        UNION SELECT config_id, customer_id FROM lifecycle.config_versions
        UNION SELECT person_id, customer_id FROM lifecycle.people WHERE customer_id IS NOT NULL
        UNION SELECT subject_id, customer_id FROM lifecycle.lifecycle_events
        WHERE customer_id IS NOT NULL AND subject_id IS NOT NULL
        """
    )
    assert chain.rows("SELECT record_id FROM owners GROUP BY 1 HAVING count(*) > 1") == []
    texts = chain.rows(
        """
        SELECT schema_name || '.' || table_name AS name, column_name, data_type FROM duckdb_columns()
        WHERE data_type IN ('VARCHAR', 'VARCHAR[]') AND column_name <> 'customer_id' AND schema_name = 'lifecycle'
            AND table_name IN (
                SELECT table_name FROM duckdb_columns() WHERE schema_name = 'lifecycle' AND column_name = 'customer_id'
            )
        """
    )
    named, foreign = 0, []
    for text in texts:
        name, column = text["name"], text["column_name"]
        # Evidence has the dataset before the id.
        values = f"unnest({column})" if text["data_type"] == "VARCHAR[]" else column
        [row] = chain.rows(
            f"""
            SELECT count(*) AS named, count(*) FILTER (rows.customer_id <> owners.customer_id) AS foreign_rows
            FROM (SELECT customer_id, regexp_replace({values}, '^[a-z_]+:', '') AS value FROM {name}) AS rows
            JOIN owners ON owners.record_id = rows.value
            """
        )
        named += row["named"]
        if row["foreign_rows"]:
            foreign.append((name, column, row["foreign_rows"]))
    assert foreign == []
    assert named > 30_000
