"""Ratios of money: return on investment, return on ad spend, cost per unit.

Each ratio is null where its divisor is missing or 0. Both sides of a ratio must be of the same assets. Media spend is a
part of all cost, so a return on ad spend of 1 is no profit: it only pays for media.
"""

import ibis.expr.types as ir


def return_on_investment(value: ir.NumericValue, cost: ir.NumericValue) -> ir.FloatingValue:
    """Return value minus cost, over cost; null without cost. 0 is break-even, -1 a total loss."""
    return (value - cost) / nonzero(cost)


def return_on_ad_spend(value: ir.NumericValue, media_spend: ir.NumericValue) -> ir.FloatingValue:
    """Return the value per unit of media spend, gross of every cost; null without spend."""
    return value / nonzero(media_spend)


def cost_per(cost: ir.NumericValue, units: ir.NumericValue) -> ir.FloatingValue:
    """Return the cost of one unit; null without units."""
    return cost / nonzero(units)


def nonzero(amount: ir.NumericValue) -> ir.FloatingValue:
    """Return the amount as a divisor: null where it is 0."""
    return amount.cast("float64").nullif(0.0)
