"""Experience: what was carried out by a day, what came of it, and how it is counted by playbook and segment.

Not a table but the steps that the tables of learning share, so that "run", "measured" and "success" mean one thing in
all of them.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.contract import ANY_SEGMENT
from cjo_assets.policy import Policy

FACTS = (
    "intervention_id",
    "customer_id",
    "playbook_id",
    "segment",
    "confidence",
    "triggered_by_signals",
    "approval_status",
    "decided_by",
    "category",
    "is_executed",
    "expected_cost",
    "stated_cost",
    "expected_value",
    "estimated_revenue_saved",
    "resolution_time_days",
    "human_override",
)


def with_success(known: ir.Table, policy: Policy) -> ir.Table:
    """Return what experience is made of: the ledger with its outcomes, whether measured, and whether a success.

    What was not carried out is no run, whatever was measured. A success is what the source says it is, or else one of
    the policy's outcomes.
    """
    return known.select(*FACTS, is_measured=is_measured(known), is_success=is_success(known, policy))


def is_measured(known: ir.Table) -> ir.BooleanValue:
    """Tell whether an intervention was carried out and its outcome is known."""
    return known.is_executed & known.outcome.notnull()


def is_success(known: ir.Table, policy: Policy) -> ir.BooleanValue:
    """Tell whether an intervention was carried out, measured, and a success."""
    succeeded = ibis.coalesce(known.playbook_success, known.outcome.isin(policy.journey.learning.success_outcomes))
    return is_measured(known) & succeeded.fill_null(False)


def existing_playbooks(playbooks: ir.Table, as_of: date) -> ir.Table:
    """Return the playbooks that exist on a day."""
    return playbooks.filter(playbooks.created_at <= as_of)


def over_segments(existing: ir.Table, sums: ir.Table, policy: Policy) -> ir.Table:
    """Spread sums per playbook and segment over all playbooks and segments.

    Args:
        existing: one row per playbook.
        sums: one row per playbook and segment that anything is known of; every other column is a number to add up.
        policy: for the segments.

    Returns:
        One row per playbook and segment, "All" included, which holds the sums of the others: 0 where nothing is known.
    """
    segments = ibis.literal([ANY_SEGMENT, *policy.vocabulary.segments], "array<string>")
    grid = existing.mutate(segment=segments.unnest())
    keys = ("playbook_id", "segment")
    rows = grid.left_join(sums, keys).drop(*(f"{name}_right" for name in keys))
    rows = rows.mutate(is_all=rows.segment == ANY_SEGMENT)
    per_playbook = ibis.window(group_by=rows.playbook_id)
    return rows.mutate(
        **{
            name: rows.is_all.ifelse(rows[name].sum().over(per_playbook), rows[name]).fill_null(0)
            for name in sums.columns
            if name not in keys
        }
    )
