"""The sample of the lifecycle: rates of automation and KPIs with their arithmetic."""

import pytest

from cjo_assets_tests.support.chain import Chain
from cjo_assets_tests.support.rows import Row


def test_rates_of_automation(lifecycle_sample: Chain) -> None:
    """Tasks from 2024-12-24 on; the demos of D-099 have two customers and are quarantined."""
    rows = lifecycle_sample.rows("FROM lifecycle.automation_rates")
    found: dict[tuple[str, str], Row] = {(row["phase"], row["task"]): row for row in rows}
    counts = {key: (row["automated"], row["tasks"]) for key, row in found.items() if row["tasks"]}
    assert counts == {
        # The research of C011 and C012, their forms, of which the AI sent one, and the demo of C011.
        ("sales", "research_completed"): (2, 2),
        ("sales", "requirements_sent"): (1, 2),
        ("sales", "demo_delivered"): (0, 1),
        ("sales", "all"): (3, 5),
        # Versions of C004 and C011; the handoffs of C006 and, with two legs, of C001.
        ("onboarding", "config_deployed"): (2, 2),
        ("onboarding", "handoff_requested"): (0, 3),
        ("onboarding", "all"): (2, 5),
        # F13: T-09, T-10 and T-14 of eight.
        ("support", "resolved_ticket"): (3, 8),
        ("support", "all"): (3, 8),
        ("success", "message_sent"): (1, 1),
        ("success", "qbr_held"): (0, 1),
        ("success", "all"): (1, 2),
        # P-01 requested and approved the change of C004.
        ("self_service", "config_change_requested"): (1, 1),
        ("self_service", "config_change_approved"): (1, 1),
        ("self_service", "all"): (2, 2),
    }
    assert (found["support", "all"]["rate"], found["support", "all"]["target"]) == (0.375, 0.9)
    assert found["success", "practice_applied"]["rate"] is None


def test_values_of_kpis(lifecycle_sample: Chain) -> None:
    found = lifecycle_sample.by("kpi", "lifecycle.kpis")
    counts = {name: (row["numerator"], row["denominator"]) for name, row in found.items() if row["basis"] == "measured"}
    assert {name: pair for name, pair in counts.items() if not name.endswith("_automation")} == {
        # 36 minutes of C004 and 60 of C008; 20 days of both, 19 of C007, 7 of C011.
        "downtime": (96, 66 * 1440),
        "chat_in_time": (66, 66),
        "voice_in_time": (1, 2),
        # F13.
        "ticket_autonomy": (3, 8),
        "first_contact": (67, 68),
        # One conversation changed its version midway.
        "pinned_conversations": (60, 61),
        # CH-1; versions of C001 and C007 of October and November.
        "config_self_service": (1, 1),
        "config_success": (2, 2),
        # F27.
        "model_saving": (0.035, 0.0708),
        # F2.
        "nrr": (41_416.68, 42_716.68),
        "grr": (41_416.68, 42_716.68),
    }
    assert (found["model_saving"]["value"], found["nrr"]["value"]) == (0.49435, 0.969567)
    # C001, whose model costs alone are known: 0.0358, and three tickets of 12 minutes at 50 an hour, for 23
    # conversations, of which 22 are of January, and three tickets.
    assert found["cost_per_interaction"]["value"] == pytest.approx((0.0358 + 3 * 10) / 26, abs=1e-6)
    # F26: the experiment collects; no baseline of the policy is known but that of costs.
    missing = {name for name, row in found.items() if row["is_testable"] and row["status"] == "not_measurable"}
    assert missing == {
        "conversion_gain",
        "engagement_gain",
        "deploy_time_reduction",
        "churn_reduction",
        "clients_per_agent_gain",
    }


def test_status_of_families(lifecycle_sample: Chain) -> None:
    """Tickets that the AI solved miss their target in two families; of business value one of seven is measured."""
    found = lifecycle_sample.by("family", "lifecycle.kpi_status")
    assert {name: (row["status"], row["worst_kpi"], row["measured"], row["kpis"]) for name, row in found.items()} == {
        "service": ("critical", "ticket_autonomy", 5, 5),
        "automation": ("critical", "support_automation", 7, 8),
        "business_value": ("not_measurable", "model_saving", 1, 7),
    }


def test_quarters_of_clients(lifecycle_sample: Chain) -> None:
    """C004: 15 conversations in 20 days of January, 44 in 92 days before; C005 is live since July 2024."""
    rows = lifecycle_sample.rows("FROM lifecycle.quarterly_review")
    found: dict[tuple[str, str], Row] = {(row["customer_id"], row["metric"]): row for row in rows}
    row = found["C004", "conversations_per_day"]
    assert (row["value"], row["before"], row["n"], row["n_before"]) == (0.75, pytest.approx(44 / 92, abs=1e-6), 15, 44)
    # 14 of 15, and 43 of 44; the first whole quarter after July 2023 has no record.
    row = found["C004", "resolution_rate"]
    assert (row["value"], row["before"]) == (pytest.approx(14 / 15, abs=1e-6), pytest.approx(43 / 44, abs=1e-6))
    assert (str(row["baseline_quarter"]), row["baseline"], row["n_baseline"]) == ("2023-10-01", None, 0)
    row = found["C005", "conversations_per_day"]
    assert (str(row["baseline_quarter"]), row["baseline"]) == ("2024-10-01", row["before"])
    # Its model costs alone are known: 0.0358, and three tickets of 12 minutes at 50 an hour.
    row = found["C001", "cost_per_interaction"]
    assert (row["value"], row["before"], row["grade"]) == (pytest.approx(30.0358 / 25, abs=1e-6), None, "assumption")
    assert found["C004", "cost_per_interaction"]["n"] == 0
