"""Terms of subscriptions: the spells in which plan, interval and price of a subscription were constant.

The events of a subscription fall into runs, each begun by `trial_started` or `subscription_started`. A change begins a
new term of its run. A cancellation ends the run at `due_at`, or when it occurred; of several in a run the last one
applies, and a start before the day it takes effect begins a new run, as if the subscription had not been cancelled.
Days count at their end: a term that ends on a day is not paid on that day.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.numbers import MONEY_DECIMALS, rounded
from cjo_assets.core.expressions.tables import first_per, lookup
from cjo_assets.families.lifecycle.inputs._event_types import MONTHLY
from cjo_assets.families.lifecycle.inputs.lifecycle_events import known_events
from cjo_assets.policy.lifecycle import LifecyclePolicy

TRIAL_STARTED, STARTED, CHANGED, CANCELLED = (
    "trial_started",
    "subscription_started",
    "subscription_changed",
    "subscription_cancelled",
)
MONTHS_PER_YEAR = 12
RUN = ["subscription_id", "run"]


def subscription_terms(lifecycle_events: ir.Table, as_of: ir.DateScalar, policy: LifecyclePolicy) -> ir.Table:
    """Return every term that was known by the end of the as-of date.

    Returns:
        One row per start and change: subscription_id, customer_id, run, event_id, started_at, starts_on, ends_on and
        run_ends_on (null while they have no end), is_trial, plan_id, interval, arr and mrr. A term that was replaced on
        its first day starts and ends on one day.
    """
    events = with_runs(known_events(lifecycle_events, as_of, TRIAL_STARTED, STARTED, CHANGED, CANCELLED))
    events = events.filter(events.run > 0).rename(subscription_id="subject_id")
    ends = _ends_of_runs(events, policy)
    terms = lookup(events.filter(events.event_type != CANCELLED), ends, RUN)
    next_on = terms.starts_on.lead().over(ibis.window(group_by="subscription_id", order_by=["occurred_at", "event_id"]))
    run_end = (terms.run_ends_on < terms.starts_on).ifelse(terms.starts_on, terms.run_ends_on)
    # A change of a trial changes what it will cost, and nothing is paid until the start.
    is_trial = terms.lapses_on.notnull()
    arr = rounded(is_trial.ifelse(0.0, yearly(terms.amount, terms.about)), MONEY_DECIMALS)
    return terms.select(
        *RUN,
        "customer_id",
        "event_id",
        "starts_on",
        started_at="occurred_at",
        ends_on=ibis.least(next_on, run_end),
        run_ends_on="run_ends_on",
        is_trial=is_trial,
        plan_id=is_trial.ifelse(ibis.null("string"), terms.related_id),
        interval=is_trial.ifelse(ibis.null("string"), terms.about),
        arr=arr,
        mrr=rounded(arr / MONTHS_PER_YEAR, MONEY_DECIMALS),
    )


def yearly(amount: ir.NumericValue, interval: ir.StringValue) -> ir.NumericValue:
    """Return the price of a year from the price of an interval."""
    return (interval == MONTHLY).ifelse(amount * MONTHS_PER_YEAR, amount)


def paid_terms(terms: ir.Table) -> ir.Table:
    """Return the terms that were paid at the end of at least one day."""
    return terms.filter(~terms.is_trial, terms.ends_on.isnull() | (terms.ends_on > terms.starts_on))


def is_paid_on(terms: ir.Table, day: ir.DateValue) -> ir.BooleanValue:
    """Return whether a paid term is paid at the end of a day."""
    return (terms.starts_on <= day) & (terms.ends_on.isnull() | (terms.ends_on > day))


def with_runs(events: ir.Table) -> ir.Table:
    """Add to each event of a subscription its run: the number of starts so far, 0 before the first."""
    in_order = ibis.window(group_by="subject_id", order_by=["occurred_at", "event_id"], preceding=None, following=0)
    begins = events.event_type.isin([TRIAL_STARTED, STARTED]).cast("int64")
    return events.mutate(run=begins.sum().over(in_order), starts_on=events.occurred_at.date())


def _ends_of_runs(events: ir.Table, policy: LifecyclePolicy) -> ir.Table:
    """Return the day on which each run ends by its last cancellation, or by the end of its trial."""
    cancelled = events.filter(events.event_type == CANCELLED)
    last = first_per(cancelled, RUN, [ibis.desc("occurred_at"), ibis.desc("event_id")])
    last = last.select(*RUN, cancels_on=ibis.coalesce(last.due_at, last.occurred_at).date())
    trials = events.filter(events.event_type == TRIAL_STARTED)
    trials = trials.select(*RUN, lapses_on=days_after(trial_end(trials, policy), 1))
    runs = lookup(lookup(events.select(*RUN).distinct(), last, RUN), trials, RUN)
    return runs.mutate(run_ends_on=ibis.least(runs.cancels_on, runs.lapses_on))


def trial_end(trials: ir.Table, policy: LifecyclePolicy) -> ir.DateValue:
    """Return the last day of a trial: as recorded, or after the policy's days."""
    planned = days_after(trials.occurred_at.date(), policy.stages.trial_days)
    return ibis.coalesce(trials.due_at.date(), planned)
