"""Explanation of the decision for a customer: queries of its parts, the answer, and the policy values it used."""

from __future__ import annotations

import json
from typing import Any

from cjo_assets.core.questions import Explanation, Row
from cjo_assets.families.journey.ledger import LEDGER
from cjo_assets.families.journey.questions._raw_rows import records, rejected
from cjo_assets.families.journey.questions._why_lines import branches, outcome_line
from cjo_assets.families.journey.questions._why_paragraph import paragraph
from cjo_assets.families.journey.value._evidence_cells import contributions_of

CUSTOMER, DAY = "$customer", "$day"
OWN_ROWS = "WHERE as_of = $day AND customer_id = $customer"
OWN_INTERVENTIONS = f"(SELECT intervention_id FROM journey.outcome_analyses {OWN_ROWS})"

# Each part of the explanation with its query, in the order of the output.
QUERIES = {
    "raw_rows": records(CUSTOMER, DAY),
    "rejected_rows": rejected(CUSTOMER, DAY),
    "states": f"""
        SELECT states.*, evaluations.stage_health, evaluations.friction_reasons
        FROM (FROM journey.journey_states {OWN_ROWS}) AS states
        LEFT JOIN (FROM journey.journey_evaluations {OWN_ROWS}) AS evaluations ON TRUE""",
    "signals": f"""
        SELECT aggregated.*, fused.counted_signals, fused.settled_signals, fused.counted_signal_types,
            fused.fused_risk_score, fused.trend
        FROM (FROM journey.aggregated_signals {OWN_ROWS}) AS aggregated
        LEFT JOIN (FROM journey.fused_signals {OWN_ROWS}) AS fused ON TRUE""",
    "known_signals": "FROM journey.known_signals WHERE customer_id = $customer AND detected_at <= $day ORDER BY ALL",
    "forecasts": f"FROM journey.journey_forecasts {OWN_ROWS}",
    "contributions": f"FROM journey.risk_contributions {OWN_ROWS} ORDER BY score, contribution DESC, factor",
    "risks": f"FROM journey.risk_scores {OWN_ROWS}",
    "needs": f"FROM journey.customer_needs {OWN_ROWS}",
    "candidates": f"""
        FROM journey.playbook_candidates {OWN_ROWS}
        ORDER BY first_failed_rule IS NOT NULL, rank NULLS LAST, playbook_id""",
    "holdouts": f"FROM journey.holdout_assignments {OWN_ROWS}",
    "decisions": f"FROM journey.recommended_interventions {OWN_ROWS}",
    "gaps": f"FROM journey.coverage_gaps {OWN_ROWS}",
    "approvals": f"FROM journey.approval_requests WHERE intervention_id IN {OWN_INTERVENTIONS} ORDER BY ALL",
    "answers": f"FROM journey.approval_history WHERE intervention_id IN {OWN_INTERVENTIONS} ORDER BY ALL",
    "outcomes": f"""
        SELECT analyses.*, known.triggered_by_signals
        FROM (FROM journey.outcome_analyses {OWN_ROWS}) AS analyses
        LEFT JOIN (
            SELECT intervention_id, triggered_by_signals FROM journey.intervention_ledger {OWN_ROWS}
            UNION ALL
            SELECT intervention_id, triggered_by_signals FROM journey.recommended_interventions {OWN_ROWS}
                AND intervention_id NOT IN (SELECT intervention_id FROM journey.intervention_ledger {OWN_ROWS})
        ) AS known USING (intervention_id)
        ORDER BY generated_at, intervention_id""",
    "cells": contributions_of(CUSTOMER, DAY),
    "ledger": f"FROM {LEDGER.full_name} {OWN_ROWS} ORDER BY entry",
    "checks": """
        SELECT table_name, check_name, is_blocking, found FROM audit.checks
        WHERE run_id = $run_id AND coalesce(as_of = $day, TRUE) ORDER BY ALL""",
}
# Queries from an intervention to its customer, in the order in which they are tried.
CUSTOMERS_OF_INTERVENTION = (
    "SELECT customer_id FROM journey.outcome_analyses WHERE as_of = $day AND intervention_id = $subject",
    "SELECT customer_id FROM journey.recommended_interventions WHERE as_of <= $day AND intervention_id = $subject",
    "SELECT customer_id FROM journey.interventions WHERE intervention_id = $subject AND $day IS NOT NULL",
    f"SELECT customer_id FROM {LEDGER.full_name} WHERE as_of <= $day AND intervention_id = $subject",
)


def answer_of(parts: dict[str, list[Row]], intervention_id: str | None = None) -> str:
    """Describe the decision, or the reason why there is none."""
    decided = {row["intervention_id"] for row in parts["decisions"]}
    if intervention_id is not None and intervention_id not in decided:
        earlier = [outcome_line(row) for row in parts["outcomes"] if row["intervention_id"] == intervention_id]
        entries = [row for row in parts["ledger"] if row["intervention_id"] == intervention_id]
        if earlier or not entries:
            return earlier[0] if earlier else f"{intervention_id} was not decided on this day"
        later = [row for row in parts["ledger"] if row["supersedes"] == entries[-1]["entry"]]
        what = f"{later[0]['kind']} {later[0]['intervention_id']}" if later else entries[-1]["kind"]
        return f"{intervention_id} was decided and is no longer in force: {what}; see the ledger"
    if not any(row["dataset"] == "customers" for row in parts["raw_rows"]):
        return _why_missing(parts["rejected_rows"])
    for row in parts["decisions"]:
        status = next(
            (r["approval_status"] for r in parts["outcomes"] if r["intervention_id"] == row["intervention_id"]), ""
        )
        held_out = "; in the holdout: recorded and not executed" if row["is_held_out"] else ""
        return f"{row['intervention_id']}: {row['recommended_action']}, approval {status or 'unknown'}{held_out}"
    for row in parts["gaps"]:
        nearest = f" ({row['nearest_playbook_id']} was closest)" if row["nearest_playbook_id"] else ""
        return f"no decision despite a risk trigger: {row['reason']}{nearest}"
    if not parts["needs"]:
        stage = next((row["journey_stage"] for row in parts["states"]), None)
        return f"no decision: the customer is in {stage}" if stage else "the customer had no records yet"
    held_back = sorted({row["first_failed_rule"] for row in parts["candidates"] if row["first_failed_rule"]})
    tried = f"no playbook is eligible ({', '.join(held_back)})" if held_back else "no playbook for this stage"
    need = "risk trigger" if parts["needs"][0]["is_needy"] else "no need"
    return f"no decision: {need}; {tried}"


def _why_missing(rows: list[Row]) -> str:
    own = [row for row in rows if row["dataset"] == "customers"]
    if own:
        return f"not among the customers: the row was rejected: {'; '.join(own[0]['broken_rules'])}"
    return "not among the customers: no customers file has this id"


# The policy values that each part used, from the policy of the segment.
_USED = (
    "evaluation.typical_stage_durations.{stage}",
    "evaluation.critical_multiple",
    "evaluation.multiple_negative_signals",
    "signals.look_back_days",
    "signals.positive_relief",
    "signals.source_trust",
    "fusion.recency_half_life_days",
    "forecast.horizon_days",
    "risk.risk_scoring_weights",
    "risk.churn_risk_weights",
    "risk.decision_risk_weights",
    "risk.time_in_state_saturation",
    "risk.customer_value_saturation",
    "risk.signal_count_saturation",
    "risk.risk_tier_thresholds",
    "recommendation.intervention_confidence_threshold",
    "recommendation.monitor_only_confidence",
    "recommendation.escalation_value",
    "recommendation.escalation_risk",
    "holdout.holdout_share",
    "approval.approval_timeout_minutes",
    "approval.low_confidence",
    "approval.manager_value",
    "approval.manager_cost",
    "approval.executive_value",
    "approval.executive_cost",
    "contact.budget_per_run",
    "contact.review_capacity_per_day",
    "roi.window_days",
)


def policy_values(content: str, segment: str | None, stage: str | None, types: list[str]) -> dict[str, Any]:
    """Return the policy values for a customer of a segment in a stage, from the text of the policy."""
    policy = json.loads(content)
    rules = _merged(policy["journey"], policy["segment_overrides"].get(segment, {}))
    thresholds = rules["evaluation"]["friction_thresholds"]
    paths = [path.format(stage=stage) for path in _USED]
    paths += [f"evaluation.friction_thresholds.{name}" for name in sorted(thresholds) if name.startswith(f"{stage}_")]
    for kind in ("signal_aggregation_weights", "positive_signal_weights"):
        paths += [f"signals.{kind}.{name}" for name in sorted(rules["signals"][kind]) if name in types]
    found = {path: _at(rules, path) for path in paths}
    return {path: value for path, value in found.items() if value is not None}


def _at(rules: Any, path: str) -> Any:
    for name in path.split("."):
        rules = rules.get(name) if isinstance(rules, dict) else None
    return rules


def _merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for name, value in changes.items():
        both = isinstance(value, dict) and isinstance(base.get(name), dict)
        merged[name] = _merged(base[name], value) if both else value
    return merged


def policy_values_used(content: str, parts: dict[str, list[Row]]) -> dict[str, Any]:
    """Return the policy values that the decision used, from the text of the policy."""
    state = next(iter(parts["states"]), {})
    types = sorted({name for row in parts["signals"] for name in row["signal_types"]})
    return policy_values(content, state.get("segment"), state.get("journey_stage"), types)


EXPLANATION = Explanation(
    customers="SELECT 1 FROM journey.customers WHERE customer_id = $subject",
    customers_of_intervention=CUSTOMERS_OF_INTERVENTION,
    queries=QUERIES,
    answer=answer_of,
    policy_values=policy_values_used,
    paragraph=paragraph,
    branches=branches,
)
