"""Return of the families that account for costs and values, on the newest day of each.

One row per family; that of a family that has not run is missing. The families count other things over other periods:
their rows can be compared, and must not be added up.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.config import TableConfig
from cjo_assets.core.contract import Contract, column, key
from cjo_assets.core.expressions.evidence_grades import EVIDENCE_GRADES
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.core.table import LATEST

JOURNEY, MARKETING = "journey", "marketing"


class RoiAll(Contract):
    """Costs, values and return of the families, each on its newest day. One row per family."""

    family: str = key("Family that accounts for it.", isin=[JOURNEY, MARKETING])
    day: date = column("Newest published day of the family.", nullable=True)
    window_start: date = column("First day that is counted; null where there is none.", nullable=True)
    window_end: date = column("Last day that is counted; null where there is none.", nullable=True)
    total_value: float = column("Value of all evidence grades [currency]; null where unknown.", nullable=True)
    total_cost: float = column("Sum of all costs [currency]; null where unknown.", nullable=True)
    net_benefit: float = column("total_value minus total_cost [currency], up = better.", nullable=True)
    roi_percent: float = column("net_benefit in percent of total_cost; null without cost.", nullable=True)
    compared_value: float = column("Value that was compared with something [currency].", nullable=True)
    net_benefit_compared: float = column("compared_value minus total_cost [currency], up = better.", nullable=True)
    net_benefit_compared_low: float = column("Lower end of its interval [currency]; null where none.", nullable=True)
    net_benefit_compared_high: float = column("Upper end of its interval [currency]; null where none.", nullable=True)
    value_evidence_grade: str = column(
        "Weakest grade of the value; null where there is none.", isin=EVIDENCE_GRADES, nullable=True
    )


CONFIG = TableConfig(schema=LATEST, is_view=True, others={"roi_estimate": f"{JOURNEY}.roi_estimate"})


def roi_all(roi_analysis: ir.Table, roi_estimate: ir.Table, earlier_audit_runs: ir.Table) -> ir.Table:
    """Unite the return of the families under the same names."""
    ours, theirs = roi_analysis, roi_estimate
    marketing = ours.select(
        "window_start",
        "window_end",
        "total_cost",
        "value_evidence_grade",
        family=ibis.literal(MARKETING),
        total_value=ours.total_estimated_value,
        net_benefit=ours.total_net_roi,
        roi_percent=ours.roi_percentage,
        compared_value=ours.value_randomised,
        net_benefit_compared=ours.net_without_assumption,
        net_benefit_compared_low=ours.net_without_assumption_low,
        net_benefit_compared_high=ours.net_without_assumption_high,
    )
    journey = theirs.select(
        "window_start",
        "window_end",
        "total_cost",
        "value_evidence_grade",
        "total_value",
        "net_benefit",
        "roi_percent",
        "net_benefit_compared",
        "net_benefit_compared_low",
        "net_benefit_compared_high",
        family=ibis.literal(JOURNEY),
        compared_value=theirs.total_value - theirs.value_assumption,
    )
    rows = ibis.union(marketing, journey.select(marketing.columns))
    runs = earlier_audit_runs.filter(earlier_audit_runs.is_published)
    return lookup(rows, runs.group_by("family").agg(day=runs.as_of.max()), "family")
