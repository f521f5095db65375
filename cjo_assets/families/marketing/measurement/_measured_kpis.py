"""Value of a metric in a group of assets, with its interval.

Tables about campaigns and about audience segments share it, so that a metric has one numerator and one denominator.
Impressions and clicks are not independent people: the interval is that of a sample reduced by the design effect, and by
the one of people where every snapshot counts people.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.intervals import wilson_interval
from cjo_assets.core.expressions.numbers import money_sum
from cjo_assets.core.expressions.tables import lookup

COUNTED = ("impressions", "clicks", "conversions")


def performance_sums(asset_performance: ir.Table, *by: str) -> ir.Table:
    """Sum counts, spend and value of the assets of each group, or of all assets.

    `counts_people` is true where every asset was also counted in people.
    """
    return asset_performance.agg(
        by=list(by),
        **{name: asset_performance[name].sum() for name in COUNTED},
        spend=money_sum(asset_performance.cost),
        value=money_sum(asset_performance.revenue_proxy),
        counts_people=asset_performance.exposed_people.notnull().all(),
    )


def with_metric(rows: ir.Table, metric: str, metric_definitions: ir.Table) -> ir.Table:
    """Add numerator, denominator and value of a metric; null without a definition, the value also without exposures.

    Args:
        rows: a table with the counts of `COUNTED` and the name of a metric.
        metric: column with that name.
        metric_definitions: what each metric means.
    """
    meanings = metric_definitions.mutate(defined_metric=metric_definitions.metric)
    defined = lookup(rows, meanings, [(metric, "metric")])
    defined = defined.mutate(
        kpi_successes=defined.numerator.cases(*((name, defined[name]) for name in COUNTED), else_=None),
        kpi_exposures=defined.denominator.cases(*((name, defined[name]) for name in COUNTED), else_=None),
    )
    return defined.mutate(kpi_value=defined.kpi_successes / defined.kpi_exposures.nullif(0))


def with_kpi(rows: ir.Table, metric: str, metric_definitions: ir.Table, level: float) -> ir.Table:
    """Add the value of a metric as `with_metric` does, its design effect, and its interval of that level.

    The design effect is that of people for a metric per impression where all impressions were counted in people.
    """
    rows = with_metric(rows, metric, metric_definitions)
    is_of_people = (rows.counts_people & (rows.denominator == "impressions")).fill_null(False)
    rows = rows.mutate(design_effect=is_of_people.ifelse(rows.people_design_effect, rows.design_effect))
    rows = rows.drop("numerator", "denominator", "people_design_effect", "counts_people")
    return with_interval(rows, "kpi_successes", "kpi_exposures", "kpi_value", level, rows.design_effect)


def with_interval(
    rows: ir.Table,
    part: str,
    whole: str,
    share: str,
    level: float,
    design_effect: ir.NumericValue | float = 1.0,
) -> ir.Table:
    """Add the interval of a share, as its name with `_low` and `_high`.

    Null without a whole, or where the part exceeds it.
    """
    fits = (rows[part] <= rows[whole]).ifelse(rows[whole], ibis.null("int64"))
    # In two steps: an expression used ten times would be written out ten times.
    rows = rows.mutate(interval_trials=fits / design_effect, interval_successes=rows[part] / design_effect)
    low, high = wilson_interval(rows.interval_successes, rows.interval_trials, level)
    rows = rows.mutate(**{f"{share}_low": low, f"{share}_high": high})
    return rows.drop("interval_trials", "interval_successes")
