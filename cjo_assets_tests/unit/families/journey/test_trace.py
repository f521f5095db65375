"""What an intervention entered is what the KPIs and the ROI count: by hand, with everything the sample has none of."""

from datetime import date, datetime
from typing import Any

import ibis

from cjo_assets.catalog import families_about
from cjo_assets.core.contract import Contract, columns_of
from cjo_assets.families.journey.approval.approval_history import ApprovalHistory
from cjo_assets.families.journey.learning.treatment_effects import TreatmentEffects
from cjo_assets.families.journey.outcome.outcome_analyses import OutcomeAnalyses
from cjo_assets.families.journey.trace import DATASETS, cells
from cjo_assets.families.journey.value.kpis import Kpis
from cjo_assets.families.journey.value.roi_breakdown import RoiBreakdown
from cjo_assets_tests.support.journey.cells import assert_cells_add_up
from cjo_assets_tests.support.rows import DAY, POLICY, Row, Rows, policy_with, table_of
from cjo_assets_tests.unit.families.journey.value.test_kpis import labelled, measure
from cjo_assets_tests.unit.families.journey.value.test_roi_breakdown import ANSWERS, LAST, LEDGER, effect, price, run_of

EFFECTS = [effect("P", "held_out", 0.25), effect("P", "untreated", 0.9), effect("M", "untreated", -0.2)]
# Without a success of a known worth nobody can say what a recovery is worth: counted, and nothing added.
EFFECTS += [effect("U", "held_out", 0.5)]
# Who each name is, as `approval_history` says it.
PEOPLE = {"ann": "ann", " Ann": "ann", "a\u00adnn\u200b": "ann", "bob": "bob", "N/A": None}
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
    # Held out on purpose: on record, and counted nowhere.
    {"intervention_id": "held out too", "is_held_out": True, "outcome": "resolved", "evaluation_latency_ms": 9e9}
    | MEASURED,
]


def test_every_dataset_that_names_customers_is_evidence() -> None:
    named = {
        dataset.name
        for family in families_about("journey")
        for dataset in family.datasets
        if {"customer_id", "intervention_id"} & {spec.name for spec in columns_of(dataset.contract)}
    }
    assert named == {dataset.name for dataset in DATASETS} - {"playbooks"}


def entered(policy: Any, labels: Rows) -> set[str]:
    """Return the cells that the interventions entered, having held them against the tables."""
    ledger = [{"recommended_action": "call"} | row for row in HISTORY]
    priced = list(price(ledger, policy, answers=ANSWERS, effects=EFFECTS).values())
    signals = {"signals": [{"signal_id": "S1", "signal_type": "usage_drop"}]} if labels else {}
    judged = list(measure(ledger, policy, roi_breakdown=priced, signal_labels=labels, **signals).values())
    connection = ibis.duckdb.connect()
    connection.create_database("journey")
    connection.create_database("audit")
    tables: list[tuple[str, type[Contract], Rows]] = [
        ("outcome_analyses", OutcomeAnalyses, ledger),
        ("treatment_effects", TreatmentEffects, EFFECTS),
        (
            "approval_history",
            ApprovalHistory,
            [answer | {"person": PEOPLE[answer["decided_by"]]} for answer in ANSWERS],
        ),
        ("kpis", Kpis, judged),
        ("roi_breakdown", RoiBreakdown, priced),
    ]
    for name, contract, rows in tables:
        plain = [{cell: value for cell, value in row.items() if cell != "as_of"} for row in rows]
        table = table_of(contract, plain)
        if contract is not ApprovalHistory:
            table = table.mutate(as_of=ibis.literal(DAY, "date"))
        connection.create_table(name, table.to_pyarrow(), database="journey")
    reader = connection.con
    reader.execute(
        "CREATE TABLE audit.policies AS SELECT ? AS policy_hash, ? AS content", ["p", policy.model_dump_json()]
    )
    reader.execute(
        "CREATE TABLE audit.runs AS SELECT 'journey' AS family, 'p' AS policy_hash, ?::DATE AS as_of, "
        "?::TIMESTAMP AS ended_at, "
        "TRUE AS is_published",
        [DAY, datetime(2025, 1, 21)],
    )
    customers = reader.execute("SELECT DISTINCT customer_id FROM journey.outcome_analyses ORDER BY ALL").fetchall()
    assert len(customers) > 1
    asked = [cells(f"'{customer}'", f"DATE '{date.isoformat(DAY)}'") for (customer,) in customers]
    return assert_cells_add_up(reader, asked, "journey")


def test_every_cell_is_the_sum_of_what_entered_it() -> None:
    policy = policy_with(
        journey__learning__established_runs=2, journey__roi__credited_revenue_share=0.5, journey__roi__window_days=30
    )
    assert LAST.date() > DAY, "the last instant of the window"
    found = entered(policy, [])
    assert found >= {
        "signal_detection_precision",
        "nps_delta_average",
        "experience_consistency_score",
        "human_review_time assumption",
        "retained_revenue randomised",
        "retained_revenue matched",
        "retained_revenue assumption",
    }


def test_no_intervention_enters_a_precision_of_labels() -> None:
    found = entered(POLICY, [labelled(1, "S1", is_problem=True)])
    assert "signal_detection_precision" not in found
    assert "experience_consistency_score" not in found, "no channel is established"
