"""Generated datasets, chunk by chunk, so that any number of customers fits into memory.

Belongs here: what is asked for, and which seed draws what. Does not belong here: files (`writer.py`).

A chunk of customers has a seed of its own, derived from the one given and the chunk's number. So the first customers
are the same however many are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow

from cjo_assets.policy import Policy
from cjo_assets.synth.columns import day_number
from cjo_assets.synth.default_world import default_world
from cjo_assets.synth.dirt import as_text, spoiled
from cjo_assets.synth.journeys import lives
from cjo_assets.synth.model import Model, expected_signal_weight
from cjo_assets.synth.tables import (
    CUSTOMER_DIGITS,
    PERFORMANCE_LOG,
    performance_log,
    playbook_table,
    tables_of,
)
from cjo_assets.synth.truth import truth_document
from cjo_assets.synth.world import DAYS_PER_WEEK, Span, World, WorldError, chances_of, require_words

CHUNK_CUSTOMERS = 10_000
# What a seed is used for: the first part of the key of each generator.
FOR_LIVES, FOR_DIRT, FOR_LOG = 0, 1, 2
MOST_WEEKS = 1040


@dataclass(frozen=True)
class Request:
    """What is to be generated.

    Attributes:
        customers: how many.
        seed: the same request with the same seed gives the same rows.
        until: last day of the log.
        weeks: that the log holds; customers begin on any day of them.
        signals_per_customer: on average.
        dirty: spoiled rows for each good one [0-1].
        has_effect: whether playbooks do anything.
        with_performance_log: whether an earlier system left its log.
    """

    customers: int
    seed: int
    until: date
    weeks: int = 104
    signals_per_customer: float = 10.0
    dirty: float = 0.0
    has_effect: bool = True
    with_performance_log: bool = False

    def require_sense(self) -> None:
        """Refuse what cannot be generated.

        Raises:
            WorldError: naming what is amiss.
        """
        most = 10**CUSTOMER_DIGITS - 1
        limits = [
            ("customers", self.customers, 1, most),
            ("weeks", self.weeks, 1, MOST_WEEKS),
            ("signals per customer", self.signals_per_customer, 0, 1000),
            ("the dirty share", self.dirty, 0, 1),
        ]
        for name, value, least, largest in limits:
            if not least <= value <= largest:
                raise WorldError(f"There can be {least:,} to {largest:,} for {name}, not {value:,}.")
        if self.seed < 0:
            raise WorldError(f"A seed is 0 or above, not {self.seed}.")


@dataclass
class Generated:
    """The rows of a request, and what is true of them.

    Attributes:
        truth: the content of truth.json; complete when all batches were taken.
        spoiled: rows spoiled so far, by dataset and kind.
        rows: rows made so far, by dataset.
    """

    request: Request
    policy: Policy
    model: Model
    spoiled: dict[str, dict[str, int]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)

    @property
    def span(self) -> Span:
        """The days of the log."""
        last_day = day_number(self.request.until)
        return Span(last_day - self.request.weeks * DAYS_PER_WEEK + 1, last_day)

    @property
    def before(self) -> date:
        """The day before the log begins: playbooks exist from then on."""
        return self.request.until - timedelta(days=self.request.weeks * DAYS_PER_WEEK)

    def batches(self) -> Iterator[tuple[str, pyarrow.Table]]:
        """Make the rows, dataset and table at a time; a dataset comes once per chunk."""
        world = self.model.world
        yield self._counted("playbooks", playbook_table(world, self.before), None)
        if self.request.with_performance_log:
            log = performance_log(world, self.before, _generator(self.request.seed, FOR_LOG))
            yield self._counted(PERFORMANCE_LOG, log, None)
        for chunk, first in enumerate(range(0, self.request.customers, CHUNK_CUSTOMERS)):
            lived = lives(self.model, self.span, CHUNK_CUSTOMERS, _generator(self.request.seed, FOR_LIVES, chunk))
            count = min(CHUNK_CUSTOMERS, self.request.customers - first)
            tables = tables_of(self.model, lived, self.span, self.policy, first + 1, count)
            dirt = _generator(self.request.seed, FOR_DIRT, chunk)
            for name, table in tables.items():
                yield self._counted(name, table, dirt)

    def truth(self) -> dict[str, Any]:
        """Return the content of truth.json."""
        request = self.request
        return {
            "request": {
                "customers": request.customers,
                "seed": request.seed,
                "from": (self.before + timedelta(days=1)).isoformat(),
                "until": request.until.isoformat(),
                "weeks": request.weeks,
                "signals_per_customer": request.signals_per_customer,
                "dirty": request.dirty,
                "has_effect": request.has_effect,
            },
            "rows": dict(sorted(self.rows.items())),
            "spoiled_rows": {name: dict(sorted(kinds.items())) for name, kinds in sorted(self.spoiled.items())},
            **truth_document(self.model, self.policy),
        }

    def _counted(self, name: str, table: pyarrow.Table, dirt: np.random.Generator | None) -> tuple[str, pyarrow.Table]:
        if self.request.dirty > 0:
            if dirt is None:
                table = as_text(table)
            else:
                table, kinds = spoiled(name, table, self.request.dirty, dirt)
                total = self.spoiled.setdefault(name, {})
                for kind, count in kinds.items():
                    total[kind] = total.get(kind, 0) + count
        self.rows[name] = self.rows.get(name, 0) + table.num_rows
        return name, table


def generated(request: Request, policy: Policy, world: World | None = None) -> Generated:
    """Prepare the rows of a request.

    Raises:
        WorldError: the request makes no sense, or the policy has no words for the world.
    """
    request.require_sense()
    world = world or default_world()
    world = world if request.has_effect else world.without_effect()
    require_words(world, policy)
    chances = chances_of(world, policy)
    weekly_signals = request.signals_per_customer / expected_signal_weight(world, chances, request.weeks)
    return Generated(request, policy, Model(world, chances, weekly_signals))


def _generator(seed: int, *key: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))
