"""Tests of playbook performance: counts by id, shrinkage, value of successes, and advice."""

import math
from typing import Any

import numpy
import pytest
from scipy.stats import beta, binom

from cjo_assets.core.expressions.intervals import two_sided_quantile
from cjo_assets.families.journey.inputs.playbook_performance_log import PlaybookPerformanceLog
from cjo_assets.families.journey.inputs.playbooks import Playbooks
from cjo_assets.families.journey.learning.playbook_performance import (
    PlaybookPerformance,
    playbook_performance,
    runs_that_do_not_add_up,
)
from cjo_assets.families.journey.learning.treatment_effects import TreatmentEffects
from cjo_assets.policy import Policy
from cjo_assets_tests.support.journey.experience import Experience, decision, playbook
from cjo_assets_tests.support.rows import POLICY, Row, Rows, as_of, by, day, kept, policy_with, rows_of, table_of

Z = two_sided_quantile(0.90)
# Half of the range of 1,000 to 3,000, in standard deviations of an interval of 90 %.
DEVIATION = 1000 / Z


def performance(
    known: Experience,
    playbooks: Rows | None = None,
    log: Rows | None = None,
    effects: Rows | None = None,
    policy: Policy = POLICY,
) -> dict[Any, Row]:
    """Return the table by playbook and segment."""
    registry = playbooks or [playbook("P")]
    found = playbook_performance(
        known.ledger(registry, policy),
        table_of(Playbooks, registry),
        playbook_performance_log=table_of(PlaybookPerformanceLog, log or []),
        treatment_effects=table_of(TreatmentEffects, effects or []),
        as_of=as_of(),
        policy=policy,
    )
    return by(("playbook_id", "segment"), kept(PlaybookPerformance, found))


def test_what_was_carried_out_and_measured_counts() -> None:
    """Traps 1 and 2: every figure is joined by intervention, and all are of one population."""
    known = Experience()
    resolved, improved, failed, judged_good, judged_bad, early = known.run("P", times=6)
    known.run("P")  # not measured
    (watched,) = known.run("P", recommended_action="monitor_only")
    refused, approved, lapsed = known.run("P", times=3, requires_human_approval=True)
    (tomorrow,) = known.run("P", generated_at=day(1))
    known.answer(refused, "rejected", "she needs a call", category="wrong_playbook")
    known.answer(approved, "approved")
    known.measure(resolved, outcome="resolved", estimated_revenue_saved=2600.0, resolution_time_days=3.0)
    known.measure(improved, outcome="improved_engagement", estimated_revenue_saved=None)
    known.measure(failed, outcome="no_response", estimated_revenue_saved=900.0)
    known.measure(judged_good, outcome="no_response", playbook_success=True, estimated_revenue_saved=2000.0)
    known.measure(judged_bad, outcome="resolved", playbook_success=False, resolution_time_days=5.0, human_override=True)
    known.measure(early, outcome="resolved", measured_at=day(1))
    for name in (watched, refused, lapsed, tomorrow):
        known.measure(name, outcome="resolved", estimated_revenue_saved=99999.0)
    # Ours: one carried out, one held out. The playbook of an outcome counts where the intervention names none.
    known.decisions = [
        decision("ours", "P", "SMB", day(-5), segment="Enterprise", expected_cost=160.0, expected_value=1500.0),
        decision("held out", "P", "SMB", day(-5), segment="Enterprise", is_held_out=True),
        decision("not measured", "P", "SMB", day(-1), segment="Enterprise"),
    ]
    known.measure("ours", outcome="resolved", estimated_revenue_saved=2000.0)
    known.measure("held out", outcome="resolved", estimated_revenue_saved=99999.0)
    (unnamed,) = known.run("P", "Mid-Market", recommended_action="dance")
    known.interventions[-1]["playbook_id"] = None
    known.measure(unnamed, "Mid-Market", outcome="no_response", playbook_id="P")

    rows = performance(known, [playbook("P"), playbook("later", created_at=day(1))])
    names = ("runs", "measured_runs", "successes", "refusals", "raw_success_rate")
    assert {segment: tuple(row[name] for name in names) for (_, segment), row in rows.items()} == {
        "SMB": (8, 5, 3, 1, 0.6),
        "Mid-Market": (1, 1, 0, 0, 0.0),
        "Enterprise": (2, 1, 1, 0, 1.0),
        "All": (11, 7, 4, 1, 0.571429),
    }
    every = rows["P", "All"]
    # No cost is recorded, and the 160 that our own decision expected is none: the playbook's estimate is used.
    assert every["avg_cost"] == 100.0
    # Successes of known value: 2,600, 2,000 and 2,000 beside four of the prior at 2,000.
    assert every["avg_value"] == pytest.approx(2000 + 600 / 7, abs=0.005)
    assert every["avg_expected_value"] == 1500.0
    assert every["avg_resolution_days"] == 4.0
    # One of the seven measured was overridden, one request was refused, and one was approved and is not measured yet.
    assert every["override_rate"] == pytest.approx(2 / 9, abs=5e-7)
    assert every["refusal_categories"] == ["wrong_playbook 1"]
    assert rows["P", "Mid-Market"]["refusal_categories"] == []


def test_a_cost_counts_where_a_source_recorded_it() -> None:
    known = Experience()
    for cost in (130.0, 190.0, None):
        known.measured("P", 1, 0)
        known.interventions[-1]["expected_cost"] = cost
    rows = performance(known)
    assert rows["P", "All"]["avg_cost"] == pytest.approx((4 * 100 + 130 + 190) / 6, abs=0.005)
    # Of the other segments it weighs as many recorded costs as they have, and the prior: (400 + 320) / 6.
    assert rows["P", "Enterprise"]["avg_cost"] == 120.0


def test_refusals_are_counted_by_category_only() -> None:
    """What a reason begins with is prose: a refusal without a category is a refusal, of none of them."""
    known = Experience()
    # category, reason
    answers = [
        ("bad_timing", "too_expensive in this quarter"),
        ("bad_timing", None),
        ("too_expensive", "by far"),
        (None, "too_expensive: by far"),
        (None, None),
    ]
    for name, (category, reason) in zip(known.run("P", times=5, requires_human_approval=True), answers, strict=True):
        known.answer(name, "rejected", reason, category=category)
    # An answer that approves has no category of rejection, whatever the file has.
    (approved,) = known.run("P", requires_human_approval=True)
    known.answer(approved, "approved", "too_expensive, but go on", category="too_expensive")
    row = performance(known)["P", "All"]
    assert (row["refusals"], row["runs"]) == (5, 1)
    assert row["refusal_categories"] == ["bad_timing 2", "too_expensive 1"]


def test_without_runs_a_playbook_has_the_prior() -> None:
    rows = performance(Experience())
    # Half of four runs succeed; the mean value is 2,000 with the range as its interval.
    rate_variance, value_variance = 0.25 / 5, DEVIATION**2
    variance = 2000**2 * rate_variance + 0.25 * value_variance + rate_variance * value_variance
    for segment in ("All", "SMB", "Mid-Market", "Enterprise"):
        row = rows["P", segment]
        assert (row["success_rate"], row["avg_value"], row["avg_cost"]) == (0.5, 2000.0, 100.0)
        assert row["expected_net_value"] == 900.0
        assert row["net_value_lower_bound"] == pytest.approx(900 - Z * math.sqrt(variance), abs=0.005)
        assert row["net_value_upper_bound"] == pytest.approx(900 + Z * math.sqrt(variance), abs=0.005)
        assert (row["success_rate_low"], row["success_rate_high"]) == pytest.approx((0.1354, 0.8646), abs=0.005)
        assert (row["evidence"], row["advice"]) == ("prior", "keep")
        assert row["raw_success_rate"] is row["override_rate"] is row["avg_resolution_days"] is None


def test_a_segment_is_drawn_to_the_others_and_they_to_the_prior() -> None:
    known = Experience()
    known.measured("P", 5, 1, "SMB", value=2400.0)
    known.measured("P", 1, 3, "Enterprise", value=None)
    rows = performance(known, policy=policy_with(journey__learning__segment_prior_runs=2.0))
    rates = {segment: row["success_rate"] for (_, segment), row in rows.items()}
    assert rates == pytest.approx(
        {
            "All": (0.5 * 4 + 6) / (4 + 10),
            # The others of SMB are those of Enterprise: (2 + 1) / (4 + 4), which weigh two runs.
            "SMB": (2 * 3 / 8 + 5) / (2 + 6),
            "Enterprise": (2 * 7 / 10 + 1) / (2 + 4),
            # Nothing is known of Mid-Market itself: it is expected to be as all are.
            "Mid-Market": 8 / 14,
        },
        abs=1e-6,
    )
    values = {segment: row["avg_value"] for (_, segment), row in rows.items()}
    assert values == pytest.approx(
        {
            "All": 2000 + 5 * 400 / (4 + 5),
            "SMB": 2000 + 5 * 400 / (2 + 5),
            # The one success of Enterprise has no known value.
            "Enterprise": 2000 + 5 * 400 / 9,
            "Mid-Market": 2000 + 5 * 400 / 9,
        },
        abs=0.005,
    )
    # An estimate that is borrowed is less certain than an observed one.
    width = {segment: row["success_rate_high"] - row["success_rate_low"] for (_, segment), row in rows.items()}
    assert width["All"] < width["SMB"] < width["Mid-Market"]
    for row in rows.values():
        net = row["success_rate"] * row["avg_value"] - row["avg_cost"]
        assert row["expected_net_value"] == pytest.approx(net, abs=0.006)
        assert row["net_value_lower_bound"] < row["expected_net_value"] < row["net_value_upper_bound"]


def test_very_many_runs_are_the_data() -> None:
    known = Experience()
    known.measured("P", 1500, 4500, value=2600.0)
    known.measured("P", 1, 1, "Enterprise")
    rows = performance(known)
    row = rows["P", "SMB"]
    assert row["success_rate"] == pytest.approx(0.25, abs=0.001)
    assert row["avg_value"] == pytest.approx(2600, abs=5)
    # Rate alone is uncertain: 2,600 x the normal interval of 1,500 in 6,000.
    radius = Z * 2600 * math.sqrt(0.25 * 0.75 / 6000)
    assert row["expected_net_value"] - row["net_value_lower_bound"] == pytest.approx(radius, rel=0.05)
    assert row["evidence"] == "established"
    # Two runs of Enterprise weigh little beside ten borrowed ones: (0.25 x 10 + 1) / 12.
    assert rows["P", "Enterprise"]["success_rate"] == pytest.approx(3.5 / 12, abs=0.001)
    assert rows["P", "Enterprise"]["evidence"] == "sparse"


LOG: Row = {"playbook_id": "P", "runs": 40, "success_rate": 0.25, "avg_cost": 150.0, "avg_value": 1000.0}


def test_earlier_log_is_a_prior_of_its_own_run_count() -> None:
    known = Experience()
    known.measured("P", 4, 4)
    log = [LOG | {"segment": "All", "override_rate": 0.5, "last_updated": day(-30)}]
    rows = performance(known, log=log)
    row = rows["P", "All"]
    # A run of the log counts half: 0.5 x 4 of the policy, 5 of the log's 20, 4 of our own 8.
    assert row["success_rate"] == pytest.approx((2 + 5 + 4) / (4 + 20 + 8), abs=1e-6)
    # The playbook's 100 weighs four runs; our own eight recorded no cost.
    assert row["avg_cost"] == pytest.approx((400 + 20 * 150) / 24, abs=0.005)
    # 5 successes of the log at 1,000, four of our own and four of the prior at 2,000.
    assert row["avg_value"] == pytest.approx((5 * 1000 + 8 * 2000) / 13, abs=0.005)
    assert row["override_rate"] == pytest.approx(20 / 48, abs=1e-6)
    # The log is no run of ours, and no evidence.
    assert (row["log_runs"], row["runs"], row["measured_runs"], row["evidence"]) == (40, 8, 8, "sparse")
    # A segment that the log does not name is drawn to all: 7 / 24 weighs ten runs, beside eight of SMB.
    assert rows["P", "SMB"]["success_rate"] == pytest.approx((10 * 7 / 24 + 4) / 18, abs=1e-6)
    whole = performance(known, log=log, policy=policy_with(journey__learning__log_run_weight=1.0))["P", "All"]
    assert whole["success_rate"] == pytest.approx((2 + 10 + 4) / (4 + 40 + 8), abs=1e-6)
    later = performance(known, log=[log[0] | {"last_updated": day(1)}])
    unused = performance(known, log=log, policy=policy_with(journey__learning__use_performance_log=False))
    assert later == unused == performance(known)


def test_log_by_segment_is_summed_own_segment_first() -> None:
    known = Experience()
    log = [
        LOG | {"segment": "SMB", "runs": 30, "success_rate": 0.9},
        LOG | {"segment": "Enterprise", "runs": 10, "success_rate": 0.0},
    ]
    rows = performance(known, log=log)
    # A run of the log counts half.
    assert rows["P", "All"]["success_rate"] == pytest.approx((2 + 13.5) / 24, abs=1e-6)
    # Others of SMB: (2 + 0) / 9 weighs nine runs, its own log 15.
    assert rows["P", "SMB"]["success_rate"] == pytest.approx((9 * 2 / 9 + 13.5) / 24, abs=1e-6)
    # Without a success its value is unknown: the others are drawn upon, 13.5 successes at 1,000.
    assert rows["P", "Enterprise"]["avg_value"] == pytest.approx(2000 - 13.5 * 1000 / 17.5, abs=0.005)
    assert {row["evidence"] for row in rows.values()} == {"prior"}


def effect(segment: str, control: str, low: float, high: float) -> Row:
    """Return a treatment effect with its always-valid interval."""
    shared: Row = {"playbook_id": "P", "segment": segment, "control": control, "status": "measured"}
    return shared | {"always_valid_low": low, "always_valid_high": high}


GAIN, HARM, NOTHING = (0.05, 0.4), (-0.4, -0.05), (-0.1, 0.1)
SURE = "randomised_gain_and_net_value_surely_positive"
HARMFUL = "customers_left_alone_fare_better"
# successes, failures, value of a success, effect, advice, rule; all of SMB
ADVICE = {
    "gain of all": (40, 20, 2000.0, effect("All", "held_out", *GAIN), "promote", SURE),
    "gain of its own": (40, 20, 2000.0, effect("SMB", "held_out", *GAIN), "promote", SURE),
    # A gain in another segment is not this one's, and who is refused is no chance.
    "gain of others": (40, 20, 2000.0, effect("Enterprise", "held_out", *GAIN), "keep", "nothing_proven_either_way"),
    "matched gain": (40, 20, 2000.0, effect("All", "untreated", *GAIN), "keep", "nothing_proven_either_way"),
    "no effect": (40, 20, 2000.0, effect("All", "held_out", *NOTHING), "keep", "nothing_proven_either_way"),
    "matched harm": (40, 20, 2000.0, effect("All", "untreated", *HARM), "review", HARMFUL),
    "harm without a run": (0, 0, 2000.0, effect("All", "untreated", *HARM), "review", HARMFUL),
    # Thirty runs are enough to praise, 29 are not, whatever the comparison shows.
    "too few": (15, 14, 2000.0, effect("All", "held_out", *GAIN), "keep", "too_few_measured_runs"),
    "just enough": (16, 14, 2000.0, effect("All", "held_out", *GAIN), "promote", SURE),
    # A value of 2,000 x 4 / 54 at half of the runs does not pay for 100 each; with 500 runs more that is sure.
    "likely loss": (50, 50, 0.0, effect("All", "held_out", *GAIN), "review", "net_value_negative"),
    "sure loss": (300, 300, 0.0, effect("All", "held_out", *GAIN), "retire", "net_value_surely_negative"),
    "never works": (0, 600, 2000.0, effect("All", "held_out", *GAIN), "retire", "net_value_surely_negative"),
}


def test_advice_and_the_rule_that_gave_it() -> None:
    known = Experience()
    for name, (successes, failures, value, *_) in ADVICE.items():
        known.measured(name, successes, failures, value=value)
    effects = [shown | {"playbook_id": name} for name, (_, _, _, shown, _, _) in ADVICE.items()]
    rows = performance(known, [playbook(name) for name in ADVICE], effects=effects)
    found = {name: (rows[name, "SMB"]["advice"], rows[name, "SMB"]["advice_rule"]) for name in ADVICE}
    assert found == {name: (advice, rule) for name, (*_, advice, rule) in ADVICE.items()}


def test_often_overruled_playbooks_are_reviewed() -> None:
    # refusals, overridden, not overridden
    cases = {"often": (6, 6, 28), "seldom": (6, 5, 29), "too few": (9, 5, 15)}
    known = Experience()
    for playbook_id, (refusals, overridden, others) in cases.items():
        for name in known.run(playbook_id, times=refusals, requires_human_approval=True):
            known.answer(name, "rejected", "other")
        for number, name in enumerate(known.run(playbook_id, times=overridden + others)):
            known.measure(name, outcome="resolved", human_override=number < overridden)
    effects = [effect("All", "held_out", *GAIN) | {"playbook_id": name} for name in cases]
    rows = performance(known, [playbook(name) for name in cases], effects=effects)
    assert {name: (rows[name, "All"]["override_rate"], rows[name, "All"]["advice_rule"]) for name in cases} == {
        "often": (0.3, "people_overrule_it_often"),
        "seldom": (0.275, SURE),
        "too few": (0.482759, "too_few_measured_runs"),
    }


def test_trap_24_advice_and_figures_follow_the_outcomes() -> None:
    """Trap 24: what is measured changes rate, value and advice; the net value knows the success rate."""
    before, worse, better = Experience(), Experience(), Experience()
    before.measured("P", 15, 14)
    worse.measured("P", 15, 14)
    worse.measured("P", 0, 800)
    better.measured("P", 15, 14)
    better.measured("P", 200, 200)
    effects = [effect("All", "held_out", *GAIN)]
    rows = {
        name: performance(known, effects=effects)["P", "All"]
        for name, known in (("before", before), ("worse", worse), ("better", better))
    }
    assert {name: row["advice"] for name, row in rows.items()} == {
        "before": "keep",
        "worse": "retire",
        "better": "promote",
    }
    # The same value and cost of a success: the ratio of the two would call them equal.
    assert rows["worse"]["avg_value"] == rows["better"]["avg_value"] == 2000.0
    assert rows["worse"]["avg_cost"] == rows["better"]["avg_cost"] == 100.0
    for row in rows.values():
        assert row["expected_net_value"] == pytest.approx(row["success_rate"] * 2000 - 100, abs=0.005)


def test_runs_that_do_not_add_up_are_found() -> None:
    def found(changes: dict[str, Row]) -> list[str]:
        counts: Row = {"runs": 4, "measured_runs": 3, "successes": 2, "refusals": 1}
        double = {name: 2 * number for name, number in counts.items()}
        rows = {"All": double, "SMB": counts, "Enterprise": counts}
        table = [{"playbook_id": "P", "segment": name} | row | changes.get(name, {}) for name, row in rows.items()]
        return [row["playbook_id"] for row in rows_of(runs_that_do_not_add_up(table_of(PlaybookPerformance, table)))]

    assert found({}) == []
    assert found({"All": {"runs": 9}}) == ["P"]
    assert found({"SMB": {"successes": 4}, "Enterprise": {"successes": 0}}) == ["P"]
    assert found({"SMB": {"measured_runs": 5}, "Enterprise": {"measured_runs": 1}}) == ["P"]


def moments(counts: list[tuple[int, int]]) -> tuple[float, float]:
    """Return mean and weight of the distribution that rates come from, by Kleinman's moments in plain Python."""
    counts = [(successes, runs) for successes, runs in counts if runs >= 10]
    trust = [runs / (runs + 4) for _, runs in counts]
    rates = [successes / runs for successes, runs in counts]
    mean = sum(one * rate for one, rate in zip(trust, rates, strict=True)) / sum(trust)
    own = [one * (1 - one / sum(trust)) for one in trust]
    spread = sum(one * (rate - mean) ** 2 for one, rate in zip(trust, rates, strict=True)) / (mean * (1 - mean))
    chance = sum(one / runs for one, (_, runs) in zip(own, counts, strict=True))
    alike = (spread - chance) / (sum(own) - chance)
    return mean, min(max(1 / alike - 1, 2.0), 10.0) if alike > 0 else 10.0


def used(counts: list[tuple[int, int]]) -> tuple[Experience, Rows]:
    """Return playbooks with so many successes of so many runs, and one that was never used."""
    known = Experience()
    for number, (successes, runs) in enumerate(counts):
        known.measured(f"P{number}", successes, runs - successes)
    return known, [playbook(f"P{number}") for number in range(len(counts))] + [playbook("new")]


@pytest.mark.parametrize(
    "counts",
    [
        # The last was used too rarely to show how different playbooks are.
        [(9, 10), (7, 10), (16, 20), (3, 12), (40, 60), (1, 9)],
        [(8, 10), (8, 10), (8, 10), (8, 10), (8, 10)],
        [(1, 20), (19, 20), (2, 20), (18, 20), (10, 20), (20, 20)],
    ],
)
def test_enough_playbooks_are_the_prior_of_each(counts: list[tuple[int, int]]) -> None:
    known, registry = used(counts)
    mean, weight = moments(counts)
    rows = performance(known, registry)
    for number, (successes, runs) in enumerate(counts):
        row = rows[f"P{number}", "All"]
        assert (row["prior_success_rate"], row["prior_runs"]) == pytest.approx((mean, weight), abs=1e-5)
        assert row["success_rate"] == pytest.approx((mean * weight + successes) / (weight + runs), abs=1e-5)
    assert rows["new", "All"]["success_rate"] == pytest.approx(mean, abs=1e-5)


def test_prior_is_the_policys_with_few_playbooks_or_no_variance() -> None:
    for counts in ([(9, 10)] * 4 + [(8, 9)], [(10, 10)] * 6, [(0, 10)] * 6, [(1, 1)] * 4 + [(0, 1)] * 4):
        row = performance(*used(counts))["P0", "All"]
        assert (row["prior_success_rate"], row["prior_runs"]) == (0.5, 4.0)
    fewer = policy_with(journey__learning__learned_prior_playbooks=4)
    assert performance(*used([(9, 10)] * 4), policy=fewer)["P0", "All"]["prior_success_rate"] == pytest.approx(0.9)


@pytest.mark.parametrize(("successes", "failures"), [(2, 2), (8, 2), (10, 10), (60, 40)])
@pytest.mark.parametrize("runs", [10, 30])
def test_a_prior_learned_from_five_playbooks_keeps_the_level(successes: int, failures: int, runs: int) -> None:
    """Of five playbooks with so many runs, however different they are: 0.85 to 0.92 of intervals of level 0.90."""
    chance = numpy.random.default_rng(1)
    held = []
    for _ in range(300):
        rates = chance.beta(successes, failures, 5)
        seen = chance.binomial(runs, rates)
        is_all_alike = seen.sum() in (0, 5 * runs)
        mean, weight = (0.5, 4.0) if is_all_alike else moments([(int(count), runs) for count in seen])
        a, b = mean * weight + seen, (1 - mean) * weight + runs - seen
        held.append((beta.ppf(0.05, a, b) <= rates) & (rates <= beta.ppf(0.95, a, b)))
    assert 0.83 < numpy.mean(held) < 0.94, "within what 1,500 intervals can show"


def coverage(rate: float, runs: int, prior: float, weight: float) -> float:
    """Return how often the interval of level 0.90 holds a rate: exactly, over all numbers of successes."""
    inside = 0.0
    for successes in range(runs + 1):
        a, b = prior * weight + successes, (1 - prior) * weight + runs - successes
        low, high = beta.ppf(0.05, a, b), beta.ppf(0.95, a, b)
        inside += binom.pmf(successes, runs, rate) * (low <= rate <= high)
    return float(inside)


def test_the_level_means_what_the_documentation_states() -> None:
    """Of a playbook of a given rate, under the policy's prior: a table of docs/explanation/journey/kpis.md."""
    found = {(rate, runs): round(coverage(rate, runs, 0.5, 4), 2) for rate in (0.1, 0.5, 0.9) for runs in (3, 10, 30)}
    assert found == {
        (0.1, 3): 0.73,
        (0.1, 10): 0.74,
        (0.1, 30): 0.82,
        (0.5, 3): 1.0,
        (0.5, 10): 0.89,
        (0.5, 30): 0.9,
        (0.9, 3): 0.73,
        (0.9, 10): 0.74,
        (0.9, 30): 0.82,
    }
    # Over rates as the prior has them the level holds.
    for runs in (3, 10, 30):
        rates = beta.ppf((numpy.arange(400) + 0.5) / 400, 2, 2)
        assert numpy.mean([coverage(rate, runs, 0.5, 4) for rate in rates]) == pytest.approx(0.90, abs=0.01)
    # Far from the policy's prior it does not, unless the playbooks themselves show where they are.
    assert coverage(0.9, 10, 0.85, 10) > 0.95
