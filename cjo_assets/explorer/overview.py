"""First page: the newest day of each family, the lists by the values of their filters, and pending requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cjo_assets.approvals.decide import waiting_requests
from cjo_assets.core.pages import Listing
from cjo_assets.core.settings import Settings
from cjo_assets.explorer.database import Reader
from cjo_assets.explorer.decisions import policy_of
from cjo_assets.explorer.listings import Value, available, listings, values_of

# Values of a filter on the first page; the list has all of them.
MOST_VALUES = 8


@dataclass(frozen=True)
class Group:
    """A list on the first page: its number of rows, and the commonest values of each filter."""

    listing: Listing
    rows: int
    values: Mapping[str, tuple[Value, ...]]


@dataclass(frozen=True)
class Overview:
    """The first page."""

    groups: tuple[Group, ...]
    pending: int


def overview(settings: Settings, reader: Reader) -> Overview:
    """Return the first page."""
    days = reader.days()
    groups = []
    for listing in available(days):
        family, _ = listings()[listing.name]
        values = values_of(settings.published, listing.name, days[family.name])
        rows = sum(value.rows for value in next(iter(values.values()), ()))
        groups.append(Group(listing, rows, {column: found[:MOST_VALUES] for column, found in values.items()}))
    return Overview(tuple(groups), len(waiting_requests(settings, policy_of(settings))))
