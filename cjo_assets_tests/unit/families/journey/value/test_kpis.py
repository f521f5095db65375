"""Tests of the KPIs: each value from its rows, attainment in both directions, and the limits of each status."""

from datetime import date, datetime
from typing import Any

import pytest

from cjo_assets.core.quarantine.rules import QuarantinedRows
from cjo_assets.families.journey.evaluation.known_signals import KnownSignals
from cjo_assets.families.journey.inputs.approval_decisions import ApprovalDecisions
from cjo_assets.families.journey.inputs.customers import Customers
from cjo_assets.families.journey.inputs.interventions import Interventions
from cjo_assets.families.journey.inputs.outcomes import Outcomes
from cjo_assets.families.journey.inputs.playbooks import Playbooks
from cjo_assets.families.journey.inputs.signal_labels import SignalLabels
from cjo_assets.families.journey.inputs.signals import Signals
from cjo_assets.families.journey.inputs.state_entries import StateEntries
from cjo_assets.families.journey.outcome.outcome_analyses import OutcomeAnalyses
from cjo_assets.families.journey.value.baseline_comparisons import BaselineComparisons
from cjo_assets.families.journey.value.kpis import Kpis, kpis, kpis_that_are_not_their_quotient
from cjo_assets.families.journey.value.roi_breakdown import RoiBreakdown
from cjo_assets.policy import Policy
from cjo_assets_tests.support.rows import (
    DAY,
    POLICY,
    Row,
    Rows,
    as_of,
    by,
    day,
    days_of,
    instant,
    kept,
    policy_with,
    rows_of,
    table_of,
)

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
    # Executed before the window of the ROI: all else counts.
    {"intervention_id": "long ago", "is_executed": True, "executed_at": LONG_AGO, "journey_stage": "engagement"}
    | {"outcome": "improved_engagement", "resolution_time_days": 7.0, "csat_delta": 0.0}
    | {"estimated_revenue_saved": 5000.0},
    {"intervention_id": "waiting", "evaluation_latency_ms": 300.0, "journey_stage": "escalation"}
    | {"requires_human_approval": True},
    # Never executed: neither the outcome nor the override can be attributed to an intervention.
    {"intervention_id": "refused", "outcome": "resolved", "resolution_time_days": 90.0, "csat_delta": 9.0}
    | {"human_override": False, "estimated_revenue_saved": 9e9, "journey_stage": "retention"}
    | {"requires_human_approval": True},
    {"intervention_id": "watched", "recommended_action": "monitor_only", "journey_stage": "engagement"},
    # In the holdout: nothing was done, requested or achieved, whatever was measured.
    {"intervention_id": "held out", "is_held_out": True, "outcome": "resolved", "resolution_time_days": 1.0}
    | {"csat_delta": 3.0, "human_override": True, "journey_stage": "support", "evaluation_latency_ms": 9e9},
]
# The ROI of the window: the KPI of retained revenue is that figure, of all grades.
RETAINED: Rows = [
    {"component": "retained_revenue", "kind": "value", "evidence_grade": grade, "amount": amount, "records": runs}
    for grade, amount, runs in (("randomised", 1500.0, 1), ("assumption", 500.0, 1), ("matched", None, 0))
] + [{"component": "playbook_cost", "kind": "cost", "amount": 77.0, "records": 9}]
# value, attainment, status, numerator, denominator, n; targets are the policy's
MEASURED = {
    # Of the executed and measured, those that found something to do; target 0.85.
    "signal_detection_precision": (2 / 3, 2 / 3 / 0.85, "not_distinguishable", 2, 3, 3),
    # 300 is the target itself; of three that differ by as much as these, that is chance.
    "average_latency_ms": (300, 1, "not_distinguishable", 200 + 400 + 300, 3, 3),
    # 3 of 6 against 0.30.
    "human_escalation_frequency": (0.5, 0.3 / 0.5, "at_risk", 3, 6, 6),
    # Of the two executed outcomes that record it, one: an interval from 0.12 to 0.88.
    "human_override_rate": (1 / 2, 0.15 * 2, "not_distinguishable", 1, 2, 2),
    # Known by D: 2 customers, 1 of each of the others; rejected by D: 1 customer, 1 undated signal.
    "data_completeness_rate": (8 / 10, 0.8 / 0.95, "on_track", 8, 10, 10),
    "average_resolution_time_days": (5, 1, "not_distinguishable", 3 + 7, 2, 2),
    # Of the three executed one came in support or escalation; what waits or was refused was not made.
    "proactive_interventions_ratio": (2 / 3, 2 / 3 / 0.6, "exceeded", 2, 3, 3),
    "csat_delta_average": (0.5, 0.5, "not_distinguishable", 1, 2, 2),
    "retention_revenue_preserved": (2000, 0.2, "critical", 1500 + 500, None, 2),
}

# An estimate of a source, and a proxy.
BASES = {"retention_revenue_preserved": "assumption", "signal_detection_precision": "proxy"}


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
    contracts |= {
        "baseline_comparisons": BaselineComparisons,
        "roi_breakdown": RoiBreakdown,
        "signal_labels": SignalLabels,
    }
    tables = {name: table_of(contract, records.get(name, [])) for name, contract in contracts.items()}
    tables |= {name: table_of(QuarantinedRows, records.get(name, [])) for name in rejected}
    tables["known_signals"] = table_of(KnownSignals, records.get("signals", []))
    tables["earlier_kpis"] = days_of(Kpis, records.get("earlier_kpis", []))
    acting = [{"recommended_action": "call"} | row for row in ledger]
    found = kpis(table_of(OutcomeAnalyses, acting), **tables, as_of=as_of(), policy=policy)
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


def test_every_kpi_is_measured_or_names_what_is_missing() -> None:
    records: dict[str, Any] = {
        "customers": [{}, {}],
        "playbooks": [{}],
        **known("state_entries", "state_entered_at", DAY),
        **known("signals", "detected_at", DAY),
        **known("interventions", "generated_at", DAY),
        **known("outcomes", "measured_at", DAY),
        **known("approval_decisions", "decided_at", instant("2025-01-21T00:00:00")),
        "roi_breakdown": RETAINED,
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
        assert row["basis"] == BASES.get(name, "measured")
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


def test_revenue_is_measured_where_all_of_it_was_compared() -> None:
    """Trap 3: what a source estimated is no measurement, and what has no amount is not worth 0."""

    def revenue(*parts: tuple[str, float | None, int]) -> tuple[Any, ...]:
        rows: Rows = [
            {"component": "retained_revenue", "kind": "value", "evidence_grade": grade, "amount": amount}
            | {"records": runs}
            for grade, amount, runs in parts
        ]
        row = measure([], roi_breakdown=rows)["retention_revenue_preserved"]
        return row["value"], row["n"], row["basis"]

    assert revenue(("randomised", 1500.0, 3), ("assumption", 0.0, 0)) == (1500.0, 3, "measured")
    assert revenue(("randomised", 1500.0, 3), ("assumption", 0.0, 1)) == (1500.0, 4, "assumption")
    assert revenue(("randomised", None, 3), ("assumption", 0.0, 0)) == (None, 0, "not_measurable")


def test_revenue_has_an_interval_if_all_parts_have_one() -> None:
    """12,000 [10,500, 13,500] and 300 [-100, 700]: from 10,400 to 14,200, above the target of 10,000."""

    def revenue(*parts: tuple[str, float, float | None, float | None]) -> tuple[Any, ...]:
        rows: Rows = [
            {"component": "retained_revenue", "kind": "value", "evidence_grade": grade, "records": 5}
            | {"amount": amount, "amount_low": low, "amount_high": high}
            for grade, amount, low, high in parts
        ]
        row = measure([], roi_breakdown=rows)["retention_revenue_preserved"]
        return row["interval_low"], row["interval_high"], row["status"]

    compared = [("randomised", 12000.0, 10500.0, 13500.0), ("matched", 300.0, -100.0, 700.0)]
    assert revenue(*compared) == (10400.0, 14200.0, "exceeded")
    assert revenue(("randomised", 12000.0, 9000.0, 15000.0)) == (9000.0, 15000.0, "not_distinguishable")
    assert revenue(*compared, ("assumption", 50.0, None, None)) == (None, None, "not_distinguishable")


def test_nothing_is_measured_on_nothing() -> None:
    rows = measure([])
    assert {row["status"] for row in rows.values()} == {"not_measurable"}
    assert {row["basis"] for row in rows.values()} == {"not_measurable"}
    assert {row["n"] for row in rows.values()} == {0}
    assert {row["value"] for row in rows.values()} == {None}
    # What was decided and not yet executed, answered or measured, is no measurement of effect.
    rows = measure([{"intervention_id": "waiting", "requires_human_approval": True}])
    assert {name for name, row in rows.items() if row["value"] is not None} == {"human_escalation_frequency"}
    assert measure([], policy_with(journey__kpis__enable_kpi_tracking=False)) == {}


def test_where_each_status_begins() -> None:
    # The values are those of the first test: only the targets change. Full counts are compared without an interval.
    higher = {"data_completeness_rate": 0.75, "proactive_interventions_ratio": 2 / 3 / 0.8}
    rows = measure(LEDGER, targets(**higher), customers=[{}, {}, {}], quarantined_customers=[{}])
    assert (rows["data_completeness_rate"]["status"], rows["data_completeness_rate"]["attainment"]) == ("on_track", 1)
    assert rows["proactive_interventions_ratio"]["status"] == "on_track"  # 0.8, warning begins below
    for target, status in ((0.6, "exceeded"), (0.4, "on_track"), (0.39, "at_risk"), (0.249, "critical")):
        row = measure(LEDGER, targets(human_escalation_frequency=target))["human_escalation_frequency"]
        assert (row["value"], row["status"]) == (0.5, status), target
    # Latencies of 200, 300 and 400: from 131 to 469. A target within is not distinguishable from them.
    for target, status in ((470.0, "exceeded"), (300.0, "not_distinguishable"), (140.0, "not_distinguishable")):
        assert measure(LEDGER, targets(average_latency_ms=target))["average_latency_ms"]["status"] == status, target
    # The better end, 131, misses 130, and the mean reaches 0.43 of it.
    assert measure(LEDGER, targets(average_latency_ms=130.0))["average_latency_ms"]["status"] == "critical"
    # Revenue that nothing was compared with has no interval: it can be bad news alone.
    for revenue, status in ((1999.0, "not_distinguishable"), (2500.0, "not_distinguishable"), (4000.0, "at_risk")):
        found = measure(LEDGER, targets(retention_revenue_preserved=revenue), roi_breakdown=RETAINED)
        assert found["retention_revenue_preserved"]["status"] == status, revenue
    # A missed target of 0 is reached to no share at all; a kept one has none.
    zero = dict.fromkeys(["csat_delta_average", "human_escalation_frequency"], 0.0)
    rows = measure(LEDGER, targets(**zero))
    assert {name: (rows[name]["status"], rows[name]["attainment"]) for name in zero} == {
        "csat_delta_average": ("not_distinguishable", None),
        "human_escalation_frequency": ("critical", 0.0),
    }


def test_one_measurement_exceeds_no_target() -> None:
    """The mean of one number has no interval: it is no good news, whatever it is."""
    row = measure([LEDGER[0] | {"csat_delta": 4.0}])["csat_delta_average"]
    assert (row["value"], row["target"], row["n"], row["interval_low"]) == (4.0, 1.0, 1, None)
    assert (row["status"], row["is_estimate"]) == ("not_distinguishable", True)


def test_zero_is_a_value() -> None:
    ledger = [
        {"intervention_id": "zero", "is_executed": True, "executed_at": YESTERDAY, "evaluation_latency_ms": 0.0}
        | {"outcome": "no_action_needed", "resolution_time_days": 0.0, "csat_delta": -0.5, "human_override": False}
        | {"estimated_revenue_saved": 0.0, "journey_stage": "support"}
    ]
    nothing = [{"component": "retained_revenue", "kind": "value", "amount": 0.0, "records": 1}]
    promises = targets(human_escalation_frequency=0.0, average_resolution_time_days=0.0)
    rows = measure(ledger, promises, roi_breakdown=nothing)
    expected = {
        # Lower is better: zero is better than any target above zero, by no finite share of it.
        # One measurement, or none of one, is no good news all the same.
        "average_latency_ms": (0.0, None, "not_distinguishable"),
        "human_override_rate": (0.0, None, "not_distinguishable"),
        "average_resolution_time_days": (0.0, None, "not_distinguishable"),
        # A target of zero, and a value of zero: met.
        "human_escalation_frequency": (0.0, None, "on_track"),
        "proactive_interventions_ratio": (0.0, 0.0, "critical"),
        # None of one: from 0 to 0.73.
        "signal_detection_precision": (0.0, 0.0, "critical"),
        "retention_revenue_preserved": (0.0, 0.0, "critical"),
        # Worsening is no improvement: the sign stays.
        "csat_delta_average": (-0.5, -0.5, "critical"),
    }
    found = {name: (rows[name]["value"], rows[name]["attainment"], rows[name]["status"]) for name in expected}
    assert found == expected


def test_the_status_does_not_hang_on_the_order_of_rows() -> None:
    """DESIGN 5: 0.1 + 2.7 + 0.2 is 3.0000000000000004, in another order 3: the value and its attainment are 1."""
    statuses = set()
    for deltas in ((0.1, 2.7, 0.2), (0.1, 0.2, 2.7)):
        ledger = [
            {"intervention_id": str(number), "is_executed": True, "executed_at": YESTERDAY}
            | {"outcome": "resolved", "csat_delta": delta}
            for number, delta in enumerate(deltas)
        ]
        row = measure(ledger)["csat_delta_average"]
        statuses.add((row["value"], row["attainment"], row["status"]))
    assert statuses == {(1.0, 1.0, "not_distinguishable")}


def test_what_a_kpi_was_on_the_newest_earlier_day() -> None:
    before: Rows = [
        {"as_of": day(-7), "kpi": "csat_delta_average", "value": 0.25},
        {"as_of": day(-3), "kpi": "csat_delta_average", "value": 0.75},
        {"as_of": day(-3), "kpi": "nps_delta_average", "value": None},
        # Of an older day only: nothing of it is shown beside today.
        {"as_of": day(-7), "kpi": "average_latency_ms", "value": 100.0},
    ]
    rows = measure(LEDGER, earlier_kpis=before)
    shown = {name: (row["previous_value"], row["previous_as_of"]) for name, row in rows.items()}
    assert shown["csat_delta_average"] == (0.75, day(-3))
    assert shown["nps_delta_average"] == (None, day(-3))
    assert shown["average_latency_ms"] == (None, None)


def test_intervals_of_shares_and_means() -> None:
    """Shares by Wilson's score, means by Student's t; textbook values at 90 %."""
    rows = measure(LEDGER, roi_breakdown=RETAINED)

    def ends(name: str) -> list[float | None]:
        return [rows[name]["interval_low"], rows[name]["interval_high"]]

    # 1 of 2: centre 0.5, radius z / (2 + z^2) * sqrt(2 / 4 + z^2 / 4), z = 1.644854.
    z = 1.6448536269514722
    radius = z / (2 + z * z) * (2 / 4 + z * z / 4) ** 0.5
    assert ends("human_override_rate") == pytest.approx([0.5 - radius, 0.5 + radius], abs=1e-6)
    # Everything was counted: there is nothing to estimate.
    assert ends("human_escalation_frequency") == [None, None]
    assert not rows["human_escalation_frequency"]["is_estimate"]
    # 200, 300, 400: mean 300, standard error 100 / sqrt(3), t of 2 degrees of freedom 2.919986.
    radius = 2.919986 * 100 / 3**0.5
    assert ends("average_latency_ms") == pytest.approx([300 - radius, 300 + radius], abs=1e-3)
    # One number has no spread; a sum has no interval; what is unknown has none.
    one = measure([LEDGER[0]])
    assert (one["csat_delta_average"]["value"], one["csat_delta_average"]["interval_low"]) == (1.0, None)
    assert ends("retention_revenue_preserved") == [None, None]
    assert ends("churn_rate_reduction") == [None, None]
    narrower = measure(LEDGER, policy_with(journey__kpis__interval_level=0.5))["human_override_rate"]
    assert narrower["interval_low"] > rows["human_override_rate"]["interval_low"]


def labelled(number: int, signal: str | None, is_problem: bool, offset: int = -1) -> Row:
    """Return what a person found out about a signal, or about a problem without one."""
    cells = {"label_id": f"L{number}", "signal_id": signal, "is_problem": is_problem, "labelled_at": day(offset)}
    return cells | {"customer_id": "C"}


def test_precision_and_recall_use_labelled_signals() -> None:
    """Trap 6: 2 of 3 alarms were right; of 4 problems 2 had raised an alarm. What comes later is not known yet."""
    signals: Rows = [
        {"signal_id": name, "signal_type": kind, "detected_at": day(-5)}
        for name, kind in (("right", "usage_drop"), ("right too", "usage_drop"), ("wrong", "usage_drop"))
    ] + [{"signal_id": "good news", "signal_type": "usage_recovery", "detected_at": day(-5)}]
    labels: Rows = [
        labelled(1, "right", True),
        labelled(2, "right too", True, 0),
        # The first label has a problem; the later one counts.
        labelled(0, "wrong", True, -2),
        labelled(3, "wrong", False),
        labelled(4, None, True),
        # Good news is no alarm; there was a problem all the same.
        labelled(5, "good news", True),
        labelled(6, None, True, 1),
        labelled(7, "wrong", True, 1),
    ]
    rows = measure(LEDGER, signals=signals, signal_labels=labels)
    for name, numerator, denominator in (("signal_detection_precision", 2, 3), ("signal_detection_recall", 2, 4)):
        row = rows[name]
        assert (row["numerator"], row["denominator"], row["n"]) == (numerator, denominator, denominator)
        assert (row["basis"], row["value"]) == ("measured", pytest.approx(numerator / denominator, abs=1e-6))
    # Labels of alarms alone measure precision; recall stays a proxy.
    for found, value in (("wrong", 0.0), ("right", 1.0)):
        rows = measure(LEDGER, signals=signals, signal_labels=[labelled(3, found, found == "right")])
        precision = rows["signal_detection_precision"]
        assert (precision["value"], precision["basis"]) == (value, "measured")
        assert rows["signal_detection_recall"]["basis"] == "not_measurable"


def test_recall_without_labels_is_a_proxy_of_trouble_foretold() -> None:
    """Two escalations and a departure; a negative signal in the 90 days before preceded one of them."""
    entries: Rows = [
        {"customer_id": "told", "journey_stage": "escalation", "state_entered_at": day(-3)},
        {"customer_id": "too old", "journey_stage": "escalation", "state_entered_at": day(-3)},
        {"customer_id": "good news only", "journey_stage": "churned", "state_entered_at": day(-3)},
        {"customer_id": "calm", "journey_stage": "support", "state_entered_at": day(-3)},
        {"customer_id": "told", "journey_stage": "churned", "state_entered_at": day(1)},
    ]
    signals: Rows = [
        {"signal_id": "1", "customer_id": "told", "signal_type": "usage_drop", "detected_at": day(-93)},
        {"signal_id": "2", "customer_id": "told", "signal_type": "usage_drop", "detected_at": day(-3)},
        {"signal_id": "3", "customer_id": "too old", "signal_type": "usage_drop", "detected_at": day(-94)},
        {"signal_id": "4", "customer_id": "too old", "signal_type": "usage_drop", "detected_at": day(-2)},
        {"signal_id": "5", "customer_id": "good news only", "signal_type": "usage_recovery", "detected_at": day(-4)},
    ]
    row = measure([], state_entries=entries, signals=signals)["signal_detection_recall"]
    assert (row["numerator"], row["denominator"], row["basis"]) == (1, 3, "proxy")
    assert row["note"].startswith("Proxy for labels")


def test_what_only_an_optional_column_can_answer() -> None:
    entries: Rows = [
        {"customer_id": name, "journey_stage": "support", "state_entered_at": day(offset), "confirmed_stage": stage}
        for name, offset, stage in (
            ("right", -1, "support"),
            ("right too", -1, "support"),
            ("wrong", -1, "retention"),
            ("unchecked", -1, None),
            ("later", 1, "retention"),
        )
    ]
    accuracy = measure([], state_entries=entries)["journey_state_classification_accuracy"]
    assert (accuracy["numerator"], accuracy["denominator"], accuracy["basis"]) == (2, 3, "measured")
    runs: Rows = [
        {"intervention_id": f"{channel} {number}", "is_executed": True, "channel": channel, "nps_delta": points}
        | {"outcome": "resolved" if number < successes else "no_response"}
        for channel, successes, points in (("phone", 3, 2.0), ("mail", 2, None), ("chat", 1, None))
        for number in range(1 if channel == "chat" else 4)
    ]
    # The source's own word goes before the outcome: phone 3 of 4 and one more, mail 2 of 4, chat has too few.
    runs[3] |= {"playbook_success": True}
    rows = measure(runs, policy_with(journey__learning__established_runs=4))
    consistency, nps = rows["experience_consistency_score"], rows["nps_delta_average"]
    # 1 and 0.5 about 0.75: the statistic is 2 x 4 x 0.0625 / 0.1875 = 8 / 3, of which 1 is chance: 5 eighths remain.
    assert consistency["value"] == pytest.approx((0.75 - 0.25 * 5 / 8) / (0.75 + 0.25 * 5 / 8), abs=1e-6)
    assert (consistency["n"], consistency["basis"]) == (8, "measured")
    assert consistency["interval_low"] < consistency["value"] < consistency["interval_high"] == 1.0
    assert (nps["value"], nps["n"], nps["interval_low"]) == (2.0, 4, 2.0)
    alone = measure(runs[:4], policy_with(journey__learning__established_runs=4))["experience_consistency_score"]
    assert alone["status"] == "not_measurable"


def compared(metric: str, baseline: str, value: float, against: float, status: str = "measured") -> Row:
    """Return a comparison; its interval reaches from 0.8 to 1.25 times its ratio."""
    ratio = value / against if against else None
    ends = {"ratio_low": ratio * 0.8, "ratio_high": ratio * 1.25} if ratio is not None else {}
    sides = {"value": value, "baseline_value": against, "customers": 40, "baseline_customers": 60}
    return {"metric": metric, "baseline": baseline, "status": status, "ratio": ratio} | sides | ends


def test_reduction_names_its_base_and_worsening_is_negative() -> None:
    """Trap 6: from 0.02 to 0.03 is a reduction by -0.5, and no amount of abs() makes it one by 0.5."""
    comparisons = [
        # The strongest baseline that can be compared with counts, whatever a weaker one shows.
        compared("churn_rate", "held_out", 0.03, 0.02),
        compared("churn_rate", "supplied", 0.01, 0.02),
        compared("escalation_rate", "held_out", 0.03, 0.02, "not_measurable"),
        compared("escalation_rate", "baseline_period", 0.015, 0.02),
        compared("unresolved_issue_share", "supplied", 0.2, 0.25),
        compared("days_per_support_case", "baseline_period", 4.0, 5.0),
        compared("value_churn_rate", "baseline_period", 0.01, 0.02),
    ]
    rows = measure([], baseline_comparisons=comparisons)
    # value, numerator, denominator, baseline, basis, ends
    expected = {
        "churn_rate_reduction": (-0.5, -0.01, 0.02, "held_out", "measured", 1 - 1.875, 1 - 1.2),
        "escalation_reduction": (0.25, 0.005, 0.02, "baseline_period", "measured", 1 - 0.9375, 1 - 0.6),
        "unresolved_issues_reduction": (0.2, 0.05, 0.25, "supplied", "measured", 0.0, 1 - 0.64),
        "cost_per_support_case_reduction": (0.2, 1.0, 5.0, "baseline_period", "proxy", 0.0, 1 - 0.64),
        # Half the churn rate is twice the lifetime: 100 % more.
        "lifetime_value_delta": (1.0, 0.01, 0.01, "baseline_period", "proxy", 1 / 0.625 - 1, 1 / 0.4 - 1),
    }
    for name, (value, numerator, denominator, baseline, basis, low, high) in expected.items():
        row = rows[name]
        figures = [row[cell] for cell in ("value", "numerator", "denominator", "interval_low", "interval_high")]
        assert figures == pytest.approx([value, numerator, denominator, low, high], abs=1e-6), name
        assert (row["baseline"], row["basis"], row["n"]) == (baseline, basis, 100), name
    assert rows["churn_rate_reduction"]["status"] == "critical"
    missing = rows["escalation_cost_reduction"]
    assert (missing["value"], missing["baseline"], missing["status"]) == (None, None, "not_measurable")
    # No departure: a lifetime without end is no figure.
    endless = measure([], baseline_comparisons=[compared("value_churn_rate", "held_out", 0.0, 0.02)])
    assert endless["lifetime_value_delta"]["status"] == "not_measurable"


def test_values_that_are_not_their_quotient_are_found() -> None:
    right = {"value": 0.4, "numerator": 2.0, "denominator": 5.0, "interval_low": 0.1, "interval_high": 0.7}
    faults: Rows = [{"value": 0.41}, {"denominator": 4.9}, {"interval_low": 0.45}, {"interval_high": 0.3}]
    assert rows_of(kpis_that_are_not_their_quotient(table_of(Kpis, [right]))) == []
    for fault in faults:
        assert len(rows_of(kpis_that_are_not_their_quotient(table_of(Kpis, [right | fault])))) == 1, fault
