"""What to do with experiments: scale, stop, repair, repeat.

Not a table but rules of `recommendations`. The impact is what a step changes from the day after the as-of date on, for
at most the policy's days and to the end of the campaign: exposures to come of one arm, shown the other, at the effect
and the interval that the verdict was read from, and at what a success of this experiment was worth. That a click more
is worth what clicks were worth is an assumption; that a conversion more is one is not. The impact is null where nothing
is to come, or other steps already stop the same audience or campaign.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.evidence_grades import ASSUMPTION, RANDOMISED
from cjo_assets.core.expressions.keys import is_key_in
from cjo_assets.core.expressions.numbers import MONEY_DECIMALS, money_sum, rounded
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
from cjo_assets.families.marketing.value.roi_components import CONVERSIONS, with_read_interval
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
    as_of: date,
    policy: Policy,
) -> list[ir.Table]:
    """Return what each verdict asks for; to continue asks for nothing, nor does a campaign that is completed."""
    rows = _with_surroundings(experiment_evaluations, experiments, campaign_analysis, risk_register, as_of, policy)
    rows = rows.filter((rows.campaign_state != COMPLETED).fill_null(True))
    rows = _with_money(rows, experiment_arms, segment_portfolio, metric_definitions)
    # No more of an audience goes to a variant whose channel is at risk.
    is_safe = ~is_at_risk(rows.campaign_id, rows.variant_channel, risk_register, policy)
    safe = rows.mutate(is_free=rows.is_free & is_safe, may_claim=rows.may_claim & is_safe)
    return [
        _winners(safe.filter(safe.verdict == SCALE_VARIANT), policy),
        _losers(rows.filter(rows.verdict == LOSING), policy),
        _others(rows.filter((rows.verdict == INVALID) | ((rows.verdict == INCONCLUSIVE) & (rows.phase == ENDED)))),
    ]


def days_to_come(end_date: ir.DateValue, as_of: date, policy: Policy) -> ir.IntegerValue:
    """Return how many days after the as-of date an impact is counted for [days]; an open end is far enough."""
    most = policy.marketing.recommendations.impact_days
    left = end_date.delta(ibis.literal(as_of, "date"), unit="day").fill_null(most)
    return ibis.greatest(ibis.least(left, most), 0)


def blocked_campaigns(risk_register: ir.Table) -> ir.Table:
    """Return the campaigns that an open critical risk stops."""
    return risk_register.filter(risk_register.is_blocking).select("campaign_id").distinct()


def _with_surroundings(
    experiment_evaluations: ir.Table,
    experiments: ir.Table,
    campaign_analysis: ir.Table,
    risk_register: ir.Table,
    as_of: date,
    policy: Policy,
) -> ir.Table:
    """Add the campaign of each experiment, the days it ran, and the days it can still matter."""
    today = ibis.literal(as_of, "date")
    dates = experiments.select(
        "experiment_id",
        ran=ibis.least(ibis.coalesce(experiments.end_date, today), today).delta(experiments.start_date, unit="day") + 1,
    )
    campaigns = campaign_analysis.select(
        "campaign_id", campaign_name="name", campaign_state="status", campaign_end="end_date"
    )
    rows = experiment_evaluations.select(READ).left_join(dates, "experiment_id").drop("experiment_id_right")
    rows = rows.left_join(campaigns, "campaign_id").drop("campaign_id_right")
    is_free = (rows.campaign_state == ACTIVE) & rows.campaign_id.notin(blocked_campaigns(risk_register).campaign_id)
    return rows.mutate(is_free=is_free.fill_null(False), ahead=days_to_come(rows.campaign_end, as_of, policy))


def _with_money(
    rows: ir.Table, experiment_arms: ir.Table, segment_portfolio: ir.Table, metric_definitions: ir.Table
) -> ir.Table:
    """Add what a success was worth, what an exposure cost, and whether money may be claimed for it."""
    rows = with_read_interval(rows)
    worth = experiment_arms.group_by("experiment_id").agg(
        worth=money_sum(experiment_arms.revenue_proxy) / nonzero(experiment_arms.successes.sum())
    )
    rows = rows.left_join(worth, "experiment_id").drop("experiment_id_right")
    for arm in (CONTROL, VARIANT):
        of_arm = experiment_arms.filter(experiment_arms.arm == arm)
        of_arm = of_arm.select(
            "experiment_id",
            **{f"{arm}_{name}": column for name, column in OF_AN_ARM.items()},
        )
        rows = rows.left_join(of_arm, "experiment_id").drop("experiment_id_right")
    counted = metric_definitions.select("metric", numerator="numerator").rename(defined="metric", counted="numerator")
    rows = rows.left_join(counted, rows.metric == counted.defined)
    stopped = segment_portfolio.filter(segment_portfolio.action == STOP_SEGMENT)
    is_stopped = is_key_in([rows.campaign_id, rows.variant_place], stopped, ["campaign_id", "segment_id"])
    may_claim = rows.is_free & (rows.ahead > 0) & ~is_stopped.fill_null(False)
    extra = cost_per(rows.variant_spend, rows.variant_exposures) - cost_per(rows.control_spend, rows.control_exposures)
    return rows.mutate(
        may_claim=may_claim.fill_null(False), extra=extra, pace=rows.ahead / rows.ran.nullif(0).cast("float64")
    )


def _shifted(rows: ir.Table, exposures: ir.NumericValue, to_variant: bool, policy: Policy) -> Impact:
    """Return what it brings that exposures to come are shown the other arm."""
    nothing = ibis.null("float64")
    moved = rows.may_claim.ifelse(exposures * rows.pace, nothing)
    sign = 1 if to_variant else -1
    ends = (rows.effect_low, rows.effect_high) if to_variant else (rows.effect_high, rows.effect_low)
    scale = moved * rows.worth * sign
    revenue, low, high = (rounded(effect * scale, MONEY_DECIMALS) for effect in (rows.absolute_effect, *ends))
    media = rounded(moved * rows.extra * sign, MONEY_DECIMALS)
    return Impact(
        revenue=revenue,
        revenue_low=low,
        revenue_high=high,
        savings=ibis.greatest(-media, 0.0),
        cost=ibis.greatest(media, 0.0) + price_of_an_answer(policy),
        grade=(rows.counted == CONVERSIONS).fill_null(False).ifelse(RANDOMISED, ASSUMPTION),
    )


def _why(rows: ir.Table) -> ir.StringValue:
    """Return what the verdict was read from."""
    percent = rounded(100 * rows.relative_effect, 1)
    return sentence(
        rows.rule,
        ": ",
        rows.metric,
        " ",
        rows.variant_rate,
        " against ",
        rows.control_rate,
        percent.isnull().ifelse("", sentence(", relative effect ", percent, " %")),
        rows.effect_low.isnull().ifelse(
            "", sentence(", absolute effect between ", rows.effect_low, " and ", rows.effect_high)
        ),
        rows.is_free.ifelse(
            "", "; it waits: its campaign is not active, or an open risk is about it or the variant's channel"
        ),
        (rows.is_free & (rows.ahead == 0)).ifelse(
            "; its campaign has no days left: the finding is for the next one", ""
        ),
        ".",
    )


def _winners(rows: ir.Table, policy: Policy) -> ir.Table:
    return recommended(
        rows,
        "winning_variant",
        category=EXPERIMENT,
        action=SCALE,
        campaign_id=rows.campaign_id,
        target_id=rows.experiment_id,
        target_name=sentence(rows.experiment_id, " of ", ibis.coalesce(rows.campaign_name, rows.campaign_id)),
        description=sentence("Show ", rows.variant_asset, " to those who would be shown ", rows.control_asset),
        rationale=_why(rows),
        current=sentence(rows.control_asset, " and ", rows.variant_asset, " side by side, ", rows.status),
        proposed=sentence(rows.variant_asset, " alone"),
        steps=[
            rows.is_free.ifelse(
                "Have a person approve it.", "Wait until the campaign may run, then have a person approve it."
            ),
            sentence("Give ", rows.variant_asset, " the audience of ", rows.control_asset, "."),
            (rows.phase == RUNNING).ifelse(
                "Close the experiment with its result.", "Watch its guardrails for the days to come."
            ),
        ],
        evidence=key_in("experiment_evaluations", rows.experiment_id),
        impact=_shifted(rows, rows.control_exposures, True, policy),
    )


def _losers(rows: ir.Table, policy: Policy) -> ir.Table:
    # What has ended shows its variant to nobody: there is nothing to win back.
    rows = rows.mutate(may_claim=rows.may_claim & (rows.phase == RUNNING))
    is_running = rows.phase == RUNNING
    return recommended(
        rows,
        "losing_variant",
        category=EXPERIMENT,
        action=STOP,
        campaign_id=rows.campaign_id,
        target_id=rows.experiment_id,
        target_name=sentence(rows.experiment_id, " of ", ibis.coalesce(rows.campaign_name, rows.campaign_id)),
        description=is_running.ifelse(
            sentence("Stop ", rows.experiment_id, " and show ", rows.control_asset, " to all"),
            sentence("Leave ", rows.variant_asset, " off, and keep ", rows.control_asset),
        ),
        rationale=_why(rows),
        current=sentence(rows.control_asset, " and ", rows.variant_asset, " side by side, ", rows.status),
        proposed=sentence(rows.control_asset, " alone"),
        steps=[
            is_running.ifelse("End the experiment.", "Record the result."),
            sentence("Take ", rows.variant_asset, " out of use."),
            "Write down what was learned before the next variant is made.",
        ],
        evidence=key_in("experiment_evaluations", rows.experiment_id),
        impact=_shifted(rows, rows.variant_exposures, False, policy),
    )


def _others(rows: ir.Table) -> ir.Table:
    """Experiments that cannot be read, and those that ended without showing anything."""
    is_invalid = rows.verdict == INVALID
    needed = rows.required_exposures.isnull().ifelse(
        "", sentence(" with ", rows.required_exposures, " exposures per arm")
    )
    return recommended(
        rows,
        is_invalid.ifelse("invalid_experiment", "inconclusive_experiment"),
        category=EXPERIMENT,
        action=OPTIMIZE,
        campaign_id=rows.campaign_id,
        target_id=rows.experiment_id,
        target_name=sentence(rows.experiment_id, " of ", ibis.coalesce(rows.campaign_name, rows.campaign_id)),
        description=is_invalid.ifelse(
            sentence("Mend the set-up of ", rows.experiment_id, " and begin anew"),
            sentence("Repeat ", rows.experiment_id, needed, ", or let it be"),
        ),
        rationale=is_invalid.ifelse(sentence(rows.rule, ": nothing can be read from it."), _why(rows)),
        current=sentence(rows.status, ", ", rows.verdict),
        proposed=is_invalid.ifelse("a new experiment that can be read", sentence("a new experiment", needed)),
        steps=[
            is_invalid.ifelse(
                sentence("Find the cause: ", rows.rule, "."), "Ask whether a smaller effect would still be worth it."
            ),
            "Plan arms, shares, metric and horizon before the first exposure.",
            "Begin under a new id, so that old exposures do not count.",
        ],
        evidence=key_in("experiment_evaluations", rows.experiment_id),
    )
