"""Lists in sentences and tables shared by the sections of the lifecycle report."""

from __future__ import annotations

from collections.abc import Sequence

from cjo_assets.families.lifecycle.report.figures import LifecycleFigures
from cjo_assets.reporting.document import Column, Grid, Prose, Record, grid

# Most names in a sentence; the tables have the others.
NAMED = 5
CUSTOMER = Column("customer", "customer_id", "name", below=(("", "customer_id", "plain"),))


def named(record: Record) -> Prose:
    """Return the name of the organization that a row is about."""
    return (record.show("customer_id", "name", is_strong=True),)


def first_of(entries: Sequence[Prose], *, is_cut: bool = False) -> Prose:
    """Return the first entries as a list, and whether there are others."""
    parts: Prose = ()
    for place, entry in enumerate(entries[:NAMED]):
        parts = (*parts, *(("; ",) if place else ()), *entry)
    return (*parts, *(("; and others",) if is_cut or len(entries) > NAMED else ()))


def table_of(
    figures: LifecycleFigures,
    caption: str,
    columns: Sequence[Column],
    name: str,
    note: str = "",
    *,
    is_folded: bool = False,
) -> Grid:
    """Return a grid of the rows of a list, with a note where it is cut.

    Args:
        figures: the day.
        caption: its caption.
        columns: its columns.
        name: name of the list.
        note: a note before that on its length.
        is_folded: whether only the caption is shown at first.
    """
    remaining = figures.rest(name)
    said: Prose = (f"{note} " if remaining else note,) if note else ()
    return grid(caption, columns, figures.of(name), (*said, *remaining), is_folded=is_folded)
