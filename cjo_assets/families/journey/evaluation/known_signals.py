"""Signals that count: those of the sources, and derived ones that no source has.

One row per signal. A derived signal with the customer, type and day of a source's signal is its twin: it is named in
`confirmed_by` and adds no row, so that two systems that agree change nothing. Without derived signals the rows are
those of `signals`. A view: stored, it would be a second copy of all signals.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.config import TableConfig
from cjo_assets.core.contract import TextList, column
from cjo_assets.core.expressions.tables import first_per, lookup
from cjo_assets.families.journey.inputs.signals import Signals

CONFIG = TableConfig(is_view=True)
SAME = ["customer_id", "signal_type", "detected_at"]


class KnownSignals(Signals):
    """Signals of the sources and derived ones. One row per signal."""

    confirmed_by: str = column("Derived signal of the same customer, type and day; null without one.", nullable=True)
    evidence: TextList = column("Records behind a derived signal as dataset:key, sorted; empty for a source's.")


def known_signals(signals: ir.Table, derived_signals: ir.Table, customers: ir.Table) -> ir.Table:
    """Return the signals of the sources, and the derived signals of known customers without a twin."""
    derived = first_per(derived_signals, SAME, [-derived_signals.signal_strength, "signal_id"])
    own = lookup(signals, derived, SAME, confirmed_by="signal_id")
    own = own.mutate(evidence=ibis.literal([], "array<string>"))
    added = derived.anti_join(signals, SAME).semi_join(customers, "customer_id")
    missing = {name: ibis.null(kind) for name, kind in own.schema().items() if name not in added.columns}
    return ibis.union(own, added.mutate(**missing).select(*own.columns))


@check(blocking=True)
def signals_that_were_lost(known_signals: ir.Table, signals: ir.Table) -> ir.Table:
    """Return signals of the sources that are missing."""
    return signals.anti_join(known_signals, "signal_id").select("signal_id", "customer_id")


@check
def derived_signals_of_unknown_customers(derived_signals: ir.Table, customers: ir.Table) -> ir.Table:
    """Return derived signals about customers that are not in the customer file, which have no effect."""
    rows = derived_signals.filter(derived_signals.customer_id.notin(customers.customer_id))
    return rows.select("signal_id", "customer_id", "signal_type", "detected_at")
