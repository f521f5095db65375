"""Money that could do more elsewhere: what to take from which campaign, and what to give to which.

One row per as-of date, giver and taker; the reserve stands for money that is not in the plan yet, or leaves it. Both
sides of every row are one amount, so that nothing is taken that is not given, and each unit of money moves once.

Nothing is taken from a campaign that paces as planned, does better than it should, or is frozen by a risk; nothing is
given to one with an open risk, that is paused, or that could not spend it. In one step a campaign gives or gets at most
the policy's share of its budget. Of what a campaign will not spend at its pace, nothing is lost when it is taken, and
spending it elsewhere is a cost: only a gain beyond it counts. Taken from one that spends too fast and does badly, money
costs what it would have brought there, and is saved only if nobody else spends it. The next unit of money brings
less than those before, as the policy says. A move that would not gain is not proposed.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.intervals import highest_of_none, two_sided_quantile
from cjo_assets.core.expressions.numbers import CONTRIBUTION_DECIMALS, MONEY_DECIMALS, money_sum, rounded
from cjo_assets.families.marketing.analysis.campaign_analysis import AHEAD, BEHIND, BELOW, EXCEEDING, MEETING, ON_PACE
from cjo_assets.families.marketing.inputs.campaigns import ACTIVE
from cjo_assets.families.marketing.measurement._economics import nonzero
from cjo_assets.families.marketing.value.roi_components import MINUTES_PER_HOUR
from cjo_assets.policy import Policy

RESERVE = "(reserve)"
REALLOCATION, BUDGET_CUT, BUDGET_RISE = "reallocation", "budget_cut", "budget_rise"
KINDS = [REALLOCATION, BUDGET_CUT, BUDGET_RISE]
CENTS = 10**MONEY_DECIMALS


class BudgetProposals(DatedContract):
    """Budget to be moved. One row per as-of date, giver and taker."""

    from_campaign_id: str = key("Campaign that gives, or (reserve).")
    to_campaign_id: str = key("Campaign that gets, or (reserve).")
    kind: str = column("reallocation, budget_cut or budget_rise.", isin=KINDS)
    amount: float = column("What is to be moved [currency].", gt=0)
    is_spent_anyway: bool = column("Whether the giver would spend it at its pace; null of the reserve.", nullable=True)
    from_roas: float = column("Value over media spend of the giver [x spend]; null without.", ge=0, nullable=True)
    to_roas: float = column("The same of the taker; null without.", ge=0, nullable=True)
    revenue_impact: float = column("Value gained less value lost [currency], up = better.")
    revenue_low: float = column("Lower end of its interval [currency].")
    revenue_high: float = column("Upper end of its interval [currency].")
    cost_savings: float = column("Spend to come that is avoided [currency], up = better.", ge=0)
    cost: float = column("Spend to come that is added, and a person's answer [currency].", ge=0)


def budget_proposals(campaign_analysis: ir.Table, risk_register: ir.Table, as_of: date, policy: Policy) -> ir.Table:
    """Fill the best places first, from the worst ones."""
    rows = _campaigns(campaign_analysis, risk_register, as_of, policy)
    givers, takers = _in_line(_givers(rows), "roas"), _in_line(_takers(rows, policy), "worth")
    pairs = givers.select(
        from_campaign_id="campaign_id",
        is_spent_anyway="is_spent_anyway",
        start="start",
        end="end",
        **_side("from", givers),
    ).cross_join(takers.select(to_campaign_id="campaign_id", to_start="start", to_end="end", **_side("to", takers)))
    first, last = ibis.greatest(pairs.start, pairs.to_start), ibis.least(pairs.end, pairs.to_end)
    pairs = pairs.filter(first < last).mutate(kind=ibis.literal(REALLOCATION), cents=last - first)
    # What is left when all takers are served, and what takers still lack when all givers have given.
    room, supply = takers.agg(room=takers.end.max().fill_null(0)), givers.agg(supply=givers.end.max().fill_null(0))
    left = givers.filter(givers.is_spent_anyway).cross_join(room)
    left = left.mutate(cents=left.end - ibis.greatest(left.start, left.room))
    short = takers.cross_join(supply)
    short = short.mutate(cents=short.end - ibis.greatest(short.start, short.supply))
    names = pairs.drop("start", "end", "to_start", "to_end").columns
    nothing = dict.fromkeys(("roas", "low", "high"), ibis.null("float64"))
    cuts = left.select(
        "is_spent_anyway",
        "cents",
        kind=ibis.literal(BUDGET_CUT),
        from_campaign_id="campaign_id",
        to_campaign_id=ibis.literal(RESERVE),
        **_side("from", left),
        **{f"to_{name}": value for name, value in nothing.items()},
    )
    rises = short.select(
        "cents",
        kind=ibis.literal(BUDGET_RISE),
        is_spent_anyway=ibis.null("boolean"),
        from_campaign_id=ibis.literal(RESERVE),
        to_campaign_id="campaign_id",
        **_side("to", short),
        **{f"from_{name}": value for name, value in nothing.items()},
    )
    moves = ibis.union(*(part.select(names) for part in (pairs, cuts, rises)))
    return _with_impact(moves, policy)


def worth_of_a_conversion(campaign_analysis: ir.Table) -> ir.Table:
    """Return what a conversion of any campaign is worth, by the source's estimate [currency]; null without any."""
    rows = campaign_analysis.filter(campaign_analysis.conversions > 0)
    return rows.agg(any_worth=money_sum(rows["value"]) / nonzero(rows.conversions.sum()))


def price_of_an_answer(policy: Policy) -> float:
    """Return what it costs that a person looks at a recommendation [currency]."""
    prices = policy.marketing.roi
    return prices.review_minutes_per_answer / MINUTES_PER_HOUR * prices.cost_per_human_review_hour


def _campaigns(campaign_analysis: ir.Table, risk_register: ir.Table, as_of: date, policy: Policy) -> ir.Table:
    """Return the active campaigns that have days left, their risks, and their returns with interval."""
    rules = policy.marketing.recommendations
    has_time = (campaign_analysis.end_date > as_of).fill_null(True)
    rows = campaign_analysis.filter(campaign_analysis.status == ACTIVE, has_time)
    risks = risk_register.filter(risk_register.is_open)
    risks = risks.group_by("campaign_id").agg(open_risks=risks.count(), is_frozen=risks.is_blocking.any())
    rows = rows.left_join(risks, "campaign_id").drop("campaign_id_right")
    # Value follows conversions, and these vary as counts do; where there is none, there may have been a few.
    effect = rows.design_effect.fill_null(1.0)
    reach = (two_sided_quantile(rules.interval_level) * (effect / rows.conversions.nullif(0)).sqrt()).exp()
    rows = rows.cross_join(worth_of_a_conversion(campaign_analysis))
    few = highest_of_none(rules.interval_level) * effect * rows.any_worth / nonzero(rows.recorded_spend)
    return rows.mutate(
        open_risks=rows.open_risks.fill_null(0),
        is_frozen=rows.is_frozen.fill_null(False),
        low=rows.roas / reach.fill_null(1.0),
        high=ibis.coalesce(rows.roas * reach, ibis.greatest(rows.roas, few)),
        most=rules.reallocation_share * rows.budget,
        remaining=ibis.greatest(rows.budget - rows.recorded_spend, 0.0),
    )


def _givers(rows: ir.Table) -> ir.Table:
    """Return who can give, and how much: what it will not spend, or what it spends too fast and badly."""
    is_slow = (rows.pacing_status == BEHIND) & rows.overall_performance.isin([BELOW, MEETING])
    is_wasting = (rows.pacing_status == AHEAD) & (rows.overall_performance == BELOW)
    givers = rows.filter(~rows.is_frozen, is_slow | is_wasting)
    spare = (givers.pacing_status == BEHIND).ifelse(
        ibis.least(givers.remaining, givers.budget * (1 - givers.pacing)), givers.remaining
    )
    return givers.mutate(is_spent_anyway=givers.pacing_status == AHEAD, available=ibis.least(givers.most, spare))


def _takers(rows: ir.Table, policy: Policy) -> ir.Table:
    """Return who should get more, and how much: who does better than expected, safely, and would spend it."""
    margin = policy.marketing.recommendations.marginal_return
    is_able = rows.pacing_status.isin([ON_PACE, AHEAD]) & (rows.overall_performance == EXCEEDING)
    takers = rows.filter(rows.open_risks == 0, ~rows.is_frozen, is_able, margin * rows.roas > 1)
    return takers.mutate(available=takers.most, worth=-takers.roas)


def _in_line(rows: ir.Table, order: str) -> ir.Table:
    """Return rows with the stretch of money that each stands for, in whole cents, one after the other."""
    cents = rounded(rows.available * CENTS, CONTRIBUTION_DECIMALS - MONEY_DECIMALS).floor().cast("int64")
    rows = rows.mutate(cents=cents)
    rows = rows.filter(rows.cents > 0)
    so_far = ibis.window(order_by=[rows[order].fill_null(0.0), rows.campaign_id], preceding=None, following=0)
    rows = rows.mutate(end=rows.cents.sum().over(so_far))
    return rows.mutate(start=rows.end - rows.cents).drop("cents")


def _side(name: str, rows: ir.Table) -> dict[str, ir.Value]:
    return {f"{name}_{part}": rows[part] for part in ("roas", "low", "high")}


def _with_impact(moves: ir.Table, policy: Policy) -> ir.Table:
    """Add what a move gains, loses, saves and costs, and leave out the small and those that gain nothing."""
    rules = policy.marketing.recommendations
    rows = moves.mutate(amount=moves.cents / CENTS)
    rows = rows.filter(rows.amount >= rules.smallest_move)
    loses = rows.is_spent_anyway.fill_null(False).ifelse(rows.amount, 0.0)
    gains = rows.amount * rules.marginal_return

    def change(gained: str, lost: str) -> ir.FloatingValue:
        return gains * rows[gained].fill_null(0.0) - loses * rows[lost].fill_null(0.0)

    is_new = (rows.kind != BUDGET_CUT) & ~rows.is_spent_anyway.fill_null(False)
    rows = rows.mutate(
        revenue_impact=rounded(change("to_roas", "from_roas"), MONEY_DECIMALS),
        revenue_low=rounded(change("to_low", "from_high"), MONEY_DECIMALS),
        revenue_high=rounded(change("to_high", "from_low"), MONEY_DECIMALS),
        cost_savings=(rows.kind == BUDGET_CUT).ifelse(rows.amount, 0.0),
        cost=rounded(is_new.ifelse(rows.amount, 0.0) + price_of_an_answer(policy), MONEY_DECIMALS),
    )
    gaining = rows.filter(rows.revenue_impact + rows.cost_savings > rows.cost)
    return gaining.mutate(from_roas=rounded(gaining.from_roas), to_roas=rounded(gaining.to_roas))


@check(blocking=True)
def money_moved_twice(budget_proposals: ir.Table, campaign_analysis: ir.Table, policy: Policy) -> ir.Table:
    """Find campaigns that give and get at once, beyond the share of a step, or more than they have left."""
    rows = budget_proposals
    taken = rows.group_by(campaign_id="from_campaign_id").agg(taken=money_sum(rows.amount))
    given = rows.group_by(campaign_id="to_campaign_id").agg(given=money_sum(rows.amount))
    sums = campaign_analysis.left_join(taken, "campaign_id").drop("campaign_id_right")
    sums = sums.left_join(given, "campaign_id").drop("campaign_id_right")
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
    """Find proposals that give to a campaign that is not active or has an open risk, or touch a frozen budget."""
    risks = risk_register.filter(risk_register.is_open)
    frozen = risks.filter(risks.is_blocking)
    resting = campaign_analysis.filter(campaign_analysis.status != ACTIVE)
    rows = budget_proposals
    is_wrong = (
        rows.to_campaign_id.isin(risks.campaign_id)
        | rows.to_campaign_id.isin(resting.campaign_id)
        | rows.from_campaign_id.isin(frozen.campaign_id)
    )
    return rows.filter(is_wrong).select("from_campaign_id", "to_campaign_id", "amount")
