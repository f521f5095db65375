"""Bayesian view of an experiment: the probability that the variant is better, and what choosing it may lose.

The counts, divided by the design effect, are added to the policy's prior of either rate. Nothing here decides: the
verdict follows the interval (ADR 20).
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.posteriors import chance_of_greater_share, expected_shortfall, share_ratio_quantile
from cjo_assets.families.marketing.measurement.metric_definitions import DOWN
from cjo_assets.policy import Policy


def with_posteriors(rows: ir.Table, policy: Policy) -> ir.Table:
    """Add the Bayesian figures of each experiment; null where nothing is read.

    Args:
        rows: one row per experiment, with the counts of its arms, its direction, its design effect and its reading.
        policy: the prior, and the level of the interval.
    """
    rules = policy.marketing.experiments
    effect = rows.reading.notnull().ifelse(rows.design_effect, ibis.null("float64"))
    control, variant = (
        (
            rows[f"{arm}_successes"] / effect + rules.prior_successes,
            (rows[f"{arm}_exposures"] - rows[f"{arm}_successes"]) / effect + rules.prior_failures,
        )
        for arm in ("control", "variant")
    )
    found = rows.mutate(alpha=variant[0], beta=variant[1], control_alpha=control[0], control_beta=control[1])
    goes_down = found.direction == DOWN
    sides = found.alpha, found.beta, found.control_alpha, found.control_beta
    chance = chance_of_greater_share(*sides)
    # Of a rate of which less is better the failures are what is to be won.
    failures = found.beta, found.alpha, found.control_beta, found.control_alpha
    tail = rules.statistical_significance_threshold / 2
    return found.mutate(
        chance_to_beat_control=goes_down.ifelse(1 - chance, chance),
        expected_loss=goes_down.ifelse(expected_shortfall(*failures), expected_shortfall(*sides)),
        posterior_lift_low=share_ratio_quantile(ibis.literal(tail), *sides) - 1,
        posterior_lift_high=share_ratio_quantile(ibis.literal(1 - tail), *sides) - 1,
    ).drop("alpha", "beta", "control_alpha", "control_beta")
