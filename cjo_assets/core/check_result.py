"""Result of a check of a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class CheckResult:
    """Rows checked and failing rows of one check.

    Attributes:
        rows: rows checked.
        broken: failing rows per broken rule.
        examples: some of the failing rows, as plain values.
        wording: the messages of pandera about them.
    """

    rows: int
    broken: dict[str, int]
    examples: list[dict[str, Any]]
    wording: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether no row fails."""
        return not self.broken
