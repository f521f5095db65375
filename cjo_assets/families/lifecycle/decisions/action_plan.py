"""Action plan: what each person should do, in which order, and what fits a day.

One row per as-of date and action; none is left out. The owner is the person who is assigned to the customer in the role
that acts, or `manager` where there is none. The actions of an owner are ordered by kind as in the policy, then by what
is due first and by the value at stake. The id of an action begins with its kind, by which `action_done` reports its
result.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import LARGEST_AMOUNT, DatedContract, Instant, TextList, column, key
from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.numbers import MONEY_DECIMALS, SCORE_DECIMALS, exact_sum
from cjo_assets.core.expressions.rows import literal_rows
from cjo_assets.core.expressions.tables import first_per, lookup
from cjo_assets.families.lifecycle.decisions._actions import (
    KINDS,
    MANAGER,
    approval_actions,
    clock_actions,
    coverage_actions,
    deal_actions,
    decision_actions,
    handoff_actions,
    health_actions,
    renewal_actions,
    review_actions,
    synchronization_actions,
)
from cjo_assets.families.lifecycle.inputs._tenancy import without_organization
from cjo_assets.families.lifecycle.inputs.lifecycle_events import known_events
from cjo_assets.families.lifecycle.people._assignment_events import ACTIVE
from cjo_assets.policy.lifecycle import LifecyclePolicy

DONE_EVENT, SUCCESS = "action_done", "success"


class ActionPlan(DatedContract):
    """What each person should do, in order. One row per as-of date and action."""

    action_id: str = key("Action: its kind, and digits of kind, customer and subject.")
    owner: str = column("Person who is assigned, or the role where none is: manager or executive.")
    rank: int = column("Place among the actions of the owner, 1 = first.", ge=1)
    kind: str = column("Kind of action.", isin=KINDS)
    role: str = column("Role that acts.")
    customer_id: str = column("Customer; null of an action about several.", nullable=True, personal="customer")
    subject_id: str = column("What it is about.")
    what: str = column("What to do.")
    why: str = column("Rule or reason.")
    evidence: TextList = column("Records and rows behind it as table:key, sorted.")
    value_at_stake: float = column(
        "Recurring revenue of the customer [currency per year]; null without an account. Not to be added up.",
        ge=0,
        le=LARGEST_AMOUNT,
        nullable=True,
        decimals=MONEY_DECIMALS,
    )
    due_at: Instant = column("Instant at which it is or was due [UTC]; null without one.", nullable=True)
    done_before: int = column("Actions of the kind that were done [actions].", ge=0)
    minutes: int = column("Expected time: of these, and of the policy's estimate [minutes].", ge=1)
    success_probability: float = column(
        "Share of these that succeeded, with the policy's prior [0-1].", ge=0, le=1, decimals=SCORE_DECIMALS
    )
    minutes_before: int = column("Time of the owner's earlier actions in the plan [minutes].", ge=0)
    fits_day: bool = column("Whether it ends within the policy's day_minutes.")


def action_plan(
    outbox: ir.Table,
    approval_queue: ir.Table,
    ticket_sla: ir.Table,
    health_scores: ir.Table,
    assignments: ir.Table,
    client_pipeline: ir.Table,
    accounts: ir.Table,
    crm_drift: ir.Table,
    people: ir.Table,
    lifecycle_events: ir.Table,
    as_of: ir.DateScalar,
    policy: LifecyclePolicy,
) -> ir.Table:
    """Return the actions of all sources, each with owner, rank and expected time."""
    rows = ibis.union(
        clock_actions(ticket_sla),
        decision_actions(outbox, approval_queue),
        approval_actions(approval_queue),
        health_actions(health_scores),
        handoff_actions(assignments, policy),
        deal_actions(client_pipeline),
        renewal_actions(accounts, as_of, policy),
        review_actions(accounts, lifecycle_events, as_of, policy),
        coverage_actions(health_scores),
        synchronization_actions(crm_drift),
    )
    rows = lookup(rows, _assigned(assignments, people, as_of), ["customer_id", "role"], "person_id")
    role = rows.role.isin([MANAGER, "executive"]).ifelse(rows.role, MANAGER)
    rows = rows.mutate(owner=ibis.coalesce(rows.person_id, role))
    rows = lookup(rows, accounts, "customer_id", value_at_stake="arr")
    rows = _with_experience(rows, known_events(lifecycle_events, as_of, DONE_EVENT), policy)
    return _in_order(rows, as_of, policy)


def _assigned(assignments: ir.Table, people: ir.Table, as_of: ir.DateScalar) -> ir.Table:
    """Return the person who is assigned to each customer in each role, the last if there are several."""
    active = assignments.filter(assignments.state == ACTIVE, assignments.person_id.notnull())
    gone = people.filter(people.left_on < as_of)
    active = active.filter(active.person_id.notin(gone.person_id))
    return first_per(active, ["customer_id", "role"], [ibis.desc("accepted_at"), "assignment_id"])


def _with_experience(rows: ir.Table, done: ir.Table, policy: LifecyclePolicy) -> ir.Table:
    """Add expected minutes and probability of success by kind, and the place of the kind."""
    rules = policy.actions
    done = done.mutate(kind=done.subject_id.split(":")[0])
    sums = done.group_by("kind").agg(
        done_before=done.count(),
        successes=done.count(where=done.about == SUCCESS),
        timed=done.quantity.count(),
        spent=exact_sum(done.quantity),
    )
    settings = literal_rows(
        [{"kind": name, "place": rule.place, "usual": rule.minutes} for name, rule in rules.kinds],
        {"kind": "string", "place": "int64", "usual": "int64"},
    )
    rows = lookup(lookup(rows, settings, "kind"), sums, "kind")
    done_before, timed = rows.done_before.fill_null(0), rows.timed.fill_null(0)
    minutes = (rules.prior_runs * rows.usual + rows.spent.fill_null(0.0)) / (rules.prior_runs + timed)
    successes = rows.successes.fill_null(0) + rules.prior_runs * rules.prior_success
    return rows.mutate(
        done_before=done_before,
        minutes=ibis.greatest(minutes.round().cast("int64"), 1),
        success_probability=successes / (rules.prior_runs + done_before),
    )


def _in_order(rows: ir.Table, as_of: ir.DateScalar, policy: LifecyclePolicy) -> ir.Table:
    """Add the rank of each action of its owner, the time of those before, and whether it fits the day."""
    # Beyond every instant that is due.
    never = days_after(as_of, 100_000).cast("timestamp(6)")
    order = [
        rows.place,
        ibis.coalesce(rows.due_at, never),
        ibis.desc(rows.value_at_stake.fill_null(-1.0)),
        rows.action_id,
    ]
    window = ibis.window(group_by=rows.owner, order_by=order)
    so_far = ibis.window(group_by=rows.owner, order_by=order, preceding=None, following=0)
    rows = rows.mutate(rank=ibis.row_number().over(window) + 1, minutes_after=rows.minutes.sum().over(so_far))
    return rows.mutate(
        minutes_before=(rows.minutes_after - rows.minutes).cast("int64"),
        fits_day=rows.minutes_after <= policy.actions.day_minutes,
    )


@check(blocking=True)
def rows_of_no_organization(action_plan: ir.Table, organizations: ir.Table) -> ir.Table:
    """Return actions whose organization is not in the file."""
    return without_organization(action_plan, organizations)


@check(blocking=True)
def ranks_that_repeat(action_plan: ir.Table) -> ir.Table:
    """Return owners whose actions do not have the ranks from 1 on, each once."""
    counted = action_plan.group_by("owner").agg(
        actions=action_plan.count(), ranks=action_plan["rank"].nunique(), last=action_plan["rank"].max()
    )
    return counted.filter((counted.ranks != counted.actions) | (counted["last"] != counted.actions))


@check
def actions_beyond_a_day(action_plan: ir.Table) -> ir.Table:
    """Return owners whose actions do not fit a day."""
    late = action_plan.filter(~action_plan.fits_day)
    return late.group_by("owner").agg(actions=late.count(), minutes=late.minutes.sum())
