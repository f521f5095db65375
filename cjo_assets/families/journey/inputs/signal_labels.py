"""Labels of signals, given by people afterwards.

One row per label. A label of a signal states whether there was a problem; a label without a signal is a problem that no
signal reported. Precision and recall of signals are measured by labels alone.
"""

from datetime import date

import ibis.expr.types as ir

from cjo_assets.core.contract import ALWAYS, Contract, column, key
from cjo_assets.core.dataset import Dataset
from cjo_assets.core.expressions.keys import is_key_in


class SignalLabels(Contract):
    """Labels that passed their contract. One row per label."""

    label_id: str = key("Label.", personal="label")
    customer_id: str = column("Customer it is about.", personal="customer")
    signal_id: str = column(
        "Signal that was looked into; null for a problem that raised none.",
        optional=True,
        used_when=ALWAYS,
        personal="signal",
    )
    is_problem: bool = column("Whether there was a problem.")
    labelled_at: date = column("Day from which this was known.")


def relations(rows: ir.Table, customers: ir.Table, signals: ir.Table) -> dict[str, ir.BooleanValue]:
    """Return the rules on the customer, the signal and the content of a label."""
    is_known = rows.signal_id.isin(signals.signal_id)
    is_of_customer = is_key_in([rows.signal_id, rows.customer_id], signals, ["signal_id", "customer_id"])
    return {
        "customer_id: unknown customer": rows.customer_id.notin(customers.customer_id),
        "signal_id: unknown signal": rows.signal_id.notnull() & ~is_known,
        "customer_id: not the customer of the signal": is_known & ~is_of_customer,
        "is_problem: no signal and no problem": rows.signal_id.isnull() & ~rows.is_problem,
    }


DATASET = Dataset(
    "signal_labels",
    SignalLabels,
    is_optional=True,
    relations=relations,
    record_date="labelled_at",
)
