"""Tests of playbook candidates: the first rule that rejects each, ranking, fallbacks, and the limits of a day."""

from typing import Any

import pytest

from cjo_assets_tests.support.journey.deciding import (
    consider,
    decided,
    failures,
    need,
    outcome,
    playbook,
    rules_against,
    rules_with,
)
from cjo_assets_tests.support.rows import DAY, Row, day


def test_the_first_rule_against_a_playbook_is_named() -> None:
    other: Row = {"eligible_segments": ["Enterprise", "Mid-Market"]}
    high: Row = {"risk_threshold": 0.500001}
    quiet: Row = {"trigger_signals": ["renewal_intent"]}
    found = consider(
        [need("served"), need("unsure", 0.299999), need("just sure", 0.3), need("nowhere", stage=None)],
        [
            # Each breaks one rule more; the first in this order is named.
            playbook("draft", status="draft", **other, **high, **quiet),
            playbook("retired", status="retired"),
            playbook("other segment", **other, **high, **quiet),
            playbook("risk below", **high, **quiet),
            playbook("no trigger", **quiet),
            playbook("chosen", eligible_segments=["SMB"], trigger_signals=["renewal_intent", "usage_drop"]),
            playbook("outranked", avg_cost_estimate=200.0, risk_threshold=0.299999),
            # Not of the stage, and not there yet: not even considered.
            playbook("other stage", "onboarding"),
            playbook("not yet", created_at=day(1)),
            playbook("new today", created_at=DAY, avg_cost_estimate=400.0),
        ],
    )
    reasons = {
        "draft": "playbook_not_active",
        "retired": "playbook_not_active",
        "other segment": "segment_not_eligible",
        "risk below": "risk_below_threshold",
        "no trigger": "no_trigger_signal",
        "chosen": None,
        "outranked": "outranked",
        "new today": "outranked",
    }
    ranks = {"chosen": 1, "outranked": 2, "new today": 3}
    assert {key[1]: row["first_failed_rule"] for key, row in found.items() if key[0] == "served"} == reasons
    assert {key[1]: row["rank"] for key, row in found.items() if key[0] == "served" and row["is_eligible"]} == ranks
    assert {key[1]: row["rank"] for key, row in found.items() if key[0] == "served" and row["rank"]} == ranks

    # 0.299999 + 0.2 is under the confidence threshold of 0.5: eligible, ranked, and not confident enough.
    unsure = {key[1]: row for key, row in found.items() if key[0] == "unsure"}
    assert {name for name, row in unsure.items() if row["is_eligible"]} == ranks.keys()
    assert {row["first_failed_rule"] for row in unsure.values() if row["is_eligible"]} == {"confidence_below_threshold"}
    assert unsure["risk below"]["first_failed_rule"] == "risk_below_threshold"
    # 0.3 + 0.2 is not under it.
    assert found["just sure", "chosen"]["first_failed_rule"] is None
    assert found["just sure", "chosen"]["confidence"] == 0.5
    # Without a stage there is nothing to choose from.
    assert not [key for key in found if key[0] == "nowhere"]


def test_rank_is_by_ratio_then_value_then_id() -> None:
    found = consider(
        [need("anybody")],
        [
            playbook("a ratio 10, value 100", avg_cost_estimate=10.0, expected_value_range=[50.0, 150.0]),
            playbook("c ratio 10, value 1000"),
            playbook("b ratio 10, value 1000"),
            playbook("z ratio 20", avg_cost_estimate=50.0),
            playbook("0 ratio 9.99", avg_cost_estimate=100.1),
            # What costs nothing has no ratio, and nothing is worth more for its cost.
            playbook("w free, value 5", avg_cost_estimate=0.0, expected_value_range=[0.0, 10.0]),
            playbook("x free, value 6", avg_cost_estimate=0.0, expected_value_range=[2.0, 10.0]),
            playbook("loss", expected_value_range=[-300.0, 100.0]),
        ],
    )
    ranked = sorted((row["rank"], key[1]) for key, row in found.items())
    assert [name for _, name in ranked] == [
        "x free, value 6",
        "w free, value 5",
        "z ratio 20",
        "b ratio 10, value 1000",
        "c ratio 10, value 1000",
        "a ratio 10, value 100",
        "0 ratio 9.99",
        "loss",
    ]
    assert [rank for rank, _ in ranked] == [1, 2, 3, 4, 5, 6, 7, 8]
    cells = {key[1]: (row["expected_cost"], row["expected_value"], row["roi_ratio"]) for key, row in found.items()}
    assert cells["x free, value 6"] == (0.0, 6.0, None)
    assert cells["z ratio 20"] == (50.0, 1000.0, 20.0)
    assert cells["0 ratio 9.99"] == (100.1, 1000.0, pytest.approx(1000 / 100.1, abs=5e-7))
    assert cells["loss"] == (100.0, -100.0, -1.0)


def test_experience_ranks_once_one_candidate_has_any() -> None:
    """Trap 24: a ranking that ignores the success rate learns nothing."""
    cheap = playbook("cheap", avg_cost_estimate=10.0)
    dear = playbook("dear", avg_cost_estimate=500.0)
    forbidden = playbook("forbidden", eligible_segments=["Enterprise"])
    bounds = {
        "cheap": {"net_value_lower_bound": 50.0},
        "dear": {"net_value_lower_bound": 300.0},
        "forbidden": {"net_value_lower_bound": 900.0, "evidence": "established"},
    }
    sparse = bounds | {"cheap": bounds["cheap"] | {"evidence": "sparse"}}

    def ranks(learned: dict[str, Row], ranking: str = "net_value_lower_bound") -> dict[str, tuple[int | None, str]]:
        rules = rules_with(journey__recommendation__ranking=ranking)
        found = consider([need("anybody")], [cheap, dear, forbidden], learned=learned, policy=rules)
        return {key[1]: (row["rank"], row["ranked_by"]) for key, row in found.items()}

    # What is known of a playbook that may not be used is no evidence here.
    assert ranks(bounds) == {"cheap": (1, "roi_ratio"), "dear": (2, "roi_ratio"), "forbidden": (None, "roi_ratio")}
    value = "net_value_lower_bound"
    assert ranks(sparse) == {"cheap": (2, value), "dear": (1, value), "forbidden": (None, value)}
    assert ranks(sparse, "roi_ratio") == ranks(bounds)


def test_monitor_only_costs_nothing_and_ranks_after_actions() -> None:
    """Neither its estimate, nor what would need an approval, uses up the budget and the reviews of others."""
    watch = playbook("watch", default_actions=["monitor_only"], avg_cost_estimate=5.0, approval_required=True)
    dear = playbook("dear", avg_cost_estimate=999.0, risk_threshold=0.9)
    rules = rules_with(journey__contact__review_capacity_per_day=0, journey__contact__budget_per_run=4.0)
    found = consider([need("calm", 0.5), need("urgent", 0.95)], [watch, dear], policy=rules)
    row = found["calm", "watch"]
    assert (row["first_failed_rule"], row["expected_cost"], row["expected_value"]) == (None, 0.0, 0.0)
    assert (row["expected_net_value"], row["net_value_lower_bound"], row["roi_ratio"]) == (0.0, 0.0, None)
    assert (found["urgent", "dear"]["rank"], found["urgent", "watch"]["rank"]) == (1, 2)


def test_of_equal_bounds_the_ratio_decides() -> None:
    known: Row = {"net_value_lower_bound": 5.0, "evidence": "sparse"}
    found = consider(
        [need("anybody")],
        [playbook("a", avg_cost_estimate=200.0), playbook("b")],
        learned={"a": known, "b": known},
    )
    assert {key[1]: row["rank"] for key, row in found.items()} == {"b": 1, "a": 2}


def test_stopped_candidate_does_not_block_the_next() -> None:
    """Trap 25: the best playbook was carried out lately; the next of the stage is chosen."""
    earlier = [decided("I1", "anybody", "best", -10)]
    found = consider(
        [need("anybody")],
        [playbook("best", avg_cost_estimate=10.0), playbook("next")],
        earlier=earlier,
        outcomes=[outcome("O1", "I1", -2)],
    )
    assert rules_against(found, "anybody") == {"best": "playbook_used_recently", "next": None}


FALLBACKS = [
    playbook("caller", trigger_signals=["usage_drop"], fallback_playbook_id="kin"),
    playbook("kin", trigger_signals=["renewal_intent"], avg_cost_estimate=1.0),
    playbook("far caller", trigger_signals=["negative_sentiment"], fallback_playbook_id="far"),
    playbook("far", "retention"),
]


def test_fallback_uses_triggers_of_its_caller_and_ranks_last() -> None:
    found = consider(
        [
            need("called"),
            need("far called", counted_signal_types=["negative_sentiment"]),
            need("by itself", counted_signal_types=["renewal_intent"]),
            need("both", counted_signal_types=["renewal_intent", "usage_drop"]),
            need("silent", counted_signal_types=[]),
            need("at home", stage="retention"),
        ],
        FALLBACKS,
    )
    idle = "no_trigger_signal"
    # Cheaper by far, the fallback comes last all the same.
    assert rules_against(found, "called") == {"caller": None, "kin": "outranked", "far caller": idle, "far": idle}
    assert (found["called", "kin"]["fallback_of"], found["called", "kin"]["rank"]) == ("caller", 2)
    assert rules_against(found, "far called") == {"caller": idle, "kin": idle, "far caller": None, "far": "outranked"}
    assert found["far called", "far"]["fallback_of"] == "far caller"
    # On a trigger of its own it is no fallback, and ranks by its worth.
    assert rules_against(found, "by itself") == {"caller": idle, "kin": None, "far caller": idle, "far": idle}
    assert found["by itself", "kin"]["fallback_of"] is None
    assert (found["both", "kin"]["rank"], found["both", "caller"]["rank"]) == (1, 2)
    # A playbook of another stage waits for its caller, though in its own stage it waits for nothing.
    assert set(rules_against(found, "silent").values()) == {idle}
    assert rules_against(found, "at home") == {"far": None}


def test_a_fallback_is_considered_for_eligible_playbooks_only() -> None:
    playbooks = [
        playbook("free", "onboarding", fallback_playbook_id="of free", risk_threshold=0.9),
        playbook("of free", "retention"),
        playbook("foreign", "onboarding", eligible_segments=["Enterprise"], fallback_playbook_id="of foreign"),
        playbook("of foreign", "retention"),
        playbook("draft", "onboarding", status="draft", fallback_playbook_id="of draft"),
        playbook("of draft", "retention"),
        # Two name one; the one that was triggered is named.
        playbook("a", "onboarding", trigger_signals=["inactivity_warning"], fallback_playbook_id="of two"),
        playbook("b", "onboarding", trigger_signals=["usage_drop"], fallback_playbook_id="of two"),
        playbook("of two", "retention", eligible_segments=["SMB"]),
    ]
    people = [need("small", stage="onboarding"), need("large", stage="onboarding", segment="Enterprise")]
    found = consider(people, playbooks)
    small, large = rules_against(found, "small"), rules_against(found, "large")
    # The caller fails at its risk; its fallback has a threshold of its own.
    assert (small["free"], small["of free"]) == ("risk_below_threshold", "outranked")
    assert "of foreign" not in small
    assert large["of foreign"] == "outranked"
    assert "of draft" not in small
    assert found["small", "of two"]["fallback_of"] == "b"
    # Whichever playbook names it, it must be eligible itself.
    assert large["of two"] == "segment_not_eligible"


def test_the_fallback_is_chosen_where_its_caller_is_stopped() -> None:
    """Trap 19: a fallback is tried before a gap is declared."""
    found = consider(
        [need("called")],
        FALLBACKS,
        earlier=[decided("I1", "called", "caller", -10)],
        outcomes=[outcome("O1", "I1", -2)],
    )
    assert rules_against(found, "called")["caller"] == "playbook_used_recently"
    assert rules_against(found, "called")["kin"] is None


def limited(people: list[Row], **limits: float) -> dict[str, str | None]:
    """Return what stopped each customer's only playbook, whose cost follows its name."""
    costs = sorted({row["stage_cost"] for row in people})
    playbooks = [playbook(f"at {cost}", avg_cost_estimate=cost, trigger_signals=[f"cost {cost}"]) for cost in costs]
    needs = [
        {name: cell for name, cell in row.items() if name != "stage_cost"}
        | {"counted_signal_types": [f"cost {row['stage_cost']}"]}
        for row in people
    ]
    rules = rules_with(**{f"journey__contact__{name}": limit for name, limit in limits.items()})
    found = consider(needs, playbooks, policy=rules)
    return {key[0]: row["first_failed_rule"] for key, row in found.items() if row["is_eligible"]}


def costing(customer: str, cost: float, urgency: float, **cells: Any) -> Row:
    """Return a customer whose playbook costs so much; the more urgent goes first."""
    return need(customer, overall_risk_score=urgency, stage_cost=cost, **cells)


def test_the_budget_goes_to_the_highest_priority_to_the_cent() -> None:
    people = [
        costing("first", 0.1, 0.9),
        costing("tie a", 0.1, 0.5),
        costing("tie b", 0.1, 0.5),
        costing("last", 0.1, 0.1),
        costing("free", 0.0, 0.0),
    ]
    spent = "budget_exhausted"
    # Three times 0.1 is 0.3, not 0.30000000000000004.
    assert limited(people, budget_per_run=0.3) == dict.fromkeys(["first", "tie a", "tie b", "free"]) | {"last": spent}
    assert limited(people, budget_per_run=0.29) == {
        "first": None,
        "tie a": None,
        "tie b": spent,
        "last": spent,
        "free": None,
    }
    # The queue keeps its order, but what exceeds the whole budget does not block the others.
    queue = [costing("whale", 501.0, 0.9), costing("one", 300.0, 0.8), costing("two", 250.0, 0.7)]
    queue += [costing("three", 100.0, 0.6)]
    assert limited(queue, budget_per_run=500) == {"whale": spent, "one": None, "two": spent, "three": spent}


def test_reviews_go_by_priority_and_unreviewed_costs_nothing() -> None:
    asked: Row = {"account_value": 30000.0}
    people = [
        costing("approval first", 100.0, 0.9, **asked),
        costing("approval tie a", 100.0, 0.5, **asked),
        costing("approval tie b", 100.0, 0.5, **asked),
        costing("no approval", 100.0, 0.1),
        costing("broke", 100.0, 0.0),
    ]
    assert limited(people, review_capacity_per_day=2, budget_per_run=300) == {
        "approval first": None,
        "approval tie a": None,
        "approval tie b": "review_capacity_exhausted",
        # The hundred that "approval tie b" did not take is left for it.
        "no approval": None,
        "broke": "budget_exhausted",
    }
    nobody = limited(people, review_capacity_per_day=0, budget_per_run=300)
    assert sorted(name for name, rule in nobody.items() if rule) == [
        "approval first",
        "approval tie a",
        "approval tie b",
    ]


def test_unaffordable_candidate_does_not_block_affordable_one() -> None:
    """Trap 25: the first candidate must not block the next."""
    dear = playbook("dear", avg_cost_estimate=6000.0, expected_value_range=[900000.0, 900000.0])
    found = consider([need("one")], [dear, playbook("cheap", avg_cost_estimate=40.0)])
    assert found["one", "dear"]["rank"] == 1
    assert rules_against(found, "one") == {"dear": "budget_exhausted", "cheap": None}


def test_a_standing_decision_costs_nothing() -> None:
    people = [need("standing", account_value=90000.0), need("new")]
    earlier = [decided("I1", "standing", "any", -1, segment="SMB")]
    one = {"journey__contact__budget_per_run": 100, "journey__contact__review_capacity_per_day": 0}
    found = consider(people, [playbook("any")], earlier=earlier, policy=rules_with(**one))
    assert failures(found, "any") == {"standing": None, "new": None}


def test_held_out_customers_pass_the_limits_and_use_no_budget() -> None:
    """The arms must differ in nothing but what is done to them."""
    # Of ten customers with falling priority the budget pays three of the treated.
    people = [need(f"C{number}", account_value=90000.0 - 1000 * number) for number in range(10)]
    half = {"journey__holdout__holdout_share": 0.5, "journey__recommendation__high_value_customer_threshold": 1e6}
    found = consider(people, [playbook("any")], policy=rules_with(**half, journey__contact__budget_per_run=300))
    rows = [found[f"C{number}", "any"] for number in range(10)]
    ahead = 0
    for row in rows:
        # As a treated customer this one would be the next to be paid.
        expected = None if ahead < 3 else "budget_exhausted"
        assert row["first_failed_rule"] == expected, row
        ahead += not row["is_held_out"]
    assert 0 < sum(row["is_held_out"] for row in rows) < 10
    assert ahead > 3, "a treated customer is stopped"
