"""Use of each plan in the running month, and what use beyond it costs.

One row per as-of date, paying customer and meter. Use is counted from the first of the month to the as-of date. A
dataset without any record of the month measures nothing: its meters are not_measurable, not 0. A customer without
records in a month that has others used nothing. The budget of language models is a meter too; what is beyond it costs
the customer nothing.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.intervals import NOT_MEASURABLE
from cjo_assets.core.expressions.numbers import MONEY_DECIMALS, RATE_DECIMALS, SCORE_DECIMALS, exact_sum
from cjo_assets.core.expressions.tables import long_rows, lookup
from cjo_assets.families.lifecycle.inputs._tenancy import without_organization
from cjo_assets.families.lifecycle.money._anniversaries import months_after
from cjo_assets.families.lifecycle.money._model_prices import with_cost
from cjo_assets.policy.lifecycle import LifecyclePolicy

CONVERSATIONS, VOICE_MINUTES, API_CALLS, MODEL_COST = "conversations", "voice_minutes", "api_calls", "model_cost"
# Meter, the plan's included units, and the price of a further unit.
METERS = (
    (CONVERSATIONS, "included_conversations", "conversation_price"),
    (VOICE_MINUTES, "included_voice_minutes", "voice_minute_price"),
    (API_CALLS, "included_api_calls", "api_call_price"),
)
# The plan's budget; no plan has a price for what is beyond it.
BUDGET, NO_PRICE = "model_cost_budget", 0.0
OK, NEAR, OVER = "ok", "near", "over"
KEY = ["customer_id", "meter"]


class PlanUsage(DatedContract):
    """Use of each plan in the running month. One row per as-of date, paying customer and meter."""

    customer_id: str = key("Customer.", personal="customer")
    meter: str = key(
        "conversations, voice_minutes, api_calls or model_cost.", isin=[*(meter for meter, _, _ in METERS), MODEL_COST]
    )
    plan_id: str = column("Plan of the account.")
    month: date = column("First day of the month.")
    used: float = column(
        "Units used in the month so far [units; currency for model_cost]; null where not measurable.",
        ge=0,
        nullable=True,
        decimals=RATE_DECIMALS,
    )
    included: float = column(
        "Units that the plan includes [units per month; budget of model_cost]; null: see is_unlimited.",
        ge=0,
        nullable=True,
    )
    is_unlimited: bool = column(
        "Whether the plan includes any number of units; null where it is unknown.", nullable=True
    )
    share: float = column(
        "used over included, up = closer to the limit; null where one is missing or nothing is included.",
        ge=0,
        nullable=True,
        decimals=SCORE_DECIMALS,
    )
    overage_units: float = column(
        "Units beyond the included [units]; null where not measurable.", ge=0, nullable=True, decimals=RATE_DECIMALS
    )
    overage_amount: float = column(
        "Price of these units [currency]; null where not measurable.", ge=0, nullable=True, decimals=MONEY_DECIMALS
    )
    projected: float = column(
        "Units at the end of the month at the present pace [units]; null where not measurable.",
        ge=0,
        nullable=True,
        decimals=SCORE_DECIMALS,
    )
    state: str = column(
        "ok; near: from the policy's share of the plan; over: all of it is used; not_measurable: no record of the "
        "month, or an unknown plan.",
        isin=[OK, NEAR, OVER, NOT_MEASURABLE],
    )


def plan_usage(
    accounts: ir.Table,
    plans: ir.Table,
    conversations: ir.Table,
    usage_daily: ir.Table,
    model_calls: ir.Table,
    as_of: ir.DateScalar,
    policy: LifecyclePolicy,
) -> ir.Table:
    """Compare the use of the month so far with what the plan includes."""
    month = as_of.truncate("M").cast("date")
    rows = lookup(_paying(accounts), _plan_terms(plans), "plan_id").mutate(month=month)
    used = ibis.union(_counted(conversations, usage_daily, month, as_of), _spent(model_calls, month, as_of, policy))
    rows = _with_use(_by_meter(rows), used)
    days = as_of.delta(month, unit="day") + 1
    days_of_month = months_after(month, 1).delta(month, unit="day")
    overage = ibis.greatest(rows.used - rows.included, 0.0)
    is_known = rows.used.notnull() & rows.is_unlimited.notnull()
    overage_units = is_known.ifelse(rows.is_unlimited.ifelse(0.0, overage), ibis.null("float64"))
    return rows.mutate(
        share=rows.used / rows.included.nullif(0),
        overage_units=overage_units,
        overage_amount=overage_units * rows.price,
        projected=rows.used * days_of_month / days,
        state=_state(rows, is_known, policy),
    )


def _paying(accounts: ir.Table) -> ir.Table:
    return accounts.filter(accounts.plan_id.notnull()).select("customer_id", "plan_id")


def _plan_terms(plans: ir.Table) -> ir.Table:
    names = [name for _, included, price in METERS for name in (included, price)]
    return plans.select("plan_id", *names, BUDGET, is_known=ibis.literal(True))


def _by_meter(rows: ir.Table) -> ir.Table:
    """Return a row per customer and meter, with the included units and their price."""
    parts = [
        {
            "meter": ibis.literal(meter),
            "included": rows[included].cast("float64"),
            "is_unlimited": rows.is_known.ifelse(rows[included].isnull(), ibis.null("boolean")),
            "price": price,
        }
        for meter, included, price in (
            *((meter, included, rows[price]) for meter, included, price in METERS),
            (MODEL_COST, BUDGET, ibis.literal(NO_PRICE)),
        )
    ]
    return long_rows(rows, ["customer_id", "plan_id", "month"], parts)


def _counted(conversations: ir.Table, usage_daily: ir.Table, month: ir.DateValue, as_of: ir.DateScalar) -> ir.Table:
    """Return the conversations, minutes and calls of the month so far by customer and meter."""
    talks = conversations.filter(conversations.started_at >= month, conversations.started_at < days_after(as_of, 1))
    usage = usage_daily.filter(usage_daily.usage_date.between(month, as_of))
    talked = talks.group_by("customer_id").agg(used=talks.count()).mutate(meter=ibis.literal(CONVERSATIONS))
    sums = usage.group_by("customer_id").agg(**{name: usage[name].sum() for name in (VOICE_MINUTES, API_CALLS)})
    counted = long_rows(
        sums, "customer_id", [{"meter": ibis.literal(name), "used": sums[name]} for name in (VOICE_MINUTES, API_CALLS)]
    )
    found = ibis.union(talked.select(*KEY, "used"), counted)
    return found.mutate(used=found.used.cast("float64"))


def _spent(model_calls: ir.Table, month: ir.DateValue, as_of: ir.DateScalar, policy: LifecyclePolicy) -> ir.Table:
    """Return what the calls of language models cost in the month so far, by the policy's prices."""
    rows = model_calls.filter(model_calls.called_at >= month, model_calls.called_at < days_after(as_of, 1))
    rows = with_cost(rows, policy)
    cost = rows.is_cache_hit.ifelse(0.0, rows.cost)
    sums = rows.group_by("customer_id").agg(used=exact_sum(cost))
    return sums.mutate(meter=ibis.literal(MODEL_COST)).select(*KEY, "used")


def _with_use(rows: ir.Table, used: ir.Table) -> ir.Table:
    """Add what each customer used of each meter; null where the dataset has no record of the month."""
    rows = lookup(rows, used, KEY)
    measured = used.select("meter").distinct().mutate(is_measured=ibis.literal(True))
    rows = lookup(rows, measured, "meter")
    return rows.mutate(used=rows.is_measured.ifelse(rows.used.fill_null(0.0), ibis.null("float64")))


def _state(rows: ir.Table, is_known: ir.BooleanValue, policy: LifecyclePolicy) -> ir.StringValue:
    is_over = (rows.included > 0).ifelse(rows.used >= rows.included, rows.used > 0)
    return ibis.cases(
        (~is_known, NOT_MEASURABLE),
        (rows.is_unlimited, OK),
        (is_over, OVER),
        (rows.used >= rows.included * policy.usage.near, (rows.included > 0).ifelse(NEAR, OK)),
        else_=OK,
    )


@check(blocking=True)
def rows_of_no_organization(plan_usage: ir.Table, organizations: ir.Table) -> ir.Table:
    """Return rows whose organization is not in the file."""
    return without_organization(plan_usage, organizations)
