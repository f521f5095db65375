"""The portfolio by segment.

One row per as-of date and segment with customers. Every count and amount is the sum of the segment's `portfolio_cells`;
all segments have the same targets, so that they can be compared.
"""

import ibis.expr.types as ir

from cjo_assets.core.contract import DatedContract, key
from cjo_assets.families.journey.portfolio._portfolio_measures import PortfolioShares, summed, with_status
from cjo_assets.policy import Policy


class Segment(DatedContract):
    """A segment."""

    segment: str = key("Market segment.", words="segments")


class PortfolioBySegment(PortfolioShares, Segment):
    """Segments of the portfolio. One row per as-of date and segment that any customer is of."""


def portfolio_by_segment(portfolio_cells: ir.Table, policy: Policy) -> ir.Table:
    """Add up the cells of each segment and add its status."""
    return with_status(summed(portfolio_cells, "segment"), policy)
