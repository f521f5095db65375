"""ROI by evidence grade.

One row per as-of date and evidence grade, from strong to weak. Costs do not depend on the evidence for the value, so
the net benefit at a grade is the value of this grade and the stronger ones, less all costs. The last row is the total
of `roi_estimate`; the rows above are the totals without weaker evidence.

Intervals are those of the comparisons. Parts share customers, so the ends of their intervals are added, which is
conservative; costs and assumptions have no interval.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.evidence_grades import ASSUMPTION, COST, EVIDENCE_GRADES, VALUE
from cjo_assets.core.expressions.intervals import SIGNS, interval_of_sum, sign_of
from cjo_assets.core.expressions.numbers import HALF_A_CENT
from cjo_assets.core.expressions.rows import literal_rows
from cjo_assets.core.expressions.tables import lookup


class RoiByGrade(DatedContract):
    """Value, cost and what remains, by grade. One row per as-of date and evidence grade."""

    evidence_grade: str = key("randomised, matched, before_after or assumption.", isin=EVIDENCE_GRADES)
    strength: int = column("Place of the grade, 1 = strongest.", ge=1)
    components: int = column("Components of this grade that have an amount.", ge=0)
    value: float = column("Value components of this grade [currency].", decimals=2)
    value_low: float = column(
        "Lower end of its interval [currency]; null where nothing was compared, or a part has none.",
        decimals=2,
        nullable=True,
    )
    value_high: float = column(
        "Upper end of its interval [currency]; null as the lower one.", decimals=2, nullable=True
    )
    value_status: str = column(
        "Side of 0 that this interval is on; not_distinguishable: both; not_measurable: none.", isin=SIGNS
    )
    cost: float = column("Cost components of this grade [currency].", decimals=2, ge=0)
    value_so_far: float = column("Value of this grade and the stronger ones [currency].", decimals=2)
    net_benefit_so_far: float = column("value_so_far less the costs of all grades [currency], up = better.", decimals=2)
    net_benefit_so_far_low: float = column(
        "Lower end by the intervals so far [currency]; null where nothing was compared, or a part has none.",
        decimals=2,
        nullable=True,
    )
    net_benefit_so_far_high: float = column("Upper end [currency]; null as the lower one.", decimals=2, nullable=True)


def roi_by_grade(roi_breakdown: ir.Table) -> ir.Table:
    """Add up each grade, and all grades from the strongest to each."""
    grades = [{"evidence_grade": name, "strength": place} for place, name in enumerate(EVIDENCE_GRADES, start=1)]
    parts = roi_breakdown
    is_compared = compared_parts(parts)
    low, high = interval_of_sum(
        parts.amount, parts.amount_low, parts.amount_high, are_independent=False, where=is_compared
    )
    sums = parts.group_by("evidence_grade").agg(
        value_low=low,
        value_high=high,
        parts_without_interval=parts.count(where=is_compared & parts.amount_low.isnull()),
        components=parts.amount.count(),
        value=parts.amount.sum(where=parts.kind == VALUE),
        cost=parts.amount.sum(where=parts.kind == COST),
    )
    listed = literal_rows(grades, {"evidence_grade": "string", "strength": "int64"})
    graded = lookup(listed, sums, "evidence_grade")
    ends = ("value_low", "value_high")
    graded = graded.mutate(
        components=graded.components.fill_null(0),
        value=graded["value"].fill_null(0.0),
        cost=graded.cost.fill_null(0.0),
        **{end: (graded.parts_without_interval == 0).ifelse(graded[end], None) for end in ends},
    )
    stronger = ibis.window(order_by=graded.strength, preceding=None, following=0)
    has_interval = graded.value_low.count().over(stronger) > 0
    is_known = has_interval & (graded.parts_without_interval.sum().over(stronger) == 0)
    so_far_low, so_far_high = (
        is_known.ifelse(ibis.coalesce(graded[end], graded["value"]).sum().over(stronger), None) for end in ends
    )
    so_far = graded["value"].sum().over(stronger)
    cost = graded.cost.sum().over(ibis.window())
    return graded.mutate(
        value_so_far=so_far,
        net_benefit_so_far=so_far - cost,
        value_status=sign_of(graded.value_low, graded.value_high),
        net_benefit_so_far_low=so_far_low - cost,
        net_benefit_so_far_high=so_far_high - cost,
    )


def compared_parts(roi_breakdown: ir.Table) -> ir.BooleanValue:
    """Return whether a part is a value with a comparison and an amount."""
    parts = roi_breakdown
    return (parts.kind == VALUE) & (parts.evidence_grade != ASSUMPTION) & parts.amount.notnull()


@check(blocking=True)
def grades_that_do_not_sum(roi_by_grade: ir.Table, roi_breakdown: ir.Table) -> ir.Table:
    """Return grades that are not the sum of their parts, and parts without a grade."""
    parts = roi_breakdown.group_by("evidence_grade").agg(
        values_of_parts=roi_breakdown.amount.sum(where=roi_breakdown.kind == VALUE).fill_null(0.0),
        costs_of_parts=roi_breakdown.amount.sum(where=roi_breakdown.kind == COST).fill_null(0.0),
    )
    sums = lookup(parts, roi_by_grade, "evidence_grade")
    gap = ibis.greatest((sums["value"] - sums.values_of_parts).abs(), (sums.cost - sums.costs_of_parts).abs())
    return sums.filter((gap > HALF_A_CENT) | sums["value"].isnull()).select("evidence_grade", gap=gap)
