"""Effects of experiments on metrics of people: means and ratios, for any number of arms.

One row per as-of date, experiment, metric and arm other than the control. Empty without the optional
`experiment_metrics`. The verdict is about the metric; that on the experiment stays with the metric it is decided by.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, any_of, column, key
from cjo_assets.core.expressions.intervals import NOT_MEASURABLE
from cjo_assets.core.expressions.rows import literal_rows
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.core.expressions.two_sample_tests import always_valid_sample_ratio_p_value
from cjo_assets.families.marketing.experiments._experiment_verdicts import (
    ALWAYS_VALID,
    BETTER,
    ENDED,
    FIXED_HORIZON,
    INVALID,
    LOST_IN_CORRECTION,
    TOO_SMALL,
    UNDECIDED,
    WORSE,
    phase_of,
)
from cjo_assets.families.marketing.experiments._metric_comparisons import (
    COMPARISON,
    MEAN,
    PUBLISHED_DECIMALS,
    RATIO,
    compared,
    holm_p_values,
)
from cjo_assets.families.marketing.inputs.experiments import STOPPED
from cjo_assets.families.marketing.measurement.metric_definitions import DOWN, UP
from cjo_assets.policy import Policy

VERDICTS = (NOT_MEASURABLE, INVALID, WORSE, BETTER, LOST_IN_CORRECTION, TOO_SMALL, UNDECIDED)
DEFINITION = {
    "metric": "string",
    "kind": "string",
    "unit": "string",
    "direction": "string",
    "minimum_effect": "float64",
}


class ExperimentMetricEffects(DatedContract):
    """Effects on metrics of people. One row per as-of date, experiment, metric and arm other than the control."""

    experiment_id: str = key("Experiment.")
    metric: str = key("Metric, as the policy's person_metrics define it.")
    asset_id: str = key("Creative asset of the arm.")
    control_asset: str = column("Creative asset of the control.")
    kind: str = column("mean per person, or ratio of two means.", isin=[MEAN, RATIO])
    unit: str = column("Unit of the values.")
    direction: str = column("up: more of it is better; down: less is.", isin=[UP, DOWN])
    measured_on: date = column("Last day that the sums of both arms contain.")
    control_people: int = column("People of the control [people].", ge=0)
    people: int = column("People of the arm [people].", ge=0)
    control_value: float = column(
        "Value of the control [unit]; null without people or denominator.", nullable=True, decimals=9
    )
    value: float = column("Value of the arm [unit]; null without people or denominator.", nullable=True, decimals=9)
    absolute_effect: float = column(
        "Arm minus control [unit], less what the period before the experiment explains; null where nothing varies.",
        nullable=True,
        decimals=PUBLISHED_DECIMALS,
    )
    absolute_effect_low: float = column(
        "Lower end of its interval, for one reading at a planned end [unit].", nullable=True, decimals=9
    )
    absolute_effect_high: float = column("Upper end of that interval [unit].", nullable=True, decimals=9)
    relative_effect: float = column(
        "Absolute effect over the control's value [fraction]; null where that is not above 0.",
        nullable=True,
        decimals=9,
    )
    relative_effect_low: float = column(
        "Lower end of its interval, for one reading; null where the control's value may be 0.",
        nullable=True,
        decimals=9,
    )
    relative_effect_high: float = column("Upper end of that interval.", nullable=True, decimals=9)
    always_valid_low: float = column(
        "Lower end of the absolute effect's interval that holds on all days at once [unit].", nullable=True, decimals=9
    )
    always_valid_high: float = column("Upper end of that interval [unit].", nullable=True, decimals=9)
    always_valid_relative_low: float = column("The same of the relative effect.", nullable=True, decimals=9)
    always_valid_relative_high: float = column("Its upper end.", nullable=True, decimals=9)
    theta: float = column(
        "Multiple of the difference before the experiment that is taken off; null without a period before it.",
        nullable=True,
        decimals=9,
    )
    variance_ratio: float = column(
        "Variance of the effect over that without this adjustment, lower = better; null without it.",
        ge=0,
        nullable=True,
        decimals=9,
    )
    p_value: float = column(
        "Chance of arms so far apart or further if they were one, for one reading [0-1].",
        ge=0,
        le=1,
        nullable=True,
        decimals=9,
    )
    always_valid_p_value: float = column(
        "The same for a reading on every day [0-1].", ge=0, le=1, nullable=True, decimals=9
    )
    reading: str = column(
        "Interval that decides: fixed_horizon or always_valid; null where nothing is read.",
        isin=[FIXED_HORIZON, ALWAYS_VALID],
        nullable=True,
    )
    benefit_low: float = column(
        "Lower end of the interval that decides [unit], up = better whatever the metric.", nullable=True, decimals=9
    )
    benefit_high: float = column("Upper end of that interval [unit].", nullable=True, decimals=9)
    family: str = column("Comparisons corrected together, as the policy defines.")
    comparisons: int = column("Number of these [comparisons]; null where nothing is read.", ge=1, nullable=True)
    adjusted_p_value: float = column(
        "p-value of the interval that decides, corrected for them (Holm) [0-1].", ge=0, le=1, nullable=True, decimals=9
    )
    chance_to_beat_control: float = column(
        "Posterior probability that the arm is better than the control [0-1], up = better; it decides nothing.",
        ge=0,
        le=1,
        nullable=True,
        decimals=9,
    )
    minimum_detectable_effect: float = column(
        "Least relative effect that so many people detect with the policy's power [fraction].",
        ge=0,
        nullable=True,
        decimals=9,
    )
    required_people: int = column(
        "People that each of two equal arms needs for the metric's minimum effect [people]; null beyond all numbers.",
        ge=0,
        nullable=True,
    )
    is_powered: bool = column("Whether the arms have as many; null where not known.", nullable=True)
    has_sample_ratio_mismatch: bool = column(
        "Whether the arm and its control differ from the planned shares by more than chance; null without people.",
        nullable=True,
    )
    verdict: str = column("What is proven of the metric.", isin=list(VERDICTS))


def experiment_metric_effects(
    experiment_metrics: ir.Table,
    experiments: ir.Table,
    experiment_arms: ir.Table,
    as_of: ir.DateScalar,
    policy: Policy,
) -> ir.Table:
    """Compare every arm with the control of its experiment, on each metric of people."""
    sums = _known_sums(experiment_metrics, experiments, experiment_arms, as_of, policy)
    rows = _read(compared(sums, policy), policy)
    return _judged(lookup(rows, holm_p_values(rows), COMPARISON), policy)


@check(blocking=True)
def metric_verdicts_against_their_interval(experiment_metric_effects: ir.Table, policy: Policy) -> ir.Table:
    """Return verdicts that contradict the interval that decides."""
    rows = experiment_metric_effects
    level = policy.marketing.experiments.statistical_significance_threshold
    is_better = rows.verdict == BETTER
    wrong = [
        is_better & (rows.benefit_low.isnull() | (rows.benefit_low < 0) | (rows.adjusted_p_value > level)),
        (rows.verdict == WORSE) & (rows.benefit_high.isnull() | (rows.benefit_high > 0)),
        (rows.verdict == TOO_SMALL) & ((rows.benefit_low > 0) | (rows.benefit_high < 0)),
    ]
    return rows.filter(any_of(condition.fill_null(False) for condition in wrong)).select(
        *COMPARISON, "verdict", "benefit_low", "benefit_high", "adjusted_p_value"
    )


@check
def arms_without_comparison(
    experiment_metrics: ir.Table,
    experiments: ir.Table,
    experiment_arms: ir.Table,
    experiment_metric_effects: ir.Table,
    as_of: ir.DateScalar,
    policy: Policy,
) -> ir.Table:
    """Return arms of defined metrics that have no day in common with their control."""
    sums = _known_sums(experiment_metrics, experiments, experiment_arms, as_of, policy)
    arms = sums.filter(sums.asset_id != sums.control_asset).select(*COMPARISON).distinct()
    return arms.anti_join(experiment_metric_effects, COMPARISON)


@check
def metric_sample_ratio_mismatches(experiment_metric_effects: ir.Table) -> ir.Table:
    """Return arms that did not get the planned share of people."""
    rows = experiment_metric_effects
    return rows.filter(rows.has_sample_ratio_mismatch).select(*COMPARISON, "people", "control_people")


def _known_sums(
    experiment_metrics: ir.Table,
    experiments: ir.Table,
    experiment_arms: ir.Table,
    as_of: ir.DateScalar,
    policy: Policy,
) -> ir.Table:
    """Return the sums of defined metrics that count on the as-of date, with definition and plan."""
    metrics = policy.marketing.person_metrics
    rules = policy.marketing.experiments
    definitions = literal_rows(
        [{"metric": name} | dict(definition) for name, definition in metrics.definitions.items()], DEFINITION
    )
    horizons = experiment_arms.group_by("experiment_id").agg(
        horizon_reached_on=experiment_arms.horizon_reached_on.max()
    )
    plans = lookup(experiments, horizons, "experiment_id")
    families = {
        "experiment": plans.experiment_id,
        "family": ibis.coalesce(plans.family, plans.campaign_id),
        "day": ibis.literal("day"),
    }
    plans = plans.select(
        "experiment_id",
        "control_asset",
        "start_date",
        "status",
        "horizon_reached_on",
        last_day=ibis.least(plans.end_date, plans.horizon_reached_on, as_of),
        phase=phase_of(plans, as_of),
        control_share=plans.control_share.fill_null(rules.control_share),
        tightest_at=plans.horizon_exposures.fill_null(rules.sequential_tightest_at),
        family=families[metrics.corrected_over],
    )
    rows = experiment_metrics.join(definitions, "metric").join(plans, "experiment_id")
    return rows.filter(rows.measured_on.between(rows.start_date, rows.last_day))


def _read(rows: ir.Table, policy: Policy) -> ir.Table:
    """Add the sample ratio, the interval that decides, and its ends with up = better; null where nothing is read."""
    rules = policy.marketing.experiments
    sample_ratio = always_valid_sample_ratio_p_value(
        rows.n, rows.n0, rows.control_share, ibis.literal(rules.sample_ratio_prior_weight)
    )
    has_ended = (rows.phase == ENDED) & (rows.status != STOPPED)
    is_fixed = rows.horizon_reached_on.notnull() | (has_ended & rows.is_powered.fill_null(False))
    is_read = (
        (ibis.least(rows.people, rows.control_people) >= rules.minimum_sample_size)
        & (sample_ratio >= rules.sample_ratio_threshold)
        & rows.absolute_effect.notnull()
    )
    rows = rows.mutate(
        has_sample_ratio_mismatch=sample_ratio < rules.sample_ratio_threshold,
        reading=ibis.cases(
            (~is_read.fill_null(False), ibis.null("string")), (is_fixed, FIXED_HORIZON), else_=ALWAYS_VALID
        ),
    )

    def decisive(fixed: str, always_valid: str) -> ir.NumericValue:
        return rows.reading.cases((FIXED_HORIZON, rows[fixed]), (ALWAYS_VALID, rows[always_valid]))

    low, high = (decisive(f"absolute_effect_{end}", f"always_valid_{end}") for end in ("low", "high"))
    relative = [decisive(f"relative_effect_{end}", f"always_valid_relative_{end}") for end in ("low", "high")]
    goes_down = rows.direction == DOWN
    return rows.mutate(
        decisive_p_value=decisive("p_value", "always_valid_p_value"),
        benefit_low=goes_down.ifelse(-high, low),
        benefit_high=goes_down.ifelse(-low, high),
        relative_benefit_high=goes_down.ifelse(-relative[0], relative[1]),
    )


def _judged(rows: ir.Table, policy: Policy) -> ir.Table:
    """Add the verdict: the first rule that applies."""
    level = policy.marketing.experiments.statistical_significance_threshold
    is_futile = (rows.relative_benefit_high < rows.minimum_effect) & rows.is_powered
    verdict = ibis.cases(
        (rows.has_sample_ratio_mismatch, INVALID),
        (rows.reading.isnull(), NOT_MEASURABLE),
        (rows.benefit_high < 0, WORSE),
        ((rows.benefit_low > 0) & (rows.adjusted_p_value <= level), BETTER),
        (rows.benefit_low > 0, LOST_IN_CORRECTION),
        (is_futile, TOO_SMALL),
        else_=UNDECIDED,
    )
    return rows.mutate(verdict=verdict)
