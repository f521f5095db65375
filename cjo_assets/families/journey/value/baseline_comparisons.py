"""How customers fare against a baseline: what a reduction is a reduction of.

One row per as-of date, metric and baseline. Three baselines, from strong to weak: customers held out by chance, the
policy's baseline period measured on the same log, and the figures that a user supplies. All metrics are ratios of sums
over customers (`care.py` says what is counted), down = better.

Intervals treat customers as independent: the variance of a ratio is that of the customers' deviations from it (the
delta method), as if one more customer had been seen who was off by the whole mean, so that a few who happen to agree do
not pass for certainty; that of the ratio of two ratios follows on the logarithmic scale. Of a rate of events the exact
conditional interval is computed too, and the wider end counts. Below the policy's number of events on a side nothing is
measured; the exact interval then says what remains possible.
"""

from datetime import date
from typing import NamedTuple

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.evidence_grades import BEFORE_AFTER, RANDOMISED
from cjo_assets.core.expressions.intervals import MEASURED, NOT_MEASURABLE, two_sided_quantile
from cjo_assets.core.expressions.numbers import CONTRIBUTION_DECIMALS, rounded
from cjo_assets.core.expressions.rows import literal_rows
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
# Events over time in care: of these the exact interval is known.
RATES_OF_EVENTS = (CHURN_RATE, ESCALATION_RATE)
SUMS = ("over", "under", "over_over", "over_under", "under_under")


class Baseline(NamedTuple):
    """A kind of baseline: the group that is measured, the group it is held against, and what that proves."""

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
        "held_out: left alone by chance; baseline_period: the policy's; supplied: baseline_metrics.",
        isin=list(BASELINES),
    )
    evidence_grade: str = column("What such a comparison proves.", isin=[RANDOMISED, BEFORE_AFTER])
    unit: str = column("Unit of both values; a month has 30 days.")
    measured_from: date = column("First day that was measured.")
    measured_until: date = column("Last day that was measured: the as-of date.")
    customers: int = column("Customers behind the value [customers].", ge=0)
    events: float = column(
        "Customers behind what was counted: (sum of x)^2 / sum of x^2 over customers, for departures their number.",
        ge=0,
    )
    value: float = column("Metric of the measured customers, down = better; null without any.", nullable=True)
    baseline_from: date = column("First day of the baseline; null where there is none.", nullable=True)
    baseline_until: date = column("Last day of the baseline; null where there is none.", nullable=True)
    baseline_customers: int = column("Customers behind the baseline; 0 where it was supplied [customers].", ge=0)
    baseline_events: float = column(
        "The same of the baseline; of a supplied value its records, null where it does not say.", ge=0, nullable=True
    )
    baseline_value: float = column("The same metric of the baseline; null where there is none.", nullable=True)
    ratio: float = column("value / baseline_value, below 1 = better; null where not measurable.", nullable=True)
    ratio_low: float = column("Lower end of its interval; with too few events, what remains possible.", nullable=True)
    ratio_high: float = column("Upper end of its interval.", nullable=True)
    window_exposure: float = column(
        "What a difference applies to in the ROI window: cases, or else customer-months.", ge=0
    )
    status: str = column("measured or not_measurable.", isin=[MEASURED, NOT_MEASURABLE])
    note: str = column("What is missing; null where measured.", nullable=True)


def baseline_comparisons(
    customers: ir.Table,
    state_entries: ir.Table,
    intervention_ledger: ir.Table,
    baseline_metrics: ir.Table,
    as_of: date,
    policy: Policy,
) -> ir.Table:
    """Measure each metric in each group, and hold the groups against each other."""
    care = care_of_customers(customers, state_entries, intervention_ledger, as_of, policy)
    care = care.join(customers.select("customer_id", "account_value"), "customer_id")
    sides = sums_of_groups(care)
    rows = _grid(as_of, policy)
    measured = sides.rename(measured_group="group")
    rows = rows.left_join(measured, ["measured_group", "metric"]).drop("measured_group_right", "metric_right")
    against = sides.select(
        "metric",
        against_group="group",
        baseline_customers="customers",
        **{f"baseline_{name}": name for name in SUMS},
    )
    rows = rows.left_join(against, ["against_group", "metric"]).drop("against_group_right", "metric_right")
    known = baseline_metrics.filter(baseline_metrics.measured_until <= as_of)
    known = known.select(
        "metric",
        "records",
        baseline=ibis.literal(SUPPLIED),
        supplied_value="value",
        supplied_from="measured_from",
        supplied_until="measured_until",
    )
    rows = rows.left_join(known, ["metric", "baseline"]).drop("metric_right", "baseline_right")
    return compared(rows, policy)


@check(blocking=True)
def ratios_that_are_not_their_quotient(baseline_comparisons: ir.Table) -> ir.Table:
    """Find comparisons whose ratio is not value over baseline_value, or lies outside its interval."""
    rows = baseline_comparisons
    gap = (rows.ratio * rows.baseline_value - rows.value).abs()
    is_outside = (rows.ratio < rows.ratio_low) | (rows.ratio > rows.ratio_high)
    is_wrong = (gap > 1e-9 * (1 + rows.ratio + rows.value)).fill_null(False) | is_outside.fill_null(False)
    return rows.filter(is_wrong).select("metric", "baseline", "ratio", "value", "baseline_value")


def preferred(baseline_comparisons: ir.Table) -> ir.Table:
    """Return of each metric the comparison with the strongest baseline that can be compared with."""
    rows = baseline_comparisons.filter(baseline_comparisons.status == MEASURED)
    places = [(name, place) for place, name in enumerate(BASELINES)]
    strongest_first = ibis.window(group_by=rows.metric, order_by=rows.baseline.cases(*places, else_=len(places)))
    rows = rows.mutate(place=ibis.row_number().over(strongest_first))
    return rows.filter(rows.place == 0).drop("place")


def sums_of_groups(care: ir.Table) -> ir.Table:
    """Add up numerators and denominators of each metric and group, with what their variance needs."""
    value_days = care.account_value * care.days
    # Days are whole numbers, and their sums the same in any order: only what is summed becomes months.
    ratios = {
        CHURN_RATE: (care.departures, care.days, DAYS_PER_MONTH),
        VALUE_CHURN_RATE: (care.account_value * care.departures, value_days, DAYS_PER_MONTH),
        ESCALATION_RATE: (care.escalations, care.days, DAYS_PER_MONTH),
        ESCALATION_DAYS: (care.escalation_days, care.days, DAYS_PER_MONTH),
        UNRESOLVED_SHARE: (care.unresolved, care.issues, 1),
        DAYS_PER_CASE: (care.support_days, care.cases, 1),
        SUPPORT_DAYS: (care.support_days, care.days, DAYS_PER_MONTH),
    }
    places = {name: place for place, name in enumerate(ratios)}
    cells: dict[str, ir.Value] = {}
    for name, (over, under, _) in ratios.items():
        x, y, place = over.cast("float64"), under.cast("float64"), places[name]
        cells |= {
            f"customers_{place}": care.count(where=under > 0),
            f"over_{place}": x.sum(),
            f"under_{place}": y.sum(),
            f"over_over_{place}": (x * x).sum(),
            f"over_under_{place}": (x * y).sum(),
            f"under_under_{place}": (y * y).sum(),
        }
    sums = care.group_by("group").agg(**cells, window_days=care.window_days.sum(), window_cases=care.window_cases.sum())
    parts = [
        ibis.struct(
            {
                "metric": ibis.literal(name),
                "customers": sums[f"customers_{place}"].cast("int64"),
                "over": sums[f"over_{place}"] * scale,
                "under": sums[f"under_{place}"],
                "over_over": sums[f"over_over_{place}"] * scale**2,
                "over_under": sums[f"over_under_{place}"] * scale,
                "under_under": sums[f"under_under_{place}"],
                "window_exposure": (
                    sums.window_cases if name == DAYS_PER_CASE else sums.window_days / DAYS_PER_MONTH
                ).cast("float64"),
            }
        )
        for (name, place), (_, _, scale) in zip(places.items(), ratios.values(), strict=True)
    ]
    return sums.select("group", part=ibis.array(parts).unnest()).unpack("part")


def _grid(as_of: date, policy: Policy) -> ir.Table:
    """Return a row for every metric and baseline, whatever is known of it."""
    measured, before = measured_days(as_of, policy), days_before(as_of, policy)
    rows = [
        {
            "metric": metric,
            "baseline": name,
            "evidence_grade": baseline.grade,
            "unit": unit,
            "measured_group": baseline.measured,
            "against_group": baseline.against,
            "measured_from": measured.start,
            "measured_until": measured.end,
            "period_from": before.start if before and name == BASELINE_PERIOD else None,
            "period_until": before.end if before and name == BASELINE_PERIOD else None,
        }
        for metric, unit in METRICS.items()
        for name, baseline in BASELINES.items()
    ]
    texts = ("metric", "baseline", "evidence_grade", "unit", "measured_group", "against_group")
    return literal_rows(rows, {name: "string" if name in texts else "date" for name in rows[0]})


def compared(rows: ir.Table, policy: Policy) -> ir.Table:
    """Add the ratio of both sides, its interval, and what is missing where there is none."""
    least, least_events = policy.journey.learning.minimum_per_arm, policy.journey.kpis.minimum_events
    is_supplied = rows.baseline == SUPPLIED
    is_held_out = rows.baseline == HELD_OUT
    own_value = rows.over / rows.under.nullif(0.0)
    rows = rows.mutate(
        customers=rows.customers.fill_null(0),
        baseline_customers=rows.baseline_customers.fill_null(0),
        value=own_value,
        events=_events(rows.over, rows.over_over).fill_null(0.0),
        baseline_events=ibis.coalesce(
            rows.records.cast("float64"),
            is_supplied.ifelse(None, _events(rows.baseline_over, rows.baseline_over_over).fill_null(0.0)),
        ),
        baseline_value=ibis.coalesce(rows.supplied_value, rows.baseline_over / rows.baseline_under.nullif(0.0)),
        variance=_relative_variance(rows.over, rows.under, rows.over_over, rows.over_under, rows.under_under)
        + 1 / (rows.customers**2).cast("float64").nullif(0.0),
        baseline_variance=ibis.coalesce(
            1 / rows.records.cast("float64"),
            _relative_variance(
                rows.baseline_over,
                rows.baseline_under,
                rows.baseline_over_over,
                rows.baseline_over_under,
                rows.baseline_under_under,
            )
            + 1 / (rows.baseline_customers**2).cast("float64").nullif(0.0),
        ),
    )
    # Of the customers behind a supplied value nothing is known.
    fewest = is_supplied.ifelse(rows.customers, ibis.least(rows.customers, rows.baseline_customers))
    few = f"fewer than {least_events} events on a side"
    has_few_events = (rows.events < least_events) | (rows.baseline_events < least_events).fill_null(False)
    missing = ibis.cases(
        (is_supplied & rows.baseline_value.isnull(), "no row of it in the dataset baseline_metrics"),
        (
            ~is_supplied & ~is_held_out & rows.period_from.isnull(),
            "the policy names no baseline period that was over when the measured days began",
        ),
        (rows.value.isnull(), "nothing of the kind in the measured days"),
        (fewest < least, f"fewer than {least} customers on a side"),
        (rows.baseline_value == 0, "the baseline is 0: there is nothing to reduce"),
        (has_few_events, few),
        else_=ibis.null("string"),
    )
    ratio = missing.isnull().ifelse(rows.value / rows.baseline_value.nullif(0.0), ibis.null("float64"))
    rows = rows.mutate(note=missing, estimate=ratio, is_open=(missing == few).fill_null(False))
    low, high = _interval(rows, policy.journey.kpis.interval_level)
    return rows.select(
        "metric",
        "baseline",
        "evidence_grade",
        "unit",
        "measured_from",
        "measured_until",
        "customers",
        "baseline_customers",
        "note",
        events=rounded(rows.events),
        baseline_events=rounded(rows.baseline_events),
        value=rounded(rows.value, CONTRIBUTION_DECIMALS),
        baseline_from=ibis.coalesce(rows.period_from, rows.supplied_from, is_held_out.ifelse(rows.measured_from, None)),
        baseline_until=ibis.coalesce(
            rows.period_until, rows.supplied_until, is_held_out.ifelse(rows.measured_until, None)
        ),
        baseline_value=rounded(rows.baseline_value, CONTRIBUTION_DECIMALS),
        ratio=rounded(rows.estimate, CONTRIBUTION_DECIMALS),
        ratio_low=rounded(low, CONTRIBUTION_DECIMALS),
        ratio_high=rounded(high, CONTRIBUTION_DECIMALS),
        window_exposure=rounded(rows.window_exposure.fill_null(0.0)),
        status=rows.note.isnull().ifelse(MEASURED, NOT_MEASURABLE),
    )


def _interval(rows: ir.Table, level: float) -> Interval:
    """Return the interval of each ratio: that of customers who differ, of a rate of events not inside the exact one."""
    spread = two_sided_quantile(level) * (rows.variance + rows.baseline_variance).sqrt()
    low, high = rows.estimate * (-spread).exp(), rows.estimate * spread.exp()
    # A customer to whom it happens twice is one event; the rate stays what it is.
    per_event = (rows.events / (rows.over / DAYS_PER_MONTH).nullif(0.0)).fill_null(1.0)
    months = rows.under / DAYS_PER_MONTH * per_event
    baseline_months = rows.baseline_events / rows.baseline_value.nullif(0.0)
    exact_low, exact_high = exact_ratio_interval(rows.events, months, rows.baseline_events, baseline_months, level)
    alone_low, alone_high = exact_rate_interval(rows.events, months, level)
    is_rate, is_word = rows.metric.isin(RATES_OF_EVENTS), rows.is_open & rows.baseline_events.isnull()
    supplied = rows.baseline_value.nullif(0.0)
    exact_low = is_rate.ifelse(is_word.ifelse(alone_low / supplied, exact_low), ibis.null("float64"))
    exact_high = is_rate.ifelse(is_word.ifelse(alone_high / supplied, exact_high), ibis.null("float64"))
    return (
        ibis.cases((rows.is_open, exact_low), (low > exact_low, exact_low), else_=low),
        ibis.cases((rows.is_open, exact_high), (high < exact_high, exact_high), else_=high),
    )


def _events(over: ir.NumericValue, over_over: ir.NumericValue) -> ir.NumericValue:
    """Return how many customers of equal weight would add up to this with the same spread; null where nothing did."""
    return over**2 / over_over.nullif(0.0)


def _relative_variance(
    over: ir.NumericValue,
    under: ir.NumericValue,
    over_over: ir.NumericValue,
    over_under: ir.NumericValue,
    under_under: ir.NumericValue,
) -> ir.NumericValue:
    """Return the variance of over / under in multiples of its square; null where nothing was counted."""
    ratio = over / under.nullif(0.0)
    squares = over_over - 2 * ratio * over_under + ratio**2 * under_under
    # What remains after subtraction may fall a rounding error below 0.
    return ibis.greatest(squares, 0.0) / (over**2).nullif(0.0)
