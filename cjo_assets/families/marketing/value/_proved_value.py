"""Value that conclusive experiments on conversions prove, with its interval."""

import ibis.expr.types as ir

from cjo_assets.core.expressions.intervals import interval_of_sum
from cjo_assets.core.expressions.numbers import money_sum
from cjo_assets.families.marketing.experiments._experiment_verdicts import ALWAYS_VALID, SCALE_VARIANT, STOP
from cjo_assets.families.marketing.measurement._economics import nonzero

CONCLUSIVE = (SCALE_VARIANT, STOP)
CONVERSIONS = "conversions"


def conclusive_on_conversions(experiment_evaluations: ir.Table, metric_definitions: ir.Table) -> ir.Table:
    """Return the conclusive experiments on conversions, and whether the deciding interval excludes 0."""
    on_conversions = metric_definitions.filter(metric_definitions.numerator == CONVERSIONS)
    tests = experiment_evaluations.filter(experiment_evaluations.verdict.isin(CONCLUSIVE))
    tests = with_read_interval(tests.semi_join(on_conversions, "metric"))
    return tests.mutate(is_proof=((tests.effect_low > 0) | (tests.effect_high < 0)).fill_null(False))


def proved_value(experiment_evaluations: ir.Table, experiment_arms: ir.Table, metric_definitions: ir.Table) -> ir.Table:
    """Return the value that experiments prove their variants brought, with its interval."""
    tests = conclusive_on_conversions(experiment_evaluations, metric_definitions)
    tests = tests.filter(tests.is_proof).join(worth_of_conversions(experiment_arms), "experiment_id")
    scale = tests.variant_exposures * tests.worth
    tests = tests.mutate(
        brought=tests.absolute_effect * scale, low=tests.effect_low * scale, high=tests.effect_high * scale
    )
    # Experiments share no exposures, so their estimates are independent.
    proved_low, proved_high = interval_of_sum(tests.brought, tests.low, tests.high, are_independent=True)
    return tests.agg(
        proofs=tests.brought.count(),
        proved=money_sum(tests.brought),
        proved_low=proved_low,
        proved_high=proved_high,
    )


def worth_of_conversions(experiment_arms: ir.Table) -> ir.Table:
    """Return the source's value of one conversion of each experiment [currency]; null without conversions."""
    arms = experiment_arms
    return arms.group_by("experiment_id").agg(
        worth=money_sum(arms.revenue_proxy) / nonzero(arms.conversions.sum()),
    )


def with_read_interval(experiments: ir.Table) -> ir.Table:
    """Add the interval of the absolute effect that decided the verdict."""
    is_always = experiments.reading == ALWAYS_VALID
    return experiments.mutate(
        effect_low=is_always.ifelse(experiments.always_valid_low, experiments.absolute_effect_low),
        effect_high=is_always.ifelse(experiments.always_valid_high, experiments.absolute_effect_high),
    )
