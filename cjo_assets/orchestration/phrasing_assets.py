"""The assets of what is put into words: the calls of the language model and the texts of the day."""

import inspect
from collections.abc import Iterator
from typing import Any

import dagster as dg

from cjo_assets.core.errors import ContractBreachError
from cjo_assets.core.family import Family
from cjo_assets.core.progress import report_progress
from cjo_assets.engine.code_versions import version_of
from cjo_assets.language.memory import CALLS, TEXTS, phrase_day
from cjo_assets.orchestration.assets import POOL, code_reference, column_schema, key_of_table, preview
from cjo_assets.orchestration.automation import downstream_condition
from cjo_assets.orchestration.partitions import days, days_of
from cjo_assets.orchestration.resources import Warehouse

PHRASED = tuple(key_of_table(*name) for name in (CALLS, TEXTS))


def phrasing_definitions(families: tuple[Family, ...]) -> dg.Definitions:
    """Return the assets of calls and texts, downstream of every computed table."""
    tables = {(table.schema, table.name): table for family in families for table in family.tables}
    computed = [key_of_table(*name) for name, table in tables.items() if table.transform is not None]

    @dg.multi_asset(
        specs=[
            dg.AssetSpec(
                key_of_table(*name),
                deps=computed,
                group_name=f"{name[0]}_language",
                kinds={"duckdb"},
                owners=[family.owner for family in families if family.name == name[0]],
                tags={"stage": "language"},
                description=inspect.getdoc(tables[name].contract),
                metadata={
                    "dagster/column_schema": column_schema(tables[name].contract),
                    "dagster/table_name": tables[name].full_name,
                    **code_reference(phrase_day),
                },
                code_version=version_of(tables[name].full_name, tables[name].contract, phrase_day),
                partitions_def=days,
                automation_condition=downstream_condition(),
            )
            for name in (CALLS, TEXTS)
        ],
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool=POOL,
    )
    def phrased(context: dg.AssetExecutionContext, warehouse: Warehouse) -> Iterator[dg.MaterializeResult]:
        asked = days_of(context)
        try:
            texts = [text for day in asked for text in warehouse.phrased(day)]
        except ContractBreachError as breach:
            raise dg.Failure(str(breach), allow_retries=False) from breach
        phrased_by_model = sum(text["model"] is not None for text in texts)
        reasons = sorted({text["fallback_reason"] for text in texts if text["fallback_reason"]})
        report_progress(".".join(TEXTS), len(texts))
        shown: dict[tuple[str, str], dict[str, Any]] = {
            name: {
                "dagster/row_count": warehouse.store.count(tables[name].full_name, asked[-1]),
                "preview": preview(warehouse, tables[name].full_name, asked[-1]),
                "policy_hash": warehouse.policy.policy_hash,
            }
            for name in (CALLS, TEXTS)
        }
        yield dg.MaterializeResult(asset_key=PHRASED[0], metadata=shown[CALLS])
        yield dg.MaterializeResult(
            asset_key=PHRASED[1],
            metadata={
                **shown[TEXTS],
                "phrased_by_the_model": phrased_by_model,
                "why_the_rules_phrased": ", ".join(reasons) or "n/a",
            },
        )

    return dg.Definitions(assets=[phrased])
