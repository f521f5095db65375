"""Output of `cjo why` about a decision that other systems or people carry out."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from cjo_assets.cli.terminal import say, say_json
from cjo_assets.core.questions import ExplainedDecision

DECISION = ("kind", "subject_id", "target_system", "rule", "amount", "due_at", "first_day", "delivered", "delivered_at")
REQUEST = (
    "status",
    "approval_rule",
    "approval_role",
    "waits_with",
    "requested_at",
    "due_at",
    "decided_by",
    "decided_at",
)


def show_decision(found: ExplainedDecision, as_json: bool) -> None:
    """Print a decision with its approval, its run, and the records behind it."""
    if as_json:
        say_json(asdict(found))
        return
    row = found.decision or found.request or {}
    say(f"{found.decision_id} on {found.as_of}, {row['customer_id'] or 'several customers'}: {row['what']}")
    if found.decision:
        say(f"  decision: {_listed(found.decision, DECISION)}")
    say(f"  approval: {_listed(found.request, REQUEST) if found.request else 'not required'}")
    for record in found.records:
        place = f"{record['source_file']} row {record['source_row']}"
        say(f"  record: {record['dataset']} {record['record_key']}, {place}, content {record['content_hash'][:12]}")
    for evidence in found.rows:
        say(f"  row: {evidence} of {found.family} on {found.as_of}")
    if found.decision:
        say(f"  hashes: content {found.decision['decision_hash'][:12]}, input {found.decision['input_hash'][:12]}")
    say(f"  run {found.run.get('run_id')}, policy {str(found.run.get('policy_hash'))[:12]}")


def _listed(row: dict[str, Any], names: tuple[str, ...]) -> str:
    return ", ".join(f"{name} {row[name]}" for name in names if row[name] is not None)
