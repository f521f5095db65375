"""Two arms compared: published cases, the likelihood itself as oracle, and what must hold of any counts.

Covers the functions of `core/expressions/two_sample_tests.py` in the engine.
"""

import math
from itertools import pairwise
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy
import pyarrow
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import beta, binom, chi2, norm, poisson
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.proportion import proportion_effectsize, proportions_ztest, score_test_proportions_2indep

from cjo_assets.core.expressions.two_sample_tests import (
    always_valid_sample_ratio_p_value,
    chi_square_tail,
    difference_of_shares,
    effect_size,
    exact_rate_interval,
    exact_ratio_interval,
    normal_quantile,
    normal_tail,
    pooled_z,
    power_of_test,
    ratio_of_shares,
    sample_ratio_p_value,
    share_at_effect_size,
    two_sided_p_value,
)
from cjo_assets_tests.support.rows import BACKEND

Z = norm.ppf(0.975)
Counts = list[tuple[float, float, float, float]]


def compared(counts: Counts, multiplier: float = Z) -> list[dict[str, Any]]:
    """Return both intervals and the p-value of successes and trials, those of the control last."""
    columns = dict(zip(("x", "n", "x0", "n0"), zip(*counts, strict=True), strict=True))
    rows = table({name: numpy.array(values, dtype=float) for name, values in columns.items()})
    arms = rows.x, rows.n, rows.x0, rows.n0
    return answers(
        rows.select(
            difference=difference_of_shares(*arms, ibis.literal(multiplier)),
            ratio=ratio_of_shares(*arms, ibis.literal(multiplier)),
            p_value=two_sided_p_value(pooled_z(*arms)),
        )
    )


def table(columns: dict[str, numpy.ndarray]) -> ir.Table:
    """Return columns as a table of the engine."""
    return BACKEND.create_table(ibis.util.gen_name("columns"), pyarrow.table(columns), temp=True)


def answers(rows: ir.Table) -> list[dict[str, Any]]:
    """Return the results of the engine by row."""
    found: list[dict[str, Any]] = BACKEND.to_pyarrow(rows).to_pylist()
    return found


def drawn(count: int, smallest: int = 20, largest: int = 20_000) -> Counts:
    """Return pairs of arms of all sizes and rates, some without any success and some with nothing else."""
    chance = numpy.random.default_rng(20260301)
    trials = numpy.exp(chance.uniform(numpy.log(smallest), numpy.log(largest), (count, 2))).round()
    rates = chance.choice([0.0, 0.005, 0.03, 0.2, 0.5, 0.9, 1.0], (count, 1)) * chance.uniform(0.7, 1.0, (count, 2))
    successes = chance.binomial(trials.astype(int), rates).astype(float)
    return [(x, n, x0, n0) for (x, x0), (n, n0) in zip(successes.tolist(), trials.tolist(), strict=True)]


def rejection(x: float, n: float, x0: float, n0: float, difference: float) -> float:
    """Return the score statistic of a difference, its nuisance parameter found by maximising the likelihood."""

    def surprise(share0: float) -> float:
        share = share0 + difference
        pairs = ((x, share), (n - x, 1 - share), (x0, share0), (n0 - x0, 1 - share0))
        return -sum(count * numpy.log(chance) for count, chance in pairs if count)

    bounds = max(0.0, -difference) + 1e-12, min(1.0, 1 - difference) - 1e-12
    share0 = minimize_scalar(surprise, bounds=bounds, method="bounded", options={"xatol": 1e-13}).x
    share = share0 + difference
    return (x / n - x0 / n0 - difference) / numpy.sqrt(share * (1 - share) / n + share0 * (1 - share0) / n0)


@pytest.mark.parametrize(
    ("counts", "published"),
    [
        # Newcombe 1998, Statistics in Medicine 17, 873-890, table II, example (a), the interval of Mee.
        ((56, 70, 48, 80), (0.0533, 0.3377)),
        # Fagerland, Lydersen, Laake 2015, Stat Methods Med Res 24, 224-254: the asymptotic score interval.
        ((7, 34, 1, 34), (0.028, 0.34)),
    ],
)
def test_differences_are_the_published_ones(
    counts: tuple[float, float, float, float], published: tuple[float, float]
) -> None:
    found = compared([counts])[0]["difference"]
    for end, value in zip(("low", "high"), published, strict=True):
        assert round(found[end], len(str(value)) - 2) == value


def test_the_ratio_is_the_published_one() -> None:
    """Koopman 1984, Biometrics 40, 513-517: 36 of 40 against 16 of 80."""
    found = compared([(36, 40, 16, 80)])[0]["ratio"]
    assert (round(found["low"], 2), round(found["high"], 2)) == (2.94, 7.15)


def test_interval_of_differences_ends_where_likelihood_rejects() -> None:
    """The oracle is the likelihood, not statsmodels 0.15, whose restricted estimate is wrong (its issue 10269)."""
    some = [counts for counts in drawn(60) if 0 < counts[0] < counts[1] and 0 < counts[2] < counts[3]]
    for counts, found in zip(some, compared(some), strict=True):
        difference = found["difference"]
        assert rejection(*counts, difference["low"]) == pytest.approx(Z, abs=1e-4), counts
        assert rejection(*counts, difference["high"]) == pytest.approx(-Z, abs=1e-4), counts


def test_the_ends_of_ratios_are_where_statsmodels_rejects() -> None:
    some = [
        counts for counts in drawn(300) if counts[0] > 0 and counts[2] > 0 and counts[0] + counts[2] < 0.99 * 40_000
    ]
    checked = 0
    for (x, n, x0, n0), found in zip(some, compared(some), strict=True):
        for end in found["ratio"].values():
            if abs(end - 1) > 1e-6 and x < n and x0 < n0:
                test = score_test_proportions_2indep(x, n, x0, n0, value=end, compare="ratio", correction=False)
                assert test.pvalue == pytest.approx(0.05, abs=1e-6)
                checked += 1
    assert checked > 200


def test_p_values_are_those_of_statsmodels() -> None:
    some = drawn(300)
    for (x, n, x0, n0), found in zip(some, compared(some), strict=True):
        if 0 < x + x0 < n + n0:
            assert found["p_value"] == pytest.approx(proportions_ztest([x, x0], [n, n0])[1], abs=1e-12)
        else:
            assert found["p_value"] == 1.0


def test_p_value_and_both_intervals_never_disagree() -> None:
    """Each leaves equality out exactly where the others do, at any multiplier."""
    some = drawn(2_000)
    for multiplier in (1.0, Z, 3.5):
        level = 2 * norm.sf(multiplier)
        for counts, found in zip(some, compared(some, multiplier), strict=True):
            difference, ratio = found["difference"], found["ratio"]
            is_different = difference["low"] > 0 or difference["high"] < 0
            assert is_different == (found["p_value"] < level), counts
            if counts[0] + counts[2]:
                is_above = ratio["low"] > 1
                is_below = ratio["high"] is not None and ratio["high"] < 1
                assert is_different == (is_above or is_below), counts


def test_swapping_the_arms_turns_everything_round() -> None:
    some = drawn(500)
    turned = [(x0, n0, x, n) for x, n, x0, n0 in some]
    for found, other in zip(compared(some), compared(turned), strict=True):
        assert found["difference"]["low"] == pytest.approx(-other["difference"]["high"], abs=1e-10)
        assert found["p_value"] == pytest.approx(other["p_value"], abs=1e-12)


def test_a_bound_that_does_not_exist_is_null() -> None:
    nobody, control_only, variant_only, everybody = compared(
        [(0, 100, 0, 120), (0, 100, 9, 120), (9, 100, 0, 120), (100, 100, 120, 120)]
    )
    assert nobody["ratio"] == {"low": None, "high": None}
    assert control_only["ratio"]["low"] == pytest.approx(0.0, abs=1e-9)
    assert control_only["ratio"]["high"] < 1
    assert variant_only["ratio"]["low"] > 1
    assert variant_only["ratio"]["high"] is None
    assert everybody["difference"]["low"] < 0 < everybody["difference"]["high"]
    assert nobody["difference"]["low"] < 0 < nobody["difference"]["high"]


def test_a_wider_multiplier_holds_the_narrower_interval() -> None:
    some = drawn(200)
    found = [compared(some, multiplier) for multiplier in (1.0, 2.0, 3.0)]
    for narrow, wide in pairwise(found):
        for one, other in zip(narrow, wide, strict=True):
            assert other["difference"]["low"] <= one["difference"]["low"]
            assert other["difference"]["high"] >= one["difference"]["high"]


def test_tails_are_those_of_scipy() -> None:
    numbers = numpy.linspace(-6, 6, 49)
    rows = table({"x": numbers, "square": numbers**2})
    found = answers(rows.select(normal=normal_tail(rows.x), chi=chi_square_tail(rows.square, ibis.literal(3.0))))
    assert [row["normal"] for row in found] == pytest.approx(norm.sf(numbers).tolist(), rel=1e-12)
    assert [row["chi"] for row in found] == pytest.approx(chi2.sf(numbers**2, 3).tolist(), rel=1e-12)
    # The table in every textbook.
    assert found[0]["normal"] > 0.999
    assert norm.sf(1.96) == pytest.approx(0.0250, abs=5e-5)


def test_normal_quantiles_are_those_of_scipy() -> None:
    shares = numpy.array([1e-9, 0.05, 0.5, 0.95, 1 - 1e-9])
    rows = table({"x": shares})
    found = [row["quantile"] for row in answers(rows.select(quantile=normal_quantile(rows.x)))]
    assert found == pytest.approx(norm.ppf(shares).tolist(), rel=1e-12)


def test_sample_ratio_p_values_equal_those_of_fabijan() -> None:
    """821,588 against 815,482 users of a 50:50 test: p < 0.001 % (Fabijan et al., KDD 2019)."""
    rows = table({"n": numpy.array([815_482.0, 500.0]), "n0": numpy.array([821_588.0, 500.0])})
    found = answers(rows.select(p=sample_ratio_p_value(rows.n, rows.n0, ibis.literal(0.5))))
    assert found[0]["p"] == pytest.approx(chi2.sf((821_588 - 815_482) ** 2 / (821_588 + 815_482), 1), rel=1e-9)
    assert found[0]["p"] < 1e-5
    assert found[1]["p"] == 1.0


def test_the_daily_sample_ratio_test_is_a_dirichlet_mixture() -> None:
    """The Bayes factor of the mixture against the plan, by integration over all shares; never a p-value above 1."""
    counts = [(9_750.0, 10_250.0, 0.5), (180.0, 20.0, 0.2), (500.0, 500.0, 0.5), (0.0, 0.0, 0.5), (33.4, 66.6, 0.5)]
    columns = dict(zip(("n", "n0", "share0"), numpy.array(counts).T, strict=True))
    rows = table(columns)
    weight = ibis.literal(500.0)
    found = answers(rows.select(p=always_valid_sample_ratio_p_value(rows.n, rows.n0, rows.share0, weight)))
    for row, (n, n0, share0) in zip(found, counts, strict=True):
        prior = beta(500 * share0, 500 * (1 - share0))
        shares = numpy.linspace(0, 1, 200_001)[1:-1]
        logs = n0 * numpy.log(shares / share0) + n * numpy.log((1 - shares) / (1 - share0)) + prior.logpdf(shares)
        factor = numpy.exp(logs).sum() * (shares[1] - shares[0])
        assert row["p"] == pytest.approx(min(1.0, 1 / factor), rel=1e-6)


def test_power_is_that_of_statsmodels() -> None:
    shares = numpy.array([0.006, 0.02, 0.3, 0.5])
    others = shares * numpy.array([1.1, 1.5, 0.9, 1.02])
    trials = numpy.array([1_000.0, 3_000.0, 800.0, 20_000.0])
    rows = table({"share": shares, "other": others, "n": trials})
    size = effect_size(rows.share, rows.other)
    found = answers(rows.select(size=size, power=power_of_test(size, rows.n, Z)))
    for row, share, other, n in zip(found, shares, others, trials, strict=True):
        assert row["size"] == pytest.approx(abs(proportion_effectsize(share, other)), rel=1e-12)
        assert row["power"] == pytest.approx(NormalIndPower().power(row["size"], n, 0.05), abs=1e-9)


def test_the_share_at_an_effect_size_is_that_far_off() -> None:
    rows = table({"share": numpy.array([0.02, 0.5, 0.99, 0.0001])})
    up, down = (
        share_at_effect_size(rows.share, ibis.literal(0.05)),
        share_at_effect_size(rows.share, ibis.literal(-0.05)),
    )
    found = answers(rows.select(up=effect_size(up, rows.share), down=effect_size(down, rows.share)))
    assert [row["up"] for row in found][:3] == pytest.approx([0.05] * 3)
    assert [row["down"] for row in found][:3] == pytest.approx([0.05] * 3)
    assert found[3]["down"] is None


def exact(expression: tuple[ir.Value, ir.Value]) -> tuple[float | None, float | None]:
    """Return both ends of an exact interval."""
    low, high = expression
    [row] = answers(table({"one": numpy.ones(1)}).select(low=low.name("low"), high=high.name("high")))
    return row["low"], row["high"]


@pytest.mark.parametrize(("events", "exposure"), [(0, 120.0), (1, 10.0), (4, 33.0), (60, 1000.0)])
def test_an_exact_rate_interval_leaves_each_tail_its_share(events: int, exposure: float) -> None:
    """At the upper end so few events occur in 5 % of cases, at the lower end so many."""
    low, high = exact(exact_rate_interval(ibis.literal(events), ibis.literal(exposure), 0.90))
    assert low is not None
    assert high is not None
    assert poisson.cdf(events, high * exposure) == pytest.approx(0.05, abs=1e-9)
    if events:
        assert poisson.sf(events - 1, low * exposure) == pytest.approx(0.05, abs=1e-9)
    else:
        # None seen in 120 months: exp(-120 x) = 0.05.
        assert (low, high) == (0.0, pytest.approx(-math.log(0.05) / 120))


@pytest.mark.parametrize(
    ("events", "exposure", "others", "other_exposure"), [(3, 100.0, 9, 80.0), (5, 570.0, 5, 30.0), (40, 7.0, 60, 9.0)]
)
def test_an_exact_ratio_interval_is_that_of_clopper_and_pearson(
    events: int, exposure: float, others: int, other_exposure: float
) -> None:
    """At an end of the interval the split of all events is as rare as 5 % allow."""
    arms = [ibis.literal(value) for value in (events, exposure, others, other_exposure)]
    low, high = exact(exact_ratio_interval(*arms, 0.90))
    assert low is not None
    assert high is not None

    def share(ratio: float) -> float:
        return ratio * exposure / (ratio * exposure + other_exposure)

    assert binom.sf(events - 1, events + others, share(low)) == pytest.approx(0.05, abs=1e-9)
    assert binom.cdf(events, events + others, share(high)) == pytest.approx(0.05, abs=1e-9)


def test_without_events_an_exact_ratio_has_the_ends_that_exist() -> None:
    def ends(events: int, others: int) -> tuple[float | None, float | None]:
        return exact(exact_ratio_interval(*(ibis.literal(n) for n in (events, 10.0, others, 10.0)), 0.90))

    # (1 - share) ** 3 = 0.05.
    share = 1 - 0.05 ** (1 / 3)
    assert ends(0, 3) == (0.0, pytest.approx(share / (1 - share)))
    assert ends(3, 0) == (pytest.approx((1 - share) / share), None)
    assert ends(0, 0) == (None, None)
