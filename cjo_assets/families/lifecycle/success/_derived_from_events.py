"""Conditions of the derived signals that follow from events: onboarding, renewal and use of the plan.

Each function returns customer_id, signal_type, day, strength and evidence, as those of `_derived_signals.py` do. What a
subscription was on a day follows from the events that were known on it.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.tables import first_per, lookup
from cjo_assets.families.lifecycle.inputs._event_types import ANNUAL, PRODUCTION
from cjo_assets.families.lifecycle.money._anniversaries import months_after, next_anniversary
from cjo_assets.families.lifecycle.money._subscription_terms import CANCELLED, CHANGED, STARTED, yearly
from cjo_assets.families.lifecycle.success._derived_signals import signals_of
from cjo_assets.families.lifecycle.success._signal_days import CUSTOMER, DAY, KEY, known_on, onsets
from cjo_assets.policy.lifecycle_success import SignalRules

FAILED_STEP, RENEWAL_INTENT, LOW_USAGE = "failed_onboarding_step", "renewal_intent", "low_product_usage"


def failed_steps(events: ir.Table, days: ir.Table, rules: SignalRules) -> ir.Table:
    """Return overdue dependencies, and rollbacks soon after the first deployment of a customer.

    Args:
        events: the events that are known.
        days: the days of the grid.
        rules: the rules of signals.
    """
    held = ibis.union(_overdue_days(events, days), _early_rollbacks(events, rules))
    by_day = held.group_by(KEY).agg(evidence=held.id.collect(distinct=True))
    by_day = by_day.mutate(evidence=by_day.evidence.sort())
    begun = onsets(by_day.mutate(strength=ibis.literal(rules.onboarding.strength)), rules.quiet_days)
    return signals_of(begun.drop("evidence"), FAILED_STEP, begun.drop("strength"))


def renewal_intents(events: ir.Table, renewal_days: int, rules: SignalRules) -> ir.Table:
    """Return proposals that customers signed whose renewal approached.

    Args:
        events: the events that are known.
        renewal_days: days before the anniversary from which a renewal approaches.
        rules: the rules of signals.
    """
    signed = _of_type(events, "proposal_signed")
    signed = signed.select(CUSTOMER, day=known_on(signed), id=_event(signed))
    held = _subscribed(signed.select(*KEY).distinct(), events)
    annual = held.filter(held.about == ANNUAL)
    oldest = annual.group_by(KEY).agg(started_on=annual.started_at.date().min())
    days_left = next_anniversary(oldest.started_on, oldest.day).delta(oldest.day, unit="day")
    renewing = oldest.filter(days_left <= renewal_days).select(*KEY)
    begun = onsets(renewing.mutate(strength=ibis.literal(rules.renewal.strength)), rules.quiet_days)
    evidence = signed.group_by(KEY).agg(evidence=signed.id.collect().sort())
    return signals_of(begun, RENEWAL_INTENT, evidence)


def low_usages(
    events: ir.Table, conversations: ir.Table, plans: ir.Table, days: ir.Table, rules: SignalRules
) -> ir.Table:
    """Return months in which a customer that was live and paying throughout used little of its plan.

    A month is examined on the first day of the next. A month without any customer's conversation was not recorded.

    Args:
        events: the events that are known.
        conversations: the conversations.
        plans: the plans.
        days: the days of the grid.
        rules: the rules of signals.
    """
    firsts = days.filter(days.day.day() == 1)
    deployed = _of_type(events, "config_deployed")
    deployed = deployed.filter(deployed.about == PRODUCTION)
    deployed = deployed.select(CUSTOMER, known=known_on(deployed), live_on=deployed.occurred_at.date())
    pairs = deployed.cross_join(firsts)
    live = pairs.filter(pairs.known <= pairs.day, pairs.live_on <= months_after(pairs.day, -1))
    held = _subscribed(live.select(*KEY).distinct(), events)
    held = held.filter(held.started_at.date() <= months_after(held.day, -1))
    dearest = first_per(held, KEY, [ibis.desc("price"), "subject_id"]).select(*KEY, "plan_id", "plan_event")
    rows = lookup(dearest, plans, "plan_id", included="included_conversations")
    talks = conversations.select(CUSTOMER, on=conversations.started_at.date(), id=_conversation(conversations))
    talks = talks.mutate(day=months_after(talks.on.truncate("M").cast("date"), 1))
    rows = rows.semi_join(talks.select(DAY).distinct(), DAY)
    used = talks.group_by(KEY).agg(used=talks.count(), talks=talks.id.collect().sort())
    rows = lookup(rows, used, KEY)
    share = rows.used.fill_null(0) / rows.included.nullif(0)
    rows = rows.mutate(share=share)
    low = rows.filter(rows.share < rules.low_usage.share)
    nothing = ibis.literal([], "array<string>")
    evidence = ibis.coalesce(low.talks, nothing).concat(ibis.array([low.plan_event])).sort()
    return signals_of(low.select(*KEY, strength=1 - low.share), LOW_USAGE, low.select(*KEY, evidence=evidence))


def _overdue_days(events: ir.Table, days: ir.Table) -> ir.Table:
    """Return the days on which a dependency was known to be open and due before."""
    done = _of_type(events, "dependency_done")
    done = done.group_by("subject_id").agg(done_on=known_on(done).min())
    opened = _of_type(events, "dependency_opened")
    opened = opened.select(
        CUSTOMER, "subject_id", known=known_on(opened), due_on=opened.due_at.date(), id=_event(opened)
    )
    rows = lookup(opened, done, "subject_id")
    pairs = rows.join(days, [days.day > rows.due_on, days.day >= rows.known])
    return pairs.filter(pairs.done_on.isnull() | (pairs.day < pairs.done_on)).select(*KEY, "id")


def _early_rollbacks(events: ir.Table, rules: SignalRules) -> ir.Table:
    """Return the days on which a rollback soon after the first deployment became known."""
    deployed = _of_type(events, "config_deployed")
    deployed = deployed.filter(deployed.about == PRODUCTION)
    deployed = deployed.select(CUSTOMER, known=known_on(deployed), live_on=deployed.occurred_at.date())
    back = _of_type(events, "config_rolled_back")
    back = back.select(CUSTOMER, day=known_on(back), on=back.occurred_at.date(), id=_event(back))
    pairs = back.join(deployed, CUSTOMER)
    pairs = pairs.filter(pairs.known <= pairs.day, pairs.live_on <= pairs.on)
    firsts = pairs.group_by([*KEY, "on", "id"]).agg(live_on=pairs.live_on.min())
    early = firsts.filter(firsts.on <= days_after(firsts.live_on, rules.onboarding.rollback_days))
    return early.select(*KEY, "id")


def _subscribed(days: ir.Table, events: ir.Table) -> ir.Table:
    """Return the subscriptions that were paid on days of customers, as far as was known at their end.

    Returns:
        One row per day and subscription: customer_id, day, subject_id, started_at, about, price [currency per year],
        plan_id and plan_event. A cancellation counts from the day it was made known.
    """
    money = events.filter(events.event_type.isin([STARTED, CHANGED, CANCELLED]))
    money = money.select(
        CUSTOMER,
        "subject_id",
        "event_id",
        "event_type",
        "occurred_at",
        "about",
        plan_id="related_id",
        price=yearly(money.amount, money.about),
        known=known_on(money),
        plan_event=_event(money),
    )
    pairs = days.join(money, CUSTOMER)
    pairs = pairs.filter(pairs.known <= pairs.day)
    begun = pairs.group_by([*KEY, "subject_id"]).agg(
        started_at=pairs.occurred_at.max(where=pairs.event_type == STARTED)
    )
    last = first_per(pairs, [*KEY, "subject_id"], [ibis.desc("occurred_at"), ibis.desc("event_id")])
    last = last.filter(last.event_type != CANCELLED)
    rows = lookup(last, begun, [*KEY, "subject_id"])
    return rows.filter(rows.started_at.notnull())


def _of_type(events: ir.Table, kind: str) -> ir.Table:
    return events.filter(events.event_type == kind)


def _event(events: ir.Table) -> ir.StringValue:
    return ibis.literal("lifecycle_events:").concat(events.event_id)


def _conversation(conversations: ir.Table) -> ir.StringValue:
    return ibis.literal("conversations:").concat(conversations.conversation_id)
