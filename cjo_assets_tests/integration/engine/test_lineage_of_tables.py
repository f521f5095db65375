"""Tests of the lineage of declared tables, compared with the effect of changed inputs."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import pytest

from cjo_assets.catalog import families_about
from cjo_assets.core.contract import columns_of, is_discardable, key_of, may_discard
from cjo_assets.core.dataset import Dataset
from cjo_assets.core.quarantine.dataset_tables import discarded_name
from cjo_assets.core.settings import PROJECT
from cjo_assets.core.table import QUARANTINE, RAW, Table, in_order
from cjo_assets.engine.lineage.query import VALUE, Edge, Lineage
from cjo_assets.engine.store import Stored
from cjo_assets.engine.validation import judged
from cjo_assets.families.audit.records.column_lineage import ColumnLineage
from cjo_assets.policy import load_policy
from cjo_assets.warehouse.lineage_records import COLUMN_LINEAGE, record_lineage
from cjo_assets.warehouse.views import has_latest
from cjo_assets_tests.support.chain import Chain
from cjo_assets_tests.support.perturb import Answer, Scratch
from cjo_assets_tests.support.rows import Row, default_row

PAGE = PROJECT / "docs" / "explanation" / "lineage.md"
DAY = date(2025, 1, 20)
EARLIER = (7, 30)
TABLES = [table for family in families_about("journey") for table in family.tables if table.transform is not None]
Source = tuple[str, str]


@pytest.fixture(scope="module")
def chain(sample_day: Callable[[date], Chain]) -> Chain:
    """Return the sample, computed."""
    return sample_day(DAY)


@pytest.fixture(scope="module")
def scratch(chain: Chain) -> Iterator[Scratch]:
    """Return a copy with a past and without empty inputs: earlier days, additional rows, and discarded values."""
    copy = Scratch(chain.store.connection)
    ran = (
        "INSERT INTO audit.runs BY NAME SELECT run_id, 'journey' AS family, "
        "DATE '{0}' - days AS as_of, TRUE AS is_published FROM "
    )
    copy.connection.execute((ran + "(VALUES ('now', 0), ('week', 7), ('month', 30)) AS t(run_id, days)").format(DAY))
    for table in TABLES:
        for days in EARLIER if table.is_dated and not table.is_view else ():
            moved = f"SELECT * REPLACE (as_of - {days} AS as_of) FROM {table.full_name} WHERE as_of = DATE '{DAY}'"
            copy.connection.execute(f"INSERT INTO {table.full_name} BY NAME {moved}")
    for family in families_about("journey"):
        for dataset in family.datasets:
            lookup = f"{family.name}.{dataset.lookup}"
            if not copy.answer(f"FROM {lookup}").rows:
                for number in (1, 2, 3):
                    insert(copy, lookup, default_row(dataset.contract, number))
            if may_discard(dataset.contract):
                discarded = f"{QUARANTINE}.{discarded_name(dataset)}"
                for number in (101, 102, 103):
                    insert(copy, f"{RAW}.{dataset.name}", row_with_unreadable_values(dataset, number))
                copy.connection.execute(f"INSERT INTO {discarded} BY NAME {chain.stored[discarded].sql}")
    yield copy
    copy.close()


def insert(scratch: Scratch, table: str, row: Row) -> None:
    """Insert a row into a table of the scratch database."""
    marks = ", ".join("?" * len(row))
    scratch.connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", [*row.values()])


def row_with_unreadable_values(dataset: Dataset, number: int) -> Row:
    """Return a row of a file whose required values are valid and whose discardable values cannot be read."""
    row = {name: written(value) for name, value in default_row(dataset.contract, number).items()}
    row |= {spec.name: "\u0007" for spec in columns_of(dataset.contract) if is_discardable(spec, load_policy())}
    return row | {"source_file": f"{dataset.name}.json", "source_row": number, "file_sha256": "of the added rows"}


def written(value: Any) -> str | None:
    """Return a value as a file has it."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, date):
        return value.isoformat()
    return json.dumps(value)


@dataclass
class Found:
    """Predicted and observed dependencies of a table.

    Attributes:
        predicted: per source column, the columns that follow from it; of these directly.
        seen: the source columns worth changing: what does nothing but decide about rows may change every column, so
            that nothing could surprise.
        changed: pairs of source column and column whose change was observed.
        surprises: what changed and was not predicted.
    """

    predicted: dict[Source, set[str]] = field(default_factory=dict)
    direct: set[tuple[Source, str]] = field(default_factory=set)
    seen: set[Source] = field(default_factory=set)
    changed: set[tuple[Source, str]] = field(default_factory=set)
    surprises: list[str] = field(default_factory=list)


def predicted(stored: Stored) -> Found:
    """Return what the lineage of a table predicts."""
    found = Found()
    for column in stored.lineage.columns:
        for edge in stored.lineage.of(column):
            found.predicted.setdefault((edge.table, edge.column), set()).add(column)
            if edge.role == VALUE:
                found.direct.add(((edge.table, edge.column), column))
    deciding = {(edge.table, edge.column) for edge in stored.lineage.rows}
    found.seen = {source for source, _ in found.direct} | (set(found.predicted) - deciding)
    return found


def observed(table: Table, stored: Stored, scratch: Scratch) -> Found:
    """Change the inputs of a table, one column at a time, and see what changes in it."""
    found = predicted(stored)
    read = {f"{reference.schema}.{reference.name}" for reference in table.inputs().values()}
    inputs = read | {source for source, _ in found.predicted}
    every = {(name, column) for name in inputs for column in scratch.columns(name)}
    key = key_of(table.contract)
    with scratch.prepared(stored.sql) as statement:
        before = scratch.answer(statement)

        def see(*columns: Source) -> None:
            # A key may be a rank, which follows from what it is ranked by.
            moves_key = any(name in found.predicted.get(source, ()) for source in columns for name in key)
            with scratch.changed(columns):
                seen = before.changed(scratch.answer(statement), () if moves_key else key)
            for name in seen:
                if any(name in found.predicted.get(source, ()) for source in columns):
                    found.changed.add((columns[0], name))
                else:
                    found.surprises.append(f"{table.full_name}.{name} when {columns} change")

        for source in sorted(found.seen):
            see(source)
        if unread := sorted(every - set(found.predicted)):
            see(*unread)
    return found


@pytest.fixture(scope="module")
def findings(chain: Chain, scratch: Scratch) -> dict[str, Found]:
    """Return what was predicted and seen of every table."""
    return {table.full_name: observed(table, chain.stored[table.full_name], scratch) for table in TABLES}


def test_every_column_that_changes_is_predicted(findings: dict[str, Found]) -> None:
    assert set(findings) == {table.full_name for table in TABLES}
    assert [surprise for found in findings.values() for surprise in found.surprises] == []


def test_a_fair_share_of_what_is_predicted_changes(
    findings: dict[str, Found], record_property: Callable[[str, object], None]
) -> None:
    predictions = sum(len(found.predicted[source]) for found in findings.values() for source in found.seen)
    changed = sum(len(found.changed) for found in findings.values())
    direct = sum(len(found.direct) for found in findings.values())
    direct_changed = sum(len(found.changed & found.direct) for found in findings.values())
    shares = {"all": changed / predictions, "direct": direct_changed / direct}
    record_property("share of predicted columns that changed", shares)
    print(f"{changed} of {predictions}, directly {direct_changed} of {direct}: {shares}")
    assert shares["direct"] > 0.45
    assert shares["all"] > 0.25


@pytest.mark.parametrize("role", ["value", "join", "filter"])
def test_missing_edges_are_detected(chain: Chain, scratch: Scratch, role: str) -> None:
    table = next(table for table in TABLES if table.full_name == "journey.risk_scores")
    stored = chain.stored[table.full_name]

    def without(edges: frozenset[Edge]) -> frozenset[Edge]:
        return frozenset(edge for edge in edges if edge.role != role)

    columns = {name: without(edges) for name, edges in stored.lineage.columns.items()}
    forgetful = replace(stored, lineage=Lineage(columns, without(stored.lineage.rows)))
    assert observed(table, forgetful, scratch).surprises


def computed_again(scratch: Scratch, chain: Chain) -> dict[str, Answer]:
    """Run every statement in order, on what the scratch database holds now, and return the tables."""
    answers: dict[str, Answer] = {}
    for table in in_order(TABLES):
        statement = chain.stored[table.full_name].sql
        names = ", ".join(spec.name for spec in columns_of(table.contract))
        if table.is_view:
            answers[table.full_name] = scratch.answer(statement)
            continue
        today = f" WHERE as_of = DATE '{DAY}'" if table.is_dated else ""
        scratch.connection.execute(f"DELETE FROM {table.full_name}{today}")
        scratch.connection.execute(f"INSERT INTO {table.full_name} ({names}) {statement}")
        answers[table.full_name] = scratch.answer(f"FROM {table.full_name}{today}")
    return answers


@pytest.fixture(scope="module")
def as_it_was(chain: Chain, scratch: Scratch) -> dict[str, Answer]:
    """Return the tables, computed again of what has not changed."""
    with scratch.changed([]):
        return computed_again(scratch, chain)


def downstream(chain: Chain, source: Source) -> set[Source]:
    """Return the columns that follow from a column, however far."""
    edges = [
        ((edge.table, edge.column), (name, column))
        for name, lineage in chain.store.lineages.items()
        for column in lineage.columns
        for edge in lineage.of(column)
    ]
    found, front = {source}, {source}
    while front:
        front = {column for origin, column in edges if origin in front} - found
        found |= front
    return found


@pytest.mark.parametrize(
    ("source", "touched", "untouched"),
    [
        (
            ("raw.customers", "account_value"),
            {("journey.risk_scores", "overall_risk_score"), ("latest.customer_360", "revenue_at_risk")},
            {("journey.signals", "signal_strength"), ("journey.risk_scores", "churn_risk_score")},
        ),
        (
            ("raw.signals", "signal_strength"),
            {("journey.aggregated_signals", "average_signal_strength"), ("journey.risk_scores", "overall_risk_score")},
            {("journey.customers", "account_value"), ("journey.journey_states", "days_in_state")},
        ),
        (
            ("raw.playbooks", "risk_threshold"),
            {("journey.playbooks", "risk_threshold"), ("journey.recommended_interventions", "input_hash")},
            {
                ("journey.journey_forecasts", "churn_probability"),
                ("journey.aggregated_signals", "average_signal_strength"),
            },
        ),
    ],
    ids=lambda found: ".".join(found) if isinstance(found, tuple) else "",
)
def test_what_a_raw_column_changes_down_the_chain_is_predicted(
    chain: Chain,
    scratch: Scratch,
    as_it_was: dict[str, Answer],
    source: Source,
    touched: set[Source],
    untouched: set[Source],
) -> None:
    assert touched | untouched <= {
        (name, column) for name, lineage in chain.store.lineages.items() for column in lineage.columns
    }
    with scratch.changed([source]):
        after = computed_again(scratch, chain)
    changed = {(name, column) for name in after for column in as_it_was[name].changed(after[name], ())}
    predictions = downstream(chain, source)
    assert changed - predictions == set()
    assert touched <= changed
    assert not untouched & changed


def test_lineage_table_lists_raw_columns_of_a_column(chain: Chain) -> None:
    store = chain.store
    record_lineage(store)
    recipe = PAGE.read_text(encoding="utf-8").partition("```sql\n")[2].partition("```")[0]
    found = store.connection.execute(recipe).fetchall()
    direct = {(table, column) for table, column, kind in found if kind == "direct"}
    assert direct >= {("raw.customers", "account_value"), ("raw.signals", "signal_strength")}
    assert {table.partition(".")[0] for table, _, _ in found} == {"raw"}
    asked = ("journey.risk_scores", "overall_risk_score")
    assert {(table, column) for table, column, _ in found} == {
        source
        for source in {(edge.table, edge.column) for lineage in store.lineages.values() for edge in edges_in(lineage)}
        if source[0].startswith("raw.") and asked in downstream(chain, source)
    }
    again = store.connection.execute(f"SELECT count(*) FROM {COLUMN_LINEAGE}").fetchone()
    assert again == (record_lineage(store),), "recording twice stores once"
    verdict = judged(store.backend.table("column_lineage", database="audit"), ColumnLineage, load_policy().vocabulary)
    assert verdict.passed, verdict


def test_every_column_of_every_table_has_its_lineage(chain: Chain) -> None:
    for table in TABLES:
        lineage = chain.store.lineages[table.full_name]
        assert list(lineage.columns) == [spec.name for spec in columns_of(table.contract)], table.full_name
    every = chain.store.tables.values()
    latest = {f"latest.{table.name}" for table in every if has_latest(chain.store, table) and not table.is_view}
    record_lineage(chain.store)
    views = {row["table_name"] for row in chain.rows(f"FROM {COLUMN_LINEAGE} WHERE table_name LIKE 'latest.%'")}
    assert views == latest | {"latest.customer_360"}


def test_earlier_days_and_decisions_issued_are_edges_too(chain: Chain) -> None:
    lineage = chain.store.lineages["journey.recommended_interventions"]
    own = {edge.column for column in lineage.columns for edge in lineage.of(column) if edge.table.endswith("tions")}
    assert "triggered_by_signals" in own
    ledger = {edge.table for edge in chain.store.lineages["journey.intervention_ledger"].of("customer_id")}
    assert "journey.recommended_interventions" in ledger


def edges_in(lineage: Lineage) -> set[Edge]:
    """Return all edges of a table."""
    return set().union(*(lineage.of(column) for column in lineage.columns))
