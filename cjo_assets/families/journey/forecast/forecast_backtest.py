"""Backtest of the churn forecasts.

One row per as-of date, measure and subset of forecasts. On earlier dates, the latest one horizon ago, the model is
fitted with the records known then, every customer who had not left is forecast, and the log shows who left within the
horizon. A measure with too few cases has a row without a value. Horizons of neighbouring origins overlap and contain
the same departures, so the intervals count as many cases as there would be without the overlap.

Calibration is measured in bins of equally many forecasts, equal probabilities in one bin, and by the line of least
squares through forecasts and outcomes: its slope is 1 and its distance from the forecasts 0 where they are right.
"""

from datetime import date
from typing import Any

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.intervals import MEASURED, wilson_interval, within
from cjo_assets.core.expressions.numbers import CONTRIBUTION_DECIMALS, rounded
from cjo_assets.families.journey.forecast._forecasting import PLACE, churn_by_state, day_in_stage
from cjo_assets.families.journey.forecast._spells import DAYS_PER_WEEK, at_origins, fitted_model, spells
from cjo_assets.families.journey.forecast._weekly_moves import horizon_weeks
from cjo_assets.policy import Policy

NOT_ENOUGH_HISTORY = "not_enough_history"
CHURN_RATE, CALIBRATION, BRIER, BASE_BRIER = "churn_rate", "calibration", "brier_score", "brier_score_of_base_rate"
SLOPE, CALIBRATION_INDEX = "calibration_slope", "integrated_calibration_index"
PRECISION, RECALL, LIFT = "precision", "recall", "lift"
MEASURES = [CHURN_RATE, CALIBRATION, SLOPE, CALIBRATION_INDEX, BRIER, BASE_BRIER, PRECISION, RECALL, LIFT]
SHARES = [CHURN_RATE, CALIBRATION, PRECISION, RECALL]
ALL = "all"


class ForecastBacktest(DatedContract):
    """Churn forecasts of earlier dates against what happened. One row per as-of date, measure and subset."""

    measure: str = key(
        "churn_rate of an origin, calibration of a bin, calibration_slope (below 1: forecasts too far apart), "
        "integrated_calibration_index: mean distance of the forecasts from the line of least squares through the "
        "outcomes (down = better), brier_score and that of the base rate (down = better); "
        "precision, recall and lift of alarms at a cut-off (up = better).",
        isin=MEASURES,
    )
    subset: str = key(
        "Which forecasts: all, an origin's day, a bin (1 of 10: the tenth with the lowest), or those from a cut-off up."
    )
    status: str = column("Whether there are enough cases for a value.", isin=[MEASURED, NOT_ENOUGH_HISTORY])
    value: float = column(
        "The measure; of churn_rate and calibration the share that left; null if not measured.",
        decimals=6,
        nullable=True,
    )
    value_low: float = column(
        "Lower end of its interval; null where it is no share.", decimals=6, ge=0, le=1, nullable=True
    )
    value_high: float = column(
        "Upper end of its interval; null where it is no share.", decimals=6, ge=0, le=1, nullable=True
    )
    mean_forecast: float = column(
        "Mean churn probability forecast; null without any.", decimals=6, ge=0, le=1, nullable=True
    )
    n: int = column("Cases the measure rests on: forecasts; of recall, customers who left [cases].", ge=0)
    forecasts: int = column("Forecasts of the subset; a customer counts at each origin [forecasts].", ge=0)
    churned: int = column("Of these, who left within the horizon [forecasts].", ge=0)
    first_origin: date = column("Earliest day forecast from; null without any.", nullable=True)
    last_origin: date = column("Latest day forecast from; null without any.", nullable=True)
    latest_record_at: date = column("Latest date of any record the forecasts rest on; null without.", nullable=True)
    first_outcome_at: date = column("Earliest departure counted; null without any.", nullable=True)
    last_outcome_at: date = column("Latest departure counted; null without any.", nullable=True)


def forecast_backtest(customers: ir.Table, state_entries: ir.Table, as_of: ir.DateScalar, policy: Policy) -> ir.Table:
    """Forecast from earlier days and compare with the outcomes."""
    rules = policy.journey.forecast
    origins = backtest_origins(as_of, policy)
    scored = _scored(spells(customers, state_entries, as_of, policy), origins, policy)
    totals = scored.agg(
        all_forecasts=scored.forecasts.sum().fill_null(0), all_churned=scored.churned.sum().fill_null(0)
    )
    sums = _sums(_questions(origins, policy), scored).cross_join(totals)
    n = (sums.measure == RECALL).ifelse(sums.all_churned, sums.forecasts)
    value = (n >= rules.backtest_minimum_forecasts).ifelse(_value_of(sums), ibis.null("float64"))
    overlap = min(rules.backtest_origins, -(-_horizon_days(policy) // rules.backtest_step_days))
    cases = n / (sums.measure == CHURN_RATE).ifelse(1, overlap)
    share = sums.measure.isin(SHARES).ifelse(value, ibis.null("float64"))
    low, high = wilson_interval(share * cases, cases, rules.interval_level)
    return sums.mutate(
        status=value.isnull().ifelse(NOT_ENOUGH_HISTORY, MEASURED),
        value=value,
        value_low=low,
        value_high=high,
        mean_forecast=sums.probabilities / sums.forecasts.nullif(0),
        n=n,
    )


def _sums(questions: ir.Table, scored: ir.Table) -> ir.Table:
    """Add up the forecasts and outcomes that each measure and subset is about."""
    asked = questions.left_join(
        scored,
        [
            scored.probability >= questions.at_least,
            questions.only_origin.isnull() | (questions.only_origin == scored.origin),
            questions.only_bin.isnull() | (questions.only_bin == scored.bin),
        ],
    )
    return asked.group_by("measure", "subset").agg(
        forecasts=asked.forecasts.sum().fill_null(0),
        churned=asked.churned.sum().fill_null(0),
        probabilities=(asked.forecasts * asked.probability).sum(),
        squares=asked.squares.sum(),
        distances=asked.distances.sum(),
        slope=asked.slope.max(),
        first_origin=asked.origin.min(),
        last_origin=asked.origin.max(),
        latest_record_at=asked.latest_record_at.max(),
        first_outcome_at=asked.first_outcome_at.min(),
        last_outcome_at=asked.last_outcome_at.max(),
    )


def _value_of(sums: ir.Table) -> ir.NumericValue:
    """Return the value of each measure, from the sums over its forecasts."""
    share = sums.churned / sums.forecasts.nullif(0)
    base_rate = sums.all_churned / sums.all_forecasts.nullif(0)
    return ibis.cases(
        (sums.measure == BRIER, sums.squares / sums.forecasts.nullif(0)),
        (sums.measure == BASE_BRIER, base_rate * (1 - base_rate)),
        (sums.measure == SLOPE, sums.slope),
        (sums.measure == CALIBRATION_INDEX, sums.distances / sums.forecasts.nullif(0)),
        (sums.measure == RECALL, sums.churned / sums.all_churned.nullif(0)),
        (sums.measure == LIFT, share / base_rate.nullif(0.0)),
        else_=share,
    )


def backtest_origins(as_of: ir.DateScalar, policy: Policy) -> list[ir.DateScalar]:
    """Return the days forecast from, latest first; the horizon of each is over by the as-of date."""
    rules = policy.journey.forecast
    ages = (_horizon_days(policy) + rules.backtest_step_days * number for number in range(rules.backtest_origins))
    return [days_after(as_of, -age) for age in ages]


@check(blocking=True)
def records_from_the_future(forecast_backtest: ir.Table, policy: Policy) -> ir.Table:
    """Return origins whose forecasts use a later record, or whose outcomes are outside their horizon."""
    origins = forecast_backtest.filter(forecast_backtest.measure == CHURN_RATE)
    used_later = origins.latest_record_at > origins.first_origin
    too_early = origins.first_outcome_at <= origins.first_origin
    too_late = origins.last_outcome_at.delta(origins.first_origin, unit="day") > _horizon_days(policy)
    fails = used_later.fill_null(False) | too_early.fill_null(False) | too_late.fill_null(False)
    return origins.filter(fails).select("subset", "latest_record_at", "first_outcome_at", "last_outcome_at")


def _scored(spells: ir.Table, origins: list[ir.DateScalar], policy: Policy) -> ir.Table:
    """Return forecasts and outcomes, one row per origin, segment, stage and day in it."""
    following = ibis.window(group_by="customer_id", order_by="entry_number", rows=(1, None))
    has_left = spells.journey_stage.isin(policy.vocabulary.terminal_stages)
    departure = has_left.ifelse(spells.entered_at, ibis.null("date"))
    standing = at_origins(spells.mutate(churned_at=departure.min().over(following)), origins, policy)
    standing = standing.filter((standing.left_at > standing.origin).fill_null(True))
    in_horizon = standing.churned_at.delta(standing.origin, unit="day") <= _horizon_days(policy)
    standing = standing.mutate(
        day=day_in_stage(standing.origin, standing.entered_at, policy),
        outcome_at=in_horizon.ifelse(standing.churned_at, ibis.null("date")),
    )
    states = standing.group_by(PLACE).agg(
        forecasts=standing.count(),
        churned=standing.outcome_at.count(),
        first_outcome_at=standing.outcome_at.min(),
        last_outcome_at=standing.outcome_at.max(),
        latest_entry_at=standing.entered_at.max(),
    )
    model = fitted_model(spells, origins, policy)
    known = model.group_by("origin").agg(latest_record_at=model.latest_record_at.max())
    scored = states.join(churn_by_state(model, policy), PLACE).join(known, "origin")
    # Rounded as published: the backtest is about the forecasts that people see.
    scored = scored.mutate(
        probability=rounded(scored.churn),
        latest_record_at=ibis.greatest(scored.latest_record_at, scored.latest_entry_at),
    )
    missed, stayed = 1 - scored.probability, scored.forecasts - scored.churned
    squares = scored.churned * missed * missed + stayed * scored.probability * scored.probability
    return _with_bin(_with_line(scored.mutate(squares=squares)), policy)


def _with_line(rows: ir.Table) -> ir.Table:
    """Add the slope of the line of least squares through forecasts and outcomes, and the distances from it.

    Without a departure, or where all forecasts are equal, there is no slope.
    """
    sums = rows.agg(
        n=rows.forecasts.sum(),
        x=(rows.forecasts * rows.probability).sum(),
        y=rows.churned.sum(),
        xx=(rows.forecasts * rows.probability * rows.probability).sum(),
        xy=(rows.churned * rows.probability).sum(),
    )
    # A spread of the size of a rounding error counts as none.
    spread = rounded(sums.xx / sums.n - (sums.x / sums.n) ** 2, CONTRIBUTION_DECIMALS).nullif(0.0)
    slope = (sums.xy / sums.n - sums.x * sums.y / (sums.n * sums.n)) / spread
    line = sums.select(
        slope=(sums.y > 0).ifelse(slope, ibis.null("float64")),
        steepness=slope.fill_null(0.0),
        mean_forecast=sums.x / sums.n,
        mean_outcome=sums.y / sums.n,
    )
    rows = rows.cross_join(line)
    outcome = within(rows.mean_outcome + rows.steepness * (rows.probability - rows.mean_forecast), 0.0, 1.0)
    rows = rows.mutate(distances=rows.forecasts * (rows.probability - outcome).abs())
    return rows.drop("steepness", "mean_forecast", "mean_outcome")


def _with_bin(rows: ir.Table, policy: Policy) -> ir.Table:
    """Add the bin of each forecast: bins hold equally many, as far as equal probabilities stay together."""
    bins = policy.journey.forecast.calibration_bins
    alike = rows.group_by("probability").agg(alike=rows.forecasts.sum())
    lower = alike.alike.sum().over(ibis.window(order_by="probability", rows=(None, 0))) - alike.alike
    place = (lower + alike.alike / 2) / alike.alike.sum().over(ibis.window()) * bins
    ranked = alike.select("probability", bin=ibis.least(place.floor().cast("int64") + 1, bins))
    return rows.join(ranked, "probability")


def _questions(origins: list[ir.DateScalar], policy: Policy) -> ir.Table:
    """Return every measure of every subset; each has a row, with or without a value."""
    rules = policy.journey.forecast
    bins = rules.calibration_bins
    questions = [_question(CHURN_RATE, origin.cast("string"), origin=origin) for origin in origins]
    questions += [_question(CALIBRATION, f"{place} of {bins}", place=place) for place in range(1, bins + 1)]
    questions += [_question(measure, ALL) for measure in (SLOPE, CALIBRATION_INDEX, BRIER, BASE_BRIER)]
    questions += [
        _question(measure, f"{cut_off:g} and above", cut_off)
        for measure in (PRECISION, RECALL, LIFT)
        for cut_off in rules.cut_offs
    ]
    return ibis.array(questions).unnest().name("question").as_table().unpack("question")


def _question(
    measure: str,
    subset: str | ir.StringScalar,
    at_least: float = 0.0,
    origin: ir.DateScalar | None = None,
    place: int | None = None,
) -> Any:
    return ibis.struct(
        {
            "measure": ibis.literal(measure),
            "subset": subset,
            "at_least": ibis.literal(at_least, "float64"),
            "only_origin": ibis.null("date") if origin is None else origin,
            "only_bin": ibis.null("int64") if place is None else ibis.literal(place, "int64"),
        }
    )


def _horizon_days(policy: Policy) -> int:
    return horizon_weeks(policy) * DAYS_PER_WEEK
