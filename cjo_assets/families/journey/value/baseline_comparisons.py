"""Metrics of customers against a baseline.

One row per as-of date, metric and baseline. Three baselines, from strong to weak: randomly held-out customers, the
policy's baseline period measured on the same log, and supplied figures. All metrics are ratios of sums over customers
(defined in `_care.py`), down = better.

Intervals treat customers as independent: the variance of a ratio is that of the customers' deviations from it (the
delta method), with one more customer who is off by the whole mean, so that a few equal customers are not taken for
certainty; the variance of the ratio of two ratios follows on the logarithmic scale. For a rate of events the exact
conditional interval is computed too, and the wider end is used. Below the policy's number of events on a side nothing
is measured, and only the exact interval is published.
"""

from datetime import date
from typing import NamedTuple

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.evidence_grades import BEFORE_AFTER, RANDOMISED
from cjo_assets.core.expressions.intervals import MEASURED, NOT_MEASURABLE, two_sided_quantile
from cjo_assets.core.expressions.rows import literal_rows
from cjo_assets.core.expressions.tables import first_per, long_rows, lookup
from cjo_assets.core.expressions.two_sample_tests import Interval, exact_rate_interval, exact_ratio_interval
from cjo_assets.families.journey.inputs.baseline_metrics import (
    CHURN_RATE,
    DAYS_PER_CASE,
    ESCALATION_DAYS,
    ESCALATION_RATE,
    METRICS,
    SUPPORT_DAYS,
    UNRESOLVED_SHARE,
    VALUE_CHURN_RATE,
)
from cjo_assets.families.journey.interventions._outcomes import HELD_OUT
from cjo_assets.families.journey.value._care import (
    BEFORE,
    EVERYBODY,
    NOT_HELD_OUT,
    care_of_customers,
    days_before,
    measured_days,
)
from cjo_assets.policy import Policy

BASELINE_PERIOD, SUPPLIED = "baseline_period", "supplied"
DAYS_PER_MONTH = 30
# Rates of events over time, which have an exact interval.
RATES_OF_EVENTS = (CHURN_RATE, ESCALATION_RATE)
SUMS = ("over", "under", "over_over", "over_under", "under_under")


class Baseline(NamedTuple):
    """A kind of baseline: the measured group, the group it is compared with, and the grade of that evidence."""

    measured: str
    against: str | None
    grade: str


# In order of preference.
BASELINES = {
    HELD_OUT: Baseline(NOT_HELD_OUT, HELD_OUT, RANDOMISED),
    BASELINE_PERIOD: Baseline(EVERYBODY, BEFORE, BEFORE_AFTER),
    SUPPLIED: Baseline(EVERYBODY, None, BEFORE_AFTER),
}


class BaselineComparisons(DatedContract):
    """Metrics of customers in our care against a baseline. One row per as-of date, metric and baseline."""

    metric: str = key("Metric.", isin=list(METRICS))
    baseline: str = key(
        "held_out: customers of the holdout; baseline_period: the policy's; supplied: baseline_metrics.",
        isin=list(BASELINES),
    )
    evidence_grade: str = column("What such a comparison proves.", isin=[RANDOMISED, BEFORE_AFTER])
    unit: str = column("Unit of both values; a month has 30 days.")
    measured_from: date = column("First day that was measured.")
    measured_until: date = column("Last day that was measured: the as-of date.")
    customers: int = column("Customers behind the value [customers].", ge=0)
    events: float = column(
        "Customers behind what was counted: (sum of x)^2 / sum of x^2 over customers, for departures their number.",
        decimals=6,
        ge=0,
    )
    value: float = column(
        "Metric of the measured customers, down = better; null without any.", decimals=12, nullable=True
    )
    baseline_from: date = column("First day of the baseline; null where there is none.", nullable=True)
    baseline_until: date = column("Last day of the baseline; null where there is none.", nullable=True)
    baseline_customers: int = column("Customers behind the baseline; 0 where it was supplied [customers].", ge=0)
    baseline_events: float = column(
        "The same of the baseline; of a supplied value its records, null where it has none.",
        decimals=6,
        ge=0,
        nullable=True,
    )
    baseline_value: float = column(
        "The same metric of the baseline; null where there is none.", decimals=12, nullable=True
    )
    ratio: float = column(
        "value / baseline_value, below 1 = better; null where not measurable.", decimals=12, nullable=True
    )
    ratio_low: float = column(
        "Lower end of its interval; with too few events, what remains possible.", decimals=12, nullable=True
    )
    ratio_high: float = column("Upper end of its interval.", decimals=12, nullable=True)
    window_exposure: float = column(
        "What a difference applies to in the ROI window: cases, or else customer-months.", decimals=6, ge=0
    )
    status: str = column("measured or not_measurable.", isin=[MEASURED, NOT_MEASURABLE])
    note: str = column("What is missing; null where measured.", nullable=True)


def baseline_comparisons(
    customers: ir.Table,
    state_entries: ir.Table,
    intervention_ledger: ir.Table,
    baseline_metrics: ir.Table,
    as_of: ir.DateScalar,
    policy: Policy,
) -> ir.Table:
    """Measure each metric in each group, and compare the groups."""
    care = care_of_customers(customers, state_entries, intervention_ledger, as_of, policy)
    sums = sums_of_groups(care.join(customers.select("customer_id", "account_value"), "customer_id"))
    known = baseline_metrics.filter(baseline_metrics.measured_until <= as_of)
    compared = lookup(_grid(as_of, policy), sums, [("measured_group", "group"), "metric"])
    compared = lookup(
        compared,
        sums,
        [("against_group", "group"), "metric"],
        baseline_customers="customers",
        **{f"baseline_{name}": name for name in SUMS},
    )
    compared = lookup(
        compared,
        known.mutate(baseline=ibis.literal(SUPPLIED)),
        ["metric", "baseline"],
        "records",
        supplied_value="value",
        supplied_from="measured_from",
        supplied_until="measured_until",
    )
    return with_ratio(compared, policy)


@check(blocking=True)
def ratios_that_are_not_their_quotient(baseline_comparisons: ir.Table) -> ir.Table:
    """Return comparisons whose ratio is not value over baseline_value, or is outside its interval."""
    ratio, value = baseline_comparisons.ratio, baseline_comparisons["value"]
    gap = (ratio * baseline_comparisons.baseline_value - value).abs()
    is_outside = (ratio < baseline_comparisons.ratio_low) | (ratio > baseline_comparisons.ratio_high)
    is_wrong = (gap > 1e-9 * (1 + ratio + value)).fill_null(False) | is_outside.fill_null(False)
    failing = baseline_comparisons.filter(is_wrong)
    return failing.select("metric", "baseline", "ratio", "value", "baseline_value")


def preferred(baseline_comparisons: ir.Table) -> ir.Table:
    """Return the measured comparison of each metric with the strongest baseline."""
    measured = baseline_comparisons.filter(baseline_comparisons.status == MEASURED)
    places = [(name, place) for place, name in enumerate(BASELINES)]
    return first_per(measured, "metric", measured.baseline.cases(*places, else_=len(places)))


def sums_of_groups(care: ir.Table) -> ir.Table:
    """Add up x over y of each metric and group, with the products that their variance needs; one row each."""
    value_days = care.account_value * care.days
    # Sums of whole days are exact in any order, so only the sums are converted to months.
    ratios = {
        CHURN_RATE: (care.departures, care.days, DAYS_PER_MONTH),
        VALUE_CHURN_RATE: (care.account_value * care.departures, value_days, DAYS_PER_MONTH),
        ESCALATION_RATE: (care.escalations, care.days, DAYS_PER_MONTH),
        ESCALATION_DAYS: (care.escalation_days, care.days, DAYS_PER_MONTH),
        UNRESOLVED_SHARE: (care.unresolved, care.issues, 1),
        DAYS_PER_CASE: (care.support_days, care.cases, 1),
        SUPPORT_DAYS: (care.support_days, care.days, DAYS_PER_MONTH),
    }
    # All metrics are summed in one pass over the customers, and only the sums become rows.
    cells: dict[str, ir.Value] = {}
    for metric, (over, under, _) in ratios.items():
        x, y = over.cast("float64"), under.cast("float64")
        cells |= {
            f"{metric}_customers": care.count(where=under > 0),
            f"{metric}_x": x.sum(),
            f"{metric}_y": y.sum(),
            f"{metric}_xx": (x * x).sum(),
            f"{metric}_xy": (x * y).sum(),
            f"{metric}_yy": (y * y).sum(),
        }
    sums = care.group_by("group").agg(**cells, window_days=care.window_days.sum(), window_cases=care.window_cases.sum())
    months = sums.window_days / DAYS_PER_MONTH
    parts = [
        {
            "metric": ibis.literal(metric),
            "customers": sums[f"{metric}_customers"].cast("int64"),
            "over": sums[f"{metric}_x"] * scale,
            "under": sums[f"{metric}_y"],
            "over_over": sums[f"{metric}_xx"] * scale**2,
            "over_under": sums[f"{metric}_xy"] * scale,
            "under_under": sums[f"{metric}_yy"],
            "window_exposure": (sums.window_cases if metric == DAYS_PER_CASE else months).cast("float64"),
        }
        for metric, (_, _, scale) in ratios.items()
    ]
    return long_rows(sums, "group", parts)


def _grid(as_of: ir.DateScalar, policy: Policy) -> ir.Table:
    """Return a row for every metric and baseline."""
    measured, before = measured_days(as_of, policy), days_before(as_of, policy)
    rows = [
        {
            "metric": metric,
            "baseline": name,
            "evidence_grade": baseline.grade,
            "unit": unit,
            "measured_group": baseline.measured,
            "against_group": baseline.against,
        }
        for metric, unit in METRICS.items()
        for name, baseline in BASELINES.items()
    ]
    grid = literal_rows(rows, dict.fromkeys(rows[0], "string"))
    has_period = grid.baseline == BASELINE_PERIOD
    return grid.mutate(
        measured_from=measured.start,
        measured_until=measured.end,
        period_from=has_period.ifelse(before.start, None),
        period_until=has_period.ifelse(before.end, None),
    )


def _with_values(compared: ir.Table) -> ir.Table:
    """Add value, number of events and relative variance of both sides."""
    is_supplied = compared.baseline == SUPPLIED
    records = compared.records.cast("float64")
    baseline_events = _events(compared.baseline_over, compared.baseline_over_over).fill_null(0.0)
    baseline_value = compared.baseline_over / compared.baseline_under.nullif(0.0)
    return compared.mutate(
        customers=compared.customers.fill_null(0),
        baseline_customers=compared.baseline_customers.fill_null(0),
        value=compared.over / compared.under.nullif(0.0),
        events=_events(compared.over, compared.over_over).fill_null(0.0),
        baseline_events=ibis.coalesce(records, is_supplied.ifelse(None, baseline_events)),
        baseline_value=ibis.coalesce(compared.supplied_value, baseline_value),
        variance=_relative_variance(compared, "", compared.customers),
        baseline_variance=ibis.coalesce(
            1 / records, _relative_variance(compared, "baseline_", compared.baseline_customers)
        ),
    )


def with_ratio(compared: ir.Table, policy: Policy) -> ir.Table:
    """Add the values and the ratio of both sides, its interval, and what is missing where there is none."""
    compared = _with_values(compared)
    few_events = f"fewer than {policy.journey.kpis.minimum_events} events on a side"
    missing = _missing(compared, few_events, policy)
    ratio = compared["value"] / compared.baseline_value.nullif(0.0)
    estimated = compared.mutate(
        note=missing,
        ratio=missing.isnull().ifelse(ratio, ibis.null("float64")),
        is_open=(missing == few_events).fill_null(False),
    )
    low, high = _interval(estimated, policy.journey.kpis.interval_level)
    own_days = estimated.baseline == HELD_OUT
    return estimated.mutate(
        baseline_from=ibis.coalesce(
            estimated.period_from, estimated.supplied_from, own_days.ifelse(estimated.measured_from, None)
        ),
        baseline_until=ibis.coalesce(
            estimated.period_until, estimated.supplied_until, own_days.ifelse(estimated.measured_until, None)
        ),
        ratio_low=low,
        ratio_high=high,
        window_exposure=estimated.window_exposure.fill_null(0.0),
        status=estimated.note.isnull().ifelse(MEASURED, NOT_MEASURABLE),
    )


def _missing(compared: ir.Table, few_events: str, policy: Policy) -> ir.StringValue:
    """Return the first reason why the sides cannot be compared; null without one."""
    least, least_events = policy.journey.learning.minimum_per_arm, policy.journey.kpis.minimum_events
    is_supplied = compared.baseline == SUPPLIED
    has_period = compared.period_from.notnull() | (compared.baseline != BASELINE_PERIOD)
    # The number of customers behind a supplied value is unknown.
    fewest = is_supplied.ifelse(compared.customers, ibis.least(compared.customers, compared.baseline_customers))
    has_few_events = (compared.events < least_events) | (compared.baseline_events < least_events).fill_null(False)
    return ibis.cases(
        (is_supplied & compared.baseline_value.isnull(), "no row of it in the dataset baseline_metrics"),
        (~has_period, "the policy names no baseline period that was over when the measured days began"),
        (compared["value"].isnull(), "nothing of the kind in the measured days"),
        (fewest < least, f"fewer than {least} customers on a side"),
        (compared.baseline_value == 0, "the baseline is 0: there is nothing to reduce"),
        (has_few_events, few_events),
        else_=ibis.null("string"),
    )


def _interval(estimated: ir.Table, level: float) -> Interval:
    """Return the interval of each ratio: by the delta method; of a rate of events at least the exact one."""
    spread = two_sided_quantile(level) * (estimated.variance + estimated.baseline_variance).sqrt()
    low, high = estimated.ratio * (-spread).exp(), estimated.ratio * spread.exp()
    exact_low, exact_high = _exact_interval(estimated, level)
    return (
        ibis.cases((estimated.is_open, exact_low), (low > exact_low, exact_low), else_=low),
        ibis.cases((estimated.is_open, exact_high), (high < exact_high, exact_high), else_=high),
    )


def _exact_interval(estimated: ir.Table, level: float) -> Interval:
    """Return the exact interval of a ratio of rates of events; null for other metrics."""
    events, baseline_events = estimated.events, estimated.baseline_events
    # Two events of one customer count as one; the rate is unchanged.
    per_event = (events / (estimated.over / DAYS_PER_MONTH).nullif(0.0)).fill_null(1.0)
    months = estimated.under / DAYS_PER_MONTH * per_event
    baseline_months = baseline_events / estimated.baseline_value.nullif(0.0)
    of_ratio = exact_ratio_interval(events, months, baseline_events, baseline_months, level)
    of_rate = exact_rate_interval(events, months, level)
    # A supplied value without records is taken as exact.
    is_exact_value = estimated.is_open & baseline_events.isnull()
    supplied = estimated.baseline_value.nullif(0.0)
    is_rate = estimated.metric.isin(RATES_OF_EVENTS)
    low, high = (
        is_rate.ifelse(is_exact_value.ifelse(rate / supplied, ratio), ibis.null("float64"))
        for rate, ratio in zip(of_rate, of_ratio, strict=True)
    )
    return low, high


def _events(over: ir.NumericValue, over_over: ir.NumericValue) -> ir.NumericValue:
    """Return the effective number of customers behind a sum, all with equal weight; null for a sum of 0."""
    return over**2 / over_over.nullif(0.0)


def _relative_variance(compared: ir.Table, side: str, customers: ir.IntegerValue) -> ir.NumericValue:
    """Return the variance of over / under of a side, relative to its square; null where the sum is 0.

    1 / customers^2 is added, as for one more customer who is off by the whole mean.
    """
    over, under, over_over, over_under, under_under = (compared[f"{side}{name}"] for name in SUMS)
    ratio = over / under.nullif(0.0)
    squares = over_over - 2 * ratio * over_under + ratio**2 * under_under
    # A difference of equal numbers may be a rounding error below 0.
    variance = ibis.greatest(squares, 0.0) / (over**2).nullif(0.0)
    return variance + 1 / (customers**2).cast("float64").nullif(0.0)
