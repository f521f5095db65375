"""Deployments of configurations to production, and rollbacks, as instants at which a version went live."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from cjo_assets.families.lifecycle.inputs._event_types import PRODUCTION

DEPLOYED, ROLLED_BACK = "config_deployed", "config_rolled_back"


def deployments(lifecycle_events: ir.Table) -> ir.Table:
    """Return when versions went live.

    Returns:
        One row per event: customer_id, config_id, live_version, live_since, recorded_on, event_id, is_rollback.
    """
    events = lifecycle_events
    is_rollback = events.event_type == ROLLED_BACK
    is_deployment = (events.event_type == DEPLOYED) & (events.about == PRODUCTION)
    rows = events.filter(is_rollback | is_deployment)
    is_rollback = rows.event_type == ROLLED_BACK
    return rows.select(
        "customer_id",
        "event_id",
        config_id=is_rollback.ifelse(rows.subject_id, rows.related_id),
        live_version=rows.quantity.cast("int64"),
        live_since="occurred_at",
        recorded_on=recorded_on(rows),
        is_rollback=is_rollback,
    )


def recorded_on(events: ir.Table) -> ir.DateValue:
    """Return the day on which events became known."""
    return ibis.coalesce(events.recorded_at, events.occurred_at).date()
