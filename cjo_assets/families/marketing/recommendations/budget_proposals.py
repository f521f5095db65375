"""Moves of budget between campaigns that would increase value.

One row per as-of date, source and target campaign; the reserve is the source or target of money that enters or leaves
the plan. Source and target of a row have the same amount, and each unit of money moves once.

A campaign that paces as planned, exceeds its target or is frozen by a risk gives no money; one with an open risk, a
pause or too slow a pace gets none. One step moves at most the policy's share of a budget. Money that the source would
not spend is free, and spending it elsewhere is a cost. Money that the source spends too fast and badly costs the value
it would have brought there, and is saved only if no other campaign spends it. The next unit of money brings less than
the average, by the policy's marginal return. Moves without a net gain are not proposed.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.config import TableConfig
from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.intervals import highest_of_none, two_sided_quantile
from cjo_assets.core.expressions.numbers import CONTRIBUTION_DECIMALS, MONEY_DECIMALS, money_sum, rounded
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.families.marketing.analysis.campaign_analysis import AHEAD, BEHIND, BELOW, EXCEEDING, MEETING, ON_PACE
from cjo_assets.families.marketing.inputs.campaigns import ACTIVE
from cjo_assets.families.marketing.measurement._economics import nonzero
from cjo_assets.families.marketing.value.roi_components import MINUTES_PER_HOUR
from cjo_assets.policy import Policy

RESERVE = "(reserve)"
REALLOCATION, BUDGET_CUT, BUDGET_RISE = "reallocation", "budget_cut", "budget_rise"
KINDS = [REALLOCATION, BUDGET_CUT, BUDGET_RISE]
CENTS = 10**MONEY_DECIMALS
RETURNS = ("roas", "low", "high")


class BudgetProposals(DatedContract):
    """Budget to be moved. One row per as-of date, source and target campaign."""

    from_campaign_id: str = key("Campaign that gives, or (reserve).")
    to_campaign_id: str = key("Campaign that gets, or (reserve).")
    kind: str = column("reallocation, budget_cut or budget_rise.", isin=KINDS)
    amount: float = column("What is to be moved [currency].", gt=0)
    is_spent_anyway: bool = column("Whether the source would spend it at its pace; null of the reserve.", nullable=True)
    from_roas: float = column(
        "Value over media spend of the source [x spend]; null without.", ge=0, nullable=True, decimals=6
    )
    to_roas: float = column("The same of the target; null without.", ge=0, nullable=True, decimals=6)
    revenue_impact: float = column("Value gained less value lost [currency], up = better.")
    revenue_low: float = column("Lower end of its interval [currency].")
    revenue_high: float = column("Upper end of its interval [currency].")
    cost_savings: float = column("Spend to come that is avoided [currency], up = better.", ge=0)
    cost: float = column("Spend to come that is added, and a person's answer [currency].", ge=0)


CONFIG = TableConfig(is_decision=True)


def budget_proposals(
    campaign_analysis: ir.Table, risk_register: ir.Table, as_of: ir.DateScalar, policy: Policy
) -> ir.Table:
    """Match the worst sources with the best targets, cent by cent."""
    campaigns = _campaigns(campaign_analysis, risk_register, as_of, policy)
    sources, targets = _in_line(_sources(campaigns), "roas"), _in_line(_targets(campaigns, policy), "worth")
    pairs = sources.select(
        "is_spent_anyway", "start", "end", from_campaign_id="campaign_id", **_returns("from", sources)
    ).cross_join(
        targets.select(to_start="start", to_end="end", to_campaign_id="campaign_id", **_returns("to", targets))
    )
    first, last = ibis.greatest(pairs.start, pairs.to_start), ibis.least(pairs.end, pairs.to_end)
    pairs = pairs.filter(first < last).mutate(kind=ibis.literal(REALLOCATION), cents=last - first)
    columns = pairs.drop("start", "end", "to_start", "to_end").columns
    moves = ibis.union(*(part.select(columns) for part in (pairs, _cuts(sources, targets), _rises(sources, targets))))
    return _with_impact(moves, policy)


def _cuts(sources: ir.Table, targets: ir.Table) -> ir.Table:
    """Return what is left of overspending sources when all targets are served."""
    room = targets.agg(room=targets.end.max().fill_null(0))
    left = sources.filter(sources.is_spent_anyway).cross_join(room)
    return left.mutate(
        cents=left.end - ibis.greatest(left.start, left.room),
        kind=ibis.literal(BUDGET_CUT),
        from_campaign_id=left.campaign_id,
        to_campaign_id=ibis.literal(RESERVE),
        **_returns("from", left),
        **_no_returns("to"),
    )


def _rises(sources: ir.Table, targets: ir.Table) -> ir.Table:
    """Return what targets can still use when all sources have given."""
    supply = sources.agg(supply=sources.end.max().fill_null(0))
    short = targets.cross_join(supply)
    return short.mutate(
        cents=short.end - ibis.greatest(short.start, short.supply),
        kind=ibis.literal(BUDGET_RISE),
        is_spent_anyway=ibis.null("boolean"),
        from_campaign_id=ibis.literal(RESERVE),
        to_campaign_id=short.campaign_id,
        **_no_returns("from"),
        **_returns("to", short),
    )


def worth_of_a_conversion(campaign_analysis: ir.Table) -> ir.Table:
    """Return the average worth of a conversion of all campaigns [currency]; null without conversions."""
    converting = campaign_analysis.filter(campaign_analysis.conversions > 0)
    return converting.agg(any_worth=money_sum(converting["value"]) / nonzero(converting.conversions.sum()))


def price_of_an_answer(policy: Policy) -> float:
    """Return the cost of a person's answer to a recommendation [currency]."""
    prices = policy.marketing.roi
    return prices.review_minutes_per_answer / MINUTES_PER_HOUR * prices.cost_per_human_review_hour


def _campaigns(campaign_analysis: ir.Table, risk_register: ir.Table, as_of: ir.DateScalar, policy: Policy) -> ir.Table:
    """Return the active campaigns with days left, their risks, and their returns with intervals."""
    rules = policy.marketing.recommendations
    has_time = (campaign_analysis.end_date > as_of).fill_null(True)
    active = campaign_analysis.filter(campaign_analysis.status == ACTIVE, has_time)
    risks = risk_register.filter(risk_register.is_open)
    risks = risks.group_by("campaign_id").agg(open_risks=risks.count(), is_frozen=risks.is_blocking.any())
    active = lookup(active, risks, "campaign_id")
    # Value follows conversions, which vary as counts do; none observed does not exclude a few.
    effect = active.design_effect.fill_null(1.0)
    reach = (two_sided_quantile(rules.interval_level) * (effect / active.conversions.nullif(0)).sqrt()).exp()
    active = active.cross_join(worth_of_a_conversion(campaign_analysis))
    few = highest_of_none(rules.interval_level) * effect * active.any_worth / nonzero(active.recorded_spend)
    return active.mutate(
        open_risks=active.open_risks.fill_null(0),
        is_frozen=active.is_frozen.fill_null(False),
        low=active.roas / reach.fill_null(1.0),
        high=ibis.coalesce(active.roas * reach, ibis.greatest(active.roas, few)),
        most=rules.reallocation_share * active.budget,
        remaining=ibis.greatest(active.budget - active.recorded_spend, 0.0),
    )


def _sources(campaigns: ir.Table) -> ir.Table:
    """Return campaigns that can give, and the amount: unspent money, or money spent too fast and badly."""
    is_slow = (campaigns.pacing_status == BEHIND) & campaigns.overall_performance.isin([BELOW, MEETING])
    is_wasting = (campaigns.pacing_status == AHEAD) & (campaigns.overall_performance == BELOW)
    sources = campaigns.filter(~campaigns.is_frozen, is_slow | is_wasting)
    spare = (sources.pacing_status == BEHIND).ifelse(
        ibis.least(sources.remaining, sources.budget * (1 - sources.pacing)), sources.remaining
    )
    return sources.mutate(is_spent_anyway=sources.pacing_status == AHEAD, available=ibis.least(sources.most, spare))


def _targets(campaigns: ir.Table, policy: Policy) -> ir.Table:
    """Return campaigns that should get more, and the amount: above target, without risk, and able to spend it."""
    margin = policy.marketing.recommendations.marginal_return
    is_able = campaigns.pacing_status.isin([ON_PACE, AHEAD]) & (campaigns.overall_performance == EXCEEDING)
    targets = campaigns.filter(campaigns.open_risks == 0, ~campaigns.is_frozen, is_able, margin * campaigns.roas > 1)
    return targets.mutate(available=targets.most, worth=-targets.roas)


def _in_line(rows: ir.Table, order: str) -> ir.Table:
    """Place the amounts end to end in whole cents, in an order, and return start and end of each."""
    cents = rounded(rows.available * CENTS, CONTRIBUTION_DECIMALS - MONEY_DECIMALS).floor().cast("int64")
    rows = rows.mutate(cents=cents)
    rows = rows.filter(rows.cents > 0)
    so_far = ibis.window(order_by=[rows[order].fill_null(0.0), rows.campaign_id], preceding=None, following=0)
    rows = rows.mutate(end=rows.cents.sum().over(so_far))
    return rows.mutate(start=rows.end - rows.cents).drop("cents")


def _returns(side: str, rows: ir.Table) -> dict[str, ir.Value]:
    return {f"{side}_{part}": rows[part] for part in RETURNS}


def _no_returns(side: str) -> dict[str, ir.Value]:
    return {f"{side}_{part}": ibis.null("float64") for part in RETURNS}


def _with_impact(moves: ir.Table, policy: Policy) -> ir.Table:
    """Add value, savings and cost of each move, and drop small moves and those without a net gain."""
    rules = policy.marketing.recommendations
    moves = moves.mutate(amount=moves.cents / CENTS)
    moves = moves.filter(moves.amount >= rules.smallest_move)
    loses = moves.is_spent_anyway.fill_null(False).ifelse(moves.amount, 0.0)
    gains = moves.amount * rules.marginal_return

    def change(gained: str, lost: str) -> ir.FloatingValue:
        return gains * moves[gained].fill_null(0.0) - loses * moves[lost].fill_null(0.0)

    is_new = (moves.kind != BUDGET_CUT) & ~moves.is_spent_anyway.fill_null(False)
    moves = moves.mutate(
        revenue_impact=rounded(change("to_roas", "from_roas"), MONEY_DECIMALS),
        revenue_low=rounded(change("to_low", "from_high"), MONEY_DECIMALS),
        revenue_high=rounded(change("to_high", "from_low"), MONEY_DECIMALS),
        cost_savings=(moves.kind == BUDGET_CUT).ifelse(moves.amount, 0.0),
        cost=rounded(is_new.ifelse(moves.amount, 0.0) + price_of_an_answer(policy), MONEY_DECIMALS),
    )
    return moves.filter(moves.revenue_impact + moves.cost_savings > moves.cost)


@check(blocking=True)
def money_moved_twice(budget_proposals: ir.Table, campaign_analysis: ir.Table, policy: Policy) -> ir.Table:
    """Return campaigns that give and get at once, exceed the share of a step, or give more than they have left."""
    moves = budget_proposals
    taken = moves.group_by(campaign_id="from_campaign_id").agg(taken=money_sum(moves.amount))
    given = moves.group_by(campaign_id="to_campaign_id").agg(given=money_sum(moves.amount))
    sums = lookup(lookup(campaign_analysis, taken, "campaign_id"), given, "campaign_id")
    sums = sums.mutate(taken=sums.taken.fill_null(0.0), given=sums.given.fill_null(0.0))
    most = policy.marketing.recommendations.reallocation_share * sums.budget
    is_wrong = (
        ((sums.taken > 0) & (sums.given > 0))
        | (ibis.greatest(sums.taken, sums.given) > most + 1 / CENTS)
        | (sums.taken > ibis.greatest(sums.budget - sums.recorded_spend.fill_null(0.0), 0.0) + 1 / CENTS)
    )
    return sums.filter(is_wrong.fill_null(False)).select("campaign_id", "budget", "recorded_spend", "taken", "given")


@check(blocking=True)
def money_moved_into_risk(budget_proposals: ir.Table, campaign_analysis: ir.Table, risk_register: ir.Table) -> ir.Table:
    """Return moves into a campaign that is inactive or has an open risk, or out of a frozen budget."""
    risks = risk_register.filter(risk_register.is_open)
    frozen = risks.filter(risks.is_blocking)
    inactive = campaign_analysis.filter(campaign_analysis.status != ACTIVE)
    moves = budget_proposals
    is_wrong = (
        moves.to_campaign_id.isin(risks.campaign_id)
        | moves.to_campaign_id.isin(inactive.campaign_id)
        | moves.from_campaign_id.isin(frozen.campaign_id)
    )
    return moves.filter(is_wrong).select("from_campaign_id", "to_campaign_id", "amount")
