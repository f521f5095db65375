"""What it all comes to.

One row per as-of date: the sums of `roi_breakdown`, the weakest evidence in them, and what remains of the value at each
grade, so that nobody takes a sum over grades for the strongest of them. Intervals are those of `roi_by_grade`: of what
was compared, the ends of its parts added, costs and assumptions taken as they are.
"""

from datetime import date, timedelta

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, any_of, column
from cjo_assets.core.expressions.evidence_grades import ASSUMPTION, COST, EVIDENCE_GRADES, VALUE
from cjo_assets.core.expressions.intervals import SIGNS, interval_of_sum, sign_of
from cjo_assets.core.expressions.numbers import HALF_A_CENT, MONEY_DECIMALS, rounded
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
    total_value: float = column("Sum of the value components of all grades [currency].")
    total_cost: float = column("Sum of the cost components [currency].", ge=0)
    net_benefit: float = column("total_value minus total_cost [currency], up = better.")
    net_benefit_low: float = column(
        "Lower end by the intervals of what was compared [currency]; null where nothing was, or a part has none.",
        nullable=True,
    )
    net_benefit_high: float = column("Upper end [currency]; null as the lower one.", nullable=True)
    roi_percent: float = column("net_benefit in percent of total_cost; null where nothing was spent.", nullable=True)
    evidence_grade: str = column("Weakest grade among the parts, costs included.", isin=EVIDENCE_GRADES)
    value_evidence_grade: str = column(
        "Weakest grade of value that is not 0; null where there is no value.", isin=EVIDENCE_GRADES, nullable=True
    )
    value_randomised: float = column("Value shown by customers held out by chance [currency].")
    value_randomised_low: float = column("Lower end of its interval [currency]; null where none.", nullable=True)
    value_randomised_high: float = column("Upper end of its interval [currency]; null where none.", nullable=True)
    value_matched: float = column("Value shown by customers refused or lapsed [currency].")
    value_matched_low: float = column("Lower end of its interval [currency]; null where none.", nullable=True)
    value_matched_high: float = column("Upper end of its interval [currency]; null where none.", nullable=True)
    value_before_after: float = column("Value shown by an earlier time [currency].")
    value_before_after_low: float = column("Lower end of its interval [currency]; null where none.", nullable=True)
    value_before_after_high: float = column("Upper end of its interval [currency]; null where none.", nullable=True)
    value_assumption: float = column("Value that nothing was compared for [currency].")
    net_benefit_compared: float = column(
        "net_benefit without value_assumption: value that was compared with something, less all costs [currency]."
    )
    net_benefit_compared_low: float = column("Lower end of its interval [currency]; null where none.", nullable=True)
    net_benefit_compared_high: float = column("Upper end of its interval [currency]; null where none.", nullable=True)
    compared_value_status: str = column(
        "Side of 0 on which the value that was compared lies; not_distinguishable: both; not_measurable: no interval.",
        isin=SIGNS,
    )
    compared_net_status: str = column("The same of net_benefit_compared.", isin=SIGNS)


def roi_estimate(roi_breakdown: ir.Table, as_of: date, policy: Policy) -> ir.Table:
    """Add up the components."""
    window_days = policy.journey.roi.window_days
    parts = roi_breakdown
    # Grades are listed from strong to weak, so the weakest is the one furthest down the list.
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
    return totals.select(
        "interventions_executed",
        window_start=ibis.literal(as_of - timedelta(days=window_days - 1), "date"),
        window_end=ibis.literal(as_of, "date"),
        total_value=rounded(totals["value"], MONEY_DECIMALS),
        total_cost=rounded(totals.cost, MONEY_DECIMALS),
        net_benefit=rounded(net, MONEY_DECIMALS),
        net_benefit_low=rounded(net_low + totals.value_assumption, MONEY_DECIMALS),
        net_benefit_high=rounded(net_high + totals.value_assumption, MONEY_DECIMALS),
        net_benefit_compared_low=rounded(net_low, MONEY_DECIMALS),
        net_benefit_compared_high=rounded(net_high, MONEY_DECIMALS),
        compared_value_status=sign_of(totals.compared_low, totals.compared_high),
        compared_net_status=sign_of(net_low, net_high),
        roi_percent=rounded(100 * net / totals.cost.nullif(0.0), MONEY_DECIMALS),
        evidence_grade=totals.weakest.cases(*enumerate(EVIDENCE_GRADES), else_=ASSUMPTION),
        value_evidence_grade=totals.weakest_value.cases(*enumerate(EVIDENCE_GRADES), else_=None),
        net_benefit_compared=rounded(net - totals.value_assumption, MONEY_DECIMALS),
        **{f"value_{name}": rounded(totals[f"value_{name}"], MONEY_DECIMALS) for name in EVIDENCE_GRADES},
        **{name: rounded(totals[name], MONEY_DECIMALS) for name in ends},
    )


@check(blocking=True)
def totals_that_do_not_sum(roi_estimate: ir.Table, roi_breakdown: ir.Table, roi_by_grade: ir.Table) -> ir.Table:
    """Find totals that are not the sum of their parts, or of their grades."""
    parts, grades = roi_breakdown, roi_by_grade
    sums = parts.agg(
        costs=parts.amount.sum(where=parts.kind == COST).fill_null(0.0),
        worth=parts.amount.sum(where=parts.kind == VALUE).fill_null(0.0),
    ).cross_join(grades.agg(last=grades.net_benefit_so_far.argmax(grades.strength)))
    rows = roi_estimate.cross_join(sums)
    of_grades = [rows[f"value_{name}"] for name in EVIDENCE_GRADES]
    gap = ibis.greatest(
        (rows.total_cost - rows.costs).abs(),
        (rows.total_value - rows.worth).abs(),
        (rows.total_value - rows.total_cost - rows.net_benefit).abs(),
        (rows.total_value - sum(of_grades[1:], of_grades[0])).abs(),
        (rows.net_benefit - rows.value_assumption - rows.net_benefit_compared).abs(),
        (rows.net_benefit - rows.last).abs(),
    )
    is_outside = any_of(
        ~rows[name].between(rows[f"{name}_low"], rows[f"{name}_high"]).fill_null(True)
        for name in ("net_benefit", "net_benefit_compared", *(f"value_{grade}" for grade in COMPARED_GRADES))
    )
    is_wrong = (gap > HALF_A_CENT) | gap.isnull() | rows.last.isnull() | is_outside
    return rows.filter(is_wrong).select("window_end", gap=gap)


def _interval(parts: ir.Table, where: ir.BooleanValue) -> Interval:
    """Return the interval of the sum of some parts; null where there is none of them, or one without an interval."""
    low, high = interval_of_sum(parts.amount, parts.amount_low, parts.amount_high, are_independent=False, where=where)
    is_known = parts.count(where=where & parts.amount_low.isnull()) == 0
    return is_known.ifelse(low, None), is_known.ifelse(high, None)
