"""Interventions decided by other systems.

One row per intervention of the history. Decisions of this platform are in `recommended_interventions`; both together
are the ledger that `outcome_analyses` follows.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import ALWAYS, LARGEST_AMOUNT, Contract, TextList, column, key
from cjo_assets.core.dataset import Dataset

MONITOR_ONLY = "monitor_only"
ESCALATE = "escalate_to_person"
# Pattern of the ids of our own decisions (core/expressions/ids.py).
OUR_ID = "^I-[0-9a-f]{12}$"


class Interventions(Contract):
    """Interventions of the history that passed their contract. One row per intervention."""

    intervention_id: str = key("Intervention.", personal="intervention")
    customer_id: str = column("Customer it was for.", personal="customer")
    journey_stage: str = column("Stage the customer was in.", words="stages")
    recommended_action: str = column("What was to be done; monitor_only: nothing.")
    confidence: float = column("Confidence in the decision [0-1], up = surer.", ge=0, le=1)
    requires_human_approval: bool = column("Whether a person had to approve it.")
    requested_by: str = column(
        "Who requested it, and may not approve it; null where not recorded.", optional=True, used_when=ALWAYS
    )
    triggered_by_signals: TextList = column("Signals that led to it.", personal="signal")
    evaluation_latency_ms: float = column(
        "Time the decision took [milliseconds].", ge=0, le=LARGEST_AMOUNT, nullable=True
    )
    generated_at: date = column("Day of the decision.")
    playbook_id: str = column("Playbook used; null where the source does not name it.", optional=True)
    expected_cost: float = column(
        "Cost expected when it was decided [currency]; null where the source does not state it.",
        ge=0,
        le=LARGEST_AMOUNT,
        optional=True,
    )
    expected_value: float = column(
        "Value expected when it was decided [currency]; null where the source does not state it.",
        ge=-LARGEST_AMOUNT,
        le=LARGEST_AMOUNT,
        optional=True,
    )


def relations(rows: ir.Table, customers: ir.Table) -> dict[str, ir.BooleanValue]:
    """Return the rule on the customer of an intervention."""
    return {"customer_id: unknown customer": rows.customer_id.notin(customers.customer_id)}


DATASET = Dataset("interventions", Interventions, relations=relations, record_date="generated_at")


def known_interventions(interventions: ir.Table, issued_recommended_interventions: ir.Table) -> ir.Table:
    """Return id and customer of every intervention an outcome or an approval may refer to."""
    columns = ("intervention_id", "customer_id")
    return ibis.union(interventions.select(*columns), issued_recommended_interventions.select(*columns), distinct=True)


@check
def unknown_triggers(interventions: ir.Table, raw_signals: ir.Table) -> ir.Table:
    """Return interventions that name a signal which is in no file."""
    triggers = interventions.select("intervention_id", signal_id=interventions.triggered_by_signals.unnest())
    return triggers.anti_join(raw_signals, "signal_id")


@check
def unknown_playbooks(interventions: ir.Table, playbooks: ir.Table) -> ir.Table:
    """Return interventions that name a playbook which does not exist or was rejected."""
    unknown = interventions.filter(interventions.playbook_id.notin(playbooks.playbook_id))
    return unknown.select("intervention_id", "playbook_id")
