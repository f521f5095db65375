"""Tests of funnel analysis: sums of daily counts, stages without counts, and more arrivals than departures."""

from typing import Any

import pytest

from cjo_assets.families.marketing.analysis.funnel_analysis import (
    FunnelAnalysis,
    funnel_analysis,
    stages_counted_twice,
    stages_that_exceed,
    stages_that_miss_events,
)
from cjo_assets.families.marketing.inputs.funnel_events import FunnelEvents
from cjo_assets_tests.support.marketing.campaigns import campaign, campaign_table
from cjo_assets_tests.support.rows import POLICY, Row, as_of, by, day, instant, kept, policy_with, rows_of, table_of

LATE = "2025-01-21T00:00:00"


def event(name: str, stage: str, count: int, **changes: Any) -> Row:
    """Return one count of a stage of a campaign."""
    return {
        "campaign_id": name,
        "stage": stage,
        "count": count,
        "date": day(-1),
        "timestamp": instant("2025-01-20T06:00:00"),
        "confidence": 1.0,
    } | changes


EVENTS = [
    # Two days, two channels, and a correction of the same place: all of them add up.
    event("whole", "impression", 6000),
    event("whole", "impression", 3000, date=day(-2)),
    event("whole", "impression", 1000, channel_id="other"),
    event("whole", "click", 300, confidence=0.9),
    event("whole", "click", 100, confidence=0.5),
    event("whole", "visit", 300),
    event("whole", "signup", 60),
    event("whole", "demo_request", 30),
    event("whole", "purchase", 12),
    event("whole", "feature_adopt", 0),
    # Not yet reported, and not yet happened.
    event("whole", "impression", 500, timestamp=instant(LATE)),
    event("whole", "click", 500, date=day(1), timestamp=instant(LATE)),
    # Visits are not counted, nor anything after the demo.
    event("patchy", "impression", 1000),
    event("patchy", "click", 100),
    event("patchy", "signup", 20),
    event("patchy", "demo_request", 0),
    # No clicks, and still people came: another system counts them.
    event("odd", "impression", 1000),
    event("odd", "click", 0),
    event("odd", "visit", 50),
    event("odd", "signup", 80),
    event("late start", "signup", 10),
    event("late start", "demo_request", 10),
]
CAMPAIGNS = [campaign(name) for name in ("whole", "patchy", "odd", "late start", "silent")]
# from, to, counts, rate, state, passed over, biggest leak
EXPECTED: dict[tuple[str, int], tuple[str, str, int | None, int | None, float | None, str, list[str], bool]] = {
    ("whole", 1): ("impression", "click", 10_000, 400, 0.04, "measured", [], False),
    ("whole", 2): ("click", "visit", 400, 300, 0.75, "measured", [], False),
    ("whole", 3): ("visit", "signup", 300, 60, 0.2, "measured", [], False),
    ("whole", 4): ("signup", "demo_request", 60, 30, 0.5, "measured", [], False),
    ("whole", 5): ("demo_request", "purchase", 30, 12, 0.4, "measured", [], False),
    ("patchy", 1): ("impression", "click", 1000, 100, 0.1, "measured", [], False),
    ("patchy", 2): ("click", "visit", 100, None, None, "not_tracked", [], False),
    ("patchy", 3): ("click", "signup", 100, 20, 0.2, "measured", ["visit"], False),
    ("patchy", 4): ("signup", "demo_request", 20, 0, 0.0, "measured", [], True),
    ("patchy", 5): ("demo_request", "purchase", 0, None, None, "not_tracked", [], False),
    ("odd", 1): ("impression", "click", 1000, 0, 0.0, "measured", [], False),
    ("odd", 2): ("click", "visit", 0, 50, None, "exceeds", [], False),
    ("odd", 3): ("visit", "signup", 50, 80, 1.6, "exceeds", [], False),
    ("odd", 4): ("signup", "demo_request", 80, None, None, "not_tracked", [], False),
    ("odd", 5): ("signup", "purchase", 80, None, None, "not_tracked", ["demo_request"], False),
    ("late start", 1): ("impression", "click", None, None, None, "not_tracked", [], False),
    ("late start", 3): ("visit", "signup", None, 10, None, "not_tracked", [], False),
    ("late start", 4): ("signup", "demo_request", 10, 10, 1.0, "measured", [], False),
    ("silent", 1): ("impression", "click", None, None, None, "no_events", [], False),
    ("silent", 5): ("demo_request", "purchase", None, None, None, "no_events", [], False),
}


@pytest.fixture(scope="module")
def events() -> Any:
    """Return the counts."""
    return table_of(FunnelEvents, EVENTS)


@pytest.fixture(scope="module")
def found(events: Any) -> list[Row]:
    """Return the steps of all campaigns."""
    return kept(FunnelAnalysis, funnel_analysis(campaign_table(CAMPAIGNS), events, as_of(), POLICY))


@pytest.fixture(scope="module")
def steps(found: list[Row]) -> dict[tuple[str, str, int], Row]:
    """Return the steps by campaign, path and place."""
    return by(("campaign_id", "path", "step"), found)


@pytest.mark.parametrize(("name", "step"), EXPECTED)
def test_a_step_leads_from_the_nearest_stage_that_is_counted(
    name: str, step: int, steps: dict[tuple[str, str, int], Row]
) -> None:
    """Trap M16: a stage without counts loses no people; counts of days and places add up; 0 is not missing."""
    row = steps[name, "acquisition", step]
    names = ("from_stage", "to_stage", "from_count", "to_count", "rate", "state", "passed_over", "is_biggest_leak")
    assert tuple(row[column] for column in names) == EXPECTED[name, step]
    is_measured = row["state"] == "measured"
    assert (row["rate_low"] is not None) == (row["rate_high"] is not None) == (row["lost"] is not None) == is_measured
    if is_measured:
        assert row["rate_low"] <= row["rate"] <= row["rate_high"]


def test_every_campaign_has_every_step_of_every_path(found: list[Row]) -> None:
    paths = POLICY.marketing.funnel.paths
    assert len(found) == len(CAMPAIGNS) * sum(len(stages) - 1 for stages in paths.values())
    leaks = [(row["campaign_id"], row["path"]) for row in found if row["is_biggest_leak"]]
    assert len(leaks) == len(set(leaks))


def test_a_rate_is_trusted_as_its_weaker_count(steps: dict[tuple[str, str, int], Row]) -> None:
    """Of 400 clicks 300 are trusted at 0.9 and 100 at 0.5."""
    assert steps["whole", "acquisition", 1]["confidence"] == pytest.approx(0.8)
    assert steps["whole", "acquisition", 3]["confidence"] == 1.0
    assert steps["silent", "acquisition", 1]["confidence"] is None


def test_the_other_path_starts_elsewhere(steps: dict[tuple[str, str, int], Row]) -> None:
    row = steps["whole", "adoption", 2]
    assert (row["from_count"], row["to_count"], row["rate"], row["is_biggest_leak"]) == (60, 0, 0.0, False)


def test_the_policy_names_paths_and_the_level_of_intervals(events: Any) -> None:
    policy = policy_with(
        marketing__funnel__paths={"short": ("impression", "click", "visit")},
        marketing__funnel__leaks_from="impression",
        marketing__campaigns__interval_level=0.5,
    )
    rows = kept(FunnelAnalysis, funnel_analysis(campaign_table(CAMPAIGNS[:1]), events, as_of(), policy))
    assert [(row["step"], row["to_stage"]) for row in rows] == [(1, "click"), (2, "visit")]
    assert rows[0]["rate_high"] - rows[0]["rate_low"] < 0.003


def test_audits_name_what_is_wrong(found: list[Row], events: Any) -> None:
    """A count lost, a stage counted by two systems, and more arrivals than departures are each found."""
    table = table_of(FunnelAnalysis, [{name: row[name] for name in row if name != "as_of"} for row in found])
    assert not rows_of(stages_that_miss_events(table, events, as_of()))
    overwritten = events.filter(events["count"] != 3000)
    assert {row["stage"] for row in rows_of(stages_that_miss_events(table, overwritten, as_of()))} == {"impression"}
    uncounted = events.filter(events.stage != "purchase")
    assert {row["stage"] for row in rows_of(stages_that_miss_events(table, uncounted, as_of()))} == {"purchase"}
    assert {(row["campaign_id"], row["to_stage"]) for row in rows_of(stages_that_exceed(table))} == {
        ("odd", "visit"),
        ("odd", "signup"),
    }
    assert not rows_of(stages_counted_twice(events, as_of()))
    twice = table_of(FunnelEvents, [event("one", "click", 5, source="crm"), event("one", "click", 5, source="x")])
    assert [row["counted"] for row in rows_of(stages_counted_twice(twice, as_of()))] == [10]
