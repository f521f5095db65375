"""What money comes to: one definition of each ratio, which every marketing table uses.

Belongs here: return on investment, return on media spend, and cost per unit, null where there is nothing to divide by.
Does not belong here: which value and which costs are meant; both sides of a ratio must be of the same assets, and the
table that calls says which.

Media spend is a part of all cost, so a return on media spend of 1 is no profit: it is the point at which media alone is
paid for. The two are never compared with one another or with the target of a metric.
"""

import ibis.expr.types as ir


def return_on_investment(value: ir.NumericValue, cost: ir.NumericValue) -> ir.FloatingValue:
    """Return what is left of the value after all cost, per unit of that cost; null without cost.

    0: paid back, nothing gained. -1: nothing came back.
    """
    return (value - cost) / spent(cost)


def return_on_ad_spend(value: ir.NumericValue, media_spend: ir.NumericValue) -> ir.FloatingValue:
    """Return the value per unit of media spend, gross of every cost; null without spend."""
    return value / spent(media_spend)


def cost_per(cost: ir.NumericValue, units: ir.NumericValue) -> ir.FloatingValue:
    """Return the cost of one unit; null without units: no price is known, and it is not 0."""
    return cost / spent(units)


def spent(amount: ir.NumericValue) -> ir.FloatingValue:
    """Return what can be divided by: null where there is nothing."""
    return amount.cast("float64").nullif(0.0)
