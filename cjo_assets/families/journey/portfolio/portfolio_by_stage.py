"""The portfolio by stage, with systemic failures.

One row per as-of date and stage with customers. Every count and amount is the sum of the stage's `portfolio_cells`. A
stage whose friction rate exceeds the policy's limit for it is a systemic failure, which no playbook for a single
customer can solve.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.families.journey.portfolio._portfolio_measures import PortfolioShares, summed, with_status
from cjo_assets.policy import Policy


class Stage(DatedContract):
    """A stage."""

    journey_stage: str = key("Stage; null for customers without an entry.", words="stages", nullable=True)


class PortfolioByStage(PortfolioShares, Stage):
    """Stages of the portfolio. One row per as-of date and stage that any customer is in."""

    share_of_revenue_at_risk: float = column(
        "Share of the portfolio's revenue at risk [0-1]; null where there is none.",
        decimals=6,
        ge=0,
        le=1,
        nullable=True,
    )
    systemic_friction_rate: float = column(
        "Friction rate above which the stage fails [0-1]; null where the policy sets none.", ge=0, le=1, nullable=True
    )
    is_systemic_failure: bool = column("Whether the stage exceeds that limit, with enough customers.")


def portfolio_by_stage(portfolio_cells: ir.Table, policy: Policy) -> ir.Table:
    """Add up the cells of each stage, add its status, and compare its friction rate with its limit."""
    rules = policy.journey.portfolio
    stages = with_status(summed(portfolio_cells, "journey_stage"), policy)
    limits = [(stage, ibis.literal(float(limit))) for stage, limit in rules.systemic_friction_rates.items()]
    limit = stages.journey_stage.cases(*limits, else_=ibis.null("float64")) if limits else ibis.null("float64")
    is_large = stages.active_customers >= rules.minimum_customers
    return stages.mutate(
        share_of_revenue_at_risk=stages.revenue_at_risk / stages.revenue_at_risk.sum().over().nullif(0.0),
        systemic_friction_rate=limit,
        is_systemic_failure=(is_large & (stages.exact_friction_rate > limit)).fill_null(False),
    )
