"""Tests of the number check: numbers of a text in any notation, compared with the given figures."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cjo_assets.language.number_check import checked
from cjo_assets.language.number_words import value_of
from cjo_assets.reporting.summary import Figure


def figure(text: str) -> Figure:
    """Return a figure that is called by its text."""
    return Figure(text, text, f"table/{text}", "")


GIVEN = [figure(text) for text in ("10", "5", "0", "4,800.00", "-245.01", "74.1 %", "2025-01-20", "12", "n/a")]


@pytest.mark.parametrize(
    ("text", "figures"),
    [
        ("Of 10 customers, 5 are at risk.", ["10", "5"]),
        ("Value 4,800.00; that is 4800 or 4,800.", ["4,800.00", "4,800.00", "4,800.00"]),
        ("Net -245.01 (\u2212245.01, minus 245.01).", ["-245.01", "-245.01", "-245.01"]),
        ("The share is 74.1 %, or 74.1%, or 74.1 percent.", ["74.1 %", "74.1 %", "74.1 %"]),
        ("On 2025-01-20, that is 20 January 2025 or Jan. 20th, 2025.", ["2025-01-20"] * 3),
        ("Twelve customers, and zero at high risk.", ["Twelve", "zero"]),
        ("No customers are at high risk, none at all.", ["No", "none"]),
        ("A 12-day wait. (10)", ["12", "10"]),
        ("Nothing about Q-less words.", []),
    ],
)
def test_a_number_that_was_given_is_right_however_it_is_written(text: str, figures: list[str]) -> None:
    found = checked(text, GIVEN)
    assert found.inventions == ()
    assert [passage.text for passage in found.passages if isinstance(passage, Figure)] == figures
    words = [passage for passage in found.passages if isinstance(passage, str)]
    assert not any(character.isdigit() for word in words for character in word)


@pytest.mark.parametrize(
    ("text", "invention"),
    [
        ("6 customers are at risk.", "6"),
        ("Value 4,801.00.", "4,801.00"),
        ("Value about 4.8 thousand.", "4.8 thousand"),
        ("Value 4.8k.", "4.8k"),
        ("Net 245.01.", "245.01"),
        ("A loss of -245.", "-245"),
        ("-5 customers.", "-5"),
        ("A share of 74 %.", "74 %"),
        ("A share of 0.741.", "0.741"),
        ("A share of 74.1.", "74.1"),
        ("10 % of customers.", "10 %"),
        ("Ten percent of customers.", "Ten percent"),
        ("10 million customers.", "10 million"),
        ("5+ customers.", "5+"),
        ("~5 customers.", "5"),
        ("<5 customers.", "5"),
        ("5-10 customers.", "5-10"),
        ("On 2025-01-21.", "2025-01-21"),
        ("On 2025-13-45.", "2025-13-45"),
        ("On January 21, 2025.", "January 21, 2025"),
        ("In January 2025.", "January 2025"),
        ("On 20 January they left.", "20 January"),
        ("On 20/01/2025.", "20/01/2025"),
        ("In 2025.", "2025"),
        ("At 10:05.", "10:05"),
        ("Customer C010 is at risk.", "C010"),
        ("Decision I-f861d253ff7d.", "I-f861d253ff7d"),
        ("The 5th customer.", "5th"),
        ("The twenty-fifth customer.", "twenty-fifth"),
        ("Risk doubled.", "doubled"),
        ("Half of them.", "Half"),
        ("A dozen customers.", "dozen"),
        ("Tenfold value.", "Tenfold"),
        ("A 5-fold rise.", "5"),
        ("A ten-percent cut.", "ten"),
        ("A 5-million loss.", "5"),
        ("Thirteen customers.", "Thirteen"),
        ("Twenty-five customers.", "Twenty-five"),
        ("Twelve and ten customers.", "Twelve and ten"),
        ("Hundreds of customers.", "Hundreds"),
        ("1,0 customers.", "1,0"),
        ("48,00 of value.", "48,00"),
        ("4.800,00 of value.", "4.800,00"),
        ("010 customers.", "010"),
        ("1e1 customers.", "1e1"),
        (".5 of them.", ".5"),
        ("\uff15 customers.", "\uff15"),
        ("1\u00bd customers.", "1\u00bd"),
        ("10\u00b2 customers.", "10\u00b2"),
        ("\u0665 customers.", "\u0665"),
        ("\u2167 customers.", "\u2167"),
        ("$4,800.00 of value.", "$"),
        ("4,800.00\u20ac of value.", "\u20ac"),
        ("4,800.00 USD of value.", "USD"),
        ("4,800.00 dollars.", "dollars"),
    ],
)
def test_a_number_that_was_not_given_is_an_invention(text: str, invention: str) -> None:
    assert invention in checked(text, GIVEN).inventions


def test_no_customers_is_a_count_too() -> None:
    assert checked("No customers are at risk.", [figure("5")]).inventions == ("No",)
    assert checked("There is no hurry.", [figure("5")]).inventions == ()


def test_a_name_may_hold_digits_if_it_is_one_word_and_no_number() -> None:
    assert checked("We start step_2 now.", [], ["step_2"]).inventions == ()
    assert checked("We start step_23 now.", [], ["step_2"]).inventions == ("step_23",)
    assert checked("We pay 90 now.", [], ["90"]).inventions == ("90",)
    assert checked("We give 90 back.", [], ["give 90 back"]).inventions == ("90",)


def test_the_words_between_figures_stay_as_they_were_written() -> None:
    assert checked("Of 10, 5.", GIVEN).passages == ("Of ", figure("10"), ", ", figure("5"), ".")


@given(st.integers(min_value=0, max_value=999_999))
@settings(max_examples=60, deadline=None)
def test_every_whole_number_in_words_is_that_number(number: int) -> None:
    assert value_of(in_words(number)) == number
    assert checked(f"There are {in_words(number)} customers.", [figure(f"{number:,}")]).inventions == ()
    assert checked(f"There are {in_words(number)} customers.", [figure(f"{number + 1:,}")]).inventions != ()


@given(st.text(max_size=40), st.integers(min_value=20, max_value=10**9))
@settings(max_examples=60, deadline=None)
def test_invented_number_is_found_in_any_context(around: str, number: int) -> None:
    assert checked(f"{around} {number} {around}", [figure("5")]).inventions


def in_words(number: int) -> str:
    """Return a number below a million in words."""
    small = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
    small += [f"{stem}teen" for stem in ("thir", "four", "fif", "six", "seven", "eigh", "nine")]
    tens = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
    if number < 20:
        return small[number]
    if number < 100:
        return tens[number // 10] + (f"-{small[number % 10]}" if number % 10 else "")
    if number < 1000:
        return f"{small[number // 100]} hundred" + (f" and {in_words(number % 100)}" if number % 100 else "")
    return f"{in_words(number // 1000)} thousand" + (f" {in_words(number % 1000)}" if number % 1000 else "")
