"""All recommended actions of a day, ranked.

One row per as-of date and recommendation. They are ordered by the policy's priority, then by the order of rules in the
policy, then by net impact with unknown ones last. The impact of each is net of its cost, from the as-of date on and
against no action; money that is spent already counts in neither.

No money is claimed twice. Moves between campaigns are those of `budget_proposals`. A paused or frozen campaign neither
gives, gets nor saves; an audience claims money only if its campaign's budget is not moved, and an experiment only if
its audience is not stopped. The id is derived from action and target, so an open recommendation keeps it.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.config import TableConfig
from cjo_assets.core.contract import DatedContract, TextList, column, key
from cjo_assets.core.expressions.evidence_grades import RANDOMISED
from cjo_assets.core.expressions.ids import RECORD_SEPARATOR, content_hash, content_id
from cjo_assets.core.expressions.numbers import MONEY_DECIMALS, money_sum, rounded, same_money
from cjo_assets.families.marketing.recommendations._recent_spend import recent_spend
from cjo_assets.families.marketing.recommendations._recommended_for_audiences import (
    for_audiences,
    for_creatives,
    for_measurement,
)
from cjo_assets.families.marketing.recommendations._recommended_for_budgets import for_budgets
from cjo_assets.families.marketing.recommendations._recommended_for_campaigns import for_campaigns
from cjo_assets.families.marketing.recommendations._recommended_for_experiments import for_experiments
from cjo_assets.families.marketing.recommendations._recommending import ACTIONS, CATEGORIES
from cjo_assets.policy import Policy
from cjo_assets.policy.marketing import RecommendationPriorities

HIGH, MEDIUM, LOW = "high", "medium", "low"
LEVELS = [HIGH, MEDIUM, LOW]
# In the order of execution within a priority.
RULES = list(RecommendationPriorities.model_fields)
SIDES = ("from_campaign_id", "to_campaign_id")


class Recommendations(DatedContract):
    """What to do next, in order. One row per as-of date and recommendation."""

    recommendation_id: str = key("Recommendation: the same as long as it is open.")
    rank: int = column("Place in the order, 1 = first.", ge=1)
    priority: str = column("high, medium or low.", isin=LEVELS)
    category: str = column("Kind of thing it is about.", isin=CATEGORIES)
    action: str = column("What to do.", isin=ACTIONS)
    rule: str = column("Rule that it follows from.", isin=RULES)
    campaign_id: str = column("Campaign it concerns; of a move between two the one that gets.")
    target_id: str = column("What it is about: a campaign, an experiment, a move, a creative, an audience, a risk.")
    target_name: str = column("How people call that.", free_text=True)
    description: str = column("What to do, in words.", free_text=True)
    rationale: str = column("Why.", free_text=True)
    revenue_impact: float = column("Change of value [currency], up = better; null where not known.", nullable=True)
    cost_savings: float = column(
        "Spend to come that is avoided [currency]; null as above. What was spent is no saving.", ge=0, nullable=True
    )
    cost: float = column("Spend to come that is added, and a person's time [currency]; null as above.", nullable=True)
    net_impact: float = column("revenue_impact + cost_savings - cost [currency], up = better.", nullable=True)
    net_impact_low: float = column("Lower end of its interval [currency].", nullable=True)
    net_impact_high: float = column("Upper end of its interval [currency].", nullable=True)
    roi_lift_percentage: float = column(
        "Change of roi_percentage of roi_analysis if this alone is done [percentage points].", nullable=True, decimals=6
    )
    confidence: str = column(
        "high: an experiment shows a gain for sure; medium: estimates do; low: it may be a loss; null without impact.",
        isin=LEVELS,
        nullable=True,
    )
    current_value: str = column("The state now.", free_text=True)
    recommended_value: str = column("The state to come.", free_text=True)
    steps: TextList = column("How to get there, in order.")
    evidence: TextList = column("Table and key of the rows it rests on.")
    requires_human_approval: bool = column("Whether a person must agree, by the policy's approval_needed.")
    amount: float = column(
        "Budget that it moves [currency]; null where it moves none, or names no amount.", gt=0, nullable=True
    )
    from_campaign_id: str = column("Campaign that gives it, or (reserve); null where it moves none.", nullable=True)
    to_campaign_id: str = column("Campaign that gets it, or (reserve); null where it moves none.", nullable=True)
    policy_hash: str = column("Policy that decided.")
    input_hash: str = column("Hash over the state and the evidence that it follows from.")


CONFIG = TableConfig(is_decision=True)


def recommendations(
    campaigns: ir.Table,
    creative_assets: ir.Table,
    audience_segments: ir.Table,
    experiments: ir.Table,
    asset_performance: ir.Table,
    performance_metrics: ir.Table,
    metric_definitions: ir.Table,
    campaign_analysis: ir.Table,
    segment_portfolio: ir.Table,
    funnel_analysis: ir.Table,
    reconciliation: ir.Table,
    risk_register: ir.Table,
    budget_governance: ir.Table,
    budget_proposals: ir.Table,
    experiment_arms: ir.Table,
    experiment_evaluations: ir.Table,
    roi_analysis: ir.Table,
    as_of: ir.DateScalar,
    policy: Policy,
) -> ir.Table:
    """Combine the recommendations of all rules and rank them."""
    parts = [
        *for_campaigns(campaigns, campaign_analysis, risk_register, as_of),
        *for_budgets(budget_governance, budget_proposals, campaign_analysis, risk_register, policy),
        *for_experiments(
            experiment_evaluations,
            experiments,
            campaign_analysis,
            risk_register,
            experiment_arms,
            segment_portfolio,
            metric_definitions,
            as_of,
            policy,
        ),
        for_audiences(
            segment_portfolio,
            audience_segments,
            recent_spend(performance_metrics, creative_assets, experiments, as_of, policy),
            campaign_analysis,
            risk_register,
            budget_proposals,
            as_of,
            policy,
        ),
        for_creatives(creative_assets, campaign_analysis, asset_performance, as_of),
        *for_measurement(funnel_analysis, reconciliation, campaign_analysis),
    ]
    return _ranked(_with_impact(ibis.union(*parts), roi_analysis), policy)


def _with_impact(rows: ir.Table, roi_analysis: ir.Table) -> ir.Table:
    """Add net impact, its interval, the lift of the return, and the confidence."""
    nothing = ibis.null("float64")
    # A cost without a known revenue has no known impact.
    is_known = rows.revenue_impact.notnull()
    rows = rows.mutate(
        cost_savings=is_known.ifelse(rounded(rows.cost_savings, MONEY_DECIMALS), nothing),
        cost=is_known.ifelse(rounded(rows.cost, MONEY_DECIMALS), nothing),
    )
    rest = rows.cost_savings - rows.cost
    totals = roi_analysis.agg(
        total_value=roi_analysis.total_estimated_value.max(), total_cost=roi_analysis.total_cost.max()
    )
    rows = rows.mutate(
        net_impact=rounded(rows.revenue_impact + rest, MONEY_DECIMALS),
        net_impact_low=rounded(rows.revenue_low + rest, MONEY_DECIMALS),
        net_impact_high=rounded(rows.revenue_high + rest, MONEY_DECIMALS),
    ).cross_join(totals)
    after = (rows.total_value + rows.revenue_impact) / (rows.total_cost - rows.cost_savings + rows.cost).nullif(0.0)
    is_gain = (rows.net_impact_low > 0).fill_null(False)
    return rows.mutate(
        roi_lift_percentage=100 * (after - rows.total_value / rows.total_cost.nullif(0.0)),
        confidence=ibis.cases(
            (rows.net_impact.isnull(), ibis.null("string")),
            (is_gain & (rows.grade == RANDOMISED), HIGH),
            (is_gain, MEDIUM),
            else_=LOW,
        ),
    )


def _ranked(rows: ir.Table, policy: Policy) -> ir.Table:
    """Add id, priority, rank and whether a person must approve."""
    rules = policy.marketing.recommendations
    rows = rows.mutate(
        recommendation_id=content_id("REC", rows.category, rows.action, rows.target_id, rows.detail),
        priority=rows.rule.cases(*rules.priorities.model_dump().items()),
        place=rows.rule.cases(*((rule, place) for place, rule in enumerate(RULES))),
    )
    urgency = rows.priority.cases(*((level, place) for place, level in enumerate(LEVELS)))
    unknown_last = [rows.net_impact.isnull(), ibis.desc(rows.net_impact)]
    in_order = [urgency, rows.place, *unknown_last, rows.target_id, rows.recommendation_id]
    return rows.mutate(
        rank=ibis.row_number().over(ibis.window(order_by=in_order)) + 1,
        requires_human_approval=rows.action.isin(list(rules.approval_needed)),
        policy_hash=ibis.literal(policy.policy_hash),
        input_hash=content_hash(rows.current_value, rows.rationale, rows.evidence.join(RECORD_SEPARATOR)),
    )


@check(blocking=True)
def impacts_that_are_not_net(recommendations: ir.Table) -> ir.Table:
    """Return net impacts that differ from revenue plus savings minus cost, or are outside their interval."""
    rows = recommendations
    is_wrong = ~same_money(rows.net_impact, rows.revenue_impact + rows.cost_savings - rows.cost)
    is_outside = ~rows.net_impact.between(rows.net_impact_low, rows.net_impact_high)
    return rows.filter(is_wrong.fill_null(False) | is_outside.fill_null(False)).select(
        "recommendation_id", "revenue_impact", "cost_savings", "cost", "net_impact", "net_impact_low", "net_impact_high"
    )


@check(blocking=True)
def money_recommended_otherwise(recommendations: ir.Table, budget_proposals: ir.Table) -> ir.Table:
    """Return pairs of campaigns whose recommended amount differs from the proposed one."""
    moved = recommendations.filter(recommendations.amount.notnull())
    ours = moved.group_by(SIDES).agg(recommended=money_sum(moved.amount))
    theirs = budget_proposals.select(*SIDES, proposed="amount")
    rows = ours.outer_join(theirs, list(SIDES))
    gap = (rows.recommended.fill_null(0.0) - rows.proposed.fill_null(0.0)).abs()
    return rows.filter(gap > 10.0**-MONEY_DECIMALS / 2).select("recommended", "proposed")
