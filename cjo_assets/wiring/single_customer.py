"""One customer's chain, computed in memory: goal, plan and the rows of every step.

Belongs here: the same tables over the same files, with nothing written, and the rows of one customer shown. Forecasts,
what is learned, the budget and the capacity of a day are of all customers together: computed over one customer alone,
the figures would not be those of the tables. Does not belong here: any rule.
"""

from __future__ import annotations

import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console

from cjo_assets.audit.runs import goal_of, plan_of
from cjo_assets.policy import load_policy
from cjo_assets.shared.contract import columns_of
from cjo_assets.terminal import say
from cjo_assets.wiring.errors import ContractBreachError, InputError
from cjo_assets.wiring.families import families_about
from cjo_assets.wiring.plain import compute_day, load_files
from cjo_assets.wiring.restore import remember_published
from cjo_assets.wiring.settings import Settings
from cjo_assets.wiring.sources import days_of_records
from cjo_assets.wiring.store import Store

FAMILY = "journey"
CHAIN = (
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
)


def print_chain(console: Console, customer_id: str, day: date | None) -> bool:
    """Print what the rules make of one customer; False where there is no such customer."""
    settings = Settings.from_environment()
    policy = load_policy(settings.policy)
    families = families_about(FAMILY)
    with tempfile.TemporaryDirectory() as archive, duckdb.connect() as connection:
        store = Store(connection, families)
        load_files(store, families, settings.data, Path(archive), settings.home)
        as_of = day or days_of_records(connection, store.datasets)[1]
        if as_of is None:
            raise InputError(f"No file in {settings.data} holds a date up to today; say --as-of.")
        if not store.rows("FROM raw.customers WHERE customer_id = ?", customer_id):
            return False
        # An open need keeps its id from day to day.
        remember_published(store, settings.published, [*store.read_by_later_days(), "audit.runs"])
        try:
            compute_day(store, families, as_of, policy)
        except ContractBreachError as breach:
            raise InputError(str(breach)) from breach
        if not store.rows("FROM journey.customers WHERE customer_id = ?", customer_id):
            raise InputError(_why_not(store, customer_id))
        console.print(
            f"[bold]Goal[/bold] {goal_of(FAMILY, as_of, customer_id)['objective']} Scope: ", end="", highlight=False
        )
        console.print(f"{customer_id} on {as_of}", highlight=False, markup=False)
        console.print(
            "[bold]Plan[/bold] " + " -> ".join(step["name"] for step in plan_of(FAMILY, None)), highlight=False
        )
        console.print("[bold]Evidence[/bold]")
        _print_rows(console, "customers", store.rows("FROM journey.customers WHERE customer_id = ?", customer_id))
        for name in CHAIN:
            table = store.tables[FAMILY, name]
            where = " AND as_of = ?" if table.is_dated else ""
            order = ", ".join(f'"{column}"' for column in columns_in_key(table))
            query = f"FROM {table.full_name} WHERE customer_id = ?{where} ORDER BY {order}"
            rows = store.rows(query, customer_id, *([as_of] if where else []))
            _print_rows(console, name, rows)
    return True


def columns_in_key(table: Any) -> list[str]:
    """Return the columns that order a table's rows."""
    return list(table.contract.to_schema().unique or [columns_of(table.contract)[0].name])


def _why_not(store: Store, customer_id: str) -> str:
    """Return why a customer who is in the file is not among the customers."""
    turned_away = [
        f"{row['dataset']}: {', '.join(row['broken_rules'])}"
        for dataset in store.datasets
        for row in store.rows(f"FROM quarantine.{dataset.name} WHERE customer_id = ?", customer_id)
    ]
    return f"The records of customer {customer_id} were turned away: {'; '.join(turned_away)}."


def _print_rows(console: Console, name: str, rows: list[dict[str, Any]]) -> None:
    console.print(f"  [bold]{name}[/bold]" + ("" if rows else ": none"), highlight=False)
    for row in rows:
        cells = [f"{column}={value}" for column, value in row.items() if column not in ("as_of", "customer_id")]
        say("    " + "  ".join(cells), console)
