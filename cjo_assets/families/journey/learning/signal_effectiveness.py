"""Success of interventions by the type of the signals that triggered them.

One row per as-of date and signal type. The association is no evidence of a cause; `treatment_effects` measures effects.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.intervals import wilson_interval
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.families.journey.interventions._outcomes import with_success
from cjo_assets.policy import Policy


class SignalEffectiveness(DatedContract):
    """Success by triggering signal. One row per as-of date and signal type."""

    signal_type: str = key("Type of signal, of the policy's catalogue or of the data.")
    measured_runs: int = column("Measured runs that a signal of the type triggered [runs].", ge=0)
    successes: int = column("Those that succeeded [runs].", ge=0)
    success_rate: float = column(
        "successes over measured_runs [0-1], up = better.", decimals=6, ge=0, le=1, nullable=True
    )
    success_rate_low: float = column("Lower end of its interval [0-1].", decimals=6, ge=0, le=1, nullable=True)
    success_rate_high: float = column("Upper end of its interval [0-1].", decimals=6, ge=0, le=1, nullable=True)
    overall_success_rate: float = column("The same of all measured runs [0-1].", decimals=6, ge=0, le=1, nullable=True)
    difference: float = column(
        "success_rate - overall_success_rate [-1 to 1], up = better.", decimals=6, ge=-1, le=1, nullable=True
    )


def signal_effectiveness(
    intervention_ledger: ir.Table,
    known_signals: ir.Table,
    as_of: ir.DateScalar,
    policy: Policy,
) -> ir.Table:
    """Count measured runs and successes by the types of the signals that triggered them."""
    known = with_success(intervention_ledger, policy)
    measured = known.filter(known.is_measured).select("intervention_id", "triggered_by_signals", "is_success")
    overall = measured.agg(overall_success_rate=measured.is_success.cast("float64").mean())
    seen = known_signals.filter(known_signals.detected_at <= as_of).select("signal_id", "signal_type")
    triggers = measured.select("intervention_id", "is_success", signal_id=measured.triggered_by_signals.unnest())
    # A run triggered by two signals of a type counts once.
    triggers = triggers.join(seen, "signal_id").select("intervention_id", "is_success", "signal_type").distinct()
    counts = triggers.group_by("signal_type").agg(
        measured_runs=triggers.count(), successes=triggers.count(where=triggers.is_success)
    )
    catalogue = ibis.literal(sorted(policy.journey.signals.catalogue), "array<string>")
    types = ibis.union(overall.select(signal_type=catalogue.unnest()), seen.select("signal_type"), distinct=True)
    counted = lookup(types, counts, "signal_type").cross_join(overall)
    counted = counted.mutate(measured_runs=counted.measured_runs.fill_null(0), successes=counted.successes.fill_null(0))
    rate = counted.successes / counted.measured_runs.nullif(0)
    low, high = wilson_interval(counted.successes, counted.measured_runs, policy.journey.learning.interval_level)
    return counted.mutate(
        success_rate=rate,
        success_rate_low=low,
        success_rate_high=high,
        difference=rate - counted.overall_success_rate,
    )
