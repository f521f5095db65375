"""Rows and other values for the policy of support, for what does not happen in the sample."""

from typing import Any

from cjo_assets_tests.support.rows import Row, Rows


def _ticket(name: str, priority: str, created_at: str, resolved_at: str | None = None) -> Row:
    return {
        "ticket_id": name,
        "customer_id": "C004",
        "category": "billing_inquiry",
        "priority": priority,
        "created_at": created_at,
        "first_response_at": created_at,
        "resolved_at": resolved_at,
        "resolved_by": "agent" if resolved_at else None,
        "asked_for_human": False,
    }


SUPPORT_ROWS: dict[str, Rows] = {
    "tickets": [
        # Over the holiday of 2024.
        _ticket("P-2024", "normal", "2023-12-29T09:00:00Z", "2024-01-03T09:00:00Z"),
        # Its contract allows 625 days of business, so that it is due after the holiday of 2026.
        _ticket("P-2026", "high", "2025-01-20T09:00:00Z"),
        _ticket("P-HOLD", "normal", "2025-01-20T09:00:00Z"),
    ],
    "sla_terms": [
        {
            "customer_id": "C004",
            "metric": "resolution_minutes",
            "priority": "high",
            "valid_from": "2025-01-01",
            "target": 300_000.0,
        }
    ],
    "lifecycle_events": [
        {
            "event_id": "P-HOLD-1",
            "event_type": "ticket_status_set",
            "occurred_at": "2025-01-20T10:00:00Z",
            "customer_id": "C004",
            "actor_kind": "agent",
            "subject_id": "P-HOLD",
            "about": "on_hold",
        }
    ],
}
SUPPORT_VALUES: dict[str, Any] = {
    "lifecycle.calendar.timezone": "Europe/Berlin",
    "lifecycle.calendar.opens": "08:00",
    "lifecycle.calendar.closes": "18:00",
    # Conversations of the sample take 1,400 ms.
    "lifecycle.sla.latency_ms.chatbot": 1000,
    # Open tickets of the sample have one attempt, and two escalations were taken after 6 and 10 minutes.
    "lifecycle.escalation.attempts": 1,
    "lifecycle.escalation.wait_minutes": 5,
    # One day: conversations after the deployment began with another version than the day before.
    "lifecycle.runtime.propagation_seconds": 86_400,
}
