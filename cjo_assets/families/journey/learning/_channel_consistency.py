"""Consistency of channels: the lowest over the highest success rate, corrected for chance.

The rates of equal channels differ by chance; the more channels and the fewer runs there are, the further apart are the
lowest and the highest. The estimate therefore shrinks every rate towards the pooled one by the share of the variation
that chance explains (moment estimate of DerSimonian and Laird).
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.two_sample_tests import normal_quantile, ratio_of_shares
from cjo_assets.families.journey.interventions._outcomes import is_measured, is_success
from cjo_assets.policy import Policy


def established_runs(ledger: ir.Table, policy: Policy) -> ir.Table:
    """Return the measured runs of the channels with established experience, and whether each succeeded."""
    runs = ledger.filter(is_measured(ledger), ledger.channel.notnull())
    runs = runs.select("intervention_id", "channel", has_succeeded=is_success(runs, policy))
    counted = runs.mutate(runs_of_channel=runs.count().over(ibis.window(group_by=runs.channel)))
    is_established = counted.runs_of_channel >= policy.journey.learning.established_runs
    return counted.filter(is_established).drop("runs_of_channel")


def channel_facts(ledger: ir.Table, policy: Policy) -> ir.Table:
    """Return one row about the channels with established experience.

    `lowest_rate` and `highest_rate` are the shrunk success rates. `ratio_low` and `ratio_high` are the ends of the
    interval of lowest over highest.
    """
    runs = established_runs(ledger, policy)
    channels = runs.group_by("channel").agg(runs=runs.count(), successes=runs.count(where=runs.has_succeeded))
    facts = _shrunk_rates(channels).cross_join(_interval(channels, policy.journey.kpis.interval_level))
    # A single outlier among many equal channels may be shrunk beyond the bound that its own runs allow.
    return facts.mutate(lowest_rate=ibis.least(facts.lowest_rate, facts.highest_rate * facts.ratio_high))


def _shrunk_rates(channels: ir.Table) -> ir.Table:
    """Return the lowest and the highest rate after shrinkage, and the number of channels and runs."""
    every = ibis.window()
    rates = channels.mutate(
        rate=channels.successes / channels.runs,
        pooled=channels.successes.sum().over(every) / channels.runs.sum().over(every),
    )
    variance = (rates.pooled * (1 - rates.pooled)).nullif(0.0)
    facts = rates.agg(
        channels=rates.count(),
        channel_runs=rates.runs.sum(),
        pooled=rates.pooled.max(),
        lowest=rates.rate.min(),
        highest=rates.rate.max(),
        spread=(rates.runs * (rates.rate - rates.pooled) ** 2 / variance).sum(),
    )
    # The expected spread of equal channels is one less than their number.
    real_share = ibis.greatest(1 - (facts.channels - 1) / facts.spread.nullif(0.0), 0.0).fill_null(0.0)
    return facts.select(
        "channels",
        "channel_runs",
        lowest_rate=facts.pooled + real_share * (facts.lowest - facts.pooled),
        highest_rate=facts.pooled + real_share * (facts.highest - facts.pooled),
    )


def _interval(channels: ir.Table, level: float) -> ir.Table:
    """Return the interval of the lowest over the highest rate.

    It is the least of the ratios of any two channels, so its bounds are the least of their bounds. Each pair gets its
    share of the error (Bonferroni), so that all intervals hold together at the level.
    """
    others = channels.view()
    pairs = channels.join(others, channels.channel != others.channel, rname="other_{name}")
    # Every pair occurs twice, once for each side of a two-sided interval.
    error = (1 - level) / pairs.count().over(ibis.window())
    pairs = pairs.mutate(
        bounds=ratio_of_shares(
            pairs.successes.cast("float64"),
            pairs.runs.cast("float64"),
            pairs.other_successes.cast("float64"),
            pairs.other_runs.cast("float64"),
            normal_quantile(1 - error),
        )
    )
    # Without any success the ratio is unbounded.
    return pairs.agg(
        ratio_low=pairs.bounds.low.fill_null(0.0).min(),
        ratio_high=ibis.least(pairs.bounds.high.fill_null(1.0).min(), 1.0),
    )
