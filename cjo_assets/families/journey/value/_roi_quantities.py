"""What the ROI counts and compares, before anything is priced.

Not a table but the counting behind `roi_breakdown`: of each component a quantity in its unit, what it rests on, and the
words for it. What is compared has an interval where the comparison has one.
"""

from collections.abc import Callable
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir

from cjo_assets.core.contract import ANY_SEGMENT
from cjo_assets.core.expressions.evidence_grades import ASSUMPTION, MATCHED, RANDOMISED
from cjo_assets.core.expressions.intervals import MEASURED
from cjo_assets.core.expressions.numbers import MONEY_DECIMALS, rounded
from cjo_assets.core.expressions.people import person
from cjo_assets.families.journey.inputs.baseline_metrics import DAYS_PER_CASE, ESCALATION_DAYS, SUPPORT_DAYS
from cjo_assets.families.journey.interventions._ledger import end_of_day
from cjo_assets.families.journey.interventions._outcomes import HELD_OUT, is_success
from cjo_assets.families.journey.outcome.outcome_analyses import executed_in_window
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
from cjo_assets.families.journey.value.baseline_comparisons import DAYS_PER_MONTH, preferred
from cjo_assets.language.purposes import JOURNEY_PURPOSES
from cjo_assets.policy import Policy

DAYS_PER_YEAR = 365
# Component and the metric of which a difference to the baseline is worth something.
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
    as_of: date,
    policy: Policy,
) -> ir.Table:
    """Return a row for each component and grade of which there is a quantity; revenue without comparison always."""
    window_days = policy.journey.roi.window_days
    executed = executed_in_window(outcome_analyses, as_of, window_days)
    facts = _costs(executed).cross_join(_reviews(outcome_analyses, approval_decisions, as_of, policy))
    facts = facts.cross_join(_calls(earlier_calls, as_of, window_days))
    facts = facts.cross_join(_revenue(executed, treatment_effects, policy))
    return ibis.union(_counted(facts, window_days), _saved(baseline_comparisons, customers))


def _costs(executed: ir.Table) -> ir.Table:
    return executed.agg(
        executions=executed.count(),
        playbook_cost=executed.expected_cost.sum().fill_null(0.0),
        priced=executed.expected_cost.count(),
    )


def _reviews(outcome_analyses: ir.Table, approval_decisions: ir.Table, as_of: date, policy: Policy) -> ir.Table:
    """Count what people answered in the window, each person once per request."""
    end, window_days = end_of_day(as_of), policy.journey.roi.window_days
    answers = approval_decisions.filter(
        approval_decisions.decided_at > end - ibis.interval(days=window_days), approval_decisions.decided_at <= end
    )
    asked = outcome_analyses.filter(outcome_analyses.requires_human_approval)
    answers = answers.semi_join(asked, "intervention_id")
    people = answers.select(
        "intervention_id", person=person(answers.decided_by, policy.vocabulary.null_words)
    ).distinct()
    people = people.filter(people.person.notnull())
    return people.agg(reviews=people.count())


def _calls(earlier_calls: ir.Table, as_of: date, window_days: int) -> ir.Table:
    """Count the calls of a language model on the days of a window that ends the day before.

    The calls of a day are made when its tables are done: they are paid for from the next day on.
    """
    first = ibis.literal(as_of - timedelta(days=window_days), "date")
    calls = earlier_calls.filter(earlier_calls.as_of >= first, earlier_calls.purpose.isin(JOURNEY_PURPOSES))
    return calls.agg(calls=calls.count())


def _revenue(executed: ir.Table, treatment_effects: ir.Table, policy: Policy) -> ir.Table:
    """Return the revenue of what was executed, each run under the best evidence that there is for its playbook."""
    effects = treatment_effects.filter(treatment_effects.segment == ANY_SEGMENT, treatment_effects.status == MEASURED)
    best_first = ibis.window(group_by=effects.playbook_id, order_by=(effects.control != HELD_OUT))
    effects = effects.mutate(place=ibis.row_number().over(best_first))
    effects = effects.filter(effects.place == 0).select(
        "playbook_id", "evidence_grade", "difference", "difference_low", "difference_high"
    )
    succeeded = is_success(executed, policy)
    # What the source itself calls a failure has retained nothing.
    revenue = executed.playbook_success.fill_null(True).ifelse(executed.estimated_revenue_saved, ibis.null("float64"))
    runs = executed.select("playbook_id", revenue=revenue, success_revenue=succeeded.ifelse(revenue, None))
    runs = runs.group_by("playbook_id").agg(
        runs=runs.count(),
        revenue=runs.revenue.sum(),
        valued=runs.revenue.count(),
        worth=runs.success_revenue.mean(),
    )
    runs = runs.left_join(effects, "playbook_id")
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
    rest = grade == ASSUMPTION
    found = runs.agg(
        **cells,
        recorded_runs=runs.runs.sum(where=rest).fill_null(0),
        recorded_valued=runs.valued.sum(where=rest).fill_null(0),
        recorded_revenue=runs.revenue.sum(where=rest),
    )
    # Nothing done is worth nothing; what was done and nobody valued is worth nobody knows what.
    worthless = (found.recorded_runs == 0).ifelse(0.0, ibis.null("float64"))
    return found.mutate(recorded_revenue=found.recorded_revenue.fill_null(worthless))


def _counted(facts: ir.Table, window_days: int) -> ir.Table:
    """Return the quantities that need no baseline, and revenue by grade."""
    none = ibis.null("float64")
    executions = facts.executions.cast("string")
    rows = [
        (
            PLAYBOOK_COST,
            ASSUMPTION,
            facts.priced,
            (facts.playbook_cost, none, none),
            _text(_number(facts.playbook_cost), " by the estimates of ", facts.priced, " of ", executions, " executed"),
        ),
        (REVIEW_TIME, ASSUMPTION, facts.reviews, (facts.reviews, none, none), _text(facts.reviews, " reviews")),
        (
            API_CALLS,
            ASSUMPTION,
            facts.executions,
            (facts.executions, none, none),
            _text(executions, " executed interventions"),
        ),
        (LLM_USAGE, ASSUMPTION, facts.calls, (facts.calls, none, none), _text(facts.calls, " calls made")),
        (
            INFRASTRUCTURE,
            ASSUMPTION,
            ibis.literal(0),
            (ibis.literal(window_days / DAYS_PER_MONTH), none, none),
            ibis.literal(f"{window_days} / {DAYS_PER_MONTH} days"),
        ),
        *(
            (
                RETAINED_REVENUE,
                grade,
                facts[f"{grade}_runs"],
                (facts[f"{grade}_revenue"], facts[f"{grade}_low"], facts[f"{grade}_high"]),
                _text(
                    _number(facts[f"{grade}_revenue"]),
                    " for ",
                    _number(facts[f"{grade}_recoveries"]),
                    " more recoveries in ",
                    facts[f"{grade}_runs"],
                    " runs than without",
                ).fill_null("not measurable: no success with a known revenue in the window"),
            )
            for grade in (RANDOMISED, MATCHED)
        ),
        (
            RETAINED_REVENUE,
            ASSUMPTION,
            facts.recorded_valued,
            (facts.recorded_revenue, none, none),
            _text(
                _number(facts.recorded_revenue),
                " recorded with ",
                facts.recorded_valued,
                " of ",
                facts.recorded_runs,
                " executed without a comparison",
            ).fill_null("not measurable: no revenue recorded of what was executed"),
        ),
    ]
    parts = [
        ibis.struct(
            {
                "component": ibis.literal(component),
                "evidence_grade": ibis.literal(grade),
                "records": records.cast("int64"),
                "quantity": quantity.cast("float64"),
                "quantity_low": low.cast("float64"),
                "quantity_high": high.cast("float64"),
                "counted": counted,
            }
        )
        for component, grade, records, (quantity, low, high), counted in rows
    ]
    rows = facts.select(part=ibis.array(parts).unnest()).unpack("part")
    # Revenue stands once, and once more for each grade that some run has.
    is_compared = (rows.component == RETAINED_REVENUE) & (rows.evidence_grade != ASSUMPTION)
    return rows.filter(~is_compared | (rows.records > 0))


def _saved(baseline_comparisons: ir.Table, customers: ir.Table) -> ir.Table:
    """Return the days saved against the best baseline of each metric, and what customers paid for those of cases."""
    rows = preferred(baseline_comparisons)
    rows = rows.filter(rows.metric.isin(list(SAVINGS.values())))
    rows = rows.cross_join(customers.agg(account_value=customers.account_value.mean()))
    days = rows.window_exposure * rows.baseline_value
    daily = (rows.metric == DAYS_PER_CASE).ifelse(rows.account_value / DAYS_PER_YEAR, 1.0)
    saved = rounded(rows.window_exposure * (rows.baseline_value - rows.value), MONEY_DECIMALS)
    component = rows.metric.cases(*((metric, name) for name, metric in SAVINGS.items()), else_=None)
    paid = (rows.metric == DAYS_PER_CASE).ifelse(
        _text(" of customers who pay ", _number(rows.account_value), f" / {DAYS_PER_YEAR} a day"), ""
    )
    return rows.select(
        component=component,
        evidence_grade="evidence_grade",
        records=rows.customers + rows.baseline_customers,
        quantity=saved * daily,
        quantity_low=_outward(ibis.least, days * (1 - rows.ratio_high), saved) * daily,
        quantity_high=_outward(ibis.greatest, days * (1 - rows.ratio_low), saved) * daily,
        counted=_text(saved, " days saved against the baseline ", rows.baseline, paid),
    )


def _outward(choose: Callable[..., ir.NumericValue], end: ir.NumericValue, middle: ir.NumericValue) -> ir.NumericValue:
    """Return the end of an interval, not inside of its rounded middle; null where there is none."""
    return end.isnull().ifelse(ibis.null("float64"), choose(end, middle))


def _number(value: ir.NumericValue) -> ir.StringValue:
    return rounded(value, MONEY_DECIMALS).cast("string")


def _text(*parts: ir.Value | str) -> ir.StringValue:
    texts = [ibis.literal(part) if isinstance(part, str) else part.cast("string") for part in parts]
    return texts[0].concat(*texts[1:])
