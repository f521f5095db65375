"""Generated use: days, conversations, searches, calls of language models, and measured services."""

from __future__ import annotations

import numpy as np
import pyarrow
import pyarrow.compute as pc

from cjo_assets.families.lifecycle.inputs.conversations import ABANDONED, COMPLETED, ESCALATED, FAILED, PRODUCTS
from cjo_assets.families.lifecycle.synth.deals import CONFIGURATION
from cjo_assets.families.lifecycle.synth.draws import NEVER, Clients, Columns, moments
from cjo_assets.families.lifecycle.synth.envelopes import Log, OwnedTable, customer_ids, owned_ids
from cjo_assets.families.lifecycle.synth.support import ratings
from cjo_assets.families.lifecycle.synth.world import LifecycleWorld
from cjo_assets.synth.columns import (
    SECONDS_PER_DAY,
    Numbers,
    date_column,
    id_column,
    instant_column,
    name_column,
    numbers_as_text,
    row_id_column,
)

STATUSES = (COMPLETED, ABANDONED, FAILED, ESCALATED)
MOST_FEATURES = 8
DOCUMENTS = 20
WORKFLOWS, MODELS = ("answer", "classify", "summarize"), ("small", "large")
# Price of a thousand tokens by model [currency].
TOKEN_PRICES = (0.0005, 0.01)
DAY_MINUTES = 1440
# Confidence of the AI below which a person takes a conversation over, and from its end until then [seconds].
UNSURE, TAKEN_AFTER = 0.7, 480


def usage_of(world: LifecycleWorld, clients: Clients, number: pyarrow.Array, chance: np.random.Generator) -> OwnedTable:
    """Draw the days on which a client used the product."""
    rows = clients.rows
    first = np.minimum(rows["start_day"], clients.last_day + 1)
    length = clients.last_day + 1 - first
    org = np.repeat(rows["org"], length)
    day = first[org] + np.arange(org.size) - np.repeat(np.cumsum(length) - length, length)
    level = clients.level(world, org, day)
    is_used = clients.is_live(org, day) & (chance.random(org.size) < world.active_day_share * level)
    org, day, level = org[is_used], day[is_used], level[is_used]
    users = 1 + chance.poisson(rows["users"][org] * level)
    has_voice = np.array([bool(plan.voice_minutes) for plan in world.plans])[rows["plan"][org]]
    table = pyarrow.table(
        {
            "customer_id": customer_ids(number, org),
            "usage_date": date_column(day),
            "active_users": users,
            "logins": users + chance.poisson(users),
            "features_used": np.maximum(1, chance.binomial(MOST_FEATURES, 0.7 * level)),
            "api_calls": chance.poisson(60 * level),
            "voice_minutes": np.where(has_voice, chance.poisson(30 * level), 0),
        }
    )
    return org, table


def conversations_of(
    world: LifecycleWorld, clients: Clients, log: Log, mean: float, chance: np.random.Generator
) -> OwnedTable:
    """Draw conversations, so many per client on average; fewer and worse where use falls. Log who took them over."""
    number = log.number
    org, second = moments(clients, mean, chance)
    level = clients.level(world, org, second // SECONDS_PER_DAY)
    is_kept = chance.random(org.size) < level
    org, second, level = org[is_kept], second[is_kept], level[is_kept]
    bad = np.where(level < 1, 2.0, 1.0)
    escalated = world.escalated_share * bad
    draw = chance.random(org.size)
    status = np.select([draw < escalated, draw < escalated + 0.05, draw < escalated + 0.07], [3, 1, 2], 0)
    duration = 60 + chance.exponential(300, org.size).astype(np.int64)
    calls = chance.poisson(2, org.size)
    is_rated = chance.random(org.size) < world.csat_share
    resolved = (status == 0) & (chance.random(org.size) < world.resolved_share / bad**0.5)
    user = numbers_as_text(1, int(clients.rows["users"].max()) * 5, 3)
    of_org = id_column("", number.take(pyarrow.array(org)))
    place = user.take(pyarrow.array((chance.random(org.size) * clients.rows["users"][org] * 5).astype(np.int64)))
    ids, confidence = row_id_column("SYN_CONV_", org, number), np.round(chance.beta(12, 2, org.size), 3)
    needs_person = (status == STATUSES.index(ESCALATED)) | (confidence < UNSURE)
    is_taken = needs_person & clients.is_old(second)
    taken = {"subject_id": ids.filter(pyarrow.array(is_taken))}
    log.add("escalation_taken", org[is_taken], (second + duration + TAKEN_AFTER)[is_taken], "agent", "_3", **taken)
    table = pyarrow.table(
        {
            "conversation_id": ids,
            "customer_id": customer_ids(number, org),
            "user_id": pc.binary_join_element_wise("u", of_org, place, "_"),
            "product": name_column(PRODUCTS, np.zeros(org.size, int)),
            "config_id": owned_ids(CONFIGURATION, number, org),
            "config_version": np.ones(org.size, int),
            "ended_version": np.ones(org.size, int),
            "started_at": instant_column(second),
            "ended_at": instant_column(second + duration),
            "status": name_column(STATUSES, status),
            "is_resolved": pyarrow.array(resolved),
            "ai_confidence": confidence,
            "asked_for_human": pyarrow.array(status == STATUSES.index(ESCALATED)),
            "csat": pyarrow.array(ratings(level < 1, chance), mask=~is_rated),
            "p95_ms": np.round(chance.lognormal(7.0, 0.35, org.size)),
            "tool_calls": calls,
            "tool_errors": chance.binomial(calls, 0.03),
        }
    )
    return org, table


def searches_of(
    world: LifecycleWorld, clients: Clients, number: pyarrow.Array, chance: np.random.Generator
) -> OwnedTable:
    """Draw searches in the knowledge base: documents of the client, or of all."""
    org, second = moments(clients, world.searches, chance)
    is_found = chance.random(org.size) < 0.9
    is_shared = chance.random(org.size) < 0.2
    texts = id_column("SYN_DOC_", numbers_as_text(1, DOCUMENTS, 3))
    own = pc.binary_join_element_wise(
        texts.take(pyarrow.array(chance.integers(0, DOCUMENTS, org.size))), number.take(pyarrow.array(org)), "_"
    )
    unknown = pyarrow.array(~is_found)
    none = pyarrow.scalar(None, pyarrow.string())
    owner = pc.if_else(pyarrow.array(is_shared | ~is_found), none, customer_ids(number, org))
    table = pyarrow.table(
        {
            "search_id": row_id_column("SYN_SEARCH_", org, number),
            "customer_id": customer_ids(number, org),
            "searched_at": instant_column(second),
            "document_id": pc.if_else(unknown, none, own),
            "document_customer_id": owner,
            "confidence": pyarrow.array(np.round(chance.beta(12, 2, org.size), 3), mask=~is_found),
            "latency_ms": np.round(chance.lognormal(4.8, 0.4, org.size)),
            "was_helpful": pyarrow.array(chance.random(org.size) < 0.85, mask=chance.random(org.size) < 0.6),
        }
    )
    return org, table


def calls_of(world: LifecycleWorld, clients: Clients, number: pyarrow.Array, chance: np.random.Generator) -> OwnedTable:
    """Draw calls of language models."""
    org, second = moments(clients, world.calls, chance)
    model = (chance.random(org.size) < 0.3).astype(int)
    given, made = 100 + chance.poisson(600, org.size), 20 + chance.poisson(200, org.size)
    is_hit = chance.random(org.size) < 0.3
    cost = np.where(is_hit, 0.0, np.round((given + made) / 1000 * np.array(TOKEN_PRICES)[model], 6))
    table = pyarrow.table(
        {
            "call_id": row_id_column("SYN_CALL_", org, number),
            "customer_id": customer_ids(number, org),
            "workflow": name_column(WORKFLOWS, chance.integers(0, len(WORKFLOWS), org.size)),
            "model": name_column(MODELS, model),
            "called_at": instant_column(second),
            "input_tokens": given,
            "output_tokens": made,
            "is_cache_hit": pyarrow.array(is_hit),
            "complexity": pyarrow.array(np.round(chance.random(org.size), 2), mask=chance.random(org.size) < 0.1),
            "billed_cost": pyarrow.array(cost, mask=chance.random(org.size) < 0.2),
        }
    )
    return org, table


def windows_of(
    world: LifecycleWorld, clients: Clients, number: pyarrow.Array, chance: np.random.Generator
) -> OwnedTable:
    """Draw the measured services of the last days, one window per day."""
    rows = _window_days(world, clients)
    org, day = rows["org"], rows["day"]
    requests = chance.poisson(400, org.size)
    ended = chance.poisson(40, org.size)
    is_down = chance.random(org.size) < 0.02
    table = pyarrow.table(
        {
            "window_id": row_id_column("SYN_WINDOW_", org, number),
            "customer_id": customer_ids(number, org),
            "service": name_column(PRODUCTS, np.zeros(org.size, int)),
            "config_id": owned_ids(CONFIGURATION, number, org),
            "config_version": np.ones(org.size, int),
            "started_at": instant_column(day * SECONDS_PER_DAY),
            "minutes": np.full(org.size, DAY_MINUTES),
            "requests": requests,
            "errors": chance.binomial(requests, 0.005),
            "p95_ms": np.round(chance.lognormal(7.2, 0.2, org.size)),
            "down_minutes": np.where(is_down, chance.integers(1, 90, org.size), 0),
            "ended": ended,
            "completed": chance.binomial(ended, 0.93),
            "is_maintenance": pyarrow.array(chance.random(org.size) < 0.01),
        }
    )
    return org, table


def _window_days(world: LifecycleWorld, clients: Clients) -> Columns:
    rows = clients.rows
    org = np.repeat(rows["org"][rows["is_measured"] & (rows["start_day"] != NEVER)], world.window_days)
    back = np.tile(np.arange(world.window_days)[::-1], org.size // world.window_days)
    day: Numbers = clients.last_day - back
    is_live = clients.is_live(org, day)
    return {"org": org[is_live], "day": day[is_live]}
