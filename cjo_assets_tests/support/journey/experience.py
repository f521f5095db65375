"""Runs of playbooks by hand: interventions, outcomes and answers for the tests of the tables of learning."""

from datetime import date
from typing import Any

import ibis.expr.types as ir

from cjo_assets.families.journey.decision.recommended_interventions import RecommendedInterventions
from cjo_assets.families.journey.evaluation.journey_states import JourneyStates
from cjo_assets.families.journey.inputs.approval_decisions import ApprovalDecisions
from cjo_assets.families.journey.inputs.customers import Customers
from cjo_assets.families.journey.inputs.interventions import Interventions
from cjo_assets.families.journey.inputs.outcomes import Outcomes
from cjo_assets.families.journey.inputs.playbooks import Playbooks
from cjo_assets.families.journey.interventions.intervention_ledger import intervention_ledger
from cjo_assets.policy import Policy
from cjo_assets_tests.support.rows import POLICY, Row, Rows, as_of, day, days_of, instant, table_of

SEGMENTS = POLICY.vocabulary.segments
CUSTOMERS = [{"customer_id": segment, "segment": segment} for segment in SEGMENTS]
MIDDLE = 2000.0


def playbook(name: str, **cells: Any) -> Row:
    """Return a playbook of one action that costs 100 and is worth 1,000 to 3,000."""
    shared: Row = {"playbook_id": name, "eligible_segments": ["All"], "default_actions": [name]}
    return shared | {"avg_cost_estimate": 100.0, "expected_value_range": [1000.0, 3000.0]} | cells


class Experience:
    """A ledger in the making."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.interventions: Rows = []
        self.decisions: Rows = []
        self.outcomes: Rows = []
        self.answers: Rows = []

    def run(self, playbook_id: str, segment: str = "SMB", times: int = 1, **cells: Any) -> list[str]:
        """Add runs of the history, carried out ten days ago and not measured; return their ids."""
        names = [f"I{len(self.interventions) + number:06d}" for number in range(times)]
        shared: Row = {"customer_id": segment, "recommended_action": playbook_id, "playbook_id": playbook_id}
        self.interventions += [{"intervention_id": name, "generated_at": day(-10)} | shared | cells for name in names]
        return names

    def measured(
        self, playbook_id: str, successes: int, failures: int, segment: str = "SMB", value: float | None = MIDDLE
    ) -> None:
        """Add runs that were measured yesterday."""
        for number, name in enumerate(self.run(playbook_id, segment, successes + failures)):
            is_success = number < successes
            self.measure(
                name,
                segment,
                outcome="resolved" if is_success else "no_response",
                estimated_revenue_saved=value if is_success else 0.0,
            )

    def measure(self, intervention_id: str, customer_id: str = "SMB", **cells: Any) -> None:
        """Add an outcome, measured yesterday."""
        shared: Row = {"outcome_id": f"O{len(self.outcomes):06d}", "intervention_id": intervention_id}
        shared |= {"customer_id": customer_id, "human_override": False, "measured_at": day(-1)}
        self.outcomes.append(shared | cells)

    def answer(self, intervention_id: str, decision: str, reason: str | None = None, **cells: Any) -> None:
        """Add the answer of a person, given the day after the decision."""
        shared: Row = {"intervention_id": intervention_id, "decision": decision, "decided_by": "ann"}
        self.answers.append(shared | {"decided_at": instant("2025-01-11T09:00:00"), "reason": reason} | cells)

    def ledger(self, playbooks: Rows, policy: Policy = POLICY) -> ir.Table:
        """Return the ledger that follows from the rows."""
        return ledger_from(
            {
                "interventions": self.interventions,
                "earlier_recommended_interventions": self.decisions,
                "customers": CUSTOMERS,
                "playbooks": playbooks,
                "approval_decisions": self.answers,
                "outcomes": self.outcomes,
            },
            policy,
        )


def ledger_from(data: dict[str, Rows], policy: Policy) -> ir.Table:
    """Return the ledger that follows from rows by the names of their tables; every day of a decision decided."""
    decisions = data["earlier_recommended_interventions"]
    days = [{"as_of": past, "customer_id": "anybody"} for past in sorted({row["as_of"] for row in decisions})]
    return intervention_ledger(
        interventions=table_of(Interventions, data["interventions"]),
        earlier_recommended_interventions=days_of(RecommendedInterventions, decisions),
        earlier_journey_states=days_of(JourneyStates, days, transition="valid"),
        customers=table_of(Customers, data["customers"]),
        playbooks=table_of(Playbooks, data["playbooks"]),
        approval_decisions=table_of(ApprovalDecisions, data["approval_decisions"]),
        outcomes=table_of(Outcomes, data["outcomes"]),
        as_of=as_of(),
        policy=policy,
    )


def decision(name: str, playbook_id: str, customer: str, since: date, **cells: Any) -> Row:
    """Return a decision as of its first day."""
    shared: Row = {"intervention_id": name, "customer_id": customer, "playbook_id": playbook_id, "segment": "SMB"}
    shared |= {"need_id": f"need of {name}", "decision_hash": f"content of {name}"}
    return shared | {"recommended_action": "act", "as_of": since, "generated_at": since} | cells


__all__ = ["CUSTOMERS", "MIDDLE", "SEGMENTS", "Experience", "decision", "ledger_from", "playbook"]
