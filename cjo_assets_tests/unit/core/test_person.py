"""Recognising a person in prose: in every spelling, delimited, and never inside a figure or another's identifier."""

import html
import json
from urllib.parse import quote, quote_plus

import pytest

from cjo_assets.core.person import Person, is_telling
from cjo_assets.reporting.text import harmless

ODD = ["D'Arc & Fille", "J\u00fcrgen", "a_b*c [d]", 'the "x"', "\U0001f600 Ltd", "back\\slash", "C<4>"]


def person(*customers: str, others: tuple[str, ...] = (), **identifiers: str) -> Person:
    """Return a person with some identifiers."""
    records = {kind: frozenset(names.split()) for kind, names in identifiers.items()}
    return Person(customers[0], {"customer": frozenset(customers), **records}, frozenset(others))


def spellings(name: str) -> dict[str, str]:
    """Return a name as each format writes it."""
    return {
        "plain": name,
        "html": html.escape(name),
        "html, quotes as they are": html.escape(name, quote=False),
        "html, decimal": "".join(char if char.isalnum() and char.isascii() else f"&#{ord(char)};" for char in name),
        "html, hexadecimal": name.encode("ascii", "xmlcharrefreplace").decode(),
        "json, ascii": json.dumps(name)[1:-1],
        "json": json.dumps(name, ensure_ascii=False)[1:-1],
        "json in json": json.dumps(json.dumps(name))[3:-3],
        "url": quote(name, safe=""),
        "form": quote_plus(name),
        "url, small letters": quote(name, safe="").replace("%C3%BC", "%c3%bc"),
        "markdown": harmless(name),
        "markdown in json": json.dumps(harmless(name))[1:-1],
        "html of html": html.escape(html.escape(name)),
    }


@pytest.mark.parametrize("name", ODD)
def test_an_identifier_is_found_in_every_spelling(name: str) -> None:
    words = person(name).words
    for how, text in spellings(name).items():
        assert words.without(f"for {text}, again") == "for erased, again", how
        assert words.names(f'<td>"{text}"</td>'), how


def test_an_identifier_inside_a_longer_one_stays() -> None:
    words = person("C004").words
    for text in ("C0041", "XC004", "C004-2", "C004_2", "C004\\_2", "PB_C004", "C004.5 EUR"):
        assert words.without(text) == text
    assert words.without("C004, C004; (C004) C004.") == "erased, erased; (erased) erased."
    assert words.without("\\nC004\\tC004") == "\\nerased\\terased", "after a line break as JSON writes it"
    assert words.without("?customer%3DC004%26x") == "?customer%3Derased%26x"


def test_the_name_of_another_that_holds_this_name_stays() -> None:
    words = person("Fille", others=("D'Arc & Fille", "La Fille GmbH")).words
    text = "D'Arc & Fille, D&#39;Arc &amp; Fille, La Fille GmbH and Fille"
    assert words.without(text) == text.removesuffix("Fille") + "erased"


def test_a_short_number_counts_only_after_its_label() -> None:
    words = person("5", intervention="4", signal="5 12").words
    text = (
        "4,256.82; 0.5; 12.5; (of 5); 5 of 10; 5 customers; customers: 5; 12 months; customer 50; customer 5,000; "
        "intervention 5; outcome 4; customer 4; signal 4; 2025-01-05"
    )
    assert words.without(text) == text
    assert not words.names("5"), "alone it proves nothing"
    labelled = "customer 5; customer_id 3, 5; {'customer_id': '5'}; intervention 4; --customer 5. signal\\_id 12"
    assert words.without(labelled) == (
        "customer erased; customer_id 3, erased; {'customer_id': 'erased'}; intervention erased; --customer erased. "
        "signal\\_id erased"
    )


def test_what_proves_something_alone() -> None:
    assert [name for name in ("5", "999999", "12.50", "ab", "-", "2025-01") if is_telling(name)] == []
    assert all(is_telling(name) for name in ("1000000", "C1a", "abc", "2025-01-20", "J\u00fcrgen"))


def test_identifier_of_another_kind_is_no_proof() -> None:
    found = Person("SMB", {"customer": frozenset(["SMB"])}, untelling=frozenset(["SMB"]))
    assert found.words.without("SMB: 4 customers; customer SMB") == "SMB: 4 customers; customer erased"
