"""Bridge of recurring revenue: from the start of each month to its end.

One row per as-of date and month of the policy's months_shown. start + new + reactivation + expansion - contraction -
churn = end, to the cent, and likewise for customers. Rates are null without a customer at the start of the month.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.numbers import MONEY_DECIMALS, RATE_DECIMALS, money_sum
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.families.lifecycle.money._months import months_shown
from cjo_assets.families.lifecycle.money._subscription_terms import MONTHS_PER_YEAR
from cjo_assets.families.lifecycle.money.mrr_movements import CHURN, CONTRACTION, EXPANSION, NEW, REACTIVATION
from cjo_assets.policy.lifecycle import LifecyclePolicy

CENTS = f"decimal(38, {MONEY_DECIMALS})"
GAINS, LOSSES = (NEW, REACTIVATION, EXPANSION), (CONTRACTION, CHURN)


class MrrBridge(DatedContract):
    """Bridge of recurring revenue. One row per as-of date and month."""

    month: date = key("First day of the month.")
    until_on: date = column("Last day of the month, or the as-of date in the running month.")
    start_mrr: float = column(
        "Recurring revenue at the end of the month before [currency per month].", ge=0, decimals=2
    )
    new_mrr: float = column("Of customers who never paid before [currency per month].", ge=0, decimals=2)
    reactivation_mrr: float = column("Of customers who returned [currency per month].", ge=0, decimals=2)
    expansion_mrr: float = column("Of customers who pay more [currency per month].", ge=0, decimals=2)
    contraction_mrr: float = column("Lost from customers who pay less [currency per month].", ge=0, decimals=2)
    churn_mrr: float = column("Lost with customers who left [currency per month].", ge=0, decimals=2)
    end_mrr: float = column("Recurring revenue at until_on [currency per month].", ge=0, decimals=2)
    end_arr: float = column("The same as a yearly amount, from prices [currency per year].", ge=0, decimals=2)
    start_customers: int = column("Paying customers at the end of the month before [customers].", ge=0)
    new_customers: int = column("Of the paying at until_on, those who never paid before [customers].", ge=0)
    reactivated_customers: int = column("Of these, those who returned [customers].", ge=0)
    churned_customers: int = column("Customers who left [customers].", ge=0)
    end_customers: int = column("Paying customers at until_on [customers].", ge=0)
    nrr: float = column(
        "Net revenue retention: (start + expansion - contraction - churn) / start, up = better; null without a start.",
        ge=0,
        nullable=True,
        decimals=RATE_DECIMALS,
    )
    grr: float = column(
        "Gross revenue retention: as nrr without expansion [0-1], up = better; null without a start.",
        ge=0,
        le=1,
        nullable=True,
        decimals=RATE_DECIMALS,
    )
    logo_churn: float = column(
        "Churned customers over start customers [0-1], up = worse; null without a start.",
        ge=0,
        le=1,
        nullable=True,
        decimals=RATE_DECIMALS,
    )
    arpa: float = column(
        "Mean revenue of a paying customer [currency per month]; null without one.", ge=0, nullable=True, decimals=2
    )
    cohort_nrr: float = column(
        "What customers who paid twelve months ago pay now, over what they paid then, up = better; returned customers "
        "count as they are; null where none paid.",
        ge=0,
        nullable=True,
        decimals=RATE_DECIMALS,
    )
    ltv: float = column(
        "Lifetime value of a customer: arpa over the mean logo churn of the last twelve months [currency]; null "
        "without twelve months or without churn.",
        ge=0,
        nullable=True,
        decimals=2,
    )


def mrr_bridge(mrr_movements: ir.Table, as_of: ir.DateScalar, policy: LifecyclePolicy) -> ir.Table:
    """Sum the movements of each month, and derive retention, churn and lifetime value."""
    months = months_shown(as_of, policy.billing.months_shown).select("month", "until_on")
    sums = _sums(mrr_movements)
    rows = lookup(months, sums, "month")
    rows = rows.mutate(
        **{name: rows[name].fill_null(0.0 if rows[name].type().is_floating() else 0) for name in _filled(sums)}
    )
    kept = rows.start_mrr - rows.contraction_mrr - rows.churn_mrr
    start = rows.start_mrr.nullif(0.0)
    rows = rows.mutate(
        nrr=(kept + rows.expansion_mrr) / start,
        grr=kept / start,
        logo_churn=rows.churned_customers / rows.start_customers.nullif(0),
        arpa=rows.end_mrr / rows.end_customers.nullif(0),
        cohort_nrr=rows.cohort_now / rows.cohort_then.nullif(0.0),
    )
    return rows.mutate(ltv=rows.arpa / _mean_churn(rows).nullif(0.0))


def _filled(sums: ir.Table) -> list[str]:
    return [name for name in sums.columns if name != "month"]


def _sums(movements: ir.Table) -> ir.Table:
    """Add up amounts and customers of each month; losses are positive."""
    rows = movements.mutate(lost_mrr=-movements.change_mrr)
    is_of = {name: rows.movement == name for name in (*GAINS, *LOSSES)}
    amounts = {f"{name}_mrr": money_sum(rows.change_mrr, where=is_of[name]) for name in GAINS} | {
        f"{name}_mrr": money_sum(rows.lost_mrr, where=is_of[name]) for name in LOSSES
    }
    paid_then = rows.year_before_mrr > 0
    return rows.group_by("month").agg(
        start_mrr=money_sum(rows.start_mrr),
        end_mrr=money_sum(rows.end_mrr),
        end_arr=money_sum(rows.end_arr),
        start_customers=rows.count(where=rows.start_mrr > 0),
        new_customers=rows.count(where=is_of[NEW]),
        reactivated_customers=rows.count(where=is_of[REACTIVATION]),
        churned_customers=rows.count(where=is_of[CHURN]),
        end_customers=rows.count(where=rows.end_mrr > 0),
        cohort_then=money_sum(rows.year_before_mrr, where=paid_then),
        cohort_now=money_sum(rows.end_mrr, where=paid_then),
        **amounts,
    )


def _mean_churn(rows: ir.Table) -> ir.FloatingValue:
    """Return the mean logo churn of the twelve months up to each; null where one of them has none."""
    year = ibis.window(order_by="month", preceding=MONTHS_PER_YEAR - 1, following=0)
    is_whole = rows.logo_churn.count().over(year) == MONTHS_PER_YEAR
    return is_whole.ifelse(rows.logo_churn.mean().over(year), ibis.null("float64"))


@check(blocking=True)
def months_that_do_not_close(mrr_bridge: ir.Table) -> ir.Table:
    """Return months whose movements do not lead from the start to the end, to the cent and to the customer."""
    amounts = {name: mrr_bridge[f"{name}_mrr"].cast(CENTS) for name in ("start", "end", *GAINS, *LOSSES)}
    end = amounts["start"]
    for name in GAINS:
        end = end + amounts[name]
    for name in LOSSES:
        end = end - amounts[name]
    customers = (
        mrr_bridge.start_customers
        + mrr_bridge.new_customers
        + mrr_bridge.reactivated_customers
        - mrr_bridge.churned_customers
    )
    return mrr_bridge.filter((end != amounts["end"]) | (customers != mrr_bridge.end_customers))


@check(blocking=True)
def end_that_differs_from_accounts(mrr_bridge: ir.Table, accounts: ir.Table) -> ir.Table:
    """Return the running month if its end is not the revenue of all accounts."""
    newest = mrr_bridge.filter(mrr_bridge.month == mrr_bridge.month.max())
    totals = accounts.agg(
        account_mrr=money_sum(accounts.mrr).fill_null(0.0), account_arr=money_sum(accounts.arr).fill_null(0.0)
    )
    both = newest.select("month", "end_mrr", "end_arr").cross_join(totals)
    return both.filter((both.end_mrr != both.account_mrr) | (both.end_arr != both.account_arr))
