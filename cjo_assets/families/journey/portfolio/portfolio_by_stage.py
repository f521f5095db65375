"""The portfolio by stage, and which stages fail their customers.

One row per as-of date and stage that any customer is in. Every count and amount is the sum of the stage's
`portfolio_cells`. A customer in friction is that customer's trouble; a stage in which the share of them exceeds the
policy's limit for this stage is a systemic failure: the stage is the trouble, and no playbook mends it.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.numbers import rounded
from cjo_assets.families.journey.portfolio._portfolio_measures import PortfolioShares, exact_shares, summed, with_status
from cjo_assets.policy import Policy


class Stage(DatedContract):
    """A stage."""

    journey_stage: str = key("Stage; null for customers without an entry.", words="stages", nullable=True)


class PortfolioByStage(PortfolioShares, Stage):
    """Stages of the portfolio. One row per as-of date and stage that any customer is in."""

    share_of_revenue_at_risk: float = column(
        "Share of the portfolio's revenue at risk [0-1]; null where there is none.", ge=0, le=1, nullable=True
    )
    systemic_friction_rate: float = column(
        "Friction rate above which the stage fails [0-1]; null where the policy sets none.", ge=0, le=1, nullable=True
    )
    is_systemic_failure: bool = column("Whether the stage breaks that limit, with customers enough to tell.")


def portfolio_by_stage(portfolio_cells: ir.Table, policy: Policy) -> ir.Table:
    """Add up the cells of each stage, judge it, and hold its friction against its limit."""
    rules = policy.journey.portfolio
    rows = with_status(summed(portfolio_cells, "journey_stage"), policy)
    limits = [(stage, ibis.literal(float(limit))) for stage, limit in rules.systemic_friction_rates.items()]
    limit = rows.journey_stage.cases(*limits, else_=ibis.null("float64")) if limits else ibis.null("float64")
    is_large = rows.active_customers >= rules.minimum_customers
    return rows.mutate(
        share_of_revenue_at_risk=rounded(rows.revenue_at_risk / rows.revenue_at_risk.sum().over().nullif(0.0)),
        systemic_friction_rate=limit,
        is_systemic_failure=(is_large & (exact_shares(rows)["friction_rate"] > limit)).fill_null(False),
    )
