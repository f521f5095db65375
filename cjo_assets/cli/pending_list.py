"""Output of `cjo pending`: the pending approval requests as lines or as JSON."""

from __future__ import annotations

import json
from typing import Any

from rich.console import Console

from cjo_assets.cli.terminal import say
from cjo_assets.reporting.text import money


def print_as_lines(console: Console, waiting: list[dict[str, Any]]) -> None:
    """Print each request on two lines: action and approver, then reasons and signals."""
    if not waiting:
        console.print("No pending approval requests.")
    for row in waiting:
        cost = "cost unknown" if row["expected_cost"] is None else money(row["expected_cost"])
        asked = f"approver {_asked(row)}, expires {row['expires_at']:%Y-%m-%d %H:%M} UTC"
        what = f"{row['intervention_id']}  {row['customer_id']}  {row['recommended_action']}  {cost}  {asked}"
        reasons, signals = ", ".join(row["approval_reasons"]), ", ".join(row["triggered_by_signals"])
        for line in (what, f"    {reasons or 'requested by its source'}; signals {signals or 'none'}"):
            say(line, console)


def print_as_json(console: Console, waiting: list[dict[str, Any]]) -> None:
    """Print the requests as a JSON array, instants in UTC."""
    text = json.dumps(waiting, default=lambda instant: f"{instant.isoformat()}Z", indent=2)
    console.print(text, highlight=False, markup=False, soft_wrap=True)


def _asked(row: dict[str, Any]) -> str:
    role = row["approval_role"] or "any"
    if not row["needs_two_people"]:
        return role
    return f"two: {role}" + (f", approved by {', '.join(row['approved_by'])}" if row["approved_by"] else "")
