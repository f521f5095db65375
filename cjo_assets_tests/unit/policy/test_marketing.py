"""Tests of invalid marketing policies: contradictions, and unknown names."""

from typing import Any

import pytest
from pydantic import ValidationError

from cjo_assets_tests.support.rows import policy_with

CONTRADICTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "a segment scaled and revised at once": ({"segments__scale_roi": 0.1, "segments__minimum_roi": 0.2}, "scale_roi"),
    "a path in a circle": ({"funnel__paths": {"circle": ("click", "visit", "click")}}, "names a stage twice"),
    "a path of one stage": ({"funnel__paths": {"short": ("click",)}}, "paths"),
    "a path through nothing": ({"funnel__paths": {"lost": ("click", "teleport")}}, "funnel.paths.lost"),
    "a leak from nowhere": ({"funnel__leaks_from": "teleport"}, "funnel.leaks_from"),
    "impressions that no stage is": ({"reconciliation__impression_stage": "x"}, "reconciliation.impression_stage"),
    "clicks that no stage is": ({"reconciliation__click_stage": "x"}, "reconciliation.click_stage"),
    "conversions that no stage is": (
        {"reconciliation__conversion_stages": {"conversion_rate": "x"}},
        "reconciliation.conversion_stages",
    ),
    "conversions of no metric": ({"reconciliation__conversion_stages": {"vibes": "signup"}}, "unknown metric vibes"),
    "credit by no position": (
        {"attribution__position_weights": {"first": 0.0, "middle": 0.0, "last": 0.0}},
        "at least one weight",
    ),
    "thresholds that do not ascend": (
        {"campaigns__performance_thresholds": {"below_expectations": 0.0, "meeting_expectations": 1.3}
         | {"exceeding_expectations": 1.2}},
        "ascend",
    ),
    "lifts that do not ascend": ({"experiments__planned_lifts": (0.2, 0.1)}, "planned_lifts must ascend"),
    "a window of no length": ({"attribution__window_days": 0.0}, "window_days"),
}  # fmt: skip


@pytest.mark.parametrize("case", CONTRADICTIONS)
def test_a_contradiction_is_refused_by_name(case: str) -> None:
    changes, reason = CONTRADICTIONS[case]
    with pytest.raises(ValidationError, match=reason):
        policy_with(**{f"marketing__{path}": value for path, value in changes.items()})
