"""Output of `cjo run --customer` and `--campaign`: the rows of one subject in each table, computed in memory.

Several families may be about the same kind of subject; each has its own last day.

All subjects are computed, because forecasts, learned estimates, budgets and experiment corrections depend on all of
them.
"""

from __future__ import annotations

import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import ibis
from rich.console import Console

from cjo_assets.catalog import data_families, families_about
from cjo_assets.cli.terminal import say
from cjo_assets.core.answers import Subject
from cjo_assets.core.contract import columns_of, key_of
from cjo_assets.core.errors import ContractBreachError, InputError
from cjo_assets.core.family import Family
from cjo_assets.core.settings import Settings
from cjo_assets.core.table import Reference, Table
from cjo_assets.engine.store import Store
from cjo_assets.ingest.accepted_days import days_of_accepted_records
from cjo_assets.ingest.chain import compute_day, load_files
from cjo_assets.ingest.files import is_supplied
from cjo_assets.policy import load_policy
from cjo_assets.warehouse.build import kept_statements
from cjo_assets.warehouse.restore import remember_published

Rows = list[dict[str, Any]]


def print_subject(console: Console, name: str, subject_id: str, day: date | None) -> bool:
    """Print the rows of one subject in each family with files about such subjects; return False if no data contain it.

    Raises:
        InputError: no family can show the subject, and the files or records of one are the reason.
    """
    settings = Settings.from_environment()
    families = [family for family in data_families() if family.subject is not None and family.subject.name == name]
    supplied = [family for family in families if is_supplied(settings.data, family.name, family.datasets)]
    is_shown, reasons = False, []
    for family in supplied or families:
        try:
            is_shown |= print_chain(console, family, subject_id, day)
        except InputError as error:
            reasons.append(error)
    if reasons and not is_shown:
        raise reasons[0]
    for reason in reasons:
        say(str(reason), console)
    return is_shown


def print_chain(console: Console, asked: Family, subject_id: str, day: date | None) -> bool:
    """Print the computed rows of one subject of a family; return False if the data do not contain it."""
    subject = asked.subject
    if subject is None:
        raise LookupError(f"The family {asked.name} has no subject.")
    settings = Settings.from_environment()
    policy = load_policy(settings.policy)
    families = families_about(asked.name)
    with tempfile.TemporaryDirectory() as archive, duckdb.connect() as connection:
        # Those of the audit are written for all families at once, so they are not taken from the home.
        store = Store(connection, families, kept_statements(settings, (asked,)))
        load_files(store, families, settings.data, Path(archive), settings.home)
        [family] = [found for found in families if found.name == asked.name]
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
        itself = store.rows(f"FROM {family.name}.{subject.dataset} {where}", subject_id)
        if not itself:
            raise InputError(_why_not(store, subject, subject_id))
        goal = family.goal_of(as_of, subject_id)
        console.print(f"[bold]Family[/bold] {family.name}", highlight=False)
        console.print(f"[bold]Goal[/bold] {goal['objective']} Scope: ", end="", highlight=False)
        console.print(f"{subject_id} on {as_of}", highlight=False, markup=False)
        steps = " -> ".join(step["name"] for step in family.plan_of(None))
        console.print(f"[bold]Plan[/bold] {steps}", highlight=False)
        console.print("[bold]Evidence[/bold]")
        _print_rows(console, subject, subject.dataset, itself)
        for table in _chain_of(store, family.name, subject):
            _print_rows(console, subject, table.name, rows_about(store, subject, table, subject_id, as_of))
    return True


def rows_about(store: Store, subject: Subject, table: Table, subject_id: str, as_of: date) -> Rows:
    """Return the rows of a computed table about a subject, ordered by key."""
    columns = tuple(spec.name for spec in columns_of(table.contract))
    names = (table.name, *subject.links_of(columns))
    day = ibis.literal(as_of, "date")
    read = {name: store.read(Reference(table.schema, name), day) for name in names}
    rows = subject.rows_of(read[table.name], subject_id, read)
    # The rows of one day have no as_of column, even where it is the whole key.
    key = [name for name in key_of(table.contract) if name in rows.columns]
    return store.rows(store.sql(rows.order_by(key or rows.columns[:1]), as_of))


def _chain_of(store: Store, family: str, subject: Subject) -> list[Table]:
    tables = [
        table
        for (schema, name), table in store.tables.items()
        if schema == family and table.transform is not None and name != subject.dataset
    ]
    return [store.tables[family, name] for name in subject.tables] or tables


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
