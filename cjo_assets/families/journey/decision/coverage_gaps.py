"""Customers at risk without a recommendation.

One row per as-of date and customer with medium or high risk, critical health or without a stage, for whom no playbook
is chosen, open or monitored; with the rule that rejected the nearest playbook, and the escalation to a person, if any.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.tables import first_per, lookup
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
    """Return the customers with a risk trigger for whom nothing is done."""
    is_served = customer_needs.open_intervention_id.notnull()
    at_risk = customer_needs.filter(customer_needs.is_needy, ~is_served)
    answered = recommended_interventions.filter(recommended_interventions.recommended_action != ESCALATE)
    missed = at_risk.anti_join(answered, "customer_id")
    tried = playbook_candidates.semi_join(missed, "customer_id")
    # Rules are evaluated in this order: the playbook whose failed rule is the last is the nearest.
    progress = tried.first_failed_rule.cases(*((rule, place) for place, rule in enumerate(FAILED_RULES)), else_=-1)
    nearest = first_per(tried, "customer_id", [ibis.desc(progress), tried.playbook_id])
    gaps = lookup(missed, nearest, "customer_id", "first_failed_rule", nearest_playbook_id="playbook_id")
    gaps = lookup(gaps, recommended_interventions, "customer_id", escalated_intervention_id="intervention_id")
    reason = ibis.cases(
        (gaps.journey_stage.isnull(), NO_STAGE_KNOWN),
        (gaps.first_failed_rule.isnull(), NO_PLAYBOOK),
        else_=gaps.first_failed_rule,
    )
    return gaps.mutate(reason=reason)
