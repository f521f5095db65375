"""Tests of funnel leaks: steps that are certainly below their benchmark, and no other."""

from typing import Any

import pytest
from statsmodels.stats.proportion import proportion_confint

from cjo_assets.families.marketing.analysis.funnel_analysis import FunnelAnalysis, funnel_analysis
from cjo_assets.families.marketing.inputs.funnel_events import FunnelEvents
from cjo_assets.policy import Policy
from cjo_assets_tests.support.marketing.campaigns import campaign, campaign_table
from cjo_assets_tests.support.rows import POLICY, Row, Rows, as_of, by, day, instant, kept, policy_with, table_of

STAGES = ("impression", "click", "visit", "signup", "purchase")
# What each stage counted up to two weeks before the day, and since; None where it was not counted.
COUNTS: dict[str, tuple[tuple[int | None, ...], tuple[int | None, ...]]] = {
    # Of its visitors 160 of 1,540 signed up before, and 331 of 7,506 since.
    "fell": ((24_000, 1_630, 1_540, 160, 41), (115_600, 8_027, 7_506, 331, 80)),
    # Half of its clicks arrive; in all other campaigns more than nine of ten do.
    "slow page": ((None,) * 5, (10_000, 1_000, 500, 40, 10)),
    # A little fewer arrive than elsewhere.
    "a little less": ((None,) * 5, (10_000, 5_000, 3_900, 350, None)),
    # Hardly any arrivals, but nothing else is measured after the click.
    "one step": ((None,) * 5, (10_000, 500, 20, None, None)),
    # As "fell", of so few that chance could have done it.
    "few": ((1_000, 100, 90, 9, 3), (1_000, 100, 90, 5, 2)),
    # Its signups were not counted of late.
    "uncounted of late": ((10_000, 1_000, 900, 100, 30), (10_000, 1_000, 900, None, None)),
}


def found_under(policy: Policy = POLICY) -> dict[tuple[str, str], Row]:
    """Return the steps of the acquisition path by campaign and stage of arrival."""
    events: Rows = []
    for name, periods in COUNTS.items():
        for offset, counts in zip((-14, -13), periods, strict=True):
            events += [
                {"event_id": f"{name} {stage} {offset}", "campaign_id": name, "stage": stage, "count": count}
                | {"date": day(offset), "timestamp": instant("2025-01-20T06:00:00"), "confidence": 1.0}
                for stage, count in zip(STAGES, counts, strict=True)
                if count is not None
            ]
    campaigns = campaign_table([campaign(name) for name in COUNTS])
    rows = kept(
        FunnelAnalysis, funnel_analysis(campaigns, table_of(FunnelEvents, events), as_of(), policy), policy=policy
    )
    return by(("campaign_id", "to_stage"), [row for row in rows if row["path"] == "acquisition"])


@pytest.fixture(scope="module")
def steps() -> dict[tuple[str, str], Row]:
    """Return the steps under the packaged policy."""
    return found_under()


def leaks(steps: dict[tuple[str, str], Row], column: str = "is_leak") -> set[tuple[str, str]]:
    """Return the steps that are leaks."""
    return {key for key, row in steps.items() if row[column]}


def test_only_steps_below_their_benchmark_are_leaks(steps: dict[tuple[str, str], Row]) -> None:
    """Trap M16: neither the step with the lowest rate, nor one before the click, nor one without a competitor."""
    assert leaks(steps) == leaks(steps, "is_biggest_leak") == {("fell", "signup"), ("slow page", "visit")}
    assert (
        min(steps["fell", stage]["rate"] for stage in ("click", "visit", "signup")) == steps["fell", "signup"]["rate"]
    )
    assert steps["slow page", "click"]["rate"] < steps["slow page", "visit"]["rate"]
    step = steps["one step", "visit"]
    assert (step["benchmark_source"], step["benchmark_rate"], step["missing"]) == (None, None, None)


def test_a_leak_is_measured_by_missing_arrivals(steps: dict[tuple[str, str], Row]) -> None:
    row = steps["fell", "signup"]
    assert (row["benchmark_source"], row["compared_from"], row["compared_to"]) == ("earlier_days", 7_506, 331)
    assert (row["compared_rate"], row["benchmark_rate"]) == (
        pytest.approx(331 / 7_506, abs=1e-6),
        pytest.approx(160 / 1_540, abs=1e-6),
    )
    low, _ = proportion_confint(160, 1_540, alpha=0.05, method="wilson")
    _, high = proportion_confint(331, 7_506, alpha=0.05, method="wilson")
    assert row["benchmark_low"] == pytest.approx(low, abs=1e-6)
    assert high < 0.8 * low
    assert row["missing"] == round(7_506 * 160 / 1_540 - 331) == 449


def test_without_earlier_days_other_campaigns_are_the_benchmark(steps: dict[tuple[str, str], Row]) -> None:
    row = steps["slow page", "visit"]
    clicks, visits = (
        sum(counts[place] or 0 for name, periods in COUNTS.items() for counts in periods if name != "slow page")
        for place in (1, 2)
    )
    assert (row["benchmark_source"], row["compared_from"], row["compared_to"]) == ("other_campaigns", 1_000, 500)
    assert row["benchmark_rate"] == pytest.approx(visits / clicks, abs=1e-6)
    assert row["missing"] == round(1_000 * visits / clicks - 500)


def test_a_stage_without_recent_counts_has_not_leaked(steps: dict[tuple[str, str], Row]) -> None:
    """Not tracked is not zero: its days before are compared with nothing."""
    row = steps["uncounted of late", "signup"]
    assert (row["benchmark_source"], row["is_leak"]) == ("other_campaigns", False)
    assert (steps["few", "signup"]["benchmark_source"], steps["few", "signup"]["missing"]) == ("earlier_days", 4)


@pytest.mark.parametrize(
    ("changes", "gained", "lost"),
    [
        ({"leak_margin": 0.0}, {("a little less", "visit")}, set()),
        ({"leak_margin": 0.6}, set(), {("fell", "signup"), ("slow page", "visit")}),
        ({"minimum_measured_steps": 1}, {("one step", "visit")}, set()),
        ({"recent_days": 13}, set(), {("fell", "signup")}),
        ({"leaks_from": "signup"}, set(), {("fell", "signup"), ("slow page", "visit")}),
    ],
)
def test_the_policy_decides_what_is_a_leak(
    changes: dict[str, Any], gained: set[tuple[str, str]], lost: set[tuple[str, str]], steps: dict[tuple[str, str], Row]
) -> None:
    found = leaks(found_under(policy_with(**{f"marketing__funnel__{name}": value for name, value in changes.items()})))
    assert found == (leaks(steps) | gained) - lost
