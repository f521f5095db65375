"""Day of the probe of the lifecycle policy, and rows dated by the days before it."""

from datetime import date, timedelta
from typing import Any

from cjo_assets_tests.support.rows import Row

DAY = date(2025, 1, 20)


def day_of(days_ago: int) -> str:
    """Return a day as text."""
    return str(DAY - timedelta(days=days_ago))


def instant_of(days_ago: int) -> str:
    """Return nine in the morning of a day as text."""
    return f"{day_of(days_ago)}T09:00:00Z"


def event(kind: str, days_ago: int, customer: str, subject: str, **more: Any) -> Row:
    """Return an event of a day."""
    return {
        "event_id": f"P-{kind}-{subject}-{days_ago}",
        "event_type": kind,
        "occurred_at": instant_of(days_ago),
        "customer_id": customer,
        "actor_kind": "agent",
        "subject_id": subject,
    } | more
