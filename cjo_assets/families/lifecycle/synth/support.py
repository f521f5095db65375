"""Generated tickets, with the events of their history and ratings."""

from __future__ import annotations

import numpy as np
import pyarrow

from cjo_assets.families.lifecycle.inputs.tickets import BY_AGENT, BY_AI, PRIORITIES
from cjo_assets.families.lifecycle.synth.deals import person_ids
from cjo_assets.families.lifecycle.synth.draws import Clients, Columns, moments
from cjo_assets.families.lifecycle.synth.envelopes import Log, OwnedTable, customer_ids
from cjo_assets.families.lifecycle.synth.world import FEATURE_REQUEST, SUPPORT_SPECIALIST, LifecycleWorld
from cjo_assets.synth.columns import NOBODY, SECONDS_PER_DAY, Numbers, instant_column, name_column, row_id_column

PRIORITY_SHARES = (0.3, 0.5, 0.15, 0.05)
# Mean minutes to the first response and from it to the resolution, by priority.
RESPONSE_MINUTES = (240, 120, 60, 20)
RESOLUTION_MINUTES = (2400, 1500, 600, 180)
FEATURES = ("audit_log", "calendar", "salesforce", "single_sign_on")
RESOLVERS = (BY_AI, BY_AGENT)
SOLVED_SHARE, AI_SHARE, PENDING_SHARE, ESCALATED_SHARE = 0.95, 0.4, 0.3, 0.05
MINUTE = 60


def tickets_of(
    world: LifecycleWorld, clients: Clients, log: Log, mean: float, chance: np.random.Generator
) -> OwnedTable:
    """Draw tickets, so many per client on average, and add their events to the log."""
    drawn = _drawn(world, clients, mean, chance)
    org, ids = drawn["org"], row_id_column("SYN_TICKET_", drawn["org"], log.number)
    _add_history(world, clients, log, drawn, ids, chance)
    responded, resolved = drawn["responded"] >= log.end, drawn["resolved"] >= log.end
    is_tried = chance.random(org.size) < 0.8
    category = chance.integers(0, len(world.categories), org.size)
    is_wish = np.array(world.categories)[category] == FEATURE_REQUEST
    feature = np.where(is_wish, chance.integers(0, len(FEATURES), org.size), NOBODY)
    table = pyarrow.table(
        {
            "ticket_id": ids,
            "customer_id": customer_ids(log.number, org),
            "category": name_column(list(world.categories), category),
            "priority": name_column(PRIORITIES, drawn["priority"]),
            "created_at": instant_column(drawn["created"]),
            "first_response_at": instant_column(drawn["responded"], responded),
            "resolved_at": instant_column(drawn["resolved"], resolved),
            "resolved_by": name_column(RESOLVERS, np.where(resolved, NOBODY, drawn["resolver"])),
            "assigned_to": person_ids(SUPPORT_SPECIALIST, log.number, org),
            "ai_confidence": pyarrow.array(np.round(chance.uniform(0.4, 1.0, org.size), 2), mask=~is_tried),
            "ai_attempts": pyarrow.array(chance.integers(1, 4, org.size), mask=~is_tried),
            "asked_for_human": pyarrow.array(chance.random(org.size) < 0.1),
            "requested_feature": name_column(FEATURES, feature),
        }
    )
    return org, table


def _drawn(world: LifecycleWorld, clients: Clients, mean: float, chance: np.random.Generator) -> Columns:
    """Draw tickets with the instants of their life; those of a declining client wait longer."""
    org, created = moments(clients, mean, chance)
    priority = chance.choice(len(PRIORITIES), org.size, p=PRIORITY_SHARES)
    is_slow = clients.is_declining(org, created // SECONDS_PER_DAY)
    factor = np.where(is_slow, world.decline_wait, 1.0) * MINUTE
    wait = chance.exponential(1.0, org.size) * np.array(RESPONSE_MINUTES)[priority] * factor
    work = chance.exponential(1.0, org.size) * np.array(RESOLUTION_MINUTES)[priority] * factor
    responded = created + MINUTE + wait.astype(np.int64)
    is_solved = clients.is_old(created) | (chance.random(org.size) < SOLVED_SHARE)
    return {
        "org": org,
        "created": created,
        "priority": priority,
        "responded": responded,
        # Seconds from the last day on have not happened.
        "resolved": np.where(is_solved, responded + MINUTE + work.astype(np.int64), clients.end_second),
        "resolver": np.where(chance.random(org.size) < AI_SHARE, 0, 1),
        "is_slow": is_slow,
    }


def _add_history(
    world: LifecycleWorld, clients: Clients, log: Log, drawn: Columns, ids: pyarrow.Array, chance: np.random.Generator
) -> None:
    """Add changes of status of some tickets, escalations and ratings; in the end a person has seen every ticket."""
    org, responded, resolved = drawn["org"], drawn["responded"], drawn["resolved"]
    is_paused = chance.random(org.size) < PENDING_SHARE
    continued = responded + (chance.uniform(0.1, 0.9, org.size) * (resolved - responded)).astype(np.int64)
    for series, (status, at) in enumerate(
        (("open", drawn["created"]), ("pending", responded), ("open", continued), ("solved", resolved)), start=1
    ):
        _add(log, "ticket_status_set", is_paused, at, drawn, ids, "agent", f"_{series}", about=status)
    is_escalated = chance.random(org.size) < ESCALATED_SHARE
    escalated = responded + 10 * MINUTE
    _add(log, "escalated", is_escalated, escalated, drawn, ids, "ai", about="asked_for_human")
    _add(log, "escalation_taken", is_escalated, escalated + 8 * MINUTE, drawn, ids, "agent")
    is_seen = clients.is_old(drawn["created"]) & ~is_escalated
    _add(log, "escalation_taken", is_seen, responded, drawn, ids, "agent", "_2")
    is_rated = (resolved < log.end) & (chance.random(org.size) < world.csat_share)
    mark = ratings(drawn["is_slow"], chance)
    _add(log, "csat_given", is_rated, resolved + 600, drawn, ids, "client", quantity=mark[is_rated])


def _add(
    log: Log,
    kind: str,
    chosen: Numbers,
    at: Numbers,
    drawn: Columns,
    ids: pyarrow.Array,
    actor: str,
    series: str = "",
    **columns: object,
) -> None:
    """Add an event of each of the chosen tickets."""
    subject = ids.filter(pyarrow.array(chosen))
    log.add(kind, drawn["org"][chosen], at[chosen], actor, series, subject_id=subject, **columns)


def ratings(is_worse: Numbers, chance: np.random.Generator) -> Numbers:
    """Draw ratings from 1 to 5: of clients that decline about 2.6 on average, of others about 4.3."""
    drawn = chance.binomial(4, np.where(is_worse, 0.4, 0.82)) + 1
    found: Numbers = drawn.astype(float)
    return found
