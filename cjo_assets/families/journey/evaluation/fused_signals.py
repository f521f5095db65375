"""Signals of each customer, weighted by age and by the success of interventions.

One row per customer and as-of date; a customer without signals has a row of zeros. Compared with `aggregated_signals`,
severity decays with age, is adjusted by signal type and segment, and a signal stops counting once an intervention that
it triggered has succeeded. The trend compares the last days with the days before them, without decay.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.contract import DatedContract, TextList, column, key
from cjo_assets.core.expressions.by_segment import by_name_and_segment, by_segment
from cjo_assets.core.expressions.numbers import capped, rounded
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.families.journey.evaluation.aggregated_signals import evidence, visible_signals, with_severity
from cjo_assets.families.journey.interventions._outcomes import with_success
from cjo_assets.policy import Policy

WORSENING, STABLE, IMPROVING = "worsening", "stable", "improving"
TRENDS = [WORSENING, STABLE, IMPROVING]


class FusedSignals(DatedContract):
    """Evidence that is recent and not yet dealt with. One row per customer and as-of date."""

    customer_id: str = key("Customer.", personal="customer")
    counted_signals: int = column("Signals of the look-back that still count [signals].", ge=0)
    settled_signals: int = column("Signals that stopped counting: what they triggered succeeded [signals].", ge=0)
    counted_signal_types: TextList = column("Types that still count, sorted: what may trigger a playbook.")
    negative_severity: float = column("Sum of faded negative severities [0 and up, up = worse].", ge=0, decimals=6)
    positive_severity: float = column("Sum of faded positive severities [0 and up, up = better].", ge=0, decimals=6)
    fused_risk_score: float = column(
        "Risk that remains after time and successes [0-1, up = worse].", ge=0, le=1, decimals=6
    )
    short_window_negative_signals: int = column("Negative ones in the policy's short window [signals].", ge=0)
    long_window_negative_signals: int = column("Negative ones in the policy's long window [signals].", ge=0)
    recent_severity_per_day: float = column(
        "Negative severity in the short window [per day, up = worse].", ge=0, decimals=6
    )
    earlier_severity_per_day: float = column(
        "Negative severity in the rest of the long window [per day].", ge=0, decimals=6
    )
    trend: str = column("worsening, stable or improving; null without counted signals.", isin=TRENDS, nullable=True)
    first_seen: date = column("Day of the first counted signal; null without one.", nullable=True)
    last_seen: date = column("Day of the last counted signal; null without one.", nullable=True)


def fused_signals(
    customers: ir.Table, known_signals: ir.Table, intervention_ledger: ir.Table, as_of: ir.DateScalar, policy: Policy
) -> ir.Table:
    """Decay, adjust and add up the signals that no successful intervention has settled."""
    seen = signals_with_settlement(known_signals, customers, intervention_ledger, as_of, policy)
    seen = _with_faded_severity(seen, as_of, policy)
    counted = ~seen.is_settled
    negative = counted & seen.is_negative
    short_days, long_days = _windows(seen.segment, policy)
    in_short, in_long = negative & (seen.age_days < short_days), negative & (seen.age_days < long_days)
    summed = evidence(
        customers,
        seen,
        seen.faded,
        counted,
        policy,
        counted_signals=counted.cast("int64").sum(),
        settled_signals=seen.is_settled.cast("int64").sum(),
        short_window_negative_signals=in_short.cast("int64").sum(),
        long_window_negative_signals=in_long.cast("int64").sum(),
        recent_severity=seen.unfaded.sum(where=in_short),
        earlier_severity=seen.unfaded.sum(where=in_long & ~in_short),
        first_seen=seen.detected_at.min(where=counted),
        last_seen=seen.detected_at.max(where=counted),
    )
    counts = ("counted_signals", "settled_signals", "short_window_negative_signals", "long_window_negative_signals")
    summed = summed.mutate(**{name: summed[name].fill_null(0) for name in counts})
    return _with_trend(summed, policy).mutate(counted_signal_types=summed.signal_types, fused_risk_score=summed.risk)


def signals_with_settlement(
    known_signals: ir.Table, customers: ir.Table, intervention_ledger: ir.Table, as_of: ir.DateScalar, policy: Policy
) -> ir.Table:
    """Return the signals of the look-back with severity and polarity, and whether what they triggered succeeded."""
    runs = with_success(intervention_ledger, policy)
    succeeded = runs.filter(runs.is_success)
    settled = succeeded.select("customer_id", signal_id=succeeded.triggered_by_signals.unnest()).distinct()
    seen = visible_signals(known_signals, customers, as_of, policy)
    seen = lookup(seen, settled.mutate(is_settled=True), ["customer_id", "signal_id"])
    return with_severity(seen.mutate(is_settled=seen.is_settled.fill_null(False)), policy)


def _with_trend(summed: ir.Table, policy: Policy) -> ir.Table:
    """Add severity per day in the short window and before it, and the trend between the two."""
    short_days, long_days = _windows(summed.segment, policy)
    margin = by_segment(policy, summed.segment, lambda rules: rules.fusion.trend_margin)
    # Rounded before they are compared: what is published equal must have no trend.
    daily = summed.mutate(
        recent_severity_per_day=rounded(summed.recent_severity.fill_null(0.0) / short_days),
        earlier_severity_per_day=rounded(summed.earlier_severity.fill_null(0.0) / (long_days - short_days)),
    )
    recent, earlier = daily.recent_severity_per_day, daily.earlier_severity_per_day
    trend = ibis.cases(
        (daily.counted_signals == 0, ibis.null("string")),
        (recent > rounded(earlier * (1 + margin)), WORSENING),
        (recent < rounded(earlier * (1 - margin)), IMPROVING),
        else_=STABLE,
    )
    return daily.mutate(trend=trend)


def _windows(segment: ir.StringValue, policy: Policy) -> tuple[ir.NumericValue, ir.NumericValue]:
    short = by_segment(policy, segment, lambda rules: rules.fusion.short_window_days)
    return short, by_segment(policy, segment, lambda rules: rules.fusion.long_window_days)


def _with_faded_severity(seen: ir.Table, as_of: ir.DateScalar, policy: Policy) -> ir.Table:
    """Add age [days], severity adjusted by signal type and segment [0-1], and severity after decay."""
    rules = policy.journey.fusion
    adjustment = by_name_and_segment(
        policy, seen.signal_type, seen.segment, lambda own: own.fusion.signal_adjustments, 1.0
    )
    strength, factor = seen.signal_strength, seen.severity_factor
    if rules.use_normalized_strength:
        strength = ibis.coalesce(seen.normalized_strength, strength)
    if rules.use_risk_weight:
        factor = ibis.coalesce(seen.risk_weight, factor)
    if rules.use_segment_adjustment:
        adjustment = ibis.coalesce(seen.segment_adjustment, adjustment)
    age_days = as_of.delta(seen.detected_at, unit="day")
    half_life = by_segment(policy, seen.segment, lambda own: own.fusion.recency_half_life_days)
    seen = seen.mutate(age_days=age_days, unfaded=capped(strength * seen.trust * factor * adjustment))
    return seen.mutate(faded=seen.unfaded * ibis.literal(0.5).pow(age_days / half_life))
