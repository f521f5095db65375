"""Lists that families declare: the rows of a page, and the values by which a reader can select rows."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, cast

from cjo_assets.core.family import Family, registered_families
from cjo_assets.core.pages import Listing
from cjo_assets.engine.sql import literal, quoted, quoted_names
from cjo_assets.explorer.database import Reader, identity_of, reading
from cjo_assets.explorer.links import subject_address
from cjo_assets.explorer.paging import Paging, like
from cjo_assets.reporting.document import Grid
from cjo_assets.reporting.text import NOTHING

# Values of a filter that a page offers, the commonest of them.
MOST_VALUES = 200
ROWS_FOUND = 10
SEARCHED, ORDER = "q", "sort"


@dataclass(frozen=True)
class Value:
    """A value of a filter, with the number of rows that have it; a missing value is `NOTHING`."""

    text: str
    rows: int


@dataclass(frozen=True)
class ListPage:
    """A page of a list.

    Attributes:
        listing: the list.
        grid: its rows.
        addresses: the page of the subject of each row; None where it has none.
        values: the values of each filter.
        chosen: the parameters of the address that select or sort rows.
        paging: the page.
    """

    listing: Listing
    grid: Grid
    addresses: tuple[str | None, ...]
    values: Mapping[str, tuple[Value, ...]]
    chosen: Mapping[str, str]
    paging: Paging


@functools.cache
def listings() -> dict[str, tuple[Family, Listing]]:
    """Return the lists of all families with their families, by name, in the order of the menu."""
    return {
        listing.name: (family, listing)
        for family in registered_families()
        if family.pages is not None
        for listing in family.pages.listings
    }


def available(days: Mapping[str, date]) -> list[Listing]:
    """Return the lists of the families that have a published day."""
    return [listing for family, listing in listings().values() if family.name in days]


def list_page(path: Path, reader: Reader, name: str, parameters: Mapping[str, str]) -> ListPage:
    """Return a page of a list, with the rows that an address selects."""
    family, listing = listings()[name]
    day = reader.days().get(family.name)
    chosen = {key: text for key, text in parameters.items() if text and key in (*listing.filters, SEARCHED)}
    order = parameters.get(ORDER, "")
    if order in listing.orders:
        chosen[ORDER] = order
    where, given = _conditions(listing, chosen)
    given["day"] = day
    [counted] = reader.rows(f"SELECT count(*) AS rows FROM ({listing.query}){where}", given)
    paging = Paging.of(parameters).of_rows(counted["rows"])
    sorting = listing.orders.get(order) or next(iter(listing.orders.values()))
    query = f"SELECT * FROM ({listing.query}){where} ORDER BY {sorting} LIMIT $page_rows OFFSET $page_start"
    rows = reader.rows(query, given | paging.bounds)
    values = values_of(path, name, day) if listing.filters else {}
    return ListPage(listing, cast(Grid, listing.grid(rows)), _addresses(listing, rows), values, chosen, paging)


def values_of(path: Path, name: str, day: date | None) -> dict[str, tuple[Value, ...]]:
    """Return the values of each filter of a list, the commonest first; read once per published file."""
    return _values(path, identity_of(path), name, day)


def found(reader: Reader, text: str) -> list[tuple[Listing, Grid, tuple[str | None, ...]]]:
    """Return the first rows of each list with a subject in which a text is found."""
    days, hits = reader.days(), []
    for family, listing in listings().values():
        if listing.subject is None or family.name not in days or not listing.searched:
            continue
        where, given = _conditions(listing, {SEARCHED: text})
        sorting = f"{quoted(f'{listing.subject}_id')} = $text DESC, {next(iter(listing.orders.values()))}"
        query = f"SELECT * FROM ({listing.query}){where} ORDER BY {sorting} LIMIT {ROWS_FOUND}"
        rows = reader.rows(query, given | {"day": days[family.name], "text": text})
        if rows:
            hits.append((listing, cast(Grid, listing.grid(rows)), _addresses(listing, rows)))
    return hits


@functools.lru_cache(maxsize=64)
def _values(path: Path, identity: tuple[int, int, int], name: str, day: date | None) -> dict[str, tuple[Value, ...]]:
    """Count the rows of each value of each filter, all in one scan."""
    del identity
    _, listing = listings()[name]
    columns = list(listing.filters)
    sets = ", ".join(f"({quoted(column)})" for column in columns)
    query = (
        f"SELECT {quoted_names(columns)}, count(*) AS rows_of_value, grouping_id({quoted_names(columns)}) AS place "
        f"FROM (SELECT {', '.join(f'{_value(column)} AS {quoted(column)}' for column in columns)} "
        f"FROM ({listing.query})) GROUP BY GROUPING SETS ({sets})"
    )
    with reading(path) as reader:
        rows = reader.rows(query, {"day": day})
    values: dict[str, tuple[Value, ...]] = {}
    for number, column in enumerate(columns):
        # The bit of a column is 0 in the rows that are grouped by it.
        place = 2 ** len(columns) - 1 - 2 ** (len(columns) - 1 - number)
        found_here = [Value(row[column], row["rows_of_value"]) for row in rows if row["place"] == place]
        values[column] = tuple(sorted(found_here, key=lambda value: (-value.rows, value.text))[:MOST_VALUES])
    return values


def _conditions(listing: Listing, chosen: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    """Return the clause that selects rows, and its parameters."""
    conditions, given = [], dict[str, Any]()
    for number, column in enumerate(listing.filters):
        if column in chosen:
            conditions.append(f"{_value(column)} = $filter_{number}")
            given[f"filter_{number}"] = chosen[column]
    if SEARCHED in chosen:
        texts = [f"CAST({quoted(column)} AS VARCHAR) ILIKE $pattern ESCAPE '\\'" for column in listing.searched]
        conditions.append(f"({' OR '.join(texts)})")
        given["pattern"] = like(chosen[SEARCHED])
    return (f" WHERE {' AND '.join(conditions)}" if conditions else ""), given


def _value(column: str) -> str:
    return f"coalesce(CAST({quoted(column)} AS VARCHAR), {literal(NOTHING)})"


def _addresses(listing: Listing, rows: list[dict[str, Any]]) -> tuple[str | None, ...]:
    """Return the page of the subject of each row."""
    subject = listing.subject
    ids = [row[f"{subject}_id"] if subject else None for row in rows]
    return tuple(subject_address(subject, str(found)) if subject and found is not None else None for found in ids)
