"""The ten customers of the seed on two days, figured by hand and found again in the tables.

Belongs here: figures a person can check with pencil and paper from `data/journey/`. Does not belong here: single rules;
they are tested beside their tables.

Severity is strength x trust x (0.5 + 0.5 x weight / 0.30). Overall risk is
0.35 x signals + 0.25 x time + 0.20 x value / 200,000 + 0.20 x negatives / 5,
where time is days / (2 x typical duration), at most 1, and counts 0.3 in retention.
"""

from collections.abc import Callable
from datetime import date

import pytest

from cjo_assets_tests.conftest import Chain

SIXTEENTH, TWENTIETH = date(2025, 1, 16), date(2025, 1, 20)
DAYS = [SIXTEENTH, TWENTIETH]

# S001 0.82 support_ticket_spike (0.25), S002 0.67 negative_sentiment (0.30).
C001_SIGNALS = 1 - (1 - 0.82 * (0.5 + 0.5 * 0.25 / 0.30)) * (1 - 0.67)
# S003 0.45 low_product_usage (0.10).
C002_SIGNALS = 0.45 * (0.5 + 0.5 * 0.10 / 0.30)
# S004 0.60 usage_drop (0.20), relieved by S010 0.55 usage_recovery (0.10).
C004_SIGNALS = 0.60 * (0.5 + 0.5 * 0.20 / 0.30) * (1 - 0.5 * 0.55 * (0.5 + 0.5 * 0.10 / 0.30))
# S005 0.75 repeat_support_tickets (0.15), S012 0.65 support_satisfaction_low (0.10), both manual: trust 0.8.
C005_SIGNALS = 1 - (1 - 0.75 * 0.8 * (0.5 + 0.5 * 0.15 / 0.30)) * (1 - 0.65 * 0.8 * (0.5 + 0.5 * 0.10 / 0.30))
# S006 0.88 failed_onboarding_step (0.10), relieved by S007 0.40 positive_sentiment (0.10).
C006_SIGNALS = 0.88 * (2 / 3) * (1 - 0.5 * 0.40 * (2 / 3))
# S011 0.50 inactivity_warning (0.10).
C010_SIGNALS = 0.50 * (2 / 3)

SIGNALS = {
    "C001": C001_SIGNALS,
    "C002": C002_SIGNALS,
    "C003": 0.0,
    "C004": C004_SIGNALS,
    "C005": C005_SIGNALS,
    "C006": C006_SIGNALS,
    "C007": 0.0,
    "C008": 0.0,
    "C009": 0.0,
    "C010": C010_SIGNALS,
}
# Days in the stage on either day, and the time factor they make.
STATES = {
    SIXTEENTH: {
        "C001": ("onboarding", 15, 15 / 28),
        "C002": ("onboarding", 11, 11 / 28),
        "C003": ("engagement", 46, 46 / 60),
        "C004": ("engagement", 96, 1.0),
        "C005": ("support", 8, 8 / 14),
        "C006": ("onboarding", 13, 13 / 28),
        "C007": ("retention", 168, 0.3 * 168 / 180),
        "C008": ("support", 6, 6 / 14),
        "C009": ("engagement", 7, 7 / 60),
        "C010": ("engagement", 62, 1.0),
    },
    TWENTIETH: {
        "C001": ("onboarding", 19, 19 / 28),
        "C002": ("onboarding", 15, 15 / 28),
        "C003": ("engagement", 50, 50 / 60),
        "C004": ("engagement", 100, 1.0),
        "C005": ("support", 12, 12 / 14),
        "C006": ("onboarding", 17, 17 / 28),
        "C007": ("retention", 172, 0.3 * 172 / 180),
        "C008": ("support", 10, 10 / 14),
        "C009": ("engagement", 11, 11 / 60),
        "C010": ("engagement", 66, 1.0),
    },
}
ACCOUNT_VALUES = {
    "C001": 12000,
    "C002": 8000,
    "C003": 5000,
    "C004": 42000,
    "C005": 38000,
    "C006": 46000,
    "C007": 125000,
    "C008": 98000,
    "C009": 110000,
    "C010": 15000,
}
NEGATIVES = dict.fromkeys(ACCOUNT_VALUES, 0) | {"C001": 2, "C002": 1, "C004": 1, "C005": 2, "C006": 1, "C010": 1}

EARLY, SEVERAL = "early_tenure_friction", "multiple_negative_signals"
LONG = {name: f"exceeded_typical_{name}_duration" for name in ("onboarding", "engagement", "support", "retention")}
HEALTH = {
    SIXTEENTH: {
        "C001": ("at_risk", [EARLY, LONG["onboarding"], SEVERAL]),  # 15 > 14, not > 21
        "C002": ("at_risk", [EARLY]),
        "C003": ("critical", [LONG["engagement"]]),  # 46 > 45 = 1.5 x 30
        "C004": ("critical", [LONG["engagement"]]),
        "C005": ("critical", [LONG["support"], SEVERAL]),  # 8 > 7.5 = 1.5 x 5
        "C006": ("healthy", []),
        "C007": ("at_risk", [LONG["retention"]]),  # 168 > 135 = 1.5 x 90, and retention is never critical
        "C008": ("at_risk", [LONG["support"]]),  # 6 > 5, not > 7.5
        "C009": ("at_risk", [EARLY]),  # one month, and support -> engagement is invalid
        "C010": ("critical", [LONG["engagement"]]),
    },
    TWENTIETH: {
        "C001": ("at_risk", [EARLY, LONG["onboarding"], SEVERAL]),  # 19 > 14, not > 21
        "C002": ("at_risk", [EARLY, LONG["onboarding"]]),  # 15 > 14
        "C003": ("critical", [LONG["engagement"]]),
        "C004": ("critical", [LONG["engagement"]]),
        "C005": ("critical", [LONG["support"], SEVERAL]),
        "C006": ("at_risk", [LONG["onboarding"]]),  # 17 > 14
        "C007": ("at_risk", [LONG["retention"]]),
        "C008": ("critical", [LONG["support"]]),  # 10 > 7.5
        "C009": ("at_risk", [EARLY]),
        "C010": ("critical", [LONG["engagement"]]),
    },
}
MEDIUM = {SIXTEENTH: {"C001", "C004", "C005", "C010"}, TWENTIETH: {"C001", "C004", "C005", "C006", "C010"}}
DECISIONS = {
    SIXTEENTH: {
        "C001": ("proactive_outreach", ["S001", "S002"]),
        # Decision risk 0.6 x 0.251214 + 0.4 x 0.359286 = 0.294443, so confidence 0.494443: not enough to act on.
        "C002": ("monitor_only", ["S003"]),
        "C004": ("usage_review_checkin", ["S004"]),
        "C005": ("support_manager_followup", ["S005", "S012"]),
        # Decision risk 0.6 x 0.380027 + 0.4 x 0.430651 = 0.400277, just enough for the rescue at 0.40.
        "C006": ("proactive_outreach", ["S006"]),
        "C010": ("reengagement_campaign", ["S011"]),
    },
    TWENTIETH: {
        "C001": ("proactive_outreach", ["S001", "S002"]),
        "C002": ("onboarding_nudge_email", ["S003"]),
        "C004": ("usage_review_checkin", ["S004"]),
        "C005": ("support_manager_followup", ["S005", "S012"]),
        "C006": ("onboarding_specialist_call", ["S006"]),
        "C010": ("reengagement_campaign", ["S011"]),
    },
}
Day = Callable[[date], Chain]


def overall_risk(customer: str, day: date) -> float:
    """Return the overall risk by the formula in the charter."""
    _, _, time = STATES[day][customer]
    value, count = ACCOUNT_VALUES[customer] / 200_000, NEGATIVES[customer] / 5
    return 0.35 * SIGNALS[customer] + 0.25 * time + 0.20 * value + 0.20 * count


def churn_risk(customer: str, day: date) -> float:
    """Return 0.5 x signals + 0.3 x friction + 0.2 x time, friction = 0.6 x time + 0.4 x reasons / 2, at most 1."""
    _, _, time = STATES[day][customer]
    reasons = min(1, len(HEALTH[day][customer][1]) / 2)
    return 0.5 * SIGNALS[customer] + 0.3 * (0.6 * time + 0.4 * reasons) + 0.2 * time


@pytest.mark.parametrize("day", DAYS)
def test_states_and_health(sample_day: Day, day: date) -> None:
    states = sample_day(day).by("customer_id", "journey.journey_states")
    evaluations = sample_day(day).by("customer_id", "journey.journey_evaluations")
    for customer, (stage, days, _) in STATES[day].items():
        assert (states[customer]["journey_stage"], states[customer]["days_in_state"]) == (stage, days), customer
        found = evaluations[customer]
        assert (found["stage_health"], found["friction_reasons"]) == HEALTH[day][customer], customer
        assert found["friction_detected"] == bool(HEALTH[day][customer][1])
    assert {name: row["transition"] for name, row in states.items()} == {
        "C001": "initial",
        "C002": "initial",
        "C003": "valid",
        "C004": "valid",
        "C005": "valid",
        "C006": "initial",
        "C007": "valid",
        "C008": "re_entry",
        "C009": "invalid",
        "C010": "valid",
    }


@pytest.mark.parametrize("day", DAYS)
def test_risk(sample_day: Day, day: date) -> None:
    signals = sample_day(day).by("customer_id", "journey.aggregated_signals")
    scores = sample_day(day).by("customer_id", "journey.risk_scores")
    for customer in STATES[day]:
        assert signals[customer]["aggregated_risk_score"] == pytest.approx(SIGNALS[customer], abs=1e-6), customer
        assert signals[customer]["negative_signals"] == NEGATIVES[customer]
        overall, churn = overall_risk(customer, day), churn_risk(customer, day)
        assert scores[customer]["overall_risk_score"] == pytest.approx(overall, abs=1e-6), customer
        assert scores[customer]["churn_risk_score"] == pytest.approx(churn, abs=1e-6), customer
        assert scores[customer]["decision_risk"] == pytest.approx(0.6 * overall + 0.4 * churn, abs=1e-6), customer
    assert {name for name, row in scores.items() if row["risk_tier"] == "medium"} == MEDIUM[day]
    assert not [name for name, row in scores.items() if row["risk_tier"] == "high"]
    # Critical health makes a customer above tier low urgent, and one in tier low worth a look.
    urgency = {name: row["urgency"] for name, row in scores.items()}
    for customer, (health, _) in HEALTH[day].items():
        if health == "critical":
            assert urgency[customer] == ("high" if customer in MEDIUM[day] else "medium"), customer


def test_c001_to_the_digit(sample_day: Day) -> None:
    score = sample_day(TWENTIETH).by("customer_id", "journey.risk_scores")["C001"]
    assert score["overall_risk_score"] == 0.58296  # 0.3213175 + 0.1696429 + 0.012 + 0.08
    assert score["friction_score"] == 0.807143  # 0.6 x 19/28 + 0.4
    assert score["churn_risk_score"] == 0.836882  # 0.459025 + 0.2421429 + 0.1357143
    assert score["decision_risk"] == 0.684529  # 0.6 x 0.5829604 + 0.4 x 0.8368821
    decision = sample_day(TWENTIETH).by("customer_id", "journey.recommended_interventions")["C001"]
    assert decision["confidence"] == 0.884529  # decision risk + 0.2; no conflict, full trust, complete
    assert decision["priority_score"] == 37.3776  # 100 x (0.6 x 0.58296 + 0.4 x 0.06), urgency medium


@pytest.mark.parametrize("day", DAYS)
def test_decisions(sample_day: Day, day: date) -> None:
    found = sample_day(day).by("customer_id", "journey.recommended_interventions")
    assert {name: (row["recommended_action"], row["triggered_by_signals"]) for name, row in found.items()} == DECISIONS[
        day
    ]
    gaps = sample_day(day).by("customer_id", "journey.coverage_gaps")
    if day == TWENTIETH:
        assert {name: row["reason"] for name, row in gaps.items()} == {
            "C003": "no_trigger_signal",  # critical, but no signal speaks for the campaign
            "C008": "risk_below_threshold",  # critical, decision risk 0.2985 under 0.30
        }
        assert found["C004"]["approval_reasons"] == ["high_urgency", "high_value_customer"]
        assert found["C006"]["approval_reasons"] == ["high_value_customer", "playbook_requires_approval"]
        assert found["C006"]["open_intervention_id"] is None  # I005 lapsed on 2025-01-19
        assert found["C002"]["open_intervention_id"] is None  # I002 was measured on 2025-01-20
    else:
        assert {name: row["reason"] for name, row in gaps.items()} == {"C003": "no_trigger_signal"}
        assert found["C001"]["open_intervention_id"] == "I001"  # approved, not yet measured
        assert found["C002"]["withheld_playbook_id"] == "PB_ONB_002"
        assert found["C006"]["open_intervention_id"] == "I005"  # asked today
        # 0.600277 x (1 - 0.5 x 0.3125): good and bad news of one customer.
        assert found["C006"]["confidence"] == pytest.approx(0.600277 * (1 - 0.5 * 0.3125), abs=1e-6)


def test_approvals_on_either_day(sample_day: Day) -> None:
    first = {
        name: row["status"]
        for name, row in sample_day(SIXTEENTH).by("intervention_id", "journey.approval_requests").items()
    }
    assert {name: first[name] for name in ("I001", "I004", "I005")} == {
        "I001": "approved",
        "I004": "approved",
        "I005": "pending",
    }
    last = sample_day(TWENTIETH).by("intervention_id", "journey.approval_requests")
    assert last["I005"]["status"] == "expired"  # asked at the end of the 16th, two days
    assert sum(row["status"] == "pending" for row in last.values()) == 4  # C004, C005, C006, C010


def test_money_on_the_twentieth(sample_day: Day) -> None:
    parts = sample_day(TWENTIETH).by("component", "journey.roi_breakdown")
    # Executed: I001, I002, I003, I004, I006, I007, and today's C001 and C002, which need nobody.
    assert parts["playbook_cost"]["amount"] == 120 + 5 + 150 + 180 + 200 + 40 + 120 + 5
    assert parts["human_review_time"]["amount"] == 2 * 0.5 * 50  # I001 and I004
    assert parts["infrastructure"]["amount"] == 500
    assert parts["api_calls"]["amount"] == 0.01  # 8 x 0.001, to the cent
    assert parts["retained_revenue"]["amount"] == 2000 + 0 + 500 + 1500 + 0 + 800
    total = sample_day(TWENTIETH).rows("FROM journey.roi_estimate")[0]
    assert (total["total_value"], total["total_cost"], total["net_benefit"]) == (4800, 1370.01, 3429.99)
    assert total["evidence_grade"] == "assumption"


def test_kpis_on_the_twentieth(sample_day: Day) -> None:
    kpis = sample_day(TWENTIETH).by("kpi", "journey.kpis")
    assert kpis["average_latency_ms"]["value"] == (240 + 180 + 210 + 320 + 290 + 150 + 200 + 120) / 8
    assert kpis["human_override_rate"]["value"] == pytest.approx(1 / 6, abs=1e-6)
    assert kpis["average_resolution_time_days"]["value"] == (3 + 7 + 2 + 5) / 4
    assert kpis["csat_delta_average"]["value"] == pytest.approx((1 + 0 + 0 + 2 + 0 + 1) / 6, abs=1e-6)
    assert kpis["data_completeness_rate"]["value"] == pytest.approx(58 / 59, abs=1e-6)  # all but S009
    assert kpis["human_escalation_frequency"]["value"] == 7 / 14  # I001, I004, I005 and four of today's six
    assert kpis["retention_revenue_preserved"]["value"] == 4800
    assert sum(row["basis"] == "measured" for row in kpis.values()) == 8
    summary = sample_day(TWENTIETH).rows("FROM journey.journey_summary")[0]
    assert summary["total_revenue_preserved"] == 4800
    assert (summary["total_customers_analyzed"], summary["customers_at_risk"]) == (10, 5)
    assert (summary["total_interventions"], summary["interventions_executed"]) == (14, 8)
    assert (summary["interventions_pending"], summary["interventions_expired"]) == (4, 1)


def test_outcomes_are_those_known_by_the_day(sample_day: Day) -> None:
    early = sample_day(SIXTEENTH).by("intervention_id", "journey.outcome_analyses")
    assert not [name for name, row in early.items() if row["outcome"] is not None]
    late = sample_day(TWENTIETH).by("intervention_id", "journey.outcome_analyses")
    assert {name for name, row in late.items() if row["outcome"]} == {"I001", "I002", "I003", "I004", "I006", "I007"}
    assert late["I005"]["outcome"] is None
    assert (late["I005"]["is_executed"], late["I005"]["approval_status"]) == (False, "expired")
    assert late["I008"]["is_executed"] is False  # watching is not doing


def test_the_seeds_imperfections_are_found(sample_day: Day) -> None:
    rejected = sample_day(TWENTIETH).rows("FROM audit.rejected_records")
    assert [(row["record_key"], row["broken_rules"]) for row in rejected] == [
        ("S009", ["customer_id: unknown customer"])
    ]
    assert '"signal_id":"S009"' in rejected[0]["raw_record"]
