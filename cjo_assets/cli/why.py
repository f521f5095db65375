"""Command for auditors and analysts: `cjo why`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cjo_assets.cli.terminal import HomeOption, JsonOption, console, day_of, fail, harmless, say, say_json

WIDTH_OF_A_FILE = 10_000


def register(app: typer.Typer) -> None:
    """Add the command to `cjo`."""
    app.command()(why)


def why(
    subject: Annotated[
        str,
        typer.Argument(
            help="Id of a customer, an intervention, a decision, a derived signal, a campaign, an experiment, a "
            "recommendation or a budget action."
        ),
    ],
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="As-of date, YYYY-MM-DD; default: the latest published.")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Print every step, from the raw rows on.")] = False,
    html: Annotated[Path | None, typer.Option("--html", help="File to which every step is written as a page.")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Explain a decision or a figure in plain words, and trace it from the raw rows on."""
    from rich.text import Text
    from rich.tree import Tree

    from cjo_assets.audit.why.answer import answered
    from cjo_assets.core.errors import WarehouseError
    from cjo_assets.core.files import replacing
    from cjo_assets.core.settings import places_of
    from cjo_assets.policy import PolicyError

    try:
        found = answered(places_of(home), subject, day_of("--as-of", as_of) if as_of else None)
    except (PolicyError, WarehouseError) as error:
        fail(str(error))
    if as_json:
        say_json({"paragraph": found.paragraph} | found.content)
        return
    say(found.paragraph)
    if html is not None:
        with replacing(html) as path:
            path.write_text(found.as_page(), encoding="utf-8")
        say(f"Wrote {html}.")
    if not full:
        say("Every step, from the raw rows on: --full, or --html FILE for a page.")
        return
    tree = Tree(Text(harmless(found.heading), style="bold", overflow="fold"))
    for branch in found.branches:
        limb = tree.add(Text(harmless(branch.heading), style="bold", overflow="fold"))
        for line in branch.lines:
            limb.add(Text(harmless(line), overflow="fold"))
    # Lines are not wrapped where the output is a file.
    (console if console.is_terminal else Console(width=WIDTH_OF_A_FILE)).print(tree)
