"""Assets of generated texts and of the language model calls for them."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import dagster as dg

from cjo_assets.core.errors import ContractBreachError
from cjo_assets.core.family import Family
from cjo_assets.core.progress import report_progress
from cjo_assets.core.table import Table
from cjo_assets.engine.code_versions import version_of
from cjo_assets.language.memory import CALLS
from cjo_assets.orchestration.automation import downstream_condition
from cjo_assets.orchestration.groups import group_of_table
from cjo_assets.orchestration.keys import key_of_table, last_stored
from cjo_assets.orchestration.metadata import code_reference, column_schema, preview
from cjo_assets.orchestration.partitions import days, days_of
from cjo_assets.orchestration.resources import POOL, Warehouse


def texts_definitions(family: Family, families: tuple[Family, ...]) -> dg.Definitions:
    """Return the assets of the texts of a family and of their language model calls.

    Args:
        family: the family of the texts.
        families: the family and the families of its records and views.
    """
    texts = family.texts
    if texts is None:
        raise LookupError(f"The family {family.name} has no texts.")
    tables = {(table.schema, table.name): table for found in families for table in found.tables}
    by_name = {found.name: found for found in families}
    last = last_stored(family.name)
    calls, own = tables[CALLS], tables[family.name, texts.table]

    @dg.multi_asset(
        name=f"{family.name}_texts",
        specs=[_spec(table, last, by_name[table.schema], texts.write) for table in (calls, own)],
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool=POOL,
    )
    def phrased(context: dg.AssetExecutionContext, warehouse: Warehouse) -> Iterator[dg.MaterializeResult]:
        asked = days_of(context)
        try:
            rows = [row for day in asked for row in warehouse.texts(family, day)]
        except ContractBreachError as breach:
            raise dg.Failure(str(breach), allow_retries=False) from breach
        report_progress(own.full_name, len(rows))
        reasons = sorted({row["fallback_reason"] for row in rows if row["fallback_reason"]})
        shown: dict[str, Any] = {
            "phrased_by_the_model": sum(row["model"] is not None for row in rows),
            "why_the_rules_phrased": ", ".join(reasons) or "n/a",
        }
        for table, more in ((calls, {}), (own, shown)):
            yield dg.MaterializeResult(
                asset_key=key_of_table(table.schema, table.name),
                metadata={
                    "dagster/row_count": warehouse.store.count(table.full_name, asked[-1]),
                    "preview": preview(warehouse, table.full_name, asked[-1]),
                    "policy_hash": warehouse.policy.policy_hash,
                    **more,
                },
            )

    return dg.Definitions(assets=[phrased])


def _spec(table: Table, deps: list[dg.AssetKey], family: Family, write: Callable[..., object]) -> dg.AssetSpec:
    return dg.AssetSpec(
        key_of_table(table.schema, table.name),
        deps=deps,
        group_name=group_of_table(family, table),
        kinds={"text"},
        owners=[family.owner],
        tags={"stage": "language"},
        description=inspect.getdoc(table.contract),
        metadata={
            "dagster/column_schema": column_schema(table.contract),
            "dagster/table_name": table.full_name,
            **code_reference(write),
        },
        code_version=version_of(table.full_name, table.contract, write),
        partitions_def=days,
        automation_condition=downstream_condition(),
    )
