"""Pages of a list: number of rows, bounds in SQL, and patterns of a searched text."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

ROWS_OF_PAGE = 50


@dataclass(frozen=True)
class Paging:
    """A page of rows.

    Attributes:
        page: its number, from 1.
        rows: number of rows of all pages.
    """

    page: int
    rows: int = 0

    @classmethod
    def of(cls, given: Mapping[str, str]) -> Paging:
        """Return the page of an address; the first unless it has a number."""
        text = given.get("page", "")
        return cls(max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < len("1000000000") else 1)

    def of_rows(self, rows: int) -> Paging:
        """Return the page, or the last one, of so many rows."""
        pages = max(1, math.ceil(rows / ROWS_OF_PAGE))
        return replace(self, page=min(self.page, pages), rows=rows)

    @property
    def pages(self) -> int:
        """Number of pages."""
        return max(1, math.ceil(self.rows / ROWS_OF_PAGE))

    @property
    def first(self) -> int:
        """Number of its first row, from 1; 0 without rows."""
        return min(self.rows, (self.page - 1) * ROWS_OF_PAGE + 1)

    @property
    def last(self) -> int:
        """Number of its last row."""
        return min(self.rows, self.page * ROWS_OF_PAGE)

    @property
    def bounds(self) -> dict[str, Any]:
        """Parameters of `LIMIT $page_rows OFFSET $page_start`."""
        return {"page_rows": ROWS_OF_PAGE, "page_start": (self.page - 1) * ROWS_OF_PAGE}


def like(text: str) -> str:
    r"""Return the pattern of texts that contain a text, for ILIKE with the escape character \."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
