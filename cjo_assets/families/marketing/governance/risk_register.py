"""Every risk held against a campaign, what is at stake, and which of them stop its budget.

One row per as-of date and risk signal raised by then. A risk is open until a person has settled it (mitigated or
dismissed); of one settled after the as-of date nobody knew yet. What is at stake is the same for all risks of a
campaign that name no asset: exposures are compared, never added up. Spend is that of the record that knows the most of
it, metrics or ledger (`recorded_money`).
"""

from datetime import date, timedelta

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, Instant, TextList, column, key
from cjo_assets.core.expressions.intervals import NOT_MEASURABLE
from cjo_assets.core.expressions.numbers import MONEY_DECIMALS, money_sum, rounded
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
    recommended_action: str = column("What whoever raised it asks for.")
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
    due_date: date = column("Day by which it should be settled; null where nobody said.", nullable=True)
    is_overdue: bool = column("Whether it is open after its day; null where nobody said which.", nullable=True)
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
    as_of: date,
    policy: Policy,
) -> ir.Table:
    """Say of every risk known on the as-of date whether it is open, and weigh what is at stake."""
    rules = policy.marketing.risks
    rows = _known(campaign_risk_signals, as_of)
    money = recorded_money(campaigns, asset_performance, roi_ledger, as_of, policy)
    rows = _with_stakes(rows, campaigns, creative_assets, asset_performance, money)
    is_open = rows.status.notin(SETTLED)
    is_over = (rows.end_date < as_of).fill_null(False) | (rows.campaign_status == COMPLETED)
    unspent = ibis.greatest(rows.budget - rows.recorded_spend.fill_null(0.0), 0.0)
    is_whole = rows.channel_ids.length() == 0
    spent = is_whole.ifelse(rows.recorded_spend, rows.named_spend)
    is_booked = (rows.spend_basis == LEDGER).fill_null(False)
    basis = ibis.cases(
        (is_over & is_booked & is_whole, LEDGER_SPEND),
        (is_over, SPEND),
        (is_booked, UNSPENT_BY_LEDGER),
        else_=UNSPENT_BUDGET,
    )
    exposure = rounded(is_over.ifelse(spent, unspent), MONEY_DECIMALS)
    weight = rows.severity.cases(*rules.severity_weights.model_dump().items())
    is_overdue = is_open & (rows.due_date < as_of)
    judged = rows.mutate(
        is_open=is_open,
        is_blocking=is_open & rows.severity.isin(rules.blocking_severities),
        exposure=exposure,
        exposure_basis=basis,
        risk_score=rounded(weight * exposure, MONEY_DECIMALS),
        weight=weight,
        age_days=ibis.literal(as_of, "date").delta(rows.raised_at.date(), unit="day"),
        is_overdue=rows.due_date.isnull().ifelse(ibis.null("boolean"), is_overdue),
        due_status=ibis.cases(
            (rows.due_date.isnull(), NOT_MEASURABLE), (~is_open, IS_SETTLED), (is_overdue, OVERDUE), else_=IN_TIME
        ),
    )
    worst_first = [
        judged.is_open.desc(),
        judged.is_blocking.desc(),
        judged.risk_score.desc(nulls_first=False),
        judged.weight.desc(),
        judged.raised_at,
        judged.risk_id,
    ]
    return judged.mutate(rank=ibis.row_number().over(ibis.window(order_by=worst_first)) + 1)


def _known(campaign_risk_signals: ir.Table, as_of: date) -> ir.Table:
    """Return the risks raised by the as-of date, as they stood at its end."""
    end = as_of + timedelta(days=1)
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
    rows: ir.Table, campaigns: ir.Table, creative_assets: ir.Table, asset_performance: ir.Table, money: ir.Table
) -> ir.Table:
    """Add budget and spend of the campaign, and channels and spend of the assets that a risk names."""
    asset_spend = asset_performance.group_by("asset_id").agg(asset_spend=money_sum(asset_performance.cost))
    # An asset may be named twice, and cost it once.
    named = rows.select("risk_id", asset_id=rows.asset_ids.unnest()).distinct()
    named = named.join(creative_assets.select("asset_id", "channel_id"), "asset_id").left_join(asset_spend, "asset_id")
    per_risk = named.group_by("risk_id").agg(
        channel_ids=named.channel_id.collect(distinct=True).sort(), named_spend=money_sum(named.asset_spend)
    )
    master = campaigns.select("campaign_id", "end_date", "budget", campaign_status="status")
    joined = (
        rows.join(master, "campaign_id")
        .left_join(money.select("campaign_id", "spend_basis", "recorded_spend"), "campaign_id")
        .left_join(per_risk, "risk_id")
        .drop("campaign_id_right", "risk_id_right")
    )
    return joined.mutate(channel_ids=joined.channel_ids.fill_null(ibis.literal([], "array<string>")))


@check
def risks_that_block(risk_register: ir.Table) -> ir.Table:
    """Find open risks that freeze the budget of their campaign until a person settles them."""
    rows = risk_register.filter(risk_register.is_blocking)
    return rows.select("risk_id", "campaign_id", "risk_type", "age_days")


@check
def risks_overdue(risk_register: ir.Table) -> ir.Table:
    """Find risks that should have been settled by now."""
    rows = risk_register.filter(risk_register.is_overdue.fill_null(False))
    return rows.select("risk_id", "campaign_id", "severity", "due_date")
