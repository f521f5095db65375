"""Generated events of trials, subscriptions and invoices."""

from __future__ import annotations

import numpy as np
import pyarrow

from cjo_assets.families.lifecycle.inputs._event_types import ANNUAL, MONTHLY
from cjo_assets.families.lifecycle.synth.draws import NEVER, Clients, Columns, office_seconds
from cjo_assets.families.lifecycle.synth.envelopes import Log, owned_ids
from cjo_assets.families.lifecycle.synth.world import LifecycleWorld
from cjo_assets.synth.columns import SECONDS_PER_DAY, Numbers, name_column, row_id_column

INTERVALS = (MONTHLY, ANNUAL)
DAYS_OF_INTERVAL = (30, 365)
DAYS_TO_PAY = 14
MAIN, ADDON = "SYN_SUB_", "SYN_ADDON_"


def add_money(world: LifecycleWorld, clients: Clients, log: Log, chance: np.random.Generator) -> None:
    """Draw the events of trials, subscriptions and invoices."""
    _add_trials(world, clients, log, chance)
    _add_main(world, clients, log, chance)
    _add_addons(world, clients, log, chance)
    _add_invoices(world, clients, log, chance)


def price_names(world: LifecycleWorld, clients: Clients, org: Numbers) -> dict[str, pyarrow.Array]:
    """Return plan and interval of subscriptions, as the events have them."""
    rows = clients.rows
    return {
        "related_id": name_column([plan.name for plan in world.plans], rows["plan"][org]),
        "about": name_column(INTERVALS, rows["is_annual"][org].astype(int)),
    }


def _add_trials(world: LifecycleWorld, clients: Clients, log: Log, chance: np.random.Generator) -> None:
    rows = clients.rows
    org = rows["org"][rows["has_trial"]]
    # The trial of a client ends with its contract; that of another organization a while after the signup.
    start = np.where(
        rows["start_day"][org] == NEVER, rows["signup_day"][org] + 3 + world.trial_days, rows["start_day"][org]
    )
    second = office_seconds(start - world.trial_days, chance)
    due = start * SECONDS_PER_DAY
    log.add("trial_started", org, second, "client", subject_id=owned_ids(MAIN, log.number, org), due_at=due)


def _add_main(world: LifecycleWorld, clients: Clients, log: Log, chance: np.random.Generator) -> None:
    rows = clients.rows
    starts = np.sort(np.concatenate([rows["org"], rows["org"]]))
    day = np.stack([rows["start_day"], rows["return_day"]], axis=1).ravel()
    starts, day = starts[day != NEVER], day[day != NEVER]
    names = price_names(world, clients, starts)
    subject = owned_ids(MAIN, log.number, starts)
    second = office_seconds(day, chance)
    log.add("subscription_started", starts, second, "client", subject_id=subject, amount=rows["price"][starts], **names)
    org = clients.changes["org"]
    amount = np.round(rows["price"][org] * clients.changes["factor"], 2)
    second = office_seconds(clients.changes["day"], chance)
    subject = owned_ids(MAIN, log.number, org)
    names = price_names(world, clients, org)
    log.add("subscription_changed", org, second, "client", subject_id=subject, amount=amount, **names)
    left = rows["org"][rows["churn_day"] != NEVER]
    _add_cancellations(clients, log, left, MAIN, chance)


def _add_addons(world: LifecycleWorld, clients: Clients, log: Log, chance: np.random.Generator) -> None:
    rows = clients.rows
    org = rows["org"][rows["addon_day"] != NEVER]
    amount = np.round(rows["price"][org] * world.addon_price, 2)
    second = office_seconds(rows["addon_day"][org], chance)
    subject = owned_ids(ADDON, log.number, org)
    names = price_names(world, clients, org)
    log.add("subscription_started", org, second, "client", "_2", subject_id=subject, amount=amount, **names)
    left = org[rows["churn_day"][org] != NEVER]
    _add_cancellations(clients, log, left, ADDON, chance)


def _add_cancellations(clients: Clients, log: Log, org: Numbers, prefix: str, chance: np.random.Generator) -> None:
    """Add cancellations: some with notice and the day of effect, some recorded late."""
    rows = clients.rows
    effect = rows["churn_day"][org]
    begun = rows["start_day" if prefix == MAIN else "addon_day"][org] + 1
    notice = np.maximum(effect - rows["notice_days"][org], np.minimum(begun, effect))
    second = office_seconds(notice, chance)
    has_notice = notice < effect
    recorded = second + rows["late_days"][org] * SECONDS_PER_DAY
    is_late = rows["is_late"][org] & (recorded < log.end)
    log.add(
        "subscription_cancelled",
        org,
        second,
        "client",
        "" if prefix == MAIN else "_2",
        subject_id=owned_ids(prefix, log.number, org),
        due_at=np.where(has_notice, effect * SECONDS_PER_DAY, -1),
        recorded_at=np.where(is_late, recorded, -1),
    )


def _add_invoices(world: LifecycleWorld, clients: Clients, log: Log, chance: np.random.Generator) -> None:
    rows = _invoices(clients)
    org = rows["org"]
    second = rows["day"] * SECONDS_PER_DAY + 6 * 3600
    due = (rows["day"] + DAYS_TO_PAY) * SECONDS_PER_DAY
    subject = row_id_column("SYN_INV_", org, log.number)
    amount = clients.rows["price"][org]
    related = owned_ids(MAIN, log.number, org)
    log.add("invoice_issued", org, second, subject_id=subject, related_id=related, amount=amount, due_at=due)
    kind = chance.random(org.size)
    is_void = kind < world.void_share
    is_paid = ~is_void & (kind < world.void_share + world.paid_share)
    is_failed = is_paid & (chance.random(org.size) < world.failed_share)
    wait = 1 + np.minimum(chance.exponential(6, org.size), 60).astype(np.int64)
    paid_at = second + wait * SECONDS_PER_DAY
    for name, chosen, at in (
        ("invoice_voided", is_void, second + SECONDS_PER_DAY),
        ("payment_failed", is_failed, paid_at - SECONDS_PER_DAY // 2),
    ):
        log.add(name, org[chosen], at[chosen], subject_id=subject.filter(pyarrow.array(chosen)))
    paid = {"subject_id": subject.filter(pyarrow.array(is_paid)), "amount": amount[is_paid]}
    log.add("payment_received", org[is_paid], paid_at[is_paid], **paid)


def _invoices(clients: Clients) -> Columns:
    """Return the days on which the first subscription is billed, while it is paid."""
    rows = clients.rows
    org = rows["org"][rows["start_day"] != NEVER]
    step = np.array(DAYS_OF_INTERVAL)[rows["is_annual"].astype(int)]
    number = (clients.last_day - rows["start_day"][org]) // step[org] + 1
    owner = np.repeat(org, number)
    place = np.arange(owner.size) - np.repeat(np.cumsum(number) - number, number)
    day = rows["start_day"][owner] + place * step[owner]
    is_live = clients.is_live(owner, day)
    return {"org": owner[is_live], "day": day[is_live]}
