"""Values as a person reads them: rounded as in school, strangers' text as text."""

import pytest

from cjo_assets.reporting.text import harmless, likelihood, money, number, shown, table, visible

NUMBERS = [
    (None, 3, "n/a"),
    (0.0, 3, "0"),
    (1.0, 3, "1"),
    (100.0, 3, "100"),
    (1234567.5, 3, "1,234,567.5"),
    (0.123456, 3, "0.123"),
    (12.0, 0, "12"),
    (120.0, 0, "120"),
    (-0.25, 3, "-0.25"),
    # What is little is not nothing.
    (0.0001, 3, "0.0001"),
    (-0.00049, 3, "-0.0005"),
    (0.4, 0, "0.4"),
]
# Half away from zero at the decimal reading: a binary float may be below the half, or a half be even.
HALVES = [
    (1.0005, 3, "1.001"),
    (0.0625, 3, "0.063"),
    (0.0015, 3, "0.002"),
    (32.25, 1, "32.3"),
    (49.15, 1, "49.2"),
    (-32.25, 1, "-32.3"),
    (0.5, 0, "1"),
]
# Nothing is not less than nothing.
NEARLY_NOTHING = [(-0.0000001, 3, "0"), (-0.0, 3, "0")]


@pytest.mark.parametrize(("value", "decimals", "text"), NUMBERS)
def test_numbers_have_no_trailing_zeros(value: float | None, decimals: int, text: str) -> None:
    assert number(value, decimals) == text


def test_halves_go_away_from_zero() -> None:
    assert [number(value, decimals) for value, decimals, _ in HALVES] == [text for _, _, text in HALVES]
    assert [money(0.575), money(1.005), money(2.675), money(-0.575)] == ["0.58", "1.01", "2.68", "-0.58"]


def test_nothing_has_no_sign() -> None:
    assert [number(value, decimals) for value, decimals, _ in NEARLY_NOTHING] == ["0", "0"]
    assert money(-0.001) == "0.00"


def test_amounts_have_two_decimals() -> None:
    assert [money(value) for value in (None, 0.0, 1234.5, -3.0, 0.01)] == ["n/a", "0.00", "1,234.50", "-3.00", "0.01"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "n/a"),
        (0.0, "below 0.1 %"),
        (0.0009, "below 0.1 %"),
        (0.001, "0.1 %"),
        (0.5, "50 %"),
        (0.999, "99.9 %"),
        (0.99999, "above 99.9 %"),
        (1.0, "above 99.9 %"),
    ],
)
def test_a_probability_is_never_shown_as_certain(value: float | None, text: str) -> None:
    assert likelihood(value) == text


def test_every_value_can_be_shown() -> None:
    cases = {
        None: "n/a",
        True: "yes",
        1234: "1,234",
        0.5: "0.5",
        "plain": "plain",
        "": "",
    }
    assert {value: shown(value) for value in cases} == cases
    assert shown(False) == "no"
    assert [shown([]), shown(["S1", "S|2"]), shown([1.5, None])] == ["n/a", "S1, S|2", "1.5, n/a"]


def test_text_keeps_to_its_cell() -> None:
    assert harmless("a|b\nc\r\n\td  ") == "a\\|b c d"
    assert table(["one", "two"], [["a", "b"], ["c", "d"]]).splitlines() == [
        "| one | two |",
        "|---|---|",
        "| a | b |",
        "| c | d |",
    ]


# Every character of Unicode whose property is Bidi_Control.
DIRECTION_MARKS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def test_direction_marks_are_shown_as_their_codes() -> None:
    codes = "\\u061c\\u200e\\u200f\\u202a\\u202b\\u202c\\u202d\\u202e\\u2066\\u2067\\u2068\\u2069"
    assert visible(f"Demo {DIRECTION_MARKS}Drive") == f"Demo {codes}Drive"
    assert harmless("Demo \u202eDrive") == "Demo \\\\u202eDrive", "in Markdown the backslash is escaped"


def test_letters_from_right_to_left_stay_as_they_are() -> None:
    arabic_with_joiner = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"
    family_emoji = "\U0001f469\u200d\U0001f467"
    for text in (arabic_with_joiner, "\u05e9\u05dc\u05d5\u05dd", family_emoji):
        assert visible(text) == text
