"""Columns of generated rows: ids, names, days and instants."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow
import pyarrow.compute as pc

from cjo_assets.core.contract import Contract, columns_of

Numbers = np.ndarray
# Code of a missing name in a column of names.
NOBODY = -1
DAYS_PER_WEEK = 7
EPOCH = date(1970, 1, 1)
SECONDS_PER_DAY = 86_400
ROW_DIGITS = 4


@dataclass(frozen=True)
class Span:
    """First and last simulated day, as days since 1970-01-01."""

    first_day: int
    last_day: int


def day_number(day: date) -> int:
    """Return a day as days since 1970-01-01."""
    return (day - EPOCH).days


def numbers_as_text(first: int, count: int, digits: int) -> pyarrow.Array:
    """Return consecutive numbers, filled up with zeros."""
    return pc.utf8_lpad(pyarrow.array(np.arange(first, first + count).astype(str), pyarrow.string()), digits, "0")


def id_column(prefix: str, number: pyarrow.Array) -> pyarrow.Array:
    """Return numbers behind a prefix."""
    return pc.binary_join_element_wise(prefix, number, "")


def given_or_numbered(names: tuple[str, ...], prefix: str, number: pyarrow.Array) -> pyarrow.Array:
    """Return the given names of the first numbers, from 1, and numbered names of the others."""
    place = pc.min_element_wise(pc.subtract(pc.cast(number, pyarrow.int64()), 1), len(names))
    return pc.coalesce(pyarrow.array([*names, None], pyarrow.string()).take(place), id_column(prefix, number))


def row_id_column(prefix: str, owner: Numbers, number: pyarrow.Array) -> pyarrow.Array:
    """Return an id of each row, numbered from 1 within its owner; rows come by owner."""
    in_owner = np.arange(owner.size) - np.searchsorted(owner, owner) + 1
    texts = numbers_as_text(1, int(in_owner.max(initial=0)), ROW_DIGITS).take(pyarrow.array(in_owner - 1))
    return id_column(prefix, pc.binary_join_element_wise(number.take(pyarrow.array(owner)), texts, "_"))


def name_column(names: tuple[str, ...] | list[str], codes: Numbers) -> pyarrow.Array:
    """Return the names of codes; null for `NOBODY`."""
    return pyarrow.array(list(names), pyarrow.string()).take(pyarrow.array(codes, mask=codes == NOBODY))


def date_column(days: Numbers, unknown: Numbers | None = None) -> pyarrow.Array:
    """Return days since 1970-01-01 as dates; null where unknown."""
    return pyarrow.array(days.astype("datetime64[D]"), mask=unknown)


def instant_column(seconds: Numbers, unknown: Numbers | None = None) -> pyarrow.Array:
    """Return seconds since 1970-01-01 as instants of UTC; null where unknown."""
    return pyarrow.array(seconds.astype("datetime64[s]").astype("datetime64[us]"), mask=unknown)


def as_contracted(contract: type[Contract], table: pyarrow.Table) -> pyarrow.Table:
    """Select the columns of the contract; only optional ones may be missing."""
    made = set(table.column_names)
    return table.select([spec.name for spec in columns_of(contract) if spec.name in made or not spec.optional])
