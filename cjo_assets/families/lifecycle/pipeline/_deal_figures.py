"""Figures of deals: volumes, price and cost, the requirements form, and dependencies."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.tables import first_per, merged


def figures_of(events: ir.Table) -> ir.Table:
    """Return the last figures of each deal that events have: volumes, price, cost, and when the form was sent."""
    research, answers = _last(events, "research_completed"), _last(events, "requirements_validated")
    prices, forms = _last(events, "pricing_proposed"), _last(events, "requirements_sent")
    return merged(
        [
            research.select("deal_id", predicted_volume="quantity"),
            answers.select("deal_id", client_volume="quantity"),
            prices.select("deal_id", price="amount", cost="quantity"),
            forms.select("deal_id", requirements_sent_at="occurred_at"),
        ],
        "deal_id",
    )


def _last(events: ir.Table, kind: str) -> ir.Table:
    rows = events.filter(events.event_type == kind).rename(deal_id="subject_id")
    return first_per(rows, "deal_id", [ibis.desc("occurred_at"), ibis.desc("event_id")])


def dependencies_of(events: ir.Table, as_of: ir.DateScalar) -> ir.Table:
    """Return how many dependencies of each deal are open, and for how long the first of them is overdue."""
    opened = events.filter(events.event_type == "dependency_opened")
    done = events.filter(events.event_type == "dependency_done")
    is_open = opened.subject_id.notin(done.subject_id)
    rows = opened.filter(is_open)
    overdue = ibis.greatest(as_of.delta(rows.due_at.date(), unit="day"), 0)
    rows = rows.mutate(overdue=overdue)
    return rows.group_by(deal_id="related_id").agg(
        open_dependencies=rows.subject_id.nunique(), days_overdue=rows.overdue.max()
    )
