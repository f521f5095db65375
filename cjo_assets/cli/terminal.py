"""What all commands share: two streams, harmless text, dates as options, and the end of a command that cannot go on."""

from __future__ import annotations

import io
import json
import sys
from datetime import date
from pathlib import Path
from typing import Annotated, Any, NoReturn

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


def replace_unencodable_characters() -> None:
    """Write what the encoding of a stream lacks as its escape, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def say(text: str, stream: Console = console) -> None:
    """Print one line of harmless text, as long as it is."""
    stream.print(harmless(text), highlight=False, markup=False, soft_wrap=True)


def say_lines(text: str, stream: Console = console) -> None:
    """Print harmless text that may have several lines."""
    for line in text.split("\n"):
        say(line, stream)


def say_json(content: Any, indent: int | None = None) -> None:
    """Print content as valid JSON; unprintable characters, and what the stream lacks, as escapes of JSON."""
    text = json.dumps(content, ensure_ascii=False, default=str, indent=indent)
    lines = ["".join(_as_json(character) for character in line) for line in text.split("\n")]
    console.print("\n".join(lines), highlight=False, markup=False, soft_wrap=True)


def fail(message: str, code: int = FAILED) -> NoReturn:
    """Say why, and end."""
    errors.print("[bold red]Error:[/bold red]", end=" ")
    say_lines(message, errors)
    raise typer.Exit(code)


def day_of(option: str, text: str, code: int = FAILED) -> date:
    """Return the date that an option says, or end with what it should have looked like."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        fail(f"{option} {text}: a date is written YYYY-MM-DD.", code)


def _as_json(character: str) -> str:
    """Return a character as it can stand in JSON on the stream of results."""
    if character.isprintable() and character.encode(console.encoding, "ignore"):
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[place : place + 2].hex()}" for place in range(0, len(units), 2))
