"""Commands about what was and what would be: replay, what changed a score, what a policy would change.

Belongs here: options, exit codes, and what a person reads in the terminal. Does not belong here: any computation.
"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

console = Console()
errors = Console(stderr=True)

REFUSED = 2

HomeOption = Annotated[Path | None, typer.Option("--home", help="Folder of the results [CJO_HOME, else warehouse/].")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print it as JSON.")]


def register(app: typer.Typer) -> None:
    """Add the commands to `cjo`."""
    app.command()(replay)


def replay(
    as_of: Annotated[str, typer.Option("--as-of", help="Day to rebuild, YYYY-MM-DD.")],
    last: Annotated[str | None, typer.Option("--to", help="Last day, where it is several.")] = None,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Rebuild published days from their files and policy, and compare: exit 0 identical, 1 differs, 2 cannot."""
    from cjo_assets.audit.replay import EXIT_CODES, as_rows, worst
    from cjo_assets.wiring.errors import PastError
    from cjo_assets.wiring.past import scratch
    from cjo_assets.wiring.replaying import replayed

    first_day = _date("--as-of", as_of)
    last_day = _date("--to", last) if last else first_day
    verdicts = []
    try:
        with scratch(_settings(home)) as past:
            days = [day for day in past.published_days() if first_day <= day <= last_day]
            for verdict in replayed(past, days or [first_day]):
                verdicts.append(verdict)
                if not as_json:
                    _print_verdict(verdict)
    except PastError as error:
        _refuse(str(error))
    if as_json:
        _print_json([as_rows(verdict) for verdict in verdicts])
    raise typer.Exit(EXIT_CODES[worst([verdict.state for verdict in verdicts])])


def _print_verdict(verdict: Any) -> None:
    from cjo_assets.audit.replay import IDENTICAL

    rows = sum(table.rows for table in verdict.tables)
    counted = f", {len(verdict.tables)} tables, {rows:,} rows, hash {verdict.content}" if verdict.tables else ""
    console.print(f"{verdict.as_of} {verdict.state}{counted}", highlight=False)
    if verdict.state == IDENTICAL:
        return
    for table in verdict.tables:
        if table.is_identical:
            continue
        _print_plain(f"  {table.table}: {table.differing:,} of {table.published_rows:,} rows")
        for row in table.examples:
            key = " ".join(str(value) for value in row.key.values())
            changes = "; ".join(f"{name} {then} -> {now}" for name, (then, now) in row.columns.items())
            _print_plain(f"    {key}: {row.kind}" + (f": {changes} (published -> replayed)" if changes else ""))
    for reason in verdict.reasons:
        _print_plain(f"  because {reason}")


def _settings(home: Path | None) -> Any:
    import os

    from cjo_assets.wiring.settings import Settings

    if home is not None:
        os.environ["CJO_HOME"] = str(home.resolve())
    return Settings.from_environment()


def _date(option: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        _refuse(f"{option} {text}: a date is written YYYY-MM-DD.")
        raise


def _print_plain(text: str) -> None:
    """Print text that may hold anything a customer wrote, with nothing in it that a terminal would obey."""
    text = "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
    console.print(text, highlight=False, markup=False, soft_wrap=True)


def _print_json(content: Any) -> None:
    print(json.dumps(content, indent=1, ensure_ascii=False))


def _refuse(message: str) -> None:
    errors.print("[bold red]Error:[/bold red]", end=" ")
    errors.print(message, highlight=False, markup=False, soft_wrap=True)
    raise typer.Exit(REFUSED)
