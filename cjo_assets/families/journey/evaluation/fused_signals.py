"""What the signals of a customer still say today.

One row per customer and as-of date; a customer without signals has a row of zeros. As `aggregated_signals`, with time
and segment: severity fades with age, weighs more where the policy says so, and stops counting once an intervention that
the signal triggered has succeeded. The trend compares the last days with those before them, without fading.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.contract import DatedContract, TextList, column, key
from cjo_assets.core.expressions.by_segment import by_name_and_segment, by_segment
from cjo_assets.core.expressions.numbers import capped, rounded
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
    negative_severity: float = column("Sum of faded negative severities [0 and up, up = worse].", ge=0)
    positive_severity: float = column("Sum of faded positive severities [0 and up, up = better].", ge=0)
    fused_risk_score: float = column("Risk that remains after time and successes [0-1, up = worse].", ge=0, le=1)
    short_window_negative_signals: int = column("Negative ones in the policy's short window [signals].", ge=0)
    long_window_negative_signals: int = column("Negative ones in the policy's long window [signals].", ge=0)
    recent_severity_per_day: float = column("Negative severity in the short window [per day, up = worse].", ge=0)
    earlier_severity_per_day: float = column("Negative severity in the rest of the long window [per day].", ge=0)
    trend: str = column("worsening, stable or improving; null without counted signals.", isin=TRENDS, nullable=True)
    first_seen: date = column("Day of the first counted signal; null without one.", nullable=True)
    last_seen: date = column("Day of the last counted signal; null without one.", nullable=True)


def fused_signals(
    customers: ir.Table, signals: ir.Table, intervention_ledger: ir.Table, as_of: date, policy: Policy
) -> ir.Table:
    """Fade, adjust and add up the signals that nothing has settled."""
    seen = signals_with_settlement(signals, customers, intervention_ledger, as_of, policy)
    seen = _with_faded_severity(seen, as_of, policy)
    counted = ~seen.is_settled
    negative = counted & seen.is_negative
    in_short = negative & (
        seen.age_days < by_segment(policy, seen.segment, lambda rules: rules.fusion.short_window_days)
    )
    in_long = negative & (seen.age_days < by_segment(policy, seen.segment, lambda rules: rules.fusion.long_window_days))
    rows = evidence(
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
    short_days, long_days = _windows(rows.segment, policy)
    margin = by_segment(policy, rows.segment, lambda rules: rules.fusion.trend_margin)
    rows = rows.mutate(
        recent_severity_per_day=rounded(rows.recent_severity.fill_null(0.0) / short_days),
        earlier_severity_per_day=rounded(rows.earlier_severity.fill_null(0.0) / (long_days - short_days)),
    )
    trend = ibis.cases(
        (rows.counted_signals.fill_null(0) == 0, ibis.null("string")),
        (rows.recent_severity_per_day > rounded(rows.earlier_severity_per_day * (1 + margin)), WORSENING),
        (rows.recent_severity_per_day < rounded(rows.earlier_severity_per_day * (1 - margin)), IMPROVING),
        else_=STABLE,
    )
    return rows.select(
        "customer_id",
        "negative_severity",
        "positive_severity",
        "recent_severity_per_day",
        "earlier_severity_per_day",
        "first_seen",
        "last_seen",
        counted_signals=rows.counted_signals.fill_null(0),
        counted_signal_types="signal_types",
        fused_risk_score="risk",
        settled_signals=rows.settled_signals.fill_null(0),
        short_window_negative_signals=rows.short_window_negative_signals.fill_null(0),
        long_window_negative_signals=rows.long_window_negative_signals.fill_null(0),
        trend=trend,
    )


def signals_with_settlement(
    signals: ir.Table, customers: ir.Table, intervention_ledger: ir.Table, as_of: date, policy: Policy
) -> ir.Table:
    """Return the signals of the look-back with severity and polarity, and whether what they triggered succeeded."""
    seen = visible_signals(signals, customers, as_of, policy)
    runs = with_success(intervention_ledger, policy)
    succeeded = runs.filter(runs.is_success)
    settled = succeeded.select("customer_id", signal_id=succeeded.triggered_by_signals.unnest()).distinct()
    settled = settled.mutate(is_settled=True)
    seen = seen.left_join(settled, ["customer_id", "signal_id"]).drop("customer_id_right", "signal_id_right")
    return with_severity(seen.mutate(is_settled=seen.is_settled.fill_null(False)), policy)


def _windows(segment: ir.StringValue, policy: Policy) -> tuple[ir.NumericValue, ir.NumericValue]:
    short = by_segment(policy, segment, lambda rules: rules.fusion.short_window_days)
    return short, by_segment(policy, segment, lambda rules: rules.fusion.long_window_days)


def _with_faded_severity(seen: ir.Table, as_of: date, policy: Policy) -> ir.Table:
    """Add the age [days], the severity adjusted by segment and source [0-1], and what time has left of it."""
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
    age_days = ibis.date(as_of.isoformat()).delta(seen.detected_at, unit="day")
    half_life = by_segment(policy, seen.segment, lambda own: own.fusion.recency_half_life_days)
    seen = seen.mutate(age_days=age_days, unfaded=capped(strength * seen.trust * factor * adjustment))
    return seen.mutate(faded=seen.unfaded * ibis.literal(0.5).pow(age_days / half_life))
