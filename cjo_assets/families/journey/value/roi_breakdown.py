"""Cost and value of interventions by component.

One row per as-of date, component and evidence grade. amount = quantity x unit_price: a counted or compared quantity,
and the policy's assumption of its unit price. Costs and values have one population: the interventions executed in the
window that ends on the as-of date, and the active customers in it. Reviews cost the same whatever their result.

The grade is the evidence that a value was caused by the interventions: `randomised` against randomly held-out
customers, `matched` against customers whose decision was rejected or expired, `before_after` against an earlier time,
`assumption` without a comparison. No amount is counted twice. A run of a playbook with a measured effect counts with
that effect (difference in recovery x runs x revenue of a success), and its recorded revenue does not count; days in
escalation and days in support are different days, and the cost of an agent is different from the loss of a customer.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.evidence_grades import ASSUMPTION, COST, EVIDENCE_GRADES, VALUE
from cjo_assets.core.expressions.numbers import HALF_A_CENT, rounded
from cjo_assets.core.expressions.rows import literal_rows
from cjo_assets.core.expressions.sentences import sentence
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.families.journey.value._roi_components import COMPONENTS, price_in_words, prices
from cjo_assets.families.journey.value._roi_quantities import quantities
from cjo_assets.policy import Policy


class RoiBreakdown(DatedContract):
    """Cost and value components. One row per as-of date, component and evidence grade."""

    component: str = key("Component.", isin=list(COMPONENTS))
    kind: str = column("cost or value.", isin=[COST, VALUE])
    evidence_grade: str = key("randomised, matched, before_after or assumption.", isin=EVIDENCE_GRADES)
    records: int = column("Interventions, reviews, calls or customers behind the quantity; 0 where none.", ge=0)
    quantity: float = column(
        "What was counted or compared, in its unit; null where not measurable.", decimals=6, nullable=True
    )
    unit: str = column("Unit of the quantity.")
    unit_price: float = column("What one of it costs or is worth, by the policy [currency].", ge=0)
    amount: float = column(
        "quantity x unit_price in the window [currency]; null where not measurable.", decimals=2, nullable=True
    )
    amount_low: float = column(
        "Lower end of its interval [currency]; null where nothing was compared.", decimals=2, nullable=True
    )
    amount_high: float = column(
        "Upper end of its interval [currency]; null where nothing was compared.", decimals=2, nullable=True
    )
    formula: str = column("How the amount came about, with its numbers.")
    assumption: str = column("What must hold for it to be true.")


def roi_breakdown(
    outcome_analyses: ir.Table,
    approval_decisions: ir.Table,
    treatment_effects: ir.Table,
    baseline_comparisons: ir.Table,
    customers: ir.Table,
    earlier_audit_language_model_calls: ir.Table,
    as_of: ir.DateScalar,
    policy: Policy,
) -> ir.Table:
    """Multiply the quantities by the prices of the policy."""
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
    components = literal_rows(priced, texts | {"unit_price": "float64"})
    parts = lookup(components, counted, "component")
    # The amount is the product of the published quantity, so that a reader can check it.
    quantity = rounded(parts.quantity)
    return parts.mutate(
        evidence_grade=parts.evidence_grade.fill_null(ASSUMPTION),
        records=parts.records.fill_null(0),
        quantity=quantity,
        amount=quantity * parts.unit_price,
        amount_low=parts.quantity_low * parts.unit_price,
        amount_high=parts.quantity_high * parts.unit_price,
        formula=quantity.isnull().ifelse(
            ibis.coalesce(parts.counted, "not measurable: no baseline to compare with"),
            sentence("{} {}", parts.counted, parts.words),
        ),
    )


@check(blocking=True)
def amounts_that_are_not_their_product(roi_breakdown: ir.Table) -> ir.Table:
    """Return amounts that are not quantity times unit price, or are outside their interval."""
    parts = roi_breakdown
    gap = (parts.amount - parts.quantity * parts.unit_price).abs()
    is_wrong = (gap > HALF_A_CENT + 1e-6) | (parts.amount.isnull() != parts.quantity.isnull())
    is_outside = ~parts.amount.between(parts.amount_low, parts.amount_high)
    failing = parts.filter(is_wrong.fill_null(False) | is_outside.fill_null(False))
    return failing.select("component", "evidence_grade", "quantity", "unit_price", "amount")
