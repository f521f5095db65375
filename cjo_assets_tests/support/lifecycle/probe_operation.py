"""Rows and other values for the policy of operation, for what does not happen in the sample."""

from typing import Any

from cjo_assets_tests.support.policy_leaves import DEFAULT
from cjo_assets_tests.support.rows import Row, Rows

KINDS = tuple(DEFAULT["lifecycle"]["config"]["risks"])
# Values that a range allows or not, depending on its least or its greatest value.
NEAR_LEAST = [
    "voice.speed=0.4",
    "voice.clarity=0.1",
    "voice.style=0.1",
    "model.streaming_latency=0.5",
    "model.max_tokens=60",
    "stop.words=1",
    "stop.voice_seconds=0.07",
    "stop.back_off_seconds=1",
    "input.min_characters=7",
]
NEAR_MOST = [
    "voice.speed=1.5",
    "voice.clarity=1.5",
    "voice.style=1.5",
    "model.streaming_latency=6",
    "model.max_tokens=600",
    "stop.words=15",
    "stop.voice_seconds=1.5",
    "stop.back_off_seconds=7",
    "input.min_characters=60",
]


def _version(config: str, number: int, settings: list[str], saved_at: str = "2025-01-16T08:00:00Z") -> Row:
    return {
        "config_id": config,
        "config_version": number,
        "customer_id": "C010",
        "product": "chatbot",
        "saved_at": saved_at,
        "saved_by_kind": "agent",
        "saved_by": "A-03",
        "message": "Probe",
        "settings": settings,
    }


def _event(name: str, kind: str, at: str, customer: str, subject: str, **more: Any) -> Row:
    found = {"event_id": name, "event_type": kind, "occurred_at": at, "customer_id": customer, "subject_id": subject}
    return found | {"actor_kind": "client"} | more


def _window(config: str, minute: int, **more: Any) -> Row:
    return {
        "window_id": f"{config}-{minute}",
        "customer_id": "C010",
        "service": "chatbot",
        "config_id": config,
        "config_version": 1,
        "started_at": f"2025-01-16T10:{minute:02d}:00Z",
        "minutes": 5,
        "requests": 20,
        "errors": 0,
        "p95_ms": None,
        "down_minutes": 0,
        "ended": 0,
        "completed": 0,
        "is_maintenance": False,
    } | more


OPERATION_ROWS: dict[str, Rows] = {
    "config_versions": [
        _version("P-LEAST", 1, NEAR_LEAST),
        _version("P-MOST", 1, NEAR_MOST),
        _version("P-ENDED", 1, []),
        _version("P-SLOW", 1, []),
        # A second version with a change of each kind, which a request claims with a confidence of 0.6.
        *(_version(f"P-{kind}", 1, []) for kind in KINDS),
        *(_version(f"P-{kind}", 2, [f"{kind}.probe=1"], "2025-01-17T08:00:00Z") for kind in KINDS),
    ],
    "service_windows": [
        # 16 of 20 conversations that ended in half an hour are complete.
        *(_window("P-ENDED", minute, requests=0, ended=10, completed=8) for minute in (0, 30)),
        *(_window("P-SLOW", minute, p95_ms=2500) for minute in (5, 10, 15)),
    ],
    "lifecycle_events": [
        *(
            _event(f"P-LIVE-{config}", "config_rolled_back", "2025-01-16T09:00:00Z", "C010", config, about="probe")
            | {"quantity": 1}
            for config in ("P-ENDED", "P-SLOW")
        ),
        *(
            _event(f"P-ASK-{kind}", "config_change_requested", "2025-01-16T12:00:00Z", "C010", f"P-CHANGE-{kind}")
            | {"related_id": f"P-{kind}", "about": kind, "quantity": 0.6}
            for kind in KINDS
        ),
        # Opened 45 minutes after the failure of C004.
        _event("P-LATE", "incident_opened", "2025-01-15T10:55:00Z", "C004", "P-INC", about="low", parts=["chatbot"]),
    ],
}
OPERATION_VALUES: dict[str, Any] = {
    # C004 has used four fifths of what may be down.
    "lifecycle.sla.budget_at_risk": 0.9,
    "lifecycle.models.cheap": "large",
    **{f"lifecycle.config.risks.{kind}": "high" if kind == "tools" else "medium" for kind in KINDS},
    "lifecycle.config.risks.escalation": "low",
    "lifecycle.config.ranges.voice.clarity.least": 0.2,
    "lifecycle.config.ranges.voice.style.least": 0.2,
    "lifecycle.config.ranges.model.streaming_latency.least": 1,
    # A version of the sample was deployed six days ago.
    "lifecycle.config.success_days": 5,
    # The sample has windows of five minutes with 2 errors of 12 requests, and with 3 of 40.
    "lifecycle.rollback.error_rate": 0.08,
    "lifecycle.rollback.minimum_requests": 10,
    "lifecycle.rollback.window_minutes": 4,
    "lifecycle.rollback.completion_minutes": 20,
    # 36 and 60 minutes; opened after 45; deployed five minutes before.
    "lifecycle.incidents.down_minutes": 50,
    "lifecycle.incidents.report_minutes": 30,
    "lifecycle.incidents.cause_minutes": 4,
}
