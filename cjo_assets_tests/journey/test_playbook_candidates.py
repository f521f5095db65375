"""Which playbook could be chosen and which rule spoke first against it; ranking; confidence and its factors."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest

from cjo_assets.journey.aggregated_signals import AggregatedSignals
from cjo_assets.journey.journey_states import JourneyStates
from cjo_assets.journey.playbook_candidates import PlaybookCandidates, playbook_candidates
from cjo_assets.journey.playbooks import Playbooks
from cjo_assets.journey.risk_scores import RiskScores
from cjo_assets.shared.quarantine import REPEATED_ROW, QuarantinedRows
from cjo_assets_tests.tables import DAY, POLICY, Row, Rows, by, day, kept, table_of

ENTERED = date(2025, 1, 10)


def need(customer: str, risk: float = 0.5, stage: str | None = "support", **known: Any) -> Row:
    """Return a customer: by default one negative signal of 0.6, entered in a valid way, nothing rejected."""
    signals = {
        "total_signals": 1,
        "signal_types": ["usage_drop"],
        "negative_severity": 0.6,
        "positive_severity": 0.0,
        "average_source_trust": 1.0,
    }
    state = {"journey_stage": stage, "state_entered_at": ENTERED, "transition": "valid", "segment": "SMB"}
    return {"customer_id": customer, "decision_risk": risk} | signals | state | known


def playbook(name: str, stage: str = "support", **template: Any) -> Row:
    """Return a playbook that anybody in the stage could get: 100 for 500 to 1500."""
    return {
        "playbook_id": name,
        "journey_stage": stage,
        "eligible_segments": ["All"],
        "trigger_signals": [],
        "risk_threshold": 0.0,
        "avg_cost_estimate": 100.0,
        "expected_value_range": [500.0, 1500.0],
        "status": "active",
    } | template


def lost(customer: str | None, day_of_record: date | None, rule: str = "signal_strength: above 1") -> Row:
    """Return a rejected record of a customer."""
    return {"customer_id": customer, "record_date": day_of_record, "broken_rules": [rule]}


def consider(
    needs: Rows, playbooks: Rows, lost_signals: Sequence[Row] = (), lost_entries: Sequence[Row] = ()
) -> dict[Any, Row]:
    """Return the candidates by customer and playbook."""

    def part(contract: type, *names: str) -> Any:
        return table_of(contract, [{name: row[name] for name in ("customer_id", *names)} for row in needs])

    def numbered(rows: Sequence[Row]) -> Any:
        return table_of(QuarantinedRows, [row | {"source_row": number} for number, row in enumerate(rows, 1)])

    found = playbook_candidates(
        part(JourneyStates, "segment", "journey_stage", "state_entered_at", "transition"),
        part(
            AggregatedSignals,
            "total_signals",
            "signal_types",
            "negative_severity",
            "positive_severity",
            "average_source_trust",
        ),
        part(RiskScores, "decision_risk"),
        table_of(Playbooks, playbooks),
        numbered(lost_signals),
        numbered(lost_entries),
        DAY,
        POLICY,
    )
    return by(("customer_id", "playbook_id"), kept(PlaybookCandidates, found))


def test_the_first_rule_against_a_playbook_is_named() -> None:
    other: Row = {"eligible_segments": ["Enterprise", "Mid-Market"]}
    high: Row = {"risk_threshold": 0.500001}
    quiet: Row = {"trigger_signals": ["renewal_intent"]}
    found = consider(
        [need("served"), need("unsure", 0.299999), need("just sure", 0.3), need("nowhere", stage=None)],
        [
            # Each breaks one rule more; the first in this order is named.
            playbook("draft", status="draft", **other, **high, **quiet),
            playbook("retired", status="retired"),
            playbook("other segment", **other, **high, **quiet),
            playbook("risk below", **high, **quiet),
            playbook("no trigger", **quiet),
            playbook("chosen", eligible_segments=["SMB"], trigger_signals=["renewal_intent", "usage_drop"]),
            playbook("outranked", avg_cost_estimate=200.0, risk_threshold=0.299999),
            # Not of the stage, and not there yet: not even considered.
            playbook("other stage", "onboarding"),
            playbook("not yet", created_at=day(1)),
            playbook("new today", created_at=DAY, avg_cost_estimate=400.0),
        ],
    )
    reasons = {
        "draft": "playbook_not_active",
        "retired": "playbook_not_active",
        "other segment": "segment_not_eligible",
        "risk below": "risk_below_threshold",
        "no trigger": "no_trigger_signal",
        "chosen": None,
        "outranked": "outranked",
        "new today": "outranked",
    }
    ranks = {"chosen": 1, "outranked": 2, "new today": 3}
    assert {key[1]: row["first_failed_rule"] for key, row in found.items() if key[0] == "served"} == reasons
    assert {key[1]: row["rank"] for key, row in found.items() if key[0] == "served" and row["is_eligible"]} == ranks
    assert {key[1]: row["rank"] for key, row in found.items() if key[0] == "served" and row["rank"]} == ranks

    # 0.299999 + 0.2 is under the confidence threshold of 0.5: eligible, ranked, and not confident enough.
    unsure = {key[1]: row for key, row in found.items() if key[0] == "unsure"}
    assert {name for name, row in unsure.items() if row["is_eligible"]} == ranks.keys()
    assert {row["first_failed_rule"] for row in unsure.values() if row["is_eligible"]} == {"confidence_below_threshold"}
    assert unsure["risk below"]["first_failed_rule"] == "risk_below_threshold"
    # 0.3 + 0.2 is not under it.
    assert found["just sure", "chosen"]["first_failed_rule"] is None
    assert found["just sure", "chosen"]["confidence"] == 0.5
    # Without a stage there is nothing to choose from.
    assert not [key for key in found if key[0] == "nowhere"]


def test_rank_is_by_ratio_then_value_then_id() -> None:
    found = consider(
        [need("anybody")],
        [
            playbook("a ratio 10, value 100", avg_cost_estimate=10.0, expected_value_range=[50.0, 150.0]),
            playbook("c ratio 10, value 1000"),
            playbook("b ratio 10, value 1000"),
            playbook("z ratio 20", avg_cost_estimate=50.0),
            playbook("0 ratio 9.99", avg_cost_estimate=100.1),
            # What costs nothing has no ratio, and nothing is worth more for its cost.
            playbook("w free, value 5", avg_cost_estimate=0.0, expected_value_range=[0.0, 10.0]),
            playbook("x free, value 6", avg_cost_estimate=0.0, expected_value_range=[2.0, 10.0]),
            playbook("loss", expected_value_range=[-300.0, 100.0]),
        ],
    )
    ranked = sorted((row["rank"], key[1]) for key, row in found.items())
    assert [name for _, name in ranked] == [
        "x free, value 6",
        "w free, value 5",
        "z ratio 20",
        "b ratio 10, value 1000",
        "c ratio 10, value 1000",
        "a ratio 10, value 100",
        "0 ratio 9.99",
        "loss",
    ]
    assert [rank for rank, _ in ranked] == [1, 2, 3, 4, 5, 6, 7, 8]
    cells = {key[1]: (row["expected_cost"], row["expected_value"], row["roi_ratio"]) for key, row in found.items()}
    assert cells["x free, value 6"] == (0.0, 6.0, None)
    assert cells["z ratio 20"] == (50.0, 1000.0, 20.0)
    assert cells["0 ratio 9.99"] == (100.1, 1000.0, pytest.approx(1000 / 100.1, abs=5e-7))
    assert cells["loss"] == (100.0, -100.0, -1.0)


def test_confidence_is_risk_conflict_trust_and_completeness() -> None:
    cases = {
        # certainty, conflict, trust
        "plain": (need("plain"), (0.7, 0.0, 1.0)),
        "capped": (need("capped", 0.9), (1.0, 0.0, 1.0)),
        # min(0.6, 0.2) / (0.6 + 0.2)
        "contradicted": (need("contradicted", positive_severity=0.2), (0.7, 0.25, 1.0)),
        "torn": (need("torn", positive_severity=0.6), (0.7, 0.5, 1.0)),
        "only good": (need("only good", negative_severity=0.0, positive_severity=0.6), (0.7, 0.0, 1.0)),
        "hearsay": (need("hearsay", average_source_trust=0.8), (0.7, 0.0, 0.8)),
        "everything": (need("everything", positive_severity=0.2, average_source_trust=0.9), (0.7, 0.25, 0.9)),
        "silent": (
            need("silent", total_signals=0, signal_types=[], negative_severity=0.0, average_source_trust=None),
            (0.7, 0.0, 1.0),
        ),
    }
    found = consider([case for case, _ in cases.values()], [playbook("any")])
    for name, (_, (certainty, conflict, trust)) in cases.items():
        row = found[name, "any"]
        assert (row["conflict"], row["source_trust"], row["completeness"]) == (conflict, trust, 1.0), name
        assert row["confidence"] == pytest.approx(certainty * (1 - 0.5 * conflict) * trust, abs=5e-7), name


def test_completeness_is_the_share_of_records_that_can_be_relied_on() -> None:
    shares = {
        # Three signals and the state entry, and one signal that was turned away.
        "lost one": 4 / 5,
        # Beyond the look-back of 90 days, or after D, it would not have counted anyway.
        "lost at the edge": 4 / 5,
        "lost before": 1.0,
        "lost tomorrow": 1.0,
        # Without a readable date it may be about any day.
        "lost undated": 4 / 5,
        # A way the policy does not allow: the state entry cannot be relied on.
        "jumped": 3 / 4,
        # A rejected entry that could be the current one; one from before cannot.
        "entry lost since": 3 / 4,
        "entry lost that day": 3 / 4,
        "entry lost undated": 3 / 4,
        "entry lost before": 1.0,
        "entry lost tomorrow": 1.0,
        "both": 3 / 5,
        "nothing lost": 1.0,
    }
    needs = [need(name, total_signals=3, transition="invalid" if name == "jumped" else "re_entry") for name in shares]
    lost_signals = [
        lost("lost one", day(-1)),
        lost("lost at the edge", day(-90)),
        lost("lost before", day(-91)),
        lost("lost tomorrow", day(1)),
        lost("lost undated", None),
        lost("both", day(-1)),
        lost(None, day(-1)),
        lost("stranger", day(-1)),
    ]
    lost_entries = [
        lost("entry lost since", day(-1)),
        lost("entry lost that day", ENTERED),
        lost("entry lost undated", None),
        lost("entry lost before", date(2025, 1, 9)),
        lost("entry lost tomorrow", day(1)),
        lost("both", day(-1)),
        lost("both", None),
    ]
    found = consider(needs, [playbook("any")], lost_signals, lost_entries)
    assert {key[0]: row["completeness"] for key, row in found.items()} == pytest.approx(shares, abs=5e-7)
    assert found["both", "any"]["confidence"] == pytest.approx(0.7 * 3 / 5, abs=5e-7)


def test_a_copy_that_was_dropped_loses_nothing() -> None:
    """DESIGN 6: a key that stands twice with the same content is kept once; the record itself was not rejected."""
    found = consider(
        [need("copied signal"), need("copied entry")],
        [playbook("any")],
        [lost("copied signal", day(-1), REPEATED_ROW)],
        [lost("copied entry", ENTERED, REPEATED_ROW)],
    )
    assert {key[0]: row["completeness"] for key, row in found.items()} == {"copied signal": 1.0, "copied entry": 1.0}
