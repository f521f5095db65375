"""Checks that every dataset has: of the rows of its file, of the rejected rows, and of the accepted ones.

They need nothing but the declaration of the dataset.
"""

from __future__ import annotations

from collections.abc import Callable

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import Check
from cjo_assets.core.contract import any_of, columns_of, key_of
from cjo_assets.core.dataset import Dataset
from cjo_assets.core.errors import IS_NOT_EMPTY
from cjo_assets.core.quarantine.lexical import loses_digits
from cjo_assets.core.quarantine.text_identity import is_id, may_differ, normal_form
from cjo_assets.core.table import BoundQuery, Reference

Inputs = dict[str, Reference]


def checks_of_rows(dataset: Dataset, inputs: Inputs) -> tuple[Check, ...]:
    """Return the checks of a dataset's rows.

    Args:
        dataset: the dataset.
        inputs: the raw rows (`raw`), the rejected ones (`quarantined`), those left (`accepted`), and where the dataset
            has optional columns the rows of which values were discarded (`discarded`).
    """

    def check(
        function: Callable[..., ir.Table], name: str, description: str, *names: str, is_blocking: bool = False
    ) -> Check:
        return Check(BoundQuery(function, {key: inputs[key] for key in names}, name, description), is_blocking)

    lost = "Finds whether a row was lost or made."
    checks = [check(conservation, "conservation", lost, "raw", "quarantined", "accepted", is_blocking=True)]
    if not dataset.may_be_empty:
        empty = "Finds the rejected rows where no other is left."
        checks += [check(is_not_empty, IS_NOT_EMPTY, empty, "accepted", "quarantined", is_blocking=True)]
    elif not dataset.is_optional:
        absent = "Finds whether no row was supplied: what follows rests on nothing."
        checks += [check(is_present, "is_present", absent, "raw")]
    if any(spec.type.is_timestamp() for spec in columns_of(dataset.contract)):
        cut = "Finds instants that are written to less than a microsecond: the further digits are cut off."
        checks += [check(_cut_instants_of(dataset), "instants_cut_to_microseconds", cut, "raw")]
    if _ids_of(dataset):
        similar = "Finds ids that are equal but for blanks or the composition of characters: one thing or two?"
        checks += [check(_similar_ids_of(dataset), "similar_ids", similar, "accepted")]
    if "discarded" in inputs:
        discarded = "Finds accepted rows of which a value in an optional column was discarded, and the rules it broke."
        checks += [check(values_discarded, "discarded_values", discarded, "discarded")]
    return tuple(checks)


def conservation(raw: ir.Table, quarantined: ir.Table, accepted: ir.Table) -> ir.Table:
    """Find rows that were lost or added."""
    parts = [("rows_read", raw), ("rows_rejected", quarantined), ("rows_accepted", accepted)]
    counts = [rows.agg(**{name: rows.count()}) for name, rows in parts]
    row = counts[0].cross_join(counts[1]).cross_join(counts[2])
    return row.filter(row.rows_read != row.rows_rejected + row.rows_accepted)


def is_not_empty(accepted: ir.Table, quarantined: ir.Table) -> ir.Table:
    """Find the rejected rows where no other is left, and all rules that they break."""
    nothing_left = accepted.agg(rows=accepted.count()).filter(lambda row: row.rows == 0)
    broken = quarantined.select(rule=quarantined.broken_rules.unnest()).distinct()
    rules = broken.agg(rules=broken.rule.collect())
    rows = quarantined.cross_join(nothing_left).cross_join(rules)
    return rows.select("source_file", "source_row", "record_key", rules=rows.rules.sort().join("; "))


def is_present(raw: ir.Table) -> ir.Table:
    """Find whether no row was supplied."""
    count = raw.agg(rows=raw.count())
    return count.filter(count.rows == 0)


def values_discarded(discarded: ir.Table) -> ir.Table:
    """Find accepted rows of which a value was discarded."""
    return discarded.select("source_file", "source_row", "record_key", "broken_rules")


def _ids_of(dataset: Dataset) -> list[str]:
    key = key_of(dataset.contract)
    return [spec.name for spec in columns_of(dataset.contract) if spec.name in key and is_id(spec)]


def _similar_ids_of(dataset: Dataset) -> Callable[..., ir.Table]:
    def similar_ids(accepted: ir.Table) -> ir.Table:
        return ibis.union(*(_similar(accepted, name) for name in _ids_of(dataset)))

    return similar_ids


def _similar(accepted: ir.Table, name: str) -> ir.Table:
    """Find values of a column that have one normal form. Few are not in it, and only those are normalized."""
    ids = accepted.select(written=accepted[name])
    others = ids.filter(may_differ(ids.written)).distinct()
    others = others.mutate(normal=normal_form(others.written))
    plain = ids.filter(~may_differ(ids.written))
    plain = plain.semi_join(others, plain.written == others.normal).distinct().mutate(normal=lambda row: row.written)
    both = ibis.union(others, plain)
    groups = both.group_by("normal").agg(spellings=both.written.collect(), count=both.count())
    found = groups.filter(groups["count"] > 1)
    return found.select(column=ibis.literal(name), normal_form=found.normal, spellings=found.spellings.sort())


def _cut_instants_of(dataset: Dataset) -> Callable[..., ir.Table]:
    instants = [spec.name for spec in columns_of(dataset.contract) if spec.type.is_timestamp()]

    def instants_cut(raw: ir.Table) -> ir.Table:
        texts = {name: raw[name] for name in instants if raw[name].type().is_string()}
        rows = raw.filter(any_of(loses_digits(text) for text in texts.values()))
        return rows.select("source_file", "source_row", *texts)

    return instants_cut
