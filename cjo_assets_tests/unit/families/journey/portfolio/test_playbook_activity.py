"""Tests of the weekly use of playbooks, which adds up to the ledger."""

from datetime import date, datetime

from cjo_assets.families.journey.inputs.playbooks import Playbooks
from cjo_assets.families.journey.outcome.outcome_analyses import OutcomeAnalyses
from cjo_assets.families.journey.portfolio.playbook_activity import (
    PlaybookActivity,
    playbook_activity,
    weeks_that_do_not_sum,
)
from cjo_assets_tests.support.rows import LONG_AGO, POLICY, Row, Rows, as_of, by, kept, rows_of, table_of

PLAYBOOKS = [
    {"playbook_id": "P1", "journey_stage": "support", "eligible_segments": ["SMB"], "default_actions": ["call"]},
    # Made after the day: no later file may change the activity of a day.
    {"playbook_id": "P9", "journey_stage": "retention", "eligible_segments": ["All"], "default_actions": ["letter"]}
    | {"created_at": date(2025, 2, 1)},
]
SUPPORT = {"segment": "SMB", "journey_stage": "support", "playbook_id": "P1", "recommended_action": "call"}
DONE = {"is_executed": True, "executed_at": datetime(2025, 1, 20), "expected_cost": 100.1}
ASKED = {"requires_human_approval": True, "approval_status": "approved"}


def used(number: int, day: date, **more: object) -> Row:
    """Return an intervention of the ledger."""
    return {"intervention_id": f"I{number}", "generated_at": day} | SUPPORT | more


LEDGER: Rows = [
    # Monday and Sunday of one ISO week, which belongs to 2025 though it begins in 2024.
    used(1, date(2024, 12, 30), **DONE, **ASKED, outcome="resolved"),
    used(2, date(2025, 1, 5), **DONE, outcome="no_response"),
    # The success stated by the source goes before the outcome's name.
    used(3, date(2025, 1, 4), **DONE, outcome="no_response", playbook_success=True),
    used(4, date(2025, 1, 4), **DONE | {"expected_cost": None}),
    # The next week: waiting, held out, used where it should not be.
    used(5, date(2025, 1, 6), **ASKED | {"approval_status": "pending"}, expected_cost=70.0),
    used(6, date(2025, 1, 7), is_held_out=True, outcome="resolved"),
    used(7, date(2025, 1, 8), **DONE, journey_stage="retention"),
    used(8, date(2025, 1, 8), **DONE, segment="Enterprise"),
    used(9, date(2025, 1, 8), playbook_id=None, recommended_action="monitor_only"),
    used(10, date(2025, 1, 8), playbook_id=None, recommended_action="letter"),
]


def activity() -> Rows:
    """Return the activity of the ledger."""
    playbooks = table_of(Playbooks, PLAYBOOKS, created_at=LONG_AGO)
    table = playbook_activity(table_of(OutcomeAnalyses, LEDGER), playbooks, as_of(), POLICY)
    return kept(PlaybookActivity, table)


def test_interventions_are_counted_in_the_week_they_were_decided() -> None:
    rows = by(("playbook_id", "segment", "week"), activity())
    counted = ("generated", "held_out", "watched", "asked", "approved", "executed", "measured", "succeeded")
    counted += ("executed_without_cost", "outside_eligibility")
    assert {key: tuple(row[name] for name in counted) for key, row in rows.items()} == {
        ("P1", "SMB", "2025-W01"): (4, 0, 0, 1, 1, 4, 3, 2, 1, 0),
        ("P1", "SMB", "2025-W02"): (3, 1, 0, 1, 0, 1, 0, 0, 0, 1),
        ("P1", "Enterprise", "2025-W02"): (1, 0, 0, 0, 0, 1, 0, 0, 0, 1),
        (None, "SMB", "2025-W02"): (2, 0, 1, 0, 0, 0, 0, 0, 0, 0),
    }
    first = rows["P1", "SMB", "2025-W01"]
    assert (first["week_start"], first["cost"]) == (date(2024, 12, 30), 300.3)
    assert rows["P1", "SMB", "2025-W02"]["cost"] == 100.1, "what waits for approval has cost nothing"


def test_trap_28_ineligible_use_of_a_playbook_is_counted() -> None:
    """Trap 28: in a stage (I7) and for a segment (I8) that P1 is not made for."""
    assert sum(row["outside_eligibility"] for row in activity()) == 2


def test_weeks_that_do_not_add_up_are_found() -> None:
    good, ledger = activity(), table_of(OutcomeAnalyses, LEDGER)

    def offenders(rows: Rows) -> list[str]:
        return sorted(row["week"] for row in rows_of(weeks_that_do_not_sum(table_of(PlaybookActivity, rows), ledger)))

    assert offenders(good) == []
    assert offenders(good[1:]) == ["all"]
    assert offenders([good[0] | {"succeeded": good[0]["measured"] + 1}, *good[1:]]) == [good[0]["week"]]
    assert offenders([good[0] | {"approved": good[0]["asked"] + 1}, *good[1:]]) == [good[0]["week"]]
