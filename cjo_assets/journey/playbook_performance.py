"""Provisional."""

import ibis
import ibis.expr.types as ir

from cjo_assets.policy import Policy
from cjo_assets.shared.contract import DatedContract, column
from cjo_assets.shared.numbers import rounded

PRIOR, SPARSE, ESTABLISHED = "prior", "sparse", "established"
EVIDENCE = [PRIOR, SPARSE, ESTABLISHED]


class PlaybookPerformance(DatedContract):
    """Provisional."""

    playbook_id: str = column("Playbook.")
    segment: str = column("Segment.")
    success_rate: float = column("Rate.")
    avg_cost: float = column("Cost.")
    avg_value: float = column("Value.")
    expected_net_value: float = column("Net.")
    net_value_lower_bound: float = column("Lower.")
    evidence: str = column("Evidence.", isin=EVIDENCE)

    class Config:
        """Key."""

        unique = ["playbook_id", "segment"]


def playbook_performance(playbooks: ir.Table, policy: Policy) -> ir.Table:
    """Provisional."""
    rate = policy.journey.learning.prior_success_rate
    rows = playbooks.mutate(segment=ibis.literal(["All", *policy.vocabulary.segments], "array<string>").unnest())
    value = (rows.expected_value_range[0] + rows.expected_value_range[1]) / 2
    return rows.select(
        "playbook_id",
        "segment",
        success_rate=ibis.literal(rate),
        avg_cost=rows.avg_cost_estimate,
        avg_value=value,
        expected_net_value=rounded(value * rate - rows.avg_cost_estimate),
        net_value_lower_bound=rounded(value * rate * 0.5 - rows.avg_cost_estimate),
        evidence=ibis.literal(PRIOR),
    )
