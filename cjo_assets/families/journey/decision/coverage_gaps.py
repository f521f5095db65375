"""Customers nobody has an answer for.

One row per customer and as-of date at medium or high risk or in critical health, or without any stage, for whom no
playbook is used, is open or is being held in view; with the reason that came nearest to one, and whether a person was
called instead.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.families.journey.decision.playbook_candidates import FAILED_RULES
from cjo_assets.families.journey.forecast.journey_forecasts import NO_STAGE_KNOWN
from cjo_assets.families.journey.inputs.customers import TIERS
from cjo_assets.families.journey.inputs.interventions import ESCALATE

NO_PLAYBOOK = "no_playbook_for_stage"


class CoverageGaps(DatedContract):
    """Customers at risk without a recommendation. One row per customer and as-of date."""

    customer_id: str = key("Customer.", personal="customer")
    segment: str = column("Market segment.", words="segments")
    journey_stage: str = column("Stage; null without an entry.", words="stages", nullable=True)
    risk_tier: str = column("Tier of the overall risk.", isin=TIERS, nullable=True)
    stage_health: str = column("Stage health; null without a stage.", nullable=True)
    overall_risk_score: float = column("Weighted risk [0-1, up = worse].", ge=0, le=1)
    account_value: float = column("Yearly value of the account [currency].", ge=0)
    reason: str = column("What kept every playbook away.", isin=[NO_STAGE_KNOWN, NO_PLAYBOOK, *FAILED_RULES])
    nearest_playbook_id: str = column("Playbook that failed last; null where there is none.", nullable=True)
    escalated_intervention_id: str = column(
        "Call for a person to take over; null where none was made.", nullable=True, personal="intervention"
    )


def coverage_gaps(
    customer_needs: ir.Table, playbook_candidates: ir.Table, recommended_interventions: ir.Table
) -> ir.Table:
    """List who needs something and gets nothing."""
    is_served = customer_needs.open_intervention_id.notnull()
    needy = customer_needs.filter(customer_needs.is_needy, ~is_served).select(
        "customer_id",
        "segment",
        "journey_stage",
        "risk_tier",
        "stage_health",
        "overall_risk_score",
        "account_value",
    )
    answered = recommended_interventions.filter(recommended_interventions.recommended_action != ESCALATE)
    missed = needy.anti_join(answered, "customer_id")
    tried = playbook_candidates.semi_join(missed, "customer_id")
    # Rules are tried in this order, so the furthest one reached belongs to the nearest playbook.
    progress = tried.first_failed_rule.cases(*((rule, place) for place, rule in enumerate(FAILED_RULES)), else_=-1)
    furthest_first = ibis.window(group_by=tried.customer_id, order_by=[ibis.desc(progress), tried.playbook_id])
    tried = tried.mutate(place=ibis.row_number().over(furthest_first))
    nearest = tried.filter(tried.place == 0).select(
        "customer_id", "first_failed_rule", nearest_playbook_id="playbook_id"
    )
    rows = missed.left_join(nearest, "customer_id").drop("customer_id_right")
    reason = ibis.cases(
        (rows.journey_stage.isnull(), NO_STAGE_KNOWN),
        (rows.first_failed_rule.isnull(), NO_PLAYBOOK),
        else_=rows.first_failed_rule,
    )
    escalated = recommended_interventions.select("customer_id", escalated_intervention_id="intervention_id")
    rows = rows.mutate(reason=reason).drop("first_failed_rule")
    return rows.left_join(escalated, "customer_id").drop("customer_id_right")
