"""Executed interventions with their outcome: definitions of a run, a measured run and a success."""

import ibis
import ibis.expr.types as ir

from cjo_assets.policy import Policy

# Group of customers that a random draw left untreated.
HELD_OUT = "held_out"
FACTS = (
    "intervention_id",
    "customer_id",
    "playbook_id",
    "segment",
    "confidence",
    "triggered_by_signals",
    "approval_status",
    "decided_by",
    "category",
    "is_executed",
    "expected_cost",
    "stated_cost",
    "expected_value",
    "estimated_revenue_saved",
    "resolution_time_days",
    "human_override",
)


def with_success(known: ir.Table, policy: Policy) -> ir.Table:
    """Return the ledger with whether each intervention was measured and whether it succeeded.

    An intervention that was not executed is no run, whatever was measured. A success is what the source reports as one,
    or else one of the policy's success outcomes.
    """
    return known.select(*FACTS, is_measured=is_measured(known), is_success=is_success(known, policy))


def is_measured(known: ir.Table) -> ir.BooleanValue:
    """Return whether an intervention was executed and its outcome is known."""
    return known.is_executed & known.outcome.notnull()


def is_success(known: ir.Table, policy: Policy) -> ir.BooleanValue:
    """Return whether an intervention was executed, measured and successful."""
    succeeded = ibis.coalesce(known.playbook_success, known.outcome.isin(policy.journey.learning.success_outcomes))
    return is_measured(known) & succeeded.fill_null(False)
