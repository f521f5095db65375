"""Terminal helpers of all commands: output streams, escaped text, date options and error exit."""

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
# The exit code that shells report for a command ended by SIGINT.
INTERRUPTED = 130

PolicyOption = Annotated[
    Path | None, typer.Option("--policy", help="Policy file that overrides the packaged policy [CJO_POLICY].")
]
HomeOption = Annotated[
    Path | None, typer.Option("--home", help="Folder of all results [CJO_HOME; default: warehouse/].")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]


def harmless(text: str) -> str:
    """Return text with unprintable characters escaped, so that data cannot control the terminal."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


def replace_unencodable_characters() -> None:
    """Write characters that the encoding of a stream lacks as escapes, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def say(text: str, stream: Console = console) -> None:
    """Print one line of escaped text without wrapping."""
    stream.print(harmless(text), highlight=False, markup=False, soft_wrap=True)


def say_lines(text: str, stream: Console = console) -> None:
    """Print escaped text of several lines."""
    for line in text.split("\n"):
        say(line, stream)


def say_json(content: Any, indent: int | None = None) -> None:
    """Print content as valid JSON; escape unprintable characters and those that the stream lacks."""
    text = json.dumps(content, ensure_ascii=False, default=str, indent=indent)
    lines = ["".join(_as_json(character) for character in line) for line in text.split("\n")]
    console.print("\n".join(lines), highlight=False, markup=False, soft_wrap=True)


def fail(message: str, code: int = FAILED) -> NoReturn:
    """Print an error message and exit."""
    errors.print("[bold red]Error:[/bold red]", end=" ")
    say_lines(message, errors)
    raise typer.Exit(code)


def day_of(option: str, text: str, code: int = FAILED) -> date:
    """Return the date of an option; exit with an error if it is not a date."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        fail(f"Option {option}: {text} is not a date of the form YYYY-MM-DD.", code)


def _as_json(character: str) -> str:
    """Return a character, escaped for JSON if it is unprintable or the output stream lacks it."""
    if character.isprintable() and character.encode(console.encoding, "ignore"):
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[place : place + 2].hex()}" for place in range(0, len(units), 2))
