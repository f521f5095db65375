"""Targets of the clocks of tickets: those of the contract that was valid at the start, else the policy's."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.calendars import microseconds_in
from cjo_assets.core.expressions.rows import literal_rows
from cjo_assets.core.expressions.tables import first_per, lookup
from cjo_assets.families.lifecycle.inputs import sla_terms as terms_file
from cjo_assets.families.lifecycle.support._status_changes import FIRST_RESPONSE, RESOLUTION
from cjo_assets.policy.lifecycle import LifecyclePolicy

METRIC_OF = {FIRST_RESPONSE: terms_file.FIRST_RESPONSE, RESOLUTION: terms_file.RESOLUTION}
# A century; a longer target is never exceeded.
LONGEST_MINUTES = 52_596_000
CLOCK_KEY = ["ticket_id", "clock"]
# Changes are sorted by clock several times, which takes half as long by a number as by the key.
CLOCK_NUMBER = "clock_number"


def targets_of(tickets: ir.Table, sla_terms: ir.Table, policy: LifecyclePolicy) -> ir.Table:
    """Return the targets of both clocks of tickets.

    Of the terms that were valid on the day of creation, one for the priority takes precedence over one for all, and a
    later one over an earlier one.

    Returns:
        One row per ticket and clock: clock_number, customer_id, priority, started_at, target [minutes], target_time
        [microseconds], is_always_open and is_contracted.
    """
    rows = tickets.select("ticket_id", "customer_id", "priority", started_at="created_at")
    rows = rows.join(_of_policy(policy), "priority")
    rows = lookup(rows, _of_contract(rows, sla_terms), CLOCK_KEY)
    target = ibis.coalesce(rows.contract_target, rows.policy_target.cast("float64"))
    is_always_open = ibis.coalesce(rows.contract_calendar == terms_file.ALWAYS_OPEN, rows.is_policy_always_open)
    return rows.select(
        *CLOCK_KEY,
        "customer_id",
        "priority",
        "started_at",
        clock_number=ibis.row_number().over(ibis.window(order_by=CLOCK_KEY)),
        target=target,
        target_time=microseconds_in(ibis.least(target, float(LONGEST_MINUTES))),
        is_always_open=is_always_open,
        is_contracted=rows.contract_target.notnull(),
    )


def _of_policy(policy: LifecyclePolicy) -> ir.Table:
    rows = [
        {
            "clock": clock,
            "priority": priority,
            "policy_target": minutes,
            "is_policy_always_open": priority in policy.sla.always_open,
        }
        for clock, targets in policy.sla.targets
        for priority, minutes in targets
    ]
    types = {"clock": "string", "priority": "string", "policy_target": "int64", "is_policy_always_open": "boolean"}
    return literal_rows(rows, types)


def _of_contract(rows: ir.Table, sla_terms: ir.Table) -> ir.Table:
    clock = sla_terms.metric.cases(*((metric, clock) for clock, metric in METRIC_OF.items()), else_=None)
    terms = sla_terms.select(
        "customer_id",
        "valid_from",
        clock=clock,
        term_priority="priority",
        contract_target="target",
        contract_calendar="calendar",
    )
    found = rows.join(terms, ["customer_id", "clock"])
    is_for_all = found.term_priority == terms_file.ALL_PRIORITIES
    found = found.filter(
        (found.term_priority == found.priority) | is_for_all, found.valid_from <= found.started_at.date()
    )
    best = first_per(found, CLOCK_KEY, [found.term_priority == terms_file.ALL_PRIORITIES, ibis.desc("valid_from")])
    return best.select(*CLOCK_KEY, "contract_target", "contract_calendar")
