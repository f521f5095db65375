"""Verdict on an experiment: phase, deciding interval, correction for many tests, and rules in order."""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.intervals import two_sided_quantile
from cjo_assets.core.expressions.numbers import CONTRIBUTION_DECIMALS, rounded
from cjo_assets.families.marketing.inputs.experiments import COMPLETED, PLANNED, STOPPED
from cjo_assets.families.marketing.measurement.metric_definitions import DOWN
from cjo_assets.policy import Policy

NOT_STARTED, RUNNING, ENDED = "not_started", "running", "ended"
FIXED_HORIZON, ALWAYS_VALID = "fixed_horizon", "always_valid"
SCALE_VARIANT, STOP, CONTINUE, INCONCLUSIVE, INVALID = "scale_variant", "stop", "continue", "inconclusive", "invalid"
VERDICTS = (SCALE_VARIANT, STOP, CONTINUE, INCONCLUSIVE, INVALID)

# The experiment cannot answer its question, whatever its figures are.
METRIC_NOT_DEFINED = "metric_not_defined"
ARMS_NOT_COMPARABLE = "arms_not_comparable"
ARM_NEVER_SHOWN = "arm_never_shown"
MORE_SUCCESSES_THAN_EXPOSURES = "more_successes_than_exposures"
SAMPLE_RATIO_MISMATCH = "sample_ratio_mismatch"
# Nothing is read yet.
WAITING_TO_START = "not_started"
NOTHING_COUNTED = "nothing_counted"
TOO_FEW_EXPOSURES = "too_few_exposures"
TOO_FEW_SUCCESSES = "too_few_successes"
# It has been read.
WORSE = "worse_than_control"
GUARDRAIL_HARMED = "guardrail_harmed"
BETTER = "better_than_control"
TOO_SMALL = "lift_too_small"
LIFT_NOT_REACHED = "lift_not_reached"
LOST_IN_CORRECTION = "lost_in_correction"
GUARDRAIL_BROKEN = "guardrail_broken"
UNDERPOWERED = "underpowered"
UNDECIDED = "undecided"
INVALIDATING = (
    METRIC_NOT_DEFINED,
    ARMS_NOT_COMPARABLE,
    ARM_NEVER_SHOWN,
    MORE_SUCCESSES_THAN_EXPOSURES,
    SAMPLE_RATIO_MISMATCH,
)
UNREAD = (WAITING_TO_START, NOTHING_COUNTED, TOO_FEW_EXPOSURES, TOO_FEW_SUCCESSES)
READ = (
    WORSE,
    GUARDRAIL_HARMED,
    BETTER,
    TOO_SMALL,
    LIFT_NOT_REACHED,
    LOST_IN_CORRECTION,
    GUARDRAIL_BROKEN,
    UNDERPOWERED,
    UNDECIDED,
)
RULES = (*INVALIDATING, *UNREAD, *READ)


def phase_of(rows: ir.Table, as_of: ir.DateScalar) -> ir.StringValue:
    """Return the phase of an experiment on the as-of date, from its dates.

    An experiment completed after the day was still running. A stopped one has ended: the day of that decision and its
    reason are unknown, so only the always-valid interval may decide.
    """
    is_over = (rows.end_date <= as_of).fill_null(rows.status == COMPLETED)
    return ibis.cases(
        ((rows.status == PLANNED) | (rows.start_date > as_of), NOT_STARTED),
        (is_over | (rows.status == STOPPED) | rows.horizon_reached_on.notnull(), ENDED),
        else_=RUNNING,
    )


def readings(pairs: ir.Table, effects: ir.Table, policy: Policy) -> ir.Table:
    """Return the effects, with the obstacle to reading each experiment or else the interval that decides.

    Benefits are the effects of that interval with up = better.

    Args:
        pairs: one row per experiment, with its plan, its phase and the counts of its arms.
        effects: the effects of these counts.
        policy: what is enough to be read.
    """
    rules = policy.marketing.experiments
    quantile = ibis.literal(two_sided_quantile(1 - rules.statistical_significance_threshold))
    rows = pairs.join(effects, "experiment_id")
    mismatch = rows.always_valid_sample_ratio_p_value < rules.sample_ratio_threshold
    # Read once: at its planned horizon, or at its planned end with the exposures it needed.
    has_ended = (rows.phase == ENDED) & (rows.status != STOPPED)
    is_fixed = rows.horizon_reached_on.notnull() | (has_ended & rows.is_powered.fill_null(False))
    rows = rows.select(
        "phase",
        *effects.columns,
        family=ibis.coalesce(rows.family, rows.campaign_id),
        goes_down=rows.direction == DOWN,
        has_sample_ratio_mismatch=mismatch,
        obstacle=_obstacle(rows, mismatch, policy),
        is_fixed=is_fixed,
    )
    reading = ibis.cases(
        (rows.obstacle.notnull(), ibis.null("string")), (rows.is_fixed, FIXED_HORIZON), else_=ALWAYS_VALID
    )
    rows = rows.mutate(reading=reading)

    def decisive(fixed: ir.NumericValue, always_valid: ir.NumericValue) -> ir.NumericValue:
        return rows.reading.cases((FIXED_HORIZON, fixed), (ALWAYS_VALID, always_valid))

    low = decisive(rows.absolute_effect_low, rows.always_valid_low)
    high = decisive(rows.absolute_effect_high, rows.always_valid_high)
    return rows.mutate(
        multiplier=decisive(quantile, rows.always_valid_multiplier),
        decisive_p_value=decisive(rows.p_value, rows.always_valid_p_value),
        benefit_low=rows.goes_down.ifelse(-high, low),
        benefit_high=rows.goes_down.ifelse(-low, high),
        relative_benefit=rows.goes_down.ifelse(-rows.relative_effect, rows.relative_effect),
        relative_benefit_high=rows.goes_down.ifelse(
            -decisive(rows.relative_effect_low, rows.always_valid_relative_low),
            decisive(rows.relative_effect_high, rows.always_valid_relative_high),
        ),
    )


def adjusted_p_values(readings: ir.Table) -> ir.Table:
    """Return the deciding p-values, corrected for all tests of a family (Benjamini and Hochberg 1995)."""
    is_read = readings.decisive_p_value.notnull()
    tests = readings.filter(is_read).select("experiment_id", "family", p_value=readings.decisive_p_value)
    ascending = ibis.window(group_by=tests.family, order_by=[tests.p_value, tests.experiment_id])
    comparisons = tests.count().over(ibis.window(group_by=tests.family))
    rank = 1 + ibis.row_number().over(ascending)
    tests = tests.mutate(comparisons=comparisons, stepped=tests.p_value * comparisons / rank)
    from_the_top = ibis.cumulative_window(
        group_by=tests.family, order_by=[tests.p_value.desc(), tests.experiment_id.desc()]
    )
    return tests.select(
        "experiment_id", "comparisons", adjusted_p_value=ibis.least(tests.stepped.min().over(from_the_top), 1.0)
    )


def verdicts(rows: ir.Table, policy: Policy) -> ir.Table:
    """Return the verdict, its rule, and whether the hypothesis held that the variant is better.

    Args:
        rows: readings with their corrected p-values and guardrails.
        policy: the level and the lift worth having.
    """
    rules = policy.marketing.experiments
    lift = rules.lift_threshold_for_scaling
    is_better, is_worse = rows.benefit_low > 0, rows.benefit_high < 0
    # Without successes of the control there is no ratio: any success is a lift of any size.
    is_lifted = ibis.coalesce(rounded(rows.relative_benefit, CONTRIBUTION_DECIMALS) >= lift, is_better)
    found = rows.mutate(
        is_better=is_better,
        is_worse=is_worse,
        is_winner=is_better & is_lifted,
        is_futile=(rows.relative_benefit_high < lift) & rows.is_powered,
        is_significant=rows.adjusted_p_value <= rules.statistical_significance_threshold,
        is_broken=rows.guardrails_broken.length() > 0,
    )
    rule = ibis.cases(
        (found.obstacle.notnull(), found.obstacle),
        (found.is_worse, WORSE),
        (found.has_harmed_guardrail, GUARDRAIL_HARMED),
        (found.is_winner & found.is_significant & ~found.is_broken, BETTER),
        (found.is_futile, TOO_SMALL),
        (found.is_winner & found.is_significant, GUARDRAIL_BROKEN),
        (found.is_winner, LOST_IN_CORRECTION),
        (found.is_better, LIFT_NOT_REACHED),
        (~found.is_powered.fill_null(False), UNDERPOWERED),
        else_=UNDECIDED,
    )
    held = ibis.cases(
        (found.is_better & found.is_significant, True),
        (found.is_worse | found.is_futile, False),
        else_=ibis.null("boolean"),
    )
    found = found.mutate(rule=rule, hypothesis_held=held)
    return found.mutate(
        verdict=ibis.cases(
            (found.rule.isin(INVALIDATING), INVALID),
            (found.rule == BETTER, SCALE_VARIANT),
            (found.rule.isin([WORSE, GUARDRAIL_HARMED, TOO_SMALL]), STOP),
            (found.phase == RUNNING, CONTINUE),
            else_=INCONCLUSIVE,
        )
    )


def _obstacle(rows: ir.Table, mismatch: ir.BooleanValue, policy: Policy) -> ir.StringValue:
    """Return the rule that prevents reading an experiment; null without one."""
    rules = policy.marketing.experiments
    differs = (rows.control_segment_id != rows.variant_segment_id) | (
        rows.control_channel_id != rows.variant_channel_id
    )
    shown, shown0 = ((rows[f"{arm}_exposures"].fill_null(0) > 0) for arm in ("variant", "control"))
    exceeds = (rows.variant_successes > rows.variant_exposures) | (rows.control_successes > rows.control_exposures)
    fewest = ibis.least(rows.variant_exposures, rows.control_exposures)
    return ibis.cases(
        (rows.numerator.isnull(), METRIC_NOT_DEFINED),
        (differs, ARMS_NOT_COMPARABLE),
        (rows.phase == NOT_STARTED, WAITING_TO_START),
        (~shown & ~shown0, NOTHING_COUNTED),
        (~shown | ~shown0, ARM_NEVER_SHOWN),
        (exceeds, MORE_SUCCESSES_THAN_EXPOSURES),
        (mismatch, SAMPLE_RATIO_MISMATCH),
        (fewest < rules.minimum_sample_size, TOO_FEW_EXPOSURES),
        (rows.variant_successes + rows.control_successes < rules.minimum_successes, TOO_FEW_SUCCESSES),
        else_=ibis.null("string"),
    )
