"""Calls of language models by workflows of a customer.

One row per call. Of a call that the cache answered, the tokens are those that it saved.
"""

import ibis.expr.types as ir

from cjo_assets.core.contract import LARGEST_AMOUNT, LARGEST_COUNT, Contract, Instant, column, key
from cjo_assets.core.dataset import Dataset
from cjo_assets.families.lifecycle.inputs._tenancy import is_unknown


class ModelCalls(Contract):
    """Model calls that passed their contract. One row per call."""

    call_id: str = key("Call.")
    customer_id: str = column("Customer.", personal="customer")
    workflow: str = column("Workflow that called.")
    model: str = column("Model, as the policy's prices name it.")
    called_at: Instant = column("Instant of the call [UTC].")
    input_tokens: int = column("Tokens sent [tokens].", ge=0, le=LARGEST_COUNT)
    output_tokens: int = column("Tokens received [tokens].", ge=0, le=LARGEST_COUNT)
    is_cache_hit: bool = column("Whether the cache answered.")
    complexity: float = column("Complexity of the task [0-1]; null where unknown.", ge=0, le=1, nullable=True)
    billed_cost: float = column(
        "Cost that the provider billed [currency]; null where unknown.", ge=0, le=LARGEST_AMOUNT, nullable=True
    )


def relations(rows: ir.Table, organizations: ir.Table) -> dict[str, ir.BooleanValue]:
    """Return the rule on the customer of a call."""
    return {"customer_id: unknown organization": is_unknown(rows, organizations)}


DATASET = Dataset("model_calls", ModelCalls, is_optional=True, relations=relations, record_date="called_at")
