"""Tests of configuration changes against an independent recomputation on generated configurations.

Each has versions with random settings, deployments and rollbacks, some recorded late, and windows of the live version.
"""

import itertools
import random
from datetime import datetime, time, timedelta

import pytest

from cjo_assets.families.lifecycle.operation.config_changes import ConfigChanges, config_changes
from cjo_assets_tests.support.lifecycle.conversations import conversations_of
from cjo_assets_tests.support.lifecycle.events import RULES, events_of
from cjo_assets_tests.support.lifecycle.operation import (
    deployed,
    people_of,
    rolled_back,
    version,
    versions_of,
    window,
    windows_of,
)
from cjo_assets_tests.support.rows import Row, Rows, as_of, by, day, kept

CONFIGURATIONS = 100
FIRST = datetime(2025, 1, 1)
PATHS = {"system_prompt": "low", "voice.speed": "low", "tools.a": "medium", "integrations.b": "high", "odd.c": "high"}
ORDER = ("none", "low", "medium", "high")


def generated(seed: int) -> tuple[Rows, Rows, Rows]:
    """Return versions, events and windows."""
    draw = random.Random(seed)
    versions: Rows = []
    events: Rows = []
    windows: Rows = []
    for number in range(CONFIGURATIONS):
        config, customer = f"G{number:02d}", f"C{number % 4}"
        count = draw.choice((1, 2, 3, 4))
        for place in range(1, count + 1):
            # Some versions are not in the file.
            if draw.random() < 0.95:
                settings = [f"{path}={draw.choice((1, 1, 2, 9))}" for path in PATHS if draw.random() < 0.7]
                at = FIRST + timedelta(days=place)
                versions.append(version(place, at.isoformat(), settings, config, customer))
        at = FIRST + timedelta(days=3)
        for step in range(draw.choice((0, 1, 2, 4))):
            at += timedelta(hours=draw.choice((0, 5, 30, 80)))
            target = draw.randrange(1, count + 1)
            if step and draw.random() < 0.3:
                row = rolled_back(at.isoformat(), target, config, customer)
            else:
                row = deployed(at.isoformat(), target, f"CH{number}-{step}", config, customer)
            if draw.random() < 0.2:
                row["recorded_at"] = at + timedelta(days=draw.choice((1, 6)))
            events.append({"event_id": f"E{number:03d}{step}"} | row)
            for _ in range(draw.choice((1, 2, 4))):
                start = at + timedelta(minutes=draw.choice((-5, 0, 5, 600)))
                own = {"config_id": config, "config_version": target, "requests": draw.choice((10, 20, 40))}
                counts = {"errors": draw.choice((0, 1, 2, 3)), "minutes": draw.choice((5, 5, 6))}
                windows.append(window(start.isoformat(), customer=customer) | own | counts)
    return versions, events, windows


def history(events: Rows, end: datetime) -> list[tuple[datetime, str, int, bool]]:
    """Return when which version went live, as known at the end of a day."""
    known = [row for row in events if (row.get("recorded_at") or row["occurred_at"]) < end]
    return sorted(
        (row["occurred_at"], row["event_id"], int(row["quantity"]), row["event_type"] == "config_rolled_back")
        for row in known
    )


def decided(
    row: Row, live: list[tuple[datetime, str, int, bool]], others: Rows, windows: Rows, end: datetime
) -> tuple[str, int | None]:
    """Return the decision on a version and where to go back to."""
    if not live or live[-1][2] != row["config_version"]:
        return "not_live", None
    measured = [
        item
        for item in windows
        if (item["config_id"], item["config_version"]) == (row["config_id"], row["config_version"])
        and item["minutes"] <= 5
        and item["started_at"] >= live[-1][0]
        and item["started_at"] + timedelta(minutes=item["minutes"]) <= end
    ]
    enough = [item for item in measured if item["requests"] >= 20]
    if not any(item["errors"] / item["requests"] > 0.05 for item in enough):
        return ("hold" if enough else "insufficient_data"), None
    earlier = [
        other["config_version"]
        for other in others
        if other["config_version"] < row["config_version"]
        and not problems(other, others)
        and other["config_version"] in {place[2] for place in live}
        and not was_rolled_back(other["config_version"], live)
    ]
    return ("roll_back", max(earlier)) if earlier else ("no_earlier_version", None)


def was_rolled_back(number: int, live: list[tuple[datetime, str, int, bool]]) -> bool:
    """Return whether a rollback to another version followed a version."""
    return any(before[2] == number and after[3] and after[2] != number for before, after in itertools.pairwise(live))


def problems(row: Row, others: Rows) -> bool:
    """Return whether a version has a problem: a gap, or a speed beyond 2."""
    numbers = {other["config_version"] for other in others}
    has_gap = row["config_version"] > 1 and row["config_version"] - 1 not in numbers
    return has_gap or "voice.speed=9" in row["settings"]


def difference(row: Row, others: Rows) -> tuple[list[str] | None, str]:
    """Return the changed paths and the risk of a version."""
    if row["config_version"] == 1:
        return None, "none"
    before = [other for other in others if other["config_version"] == row["config_version"] - 1]
    if not before:
        return None, "high"
    paths = {entry.split("=")[0] for entry in set(row["settings"]) ^ set(before[0]["settings"])}
    return sorted(paths), max((PATHS[path] for path in paths), key=ORDER.index, default="none")


@pytest.mark.parametrize("seed", [1, 2])
def test_changes_agree_with_a_recomputation(seed: int) -> None:
    versions, events, windows = generated(seed)
    decisions: set[str] = set()
    for offset in (-16, -13, -8, 0):
        end = datetime.combine(day(offset + 1), time())
        table = config_changes(
            versions_of(*versions),
            windows_of(*windows),
            conversations_of(),
            events_of(*events),
            people_of(A=(None, ["platform_engineer"])),
            as_of(offset),
            RULES,
        )
        found = by(("config_id", "config_version"), kept(ConfigChanges, table, day(offset)))
        known = [row for row in versions if row["saved_at"] < end]
        assert found.keys() == {(row["config_id"], row["config_version"]) for row in known}
        for row in known:
            actual = found[row["config_id"], row["config_version"]]
            others = [other for other in known if other["config_id"] == row["config_id"]]
            live = history(
                [log for log in events if row["config_id"] in (log.get("related_id"), log["subject_id"])], end
            )
            own = [place[0] for place in live if place[2] == row["config_version"]]
            assert actual["deployed_at"] == (min(own) if own else None)
            assert (actual["changed_paths"], actual["risk"]) == difference(row, others)
            assert bool(actual["problems"]) == problems(row, others)
            assert (actual["decision"], actual["to_version"]) == decided(row, live, others, windows, end), row
            assert (actual["rolled_back_at"] is not None) == was_rolled_back(row["config_version"], live)
            decisions.add(actual["decision"])
    assert decisions == {"not_live", "hold", "insufficient_data", "roll_back", "no_earlier_version"}
