"""Steps of a funnel: each stage of a path beside the nearest stage before it that is counted."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.intervals import MEASURED
from cjo_assets.core.expressions.rows import literal_rows
from cjo_assets.policy import Policy

NOT_TRACKED, NO_EVENTS, EXCEEDS = "not_tracked", "no_events", "exceeds"
STATES = [MEASURED, NOT_TRACKED, NO_EVENTS, EXCEEDS]


def steps_of(stages: ir.Table, owner: str, *others: str) -> ir.Table:
    """Pair each stage of a path with the nearest preceding stage that is counted, or else with the one before.

    Args:
        stages: rows of an owner, a path, `place`, `stage` and `count`, which is null where it is not counted.
        owner: column of what the funnel is of.
        others: further columns that the stage it leads from has as `from_` and the name.
    """
    before = ibis.window(group_by=[owner, "path"], order_by="place", preceding=(None, 1), following=None)
    is_counted = stages["count"].notnull()
    arrivals = stages.mutate(
        from_place=is_counted.ifelse(stages.place, ibis.null("int64")).max().over(before),
        counts_any=is_counted.any().over(ibis.window(group_by=owner)),
    )
    arrivals = arrivals.filter(arrivals.place > 1)
    arrivals = arrivals.mutate(from_place=ibis.coalesce(arrivals.from_place, arrivals.place - 1))
    own = {f"from_{name}": name for name in ("place", "stage", "count", *others)}
    departures = stages.select(owner, "path", **own).view()
    steps = arrivals.join(departures, [owner, "path", "from_place"]).rename(to_stage="stage", to_count="count")
    state = ibis.cases(
        (~steps.counts_any, NO_EVENTS),
        (steps.from_count.isnull() | steps.to_count.isnull(), NOT_TRACKED),
        (steps.to_count > steps.from_count, EXCEEDS),
        (steps.from_count == 0, NO_EVENTS),
        else_=MEASURED,
    )
    return steps.mutate(state=state, rate=steps.to_count / steps.from_count.nullif(0))


def stages_of(policy: Policy) -> ir.Table:
    """Return the stages of each path with their places from 1, and the first place at which a loss can be a leak."""
    rules = policy.marketing.funnel
    rows = [
        {
            "path": path,
            "place": place,
            "stage": stage,
            "stages": list(stages),
            "leak_place": stages.index(rules.leaks_from) + 1 if rules.leaks_from in stages else 1,
        }
        for path, stages in rules.paths.items()
        for place, stage in enumerate(stages, start=1)
    ]
    types = {"path": "string", "place": "int64", "stage": "string", "stages": "array<string>", "leak_place": "int64"}
    return literal_rows(rows, types)
