"""Runs of playbooks by hand: interventions, outcomes and answers for the tests of the tables of learning.

Belongs here: what fills the ledger so that a test says only how many runs there were and how they ended. Does not
belong here: any expectation.
"""

from datetime import date
from typing import Any

import ibis.expr.types as ir

from cjo_assets.journey.approval_decisions import ApprovalDecisions
from cjo_assets.journey.customers import Customers
from cjo_assets.journey.interventions import Interventions
from cjo_assets.journey.outcomes import Outcomes
from cjo_assets.journey.playbooks import Playbooks
from cjo_assets.journey.recommended_interventions import RecommendedInterventions
from cjo_assets_tests.tables import DAY, POLICY, Row, Rows, day, days_of, instant, table_of

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

    def answer(self, intervention_id: str, decision: str, reason: str | None = None) -> None:
        """Add the answer of a person, given the day after the decision."""
        shared: Row = {"intervention_id": intervention_id, "decision": decision, "decided_by": "ann"}
        self.answers.append(shared | {"decided_at": instant("2025-01-11T09:00:00"), "reason": reason})

    def tables(self, playbooks: Rows, customers: Rows | None = None) -> dict[str, ir.Table]:
        """Return the tables that transforms of learning read."""
        return {
            "interventions": table_of(Interventions, self.interventions),
            "earlier_recommended_interventions": days_of(RecommendedInterventions, self.decisions),
            "customers": table_of(Customers, customers or CUSTOMERS),
            "playbooks": table_of(Playbooks, playbooks),
            "approval_decisions": table_of(ApprovalDecisions, self.answers),
            "outcomes": table_of(Outcomes, self.outcomes),
        }


def decision(name: str, playbook_id: str, customer: str, since: date, **cells: Any) -> Row:
    """Return a decision of ours, as it stood on its first day."""
    shared: Row = {"intervention_id": name, "customer_id": customer, "playbook_id": playbook_id, "segment": "SMB"}
    return shared | {"recommended_action": "act", "as_of": since, "generated_at": since} | cells


__all__ = ["CUSTOMERS", "DAY", "MIDDLE", "SEGMENTS", "Experience", "decision", "playbook"]
