"""The person that a row is about, from the marks of the contracts: in SQL for tables and files, in Python for rows.

The most direct kind of identifier of a row decides: a row with a customer id is about that customer, whatever
intervention it names; a row without one is about the customer of its intervention, and so on in the order of `KINDS`. A
row with two customers is about both.
"""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from cjo_assets.core.contract import Column, Contract, columns_of
from cjo_assets.core.family import registered_families
from cjo_assets.core.person import WHITE_SPACE, Person
from cjo_assets.core.personal import KINDS, RECORD, TEXT, Personal
from cjo_assets.core.table import RAW
from cjo_assets.engine.sql import literal, quoted

Marks = dict[str, Personal]
_WHITE_SPACE = "' ' || chr(9) || chr(10) || chr(13)"
NAMES_PERSON, WITHOUT_PERSON = "names_person", "without_person"


@functools.cache
def contracts() -> dict[str, type[Contract]]:
    """Return the contract of every table and of every raw table, by full name."""
    found = {table.full_name: table.contract for family in registered_families() for table in family.tables}
    raw = {f"{RAW}.{dataset.name}": dataset.contract for family in registered_families() for dataset in family.datasets}
    return found | raw


def marks_of(table: str) -> Marks:
    """Return the marked columns of a table; for a table without a contract, those with the names of marked columns."""
    contract = contracts().get(table)
    return _marks(columns_of(contract)) if contract is not None else common_marks()


@functools.cache
def common_marks() -> Marks:
    """Return the marks of identifiers and records by column name, which has the same meaning in all tables."""
    found: Marks = {}
    for contract in contracts().values():
        found |= {name: mark for name, mark in _marks(columns_of(contract)).items() if mark.kind != TEXT}
    return found


@functools.cache
def marks_of_records() -> Marks:
    """Return the columns of datasets with one identifier, the most direct first."""
    found: dict[str, Personal] = {}
    for family in registered_families():
        for dataset in family.datasets:
            specs = [spec for spec in columns_of(dataset.contract) if not spec.type.is_array()]
            found |= {name: mark for name, mark in _marks(specs).items() if mark.is_identifier}
    return dict(sorted(found.items(), key=lambda item: (KINDS.index(item[1].kind), item[0])))


def owners(marks: Marks, columns: Iterable[str]) -> list[tuple[str, Personal]]:
    """Return the columns of a table that identify the person of a row, the most direct first."""
    names = list(columns)
    found = [(name, mark) for name, mark in marks.items() if name in names and _is_owner(name, mark, names)]
    return sorted(found, key=lambda item: KINDS.index(item[1].kind or item[1].kinds[0][1]))


def about(marks: Marks, columns: Iterable[str]) -> str | None:
    """Return the SQL condition, never null, that a row is about the person; None if there can be no such row.

    Its parameters are a list of identifiers for each kind (`given`); for rows stored as JSON it uses the function
    `names_person`.
    """
    names = list(columns)
    cases = list(_cases(owners(marks, names), lambda name: _text(quoted(name))))
    records = [name for name in names if name in marks and marks[name].kind == RECORD]
    otherwise = " OR ".join(map(_record_is_about, records)) or "FALSE"
    if not cases:
        return otherwise if records else None
    return f"coalesce(CASE {' '.join(cases)} ELSE {otherwise} END, FALSE)"


def matches(name: str, mark: Personal) -> str:
    """Return the SQL condition that a column has an identifier of the person, whichever person the row is about."""
    return f"coalesce({_is_one_of(_text(quoted(name)), mark.kind)}, FALSE)"


def given(person: Person, *statements: str) -> dict[str, Any]:
    """Return the parameters of statements."""
    whole = " ".join(statements)
    return {kind: sorted(person.identifiers.get(kind, ())) for kind in KINDS if f"${kind}" in whole}


def row_is_about(person: Person, marks: Marks, row: Mapping[str, Any]) -> bool:
    """Return whether a row, as values or texts, is about the person."""
    named = [
        (mark.kind or dict(mark.kinds).get(str(row.get(mark.said_by)), ""), str(row[name]))
        for name, mark in owners(marks, row)
        if row[name] is not None
    ]
    decisive = _most_direct(named)
    if decisive:
        return any(person.owns(*identifier) for identifier in decisive)
    records = [row[name] for name in row if name in marks and marks[name].kind == RECORD]
    return any(record_is_about(person, record) for record in records if isinstance(record, str))


def record_is_about(person: Person, text: str) -> bool:
    """Return whether a row of a dataset, as JSON, is about the person."""
    try:
        record = json.loads(text)
    except ValueError:
        return person.words.found_in(text)
    named = identifiers_in(record if isinstance(record, dict) else {})
    return any(person.owns(*identifier) for identifier in named) if named else person.words.found_in(text)


def identifiers_in(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return kind and text of the identifiers of the most direct kind in a record of a dataset."""
    return _most_direct(
        [(mark.kind, str(record[name])) for name, mark in marks_of_records().items() if record.get(name) is not None]
    )


def identifiers_of(value: Callable[[str], str]) -> tuple[str, str]:
    """Return SQL for the most direct kind of identifier in a record, and for the list of its identifiers of that kind.

    Args:
        value: from the name of a field to SQL for its value.
    """
    fields = [(mark.kind, _text(value(name))) for name, mark in marks_of_records().items()]
    kinds, lists = [], []
    for kind, texts in _by_kind(fields):
        kinds.append(f"WHEN {_any_is_there(texts)} THEN {literal(kind)}")
        lists.append(f"WHEN {_any_is_there(texts)} THEN [{', '.join(texts)}]")
    return f"CASE {' '.join(kinds)} END", f"CASE {' '.join(lists)} END"


@functools.cache
def list_columns() -> frozenset[str]:
    """Return the names of list columns."""
    found = {spec.name for contract in contracts().values() for spec in columns_of(contract) if spec.type.is_array()}
    return frozenset(found)


def _marks(specs: Iterable[Column]) -> Marks:
    return {spec.name: spec.personal for spec in specs if spec.personal is not None}


def _is_owner(name: str, mark: Personal, columns: list[str]) -> bool:
    if mark.is_example or name in list_columns():
        return False
    return mark.is_identifier or mark.said_by in columns


def _most_direct(named: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the identifiers of the first kind that has one, of kinds and identifiers in order."""
    known = [(kind, text) for kind, text in named if kind and text.strip(WHITE_SPACE)]
    return [(kind, text) for kind, text in known if kind == known[0][0]]


def _by_kind(fields: Iterable[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    """Return the texts of each kind, of kinds and texts in the order of kinds."""
    groups = itertools.groupby(fields, key=lambda field: field[0])
    return [(kind, [text for _, text in group]) for kind, group in groups]


def _cases(found: Iterable[tuple[str, Personal]], text_of: Callable[[str], str]) -> Iterator[str]:
    """Return the cases of columns in the order of their kinds; columns of one kind decide together."""
    for kind, group in itertools.groupby(found, key=lambda item: item[1].kind):
        if kind:
            yield _case_of_kind(kind, [text_of(name) for name, _ in group])
        else:
            yield from (_case_by_value(mark, text_of(name)) for name, mark in group)


def _case_of_kind(kind: str, texts: list[str]) -> str:
    return f"WHEN {_any_is_there(texts)} THEN {' OR '.join(_is_one_of(text, kind) for text in texts)}"


def _case_by_value(mark: Personal, text: str) -> str:
    return " ".join(
        f"WHEN {quoted(mark.said_by)} = {literal(value)} THEN {_is_one_of(text, kind)}" for value, kind in mark.kinds
    )


def _record_is_about(column: str) -> str:
    """Return the condition for a row stored as JSON: by its identifier fields, else by its text."""
    record = quoted(column)
    fields = [
        (mark.kind, _text(f"json_extract_string({record}, {literal(f'$.{name}')})"))
        for name, mark in marks_of_records().items()
    ]
    cases = " ".join(_case_of_kind(kind, texts) for kind, texts in _by_kind(fields))
    return (
        f"coalesce(CASE WHEN NOT json_valid({record}) THEN {NAMES_PERSON}({record}) {cases} "
        f"ELSE {NAMES_PERSON}({record}) END, FALSE)"
    )


def _text(value: str) -> str:
    return f"CAST({value} AS VARCHAR)"


def _any_is_there(texts: list[str]) -> str:
    return " OR ".join(map(_is_there, texts))


def _is_there(text: str) -> str:
    return f"trim({text}, {_WHITE_SPACE}) <> ''"


def _is_one_of(text: str, kind: str) -> str:
    return f"list_contains(CAST(${kind} AS VARCHAR[]), {text})"
