"""Commands for auditors: `cjo audit`, `cjo qbr` and `cjo erase`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from cjo_assets.cli.terminal import REFUSED, HomeOption, JsonOption, console, fail, say, say_json

audit = typer.Typer(help="Verification of the audit records.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands to `cjo`."""
    app.add_typer(audit, name="audit")
    app.command()(qbr)
    app.command()(erase)


@audit.command()
def verify(
    home: HomeOption = None,
    expect: Annotated[
        list[str] | None, typer.Option("--expect", help="Head recorded earlier; a ledger must contain it. Repeatable.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Verify the hash chains of the decision ledgers and the published decisions; exit 1 if they differ."""
    from cjo_assets.audit.verify.verify import verify as verified
    from cjo_assets.core.errors import WarehouseError
    from cjo_assets.core.settings import places_of

    try:
        verdict = verified(places_of(home), *(expect or ()))
    except WarehouseError as error:
        fail(str(error), REFUSED)
    if as_json:
        say_json(asdict(verdict))
    else:
        for finding in verdict.findings:
            say(f"  {finding.table}, {finding.place}: {finding.what}")
        if verdict.found > len(verdict.findings):
            say(f"  and {verdict.found - len(verdict.findings):,} more")
        for one in verdict.ledgers:
            console.print(f"The ledger {one.ledger} is {_state(one.found)}: ", end="")
            say(f"{one.entries:,} entries, decisions of {one.days:,} days, {one.found:,} differences.")
            say(f"Head {one.head}")
        if verdict.records.found:
            console.print(f"Other records are {_state(verdict.records.found)}: ", end="")
            say(f"{verdict.records.found:,} differences.")
    raise typer.Exit(1 if verdict.found else 0)


def _state(found: int) -> str:
    return "[bold red]tampered with[/bold red]" if found else "[green]whole[/green]"


def qbr(
    customer: Annotated[str, typer.Option("--customer", help="Id of the customer.")],
    quarter: Annotated[str, typer.Option("--quarter", help="Quarter, as 2024Q4.")],
    home: HomeOption = None,
) -> None:
    """Write a printable page on one quarter of one customer."""
    from cjo_assets.audit.review.write import quarter_of, write_review
    from cjo_assets.catalog import data_families
    from cjo_assets.core.errors import InputError, WarehouseError
    from cjo_assets.core.settings import places_of

    try:
        page = write_review(places_of(home), data_families(), customer, quarter_of(quarter))
    except (InputError, WarehouseError) as error:
        fail(str(error))
    say(f"Wrote {page}.")


def erase(
    customer: Annotated[str, typer.Option("--customer", help="Id of the customer to erase.")],
    by: Annotated[str, typer.Option("--by", help="Name of the person who requested the erasure.")],
    reason: Annotated[str, typer.Option("--reason", help="Reason; it must not identify the customer.")],
    yes: Annotated[
        bool, typer.Option("--yes", help="Erase. Without this option, only list what would be erased.")
    ] = False,
    home: HomeOption = None,
) -> None:
    """Erase a customer from archive, tables, snapshots, old days, reports and answers. This cannot be undone."""
    from cjo_assets.audit.erasure import erase
    from cjo_assets.core.errors import RefusalError, WarehouseError
    from cjo_assets.core.settings import places_of
    from cjo_assets.policy import PolicyError

    settings = places_of(home)
    try:
        if not yes:
            for place, rows in erase.what_would_go(settings, customer).items():
                say(f"  {place}: {rows:,} rows")
            fail(f"This would permanently erase {customer} from {settings.home}. Add --yes to proceed.")
        erased = erase.erase(settings, customer, by, reason, say)
    except (PolicyError, RefusalError, WarehouseError) as error:
        fail(str(error))
    for place, rows in erased.counts.items():
        say(f"  {place}: {rows:,}")
    if erased.left:
        for place in erased.left:
            say(f"  still named in {place}")
        fail(
            f"Erased {customer}, except in {len(erased.left):,} places that still name the customer or one of their "
            "records. Edit or delete them and run the command again."
        )
    say(f"Erased {customer}. Your own input files are unchanged; rows in them about this customer will be refused.")
