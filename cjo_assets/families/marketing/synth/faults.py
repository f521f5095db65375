"""Faults of generated marketing data, by dataset: each makes a row that the quarantine must reject for one reason."""

from cjo_assets.synth.faults import LIMBO, NO_DAY, REPEATED, Fault

LONG_GONE, FAR_OFF = "1999-01-01", "2999-01-01"
MARKETING_FAULTS: dict[str, tuple[Fault, ...]] = {
    "campaigns": (
        REPEATED,
        Fault("negative_budget", {"budget": "-1"}, ("campaign_id",)),
        Fault("not_a_number", {"budget": "plenty"}, ("campaign_id",)),
        Fault("unknown_status", {"status": LIMBO}, ("campaign_id",)),
        Fault("impossible_date", {"start_date": NO_DAY}, ("campaign_id",)),
        Fault("ends_before_it_starts", {"end_date": LONG_GONE}, ("campaign_id",)),
        Fault("missing_kpi", {"primary_kpi": None}, ("campaign_id",)),
        Fault("conflicting_key", {"budget": "1"}, ("campaign_id",), {"budget": "2"}),
    ),
    "creative_assets": (
        REPEATED,
        Fault("unknown_campaign", {}, ("asset_id", "campaign_id")),
        Fault("unknown_variant", {"variant": "Z"}, ("asset_id",)),
        Fault("not_a_boolean", {"approved_by_human": "yes"}, ("asset_id",)),
        Fault("not_a_list", {"risk_flags": "no list"}, ("asset_id",)),
    ),
    "experiments": (
        REPEATED,
        Fault("unknown_asset", {"variant_asset": "nobody"}, ("experiment_id",)),
        Fault("unknown_status", {"status": LIMBO}, ("experiment_id",)),
        Fault("unknown_design", {"type": LIMBO}, ("experiment_id",)),
        Fault("missing_metric", {"metric": None}, ("experiment_id",)),
        Fault("ends_before_it_starts", {"end_date": LONG_GONE}, ("experiment_id",)),
    ),
    # Rows of these differ in the key only: a fault must change it.
    "performance_metrics": (
        REPEATED,
        Fault("no_arm", {}, ("asset_id",)),
        Fault("unknown_experiment", {}, ("experiment_id",)),
        Fault("no_instant", {}, ("timestamp",)),
    ),
    "orchestrator_decisions": (
        REPEATED,
        Fault("unknown_campaign", {}, ("decision_id", "campaign_id")),
        Fault("out_of_range", {"confidence_score": "1.01"}, ("decision_id",)),
        Fault("not_a_boolean", {"human_override": "no"}, ("decision_id",)),
        Fault("known_later", {"insight_at": FAR_OFF}, ("decision_id",)),
    ),
    "roi_ledger": (REPEATED, Fault("unknown_campaign", {}, ("campaign_id",))),
    "funnel_events": (
        REPEATED,
        Fault("unknown_stage", {"stage": LIMBO}, ("event_id",)),
        Fault("unknown_channel", {}, ("event_id", "channel_id")),
        Fault("negative_count", {"count": "-1"}, ("event_id",)),
        Fault("not_counted", {"count": "1e3"}, ("event_id",)),
        Fault("reported_early", {"date": FAR_OFF}, ("event_id",)),
    ),
    "budget_actions": (
        REPEATED,
        Fault("unknown_channel", {}, ("budget_action_id", "to_channel_id")),
        Fault("no_amount", {"amount": "0"}, ("budget_action_id",)),
        Fault("unknown_status", {"status": LIMBO}, ("budget_action_id",)),
        Fault("unknown_reason", {"reason_code": LIMBO}, ("budget_action_id",)),
        Fault("answered_early", {"decided_at": LONG_GONE}, ("budget_action_id",)),
    ),
    "campaign_risk_signals": (
        REPEATED,
        Fault("unknown_campaign", {}, ("risk_id", "campaign_id")),
        Fault("unknown_severity", {"severity": LIMBO}, ("risk_id",)),
        Fault("not_a_list", {"asset_ids": "no list"}, ("risk_id",)),
        Fault("settled_early", {"resolved_at": LONG_GONE}, ("risk_id",)),
    ),
    "segment_rollups": (
        REPEATED,
        Fault("unknown_segment", {}, ("rollup_id", "segment_id")),
        Fault("out_of_range", {"trend_vs_prior_window": "1.5"}, ("rollup_id",)),
        Fault("ends_before_it_starts", {"window_end": LONG_GONE}, ("rollup_id",)),
    ),
    "attribution_hints": (
        REPEATED,
        Fault("unknown_channel", {}, ("hint_id", "channel_id")),
        Fault("unknown_method", {"method": LIMBO}, ("hint_id",)),
        Fault("negative_credit", {"attributed_conversions": "-1"}, ("hint_id",)),
    ),
    "experiment_metrics": (
        REPEATED,
        Fault("no_arm", {}, ("asset_id",)),
        Fault("unknown_experiment", {}, ("experiment_id",)),
    ),
    "touchpoints": (
        REPEATED,
        Fault("unknown_channel", {}, ("touchpoint_id", "channel_id")),
        Fault("touched_late", {"touched_at": FAR_OFF}, ("touchpoint_id",)),
    ),
}
