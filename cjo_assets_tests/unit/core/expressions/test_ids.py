"""Names derived from content: the same content gives the same name anywhere, other content another one."""

from datetime import date, datetime
from hashlib import sha256
from itertools import combinations
from typing import Any

import ibis

from cjo_assets.core.expressions.ids import MISSING, RECORD_SEPARATOR, SEPARATOR, as_text, content_hash, content_id
from cjo_assets.core.quarantine.lexical import CONTROL_CHARACTER_IN_PROSE, TEXT
from cjo_assets_tests.support.rows import made_of, rows_of

TEXTS = ibis.schema({"first": "string", "second": "string"})


def test_an_id_is_a_prefix_and_twelve_digits_of_a_sha256() -> None:
    table = made_of([{"first": "C001", "second": "PB_ONB_001"}], TEXTS)
    found = rows_of(
        table.select(id=content_id("I", table.first, table.second), hash=content_hash(table.first, table.second))
    )
    digest = sha256(f"C001{SEPARATOR}PB_ONB_001".encode()).hexdigest()
    assert found == [{"id": f"I-{digest[:12]}", "hash": digest}]


def test_other_content_has_another_name() -> None:
    pairs = [
        ("ab", "c"),
        ("a", "bc"),
        ("abc", ""),
        ("", "abc"),
        ("c", "ab"),
        ("ab", "C"),
        ("ab ", "c"),
        ("äb", "c"),
        ("ab", "c'"),
    ]
    table = made_of([{"first": first, "second": second} for first, second in pairs], TEXTS)
    found = rows_of(table.select(id=content_id("I", table.first, table.second)))
    assert len({row["id"] for row in found}) == len(pairs)
    again = rows_of(table.select(id=content_id("N", table.first, table.second)))
    assert not {row["id"] for row in found} & {row["id"] for row in again}


def test_values_of_every_type_have_different_ids() -> None:
    values: dict[str, list[Any]] = {
        "int64": [1, 12, -1],
        "float64": [0.1, 0.1 + 2e-17 * 4, 1e-7, 1e22, 0.30000000000000004, 0.3],
        "boolean": [True, False],
        "date": [date(2025, 1, 20), date(2025, 1, 2)],
        "timestamp(6)": [datetime(2025, 1, 20), datetime(2025, 1, 20, 0, 0, 0, 1)],
        "array<string>": [[], ["a", "b"], ["a, b"], ["b", "a"], ["a"], ["a", "b", ""], ["'a'"], ["[a]"]],
        "array<float64>": [[], [1.0], [1.0, 2.0], [2.0, 1.0], [12.0]],
    }
    for kind, cells in values.items():
        table = made_of([{"value": cell} for cell in cells], ibis.schema({"value": kind}))
        found = [row["text"] for row in rows_of(table.select(text=as_text(table.value)))]
        for (one, text), (other, other_text) in combinations(zip(cells, found, strict=True), 2):
            assert (text == other_text) == (one == other), (one, other)


def test_nothing_is_neither_empty_nor_spreading() -> None:
    table = made_of(
        [{"first": "a", "second": None}, {"first": None, "second": "a"}, {"first": "a", "second": ""}], TEXTS
    )
    assert rows_of(table.select(text=as_text(table.first, table.second))) == [
        {"text": f"a{SEPARATOR}{MISSING}"},
        {"text": f"{MISSING}{SEPARATOR}a"},
        {"text": f"a{SEPARATOR}"},
    ]


def test_no_text_of_a_file_may_hold_a_separator_of_ids() -> None:
    """Parts are joined by characters that every text type rejects, so that two lists of parts never join alike."""
    texts = [f"a{mark}b" for mark in (SEPARATOR, RECORD_SEPARATOR, MISSING)]
    table = made_of([{"first": text, "second": "b"} for text in texts], TEXTS)
    found = rows_of(
        table.select(is_text=table.first.re_search(TEXT), is_prose=~table.first.re_search(CONTROL_CHARACTER_IN_PROSE))
    )
    assert found == [{"is_text": False, "is_prose": False}] * len(texts)
