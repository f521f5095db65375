"""Costs of language models in the running month: spent, spared by the cache, billed, and misrouted.

One row per as-of date, customer, workflow and model with calls from the first of the month to the as-of date. A cost is
the tokens by the prices of the policy. A call that the cache answered costs nothing; its tokens are what it spared. A
simple task on a premium model was misrouted: the cheap model would have done.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.numbers import RATE_DECIMALS, SCORE_DECIMALS, exact_sum, whole
from cjo_assets.families.lifecycle.inputs._tenancy import without_organization
from cjo_assets.families.lifecycle.money._model_prices import with_cost
from cjo_assets.policy.lifecycle import LifecyclePolicy

KEY = ["customer_id", "workflow", "model"]


class ModelCosts(DatedContract):
    """Costs of language models in the running month. One row per as-of date, customer, workflow and model."""

    customer_id: str = key("Customer.", personal="customer")
    workflow: str = key("Workflow that called.")
    model: str = key("Model.")
    month: date = column("First day of the month.")
    calls: int = column("Calls in the month so far [calls].", ge=0)
    cache_hits: int = column("Of these, answered by the cache [calls], up = better.", ge=0)
    input_tokens: int = column("Tokens sent by the other calls [tokens].", ge=0)
    output_tokens: int = column("Tokens received by them [tokens].", ge=0)
    cost: float = column(
        "Their cost by the policy's prices [currency]; null: the model has no price.",
        ge=0,
        nullable=True,
        decimals=RATE_DECIMALS,
    )
    avoided: float = column(
        "Cost that the cache spared [currency], up = better; null: the model has no price.",
        ge=0,
        nullable=True,
        decimals=RATE_DECIMALS,
    )
    saving: float = column(
        "avoided over cost and avoided [0-1], up = better; null where both are 0 or unknown.",
        ge=0,
        le=1,
        nullable=True,
        decimals=SCORE_DECIMALS,
    )
    billed_calls: int = column("Calls of which the bill is known [calls].", ge=0)
    billed: float = column(
        "Billed for these [currency]; null without any.", ge=0, nullable=True, decimals=RATE_DECIMALS
    )
    billed_difference: float = column(
        "billed less their cost by the policy's prices [currency], above 0: dearer than planned; null where unknown.",
        nullable=True,
        decimals=RATE_DECIMALS,
    )
    misrouted_calls: int = column(
        "Calls of a premium model for tasks below the policy's complexity [calls], up = worse.", ge=0
    )
    misrouted_cost: float = column(
        "What they cost more than on the policy's cheap model [currency], up = worse; null: the model has no price.",
        nullable=True,
        decimals=RATE_DECIMALS,
    )


def model_costs(model_calls: ir.Table, as_of: ir.DateScalar, policy: LifecyclePolicy) -> ir.Table:
    """Add up the calls of the month so far."""
    month = as_of.truncate("M").cast("date")
    rows = model_calls.filter(model_calls.called_at >= month, model_calls.called_at < days_after(as_of, 1))
    rows = with_cost(rows, policy)
    is_call = ~rows.is_cache_hit
    is_misrouted = is_call & (rows.is_premium & (rows.complexity < policy.models.complexity)).fill_null(False)
    expected = is_call.ifelse(rows.cost, _zero_of(rows.cost))
    rows = rows.mutate(
        spent=is_call.ifelse(rows.cost, _zero_of(rows.cost)),
        spared=rows.is_cache_hit.ifelse(rows.cost, _zero_of(rows.cost)),
        beyond_prices=rows.billed_cost - expected,
        is_misrouted=is_misrouted,
        excess=is_misrouted.ifelse(rows.cost - rows.cheap_cost, _zero_of(rows.cost)),
    )
    sums = rows.group_by(KEY).agg(
        calls=rows.count(),
        cache_hits=rows.count(where=rows.is_cache_hit),
        input_tokens=whole(rows.is_cache_hit.ifelse(0, rows.input_tokens).sum()),
        output_tokens=whole(rows.is_cache_hit.ifelse(0, rows.output_tokens).sum()),
        cost=exact_sum(rows.spent),
        avoided=exact_sum(rows.spared),
        billed_calls=rows.billed_cost.count(),
        billed=exact_sum(rows.billed_cost),
        billed_difference=exact_sum(rows.beyond_prices),
        misrouted_calls=rows.count(where=rows.is_misrouted),
        misrouted_cost=exact_sum(rows.excess),
    )
    return sums.mutate(month=month, saving=sums.avoided / (sums.cost + sums.avoided).nullif(0.0))


def _zero_of(cost: ir.FloatingValue) -> ir.FloatingValue:
    """Return 0 where a cost is known."""
    return cost.isnull().ifelse(ibis.null("float64"), 0.0)


@check(blocking=True)
def rows_of_no_organization(model_costs: ir.Table, organizations: ir.Table) -> ir.Table:
    """Return costs whose organization is not in the file."""
    return without_organization(model_costs, organizations)


@check
def models_without_price(model_costs: ir.Table) -> ir.Table:
    """Return models that the policy has no price for, so that their cost is unknown."""
    rows = model_costs.filter(model_costs.cost.isnull())
    return rows.select("customer_id", "workflow", "model", "calls")
