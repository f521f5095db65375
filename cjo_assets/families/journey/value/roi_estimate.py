"""ROI estimate for the window.

One row per as-of date: the sums of `roi_breakdown`, the weakest evidence in them, and the value by grade. Intervals are
those of `roi_by_grade`: the ends of the compared parts are added; costs and assumptions have no interval.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, any_of, column
from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.evidence_grades import ASSUMPTION, COST, EVIDENCE_GRADES, VALUE
from cjo_assets.core.expressions.intervals import SIGNS, interval_of_sum, sign_of
from cjo_assets.core.expressions.numbers import HALF_A_CENT
from cjo_assets.core.expressions.two_sample_tests import Interval
from cjo_assets.families.journey.value._roi_components import API_CALLS
from cjo_assets.families.journey.value.roi_by_grade import compared_parts
from cjo_assets.policy import Policy

COMPARED_GRADES = [name for name in EVIDENCE_GRADES if name != ASSUMPTION]


class RoiEstimate(DatedContract):
    """Totals of the window. One row per as-of date."""

    window_start: date = column("First day of the window.")
    window_end: date = column("Last day of the window: the as-of date.")
    interventions_executed: int = column("Interventions whose cost and value are counted.", ge=0)
    total_value: float = column("Sum of the value components of all grades [currency].", decimals=2)
    total_cost: float = column("Sum of the cost components [currency].", decimals=2, ge=0)
    net_benefit: float = column("total_value minus total_cost [currency], up = better.", decimals=2)
    net_benefit_low: float = column(
        "Lower end by the intervals of what was compared [currency]; null where nothing was, or a part has none.",
        decimals=2,
        nullable=True,
    )
    net_benefit_high: float = column("Upper end [currency]; null as the lower one.", decimals=2, nullable=True)
    roi_percent: float = column(
        "net_benefit in percent of total_cost; null where nothing was spent.", decimals=2, nullable=True
    )
    evidence_grade: str = column("Weakest grade among the parts, costs included.", isin=EVIDENCE_GRADES)
    value_evidence_grade: str = column(
        "Weakest grade of value that is not 0; null where there is no value.", isin=EVIDENCE_GRADES, nullable=True
    )
    value_randomised: float = column("Value shown by customers held out by chance [currency].", decimals=2)
    value_randomised_low: float = column(
        "Lower end of its interval [currency]; null where none.", decimals=2, nullable=True
    )
    value_randomised_high: float = column(
        "Upper end of its interval [currency]; null where none.", decimals=2, nullable=True
    )
    value_matched: float = column("Value shown by customers refused or lapsed [currency].", decimals=2)
    value_matched_low: float = column(
        "Lower end of its interval [currency]; null where none.", decimals=2, nullable=True
    )
    value_matched_high: float = column(
        "Upper end of its interval [currency]; null where none.", decimals=2, nullable=True
    )
    value_before_after: float = column("Value shown by an earlier time [currency].", decimals=2)
    value_before_after_low: float = column(
        "Lower end of its interval [currency]; null where none.", decimals=2, nullable=True
    )
    value_before_after_high: float = column(
        "Upper end of its interval [currency]; null where none.", decimals=2, nullable=True
    )
    value_assumption: float = column("Value that nothing was compared for [currency].", decimals=2)
    net_benefit_compared: float = column(
        "net_benefit without value_assumption: value that was compared with something, less all costs [currency].",
        decimals=2,
    )
    net_benefit_compared_low: float = column(
        "Lower end of its interval [currency]; null where none.", decimals=2, nullable=True
    )
    net_benefit_compared_high: float = column(
        "Upper end of its interval [currency]; null where none.", decimals=2, nullable=True
    )
    compared_value_status: str = column(
        "Side of 0 that the compared value is on; not_distinguishable: both; not_measurable: no interval.",
        isin=SIGNS,
    )
    compared_net_status: str = column("The same of net_benefit_compared.", isin=SIGNS)


def roi_estimate(roi_breakdown: ir.Table, as_of: ir.DateScalar, policy: Policy) -> ir.Table:
    """Add up the components of all grades, with their intervals."""
    window_days = policy.journey.roi.window_days
    parts = roi_breakdown
    # Grades are listed from strong to weak, so the weakest has the largest place.
    grade = parts.evidence_grade.cases(*((name, place) for place, name in enumerate(EVIDENCE_GRADES)), else_=None)
    is_value = parts.kind == VALUE
    compared_low, compared_high = _interval(parts, compared_parts(parts))
    ends: dict[str, ir.NumericValue] = {}
    for name in COMPARED_GRADES:
        low, high = _interval(parts, compared_parts(parts) & (parts.evidence_grade == name))
        ends |= {f"value_{name}_low": low, f"value_{name}_high": high}
    totals = parts.agg(
        value=parts.amount.sum(where=is_value).fill_null(0.0),
        cost=parts.amount.sum(where=~is_value).fill_null(0.0),
        weakest=grade.max(where=parts.amount.notnull()),
        weakest_value=grade.max(where=is_value & (parts.amount != 0)),
        compared_low=compared_low,
        compared_high=compared_high,
        **ends,
        interventions_executed=parts.records.sum(where=parts.component == API_CALLS).fill_null(0),
        **{
            f"value_{name}": parts.amount.sum(where=is_value & (parts.evidence_grade == name)).fill_null(0.0)
            for name in EVIDENCE_GRADES
        },
    )
    net = totals["value"] - totals.cost
    net_low, net_high = totals.compared_low - totals.cost, totals.compared_high - totals.cost
    return totals.mutate(
        window_start=days_after(as_of, 1 - window_days),
        window_end=as_of,
        total_value=totals["value"],
        total_cost=totals.cost,
        net_benefit=net,
        net_benefit_low=net_low + totals.value_assumption,
        net_benefit_high=net_high + totals.value_assumption,
        net_benefit_compared_low=net_low,
        net_benefit_compared_high=net_high,
        compared_value_status=sign_of(totals.compared_low, totals.compared_high),
        compared_net_status=sign_of(net_low, net_high),
        roi_percent=100 * net / totals.cost.nullif(0.0),
        evidence_grade=totals.weakest.cases(*enumerate(EVIDENCE_GRADES), else_=ASSUMPTION),
        value_evidence_grade=totals.weakest_value.cases(*enumerate(EVIDENCE_GRADES), else_=None),
        net_benefit_compared=net - totals.value_assumption,
    )


@check(blocking=True)
def totals_that_do_not_sum(roi_estimate: ir.Table, roi_breakdown: ir.Table, roi_by_grade: ir.Table) -> ir.Table:
    """Return totals that are not the sum of their parts, or of their grades."""
    parts, grades = roi_breakdown, roi_by_grade
    sums = parts.agg(
        costs=parts.amount.sum(where=parts.kind == COST).fill_null(0.0),
        worth=parts.amount.sum(where=parts.kind == VALUE).fill_null(0.0),
    ).cross_join(grades.agg(last=grades.net_benefit_so_far.argmax(grades.strength)))
    totals = roi_estimate.cross_join(sums)
    of_grades = [totals[f"value_{name}"] for name in EVIDENCE_GRADES]
    gap = ibis.greatest(
        (totals.total_cost - totals.costs).abs(),
        (totals.total_value - totals.worth).abs(),
        (totals.total_value - totals.total_cost - totals.net_benefit).abs(),
        (totals.total_value - sum(of_grades[1:], of_grades[0])).abs(),
        (totals.net_benefit - totals.value_assumption - totals.net_benefit_compared).abs(),
        (totals.net_benefit - totals["last"]).abs(),
    )
    is_outside = any_of(
        ~totals[name].between(totals[f"{name}_low"], totals[f"{name}_high"]).fill_null(True)
        for name in ("net_benefit", "net_benefit_compared", *(f"value_{grade}" for grade in COMPARED_GRADES))
    )
    is_wrong = (gap > HALF_A_CENT) | gap.isnull() | totals["last"].isnull() | is_outside
    return totals.filter(is_wrong).select("window_end", gap=gap)


def _interval(parts: ir.Table, where: ir.BooleanValue) -> Interval:
    """Return the interval of the sum of some parts; null without parts, or where one has no interval."""
    low, high = interval_of_sum(parts.amount, parts.amount_low, parts.amount_high, are_independent=False, where=where)
    is_known = parts.count(where=where & parts.amount_low.isnull()) == 0
    return is_known.ifelse(low, None), is_known.ifelse(high, None)
