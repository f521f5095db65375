"""Assets of the tables of a family, and the steps that compute them: one step per stage."""

import inspect
from collections.abc import Iterator
from datetime import date

import dagster as dg

from cjo_assets.core.errors import ContractBreachError
from cjo_assets.core.family import Family
from cjo_assets.core.progress import report_message, report_progress
from cjo_assets.core.table import Table, in_order
from cjo_assets.engine.code_versions import table_version, written_in
from cjo_assets.engine.store import Stored
from cjo_assets.orchestration.automation import downstream_condition
from cjo_assets.orchestration.checks import check_specs, results_of, results_of_breach
from cjo_assets.orchestration.failures import failure_of, naming
from cjo_assets.orchestration.groups import group_of_table, kind_of
from cjo_assets.orchestration.keys import key_of_table
from cjo_assets.orchestration.metadata import (
    code_reference,
    column_deps,
    column_schema,
    lineage_page,
    preview,
    statement,
)
from cjo_assets.orchestration.partitions import days, days_of
from cjo_assets.orchestration.raw_files import raw_step
from cjo_assets.orchestration.resources import POOL, Warehouse
from cjo_assets.orchestration.selection import Selection


def family_definitions(family: Family) -> dg.Definitions:
    """Return the assets of a family: one step for its files, and one for each stage.

    The undated tables of a stage with both kinds have a step of their own. All tables of a step then have the same
    partitions, and an earlier stage may read an undated table.
    """
    stages: dict[str, list[Table]] = {}
    for table in in_order(table for table in family.tables if table.transform is not None):
        stages.setdefault(table.group, []).append(table)
    steps = [raw_step(family)] if family.datasets else []
    for stage, tables in stages.items():
        name = f"{family.name}_{stage}"
        dated, undated = ([table for table in tables if table.is_dated is kind] for kind in (True, False))
        if dated and undated:
            steps.append(stage_step(family, f"{name}_undated", undated))
        steps.append(stage_step(family, name, dated or undated))
    return dg.Definitions(assets=steps)


def stage_step(family: Family, name: str, tables: list[Table]) -> dg.AssetsDefinition:
    """Return a step that computes the selected ones of a list of tables, with an asset for each.

    Args:
        family: the family of the tables.
        name: name of the step.
        tables: the tables, each after those that it reads.
    """

    @dg.multi_asset(
        name=name,
        specs=[_spec(table, family) for table in tables],
        check_specs=[spec for table in tables for spec in check_specs(table)],
        can_subset=True,
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool=POOL,
    )
    def compute(
        context: dg.AssetExecutionContext, warehouse: Warehouse
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        selection = Selection.of(context)
        selected = [table for table in tables if selection.includes(key_of_table(table.schema, table.name))]
        asked: list[date | None] = [*days_of(context)] if any(table.is_dated for table in selected) else []
        yield from computed(selected, asked, selection, warehouse)

    return compute


def computed(
    tables: list[Table], asked: list[date | None], selection: Selection, warehouse: Warehouse
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """Compute tables in order, and report each.

    A table that breaks its contract keeps its last good rows; the tables that read it are not computed, the others are.

    Raises:
        dagster.Failure: a table breaks its contract, or a dated table is to be computed for no day.
    """
    failed: set[tuple[str, str]] = set()
    breaches: list[ContractBreachError] = []
    for table in tables:
        name, key = (table.schema, table.name), key_of_table(table.schema, table.name)
        if missing := sorted(".".join(upstream) for upstream in table.upstream() & failed):
            report_message(f"{table.full_name} is not computed, because it reads {', '.join(missing)}.")
            failed.add(name)
            continue
        if table.is_dated and not asked:
            raise dg.Failure(
                f"{table.full_name} is partitioned by day: launch it with a partition.", allow_retries=False
            )
        days_of_table = asked if table.is_dated else [None]
        try:
            with naming(table.full_name):
                if key in selection.assets:
                    stored = [warehouse.stored(table, day) for day in days_of_table]
                else:
                    stored = [warehouse.judged(table, day) for day in days_of_table]
        except ContractBreachError as breach:
            failed.add(name)
            breaches.append(breach)
            yield from selection.checks_of(key, results_of_breach(table, breach))
            continue
        checks = results_of(table, [result.verdicts for result in stored])
        report_progress(table.full_name, sum(result.rows for result in stored))
        yield from selection.results(key, _metadata(table, stored, days_of_table[-1], warehouse), checks)
    if breaches:
        raise failure_of(breaches) from breaches[0]


def _metadata(table: Table, stored: list[Stored], day: date | None, warehouse: Warehouse) -> dict[str, object]:
    """Return the metadata of a materialization: rows of all days, and the statement and first rows of the last."""
    return {
        "dagster/row_count": sum(result.rows for result in stored),
        "dagster/table_name": table.full_name,
        "sql": statement(stored[-1].sql, table.full_name),
        "dagster/column_lineage": column_deps(stored[-1].lineage),
        "lineage": lineage_page(stored[-1].lineage),
        "policy_hash": warehouse.policy.policy_hash,
        "preview": preview(warehouse, table.full_name, day),
    }


def _spec(table: Table, family: Family) -> dg.AssetSpec:
    return dg.AssetSpec(
        key_of_table(table.schema, table.name),
        deps=[dg.AssetDep(key_of_table(schema, name)) for schema, name in sorted(table.upstream())],
        group_name=group_of_table(family, table),
        kinds={kind_of(family, table)},
        owners=[family.owner],
        tags={"family": family.name, "stage": table.group},
        description=_description(table),
        metadata={
            "dagster/column_schema": column_schema(table.contract),
            "dagster/table_name": table.full_name,
            **code_reference(*written_in(table)),
        },
        code_version=table_version(table),
        partitions_def=days if table.is_dated else None,
        automation_condition=downstream_condition(),
    )


def _description(table: Table) -> str:
    what = inspect.getdoc(table.contract) or ""
    how = inspect.getdoc(table.computation) or ""
    return f"{what}\n\n{how.partition(chr(10))[0]}"
