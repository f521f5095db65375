"""When versions of configurations were live: from a deployment or rollback to the next one."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from cjo_assets.families.lifecycle.operation._settings import CONFIGURATION, VERSION
from cjo_assets.families.lifecycle.support._deployments import deployments


def live_versions(events: ir.Table) -> ir.Table:
    """Return the versions that were ever live in production.

    Returns:
        One row per version: deployed_at (the first time), live_since (the last time), superseded_at (null while it is
        live), rolled_back_at (the first time; null if never), is_live.
    """
    rows = deployments(events).rename(config_version="live_version")
    in_order = ibis.window(group_by=CONFIGURATION, order_by=["live_since", "event_id"])
    rows = rows.mutate(
        next_since=rows.live_since.lead().over(in_order),
        next_version=rows.config_version.lead().over(in_order),
        next_is_rollback=rows.is_rollback.lead().over(in_order),
    )
    is_rolled_back = rows.next_is_rollback & (rows.next_version != rows.config_version)
    found = rows.group_by(VERSION).agg(
        deployed_at=rows.live_since.min(),
        last_live_since=rows.live_since.max(),
        last_ended_at=rows.next_since.max(),
        rolled_back_at=rows.next_since.min(where=is_rolled_back),
        is_live=rows.next_since.isnull().any(),
    )
    superseded_at = found.is_live.ifelse(ibis.null("timestamp"), found.last_ended_at)
    return found.mutate(superseded_at=superseded_at).drop("last_ended_at").rename(live_since="last_live_since")
