"""Command of the demonstration, `cjo demo`: generated data of one company, a run a week, and answers of approvers."""

from __future__ import annotations

import os
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cjo_assets.cli.terminal import console, errors, fail, say, say_lines

if TYPE_CHECKING:
    from cjo_assets.core.settings import Settings
    from cjo_assets.policy import Policy


def register(app: typer.Typer) -> None:
    """Add the command to `cjo`."""
    app.command()(demo)


def demo(
    out: Annotated[Path, typer.Option("--out", help="Folder for the data and results: new or empty.")] = Path("demo"),
    weeks: Annotated[int, typer.Option(help="Number of weeks before the last day, each with a run.", min=0)] = 4,
) -> None:
    """Generate the data of one company and run all families on them, a day a week."""
    from cjo_assets.core.errors import InputError, WarehouseError
    from cjo_assets.demo.company import LAST_DAY
    from cjo_assets.policy import PolicyError
    from cjo_assets.synth.made import WorldError

    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        fail(f"{out} is not an empty folder. Remove it, or choose another with --out.")
    try:
        settings, policy = _prepared(out)
        for day in (LAST_DAY - timedelta(weeks=number) for number in range(weeks, -1, -1)):
            _run_day(day)
            if day != LAST_DAY:
                _answer(settings, policy, day)
        _print_results(settings, out, LAST_DAY)
    except (InputError, PolicyError, WarehouseError, WorldError) as error:
        fail(str(error))


def _prepared(out: Path) -> tuple[Settings, Policy]:
    """Generate the data, and make the folder the home of this process."""
    from cjo_assets.demo.generate import write_demo
    from cjo_assets.orchestration.instance import prepare_environment
    from cjo_assets.policy import load_policy

    data = out.resolve() / "data"
    os.environ |= {"CJO_DATA": str(data), "CJO_HOME": str(out.resolve() / "warehouse")}
    settings = prepare_environment()
    policy = load_policy(settings.policy)
    with console.status("Generating rows ..."):
        for _ in write_demo(data, policy):
            pass
    say(f"Generated {data}.")
    return settings, policy


def _run_day(day: date) -> None:
    """Run all families for a day, each on the results of those before it."""
    from cjo_assets.catalog import data_families
    from cjo_assets.cli.launch import run_days, supplied
    from cjo_assets.core.family import in_run_order

    supplied(has_day=True)
    for family in in_run_order(data_families()):
        with console.status(f"Running {family.name} for {day} ..."):
            failures = run_days(family.name, day, day, lambda *_: None, say)
        for failure in failures:
            say_lines(failure, errors)
        if failures:
            fail(f"The run of {family.name} for {day} failed.")
        say(f"  {day} {family.name}: {len(family.tables)} tables")


def _answer(settings: Settings, policy: Policy, day: date) -> None:
    """Answer some of the requests of a day, as approvers would."""
    from cjo_assets.approvals.decide import record_answer, waiting_requests
    from cjo_assets.demo.answers import answers_to

    for answer in answers_to(waiting_requests(settings, policy), day):
        record_answer(settings, policy, answer)


def _print_results(settings: Settings, out: Path, day: date) -> None:
    """Print the summary of each family, and what to do next."""
    from cjo_assets.catalog import data_families
    from cjo_assets.cli.summary import print_summary
    from cjo_assets.core.family import in_run_order

    for family in in_run_order(data_families()):
        console.rule(family.name)
        print_summary(console, family.name, day)
    say(f"Everything is in {settings.home}. To go on, name it: `cjo pending --home {out / 'warehouse'}`.")
