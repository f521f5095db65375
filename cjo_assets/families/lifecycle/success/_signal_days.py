"""Days of customers in a grid, with what was recorded on each, and the first days of conditions.

A condition of a day depends on records that were known at its end, never on later ones. Its first day (onset) is one on
which it holds and on none of the quiet days before.
"""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.numbers import ADDED_AMOUNT
from cjo_assets.core.expressions.rows import literal_rows
from cjo_assets.core.expressions.tables import lookup, merged
from cjo_assets.families.lifecycle.inputs.lifecycle_events import known_events
from cjo_assets.policy.lifecycle_success import SignalRules

CUSTOMER, DAY = "customer_id", "day"
KEY = [CUSTOMER, DAY]


def days_of_grid(rules: SignalRules) -> int:
    """Return how many days must be known for every signal of the look-back to be what it was on its day."""
    windows = (
        2 * rules.usage_drop.days,
        rules.ticket_spike.days + rules.ticket_spike.before_days,
        rules.repeat.days,
        rules.satisfaction.days,
        rules.inactivity.days,
    )
    # A recovery refers to a drop before it, and each of the two has quiet days before it.
    return rules.look_back_days + rules.usage_recovery.within_days + 2 * rules.quiet_days + max(windows) + 1


def grid(
    tickets: ir.Table,
    usage_daily: ir.Table,
    conversations: ir.Table,
    lifecycle_events: ir.Table,
    as_of: ir.DateScalar,
    rules: SignalRules,
) -> ir.Table:
    """Return a row per customer and day with its tickets, logins and answers.

    Returns:
        customer_id, day, tickets, logins (0 without a record), answers, satisfaction (their sum), last_login_on up to
        the day, has_usage (whether usage of any customer was recorded in the days of the policy's usage_drop), and
        the sums over the windows of the policy: tickets_now, tickets_before, logins_now, logins_before, answers_now and
        satisfaction_now.
    """
    days = _days(as_of, days_of_grid(rules))
    first = days_after(as_of, 1 - days_of_grid(rules))
    answers = satisfaction_answers(conversations, lifecycle_events, as_of)
    facts = [
        _tickets_by_day(tickets.filter(tickets.created_at >= first)),
        _logins_by_day(usage_daily.filter(usage_daily.usage_date.between(first, as_of))),
        answers.filter(answers.day >= first)
        .group_by(KEY)
        .agg(answers=lambda row: row.count(), satisfaction=lambda row: row.csat.cast(ADDED_AMOUNT).sum()),
    ]
    known = merged([fact.filter(fact.day <= as_of) for fact in facts], KEY)
    customers = known.select(CUSTOMER).distinct()
    rows = lookup(customers.cross_join(days), known, KEY)
    rows = lookup(rows, _usage_of_anybody(days, usage_daily, rules), DAY)
    rows = rows.mutate(
        tickets=rows.tickets.fill_null(0),
        logins=rows.logins.fill_null(0),
        answers=rows.answers.fill_null(0),
        satisfaction=rows.satisfaction.fill_null(0).cast("float64"),
        has_usage=rows.has_usage.fill_null(False),
    )
    return _with_sums(rows, rules)


def _with_sums(rows: ir.Table, rules: SignalRules) -> ir.Table:
    """Add the day of the last login and the sums over windows, all of which need one order of the rows."""
    in_order = ibis.window(group_by=CUSTOMER, order_by=DAY, preceding=None, following=0)
    login_day = (rows.logins > 0).ifelse(rows.day, ibis.null("date"))
    spike, drop, answered = rules.ticket_spike, rules.usage_drop, rules.satisfaction
    return rows.mutate(
        last_login_on=login_day.max().over(in_order),
        tickets_now=rolling_sum(rows.tickets, spike.days),
        tickets_before=rolling_sum(rows.tickets, spike.before_days, spike.days),
        logins_now=rolling_sum(rows.logins, drop.days),
        logins_before=rolling_sum(rows.logins, drop.days, drop.days),
        answers_now=rolling_sum(rows.answers, answered.days),
        satisfaction_now=rolling_sum(rows.satisfaction, answered.days),
    )


def satisfaction_answers(conversations: ir.Table, lifecycle_events: ir.Table, as_of: ir.DateScalar) -> ir.Table:
    """Return customer_id, day, csat and id of each answer that was known by the end of the as-of date.

    The day is that on which the answer became known: the end of the conversation, or when the event was recorded.
    """
    talks = conversations.filter(conversations.csat.notnull())
    answered = talks.select(
        CUSTOMER,
        "csat",
        day=ibis.coalesce(talks.ended_at, talks.started_at).date(),
        id=ibis.literal("conversations:").concat(talks.conversation_id),
    )
    given = known_events(lifecycle_events, as_of, "csat_given")
    # The conversation has the answer itself.
    given = given.anti_join(talks.select(CUSTOMER, subject_id="conversation_id"), [CUSTOMER, "subject_id"])
    given = given.select(
        CUSTOMER,
        csat="quantity",
        day=known_on(given),
        id=ibis.literal("lifecycle_events:").concat(given.event_id),
    )
    return ibis.union(answered.filter(answered.day <= as_of), given)


def known_on(events: ir.Table) -> ir.DateValue:
    """Return the day on which an event became known."""
    return ibis.coalesce(events.recorded_at, events.occurred_at).date()


def rolling_sum(value: ir.NumericColumn, days: int, ago: int = 0) -> ir.NumericColumn:
    """Return the sum over the last days of each customer of a grid, up to a number of days ago."""
    longest = value.sum().over(_last_days(days + ago))
    return longest - value.sum().over(_last_days(ago)) if ago else longest


def _last_days(days: int) -> Any:
    """Return the window of the last days of a customer in a grid."""
    return ibis.window(group_by=CUSTOMER, order_by=DAY, preceding=days - 1, following=0)


def onsets(conditions: ir.Table, quiet_days: int) -> ir.Table:
    """Return the days on which a condition holds and on none of the quiet days before.

    Args:
        conditions: the days on which it holds, one row per customer and day.
        quiet_days: days without it.
    """
    before = conditions.day.lag().over(ibis.window(group_by=CUSTOMER, order_by=DAY))
    rows = conditions.mutate(gap=conditions.day.delta(before, unit="day"))
    return rows.filter(rows.gap.isnull() | (rows.gap > quiet_days)).drop("gap")


def days_back(as_of: ir.DateScalar, days: int) -> ir.Table:
    """Return the last days up to the as-of date, one row each."""
    return _days(as_of, days)


def _days(as_of: ir.DateScalar, days: int) -> ir.Table:
    places = literal_rows([{"days_ago": place} for place in range(days)], {"days_ago": "int64"})
    return places.select(day=days_after(as_of, -places.days_ago))


def _tickets_by_day(tickets: ir.Table) -> ir.Table:
    rows = tickets.select(CUSTOMER, day=tickets.created_at.date())
    return rows.group_by(KEY).agg(tickets=rows.count())


def _logins_by_day(usage_daily: ir.Table) -> ir.Table:
    return usage_daily.select(CUSTOMER, "logins", day="usage_date")


def _usage_of_anybody(days: ir.Table, usage_daily: ir.Table, rules: SignalRules) -> ir.Table:
    """Return the days that have a day of recorded usage, of any customer, in the window before them."""
    used = usage_daily.select("usage_date").distinct()
    pairs = days.join(
        used, [used.usage_date <= days.day, used.usage_date > days_after(days.day, -rules.usage_drop.days)]
    )
    return pairs.select(DAY, has_usage=ibis.literal(True)).distinct()
