"""Sums of the signals of each customer.

One row per customer and as-of date; a customer without signals has a row of zeros. Severity is strength, discounted by
trust in the source and weight of the type. Negative severities combine like independent alarms, so that a further one
never lowers risk; the strongest positive signal relieves it. Unknown types are counted and have no other effect.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.contract import DatedContract, TextList, column, key, names_where
from cjo_assets.core.expressions.by_segment import by_name_and_segment, by_segment, differs_by_segment
from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.numbers import capped
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.policy import JourneyPolicy, Policy


class AggregatedSignals(DatedContract):
    """Evidence of the look-back, added up. One row per customer and as-of date."""

    customer_id: str = key("Customer.", personal="customer")
    total_signals: int = column("Signals in the look-back [signals].", ge=0)
    negative_signals: int = column("Of these, of a negative type [signals].", ge=0)
    positive_signals: int = column("Of these, of a positive type [signals].", ge=0)
    average_signal_strength: float = column(
        "Mean strength [0-1]; null without signals.", ge=0, le=1, decimals=6, nullable=True
    )
    max_signal_strength: float = column(
        "Largest strength [0-1]; null without signals.", ge=0, le=1, decimals=6, nullable=True
    )
    signal_types: TextList = column("Types seen, sorted.")
    negative_severity: float = column("Sum of negative severities [0 and up, up = worse].", ge=0, decimals=6)
    positive_severity: float = column("Sum of positive severities [0 and up, up = better].", ge=0, decimals=6)
    average_source_trust: float = column(
        "Mean trust in the sources [0-1]; null without signals.", decimals=6, nullable=True
    )
    aggregated_risk_score: float = column("Risk that the signals indicate [0-1, up = worse].", ge=0, le=1, decimals=6)


def visible_signals(known_signals: ir.Table, customers: ir.Table, as_of: ir.DateScalar, policy: Policy) -> ir.Table:
    """Return the signals in the look-back, with their segment where any rule about signals differs by it."""
    longest = max(rules.signals.look_back_days for rules in (policy.journey, *policy.journey_by_segment.values()))
    seen = known_signals.filter(known_signals.detected_at.between(days_after(as_of, -longest), as_of))
    if not differs_by_segment(policy, lambda rules: (rules.signals, rules.fusion)):
        return seen.mutate(segment=ibis.literal(policy.vocabulary.segments[0]))
    seen = seen.join(customers.select("customer_id", "segment"), "customer_id")
    age_days = as_of.delta(seen.detected_at, unit="day")
    return seen.filter(age_days <= by_segment(policy, seen.segment, lambda rules: rules.signals.look_back_days))


def with_severity(seen: ir.Table, policy: Policy) -> ir.Table:
    """Add each signal's polarity, the trust in its source, the weight of its type, and its severity [0-1]."""
    negative = sorted(policy.journey.signals.signal_aggregation_weights)
    positive = sorted(policy.journey.signals.positive_signal_weights)
    trust = by_name_and_segment(policy, seen.source, seen.segment, lambda rules: rules.signals.source_trust, None)
    factor = by_name_and_segment(policy, seen.signal_type, seen.segment, _severity_factors, 0.0)
    return seen.mutate(
        is_negative=seen.signal_type.isin(negative),
        is_positive=seen.signal_type.isin(positive),
        trust=trust,
        severity_factor=factor,
        severity=seen.signal_strength * trust * factor,
    )


def aggregated_signals(customers: ir.Table, known_signals: ir.Table, as_of: ir.DateScalar, policy: Policy) -> ir.Table:
    """Add up the signals of the look-back per customer."""
    seen = with_severity(visible_signals(known_signals, customers, as_of, policy), policy)
    summed = evidence(
        customers,
        seen,
        seen.severity,
        ibis.literal(True),
        policy,
        total_signals=seen.count(),
        negative_signals=seen.is_negative.cast("int64").sum(),
        positive_signals=seen.is_positive.cast("int64").sum(),
        average_signal_strength=seen.signal_strength.mean(),
        max_signal_strength=seen.signal_strength.max(),
        average_source_trust=seen.trust.mean(),
    )
    counts = ("total_signals", "negative_signals", "positive_signals")
    return summed.mutate(aggregated_risk_score=summed.risk, **{name: summed[name].fill_null(0) for name in counts})


def evidence(
    customers: ir.Table,
    seen: ir.Table,
    severity: ir.FloatingValue,
    counts: ir.BooleanValue,
    policy: Policy,
    **more: ir.Value,
) -> ir.Table:
    """Return severities, types and risk of the signals of each customer, one row per customer.

    Args:
        customers: the customers, with their segment.
        seen: their signals, with polarity.
        severity: severity of each signal, however weighted [0-1].
        counts: whether a signal counts.
        policy: the signal types, and the relief by positive signals.
        more: further aggregates; null for a customer without signals.
    """
    negative, positive = counts & seen.is_negative, counts & seen.is_positive
    known_types = sorted(policy.journey.signals.catalogue)
    unknown = seen.filter(counts, seen.signal_type.notin(known_types)).group_by("customer_id")
    unknown_types = unknown.agg(unknown_types=lambda row: row.signal_type.collect(distinct=True))
    # One flag per known type costs a third of a list of texts per customer, at a million customers.
    sums = seen.group_by("customer_id").agg(
        negative_severity=severity.sum(where=negative),
        positive_severity=severity.sum(where=positive),
        strongest_positive=severity.max(where=positive),
        certain_negatives=(negative & (severity >= 1)).any(),
        # The engine may compute the logarithm before the condition: that of 0 must be null, not an error.
        log_of_calm=(1 - severity).nullif(0.0).ln().sum(where=negative),
        **more,
        **{f"saw_{name}": (counts & (seen.signal_type == name)).any() for name in known_types},
    )
    summed = lookup(customers.select("customer_id", "segment"), sums, "customer_id")
    summed = lookup(summed, unknown_types, "customer_id")
    alarm = summed.certain_negatives.fill_null(False).ifelse(1.0, 1 - summed.log_of_calm.fill_null(0.0).exp())
    relief = by_segment(policy, summed.segment, lambda rules: rules.signals.positive_relief)
    return summed.select(
        "customer_id",
        "segment",
        *more,
        signal_types=_signal_types(summed, known_types),
        negative_severity=summed.negative_severity.fill_null(0.0),
        positive_severity=summed.positive_severity.fill_null(0.0),
        risk=capped(alarm * (1 - relief * summed.strongest_positive.fill_null(0.0))),
    )


def _severity_factors(rules: JourneyPolicy) -> dict[str, float]:
    return {name: rules.signals.severity_factor(name) for name in rules.signals.catalogue}


def _signal_types(summed: ir.Table, known_types: list[str]) -> ir.ArrayValue:
    """Return the sorted signal types: those flagged by saw_<type> and those in unknown_types."""
    known = names_where({name: summed[f"saw_{name}"] for name in known_types})
    return summed.unknown_types.isnull().ifelse(known, known.concat(summed.unknown_types).sort())
