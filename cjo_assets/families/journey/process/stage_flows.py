"""Moves between stages, the data of the journey map.

One row per as-of date, stage left and stage entered, over the moves within the policy's window up to the as-of date. A
row without a stage left counts journeys that begin. A customer is held up after longer than the typical days in the
stage left.
"""

import ibis.expr.types as ir

from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.days import days_after
from cjo_assets.families.journey.process.visits import is_invalid, is_judged, known_visits, typical_days
from cjo_assets.policy import Policy


class StageFlows(DatedContract):
    """Moves between stages. One row per as-of date, stage left and stage entered."""

    from_stage: str = key("Stage left; null where a journey begins.", words="stages", nullable=True)
    to_stage: str = key("Stage entered; the same where it was entered again.", words="stages")
    moves: int = column("Moves within the window [moves].", ge=1)
    customers: int = column("Customers who made them [customers].", ge=1)
    median_days: float = column(
        "Days in the stage left, of the middle move [days]; null where the log does not have them.",
        decimals=6,
        ge=0,
        nullable=True,
    )
    invalid_moves: int = column("Moves the policy does not allow [moves].", ge=0)
    invalid_share: float = column(
        "invalid over moves with a known previous stage [0-1, down = better]; null without any.",
        decimals=6,
        ge=0,
        le=1,
        nullable=True,
    )
    customers_held_up: int = column("Customers who had waited longer than is typical [customers].", ge=0)


def stage_flows(visits: ir.Table, as_of: ir.DateScalar, policy: Policy) -> ir.Table:
    """Count the moves of the window."""
    after = days_after(as_of, -policy.journey.portfolio.window_days)
    entries = known_visits(visits, as_of)
    moves = entries.filter(entries.entered_at > after)
    moves = moves.mutate(
        days=moves.entered_at.delta(moves.previous_entered_at, unit="day").cast("float64"),
        typical=typical_days(moves.previous_stage, moves.segment, policy),
    )
    was_held_up = (moves.days > moves.typical).fill_null(False)
    flows = moves.group_by(from_stage="previous_stage", to_stage="journey_stage").agg(
        moves=moves.count(),
        customers=moves.customer_id.nunique(),
        median_days=moves.days.median(),
        judged=moves.count(where=is_judged(moves)),
        invalid_moves=moves.count(where=is_invalid(moves)),
        customers_held_up=moves.customer_id.nunique(where=was_held_up),
    )
    return flows.mutate(invalid_share=flows.invalid_moves / flows.judged.nullif(0))
