"""Executed interventions with their outcome: what counts as a run, as measured and as a success."""

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
    """Return what experience is made of: the ledger with its outcomes, whether measured, and whether a success.

    What was not carried out is no run, whatever was measured. A success is what the source says it is, or else one of
    the policy's outcomes.
    """
    return known.select(*FACTS, is_measured=is_measured(known), is_success=is_success(known, policy))


def is_measured(known: ir.Table) -> ir.BooleanValue:
    """Tell whether an intervention was carried out and its outcome is known."""
    return known.is_executed & known.outcome.notnull()


def is_success(known: ir.Table, policy: Policy) -> ir.BooleanValue:
    """Tell whether an intervention was carried out, measured, and a success."""
    succeeded = ibis.coalesce(known.playbook_success, known.outcome.isin(policy.journey.learning.success_outcomes))
    return is_measured(known) & succeeded.fill_null(False)
