"""Faults of generated lifecycle data, by dataset: each makes a row that the quarantine must reject for one reason."""

from cjo_assets.synth.faults import LIMBO, NO_DAY, REPEATED, Fault

LONG_GONE = "1999-01-01T00:00:00Z"
LIFECYCLE_FAULTS: dict[str, tuple[Fault, ...]] = {
    "organizations": (
        REPEATED,
        Fault("no_instant", {"signed_up_at": NO_DAY}, ("customer_id",)),
        Fault("not_a_boolean", {"village_opt_in": "maybe"}, ("customer_id",)),
        Fault("missing_industry", {"industry": None}, ("customer_id",)),
        Fault("conflicting_key", {"industry": "mining"}, ("customer_id",), {"industry": "energy"}),
    ),
    "people": (
        REPEATED,
        Fault("unknown_organization", {"customer_id": "X_SYN_ORG"}, ("person_id",)),
        Fault("unknown_role", {"roles": '["limbo"]'}, ("person_id",)),
        Fault("negative_limit", {"max_clients": "-1"}, ("person_id",)),
    ),
    "lifecycle_events": (
        REPEATED,
        # A row that names a record of another customer has a fault of its own.
        Fault(
            "unknown_organization",
            {"customer_id": "X_SYN_ORG", "actor_id": None, "subject_id": "X_SYN_ID", "related_id": "X_SYN_ID"},
            ("event_id",),
        ),
        Fault("unknown_type", {"event_type": LIMBO}, ("event_id",)),
        Fault("unknown_actor", {"actor_kind": LIMBO}, ("event_id",)),
        Fault("negative_amount", {"amount": "-1"}, ("event_id",)),
        Fault("recorded_early", {"recorded_at": LONG_GONE}, ("event_id",)),
        Fault("foreign_currency", {"currency": "XTS"}, ("event_id",)),
        Fault("no_instant", {"occurred_at": NO_DAY}, ("event_id",)),
    ),
    "sla_terms": (
        REPEATED,
        Fault("unknown_organization", {}, ("customer_id",)),
        Fault("no_target", {"target": "0", "valid_from": "1999-01-01"}),
    ),
    "usage_daily": (
        REPEATED,
        Fault("unknown_organization", {}, ("customer_id",)),
        Fault("no_day", {"usage_date": NO_DAY}),
    ),
    "conversations": (
        REPEATED,
        Fault("unknown_organization", {}, ("conversation_id", "customer_id")),
        Fault("unknown_status", {"status": LIMBO}, ("conversation_id",)),
        Fault("ended_early", {"ended_at": LONG_GONE}, ("conversation_id",)),
        Fault("out_of_range", {"csat": "6"}, ("conversation_id",)),
        Fault("more_errors", {"tool_calls": "1", "tool_errors": "2"}, ("conversation_id",)),
    ),
    "tickets": (
        REPEATED,
        Fault("unknown_organization", {}, ("ticket_id", "customer_id")),
        Fault("unknown_category", {"category": LIMBO}, ("ticket_id",)),
        Fault("unknown_priority", {"priority": LIMBO}, ("ticket_id",)),
        Fault("answered_early", {"first_response_at": LONG_GONE}, ("ticket_id",)),
        Fault("solved_early", {"resolved_at": LONG_GONE}, ("ticket_id",)),
    ),
    "config_versions": (
        REPEATED,
        Fault("unknown_organization", {}, ("config_id", "customer_id")),
        Fault("no_version", {"config_version": "0"}, ("config_id",)),
        Fault("no_setting", {"settings": '["system_prompt"]'}, ("config_id",)),
    ),
    "service_windows": (
        REPEATED,
        Fault("unknown_organization", {}, ("window_id", "customer_id")),
        Fault("more_errors", {"requests": "1", "errors": "2"}, ("window_id",)),
        Fault("more_down", {"minutes": "1", "down_minutes": "2"}, ("window_id",)),
        Fault("too_long", {"minutes": "1441"}, ("window_id",)),
    ),
    "model_calls": (
        REPEATED,
        Fault("unknown_organization", {}, ("call_id", "customer_id")),
        Fault("negative_count", {"input_tokens": "-1"}, ("call_id",)),
    ),
    "knowledge_searches": (
        REPEATED,
        Fault("unknown_organization", {}, ("search_id", "customer_id")),
        Fault("out_of_range", {"confidence": "1.5"}, ("search_id",)),
    ),
}
