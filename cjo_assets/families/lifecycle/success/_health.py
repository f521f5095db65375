"""Points, weights, score and band of the health of clients, on any day.

Each measure gives 0 to 100 points, proportionally between the policy's zero_at and full_at. A component is the mean of
its measures that exist; the weight of missing components goes to the others in proportion. Coverage is the weight of
the components that exist; below the policy's minimum there is no score. Every day is computed from what was known on
it, by the same functions.
"""

from __future__ import annotations

import functools
import operator

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.intervals import within
from cjo_assets.core.expressions.numbers import RATE_DECIMALS, rounded
from cjo_assets.core.expressions.tables import long_rows
from cjo_assets.families.lifecycle.success._health_measures import CUSTOMER, measured_clients, ratios
from cjo_assets.policy.lifecycle import LifecyclePolicy
from cjo_assets.policy.lifecycle_success import HealthComponents, HealthMeasures

MEASURES = list(HealthMeasures.model_fields)
RED, YELLOW, GREEN, UNKNOWN = "red", "yellow", "green", "unknown"
BANDS = [RED, YELLOW, GREEN, UNKNOWN]
FULL_POINTS = 100


def health_on(
    daily_metrics: ir.Table, lifecycle_events: ir.Table, day: ir.DateScalar, policy: LifecyclePolicy
) -> ir.Table:
    """Return the parts of the health of each client at the end of a day.

    Returns:
        One row per client: customer_id, mrr, is_paying, coverage, and per measure the columns `numerator_<measure>`,
        `denominator_<measure>`, `value_<measure>`, `points_<measure>`, `weight_<measure>` and
        `contribution_<measure>`.
    """
    rules = policy.health.measures_of()
    rows = measured_clients(daily_metrics, lifecycle_events, day, policy)
    parts: dict[str, ir.NumericValue] = {}
    for name, (numerator, denominator) in ratios(rows, policy).items():
        value = numerator / denominator.nullif(0.0)
        share = (value - rules[name].zero_at) / (rules[name].full_at - rules[name].zero_at)
        is_known = value.notnull()
        parts |= {
            f"numerator_{name}": is_known.ifelse(numerator, ibis.null("float64")),
            f"denominator_{name}": is_known.ifelse(denominator, ibis.null("float64")),
            f"value_{name}": value,
            f"points_{name}": within(share, 0.0, 1.0) * FULL_POINTS,
        }
    rows = rows.select(CUSTOMER, "mrr", "is_paying", **parts)
    return _with_contributions(_with_coverage(rows, policy), policy)


def scores_on(
    daily_metrics: ir.Table, lifecycle_events: ir.Table, day: ir.DateScalar, policy: LifecyclePolicy
) -> ir.Table:
    """Return customer_id, mrr, is_paying, score and band of each client at the end of a day."""
    rows = health_on(daily_metrics, lifecycle_events, day, policy)
    parts = [rows[f"contribution_{name}"].fill_null(0.0) for name in MEASURES]
    total = functools.reduce(operator.add, parts)
    score = is_covered(rows.coverage, policy).ifelse(score_of(total), ibis.null("float64"))
    return rows.select(CUSTOMER, "mrr", "is_paying", score=score, band=band_of(score, policy))


def is_covered(coverage: ir.NumericValue, policy: LifecyclePolicy) -> ir.BooleanValue:
    """Return whether the weight of what is known suffices for a score."""
    return rounded(coverage, RATE_DECIMALS) >= policy.health.minimum_coverage


def score_of(total: ir.NumericValue) -> ir.FloatingValue:
    """Return a score without the noise of binary floats: 60 is yellow, however it was added up."""
    return rounded(total, RATE_DECIMALS)


def band_of(score: ir.NumericValue, policy: LifecyclePolicy) -> ir.StringValue:
    """Return the band of a score."""
    bands = policy.health.bands
    return ibis.cases(
        (score < bands.red_below, RED), (score > bands.green_above, GREEN), (score.notnull(), YELLOW), else_=UNKNOWN
    )


def as_measures(rows: ir.Table, policy: LifecyclePolicy) -> ir.Table:
    """Return the parts of `health_on` as a row per client and measure."""
    names = ("numerator", "denominator", "value", "points", "weight", "contribution")
    parts = [
        {
            "measure": ibis.literal(measure),
            "component": ibis.literal(rule.component),
            **{name: rows[f"{name}_{measure}"] for name in names},
        }
        for measure, rule in policy.health.measures_of().items()
    ]
    return long_rows(rows, [CUSTOMER, "coverage"], parts)


def _with_coverage(rows: ir.Table, policy: LifecyclePolicy) -> ir.Table:
    """Add how many measures of each component exist, and the weight of the components with any."""
    rules = policy.health
    components = {name: rules.components.relative(name) for name in HealthComponents.model_fields}
    counts = {
        component: functools.reduce(
            operator.add,
            (
                rows[f"points_{measure}"].notnull().cast("int64")
                for measure, rule in rules.measures_of().items()
                if rule.component == component
            ),
            ibis.literal(0, "int64"),
        )
        for component in components
    }
    rows = rows.mutate(**{f"measures_of_{name}": count for name, count in counts.items()})
    weights = [(rows[f"measures_of_{name}"] > 0).ifelse(share, 0.0) for name, share in components.items()]
    return rows.mutate(coverage=functools.reduce(operator.add, weights))


def _with_contributions(rows: ir.Table, policy: LifecyclePolicy) -> ir.Table:
    """Add the weight of each measure in the score, and its contribution; null where the score is withheld."""
    rules = policy.health
    is_scored = is_covered(rows.coverage, policy)
    parts: dict[str, ir.NumericValue] = {}
    for measure, rule in rules.measures_of().items():
        share = rules.components.relative(rule.component) / rows.coverage.nullif(0.0)
        is_part = is_scored & rows[f"points_{measure}"].notnull()
        weight = is_part.ifelse(share / rows[f"measures_of_{rule.component}"], ibis.null("float64"))
        parts |= {f"weight_{measure}": weight, f"contribution_{measure}": rows[f"points_{measure}"] * weight}
    return rows.mutate(**parts)
