"""Tests of path variants and conformance on a small log."""

from typing import Any

import ibis.expr.types as ir
import pytest

from cjo_assets.families.journey.inputs.customers import Customers
from cjo_assets.families.journey.inputs.state_entries import StateEntries
from cjo_assets.families.journey.process.conformance import Conformance, conformance
from cjo_assets.families.journey.process.path_variants import PathVariants, path_variants
from cjo_assets.families.journey.process.visits import Visits, visits
from cjo_assets_tests.support.rows import POLICY, Row, Rows, as_of, by, day, kept, table_of

# customer, segment, and (stage, days ago, reported previous stage) of each entry
LOG: dict[str, tuple[str, list[tuple[str, int, str | None]]]] = {
    "C1": ("SMB", [("onboarding", 40, None), ("engagement", 30, "onboarding"), ("support", 10, "engagement")]),
    "C2": ("SMB", [("onboarding", 90, None), ("engagement", 80, "onboarding"), ("support", 20, "engagement")]),
    # Back and forth: support twice, retention twice.
    "C3": (
        "SMB",
        [("retention", 50, None), ("support", 40, None), ("retention", 30, None), ("support", 20, None)],
    ),
    # Onboarding leads to engagement alone.
    "C4": ("Enterprise", [("onboarding", 20, None), ("support", 10, "onboarding"), ("churned", 5, "support")]),
    # Its previous stage is unknown; entered again on the next day.
    "C5": ("Enterprise", [("support", 9, None), ("support", 8, "support")]),
    # Two entries on one day: the one that names the other as the stage before comes later.
    "C6": ("Enterprise", [("retention", 3, "support"), ("support", 3, "engagement")]),
    # Not yet known on the day, and a customer without any entry.
    "C7": ("Enterprise", [("onboarding", -1, None)]),
    "C8": ("SMB", []),
}


def events(log: dict[str, tuple[str, list[tuple[str, int, str | None]]]] = LOG) -> ir.Table:
    """Return the visits of a log."""
    entries: Rows = [
        {"customer_id": name, "journey_stage": stage, "state_entered_at": day(-ago), "previous_stage": previous}
        for name, (_, steps) in log.items()
        for stage, ago, previous in steps
    ]
    people = [{"customer_id": name, "segment": segment} for name, (segment, _) in log.items()]
    return table_of(Visits, kept(Visits, visits(table_of(Customers, people), table_of(StateEntries, entries), POLICY)))


@pytest.fixture(scope="module")
def variants() -> ir.Table:
    """Return the path variants of the log."""
    return table_of(PathVariants, kept(PathVariants, path_variants(events(), as_of(), POLICY)))


def found(table: ir.Table) -> dict[Any, Row]:
    """Return the variants by segment and path."""
    return by(("segment", "path"), kept(PathVariants, table))


def test_customers_who_went_the_same_way_are_one_variant(variants: ir.Table) -> None:
    rows = found(variants)
    assert {key: row["place"] for key, row in rows.items()} == {
        ("SMB", "onboarding > engagement > support"): 1,
        ("SMB", "retention > support > retention > support"): 2,
        # All of one case: by name.
        ("Enterprise", "onboarding > support > churned"): 1,
        ("Enterprise", "support > retention"): 2,
        ("Enterprise", "support > support"): 3,
    }
    row = rows["SMB", "onboarding > engagement > support"]
    assert (row["cases"], row["case_share"], row["entries"]) == (2, 0.666667, 3)
    assert row["median_days"] == 50.0, "30 and 70 days from the first entry to the last"
    assert (row["judged_transitions"], row["invalid_transitions"], row["conforming_cases"]) == (6, 0, 2)
    assert (row["rework_entries"], row["is_completed"]) == (0, False)


def test_rework_and_what_the_policy_does_not_allow_are_counted(variants: ir.Table) -> None:
    rows = found(variants)
    back = rows["SMB", "retention > support > retention > support"]
    assert (back["rework_entries"], back["judged_transitions"], back["invalid_transitions"]) == (2, 3, 0)
    left = rows["Enterprise", "onboarding > support > churned"]
    assert (left["is_completed"], left["invalid_transitions"], left["conforming_cases"]) == (True, 1, 0)
    anew = rows["Enterprise", "support > support"]
    # The first entry has no previous stage; from support to support no rule leads.
    assert (anew["judged_transitions"], anew["invalid_transitions"], anew["rework_entries"]) == (1, 1, 1)


def test_conformance_is_the_sum_of_the_paths_and_of_the_segments(variants: ir.Table) -> None:
    rows = by("segment", kept(Conformance, conformance(variants)))
    assert set(rows) == {"All", "SMB", "Enterprise"}
    expected = {
        "cases": 6,
        "completed_cases": 1,
        "path_variants": 5,
        "entries": 6 + 4 + 3 + 2 + 2,
        "judged_transitions": 6 + 3 + 3 + 1 + 2,
        "invalid_transitions": 2,
        "invalid_share": 0.133333,
        "conforming_cases": 4,
        "fitness": 0.666667,
        "rework_entries": 3,
        "rework_share": 0.176471,
        "rework_cases": 2,
    }
    assert {name: rows["All"][name] for name in expected} == expected
    for name in ("cases", "entries", "invalid_transitions", "conforming_cases", "rework_entries", "rework_cases"):
        assert rows["All"][name] == rows["SMB"][name] + rows["Enterprise"][name]
    assert (rows["SMB"]["invalid_share"], rows["SMB"]["fitness"]) == (0.0, 1.0)


def test_without_entries_there_is_nothing_to_measure() -> None:
    empty = path_variants(events({"C1": ("SMB", [])}), as_of(), POLICY)
    assert kept(PathVariants, empty) == []
    assert kept(Conformance, conformance(table_of(PathVariants, []))) == []


def test_more_than_ten_entries_stay_in_order() -> None:
    """As text, 10 sorts before 9."""
    steps: list[tuple[str, int, str | None]] = [
        (("retention", "support")[number % 2], 30 - number, None) for number in range(12)
    ]
    [row] = kept(PathVariants, path_variants(events({"C1": ("SMB", steps)}), as_of(), POLICY))
    assert row["path"] == " > ".join(stage for stage, _, _ in steps)
    assert row["rework_entries"] == 10
