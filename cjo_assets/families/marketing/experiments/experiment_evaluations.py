"""Effect, guardrails and verdict of each experiment.

One row per as-of date and experiment.
"""

import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, TextList, any_of, column, key
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.families.marketing.experiments._experiment_effects import effects
from cjo_assets.families.marketing.experiments._experiment_guardrails import guardrails
from cjo_assets.families.marketing.experiments._experiment_posteriors import with_posteriors
from cjo_assets.families.marketing.experiments._experiment_verdicts import (
    ALWAYS_VALID,
    CONTINUE,
    ENDED,
    FIXED_HORIZON,
    INCONCLUSIVE,
    NOT_STARTED,
    RULES,
    RUNNING,
    SCALE_VARIANT,
    TOO_SMALL,
    VERDICTS,
    WORSE,
    adjusted_p_values,
    phase_of,
    readings,
    verdicts,
)
from cjo_assets.families.marketing.inputs.campaigns import ACTIVE
from cjo_assets.families.marketing.inputs.experiments import PLANNED
from cjo_assets.families.marketing.measurement._experiment_snapshots import CONTROL, IMPRESSIONS, PEOPLE, VARIANT
from cjo_assets.policy import Policy

KEY = "experiment_id"
CLICKS = "clicks"
EVEN_CHANCE = 0.5
OF_AN_ARM = ("asset_id", "segment_id", "channel_id", "exposures", "successes", "rate", "assigned", CLICKS, IMPRESSIONS)
OF_THE_EXPERIMENT = ("unit", "design_effect", "assigned_design_effect", "horizon_reached_on")
OF_BOTH_ARMS = (*OF_AN_ARM, "conversions", "cost")
COUNTED = [f"{arm}_{name}" for arm in (CONTROL, VARIANT) for name in (IMPRESSIONS, CLICKS, "conversions", "cost")]


class ExperimentEvaluations(DatedContract):
    """What experiments have shown so far, with verdicts. One row per as-of date and experiment."""

    experiment_id: str = key("Experiment.")
    campaign_id: str = column("Campaign it is part of.")
    campaign_status: str = column("Status of the campaign, by the source.")
    family: str = column("Experiments read together: as declared, else those of the campaign.")
    metric: str = column("Metric it is decided by.")
    direction: str = column("up: more of it is better; down: less is; null where it is not defined.", nullable=True)
    status: str = column("Status of the experiment, by the source.")
    phase: str = column("Phase on the day, by its dates.", isin=[NOT_STARTED, RUNNING, ENDED])
    control_asset: str = column("Asset of the control arm.")
    variant_asset: str = column("Asset of the variant arm.")
    unit: str = column(
        "What the metric is divided by: people, impressions or clicks; null where not known.",
        isin=[PEOPLE, IMPRESSIONS, CLICKS],
        nullable=True,
    )
    design_effect: float = column(
        "Variance of the successes over that of as many independent units, by the policy for the unit "
        "[x variance]; null where the metric is not defined.",
        ge=1,
        nullable=True,
    )
    control_exposures: int = column("Units of the control arm [units]; null where not known.", ge=0, nullable=True)
    variant_exposures: int = column("Units of the variant arm [units]; null where not known.", ge=0, nullable=True)
    control_successes: int = column("Successes of the control arm [count]; null where not known.", ge=0, nullable=True)
    variant_successes: int = column("Successes of the variant arm [count]; null where not known.", ge=0, nullable=True)
    control_rate: float = column("Successes per exposure of the control arm.", ge=0, nullable=True)
    variant_rate: float = column("Successes per exposure of the variant arm.", ge=0, nullable=True)
    absolute_effect: float = column("Variant's rate minus the control's.", ge=-1, le=1, nullable=True, decimals=9)
    absolute_effect_low: float = column(
        "Lower end of its interval, for one reading at a planned end.", ge=-1, le=1, nullable=True, decimals=9
    )
    absolute_effect_high: float = column("Upper end of that interval.", ge=-1, le=1, nullable=True, decimals=9)
    relative_effect: float = column(
        "Absolute effect over the control's rate [fraction]; null where that is 0.", ge=-1, nullable=True, decimals=9
    )
    relative_effect_low: float = column("Lower end of its interval, for one look.", ge=-1, nullable=True, decimals=9)
    relative_effect_high: float = column(
        "Upper end of that interval; null where it has none.", ge=-1, nullable=True, decimals=9
    )
    always_valid_low: float = column(
        "Lower end of the absolute effect's interval that holds on all days at once.",
        ge=-1,
        le=1,
        nullable=True,
        decimals=9,
    )
    always_valid_high: float = column("Upper end of that interval.", ge=-1, le=1, nullable=True, decimals=9)
    always_valid_relative_low: float = column("The same of the relative effect.", ge=-1, nullable=True, decimals=9)
    always_valid_relative_high: float = column(
        "Its upper end; null where it has none.", ge=-1, nullable=True, decimals=9
    )
    p_value: float = column(
        "Chance of arms so far apart or further if they were one, for one look [0-1].",
        ge=0,
        le=1,
        nullable=True,
        decimals=9,
    )
    always_valid_p_value: float = column(
        "The same for a look on every day [0-1].", ge=0, le=1, nullable=True, decimals=9
    )
    sample_ratio_p_value: float = column(
        "Chance that arms of the planned shares part so far, for one look, given the design effect of what was "
        "assigned [0-1]; for information.",
        ge=0,
        le=1,
        nullable=True,
        decimals=9,
    )
    always_valid_sample_ratio_p_value: float = column(
        "The same for a look on every day [0-1]: the one that decides; small = broken.",
        ge=0,
        le=1,
        nullable=True,
        decimals=9,
    )
    has_sample_ratio_mismatch: bool = column(
        "Whether the arms differ from the planned shares, by the always-valid p-value; null where nothing was counted.",
        nullable=True,
    )
    power: float = column(
        "Probability that one reading of these exposures detects the lift worth having [0-1], up = better.",
        ge=0,
        le=1,
        nullable=True,
        decimals=9,
    )
    required_exposures: int = column(
        "Exposures that each of two equal arms needs for the policy's power [units]; null where no number would do.",
        ge=0,
        nullable=True,
    )
    minimum_detectable_effect: float = column(
        "Least relative effect that these exposures detect with the policy's power [fraction]; null beyond all rates.",
        ge=0,
        nullable=True,
        decimals=9,
    )
    is_powered: bool = column("Whether the arms have the exposures needed; null where not known.", nullable=True)
    reading: str = column(
        "Interval that decides: fixed_horizon or always_valid; null where nothing is read.",
        isin=[FIXED_HORIZON, ALWAYS_VALID],
        nullable=True,
    )
    benefit_low: float = column(
        "Lower end of the interval that decides, absolute, up = better whatever the metric.",
        ge=-1,
        le=1,
        nullable=True,
        decimals=9,
    )
    benefit_high: float = column("Upper end of that interval.", ge=-1, le=1, nullable=True, decimals=9)
    comparisons: int = column("Experiments read together [experiments]; null where nothing is read.", nullable=True)
    adjusted_p_value: float = column(
        "p-value of the interval that decides, corrected for them (Benjamini-Hochberg) [0-1].",
        ge=0,
        le=1,
        nullable=True,
        decimals=9,
    )
    guardrails_broken: TextList = column(
        "Guardrails that fell beyond their margin, or surely fell; null where nothing is read.", nullable=True
    )
    guardrails_unproven: TextList = column(
        "Others of which a fall beyond the margin cannot be ruled out; null where nothing is read.", nullable=True
    )
    hypothesis_held: bool = column("Whether the variant is better; null where not known.", nullable=True)
    chance_to_beat_control: float = column(
        "Posterior probability that the variant's rate is better than the control's [0-1], up = better; it decides "
        "nothing; null where nothing is read.",
        ge=0,
        le=1,
        nullable=True,
        decimals=9,
    )
    expected_loss: float = column(
        "Posterior mean of what the variant's rate lacks to the control's, 0 where it is better, lower = better; null "
        "where nothing is read.",
        ge=0,
        le=1,
        nullable=True,
        decimals=9,
    )
    posterior_lift_low: float = column(
        "Lower end of the central posterior interval of the relative effect, of one minus the significance threshold.",
        ge=-1,
        nullable=True,
        decimals=9,
    )
    posterior_lift_high: float = column("Upper end of that interval.", ge=-1, nullable=True, decimals=9)
    verdict: str = column("scale_variant, stop, continue, inconclusive or invalid.", isin=list(VERDICTS))
    rule: str = column("Rule that gave it: the first of the list that applied.", isin=list(RULES))


def experiment_evaluations(
    experiment_arms: ir.Table,
    experiments: ir.Table,
    campaigns: ir.Table,
    metric_definitions: ir.Table,
    as_of: ir.DateScalar,
    policy: Policy,
) -> ir.Table:
    """Evaluate every experiment on the counts of its arms up to the as-of date."""
    pairs = _pairs(experiment_arms, experiments, campaigns, metric_definitions, policy)
    pairs = pairs.mutate(phase=phase_of(pairs, as_of))
    estimates = readings(pairs, effects(pairs, policy), policy)
    counts = pairs.select(KEY, "numerator", "denominator", "unit", *COUNTED)
    guardrail_results = guardrails(estimates.select(KEY, "multiplier").join(counts, KEY), policy)
    with_p_values = lookup(estimates, adjusted_p_values(estimates), KEY)
    decided = verdicts(lookup(with_p_values, guardrail_results, KEY), policy)
    return with_posteriors(pairs.drop("phase", "family").join(decided, KEY), policy)


@check(blocking=True)
def verdicts_against_their_interval(experiment_evaluations: ir.Table, policy: Policy) -> ir.Table:
    """Return verdicts that contradict the interval that decides."""
    evaluated = experiment_evaluations
    level = policy.marketing.experiments.statistical_significance_threshold
    is_scaled = evaluated.verdict == SCALE_VARIANT
    wrong = [
        is_scaled
        & (evaluated.benefit_low.isnull() | (evaluated.benefit_low < 0) | (evaluated.adjusted_p_value > level)),
        is_scaled & (evaluated.guardrails_broken.length() > 0),
        (evaluated.rule == WORSE) & (evaluated.benefit_high.isnull() | (evaluated.benefit_high > 0)),
        (evaluated.rule == TOO_SMALL) & (evaluated.benefit_low > 0) & evaluated.hypothesis_held.isnull(),
        evaluated.verdict.isin([CONTINUE, INCONCLUSIVE, SCALE_VARIANT]) & (evaluated.benefit_high < 0),
        (evaluated.p_value < level) & (evaluated.absolute_effect_low < 0) & (evaluated.absolute_effect_high > 0),
        (evaluated.p_value > level) & ((evaluated.absolute_effect_low > 0) | (evaluated.absolute_effect_high < 0)),
    ]
    return evaluated.filter(any_of(condition.fill_null(False) for condition in wrong)).select(
        "experiment_id", "verdict", "rule", "benefit_low", "benefit_high", "p_value", "adjusted_p_value"
    )


@check
def posteriors_against_their_verdict(experiment_evaluations: ir.Table) -> ir.Table:
    """Return verdicts whose posterior prefers the other arm: the prior counts for more than the exposures."""
    evaluated = experiment_evaluations
    is_doubtful = ((evaluated.verdict == SCALE_VARIANT) & (evaluated.chance_to_beat_control < EVEN_CHANCE)) | (
        (evaluated.rule == WORSE) & (evaluated.chance_to_beat_control > EVEN_CHANCE)
    )
    return evaluated.filter(is_doubtful).select("experiment_id", "verdict", "rule", "chance_to_beat_control")


@check(blocking=True)
def experiments_not_evaluated(experiments: ir.Table, experiment_evaluations: ir.Table) -> ir.Table:
    """Return accepted experiments without an evaluation."""
    missing = experiments.anti_join(experiment_evaluations, "experiment_id")
    return missing.select("experiment_id", "campaign_id", "control_asset", "variant_asset")


@check
def shown_in_idle_campaigns(experiment_evaluations: ir.Table) -> ir.Table:
    """Return running experiments of campaigns that are paused, drafts or completed."""
    evaluated = experiment_evaluations
    return evaluated.filter((evaluated.phase == RUNNING) & (evaluated.campaign_status != ACTIVE)).select(
        "experiment_id", "campaign_id", "campaign_status", "verdict"
    )


@check
def shown_though_planned(experiment_evaluations: ir.Table) -> ir.Table:
    """Return planned experiments with exposures on their days."""
    evaluated = experiment_evaluations
    return evaluated.filter(
        (evaluated.status == PLANNED) & ((evaluated.control_exposures > 0) | (evaluated.variant_exposures > 0))
    ).select("experiment_id", "control_exposures", "variant_exposures")


@check
def sample_ratio_mismatches(experiment_evaluations: ir.Table) -> ir.Table:
    """Return experiments whose arms did not get the planned shares."""
    evaluated = experiment_evaluations
    return evaluated.filter(evaluated.has_sample_ratio_mismatch).select(
        "experiment_id", "always_valid_sample_ratio_p_value", "sample_ratio_p_value"
    )


def _pairs(
    experiment_arms: ir.Table,
    experiments: ir.Table,
    campaigns: ir.Table,
    metric_definitions: ir.Table,
    policy: Policy,
) -> ir.Table:
    """Return each experiment with its plan, its metric and both arms in one row."""
    defined = metric_definitions.select("metric", "numerator", "denominator", "direction")
    plans = experiments.select(
        "experiment_id",
        "campaign_id",
        "metric",
        "status",
        "start_date",
        "end_date",
        "control_asset",
        "variant_asset",
        "family",
        "horizon_exposures",
        control_share=experiments.control_share.fill_null(policy.marketing.experiments.control_share),
    )
    sides = {
        arm: experiment_arms.filter(experiment_arms.arm == arm).select(
            "experiment_id", **{f"{arm}_{name}": experiment_arms[name] for name in OF_BOTH_ARMS}
        )
        for arm in (CONTROL, VARIANT)
    }
    whole = experiment_arms.group_by("experiment_id").agg(
        **{name: experiment_arms[name].max() for name in OF_THE_EXPERIMENT},
    )
    places = campaigns.select("campaign_id", campaign_status=campaigns.status)
    placed = lookup(plans.join(places, "campaign_id"), defined, "metric")
    return (
        placed.join(sides[CONTROL], "experiment_id").join(sides[VARIANT], "experiment_id").join(whole, "experiment_id")
    )
