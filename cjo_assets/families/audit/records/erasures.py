"""Tombstones of erased customers.

One row per erased customer. A row does not name the customer; with an identifier it can be tested whether it is one of
these, and so a file that still holds the customer is refused. Rows are written in `audit/erasure/erase.py` and read in
`ingest/tombstones.py`.
"""

from cjo_assets.core.config import TableConfig
from cjo_assets.core.contract import Contract, Instant, TextList, column, key


class Erasures(Contract):
    """Tombstones of erased customers. One row per erased customer."""

    erasure_id: str = key("Erasure.")
    customer_hash: str = column("Sha256 over salt and customer.")
    intervention_hashes: TextList = column(
        "Sha256 over salt and each of the customer's records, sorted, each after its kind (intervention, outcome, "
        "signal, label) and a colon; one without a kind, as earlier versions wrote it, is an intervention's."
    )
    salt: str = column("What is hashed with an identifier; the same for all tombstones of a home.")
    erased_at: Instant = column("When it was requested [UTC].")
    erased_by: str = column("Who requested it.")
    reason: str = column("Why.")
    counts: str = column("Rows erased by place, as JSON.")
    is_complete: bool = column("Whether the erasure finished; if not, request it again.")


CONFIG = TableConfig(is_appended=True)
