"""Helpers of the tests of deciding tables: customers in need, playbooks, and their candidates."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import ibis.expr.types as ir

from cjo_assets.core.contract import Contract
from cjo_assets.core.quarantine.rules import QuarantinedRows
from cjo_assets.families.journey.decision.customer_needs import customer_needs
from cjo_assets.families.journey.decision.playbook_candidates import PlaybookCandidates, playbook_candidates
from cjo_assets.families.journey.decision.recommended_interventions import (
    RecommendedInterventions,
    recommended_interventions,
)
from cjo_assets.families.journey.evaluation.aggregated_signals import AggregatedSignals
from cjo_assets.families.journey.evaluation.fused_signals import FusedSignals
from cjo_assets.families.journey.evaluation.journey_evaluations import JourneyEvaluations
from cjo_assets.families.journey.evaluation.journey_states import JourneyStates
from cjo_assets.families.journey.evaluation.known_signals import KnownSignals
from cjo_assets.families.journey.inputs.approval_decisions import ApprovalDecisions
from cjo_assets.families.journey.inputs.customers import Customers
from cjo_assets.families.journey.inputs.interventions import Interventions
from cjo_assets.families.journey.inputs.outcomes import Outcomes
from cjo_assets.families.journey.inputs.playbooks import Playbooks
from cjo_assets.families.journey.inputs.state_entries import StateEntries
from cjo_assets.families.journey.interventions.intervention_ledger import InterventionLedger, intervention_ledger
from cjo_assets.families.journey.learning.playbook_performance import PlaybookPerformance
from cjo_assets.families.journey.risk.risk_scores import RiskScores
from cjo_assets.policy import Policy
from cjo_assets_tests.support.rows import POLICY, Row, as_of, by, day, days_of, instant, kept, policy_with, table_of

ENTERED = date(2025, 1, 10)
SEGMENTS = ("All", *POLICY.vocabulary.segments)


def rules_with(**changes: Any) -> Policy:
    """Return the packaged policy with changed values, without a holdout by default."""
    return policy_with(**{"journey__holdout__holdout_share": 0.0} | changes)


RULES = rules_with()
COLUMNS_OF_A_NEED: dict[type[Contract], tuple[str, ...]] = {
    Customers: ("segment", "account_value"),
    JourneyStates: ("segment", "journey_stage", "state_entered_at", "transition"),
    AggregatedSignals: ("total_signals", "negative_severity", "positive_severity", "average_source_trust"),
    FusedSignals: ("counted_signal_types",),
    RiskScores: ("decision_risk", "overall_risk_score", "risk_tier", "urgency"),
}


def need(customer: str, risk: float = 0.5, stage: str | None = "support", **known: Any) -> Row:
    """Return a customer: by default one negative signal of 0.6, entered in a valid way, nothing rejected."""
    signals = {
        "total_signals": 1,
        "counted_signal_types": ["usage_drop"],
        "negative_severity": 0.6,
        "positive_severity": 0.0,
        "average_source_trust": 1.0,
    }
    state = {"journey_stage": stage, "state_entered_at": ENTERED, "transition": "valid", "segment": "SMB"}
    scores = {"decision_risk": risk, "overall_risk_score": 0.0, "risk_tier": "low", "urgency": "medium"}
    return {"customer_id": customer, "account_value": 1000.0} | scores | signals | state | known


def playbook(name: str, stage: str = "support", **template: Any) -> Row:
    """Return a playbook for all customers in the stage: cost 100, value 500 to 1500."""
    return {
        "playbook_id": name,
        "name": name,
        "journey_stage": stage,
        "eligible_segments": ["All"],
        "trigger_signals": [],
        "default_actions": [f"action of {name}"],
        "risk_threshold": 0.0,
        "avg_cost_estimate": 100.0,
        "expected_value_range": [500.0, 1500.0],
        "status": "active",
    } | template


def experience(playbooks: Sequence[Row], learned: dict[str, Row] | None = None) -> ir.Table:
    """Return the performance of each playbook in each segment: its own estimates, or the given learned ones."""
    rows = []
    for row in playbooks:
        low, high = row["expected_value_range"]
        prior = {"success_rate": 0.5, "avg_cost": row["avg_cost_estimate"], "avg_value": (low + high) / 2}
        prior |= {"evidence": "prior"} | (learned or {}).get(row["playbook_id"], {})
        rows += [{"playbook_id": row["playbook_id"], "segment": segment} | prior for segment in SEGMENTS]
    return table_of(PlaybookPerformance, rows)


def tables_of(needs: Sequence[Row]) -> dict[str, ir.Table]:
    """Return the tables of the day about the customers, by parameter names of transforms."""
    names = ("customers", "journey_states", "aggregated_signals", "fused_signals", "risk_scores")
    return {
        name: table_of(contract, [{key: row[key] for key in ("customer_id", *columns)} for row in needs])
        for name, (contract, columns) in zip(names, COLUMNS_OF_A_NEED.items(), strict=True)
    }


def people_of(needs: Sequence[Row]) -> list[Row]:
    """Return the customers of the needs, as the ledger looks them up."""
    return [{name: row[name] for name in ("customer_id", "segment")} for row in needs]


def past(name: str, customer: str, offset: int, **cells: Any) -> Row:
    """Return an intervention of the history, generated some days from D, without approval."""
    shared = {"intervention_id": name, "customer_id": customer, "journey_stage": "support"}
    return shared | {"recommended_action": "call", "generated_at": day(offset)} | cells


def decided(name: str, customer: str, chosen: str | None, offset: int, **cells: Any) -> Row:
    """Return a decision made some days from D, without approval."""
    when = {"as_of": day(offset), "generated_at": day(offset)}
    shared = {"intervention_id": name, "customer_id": customer, "journey_stage": "support", "playbook_id": chosen}
    return shared | when | {"recommended_action": f"action of {chosen}", "expected_cost": 100.0} | cells


def outcome(name: str, intervention: str, offset: int, **cells: Any) -> Row:
    """Return an outcome of an intervention, measured so many days from D."""
    return {"outcome_id": name, "intervention_id": intervention, "measured_at": day(offset)} | cells


def answer(intervention: str, decision: str, offset: int) -> Row:
    """Return an approval answer at noon, some days from D."""
    moment = instant(f"{day(offset).isoformat()}T12:00:00")
    return {"intervention_id": intervention, "decision": decision, "decided_at": moment, "decided_by": "ann"}


def lost(customer: str | None, day_of_record: date | None, rule: str = "signal_strength: above 1") -> Row:
    """Return a rejected record of a customer."""
    return {"customer_id": customer, "record_date": day_of_record, "broken_rules": [rule]}


def ledger_of(
    playbooks: Sequence[Row],
    *,
    people: Sequence[Row] = (),
    history: Sequence[Row] = (),
    earlier: Sequence[Row] = (),
    decided_on: Sequence[date] = (),
    answers: Sequence[Row] = (),
    outcomes: Sequence[Row] = (),
    offset: int = 0,
    policy: Policy = RULES,
) -> ir.Table:
    """Return the ledger of earlier days; the days on which something was decided are known by it."""
    days = [{"as_of": past_day, "customer_id": "anybody"} for past_day in decided_on]
    return intervention_ledger(
        interventions=table_of(Interventions, history),
        earlier_recommended_interventions=days_of(RecommendedInterventions, earlier),
        earlier_journey_states=days_of(JourneyStates, days, transition="valid"),
        customers=table_of(Customers, people),
        playbooks=table_of(Playbooks, playbooks),
        approval_decisions=table_of(ApprovalDecisions, answers),
        outcomes=table_of(Outcomes, outcomes),
        as_of=as_of(offset),
        policy=policy,
    )


def needs_of(
    needs: Sequence[Row],
    *,
    intervention_ledger: ir.Table | None = None,
    health: dict[str, str] | None = None,
    lost_signals: Sequence[Row] = (),
    lost_entries: Sequence[Row] = (),
    offset: int = 0,
    policy: Policy = RULES,
) -> ir.Table:
    """Return the needs as the day sees them; whose health a test does not name is healthy."""

    def numbered(rows: Sequence[Row]) -> ir.Table:
        return table_of(QuarantinedRows, [row | {"source_row": number} for number, row in enumerate(rows, 1)])

    tables = tables_of(needs)
    tables.pop("fused_signals")
    ledger = table_of(InterventionLedger, []) if intervention_ledger is None else intervention_ledger
    names = [row["customer_id"] for row in needs]
    evaluations = [{"customer_id": name, "stage_health": (health or {}).get(name, "healthy")} for name in names]
    return customer_needs(
        **tables,
        intervention_ledger=ledger,
        journey_evaluations=table_of(JourneyEvaluations, evaluations),
        quarantined_signals=numbered(lost_signals),
        quarantined_journey_state_log=numbered(lost_entries),
        as_of=as_of(offset),
        policy=policy,
    )


def consider(
    needs: Sequence[Row],
    playbooks: Sequence[Row],
    *,
    learned: dict[str, Row] | None = None,
    history: Sequence[Row] = (),
    earlier: Sequence[Row] = (),
    answers: Sequence[Row] = (),
    outcomes: Sequence[Row] = (),
    offset: int = 0,
    policy: Policy = RULES,
    **lost_rows: Sequence[Row],
) -> dict[Any, Row]:
    """Return the candidates by customer and playbook."""
    ledger = ledger_of(
        playbooks,
        people=people_of(needs),
        history=history,
        earlier=earlier,
        decided_on=sorted({row["as_of"] for row in earlier}),
        answers=answers,
        outcomes=outcomes,
        offset=offset,
        policy=policy,
    )
    found = playbook_candidates(
        customer_needs=needs_of(needs, intervention_ledger=ledger, offset=offset, policy=policy, **lost_rows),
        fused_signals=tables_of(needs)["fused_signals"],
        playbooks=table_of(Playbooks, playbooks),
        playbook_performance=experience(playbooks, learned),
        intervention_ledger=ledger,
        as_of=as_of(offset),
        policy=policy,
    )
    return by(("customer_id", "playbook_id"), kept(PlaybookCandidates, found, day(offset), policy))


def failures(found: dict[Any, Row], playbook_id: str | None = None) -> dict[Any, str | None]:
    """Return the first failed rule of every candidate, or by customer of those of one playbook."""
    if playbook_id is None:
        return {key: row["first_failed_rule"] for key, row in found.items()}
    return {key[0]: row["first_failed_rule"] for key, row in found.items() if key[1] == playbook_id}


def rules_against(found: dict[Any, Row], customer: str) -> dict[str, str | None]:
    """Return the first failed rule of each playbook considered for a customer."""
    return {key[1]: row["first_failed_rule"] for key, row in found.items() if key[0] == customer}


def decide(
    needs: Sequence[Row],
    playbooks: Sequence[Row],
    *,
    signals: Sequence[Row] = (),
    earlier: Sequence[Row] = (),
    decided_on: Sequence[int] = (),
    offset: int = 0,
    policy: Policy = RULES,
    **known: Any,
) -> dict[str, Row]:
    """Return the decisions by customer, made from the candidates; `known` is what `consider` takes besides."""
    candidates = consider(needs, playbooks, earlier=earlier, offset=offset, policy=policy, **known)
    before = [{"as_of": day(number), "customer_id": "anybody"} for number in decided_on]
    ledger = ledger_of(
        playbooks,
        people=people_of(needs),
        history=known.get("history", ()),
        earlier=earlier,
        decided_on=[row["as_of"] for row in before],
        answers=known.get("answers", ()),
        outcomes=known.get("outcomes", ()),
        offset=offset,
        policy=policy,
    )
    found = recommended_interventions(
        customers=tables_of(needs)["customers"],
        customer_needs=needs_of(needs, intervention_ledger=ledger, offset=offset, policy=policy),
        state_entries=table_of(StateEntries, []),
        known_signals=table_of(KnownSignals, signals),
        playbook_candidates=table_of(PlaybookCandidates, list(candidates.values())),
        playbooks=table_of(Playbooks, playbooks),
        playbook_performance=experience(playbooks, known.get("learned")),
        intervention_ledger=ledger,
        earlier_recommended_interventions=days_of(RecommendedInterventions, earlier),
        earlier_journey_states=days_of(JourneyStates, before, transition="valid"),
        as_of=as_of(offset),
        policy=policy,
    )
    return by("customer_id", kept(RecommendedInterventions, found, day(offset), policy))
