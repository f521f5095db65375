"""The `cjo` command line.

Dagster and the engine are imported inside the commands that need them, so that `cjo --help` stays fast.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cjo_assets.cli import approvals, audit, demo, explore, plan, replay, sql, why
from cjo_assets.cli.family_options import FIRST_FAMILY, RunCommand, SynthCommand
from cjo_assets.cli.terminal import (
    FAILED,
    INTERRUPTED,
    HomeOption,
    PolicyOption,
    console,
    day_of,
    errors,
    fail,
    replace_unencodable_characters,
    say,
    say_lines,
)

if TYPE_CHECKING:
    from rich.status import Status

    from cjo_assets.core.settings import Settings

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)

DataOption = Annotated[
    Path | None, typer.Option("--data", help="Folder of the input files [CJO_DATA; default: data/].")
]
DayOption = Annotated[
    str | None, typer.Option("--as-of", help="As-of date, YYYY-MM-DD; default: the latest date in the data.")
]
FromOption = Annotated[
    str | None, typer.Option("--from", help="First as-of date of a range, YYYY-MM-DD; the range is one run.")
]
ToOption = Annotated[
    str | None, typer.Option("--to", help="Last as-of date of the range; default: the latest date in the data.")
]
FamilyOption = Annotated[
    str | None,
    typer.Option("--family", help="Family to run: {families}; default: all families that have files."),
]


@app.callback()
def _commands() -> None:
    """Governed customer-journey decisions as Dagster assets in DuckDB."""


@app.command(cls=RunCommand)
def run(
    data: DataOption = None,
    policy: PolicyOption = None,
    as_of: DayOption = None,
    first: FromOption = None,
    last: ToOption = None,
    home: HomeOption = None,
    family: FamilyOption = None,
    **subjects: str | None,
) -> None:
    """Materialize all tables and reports for one or several as-of dates, and publish the database."""
    from cjo_assets.core.errors import InputError, WarehouseError
    from cjo_assets.policy import PolicyError

    try:
        _prepare(data, policy, home)
        day = _day("--as-of", as_of)
        named = {name: subject_id for name, subject_id in subjects.items() if subject_id is not None}
        if named:
            options = " and ".join(f"--{name}" for name in subjects)
            if len(named) > 1:
                fail(f"Options {options} exclude each other: use one of them.")
            if first is not None or last is not None:
                fail(f"Options {options} show one day: use --as-of instead of --from and --to.")
            [(name, subject_id)] = named.items()
            _show(name, subject_id, day)
            return
        if first is None and last is not None:
            fail("Option --to requires --from, the first day of the range.")
        if first is not None and day is not None:
            fail("Options --as-of and --from exclude each other: use --as-of for one day, --from for a range.")
        _run_days(family, _day("--from", first) or day, _day("--to", last) or day)
    except (InputError, PolicyError, WarehouseError) as error:
        fail(str(error))
    except KeyboardInterrupt:
        fail("Interrupted. The run has published nothing.", INTERRUPTED)


@app.command()
def ui(
    home: HomeOption = None, port: Annotated[int, typer.Option(help="Port on the loopback interface.")] = 3000
) -> None:
    """Start the Dagster UI and a daemon for the home, on the loopback interface."""
    _become("dg", home, ["dev", "--host", "127.0.0.1", "--port", str(port)])


@app.command()
def webserver(
    home: HomeOption = None,
    host: Annotated[str, typer.Option(help="Network interface; use loopback and a proxy that authenticates users.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(help="Port.")] = 3000,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Disable all actions, for analysts and auditors.")
    ] = False,
) -> None:
    """Serve the Dagster UI without a daemon, for a team; run `cjo daemon` as a separate service."""
    arguments = ["--host", host, "--port", str(port), *(["--read-only"] if read_only else [])]
    _become("dagster-webserver", home, arguments)


@app.command()
def daemon(home: HomeOption = None) -> None:
    """Run schedules, sensors and queued runs, for a team; `cjo ui` includes a daemon."""
    _become("dagster-daemon", home, ["run"])


@app.command()
def export(
    folder: Annotated[Path, typer.Option("--out", help="Folder for the files.")],
    tables: Annotated[
        list[str] | None, typer.Option("--table", help="Table, as schema.name; repeatable; default: all tables.")
    ] = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="As-of date of the rows of dated tables; default: all.")
    ] = None,
    customer: Annotated[
        str | None,
        typer.Option("--customer", help="Export the rows of one customer alone, with people replaced by their role."),
    ] = None,
    file_format: Annotated[
        str, typer.Option("--format", help="parquet, or csv for spreadsheets, with formulas escaped.")
    ] = "parquet",
    home: HomeOption = None,
) -> None:
    """Export published tables, or the rows of one customer, to Parquet or CSV, one file per table."""
    from cjo_assets.catalog import data_families
    from cjo_assets.core.errors import WarehouseError
    from cjo_assets.warehouse.customer_export import export_customer
    from cjo_assets.warehouse.export import Format
    from cjo_assets.warehouse.export import export as written

    formats = {known.value: known for known in Format}
    if file_format not in formats:
        fail(f"Unknown --format {file_format}. Choose one of: {', '.join(formats)}.")
    if customer is not None and tables:
        fail("Options --customer and --table exclude each other: the rows of a customer are of all tables.")
    folder, chosen = folder.resolve(), formats[file_format]
    try:
        settings, day = _prepare(None, None, home), _day("--as-of", as_of)
        if customer is not None:
            counts = export_customer(settings, data_families(), customer, folder, day, chosen)
        else:
            counts = written(settings, folder, tables or [], day, chosen)
        for table, rows in counts.items():
            say(f"  {table}: {rows:,} rows")
    except WarehouseError as error:
        fail(str(error))
    say(f"Wrote {folder}.")


@app.command()
def doctor(data: DataOption = None, policy: PolicyOption = None, home: HomeOption = None) -> None:
    """Check installation, policy, sources, disk, lock, runs, warehouse and instance, and suggest fixes."""
    from cjo_assets.core.errors import WarehouseError
    from cjo_assets.orchestration.doctor import BAD, GOOD, examined

    colours = {GOOD: "green", BAD: "bold red"}
    broken = 0
    try:
        settings = _prepare(data, policy, home)
    except WarehouseError as error:
        fail(str(error))
    for finding in examined(settings):
        broken += finding.state == BAD
        console.print(f"{finding.state:7}", style=colours.get(finding.state, "yellow"), end="")
        say_lines(f"{finding.subject:13}{finding.text}")
    if broken:
        raise typer.Exit(1)


@app.command()
def docs() -> None:
    """Generate docs/reference/tables.md and docs/reference/erd.md from the contracts."""
    from cjo_assets.cli.catalogue import write_tables_page
    from cjo_assets.cli.erd import write_erd_page

    for page in (write_tables_page(), write_erd_page()):
        console.print(f"Wrote {page}.")


sql.register(app)
approvals.register(app)
explore.register(app)
plan.register(app)


@app.command(cls=SynthCommand)
def synth(
    out: Annotated[Path, typer.Option(help="Folder for the files: new, empty, or with data of other families.")],
    family: Annotated[str, typer.Option(help="Family: {families}.")] = FIRST_FAMILY,
    seed: Annotated[int, typer.Option(help="Random seed; the same seed gives the same bytes.")] = 1,
    file_format: Annotated[str, typer.Option("--format", help="File format: parquet, csv or json.")] = "parquet",
    until: Annotated[str | None, typer.Option(help="Last day, YYYY-MM-DD  [default: {last_days}]")] = None,
    weeks: Annotated[int | None, typer.Option(help="Weeks in which {counted} start  [default: {weeks}]")] = None,
    dirty: Annotated[float, typer.Option(help="Corrupted rows per valid row, to test validation.")] = 0.0,
    null_effect: Annotated[
        bool, typer.Option("--null-effect", help="Generate playbooks and variants without any effect.")
    ] = False,
    policy: PolicyOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace generated files in the folder.")] = False,
    **options: Any,
) -> None:
    """Generate sample data for a family, and a file with the true parameters."""
    from cjo_assets.catalog import data_families
    from cjo_assets.core.answers import SynthRequest
    from cjo_assets.policy import PolicyError, load_policy
    from cjo_assets.synth.made import WorldError
    from cjo_assets.synth.writer import require_room, truth_file, write

    synths = {found.name: found.synth for found in data_families() if found.synth is not None}
    if family not in synths:
        fail(f"Unknown family {family}. Choose one of: {', '.join(synths)}.")
    asked = synths[family]
    count = options[asked.counted]
    if count is None:
        fail(f"Missing option --{asked.counted}.")
    last_day = day_of("--until", until) if until else asked.last_day
    length = asked.weeks if weeks is None else weeks
    try:
        request = SynthRequest(count, seed, last_day, length, dirty, not null_effect, options)
        made = asked.generate(request, load_policy(policy))
        require_room(out, family, replace=force)
        with console.status("Generating rows ..."):
            for _ in write(made, out, file_format):
                pass
    except (PolicyError, WorldError) as error:
        fail(str(error))
    for name, rows in sorted(made.rows.items()):
        bad = sum(made.spoiled.get(name, {}).values())
        say(f"  {name}: {rows:,} rows" + (f", {bad:,} of them corrupted" if bad else ""))
    say(f"Truth: {truth_file(out, family)}")


demo.register(app)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def bench(context: typer.Context) -> None:
    """Run the benchmarks, or compare with an earlier commit, and write docs/explanation/benchmarks.md."""
    from cjo_assets.core.settings import PROJECT

    if not (PROJECT / "benchmarks").is_dir():
        fail(f"Benchmarks require a source checkout: {PROJECT} has no folder benchmarks.")
    os.chdir(PROJECT)
    os.execv(sys.executable, [sys.executable, "-m", "benchmarks", *context.args])


audit.register(app)
why.register(app)
replay.register(app)


def main() -> None:
    """Run the command line; report a disk error as one message."""
    replace_unencodable_characters()
    try:
        app()
    except Exception as error:
        from cjo_assets.core.settings import Settings
        from cjo_assets.warehouse.disk import disk_fault

        message = disk_fault(error, Settings.from_environment())
        if message is None:
            raise
        errors.print("[bold red]Error:[/bold red]", end=" ")
        say(message, errors)
        sys.exit(FAILED)


def _become(program: str, home: Path | None, arguments: list[str]) -> None:
    """Replace this process by a Dagster program that uses the instance of the home."""
    from cjo_assets.core.errors import WarehouseError

    try:
        _prepare(None, None, home)
    except WarehouseError as error:
        fail(str(error))
    path = Path(sys.executable).with_name(program)
    os.execv(path, [str(path), *arguments])


def _prepare(data: Path | None, policy: Path | None, home: Path | None) -> Settings:
    from cjo_assets.orchestration.instance import prepare_environment

    for name, path in (("CJO_DATA", data), ("CJO_POLICY", policy), ("CJO_HOME", home)):
        if path is not None:
            os.environ[name] = str(path.resolve())
    return prepare_environment()


def _day(option: str, text: str | None) -> date | None:
    return None if text is None else day_of(option, text)


def _run_days(only: str | None, first: date | None, last: date | None) -> None:
    """Run one family, or all that have files, each for its own latest day unless days are given."""
    # A command computes any day, not only those that the UI lists.
    os.environ["CJO_PARTITIONS"] = "all"
    from cjo_assets.cli.launch import supplied

    with console.status("Reading files ...") as status:
        has_day = first is not None or last is not None
        families = supplied(only, _told(status), has_day=has_day, has_last_day=last is not None)
    runs = [(found.family, first or last or found.last, last or found.last) for found in families]
    failed = []
    for found, (family, begin, end) in zip(families, runs, strict=True):
        if begin is None or end is None:
            fail(f"The files of the family {family} contain no date up to today. Specify --as-of.")
        # A day before the data of a family begin is run only if the family was requested by name.
        if only is None and len(families) > 1 and found.first is not None and end < found.first:
            say(f"Skipped family {family} for {end}: its data begin on {found.first}.")
            continue
        if not _run_family(family, begin, end):
            failed.append(f"{family}, {begin if begin == end else f'{begin} to {end}'}")
    # Families are independent: a failed one does not keep the others from being published.
    if failed:
        fail(f"Run failed for {' and '.join(failed)}; the published tables are unchanged.")


def _run_family(family: str, first: date, last: date) -> bool:
    """Run a family and print its summary or its failures; return whether it succeeded."""
    from cjo_assets.cli.launch import run_days
    from cjo_assets.cli.summary import print_summary

    with console.status("Materializing ...") as status:
        done = 0

        def on_table(table: str, rows: int) -> None:
            nonlocal done
            done += 1
            status.update(f"{done:3} tables, last {table} ({rows:,} rows)")
            if not console.is_terminal:
                say(f"  {table}: {rows:,} rows")

        failures = run_days(family, first, last, on_table, _told(status))
    if failures:
        for failure in failures:
            say_lines(failure, errors)
        return False
    print_summary(console, family, last)
    return True


def _told(status: Status) -> Callable[[str], None]:
    """Return a function that shows progress messages."""

    def tell(text: str) -> None:
        status.update(text)
        say_lines(text, errors)

    return tell


def _show(name: str, subject_id: str, day: date | None) -> None:
    from cjo_assets.cli.single_subject import print_subject

    if not print_subject(console, name, subject_id, day):
        fail(f"The data contain no {name} {subject_id}.")
