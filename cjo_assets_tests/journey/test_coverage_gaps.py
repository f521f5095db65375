"""Who needs something and gets nothing, and the reason that came nearest to an answer."""

from cjo_assets.journey.coverage_gaps import CoverageGaps, coverage_gaps
from cjo_assets.journey.customers import Customers
from cjo_assets.journey.journey_evaluations import JourneyEvaluations
from cjo_assets.journey.journey_states import JourneyStates
from cjo_assets.journey.playbook_candidates import PlaybookCandidates
from cjo_assets.journey.recommended_interventions import RecommendedInterventions
from cjo_assets.journey.risk_scores import RiskScores
from cjo_assets_tests.tables import DAY, by, kept, table_of

# tier, health, stage
CUSTOMERS = {
    "high": ("high", "at_risk", "support"),
    "medium": ("medium", "healthy", "support"),
    "critical": ("low", "critical", "support"),
    "critical without tier": (None, "critical", "support"),
    "unsure": ("high", "critical", "support"),
    # Without an entry there is no recommendation, whatever the risk.
    "nowhere": ("low", None, None),
    "nowhere and high": ("high", None, None),
    # Nothing to answer.
    "low": ("low", "at_risk", "support"),
    "no tier": (None, "healthy", "support"),
    # Nobody has an answer, but a person was called.
    "called": ("high", "critical", "support"),
    # Something is being done already, though the playbooks fail at other rules.
    "open": ("high", "critical", "support"),
    # Held back by a limit: nothing is done.
    "too many": ("high", "critical", "support"),
    # Answered, one of them by watching.
    "answered": ("high", "critical", "support"),
    "watched": ("high", "critical", "support"),
}
# customer, playbook, rule that failed
TRIED = [
    ("medium", "P1", "segment_not_eligible"),
    ("medium", "P3", "no_trigger_signal"),
    ("medium", "P2", "no_trigger_signal"),
    ("medium", "P4", "risk_below_threshold"),
    ("critical", "P1", "playbook_not_active"),
    ("critical without tier", "P1", "playbook_not_active"),
    ("critical without tier", "P2", "segment_not_eligible"),
    ("unsure", "P1", "risk_below_threshold"),
    ("unsure", "P2", "confidence_below_threshold"),
    ("called", "P1", "confidence_below_threshold"),
    ("open", "P1", "risk_below_threshold"),
    ("open", "P2", "no_trigger_signal"),
    ("too many", "P1", "review_capacity_exhausted"),
    ("too many", "P2", "outranked"),
    ("answered", "P1", None),
    ("watched", "P1", "confidence_below_threshold"),
    ("low", "P1", "risk_below_threshold"),
]
# reason and nearest playbook: the one that came furthest down the list of rules, of two the lower id
GAPS = {
    "high": ("no_playbook_for_stage", None),
    "medium": ("no_trigger_signal", "P2"),
    "critical": ("playbook_not_active", "P1"),
    "critical without tier": ("segment_not_eligible", "P2"),
    "unsure": ("confidence_below_threshold", "P2"),
    "called": ("confidence_below_threshold", "P1"),
    "too many": ("review_capacity_exhausted", "P1"),
    "nowhere": ("no_stage", None),
    "nowhere and high": ("no_stage", None),
}


def test_every_customer_without_an_answer_is_listed_with_the_reason() -> None:
    rows = by(
        "customer_id",
        kept(
            CoverageGaps,
            coverage_gaps(
                table_of(
                    Customers,
                    [
                        {"customer_id": name, "segment": "Enterprise", "account_value": 700.0}
                        for name in [*CUSTOMERS, "left"]
                    ],
                ),
                table_of(
                    JourneyStates,
                    [
                        {"customer_id": name, "journey_stage": stage, "transition": "unknown"}
                        for name, (_, _, stage) in CUSTOMERS.items()
                    ]
                    + [{"customer_id": "left", "journey_stage": "churned", "transition": "valid"}],
                ),
                table_of(
                    JourneyEvaluations,
                    [{"customer_id": name, "stage_health": health} for name, (_, health, _) in CUSTOMERS.items()]
                    + [{"customer_id": "left"}],
                ),
                # Who has left has no score.
                table_of(
                    RiskScores,
                    [
                        {"customer_id": name, "risk_tier": tier, "overall_risk_score": 0.7}
                        for name, (tier, _, _) in CUSTOMERS.items()
                    ],
                ),
                table_of(
                    PlaybookCandidates,
                    [
                        {"customer_id": name, "playbook_id": playbook, "first_failed_rule": rule}
                        | {"open_intervention_id": "I1" if name == "open" else None}
                        for name, playbook, rule in TRIED
                    ],
                ),
                table_of(
                    RecommendedInterventions,
                    [
                        {"customer_id": "answered", "recommended_action": "call"},
                        {"customer_id": "watched", "recommended_action": "monitor_only"},
                        {"customer_id": "called", "recommended_action": "escalate_to_person"}
                        | {"intervention_id": "I CALL"},
                    ],
                ),
            ),
        ),
    )
    expected = {}
    for name, (reason, nearest) in GAPS.items():
        tier, health, stage = CUSTOMERS[name]
        expected[name] = {
            "as_of": DAY,
            "customer_id": name,
            "segment": "Enterprise",
            "journey_stage": stage,
            "risk_tier": tier,
            "stage_health": health,
            "overall_risk_score": 0.7,
            "account_value": 700.0,
            "reason": reason,
            "nearest_playbook_id": nearest,
            "escalated_intervention_id": "I CALL" if name == "called" else None,
        }
    assert rows == expected
