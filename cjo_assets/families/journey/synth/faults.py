"""Faults of generated journey data, by dataset: each makes a row that the quarantine must reject for one reason."""

from cjo_assets.synth.faults import LIMBO, NO_DAY, REPEATED, Fault

JOURNEY_FAULTS: dict[str, tuple[Fault, ...]] = {
    "customers": (
        REPEATED,
        Fault("negative_value", {"account_value": "-1"}, ("customer_id",)),
        Fault("not_a_number", {"account_value": "many"}, ("customer_id",)),
        Fault("unknown_segment", {"segment": LIMBO}, ("customer_id",)),
        Fault("missing_tenure", {"tenure_months": None}, ("customer_id",)),
        Fault("conflicting_key", {"tenure_months": "1"}, ("customer_id",), {"tenure_months": "2"}),
    ),
    "journey_state_log": (
        REPEATED,
        Fault("unknown_customer", {}, ("customer_id",)),
        Fault("missing_customer", {"customer_id": None}),
        Fault("unknown_stage", {"journey_stage": LIMBO}),
        Fault("impossible_date", {"state_entered_at": NO_DAY}),
    ),
    "signals": (
        REPEATED,
        Fault("unknown_customer", {}, ("signal_id", "customer_id")),
        Fault("missing_type", {"signal_type": None}, ("signal_id",)),
        Fault("out_of_range", {"signal_strength": "1.5"}, ("signal_id",)),
        Fault("impossible_date", {"detected_at": NO_DAY}, ("signal_id",)),
        Fault("unknown_source", {"source": LIMBO}, ("signal_id",)),
        Fault("less_credible_rival", {"signal_strength": "0"}, ("signal_id",)),
        Fault("conflicting_key", {"signal_strength": "0.1"}, ("signal_id",), {"signal_strength": "0.2"}),
    ),
    "interventions": (
        REPEATED,
        Fault("unknown_customer", {}, ("intervention_id", "customer_id")),
        Fault("out_of_range", {"confidence": "1.01"}, ("intervention_id",)),
        Fault("not_a_boolean", {"requires_human_approval": "yes"}, ("intervention_id",)),
        Fault("not_a_list", {"triggered_by_signals": "none"}, ("intervention_id",)),
    ),
    "outcomes": (
        REPEATED,
        Fault("unknown_intervention", {}, ("outcome_id", "intervention_id")),
        Fault("unknown_outcome", {"outcome": LIMBO}, ("outcome_id",)),
        Fault("out_of_range", {"churn_risk_delta": "1.5"}, ("outcome_id",)),
        Fault("missing_date", {"measured_at": None}, ("outcome_id",)),
    ),
    "approval_decisions": (REPEATED, Fault("unknown_intervention", {}, ("intervention_id",))),
}
