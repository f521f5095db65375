"""Properties of the tables of learning for any data: no look-ahead, and no effect of the order of rows."""

import random
from datetime import timedelta

import pytest

from cjo_assets.core.contract import Contract
from cjo_assets.families.journey.inputs.playbook_performance_log import PlaybookPerformanceLog
from cjo_assets.families.journey.inputs.playbooks import Playbooks
from cjo_assets.families.journey.inputs.signals import Signals
from cjo_assets.families.journey.inputs.state_entries import StateEntries
from cjo_assets.families.journey.interventions.intervention_ledger import InterventionLedger
from cjo_assets.families.journey.learning.playbook_performance import (
    PlaybookPerformance,
    playbook_performance,
    runs_that_do_not_add_up,
)
from cjo_assets.families.journey.learning.signal_effectiveness import SignalEffectiveness, signal_effectiveness
from cjo_assets.families.journey.learning.threshold_advice import ThresholdAdvice, threshold_advice
from cjo_assets.families.journey.learning.treatment_effects import TreatmentEffects, treatment_effects
from cjo_assets_tests.support.journey.experience import SEGMENTS, decision, ledger_from, playbook
from cjo_assets_tests.support.rows import DAY, Row, Rows, as_of, day, instant, kept, policy_with, rows_of, table_of

RULES = policy_with(journey__learning__minimum_per_arm=5, journey__learning__established_runs=5)
# What the tables of learning read themselves; the others are in the ledger.
READ: dict[str, type[Contract]] = {
    "playbooks": Playbooks,
    "state_entries": StateEntries,
    "signals": Signals,
    "playbook_performance_log": PlaybookPerformanceLog,
}
OF_THE_LEDGER = ("interventions", "earlier_recommended_interventions", "customers", "approval_decisions", "outcomes")
NAMES = ["P", "Q", "R"]
LATE = timedelta(days=1)


def experience(seed: int) -> dict[str, Rows]:
    """Return records of 150 customers up to D, in which everything occurs."""
    chance = random.Random(seed)
    data: dict[str, Rows] = {name: [] for name in (*READ, *OF_THE_LEDGER)}
    data["playbooks"] = [playbook(name) for name in NAMES]
    data["playbook_performance_log"] = [
        {"playbook_id": "P", "segment": segment, "runs": 7, "success_rate": 0.3, "avg_value": 900.0, "avg_cost": 70.1}
        for segment in ("All", "SMB")
    ]
    for number in range(150):
        customer, segment = f"C{number:03d}", chance.choice(SEGMENTS)
        data["customers"].append({"customer_id": customer, "segment": segment})
        data["signals"].append({"signal_id": f"S{number:03d}", "signal_type": chance.choice(["usage_drop", "odd"])})
        for turn in range(2):
            name, since = f"I{number:03d}{turn}", day(-chance.randrange(0, 80))
            cells: Row = {
                "confidence": chance.random(),
                "expected_cost": chance.choice([33.33, 0.1, 120.7]),
                "triggered_by_signals": [f"S{number:03d}"],
            }
            is_asked, used = chance.random() < 0.4, chance.choice(NAMES)
            if turn:
                row = decision(name, used, customer, since, segment=segment, is_held_out=chance.random() < 0.3)
                row |= {"approval_regime": "asked" if is_asked else "not_required"}
                data["earlier_recommended_interventions"].append(row | cells)
            else:
                row = {"intervention_id": name, "customer_id": customer, "playbook_id": used, "generated_at": since}
                row |= {"recommended_action": "act", "requires_human_approval": is_asked}
                data["interventions"].append(row | cells)
            if chance.random() < 0.6:
                verdict = chance.choice(["approved", "approved", "rejected"])
                moment = instant(f"{min(since + LATE, DAY)}T09:00:00")
                data["approval_decisions"].append(
                    {"intervention_id": name, "decision": verdict, "decided_at": moment, "reason": "bad_timing"}
                )
            for measurement in range(chance.randrange(0, 3)):
                data["outcomes"].append(
                    {"outcome_id": f"O{name}{measurement}", "intervention_id": name, "customer_id": customer}
                    | {"outcome": chance.choice(["resolved", "no_response"]), "human_override": chance.random() < 0.2}
                    | {"estimated_revenue_saved": chance.choice([0.1, 1234.56, 999.99, None])}
                    | {"measured_at": min(since + timedelta(days=chance.randrange(0, 20)), DAY)}
                )
        data["state_entries"] += [
            {"customer_id": customer, "journey_stage": stage, "state_entered_at": day(-chance.randrange(0, 80))}
            for stage in chance.sample(["engagement", "retention", "support", "churned"], 2)
        ]
    return data


def later(data: dict[str, Rows]) -> dict[str, Rows]:
    """Return records that were not known on D."""
    tomorrow = day(1)
    made = data["interventions"] + data["earlier_recommended_interventions"]
    answered = {row["intervention_id"] for row in data["approval_decisions"]}
    return {
        "interventions": [
            row | {"intervention_id": f"L{row['intervention_id']}", "generated_at": tomorrow}
            for row in data["interventions"]
        ],
        "playbooks": [playbook("later", created_at=tomorrow)],
        "approval_decisions": [
            {
                "intervention_id": row["intervention_id"],
                "decision": verdict,
                "decided_at": instant(f"{tomorrow}T00:00:01"),
            }
            for row in made
            if row["intervention_id"] not in answered
            for verdict in ["approved"]
        ],
        "outcomes": [
            {"outcome_id": f"L{row['intervention_id']}", "intervention_id": row["intervention_id"]}
            | {"customer_id": row["customer_id"], "outcome": "resolved", "measured_at": tomorrow}
            | {"estimated_revenue_saved": 99999.0, "playbook_id": "R", "playbook_success": True}
            for row in made
        ],
        "state_entries": [
            {"customer_id": row["customer_id"], "journey_stage": "engagement", "state_entered_at": tomorrow}
            for row in data["customers"]
        ],
        "signals": [{"signal_id": f"L{number}", "signal_type": "new", "detected_at": tomorrow} for number in range(9)],
        "playbook_performance_log": [
            {"playbook_id": "Q", "segment": "All", "runs": 999, "success_rate": 1.0, "last_updated": tomorrow}
        ],
    }


def learned(data: dict[str, Rows]) -> dict[str, list[str]]:
    """Return the tables of learning as sorted lines."""
    ledger = table_of(InterventionLedger, kept(InterventionLedger, ledger_from(data, RULES)))
    given = {name: table_of(contract, data[name]) for name, contract in READ.items()}
    playbooks = given["playbooks"]
    effects = kept(TreatmentEffects, treatment_effects(ledger, playbooks, given["state_entries"], as_of(), RULES))
    performance = playbook_performance(
        ledger, playbooks, given["playbook_performance_log"], table_of(TreatmentEffects, effects), as_of(), RULES
    )
    found = {
        "treatment_effects": effects,
        "playbook_performance": kept(PlaybookPerformance, performance),
        "signal_effectiveness": kept(
            SignalEffectiveness, signal_effectiveness(ledger, given["signals"], as_of(), RULES)
        ),
        "threshold_advice": kept(ThresholdAdvice, threshold_advice(ledger, RULES)),
    }
    assert rows_of(runs_that_do_not_add_up(table_of(PlaybookPerformance, found["playbook_performance"]))) == []
    return {name: sorted(map(repr, rows)) for name, rows in found.items()}


@pytest.fixture(scope="module")
def base() -> dict[str, list[str]]:
    """Return the tables of the experience."""
    found = learned(experience(11))
    # A property of empty tables would prove nothing.
    assert "'status': 'measured'" in "".join(found["treatment_effects"])
    assert "'evidence': 'established'" in "".join(found["playbook_performance"])
    return found


def test_what_becomes_known_later_changes_nothing(base: dict[str, list[str]]) -> None:
    data = experience(11)
    more = later(data)
    assert learned({name: rows + more.get(name, []) for name, rows in data.items()}) == base


def test_what_is_known_by_the_day_changes_something(base: dict[str, list[str]]) -> None:
    data = experience(11)
    for row in data["outcomes"]:
        row["outcome"] = "resolved"
    for row in data["state_entries"]:
        row["journey_stage"] = "engagement"
    found = learned(data)
    assert [name for name in base if found[name] == base[name]] == []


def test_the_order_of_rows_changes_nothing(base: dict[str, list[str]]) -> None:
    data = experience(11)
    shuffled = {name: random.Random(5).sample(rows, len(rows)) for name, rows in data.items()}
    assert learned(shuffled) == base
