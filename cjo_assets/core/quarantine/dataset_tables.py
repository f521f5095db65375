"""What follows from the declaration of a dataset: its quarantine, its lookup, and the checks of both.

Belongs here: turning a `Dataset` into tables. Does not belong here: the rules; they stand in the dataset's file.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import Check
from cjo_assets.core.contract import any_of, key_of, may_discard
from cjo_assets.core.dataset import Dataset
from cjo_assets.core.quarantine.dataset_checks import checks_of_rows, declared
from cjo_assets.core.quarantine.rules import (
    PROVENANCE,
    SUPERSEDED,
    DiscardedValues,
    QuarantinedRows,
    accepted_rows,
    discarded_values,
    is_refused,
    quarantined_rows,
    typed_rows,
    with_provenance,
)
from cjo_assets.core.table import QUARANTINE, RAW, Reference, Table, inputs_of, parameters_of
from cjo_assets.policy import Policy


def dataset_tables(dataset: Dataset, family: str, stage: str, own_checks: tuple[Check, ...] = ()) -> list[Table]:
    """Return quarantine and lookup of a dataset."""
    best_first = dataset.preference.best_first if dataset.preference else None
    references = inputs_of(dataset.relations, family) if dataset.relations else {}
    related = references | (inputs_of(best_first, family) if best_first else {})
    raw = {"raw": Reference(RAW, dataset.name)}
    rejected = {"quarantined": Reference(QUARANTINE, dataset.name)}
    discarded = {"discarded": Reference(QUARANTINE, discarded_name(dataset))} if may_discard(dataset.contract) else {}
    own = {"accepted": Reference(family, dataset.lookup)}

    def broken_relations(rows: ir.Table, policy: Policy, tables: dict[str, ir.Table]) -> dict[str, ir.BooleanValue]:
        return _called(dataset.relations, rows, policy, tables) if dataset.relations else {}

    def sort_keys(rows: ir.Table, policy: Policy, tables: dict[str, ir.Table]) -> list[ir.Value]:
        return _called(best_first, rows, policy, tables) if best_first else []

    def quarantine(raw: ir.Table, policy: Policy, **tables: ir.Table) -> ir.Table:
        return quarantined_rows(
            dataset,
            raw,
            policy,
            partial(broken_relations, policy=policy, tables=tables),
            partial(sort_keys, policy=policy, tables=tables),
        )

    def discard(raw: ir.Table, quarantined: ir.Table, policy: Policy, **tables: ir.Table) -> ir.Table:
        related = partial(broken_relations, policy=policy, tables=tables)
        return discarded_values(dataset, raw, quarantined, policy, related)

    def lookup(raw: ir.Table, quarantined: ir.Table, policy: Policy, discarded: ir.Table | None = None) -> ir.Table:
        return accepted_rows(raw, quarantined, discarded, dataset.contract, policy)

    def rows_before_quarantine(
        raw: ir.Table, quarantined: ir.Table, accepted: ir.Table, policy: Policy, **tables: ir.Table
    ) -> ir.Table:
        # All others are in the lookup, whose own contract has been judged: to type the whole file again finds no more.
        # A superseded version breaks no contract.
        broken = quarantined.filter(~quarantined.broken_rules.contains(SUPERSEDED))
        found = raw.filter(~is_refused(raw)).semi_join(broken, "source_row")
        rejected = typed_rows(found, dataset.contract, policy)
        kept = accepted.semi_join(rejected, list(key_of(dataset.contract)))
        rows = ibis.union(rejected, kept.select(rejected.columns))
        return rows.mutate(**broken_relations(rows, policy, tables))

    def dangling_references(accepted: ir.Table, policy: Policy, **tables: ir.Table) -> ir.Table:
        return accepted.filter(any_of(broken_relations(accepted, policy, tables).values()))

    checks: tuple[Check, ...] = (
        Check(
            declared(
                rows_before_quarantine,
                "contract_before_quarantine",
                "Holds the rows of the file to the contract before any is turned away.",
                raw | rejected | own | references,
            ),
            contract=dataset.contract,
        ),
        *checks_of_rows(dataset, raw | rejected | own | discarded),
    )
    if dataset.relations is not None:
        description = "Finds accepted rows that refer to nothing, or break another rule between tables."
        dangling = declared(dangling_references, "referential_integrity", description, own | references)
        checks = (*checks, Check(dangling, is_blocking=True))
    tables_of_values = []
    if discarded:
        description = f"Rows of {dataset.name} that were accepted without a value of an optional column."
        own_discard = declared(
            discard,
            discarded_name(dataset),
            description,
            raw | rejected | references,
            (dataset.contract, discarded_values),
        )
        tables_of_values = [Table(QUARANTINE, discarded_name(dataset), DiscardedValues, own_discard, stage)]
    described = QuarantinedRows
    return [
        Table(
            QUARANTINE,
            dataset.name,
            described,
            declared(
                quarantine,
                dataset.name,
                f"Rows of {dataset.name} that were turned away.",
                raw | related,
                (dataset.contract, quarantined_rows),
            ),
            stage,
        ),
        *tables_of_values,
        Table(
            family,
            dataset.lookup,
            with_provenance(dataset.contract),
            declared(
                lookup,
                dataset.lookup,
                f"Rows of {dataset.name} that were not turned away.",
                raw | rejected | discarded,
                (dataset.contract, accepted_rows),
            ),
            stage,
            (*checks, *own_checks),
            hidden=PROVENANCE,
        ),
    ]


def discarded_name(dataset: Dataset) -> str:
    """Return the name of the table of a dataset's rows that lost a value."""
    return f"{dataset.name}_discarded_values"


def _called(function: Callable[..., Any], rows: ir.Table, policy: Policy, tables: dict[str, ir.Table]) -> Any:
    """Call a function of a dataset's file with the rows, and with what else it names."""
    named = {name: table for name, table in tables.items() if name in inspect.signature(function).parameters}
    return function(rows=rows, **named, **({"policy": policy} if "policy" in parameters_of(function) else {}))
