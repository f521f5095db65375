"""How long customers stay in a stage, and how often they come back to it.

One row per as-of date, segment and stage, terminal stages left out. Throughput is of the visits that ended within the
policy's window up to the as-of date. A visit that goes on is longer than it looks: those under way are counted beside,
and where they wait longer than others took, the throughput flatters the stage.
"""

from datetime import date, timedelta

import ibis.expr.types as ir

from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.numbers import rounded
from cjo_assets.families.journey.process.visits import known_visits, typical_days
from cjo_assets.policy import Policy


class StageThroughput(DatedContract):
    """Throughput of stages. One row per as-of date, segment and stage that anybody visited."""

    segment: str = key("Market segment.", words="segments")
    journey_stage: str = key("Stage, not a terminal one.", words="stages")
    typical_days: float = column("Typical duration, from the policy [days].", gt=0, nullable=True)
    ended_visits: int = column("Visits that ended in the window [visits].", ge=0)
    median_days: float = column("Their throughput time, of the middle visit [days]; null without any.", nullable=True)
    slow_days: float = column(
        "Throughput time that the policy's share of them does not exceed [days]; null without any.", nullable=True
    )
    over_typical_visits: int = column("Of the ended, those that took longer than is typical [visits].", ge=0)
    running_visits: int = column("Visits under way on the as-of date [visits].", ge=0)
    running_median_days: float = column("Days of the middle one so far [days]; null without any.", nullable=True)
    started_visits: int = column("Visits that began in the window [visits].", ge=0)
    rework_visits: int = column("Of the begun, by customers who had been in the stage before [visits].", ge=0)
    rework_share: float = column(
        "rework over begun visits [0-1, down = better]; null without any.", ge=0, le=1, nullable=True
    )


def stage_throughput(visits: ir.Table, as_of: date, policy: Policy) -> ir.Table:
    """Measure the visits of each segment and stage that ended in the window, and those under way."""
    rules = policy.journey.portfolio
    after = as_of - timedelta(days=rules.window_days)
    rows = known_visits(visits, as_of)
    rows = rows.filter(rows.journey_stage.notin(policy.vocabulary.terminal_stages))
    days = (rows.left_at.fill_null(as_of)).delta(rows.entered_at, unit="day").cast("float64")
    rows = rows.mutate(
        days=days,
        typical=typical_days(rows.journey_stage, rows.segment, policy),
        has_ended=(rows.left_at > after).fill_null(False),
        is_running=rows.left_at.isnull(),
        has_started=rows.entered_at > after,
    )
    found = rows.group_by("segment", "journey_stage").agg(
        typical_days=rows.typical.max(),
        ended_visits=rows.count(where=rows.has_ended),
        median_days=rounded(rows.days.median(where=rows.has_ended)),
        slow_days=rounded(rows.days.quantile(rules.slow_visit_share, where=rows.has_ended)),
        over_typical_visits=rows.count(where=rows.has_ended & (rows.days > rows.typical)),
        running_visits=rows.count(where=rows.is_running),
        running_median_days=rounded(rows.days.median(where=rows.is_running)),
        started_visits=rows.count(where=rows.has_started),
        rework_visits=rows.count(where=rows.has_started & rows.is_rework),
    )
    return found.mutate(rework_share=rounded(found.rework_visits / found.started_visits.nullif(0)))
