"""The sample of the lifecycle: health, stages, messages, opportunities and derived signals."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from cjo_assets_tests.support.chain import Chain

HEALTH = {
    # F14: outcomes 100 (18/20, 19/20), engagement 67.778 (20/25, 14/28, 3), support 94.444 (2/10, 0/2), 4.1, paid.
    "C004": (87.833333, "green", 1.0),
    # F15: 10; 20.556 (12/24, 7/28, 1); 11.111 (4/5, 2/4); 2.6; 15 days overdue.
    "C005": (16.111111, "red", 1.0),
    # F16: no conversation, no answer: (.25 x 12.976 + .20 x 50 + .10 x 100) / .55.
    "C010": (42.261905, "red", 0.55),
    # F17: 3/4, 4/4; 5/28, 2; no ticket of 3 users.
    "C011": (70.793651, "yellow", 0.75),
}


def test_health(lifecycle_sample: Chain) -> None:
    scores = lifecycle_sample.by("customer_id", "lifecycle.health_scores")
    found = {name: (scores[name]["score"], scores[name]["band"], scores[name]["coverage"]) for name in HEALTH}
    assert found == HEALTH
    # Everyone who pays, and the trial.
    assert set(scores) == {f"C{number:03}" for number in range(1, 12)}
    assert (scores["C005"]["has_fallen"], scores["C004"]["not_measurable"]) == (True, [])


def test_contributions_explain_the_scores(lifecycle_sample: Chain) -> None:
    parts = {
        (row["customer_id"], row["measure"]): row
        for row in lifecycle_sample.rows("FROM lifecycle.health_contributions")
    }
    assert len(parts) == 11 * 9
    ratios = {key: (parts[key]["numerator"], parts[key]["denominator"]) for key in parts}
    assert ratios["C004", "resolution_rate"] == (18.0, 20.0)
    assert ratios["C004", "volume_trend"] == (20.0, 25.0)
    assert ratios["C005", "tickets_per_user"] == (4.0, 5.0)
    assert ratios["C005", "complex_ticket_share"] == (2.0, 4.0)
    assert parts["C005", "days_overdue"]["points"] == 50.0
    assert parts["C010", "csat"]["points"] is None
    sums = lifecycle_sample.rows(
        "SELECT customer_id, abs(sum(contribution) - any_value(score)) AS gap "
        "FROM lifecycle.health_contributions JOIN lifecycle.health_scores USING (customer_id) GROUP BY ALL"
    )
    assert max(row["gap"] for row in sums if row["gap"] is not None) < 1e-6


def test_stages(lifecycle_sample: Chain) -> None:
    """F15, F17 and F18."""
    stages = lifecycle_sample.by("customer_id", "lifecycle.lifecycle_stages")
    assert (stages["C005"]["stage"], stages["C005"]["reasons"]) == ("at_risk", ["declining_engagement", "red_health"])
    assert (stages["C010"]["stage"], stages["C010"]["reasons"]) == ("at_risk", ["red_health"])
    assert (stages["C011"]["stage"], stages["C011"]["trial_day"]) == ("trial", 7)
    assert (stages["C007"]["stage"], stages["C007"]["days_to_renewal"]) == ("renewal", 12)
    assert (stages["C008"]["stage"], stages["C008"]["days_to_renewal"]) == ("active", 57)
    assert (stages["C012"]["stage"], stages["C013"]["stage"]) == ("lead", "churned")
    assert (stages["C011"]["cohort"], stages["C007"]["matched_cohorts"]) == ("new_trial", ["renewal"])


def test_messages(lifecycle_sample: Chain) -> None:
    """F17: seven days after the start of the trial."""
    found = {
        (row["customer_id"], row["message"]): row for row in lifecycle_sample.rows("FROM lifecycle.lifecycle_messages")
    }
    assert (found["C011", "success"]["state"], found["C011", "success"]["due_on"]) == ("due", date(2025, 1, 20))
    assert (found["C011", "welcome"]["state"], found["C011", "upgrade"]["state"]) == ("sent", "upcoming")
    # F11: the urgent ticket T-07 is breached and open.
    assert found["C008", "roi"]["held_by"] == ["urgent_ticket_breached"]
    assert found["C001", "roi"]["held_by"] == [], "T-03 was resolved"


def test_opportunities(lifecycle_sample: Chain) -> None:
    """F20: (3,500 - 1,000) x 12."""
    found = {(row["customer_id"], row["kind"]): row for row in lifecycle_sample.rows("FROM lifecycle.opportunities")}
    assert {key: row["state"] for key, row in found.items()} == {
        ("C001", "premium_tier"): "open",
        ("C007", "voice_addon"): "won",
        ("C010", "custom_integration"): "invited",
    }
    tier, integration = found["C001", "premium_tier"], found["C010", "custom_integration"]
    assert (tier["value"], tier["offer"], tier["blocked_by"]) == (30_000.0, ["growth"], [])
    assert (integration["evidence"], integration["offer"]) == (["T-08"], ["salesforce"])
    assert (integration["value"], integration["blocked_by"]) == (4000.0, ["at_risk"])
    assert found["C007", "voice_addon"]["revenue"] == 17_000.0


def test_too_few_customers_left_for_a_backtest(lifecycle_sample: Chain) -> None:
    rows = lifecycle_sample.rows("FROM lifecycle.health_backtest")
    assert {row["state"] for row in rows} == {"not_measurable"}
    sixty = [row for row in rows if row["horizon_days"] == 60]
    # C013 left since 21 November; C009 paid nothing then.
    assert (sum(row["customers"] for row in sixty), sum(row["churned"] for row in sixty)) == (10, 1)
    assert sum(row["mrr_lost"] for row in sixty) == 700.0


def signals_of(chain: Chain) -> list[tuple[Any, ...]]:
    """Return the derived signals with their evidence."""
    rows = chain.rows("SELECT * EXCLUDE (as_of, source) FROM lifecycle.journey_signals ORDER BY ALL")
    return [tuple(str(value) if isinstance(value, list) else value for value in row.values()) for row in rows]


def test_derived_signals(lifecycle_sample: Chain) -> None:
    """F28: three confirm S001, S006 and S011; three of C005 are new."""
    rows = lifecycle_sample.rows("FROM lifecycle.journey_signals ORDER BY customer_id, detected_at")
    assert [
        (row["customer_id"], row["signal_type"], row["signal_strength"], row["detected_at"].isoformat()) for row in rows
    ] == [
        ("C001", "support_ticket_spike", 0.5, "2025-01-14"),
        # 14 logins after 20.
        ("C005", "usage_drop", 0.3, "2024-12-25"),
        ("C005", "repeat_support_tickets", 0.5, "2025-01-09"),
        # A mean of 2.667: (5 - 8/3) / 4.
        ("C005", "support_satisfaction_low", 0.583333, "2025-01-13"),
        ("C006", "failed_onboarding_step", 0.6, "2025-01-15"),
        ("C010", "inactivity_warning", 0.5, "2025-01-11"),
    ]
    assert rows[2]["evidence"] == ["tickets:T-05", "tickets:T-06"]
    assert rows[4]["evidence"] == ["lifecycle_events:E-0114"]


@pytest.mark.parametrize("day", [date(2025, 1, 13), date(2025, 1, 9), date(2024, 12, 24)])
def test_signals_of_an_earlier_day_are_those_of_a_later_one_up_to_it(
    lifecycle_of: Callable[..., Chain], lifecycle_sample: Chain, day: date
) -> None:
    later = [row for row in signals_of(lifecycle_sample) if row[4] <= day]
    assert signals_of(lifecycle_of(day=day)) == later


def test_stages_in_a_crm(lifecycle_sample: Chain) -> None:
    found = lifecycle_sample.by("customer_id", "lifecycle.crm_drift")
    states = {name: (row["stage"], row["crm_stage"], row["resolution"]) for name, row in found.items()}
    # C013 left. The 20th is the first published day, so that its stage may be older than the sighting of the 19th.
    assert states == {
        "C004": ("active", "customer", "none"),
        "C007": ("renewal", None, "none"),
        "C013": ("churned", "customer", "manual"),
    }
    # Two synchronizations failed.
    assert (found["C007"]["failures_in_row"], found["C007"]["retries_left"]) == (2, 3)
    # One organization applied a practice; five are required.
    assert lifecycle_sample.rows("FROM lifecycle.village_patterns") == []
