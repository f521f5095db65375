"""Configuration of a table that is not materialized by the defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class TableConfig:
    """How a table is materialized. A module of a table assigns it to `CONFIG` where a default does not fit.

    Attributes:
        schema: schema of the engine; the family's name unless given.
        is_view: nothing is stored; readers compute it.
        is_appended: rows are only ever added.
        is_published: whether the published database has it.
        look_back_columns: columns that later days may read, so that a change in another column makes no day stale;
            all columns unless given.
        is_decision: its published rows record what was decided, so a change of the contract never recomputes them.
        others: full names of tables of other families that parameters of a view read, by parameter.
    """

    schema: str | None = None
    is_view: bool = False
    is_appended: bool = False
    is_published: bool = True
    look_back_columns: tuple[str, ...] = ()
    is_decision: bool = False
    others: Mapping[str, str] = field(default_factory=dict)
