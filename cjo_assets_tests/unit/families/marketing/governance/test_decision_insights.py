"""Tests of decision insights: counts, kinds by the policy's words, and durations where both instants are known."""

from typing import Any

from cjo_assets.families.marketing.governance.decision_insights import (
    DecisionInsights,
    decision_insights,
    decisions_of_no_kind,
)
from cjo_assets.families.marketing.inputs.campaigns import Campaigns
from cjo_assets.families.marketing.inputs.orchestrator_decisions import OrchestratorDecisions
from cjo_assets.policy import Policy
from cjo_assets_tests.support.rows import (
    DAY,
    POLICY,
    Row,
    Rows,
    as_of,
    by,
    instant,
    kept,
    policy_with,
    rows_of,
    table_of,
)

NOON = instant("2025-01-20T12:00:00")


def decision(name: str, campaign: str = "busy", action: str = "Shifted budget to Variant B", **cells: Any) -> Row:
    """Return a decision of D, noon."""
    said = {"decision_id": name, "campaign_id": campaign, "action_taken": action, "timestamp": NOON}
    return said | {"trigger": "Low conversion rate", "confidence_score": 0.8} | cells


DECISIONS = [
    decision("1", insight_at=instant("2025-01-20T08:00:00"), confidence_score=0.9),
    decision("2", action="SCALED the winner", trigger="High performance", insight_at=instant("2025-01-19T12:00:00")),
    decision("3", action="Went home", trigger=" Low conversion rate ", human_override=True),
    decision("4", action="Paused; revised the copy", trigger="Brand safety", insight_at=NOON, human_override=True),
    decision("5", action="Read the latest photocopy", trigger="A rumour", confidence_score=0.7),
    decision("unmeasured", "quiet", human_override=True),
    decision("tomorrow", "none yet", timestamp=instant("2025-01-21T00:00:00")),
]


def insights(decisions: Rows, policy: Policy = POLICY) -> dict[Any, Row]:
    """Return the insights by campaign."""
    known: Rows = [{"campaign_id": name} for name in ("busy", "quiet", "none yet")]
    campaigns = table_of(Campaigns, [*known, {"campaign_id": "later", "created_at": instant("2025-01-21T00:00:00")}])
    rows = decision_insights(table_of(OrchestratorDecisions, decisions), campaigns, as_of(), policy)
    return by("campaign_id", kept(DecisionInsights, rows))


def test_decisions_are_counted_and_described() -> None:
    found = insights(DECISIONS)
    assert {name: value for name, value in found["busy"].items() if name not in ("as_of", "campaign_id")} == {
        "total_decisions": 5,
        "automated_decisions": 3,
        "human_overrides": 2,
        "override_rate": 0.4,
        "average_confidence": 0.8,  # (0.9 + 0.8 + 0.8 + 0.8 + 0.7) / 5
        # Two are of low conversion; of those with one each, the first of the alphabet.
        "common_triggers": ["Low conversion rate", "A rumour", "Brand safety"],
        "decision_patterns": [
            "budget_reallocation",
            "creative_change",
            "experiment_change",
            "experiment_scaling",
            "pause",
        ],
        "unrecognised_decisions": 2,
        "measured_decisions": 3,
        "insight_to_action_hours": 4.0,  # of 0, 4 and 24 hours
        "insight_to_action_status": "measured",
    }
    assert found["busy"]["as_of"] == DAY
    # What is set up tomorrow is not there yet.
    assert found.keys() == {"busy", "quiet", "none yet"}


def test_what_is_not_recorded_is_not_zero() -> None:
    found = insights(DECISIONS)
    timing = ("measured_decisions", "insight_to_action_hours", "insight_to_action_status")
    assert [found["quiet"][name] for name in timing] == [0, None, "not_measurable"]
    empty = found["none yet"]
    assert [empty[name] for name in ("total_decisions", "override_rate", "average_confidence")] == [0, None, None]
    assert (empty["common_triggers"], empty["decision_patterns"]) == ([], [])
    assert [empty[name] for name in timing] == [0, None, "not_measurable"]


def test_policy_defines_kinds_and_trigger_count() -> None:
    rules = policy_with(
        marketing__decisions__common_triggers=1,
        marketing__decisions__decision_patterns={"leaving": ["home", "(.*"]},
    )
    found = insights(DECISIONS, rules)["busy"]
    assert (found["common_triggers"], found["decision_patterns"]) == (["Low conversion rate"], ["leaving"])
    assert found["unrecognised_decisions"] == 4
    unknown = rows_of(decisions_of_no_kind(table_of(OrchestratorDecisions, DECISIONS), POLICY))
    assert {row["decision_id"] for row in unknown} == {"3", "5"}


def test_the_order_of_the_rows_changes_nothing() -> None:
    assert insights(DECISIONS[::-1]) == insights(DECISIONS)
