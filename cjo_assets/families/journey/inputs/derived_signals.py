"""Signals that another family derived from its records, read from a file of the home.

One row per signal. The file is replaced after each publish of that family; without it nothing is derived. A signal
about a customer that is not in the customer file is kept here and has no effect: `known_signals` leaves it out.
"""

from datetime import date

from cjo_assets.core.contract import Contract, TextList, column, key
from cjo_assets.core.dataset import Dataset


class DerivedSignals(Contract):
    """Derived signals that passed their contract. One row per signal."""

    signal_id: str = key("Signal.", personal="signal")
    customer_id: str = column("Customer the signal is about.", personal="customer")
    signal_type: str = column("Type; the policy's catalogue gives it polarity and weight.")
    signal_strength: float = column("Strength of the signal [0-1], whatever its polarity.", ge=0, le=1)
    detected_at: date = column("Day of detection.")
    source: str = column("Source of the signal, which determines its credibility.", words="sources")
    evidence: TextList = column("Records behind it as dataset:key, sorted.")


DATASET = Dataset(
    "derived_signals",
    DerivedSignals,
    is_optional=True,
    record_date="detected_at",
    exchange="derived_signals.ndjson",
)
