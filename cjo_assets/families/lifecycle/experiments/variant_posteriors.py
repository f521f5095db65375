"""Variants of message experiments: results, the probability of being the best, and the weight that follows.

One row per as-of date, experiment and variant. The weight is the share of the next exposures: a floor for every
variant that is not dropped, and the rest in proportion to the probability of being the best. An experiment with
impossible counts or too many variants has no probabilities.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.intervals import two_sided_quantile, wilson_interval
from cjo_assets.core.expressions.numbers import RATE_DECIMALS, SCORE_DECIMALS
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.core.expressions.two_sample_tests import difference_of_shares
from cjo_assets.families.lifecycle.experiments._arms import ARM, EXPERIMENT, arms, best_probabilities, with_validity
from cjo_assets.families.lifecycle.inputs.variant_results import COHORTS
from cjo_assets.policy.lifecycle import LifecyclePolicy
from cjo_assets.policy.lifecycle_experiments import ExperimentRules

# Weights are rounded one by one.
ROUNDING = 1e-4


class VariantPosteriors(DatedContract):
    """Results and probabilities of the variants of experiments. One row per as-of date, experiment and variant."""

    experiment_id: str = key("Experiment.")
    variant_id: str = key("Variant.")
    cohort: str = column("Cohort of the experiment.", isin=COHORTS)
    metric: str = column("Metric of success.")
    is_control: bool = column("Whether the variant is the control, of fixed share.")
    exposures: int = column("Exposures so far [exposures].", ge=0)
    successes: int = column("Of these, successful [exposures].", ge=0)
    rate: float = column("Successes over exposures [0-1]; null without exposures.", ge=0, nullable=True, decimals=9)
    rate_low: float = column("Lower end of its interval [0-1].", ge=0, le=1, nullable=True, decimals=RATE_DECIMALS)
    rate_high: float = column("Upper end of its interval [0-1].", ge=0, le=1, nullable=True, decimals=RATE_DECIMALS)
    p_best: float = column(
        "Probability that no other variant has a higher rate [0-1]; null: the experiment is invalid.",
        ge=0, le=1, nullable=True, decimals=SCORE_DECIMALS,
    )  # fmt: skip
    is_dropped: bool = column("Whether it gets no further exposure; null: the experiment is invalid.", nullable=True)
    weight: float = column(
        "Share of the next exposures [0-1]; 0 for a dropped variant, null: the experiment is invalid.",
        ge=0, le=1, nullable=True, decimals=SCORE_DECIMALS,
    )  # fmt: skip
    lift: float = column(
        "Rate less that of the control, up = better; null for the control, and without one or exposures.",
        nullable=True, decimals=RATE_DECIMALS,
    )  # fmt: skip
    lift_low: float = column("Lower end of its interval.", nullable=True, decimals=RATE_DECIMALS)
    lift_high: float = column("Upper end of its interval.", nullable=True, decimals=RATE_DECIMALS)
    session_seconds: float = column(
        "Mean length of a session [seconds]; null where unknown.", ge=0, nullable=True, decimals=2
    )


def variant_posteriors(variant_results: ir.Table, as_of: ir.DateScalar, policy: LifecyclePolicy) -> ir.Table:
    """Return the variants with their results up to the as-of date."""
    rules = policy.experiments
    rows = with_validity(arms(variant_results, as_of), rules)
    rows = lookup(rows, best_probabilities(rows.filter(rows.is_valid), rules), ARM, "p_best")
    rows = _with_weights(rows, rules)
    low, high = wilson_interval(rows.successes, rows.exposures, rules.confidence)
    has_rate = rows.is_valid & (rows.exposures > 0)
    rows = rows.mutate(
        rate=has_rate.ifelse(rows.successes / rows.exposures.nullif(0), ibis.null("float64")),
        rate_low=has_rate.ifelse(low, ibis.null("float64")),
        rate_high=has_rate.ifelse(high, ibis.null("float64")),
    )
    return _with_lift(rows, rules)


def _with_weights(rows: ir.Table, rules: ExperimentRules) -> ir.Table:
    """Add whether a variant is dropped, and its share of the next exposures."""
    rows = rows.mutate(is_dropped=(rows.exposures >= rules.drop_after) & (rows.p_best < rules.drop_below))
    kept = ~rows.is_dropped
    of_experiment = ibis.window(group_by=EXPERIMENT)
    rows = rows.mutate(
        kept=kept.cast("int64").sum().over(of_experiment),
        kept_best=kept.ifelse(rows.p_best, 0.0).cast("decimal(38, 18)").sum().over(of_experiment).cast("float64"),
    )
    floor = ibis.least(ibis.literal(rules.floor), rules.exploration_share / rows.kept)
    weight = floor + (1 - rows.kept * floor) * rows.p_best / rows.kept_best
    return rows.mutate(weight=rows.is_dropped.ifelse(0.0, weight)).drop("kept", "kept_best")


def _with_lift(rows: ir.Table, rules: ExperimentRules) -> ir.Table:
    """Add the difference to the control, where there is exactly one."""
    controls = rows.filter(rows.is_control, rows.exposures > 0, rows.is_valid)
    controls = controls.group_by(EXPERIMENT).agg(
        controls=controls.count(),
        control_successes=controls.successes.max(),
        control_exposures=controls.exposures.max(),
    )
    rows = lookup(rows, controls.filter(controls.controls == 1), EXPERIMENT, "control_successes", "control_exposures")
    interval = difference_of_shares(
        rows.successes.cast("float64"),
        rows.exposures.cast("float64"),
        rows.control_successes.cast("float64"),
        rows.control_exposures.cast("float64"),
        ibis.literal(two_sided_quantile(rules.confidence)),
    )
    is_compared = ~rows.is_control & rows.rate.notnull() & rows.control_exposures.notnull()
    nothing = ibis.null("float64")
    return rows.mutate(
        lift=is_compared.ifelse(rows.rate - rows.control_successes / rows.control_exposures, nothing),
        lift_low=is_compared.ifelse(interval["low"], nothing),
        lift_high=is_compared.ifelse(interval["high"], nothing),
    )


@check(blocking=True)
def weights_that_do_not_sum(variant_posteriors: ir.Table) -> ir.Table:
    """Return valid experiments whose weights do not sum to 1, or whose probabilities do not."""
    rows = variant_posteriors.filter(variant_posteriors.p_best.notnull())
    sums = rows.group_by(EXPERIMENT).agg(weight=rows.weight.sum(), p_best=rows.p_best.sum())
    return sums.filter(((sums.weight - 1).abs() > ROUNDING) | ((sums.p_best - 1).abs() > ROUNDING))


@check
def impossible_counts(variant_results: ir.Table, as_of: ir.DateScalar, policy: LifecyclePolicy) -> ir.Table:
    """Return variants of invalid experiments: more successes than exposures, or too many variants."""
    rows = with_validity(arms(variant_results, as_of), policy.experiments)
    return rows.filter(~rows.is_valid).select(*ARM, "exposures", "successes", "variants")


@check
def experiments_without_one_control(variant_posteriors: ir.Table) -> ir.Table:
    """Return experiments without a control, or with several: no lift is claimed for them."""
    rows = variant_posteriors.group_by(EXPERIMENT).agg(controls=variant_posteriors.is_control.sum())
    return rows.filter(rows.controls != 1)
