"""Simulations of learning with a known truth: the better playbook is found, and only a real effect is promoted."""

import math
from typing import Any

import numpy
import pyarrow
import pytest

from cjo_assets.core.contract import Contract, schema_of
from cjo_assets.families.journey.decision.recommended_interventions import RecommendedInterventions
from cjo_assets.families.journey.evaluation.journey_states import JourneyStates
from cjo_assets.families.journey.inputs.approval_decisions import ApprovalDecisions
from cjo_assets.families.journey.inputs.customers import Customers
from cjo_assets.families.journey.inputs.interventions import Interventions
from cjo_assets.families.journey.inputs.outcomes import Outcomes
from cjo_assets.families.journey.inputs.playbook_performance_log import PlaybookPerformanceLog
from cjo_assets.families.journey.inputs.playbooks import Playbooks
from cjo_assets.families.journey.inputs.state_entries import StateEntries
from cjo_assets.families.journey.interventions.intervention_ledger import intervention_ledger
from cjo_assets.families.journey.learning.playbook_performance import PlaybookPerformance, playbook_performance
from cjo_assets.families.journey.learning.treatment_effects import TreatmentEffects, _with_difference, treatment_effects
from cjo_assets_tests.support.journey.experience import playbook
from cjo_assets_tests.support.rows import (
    BACKEND,
    POLICY,
    Row,
    as_of,
    by,
    day,
    days_of,
    default_row,
    kept,
    policy_with,
    table_of,
)

SINCE = day(-40)
ARM = 150
REAL_ARM = 400


def columns_of_world(contract: type[Contract], size: int, **cells: Any) -> Any:
    """Return a table of many rows: columns as arrays or as one value for all, the others as `table_of` fills them."""
    schema = schema_of(contract)
    types = schema.to_pyarrow()
    filled = default_row(contract, 1) | cells
    arrays = [
        pyarrow.array(filled[field.name], type=field.type)
        if isinstance(filled[field.name], numpy.ndarray)
        else pyarrow.repeat(pyarrow.scalar(filled[field.name], type=field.type), size)
        for field in types
    ]
    return BACKEND.create_table(
        f"world_{contract.__name__}", pyarrow.table(arrays, schema=types), schema=schema, temp=True, overwrite=True
    )


class World:
    """Decisions whose customers recover, and whose runs succeed, with known probabilities."""

    def __init__(self, seed: int) -> None:
        """Begin with nothing."""
        self.chance = numpy.random.default_rng(seed)
        self.playbooks: list[str] = []
        self.parts: list[tuple[str, bool, numpy.ndarray]] = []

    def add(self, name: str, treated: int, held_out: int, treated_rate: float, control_rate: float) -> None:
        """Add a playbook, with so many customers on each side."""
        self.playbooks.append(name)
        self.parts.append((name, False, self.chance.random(treated) < treated_rate))
        if held_out:
            self.parts.append((name, True, self.chance.random(held_out) < control_rate))

    def performance(self) -> tuple[dict[Any, Row], dict[Any, Row]]:
        """Return performance and treatment effects; a run succeeds where its customer recovers."""
        size = sum(len(part) for _, _, part in self.parts)
        ids = numpy.array([f"I{number:06d}" for number in range(size)])
        people = numpy.array([f"C{number:06d}" for number in range(size)])
        names = numpy.concatenate([numpy.full(len(part), name) for name, _, part in self.parts])
        held_out = numpy.concatenate([numpy.full(len(part), is_out) for _, is_out, part in self.parts])
        good = numpy.concatenate([part for _, _, part in self.parts])
        decisions = columns_of_world(
            RecommendedInterventions,
            size,
            intervention_id=ids,
            need_id=ids,
            customer_id=people,
            playbook_id=names,
            is_held_out=held_out,
            as_of=SINCE,
            generated_at=SINCE,
            expected_cost=100.0,
            expected_value=2000.0,
            recommended_action="act",
        )
        entries = columns_of_world(
            StateEntries,
            int(good.sum()),
            customer_id=people[good],
            journey_stage="engagement",
            state_entered_at=day(-35),
        )
        treated = ~held_out
        outcomes = columns_of_world(
            Outcomes,
            int(treated.sum()),
            outcome_id=ids[treated],
            intervention_id=ids[treated],
            customer_id=people[treated],
            outcome=numpy.where(good[treated], "resolved", "no_response"),
            estimated_revenue_saved=numpy.where(good[treated], 2000.0, 0.0),
            human_override=False,
            measured_at=day(-20),
        )
        playbooks = table_of(Playbooks, [playbook(name) for name in self.playbooks])
        ledger = intervention_ledger(
            interventions=table_of(Interventions, []),
            earlier_recommended_interventions=decisions,
            earlier_journey_states=days_of(JourneyStates, [{"as_of": SINCE, "transition": "valid"}]),
            customers=table_of(Customers, []),
            playbooks=playbooks,
            approval_decisions=table_of(ApprovalDecisions, []),
            outcomes=outcomes,
            as_of=as_of(),
            policy=POLICY,
        )
        ledger = BACKEND.create_table("world_ledger", ledger, temp=True, overwrite=True)
        effects = kept(TreatmentEffects, treatment_effects(ledger, playbooks, entries, as_of(), POLICY))
        found = playbook_performance(
            ledger,
            playbooks,
            table_of(PlaybookPerformanceLog, []),
            table_of(TreatmentEffects, effects),
            as_of(),
            POLICY,
        )
        rows = by(("playbook_id", "segment"), kept(PlaybookPerformance, found))
        return rows, by(("playbook_id", "segment", "control"), effects)


def test_the_better_of_two_playbooks_gets_the_higher_lower_bound() -> None:
    """Forty pairs of 0.35 against 0.55: the better one is found in each, and 90 % of intervals hold the truth."""
    world = World(seed=1)
    truth = {f"{name}{number:02d}": rate for number in range(40) for name, rate in (("worse", 0.35), ("better", 0.55))}
    for name, rate in truth.items():
        world.add(name, 300, 0, rate, 0.0)
    rows, _ = world.performance()
    bounds = {name: rows[name, "All"]["net_value_lower_bound"] for name in truth}
    assert all(bounds[f"better{number:02d}"] > bounds[f"worse{number:02d}"] for number in range(40))
    inside = [
        rows[name, "All"]["success_rate_low"] <= rate <= rows[name, "All"]["success_rate_high"]
        for name, rate in truth.items()
    ]
    # Three standard errors of 0.9 in 80.
    assert sum(inside) / 80 >= 0.9 - 3 * math.sqrt(0.09 / 80)
    net = [
        rows[name, "All"]["net_value_lower_bound"] <= rate * 2000 - 100 <= rows[name, "All"]["net_value_upper_bound"]
        for name, rate in truth.items()
    ]
    assert sum(net) / 80 >= 0.9 - 3 * math.sqrt(0.09 / 80)


def test_only_the_real_effect_among_200_is_promoted() -> None:
    """All 201 earn far more than they cost; only one earns it because of what it does."""
    world = World(seed=2)
    rates = numpy.random.default_rng(3).uniform(0.2, 0.8, 200)
    for number, rate in enumerate(rates):
        world.add(f"null{number:03d}", ARM, ARM, float(rate), float(rate))
    world.add("real", REAL_ARM, REAL_ARM, 0.55, 0.30)
    rows, effects = world.performance()
    assert all(rows[name, "All"]["net_value_lower_bound"] > 0 for name in world.playbooks)
    assert {rows[name, "All"]["evidence"] for name in world.playbooks} == {"established"}
    promoted = {key[0] for key, row in rows.items() if row["advice"] == "promote"}
    assert promoted == {"real"}
    # The plain interval, for a single reading and each alone, would have praised some of them.
    tempting = [name for name in world.playbooks[:200] if effects[name, "All", "held_out"]["difference_low"] > 0]
    assert 3 <= len(tempting) <= 25


@pytest.mark.parametrize(("ratio", "rate"), [(1, 0.5), (19, 0.2), (19, 0.9)])
def test_repeated_looks_keep_the_error_rate(ratio: int, rate: float) -> None:
    """800 A/A comparisons, read 60 times each while the held-out side grows from 30 to 620 customers."""
    worlds, looks = 800, 60
    chance = numpy.random.default_rng(20250120)
    control = 30 + 10 * numpy.arange(looks)
    steps = numpy.diff(control, prepend=0)
    recovered = {
        "control": chance.binomial(steps, rate, (worlds, looks)).cumsum(axis=1),
        "treated": chance.binomial(steps * ratio, rate, (worlds, looks)).cumsum(axis=1),
    }
    cells = pyarrow.table(
        {
            "playbook_id": numpy.repeat([f"{number:03d}" for number in range(worlds)], looks),
            "segment": numpy.full(worlds * looks, "All"),
            "control": numpy.full(worlds * looks, "held_out"),
            "evidence_grade": numpy.full(worlds * looks, "randomised"),
            "treated_count": numpy.tile(control * ratio, worlds),
            "treated_recovered": recovered["treated"].ravel(),
            "control_count": numpy.tile(control, worlds),
            "control_recovered": recovered["control"].ravel(),
            "comparisons": numpy.ones(worlds * looks, dtype="int64"),
        }
    )
    table = BACKEND.create_table("looks", cells, temp=True, overwrite=True)
    found = _with_difference(table, policy_with(journey__learning__interval_level=0.95))
    ever = found.group_by("playbook_id").agg(
        always=((found.always_valid_low > 0) | (found.always_valid_high < 0)).any(),
        plain=((found.difference_low > 0) | (found.difference_high < 0)).any(),
    )
    shares = BACKEND.to_pyarrow(ever.agg(always=ever.always.mean(), plain=ever.plain.mean())).to_pylist()[0]
    assert shares["always"] <= 0.05
    assert shares["plain"] > 0.15
