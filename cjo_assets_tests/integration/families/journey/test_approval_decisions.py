"""Tests of answers to decisions of the day that is computed, in its first and its second run."""

from pathlib import Path
from typing import Any

from cjo_assets_tests.support.chain import Chain, write_rows
from cjo_assets_tests.support.probe import computed_until
from cjo_assets_tests.support.rows import DAY, policy_with

# No confidence reaches this limit, so every decision needs approval.
RULES = policy_with(journey__approval__low_confidence=1.0)
TABLES = ("approval_requests", "approval_history")
ORPHAN = "I-ffffffffffff"


def computed_on(data: Path, archive: Path, times: int = 1) -> dict[str, list[dict[str, Any]]]:
    """Return requests and history after so many runs of D."""
    store, _ = computed_until(data, archive, [DAY] * times, RULES, TABLES)
    return {name: Chain(store).rows(f"FROM journey.{name} ORDER BY ALL") for name in TABLES}


def test_an_answer_of_the_day_counts_in_the_first_run_of_the_day(sample_copy: Path, tmp_path: Path) -> None:
    before = computed_on(sample_copy, tmp_path / "archive")["approval_requests"]
    ours = [row["intervention_id"] for row in before if row["status"] == "pending"]
    assert ours
    answer = {"decision": "approved", "decided_at": f"{DAY}T15:00:00Z", "decided_by": "ann", "reason": None}
    answers = [answer | {"intervention_id": name} for name in (ours[0], ORPHAN)]
    write_rows(sample_copy / "journey", "approval_decisions", answers)
    first = computed_on(sample_copy, tmp_path / "archive")
    assert {row["intervention_id"]: row["status"] for row in first["approval_requests"]}[ours[0]] == "approved"
    # The other is of no known decision: it is stored with the reason why it had no effect.
    why = {row["intervention_id"]: row["why_ineffective"] for row in first["approval_history"]}
    assert why == {ours[0]: None, ORPHAN: "nobody was asked"}
    assert computed_on(sample_copy, tmp_path / "archive", times=2) == first
