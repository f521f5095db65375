"""Tiles: value, unit, target, the day before, course and evidence; and the line of a course."""

from datetime import date

import pytest

from cjo_assets.reporting.document import Record
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
