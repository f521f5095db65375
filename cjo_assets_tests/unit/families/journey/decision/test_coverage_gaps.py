"""Tests of coverage gaps: customers in trouble without a decision, and the reason of the nearest candidate."""

from datetime import datetime

import ibis.expr.types as ir

from cjo_assets.core.quarantine.rules import QuarantinedRows
from cjo_assets.families.journey.decision.coverage_gaps import CoverageGaps, coverage_gaps
from cjo_assets.families.journey.decision.customer_needs import customer_needs
from cjo_assets.families.journey.decision.playbook_candidates import PlaybookCandidates
from cjo_assets.families.journey.decision.recommended_interventions import RecommendedInterventions
from cjo_assets.families.journey.evaluation.journey_evaluations import JourneyEvaluations
from cjo_assets.families.journey.interventions.intervention_ledger import InterventionLedger
from cjo_assets_tests.support.journey.deciding import need, tables_of
from cjo_assets_tests.support.rows import DAY, POLICY, as_of, by, day, kept, table_of

# tier, health, stage
CUSTOMERS = {
    "high": ("high", "at_risk", "support"),
    "medium": ("medium", "healthy", "support"),
    "critical": ("low", "critical", "support"),
    "critical without tier": (None, "critical", "support"),
    "unsure": ("high", "critical", "support"),
    # Without an entry there is no recommendation, whatever the risk.
    "nowhere": ("low", None, None),
    "nowhere and high": ("high", None, None),
    # Nothing to answer.
    "low": ("low", "at_risk", "support"),
    "no tier": (None, "healthy", "support"),
    # No decision fits, but a person was called.
    "called": ("high", "critical", "support"),
    # Something is being done already, though the playbooks fail at other rules.
    "open": ("high", "critical", "support"),
    # Stopped by a limit: nothing is done.
    "too many": ("high", "critical", "support"),
    # With a decision, one of them monitor_only.
    "answered": ("high", "critical", "support"),
    "watched": ("high", "critical", "support"),
}
# Carried out the day before, and nothing is measured yet.
OPEN = [
    {"intervention_id": "I1", "customer_id": "open", "origin": "history", "segment": "Enterprise"}
    | {"recommended_action": "call", "approval_status": "not_required", "is_executed": True}
    | {"generated_at": day(-1), "executed_at": datetime(2025, 1, 20)}
]
# customer, playbook, rule that failed
TRIED = [
    ("medium", "P1", "segment_not_eligible"),
    ("medium", "P3", "no_trigger_signal"),
    ("medium", "P2", "no_trigger_signal"),
    ("medium", "P4", "risk_below_threshold"),
    ("critical", "P1", "playbook_not_active"),
    ("critical without tier", "P1", "playbook_not_active"),
    ("critical without tier", "P2", "segment_not_eligible"),
    ("unsure", "P1", "risk_below_threshold"),
    ("unsure", "P2", "confidence_below_threshold"),
    ("called", "P1", "confidence_below_threshold"),
    ("open", "P1", "risk_below_threshold"),
    ("open", "P2", "no_trigger_signal"),
    ("too many", "P1", "review_capacity_exhausted"),
    ("too many", "P2", "outranked"),
    ("answered", "P1", None),
    ("watched", "P1", "confidence_below_threshold"),
    ("low", "P1", "risk_below_threshold"),
]
# reason and nearest playbook: the one that came furthest down the list of rules, of two the lower id
GAPS = {
    "high": ("no_playbook_for_stage", None),
    "medium": ("no_trigger_signal", "P2"),
    "critical": ("playbook_not_active", "P1"),
    "critical without tier": ("segment_not_eligible", "P2"),
    "unsure": ("confidence_below_threshold", "P2"),
    "called": ("confidence_below_threshold", "P1"),
    "too many": ("review_capacity_exhausted", "P1"),
    "nowhere": ("no_stage", None),
    "nowhere and high": ("no_stage", None),
}


def needs() -> ir.Table:
    """Return the needs of the customers; one who has left has no score."""
    known = {**CUSTOMERS, "left": ("high", "critical", "churned")}
    shared = {"segment": "Enterprise", "account_value": 700.0, "overall_risk_score": 0.7}
    tables = tables_of([need(name, stage=stage, risk_tier=tier, **shared) for name, (tier, _, stage) in known.items()])
    evaluations = [{"customer_id": name, "stage_health": health} for name, (_, health, _) in known.items()]
    return customer_needs(
        tables["customers"],
        tables["journey_states"],
        table_of(JourneyEvaluations, evaluations),
        tables["aggregated_signals"],
        tables["risk_scores"].filter(lambda row: row.customer_id != "left"),
        table_of(InterventionLedger, OPEN),
        table_of(QuarantinedRows, []),
        table_of(QuarantinedRows, []),
        as_of(),
        POLICY,
    )


def test_customers_without_an_answer_are_listed_with_reason() -> None:
    tried = [
        {"customer_id": name, "playbook_id": playbook, "first_failed_rule": rule} for name, playbook, rule in TRIED
    ]
    decided = [
        {"customer_id": "answered", "recommended_action": "call"},
        {"customer_id": "watched", "recommended_action": "monitor_only"},
        {"customer_id": "called", "recommended_action": "escalate_to_person", "intervention_id": "I CALL"},
    ]
    found = coverage_gaps(needs(), table_of(PlaybookCandidates, tried), table_of(RecommendedInterventions, decided))
    rows = by("customer_id", kept(CoverageGaps, found))
    expected = {}
    for name, (reason, nearest) in GAPS.items():
        tier, health, stage = CUSTOMERS[name]
        expected[name] = {
            "as_of": DAY,
            "customer_id": name,
            "segment": "Enterprise",
            "journey_stage": stage,
            "risk_tier": tier,
            "stage_health": health,
            "overall_risk_score": 0.7,
            "account_value": 700.0,
            "reason": reason,
            "nearest_playbook_id": nearest,
            "escalated_intervention_id": "I CALL" if name == "called" else None,
        }
    assert rows == expected
