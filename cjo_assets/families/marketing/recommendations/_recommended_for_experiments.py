"""Recommendations on experiments: scale, stop, repair, repeat.

The impact starts on the day after the as-of date and ends after the policy's days or with the campaign: future
exposures of one arm, shown the other, at the effect and interval that decided the verdict, and at the worth of a
success in the experiment. For clicks that worth is an assumption; for conversions it is not. The impact is null without
future exposures, or where other recommendations stop the same audience or campaign.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.evidence_grades import ASSUMPTION, RANDOMISED
from cjo_assets.core.expressions.keys import is_key_in
from cjo_assets.core.expressions.numbers import MONEY_DECIMALS, money_sum, rounded
from cjo_assets.core.expressions.sentences import sentence as clause
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.families.marketing.experiments._experiment_verdicts import (
    ENDED,
    INCONCLUSIVE,
    INVALID,
    RUNNING,
    SCALE_VARIANT,
)
from cjo_assets.families.marketing.experiments._experiment_verdicts import STOP as LOSING
from cjo_assets.families.marketing.inputs.campaigns import ACTIVE, COMPLETED
from cjo_assets.families.marketing.inputs.segment_rollups import STOP as STOP_SEGMENT
from cjo_assets.families.marketing.measurement._economics import cost_per, nonzero
from cjo_assets.families.marketing.measurement._experiment_snapshots import CONTROL, VARIANT
from cjo_assets.families.marketing.recommendations._recommending import (
    EXPERIMENT,
    OPTIMIZE,
    SCALE,
    STOP,
    Impact,
    is_at_risk,
    key_in,
    recommended,
    sentence,
)
from cjo_assets.families.marketing.recommendations.budget_proposals import price_of_an_answer
from cjo_assets.families.marketing.value._proved_value import CONVERSIONS, with_read_interval
from cjo_assets.policy import Policy

OF_AN_ARM = {"spend": "cost", "place": "segment_id", "channel": "channel_id"}
READ = (
    "experiment_id",
    "campaign_id",
    "metric",
    "status",
    "phase",
    "verdict",
    "rule",
    "reading",
    "control_asset",
    "variant_asset",
    "control_exposures",
    "variant_exposures",
    "control_rate",
    "variant_rate",
    "absolute_effect",
    "absolute_effect_low",
    "absolute_effect_high",
    "always_valid_low",
    "always_valid_high",
    "relative_effect",
    "required_exposures",
)


def for_experiments(
    experiment_evaluations: ir.Table,
    experiments: ir.Table,
    campaign_analysis: ir.Table,
    risk_register: ir.Table,
    experiment_arms: ir.Table,
    segment_portfolio: ir.Table,
    metric_definitions: ir.Table,
    as_of: ir.DateScalar,
    policy: Policy,
) -> list[ir.Table]:
    """Return recommendations for decisive verdicts; none for continuing experiments and completed campaigns."""
    tests = _with_campaign(experiment_evaluations, experiments, campaign_analysis, risk_register, as_of, policy)
    tests = tests.filter((tests.campaign_state != COMPLETED).fill_null(True))
    tests = _with_money(tests, experiment_arms, segment_portfolio, metric_definitions)
    # A variant on a channel at risk does not get more of the audience.
    is_safe = ~is_at_risk(tests.campaign_id, tests.variant_channel, risk_register, policy)
    safe = tests.mutate(is_free=tests.is_free & is_safe, may_claim=tests.may_claim & is_safe)
    return [
        _winners(safe.filter(safe.verdict == SCALE_VARIANT), policy),
        _losers(tests.filter(tests.verdict == LOSING), policy),
        _others(tests.filter((tests.verdict == INVALID) | ((tests.verdict == INCONCLUSIVE) & (tests.phase == ENDED)))),
    ]


def days_to_come(end_date: ir.DateValue, as_of: ir.DateScalar, policy: Policy) -> ir.IntegerValue:
    """Return the days after the as-of date for which an impact counts [days]: all of them without an end date."""
    most = policy.marketing.recommendations.impact_days
    left = end_date.delta(as_of, unit="day").fill_null(most)
    return ibis.greatest(ibis.least(left, most), 0)


def blocked_campaigns(risk_register: ir.Table) -> ir.Table:
    """Return the campaigns with an open blocking risk."""
    return risk_register.filter(risk_register.is_blocking).select("campaign_id").distinct()


def _with_campaign(
    experiment_evaluations: ir.Table,
    experiments: ir.Table,
    campaign_analysis: ir.Table,
    risk_register: ir.Table,
    as_of: ir.DateScalar,
    policy: Policy,
) -> ir.Table:
    """Add the campaign, the days run and the days left of each experiment."""
    dates = experiments.select(
        "experiment_id",
        ran=ibis.least(ibis.coalesce(experiments.end_date, as_of), as_of).delta(experiments.start_date, unit="day") + 1,
    )
    campaigns = campaign_analysis.select(
        "campaign_id", campaign_name="name", campaign_state="status", campaign_end="end_date"
    )
    tests = lookup(lookup(experiment_evaluations.select(READ), dates, "experiment_id"), campaigns, "campaign_id")
    is_free = (tests.campaign_state == ACTIVE) & tests.campaign_id.notin(blocked_campaigns(risk_register).campaign_id)
    return tests.mutate(is_free=is_free.fill_null(False), ahead=days_to_come(tests.campaign_end, as_of, policy))


def _with_money(
    tests: ir.Table, experiment_arms: ir.Table, segment_portfolio: ir.Table, metric_definitions: ir.Table
) -> ir.Table:
    """Add the worth of a success, the cost of an exposure, and whether money may be claimed."""
    tests = with_read_interval(tests)
    worth = experiment_arms.group_by("experiment_id").agg(
        worth=money_sum(experiment_arms.revenue_proxy) / nonzero(experiment_arms.successes.sum())
    )
    tests = lookup(tests, worth, "experiment_id")
    for arm in (CONTROL, VARIANT):
        of_arm = experiment_arms.filter(experiment_arms.arm == arm)
        named = {f"{arm}_{name}": column for name, column in OF_AN_ARM.items()}
        tests = lookup(tests, of_arm, "experiment_id", **named)
    tests = lookup(tests, metric_definitions, "metric", counted="numerator")
    stopped = segment_portfolio.filter(segment_portfolio.action == STOP_SEGMENT)
    is_stopped = is_key_in([tests.campaign_id, tests.variant_place], stopped, ["campaign_id", "segment_id"])
    may_claim = tests.is_free & (tests.ahead > 0) & ~is_stopped.fill_null(False)
    extra = cost_per(tests.variant_spend, tests.variant_exposures) - cost_per(
        tests.control_spend, tests.control_exposures
    )
    return tests.mutate(
        may_claim=may_claim.fill_null(False), extra=extra, pace=tests.ahead / tests.ran.nullif(0).cast("float64")
    )


def _impact_of_shift(tests: ir.Table, exposures: ir.NumericValue, to_variant: bool, policy: Policy) -> Impact:
    """Return the impact of showing future exposures the other arm."""
    nothing = ibis.null("float64")
    moved = tests.may_claim.ifelse(exposures * tests.pace, nothing)
    sign = 1 if to_variant else -1
    ends = (tests.effect_low, tests.effect_high) if to_variant else (tests.effect_high, tests.effect_low)
    scale = moved * tests.worth * sign
    revenue, low, high = (rounded(effect * scale, MONEY_DECIMALS) for effect in (tests.absolute_effect, *ends))
    media = rounded(moved * tests.extra * sign, MONEY_DECIMALS)
    return Impact(
        revenue=revenue,
        revenue_low=low,
        revenue_high=high,
        savings=ibis.greatest(-media, 0.0),
        cost=ibis.greatest(media, 0.0) + price_of_an_answer(policy),
        grade=(tests.counted == CONVERSIONS).fill_null(False).ifelse(RANDOMISED, ASSUMPTION),
    )


def _why(tests: ir.Table) -> ir.StringValue:
    """Return the rule and the figures of the verdict."""
    percent = rounded(100 * tests.relative_effect, 1)
    return sentence(
        "{}: {} {} against {}{}{}{}{}.",
        tests.rule,
        tests.metric,
        tests.variant_rate,
        tests.control_rate,
        clause(", relative effect {} %", percent),
        clause(", absolute effect between {} and {}", tests.effect_low, tests.effect_high),
        tests.is_free.ifelse(
            "", "; it waits: its campaign is not active, or an open risk is about it or the variant's channel"
        ),
        (tests.is_free & (tests.ahead == 0)).ifelse(
            "; its campaign has no days left: the finding is for the next one", ""
        ),
    )


def _winners(tests: ir.Table, policy: Policy) -> ir.Table:
    return recommended(
        tests,
        "winning_variant",
        category=EXPERIMENT,
        action=SCALE,
        campaign_id=tests.campaign_id,
        target_id=tests.experiment_id,
        target_name=sentence("{} of {}", tests.experiment_id, ibis.coalesce(tests.campaign_name, tests.campaign_id)),
        description=sentence("Show {} to those who would be shown {}", tests.variant_asset, tests.control_asset),
        rationale=_why(tests),
        current=sentence("{} and {} side by side, {}", tests.control_asset, tests.variant_asset, tests.status),
        proposed=sentence("{} alone", tests.variant_asset),
        steps=[
            tests.is_free.ifelse(
                "Have a person approve it.", "Wait until the campaign may run, then have a person approve it."
            ),
            sentence("Give {} the audience of {}.", tests.variant_asset, tests.control_asset),
            (tests.phase == RUNNING).ifelse(
                "Close the experiment with its result.", "Watch its guardrails for the days to come."
            ),
        ],
        evidence=key_in("experiment_evaluations", tests.experiment_id),
        impact=_impact_of_shift(tests, tests.control_exposures, True, policy),
    )


def _losers(tests: ir.Table, policy: Policy) -> ir.Table:
    # An ended experiment does not show its variant any more, so stopping it gains nothing.
    tests = tests.mutate(may_claim=tests.may_claim & (tests.phase == RUNNING))
    is_running = tests.phase == RUNNING
    return recommended(
        tests,
        "losing_variant",
        category=EXPERIMENT,
        action=STOP,
        campaign_id=tests.campaign_id,
        target_id=tests.experiment_id,
        target_name=sentence("{} of {}", tests.experiment_id, ibis.coalesce(tests.campaign_name, tests.campaign_id)),
        description=is_running.ifelse(
            sentence("Stop {} and show {} to all", tests.experiment_id, tests.control_asset),
            sentence("Leave {} off, and keep {}", tests.variant_asset, tests.control_asset),
        ),
        rationale=_why(tests),
        current=sentence("{} and {} side by side, {}", tests.control_asset, tests.variant_asset, tests.status),
        proposed=sentence("{} alone", tests.control_asset),
        steps=[
            is_running.ifelse("End the experiment.", "Record the result."),
            sentence("Take {} out of use.", tests.variant_asset),
            "Write down what was learned before the next variant is made.",
        ],
        evidence=key_in("experiment_evaluations", tests.experiment_id),
        impact=_impact_of_shift(tests, tests.variant_exposures, False, policy),
    )


def _others(tests: ir.Table) -> ir.Table:
    """Recommend to repair experiments that cannot be read and to repeat inconclusive ones."""
    is_invalid = tests.verdict == INVALID
    needed = clause(" with {} exposures per arm", tests.required_exposures)
    return recommended(
        tests,
        is_invalid.ifelse("invalid_experiment", "inconclusive_experiment"),
        category=EXPERIMENT,
        action=OPTIMIZE,
        campaign_id=tests.campaign_id,
        target_id=tests.experiment_id,
        target_name=sentence("{} of {}", tests.experiment_id, ibis.coalesce(tests.campaign_name, tests.campaign_id)),
        description=is_invalid.ifelse(
            sentence("Mend the set-up of {} and begin anew", tests.experiment_id),
            sentence("Repeat {}{}, or let it be", tests.experiment_id, needed),
        ),
        rationale=is_invalid.ifelse(sentence("{}: nothing can be read from it.", tests.rule), _why(tests)),
        current=sentence("{}, {}", tests.status, tests.verdict),
        proposed=is_invalid.ifelse("a new experiment that can be read", sentence("a new experiment{}", needed)),
        steps=[
            is_invalid.ifelse(
                sentence("Find the cause: {}.", tests.rule), "Ask whether a smaller effect would still be worth it."
            ),
            "Plan arms, shares, metric and horizon before the first exposure.",
            "Begin under a new id, so that old exposures do not count.",
        ],
        evidence=key_in("experiment_evaluations", tests.experiment_id),
    )
