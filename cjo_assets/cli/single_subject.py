"""Output of `cjo run --customer` and `--campaign`: the rows of one subject in each table, computed in memory.

All subjects are computed, because forecasts, learned estimates, budgets and experiment corrections depend on all of
them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import ibis.expr.types as ir
from rich.console import Console

from cjo_assets.catalog import families_about
from cjo_assets.cli.terminal import say
from cjo_assets.core.contract import columns_of, key_of
from cjo_assets.core.errors import ContractBreachError, InputError
from cjo_assets.core.settings import Settings
from cjo_assets.core.table import Reference, Table
from cjo_assets.engine.store import Store
from cjo_assets.families.marketing.subject import links_of, rows_of_campaign
from cjo_assets.ingest.accepted_days import days_of_accepted_records
from cjo_assets.ingest.chain import compute_day, load_files
from cjo_assets.policy import load_policy
from cjo_assets.warehouse.restore import remember_published

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Subject:
    """A kind of subject whose rows can be shown.

    Attributes:
        name: its name, and the name of its id column without `_id`.
        family: the family.
        dataset: the dataset, and the validated input, with one row per subject.
        tables: the tables to show, in order; empty for all tables of the family.
        rows_of: filters a table to one subject, given the table, the id and the linked tables.
        links_of: the linked tables that this requires, given the columns of the table.
    """

    name: str
    family: str
    dataset: str
    tables: tuple[str, ...]
    rows_of: Callable[[ir.Table, str, Mapping[str, ir.Table]], ir.Table]
    links_of: Callable[[tuple[str, ...]], tuple[str, ...]] = lambda _: ()

    @property
    def column(self) -> str:
        """Column that names it."""
        return f"{self.name}_id"


def _rows_of_customer(rows: ir.Table, customer_id: str, _: Mapping[str, ir.Table]) -> ir.Table:
    return rows.filter(rows.customer_id == customer_id)


CUSTOMER = Subject(
    "customer",
    "journey",
    "customers",
    (
        "signals",
        "state_entries",
        "journey_states",
        "aggregated_signals",
        "fused_signals",
        "journey_evaluations",
        "journey_forecasts",
        "risk_contributions",
        "risk_scores",
        "intervention_ledger",
        "customer_needs",
        "playbook_candidates",
        "recommended_interventions",
        "coverage_gaps",
        "outcome_analyses",
    ),
    _rows_of_customer,
)
CAMPAIGN = Subject("campaign", "marketing", "campaigns", (), rows_of_campaign, links_of)


def print_chain(console: Console, subject: Subject, subject_id: str, day: date | None) -> bool:
    """Print the computed rows of one subject; return False if the data do not contain it."""
    settings = Settings.from_environment()
    policy = load_policy(settings.policy)
    families = families_about(subject.family)
    with tempfile.TemporaryDirectory() as archive, duckdb.connect() as connection:
        store = Store(connection, families)
        load_files(store, families, settings.data, Path(archive), settings.home)
        [family] = [found for found in families if found.name == subject.family]
        as_of = day or days_of_accepted_records(store, family, policy).last
        if as_of is None:
            raise InputError(f"The files in {settings.data} contain no date up to today. Specify --as-of.")
        where = f"WHERE {subject.column} = ?"
        if not store.rows(f"FROM raw.{subject.dataset} {where}", subject_id):
            return False
        # Open decisions of earlier days keep their ids.
        remember_published(store, settings.published, [*store.read_by_later_days(), "audit.runs"])
        try:
            compute_day(store, families, as_of, policy)
        except ContractBreachError as breach:
            raise InputError(str(breach)) from breach
        itself = store.rows(f"FROM {subject.family}.{subject.dataset} {where}", subject_id)
        if not itself:
            raise InputError(_why_not(store, subject, subject_id))
        goal = family.goal_of(as_of, subject_id)
        console.print(f"[bold]Goal[/bold] {goal['objective']} Scope: ", end="", highlight=False)
        console.print(f"{subject_id} on {as_of}", highlight=False, markup=False)
        steps = " -> ".join(step["name"] for step in family.plan_of(None))
        console.print(f"[bold]Plan[/bold] {steps}", highlight=False)
        console.print("[bold]Evidence[/bold]")
        _print_rows(console, subject, subject.dataset, itself)
        for table in _chain_of(store, subject):
            _print_rows(console, subject, table.name, rows_about(store, subject, table, subject_id, as_of))
    return True


def rows_about(store: Store, subject: Subject, table: Table, subject_id: str, as_of: date) -> Rows:
    """Return the rows of a computed table about a subject, ordered by key."""
    columns = tuple(spec.name for spec in columns_of(table.contract))
    read = {name: store.read(Reference(table.schema, name), as_of) for name in (table.name, *subject.links_of(columns))}
    rows = subject.rows_of(read[table.name], subject_id, read)
    # The rows of one day have no as_of column, even where it is the whole key.
    key = [name for name in key_of(table.contract) if name in rows.columns]
    sql: str = store.backend.compile(rows.order_by(key or rows.columns[:1]))
    return store.rows(sql)


def _chain_of(store: Store, subject: Subject) -> list[Table]:
    tables = [
        table
        for (schema, name), table in store.tables.items()
        if schema == subject.family and table.transform is not None and name != subject.dataset
    ]
    return [store.tables[subject.family, name] for name in subject.tables] or tables


def _why_not(store: Store, subject: Subject, subject_id: str) -> str:
    """Return the message for a subject whose records were rejected."""
    named = "customer_id" if subject.column == "customer_id" else "record_key"
    turned_away = [
        f"{row['dataset']}: {', '.join(row['broken_rules'])}"
        for dataset in store.datasets
        for row in store.rows(f"FROM quarantine.{dataset.name} WHERE {named} = ?", subject_id)
    ]
    return f"The records of {subject.name} {subject_id} were rejected: {'; '.join(turned_away)}."


def _print_rows(console: Console, subject: Subject, name: str, rows: Rows) -> None:
    console.print(f"  [bold]{name}[/bold]" + ("" if rows else ": none"), highlight=False)
    for row in rows:
        cells = [f"{column}={value}" for column, value in row.items() if column not in ("as_of", subject.column)]
        say("    " + "  ".join(cells), console)
