"""The three days of `data/tour/` and the approval between them, as shown in `docs/tutorial.md`."""

from datetime import date

import pytest

from cjo_assets_tests.support.chain import Chain
from cjo_assets_tests.support.warehouse import CAMPAIGN, TOUR_DAYS, Home

DAYS = TOUR_DAYS


@pytest.fixture(scope="module")
def tour(tour_home: Home) -> Chain:
    """Return the three days in order; the approval is recorded after the first."""
    return Chain(tour_home.store)


def decisions(tour: Chain, day: date) -> dict[str, str]:
    """Return what was decided for whom on a day."""
    found = tour.rows("FROM journey.recommended_interventions WHERE as_of = ?", day)
    return {row["customer_id"]: row["recommended_action"] for row in found}


def test_every_row_of_the_tour_is_accepted(tour: Chain) -> None:
    assert tour.rows("FROM audit.rejected_records") == []
    assert tour.rows("SELECT count(*) AS customers FROM journey.customers") == [{"customers": 12}]


def test_what_is_decided_on_the_three_days(tour: Chain) -> None:
    assert decisions(tour, DAYS[0]) == {"C004": "reengagement_campaign"}
    assert decisions(tour, DAYS[1]) == {
        "C002": "monitor_only",
        "C004": "usage_review_checkin",
        "C008": "escalate_to_person",
        "C010": "reengagement_campaign",
    }
    assert decisions(tour, DAYS[2]) == {
        "C001": "proactive_outreach",
        "C002": "monitor_only",
        "C004": "usage_review_checkin",
        "C005": "support_manager_followup",
        "C006": "proactive_outreach",
        "C008": "executive_escalation_call",
        "C010": "reengagement_campaign",
    }
    pending = {row["customer_id"]: row["approval_role"] for row in tour.rows("FROM journey.pending_approvals")}
    assert pending == {"C004": "csm", "C005": "csm", "C006": "csm", "C008": "executive", "C010": "csm"}


def test_an_approval_and_its_outcome_change_a_later_day(tour: Chain) -> None:
    """Traps 10 and 24: the approval executes, its outcome settles signals, teaches, and holds a repeat back."""
    ledger = tour.rows("FROM journey.intervention_ledger WHERE as_of = ? AND intervention_id = ?", DAYS[1], CAMPAIGN)[0]
    assert (ledger["approval_status"], ledger["is_executed"], ledger["outcome"]) == ("approved", True, "resolved")
    fused = tour.rows("FROM journey.fused_signals WHERE as_of = ? AND customer_id = 'C004'", DAYS[1])[0]
    # S107 and S108 are settled; S004 came with the day of the outcome and counts.
    assert (fused["settled_signals"], fused["counted_signals"]) == (2, 1)
    rates = {
        row["as_of"]: row["success_rate"]
        for row in tour.rows(
            "FROM journey.playbook_performance WHERE playbook_id = 'PB_ENG_002' AND segment = 'Mid-Market'"
        )
    }
    # (4 x 0.5 + 0) / (4 + 1), then (4 x 0.5 + 1) / (4 + 2).
    assert rates == {DAYS[0]: pytest.approx(0.4), DAYS[1]: pytest.approx(0.5), DAYS[2]: pytest.approx(0.5)}
    rules = tour.rows(
        "SELECT playbook_id, first_failed_rule FROM journey.playbook_candidates "
        "WHERE as_of = ? AND customer_id = 'C004' AND is_eligible ORDER BY playbook_id",
        DAYS[1],
    )
    assert [(row["playbook_id"], row["first_failed_rule"]) for row in rules] == [
        ("PB_ENG_001", None),
        ("PB_ENG_002", "playbook_used_recently"),
    ]


def test_one_forecast_is_the_datas_and_one_the_beliefs(tour: Chain) -> None:
    model = tour.rows(
        "FROM journey.transition_model WHERE as_of = ? AND segment = 'SMB' AND journey_stage = 'retention' "
        "AND from_week = 13 AND next_stage = 'churned'",
        DAYS[2],
    )[0]
    assert (model["observed_weeks"], model["transitions"]) == (173, 1)
    assert model["weekly_probability"] == pytest.approx((1 + 20 * 0.004) / (173 + 20), abs=1e-9)
    assert model["prior_weight"] == pytest.approx(20 / 193, abs=5e-7)
    forecasts = {
        row["customer_id"]: row for row in tour.rows("FROM journey.journey_forecasts WHERE as_of = ?", DAYS[2])
    }
    assert forecasts["C012"]["churn_probability"] == pytest.approx(0.0735, abs=5e-5)
    # In its 48th week C012 has only the last bin ahead: the row's weight is that bin's.
    assert (forecasts["C012"]["n_observations"], forecasts["C012"]["prior_weight"]) == (173, model["prior_weight"])
    assert (forecasts["C008"]["model_type"], forecasts["C008"]["n_observations"]) == ("prior_only", 0)
    assert "C011" not in forecasts, "who has left is not forecast"
