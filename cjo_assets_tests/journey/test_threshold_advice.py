"""Other thresholds in hindsight: one population, value by success alone, against the threshold in force."""

from cjo_assets.journey.threshold_advice import ThresholdAdvice, threshold_advice
from cjo_assets.policy import Policy
from cjo_assets_tests.journey.experience import Experience, playbook
from cjo_assets_tests.tables import POLICY, Row, by, kept, policy_with

# confidence, segment, outcome, revenue saved; every run costs 100 where the playbook is known.
RUNS = [
    (0.45, "SMB", "resolved", 50.0),
    (0.50, "SMB", "no_response", 700.0),
    (0.60, "Enterprise", "resolved", 900.0),
    (0.65, "SMB", "resolved", None),
    (0.90, "SMB", "resolved", 300.0),
    (0.90, "SMB", None, None),
]


def advice(policy: Policy) -> dict[float, Row]:
    """Return the table by threshold."""
    known = Experience()
    for confidence, segment, outcome, revenue in RUNS:
        (name,) = known.run("P", segment, confidence=confidence)
        if outcome:
            known.measure(name, segment, outcome=outcome, estimated_revenue_saved=revenue)
    (unpriced,) = known.run("gone", confidence=0.95)
    known.measure(unpriced, outcome="resolved", estimated_revenue_saved=5000.0)
    found = threshold_advice(known.ledger([playbook("P")], policy), policy)
    return by("confidence_threshold", kept(ThresholdAdvice, found))


def test_runs_on_either_side_of_each_threshold() -> None:
    rows = advice(policy_with(journey__learning__confidence_thresholds=[0.8, 0.4, 0.5, 0.99]))
    names = ("is_tested", "acted_on", "successes", "success_rate", "priced", "cost", "value", "net_value")
    names += ("withheld", "forgone_successes", "net_value_change")
    assert {threshold: tuple(row[name] for name in names) for threshold, row in rows.items()} == {
        # Nobody acted at 0.4 or below. What failed earned nothing, whatever was estimated; the success of unknown value
        # and the run of unknown cost are in no amount.
        0.4: (False, 6, 5, 0.833333, 4, 400.0, 1250.0, 850.0, 0, 0, -50.0),
        # In force: 0.5. It withholds a success of 50 that cost 100.
        0.5: (True, 5, 4, 0.8, 3, 300.0, 1200.0, 900.0, 1, 1, 0.0),
        0.8: (True, 2, 2, 1.0, 1, 100.0, 300.0, 200.0, 4, 3, -700.0),
        0.99: (True, 0, 0, None, 0, 0.0, 0.0, 0.0, 6, 5, -900.0),
    }
    assert rows[0.99]["success_rate_low"] is None
    assert rows[0.4]["success_rate_low"] < 0.833333 < rows[0.4]["success_rate_high"]


def test_the_threshold_in_force_may_be_the_segments_own() -> None:
    override = {"Enterprise": {"recommendation": {"intervention_confidence_threshold": 0.7}}}
    rows = advice(policy_with(segment_overrides=override, journey__learning__confidence_thresholds=[0.5]))
    # In force the run of Enterprise would have been withheld, and its 900 - 100 with it.
    assert (rows[0.5]["net_value"], rows[0.5]["net_value_change"]) == (900.0, 800.0)


def test_without_any_run_nothing_is_known() -> None:
    found = threshold_advice(Experience().ledger([playbook("P")]), POLICY)
    rows = kept(ThresholdAdvice, found)
    assert [row["confidence_threshold"] for row in rows] == list(POLICY.journey.learning.confidence_thresholds)
    assert {(row["acted_on"], row["success_rate"], row["net_value"], row["is_tested"]) for row in rows} == {
        (0, None, 0.0, False)
    }
