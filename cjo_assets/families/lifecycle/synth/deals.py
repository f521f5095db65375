"""Generated events of deals: milestones from signup to handover, dependencies, and the people assigned."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow

from cjo_assets.families.lifecycle.synth.draws import NEVER, OPENS, Clients
from cjo_assets.families.lifecycle.synth.envelopes import Log, owned_ids
from cjo_assets.families.lifecycle.synth.world import SUCCESS_MANAGER, SUPPORT_SPECIALIST, LifecycleWorld
from cjo_assets.synth.columns import SECONDS_PER_DAY, Numbers, name_column

# Events of a deal in their order: all but the last two before the contract starts.
STEPS = (
    "research_completed",
    "requirements_sent",
    "requirements_validated",
    "demo_delivered",
    "pilot_agreed",
    "nda_sent",
    "nda_signed",
    "prd_started",
    "prd_approved",
    "pricing_proposed",
    "pricing_approved",
    "proposal_sent",
    "proposal_signed",
)
OF_CLIENT = {"requirements_validated", "pilot_agreed", "nda_signed", "prd_approved", "proposal_signed"}
DAYS_OF_STEP = 5
DEPENDENCIES = ("api_access", "data_export", "legal_review")
DEAL, CONFIGURATION = "SYN_DEAL_", "SYN_CFG_"
CLIENTS_OF_PERSON = 20
# Days between two quarterly reviews of a client, and how many more they are for some.
REVIEW_DAYS, REVIEW_SPREAD = 84, 12
HANDOFF_PARTS = ["client_preferences", "context_notes", "technical_requirements"]
COST_SHARE = (0.4, 0.8)


def person_ids(role: str, number: pyarrow.Array, org: Numbers) -> pyarrow.Array:
    """Return the person of ours with a role for each organization: one for each twenty."""
    return owned_ids(f"SYN_{role}_", number, org // CLIENTS_OF_PERSON * CLIENTS_OF_PERSON)


def add_deals(world: LifecycleWorld, clients: Clients, log: Log, chance: np.random.Generator) -> None:
    """Draw the events of deals, of the people assigned, and of the reviews that they held."""
    _add_steps(world, clients, log, chance)
    _add_dependencies(clients, log, chance)
    _add_people(clients, log, chance)
    _add_reviews(clients, log)


def _add_steps(world: LifecycleWorld, clients: Clients, log: Log, chance: np.random.Generator) -> None:
    """Add the milestones: of a client all, evenly up to the contract; of others the first ones."""
    rows = clients.rows
    is_client = rows["start_day"] != NEVER
    days = np.where(is_client, rows["start_day"] - rows["signup_day"], DAYS_OF_STEP * (len(STEPS) + 1))
    reached = np.where(is_client, len(STEPS), rows["milestones"])
    volume = 10 + chance.poisson(60, clients.size)
    listed = np.array([plan.monthly_price for plan in world.plans])[rows["plan"]]
    price = np.round(listed * chance.uniform(*world.price_spread, clients.size), 2)
    figures: dict[str, dict[str, Any]] = {
        "research_completed": {"quantity": volume},
        "requirements_validated": {"quantity": np.round(volume * chance.uniform(0.7, 1.4, clients.size))},
        "pricing_proposed": {
            "amount": price,
            "quantity": np.round(price * chance.uniform(*COST_SHARE, clients.size), 2),
        },
        "proposal_signed": {"amount": np.round(price * 12, 2)},
    }
    for place, name in enumerate(STEPS, start=1):
        org = rows["org"][reached >= place]
        begins = (rows["signup_day"][org] + 1) * SECONDS_PER_DAY
        share = (place - chance.random(org.size)) / (len(STEPS) + 1)
        second = begins + (share * (days[org] - 1) * SECONDS_PER_DAY).astype(np.int64)
        given = {column: values[org] for column, values in figures.get(name, {}).items()}
        actor = "client" if name in OF_CLIENT else "agent"
        log.add(name, org, second, actor, subject_id=owned_ids(DEAL, log.number, org), **given)
    signed = rows["org"][is_client]
    live = rows["start_day"][signed] * SECONDS_PER_DAY
    deployed = live + chance.integers(2, 15, signed.size) * SECONDS_PER_DAY
    change = owned_ids("SYN_CHANGE_", log.number, signed)
    related = owned_ids(CONFIGURATION, log.number, signed)
    named = {"subject_id": change, "related_id": related, "about": "production"}
    log.add("config_deployed", signed, deployed, "agent", quantity=np.ones(signed.size), **named)


def _add_dependencies(clients: Clients, log: Log, chance: np.random.Generator) -> None:
    rows = clients.rows
    org = rows["org"][(rows["start_day"] != NEVER) & (chance.random(clients.size) < 0.5)]
    opened = (rows["signup_day"][org] + 8) * SECONDS_PER_DAY
    due = opened + chance.integers(5, 20, org.size) * SECONDS_PER_DAY
    subject = owned_ids("SYN_DEP_", log.number, org)
    kind = name_column(DEPENDENCIES, chance.integers(0, len(DEPENDENCIES), org.size))
    named = {"subject_id": subject, "related_id": owned_ids(DEAL, log.number, org), "about": kind}
    log.add("dependency_opened", org, opened, "agent", due_at=due, **named)
    is_done = chance.random(org.size) < 0.9
    done = (due + chance.integers(-4, 6, org.size) * SECONDS_PER_DAY)[is_done]
    log.add("dependency_done", org[is_done], done, "client", subject_id=subject.filter(pyarrow.array(is_done)))


def _add_people(clients: Clients, log: Log, chance: np.random.Generator) -> None:
    """Add the handoff to a success manager, and who is assigned."""
    rows = clients.rows
    org = rows["org"][rows["start_day"] != NEVER]
    start = rows["start_day"][org] * SECONDS_PER_DAY
    handoff = owned_ids("SYN_HANDOFF_", log.number, org)
    requested = start + chance.integers(15, 20, org.size) * SECONDS_PER_DAY
    given = chance.integers(1, len(HANDOFF_PARTS), org.size, endpoint=True)
    parts = [HANDOFF_PARTS[:count] for count in given]
    log.add("handoff_requested", org, requested, "agent", subject_id=handoff, about=SUCCESS_MANAGER, parts=parts)
    is_taken = clients.is_old(requested) | (chance.random(org.size) < 0.95)
    taken = requested + chance.integers(3600, 5 * SECONDS_PER_DAY, org.size)
    rows_taken = {"subject_id": handoff.filter(pyarrow.array(is_taken)), "about": SUCCESS_MANAGER}
    log.add("handoff_accepted", org[is_taken], taken[is_taken], "agent", **rows_taken)
    for series, role, at in ((("_1", SUPPORT_SPECIALIST, start)), ("_2", SUCCESS_MANAGER, taken)):
        named = {"related_id": person_ids(role, log.number, org), "about": role}
        subject = owned_ids(f"SYN_ASSIGNMENT{series}_", log.number, org)
        log.add("assigned", org, at, "system", series, subject_id=subject, **named)


def _add_reviews(clients: Clients, log: Log) -> None:
    """Add the quarterly reviews that were held while a client paid, some of them a few days late."""
    start, every = clients.rows["start_day"], REVIEW_DAYS + clients.rows["org"] % REVIEW_SPREAD
    count = np.maximum(clients.last_day - start, 0) // every
    org = np.repeat(clients.rows["org"], count)
    place = 1 + np.arange(org.size) - np.repeat(np.cumsum(count) - count, count)
    day = start[org] + every[org] * place
    is_held = clients.is_live(org, day)
    log.add("qbr_held", org[is_held], day[is_held] * SECONDS_PER_DAY + OPENS, "agent")
