"""What all commands share: two streams, harmless text, dates as options, and the end of a command that cannot go on.

Belongs here: what a person would notice if two commands did it differently. Does not belong here: any command.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

console = Console()
errors = Console(stderr=True)

FAILED = 1
REFUSED = 2
# As shells report a command that SIGINT ended.
INTERRUPTED = 130

HomeOption = Annotated[Path | None, typer.Option("--home", help="Folder of all results [CJO_HOME, else warehouse/].")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]


def harmless(text: str) -> str:
    """Return text that may hold anything a customer wrote, with nothing in it that a terminal would obey."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


def say(text: str, stream: Console = console) -> None:
    """Print one line of harmless text, as long as it is."""
    stream.print(harmless(text), highlight=False, markup=False, soft_wrap=True)


def fail(message: str, code: int = FAILED) -> NoReturn:
    """Say why, and end."""
    errors.print("[bold red]Error:[/bold red]", end=" ")
    errors.print(message, highlight=False, markup=False, soft_wrap=True)
    raise typer.Exit(code)


def day_of(option: str, text: str, code: int = FAILED) -> date:
    """Return the date that an option says, or end with what it should have looked like."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        fail(f"{option} {text}: a date is written YYYY-MM-DD.", code)
