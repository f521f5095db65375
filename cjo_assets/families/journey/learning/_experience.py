"""Sums of outcomes by playbook and segment, shared by the tables of learning."""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.contract import ANY_SEGMENT
from cjo_assets.policy import Policy


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
