"""Duration of visits to a stage, and rework.

One row per as-of date, segment and stage, without terminal stages. Throughput is that of the visits that ended within
the policy's window up to the as-of date. Running visits are counted separately: where they are longer than the ended
ones, the throughput underestimates the duration.
"""

import ibis.expr.types as ir

from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.days import days_after
from cjo_assets.families.journey.process.visits import known_visits, typical_days
from cjo_assets.policy import Policy


class StageThroughput(DatedContract):
    """Throughput of stages. One row per as-of date, segment and visited stage."""

    segment: str = key("Market segment.", words="segments")
    journey_stage: str = key("Stage, not a terminal one.", words="stages")
    typical_days: float = column("Typical duration, from the policy [days].", gt=0, nullable=True)
    ended_visits: int = column("Visits that ended in the window [visits].", ge=0)
    median_days: float = column(
        "Their throughput time, of the middle visit [days]; null without any.", decimals=6, nullable=True
    )
    slow_days: float = column(
        "Throughput time that the policy's share of them does not exceed [days]; null without any.",
        decimals=6,
        nullable=True,
    )
    over_typical_visits: int = column("Of the ended, those that took longer than is typical [visits].", ge=0)
    running_visits: int = column("Visits under way on the as-of date [visits].", ge=0)
    running_median_days: float = column(
        "Days of the middle one so far [days]; null without any.", decimals=6, nullable=True
    )
    started_visits: int = column("Visits that began in the window [visits].", ge=0)
    rework_visits: int = column("Of the begun, by customers who had been in the stage before [visits].", ge=0)
    rework_share: float = column(
        "rework over begun visits [0-1, down = better]; null without any.", decimals=6, ge=0, le=1, nullable=True
    )


def stage_throughput(visits: ir.Table, as_of: ir.DateScalar, policy: Policy) -> ir.Table:
    """Measure the visits of each segment and stage that ended in the window, and the running ones."""
    rules = policy.journey.portfolio
    after = days_after(as_of, -rules.window_days)
    known = known_visits(visits, as_of)
    known = known.filter(known.journey_stage.notin(policy.vocabulary.terminal_stages))
    known = known.mutate(
        days=known.left_at.fill_null(as_of).delta(known.entered_at, unit="day").cast("float64"),
        typical=typical_days(known.journey_stage, known.segment, policy),
        has_ended=(known.left_at > after).fill_null(False),
        is_running=known.left_at.isnull(),
        has_started=known.entered_at > after,
    )
    stages = known.group_by("segment", "journey_stage").agg(
        typical_days=known.typical.max(),
        ended_visits=known.count(where=known.has_ended),
        median_days=known.days.median(where=known.has_ended),
        slow_days=known.days.quantile(rules.slow_visit_share, where=known.has_ended),
        over_typical_visits=known.count(where=known.has_ended & (known.days > known.typical)),
        running_visits=known.count(where=known.is_running),
        running_median_days=known.days.median(where=known.is_running),
        started_visits=known.count(where=known.has_started),
        rework_visits=known.count(where=known.has_started & known.is_rework),
    )
    return stages.mutate(rework_share=stages.rework_visits / stages.started_visits.nullif(0))
