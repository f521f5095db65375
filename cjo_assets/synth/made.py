"""Base of the generated data of a family: rows in batches, counts of corrupted rows, and true parameters."""

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
    """The rows of a request and their true parameters.

    Attributes:
        family: name of the family, and of the folder of its files.
        datasets: every dataset that can be generated.
        faults: faults of each dataset.
        dirty: corrupted rows per good row [0-1].
        spoiled: number of corrupted rows so far, by dataset and fault.
        rows: number of rows so far, by dataset.
    """

    family: ClassVar[str]
    datasets: ClassVar[tuple[Dataset, ...]]
    faults: ClassVar[dict[str, tuple[Fault, ...]]]

    dirty: float
    spoiled: dict[str, dict[str, int]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)

    @abstractmethod
    def batches(self) -> Iterator[tuple[str, pyarrow.Table]]:
        """Yield the rows as name of dataset and table; a dataset comes once per chunk."""

    @abstractmethod
    def truth(self) -> dict[str, Any]:
        """Return the content of the truth file, complete after the last batch."""

    def counted(self, name: str, table: pyarrow.Table, dirt: np.random.Generator | None) -> tuple[str, pyarrow.Table]:
        """Count the rows of a batch, and add corrupted rows where requested and a generator is given."""
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
        """Return the number of rows, as part of the truth file."""
        return {
            "rows": dict(sorted(self.rows.items())),
            "spoiled_rows": {name: dict(sorted(kinds.items())) for name, kinds in sorted(self.spoiled.items())},
        }


def require_within(limits: Sequence[tuple[str, float, float, float]], seed: int) -> None:
    """Reject a request beyond its limits.

    Args:
        limits: name, value, smallest and largest allowed value of each setting.
        seed: the seed, 0 or above.

    Raises:
        WorldError: a value is beyond its limits.
    """
    for name, value, least, largest in limits:
        if not least <= value <= largest:
            raise WorldError(f"There can be {least:,} to {largest:,} for {name}, not {value:,}.")
    if seed < 0:
        raise WorldError(f"A seed is 0 or above, not {seed}.")


def generator(seed: int, *key: int) -> np.random.Generator:
    """Return the generator of one part of a request: the same for the same seed and part."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))
