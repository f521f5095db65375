"""Command `cjo plan-experiment`: exposures and days that an experiment takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cjo_assets.cli.terminal import JsonOption, PolicyOption, console, fail, say, say_json

if TYPE_CHECKING:
    from cjo_assets.core.answers import Planning, PlanRequest
    from cjo_assets.policy import Policy

# Columns that are shares.
SHARES = ("lift", "variant_rate")


def register(app: typer.Typer) -> None:
    """Add the command to `cjo`."""
    app.command("plan-experiment")(plan_experiment)


def plan_experiment(
    rate: Annotated[float, typer.Option("--rate", help="Rate of the control, between 0 and 1.")],
    per_day: Annotated[
        float | None, typer.Option("--per-day", help="Exposures per day of both arms together, for the days.")
    ] = None,
    lift: Annotated[
        list[float] | None, typer.Option("--lift", help="True lift, 0.1 for 10 %; default: those of the policy.")
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option("--metric", help="Metric of the policy; default: more is better, each exposure another person."),
    ] = None,
    policy: PolicyOption = None,
    json: JsonOption = False,
) -> None:
    """Print the exposures and days that an experiment takes to detect a lift, and to scale the variant."""
    from cjo_assets.catalog import data_families
    from cjo_assets.core.answers import PlanRequest
    from cjo_assets.core.settings import places_of
    from cjo_assets.policy import PolicyError, load_policy

    lifts = tuple(sorted(set(lift or ())))
    if not 0 < rate < 1:
        fail(f"--rate {rate} is not between 0 and 1.")
    if per_day is not None and per_day <= 0:
        fail(f"--per-day {per_day} is not above 0.")
    if lifts and lifts[0] <= 0:
        fail(f"--lift {lifts[0]} is not above 0.")
    try:
        rules = load_policy(places_of(None, policy).policy)
    except PolicyError as error:
        fail(str(error))
    planning = next(family.planning for family in data_families() if family.planning is not None)
    metrics = planning.metrics(rules)
    if metric is not None and metric not in metrics:
        fail(f"The policy defines no metric {metric}. Choose one of: {', '.join(metrics)}.")
    rows = _planned(planning, PlanRequest(rate, per_day, lifts, metric), rules)
    if json:
        say_json(rows)
        return
    say(planning.assumptions(rules))
    _print(planning, rows)


def _planned(planning: Planning, request: PlanRequest, policy: Policy) -> list[dict[str, Any]]:
    """Return the rows of the plan, computed in memory."""
    import duckdb

    from cjo_assets.engine.store import Store

    with duckdb.connect() as connection:
        store = Store(connection, ())
        return store.rows(store.sql(planning.plan(request, policy), None))


def _print(planning: Planning, rows: list[dict[str, Any]]) -> None:
    from rich.table import Table as Grid

    from cjo_assets.reporting.text import number, rate

    grid = Grid(box=None, pad_edge=False)
    for heading in planning.columns.values():
        grid.add_column(heading, justify="right")
    for row in rows:
        grid.add_row(*((rate if name in SHARES else number)(row[name]) for name in planning.columns))
    console.print(grid)
