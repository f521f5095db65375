"""Simulated organizations, as arrays: when they sign up, pay, decline, leave and return, and what they pay."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cjo_assets.families.lifecycle.synth.world import LifecycleWorld
from cjo_assets.synth.columns import SECONDS_PER_DAY, Numbers, Span

Columns = dict[str, Numbers]
# Day of what never happens.
NEVER = 2**31 - 1
MONTHS_OF_ANNUAL_PRICE = 11
# Days within which people take and settle what waits for them: only what is younger is still open.
OPEN_DAYS = 21
# Opening hours in which people of the world act [seconds of a day].
OPENS, CLOSES = 8 * 3600, 18 * 3600


@dataclass(frozen=True)
class Clients:
    """The life of a chunk of organizations.

    Attributes:
        rows: one row per organization; days as days since 1970-01-01, `NEVER` for what does not happen.
        changes: price changes, one row each, by organization: org, day, factor.
        last_day: last day of the records.
    """

    rows: Columns
    changes: Columns
    last_day: int

    @property
    def size(self) -> int:
        """Number of organizations."""
        return int(self.rows["org"].size)

    @property
    def end_second(self) -> int:
        """First second after the last day."""
        return (self.last_day + 1) * SECONDS_PER_DAY

    def is_old(self, second: Numbers) -> Numbers:
        """Return whether what began at instants has been settled."""
        found: Numbers = second < self.end_second - OPEN_DAYS * SECONDS_PER_DAY
        return found

    def is_live(self, org: Numbers, day: Numbers) -> Numbers:
        """Return whether organizations pay on days."""
        rows = self.rows
        is_first = (day >= rows["start_day"][org]) & (day < rows["churn_day"][org])
        found: Numbers = is_first | (day >= rows["return_day"][org])
        return found

    def level(self, world: LifecycleWorld, org: Numbers, day: Numbers) -> Numbers:
        """Return use on days as a share of what it was before a decline."""
        since = np.maximum(day - self.rows["onset_day"][org], 0)
        returned = np.maximum(day - self.rows["recovery_day"][org], 0)
        fallen = np.maximum(1 - (since - returned) / world.decline_days, world.decline_floor)
        found: Numbers = np.minimum(fallen + returned / world.decline_days, 1.0)
        return found

    def is_declining(self, org: Numbers, day: Numbers) -> Numbers:
        """Return whether days are in the decline of organizations, before their use returns."""
        rows = self.rows
        found: Numbers = (day >= rows["onset_day"][org]) & (day < rows["recovery_day"][org])
        return found


def clients_of(world: LifecycleWorld, span: Span, count: int, chance: np.random.Generator) -> Clients:
    """Draw organizations that sign up within a span."""
    signup = chance.integers(span.first_day, span.last_day + 1, count)
    start = signup + chance.integers(*world.days_to_start, count, endpoint=True)
    start = np.where((chance.random(count) < world.client_share) & (start <= span.last_day), start, NEVER)
    rows: Columns = {
        "org": np.arange(count),
        "signup_day": signup,
        "start_day": start,
        "industry": chance.integers(0, len(world.industries), count),
        "plan": chance.choice(len(world.plans), count, p=world.plan_shares),
        "is_annual": chance.random(count) < world.annual_share,
        "has_trial": chance.random(count) < world.trial_share,
        "is_opted_in": chance.random(count) < 0.5,
        "milestones": chance.integers(0, 10, count),
        "users": 2 + chance.poisson(6, count),
        "has_terms": chance.random(count) < world.contracted_share,
        "is_measured": chance.random(count) < world.measured_share,
    }
    rows["price"] = _prices(world, rows, chance)
    rows |= _departures(world, rows, span, chance)
    rows["addon_day"] = _addons(world, rows, span, chance)
    return Clients(rows, _changes(world, rows, span, chance), span.last_day)


def _prices(world: LifecycleWorld, rows: Columns, chance: np.random.Generator) -> Numbers:
    listed = np.array([plan.monthly_price for plan in world.plans])[rows["plan"]]
    months = np.where(rows["is_annual"], MONTHS_OF_ANNUAL_PRICE, 1)
    return np.round(listed * months * chance.uniform(*world.price_spread, listed.size), 2)


def _departures(world: LifecycleWorld, rows: Columns, span: Span, chance: np.random.Generator) -> Columns:
    """Draw who declines, leaves, recovers and returns; each by the last day, or never."""
    start, count = rows["start_day"], rows["org"].size
    is_client = start != NEVER
    declines = is_client & (chance.random(count) < world.decline_share)
    onset = np.where(declines, start + chance.integers(*world.decline_onset, count, endpoint=True), NEVER)
    if world.wave is not None:
        together = is_client & ~declines & (chance.random(count) < world.wave.share)
        earliest, latest = (span.last_day - days for days in world.wave.days_before_end)
        wave_day = chance.integers(earliest, latest, count, endpoint=True)
        together &= wave_day > start
        declines, onset = declines | together, np.where(together, wave_day, onset)
    leaves = chance.random(count) < world.churn_after_decline
    after_decline = onset + chance.integers(*world.churn_delay, count, endpoint=True)
    leaves_otherwise = is_client & (chance.random(count) < world.churn_otherwise)
    otherwise = start + chance.integers(*world.churn_after, count, endpoint=True)
    # Without effect, no client leaves because of a decline, and each may leave otherwise.
    has_effect = world.churn_after_decline > 0
    churn = np.where(declines & leaves, after_decline, NEVER)
    churn = np.where(leaves_otherwise & ~(declines & has_effect), otherwise, churn)
    churn = np.where(churn <= span.last_day, churn, NEVER)
    returns = (churn != NEVER) & (chance.random(count) < world.return_share)
    recovery = np.full(count, NEVER)
    if world.recovery_delay is not None:
        delay = chance.integers(*world.recovery_delay, count, endpoint=True)
        recovery = np.where(declines & ~leaves, onset + delay, NEVER)
    back = np.where(returns, churn + chance.integers(*world.return_after, count, endpoint=True), NEVER)
    return {
        "onset_day": np.where(onset <= span.last_day, onset, NEVER),
        "recovery_day": np.where(recovery <= span.last_day, recovery, NEVER),
        "churn_day": churn,
        "return_day": np.where(back <= span.last_day, back, NEVER),
        "notice_days": chance.integers(0, 30, count, endpoint=True),
        "is_late": chance.random(count) < world.late_share,
        "late_days": chance.integers(1, world.late_days, count, endpoint=True),
    }


def _addons(world: LifecycleWorld, rows: Columns, span: Span, chance: np.random.Generator) -> Numbers:
    count = rows["org"].size
    day = rows["start_day"] + chance.integers(30, 300, count)
    is_bought = (chance.random(count) < world.addon_share) & (day < rows["churn_day"]) & (day <= span.last_day)
    return np.where(is_bought, day, NEVER)


def _changes(world: LifecycleWorld, rows: Columns, span: Span, chance: np.random.Generator) -> Columns:
    count, places = rows["org"].size, len(world.change_chances)
    factors, shares = zip(*world.change_factors, strict=True)
    org = np.repeat(rows["org"], places)
    day = rows["start_day"][org] + chance.integers(20, 400, count * places)
    factor = np.array(factors)[chance.choice(len(factors), count * places, p=shares)]
    is_made = chance.random(count * places) < np.tile(world.change_chances, count)
    chosen = is_made & (day < rows["churn_day"][org]) & (day <= span.last_day)
    return {"org": org[chosen], "day": day[chosen], "factor": factor[chosen]}


def office_seconds(day: Numbers, chance: np.random.Generator) -> Numbers:
    """Return an instant within the opening hours of each day [seconds]."""
    found: Numbers = day * SECONDS_PER_DAY + chance.integers(OPENS, CLOSES, day.size)
    return found


def moments(clients: Clients, mean: float, chance: np.random.Generator) -> tuple[Numbers, Numbers]:
    """Draw instants in which clients pay: organization and second of each, in order.

    Args:
        clients: the organizations.
        mean: instants of a client on average, if it pays all the time.
        chance: the generator.
    """
    rows = clients.rows
    owner = np.repeat(rows["org"], chance.poisson(mean, clients.size))
    first = np.minimum(rows["start_day"][owner], clients.last_day + 1)
    day = first + (chance.random(owner.size) * (clients.last_day + 1 - first)).astype(np.int64)
    second = day * SECONDS_PER_DAY + chance.integers(0, SECONDS_PER_DAY, owner.size)
    is_kept = (day <= clients.last_day) & clients.is_live(owner, day)
    owner, second = owner[is_kept], second[is_kept]
    order = np.lexsort((second, owner))
    return owner[order], second[order]
