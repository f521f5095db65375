"""Quantities of the ROI components, before they are priced.

Each component has a quantity in its unit, its evidence grade, records and words. A compared quantity has the interval
of its comparison.
"""

from collections.abc import Callable

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.evidence_grades import ASSUMPTION, MATCHED, RANDOMISED
from cjo_assets.core.expressions.numbers import MONEY_DECIMALS, rounded
from cjo_assets.core.expressions.sentences import sentence
from cjo_assets.core.expressions.tables import long_rows
from cjo_assets.families.journey.inputs.baseline_metrics import DAYS_PER_CASE, ESCALATION_DAYS, SUPPORT_DAYS
from cjo_assets.families.journey.purposes import PURPOSES
from cjo_assets.families.journey.value._roi_components import (
    API_CALLS,
    ESCALATION_PREVENTION,
    FASTER_RESOLUTION,
    INFRASTRUCTURE,
    LLM_USAGE,
    PLAYBOOK_COST,
    RETAINED_REVENUE,
    REVIEW_TIME,
    SUPPORT_WORKLOAD_REDUCTION,
)
from cjo_assets.families.journey.value._roi_facts import executions, reviewers, runs_of_playbooks
from cjo_assets.families.journey.value.baseline_comparisons import DAYS_PER_MONTH, preferred
from cjo_assets.policy import Policy

DAYS_PER_YEAR = 365
# Component and the metric whose difference to the baseline it values.
SAVINGS = {
    ESCALATION_PREVENTION: ESCALATION_DAYS,
    SUPPORT_WORKLOAD_REDUCTION: SUPPORT_DAYS,
    FASTER_RESOLUTION: DAYS_PER_CASE,
}


def quantities(
    outcome_analyses: ir.Table,
    approval_decisions: ir.Table,
    treatment_effects: ir.Table,
    baseline_comparisons: ir.Table,
    customers: ir.Table,
    earlier_calls: ir.Table,
    as_of: ir.DateScalar,
    policy: Policy,
) -> ir.Table:
    """Return a row for each component and grade with a quantity; always one of revenue without comparison."""
    executed = executions(outcome_analyses, as_of, policy)
    people = reviewers(outcome_analyses, approval_decisions, as_of, policy)
    window_days = policy.journey.roi.window_days
    facts = _costs(executed).cross_join(people.agg(reviews=people.count()))
    facts = facts.cross_join(_calls(earlier_calls, as_of, window_days))
    facts = facts.cross_join(_revenue(runs_of_playbooks(executed, treatment_effects)))
    return ibis.union(_counted(facts, window_days), _saved(baseline_comparisons, customers))


def _costs(executed: ir.Table) -> ir.Table:
    return executed.agg(
        executions=executed.count(), playbook_cost=executed.cost.sum().fill_null(0.0), priced=executed.cost.count()
    )


def _calls(earlier_calls: ir.Table, as_of: ir.DateScalar, window_days: int) -> ir.Table:
    """Count the calls of a language model on the days of a window that ends the day before.

    The calls of a day are made after its tables are computed, so they count from the next day on.
    """
    first = days_after(as_of, -window_days)
    calls = earlier_calls.filter(earlier_calls.as_of >= first, earlier_calls.purpose.isin(PURPOSES))
    return calls.agg(calls=calls.count())


def _revenue(runs: ir.Table) -> ir.Table:
    """Return the revenue of the runs of all playbooks, each under the strongest evidence for its playbook."""
    grade, expected = runs.evidence_grade.fill_null(ASSUMPTION), runs.runs * runs.worth
    cells: dict[str, ir.Value] = {}
    for name in (RANDOMISED, MATCHED):
        is_graded = grade == name
        cells |= {
            f"{name}_runs": runs.runs.sum(where=is_graded).fill_null(0),
            f"{name}_recoveries": (runs.runs * runs["difference"]).sum(where=is_graded & runs.worth.notnull()),
            f"{name}_revenue": (expected * runs["difference"]).sum(where=is_graded),
            f"{name}_low": (expected * runs.difference_low).sum(where=is_graded),
            f"{name}_high": (expected * runs.difference_high).sum(where=is_graded),
        }
    is_assumed = grade == ASSUMPTION
    revenue = runs.agg(
        **cells,
        recorded_runs=runs.runs.sum(where=is_assumed).fill_null(0),
        recorded_valued=runs.valued.sum(where=is_assumed).fill_null(0),
        recorded_revenue=runs.revenue.sum(where=is_assumed),
    )
    # Without runs the revenue is 0; of runs without a recorded revenue it is unknown.
    without_value = (revenue.recorded_runs == 0).ifelse(0.0, ibis.null("float64"))
    return revenue.mutate(recorded_revenue=revenue.recorded_revenue.fill_null(without_value))


def _counted(facts: ir.Table, window_days: int) -> ir.Table:
    """Return the quantities without a baseline, and revenue by grade."""
    months = ibis.literal(window_days / DAYS_PER_MONTH)
    cost = sentence(
        "{} by the estimates of {} of {} executed", _money(facts.playbook_cost), facts.priced, facts.executions
    )
    recorded = sentence(
        "{} recorded with {} of {} executed without a comparison",
        _money(facts.recorded_revenue),
        facts.recorded_valued,
        facts.recorded_runs,
    ).fill_null("not measurable: no revenue recorded of what was executed")
    parts = [
        _part(PLAYBOOK_COST, records=facts.priced, quantity=facts.playbook_cost, counted=cost),
        _part(
            REVIEW_TIME, records=facts.reviews, quantity=facts.reviews, counted=sentence("{} reviews", facts.reviews)
        ),
        _part(
            API_CALLS,
            records=facts.executions,
            quantity=facts.executions,
            counted=sentence("{} executed interventions", facts.executions),
        ),
        _part(LLM_USAGE, records=facts.calls, quantity=facts.calls, counted=sentence("{} calls made", facts.calls)),
        _part(
            INFRASTRUCTURE,
            records=ibis.literal(0),
            quantity=months,
            counted=ibis.literal(f"{window_days} / {DAYS_PER_MONTH} days"),
        ),
        *(_compared_revenue(facts, grade) for grade in (RANDOMISED, MATCHED)),
        _part(RETAINED_REVENUE, records=facts.recorded_valued, quantity=facts.recorded_revenue, counted=recorded),
    ]
    quantities = long_rows(facts, (), parts)
    # Revenue has a row without comparison, and one for each grade with runs.
    is_compared = (quantities.component == RETAINED_REVENUE) & (quantities.evidence_grade != ASSUMPTION)
    return quantities.filter(~is_compared | (quantities.records > 0))


def _compared_revenue(facts: ir.Table, grade: str) -> dict[str, ir.Value]:
    """Return the revenue of the runs whose playbook has a measured effect of a grade."""
    runs, revenue = facts[f"{grade}_runs"], facts[f"{grade}_revenue"]
    recoveries = _money(facts[f"{grade}_recoveries"])
    counted = sentence("{} for {} more recoveries in {} runs than without", _money(revenue), recoveries, runs)
    return _part(
        RETAINED_REVENUE,
        grade,
        records=runs,
        quantity=revenue,
        low=facts[f"{grade}_low"],
        high=facts[f"{grade}_high"],
        counted=counted.fill_null("not measurable: no success with a known revenue in the window"),
    )


def _part(
    component: str,
    grade: str = ASSUMPTION,
    *,
    records: ir.IntegerValue,
    quantity: ir.NumericValue,
    counted: ir.StringValue,
    low: ir.NumericValue | None = None,
    high: ir.NumericValue | None = None,
) -> dict[str, ir.Value]:
    """Return the quantity of a component and grade, its interval, records and words."""
    none = ibis.null("float64")
    return {
        "component": ibis.literal(component),
        "evidence_grade": ibis.literal(grade),
        "records": records.cast("int64"),
        "quantity": quantity.cast("float64"),
        "quantity_low": none if low is None else low.cast("float64"),
        "quantity_high": none if high is None else high.cast("float64"),
        "counted": counted,
    }


def _saved(baseline_comparisons: ir.Table, customers: ir.Table) -> ir.Table:
    """Return the days saved against the strongest baseline of each metric; of cases, what customers paid for them."""
    metrics = preferred(baseline_comparisons)
    metrics = metrics.filter(metrics.metric.isin(list(SAVINGS.values())))
    metrics = metrics.cross_join(customers.agg(account_value=customers.account_value.mean()))
    is_case = metrics.metric == DAYS_PER_CASE
    days = metrics.window_exposure * metrics.baseline_value
    daily = is_case.ifelse(metrics.account_value / DAYS_PER_YEAR, 1.0)
    saved = rounded(metrics.window_exposure * (metrics.baseline_value - metrics["value"]), MONEY_DECIMALS)
    paid = sentence(f" of customers who pay {{}} / {DAYS_PER_YEAR} a day", _money(metrics.account_value))
    return metrics.select(
        component=metrics.metric.cases(*((metric, name) for name, metric in SAVINGS.items()), else_=None),
        evidence_grade="evidence_grade",
        records=metrics.customers + metrics.baseline_customers,
        quantity=saved * daily,
        quantity_low=_outward(ibis.least, days * (1 - metrics.ratio_high), saved) * daily,
        quantity_high=_outward(ibis.greatest, days * (1 - metrics.ratio_low), saved) * daily,
        counted=sentence("{} days saved against the baseline {}{}", saved, metrics.baseline, is_case.ifelse(paid, "")),
    )


def _outward(choose: Callable[..., ir.NumericValue], end: ir.NumericValue, middle: ir.NumericValue) -> ir.NumericValue:
    """Return the end of an interval, not inside of its rounded middle; null where there is none."""
    return end.isnull().ifelse(ibis.null("float64"), choose(end, middle))


def _money(value: ir.NumericValue) -> ir.StringValue:
    return rounded(value, MONEY_DECIMALS).cast("string")
