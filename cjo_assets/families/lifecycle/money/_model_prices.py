"""Cost of calls of language models by the prices of the policy."""

from __future__ import annotations

import ibis.expr.types as ir

from cjo_assets.core.expressions.rows import literal_rows
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.policy.lifecycle import LifecyclePolicy

TOKENS_PER_PRICE = 1_000_000


def with_cost(model_calls: ir.Table, policy: LifecyclePolicy) -> ir.Table:
    """Add the cost of each call (`cost`) and that on the cheap model (`cheap_cost`) [currency], and `is_premium`.

    Of a call that the cache answered, it is what the call would have cost. A model without a price has null.
    """
    prices = literal_rows(
        [
            {"model": name, "input": price.input, "output": price.output, "is_premium": price.premium}
            for name, price in policy.models.prices.items()
        ],
        {"model": "string", "input": "float64", "output": "float64", "is_premium": "boolean"},
    )
    cheap = policy.models.prices[policy.models.cheap]
    rows = lookup(model_calls, prices, "model")
    return rows.mutate(
        cost=(rows.input_tokens * rows.input + rows.output_tokens * rows.output) / TOKENS_PER_PRICE,
        cheap_cost=(rows.input_tokens * cheap.input + rows.output_tokens * cheap.output) / TOKENS_PER_PRICE,
    ).drop("input", "output")
