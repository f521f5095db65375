"""Playbooks that a decision may choose from.

One row per playbook. A playbook is a template; an intervention is one use of it.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import ALWAYS, ANY_SEGMENT, LARGEST_AMOUNT, Contract, NumberList, TextList, column, key
from cjo_assets.core.dataset import Dataset
from cjo_assets.policy import Policy


class Playbooks(Contract):
    """Playbooks that passed their contract. One row per playbook."""

    playbook_id: str = key("Playbook.")
    name: str = column("Name people use.", free_text=True)
    journey_stage: str = column("Stage the playbook is for.", words="stages")
    eligible_segments: TextList = column("Segments it may be used for; 'All' for every segment.")
    trigger_signals: TextList = column(
        "Signal types of which any suffices; empty, or absent from the source: none is needed.",
        optional=True,
        used_when=ALWAYS,
        absent="[]",
    )
    risk_threshold: float = column("Decision risk from which it applies [0-1, up = worse].", ge=0, le=1)
    default_actions: TextList = column("What is done, the first action first.")
    approval_required: bool = column("Whether a person must approve each use.")
    avg_cost_estimate: float = column("Cost of one use [currency].", ge=0, le=LARGEST_AMOUNT)
    expected_value_range: NumberList = column("Lowest and highest value expected of one use [currency].")
    fallback_playbook_id: str = column("Playbook to try when this one fails; null for none.", optional=True)
    created_at: date = column("Day from which the playbook exists.")
    status: str = column("active, draft or retired.", words="playbook_statuses")


def relations(rows: ir.Table, policy: Policy) -> dict[str, ir.BooleanValue]:
    """Return the rules on a playbook that concern several columns or lists."""
    segments = [ANY_SEGMENT, *policy.vocabulary.segments]
    values = rows.expected_value_range
    unknown_segments = rows.eligible_segments.filter(lambda segment: segment.notin(segments))
    return {
        "eligible_segments: empty": rows.eligible_segments.length() == 0,
        "eligible_segments: not in the policy's segments": unknown_segments.length() > 0,
        "default_actions: empty": rows.default_actions.length() == 0,
        "expected_value_range: not two numbers, the lower first": (values.length() != 2) | (values[0] > values[1]),
        f"expected_value_range: beyond {LARGEST_AMOUNT:g}": (values[0] < -LARGEST_AMOUNT)
        | (values[1] > LARGEST_AMOUNT),
        "fallback_playbook_id: the playbook itself": rows.fallback_playbook_id == rows.playbook_id,
    }


DATASET = Dataset(
    "playbooks", Playbooks, may_be_empty=False, relations=relations, record_date="created_at", is_history=False
)


@check
def unknown_fallbacks(playbooks: ir.Table) -> ir.Table:
    """Return playbooks whose fallback does not exist or was rejected."""
    unknown = playbooks.filter(playbooks.fallback_playbook_id.notin(playbooks.playbook_id))
    return unknown.select("playbook_id", "fallback_playbook_id")


@check
def unknown_trigger_signals(playbooks: ir.Table, policy: Policy) -> ir.Table:
    """Return playbooks triggered by a signal type which the policy's catalogue does not contain."""
    known = ibis.literal(sorted(policy.journey.signals.catalogue), "array<string>")
    unknown = playbooks.trigger_signals.filter(lambda name: ~known.contains(name))
    return playbooks.select("playbook_id", unknown=unknown).filter(lambda row: row.unknown.length() > 0)
