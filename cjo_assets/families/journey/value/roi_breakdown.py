"""What the interventions cost and what they are worth, part by part.

One row per as-of date, component and evidence grade. amount = quantity x unit_price: what was counted or compared, and
what the policy assumes one of it to be worth. Costs and values are those of one population: the interventions executed
in the window that ends on the as-of date, and the customers in our care in it. Reviews are paid for whatever they say.

The grade says how we know that a value is our doing: `randomised` against customers held out by chance, `matched`
against customers whose decision was refused or lapsed, `before_after` against an earlier time, `assumption` where
nothing was compared. No money is counted twice. A run of a playbook with a measured effect counts with that effect
(difference in recovery x runs x revenue of a success) and its recorded revenue with nothing; days in escalation and
days in support are different days, and what an agent costs is not what a customer misses.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.evidence_grades import ASSUMPTION, COST, EVIDENCE_GRADES, VALUE
from cjo_assets.core.expressions.numbers import HALF_A_CENT, MONEY_DECIMALS, rounded
from cjo_assets.core.expressions.rows import literal_rows
from cjo_assets.families.journey.value._roi_components import COMPONENTS, price_in_words, prices
from cjo_assets.families.journey.value._roi_quantities import quantities
from cjo_assets.policy import Policy


class RoiBreakdown(DatedContract):
    """Cost and value components. One row per as-of date, component and evidence grade."""

    component: str = key("Component.", isin=list(COMPONENTS))
    kind: str = column("cost or value.", isin=[COST, VALUE])
    evidence_grade: str = key("randomised, matched, before_after or assumption.", isin=EVIDENCE_GRADES)
    records: int = column("Interventions, reviews, calls or customers behind the quantity; 0 where none.", ge=0)
    quantity: float = column("What was counted or compared, in its unit; null where it cannot be said.", nullable=True)
    unit: str = column("Unit of the quantity.")
    unit_price: float = column("What one of it costs or is worth, by the policy [currency].", ge=0)
    amount: float = column(
        "quantity x unit_price in the window [currency]; null where it cannot be said.", nullable=True
    )
    amount_low: float = column("Lower end of its interval [currency]; null where nothing was compared.", nullable=True)
    amount_high: float = column("Upper end of its interval [currency]; null where nothing was compared.", nullable=True)
    formula: str = column("How the amount came about, with its numbers.")
    assumption: str = column("What must hold for it to be true.")


def roi_breakdown(
    outcome_analyses: ir.Table,
    approval_decisions: ir.Table,
    treatment_effects: ir.Table,
    baseline_comparisons: ir.Table,
    customers: ir.Table,
    earlier_audit_language_model_calls: ir.Table,
    as_of: date,
    policy: Policy,
) -> ir.Table:
    """Count and compare, then price what was counted."""
    rules = policy.journey.roi
    counted = quantities(
        outcome_analyses,
        approval_decisions,
        treatment_effects,
        baseline_comparisons,
        customers,
        earlier_audit_language_model_calls,
        as_of,
        policy,
    )
    words = price_in_words(rules)
    priced = [
        {
            "component": name,
            "kind": component.kind,
            "unit": component.unit,
            "unit_price": float(price),
            "words": words[name],
            "assumption": component.assumption,
        }
        for (name, component), price in zip(COMPONENTS.items(), prices(rules).values(), strict=True)
    ]
    texts = dict.fromkeys(("component", "kind", "unit", "words", "assumption"), "string")
    rows = literal_rows(priced, texts | {"unit_price": "float64"})
    rows = rows.left_join(counted, "component").drop("component_right")
    quantity = rounded(rows.quantity)
    return rows.select(
        "component",
        "kind",
        "unit",
        "unit_price",
        "assumption",
        evidence_grade=rows.evidence_grade.fill_null(ASSUMPTION),
        records=rows.records.fill_null(0),
        quantity=quantity,
        amount=rounded(quantity * rows.unit_price, MONEY_DECIMALS),
        amount_low=rounded(rows.quantity_low * rows.unit_price, MONEY_DECIMALS),
        amount_high=rounded(rows.quantity_high * rows.unit_price, MONEY_DECIMALS),
        formula=quantity.isnull().ifelse(
            ibis.coalesce(rows.counted, "not measurable: no baseline to compare with"),
            rows.counted.concat(" ", rows.words),
        ),
    )


@check(blocking=True)
def amounts_that_are_not_their_product(roi_breakdown: ir.Table) -> ir.Table:
    """Find amounts that are not quantity times unit price, or lie outside their interval."""
    rows = roi_breakdown
    gap = (rows.amount - rows.quantity * rows.unit_price).abs()
    is_wrong = (gap > HALF_A_CENT + 1e-6) | (rows.amount.isnull() != rows.quantity.isnull())
    is_outside = ~rows.amount.between(rows.amount_low, rows.amount_high)
    return rows.filter(is_wrong.fill_null(False) | is_outside.fill_null(False)).select(
        "component", "evidence_grade", "quantity", "unit_price", "amount"
    )
