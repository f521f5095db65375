"""Generated lifecycle datasets, in chunks of organizations, and their true parameters.

Each chunk has a seed derived from the given seed and the number of the chunk, so the first organizations are the same
whatever the number of organizations.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, ClassVar

import numpy as np
import pyarrow

from cjo_assets.core.dataset import Dataset
from cjo_assets.families.lifecycle.inputs import (
    config_versions,
    conversations,
    knowledge_searches,
    lifecycle_events,
    model_calls,
    organizations,
    people,
    plans,
    service_windows,
    sla_terms,
    tickets,
    usage_daily,
    variant_results,
)
from cjo_assets.families.lifecycle.synth.activity import (
    calls_of,
    conversations_of,
    searches_of,
    usage_of,
    windows_of,
)
from cjo_assets.families.lifecycle.synth.deals import add_deals
from cjo_assets.families.lifecycle.synth.draws import NEVER, Clients, clients_of
from cjo_assets.families.lifecycle.synth.envelopes import ORGANIZATION_DIGITS, Log, OwnedTable, customer_ids
from cjo_assets.families.lifecycle.synth.faults import LIFECYCLE_FAULTS
from cjo_assets.families.lifecycle.synth.money import add_money
from cjo_assets.families.lifecycle.synth.records import (
    configurations_of,
    organizations_of,
    people_of,
    plans_table,
    terms_of,
    variants_table,
)
from cjo_assets.families.lifecycle.synth.support import tickets_of
from cjo_assets.families.lifecycle.synth.world import (
    LifecycleWorld,
    default_lifecycle_world,
    require_lifecycle_words,
)
from cjo_assets.policy import Policy, section_named
from cjo_assets.policy.lifecycle import LifecyclePolicy
from cjo_assets.synth.columns import DAYS_PER_WEEK, EPOCH, Span, as_contracted, day_number, numbers_as_text
from cjo_assets.synth.faults import Fault
from cjo_assets.synth.made import Made, generator, require_within

CHUNK_ORGANIZATIONS = 1_000
FOR_CLIENTS, FOR_MONEY, FOR_DEALS, FOR_TICKETS, FOR_USAGE, FOR_TALKS, FOR_REST, FOR_DIRT, FOR_VARIANTS = range(9)
MOST_WEEKS = 1040
MOST_ROWS = 100_000


@dataclass(frozen=True)
class LifecycleRequest:
    """A request for generated organizations.

    Attributes:
        organizations: number of organizations.
        seed: the same request with the same seed gives the same rows.
        until: last day of the records.
        weeks: weeks in which organizations sign up.
        conversations, tickets: on average per client, if it pays all the time [rows].
        dirty: corrupted rows per valid row [0-1].
        has_effect: whether falling use makes clients leave.
    """

    organizations: int
    seed: int
    until: date
    weeks: int = 104
    conversations: float = 40.0
    tickets: float = 10.0
    dirty: float = 0.0
    has_effect: bool = True

    def require_sense(self) -> None:
        """Reject a request beyond its limits.

        Raises:
            WorldError: a value is beyond its limits.
        """
        limits = [
            ("organizations", self.organizations, 1, 10**ORGANIZATION_DIGITS - 1),
            ("weeks", self.weeks, 1, MOST_WEEKS),
            ("conversations per organization", self.conversations, 0, MOST_ROWS),
            ("tickets per organization", self.tickets, 0, MOST_ROWS),
            ("the dirty share", self.dirty, 0, 1),
        ]
        require_within(limits, self.seed)

    @property
    def span(self) -> Span:
        """The days on which organizations sign up."""
        last_day = day_number(self.until)
        return Span(last_day - self.weeks * DAYS_PER_WEEK + 1, last_day)


@dataclass(kw_only=True)
class GeneratedLifecycle(Made):
    """The rows of a request, and their true parameters.

    Answers to approval requests are not generated: they name decisions, which do not exist before a run.
    """

    family: ClassVar[str] = "lifecycle"
    datasets: ClassVar[tuple[Dataset, ...]] = (
        organizations.DATASET,
        people.DATASET,
        plans.DATASET,
        lifecycle_events.DATASET,
        sla_terms.DATASET,
        usage_daily.DATASET,
        conversations.DATASET,
        tickets.DATASET,
        config_versions.DATASET,
        service_windows.DATASET,
        model_calls.DATASET,
        variant_results.DATASET,
        knowledge_searches.DATASET,
    )
    faults: ClassVar[dict[str, tuple[Fault, ...]]] = LIFECYCLE_FAULTS

    request: LifecycleRequest
    world: LifecycleWorld
    currency: str
    of_organizations: list[dict[str, Any]] = field(default_factory=list)

    def batches(self) -> Iterator[tuple[str, pyarrow.Table]]:
        """Yield the rows as name of dataset and table; a dataset comes once per chunk."""
        contracts = {dataset.name: dataset.contract for dataset in self.datasets}
        variants = variants_table(self.request.span, generator(self.request.seed, FOR_VARIANTS))
        for name, table in (("plans", plans_table(self.world)), ("variant_results", variants)):
            yield self.counted(name, as_contracted(contracts[name], table), None)
        for chunk, first in enumerate(range(0, self.request.organizations, CHUNK_ORGANIZATIONS)):
            count = min(CHUNK_ORGANIZATIONS, self.request.organizations - first)
            number = numbers_as_text(first + 1, CHUNK_ORGANIZATIONS, ORGANIZATION_DIGITS)
            clients = self.clients(chunk)
            self._learn(clients, number, count)
            dirt = self._chance(FOR_DIRT, chunk)
            for name, (owner, table) in self._tables(clients, number, chunk).items():
                own = table.slice(0, int(np.searchsorted(owner, count)))
                yield self.counted(name, as_contracted(contracts[name], own), dirt)

    def clients(self, chunk: int) -> Clients:
        """Return the drawn organizations of a chunk; a chunk has as many as fit, whatever the number requested."""
        chance = self._chance(FOR_CLIENTS, chunk)
        return clients_of(self.world, self.request.span, CHUNK_ORGANIZATIONS, chance)

    def truth(self) -> dict[str, Any]:
        """Return the content of the truth file, complete when all batches were taken."""
        request, world = self.request, self.world
        return {
            "request": {
                "organizations": request.organizations,
                "seed": request.seed,
                "from": (request.until - timedelta(days=request.weeks * DAYS_PER_WEEK - 1)).isoformat(),
                "until": request.until.isoformat(),
                "weeks": request.weeks,
                "conversations_per_organization": request.conversations,
                "tickets_per_organization": request.tickets,
                "dirty": request.dirty,
                "has_effect": request.has_effect,
            },
            **self.counts(),
            "decline": {
                "share": world.decline_share,
                "days": world.decline_days,
                "floor": world.decline_floor,
                "wait_factor": world.decline_wait,
                "churn_after": world.churn_after_decline,
                "churn_otherwise": world.churn_otherwise,
                "meaning": "from declines_on, use falls within so many days to the floor, as a share of what it was, "
                "and tickets wait wait_factor times as long; the shares of clients that leave",
            },
            "organizations": self.of_organizations,
        }

    def _tables(self, clients: Clients, number: pyarrow.Array, chunk: int) -> dict[str, OwnedTable]:
        world, request = self.world, self.request
        log = Log(number, clients.end_second, self.currency)
        add_money(world, clients, log, self._chance(FOR_MONEY, chunk))
        add_deals(world, clients, log, self._chance(FOR_DEALS, chunk))
        supported = tickets_of(world, clients, log, request.tickets, self._chance(FOR_TICKETS, chunk))
        talks = conversations_of(world, clients, log, request.conversations, self._chance(FOR_TALKS, chunk))
        rest = self._chance(FOR_REST, chunk)
        return {
            "organizations": organizations_of(world, clients, number),
            "people": people_of(clients, number),
            "lifecycle_events": log.table(),
            "sla_terms": terms_of(clients, number),
            "usage_daily": usage_of(world, clients, number, self._chance(FOR_USAGE, chunk)),
            "conversations": talks,
            "tickets": supported,
            "config_versions": configurations_of(clients, number),
            "service_windows": windows_of(world, clients, number, rest),
            "model_calls": calls_of(world, clients, number, rest),
            "knowledge_searches": searches_of(world, clients, number, rest),
        }

    def _chance(self, use: int, chunk: int) -> np.random.Generator:
        return generator(self.request.seed, use, chunk)

    def _learn(self, clients: Clients, number: pyarrow.Array, count: int) -> None:
        """Keep what is true of the first organizations of a chunk."""
        rows = clients.rows
        names = customer_ids(number, rows["org"][:count]).to_pylist()
        columns = {
            "starts_on": rows["start_day"],
            "declines_on": rows["onset_day"],
            "recovers_on": rows["recovery_day"],
            "churns_on": rows["churn_day"],
            "returns_on": rows["return_day"],
        }
        for place, name in enumerate(names):
            days = {column: _day(int(values[place])) for column, values in columns.items()}
            self.of_organizations.append({"customer_id": name, **days})


def generated_lifecycle(
    request: LifecycleRequest, policy: Policy, world: LifecycleWorld | None = None
) -> GeneratedLifecycle:
    """Prepare the rows of a request.

    Raises:
        WorldError: the request is beyond its limits, or the policy lacks words that the rows need.
    """
    request.require_sense()
    world = world or default_lifecycle_world()
    world = world if request.has_effect else world.without_effect()
    require_lifecycle_words(world, policy)
    rules: LifecyclePolicy = section_named(policy, LifecyclePolicy.__name__)
    return GeneratedLifecycle(dirty=request.dirty, request=request, world=world, currency=rules.billing.currency)


def _day(number: int) -> str | None:
    return None if number == NEVER else (EPOCH + timedelta(days=number)).isoformat()
