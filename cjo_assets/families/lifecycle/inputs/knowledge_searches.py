"""Searches of bots in their knowledge base.

One row per search and its best document. A document of another customer does not reject the row: it is an error that
a check reports.
"""

import ibis.expr.types as ir

from cjo_assets.core.contract import LARGEST_AMOUNT, Contract, Instant, column, key
from cjo_assets.core.dataset import Dataset
from cjo_assets.families.lifecycle.inputs._tenancy import is_unknown


class KnowledgeSearches(Contract):
    """Searches that passed their contract. One row per search."""

    search_id: str = key("Search.")
    customer_id: str = column("Customer whose bot searched.", personal="customer")
    searched_at: Instant = column("Instant of the search [UTC].")
    document_id: str = column("Best document; null where none was found.", nullable=True)
    document_customer_id: str = column(
        "Customer whose document it is; null: a document for all.", nullable=True, personal="customer"
    )
    confidence: float = column("Confidence of the match [0-1]; null without a document.", ge=0, le=1, nullable=True)
    latency_ms: float = column("Duration of the search [ms].", ge=0, le=LARGEST_AMOUNT)
    was_helpful: bool = column("Whether the document helped; null without an answer.", nullable=True)


def relations(rows: ir.Table, organizations: ir.Table) -> dict[str, ir.BooleanValue]:
    """Return the rule on the customer of a search."""
    return {"customer_id: unknown organization": is_unknown(rows, organizations)}


DATASET = Dataset(
    "knowledge_searches", KnowledgeSearches, is_optional=True, relations=relations, record_date="searched_at"
)
