"""The journey map: who moved from which stage to which.

One row per as-of date, stage left and stage entered, over the moves within the policy's window up to the as-of date.
Without a stage left the row is about journeys that begin. Somebody was held up who had spent longer in the stage left
than is typical of it.
"""

from datetime import date, timedelta

import ibis.expr.types as ir

from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.numbers import rounded
from cjo_assets.families.journey.process.visits import is_invalid, is_judged, known_visits, typical_days
from cjo_assets.policy import Policy


class StageFlows(DatedContract):
    """Moves between stages. One row per as-of date, stage left and stage entered."""

    from_stage: str = key("Stage left; null where a journey begins.", words="stages", nullable=True)
    to_stage: str = key("Stage entered; the same where it was entered anew.", words="stages")
    moves: int = column("Moves within the window [moves].", ge=1)
    customers: int = column("Customers who made them [customers].", ge=1)
    median_days: float = column(
        "Days in the stage left, of the middle move [days]; null where the log does not say.", ge=0, nullable=True
    )
    invalid_moves: int = column("Moves the policy does not allow [moves].", ge=0)
    invalid_share: float = column(
        "invalid over judged moves [0-1, down = better]; null where none says where it came from.",
        ge=0,
        le=1,
        nullable=True,
    )
    customers_held_up: int = column("Customers who had waited longer than is typical [customers].", ge=0)


def stage_flows(visits: ir.Table, as_of: date, policy: Policy) -> ir.Table:
    """Count the moves of the window."""
    after = as_of - timedelta(days=policy.journey.portfolio.window_days)
    rows = known_visits(visits, as_of)
    rows = rows.filter(rows.entered_at > after)
    rows = rows.mutate(
        days=rows.entered_at.delta(rows.previous_entered_at, unit="day").cast("float64"),
        typical=typical_days(rows.previous_stage, rows.segment, policy),
    )
    was_held_up = (rows.days > rows.typical).fill_null(False)
    found = rows.group_by(from_stage="previous_stage", to_stage="journey_stage").agg(
        moves=rows.count(),
        customers=rows.customer_id.nunique(),
        median_days=rounded(rows.days.median()),
        judged=rows.count(where=is_judged(rows)),
        invalid_moves=rows.count(where=is_invalid(rows)),
        customers_held_up=rows.customer_id.nunique(where=was_held_up),
    )
    return found.mutate(invalid_share=rounded(found.invalid_moves / found.judged.nullif(0))).drop("judged")
