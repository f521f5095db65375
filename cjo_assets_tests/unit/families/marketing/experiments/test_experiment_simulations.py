"""Simulations of experiments with a known truth: the error rates of verdicts, and their power."""

import math
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy
import pytest
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.proportion import proportion_effectsize

from cjo_assets.core.expressions.two_sample_tests import always_valid_sample_ratio_p_value
from cjo_assets_tests.support.marketing.experiments import DAY, RULES, UNGUARDED, many
from cjo_assets_tests.support.rows import BACKEND, POLICY, policy_with

ALPHA = 0.05
LOOKS = 14
# Only the inference decides the verdict on an A/A test: any lift would do.
ANY_LIFT = policy_with(
    **RULES | {"marketing__experiments__lift_threshold_for_scaling": 0.0}, marketing__experiments__guardrails={}
)


def looked_at(
    worlds: int, rate: float, lift: float, per_look: int, seed: int, looks: int = LOOKS, ratio: int = 1
) -> dict[str, Any]:
    """Return experiments with their counts on each of several days, as columns.

    Args:
        worlds: experiments.
        rate: of the control.
        lift: true relative effect of the variant.
        per_look: exposures that the control gets each day.
        seed: of the chance.
        looks: days.
        ratio: exposures of the variant for one of the control.
    """
    chance = numpy.random.default_rng(seed)
    days = numpy.arange(1, looks + 1)
    control = chance.binomial(per_look, rate, (worlds, looks)).cumsum(axis=1)
    variant = chance.binomial(per_look * ratio, rate * (1 + lift), (worlds, looks)).cumsum(axis=1)
    return {
        "experiment_id": [f"{seed}-{world:05d}-{day:02d}" for world in range(worlds) for day in days],
        "control_exposures": numpy.tile(per_look * days, worlds),
        "variant_exposures": numpy.tile(per_look * ratio * days, worlds),
        "control_successes": control.ravel(),
        "variant_successes": variant.ravel(),
        "control_share": numpy.full(worlds * looks, 1 / (1 + ratio)),
    }


def together(*parts: dict[str, Any]) -> dict[str, Any]:
    """Return several sets of experiments as one."""
    return {
        name: [value for part in parts for value in part[name]]
        if isinstance(parts[0][name], list)
        else numpy.concatenate([part[name] for part in parts])
        for name in parts[0]
    }


def stored(rows: ir.Table) -> ir.Table:
    """Return evaluations computed once, with the experiment that each look is one of."""
    # No verdict follows from the posterior, which costs as much as everything else.
    decisive = rows.drop("chance_to_beat_control", "expected_loss", "posterior_lift_low", "posterior_lift_high")
    found = decisive.mutate(world=rows.experiment_id.substr(0, rows.experiment_id.length() - 3))
    return BACKEND.create_table("looks", found, temp=True, overwrite=True)


def shares(rows: ir.Table) -> dict[str, float]:
    """Return one row of figures."""
    found: dict[str, float] = BACKEND.to_pyarrow(rows).to_pylist()[0]
    return found


def standard_error(share: float, count: int) -> float:
    """Return that of a share of so many."""
    return math.sqrt(share * (1 - share) / count)


def test_looking_every_day_at_nothing_scales_at_most_at_alpha() -> None:
    """Trap M5: 2,600 A/A tests, read on 14 days, and again at their planned horizon.

    Common and rare successes, even and uneven arms. The naive rule, 5 % each day, finds a difference in every fifth.
    """
    parts = [
        looked_at(1_400, 0.05, 0.0, 1_000, seed=1),
        looked_at(600, 0.006, 0.0, 1_500, seed=2),
        looked_at(600, 0.3, 0.0, 300, seed=3, ratio=4),
    ]
    looks = together(*parts)
    size = len(looks["experiment_id"])
    looks["horizon_reached_on"] = [None] * size
    is_last = [name.endswith(f"-{LOOKS}") for name in looks["experiment_id"]]
    ends = {
        name: [f"{value[:-2]}99" for value, last in zip(values, is_last, strict=True) if last]
        if name == "experiment_id"
        else numpy.asarray(values)[is_last]
        for name, values in looks.items()
    }
    ends["horizon_reached_on"] = [DAY] * len(ends["experiment_id"])
    rows = stored(many(together(looks, ends), ANY_LIFT))
    ever = rows.group_by("world").agg(
        scaled=(rows.verdict == "scale_variant").any(),
        scaled_while_running=((rows.verdict == "scale_variant") & (rows.phase == "running")).any(),
        different=((rows.always_valid_low > 0) | (rows.always_valid_high < 0)).any(),
        naive_scaled=((rows.p_value <= ALPHA) & (rows.absolute_effect > 0)).any(),
        naive_different=(rows.p_value <= ALPHA).any(),
    )
    found = shares(
        ever.agg(worlds=ever.count(), **{name: ever[name].mean() for name in ever.columns if name != "world"})
    )
    assert found["worlds"] == 2_600
    assert found["scaled"] <= ALPHA
    # While running, one side of an interval that errs at alpha on both.
    assert found["scaled_while_running"] <= ALPHA / 2
    assert found["different"] <= ALPHA
    assert found["naive_different"] > 0.18
    assert found["naive_scaled"] > 0.09
    # Nor is nothing ever found: the last look is a test at alpha, of which one side scales.
    assert found["scaled"] > ALPHA / 2 - 3 * standard_error(ALPHA / 2, 2_600)


def test_planted_lift_has_stated_power_and_coverage() -> None:
    """2,000 experiments with a true lift of 20 % and the exposures that a power of 80 % needs for it."""
    worlds, rate, lift = 2_000, 0.05, 0.20
    size = proportion_effectsize(rate * (1 + lift), rate)
    required = math.ceil(NormalIndPower().solve_power(size, alpha=ALPHA, power=0.8))
    per_look = math.ceil(required / LOOKS)
    columns = looked_at(worlds, rate, lift, per_look, seed=4)
    columns["horizon_reached_on"] = [DAY if name.endswith(f"-{LOOKS}") else None for name in columns["experiment_id"]]
    rows = stored(many(columns, UNGUARDED))
    last = rows.filter(rows.experiment_id.endswith(f"-{LOOKS}"))
    gap = rate * lift
    found = shares(
        last.agg(
            found=(last.p_value <= ALPHA).mean(),
            scaled=(last.verdict == "scale_variant").mean(),
            absolute=((last.absolute_effect_low <= gap) & (last.absolute_effect_high >= gap)).mean(),
            relative=((last.relative_effect_low <= lift) & (last.relative_effect_high >= lift)).mean(),
        )
    )
    assert found["found"] == pytest.approx(0.80, abs=3 * standard_error(0.8, worlds))
    assert found["scaled"] == pytest.approx(found["found"], abs=0.005)
    for name in ("absolute", "relative"):
        assert found[name] == pytest.approx(1 - ALPHA, abs=3 * standard_error(ALPHA, worlds))
    always = rows.group_by("world").agg(
        absolute=((rows.always_valid_low <= gap) & (rows.always_valid_high >= gap)).all(),
        relative=((rows.always_valid_relative_low <= lift) & (rows.always_valid_relative_high >= lift)).all(),
        plain=((rows.absolute_effect_low <= gap) & (rows.absolute_effect_high >= gap)).all(),
    )
    on_all_days = shares(always.agg(**{name: always[name].mean() for name in ("absolute", "relative", "plain")}))
    assert on_all_days["absolute"] >= 1 - ALPHA
    assert on_all_days["relative"] >= 1 - ALPHA
    # What holds for one look does not hold for fourteen.
    assert on_all_days["plain"] < 0.85


def test_looking_every_day_finds_a_large_lift_early() -> None:
    """A lift of 50 % on 2 x 1,000 exposures a day: nine of ten are found within the fortnight, most before its end."""
    rows = stored(many(looked_at(400, 0.05, 0.5, 1_000, seed=5), UNGUARDED))
    scaled = rows.filter(rows.verdict == "scale_variant")
    first = scaled.group_by("world").agg(day=scaled.experiment_id.right(2).cast("int64").min())
    found = shares(first.agg(count=first.count(), median=first.day.median()))
    assert found["count"] >= 360
    assert found["median"] <= 8


def test_reading_the_sample_ratio_daily_errs_at_most_as_stated() -> None:
    """6,000 experiments of 20,000 people in 30 days, half of them assigned as planned, half 51 to 49.

    Of the first, at most 2 % are ever called broken (0.6 % are); of the others 36 % are found. A fixed 0.001 on each
    day calls 0.9 % of the first broken in 30 days, and more in more.
    """
    worlds, looks = 3_000, 30
    rules = POLICY.marketing.experiments
    chance = numpy.random.default_rng(7)
    ever = {}
    for share in (0.5, 0.51):
        control = chance.binomial(667, share, (worlds, looks)).cumsum(axis=1).ravel()
        all_so_far = numpy.tile(667 * numpy.arange(1, looks + 1), worlds)
        rows = ibis.memtable(
            {
                "world": numpy.repeat(numpy.arange(worlds), looks),
                "control": control.astype(float),
                "variant": (all_so_far - control).astype(float),
            }
        )
        p_value = always_valid_sample_ratio_p_value(
            rows.variant, rows.control, ibis.literal(0.5), ibis.literal(rules.sample_ratio_prior_weight)
        )
        found = rows.mutate(is_broken=p_value < rules.sample_ratio_threshold)
        by_world = found.group_by("world").agg(is_broken=found.is_broken.any())
        ever[share] = shares(by_world.agg(share=by_world.is_broken.mean()))["share"]
    assert ever[0.5] <= rules.sample_ratio_threshold
    assert ever[0.5] < 0.01
    assert ever[0.51] == pytest.approx(0.36, abs=3 * standard_error(0.36, worlds))


def test_one_person_seeing_several_impressions_is_one_trial() -> None:
    """Trap M8: who clicks clicks all four times. As independent trials a third of A/A tests differ; deflated, 5 %."""
    columns = looked_at(2_000, 0.1, 0.0, 2_000, seed=6, looks=1)
    counts = ("control_exposures", "variant_exposures", "control_successes", "variant_successes")
    columns |= {name: columns[name] * 4 for name in counts}
    differs = {}
    for metric in ("click_rate", "clumped_rate"):
        rows = many(columns | {"metric": numpy.full(2_000, metric)}, UNGUARDED)
        differs[metric] = shares(rows.agg(share=(rows.p_value <= ALPHA).mean()))["share"]
    assert differs["click_rate"] > 0.25
    assert differs["clumped_rate"] == pytest.approx(ALPHA, abs=3 * standard_error(ALPHA, 2_000))
