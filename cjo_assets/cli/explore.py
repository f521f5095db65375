"""Command `cjo explore`: pages on the published database for a browser on the same machine."""

from __future__ import annotations

from typing import Annotated

import typer

from cjo_assets.cli.terminal import HomeOption, fail, say


def register(app: typer.Typer) -> None:
    """Add the command to `cjo`."""
    app.command()(explore)


def explore(
    home: HomeOption = None,
    port: Annotated[int, typer.Option(help="Port on the loopback interface; 0 for any free one.")] = 8050,
    allow_decisions: Annotated[
        bool, typer.Option("--allow-decisions", help="Answer approval requests on the page of approvals.")
    ] = False,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Print the address only.")] = False,
) -> None:
    """Serve pages on the published data and the pending approvals to a browser, on the loopback interface."""
    from cjo_assets.catalog import all_families
    from cjo_assets.core.errors import WarehouseError
    from cjo_assets.core.settings import places_of
    from cjo_assets.explorer.server import serve

    all_families()
    try:
        serve(places_of(home), port, say, allows_decisions=allow_decisions, opens_browser=not no_browser)
    except WarehouseError as error:
        fail(str(error))
    except KeyboardInterrupt:
        say("Stopped.")
