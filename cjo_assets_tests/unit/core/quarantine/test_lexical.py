"""How a value must be written: text to verdict, in tables a person can check by eye."""

from __future__ import annotations

import functools
from datetime import date, datetime
from typing import Any

import ibis
import pytest

from cjo_assets.core.contract import Contract, Instant, NumberList, TextList, column, columns_of
from cjo_assets.core.quarantine.lexical import is_written_as, loses_digits, type_in_words, typed, typed_or_null
from cjo_assets_tests.support.rows import BACKEND, made_of


class Specimen(Contract):
    """One column of each type."""

    whole: int = column("Whole number.")
    number: float = column("Number.")
    truth: bool = column("Truth value.")
    day: date = column("Date.")
    moment: Instant = column("Instant.")
    name: str = column("Text.")
    author: str = column("Prose that must be there.", free_text=True)
    remark: str = column("Prose that may be missing.", free_text=True, nullable=True)
    texts: TextList = column("Texts.")
    numbers: NumberList = column("Numbers.")
    thing: str = column("Whatever a source puts there.", free_object=True, nullable=True)


COLUMNS = {spec.name: spec for spec in columns_of(Specimen)}
LARGEST_WHOLE = 10**18 - 1
FIRST_DAY, LAST_DAY = date(1, 1, 1), date(9999, 12, 31)

ACCEPTED: dict[str, dict[str, Any]] = {
    "whole": {
        "3": 3,
        "-3": -3,
        "+3": 3,
        "03": 3,
        "3.0": 3,
        "3.000": 3,
        "-0": 0,
        "999999999999999999": LARGEST_WHOLE,
        "-999999999999999999": -LARGEST_WHOLE,
    },
    "number": {
        "12": 12.0,
        "12.50": 12.5,
        "-12.5": -12.5,
        "+0.1": 0.1,
        ".5": 0.5,
        "5.": 5.0,
        "1e3": 1000.0,
        "1E-2": 0.01,
        "1e308": 1e308,
        "0012": 12.0,
        "123456789012345678901234567890": 123456789012345678901234567890.0,
    },
    "truth": {"true": True, "TRUE": True, "True": True, "false": False, "FALSE": False, "fAlSe": False},
    "day": {
        "2025-01-15": date(2025, 1, 15),
        "2024-02-29": date(2024, 2, 29),
        "0001-01-01": FIRST_DAY,
        "9999-12-31": LAST_DAY,
        "2025-01-15T00:00": date(2025, 1, 15),
        "2025-01-15 00:00:00": date(2025, 1, 15),
        "2025-01-15T00:00:00.000": date(2025, 1, 15),
        "2025-01-15T00:00:00Z": date(2025, 1, 15),
        "2025-01-15T00:00:00+00:00": date(2025, 1, 15),
        "2025-01-15 00:00:00+00": date(2025, 1, 15),
    },
    "moment": {
        "2025-01-16": datetime(2025, 1, 16),
        "2025-01-16T09:15": datetime(2025, 1, 16, 9, 15),
        "2025-01-16 09:15:00": datetime(2025, 1, 16, 9, 15),
        "2025-01-16T09:15:00Z": datetime(2025, 1, 16, 9, 15),
        "2025-01-16T09:15:00.123456Z": datetime(2025, 1, 16, 9, 15, 0, 123456),
        "2025-01-16T09:15:00.1234567Z": datetime(2025, 1, 16, 9, 15, 0, 123456),
        "2025-01-16T09:15:00.999999999+02:00": datetime(2025, 1, 16, 7, 15, 0, 999999),
        "2025-01-16 09:15:00.0000009": datetime(2025, 1, 16, 9, 15),
        "2025-01-16T09:15:00,5Z": datetime(2025, 1, 16, 9, 15, 0, 500000),
        "2025-01-16T09:15:00,123456789-05": datetime(2025, 1, 16, 14, 15, 0, 123456),
        "2025-01-16T09:15:00+02:00": datetime(2025, 1, 16, 7, 15),
        "2025-01-16T09:15:00+0530": datetime(2025, 1, 16, 3, 45),
        "2025-01-16T23:30:00-05": datetime(2025, 1, 17, 4, 30),
        "2025-01-16T24:00:00Z": datetime(2025, 1, 17),
    },
    "name": {
        text: text
        for text in (
            "C1",
            "Mid-Market",
            "a b",
            " C1",
            "Zoë",
            "客户",
            "😀",
            "a\u00a0b",
            "'; DROP TABLE customers; --",
            '"quoted"',
            "<script>alert(1)</script>",
            "=cmd()",
            "a|b",
            "[bold]",
            "a\\b",
            "NULL",
            "x" * 10_000,
        )
    },
    "author": {text: text for text in ("maria", "line\nbreak", "tab\there", "Zoë 👩\u200d💻")},
    "remark": {text: text for text in ("", "  ", "line\r\nbreak")},
    "texts": {
        "[]": [],
        "[ ]": [],
        '["S1"]': ["S1"],
        '["S1","S2"]': ["S1", "S2"],
        '[ "b" , "a" ]': ["b", "a"],
        '["a, b","c]"]': ["a, b", "c]"],
        r'["the \"so\"","back\\slash"]': ['the "so"', "back\\slash"],
        r'["\u0041"]': ["A"],
    },
    "numbers": {"[]": [], "[1,2]": [1.0, 2.0], "[ -1.5 , 2e3 ]": [-1.5, 2000.0]},
    # Always JSON: what is none is a text of JSON.
    "thing": {
        '{"a": 1, "b": [1, {"c": null}]}': '{"a":1,"b":[1,{"c":null}]}',
        ' {"a":1} ': '{"a":1}',
        '{"b":1,"a":2}': '{"b":1,"a":2}',
        r'{"a":"\u00e9\n"}': r'{"a":"é\n"}',
        "[1 ,2]": "[1,2]",
        '["x"]': '["x"]',
        "5": "5",
        "true": "true",
        '"5"': '"5"',
        "fell by half": '"fell by half"',
        'the "so"\n': r'"the \"so\"\n"',
        "{'a': 1}": "\"{'a': 1}\"",
        '{"a":1': r'"{\"a\":1"',
        '{"a":1} {"a":2}': r'"{\"a\":1} {\"a\":2}"',
        "": '""',
        "1e5": "100000.0",
        "123456789012345678901234567890": "123456789012345678901234567890",
    },
}

REJECTED: dict[str, list[str]] = {
    "whole": [
        "",
        " ",
        "3 ",
        " 3",
        "3\n",
        "12.50",
        "3.",
        "3.5",
        "1e3",
        "1,000",
        "1_000",
        "0x10",
        "٣",
        "three",
        "true",
        "--3",
        "1000000000000000000",
        "123456789012345678901234567890",
    ],
    "number": [
        "",
        ".",
        "-",
        "e5",
        "1e",
        "1e999",
        "-1e999",
        "1e309",
        "NaN",
        "nan",
        "inf",
        "-Infinity",
        "12,5",
        "1,000.5",
        "$5",
        "5%",
        "1_0",
        "+-1",
        "0x1p3",
        " 12",
        "12\n",
        "\uff11\uff12",
    ],
    "truth": ["", "yes", "no", "1", "0", "t", "f", "on", " true", "true ", "truefalse", "null"],
    "day": [
        "",
        "2025-02-30",
        "2025-02-29",
        "2025-13-01",
        "2025-00-10",
        "0000-01-01",
        "2025-1-5",
        "15.01.2025",
        "01/15/2025",
        "20250115",
        "1736899200",
        "2025-01-15 ",
        " 2025-01-15",
        "2025-01-15\n",
        "2025-01-15T10:30:00",
        "2025-01-15T00:00:01",
        "2025-01-15T24:00:00",
        "2025-01-15T00:00:00+02:00",
        "2025-01-15T",
        "2025-01-15Z",
        "infinity",
        "epoch",
        "today",
        "10000-01-01",
    ],
    "moment": [
        "",
        "yesterday",
        "infinity",
        "2025-02-30T09:00:00Z",
        "2025-01-16T25:00:00Z",
        "2025-01-16T09:60:00Z",
        "2025-01-16T23:59:60Z",
        "2025-01-16T09Z",
        "2025-01-16T09:15:00.1234567890Z",
        "2025-01-16T09:15:00.Z",
        "2025-01-16T09:15,5Z",
        "2025-01-16T09:15:00 Europe/Berlin",
        "2025-01-16T09:15:00+99:00",
        "2025-01-16T09:15:00+02:60",
        "2025-01-16T09:15:00Z ",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+05:00",
        "9999-12-31T23:59:59-10:00",
    ],
    "name": [
        "",
        " ",
        "\t",
        "\u00a0",
        "\u3000",
        "a\nb",
        "a\tb",
        "a\x00b",
        "\x1b[31mred",
        "a\x7f",
        "a\x85b",
        "\x9b31m",
        "a\u2028b",
        "a\u200bb",
        "\ufeffC1",
        "\u202eC1",
    ],
    "author": ["", "  ", "\n", "a\x00", "\x1b[31m", "\x9b31m"],
    "remark": ["a\x00", "\x1b[31m", "a\x08"],
    "thing": ["a\x00", "\x1b[31m", '{"a":"\x08"}'],
    "texts": [
        "",
        "S1",
        "a,b",
        '"S1"',
        "null",
        "{}",
        '{"a":1}',
        "[1]",
        '["a",1]',
        '["a",null]',
        "[null]",
        "[true]",
        '[["a"]]',
        '[{"a":1}]',
        '["a",]',
        "[,]",
        '["a" "b"]',
        '["a"]x',
        '["a]',
        "['a']",
        '[""]',
        '["  "]',
        r'["a\nb"]',
        r'["a\u0000"]',
        r'["\q"]',
        r'["\ud800"]',
        '["a\nb"]',
    ],
    "numbers": [
        "",
        "1",
        "1,2",
        '["1","2"]',
        "[1,null]",
        "[NaN,1]",
        "[Infinity]",
        "[1e999,2]",
        "[+1,2]",
        "[01,2]",
        "[.5]",
        "[1 2]",
        "[true]",
        "[1,[2]]",
        "{}",
    ],
}


@functools.cache
def verdicts(name: str) -> dict[str, tuple[bool, Any]]:
    """Return, for every text listed for a column, whether it is accepted and as which value: one query a column."""
    spec = COLUMNS[name]
    texts = [*ACCEPTED[name], *REJECTED[name]]
    table = made_of([{"text": text} for text in texts], ibis.schema({"text": "string"}))
    judged = table.select(
        "text", verdict=is_written_as(table.text, spec).fill_null(False), value=typed_or_null(table.text, spec)
    )
    return {row["text"]: (row["verdict"], row["value"]) for row in BACKEND.to_pyarrow(judged).to_pylist()}


@pytest.mark.parametrize("name", COLUMNS)
def test_texts_of_a_type_are_accepted_and_others_rejected(name: str) -> None:
    expected = {text: (True, value) for text, value in ACCEPTED[name].items()}
    assert verdicts(name) == expected | dict.fromkeys(REJECTED[name], (False, None))


@pytest.mark.parametrize("name", COLUMNS)
def test_null_is_neither_written_nor_a_value(name: str) -> None:
    table = made_of([{"text": None}], ibis.schema({"text": "string"}))
    judged = table.select(
        verdict=is_written_as(table.text, COLUMNS[name]).fill_null(False), value=typed(table.text, COLUMNS[name])
    )
    assert BACKEND.to_pyarrow(judged).to_pylist() == [{"verdict": False, "value": None}]


def test_each_type_has_its_words() -> None:
    assert {name: type_in_words(spec) for name, spec in COLUMNS.items()} == {
        "whole": "a whole number",
        "number": "a number",
        "truth": "true or false",
        "day": "a date (YYYY-MM-DD)",
        "moment": "an instant (ISO 8601)",
        "name": "a printable text",
        "author": "a printable text",
        "remark": "a printable text",
        "texts": "a list of texts",
        "numbers": "a list of numbers",
        "thing": "a printable text",
    }


def test_only_digits_that_are_cut_and_not_0_are_lost() -> None:
    texts = {
        "2025-01-16T09:15:00.1234567Z": True,
        "2025-01-16T09:15:00,123456009": True,
        "2025-01-16T09:15:00.1234560Z": False,
        "2025-01-16T09:15:00.123456Z": False,
        "2025-01-16T09:15:00.5+02:00": False,
        "2025-01-16": False,
    }
    table = made_of([{"text": text} for text in texts], ibis.schema({"text": "string"}))
    found = BACKEND.to_pyarrow(table.select("text", lost=loses_digits(table.text))).to_pylist()
    assert {row["text"]: row["lost"] for row in found} == texts
