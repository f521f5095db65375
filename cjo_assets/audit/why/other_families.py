"""Rows of other families about the customer of a decision."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date

import duckdb

from cjo_assets.core.family import Family, registered_families
from cjo_assets.core.questions import Branch, CustomerRows, CustomerView
from cjo_assets.warehouse.export import published_tables
from cjo_assets.warehouse.published import rows_of

LAST_DAY = "SELECT max(as_of) AS day FROM audit.runs WHERE is_published AND family = $family AND as_of <= $day"


def rows_of_others(reader: duckdb.DuckDBPyConnection, family: Family, customer: str, day: date) -> list[CustomerRows]:
    """Return the rows about a customer of each family but one, on the last day of that family by a day."""
    present, found = published_tables(reader), []
    for other, view in _views():
        tables = {name for query in view.queries.values() for name in re.findall(rf"\b{other.name}\.\w+", query)}
        if other.name == family.name or not tables <= present:
            continue
        [last] = rows_of(reader, LAST_DAY, {"family": other.name, "day": day})
        if last["day"] is not None:
            given = {"customer": customer, "day": last["day"]}
            parts = {name: rows_of(reader, query, given) for name, query in view.queries.items()}
            if any(parts.values()):
                found.append(CustomerRows(other.name, last["day"], parts))
    return found


def branches_of_others(others: Sequence[CustomerRows]) -> list[Branch]:
    """Return a branch per family that has rows about the customer."""
    views = {family.name: view for family, view in _views()}
    return [
        Branch(f"{views[found.family].heading} on {found.as_of}", views[found.family].lines(found.parts))
        for found in others
    ]


def _views() -> Iterator[tuple[Family, CustomerView]]:
    for family in registered_families():
        if family.customer_view is not None:
            yield family, family.customer_view
