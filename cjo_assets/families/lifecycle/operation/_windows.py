"""Service windows as a day knows them: those that ended by then, and their limits of response times."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.days import days_after
from cjo_assets.policy.lifecycle import LifecyclePolicy

SERVICE = ["customer_id", "service"]


def known_windows(service_windows: ir.Table, as_of: ir.DateScalar) -> ir.Table:
    """Return the windows that ended by the end of the as-of date, without maintenance, with `window_ended_at`."""
    end = days_after(as_of, 1).cast("timestamp")
    rows = service_windows.mutate(window_ended_at=service_windows.started_at + service_windows.minutes.as_interval("m"))
    return rows.filter(rows.window_ended_at <= end, ~rows.is_maintenance)


def latency_limit(service: ir.StringValue, policy: LifecyclePolicy) -> ir.FloatingValue:
    """Return the policy's limit of response times of a service [ms]; null for integrations."""
    return service.cases(*policy.sla.latency_ms, else_=ibis.null("float64"))
