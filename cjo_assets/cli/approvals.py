"""Commands for approvers: `cjo pending`, `cjo approve` and `cjo reject`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cjo_assets.cli.terminal import HomeOption, PolicyOption, console, fail, say
from cjo_assets.core.approval_status import APPROVED

if TYPE_CHECKING:
    from cjo_assets.policy import Policy

InterventionArgument = Annotated[str, typer.Argument(help="Id of the request, as listed by `cjo pending`.")]
ByOption = Annotated[str, typer.Option("--by", help="Name of the approver.")]
AtOption = Annotated[
    str | None, typer.Option("--at", help="Time of the decision, for example 2025-01-20T15:30:00Z; default: now.")
]


def register(app: typer.Typer) -> None:
    """Add the commands to `cjo`."""
    app.command()(pending)
    app.command()(approve)
    app.command()(reject)


def pending(
    home: HomeOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the complete requests as a JSON array.")] = False,
) -> None:
    """List the pending approval requests of all families."""
    from cjo_assets.approvals.decide import waiting_requests
    from cjo_assets.core.errors import WarehouseError
    from cjo_assets.core.settings import places_of
    from cjo_assets.policy import PolicyError, load_policy

    settings = places_of(home)
    _register_families()
    try:
        policy = load_policy(settings.policy)
        waiting = waiting_requests(settings, policy)
    except (PolicyError, WarehouseError) as error:
        fail(str(error))
    if as_json:
        _print_as_json(waiting)
    else:
        _print_as_lines(waiting, policy)


def approve(
    intervention: InterventionArgument,
    by: ByOption,
    reason: Annotated[str | None, typer.Option("--reason", help="Reason, as free text.")] = None,
    at: AtOption = None,
    policy: PolicyOption = None,
    home: HomeOption = None,
) -> None:
    """Approve a pending request; an approved intervention is taken as carried out."""
    _answer(policy, home, intervention_id=intervention, decision="approved", by=by, reason=reason, at=at)


def reject(
    intervention: InterventionArgument,
    by: ByOption,
    category: Annotated[str, typer.Option("--reason", help="Category, one of rejection_categories in the policy.")],
    note: Annotated[str | None, typer.Option("--note", help="Reason, as free text.")] = None,
    at: AtOption = None,
    policy: PolicyOption = None,
    home: HomeOption = None,
) -> None:
    """Reject a pending request."""
    _answer(
        policy, home, intervention_id=intervention, decision="rejected", by=by, category=category, reason=note, at=at
    )


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
    from cjo_assets.approvals.decide import Answer, effect_of_approval, record_answer
    from cjo_assets.core.errors import RefusalError, WarehouseError
    from cjo_assets.core.settings import places_of
    from cjo_assets.policy import PolicyError, load_policy

    settings = places_of(home, policy)
    _register_families()
    answer = Answer(intervention_id, decision, by, category, reason, at)
    try:
        record = record_answer(settings, load_policy(settings.policy), answer)
        effect = effect_of_approval(settings, intervention_id) if decision == APPROVED else ""
    except (PolicyError, RefusalError, WarehouseError) as error:
        fail(str(error))
    say(
        f"Recorded: {intervention_id} is {record['decision']}{effect} by {record['decided_by']} at "
        f"{record['decided_at']}."
    )
    day = record["decided_at"].partition("T")[0]
    say(f"It counts on {day} and later days: run one with `cjo run --as-of {day}`, or by the sensor of `cjo ui`.")


def _register_families() -> None:
    """Import the catalog, which makes the families known to lower layers."""
    from cjo_assets.catalog import data_families

    data_families()


def _print_as_lines(waiting: list[dict[str, Any]], policy: Policy) -> None:
    """Print each request on two lines: action and approver, then reasons and signals."""
    from cjo_assets.reporting.approvals import approver_of, cost_of, reasons_of
    from cjo_assets.reporting.naming import Naming

    naming = Naming(policy.labels)
    if not waiting:
        console.print("No pending approval requests.")
    for row in waiting:
        subject = row["subject_id"] or f"all {row['subject']}s"
        action = naming.text("recommended_action", row["recommended_action"], "prose")
        asked = f"approver: {approver_of(row, naming)}, {_until(row)}"
        say(f"{row['intervention_id']}  {subject}  {action}  {cost_of(row)}  {asked}")
        say(f"    {reasons_of(row, naming)}; {_grounds(row)}")


def _until(row: dict[str, Any]) -> str:
    """Return until when a request may be answered, or when it goes to the next role."""
    if row["expires_at"] is not None:
        return f"expires {row['expires_at']:%Y-%m-%d %H:%M} UTC"
    return f"{'overdue since' if row['is_overdue'] else 'due'} {row['due_at']:%Y-%m-%d %H:%M} UTC"


def _grounds(row: dict[str, Any]) -> str:
    """Return the evidence of a request."""
    if "evidence" in row:
        return f"evidence {', '.join(row['evidence'] or ()) or 'none'}"
    return f"signals {', '.join(row['triggered_by_signals']) or 'none'}"


def _print_as_json(waiting: list[dict[str, Any]]) -> None:
    """Print the requests as a JSON array, instants in UTC."""
    text = json.dumps(waiting, default=lambda instant: f"{instant.isoformat()}Z", indent=2)
    console.print(text, highlight=False, markup=False, soft_wrap=True)
