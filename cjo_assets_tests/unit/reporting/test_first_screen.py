"""Tiles: value, unit, target, the day before, course and evidence; and the line of a course."""

from datetime import date

import pytest

from cjo_assets.reporting.document import Record, Tile, Verdict
from cjo_assets.reporting.first_screen import ASSUMED, PROVEN, UNKNOWN, course_path, evidence_of, tile
from cjo_assets.reporting.palette import traffic_light
from cjo_assets_tests.support.reports import plain


def days(*values: float | None) -> list[Record]:
    """Return a row a day, from the first of January on."""
    return [
        Record("journey.t", ("as_of",), {"as_of": date(2025, 1, place), "value": value})
        for place, value in enumerate(values, start=1)
    ]


def test_a_tile_names_the_day_before_with_its_value() -> None:
    found = tile("Revenue", days(10.0, None, 30.0), "value", "whole", currency=("USD ",), target=("at most 5",))
    assert (plain(found.figure), plain(found.before), found.course) == ("USD 30", "10 on 1 Jan 2025", (10.0, 30.0))
    assert (plain(found.target), found.evidence) == ("at most 5", PROVEN)


def test_an_unknown_figure_is_not_measurable_and_has_no_currency() -> None:
    found = tile("Revenue", days(10.0, None), "value", "whole", currency=("USD ",), evidence=ASSUMED)
    assert (plain(found.figure), found.evidence) == ("n/a", UNKNOWN)
    assert plain(tile("Revenue", days(1.0), "value", "whole").before) == ""


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ((), ""),
        ((1.0, 2.0), ""),
        ((0.0, 5.0, 10.0), "M2.0 22.0 L50.0 12.0 L98.0 2.0"),
        ((3.0, 3.0, 3.0), "M2.0 12.0 L50.0 12.0 L98.0 12.0"),
    ],
)
def test_a_course_has_three_points_at_least(values: tuple[float, ...], path: str) -> None:
    assert course_path(values) == path


def test_only_a_random_control_or_a_measurement_proves_a_value() -> None:
    grades = ("randomised", "measured", "matched", "before_after", "assumption", None)
    assert [evidence_of(grade) for grade in grades] == [PROVEN, PROVEN, ASSUMED, ASSUMED, ASSUMED, UNKNOWN]


def test_a_status_is_a_light() -> None:
    words = ("on_track", "unproven", "critical", "not_measurable", "anything")
    assert [traffic_light(word) for word in words] == ["GREEN", "AMBER", "RED", "NOT KNOWN", "NOT KNOWN"]


def verdict(*tiles: Tile) -> Verdict:
    """Return a verdict with these tiles."""
    return Verdict(Record("t", (), {"status": "red"}).show("status"), "red", (), (), tiles)


def test_changes_are_those_since_the_last_day_a_week_before() -> None:
    rows = days(10.0, 20.0, None, 25.0, 25.0, 25.0, 25.0, 25.0, 30.0)
    risen = tile("Revenue", rows, "value", "whole", currency=("USD ",))
    assert plain(verdict(risen).changes) == "Since 2 Jan 2025: Revenue up from USD 20 to USD 30."
    same = tile("Cost", days(5.0, *[None] * 6, 5.2), "value", "whole")
    fallen = tile("Calls", days(5.0, *[None] * 6, 3.0), "value", "whole")
    found = plain(verdict(same, fallen).changes)
    assert found == "Since 1 Jan 2025: Cost unchanged at 5; Calls down from 5 to 3."


def test_without_a_day_a_week_before_or_a_value_nothing_is_known_to_change() -> None:
    assert verdict(tile("Revenue", days(*[1.0] * 7), "value", "whole")).changes == ()
    assert verdict(tile("Revenue", days(*[1.0] * 8, None), "value", "whole")).changes == ()
