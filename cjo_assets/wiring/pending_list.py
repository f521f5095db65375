"""What waits for a person, as a person reads it in the terminal or a program as JSON."""

from __future__ import annotations

import json
from typing import Any

from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from cjo_assets.reporting.text import money

HEADER = ("intervention", "customer", "action", "cost", "asks", "lapses (UTC)", "evidence")
NEVER_WRAPPED = ("intervention", "cost")


def print_as_table(console: Console, waiting: list[dict[str, Any]]) -> None:
    """Print one line per request."""
    grid = Grid(title="Waiting for a person", title_justify="left", title_style="bold")
    for name in HEADER:
        grid.add_column(name, overflow="fold", no_wrap=name in NEVER_WRAPPED)
    for row in waiting:
        cost = "unknown" if row["expected_cost"] is None else money(row["expected_cost"])
        reasons, signals = ", ".join(row["approval_reasons"]), ", ".join(row["triggered_by_signals"])
        cells = (
            row["intervention_id"],
            row["customer_id"],
            row["recommended_action"],
            cost,
            _asked(row),
            f"{row['expires_at']:%Y-%m-%d %H:%M}",
            f"{reasons or 'asked by its source'}; signals {signals or 'none'}",
        )
        grid.add_row(*(Text(cell) for cell in cells))
    console.print(grid if waiting else "Nothing waits for a person.")


def print_as_json(console: Console, waiting: list[dict[str, Any]]) -> None:
    """Print the requests as a JSON array, instants in UTC."""
    text = json.dumps(waiting, default=lambda instant: f"{instant.isoformat()}Z", indent=2)
    console.print(text, highlight=False, markup=False, soft_wrap=True)


def _asked(row: dict[str, Any]) -> str:
    role = row["approval_role"] or "anybody"
    if not row["needs_two_people"]:
        return role
    return f"two: {role}" + (f", approved by {', '.join(row['approved_by'])}" if row["approved_by"] else "")
