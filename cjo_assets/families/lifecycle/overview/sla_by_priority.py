"""SLA clocks by clock and priority: how many were met, and the state of the open ones.

One row per as-of date, clock and priority with tickets. A clock is open until it stops; one that stopped late stays
breached. Only clocks that have stopped or are breached count for `met_share`.
"""

import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.numbers import RATE_DECIMALS
from cjo_assets.families.lifecycle.inputs.tickets import PRIORITIES
from cjo_assets.families.lifecycle.support._status_changes import CLOCKS, PAUSED, RUNNING
from cjo_assets.families.lifecycle.support.ticket_sla import AT_RISK, BREACHED, MET


class SlaByPriority(DatedContract):
    """SLA clocks by clock and priority. One row per as-of date, clock and priority."""

    clock: str = key("first_response or resolution.", isin=CLOCKS)
    priority: str = key("Priority at creation.", isin=PRIORITIES)
    tickets: int = column("Tickets [tickets].", ge=0)
    met: int = column("Of these, stopped in time.", ge=0)
    breached: int = column("Of these, with more time than the target, stopped or not; up = worse.", ge=0)
    breached_open: int = column("Of the breached, those that are not stopped; up = worse.", ge=0)
    at_risk: int = column("Of the tickets, running and close to the target.", ge=0)
    running: int = column("Of the tickets, running with time left.", ge=0)
    paused: int = column("Of the tickets, paused.", ge=0)
    met_share: float = column(
        "met over met and breached [0-1], up = better; null without any.",
        ge=0,
        le=1,
        nullable=True,
        decimals=RATE_DECIMALS,
    )


def sla_by_priority(ticket_sla: ir.Table) -> ir.Table:
    """Count the clocks of tickets by state."""
    state = ticket_sla.state
    rows = ticket_sla.group_by("clock", "priority").agg(
        tickets=ticket_sla.count(),
        met=ticket_sla.count(where=state == MET),
        breached=ticket_sla.count(where=state == BREACHED),
        breached_open=ticket_sla.count(where=(state == BREACHED) & ticket_sla.stopped_at.isnull()),
        at_risk=ticket_sla.count(where=state == AT_RISK),
        running=ticket_sla.count(where=state == RUNNING),
        paused=ticket_sla.count(where=state == PAUSED),
    )
    return rows.mutate(met_share=rows.met / (rows.met + rows.breached).nullif(0))


@check(blocking=True)
def states_that_do_not_sum(sla_by_priority: ir.Table) -> ir.Table:
    """Return rows whose states do not add up to their tickets."""
    rows = sla_by_priority
    return rows.filter(rows.met + rows.breached + rows.at_risk + rows.running + rows.paused != rows.tickets)
