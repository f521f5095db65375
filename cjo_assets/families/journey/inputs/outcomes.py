"""Measured outcomes of interventions.

One row per outcome. An intervention may be measured more than once; each day counts the latest measurement by its end.
An outcome of an id that this platform generates is kept even where the decision is not known yet: the run that reads
the outcome may be the one that makes the decision. A check lists outcomes without a decision.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import LARGEST_AMOUNT, Contract, column, key
from cjo_assets.core.dataset import Dataset
from cjo_assets.core.expressions.keys import is_key_in
from cjo_assets.families.journey.inputs.interventions import OUR_ID, known_interventions


class Outcomes(Contract):
    """Outcomes that passed their contract. One row per outcome."""

    outcome_id: str = key("Outcome.", personal="outcome")
    intervention_id: str = column(
        "Intervention it measures, of the history or of our decisions.", personal="intervention"
    )
    customer_id: str = column("Customer of that intervention.", personal="customer")
    outcome: str = column("Outcome of the intervention.", words="outcomes")
    resolution_time_days: float = column(
        "Days to resolution [days]; null where not resolved.", ge=0, le=LARGEST_AMOUNT, nullable=True
    )
    csat_delta: float = column(
        "Change of customer satisfaction [points], up = better.", ge=-LARGEST_AMOUNT, le=LARGEST_AMOUNT, nullable=True
    )
    churn_risk_delta: float = column("Change of churn risk [-1 to 1], down = better.", ge=-1, le=1, nullable=True)
    estimated_revenue_saved: float = column(
        "Revenue saved, as estimated [currency].", ge=0, le=LARGEST_AMOUNT, nullable=True
    )
    human_override: bool = column("Whether a person overrode the decision.", nullable=True)
    measured_at: date = column("Day of the measurement.")
    playbook_id: str = column("Playbook measured; null where the source does not name it.", optional=True)
    playbook_success: bool = column(
        "Whether the playbook succeeded, by the source; null where that follows from the outcome.",
        optional=True,
    )
    nps_delta: float = column(
        "Change of the Net Promoter Score [points], up = better; null where nobody was asked.",
        optional=True,
        ge=-LARGEST_AMOUNT,
        le=LARGEST_AMOUNT,
    )
    channel: str = column("Channel through which the customer was reached; null where not recorded.", optional=True)


def relations(
    rows: ir.Table, customers: ir.Table, interventions: ir.Table, issued_recommended_interventions: ir.Table
) -> dict[str, ir.BooleanValue]:
    """Return the rules on the customer and the intervention of an outcome."""
    known = known_interventions(interventions, issued_recommended_interventions)
    is_known = rows.intervention_id.isin(known.intervention_id)
    is_of_customer = is_key_in([rows.intervention_id, rows.customer_id], known, ["intervention_id", "customer_id"])
    return {
        "customer_id: unknown customer": rows.customer_id.notin(customers.customer_id),
        "intervention_id: unknown intervention": ~is_known & ~rows.intervention_id.re_search(OUR_ID),
        "customer_id: not the customer of the intervention": is_known & ~is_of_customer,
    }


DATASET = Dataset("outcomes", Outcomes, relations=relations, record_date="measured_at")


@check
def out_of_order(outcomes: ir.Table, interventions: ir.Table, signals: ir.Table) -> ir.Table:
    """Return interventions decided before one of their signals, or measured before they were decided."""
    triggers = interventions.select(
        "intervention_id", "generated_at", signal_id=interventions.triggered_by_signals.unnest()
    )
    too_early = triggers.join(signals, "signal_id").filter(lambda row: row.detected_at > row.generated_at)
    measured = outcomes.join(interventions.select("intervention_id", "generated_at"), "intervention_id")
    too_late = measured.filter(lambda row: row.measured_at < row.generated_at)
    return ibis.union(
        too_early.select("intervention_id", other_id="signal_id", fault=ibis.literal("decided before the signal")),
        too_late.select("intervention_id", other_id="outcome_id", fault=ibis.literal("measured before the decision")),
    )


@check
def outcomes_of_nothing_known(
    outcomes: ir.Table, interventions: ir.Table, issued_recommended_interventions: ir.Table
) -> ir.Table:
    """Return outcomes of unknown decisions: later ones, or ones that a run of their day no longer makes."""
    known = known_interventions(interventions, issued_recommended_interventions)
    return outcomes.anti_join(known, "intervention_id").select("outcome_id", "intervention_id", "customer_id")
