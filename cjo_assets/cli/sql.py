"""Command `cjo sql`: the statement that computes a table."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from cjo_assets.cli.family_options import FamilyCommand
from cjo_assets.cli.terminal import PolicyOption, console, day_of, fail


def register(app: typer.Typer) -> None:
    """Add the command to `cjo`."""
    app.command(cls=FamilyCommand)(sql)


def sql(
    table: Annotated[str, typer.Argument(help="Table with its schema, for example {example}.")],
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="As-of date of a dated table, YYYY-MM-DD; default: today.")
    ] = None,
    policy: PolicyOption = None,
) -> None:
    """Print the DuckDB statement that computes a table under the policy."""
    import duckdb

    from cjo_assets.catalog import all_families
    from cjo_assets.core.settings import places_of
    from cjo_assets.engine.store import Store
    from cjo_assets.policy import PolicyError, load_policy

    try:
        rules = load_policy(places_of(None, policy).policy)
    except PolicyError as error:
        fail(str(error))
    day = day_of("--as-of", as_of) if as_of else datetime.now(UTC).date()
    with duckdb.connect() as connection:
        store = Store(connection, all_families())
        found = {known.full_name: known for known in store.tables.values()}.get(table)
        if found is None:
            fail(f"There is no table {table}. docs/reference/tables.md lists all tables.")
        if found.transform is None:
            fail(f"The table {table} is written by the run; no statement computes it.")
        statement = store.statement(found, day if found.is_dated else None, rules)
    console.print(statement.sql, markup=False, highlight=False, soft_wrap=True)
