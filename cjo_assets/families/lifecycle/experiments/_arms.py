"""Results of the variants of experiments up to a day, and the probability that each is the best.

The rate of a variant is uncertain: after `s` successes of `n` exposures it follows Beta(1 + s, 1 + n - s), beginning
with all rates equally likely. A variant is the best with the probability

    integral of density(x) * product over the other variants of P(rate < x)

over `nodes` rates per variant, within eight standard deviations of each variant's mean. No random numbers are drawn:
the same results always give the same digits.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.numbers import whole
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.policy.lifecycle_experiments import ExperimentRules

EXPERIMENT = "experiment_id"
ARM = ["experiment_id", "variant_id"]
DEVIATIONS = 8
# Rates of exactly 0 or 1 have no logarithm.
SMALLEST = 1e-12
# Below this a probability is 0 for a product of them.
NEGLIGIBLE = 1e-18
# Decimals are added, not binary floats, so that sums do not depend on the order of rows.
ADDED = "decimal(38, 18)"


def arms(variant_results: ir.Table, as_of: ir.DateScalar) -> ir.Table:
    """Return the results of each variant up to the as-of date.

    Returns:
        One row per experiment and variant: cohort, metric, is_control (each of the last day), exposures, successes,
        first_day, last_day, and session_seconds, the mean over exposures with a known one.
    """
    rows = variant_results.filter(variant_results.result_date < days_after(as_of, 1))
    seconds = rows.session_seconds * rows.exposures
    measured = rows.session_seconds.notnull().ifelse(rows.exposures, 0)
    found = rows.group_by(ARM).agg(
        cohort=rows.cohort.argmax(rows.result_date),
        metric=rows.metric.argmax(rows.result_date),
        is_control=rows.is_control.argmax(rows.result_date),
        exposures=whole(rows.exposures.sum()),
        successes=whole(rows.successes.sum()),
        first_day=rows.result_date.min(),
        last_day=rows.result_date.max(),
        seconds=seconds.cast(ADDED).sum().cast("float64"),
        measured=whole(measured.sum()),
    )
    return found.mutate(session_seconds=found.seconds / found.measured.nullif(0)).drop("seconds", "measured")


def with_validity(rows: ir.Table, rules: ExperimentRules) -> ir.Table:
    """Add `is_valid`: no variant of the experiment has more successes than exposures, and they are not too many."""
    own = rows.group_by(EXPERIMENT).agg(variants=rows.count(), is_possible=(rows.successes <= rows.exposures).all())
    own = own.mutate(is_valid=own.is_possible & (own.variants <= rules.most_variants))
    return lookup(rows, own, EXPERIMENT, "is_valid", "variants")


def best_probabilities(rows: ir.Table, rules: ExperimentRules) -> ir.Table:
    """Return the probability that each variant of a valid experiment has the highest rate.

    Args:
        rows: variants with exposures and successes; of every experiment successes do not exceed exposures.
        rules: the policy of experiments.

    Returns:
        One row per experiment and variant: p_best.
    """
    beta = rows.select(*ARM, a=1.0 + rows.successes, b=1.0 + (rows.exposures - rows.successes))
    total = beta.a + beta.b
    beta = beta.mutate(mean=beta.a / total, deviation=(beta.a * beta.b / (total * total * (total + 1))).sqrt())
    density = _density(beta, _nodes(beta, rules.nodes))
    density = density.mutate(mass=density.mass.cast(ADDED))
    density = density.mutate(total=density.mass.sum().over(ibis.window(group_by=ARM)))
    up_to = ibis.window(group_by=ARM, order_by="rate", preceding=None, following=0)
    below = density.mass.sum().over(up_to).cast("float64") - density.mass.cast("float64") / 2
    share = density.total.cast("float64")
    density = density.mutate(log_below=ibis.greatest(below / share, NEGLIGIBLE).ln())
    at_node = ibis.window(group_by=[EXPERIMENT, "rate"])
    all_below = density.log_below.cast(ADDED).sum().over(at_node).cast("float64")
    others = (all_below - density.log_below).exp()
    density = density.mutate(part=(density.mass.cast("float64") / share * others).cast(ADDED))
    found = density.group_by(ARM).agg(part=density.part.sum())
    whole_part = found.part.sum().over(ibis.window(group_by=EXPERIMENT)).cast("float64")
    return found.select(*ARM, p_best=found.part.cast("float64") / whole_part)


def _nodes(beta: ir.Table, number: int) -> ir.Table:
    """Return the rates at which the variants of an experiment are compared, with the width of rates around each."""
    step = 2.0 * DEVIATIONS / (number - 1)
    rows = beta.select(EXPERIMENT, "mean", "deviation", place=ibis.range(0, number).unnest())
    rate = rows.mean + rows.deviation * (rows.place * step - DEVIATIONS)
    rows = rows.select(EXPERIMENT, rate=ibis.least(ibis.greatest(rate, SMALLEST), 1 - SMALLEST)).distinct()
    in_order = ibis.window(group_by=EXPERIMENT, order_by="rate")
    before, after = rows.rate.lag().over(in_order), rows.rate.lead().over(in_order)
    return rows.mutate(width=(after.fill_null(rows.rate) - before.fill_null(rows.rate)) / 2)


def _density(beta: ir.Table, nodes: ir.Table) -> ir.Table:
    """Return the probability of each variant around each rate, up to a factor per variant."""
    rows = beta.join(nodes, EXPERIMENT)
    log = (rows.a - 1) * rows.rate.ln() + (rows.b - 1) * (1 - rows.rate).ln()
    rows = rows.mutate(log=log)
    highest = rows.log.max().over(ibis.window(group_by=ARM))
    # In standard deviations, so that a variant with many exposures has as many digits as one with few.
    return rows.select(*ARM, "rate", mass=(rows.log - highest).exp() * rows.width / rows.deviation)
