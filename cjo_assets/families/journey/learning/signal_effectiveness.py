"""Which signals precede good outcomes.

One row per as-of date and signal type. What follows a signal more often is not caused by it: the table says where
interventions have done well, `treatment_effects` says what they change.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.intervals import wilson_interval
from cjo_assets.core.expressions.numbers import rounded
from cjo_assets.families.journey.interventions._outcomes import with_success
from cjo_assets.policy import Policy


class SignalEffectiveness(DatedContract):
    """Success by triggering signal. One row per as-of date and signal type."""

    signal_type: str = key("Type of signal, of the policy's catalogue or of the data.")
    measured_runs: int = column("Measured runs that a signal of the type triggered [runs].", ge=0)
    successes: int = column("Those that succeeded [runs].", ge=0)
    success_rate: float = column("successes over measured_runs [0-1], up = better.", ge=0, le=1, nullable=True)
    success_rate_low: float = column("Lower end of its interval [0-1].", ge=0, le=1, nullable=True)
    success_rate_high: float = column("Upper end of its interval [0-1].", ge=0, le=1, nullable=True)
    overall_success_rate: float = column("The same of all measured runs [0-1].", ge=0, le=1, nullable=True)
    difference: float = column(
        "success_rate - overall_success_rate [-1 to 1], up = better.", ge=-1, le=1, nullable=True
    )


def signal_effectiveness(
    intervention_ledger: ir.Table,
    signals: ir.Table,
    as_of: date,
    policy: Policy,
) -> ir.Table:
    """Count measured runs and successes by the types of the signals that triggered them."""
    known = with_success(intervention_ledger, policy)
    measured = known.filter(known.is_measured).select("intervention_id", "triggered_by_signals", "is_success")
    overall = measured.agg(overall_success_rate=measured.is_success.cast("float64").mean())
    seen = signals.filter(signals.detected_at <= as_of).select("signal_id", "signal_type")
    triggers = measured.select("intervention_id", "is_success", signal_id=measured.triggered_by_signals.unnest()).join(
        seen, "signal_id"
    )
    # Two signals of one type trigger one run.
    triggers = triggers.select("intervention_id", "is_success", "signal_type").distinct()
    counts = triggers.group_by("signal_type").agg(
        measured_runs=triggers.count(), successes=triggers.count(where=triggers.is_success)
    )
    catalogue = ibis.literal(sorted(policy.journey.signals.catalogue), "array<string>")
    types = ibis.union(overall.select(signal_type=catalogue.unnest()), seen.select("signal_type"), distinct=True)
    rows = types.left_join(counts, "signal_type").drop("signal_type_right").cross_join(overall)
    rows = rows.mutate(measured_runs=rows.measured_runs.fill_null(0), successes=rows.successes.fill_null(0))
    rate = rows.successes / rows.measured_runs.nullif(0)
    low, high = wilson_interval(rows.successes, rows.measured_runs, policy.journey.learning.interval_level)
    return rows.select(
        "signal_type",
        "measured_runs",
        "successes",
        success_rate=rounded(rate),
        success_rate_low=rounded(low),
        success_rate_high=rounded(high),
        overall_success_rate=rounded(rows.overall_success_rate),
        difference=rounded(rate - rows.overall_success_rate),
    )
