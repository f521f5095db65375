"""Tests of experiment evaluations: each rule by an example that can be checked by hand."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import numpy
import pytest
from scipy.integrate import quad
from scipy.stats import beta, chisquare
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.proportion import proportion_confint, proportion_effectsize, proportions_ztest

from cjo_assets.families.marketing.experiments._experiment_verdicts import RULES as VERDICT_RULES
from cjo_assets.families.marketing.experiments.experiment_arms import ExperimentArms, experiment_arms
from cjo_assets.families.marketing.experiments.experiment_evaluations import (
    ExperimentEvaluations,
    experiment_evaluations,
    posteriors_against_their_verdict,
    sample_ratio_mismatches,
    shown_in_idle_campaigns,
    shown_though_planned,
    verdicts_against_their_interval,
)
from cjo_assets.families.marketing.inputs.campaigns import Campaigns
from cjo_assets.families.marketing.inputs.creative_assets import CreativeAssets
from cjo_assets.families.marketing.inputs.experiments import Experiments
from cjo_assets.families.marketing.inputs.performance_metrics import PerformanceMetrics
from cjo_assets.families.marketing.measurement.metric_definitions import metric_definitions
from cjo_assets.policy import Policy
from cjo_assets_tests.support.marketing.experiments import (
    AS_OF,
    DAY,
    GUARDED,
    RULES,
    UNGUARDED,
    experiment,
    frames,
    many,
)
from cjo_assets_tests.support.rows import BACKEND, POLICY, Row, Rows, by, kept, policy_with, rows_of, table_of

ENDED = {"status": "completed", "end_date": date(2026, 3, 15)}
# Successes and exposures. At 10 %, 5,000 an arm see a lift of 17 % with a power of 80 %; 15,000 see one of 10 %.
EVEN = (500, 5_000)
SAME = ((1_500, 15_000), (1_500, 15_000))
SCENARIOS = [
    experiment("BETTER", EVEN, (650, 5_000)),
    experiment("WORSE", EVEN, (380, 5_000)),
    experiment("ALIKE", EVEN, (505, 5_000)),
    experiment("A_LITTLE", (50_000, 500_000), (50_900, 500_000)),
    experiment("LIFT_OF_TWO_PER_MILLE", (5_000_000, 50_000_000), (5_010_000, 50_000_000)),
    experiment("SLIGHT_EARLY", (3_000, 10_000), (3_290, 10_000), horizon_reached_on=date(2026, 3, 9)),
    experiment("AT_ITS_HORIZON", EVEN, (575, 5_000), horizon_reached_on=date(2026, 3, 9)),
    experiment("TINY", (1, 100), (4, 100)),
    experiment("SMALL", (20, 99), (60, 99)),
    experiment("UNKNOWN_METRIC", EVEN, (650, 5_000), metric="love"),
    experiment("PLANNED", EVEN, (650, 5_000), status="planned"),
    experiment("NOT_YET", EVEN, (650, 5_000), start_date=date(2026, 3, 21)),
    experiment("SILENT", (0, 0), (0, 0), status="completed"),
    experiment("ONE_ARM", EVEN, (0, 0)),
    experiment("MISMATCH", (500, 5_000), (700, 5_400)),
    experiment("UNEVEN_AS_PLANNED", (200, 2_000), (1_120, 8_000), control_share=0.2),
    experiment("TOO_MANY", (500, 400), (500, 400)),
    experiment("ELSEWHERE", EVEN, (650, 5_000), variant_segment_id="other"),
    experiment("IDLE", EVEN, (505, 5_000), campaign_id="IDLE"),
    experiment("LESS_LEAVE", EVEN, (380, 5_000), metric="leave_rate"),
    experiment("MORE_LEAVE", EVEN, (650, 5_000), metric="leave_rate"),
    experiment("CLUMPED", EVEN, (575, 5_000), metric="clumped_rate"),
    experiment("UNCLUMPED", EVEN, (575, 5_000)),
    experiment("PLAIN_WIN", *((1_500, 15_000), (1_680, 15_000)), **ENDED),
    experiment("STILL_RUNNING", *((1_500, 15_000), (1_620, 15_000))),
    experiment("ENDED_EARLY", EVEN, (560, 5_000), **ENDED),
    experiment("STOPPED", (1_500, 15_000), (1_620, 15_000), status="stopped", end_date=date(2026, 3, 15)),
    experiment("COMPLETED_LATER", (1_500, 15_000), (1_620, 15_000), status="completed", end_date=date(2026, 3, 25)),
    experiment("NO_EFFECT", *SAME, **ENDED),
    experiment("UNDECIDED", (1_500, 15_000), (1_590, 15_000), **ENDED),
    experiment("ONLY_VARIANT", (0, 5_000), (60, 5_000)),
    experiment("SMALL_LOSS", EVEN, (480, 5_000)),
    experiment("RARE", (30, 5_000), (30, 5_000)),
    *(experiment(f"TENTH_{n}", (n, 10 * n), (n * 11 // 10, 10 * n)) for n in (30_000, 70_000, 110_000)),
    experiment("ALONE", (1_500, 15_000), (1_651, 15_000), **ENDED) | {"family": None},
]
FAMILY = [
    experiment(f"F{number:02d}", (1_500, 15_000), (1_500, 15_000), family="F", **ENDED) for number in range(19)
] + [experiment("LUCKY", (1_500, 15_000), (1_651, 15_000), family="F", **ENDED)]


def chance_of(a: float, b: float, a0: float, b0: float) -> float:
    """Return the probability that a beta variable exceeds another, by adaptive quadrature."""
    low, high = beta.ppf([1e-12, 1 - 1e-12], a0, b0)
    return float(quad(lambda share: beta.sf(share, a, b) * beta.pdf(share, a0, b0), low, high, epsabs=1e-11)[0])


def loss_of(a: float, b: float, a0: float, b0: float) -> float:
    """Return the mean of what a beta variable lacks to another, by adaptive quadrature."""
    low, high = beta.ppf(1e-12, a, b), beta.ppf(1 - 1e-12, a0, b0)
    return float(quad(lambda share: beta.cdf(share, a, b) * beta.sf(share, a0, b0), low, high, epsabs=1e-11)[0])


def evaluated(experiments: Rows, policy: Policy) -> dict[Any, Row]:
    """Return the evaluations by experiment, as stored."""
    rows = kept(ExperimentEvaluations, experiment_evaluations(**frames(experiments, policy)), DAY)
    return by("experiment_id", rows)


@pytest.fixture(scope="module")
def found() -> dict[Any, Row]:
    """All scenarios, evaluated together."""
    return evaluated([*SCENARIOS, *FAMILY], UNGUARDED)


@pytest.mark.parametrize(
    ("name", "verdict", "rule"),
    [
        ("BETTER", "scale_variant", "better_than_control"),
        ("WORSE", "stop", "worse_than_control"),
        ("ALIKE", "continue", "underpowered"),
        ("A_LITTLE", "stop", "lift_too_small"),
        ("SLIGHT_EARLY", "inconclusive", "lift_not_reached"),
        ("AT_ITS_HORIZON", "scale_variant", "better_than_control"),
        ("UNCLUMPED", "continue", "underpowered"),
        ("TINY", "continue", "too_few_successes"),
        ("SMALL", "continue", "too_few_exposures"),
        ("UNKNOWN_METRIC", "invalid", "metric_not_defined"),
        ("PLANNED", "inconclusive", "not_started"),
        ("NOT_YET", "inconclusive", "not_started"),
        ("SILENT", "inconclusive", "nothing_counted"),
        ("ONE_ARM", "invalid", "arm_never_shown"),
        ("MISMATCH", "invalid", "sample_ratio_mismatch"),
        ("UNEVEN_AS_PLANNED", "scale_variant", "better_than_control"),
        ("TOO_MANY", "invalid", "more_successes_than_exposures"),
        ("ELSEWHERE", "invalid", "arms_not_comparable"),
        ("LESS_LEAVE", "scale_variant", "better_than_control"),
        ("MORE_LEAVE", "stop", "worse_than_control"),
        ("PLAIN_WIN", "scale_variant", "better_than_control"),
        ("STILL_RUNNING", "continue", "undecided"),
        ("ENDED_EARLY", "inconclusive", "underpowered"),
        ("STOPPED", "inconclusive", "undecided"),
        ("COMPLETED_LATER", "continue", "undecided"),
        ("NO_EFFECT", "stop", "lift_too_small"),
        ("UNDECIDED", "inconclusive", "undecided"),
        ("ONLY_VARIANT", "scale_variant", "better_than_control"),
        ("LUCKY", "inconclusive", "lost_in_correction"),
    ],
)
def test_the_first_rule_that_applies_decides(found: dict[Any, Row], name: str, verdict: str, rule: str) -> None:
    assert (found[name]["verdict"], found[name]["rule"]) == (verdict, rule)


def test_every_rule_has_an_example(found: dict[Any, Row]) -> None:
    guarded = {"guardrail_harmed", "guardrail_broken"}
    assert {row["rule"] for row in found.values()} == set(VERDICT_RULES) - guarded


def test_effects_are_differences_of_rates(found: dict[Any, Row]) -> None:
    row = found["BETTER"]
    assert (row["control_rate"], row["variant_rate"], row["absolute_effect"]) == (0.1, 0.13, 0.03)
    assert row["relative_effect"] == 0.3
    assert row["absolute_effect_low"] < 0.03 < row["absolute_effect_high"]
    assert row["always_valid_low"] < row["absolute_effect_low"]
    assert row["hypothesis_held"] is True


def test_an_unknown_metric_has_no_effect_rather_than_none(found: dict[Any, Row]) -> None:
    """Trap M2: a lift of 0 would be averaged into the mean lift."""
    row = found["UNKNOWN_METRIC"]
    for name in ("absolute_effect", "relative_effect", "p_value", "power", "always_valid_low", "hypothesis_held"):
        assert row[name] is None, name
    assert row["verdict"] == "invalid"


def test_a_lift_of_two_per_mille_is_no_reason_to_scale(found: dict[Any, Row]) -> None:
    """Trap M3: +0.2 %, with certainty, against a threshold of 0.10: a fraction is compared with a fraction."""
    row = found["LIFT_OF_TWO_PER_MILLE"]
    assert row["relative_effect"] == 0.002
    assert row["p_value"] < 0.001
    assert (row["verdict"], row["rule"]) == ("stop", "lift_too_small")


def test_a_lift_of_exactly_the_threshold_reaches_it(found: dict[Any, Row]) -> None:
    """1,100 against 1,000 is a lift of 0.10, though 0.11 / 0.10 - 1 is a little more or less in binary."""
    assert {found[f"TENTH_{n}"]["verdict"] for n in (30_000, 70_000, 110_000)} == {"scale_variant"}


def test_only_a_significant_loss_stops_an_experiment(found: dict[Any, Row]) -> None:
    """Trap M4."""
    assert found["WORSE"]["always_valid_high"] < 0
    assert (found["WORSE"]["verdict"], found["WORSE"]["hypothesis_held"]) == ("stop", False)
    assert (found["SMALL_LOSS"]["verdict"], found["SMALL_LOSS"]["hypothesis_held"]) == ("continue", None)


def test_running_experiment_uses_the_always_valid_interval(found: dict[Any, Row]) -> None:
    """Trap M5: 1,620 against 1,500 is significant for who looks once, and not for who looks every day."""
    for name in ("STILL_RUNNING", "STOPPED", "COMPLETED_LATER"):
        row = found[name]
        assert row["p_value"] < 0.05 < row["always_valid_p_value"]
        assert (row["reading"], row["adjusted_p_value"]) == ("always_valid", row["always_valid_p_value"])
    assert found["PLAIN_WIN"]["reading"] == "fixed_horizon"
    assert found["SLIGHT_EARLY"]["reading"] == "fixed_horizon"
    assert found["AT_ITS_HORIZON"]["reading"] == "fixed_horizon"
    assert found["ENDED_EARLY"]["reading"] == "always_valid"


def test_the_sample_needed_follows_from_power(found: dict[Any, Row]) -> None:
    """Trap M6: at 0.6 %, 100 impressions show nothing; statsmodels needs 273,000 an arm to detect a lift of 10 %."""
    row = found["RARE"]
    size = proportion_effectsize(0.0066, 0.006)
    required = NormalIndPower().solve_power(size, alpha=0.05, power=0.8)
    assert row["required_exposures"] == pytest.approx(required, rel=1e-4)
    assert round(row["required_exposures"], -3) == 273_000
    assert row["power"] == pytest.approx(NormalIndPower().power(size, 5_000, 0.05), abs=1e-6)
    assert (row["is_powered"], row["rule"]) == (False, "underpowered")
    seen = NormalIndPower().solve_power(nobs1=5_000, alpha=0.05, power=0.8)
    assert proportion_effectsize(0.006 * (1 + row["minimum_detectable_effect"]), 0.006) == pytest.approx(seen, rel=1e-4)
    assert (found["TINY"]["verdict"], found["TINY"]["reading"]) == ("continue", None)


def test_one_of_twenty_is_lost_in_correction(found: dict[Any, Row]) -> None:
    """Trap M7: one of twenty is below 0.05 by chance; alone it would have won."""
    row = found["LUCKY"]
    assert row["p_value"] < 0.05 < row["adjusted_p_value"]
    assert (row["comparisons"], row["verdict"], row["hypothesis_held"]) == (20, "inconclusive", None)
    alone = found["ALONE"]
    assert (alone["family"], alone["comparisons"], alone["verdict"]) == ("CAMP", 1, "scale_variant")


def test_the_correction_is_that_of_statsmodels() -> None:
    chance = numpy.random.default_rng(7)
    rows = [
        experiment(f"E{n:02d}", EVEN, (int(count), 5_000), family=f"family {n % 3}")
        for n, count in enumerate(chance.binomial(5_000, 0.105, 36))
    ]
    # Those that are not read are not among the comparisons.
    rows += [
        experiment("X", (1, 50), (2, 50), family="family 0"),
        experiment("Y", EVEN, EVEN, metric="love", family="f"),
    ]
    found = evaluated(rows, UNGUARDED)
    for family in range(3):
        names = [f"E{n:02d}" for n in range(36) if n % 3 == family]
        given = [found[name]["always_valid_p_value"] for name in names]
        expected = multipletests(given, method="fdr_bh")[1]
        assert [found[name]["adjusted_p_value"] for name in names] == pytest.approx(expected.tolist(), abs=2e-9)
        assert {found[name]["comparisons"] for name in names} == {12}


def test_exposures_that_depend_on_each_other_count_less(found: dict[Any, Row]) -> None:
    """Trap M8: a design effect of 4 is a quarter of the impressions, and twice the standard error."""
    clumped, plain = found["CLUMPED"], found["UNCLUMPED"]
    assert clumped["absolute_effect"] == plain["absolute_effect"]
    assert plain["p_value"] < 0.05 < clumped["p_value"]
    assert clumped["required_exposures"] == pytest.approx(4 * plain["required_exposures"], rel=1e-4)
    quarter = proportions_ztest([575 / 4, 500 / 4], [1_250, 1_250])[1]
    assert clumped["p_value"] == pytest.approx(quarter, abs=1e-9)


def test_a_sample_ratio_mismatch_invalidates_whatever_the_lift(found: dict[Any, Row]) -> None:
    """Trap M9: 5,000 against 5,400 is no 50:50; 2,000 against 8,000 is one of 20:80."""
    row = found["MISMATCH"]
    assert row["sample_ratio_p_value"] == pytest.approx(chisquare([5_000, 5_400])[1], abs=1e-9)
    assert row["has_sample_ratio_mismatch"] is True
    assert (found["UNEVEN_AS_PLANNED"]["sample_ratio_p_value"], found["BETTER"]["has_sample_ratio_mismatch"]) == (
        1.0,
        False,
    )


# Arms: impressions, people, clicks, conversions. The plan is half and half.
PEOPLE = {
    "PEOPLE": ((24_000, 8_000, 8_000, 48), (24_600, 8_200, 8_200, 74)),
    "IMPRESSIONS": ((8_000, None, 500, 48), (8_200, None, 500, 74)),
    "SPLIT": ((30_000, 10_250, 400, 600), (30_000, 9_750, 400, 600)),
    "POWER": ((64_000, 32_000, 3_200, 1_600), (64_000, 32_000, 3_200, 1_792)),
}


@pytest.fixture(scope="module")
def of_people() -> dict[Any, Row]:
    """Experiments on conversions, of which three count people, under the packaged policy."""
    day, ended = date(2026, 3, 10), {"end_date": date(2026, 3, 15), "status": "completed"}
    plans = [
        {"experiment_id": name, "campaign_id": name, "control_asset": f"{name}-A", "variant_asset": f"{name}-B"}
        | {"metric": "conversion_rate", "start_date": date(2026, 3, 1), "status": "running"}
        | (ended if name in {"SPLIT", "POWER"} else {})
        for name in PEOPLE
    ]
    names = ("impressions", "exposed_people", "clicks", "conversions")
    snapshots = [
        {"experiment_id": name, "asset_id": f"{name}-{label}", "timestamp": datetime(2026, 3, 10), "cost": 100.0}
        | dict(zip(names, counts, strict=True))
        for name, arms in PEOPLE.items()
        for label, counts in zip("AB", arms, strict=True)
    ]
    assets = [{"asset_id": f"{name}-{label}"} for name in PEOPLE for label in "AB"]
    plan, metrics = table_of(Experiments, plans), metric_definitions(POLICY)
    made = experiment_arms(
        table_of(PerformanceMetrics, snapshots), plan, table_of(CreativeAssets, assets), metrics, AS_OF, POLICY
    )
    arms = [{name: row[name] for name in row if name != "as_of"} for row in kept(ExperimentArms, made, DAY)]
    assert {row["last_snapshot_at"].date() for row in arms} == {day}
    campaigns = table_of(Campaigns, [{"campaign_id": name, "status": "active"} for name in PEOPLE])
    rows = experiment_evaluations(table_of(ExperimentArms, arms), plan, campaigns, metrics, AS_OF, POLICY)
    return by("experiment_id", kept(ExperimentEvaluations, rows, DAY))


def test_people_are_independent_trials_and_impressions_are_not(of_people: dict[Any, Row]) -> None:
    """Trap M8: the same counts, of people and of impressions of which 1.5 are a trial."""
    for name, effect, p_value, required in (("PEOPLE", 1.0, 0.0260, 272_826), ("IMPRESSIONS", 1.5, 0.0691, 409_239)):
        row = of_people[name]
        by_hand = proportions_ztest([74 / effect, 48 / effect], [8_200 / effect, 8_000 / effect])[1]
        assert row["p_value"] == pytest.approx(by_hand, abs=1e-9)
        assert row["p_value"] == pytest.approx(p_value, abs=5e-5)
        assert (row["design_effect"], row["required_exposures"]) == (effect, required)


def test_people_split_unevenly_are_a_sample_ratio_mismatch(of_people: dict[Any, Row]) -> None:
    """10,250 against 9,750: chi-square 12.5, p 0.000407 for one look, 0.0144 for a look on every day."""
    row = of_people["SPLIT"]
    assert row["sample_ratio_p_value"] == pytest.approx(chisquare([10_250, 9_750])[1], abs=1e-9)
    assert row["sample_ratio_p_value"] == pytest.approx(0.000407, abs=5e-7)
    assert row["always_valid_sample_ratio_p_value"] == pytest.approx(0.0144, abs=5e-5)
    assert (row["has_sample_ratio_mismatch"], row["verdict"]) == (True, "invalid")


def test_people_need_fewer_exposures_for_the_same_power(of_people: dict[Any, Row]) -> None:
    row = of_people["POWER"]
    assert row["p_value"] == pytest.approx(0.000705, abs=5e-7)
    assert (row["required_exposures"], row["is_powered"]) == (31_218, True)
    assert (row["verdict"], row["rule"]) == ("scale_variant", "better_than_control")


def test_guardrails_of_people_have_the_design_effect_of_people() -> None:
    """1,000 and 960 conversions: between 0.88 and 1.05 of the control's for people, down to 0.86 for impressions."""
    read_once = {"horizon_reached_on": date(2026, 3, 9)}
    people = {"control_unit": "people", "variant_unit": "people"}
    rows = [guarded("PEOPLE", (1_000, 960), **people, **read_once), guarded("IMPRESSIONS", (1_000, 960), **read_once)]
    for effect, unproven in ((1.5, {"IMPRESSIONS"}), (1.0, set())):
        low, _ = proportion_confint(960 / effect, 1_960 / effect, alpha=0.05, method="wilson")
        assert (low / (1 - low) < 0.875) == bool(unproven)
        rule = {"counted": "conversions", "per": "impressions", "margin": 0.125, "design_effect": effect}
        policy = policy_with(**RULES, marketing__experiments__guardrails={"conversions_per_impression": rule})
        found = evaluated(rows, policy)
        assert {name for name, row in found.items() if row["guardrails_unproven"]} == unproven


def test_the_posterior_adds_the_prior_to_the_counts(found: dict[Any, Row]) -> None:
    """650 of 5,000 against 500 of 5,000 with one success and one failure before, by quadrature."""
    row = found["BETTER"]
    assert row["chance_to_beat_control"] == pytest.approx(chance_of(651, 4_351, 501, 4_501), abs=1e-8)
    assert row["expected_loss"] == pytest.approx(loss_of(651, 4_351, 501, 4_501), abs=1e-8)
    assert row["posterior_lift_low"] < row["relative_effect"] < row["posterior_lift_high"]
    # With a flat prior and thousands of exposures it is the interval for one reading, to a hundredth.
    assert row["posterior_lift_low"] == pytest.approx(row["relative_effect_low"], abs=0.01)
    assert row["posterior_lift_high"] == pytest.approx(row["relative_effect_high"], abs=0.01)


def test_a_posterior_is_divided_by_the_design_effect(found: dict[Any, Row]) -> None:
    """575 against 500 of 5,000 at a design effect of 4 are 143.75 against 125 of 1,250."""
    clumped = found["CLUMPED"]["chance_to_beat_control"]
    assert clumped == pytest.approx(chance_of(144.75, 1_107.25, 126, 1_126), abs=1e-8)
    assert clumped < found["UNCLUMPED"]["chance_to_beat_control"]


def test_the_policy_has_the_prior(found: dict[Any, Row]) -> None:
    """A prior of 1,000 exposures at 10 % draws both arms to it."""
    prior = {"prior_successes": 100.0, "prior_failures": 900.0}
    policy = policy_with(**{f"marketing__experiments__{name}": value for name, value in prior.items()}, **RULES)
    row = evaluated([experiment("BETTER", EVEN, (650, 5_000))], policy)["BETTER"]
    assert row["chance_to_beat_control"] == pytest.approx(chance_of(750, 5_250, 600, 5_400), abs=1e-8)
    assert row["chance_to_beat_control"] < found["BETTER"]["chance_to_beat_control"]


def test_where_less_is_better_the_posterior_is_of_less(found: dict[Any, Row]) -> None:
    """380 against 500 of 5,000, once of clicks and once of people who leave."""
    less, worse = found["LESS_LEAVE"], found["WORSE"]
    assert less["chance_to_beat_control"] == pytest.approx(1 - worse["chance_to_beat_control"], abs=2e-9)
    assert less["expected_loss"] == pytest.approx(loss_of(501, 4_501, 381, 4_621), abs=1e-8)
    assert (less["posterior_lift_low"], less["posterior_lift_high"]) == (
        worse["posterior_lift_low"],
        worse["posterior_lift_high"],
    )
    # What is lost by choosing it, less what is lost by not choosing it, is the difference of the means.
    assert worse["expected_loss"] - less["expected_loss"] == pytest.approx(120 / 5_002, abs=2e-9)


def test_nothing_that_is_not_read_has_a_posterior(found: dict[Any, Row]) -> None:
    for name, row in found.items():
        for column in ("chance_to_beat_control", "expected_loss", "posterior_lift_low", "posterior_lift_high"):
            assert (row[column] is None) == (row["reading"] is None), (name, column)


def test_a_posterior_of_the_other_arm_is_listed(found: dict[Any, Row]) -> None:
    kept_rows = [_without_day(row) for row in found.values()]
    table = table_of(ExperimentEvaluations, kept_rows)
    assert rows_of(posteriors_against_their_verdict(table)) == []
    doubtful = [row | {"chance_to_beat_control": 0.4} for row in kept_rows if row["experiment_id"] == "BETTER"]
    [listed] = rows_of(posteriors_against_their_verdict(table_of(ExperimentEvaluations, doubtful)))
    assert (listed["experiment_id"], listed["verdict"]) == ("BETTER", "scale_variant")


def test_directions_mirror_each_other(found: dict[Any, Row]) -> None:
    """What is better where more is good is worse where less is."""
    assert found["MORE_LEAVE"]["benefit_low"] == -found["BETTER"]["benefit_high"]
    assert found["LESS_LEAVE"]["benefit_high"] == -found["WORSE"]["benefit_low"]
    assert found["LESS_LEAVE"]["absolute_effect"] == found["WORSE"]["absolute_effect"]


def test_a_control_without_success_has_no_ratio(found: dict[Any, Row]) -> None:
    row = found["ONLY_VARIANT"]
    assert (row["relative_effect"], row["relative_effect_high"], row["required_exposures"]) == (None, None, None)
    assert row["always_valid_low"] > 0


def test_both_counts_of_an_experiment_without_arms_are_null(found: dict[Any, Row]) -> None:
    row = found["ONE_ARM"]
    assert (row["absolute_effect"], row["p_value"], row["guardrails_broken"]) == (None, None, None)


def guarded(name: str, conversions: tuple[int, int], cost: tuple[float, float] = (100.0, 100.0), **values: Any) -> Row:
    """Return a click experiment that wins clearly, with the conversions and the cost of control and variant."""
    beside = {"control_conversions": conversions[0], "variant_conversions": conversions[1]}
    beside |= {"control_cost": cost[0], "variant_cost": cost[1]}
    return experiment(name, (5_000, 50_000), (6_500, 50_000), **beside, **values)


def test_guardrails_keep_a_winner_from_scaling() -> None:
    """Trap M9: more clicks, fewer conversions. A fall of 10 % per impression or 15 % per currency is a break."""
    found = evaluated(
        [
            guarded("SAFE", (50_000, 51_000)),
            guarded("IN_DOUBT", (100, 100)),
            guarded("FELL", (100, 85)),
            guarded("HARMED", (2_000, 1_600)),
            guarded("DEAR", (5_000, 5_000), (100.0, 125.0)),
            guarded("FREE", (5_000, 5_000), (0.0, 0.0)),
            guarded("SIGNUPS", (5_000, 6_500), metric="signup_rate"),
        ],
        GUARDED,
    )
    per_impression, per_cost = "conversions_per_impression", "conversions_per_cost"
    expected = {
        "SAFE": ("scale_variant", "better_than_control", [], []),
        "IN_DOUBT": ("scale_variant", "better_than_control", [], [per_cost, per_impression]),
        "FELL": ("continue", "guardrail_broken", [per_impression], [per_cost]),
        "HARMED": ("stop", "guardrail_harmed", [per_cost, per_impression], []),
        "DEAR": ("stop", "guardrail_harmed", [per_cost], []),
        "FREE": ("scale_variant", "better_than_control", [], [per_cost]),
        # Its own metric is not guarded against itself.
        "SIGNUPS": ("scale_variant", "better_than_control", [], []),
    }
    for name, (verdict, rule, broken, unproven) in expected.items():
        row = found[name]
        assert (row["verdict"], row["rule"]) == (verdict, rule), name
        assert (row["guardrails_broken"], row["guardrails_unproven"]) == (broken, unproven), name


def test_no_verdict_contradicts_its_interval_whatever_the_counts() -> None:
    """Trap M9: 3,000 experiments of all sizes and effects, running and ended, up and down."""
    chance = numpy.random.default_rng(11)
    size = 3_000
    exposures = numpy.exp(chance.uniform(numpy.log(50), numpy.log(200_000), size)).astype(int)
    rates = chance.choice([0.003, 0.05, 0.4], size)
    columns = {
        "experiment_id": [f"E{n:05d}" for n in range(size)],
        "status": chance.choice(["running", "completed", "stopped"], size),
        "metric": chance.choice(["click_rate", "leave_rate", "clumped_rate"], size),
        "control_exposures": exposures,
        "variant_exposures": exposures,
        "control_successes": chance.binomial(exposures, rates),
        "variant_successes": chance.binomial(exposures, rates * chance.uniform(0.7, 1.4, size)),
    }
    rows = kept(ExperimentEvaluations, many(columns, UNGUARDED))
    table = table_of(ExperimentEvaluations, [_without_day(row) for row in rows])
    assert rows_of(verdicts_against_their_interval(table, UNGUARDED)) == []
    assert {row["verdict"] for row in rows} == {"scale_variant", "stop", "continue", "inconclusive"}
    for row in rows:
        is_apart = row["absolute_effect_low"] > 0 or row["absolute_effect_high"] < 0
        assert is_apart == (row["p_value"] < 0.05)
        is_always = row["always_valid_low"] > 0 or row["always_valid_high"] < 0
        assert is_always == (row["always_valid_p_value"] < 0.05)
        if row["relative_effect_high"] is not None and row["relative_effect"] is not None:
            assert (row["relative_effect_low"] > 0) == (row["absolute_effect_low"] > 0)
            assert (row["relative_effect_high"] < 0) == (row["absolute_effect_high"] < 0)


def _without_day(row: Row) -> Row:
    return {name: value for name, value in row.items() if name != "as_of"}


@pytest.mark.parametrize(
    "lie",
    [
        {"benefit_low": -0.01},
        {"adjusted_p_value": 0.2},
        {"guardrails_broken": ["conversions_per_cost"]},
        {"verdict": "continue", "benefit_high": -0.01},
        {"rule": "worse_than_control", "verdict": "stop"},
        {"p_value": 0.5},
    ],
)
def test_a_contradiction_is_found(found: dict[Any, Row], lie: Row) -> None:
    row = _without_day(found["BETTER"])
    assert rows_of(verdicts_against_their_interval(table_of(ExperimentEvaluations, [row]), UNGUARDED)) == []
    assert len(rows_of(verdicts_against_their_interval(table_of(ExperimentEvaluations, [row | lie]), UNGUARDED))) == 1


@pytest.mark.parametrize(
    ("audit", "names"),
    [
        (shown_in_idle_campaigns, {"IDLE"}),
        (shown_though_planned, {"PLANNED"}),
        (sample_ratio_mismatches, {"MISMATCH", "ONE_ARM"}),
    ],
)
def test_odd_experiments_are_named(found: dict[Any, Row], audit: Callable[..., Any], names: set[str]) -> None:
    table = table_of(ExperimentEvaluations, [_without_day(row) for row in found.values()])
    assert {row["experiment_id"] for row in rows_of(audit(table))} == names


def test_neither_threads_nor_the_order_of_rows_change_a_figure() -> None:
    one = evaluated([*SCENARIOS, *FAMILY], UNGUARDED)
    BACKEND.raw_sql("SET threads = 4")
    other = evaluated([*reversed(FAMILY), *reversed(SCENARIOS)], UNGUARDED)
    BACKEND.raw_sql("SET threads = 1")
    assert one == other


GUARDRAIL = "guardrails__conversions_per_impression__"
# Leaves turned together, each with another value and the place where it alone makes a difference.
TURNED: list[dict[str, tuple[Any, tuple[str, str]]]] = [
    {
        "statistical_significance_threshold": (0.2, ("BETTER", "absolute_effect_low")),
        "minimum_sample_size": (50, ("SMALL", "rule")),
        "sample_ratio_threshold": (1e-6, ("MISMATCH", "has_sample_ratio_mismatch")),
        "sample_ratio_prior_weight": (50.0, ("MISMATCH", "always_valid_sample_ratio_p_value")),
        f"{GUARDRAIL}counted": ("clicks", ("FELL", "guardrails_broken")),
    },
    {
        "power": (0.9, ("BETTER", "required_exposures")),
        "minimum_successes": (10, ("FEW", "rule")),
        "sequential_tightest_at": (500, ("BETTER", "always_valid_low")),
        "control_share": (0.45, ("BETTER", "sample_ratio_p_value")),
        "prior_failures": (50.0, ("BETTER", "chance_to_beat_control")),
        f"{GUARDRAIL}per": ("clicks", ("CLICKED", "guardrails_broken")),
    },
    {
        "lift_threshold_for_scaling": (0.4, ("BETTER", "power")),
        "prior_successes": (50.0, ("BETTER", "chance_to_beat_control")),
        f"{GUARDRAIL}margin": (0.3, ("FELL", "guardrails_broken")),
    },
    {f"{GUARDRAIL}design_effect": (30.0, ("PROVEN", "guardrails_unproven"))},
]


def test_every_number_of_the_policy_makes_a_difference() -> None:
    rows = [
        experiment("BETTER", EVEN, (650, 5_000)),
        experiment("MISMATCH", (500, 5_000), (700, 5_400)),
        experiment("SMALL", (20, 99), (60, 99)),
        experiment("FEW", (6, 5_000), (8, 5_000)),
        experiment("FELL", EVEN, (650, 5_000), variant_conversions=88),
        experiment("CLICKED", EVEN, (650, 5_000)),
        experiment("PROVEN", EVEN, (650, 5_000), control_conversions=20_000, variant_conversions=20_000),
    ]
    start = by("experiment_id", rows_of(experiment_evaluations(**frames(rows, GUARDED))))
    for leaves in TURNED:
        changed = {f"marketing__experiments__{leaf}": value for leaf, (value, _) in leaves.items()}
        turned = by("experiment_id", rows_of(experiment_evaluations(**frames(rows, policy_with(**RULES | changed)))))
        for leaf, (_, (name, column)) in leaves.items():
            assert turned[name][column] != start[name][column], leaf
    read = {leaf.removeprefix(GUARDRAIL) for leaves in TURNED for leaf in leaves}
    rules = POLICY.marketing.experiments
    assert read == set(type(rules).model_fields) - {"guardrails", "planned_lifts", "minimum_weeks"} | set(
        type(rules.guardrails["conversions_per_impression"]).model_fields
    )
