"""Conditions of the derived signals: one function per type, from records to first days, strength and evidence.

Each function returns customer_id, signal_type, day, strength and evidence. Evidence names records as dataset:key; a day
of usage is named by its date.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.numbers import SCORE_DECIMALS, capped, rounded
from cjo_assets.families.lifecycle.success._signal_days import (
    CUSTOMER,
    DAY,
    KEY,
    onsets,
)
from cjo_assets.policy.lifecycle_success import SignalRules

SPIKE, REPEATED, DISSATISFIED = "support_ticket_spike", "repeat_support_tickets", "support_satisfaction_low"
DROP, RECOVERY, INACTIVE = "usage_drop", "usage_recovery", "inactivity_warning"
# Best possible satisfaction.
MOST_CSAT = 5


def ticket_spikes(grid: ir.Table, tickets: ir.Table, rules: SignalRules) -> ir.Table:
    """Return bursts of tickets."""
    own = rules.ticket_spike
    # The mean of as many days as are counted now.
    usual = grid.tickets_before * own.days / own.before_days
    held = grid.filter(grid.tickets_now >= own.tickets, grid.tickets_now >= own.times_weekly_mean * usual)
    begun = onsets(held.select(*KEY, strength=capped(held.tickets_now / own.full_at)), rules.quiet_days)
    return signals_of(begun, SPIKE, _records_of(begun, _ticket_days(tickets), own.days))


def repeated_tickets(tickets: ir.Table, days: ir.Table, rules: SignalRules) -> ir.Table:
    """Return several tickets of one category within the days of the policy.

    Args:
        tickets: the tickets.
        days: the days of the grid.
        rules: the rules of signals.
    """
    own = rules.repeat
    created = _ticket_days(tickets)
    pairs = created.join(days, [created.on <= days.day, created.on > days_after(days.day, -own.days)])
    counts = pairs.group_by(CUSTOMER, "category", DAY).agg(count=pairs.count())
    counts = counts.filter(counts["count"] >= own.tickets)
    held = counts.group_by(KEY).agg(strength=capped(counts["count"].max() / own.full_at))
    begun = onsets(held, rules.quiet_days)
    return signals_of(begun, REPEATED, _repeated_only(begun, created, own.days, own.tickets))


def dissatisfied(grid: ir.Table, answers: ir.Table, rules: SignalRules) -> ir.Table:
    """Return a low mean of satisfaction."""
    own = rules.satisfaction
    rows = grid.select(*KEY, n="answers_now", total="satisfaction_now")
    mean = rounded(rows.total / rows.n.nullif(0), SCORE_DECIMALS)
    rows = rows.mutate(mean=mean)
    held = rows.filter(rows.n >= own.minimum, rows["mean"] <= own.csat)
    begun = onsets(held.select(*KEY, strength=(MOST_CSAT - held.total / held.n) / (MOST_CSAT - 1)), rules.quiet_days)
    records = answers.select(CUSTOMER, "id", on=answers.day)
    return signals_of(begun, DISSATISFIED, _records_of(begun, records, own.days))


def usage_drops(grid: ir.Table, rules: SignalRules) -> ir.Table:
    """Return the first days of drops, with the logins before (`level`) and the strength."""
    own = rules.usage_drop
    rows = grid.select(*KEY, "has_usage", now="logins_now", level="logins_before")
    held = rows.filter(rows.has_usage, rows.level >= own.least_before, rows.now <= own.ratio * rows.level)
    return onsets(held.select(*KEY, "level", strength=1 - held.now / held.level), rules.quiet_days)


def drops_as_signals(drops: ir.Table, usage_daily: ir.Table, rules: SignalRules) -> ir.Table:
    """Return drops of usage with the days of usage of both windows."""
    records = _records_of(drops, _usage_days(usage_daily), 2 * rules.usage_drop.days)
    return signals_of(drops.drop("level"), DROP, records)


def usage_recoveries(grid: ir.Table, drops: ir.Table, usage_daily: ir.Table, rules: SignalRules) -> ir.Table:
    """Return logins that reach the level before a drop again."""
    own, days = rules.usage_recovery, rules.usage_drop.days
    rows = grid.select(*KEY, now="logins_now")
    dropped = drops.select(CUSTOMER, "level", dropped_on=drops.day)
    pairs = rows.join(dropped, CUSTOMER)
    pairs = pairs.filter(pairs.day > pairs.dropped_on, pairs.day <= days_after(pairs.dropped_on, own.within_days))
    held = pairs.filter(pairs.now >= own.share_of_before * pairs.level)
    held = held.group_by(KEY).agg(strength=capped((held.now / held.level).max()))
    begun = onsets(held, rules.quiet_days)
    return signals_of(begun, RECOVERY, _records_of(begun, _usage_days(usage_daily), days))


def inactive(grid: ir.Table, rules: SignalRules) -> ir.Table:
    """Return days without any login since the last there was."""
    own = rules.inactivity
    rows = grid.mutate(days=grid.day.delta(grid.last_login_on, unit="day"))
    held = rows.filter(rows.has_usage, rows.days >= own.days)
    held = held.select(*KEY, "last_login_on", strength=capped(held.days / own.full_at))
    begun = onsets(held, rules.quiet_days)
    last = begun.select(
        *KEY, evidence=ibis.array([ibis.literal("usage_daily:").concat(begun.last_login_on.cast("string"))])
    )
    return signals_of(begun.drop("last_login_on"), INACTIVE, last)


def signals_of(begun: ir.Table, kind: str, evidence: ir.Table) -> ir.Table:
    """Return first days as signals of a type."""
    rows = begun.left_join(evidence, KEY)
    return rows.select(
        CUSTOMER,
        DAY,
        signal_type=ibis.literal(kind),
        strength=rows.strength.cast("float64"),
        evidence=ibis.coalesce(rows.evidence, ibis.literal([], "array<string>")),
    )


def _records_of(begun: ir.Table, records: ir.Table, days: int) -> ir.Table:
    """Return the sorted ids of the records in the window of each first day."""
    pairs = begun.select(*KEY).join(records, CUSTOMER)
    pairs = pairs.filter(pairs.on <= pairs.day, pairs.on > days_after(pairs.day, -days))
    return pairs.group_by(KEY).agg(evidence=pairs.id.collect().sort())


def _repeated_only(begun: ir.Table, created: ir.Table, days: int, least: int) -> ir.Table:
    """Return the sorted ids of the tickets in the window whose category has enough of them."""
    pairs = begun.select(*KEY).join(created, CUSTOMER)
    pairs = pairs.filter(pairs.on <= pairs.day, pairs.on > days_after(pairs.day, -days))
    pairs = pairs.mutate(count=pairs.count().over(ibis.window(group_by=[*KEY, "category"])))
    pairs = pairs.filter(pairs["count"] >= least)
    return pairs.group_by(KEY).agg(evidence=pairs.id.collect().sort())


def _ticket_days(tickets: ir.Table) -> ir.Table:
    return tickets.select(
        CUSTOMER,
        "category",
        on=tickets.created_at.date(),
        id=ibis.literal("tickets:").concat(tickets.ticket_id),
    )


def _usage_days(usage_daily: ir.Table) -> ir.Table:
    """Return the days with logins."""
    rows = usage_daily.filter(usage_daily.logins > 0)
    return rows.select(
        CUSTOMER, on="usage_date", id=ibis.literal("usage_daily:").concat(rows.usage_date.cast("string"))
    )
