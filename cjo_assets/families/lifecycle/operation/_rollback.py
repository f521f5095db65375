"""The decision to roll back the live version of a configuration, from its windows since it went live.

Each rate needs a minimum volume before it may fail: one failed request of one is no error rate.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.calendars import MICROSECONDS_PER_MINUTE, minutes_in
from cjo_assets.core.expressions.tables import first_per, long_rows
from cjo_assets.families.lifecycle.operation._settings import CONFIGURATION, VERSION
from cjo_assets.families.lifecycle.operation._windows import latency_limit
from cjo_assets.families.lifecycle.support._clocks import since_epoch
from cjo_assets.policy.lifecycle import LifecyclePolicy

ROLL_BACK, HOLD, INSUFFICIENT_DATA, NO_EARLIER_VERSION, NOT_LIVE = (
    "roll_back",
    "hold",
    "insufficient_data",
    "no_earlier_version",
    "not_live",
)
DECISIONS = [ROLL_BACK, HOLD, INSUFFICIENT_DATA, NO_EARLIER_VERSION, NOT_LIVE]
# In the order in which one of several that fail in one window is named.
ERROR_RATE, COMPLETION, RESPONSE_TIME = "error_rate", "completion", "response_time"
RULES = [ERROR_RATE, COMPLETION, RESPONSE_TIME]


def is_error_rate_exceeded(windows: ir.Table, policy: LifecyclePolicy) -> ir.BooleanValue:
    """Return whether the errors of a window exceed the policy's rate, of enough requests."""
    is_enough = windows.requests >= policy.rollback.minimum_requests
    return is_enough & (windows.errors > windows.requests * policy.rollback.error_rate)


def failures_of(live: ir.Table, windows: ir.Table, policy: LifecyclePolicy) -> ir.Table:
    """Return the rule that failed first since a version is live, and whether any had enough volume.

    Returns:
        One row per live version with short windows: rule, observed, n, first_failed_at, detected_after_minutes (null
        where none failed) and is_enough.
    """
    tested = _tested(windows, live.filter(live.is_live).select(*VERSION, "live_since"), policy)
    # The first that failed, else any, so that the rules are evaluated once.
    tested = tested.mutate(is_any_enough=tested.is_enough.any().over(ibis.window(group_by=VERSION)))
    first = first_per(tested, VERSION, [ibis.desc("is_failed"), "window_ended_at", "place", "service"])
    detected_after = minutes_in(first.window_ended_at.delta(first.live_since, unit="microsecond"))
    found: dict[str, ir.Value] = {
        "rule": first.rule,
        "observed": first.observed,
        "n": first.n,
        "first_failed_at": first.window_started_at,
        "detected_after_minutes": detected_after,
    }
    return first.select(
        *VERSION,
        is_enough=first.is_any_enough,
        **{name: first.is_failed.ifelse(value, ibis.null(value.type())) for name, value in found.items()},
    )


def earlier_versions(versions: ir.Table, live: ir.Table, problems: ir.Table) -> ir.Table:
    """Return the newest earlier version that was live, is valid and was not itself rolled back: `earlier_version`."""
    sound = live.filter(live.rolled_back_at.isnull()).anti_join(problems, VERSION)
    sound = sound.semi_join(versions, VERSION).select(*CONFIGURATION, sound_version="config_version")
    pairs = versions.select(*VERSION).join(sound, CONFIGURATION)
    pairs = pairs.filter(pairs.sound_version < pairs.config_version)
    return pairs.group_by(VERSION).agg(earlier_version=pairs.sound_version.max())


def with_decision(versions: ir.Table) -> ir.Table:
    """Add `decision` and `to_version` to versions with is_live, rule, is_enough and earlier_version."""
    rows = versions
    is_failed = rows.rule.notnull()
    decision = ibis.cases(
        (~rows.is_live, NOT_LIVE),
        (is_failed & rows.earlier_version.notnull(), ROLL_BACK),
        (is_failed, NO_EARLIER_VERSION),
        (rows.is_enough.fill_null(False), HOLD),
        else_=INSUFFICIENT_DATA,
    )
    to_version = (decision == ROLL_BACK).ifelse(rows.earlier_version, ibis.null("int64"))
    return rows.mutate(decision=decision, to_version=to_version)


def _tested(windows: ir.Table, live: ir.Table, policy: LifecyclePolicy) -> ir.Table:
    """Return each rule on each short window of a live version, with whether it failed and had enough volume."""
    rules = policy.rollback
    rows = windows.filter(windows.minutes <= rules.window_minutes).join(live, VERSION)
    rows = rows.filter(rows.started_at >= rows.live_since)
    rows = rows.mutate(
        ended_time=since_epoch(rows.window_ended_at),
        is_slow=_is_slow(rows, policy).fill_null(False).ifelse(1, 0),
    )
    series = [*VERSION, "service"]
    hour = ibis.range_window(
        preceding=rules.completion_minutes * MICROSECONDS_PER_MINUTE - 1,
        following=0,
        group_by=series,
        order_by="ended_time",
    )
    last = ibis.window(
        preceding=rules.slow_windows - 1, following=0, group_by=series, order_by=["started_at", "window_id"]
    )
    rows = rows.mutate(
        ended_in_hour=rows.ended.sum().over(hour),
        completed_in_hour=rows.completed.sum().over(hour),
        slow_in_row=rows.is_slow.sum().over(last),
    )
    has_requests = rows.requests >= rules.minimum_requests
    has_ended = rows.ended_in_hour >= rules.minimum_ended
    is_incomplete = rows.completed_in_hour < rows.ended_in_hour * rules.completion
    parts = [
        _rule(
            ERROR_RATE,
            is_error_rate_exceeded(rows, policy),
            has_requests,
            rows.errors / rows.requests.nullif(0),
            rows.requests,
        ),
        _rule(
            COMPLETION,
            has_ended & is_incomplete,
            has_ended,
            rows.completed_in_hour / rows.ended_in_hour.nullif(0),
            rows.ended_in_hour,
        ),
        _rule(RESPONSE_TIME, rows.slow_in_row >= rules.slow_windows, has_requests, rows.p95_ms, rows.requests),
    ]
    kept = [*VERSION, "service", "live_since", "window_ended_at"]
    return long_rows(rows.rename(window_started_at="started_at"), [*kept, "window_started_at"], parts)


def _is_slow(windows: ir.Table, policy: LifecyclePolicy) -> ir.BooleanValue:
    is_enough = windows.requests >= policy.rollback.minimum_requests
    return is_enough & (windows.p95_ms > latency_limit(windows.service, policy))


def _rule(
    name: str, is_failed: ir.BooleanValue, is_enough: ir.BooleanValue, observed: ir.NumericValue, n: ir.NumericValue
) -> dict[str, ir.Value]:
    return {
        "rule": ibis.literal(name),
        "place": ibis.literal(RULES.index(name), "int64"),
        "is_failed": is_failed.fill_null(False),
        "is_enough": is_enough.fill_null(False),
        "observed": observed.cast("float64"),
        "n": n.cast("int64"),
    }
