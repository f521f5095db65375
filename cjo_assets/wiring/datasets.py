"""What follows from the declaration of a dataset: its quarantine, its lookup, and the checks of both.

Belongs here: turning a `Dataset` into tables. Does not belong here: the rules; they stand in the dataset's file.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import ibis.expr.types as ir

from cjo_assets.policy import Policy
from cjo_assets.shared.contract import any_of
from cjo_assets.shared.dataset import Dataset
from cjo_assets.shared.quarantine import QuarantinedRows, accepted_rows, quarantined_rows, typed_rows
from cjo_assets.wiring.tables import QUARANTINE, RAW, Audit, Reference, Table, given_inputs, inputs_of, parameters_of


def dataset_tables(dataset: Dataset, family: str, audits: tuple[Audit, ...] = ()) -> list[Table]:
    """Return quarantine and lookup of a dataset."""
    related = inputs_of(dataset.relations, family) if dataset.relations else {}
    raw = {"raw": Reference(RAW, dataset.name)}
    rejected = {"quarantined": Reference(QUARANTINE, dataset.name)}
    own = {"accepted": Reference(family, dataset.lookup)}

    def broken_relations(rows: ir.Table, policy: Policy, tables: dict[str, ir.Table]) -> dict[str, ir.BooleanValue]:
        if dataset.relations is None:
            return {}
        extra = {"policy": policy} if "policy" in parameters_of(dataset.relations) else {}
        return dataset.relations(rows=rows, **extra, **tables)

    def quarantine(raw: ir.Table, policy: Policy, **tables: ir.Table) -> ir.Table:
        return quarantined_rows(dataset, raw, policy, partial(broken_relations, policy=policy, tables=tables))

    def lookup(raw: ir.Table, quarantined: ir.Table) -> ir.Table:
        return accepted_rows(raw, quarantined, dataset.contract)

    def rows_before_quarantine(raw: ir.Table, policy: Policy, **tables: ir.Table) -> ir.Table:
        rows = typed_rows(raw, dataset.contract)
        return rows.mutate(**broken_relations(rows, policy, tables))

    def conservation(raw: ir.Table, quarantined: ir.Table, accepted: ir.Table) -> ir.Table:
        parts = [("rows_read", raw), ("rows_rejected", quarantined), ("rows_accepted", accepted)]
        counts = [rows.agg(**{name: rows.count()}) for name, rows in parts]
        row = counts[0].cross_join(counts[1]).cross_join(counts[2])
        return row.filter(row.rows_read != row.rows_rejected + row.rows_accepted)

    def dangling_references(accepted: ir.Table, policy: Policy, **tables: ir.Table) -> ir.Table:
        return accepted.filter(any_of(broken_relations(accepted, policy, tables).values()))

    def is_not_empty(accepted: ir.Table) -> ir.Table:
        count = accepted.agg(rows=accepted.count())
        return count.filter(count.rows == 0)

    def is_present(raw: ir.Table) -> ir.Table:
        count = raw.agg(rows=raw.count())
        return count.filter(count.rows == 0)

    emptiness = (
        Audit(
            _declared(
                is_present, "is_present", "Finds whether no row was supplied: what follows rests on nothing.", raw
            )
        )
        if dataset.may_be_empty
        else Audit(_declared(is_not_empty, "is_not_empty", "Finds whether no row is left.", own), is_blocking=True)
    )
    checks: tuple[Audit, ...] = (
        Audit(
            _declared(
                rows_before_quarantine,
                "contract_before_quarantine",
                "Holds the rows of the file to the contract before any is turned away.",
                raw | related,
            ),
            contract=dataset.contract,
        ),
        Audit(
            _declared(conservation, "conservation", "Finds whether a row was lost or made.", raw | rejected | own),
            is_blocking=True,
        ),
        emptiness,
    )
    if dataset.relations is not None:
        description = "Finds accepted rows that refer to nothing, or break another rule between tables."
        references = _declared(dangling_references, "referential_integrity", description, own | related)
        checks = (*checks, Audit(references, is_blocking=True))
    described = QuarantinedRows
    return [
        Table(
            QUARANTINE,
            dataset.name,
            described,
            _declared(quarantine, dataset.name, f"Rows of {dataset.name} that were turned away.", raw | related),
            "validated_lookups",
        ),
        Table(
            family,
            dataset.lookup,
            dataset.contract,
            _declared(lookup, dataset.lookup, f"Rows of {dataset.name} that were not turned away.", raw | rejected),
            "validated_lookups",
            (*checks, *audits),
        ),
    ]


def _declared(
    function: Callable[..., ir.Table], name: str, description: str, inputs: dict[str, Reference]
) -> Callable[..., ir.Table]:
    """Give a function made here the name, the docstring and the inputs that one in a table's file would have."""
    function.__name__ = name
    function.__doc__ = description
    return given_inputs(function, inputs)
