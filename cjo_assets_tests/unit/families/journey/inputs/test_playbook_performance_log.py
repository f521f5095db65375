"""Tests of the log of an earlier system: its valid rows, and ratios that leave out the success rate."""

from cjo_assets.families.journey.inputs.playbook_performance_log import (
    PlaybookPerformanceLog,
    logged_runs,
    ratios_without_success,
    relations,
)
from cjo_assets.families.journey.inputs.playbooks import Playbooks
from cjo_assets_tests.support.rows import DAY, POLICY, as_of, day, rows_of, table_of


def test_a_row_is_about_a_playbook_and_a_segment_we_know() -> None:
    rows = table_of(
        PlaybookPerformanceLog,
        [
            {"playbook_id": "P", "segment": "All"},
            {"playbook_id": "P", "segment": "SMB"},
            {"playbook_id": "P", "segment": "Moon"},
            {"playbook_id": "Q", "segment": "SMB"},
        ],
    )
    broken = relations(rows, table_of(Playbooks, [{"playbook_id": "P"}]), POLICY)
    found = rows_of(rows.mutate(**broken))
    assert [[rule for rule in broken if row[rule]] for row in found] == [
        [],
        [],
        ["segment: not in the policy's segments"],
        ["playbook_id: unknown playbook"],
    ]


def test_trap_24_a_ratio_that_ignores_the_success_rate_is_found() -> None:
    """Trap 24: at 40 % success a value of 1,000 for a cost of 100 is a ratio of 4, not of 10."""
    shared = {"segment": "All", "success_rate": 0.4, "avg_value": 1000.0, "avg_cost": 100.0}
    ratios = {"right": 4.0, "rounded": 4.04, "wrong": 10.0, "unsaid": None}
    rows = [shared | {"playbook_id": name, "roi_ratio": ratio} for name, ratio in ratios.items()]
    rows.append(shared | {"playbook_id": "free", "avg_cost": 0.0, "roi_ratio": 10.0})
    found = rows_of(ratios_without_success(table_of(PlaybookPerformanceLog, rows)))
    assert found == [{"playbook_id": "wrong", "segment": "All", "roi_ratio": 10.0, "expected_ratio": 4.0}]


def test_what_was_not_known_by_the_day_counts_nothing() -> None:
    log = table_of(
        PlaybookPerformanceLog,
        [{"playbook_id": "P", "segment": "SMB", "runs": 5, "last_updated": DAY}, {"last_updated": day(1)}],
    )
    assert [row["log_runs"] for row in rows_of(logged_runs(log, as_of(), is_used=True))] == [5]
    assert rows_of(logged_runs(log, as_of(), is_used=False)) == []
