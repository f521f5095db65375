"""The ten customers of the seed on two days, figured by hand and compared with the tables.

Severity is strength x trust x (0.5 + 0.5 x weight / 0.30). Overall risk is
0.35 x signals + 0.25 x time + 0.20 x value / 200,000 + 0.20 x negatives / 5,
where time is days / (2 x typical duration), at most 1, and counts 0.3 in retention. Fused risk is the aggregated risk
of severities that halve every 14 days, without the signals of an intervention that succeeded. Decision risk is
0.5 x overall + 0.25 x churn + 0.15 x fused + 0.10 x forecast, the last taken from the table: it is a product of
thirteen weeks of transition probabilities, and is figured by hand beside its own table.
"""

from collections.abc import Callable
from datetime import date
from math import prod

import pytest

from cjo_assets_tests.support.chain import Chain

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
# Age of each signal on the 16th [days], with the severity it has when it is new.
NEGATIVE_SEVERITIES = {
    "C001": [(2, 0.82 * (0.5 + 0.5 * 0.25 / 0.30)), (1, 0.67)],
    "C002": [(3, C002_SIGNALS)],
    "C004": [(4, 0.60 * (0.5 + 0.5 * 0.20 / 0.30))],
    "C005": [(2, 0.75 * 0.8 * 0.75), (1, 0.65 * 0.8 * 2 / 3)],
    "C006": [(1, 0.88 * 2 / 3)],
    "C010": [(5, C010_SIGNALS)],
}
POSITIVE_SEVERITIES = {"C004": (0, 0.55 * 2 / 3), "C006": (0, 0.40 * 2 / 3)}
# I001 was resolved on the 18th, I004 on the 17th; I007 improved engagement by the 19th: their signals are dealt with.
SETTLED = {SIXTEENTH: set(), TWENTIETH: {"C001", "C005", "C010"}}

# Customer, action, triggers. Of the 16th: C001, C004, C005 and C010 have an open intervention (I001, I003, I004, I007).
DECISIONS = {
    SIXTEENTH: {
        # 0.5 x 0.251214 + 0.25 x 0.359286 + 0.15 x 0.258592 + 0.10 x 0.066 = 0.2608; confidence 0.4608: under 0.50.
        "C002": ("monitor_only", ["S003"]),
        # 0.5 x 0.380027 + 0.25 x 0.430651 + 0.15 x 0.483884 + 0.10 x 0.067 = 0.3770: under the 0.40 of the rescue, and
        # for its fallback, the nudge, confidence is 0.5770 x (1 - 0.5 x 0.3125) = 0.4868.
        "C006": ("monitor_only", ["S006"]),
    },
    TWENTIETH: {
        # I003 was the usage review, seven days ago: not again within 30. S004 calls for the campaign too.
        "C004": ("reengagement_campaign", ["S004"]),
        # 0.5 x 0.415741 + 0.25 x 0.544936 + 0.15 x 0.407919 + 0.10 x 0.067 = 0.4120: enough for the rescue.
        "C006": ("proactive_outreach", ["S006"]),
        # Critical and worth 98,000, above 75,000, and no playbook for a decision risk of 0.2315: a person takes over.
        "C008": ("escalate_to_person", []),
    },
}
GAPS = {
    SIXTEENTH: {"C003": "risk_below_threshold"},  # 0.1932 under 0.25; the other two are not for SMB
    TWENTIETH: {
        "C001": "no_trigger_signal",  # still medium, but its signals are dealt with
        "C003": "risk_below_threshold",  # 0.2079 under 0.25
        "C005": "no_trigger_signal",
        "C008": "risk_below_threshold",  # 0.2315 under 0.30 and 0.40
        "C010": "no_trigger_signal",
    },
}
Day = Callable[[date], Chain]


def overall_risk(customer: str, day: date) -> float:
    """Return the overall risk by the formula of this module's docstring."""
    _, _, time = STATES[day][customer]
    value, count = ACCOUNT_VALUES[customer] / 200_000, NEGATIVES[customer] / 5
    return 0.35 * SIGNALS[customer] + 0.25 * time + 0.20 * value + 0.20 * count


def churn_risk(customer: str, day: date) -> float:
    """Return 0.5 x signals + 0.3 x friction + 0.2 x time, friction = 0.6 x time + 0.4 x reasons / 2, at most 1."""
    _, _, time = STATES[day][customer]
    reasons = min(1, len(HEALTH[day][customer][1]) / 2)
    return 0.5 * SIGNALS[customer] + 0.3 * (0.6 * time + 0.4 * reasons) + 0.2 * time


def fused_risk(customer: str, day: date) -> float:
    """Return 1 - the product of what faded bad news leaves, relieved by half of the faded good news."""
    if customer in SETTLED[day]:
        return 0.0
    older = (day - SIXTEENTH).days
    calm = prod(1 - severity * 0.5 ** ((age + older) / 14) for age, severity in NEGATIVE_SEVERITIES.get(customer, []))
    age, relief = POSITIVE_SEVERITIES.get(customer, (0, 0.0))
    return (1 - calm) * (1 - 0.5 * relief * 0.5 ** ((age + older) / 14))


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
    fused = sample_day(day).by("customer_id", "journey.fused_signals")
    forecasts = sample_day(day).by("customer_id", "journey.journey_forecasts")
    scores = sample_day(day).by("customer_id", "journey.risk_scores")
    for customer in STATES[day]:
        assert signals[customer]["aggregated_risk_score"] == pytest.approx(SIGNALS[customer], abs=1e-6), customer
        assert signals[customer]["negative_signals"] == NEGATIVES[customer]
        overall, churn = overall_risk(customer, day), churn_risk(customer, day)
        assert scores[customer]["overall_risk_score"] == pytest.approx(overall, abs=1e-6), customer
        assert scores[customer]["churn_risk_score"] == pytest.approx(churn, abs=1e-6), customer
        assert fused[customer]["fused_risk_score"] == pytest.approx(fused_risk(customer, day), abs=1e-6), customer
        leaving = forecasts[customer]["churn_probability"]
        assert 0.04 < leaving < 0.11, customer  # no departure in the log: the prior decides
        decision = 0.5 * overall + 0.25 * churn + 0.15 * fused_risk(customer, day) + 0.10 * leaving
        assert scores[customer]["decision_risk"] == pytest.approx(decision, abs=1e-6), customer
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
    # Its signals are dealt with, and 0.066095 is the forecast: 0.29148 + 0.2092205 + 0 + 0.0066095.
    assert score["decision_risk"] == 0.50731
    need = sample_day(TWENTIETH).by("customer_id", "journey.customer_needs")["C001"]
    assert need["confidence"] == 0.70731  # decision risk + 0.2; no conflict, full trust, complete
    assert need["priority_score"] == 37.3776  # 100 x (0.6 x 0.58296 + 0.4 x 0.06), urgency medium


@pytest.mark.parametrize("day", DAYS)
def test_decisions(sample_day: Day, day: date) -> None:
    found = sample_day(day).by("customer_id", "journey.recommended_interventions")
    assert {name: (row["recommended_action"], row["triggered_by_signals"]) for name, row in found.items()} == DECISIONS[
        day
    ]
    gaps = sample_day(day).by("customer_id", "journey.coverage_gaps")
    assert {name: row["reason"] for name, row in gaps.items()} == GAPS[day]
    assert {name: row["is_held_out"] for name, row in found.items()} == dict.fromkeys(found, False)
    if day == TWENTIETH:
        assert gaps["C008"]["escalated_intervention_id"] == found["C008"]["intervention_id"]
        # 0.648493 x (1 - 0.5 x 0.423077) = 0.511312, under 0.55.
        assert found["C004"]["approval_reasons"] == ["high_urgency", "high_value_customer", "low_confidence"]
        assert found["C006"]["approval_reasons"] == ["high_value_customer", "low_confidence"]
        assert found["C006"]["open_intervention_id"] is None  # I005 lapsed on 2025-01-19
        assert {name: row["approval_role"] for name, row in found.items()} == {
            "C004": "csm",
            "C006": "csm",
            "C008": "manager",  # 98,000 is above 50,000
        }
    else:
        assert found["C002"]["withheld_playbook_id"] == found["C006"]["withheld_playbook_id"] == "PB_ONB_002"
        assert found["C006"]["open_intervention_id"] == "I005"  # requested today
        # 0.577002 x (1 - 0.5 x 0.3125): good and bad news of one customer.
        assert found["C006"]["confidence"] == pytest.approx(0.577002 * (1 - 0.5 * 0.3125), abs=1e-6)


def test_every_candidate_has_its_first_failed_rule(sample_day: Day) -> None:
    """Who was considered on the 20th, and the first rule that spoke against it."""
    rows = sample_day(TWENTIETH).rows("FROM journey.playbook_candidates")
    found = {(row["customer_id"], row["playbook_id"][3:]): row["first_failed_rule"] for row in rows}
    assert {key: rule for key, rule in found.items() if key[0] in ("C002", "C004", "C006", "C007")} == {
        ("C002", "ONB_001"): "risk_below_threshold",  # 0.3003 under 0.40
        ("C002", "ONB_002"): "playbook_used_recently",  # I002, six days ago, had no response
        ("C002", "ONB_003"): "segment_not_eligible",
        ("C004", "ENG_001"): "playbook_used_recently",
        ("C004", "ENG_002"): None,
        ("C004", "ENG_003"): "segment_not_eligible",
        ("C006", "ONB_001"): None,
        ("C006", "ONB_002"): "outranked",  # the fallback of the rescue
        ("C006", "ONB_003"): "risk_below_threshold",  # 0.4120 under 0.45
        ("C007", "RET_001"): "risk_below_threshold",  # 0.1449 under 0.30
        ("C007", "RET_002"): "playbook_not_active",
    }
    # I002 and I003 are the only uses of a playbook that is still eligible where it was measured.
    by_value = {row["customer_id"] for row in rows if row["ranked_by"] == "net_value_lower_bound"}
    assert by_value == {"C002", "C004"}


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
    assert last["I005"]["status"] == "expired"  # requested at the end of the 16th, two days
    assert sum(row["status"] == "pending" for row in last.values()) == 3  # C004, C006, C008


def test_money_on_the_twentieth(sample_day: Day) -> None:
    parts = sample_day(TWENTIETH).by("component", "journey.roi_breakdown")
    # Executed: I001, I002, I003, I004, I006, I007; today's three wait.
    assert parts["playbook_cost"]["amount"] == 120 + 5 + 150 + 180 + 200 + 40
    assert parts["human_review_time"]["amount"] == 2 * 0.5 * 50  # I001 and I004
    assert parts["infrastructure"]["amount"] == 500
    assert parts["api_calls"]["amount"] == 0.01  # 6 x 0.001, to the cent
    assert parts["retained_revenue"]["amount"] == 2000 + 0 + 500 + 1500 + 0 + 800
    total = sample_day(TWENTIETH).rows("FROM journey.roi_estimate")[0]
    assert (total["total_value"], total["total_cost"], total["net_benefit"]) == (4800, 1245.01, 3554.99)
    assert total["evidence_grade"] == "assumption"


def test_kpis_on_the_twentieth(sample_day: Day) -> None:
    kpis = sample_day(TWENTIETH).by("kpi", "journey.kpis")
    assert kpis["average_latency_ms"]["value"] == (240 + 180 + 210 + 320 + 290 + 150 + 200 + 120) / 8
    assert kpis["human_override_rate"]["value"] == pytest.approx(1 / 6, abs=1e-6)
    assert kpis["average_resolution_time_days"]["value"] == (3 + 7 + 2 + 5) / 4
    assert kpis["csat_delta_average"]["value"] == pytest.approx((1 + 0 + 0 + 2 + 0 + 1) / 6, abs=1e-6)
    assert kpis["data_completeness_rate"]["value"] == pytest.approx(58 / 59, abs=1e-6)  # all but S009
    assert kpis["human_escalation_frequency"]["value"] == pytest.approx(
        6 / 11, abs=1e-6
    )  # I001, I004, I005, today's three
    assert kpis["retention_revenue_preserved"]["value"] == 4800
    assert sum(row["basis"] == "measured" for row in kpis.values()) == 7
    summary = sample_day(TWENTIETH).rows("FROM journey.journey_summary")[0]
    assert summary["total_revenue_preserved"] == 4800
    assert (summary["total_customers_analyzed"], summary["customers_at_risk"]) == (10, 5)
    assert (summary["total_interventions"], summary["interventions_executed"]) == (11, 6)
    assert (summary["interventions_pending"], summary["interventions_expired"]) == (3, 1)


def test_outcomes_are_those_known_by_the_day(sample_day: Day) -> None:
    early = sample_day(SIXTEENTH).by("intervention_id", "journey.outcome_analyses")
    assert not [name for name, row in early.items() if row["outcome"] is not None]
    late = sample_day(TWENTIETH).by("intervention_id", "journey.outcome_analyses")
    assert {name for name, row in late.items() if row["outcome"]} == {"I001", "I002", "I003", "I004", "I006", "I007"}
    assert late["I005"]["outcome"] is None
    assert (late["I005"]["is_executed"], late["I005"]["approval_status"]) == (False, "expired")
    assert late["I008"]["is_executed"] is False  # monitor_only is never executed


def test_the_seeds_imperfections_are_found(sample_day: Day) -> None:
    rejected = sample_day(TWENTIETH).rows("FROM audit.rejected_records")
    assert [(row["record_key"], row["broken_rules"]) for row in rejected] == [
        ("S009", ["customer_id: unknown customer"])
    ]
    assert '"signal_id":"S009"' in rejected[0]["raw_record"]
