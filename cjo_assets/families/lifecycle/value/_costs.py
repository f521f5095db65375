"""Cost of interactions: language models, and the time of people on the tickets that the AI did not solve.

The time per ticket and its price are assumptions of the policy.
"""

from __future__ import annotations

from typing import NamedTuple

import ibis
import ibis.expr.types as ir

from cjo_assets.policy.lifecycle import LifecyclePolicy

MINUTES_PER_HOUR = 60
COST_METRICS = ("conversations", "tickets", "resolved_by_ai", "model_cost")


class Handling(NamedTuple):
    """Cost of interactions [currency], null where model costs are not known, and their number."""

    cost: ir.FloatingValue
    interactions: ir.NumericValue


def handling(sums: ir.Table, policy: LifecyclePolicy) -> Handling:
    """Return what interactions cost, from sums of `COST_METRICS` as `window_sums` returns them."""
    by_people = sums.resolved_by_ai_of.fill_null(0.0) - sums.resolved_by_ai.fill_null(0.0)
    hours = by_people * policy.value.minutes_per_ticket / MINUTES_PER_HOUR
    interactions = sums.conversations.fill_null(0.0) + sums.tickets.fill_null(0.0)
    has_any = interactions > 0
    cost = sums.model_cost + hours * policy.value.cost_per_person_hour
    return Handling(has_any.ifelse(cost, ibis.null("float64")), interactions)
