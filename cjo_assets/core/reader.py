"""Reading access to the tables of a warehouse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from cjo_assets.core.dataset import Dataset

Row = dict[str, Any]


class Reader(Protocol):
    """Tables that can be queried."""

    @property
    def datasets_by_family(self) -> Mapping[str, tuple[Dataset, ...]]:
        """Datasets of each family, by name."""

    def rows(self, sql: str, *parameters: Any) -> list[Row]:
        """Return the rows of a query that is known to have few."""
