"""The promises, measured: each value from its rows, attainment both ways, and where each status begins."""

from datetime import date, datetime
from typing import Any

import pytest

from cjo_assets.journey.approval_decisions import ApprovalDecisions
from cjo_assets.journey.customers import Customers
from cjo_assets.journey.interventions import Interventions
from cjo_assets.journey.kpis import Kpis, kpis, kpis_that_are_not_their_quotient
from cjo_assets.journey.outcome_analyses import OutcomeAnalyses
from cjo_assets.journey.outcomes import Outcomes
from cjo_assets.journey.playbooks import Playbooks
from cjo_assets.journey.signals import Signals
from cjo_assets.journey.state_entries import StateEntries
from cjo_assets.policy import Policy
from cjo_assets.shared.quarantine import QuarantinedRows
from cjo_assets_tests.tables import DAY, POLICY, Row, Rows, by, day, instant, kept, policy_with, rows_of, table_of

YESTERDAY, LONG_AGO = datetime(2025, 1, 19), datetime(2024, 11, 1)
# What the data cannot answer, by family.
NOT_MEASURABLE = {
    "operational_health": {"journey_state_classification_accuracy", "signal_detection_recall"},
    "journey_impact": {"unresolved_issues_reduction", "escalation_reduction", "experience_consistency_score"},
    "business_value": {
        "churn_rate_reduction",
        "nps_delta_average",
        "cost_per_support_case_reduction",
        "escalation_cost_reduction",
        "lifetime_value_delta",
    },
}
MEASURABLE = {
    "operational_health": {
        "signal_detection_precision",
        "average_latency_ms",
        "human_escalation_frequency",
        "human_override_rate",
        "data_completeness_rate",
    },
    "journey_impact": {"average_resolution_time_days", "proactive_interventions_ratio"},
    "business_value": {"csat_delta_average", "retention_revenue_preserved"},
}
LOWER_IS_BETTER = {
    "average_latency_ms",
    "human_escalation_frequency",
    "human_override_rate",
    "average_resolution_time_days",
}

LEDGER: Rows = [
    {"intervention_id": "done", "is_executed": True, "executed_at": YESTERDAY, "evaluation_latency_ms": 200.0}
    | {"outcome": "resolved", "resolution_time_days": 3.0, "csat_delta": 1.0, "human_override": False}
    | {"estimated_revenue_saved": 1500.0, "journey_stage": "onboarding"},
    # A resolved case may lack its time, satisfaction and revenue: it counts for none of them.
    {"intervention_id": "needless", "is_executed": True, "executed_at": YESTERDAY, "evaluation_latency_ms": 400.0}
    | {"outcome": "no_action_needed", "human_override": True, "estimated_revenue_saved": 500.0}
    | {"journey_stage": "support", "requires_human_approval": True},
    # Executed before the window of 30 days: its revenue is not of the window, all else counts.
    {"intervention_id": "long ago", "is_executed": True, "executed_at": LONG_AGO, "journey_stage": "engagement"}
    | {"outcome": "improved_engagement", "resolution_time_days": 7.0, "csat_delta": 0.0}
    | {"estimated_revenue_saved": 5000.0},
    {"intervention_id": "waiting", "evaluation_latency_ms": 300.0, "journey_stage": "escalation"}
    | {"requires_human_approval": True},
    # Never executed: what was measured is not our doing, though somebody did override.
    {"intervention_id": "refused", "outcome": "resolved", "resolution_time_days": 90.0, "csat_delta": 9.0}
    | {"human_override": False, "estimated_revenue_saved": 9e9, "journey_stage": "retention"}
    | {"requires_human_approval": True},
    {"intervention_id": "watched", "recommended_action": "monitor_only", "journey_stage": "engagement"},
]
# value, attainment, status, numerator, denominator, n; targets are the policy's
MEASURED = {
    # Of the executed and measured, those that found something to do; target 0.85.
    "signal_detection_precision": (2 / 3, 2 / 3 / 0.85, "at_risk", 2, 3, 3),
    # 300 is the target itself.
    "average_latency_ms": (300, 1, "on_track", 200 + 400 + 300, 3, 3),
    # 3 of 6 against 0.30.
    "human_escalation_frequency": (0.5, 0.3 / 0.5, "at_risk", 3, 6, 6),
    "human_override_rate": (1 / 3, 0.15 * 3, "critical", 1, 3, 3),
    # Known by D: 2 customers, 1 of each of the others; turned away by D: 1 customer, 1 undated signal.
    "data_completeness_rate": (8 / 10, 0.8 / 0.95, "on_track", 8, 10, 10),
    "average_resolution_time_days": (5, 1, "on_track", 3 + 7, 2, 2),
    # Of the five that act, two came in support or escalation.
    "proactive_interventions_ratio": (3 / 5, 1, "on_track", 3, 5, 5),
    # 0.5 of 1.0: critical begins below 0.5.
    "csat_delta_average": (0.5, 0.5, "at_risk", 1, 2, 2),
    "retention_revenue_preserved": (2000, 0.2, "critical", 1500 + 500, None, 2),
}


def measure(ledger: Rows, policy: Policy = POLICY, **records: Rows) -> dict[str, Row]:
    """Return the KPIs of a ledger; every other table is empty unless `records` names it."""
    contracts = {
        "customers": Customers,
        "playbooks": Playbooks,
        "state_entries": StateEntries,
        "signals": Signals,
        "interventions": Interventions,
        "outcomes": Outcomes,
        "approval_decisions": ApprovalDecisions,
    }
    rejected = [f"quarantined_{name}" for name in (contracts.keys() - {"state_entries"}) | {"journey_state_log"}]
    tables = {name: table_of(contract, records.get(name, [])) for name, contract in contracts.items()}
    tables |= {name: table_of(QuarantinedRows, records.get(name, [])) for name in rejected}
    acting = [{"recommended_action": "call"} | row for row in ledger]
    found = kpis(table_of(OutcomeAnalyses, acting), **tables, as_of=DAY, policy=policy)
    return by("kpi", kept(Kpis, found, policy=policy))


def targets(**changes: float) -> Policy:
    """Return the policy with other targets."""
    groups = ("operational_kpi_targets", "effectiveness_kpi_targets", "business_kpi_targets")
    paths: dict[str, Any] = {}
    for name, target in changes.items():
        [group] = [group for group in groups if hasattr(getattr(POLICY.journey.kpis, group), name)]
        paths[f"journey__kpis__{group}__{name}"] = target
    return policy_with(**paths)


def known(name: str, dated: str, when: date | datetime) -> dict[str, Rows]:
    """Return one record known by D and one of after it."""
    return {name: [{dated: when}, {dated: when.replace(year=2026)}]}


def test_every_kpi_is_measured_or_says_what_is_missing() -> None:
    records: dict[str, Any] = {
        "customers": [{}, {}],
        "playbooks": [{}],
        **known("state_entries", "state_entered_at", DAY),
        **known("signals", "detected_at", DAY),
        **known("interventions", "generated_at", DAY),
        **known("outcomes", "measured_at", DAY),
        **known("approval_decisions", "decided_at", instant("2025-01-21T00:00:00")),
        "quarantined_customers": [{}],
        "quarantined_signals": [{"source_row": 1}, {"source_row": 2, "record_date": day(1)}],
    }
    rows = measure(LEDGER, **records)
    families = {family: {name for name, row in rows.items() if row["family"] == family} for family in NOT_MEASURABLE}
    assert families == {family: names | NOT_MEASURABLE[family] for family, names in MEASURABLE.items()}
    assert len(rows) == sum(len(names) for names in families.values())
    for name, (value, attainment, status, numerator, denominator, n) in MEASURED.items():
        row = rows[name]
        assert (row["value"], row["attainment"]) == pytest.approx((value, attainment), abs=5e-7), name
        assert (row["status"], row["numerator"], row["denominator"], row["n"]) == (status, numerator, denominator, n)
        assert row["basis"] == ("proxy" if name == "signal_detection_precision" else "measured")
        assert row["note"].startswith("Proxy for") == (row["basis"] == "proxy")
    for names in NOT_MEASURABLE.values():
        for name in names:
            row = rows[name]
            assert (row["status"], row["basis"], row["n"]) == ("not_measurable", "not_measurable", 0)
            assert [row[cell] for cell in ("value", "attainment", "numerator", "denominator")] == [None] * 4
            assert row["note"].startswith("Missing: ")
    assert {name for name, row in rows.items() if row["direction"] == "lower_is_better"} == LOWER_IS_BETTER
    assert rows["average_latency_ms"]["target"] == 300.0
    assert rows_of(kpis_that_are_not_their_quotient(table_of(Kpis, list(rows.values())))) == []


def test_nothing_is_measured_on_nothing() -> None:
    rows = measure([])
    assert {row["status"] for row in rows.values()} == {"not_measurable"}
    assert {row["basis"] for row in rows.values()} == {"not_measurable"}
    assert {row["n"] for row in rows.values()} == {0}
    assert {row["value"] for row in rows.values()} == {None}
    # What was decided and not yet executed, answered or measured, is no measurement of effect.
    rows = measure([{"intervention_id": "waiting", "requires_human_approval": True}])
    assert {name for name, row in rows.items() if row["value"] is not None} == {
        "human_escalation_frequency",
        "proactive_interventions_ratio",
    }
    assert measure([], policy_with(journey__kpis__enable_kpi_tracking=False)) == {}


def test_where_each_status_begins() -> None:
    # The values are those of the first test: only the promises change.
    higher = {
        "csat_delta_average": 0.5,  # met
        "proactive_interventions_ratio": 0.75,  # 0.6 / 0.75 = 0.8, warning begins below
        "signal_detection_precision": 2 / 3 / 0.79999,  # 0.79999
        "retention_revenue_preserved": 4000.0,  # 2,000 / 4,000 = 0.5, critical begins below
    }
    lower = {
        "average_latency_ms": 240.0,  # 240 / 300 = 0.8
        "human_escalation_frequency": 0.249,  # 0.249 / 0.5 = 0.498
        "human_override_rate": 0.5,  # 1/3 is less
        "average_resolution_time_days": 2.5,  # 2.5 / 5 = 0.5
    }
    rows = measure(LEDGER, targets(**higher, **lower))
    assert {name: (rows[name]["status"], rows[name]["attainment"]) for name in higher | lower} == {
        "csat_delta_average": ("on_track", 1.0),
        "proactive_interventions_ratio": ("on_track", 0.8),
        "signal_detection_precision": ("at_risk", 0.79999),
        "retention_revenue_preserved": ("at_risk", 0.5),
        "average_latency_ms": ("on_track", 0.8),
        "human_escalation_frequency": ("critical", 0.498),
        "human_override_rate": ("exceeded", 1.5),
        "average_resolution_time_days": ("at_risk", 0.5),
    }
    # A zero target has no share; it is met or not.
    zero = dict.fromkeys(
        ["csat_delta_average", "retention_revenue_preserved", "human_override_rate", "average_resolution_time_days"],
        0.0,
    )
    rows = measure(LEDGER, targets(**zero))
    assert {name: (rows[name]["status"], rows[name]["attainment"]) for name in zero} == {
        "csat_delta_average": ("exceeded", None),
        "retention_revenue_preserved": ("exceeded", None),
        "human_override_rate": ("at_risk", None),
        "average_resolution_time_days": ("at_risk", None),
    }


def test_zero_is_a_value() -> None:
    ledger = [
        {"intervention_id": "zero", "is_executed": True, "executed_at": YESTERDAY, "evaluation_latency_ms": 0.0}
        | {"outcome": "no_action_needed", "resolution_time_days": 0.0, "csat_delta": -0.5, "human_override": False}
        | {"estimated_revenue_saved": 0.0, "journey_stage": "support"}
    ]
    rows = measure(ledger, targets(human_escalation_frequency=0.0, average_resolution_time_days=0.0))
    expected = {
        # Lower is better: nothing is better than any promise above nothing, by no finite share of it.
        "average_latency_ms": (0.0, None, "exceeded"),
        "human_override_rate": (0.0, None, "exceeded"),
        # Promised nothing, and nothing it is: met.
        "human_escalation_frequency": (0.0, None, "on_track"),
        "average_resolution_time_days": (0.0, None, "on_track"),
        "proactive_interventions_ratio": (0.0, 0.0, "critical"),
        "signal_detection_precision": (0.0, 0.0, "critical"),
        "retention_revenue_preserved": (0.0, 0.0, "critical"),
        # Worsening is no improvement: the sign stays.
        "csat_delta_average": (-0.5, -0.5, "critical"),
    }
    found = {name: (rows[name]["value"], rows[name]["attainment"], rows[name]["status"]) for name in expected}
    assert found == expected


def test_the_status_does_not_hang_on_the_order_of_rows() -> None:
    """DESIGN 5: 0.1 + 2.7 + 0.2 is 3.0000000000000004, in another order 3; the promise of 1.0 is met, not exceeded."""
    statuses = set()
    for deltas in ((0.1, 2.7, 0.2), (0.1, 0.2, 2.7)):
        ledger = [
            {"intervention_id": str(number), "is_executed": True, "executed_at": YESTERDAY}
            | {"outcome": "resolved", "csat_delta": delta}
            for number, delta in enumerate(deltas)
        ]
        row = measure(ledger)["csat_delta_average"]
        statuses.add((row["value"], row["attainment"], row["status"]))
    assert statuses == {(1.0, 1.0, "on_track")}
