"""`cjo`: the commands of the platform, thin over everything else.

Belongs here: options, the environment of Dagster, and what a person reads in the terminal. Does not belong here: any
computation. Dagster and the engine are imported when a command needs them, so that `cjo --help` answers at once.
"""

from __future__ import annotations

import os
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

if TYPE_CHECKING:
    from cjo_assets.wiring.settings import Settings

app = typer.Typer(help=__doc__.splitlines()[0].split(": ")[1], no_args_is_help=True, pretty_exceptions_enable=False)
console = Console()
errors = Console(stderr=True)

DataOption = Annotated[Path | None, typer.Option("--data", help="Folder of the input files [CJO_DATA, else data/].")]
PolicyOption = Annotated[
    Path | None, typer.Option("--policy", help="Policy file that changes the packaged one [CJO_POLICY].")
]
HomeOption = Annotated[Path | None, typer.Option("--home", help="Folder for all results [CJO_HOME, else warehouse/].")]
DayOption = Annotated[
    str | None, typer.Option("--as-of", help="As-of date, YYYY-MM-DD; else the latest date in the data.")
]
InterventionArgument = Annotated[str, typer.Argument(help="Intervention, as `cjo pending` names it.")]
ByOption = Annotated[str, typer.Option("--by", help="Who decides.")]
AtOption = Annotated[
    str | None, typer.Option("--at", help="When it was decided, for example 2025-01-20T15:30:00Z; else now.")
]
CustomerOption = Annotated[str | None, typer.Option("--customer", help="Show one customer's chain and store nothing.")]


@app.callback()
def _commands() -> None:
    """Governed customer-journey decisions as Dagster assets in DuckDB."""


@app.command()
def run(
    data: DataOption = None,
    policy: PolicyOption = None,
    as_of: DayOption = None,
    home: HomeOption = None,
    customer: CustomerOption = None,
) -> None:
    """Materialize every table of one day, its report, and the published database."""
    from cjo_assets.policy import PolicyError
    from cjo_assets.wiring.errors import InputError, WarehouseError

    try:
        _prepare(data, policy, home)
        day = _day(as_of)
        if customer is not None:
            _show_customer(customer, day)
            return
        _run_day(day)
    except (InputError, PolicyError, WarehouseError) as error:
        _fail(str(error))


@app.command()
def ui(
    home: HomeOption = None, port: Annotated[int, typer.Option(help="Port on the loopback interface.")] = 3000
) -> None:
    """Open the Dagster UI on the instance of the home, on loopback."""
    from cjo_assets.wiring.errors import WarehouseError

    try:
        _prepare(None, None, home)
    except WarehouseError as error:
        _fail(str(error))
    dg = Path(sys.executable).with_name("dg")
    os.execv(dg, [str(dg), "dev", "--host", "127.0.0.1", "--port", str(port)])


@app.command()
def docs() -> None:
    """Write docs/tables.md from the contracts."""
    from cjo_assets.wiring.catalogue import write_tables_page

    console.print(f"Wrote {write_tables_page()}.")


@app.command()
def pending(
    home: HomeOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole requests as a JSON array.")] = False,
) -> None:
    """List the decisions that wait for a person."""
    from cjo_assets.wiring.deciding import waiting_requests
    from cjo_assets.wiring.errors import WarehouseError
    from cjo_assets.wiring.pending_list import print_as_json, print_as_lines

    try:
        waiting = waiting_requests(_places(None, home))
    except WarehouseError as error:
        _fail(str(error))
        raise
    (print_as_json if as_json else print_as_lines)(console, waiting)


@app.command()
def approve(
    intervention: InterventionArgument,
    by: ByOption,
    reason: Annotated[str | None, typer.Option("--reason", help="Why, in your own words.")] = None,
    at: AtOption = None,
    policy: PolicyOption = None,
    home: HomeOption = None,
) -> None:
    """Approve a decision that waits for a person."""
    _answer(policy, home, intervention_id=intervention, decision="approved", by=by, reason=reason, at=at)


@app.command()
def reject(
    intervention: InterventionArgument,
    by: ByOption,
    category: Annotated[str, typer.Option("--reason", help="One of the policy's rejection_categories.")],
    note: Annotated[str | None, typer.Option("--note", help="Why, in your own words.")] = None,
    at: AtOption = None,
    policy: PolicyOption = None,
    home: HomeOption = None,
) -> None:
    """Reject a decision that waits for a person."""
    _answer(
        policy, home, intervention_id=intervention, decision="rejected", by=by, category=category, reason=note, at=at
    )


@app.command()
def synth(
    customers: Annotated[int, typer.Option(help="How many customers.")],
    out: Annotated[Path, typer.Option(help="Folder for the files; empty, or --force.")],
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 1,
    file_format: Annotated[str, typer.Option("--format", help="parquet, csv or json.")] = "parquet",
    until: Annotated[str, typer.Option(help="Last day of the log, YYYY-MM-DD.")] = "2025-01-20",
    weeks: Annotated[int, typer.Option(help="Weeks in the log; customers begin on any day of them.")] = 104,
    signals_per_customer: Annotated[float, typer.Option(help="Signals per customer, on average.")] = 10.0,
    dirty: Annotated[float, typer.Option(help="Spoiled rows for each good one, which quarantine must find.")] = 0.0,
    null_effect: Annotated[bool, typer.Option("--null-effect", help="Playbooks that change nothing.")] = False,
    performance_log: Annotated[
        bool, typer.Option("--performance-log", help="Write the log of an earlier system too.")
    ] = False,
    policy: PolicyOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace generated files in the folder.")] = False,
) -> None:
    """Write generated journey data, and what is true of them beside it."""
    from cjo_assets.policy import PolicyError, load_policy
    from cjo_assets.synth.datasets import Request, generated
    from cjo_assets.synth.world import WorldError
    from cjo_assets.synth.writer import require_room, write

    last_day = _date("--until", until)
    request = Request(
        customers,
        seed,
        last_day,
        weeks,
        signals_per_customer,
        dirty,
        not null_effect,
        with_performance_log=performance_log,
    )
    try:
        made = generated(request, load_policy(policy))
        require_room(out, replace=force)
        with console.status("Making customers ..."):
            for _ in write(made, out, file_format):
                pass
    except (PolicyError, WorldError) as error:
        _fail(str(error))
    for name, rows in sorted(made.rows.items()):
        bad = sum(made.spoiled.get(name, {}).values())
        console.print(f"  {name}: {rows:,} rows" + (f", {bad:,} of them spoiled" if bad else ""), highlight=False)
    console.print(f"Truth: {out / 'truth.json'}", highlight=False, markup=False, soft_wrap=True)


def main() -> None:
    """Run the command line."""
    app()


def _prepare(data: Path | None, policy: Path | None, home: Path | None) -> None:
    from cjo_assets.wiring.instance import prepare_environment

    for name, path in (("CJO_DATA", data), ("CJO_POLICY", policy), ("CJO_HOME", home)):
        if path is not None:
            os.environ[name] = str(path.resolve())
    prepare_environment()


def _places(policy: Path | None, home: Path | None) -> Settings:
    from cjo_assets.wiring.settings import Settings

    for name, path in (("CJO_POLICY", policy), ("CJO_HOME", home)):
        if path is not None:
            os.environ[name] = str(path.resolve())
    return Settings.from_environment()


def _answer(policy: Path | None, home: Path | None, **said: str | None) -> None:
    from cjo_assets.policy import PolicyError, load_policy
    from cjo_assets.wiring.deciding import Answer, record_answer
    from cjo_assets.wiring.errors import RefusalError, WarehouseError

    settings = _places(policy, home)
    try:
        record = record_answer(settings, load_policy(settings.policy), Answer(**said))  # type: ignore[arg-type]
    except (PolicyError, RefusalError, WarehouseError) as error:
        _fail(str(error))
        raise
    said_to = f"{record['intervention_id']} is {record['decision']} by {record['decided_by']}"
    console.print(f"Recorded: {said_to} at {record['decided_at']}.", highlight=False, markup=False)
    console.print("The next run counts it: `cjo run`, or the sensor while `cjo ui` is open.", highlight=False)


def _day(as_of: str | None) -> date | None:
    return None if as_of is None else _date("--as-of", as_of)


def _date(option: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        _fail(f"{option} {text}: a date is written YYYY-MM-DD.")
        raise


def _run_day(day: date | None) -> None:
    from cjo_assets.wiring.launch import latest_day, run_day
    from cjo_assets.wiring.summary import print_summary

    day = day or latest_day()
    with console.status(f"Materializing {day} ...") as status:
        done = 0

        def say(table: str, rows: int) -> None:
            nonlocal done
            done += 1
            status.update(f"{done:3} tables, last {table} ({rows:,} rows)")
            if not console.is_terminal:
                console.print(f"  {table}: {rows:,} rows", highlight=False)

        failures = run_day(day, say)
    if failures:
        for failure in failures:
            errors.print(failure, highlight=False, markup=False, soft_wrap=True)
        _fail(f"The run of {day} failed; the published database is as it was.")
    print_summary(console, day)


def _show_customer(customer: str, day: date | None) -> None:
    from cjo_assets.wiring.single_customer import print_chain

    if not print_chain(console, customer, day):
        _fail(f"The data hold no customer {customer}.")


def _fail(message: str) -> None:
    errors.print("[bold red]Error:[/bold red]", end=" ")
    errors.print(message, highlight=False, markup=False)
    raise typer.Exit(1)
