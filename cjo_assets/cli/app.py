"""`cjo`: the commands of the platform, thin over everything else.

Dagster and the engine are imported when a command needs them, so that `cjo --help` answers at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cjo_assets.cli import audit, replay
from cjo_assets.cli.terminal import (
    FAILED,
    INTERRUPTED,
    HomeOption,
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

    from cjo_assets.cli.single_subject import Subject
    from cjo_assets.core.settings import Settings

JOURNEY, MARKETING = "journey", "marketing"

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
FamilyOption = Annotated[
    str | None, typer.Option("--family", help="The one family to run: journey or marketing; else every one with files.")
]
CustomerOption = Annotated[str | None, typer.Option("--customer", help="Show one customer's chain and store nothing.")]

CampaignOption = Annotated[str | None, typer.Option("--campaign", help="Show one campaign's chain and store nothing.")]


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
    family: FamilyOption = None,
    customer: CustomerOption = None,
    campaign: CampaignOption = None,
) -> None:
    """Materialize every table of one day or a range of days, their reports, and the published database."""
    from cjo_assets.core.errors import InputError, WarehouseError
    from cjo_assets.policy import PolicyError

    try:
        _prepare(data, policy, home)
        day = _day("--as-of", as_of)
        if customer is not None or campaign is not None:
            from cjo_assets.cli.single_subject import CAMPAIGN, CUSTOMER

            if customer is not None and campaign is not None:
                fail("--customer and --campaign each show one chain: say one of them.")
            if first is not None or last is not None:
                fail("One chain is shown as of one day: say --as-of, not --from or --to.")
            _show(*((CUSTOMER, customer) if customer is not None else (CAMPAIGN, campaign or "")), day)
            return
        if first is None and last is not None:
            fail("--to ends a range: say where it begins with --from.")
        if first is not None and day is not None:
            fail("--as-of is one day and --from begins a range: say one of them.")
        _run_days(family, _day("--from", first) or day, _day("--to", last) or day)
    except (InputError, PolicyError, WarehouseError) as error:
        fail(str(error))
    except KeyboardInterrupt:
        fail("Interrupted. The run that was going on published nothing.", INTERRUPTED)


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
    from cjo_assets.core.errors import WarehouseError
    from cjo_assets.warehouse.export import Format
    from cjo_assets.warehouse.export import export as written

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
    """Write docs/reference/tables.md from the contracts."""
    from cjo_assets.cli.catalogue import write_tables_page

    console.print(f"Wrote {write_tables_page()}.")


@app.command()
def pending(
    home: HomeOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole requests as a JSON array.")] = False,
) -> None:
    """List the decisions that wait for a person."""
    from cjo_assets.approvals.decide import waiting_requests
    from cjo_assets.cli.pending_list import print_as_json, print_as_lines
    from cjo_assets.core.errors import WarehouseError
    from cjo_assets.core.settings import places_of
    from cjo_assets.policy import PolicyError, load_policy

    settings = places_of(home)
    try:
        waiting = waiting_requests(settings, load_policy(settings.policy))
    except (PolicyError, WarehouseError) as error:
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
    out: Annotated[Path, typer.Option(help="Folder for the files; new, empty, or with other families' data.")],
    family: Annotated[str, typer.Option(help="journey or marketing.")] = JOURNEY,
    customers: Annotated[int | None, typer.Option(help="How many customers, of the journey.")] = None,
    campaigns: Annotated[int | None, typer.Option(help="How many campaigns, of marketing.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 1,
    file_format: Annotated[str, typer.Option("--format", help="parquet, csv or json.")] = "parquet",
    until: Annotated[
        str | None, typer.Option(help="Last day, YYYY-MM-DD  [default: 2025-01-20; of marketing 2026-03-31]")
    ] = None,
    weeks: Annotated[
        int | None,
        typer.Option(help="Customers and campaigns begin on any day of them  [default: 104; of marketing 26]"),
    ] = None,
    signals_per_customer: Annotated[float, typer.Option(help="Signals per customer, on average.")] = 10.0,
    dirty: Annotated[float, typer.Option(help="Spoiled rows for each good one, which validation must find.")] = 0.0,
    null_effect: Annotated[
        bool, typer.Option("--null-effect", help="Playbooks that change nothing, arms that do not differ.")
    ] = False,
    performance_log: Annotated[
        bool, typer.Option("--performance-log", help="Write the log of an earlier system too, of the journey.")
    ] = False,
    touchpoints: Annotated[
        bool, typer.Option("--touchpoints", help="Write the touches before conversions too, of marketing.")
    ] = False,
    policy: PolicyOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace generated files in the folder.")] = False,
) -> None:
    """Write generated data of a family, and what is true of them beside it."""
    from cjo_assets.families.journey.synth import datasets as journey_datasets
    from cjo_assets.families.marketing.synth import datasets as marketing_datasets
    from cjo_assets.policy import PolicyError, load_policy
    from cjo_assets.synth.made import Made
    from cjo_assets.synth.world import WorldError
    from cjo_assets.synth.writer import require_room, truth_file, write

    if family not in (JOURNEY, MARKETING):
        fail(f"The family {family} is none of {JOURNEY} and {MARKETING}.")
    count, option = (customers, "--customers") if family == JOURNEY else (campaigns, "--campaigns")
    if count is None:
        fail(f"How many? Say {option}.")
    last_day = day_of("--until", until or ("2025-01-20" if family == JOURNEY else "2026-03-31"))
    made: Made
    try:
        rules = load_policy(policy)
        if family == JOURNEY:
            request = journey_datasets.Request(
                count,
                seed,
                last_day,
                104 if weeks is None else weeks,
                signals_per_customer,
                dirty,
                not null_effect,
                with_performance_log=performance_log,
            )
            made = journey_datasets.generated(request, rules)
        else:
            length = 26 if weeks is None else weeks
            asked = marketing_datasets.MarketingRequest(
                count, seed, last_day, length, dirty, not null_effect, with_touchpoints=touchpoints
            )
            made = marketing_datasets.generated_marketing(asked, rules)
        require_room(out, family, replace=force)
        with console.status("Making rows ..."):
            for _ in write(made, out, file_format):
                pass
    except (PolicyError, WorldError) as error:
        fail(str(error))
    for name, rows in sorted(made.rows.items()):
        bad = sum(made.spoiled.get(name, {}).values())
        say(f"  {name}: {rows:,} rows" + (f", {bad:,} of them spoiled" if bad else ""))
    say(f"Truth: {truth_file(out, family)}")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def bench(context: typer.Context) -> None:
    """Measure the platform beside hand-written SQL and others, and write docs/explanation/benchmarks.md."""
    from cjo_assets.core.settings import PROJECT

    if not (PROJECT / "benchmarks").is_dir():
        fail(f"The benchmark is part of the source, and {PROJECT} has no folder benchmarks.")
    os.chdir(PROJECT)
    os.execv(sys.executable, [sys.executable, "-m", "benchmarks", *context.args])


audit.register(app)
replay.register(app)


def main() -> None:
    """Run the command line; an error of the disk becomes one message."""
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
    """Become a program of Dagster, on the instance of the home."""
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
    from cjo_assets.approvals.decide import Answer, record_answer
    from cjo_assets.core.errors import RefusalError, WarehouseError
    from cjo_assets.core.settings import places_of
    from cjo_assets.policy import PolicyError, load_policy

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


def _run_days(only: str | None, first: date | None, last: date | None) -> None:
    """Run a family, or every family that has files: each on its own newest day unless days are given."""
    from cjo_assets.cli.launch import supplied

    with console.status("Reading files ...") as status:
        families = supplied(only, _told(status), has_day=last is not None or first is not None)
    runs = [(found.family, first or last or found.last, last or found.last) for found in families]
    failed = []
    for found, (family, begin, end) in zip(families, runs, strict=True):
        if begin is None or end is None:
            fail(f"No file of the family {family} holds a date up to today; say --as-of.")
        # A day on which nothing of a family had happened yet is run where that family was asked for by name.
        if only is None and len(families) > 1 and found.first is not None and end < found.first:
            say(f"The data of the family {family} begin on {found.first}: it is not run for {end}.")
            continue
        if not _run_family(family, begin, end):
            failed.append(f"{family}, {_days_in_words(begin, end)}")
    # One family's fault is not another's: each has been run, and published if it could be.
    if failed:
        fail(f"The run of {' and '.join(failed)} failed; what is published of it is as it was.")


def _run_family(family: str, first: date, last: date) -> bool:
    """Run a family and print what it came to, or why it failed; return whether it did not."""
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
    """Return what tells a person how a run gets on."""

    def tell(text: str) -> None:
        status.update(text)
        say_lines(text, errors)

    return tell


def _days_in_words(first: date, last: date) -> str:
    return str(first) if first == last else f"{first} to {last}"


def _show(subject: Subject, subject_id: str, day: date | None) -> None:
    from cjo_assets.cli.single_subject import print_chain

    if not print_chain(console, subject, subject_id, day):
        fail(f"The data hold no {subject.name} {subject_id}.")
