"""What every family of generated data has: rows batch by batch, what was spoiled of them, and what is true.

Belongs here: the keeping of counts and the spoiling. Does not belong here: any row (the families), and files
(`writer.py`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pyarrow

from cjo_assets.core.dataset import Dataset
from cjo_assets.synth.faults import Fault, as_text, spoiled


class WorldError(Exception):
    """A world that is impossible, or that uses words unknown to the policy."""


@dataclass
class Made(ABC):
    """The rows of a request, and what is true of them.

    Attributes:
        family: name of the family, and of the folder of its files.
        datasets: every dataset of it that can be generated.
        faults: how the rows of each are spoiled.
        dirty: spoiled rows for each good one [0-1].
        spoiled: rows spoiled so far, by dataset and kind.
        rows: rows made so far, by dataset.
    """

    family: ClassVar[str]
    datasets: ClassVar[tuple[Dataset, ...]]
    faults: ClassVar[dict[str, tuple[Fault, ...]]]

    dirty: float
    spoiled: dict[str, dict[str, int]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)

    @abstractmethod
    def batches(self) -> Iterator[tuple[str, pyarrow.Table]]:
        """Make the rows, dataset and table at a time; a dataset comes once per chunk."""

    @abstractmethod
    def truth(self) -> dict[str, Any]:
        """Return the content of the truth file, complete when all batches were taken."""

    def counted(self, name: str, table: pyarrow.Table, dirt: np.random.Generator | None) -> tuple[str, pyarrow.Table]:
        """Count the rows of a batch, having spoiled some of them where that was asked for and chance is given."""
        if self.dirty > 0:
            if dirt is None:
                table = as_text(table)
            else:
                table, kinds = spoiled(self.faults.get(name, ()), table, self.dirty, dirt)
                total = self.spoiled.setdefault(name, {})
                for kind, count in kinds.items():
                    total[kind] = total.get(kind, 0) + count
        self.rows[name] = self.rows.get(name, 0) + table.num_rows
        return name, table

    def counts(self) -> dict[str, Any]:
        """Return how many rows there are, as part of the truth."""
        return {
            "rows": dict(sorted(self.rows.items())),
            "spoiled_rows": {name: dict(sorted(kinds.items())) for name, kinds in sorted(self.spoiled.items())},
        }


def require_within(limits: Sequence[tuple[str, float, float, float]], seed: int) -> None:
    """Refuse a request beyond its limits: what it is, what was asked for, least and most.

    Raises:
        WorldError: naming what is amiss.
    """
    for name, value, least, largest in limits:
        if not least <= value <= largest:
            raise WorldError(f"There can be {least:,} to {largest:,} for {name}, not {value:,}.")
    if seed < 0:
        raise WorldError(f"A seed is 0 or above, not {seed}.")


def generator(seed: int, *key: int) -> np.random.Generator:
    """Return the generator of one part of a request: the same for the same seed and part."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))
