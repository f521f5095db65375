"""A log of stages whose weekly probabilities are known, for the tests of the forecast."""

from dataclasses import dataclass
from datetime import timedelta

import ibis.expr.types as ir
import numpy as np
import pytest

from cjo_assets.families.journey.inputs.customers import Customers
from cjo_assets.families.journey.inputs.state_entries import StateEntries
from cjo_assets_tests.support.rows import DAY, POLICY, Rows, table_of

SEED = 20250120
CUSTOMERS = 3000
WEEKS = 75
SEGMENTS = POLICY.vocabulary.segments
BINS = POLICY.journey.forecast.time_bins_weeks
# Different from the prior of the policy: more churn, slower moves, and both depend on the weeks in the stage.
TRUTH: dict[str, dict[str, float]] = {
    "onboarding": {"engagement": 0.12, "churned": 0.010},
    "engagement": {"support": 0.09, "retention": 0.03, "churned": 0.012},
    "support": {"retention": 0.12, "escalation": 0.12, "churned": 0.030},
    "retention": {"support": 0.02, "churned": 0.002},
    "escalation": {"support": 0.10, "retention": 0.08, "churned": 0.120},
}
HORIZON_WEEKS = 13


def true_probability(stage: str, week: int, onward: str) -> float:
    """Return the chance of moving on in a week of the stage: churn falls from the fourth week, other moves rise."""
    is_late = week >= 4
    factor = (0.4 if onward == "churned" else 1.3) if is_late else 1.0
    return TRUTH.get(stage, {}).get(onward, 0.0) * factor


def true_churn(days: int = 7 * HORIZON_WEEKS) -> dict[tuple[str, int], float]:
    """Return the chance of churn in the days after that of entry plus so many weeks, day by day.

    Customers who leave in a week leave on any day of it, and may leave the next stage on the same day again.
    """
    stages = list(TRUTH)
    longest = 7 * BINS[-1] + days + 2
    ahead = np.zeros((len(stages), longest + 1))
    daily = [
        [[_on_day(stage, day, onward) for onward in (*stages, "churned")] for day in range(longest)] for stage in stages
    ]
    leaving = np.array(daily)
    staying, within, gone = 1 - leaving.sum(axis=2), leaving[:, :, :-1], leaving[:, :, -1]
    for _ in range(days):
        later = staying * ahead[:, 1:] + gone
        fresh = np.linalg.solve(np.eye(len(stages)) - within[:, 0, :], later[:, 0])
        ahead[:, :-1] = later + within @ fresh
        ahead[:, -1] = ahead[:, -2]
    return {
        (stage, week): float(ahead[place, 7 * week + 1])
        for place, stage in enumerate(stages)
        for week in range(BINS[-1] + 1)
    }


def _on_day(stage: str, day: int, onward: str) -> float:
    """Return the chance of moving on this day of the stage, given that the customer is still there."""
    week, place = divmod(day, 7)
    left = sum(true_probability(stage, week, name) for name in TRUTH[stage])
    return true_probability(stage, week, onward) / 7 / (1 - left * place / 7)


@dataclass(frozen=True)
class Simulation:
    """Customers and the log they left behind by the as-of date."""

    customers: ir.Table
    state_entries: ir.Table


@pytest.fixture(scope="session")
def simulation() -> Simulation:
    """Return some thousand customers who behave according to `TRUTH`."""
    chance = np.random.default_rng(SEED)
    people: Rows = []
    entries: Rows = []
    for number in range(CUSTOMERS):
        name = f"C{number:05d}"
        people.append({"customer_id": name, "segment": SEGMENTS[number % len(SEGMENTS)], "account_value": 1000.0})
        entered = DAY - timedelta(days=int(chance.integers(0, WEEKS * 7)))
        stage, previous = "onboarding", None
        while entered <= DAY:
            entries.append(
                {"customer_id": name, "journey_stage": stage, "state_entered_at": entered, "previous_stage": previous}
            )
            if stage not in TRUTH:
                break
            previous, (stage, days) = stage, _next(stage, chance)
            entered += timedelta(days=days)
    return Simulation(table_of(Customers, people), table_of(StateEntries, entries))


def _next(stage: str, chance: np.random.Generator) -> tuple[str, int]:
    """Return where a spell leads, and after how many days."""
    for week in range(WEEKS + 1):
        drawn = chance.random()
        for onward in TRUTH[stage]:
            drawn -= true_probability(stage, week, onward)
            if drawn < 0:
                return onward, 7 * week + int(chance.integers(0, 7))
    return "churned", 7 * (WEEKS + 1)
