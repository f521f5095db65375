"""Tables that follow from the declaration of a dataset: rejected rows, discarded values and accepted rows."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import Check
from cjo_assets.core.contract import any_of, key_of, may_discard
from cjo_assets.core.dataset import Dataset
from cjo_assets.core.quarantine.contests import SUPERSEDED
from cjo_assets.core.quarantine.dataset_checks import checks_of_rows
from cjo_assets.core.quarantine.rules import (
    PROVENANCE,
    DiscardedValues,
    QuarantinedRows,
    accepted_rows,
    discarded_values,
    is_refused,
    quarantined_rows,
    typed_rows,
    with_provenance,
)
from cjo_assets.core.table import QUARANTINE, RAW, BoundQuery, Reference, Table, inputs_of, parameters_of
from cjo_assets.policy import Policy

Inputs = dict[str, Reference]


def dataset_tables(dataset: Dataset, family: str, stage: str, own_checks: tuple[Check, ...] = ()) -> list[Table]:
    """Return the tables of a dataset.

    Args:
        dataset: the dataset.
        family: its family, and the schema of its accepted rows.
        stage: group of the tables.
        own_checks: checks that the dataset's module defines.
    """
    tables = _DatasetTables(dataset, family, stage)
    discarded = [tables.discarded_table()] if may_discard(dataset.contract) else []
    return [tables.quarantine_table(), *discarded, tables.accepted_table(own_checks)]


def discarded_name(dataset: Dataset) -> str:
    """Return the name of the table of a dataset's rows that lost a value."""
    return f"{dataset.name}_discarded_values"


@dataclass(frozen=True)
class _DatasetTables:
    dataset: Dataset
    family: str
    stage: str

    @property
    def raw(self) -> Inputs:
        return {"raw": Reference(RAW, self.dataset.name)}

    @property
    def quarantined(self) -> Inputs:
        return {"quarantined": Reference(QUARANTINE, self.dataset.name)}

    @property
    def discarded(self) -> Inputs:
        if not may_discard(self.dataset.contract):
            return {}
        return {"discarded": Reference(QUARANTINE, discarded_name(self.dataset))}

    @property
    def accepted(self) -> Inputs:
        return {"accepted": Reference(self.family, self.dataset.lookup)}

    @property
    def related(self) -> Inputs:
        """Tables that the relations of the dataset name."""
        return inputs_of(self.dataset.relations, self.family) if self.dataset.relations else {}

    def quarantine_table(self) -> Table:
        preferred = self.dataset.preference
        ranked_by = inputs_of(preferred.best_first, self.family) if preferred else {}
        transform = BoundQuery(
            self.quarantine,
            self.raw | self.related | ranked_by,
            self.dataset.name,
            f"Rows of {self.dataset.name} that were rejected.",
            (self.dataset.contract, quarantined_rows),
        )
        return Table(QUARANTINE, self.dataset.name, QuarantinedRows, transform, self.stage)

    def discarded_table(self) -> Table:
        name = discarded_name(self.dataset)
        transform = BoundQuery(
            self.discard,
            self.raw | self.quarantined | self.related,
            name,
            f"Rows of {self.dataset.name} that were accepted without a value of an optional column.",
            (self.dataset.contract, discarded_values),
        )
        return Table(QUARANTINE, name, DiscardedValues, transform, self.stage)

    def accepted_table(self, own_checks: tuple[Check, ...]) -> Table:
        transform = BoundQuery(
            self.accept,
            self.raw | self.quarantined | self.discarded,
            self.dataset.lookup,
            f"Rows of {self.dataset.name} that were not rejected.",
            (self.dataset.contract, accepted_rows),
        )
        return Table(
            self.family,
            self.dataset.lookup,
            with_provenance(self.dataset.contract),
            transform,
            self.stage,
            (*self.checks(), *own_checks),
            hidden=PROVENANCE,
        )

    def checks(self) -> tuple[Check, ...]:
        before = BoundQuery(
            self.rows_before_quarantine,
            self.raw | self.quarantined | self.accepted | self.related,
            "contract_before_quarantine",
            "Validates all rows of the file, before any are rejected.",
        )
        broken = BoundQuery(rows_with_broken_rules, self.quarantined)
        of_rows = checks_of_rows(self.dataset, self.raw | self.quarantined | self.accepted | self.discarded)
        checks = (Check(before, contract=self.dataset.contract, candidates=broken), *of_rows)
        if self.dataset.relations is None:
            return checks
        dangling = BoundQuery(
            self.dangling_references,
            self.accepted | self.related,
            "referential_integrity",
            "Finds accepted rows that refer to nothing, or break another rule between tables.",
        )
        return (*checks, Check(dangling, is_blocking=True))

    def quarantine(self, raw: ir.Table, policy: Policy, **tables: ir.Table) -> ir.Table:
        broken = partial(self.broken_relations, policy=policy, tables=tables)
        return quarantined_rows(
            self.dataset, raw, policy, broken, partial(self.sort_keys, policy=policy, tables=tables)
        )

    def discard(self, raw: ir.Table, quarantined: ir.Table, policy: Policy, **tables: ir.Table) -> ir.Table:
        broken = partial(self.broken_relations, policy=policy, tables=tables)
        return discarded_values(self.dataset, raw, quarantined, policy, broken)

    def accept(
        self, raw: ir.Table, quarantined: ir.Table, policy: Policy, discarded: ir.Table | None = None
    ) -> ir.Table:
        return accepted_rows(raw, quarantined, discarded, self.dataset.contract, policy)

    def rows_before_quarantine(
        self, raw: ir.Table, quarantined: ir.Table, accepted: ir.Table, policy: Policy, **tables: ir.Table
    ) -> ir.Table:
        # The contract of the accepted rows has been checked: typing the whole file again would find nothing more.
        broken = rows_with_broken_rules(quarantined)
        found = raw.filter(~is_refused(raw)).semi_join(broken, list(PROVENANCE))
        rejected = typed_rows(found, self.dataset.contract, policy)
        kept = accepted.semi_join(rejected, list(key_of(self.dataset.contract)))
        rows = ibis.union(rejected, kept.select(rejected.columns))
        return rows.mutate(**self.broken_relations(rows, policy, tables))

    def dangling_references(self, accepted: ir.Table, policy: Policy, **tables: ir.Table) -> ir.Table:
        return accepted.filter(any_of(self.broken_relations(accepted, policy, tables).values()))

    def broken_relations(
        self, rows: ir.Table, policy: Policy, tables: dict[str, ir.Table]
    ) -> dict[str, ir.BooleanValue]:
        return _called(self.dataset.relations, rows, policy, tables) if self.dataset.relations else {}

    def sort_keys(self, rows: ir.Table, policy: Policy, tables: dict[str, ir.Table]) -> list[ir.Value]:
        preferred = self.dataset.preference
        return _called(preferred.best_first, rows, policy, tables) if preferred else []


def rows_with_broken_rules(quarantined: ir.Table) -> ir.Table:
    """Find the rejected rows that break a rule; a superseded version breaks none."""
    return quarantined.filter(~quarantined.broken_rules.contains(SUPERSEDED))


def _called(function: Callable[..., Any], rows: ir.Table, policy: Policy, tables: dict[str, ir.Table]) -> Any:
    """Call a function of a dataset's module with the rows and the tables that its parameters name."""
    named = {name: table for name, table in tables.items() if name in inspect.signature(function).parameters}
    return function(rows=rows, **named, **({"policy": policy} if "policy" in parameters_of(function) else {}))
