"""Movements of recurring revenue by month and customer.

One row per as-of date, month and customer that paid at the start or the end of the month, or twelve months before its
end. Months are those of the policy's months_shown; the running month ends on the as-of date. A movement is the net
change of a customer in a month: a second subscription is an expansion, and a cancellation that was taken back within
the month is no churn. Each month is computed from what is known on the as-of date, so a late record changes it.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.numbers import money_sum
from cjo_assets.core.expressions.tables import lookup, merged
from cjo_assets.families.lifecycle.inputs._tenancy import without_organization
from cjo_assets.families.lifecycle.money._anniversaries import months_after
from cjo_assets.families.lifecycle.money._months import months_shown
from cjo_assets.families.lifecycle.money._subscription_terms import is_paid_on, paid_terms, subscription_terms
from cjo_assets.policy.lifecycle import LifecyclePolicy

NEW, REACTIVATION, EXPANSION, CONTRACTION, CHURN = "new", "reactivation", "expansion", "contraction", "churn"
UNCHANGED = "unchanged"
MOVEMENTS = [NEW, REACTIVATION, EXPANSION, CONTRACTION, CHURN, UNCHANGED]


class MrrMovements(DatedContract):
    """Movements of recurring revenue. One row per as-of date, month and customer."""

    month: date = key("First day of the month.")
    customer_id: str = key("Customer.", personal="customer")
    start_mrr: float = column(
        "Recurring revenue at the end of the month before [currency per month].", ge=0, decimals=2
    )
    end_mrr: float = column(
        "Recurring revenue at the end of the month or on the as-of date [currency per month].", ge=0, decimals=2
    )
    end_arr: float = column("The same as a yearly amount, from prices [currency per year].", ge=0, decimals=2)
    year_before_mrr: float = column(
        "Recurring revenue twelve months before that [currency per month].", ge=0, decimals=2
    )
    change_mrr: float = column("end_mrr less start_mrr [currency per month], up = better.", decimals=2)
    movement: str = column(
        "new; reactivation: paid before, not at the start; expansion; contraction; churn; unchanged.", isin=MOVEMENTS
    )


def mrr_movements(lifecycle_events: ir.Table, as_of: ir.DateScalar, policy: LifecyclePolicy) -> ir.Table:
    """Compare what each customer pays at the start and at the end of each month."""
    terms = paid_terms(subscription_terms(lifecycle_events, as_of, policy))
    firsts = terms.filter(terms.mrr > 0).group_by("customer_id").agg(first_paid_on=terms.starts_on.min())
    rows = lookup(_amounts(terms, months_shown(as_of, policy.billing.months_shown)), firsts, "customer_id")
    change = rows.end_mrr - rows.start_mrr
    has_paid_before = rows.first_paid_on < rows.month
    movement = ibis.cases(
        (change == 0, UNCHANGED),
        ((rows.start_mrr == 0) & has_paid_before, REACTIVATION),
        (rows.start_mrr == 0, NEW),
        (rows.end_mrr == 0, CHURN),
        (change > 0, EXPANSION),
        else_=CONTRACTION,
    )
    return rows.mutate(change_mrr=change, movement=movement)


def _amounts(terms: ir.Table, months: ir.Table) -> ir.Table:
    """Return what each customer paid on three days of each month; customers who paid on none are left out."""
    spells = terms.cross_join(months)
    days = {"start_mrr": "before_on", "end_mrr": "until_on", "year_before_mrr": "year_before_on"}
    is_paid = {name: is_paid_on(spells, spells[day]) for name, day in days.items()}
    amounts = {name: money_sum(spells.mrr, where=condition) for name, condition in is_paid.items()}
    amounts["end_arr"] = money_sum(spells.arr, where=is_paid["end_mrr"])
    sums = spells.group_by("month", "customer_id").agg(
        **{name: amount.fill_null(0.0) for name, amount in amounts.items()}
    )
    return sums.filter((sums.start_mrr > 0) | (sums.end_mrr > 0) | (sums.year_before_mrr > 0))


@check(blocking=True)
def rows_of_no_organization(mrr_movements: ir.Table, organizations: ir.Table) -> ir.Table:
    """Return movements whose organization is not in the file."""
    return without_organization(mrr_movements, organizations)


@check(blocking=True)
def months_that_do_not_connect(mrr_movements: ir.Table) -> ir.Table:
    """Return customers who start a month with another amount than that with which they ended the month before."""
    ends = mrr_movements.select("customer_id", ended_mrr="end_mrr", month=months_after(mrr_movements.month, 1))
    months = mrr_movements.select("month").distinct()
    ends = ends.semi_join(months, "month").filter(ends.ended_mrr > 0)
    starts = mrr_movements.filter(mrr_movements.month > mrr_movements.month.min(), mrr_movements.start_mrr > 0)
    both = merged([starts.select("month", "customer_id", "start_mrr"), ends], ["month", "customer_id"])
    return both.filter(~both.start_mrr.identical_to(both.ended_mrr))
