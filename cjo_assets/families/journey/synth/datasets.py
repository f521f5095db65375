"""Generated journey datasets, in chunks of customers so that memory use does not grow with their number.

Each chunk has a seed derived from the given seed and the number of the chunk, so the first customers are the same
whatever the number of customers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, ClassVar

import pyarrow

from cjo_assets.core.dataset import Dataset
from cjo_assets.families.journey.inputs import playbook_performance_log
from cjo_assets.families.journey.synth.default_world import default_world
from cjo_assets.families.journey.synth.faults import JOURNEY_FAULTS
from cjo_assets.families.journey.synth.journeys import Cohort, lives
from cjo_assets.families.journey.synth.model import Model, expected_signal_weight
from cjo_assets.families.journey.synth.tables import (
    CUSTOMER_DIGITS,
    DATASETS,
    PERFORMANCE_LOG,
    performance_log,
    playbook_table,
    tables_of,
)
from cjo_assets.families.journey.synth.truth import truth_document
from cjo_assets.families.journey.synth.world import World, chances_of, require_words
from cjo_assets.policy import Policy
from cjo_assets.synth.columns import DAYS_PER_WEEK, Span, day_number, numbers_as_text
from cjo_assets.synth.faults import Fault
from cjo_assets.synth.made import Made, WorldError, generator, require_within

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
        dirty: corrupted rows for each good one [0-1].
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
        limits = [
            ("customers", self.customers, 1, 10**CUSTOMER_DIGITS - 1),
            ("weeks", self.weeks, 1, MOST_WEEKS),
            ("signals per customer", self.signals_per_customer, 0, 1000),
            ("the dirty share", self.dirty, 0, 1),
        ]
        require_within(limits, self.seed)


@dataclass(kw_only=True)
class Generated(Made):
    """The rows of a request, and what is true of them."""

    family: ClassVar[str] = "journey"
    datasets: ClassVar[tuple[Dataset, ...]] = (*DATASETS.values(), playbook_performance_log.DATASET)
    faults: ClassVar[dict[str, tuple[Fault, ...]]] = JOURNEY_FAULTS

    request: Request
    policy: Policy
    model: Model
    cohort: Cohort | None = None

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
        yield self.counted("playbooks", playbook_table(world, self.before), None)
        if self.request.with_performance_log:
            log = performance_log(world, self.before, generator(self.request.seed, FOR_LOG))
            yield self.counted(PERFORMANCE_LOG, log, None)
        for chunk, first in enumerate(range(0, self.request.customers, CHUNK_CUSTOMERS)):
            chance = generator(self.request.seed, FOR_LIVES, chunk)
            if self.cohort is None:
                lived = lives(self.model, self.span, CHUNK_CUSTOMERS, chance)
                number = numbers_as_text(first + 1, CHUNK_CUSTOMERS, CUSTOMER_DIGITS)
            else:
                lived = lives(self.model, self.span, self.request.customers, chance, self.cohort)
                number = self.cohort.number
            count = min(CHUNK_CUSTOMERS, self.request.customers - first)
            tables = tables_of(self.model, lived, self.span, self.policy, number, count)
            dirt = generator(self.request.seed, FOR_DIRT, chunk)
            for name, table in tables.items():
                yield self.counted(name, table, dirt)

    def truth(self) -> dict[str, Any]:
        """Return the content of the truth file, complete when all batches were taken."""
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
            **self.counts(),
            **truth_document(self.model, self.policy),
        }


def generated(request: Request, policy: Policy, world: World | None = None, cohort: Cohort | None = None) -> Generated:
    """Prepare the rows of a request, about the customers of a cohort if one is given.

    Raises:
        WorldError: the request makes no sense, or the policy has no words for the world.
    """
    request.require_sense()
    if cohort is not None and (request.customers != len(cohort.number) or request.customers > CHUNK_CUSTOMERS):
        raise WorldError(f"A cohort has as many customers as the request, and at most {CHUNK_CUSTOMERS:,}.")
    world = world or default_world()
    world = world if request.has_effect else world.without_effect()
    require_words(world, policy)
    chances = chances_of(world, policy)
    weekly_signals = request.signals_per_customer / expected_signal_weight(world, chances, request.weeks)
    model = Model(world, chances, weekly_signals)
    return Generated(dirty=request.dirty, request=request, policy=policy, model=model, cohort=cohort)
