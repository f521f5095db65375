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

from cjo_assets import cli_audit, cli_replay
from cjo_assets.terminal import HomeOption, console, day_of, errors, fail, say

if TYPE_CHECKING:
    from cjo_assets.wiring.settings import Settings

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)

DataOption = Annotated[Path | None, typer.Option("--data", help="Folder of the input files [CJO_DATA, else data/].")]
PolicyOption = Annotated[
    Path | None, typer.Option("--policy", help="Policy file that changes the packaged one [CJO_POLICY].")
]
DayOption = Annotated[
    str | None, typer.Option("--as-of", help="As-of date, YYYY-MM-DD; else the latest date in the data.")
]
FromOption = Annotated[str | None, typer.Option("--from", help="First day of a range, in one run, YYYY-MM-DD.")]
ToOption = Annotated[str | None, typer.Option("--to", help="Last day of a range; else the latest date in the data.")]
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
    first: FromOption = None,
    last: ToOption = None,
    home: HomeOption = None,
    customer: CustomerOption = None,
) -> None:
    """Materialize every table of one day or a range of days, their reports, and the published database."""
    from cjo_assets.policy import PolicyError
    from cjo_assets.wiring.errors import InputError, WarehouseError

    try:
        _prepare(data, policy, home)
        day = _day("--as-of", as_of)
        if customer is not None:
            _show_customer(customer, day)
            return
        if first is None and last is not None:
            fail("--to ends a range: say where it begins with --from.")
        if first is not None and day is not None:
            fail("--as-of is one day and --from begins a range: say one of them.")
        _run_days(_day("--from", first) or day, _day("--to", last) or day)
    except (InputError, PolicyError, WarehouseError) as error:
        fail(str(error))


@app.command()
def ui(
    home: HomeOption = None, port: Annotated[int, typer.Option(help="Port on the loopback interface.")] = 3000
) -> None:
    """Open the Dagster UI on the instance of the home, on loopback, with a daemon of its own."""
    _become("dg", home, ["dev", "--host", "127.0.0.1", "--port", str(port)])


@app.command()
def webserver(
    home: HomeOption = None,
    host: Annotated[str, typer.Option(help="Interface; keep to loopback behind a proxy that asks who is there.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(help="Port.")] = 3000,
    read_only: Annotated[bool, typer.Option("--read-only", help="For analysts and auditors: nothing starts.")] = False,
) -> None:
    """Serve the Dagster UI alone, for a team; the daemon is a service of its own."""
    arguments = ["--host", host, "--port", str(port), *(["--read-only"] if read_only else [])]
    _become("dagster-webserver", home, arguments)


@app.command()
def daemon(home: HomeOption = None) -> None:
    """Run schedules, sensors and queued runs, for a team; `cjo ui` has a daemon of its own."""
    _become("dagster-daemon", home, ["run"])


@app.command()
def export(
    folder: Annotated[Path, typer.Option("--out", help="Folder for the files.")],
    tables: Annotated[list[str] | None, typer.Option("--table", help="A table, as schema.name; else all.")] = None,
    as_of: Annotated[str | None, typer.Option("--as-of", help="The only day of dated tables; else all days.")] = None,
    file_format: Annotated[
        str, typer.Option("--format", help="parquet, or csv for spreadsheets, with no formula in it.")
    ] = "parquet",
    home: HomeOption = None,
) -> None:
    """Write the published tables as Parquet, or as CSV, one file each."""
    from cjo_assets.wiring.errors import WarehouseError
    from cjo_assets.wiring.export import Format
    from cjo_assets.wiring.export import export as written

    formats = {known.value: known for known in Format}
    if file_format not in formats:
        fail(f"--format {file_format}: it is one of {', '.join(formats)}.")
    folder = folder.resolve()
    try:
        settings, day = _prepare(None, None, home), _day("--as-of", as_of)
        for table, rows in written(settings, folder, tables or [], day, formats[file_format]).items():
            say(f"  {table}: {rows:,} rows")
    except WarehouseError as error:
        fail(str(error))
    say(f"Wrote {folder}.")


@app.command()
def doctor(data: DataOption = None, policy: PolicyOption = None, home: HomeOption = None) -> None:
    """Check installation, policy, sources, disk, lock, runs, warehouse and instance, and say what to do."""
    from cjo_assets.wiring.doctor import BAD, GOOD, examined
    from cjo_assets.wiring.errors import WarehouseError

    colours = {GOOD: "green", BAD: "bold red"}
    broken = 0
    try:
        settings = _prepare(data, policy, home)
    except WarehouseError as error:
        fail(str(error))
    for finding in examined(settings):
        broken += finding.state == BAD
        console.print(f"{finding.state:7}", style=colours.get(finding.state, "yellow"), end="")
        console.print(f"{finding.subject:13}{finding.text}", highlight=False, markup=False, soft_wrap=True)
    if broken:
        raise typer.Exit(1)


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
    from cjo_assets.wiring.settings import places_of

    try:
        waiting = waiting_requests(places_of(home))
    except WarehouseError as error:
        fail(str(error))
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

    last_day = day_of("--until", until)
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
        fail(str(error))
    for name, rows in sorted(made.rows.items()):
        bad = sum(made.spoiled.get(name, {}).values())
        say(f"  {name}: {rows:,} rows" + (f", {bad:,} of them spoiled" if bad else ""))
    say(f"Truth: {out / 'truth.json'}")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def bench(context: typer.Context) -> None:
    """Measure the platform beside hand-written SQL and others, and write docs/benchmarks.md; --help says more."""
    from cjo_assets.wiring.settings import PROJECT

    if not (PROJECT / "benchmarks").is_dir():
        fail(f"The benchmark is part of the source, and {PROJECT} has no folder benchmarks.")
    os.chdir(PROJECT)
    os.execv(sys.executable, [sys.executable, "-m", "benchmarks", *context.args])


cli_audit.register(app)
cli_replay.register(app)


def main() -> None:
    """Run the command line."""
    app()


def _become(program: str, home: Path | None, arguments: list[str]) -> None:
    """Become a program of Dagster, on the instance of the home."""
    from cjo_assets.wiring.errors import WarehouseError

    try:
        _prepare(None, None, home)
    except WarehouseError as error:
        fail(str(error))
    path = Path(sys.executable).with_name(program)
    os.execv(path, [str(path), *arguments])


def _prepare(data: Path | None, policy: Path | None, home: Path | None) -> Settings:
    from cjo_assets.wiring.instance import prepare_environment

    for name, path in (("CJO_DATA", data), ("CJO_POLICY", policy), ("CJO_HOME", home)):
        if path is not None:
            os.environ[name] = str(path.resolve())
    return prepare_environment()


def _answer(
    policy: Path | None,
    home: Path | None,
    intervention_id: str,
    decision: str,
    by: str,
    category: str | None = None,
    reason: str | None = None,
    at: str | None = None,
) -> None:
    from cjo_assets.policy import PolicyError, load_policy
    from cjo_assets.wiring.deciding import Answer, record_answer
    from cjo_assets.wiring.errors import RefusalError, WarehouseError
    from cjo_assets.wiring.settings import places_of

    settings = places_of(home, policy)
    answer = Answer(intervention_id, decision, by, category, reason, at)
    try:
        record = record_answer(settings, load_policy(settings.policy), answer)
    except (PolicyError, RefusalError, WarehouseError) as error:
        fail(str(error))
    said_to = f"{record['intervention_id']} is {record['decision']} by {record['decided_by']}"
    say(f"Recorded: {said_to} at {record['decided_at']}.")
    say("The next run counts it: `cjo run`, or the sensor while `cjo ui` is open.")


def _day(option: str, text: str | None) -> date | None:
    return None if text is None else day_of(option, text)


def _run_days(first: date | None, last: date | None) -> None:
    from cjo_assets.wiring.launch import latest_day, run_days
    from cjo_assets.wiring.summary import print_summary

    with console.status("Materializing ...") as status:
        done = 0

        def on_table(table: str, rows: int) -> None:
            nonlocal done
            done += 1
            status.update(f"{done:3} tables, last {table} ({rows:,} rows)")
            if not console.is_terminal:
                say(f"  {table}: {rows:,} rows")

        def on_message(text: str) -> None:
            status.update(text)
            errors.print(text, highlight=False, markup=False, soft_wrap=True)

        last = last or latest_day(on_message)
        first = first or last
        failures = run_days(first, last, on_table, on_message)
    if failures:
        for failure in failures:
            errors.print(failure, highlight=False, markup=False, soft_wrap=True)
        fail(f"The run of {_days_in_words(first, last)} failed; the published database is as it was.")
    print_summary(console, last)


def _days_in_words(first: date, last: date) -> str:
    return str(first) if first == last else f"{first} to {last}"


def _show_customer(customer: str, day: date | None) -> None:
    from cjo_assets.wiring.single_customer import print_chain

    if not print_chain(console, customer, day):
        fail(f"The data hold no customer {customer}.")
