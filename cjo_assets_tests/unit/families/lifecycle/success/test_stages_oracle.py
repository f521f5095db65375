"""Tests of stages against an independent recomputation on 300 generated clients."""

import random
from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta

import pytest

from cjo_assets.families.lifecycle.inputs.plans import Plans
from cjo_assets.families.lifecycle.money.accounts import Accounts, accounts
from cjo_assets.families.lifecycle.money.subscriptions import Subscriptions, subscriptions
from cjo_assets.families.lifecycle.success.health_contributions import HealthContributions, health_contributions
from cjo_assets.families.lifecycle.success.health_scores import HealthScores, health_scores
from cjo_assets.families.lifecycle.success.lifecycle_stages import LifecycleStages, lifecycle_stages
from cjo_assets_tests.support.lifecycle.events import RULES, event, events_of, organizations_of
from cjo_assets_tests.support.lifecycle.generated_clients import clients_of, events_for, metrics_for
from cjo_assets_tests.support.lifecycle.health import metrics_of
from cjo_assets_tests.support.lifecycle.health_oracle import Client, Ledger, band, score, values
from cjo_assets_tests.support.rows import Rows, as_of, by, day, days_of, kept, table_of

# Numbers of the specification.
TRIAL_DAYS, RENEWAL_DAYS, MONTH, POWER = 14, 30, 30, 1000
DECLINING, TICKETS = 0.8, 2


@dataclass
class Facts:
    """What a client did besides paying: the start of its last trial, and whether its contract is annual."""

    trial: date | None
    is_annual: bool


def anniversary(start: date, today: date) -> date:
    """Return the first anniversary on a day or after it, at the earliest a year after the start."""
    year = start.year + 1
    while True:
        is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        found = date(year, start.month, 28 if (start.month, start.day) == (2, 29) and not is_leap else start.day)
        if found >= today:
            return found
        year += 1


def recent(ledger: Ledger, client: Client, metric: str) -> float:
    """Return the sum of a metric in the last month."""
    return sum(row["numerator"] for row in ledger.of(client.name, metric, day(0), MONTH))


def expected(ledger: Ledger, client: Client, facts: Facts) -> tuple[str, list[str], str, list[str]]:
    """Return stage, reasons, cohort and matched cohorts of a client."""
    today = day(0)
    pays, has_paid = client.pays_on(today), client.begins <= today
    trend = values(ledger, client, today)["volume_trend"]
    tickets, talks = recent(ledger, client, "tickets"), recent(ledger, client, "conversations")
    reasons, renews = [], False
    stage = "churned" if has_paid and not pays else ""
    is_trial = facts.trial is not None and facts.trial <= today <= facts.trial + timedelta(days=TRIAL_DAYS)
    if pays:
        if trend is not None and trend < DECLINING and tickets >= TICKETS:
            reasons.append("declining_engagement")
        if band(score(ledger, client, today)) == "red":
            reasons.append("red_health")
        renews = facts.is_annual and (anniversary(client.begins, today) - today).days <= RENEWAL_DAYS
        stage = "at_risk" if reasons else "renewal" if renews else "active"
    elif not has_paid:
        stage = "trial" if is_trial else "lead"
        if facts.trial is not None and facts.trial <= today and not is_trial:
            reasons.append("trial_lapsed")
    matches = [("at_risk", stage == "at_risk"), ("renewal", renews), ("new_trial", stage == "trial")]
    matched = [name for name, holds in [*matches, ("power", talks > POWER)] if holds] or ["other"]
    return stage, reasons, matched[0], sorted(matched)


def generated(draw: random.Random) -> tuple[list[Client], dict[str, Facts], Rows, Rows]:
    """Return clients, of which some only try the product, with their events and metrics."""
    clients, facts = clients_of(draw), {}
    for client in clients:
        if client.ends == client.begins:
            client.ends += timedelta(days=1)
        if draw.random() < 0.25:
            # It does not pay yet.
            client.begins, client.ends, client.due, client.paid = day(1), None, {}, []
        started = client.begins - timedelta(days=draw.randrange(1, 40)) if draw.random() < 0.6 else None
        facts[client.name] = Facts(started, draw.random() < 0.5)
    log: Rows = []
    for row in events_for(clients):
        if row["event_type"] == "subscription_started" and facts[row["customer_id"]].is_annual:
            row["about"] = "annual"
        log.append(row)
    log += [
        event("trial_started", facts[client.name].trial.isoformat(), client.name, f"S-{client.name}")  # type: ignore[union-attr]
        for client in clients
        if facts[client.name].trial
    ]
    metrics = metrics_for(draw, clients)
    for row in metrics:
        if row["metric"] == "conversations" and draw.random() < 0.05:
            row["numerator"] = float(draw.choice((999, 1000, 1001)))
    return clients, facts, metrics, log


@pytest.mark.parametrize("seed", [1, 2])
def test_stages_reasons_and_cohorts_agree(seed: int) -> None:
    clients, facts, metrics, log = generated(random.Random(seed))
    ledger, daily, events = Ledger(metrics), metrics_of(metrics), events_of(*log)
    subscribed = table_of(Subscriptions, kept(Subscriptions, subscriptions(events, as_of(), RULES)))
    organizations = organizations_of(*(client.name for client in clients))
    own = accounts(organizations, subscribed, events, table_of(Plans, []), as_of(), RULES)
    own = table_of(Accounts, kept(Accounts, own))
    parts = table_of(
        HealthContributions, kept(HealthContributions, health_contributions(daily, events, as_of(), RULES))
    )
    scores = table_of(HealthScores, kept(HealthScores, health_scores(parts, daily, events, own, as_of(), RULES)))
    earlier = days_of(LifecycleStages, [])
    found = by(
        "customer_id", kept(LifecycleStages, lifecycle_stages(own, scores, parts, daily, earlier, as_of(), RULES))
    )
    assert found.keys() == facts.keys()
    stages: Counter[str] = Counter()
    for client in clients:
        row = found[client.name]
        assert (row["stage"], row["reasons"], row["cohort"], row["matched_cohorts"]) == expected(
            ledger, client, facts[client.name]
        ), client
        stages.update([row["stage"], *row["reasons"], *row["matched_cohorts"]])
    assert {"churned", "lead", "trial", "at_risk", "renewal", "active", "trial_lapsed"} <= stages.keys()
    assert {"red_health", "declining_engagement", "power", "new_trial", "other"} <= stages.keys()
