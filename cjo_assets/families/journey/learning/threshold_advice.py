"""Results of alternative confidence thresholds on known outcomes.

One row per as-of date and threshold that the policy lists. Only executed and measured runs count: a decision that the
threshold of its time withheld has no outcome, so a lower threshold is only tested down to the lowest confidence acted
on.

The change of the net value is a sum over the runs that a threshold decides differently from the one in force. Its
interval treats all priced runs as a sample (Student's t), and all thresholds share the error (Bonferroni), since the
best of several looks good by chance. Where few runs carry the change, by Kish's effective number, there is no interval
and no advice. `advice_rule` names the reason.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.by_segment import by_segment
from cjo_assets.core.expressions.intervals import mean_interval, wilson_interval
from cjo_assets.core.expressions.numbers import MONEY_DECIMALS, rounded
from cjo_assets.families.journey.interventions._outcomes import with_success
from cjo_assets.families.journey.learning.playbook_performance import NOTHING_PROVEN
from cjo_assets.policy import Policy
from cjo_assets.policy.journey import Learning

UNTESTED = "no_run_at_this_confidence_or_below"
NO_DIFFERENCE = "decides_no_priced_run_otherwise"
TOO_FEW_EFFECTIVE_RUNS = "too_few_effective_runs"
SURE_GAIN = "net_value_surely_higher"
SURE_LOSS = "net_value_surely_lower"
ADVICE_RULES = [UNTESTED, NO_DIFFERENCE, TOO_FEW_EFFECTIVE_RUNS, SURE_GAIN, SURE_LOSS, NOTHING_PROVEN]


class ThresholdAdvice(DatedContract):
    """Confidence thresholds in hindsight. One row per as-of date and threshold."""

    confidence_threshold: float = key("Threshold tried [0-1].", ge=0, le=1)
    is_tested: bool = column(
        "Whether there were executions at this confidence or below; if not, a lower one is a guess."
    )
    acted_on: int = column("Measured runs at or above it [runs].", ge=0)
    successes: int = column("Those that succeeded [runs].", ge=0)
    success_rate: float = column("successes over acted_on [0-1], up = better.", decimals=6, ge=0, le=1, nullable=True)
    success_rate_low: float = column("Lower end of its interval [0-1].", decimals=6, ge=0, le=1, nullable=True)
    success_rate_high: float = column("Upper end of its interval [0-1].", decimals=6, ge=0, le=1, nullable=True)
    priced: int = column("Those with cost and value known: the one population of the amounts [runs].", ge=0)
    cost: float = column("What they cost [currency].", decimals=2, ge=0)
    value: float = column("Revenue that their successes saved [currency].", decimals=2, ge=0)
    net_value: float = column("value - cost [currency].", decimals=2)
    withheld: int = column("Measured runs below it [runs].", ge=0)
    forgone_successes: int = column("Successes among those [runs].", ge=0)
    net_value_change: float = column(
        "net_value against that of the threshold in force [currency], up = better.", decimals=2
    )
    decided_otherwise: int = column("Priced runs on which it differs from the threshold in force [runs].", ge=0)
    effective_runs: float = column(
        "Their effective number: less, where few of them carry the change [runs].", decimals=6, ge=0
    )
    net_value_change_low: float = column(
        "Lower end of the interval of net_value_change [currency]; null below the policy's effective runs.",
        decimals=2,
        nullable=True,
    )
    net_value_change_high: float = column("Upper end of that interval [currency].", decimals=2, nullable=True)
    is_advised: bool = column("Whether it is tested and its interval is above 0.")
    advice_rule: str = column("Rule by which it is advised, or not.", isin=ADVICE_RULES)


def threshold_advice(
    intervention_ledger: ir.Table,
    policy: Policy,
) -> ir.Table:
    """Compare the measured runs above and below each threshold."""
    rules = policy.journey.learning
    known = with_success(intervention_ledger, policy)
    measured = known.filter(known.is_measured)
    in_force = by_segment(policy, measured.segment, lambda own: own.recommendation.intervention_confidence_threshold)
    # Only a success has value; a success of unknown value, or a run of unknown cost, counts in neither sum.
    value = measured.is_success.ifelse(measured.estimated_revenue_saved, 0.0)
    is_priced = value.notnull() & measured.expected_cost.notnull()
    runs = measured.select(
        "confidence",
        "is_success",
        is_priced=is_priced,
        cost=is_priced.ifelse(measured.expected_cost, 0.0),
        value=is_priced.ifelse(value, 0.0),
        is_in_force=measured.confidence >= in_force,
    )
    runs = runs.mutate(amount=runs.value - runs.cost)
    facts = runs.agg(
        lowest=runs.confidence.min(),
        all_priced=runs.count(where=runs.is_priced),
        net_in_force=runs.amount.sum(where=runs.is_in_force).fill_null(0.0),
        tried=_tried(runs, rules.confidence_thresholds),
    )
    tried = facts.select("lowest", "net_in_force", "all_priced", one=facts.tried.unnest()).unpack("one")
    compared = _with_interval(tried, rules)
    low, high = wilson_interval(compared.successes, compared.acted_on, rules.interval_level)
    # The change is the difference of two published amounts, so both are rounded before.
    net_value = rounded(compared["value"] - compared.cost, MONEY_DECIMALS)
    is_tested = (compared.lowest <= compared.confidence_threshold).fill_null(False)
    advice_rule = ibis.cases(
        (~is_tested, UNTESTED),
        (compared.decided_otherwise == 0, NO_DIFFERENCE),
        (compared.effective_runs < rules.threshold_effective_runs, TOO_FEW_EFFECTIVE_RUNS),
        (compared.net_value_change_low > 0, SURE_GAIN),
        (compared.net_value_change_high < 0, SURE_LOSS),
        else_=NOTHING_PROVEN,
    )
    return compared.mutate(
        is_tested=is_tested,
        success_rate=compared.successes / compared.acted_on.nullif(0),
        success_rate_low=low,
        success_rate_high=high,
        net_value=net_value,
        net_value_change=net_value - rounded(compared.net_in_force, MONEY_DECIMALS),
        is_advised=advice_rule == SURE_GAIN,
        advice_rule=advice_rule,
    )


def _with_interval(tried: ir.Table, rules: Learning) -> ir.Table:
    """Add the interval of the change of the net value, and its effective number of runs."""
    level = 1 - (1 - rules.interval_level) / len(set(rules.confidence_thresholds))
    low, high = mean_interval(tried.change, tried.change_squares, tried.all_priced, level)
    effective = (tried.change_sizes**2 / tried.change_squares.nullif(0.0)).fill_null(0.0)
    interval = tried.mutate(effective_runs=effective, low=low * tried.all_priced, high=high * tried.all_priced)
    is_enough = interval.effective_runs >= rules.threshold_effective_runs
    return interval.mutate(
        net_value_change_low=is_enough.ifelse(interval.low, ibis.null("float64")),
        net_value_change_high=is_enough.ifelse(interval.high, ibis.null("float64")),
    )


def _tried(runs: ir.Table, thresholds: tuple[float, ...]) -> ir.ArrayValue:
    """Return the sums of each threshold over all runs, as one list."""

    def tried(threshold: float) -> ir.StructValue:
        passes = runs.confidence >= threshold
        differs = passes != runs.is_in_force
        change = differs.ifelse(passes.ifelse(runs.amount, -runs.amount), 0.0)
        return ibis.struct(
            {
                "confidence_threshold": ibis.literal(threshold, "float64"),
                "acted_on": runs.count(where=passes),
                "successes": runs.count(where=passes & runs.is_success),
                "priced": runs.count(where=passes & runs.is_priced),
                "cost": runs.cost.sum(where=passes).fill_null(0.0),
                "value": runs.value.sum(where=passes).fill_null(0.0),
                "withheld": runs.count(where=~passes),
                "forgone_successes": runs.count(where=~passes & runs.is_success),
                "decided_otherwise": runs.count(where=differs & runs.is_priced),
                "change": change.sum().fill_null(0.0),
                "change_squares": (change * change).sum().fill_null(0.0),
                "change_sizes": change.abs().sum().fill_null(0.0),
            }
        )

    return ibis.array([tried(threshold) for threshold in sorted(set(thresholds))])
