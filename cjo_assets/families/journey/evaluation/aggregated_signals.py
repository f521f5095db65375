"""What the signals of a customer add up to.

One row per customer and as-of date; a customer without signals has a row of zeros. Severity is strength, discounted by
the source's trust and the type's weight. Negative severities combine as independent alarms, so that more bad news never
lowers risk; the best good news relieves it. Unknown types are counted and otherwise without effect.
"""

from datetime import date, timedelta

import ibis
import ibis.expr.types as ir

from cjo_assets.core.contract import DatedContract, TextList, column, key
from cjo_assets.core.expressions.by_segment import by_name_and_segment, by_segment, differs_by_segment
from cjo_assets.core.expressions.numbers import capped, rounded
from cjo_assets.policy import JourneyPolicy, Policy


class AggregatedSignals(DatedContract):
    """Evidence of the look-back, added up. One row per customer and as-of date."""

    customer_id: str = key("Customer.", personal="customer")
    total_signals: int = column("Signals in the look-back [signals].", ge=0)
    negative_signals: int = column("Of these, of a negative type [signals].", ge=0)
    positive_signals: int = column("Of these, of a positive type [signals].", ge=0)
    average_signal_strength: float = column("Mean strength [0-1]; null without signals.", ge=0, le=1, nullable=True)
    max_signal_strength: float = column("Largest strength [0-1]; null without signals.", ge=0, le=1, nullable=True)
    signal_types: TextList = column("Types seen, sorted.")
    negative_severity: float = column("Sum of negative severities [0 and up, up = worse].", ge=0)
    positive_severity: float = column("Sum of positive severities [0 and up, up = better].", ge=0)
    average_source_trust: float = column("Mean trust in the sources [0-1]; null without signals.", nullable=True)
    aggregated_risk_score: float = column("Risk that the signals speak of [0-1, up = worse].", ge=0, le=1)


def visible_signals(signals: ir.Table, customers: ir.Table, as_of: date, policy: Policy) -> ir.Table:
    """Return the signals in the look-back, with their segment where any rule about signals differs by it."""
    longest = max(rules.signals.look_back_days for rules in (policy.journey, *policy.journey_by_segment.values()))
    seen = signals.filter(signals.detected_at.between(as_of - timedelta(days=longest), as_of))
    if not differs_by_segment(policy, lambda rules: (rules.signals, rules.fusion)):
        return seen.mutate(segment=ibis.literal(policy.vocabulary.segments[0]))
    seen = seen.join(customers.select("customer_id", "segment"), "customer_id")
    age_days = ibis.date(as_of.isoformat()).delta(seen.detected_at, unit="day")
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


def aggregated_signals(customers: ir.Table, signals: ir.Table, as_of: date, policy: Policy) -> ir.Table:
    """Add up the signals of the look-back per customer."""
    seen = with_severity(visible_signals(signals, customers, as_of, policy), policy)
    rows = evidence(
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
    return rows.select(
        "customer_id",
        "signal_types",
        "negative_severity",
        "positive_severity",
        total_signals=rows.total_signals.fill_null(0),
        negative_signals=rows.negative_signals.fill_null(0),
        positive_signals=rows.positive_signals.fill_null(0),
        average_signal_strength=rounded(rows.average_signal_strength),
        max_signal_strength=rounded(rows.max_signal_strength),
        average_source_trust=rounded(rows.average_source_trust),
        aggregated_risk_score="risk",
    )


def evidence(
    customers: ir.Table,
    seen: ir.Table,
    severity: ir.FloatingValue,
    counts: ir.BooleanValue,
    policy: Policy,
    **more: ir.Value,
) -> ir.Table:
    """Add up signals per customer, every customer one row: severities, types, and the risk that they amount to.

    Args:
        customers: who; with their segment.
        seen: their signals, with polarity.
        severity: of each signal, however it was weighed [0-1].
        counts: which of the signals count.
        policy: the types, and what good news takes away.
        more: what else to add up; null for a customer without signals.
    """
    negative, positive = counts & seen.is_negative, counts & seen.is_positive
    known_types = sorted(policy.journey.signals.catalogue)
    unknown = seen.filter(counts, seen.signal_type.notin(known_types)).group_by("customer_id")
    unknown_types = unknown.agg(unknown_types=lambda row: row.signal_type.collect(distinct=True))
    # One flag per known type instead of a list of texts per customer: a third of the cost at a million customers.
    sums = seen.group_by("customer_id").agg(
        negative_severity=severity.sum(where=negative),
        positive_severity=severity.sum(where=positive),
        strongest_positive=severity.max(where=positive),
        certain_negatives=(negative & (severity >= 1)).any(),
        # The engine may take the logarithm before it looks at the condition: that of 0 must be null, not an error.
        log_of_calm=(1 - severity).nullif(0.0).ln().sum(where=negative),
        **more,
        **{f"saw_{name}": (counts & (seen.signal_type == name)).any() for name in known_types},
    )
    rows = customers.select("customer_id", "segment").left_join(sums, "customer_id").drop("customer_id_right")
    rows = rows.left_join(unknown_types, "customer_id").drop("customer_id_right")
    alarm = rows.certain_negatives.fill_null(False).ifelse(1.0, 1 - rows.log_of_calm.fill_null(0.0).exp())
    relief = by_segment(policy, rows.segment, lambda rules: rules.signals.positive_relief)
    return rows.select(
        "customer_id",
        "segment",
        *more,
        signal_types=_signal_types(rows, known_types),
        negative_severity=rounded(rows.negative_severity.fill_null(0.0)),
        positive_severity=rounded(rows.positive_severity.fill_null(0.0)),
        risk=rounded(capped(alarm * (1 - relief * rows.strongest_positive.fill_null(0.0)))),
    )


def _severity_factors(rules: JourneyPolicy) -> dict[str, float]:
    return {name: rules.signals.severity_factor(name) for name in rules.signals.catalogue}


def _signal_types(rows: ir.Table, known_types: list[str]) -> ir.ArrayValue:
    """Return the sorted types that the flags saw_<type> and the list unknown_types of a row name."""
    flags = [rows[f"saw_{name}"].ifelse(ibis.literal(name), ibis.null("string")) for name in known_types]
    known = ibis.array(flags).filter(lambda name: name.notnull())
    return rows.unknown_types.isnull().ifelse(known, known.concat(rows.unknown_types).sort())
