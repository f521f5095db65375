"""Pages of the explorer that a family declares: lists of its rows, and its part of the page on one subject."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Listing:
    """A list with one row per subject; its filters, order and pages are applied in SQL.

    Attributes:
        name: its name in addresses.
        title: its heading.
        subject: subject of its rows, whose id is their column `<subject>_id`; None for rows without a page.
        query: the rows; it may use $day, the newest published day of the family.
        filters: titles of the columns by whose values rows are selected, by column.
        searched: columns that are searched for a text.
        orders: SQL of each order by its title, unique per row; the first is the default.
        grid: from rows to a grid of a document, whose first cell leads to the page of the subject.
    """

    name: str
    title: str
    subject: str | None
    query: str
    filters: Mapping[str, str]
    searched: tuple[str, ...]
    orders: Mapping[str, str]
    grid: Callable[..., object]


@dataclass(frozen=True)
class SubjectPart:
    """The part of a family of the page on one subject.

    Attributes:
        subject: name of the subject; several families may have parts of one page.
        queries: the rows of the part by name, by $subject and $day, a published day of the family; without a row of
            the first the family has no part.
        profile: from the day and the rows to the profile, a `cjo_assets.reporting.profile.Profile`.
        load_charts: imports the charts of its pictures by name.
    """

    subject: str
    queries: Mapping[str, str]
    profile: Callable[..., object]
    load_charts: Callable[[], Mapping[str, Callable[..., object]]] = dict


@dataclass(frozen=True)
class Pages:
    """The pages of a family.

    Attributes:
        listings: its lists, in the order of the menu.
        parts: its parts of the pages of subjects.
    """

    listings: tuple[Listing, ...] = ()
    parts: tuple[SubjectPart, ...] = ()
