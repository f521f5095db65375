"""Which assumptions the result hangs on.

One row per as-of date and assumption of the policy's section `roi`: the net benefit with this one at the low and at the
high end of its range, all others unchanged. What was counted and compared stays as it is; only prices move.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.evidence_grades import COST
from cjo_assets.core.expressions.numbers import HALF_A_CENT, MONEY_DECIMALS, rounded
from cjo_assets.core.expressions.rows import literal_rows
from cjo_assets.families.journey.value._roi_components import prices
from cjo_assets.policy import Policy
from cjo_assets.policy.journey import SensitivityRanges

ASSUMPTIONS = tuple(SensitivityRanges.model_fields)
LOW, BASE, HIGH = "low", "base", "high"


class RoiSensitivity(DatedContract):
    """Net benefit as assumptions move, one at a time. One row per as-of date and assumption."""

    assumption: str = key("Assumption: its name in the policy's section roi.", isin=list(ASSUMPTIONS))
    value_low: float = column("Low end of its range, in the unit of the policy.")
    value_base: float = column("What the policy says.")
    value_high: float = column("High end of its range.")
    net_benefit_low: float = column("Net benefit with the assumption at its low end [currency].")
    net_benefit_base: float = column("Net benefit as estimated [currency].")
    net_benefit_high: float = column("Net benefit with the assumption at its high end [currency].")
    swing: float = column("Distance between the two ends of the net benefit [currency].", ge=0)
    rank: int = column("1 = the assumption that moves the result most; equal swings by name.", ge=1)


def roi_sensitivity(roi_breakdown: ir.Table, policy: Policy) -> ir.Table:
    """Price the counted quantities again at both ends of each assumption."""
    cases = roi_breakdown.select("component", "kind", "quantity").cross_join(_scenarios(policy))
    price = cases.component.cases(*prices(cases).items(), else_=None)
    amount = rounded(cases.quantity * price, MONEY_DECIMALS)
    signed = (cases.kind == COST).ifelse(-amount, amount)
    nets = cases.group_by("assumption", "end").agg(net=signed.sum().fill_null(0.0), assumed=cases.assumed.max())
    ends = {
        f"{figure}_{end}": nets[source].max(where=nets.end == end)
        for figure, source in (("value", "assumed"), ("net_benefit", "net"))
        for end in (LOW, BASE, HIGH)
    }
    rows = nets.group_by("assumption").agg(**ends)
    rows = rows.mutate(swing=rounded((rows.net_benefit_high - rows.net_benefit_low).abs(), MONEY_DECIMALS))
    widest_first = ibis.window(order_by=[rows.swing.desc(), rows.assumption])
    return rows.select(
        "assumption",
        "swing",
        rank=ibis.row_number().over(widest_first) + 1,
        **{name: rounded(rows[name], MONEY_DECIMALS if name.startswith("net") else 6) for name in ends},
    )


@check(blocking=True)
def bases_that_are_not_the_estimate(roi_sensitivity: ir.Table, roi_estimate: ir.Table) -> ir.Table:
    """Find assumptions whose unchanged result is not the estimate."""
    rows = roi_sensitivity.cross_join(roi_estimate.select("net_benefit"))
    gap = (rows.net_benefit_base - rows.net_benefit).abs()
    return rows.filter((gap > HALF_A_CENT) | gap.isnull()).select("assumption", "net_benefit_base", "net_benefit")


def _scenarios(policy: Policy) -> ir.Table:
    """Return every assumption at both ends and unchanged: one row each, with the values of all."""
    rules = policy.journey.roi
    base = {name: float(getattr(rules, name)) for name in ASSUMPTIONS}
    rows = []
    for name in ASSUMPTIONS:
        limits = getattr(rules.sensitivity_ranges, name)
        for end, multiple in ((LOW, limits.low), (BASE, 1.0), (HIGH, limits.high)):
            assumed = base[name] * multiple
            rows.append({"assumption": name, "end": end, "assumed": assumed} | base | {name: assumed})
    numbers = dict.fromkeys(("assumed", *ASSUMPTIONS), "float64")
    return literal_rows(rows, {"assumption": "string", "end": "string"} | numbers)
