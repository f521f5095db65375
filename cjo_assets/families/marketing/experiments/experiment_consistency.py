"""Consistency of each experiment: its run time, its effect by week, and the scatter of its days.

One row per as-of date and experiment. Nothing here decides: a verdict whose effect differs by week, or that came before
the minimum run time, is listed by a check, and so is a design effect that the days contradict.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.numbers import exact_sum
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.core.expressions.two_sample_tests import chi_square_tail
from cjo_assets.families.marketing.experiments._experiment_verdicts import SCALE_VARIANT, VERDICTS
from cjo_assets.families.marketing.experiments._observed_design_effect import observed_design_effects
from cjo_assets.policy import Policy


class ExperimentConsistency(DatedContract):
    """Whether the effects of experiments are the same in all weeks. One row per as-of date and experiment."""

    experiment_id: str = key("Experiment.")
    verdict: str = column("Verdict, as in the evaluation.", isin=list(VERDICTS))
    complete_weeks: int = column("Complete weeks in which anything was counted [weeks].", ge=0)
    has_minimum_run: bool = column("Whether these are the policy's minimum or more.")
    compared_weeks: int = column("Weeks with an effect [weeks], complete or not.", ge=0)
    heterogeneity: float = column(
        "Cochran's Q: squared distances of weekly effects from their mean, in variances; null below two weeks.",
        ge=0,
        nullable=True,
        decimals=6,
    )
    heterogeneity_p_value: float = column(
        "Chance of effects so far apart or further if all weeks had one effect, for one reading [0-1].",
        ge=0,
        le=1,
        nullable=True,
        decimals=9,
    )
    is_heterogeneous: bool = column(
        "Whether that chance is below the significance threshold; null below two weeks.", nullable=True
    )
    compared_days: int = column(
        "Days with a rate of both arms [days]: exposures, and no more successes than these.", ge=0
    )
    design_effect: float = column("Design effect that the policy assumes [x variance].", ge=1, nullable=True)
    observed_design_effect: float = column(
        "Scatter of the daily effects over that of independent exposures [x variance]; null below two days.",
        ge=0,
        nullable=True,
        decimals=6,
    )
    observed_design_effect_low: float = column(
        "Lower end of its interval, for one reading.", ge=0, nullable=True, decimals=6
    )
    observed_design_effect_high: float = column("Upper end of that interval.", ge=0, nullable=True, decimals=6)


def experiment_consistency(
    performance_metrics: ir.Table,
    experiments: ir.Table,
    metric_definitions: ir.Table,
    experiment_weeks: ir.Table,
    experiment_evaluations: ir.Table,
    as_of: ir.DateScalar,
    policy: Policy,
) -> ir.Table:
    """Test whether the weeks of each experiment have one effect (Cochran 1954), and estimate its design effect."""
    rules = policy.marketing.experiments
    weeks = experiment_weeks.mutate(weight=1 / experiment_weeks.standard_error**2)
    sums = weeks.group_by("experiment_id").agg(
        complete_weeks=weeks.is_complete.sum(),
        compared_weeks=weeks.absolute_effect.count(),
        weights=exact_sum(weeks.weight),
        effects=exact_sum(weeks.weight * weeks.absolute_effect),
        squares=exact_sum(weeks.weight * weeks.absolute_effect**2),
    )
    rows = lookup(experiment_evaluations.select("experiment_id", "verdict", "design_effect"), sums, "experiment_id")
    observed = observed_design_effects(performance_metrics, experiments, metric_definitions, as_of, policy)
    rows = lookup(rows, observed, "experiment_id")
    complete, compared = rows.complete_weeks.fill_null(0), rows.compared_weeks.fill_null(0)
    # What remains after subtraction may fall a rounding error below 0.
    distance = ibis.greatest(rows.squares - rows.effects**2 / rows.weights, 0.0)
    rows = rows.mutate(
        complete_weeks=complete,
        compared_weeks=compared,
        compared_days=rows.compared_days.fill_null(0),
        has_minimum_run=complete >= rules.minimum_weeks,
        heterogeneity=(compared > 1).ifelse(distance, ibis.null("float64")),
    )
    rows = rows.mutate(
        heterogeneity_p_value=chi_square_tail(rows.heterogeneity, (rows.compared_weeks - 1).cast("float64"))
    )
    is_heterogeneous = rows.heterogeneity_p_value < rules.statistical_significance_threshold
    return rows.mutate(is_heterogeneous=is_heterogeneous)


@check
def scaled_before_the_minimum_run(experiment_consistency: ir.Table) -> ir.Table:
    """Return variants to scale whose experiment has not run for the minimum of complete weeks."""
    rows = experiment_consistency
    return rows.filter((rows.verdict == SCALE_VARIANT) & ~rows.has_minimum_run).select(
        "experiment_id", "verdict", "complete_weeks"
    )


@check
def effects_that_differ_by_week(experiment_consistency: ir.Table) -> ir.Table:
    """Return experiments whose effect differs between weeks by more than chance."""
    rows = experiment_consistency
    return rows.filter(rows.is_heterogeneous).select(
        "experiment_id", "verdict", "compared_weeks", "heterogeneity", "heterogeneity_p_value"
    )


@check
def design_effects_unlike_the_observed(experiment_consistency: ir.Table) -> ir.Table:
    """Return experiments whose days scatter more or less than the assumed design effect allows."""
    rows = experiment_consistency
    low, high = rows.observed_design_effect_low, rows.observed_design_effect_high
    return rows.filter(~rows.design_effect.between(low, high)).select(
        "experiment_id", "compared_days", "design_effect", low, high
    )
