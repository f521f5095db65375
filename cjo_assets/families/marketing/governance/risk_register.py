"""Risks of campaigns: what is at stake, whether they are overdue, and whether they freeze the budget.

One row per as-of date and risk signal raised by then. A risk is open until a person has settled it (mitigated or
dismissed); one settled after the as-of date was still open. All risks of a campaign without named assets share one
exposure: exposures are compared, never added. Spend is that of `recorded_money`.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, Instant, TextList, column, key
from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.intervals import NOT_MEASURABLE
from cjo_assets.core.expressions.numbers import MONEY_DECIMALS, money_sum, rounded
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.families.marketing.inputs.campaign_risk_signals import DISMISSED, IN_REVIEW, MITIGATED, OPEN, SEVERITIES
from cjo_assets.families.marketing.inputs.campaigns import COMPLETED
from cjo_assets.families.marketing.measurement._recorded_money import LEDGER, recorded_money
from cjo_assets.policy import Policy

SETTLED = (MITIGATED, DISMISSED)
UNSPENT_BUDGET, SPEND = "unspent_budget", "spend"
UNSPENT_BY_LEDGER, LEDGER_SPEND = "unspent_budget_by_ledger", "ledger_spend"
BASES = [UNSPENT_BUDGET, UNSPENT_BY_LEDGER, SPEND, LEDGER_SPEND]
OVERDUE, IN_TIME, IS_SETTLED = "overdue", "in_time", "settled"


class RiskRegister(DatedContract):
    """Risks of campaigns. One row per as-of date and risk signal."""

    risk_id: str = key("Risk signal.")
    campaign_id: str = column("Campaign it is about.")
    experiment_id: str = column("Experiment it is about; null where about none.", nullable=True)
    risk_type: str = column("Kind of risk.")
    severity: str = column("low, medium, high or critical.", isin=list(SEVERITIES))
    status: str = column(
        "open, in_review, mitigated or dismissed on the as-of date.", isin=[OPEN, IN_REVIEW, MITIGATED, DISMISSED]
    )
    recommended_action: str = column("Action that the source recommends.")
    channel_ids: TextList = column("Channels of the assets it is about, sorted; empty where the whole campaign is.")
    raised_at: Instant = column("Instant it was raised [UTC].")
    settled_at: Instant = column("Instant it was settled [UTC]; null where not, or not recorded.", nullable=True)
    is_open: bool = column("Whether no person had settled it by the as-of date.")
    is_blocking: bool = column("Whether it is open and so severe that the campaign's budget is frozen.")
    exposure: float = column(
        "What is at stake [currency], up = worse; null where no spend is on record.", ge=0, nullable=True
    )
    exposure_basis: str = column(
        "unspent_budget: budget of the campaign less its spend by the metrics, all of which may still go into it; "
        "unspent_budget_by_ledger: the same by the ledger, which books more; spend: after the campaign, what its "
        "assets, or those named, have cost by the metrics; ledger_spend: what the whole campaign has by the ledger.",
        isin=BASES,
    )
    risk_score: float = column(
        "Weight of the severity x exposure [currency], up = worse; null without exposure.", ge=0, nullable=True
    )
    age_days: int = column("Whole days since it was raised [days].", ge=0)
    due_date: date = column("Day by which it should be settled; null without one.", nullable=True)
    is_overdue: bool = column("Whether it is open after its day; null without a day.", nullable=True)
    due_status: str = column(
        "overdue, in_time, settled, or not_measurable without a due date.",
        isin=[OVERDUE, IN_TIME, IS_SETTLED, NOT_MEASURABLE],
    )
    rank: int = column("Place among all risks: open before settled, blocking first, then by risk_score.", ge=1)


def risk_register(
    campaign_risk_signals: ir.Table,
    campaigns: ir.Table,
    creative_assets: ir.Table,
    asset_performance: ir.Table,
    roi_ledger: ir.Table,
    as_of: ir.DateScalar,
    policy: Policy,
) -> ir.Table:
    """Weigh and rank every risk known on the as-of date."""
    rules = policy.marketing.risks
    money = recorded_money(campaigns, asset_performance, roi_ledger, as_of, policy)
    known = _known(campaign_risk_signals, as_of)
    risks = _with_exposure(_with_stakes(known, campaigns, creative_assets, asset_performance, money), as_of)
    is_open = risks.status.notin(SETTLED)
    is_overdue = is_open & (risks.due_date < as_of)
    weight = risks.severity.cases(*rules.severity_weights.model_dump().items())
    risks = risks.mutate(
        is_open=is_open,
        is_blocking=is_open & risks.severity.isin(rules.blocking_severities),
        risk_score=rounded(weight * risks.exposure, MONEY_DECIMALS),
        weight=weight,
        age_days=as_of.delta(risks.raised_at.date(), unit="day"),
        is_overdue=risks.due_date.isnull().ifelse(ibis.null("boolean"), is_overdue),
        due_status=ibis.cases(
            (risks.due_date.isnull(), NOT_MEASURABLE), (~is_open, IS_SETTLED), (is_overdue, OVERDUE), else_=IN_TIME
        ),
    )
    worst_first = [
        risks.is_open.desc(),
        risks.is_blocking.desc(),
        risks.risk_score.desc(nulls_first=False),
        risks.weight.desc(),
        risks.raised_at,
        risks.risk_id,
    ]
    return risks.mutate(rank=ibis.row_number().over(ibis.window(order_by=worst_first)) + 1)


def _with_exposure(risks: ir.Table, as_of: ir.DateScalar) -> ir.Table:
    """Add what is at stake: the unspent budget of a campaign, or its spend once it has ended."""
    is_over = (risks.end_date < as_of).fill_null(False) | (risks.campaign_status == COMPLETED)
    unspent = ibis.greatest(risks.budget - risks.recorded_spend.fill_null(0.0), 0.0)
    is_whole = risks.channel_ids.length() == 0
    is_booked = (risks.spend_basis == LEDGER).fill_null(False)
    spend = is_whole.ifelse(risks.recorded_spend, risks.named_spend)
    return risks.mutate(
        exposure=rounded(is_over.ifelse(spend, unspent), MONEY_DECIMALS),
        exposure_basis=ibis.cases(
            (is_over & is_booked & is_whole, LEDGER_SPEND),
            (is_over, SPEND),
            (is_booked, UNSPENT_BY_LEDGER),
            else_=UNSPENT_BUDGET,
        ),
    )


def _known(campaign_risk_signals: ir.Table, as_of: ir.DateScalar) -> ir.Table:
    """Return the risks raised by the as-of date, with their status at its end."""
    end = days_after(as_of, 1)
    known = campaign_risk_signals.filter(campaign_risk_signals.timestamp < end)
    is_settled = known.status.isin(SETTLED)
    was_open = is_settled & (known.resolved_at >= end)
    return known.select(
        "risk_id",
        "campaign_id",
        "experiment_id",
        "asset_ids",
        "risk_type",
        "severity",
        "recommended_action",
        "due_date",
        raised_at=known.timestamp,
        status=was_open.fill_null(False).ifelse(OPEN, known.status),
        settled_at=(is_settled & (known.resolved_at < end)).ifelse(known.resolved_at, ibis.null("timestamp(6)")),
    )


def _with_stakes(
    risks: ir.Table, campaigns: ir.Table, creative_assets: ir.Table, asset_performance: ir.Table, money: ir.Table
) -> ir.Table:
    """Add budget and spend of the campaign, and channels and spend of the assets that a risk names."""
    asset_spend = asset_performance.group_by("asset_id").agg(asset_spend=money_sum(asset_performance.cost))
    # An asset that a risk names twice counts once.
    named = risks.select("risk_id", asset_id=risks.asset_ids.unnest()).distinct()
    named = named.join(creative_assets.select("asset_id", "channel_id"), "asset_id")
    named = lookup(named, asset_spend, "asset_id")
    per_risk = named.group_by("risk_id").agg(
        channel_ids=named.channel_id.collect(distinct=True).sort(), named_spend=money_sum(named.asset_spend)
    )
    master = campaigns.select("campaign_id", "end_date", "budget", campaign_status="status")
    at_stake = lookup(risks.join(master, "campaign_id"), money, "campaign_id", "spend_basis", "recorded_spend")
    at_stake = lookup(at_stake, per_risk, "risk_id")
    return at_stake.mutate(channel_ids=at_stake.channel_ids.fill_null(ibis.literal([], "array<string>")))


@check
def risks_that_block(risk_register: ir.Table) -> ir.Table:
    """Return open risks that freeze the budget of their campaign until a person settles them."""
    blocking = risk_register.filter(risk_register.is_blocking)
    return blocking.select("risk_id", "campaign_id", "risk_type", "age_days")


@check
def risks_overdue(risk_register: ir.Table) -> ir.Table:
    """Return risks that are open after their due date."""
    overdue = risk_register.filter(risk_register.is_overdue.fill_null(False))
    return overdue.select("risk_id", "campaign_id", "severity", "due_date")
