"""Signals about customers.

One row per signal. Of two signals with the same customer, type and day the more credible is kept and the other
rejected. A type that is not in the catalogue is kept: it counts, it has no effect on risk, and a check lists it.
"""

from datetime import date

import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import LARGEST_AMOUNT, Contract, column, key
from cjo_assets.core.dataset import Dataset, Preference
from cjo_assets.policy import JourneyPolicy, Policy


class Signals(Contract):
    """Signals that passed their contract. One row per signal."""

    signal_id: str = key("Signal.", personal="signal")
    customer_id: str = column("Customer the signal is about.", personal="customer")
    signal_type: str = column("Type; the policy's catalogue gives it polarity and weight.")
    signal_strength: float = column("Strength of the signal [0-1], whatever its polarity.", ge=0, le=1)
    detected_at: date = column("Day of detection.")
    journey_stage: str = column("Stage at detection, as reported; null where unknown.", words="stages", nullable=True)
    source: str = column("Source of the signal, which determines its credibility.", words="sources")
    normalized_strength: float = column(
        "Strength as the source normalised it [0-1].",
        optional=True,
        used_when="journey.fusion.use_normalized_strength",
        ge=0,
        le=1,
    )
    risk_weight: float = column(
        "Weight of the type as the source sees it [x severity].",
        optional=True,
        used_when="journey.fusion.use_risk_weight",
        ge=0,
        le=LARGEST_AMOUNT,
    )
    segment_adjustment: float = column(
        "What the source makes of the customer's segment [x severity].",
        optional=True,
        used_when="journey.fusion.use_segment_adjustment",
        ge=0,
        le=LARGEST_AMOUNT,
    )


def relations(rows: ir.Table, customers: ir.Table) -> dict[str, ir.BooleanValue]:
    """Return the rule on the customer of a signal."""
    return {"customer_id: unknown customer": rows.customer_id.notin(customers.customer_id)}


def most_credible_first(rows: ir.Table, customers: ir.Table, policy: Policy) -> list[ir.Value]:
    """Return the order of signals of one customer, type and day: by trust, then strength, then id."""
    trust = _trust(rows, policy.journey)
    for segment, rules in policy.journey_by_segment.items():
        own = customers.filter(customers.segment == segment)
        trust = rows.customer_id.isin(own.customer_id).ifelse(_trust(rows, rules), trust)
    return [-trust, -rows.signal_strength, rows.signal_id]


def _trust(rows: ir.Table, rules: JourneyPolicy) -> ir.NumericValue:
    return rows.source.cases(*sorted(rules.signals.source_trust.items()), else_=0.0)


DATASET = Dataset(
    "signals",
    Signals,
    relations=relations,
    preference=Preference(
        same=("customer_id", "signal_type", "detected_at"),
        best_first=most_credible_first,
        rule="signal_type: a more credible signal of this type and day",
    ),
    record_date="detected_at",
)


@check
def unknown_signal_types(signals: ir.Table, policy: Policy) -> ir.Table:
    """Return signals of a type without polarity and weight, which have no effect on risk."""
    unknown = signals.filter(signals.signal_type.notin(sorted(policy.journey.signals.catalogue)))
    return unknown.select("signal_id", "customer_id", "signal_type")
