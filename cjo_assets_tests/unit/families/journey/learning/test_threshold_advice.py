"""Tests of threshold advice: one population, value of successes only, compared with the threshold in force."""

import math

import numpy
import pytest
from scipy.stats import t

from cjo_assets.families.journey.learning.threshold_advice import ThresholdAdvice, threshold_advice
from cjo_assets.policy import Policy
from cjo_assets_tests.support.journey.experience import Experience, playbook
from cjo_assets_tests.support.rows import POLICY, Row, by, kept, policy_with

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
        # No run was executed at 0.4 or below. A failure earned nothing, whatever was estimated; the success of unknown
        # value and the run of unknown cost are in no amount.
        0.4: (False, 6, 5, 0.833333, 4, 400.0, 1250.0, 850.0, 0, 0, -50.0),
        # In force: 0.5. It withholds a success of 50 that cost 100.
        0.5: (True, 5, 4, 0.8, 3, 300.0, 1200.0, 900.0, 1, 1, 0.0),
        0.8: (True, 2, 2, 1.0, 1, 100.0, 300.0, 200.0, 4, 3, -700.0),
        0.99: (True, 0, 0, None, 0, 0.0, 0.0, 0.0, 6, 5, -900.0),
    }
    # What four priced runs show is no ground for advice.
    assert {(row["net_value_change_low"], row["is_advised"]) for row in rows.values()} == {(None, False)}
    assert [rows[threshold]["decided_otherwise"] for threshold in (0.4, 0.5, 0.8, 0.99)] == [1, 0, 2, 3]
    assert {threshold: row["advice_rule"] for threshold, row in rows.items()} == {
        0.4: "no_run_at_this_confidence_or_below",
        0.5: "decides_no_priced_run_otherwise",
        0.8: "too_few_effective_runs",
        0.99: "too_few_effective_runs",
    }
    # A loss of 100 avoided and 800 forgone: 900^2 / (100^2 + 800^2).
    assert rows[0.8]["effective_runs"] == pytest.approx(810_000 / 650_000, abs=1e-6)
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
    names = ("acted_on", "success_rate", "net_value", "is_tested", "advice_rule")
    assert {tuple(row[name] for name in names) for row in rows} == {
        (0, None, 0.0, False, "no_run_at_this_confidence_or_below")
    }


Runs = list[tuple[float, bool, float]]


def advice_on(runs: Runs) -> dict[float, Row]:
    """Return the advice on runs of a playbook that costs 100, by confidence, success, and value of a success."""
    known = Experience()
    for confidence, is_success, value in runs:
        (name,) = known.run("P", confidence=confidence)
        outcome = "resolved" if is_success else "no_response"
        known.measure(name, outcome=outcome, estimated_revenue_saved=value if is_success else 0.0)
    found = threshold_advice(known.ledger([playbook("P")]), POLICY)
    return by("confidence_threshold", kept(ThresholdAdvice, found))


def drawn_runs(count: int, seed: int, low_rate: float) -> Runs:
    """Return runs of any confidence; below 0.6 they succeed at another rate than the 0.7 above."""
    chance = numpy.random.default_rng(seed)
    confidences = chance.uniform(0.25, 0.95, count)
    rates = numpy.where(confidences < 0.6, low_rate, 0.7)
    return [
        (float(confidence), bool(chance.random() < rate), float(chance.uniform(100, 300)))
        for confidence, rate in zip(confidences, rates, strict=True)
    ]


def by_hand(runs: Runs, threshold: float) -> tuple[float, float, float, float]:
    """Return change, interval and effective runs, in plain Python."""
    changes = []
    for confidence, is_success, value in runs:
        sign = int(confidence >= threshold) - int(confidence >= 0.5)
        changes.append(sign * ((value if is_success else 0.0) - 100.0))
    count, total = len(changes), sum(changes)
    spread = math.sqrt(sum((change - total / count) ** 2 for change in changes) / (count - 1))
    radius = t.ppf(1 - 0.1 / 6 / 2, count - 1) * spread * math.sqrt(count)
    effective = sum(abs(change) for change in changes) ** 2 / max(sum(change**2 for change in changes), 1e-9)
    return total, total - radius, total + radius, effective


def test_interval_of_a_change_shares_error_with_thresholds() -> None:
    """Runs between 0.5 and 0.6 lose 80 each on average: a threshold of 0.6 is advised."""
    runs = drawn_runs(400, seed=1, low_rate=0.1)
    rows = advice_on(runs)
    for threshold, row in rows.items():
        change, low, high, effective = by_hand(runs, threshold)
        assert (row["net_value_change"], row["effective_runs"]) == pytest.approx((change, effective), abs=0.01)
        expected = (low, high) if effective >= 30 else (None, None)
        assert (row["net_value_change_low"], row["net_value_change_high"]) == pytest.approx(expected, abs=0.02)
        assert row["is_advised"] == (effective >= 30 and low > 0 and row["is_tested"])
    assert {threshold: row["advice_rule"] for threshold, row in rows.items()} == {
        # Below the threshold in force everything loses.
        0.3: "net_value_surely_lower",
        0.4: "net_value_surely_lower",
        0.5: "decides_no_priced_run_otherwise",
        # Withheld per tenth of confidence: losses of 80 on average up to 0.6, gains of 40 above. The net values are as
        # 80, 80 - 40 and 80 - 2 x 40.
        0.6: "net_value_surely_higher",
        0.7: "net_value_surely_higher",
        0.8: "nothing_proven_either_way",
    }


def test_no_threshold_is_advised_because_of_chance() -> None:
    """Where runs earn nothing on average at any confidence, the best point estimate is nearly always above 0."""
    # 0.5 x 200 = 100, the cost of a run.
    worlds = []
    for seed in range(2000):
        chance = numpy.random.default_rng(seed)
        values = numpy.where(chance.random(200) < 0.5, chance.uniform(100, 300, 200), 0.0) - 100
        worlds.append((chance.uniform(0.25, 0.95, 200), values))
    found, naive = 0, 0
    for confidences, values in worlds:
        lows, changes = [], []
        for threshold in POLICY.journey.learning.confidence_thresholds:
            change = ((confidences >= threshold).astype(int) - (confidences >= 0.5).astype(int)) * values
            effective = numpy.abs(change).sum() ** 2 / max((change**2).sum(), 1e-9)
            radius = t.ppf(1 - 0.1 / 6 / 2, 199) * change.std(ddof=1) * math.sqrt(200)
            changes.append(change.sum())
            lows.append(change.sum() - radius if effective >= 30 else -math.inf)
        naive += max(changes) > 0
        found += max(lows) > 0
    assert naive / len(worlds) > 0.85
    assert found / len(worlds) < 0.05, "half of the error of 0.1 is on this side"


def test_few_runs_that_carry_the_change_advise_nothing() -> None:
    """Forty runs are decided otherwise, but one of them is worth more than all others."""
    runs: Runs = [(0.55, False, 0.0)] * 39 + [(0.55, True, 100_000.0)] + [(0.9, True, 200.0)] * 40
    row = advice_on(runs)[0.6]
    assert (row["decided_otherwise"], row["net_value_change_low"], row["is_advised"]) == (40, None, False)
    # 39 losses of 100 avoided, one gain of 99 900 forgone: (39 x 100 + 99 900)^2 / (39 x 100^2 + 99 900^2).
    assert row["effective_runs"] == pytest.approx(103_800**2 / (390_000 + 99_900**2), abs=1e-6)
    assert row["advice_rule"] == "too_few_effective_runs"
