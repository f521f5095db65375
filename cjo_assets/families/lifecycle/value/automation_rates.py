"""Rates of automation: how many tasks of each phase the AI or a system does, in self-service the client.

One row per as-of date, phase and task of the policy, and one row `all` per phase. A task is a type of lifecycle event,
or a resolved ticket: these are counted as in `daily_metrics`. A task that nothing was recorded of has no rate.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.intervals import wilson_interval
from cjo_assets.core.expressions.numbers import SCORE_DECIMALS, whole
from cjo_assets.core.expressions.rows import literal_rows
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.families.lifecycle.inputs._event_types import EVENT_TYPES
from cjo_assets.families.lifecycle.inputs.lifecycle_events import AI, CLIENT, SYSTEM, known_events
from cjo_assets.families.lifecycle.success._daily_sums import in_window
from cjo_assets.policy.lifecycle import LifecyclePolicy
from cjo_assets.policy.lifecycle_value import AutomationTargets

PHASES = list(AutomationTargets.model_fields)
SELF_SERVICE = "self_service"
ALL, RESOLVED_TICKET, RESOLVED_BY_AI = "all", "resolved_ticket", "resolved_by_ai"
KEY = ["phase", "task"]


class AutomationRates(DatedContract):
    """Rates of automation by phase and task. One row per as-of date, phase and task."""

    phase: str = key("sales, onboarding, support, success or self_service.", isin=PHASES)
    task: str = key("Type of event, resolved_ticket, or all: every task of the phase.")
    automated: int = column("Tasks done by the AI or a system; in self_service by clients [tasks].", ge=0)
    tasks: int = column("Tasks done in the policy's window [tasks].", ge=0)
    rate: float = column(
        "automated over tasks [0-1], up = better; null without tasks.",
        ge=0,
        le=1,
        nullable=True,
        decimals=SCORE_DECIMALS,
    )
    rate_low: float = column(
        "Lower end of its Wilson interval, at the policy's interval_level.",
        ge=0,
        le=1,
        nullable=True,
        decimals=SCORE_DECIMALS,
    )
    rate_high: float = column("Upper end of its interval.", ge=0, le=1, nullable=True, decimals=SCORE_DECIMALS)
    target: float = column("Target of the phase [0-1], from the policy.", ge=0, le=1)


def automation_rates(
    lifecycle_events: ir.Table, daily_metrics: ir.Table, as_of: ir.DateScalar, policy: LifecyclePolicy
) -> ir.Table:
    """Count the tasks of the window, and those that were automated."""
    counts = ibis.union(_of_events(lifecycle_events, as_of, policy), _of_tickets(daily_metrics, as_of, policy))
    rows = lookup(_planned(policy), counts, "task")
    automated = (rows.phase == SELF_SERVICE).ifelse(rows.by_clients, rows.by_machine)
    rows = rows.select(*KEY, "target", automated=automated.fill_null(0), tasks=rows.tasks.fill_null(0))
    of_phase = ibis.window(group_by="phase")
    is_all = rows.task == ALL
    rows = rows.mutate(
        automated=is_all.ifelse(whole(rows.automated.sum().over(of_phase)), rows.automated),
        tasks=is_all.ifelse(whole(rows.tasks.sum().over(of_phase)), rows.tasks),
    )
    low, high = wilson_interval(rows.automated, rows.tasks, policy.kpis.interval_level)
    return rows.mutate(rate=rows.automated / rows.tasks.nullif(0), rate_low=low, rate_high=high)


def _planned(policy: LifecyclePolicy) -> ir.Table:
    """Return the tasks of each phase and its row of all tasks, with its target."""
    rules = policy.automation
    rows = [
        {"phase": phase, "task": task, "target": getattr(rules.targets, phase)}
        for phase in PHASES
        for task in (ALL, *sorted(set(getattr(rules.tasks, phase)) - {ALL}))
    ]
    return literal_rows(rows, {"phase": "string", "task": "string", "target": "float64"})


def _of_events(lifecycle_events: ir.Table, as_of: ir.DateScalar, policy: LifecyclePolicy) -> ir.Table:
    events = known_events(lifecycle_events, as_of)
    first = days_after(as_of, 1 - policy.automation.window_days)
    events = events.filter(events.occurred_at >= first, events.occurred_at < days_after(as_of, 1))
    return events.group_by(task=events.event_type).agg(
        tasks=events.count(),
        by_machine=events.count(where=events.actor_kind.isin([AI, SYSTEM])),
        by_clients=events.count(where=events.actor_kind == CLIENT),
    )


def _of_tickets(daily_metrics: ir.Table, as_of: ir.DateScalar, policy: LifecyclePolicy) -> ir.Table:
    rows = in_window(daily_metrics, as_of, policy.automation.window_days, RESOLVED_BY_AI)
    return rows.agg(tasks=rows.denominator.sum(), by_machine=rows.numerator.sum()).select(
        task=ibis.literal(RESOLVED_TICKET),
        tasks=lambda row: whole(row.tasks),
        by_machine=lambda row: whole(row.by_machine),
        by_clients=ibis.literal(0, "int64"),
    )


@check(blocking=True)
def phases_that_do_not_add_up(automation_rates: ir.Table) -> ir.Table:
    """Return phases whose row `all` is missing (-1), or is not the sum of their tasks."""
    rows = automation_rates
    is_all = rows.task == ALL
    sums = rows.group_by("phase").agg(
        automated=rows.automated.sum(where=is_all).fill_null(-1),
        tasks=rows.tasks.sum(where=is_all).fill_null(-1),
        sum_automated=rows.automated.sum(where=~is_all).fill_null(0),
        sum_tasks=rows.tasks.sum(where=~is_all).fill_null(0),
    )
    return sums.filter((sums.automated != sums.sum_automated) | (sums.tasks != sums.sum_tasks))


@check
def unknown_tasks(automation_rates: ir.Table) -> ir.Table:
    """Return tasks of the policy that no record can be of."""
    names = [ALL, RESOLVED_TICKET, *(kind.name for kind in EVENT_TYPES)]
    return automation_rates.filter(automation_rates.task.notin(names)).select(*KEY)
