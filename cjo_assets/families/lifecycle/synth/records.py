"""Generated organizations, people, plans, contracted targets, configurations and message experiments."""

from __future__ import annotations

import numpy as np
import pyarrow
import pyarrow.compute as pc

from cjo_assets.families.lifecycle.inputs.conversations import CHATBOT
from cjo_assets.families.lifecycle.inputs.sla_terms import ALWAYS_OPEN, FIRST_RESPONSE, UPTIME
from cjo_assets.families.lifecycle.inputs.variant_results import COHORTS
from cjo_assets.families.lifecycle.synth.deals import CLIENTS_OF_PERSON, CONFIGURATION, person_ids
from cjo_assets.families.lifecycle.synth.draws import NEVER, Clients
from cjo_assets.families.lifecycle.synth.envelopes import ADMIN, OwnedTable, customer_ids, owned_ids
from cjo_assets.families.lifecycle.synth.world import (
    CLIENT_ADMIN,
    SUCCESS_MANAGER,
    SUPPORT_SPECIALIST,
    LifecycleWorld,
)
from cjo_assets.synth.columns import (
    SECONDS_PER_DAY,
    Span,
    date_column,
    given_or_numbered,
    instant_column,
    name_column,
)

MORNING = 9 * 3600
ROLES = (CLIENT_ADMIN, SUCCESS_MANAGER, SUPPORT_SPECIALIST)
# Contracted targets: metric, priority, target, calendar, credit.
TERMS = ((FIRST_RESPONSE, "urgent", 60.0, ALWAYS_OPEN, None), (UPTIME, "all", 0.999, None, 0.1))
SETTINGS = ["escalation.after_attempts=2", "model.max_tokens=200", "system_prompt=Answer briefly."]
VARIANTS = (("plain", 0.08), ("warm", 0.11), ("short", 0.085))
EXPERIMENT_DAYS = 14
EXPOSURES = 80


def organizations_of(world: LifecycleWorld, clients: Clients, number: pyarrow.Array) -> OwnedTable:
    """Return the organizations."""
    rows = clients.rows
    second = rows["signup_day"] * SECONDS_PER_DAY + MORNING
    is_assisted = pyarrow.array(rows["plan"] == len(world.plans) - 1)
    helper = person_ids(SUCCESS_MANAGER, number, rows["org"])
    table = pyarrow.table(
        {
            "customer_id": customer_ids(number, rows["org"]),
            "name": given_or_numbered(world.names, "Organization ", number),
            "industry": name_column(list(world.industries), rows["industry"]),
            "signed_up_at": instant_column(second),
            "created_by": pc.if_else(is_assisted, helper, pyarrow.scalar(None, pyarrow.string())),
            "village_opt_in": pyarrow.array(rows["is_opted_in"]),
        }
    )
    return rows["org"], table


def people_of(clients: Clients, number: pyarrow.Array) -> OwnedTable:
    """Return an admin of each organization, and people of ours for each twenty of them."""
    org = clients.rows["org"]
    of_ours = org[org % CLIENTS_OF_PERSON == 0]
    parts = [
        (org, owned_ids(ADMIN, number, org), customer_ids(number, org), CLIENT_ADMIN),
        *(
            (of_ours, person_ids(role, number, of_ours), pyarrow.nulls(of_ours.size, pyarrow.string()), role)
            for role in ROLES[1:]
        ),
    ]
    tables = [
        pyarrow.table(
            {
                "person_id": ids,
                "customer_id": customers,
                "roles": _lists([role], owner.size),
                "skills": _lists([], owner.size),
                "max_clients": pyarrow.nulls(owner.size, pyarrow.int64()),
                "max_handoffs": pyarrow.nulls(owner.size, pyarrow.int64()),
                "manager_id": pyarrow.nulls(owner.size, pyarrow.string()),
                "left_on": pyarrow.nulls(owner.size, pyarrow.date32()),
            }
        )
        for owner, ids, customers, role in parts
    ]
    owners = np.concatenate([owner for owner, *_ in parts])
    order = np.argsort(owners, kind="stable")
    return owners[order], pyarrow.concat_tables(tables).take(pyarrow.array(order))


def terms_of(clients: Clients, number: pyarrow.Array) -> OwnedTable:
    """Return contracted targets from the start of the contract."""
    rows = clients.rows
    org = np.repeat(rows["org"][rows["has_terms"] & (rows["start_day"] != NEVER)], len(TERMS))
    metric, priority, target, calendar, credit = (
        list(values) * (org.size // len(TERMS)) for values in zip(*TERMS, strict=True)
    )
    table = pyarrow.table(
        {
            "customer_id": customer_ids(number, org),
            "metric": pyarrow.array(metric, pyarrow.string()),
            "priority": pyarrow.array(priority, pyarrow.string()),
            "valid_from": date_column(rows["start_day"][org]),
            "target": pyarrow.array(target, pyarrow.float64()),
            "calendar": pyarrow.array(calendar, pyarrow.string()),
            "credit_share": pyarrow.array(credit, pyarrow.float64()),
        }
    )
    return org, table


def configurations_of(clients: Clients, number: pyarrow.Array) -> OwnedTable:
    """Return the first version of the configuration of each client."""
    rows = clients.rows
    org = rows["org"][rows["start_day"] != NEVER]
    table = pyarrow.table(
        {
            "config_id": owned_ids(CONFIGURATION, number, org),
            "config_version": np.ones(org.size, int),
            "customer_id": customer_ids(number, org),
            "product": _texts(CHATBOT, org.size),
            "saved_at": instant_column(rows["start_day"][org] * SECONDS_PER_DAY),
            "saved_by_kind": _texts("agent", org.size),
            "saved_by": person_ids(SUPPORT_SPECIALIST, number, org),
            "message": _texts("First version", org.size),
            "settings": _lists(SETTINGS, org.size),
        }
    )
    return org, table


def plans_table(world: LifecycleWorld) -> pyarrow.Table:
    """Return the plans."""
    plans = world.plans
    return pyarrow.table(
        {
            "plan_id": [plan.name for plan in plans],
            "tier": list(range(1, len(plans) + 1)),
            "monthly_price": [plan.monthly_price for plan in plans],
            "included_conversations": pyarrow.array([plan.conversations for plan in plans], pyarrow.int64()),
            "included_voice_minutes": pyarrow.array([plan.voice_minutes for plan in plans], pyarrow.int64()),
            "included_api_calls": pyarrow.array([plan.api_calls for plan in plans], pyarrow.int64()),
            "conversation_price": [plan.unit_prices[0] for plan in plans],
            "voice_minute_price": [plan.unit_prices[1] for plan in plans],
            "api_call_price": [plan.unit_prices[2] for plan in plans],
            "model_cost_budget": pyarrow.array([plan.budget for plan in plans], pyarrow.float64()),
        }
    )


def variants_table(span: Span, chance: np.random.Generator) -> pyarrow.Table:
    """Draw the daily results of one experiment on messages, over all organizations."""
    variant = np.repeat(np.arange(len(VARIANTS)), EXPERIMENT_DAYS)
    day = np.tile(np.arange(span.last_day - EXPERIMENT_DAYS + 1, span.last_day + 1), len(VARIANTS))
    exposures = chance.poisson(EXPOSURES, variant.size)
    return pyarrow.table(
        {
            "experiment_id": _texts("SYN_MSG_1", variant.size),
            "variant_id": name_column([name for name, _ in VARIANTS], variant),
            "result_date": date_column(day),
            "cohort": _texts(COHORTS[2], variant.size),
            "metric": _texts("click", variant.size),
            "is_control": pyarrow.array(variant == 0),
            "exposures": exposures,
            "successes": chance.binomial(exposures, np.array([rate for _, rate in VARIANTS])[variant]),
            "session_seconds": np.round(chance.uniform(60, 180, variant.size), 1),
        }
    )


def _texts(text: str, count: int) -> pyarrow.Array:
    return pyarrow.repeat(pyarrow.scalar(text), count)


def _lists(values: list[str], count: int) -> pyarrow.Array:
    return pyarrow.array([values] * count, pyarrow.list_(pyarrow.string()))
