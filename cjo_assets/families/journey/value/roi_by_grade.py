"""The ROI by what it rests on.

One row per as-of date and evidence grade, from strong to weak. Costs are spent whatever the evidence for the value, so
the net benefit at a grade is the value of this grade and the stronger ones, less all costs. The last row is the
headline of `roi_estimate`; the rows above say how much of it remains for whoever does not believe weaker evidence.

Intervals are those of what was compared. Parts rest on the same customers, so their ends are added, which is too wide
rather than too narrow; costs and assumptions are taken as they are.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.evidence_grades import ASSUMPTION, COST, EVIDENCE_GRADES, VALUE
from cjo_assets.core.expressions.intervals import SIGNS, interval_of_sum, sign_of
from cjo_assets.core.expressions.numbers import HALF_A_CENT, MONEY_DECIMALS, rounded
from cjo_assets.core.expressions.rows import literal_rows


class RoiByGrade(DatedContract):
    """Value, cost and what remains, by grade. One row per as-of date and evidence grade."""

    evidence_grade: str = key("randomised, matched, before_after or assumption.", isin=EVIDENCE_GRADES)
    strength: int = column("Place of the grade, 1 = strongest.", ge=1)
    components: int = column("Components of this grade that have an amount.", ge=0)
    value: float = column("Value components of this grade [currency].")
    value_low: float = column(
        "Lower end of its interval [currency]; null where nothing was compared, or a part has none.", nullable=True
    )
    value_high: float = column("Upper end of its interval [currency]; null as the lower one.", nullable=True)
    value_status: str = column(
        "Side of 0 on which that interval lies; not_distinguishable: both; not_measurable: none.", isin=SIGNS
    )
    cost: float = column("Cost components of this grade [currency].", ge=0)
    value_so_far: float = column("Value of this grade and the stronger ones [currency].")
    net_benefit_so_far: float = column("value_so_far less the costs of all grades [currency], up = better.")
    net_benefit_so_far_low: float = column(
        "Lower end by the intervals so far [currency]; null where nothing was compared, or a part has none.",
        nullable=True,
    )
    net_benefit_so_far_high: float = column("Upper end [currency]; null as the lower one.", nullable=True)


def roi_by_grade(roi_breakdown: ir.Table) -> ir.Table:
    """Add up each grade, and from the strongest down to each."""
    grades = [{"evidence_grade": name, "strength": place} for place, name in enumerate(EVIDENCE_GRADES, start=1)]
    rows = literal_rows(grades, {"evidence_grade": "string", "strength": "int64"})
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
    rows = rows.left_join(sums, "evidence_grade").drop("evidence_grade_right")
    rows = rows.mutate(
        components=rows.components.fill_null(0), value=rows["value"].fill_null(0.0), cost=rows.cost.fill_null(0.0)
    )
    rows = rows.mutate(
        **{end: (rows.parts_without_interval == 0).ifelse(rows[end], None) for end in ("value_low", "value_high")}
    )
    down = ibis.window(order_by=rows.strength, preceding=None, following=0)
    is_known = (rows.value_low.count().over(down) > 0) & (rows.parts_without_interval.sum().over(down) == 0)
    so_far_low, so_far_high = (
        is_known.ifelse(ibis.coalesce(rows[end], rows["value"]).sum().over(down), None)
        for end in ("value_low", "value_high")
    )
    so_far = rows["value"].sum().over(down)
    cost = rows.cost.sum().over(ibis.window())
    return rows.select(
        "evidence_grade",
        "strength",
        "components",
        value=rounded(rows["value"], MONEY_DECIMALS),
        cost=rounded(rows.cost, MONEY_DECIMALS),
        value_so_far=rounded(so_far, MONEY_DECIMALS),
        net_benefit_so_far=rounded(so_far - cost, MONEY_DECIMALS),
        value_low=rounded(rows.value_low, MONEY_DECIMALS),
        value_high=rounded(rows.value_high, MONEY_DECIMALS),
        value_status=sign_of(rows.value_low, rows.value_high),
        net_benefit_so_far_low=rounded(so_far_low - cost, MONEY_DECIMALS),
        net_benefit_so_far_high=rounded(so_far_high - cost, MONEY_DECIMALS),
    )


def compared_parts(roi_breakdown: ir.Table) -> ir.BooleanValue:
    """Return whether a part is a value that was compared with something, and has an amount."""
    parts = roi_breakdown
    return (parts.kind == VALUE) & (parts.evidence_grade != ASSUMPTION) & parts.amount.notnull()


@check(blocking=True)
def grades_that_do_not_sum(roi_by_grade: ir.Table, roi_breakdown: ir.Table) -> ir.Table:
    """Find grades that are not the sum of their parts, or parts of no grade."""
    parts = roi_breakdown.group_by("evidence_grade").agg(
        values_of_parts=roi_breakdown.amount.sum(where=roi_breakdown.kind == VALUE).fill_null(0.0),
        costs_of_parts=roi_breakdown.amount.sum(where=roi_breakdown.kind == COST).fill_null(0.0),
    )
    rows = parts.left_join(roi_by_grade, "evidence_grade").drop("evidence_grade_right")
    gap = ibis.greatest((rows["value"] - rows.values_of_parts).abs(), (rows.cost - rows.costs_of_parts).abs())
    return rows.filter((gap > HALF_A_CENT) | rows["value"].isnull()).select("evidence_grade", gap=gap)
