"""Sensitivity of the net benefit to each assumption.

One row per as-of date and assumption of the policy's section `roi`: the net benefit with this assumption at the low and
at the high end of its range, all others unchanged. Quantities stay the same; only prices change.
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
from cjo_assets.policy.journey_value import SensitivityRanges

ASSUMPTIONS = tuple(SensitivityRanges.model_fields)
LOW, BASE, HIGH = "low", "base", "high"


class RoiSensitivity(DatedContract):
    """Net benefit as assumptions move, one at a time. One row per as-of date and assumption."""

    assumption: str = key("Assumption: its name in the policy's section roi.", isin=list(ASSUMPTIONS))
    value_low: float = column("Low end of its range, in the unit of the policy.", decimals=6)
    value_base: float = column("Value in the policy.", decimals=6)
    value_high: float = column("High end of its range.", decimals=6)
    net_benefit_low: float = column("Net benefit with the assumption at its low end [currency].", decimals=2)
    net_benefit_base: float = column("Net benefit as estimated [currency].", decimals=2)
    net_benefit_high: float = column("Net benefit with the assumption at its high end [currency].", decimals=2)
    swing: float = column("Distance between the two ends of the net benefit [currency].", decimals=2, ge=0)
    rank: int = column("1 = the assumption that moves the result most; equal swings by name.", ge=1)


def roi_sensitivity(roi_breakdown: ir.Table, policy: Policy) -> ir.Table:
    """Price the quantities at both ends of each assumption."""
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
    assumptions = nets.group_by("assumption").agg(**ends)
    # Rounded before it ranks: equal published swings are ordered by name.
    swing = rounded((assumptions.net_benefit_high - assumptions.net_benefit_low).abs(), MONEY_DECIMALS)
    assumptions = assumptions.mutate(swing=swing)
    widest_first = ibis.window(order_by=[assumptions.swing.desc(), assumptions.assumption])
    return assumptions.mutate(rank=ibis.row_number().over(widest_first) + 1)


@check(blocking=True)
def bases_that_are_not_the_estimate(roi_sensitivity: ir.Table, roi_estimate: ir.Table) -> ir.Table:
    """Return assumptions whose net benefit without a change is not the estimate."""
    compared = roi_sensitivity.cross_join(roi_estimate.select("net_benefit"))
    gap = (compared.net_benefit_base - compared.net_benefit).abs()
    failing = compared.filter((gap > HALF_A_CENT) | gap.isnull())
    return failing.select("assumption", "net_benefit_base", "net_benefit")


def _scenarios(policy: Policy) -> ir.Table:
    """Return every assumption at both ends and unchanged, one row each, with the values of all assumptions."""
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
