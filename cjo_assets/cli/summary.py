"""Summary that `cjo run` prints: figures of the day from the published database."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import dagster as dg
import duckdb
from rich.console import Console
from rich.table import Table as Grid

from cjo_assets.catalog import data_families
from cjo_assets.cli.terminal import say
from cjo_assets.core.answers import Rows
from cjo_assets.core.family import Family
from cjo_assets.core.settings import PROJECT, Settings
from cjo_assets.engine.rows import as_dicts
from cjo_assets.policy import load_policy
from cjo_assets.policy.labels import LabelsPolicy
from cjo_assets.reporting.home import FIRST_SCREEN
from cjo_assets.reporting.text import day as day_text
from cjo_assets.reporting.text import number
from cjo_assets.warehouse.retention import HISTORY

TABLES_OF_QUARANTINE = (
    "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'quarantine' AND database_name = current_database()"
)


def print_summary(console: Console, family: str, day: date) -> None:
    """Print the figures of a day, its quarantine, failed checks and next steps."""
    settings = Settings.from_environment()
    [about] = [found for found in data_families() if found.name == family]
    datasets = [dataset.name for dataset in about.datasets]
    with duckdb.connect(str(settings.published), read_only=True) as connection:

        def rows(sql: str) -> list[dict[str, Any]]:
            given = {"day": day, "family": family, "datasets": datasets}
            return as_dicts(connection.execute(sql, {name: given[name] for name in given if f"${name}" in sql}))

        grid = grid_of(about, day, rows, load_policy(settings.policy).labels)
        loads = rows("FROM audit.dataset_loads WHERE list_contains($datasets, dataset) ORDER BY dataset")
        rejected = rows(_rules_of(datasets))
        tables = {row["table_name"] for row in rows(TABLES_OF_QUARANTINE)}
        discarded_from = sorted(tables & {f"{name}_discarded_values" for name in datasets})
        discarded = rows(_rules_of(discarded_from)) if discarded_from else []
        stale = rows("SELECT as_of FROM days(of_family := $family) WHERE is_stale")
        report = rows(
            "SELECT report_path FROM audit.runs WHERE as_of = $day AND family = $family ORDER BY ended_at DESC LIMIT 1"
        )[0]

    _print_first_screen(console, settings, report["report_path"])
    console.print(grid)
    console.print(f"[bold]Quarantine[/bold]: {quarantine_of(about, loads)}", highlight=False)
    for row in rejected:
        say(f"  {row['dataset']}: {row['rule']} ({row['rows']:,}): {_short(row['keys'] or 'no key')}", console)
    if discarded:
        console.print("[bold]Discarded values[/bold]: in optional columns; their rows were accepted", highlight=False)
    for row in discarded:
        say(f"  {row['dataset']}: {row['rule']} ({row['rows']:,}): {_short(row['keys'] or 'no key')}", console)
    for load in loads:
        if load["note"]:
            say(f"  {load['dataset']}: {load['note']}", console)
    console.print("[bold]Checks that warned[/bold]")
    for name, count, example in _warnings():
        say(f"  {name}: {number(count, 0)} {_short(example)}", console)
    if stale:
        console.print("[bold]Stale[/bold]: an earlier day has changed since these days were run", highlight=False)
        say(f"  {', '.join(str(row['as_of']) for row in stale)}: run them again, in this order", console)
    _print_places(console, settings, about, report["report_path"])


def _print_first_screen(console: Console, settings: Settings, report: str | None) -> None:
    """Print the verdict of a report and what to do first; nothing where the policy disables reports."""
    path = settings.home / report if report else None
    path = path.with_name(FIRST_SCREEN) if path else None
    if path is None or not path.exists():
        return
    screen = json.loads(path.read_text(encoding="utf-8"))
    say(f"{screen['light']}: {screen['meaning']}", console)
    if screen["actions"]:
        console.print("[bold]Do first[/bold]", highlight=False)
    for action in screen["actions"]:
        parts = [action["owner"], f"due {action['due']}" if action["due"] else "", action["money"], action["command"]]
        say(f"  {action['sentence']} ({'; '.join(part for part in parts if part)})", console)
    if screen["missing"]:
        say(f"Lacks data: {screen['missing']}", console)


def quarantine_of(family: Family, loads: list[dict[str, Any]]) -> str:
    """Return how many rows were rejected of those that people supplied, without rows that another family wrote."""
    exchanged = {dataset.name for dataset in family.datasets if dataset.exchange}
    supplied = [load for load in loads if load["dataset"] not in exchanged]
    rejected, read = (sum(load[name] for load in supplied) for name in ("rows_rejected", "rows_read"))
    return f"{rejected:,} of {read:,} rows"


def _rules_of(tables: list[str]) -> str:
    """Return a query for the broken rules of quarantine tables."""
    parts = " UNION ALL ".join(
        f"SELECT dataset, record_key, unnest(broken_rules) AS rule FROM quarantine.{name}" for name in tables
    )
    return (
        "SELECT dataset, rule, count(*) AS rows, string_agg(record_key, ', ' ORDER BY record_key) AS keys "
        f"FROM ({parts}) GROUP BY ALL ORDER BY dataset, rule"
    )


def grid_of(family: Family, day: date, rows: Rows, labels: LabelsPolicy) -> Grid:
    """Return the figures of a day, or where its rows are if the published database no longer has the day."""
    summary = family.summary
    if summary is None:
        grid = _titled(f"{family.name.capitalize()} on {day_text(day)}")
        grid.add_row("tables", f"{sum(table.schema == family.name for table in family.tables):,}")
        return grid
    if rows(f"FROM {family.name}.{summary.table} WHERE as_of = $day"):
        grid = _titled(f"{summary.title} on {day_text(day)}")
        for label, text in summary.figures(rows, labels):
            grid.add_row(label, text)
        return grid
    grid = _titled(f"{family.name.capitalize()} on {day_text(day)}")
    grid.add_row("beyond retention", f"its rows are in the home in {HISTORY}/<table>/{day}.parquet")
    return grid


def _titled(title: str) -> Grid:
    # A title wraps at the width of its grid.
    return Grid(title=title, show_header=False, title_justify="left", title_style="bold", min_width=len(title))


def _warnings() -> list[tuple[str, float, str]]:
    """Return the failed checks of the latest run: name, number of failing rows, an example."""
    instance = dg.DagsterInstance.get()
    run = instance.get_run_records(limit=1)[0].dagster_run
    found = []
    for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION):
        event = entry.dagster_event
        evaluation = event.asset_check_evaluation_data if event else None
        if evaluation is None or evaluation.passed:
            continue
        broken, examples = (_data(evaluation.metadata.get(name)) for name in ("broken", "examples"))
        count = sum(broken.values()) if broken else 1
        example = examples[0] if examples else {}
        text = ", ".join(f"{name} {value}" for name, value in example.items())
        found.append(
            (f"{evaluation.asset_key.to_user_string()} {evaluation.check_name}", count, f"({text})" if text else "")
        )
    return sorted(found)


def _data(value: dg.MetadataValue[Any] | None) -> Any:
    return value.data if isinstance(value, dg.JsonMetadataValue) else None


def _print_places(console: Console, settings: Settings, family: Family, report: str | None) -> None:
    def near(path: object) -> str:
        text = str(path)
        return text.removeprefix(f"{PROJECT}/")

    console.print("[bold]Next[/bold]")
    say(f"  tables           {near(settings.published)}", console)
    if family.report is not None:
        say(f"  report           {near(settings.home / report) if report else 'switched off by policy'}", console)
    subject = family.subject
    if subject is not None:
        say(f"  {f'one {subject.name}':17}cjo run --{subject.name} ID", console)
    say("  lineage, checks  make ui", console)


def _short(text: str, limit: int = 100) -> str:
    return text if len(text) <= limit else f"{text[:limit]} ..."
