"""Sums of outcomes by playbook and segment, shared by the tables of learning."""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.contract import ANY_SEGMENT
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.policy import Policy


def existing_playbooks(playbooks: ir.Table, as_of: ir.DateScalar) -> ir.Table:
    """Return the playbooks that exist on a day."""
    return playbooks.filter(playbooks.created_at <= as_of)


def over_segments(existing: ir.Table, sums: ir.Table, policy: Policy) -> ir.Table:
    """Complete sums per playbook and segment to a row for every playbook and segment.

    Args:
        existing: one row per playbook.
        sums: one row per playbook and segment with data; every other column is a number to add up.
        policy: the segments.

    Returns:
        One row per playbook and segment, "All" included, which has the sums of the others: 0 where there are no data.
    """
    segments = ibis.literal([ANY_SEGMENT, *policy.vocabulary.segments], "array<string>")
    keys = ("playbook_id", "segment")
    grid = lookup(existing.mutate(segment=segments.unnest()), sums, keys)
    grid = grid.mutate(is_all=grid.segment == ANY_SEGMENT)
    per_playbook = ibis.window(group_by=grid.playbook_id)
    return grid.mutate(
        **{
            name: grid.is_all.ifelse(grid[name].sum().over(per_playbook), grid[name]).fill_null(0)
            for name in sums.columns
            if name not in keys
        }
    )
