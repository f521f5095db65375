"""Evidence of KPIs and ROI: rows by hand, a recomputation in plain Python, and sums that are the published values."""

from datetime import date, timedelta
from typing import Any

import ibis
import ibis.expr.types as ir
import pytest

from cjo_assets.core.contract import schema_of
from cjo_assets.families.journey.inputs.approval_decisions import ApprovalDecisions
from cjo_assets.families.journey.learning.treatment_effects import TreatmentEffects
from cjo_assets.families.journey.outcome.outcome_analyses import OutcomeAnalyses
from cjo_assets.families.journey.value._evidence_cells import CELLS, contributions, contributions_of
from cjo_assets.families.journey.value._kpi_measures import REDUCTIONS
from cjo_assets.families.journey.value._roi_components import COMPONENTS
from cjo_assets.families.journey.value.kpi_evidence import (
    KpiEvidence,
    kpi_evidence,
    values_that_differ_from_their_evidence,
)
from cjo_assets.families.journey.value.kpis import MISSING, Kpis
from cjo_assets.families.journey.value.roi_breakdown import RoiBreakdown
from cjo_assets.policy import Policy
from cjo_assets_tests.support.journey.cells import assert_cells_add_up
from cjo_assets_tests.support.rows import DAY, POLICY, Row, Rows, as_of, by, kept, policy_with, rows_of, table_of
from cjo_assets_tests.unit.families.journey.value.test_kpis import labelled, measure
from cjo_assets_tests.unit.families.journey.value.test_roi_breakdown import ANSWERS, LAST, LEDGER, effect, price, run_of

EFFECTS = [effect("P", "held_out", 0.25), effect("P", "untreated", 0.9), effect("M", "untreated", -0.2)]
# Without a success of a known revenue the value of a recovery is unknown: counted, and nothing added.
EFFECTS += [effect("U", "held_out", 0.5)]
MEASURED: Row = {"resolution_time_days": 2.0, "csat_delta": 1.0, "nps_delta": 20.0, "human_override": True}
HISTORY: Rows = [
    *LEDGER,
    run_of("P", 1, "resolved", 1000.0) | MEASURED,
    run_of("P", 2, "resolved", 3000.0) | {"customer_id": "C-other", "channel": "email"},
    run_of("P", 3, "no_response", None) | {"channel": "email"},
    run_of("M", 1, "resolved", 500.0) | {"channel": "phone"},
    run_of("M", 2, "no_action_needed", None) | {"channel": "phone", "evaluation_latency_ms": 120.0},
    run_of("U", 1, "no_response", 900.0) | {"channel": "letter"},
    run_of(None, 1, "resolved", 8.0),
    # Held out: recorded, and counted nowhere.
    {"intervention_id": "held out too", "is_held_out": True, "outcome": "resolved", "evaluation_latency_ms": 9e9}
    | MEASURED,
]
RULES = policy_with(
    journey__learning__established_runs=2, journey__roi__credited_revenue_share=0.5, journey__roi__window_days=30
)
NONE: Row = dict.fromkeys(name for name in schema_of(KpiEvidence) if name != "as_of")


class Day:
    """KPIs, ROI and evidence of a ledger."""

    def __init__(self, history: Rows, policy: Policy = RULES, labels: Rows | None = None) -> None:
        """Compute the tables."""
        self.ledger = [{"recommended_action": "call", "customer_id": "C-1"} | row for row in history]
        self.roi = list(price(self.ledger, policy, answers=ANSWERS, effects=EFFECTS).values())
        records: dict[str, Rows] = {"roi_breakdown": self.roi}
        if labels:
            records |= {"signal_labels": labels, "signals": [{"signal_id": "S1", "signal_type": "usage_drop"}]}
        self.kpis = list(measure(self.ledger, policy, **records).values())
        found = kpi_evidence(
            table_of(OutcomeAnalyses, self.ledger),
            table_of(ApprovalDecisions, ANSWERS),
            table_of(TreatmentEffects, EFFECTS),
            *self._published(),
            as_of(),
            policy,
        )
        self.rows = kept(KpiEvidence, found, policy=policy)
        assert self.wrong(self.rows) == []

    def by_intervention(self) -> dict[str, Row]:
        """Return the evidence of each intervention, without the key."""
        keys = ("as_of", "customer_id", "intervention_id")
        return {
            name: {cell: value for cell, value in row.items() if cell not in keys and value is not None}
            for name, row in by("intervention_id", self.rows).items()
        }

    def wrong(self, rows: Rows) -> Rows:
        """Return the published values that are not the sums of evidence."""
        return rows_of(values_that_differ_from_their_evidence(_table(KpiEvidence, rows), *self._published()))

    def contributions(self) -> Rows:
        """Return all contributions."""
        return rows_of(contributions(_table(KpiEvidence, self.rows)))

    def _published(self) -> tuple[ir.Table, ir.Table]:
        return _table(Kpis, self.kpis), _table(RoiBreakdown, self.roi)


def _table(contract: Any, rows: Rows) -> ir.Table:
    return table_of(contract, [{name: value for name, value in row.items() if name != "as_of"} for row in rows])


@pytest.fixture(scope="module")
def found() -> Day:
    """Return the evidence of the history."""
    return Day(HISTORY)


def test_rows_by_hand(found: Day) -> None:
    rows = found.by_intervention()
    # Executed in the window without an outcome: no KPI of outcomes counts it.
    assert rows["first instant"] == {
        "human_escalation_frequency": 0.0,
        "proactive_interventions_ratio": 1.0,
        "playbook_cost": 100.1,
        "api_calls": 1.0,
        # Recorded, and credited to one half.
        "retained_revenue": 2000.0,
        "retained_revenue_grade": "assumption",
        "retention_revenue_preserved": 1000.0,
        "retention_revenue_preserved_grade": "assumption",
    }
    # Executed before the window: no part of the ROI.
    assert rows["before"] == {"human_escalation_frequency": 0.0, "proactive_interventions_ratio": 1.0}
    # Ann and Bob reviewed it; the other answers are Ann's, or of no known person.
    assert rows["approved"]["human_review_time"] == 2.0
    assert rows["rejected"] == {"human_escalation_frequency": 1.0, "human_review_time": 1.0}
    assert rows["not answered"] == {"human_escalation_frequency": 1.0}
    # The source calls it a failure: cost, and no revenue.
    assert rows["failed"]["playbook_cost"] == 10.0
    assert "retained_revenue_grade" not in rows["failed"]
    # A success is worth (1,000 + 3,000) / 2, a quarter of the runs recover due to the playbook: 500, credited 250.
    retained = {
        "retained_revenue": 500.0,
        "retained_revenue_grade": "randomised",
        "retention_revenue_preserved": 250.0,
        "retention_revenue_preserved_grade": "randomised",
    }
    assert rows["P 1"] == retained | {
        "signal_detection_precision": 1.0,
        "human_escalation_frequency": 0.0,
        "human_override_rate": 1.0,
        "average_resolution_time_days": 2.0,
        "proactive_interventions_ratio": 1.0,
        "csat_delta_average": 1.0,
        "nps_delta_average": 20.0,
        "playbook_cost": 0.0,
        "api_calls": 1.0,
    }
    # Two channels have two runs each: email with one success, phone with one.
    consistency = {name: row.get("experience_consistency_score") for name, row in rows.items()}
    assert {name: value for name, value in consistency.items() if value is not None} == {
        "P 2": 1.0,
        "P 3": 0.0,
        "M 1": 1.0,
        "M 2": 0.0,
    }
    assert rows["M 2"]["signal_detection_precision"] == 0.0
    assert rows["M 2"]["average_latency_ms"] == 120.0
    assert rows["M 2"]["retained_revenue"] == pytest.approx(-0.2 * 500.0)
    # Counted, and what it adds is unknown.
    assert "retained_revenue" not in rows["U 1"]
    assert rows["U 1"]["retained_revenue_grade"] == rows["U 1"]["retention_revenue_preserved_grade"] == "randomised"
    assert not {"held out", "held out too"} & rows.keys()


def test_rows_as_recomputed_in_plain_python(found: Day) -> None:
    start = LAST - timedelta(days=RULES.journey.roi.window_days)
    for row in found.ledger:
        if row.get("is_held_out"):
            continue
        is_executed, outcome = row.get("is_executed", False), row.get("outcome")
        is_done = is_executed and outcome is not None
        is_in_window = is_executed and start < row["executed_at"] <= LAST
        expected = {
            "signal_detection_precision": float(outcome != "no_action_needed") if is_done else None,
            "average_latency_ms": row.get("evaluation_latency_ms"),
            "human_escalation_frequency": float(row.get("requires_human_approval", False)),
            "proactive_interventions_ratio": 1.0 if is_executed else None,
            "csat_delta_average": row.get("csat_delta") if is_done else None,
            "playbook_cost": row.get("expected_cost") if is_in_window else None,
            "api_calls": 1.0 if is_in_window else None,
        }
        own = found.by_intervention()[row["intervention_id"]]
        assert {name: own.get(name) for name in expected} == expected, row["intervention_id"]


def entered(found: Day) -> set[str]:
    """Return the values that interventions contribute to, after comparing the query of the macro with the tables."""
    connection = ibis.duckdb.connect()
    connection.create_database("journey")
    for name, contract, rows in (
        ("kpi_evidence", KpiEvidence, found.rows),
        ("kpis", Kpis, found.kpis),
        ("roi_breakdown", RoiBreakdown, found.roi),
    ):
        table = _table(contract, rows).mutate(as_of=ibis.literal(DAY, "date"))
        connection.create_table(name, table.to_pyarrow(), database="journey")
    customers = sorted({row["customer_id"] for row in found.rows})
    queries = [contributions_of(f"'{name}'", f"DATE '{date.isoformat(DAY)}'") for name in customers]
    names = ("intervention_id", "table_name", "cell", "evidence_grade", "adds")
    listed = [row for query in queries for row in connection.con.execute(query).fetchall()]
    assert sorted(map(str, listed)) == sorted(str(tuple(row[name] for name in names)) for row in found.contributions())
    return assert_cells_add_up(connection.con, queries, "journey")


def test_every_value_is_the_sum_of_its_evidence(found: Day) -> None:
    assert len({row["customer_id"] for row in found.rows}) > 1
    names = entered(found)
    assert {cell.name for cell in CELLS} == {name.partition(" ")[0] for name in names}
    assert {"retained_revenue randomised", "retained_revenue matched", "retained_revenue assumption"} <= names


def test_labels_and_new_channels_leave_interventions_out() -> None:
    names = entered(Day(HISTORY, POLICY, [labelled(1, "S1", is_problem=True)]))
    assert "signal_detection_precision" not in names
    assert "experience_consistency_score" not in names, "no channel is established"


def test_kpi_counts_no_grade_without_an_amount() -> None:
    """Revenue of a playbook without a valued success: a record of the ROI component, and none of the KPI."""
    (row,) = Day([run_of("U", 1, "no_response", 900.0)]).by_intervention().values()
    assert row["retained_revenue_grade"] == "randomised"
    assert "retention_revenue_preserved_grade" not in row


def test_disabled_kpis_have_no_evidence() -> None:
    policy = policy_with(journey__kpis__enable_kpi_tracking=False)
    columns = {name for row in Day(HISTORY, policy).by_intervention().values() for name in row}
    assert columns == {"playbook_cost", "human_review_time", "api_calls", "retained_revenue", "retained_revenue_grade"}


def test_empty_ledger_has_no_evidence() -> None:
    nothing = Day([])
    assert nothing.rows == []
    assert nothing.wrong([NONE | {"customer_id": "C", "intervention_id": "I", "api_calls": 1.0}]) != []


@pytest.mark.parametrize(
    ("intervention", "change", "cell"),
    [
        ("P 1", {"csat_delta_average": 1.5}, "csat_delta_average"),
        ("P 1", {"csat_delta_average": None}, "csat_delta_average"),
        ("P 1", {"experience_consistency_score": 1.0}, "experience_consistency_score"),
        ("first instant", {"playbook_cost": 100.11}, "playbook_cost"),
        ("approved", {"human_review_time": 3.0}, "human_review_time"),
        ("approved", {"api_calls": None}, "api_calls"),
        ("P 2", {"retained_revenue": 501.0}, "retained_revenue"),
        ("P 2", {"retention_revenue_preserved": 251.0}, "retention_revenue_preserved"),
    ],
)
def test_value_that_differs_from_its_evidence_is_found(found: Day, intervention: str, change: Row, cell: str) -> None:
    rows = [row | change if row["intervention_id"] == intervention else row for row in found.rows]
    assert [row["cell"] for row in found.wrong(rows)] == [cell]


def test_another_grade_is_found(found: Day) -> None:
    change = {"retained_revenue_grade": "matched"}
    rows = [row | change if row["intervention_id"] == "P 2" else row for row in found.rows]
    assert {(row["cell"], row["evidence_grade"]) for row in found.wrong(rows)} == {
        ("retained_revenue", "matched"),
        ("retained_revenue", "randomised"),
    }


def test_every_other_figure_counts_no_interventions() -> None:
    others = {
        # Rows of the stage log, of signals and their labels, and of all datasets.
        "journey_state_classification_accuracy",
        "signal_detection_recall",
        "data_completeness_rate",
        # Calls, days of the window, and comparisons with a baseline.
        "llm_usage",
        "infrastructure",
        "escalation_prevention",
        "support_workload_reduction",
        "faster_resolution",
        *(kpi for kpi, *_ in REDUCTIONS),
    }
    assert {cell.name for cell in CELLS} | others == MISSING.keys() | COMPONENTS.keys()
    assert not {cell.name for cell in CELLS} & others
