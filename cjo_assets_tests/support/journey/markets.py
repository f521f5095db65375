"""Generated markets for tests, large enough for stable shares, made once."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow
import pytest

from cjo_assets.families.journey.synth.datasets import Request, generated
from cjo_assets.families.journey.synth.world import World
from cjo_assets.policy import Policy
from cjo_assets.synth.columns import day_number

UNTIL = date(2025, 1, 20)
DAYS_PER_WEEK = 7


def request_of(customers: int, **changes: Any) -> Request:
    """Return a request as most tests make it."""
    return Request(**({"customers": customers, "seed": 11, "until": UNTIL} | changes))


@dataclass(frozen=True)
class Market:
    """Generated tables and their truth."""

    tables: dict[str, pyarrow.Table]
    truth: dict[str, Any]

    def columns(self, dataset: str) -> dict[str, np.ndarray]:
        """Return a dataset as arrays, its dates as days since 1970-01-01."""
        found = {}
        for name, column in zip(self.tables[dataset].column_names, self.tables[dataset].columns, strict=True):
            array = column.combine_chunks()
            if pyarrow.types.is_date(array.type):
                array = array.cast(pyarrow.int32())
            found[name] = np.array(array.to_pylist(), dtype=object) if array.null_count else array.to_numpy(False)
        return found


def market_of(request: Request, policy: Policy, world: World | None = None) -> Market:
    """Generate tables in memory."""
    made = generated(request, policy, world)
    parts: dict[str, list[pyarrow.Table]] = {}
    for name, table in made.batches():
        parts.setdefault(name, []).append(table)
    return Market({name: pyarrow.concat_tables(tables) for name, tables in parts.items()}, made.truth())


@dataclass(frozen=True)
class Spells:
    """The log as spells: one entry of a customer until the next, all dates as days since 1970-01-01."""

    customer: np.ndarray
    segment: np.ndarray
    stage: np.ndarray
    entered: np.ndarray
    next_stage: np.ndarray
    left: np.ndarray

    @classmethod
    def of(cls, market: Market) -> "Spells":
        """Read the log, which comes by customer and day."""
        log, people = market.columns("journey_state_log"), market.columns("customers")
        segment_of = dict(zip(people["customer_id"], people["segment"], strict=True))
        same = np.append(log["customer_id"][1:] == log["customer_id"][:-1], False)
        entered = log["state_entered_at"]
        return cls(
            log["customer_id"],
            np.array([segment_of[customer] for customer in log["customer_id"]], dtype=object),
            log["journey_stage"],
            entered,
            np.where(same, np.append(log["journey_stage"][1:], ""), ""),
            np.where(same, np.append(entered[1:], 0), day_number(UNTIL) + 1),
        )

    def weeks(self) -> dict[str, np.ndarray]:
        """Return every week that is over: its spell, its number in it, and the stage it led to; "" for none."""
        last_day = day_number(UNTIL)
        over = (last_day + 1 - self.entered) // DAYS_PER_WEEK
        ended_in = np.where(self.next_stage != "", (self.left - self.entered) // DAYS_PER_WEEK, over)
        count = np.where(self.stage == "churned", 0, np.minimum(over, ended_in + 1))
        spell = np.repeat(np.arange(count.size), count)
        week = np.arange(spell.size) - np.repeat(np.cumsum(count) - count, count)
        ends = (self.next_stage[spell] != "") & (week == ended_in[spell])
        return {"spell": spell, "week": week, "led_to": np.where(ends, self.next_stage[spell], "")}


@pytest.fixture(scope="session")
def idle_market(policy: Policy) -> Market:
    """Return a market in which no playbook does anything."""
    return market_of(request_of(20_000, has_effect=False), policy)


@pytest.fixture(scope="session")
def market(policy: Policy) -> Market:
    """Return a market in which playbooks do something, with the log of an earlier system."""
    return market_of(request_of(20_000, with_performance_log=True), policy)
