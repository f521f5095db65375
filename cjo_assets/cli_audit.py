"""`cjo audit ...`, `cjo why` and `cjo erase`: what an auditor types.

Belongs here: options, and what a person reads in the terminal. Does not belong here: the questions and their answers.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

console = Console()
errors = Console(stderr=True)
audit = typer.Typer(help="Questions about the records themselves.", no_args_is_help=True)

HomeOption = Annotated[Path | None, typer.Option("--home", help="Folder of the results [CJO_HOME, else warehouse/].")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(audit, name="audit")


@audit.command()
def verify(
    home: HomeOption = None,
    expect: Annotated[
        str | None, typer.Option("--expect", help="Head of the chain as you wrote it down: it must be in it still.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Verify the chain of the decision ledger, and that the decisions are those of the ledger; 1 if they are not."""
    from cjo_assets.wiring.errors import WarehouseError
    from cjo_assets.wiring.settings import places_of
    from cjo_assets.wiring.verifying import verify as verified

    try:
        verdict = verified(places_of(home), expect)
    except WarehouseError as error:
        fail(str(error), 2)
        raise
    if as_json:
        _print(json.dumps(asdict(verdict), ensure_ascii=False))
    else:
        for finding in verdict.findings:
            _print(f"  {finding.table}, {finding.place}: {finding.what}")
        if verdict.found > len(verdict.findings):
            _print(f"  and {verdict.found - len(verdict.findings):,} more")
        state = "[bold red]tampered with[/bold red]" if verdict.found else "[green]whole[/green]"
        console.print(f"The ledger is {state}: ", end="")
        _print(f"{verdict.entries:,} entries, decisions of {verdict.days:,} days, {verdict.found:,} findings.")
        _print(f"Head {verdict.head}")
    raise typer.Exit(1 if verdict.found else 0)


def fail(message: str, code: int = 1) -> None:
    """Say why, and end."""
    errors.print("[bold red]Error:[/bold red]", end=" ")
    errors.print(message, highlight=False, markup=False, soft_wrap=True)
    raise typer.Exit(code)


def _print(text: str) -> None:
    """Print text that may hold anything a customer wrote, with nothing in it that a terminal would obey."""
    plain = "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
    console.print(plain, highlight=False, markup=False, soft_wrap=True)
