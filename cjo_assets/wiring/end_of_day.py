"""The assets that end a day: the report, the record of the run, the published database.

Belongs here: what happens after every table of a day has kept its contract. Does not belong here: how it is done
(`report.py`, `runs.py`, `publish.py`).
"""

import inspect
from collections.abc import Iterator

import dagster as dg

from cjo_assets.reporting.journey_report import journey_report as report_of_day
from cjo_assets.wiring.assets import POOL, code_reference, column_schema, key_of_table, preview
from cjo_assets.wiring.automation import downstream_condition, freshness
from cjo_assets.wiring.code_versions import version_of
from cjo_assets.wiring.keep import forget_old_days
from cjo_assets.wiring.lineage_records import record_lineage
from cjo_assets.wiring.partitions import days, days_of
from cjo_assets.wiring.progress import report_progress
from cjo_assets.wiring.publish import publish
from cjo_assets.wiring.report import write_report
from cjo_assets.wiring.runs import forget_record, record_run
from cjo_assets.wiring.tables import Family, Table
from cjo_assets.wiring.warehouse import Warehouse

REPORT = dg.AssetKey(["reports", "journey_report"])
PUBLISHED = dg.AssetKey("published")
RUNS, COLUMN_LINEAGE = key_of_table("audit", "runs"), key_of_table("audit", "column_lineage")
OWNER = "team:platform"


def end_of_day_definitions(families: tuple[Family, ...]) -> dg.Definitions:
    """Return report, run record and published database, downstream of every table."""
    tables = [table for family in families for table in family.tables if table.transform is not None]
    keys = [key_of_table(table.schema, table.name) for table in tables]
    records = [table for family in families for table in family.tables if table.transform is None]

    @dg.asset(
        key=REPORT,
        deps=keys,
        partitions_def=days,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name="publish",
        kinds={"markdown"},
        owners=[OWNER],
        tags={"stage": "publish"},
        pool=POOL,
        automation_condition=downstream_condition(),
        freshness_policy=freshness(),
        description="The report of the day. One file per as-of date, under reports/ of the home.",
        metadata=code_reference(report_of_day),
        code_version=version_of("reports.journey_report", report_of_day, write_report),
    )
    def journey_report(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult:
        paths = [write_report(warehouse.store, warehouse.settings, day, warehouse.policy) for day in days_of(context)]
        path = paths[-1]
        report_progress("reports.journey_report", len([found for found in paths if found]))
        if path is None:
            return dg.MaterializeResult(metadata={"report": "switched off by policy"})
        text = path.read_text(encoding="utf-8")
        return dg.MaterializeResult(
            metadata={
                "path": dg.MetadataValue.path(path),
                "report": dg.MetadataValue.md(text),
                "policy_hash": warehouse.policy.policy_hash,
            }
        )

    @dg.multi_asset(
        specs=[
            *(_written_by_the_run(table, [*keys, REPORT]) for table in records),
            dg.AssetSpec(
                PUBLISHED,
                deps=[*keys, REPORT],
                group_name="publish",
                kinds={"duckdb"},
                owners=[OWNER],
                tags={"stage": "publish"},
                description="The database that analysts open: the last state in which every check held.",
                metadata=code_reference(publish),
                code_version=version_of("published", publish),
                partitions_def=days,
                automation_condition=downstream_condition(),
            ),
        ],
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool=POOL,
    )
    def published(context: dg.AssetExecutionContext, warehouse: Warehouse) -> Iterator[dg.MaterializeResult]:
        store, settings, policy = warehouse.store, warehouse.settings, warehouse.policy
        asked = days_of(context)
        for day in asked:
            path = settings.reports / day.isoformat() / "journey_report.md"
            report = path.relative_to(settings.home) if path.exists() else None
            record_run(store, context.run, context.instance, day, policy, report)
        edges = record_lineage(store)
        try:
            publish(store, settings.published, asked, policy.warehouse)
        except BaseException:
            for day in asked:
                forget_record(store, context.run, day)
            raise
        forget_old_days(store, policy.warehouse.days_kept)
        report_progress("published", len(asked))
        yield dg.MaterializeResult(
            asset_key=RUNS,
            metadata={
                "dagster/row_count": len(asked),
                "policy_hash": policy.policy_hash,
                "preview": preview(warehouse, "audit.runs", asked[-1]),
            },
        )
        yield dg.MaterializeResult(
            asset_key=COLUMN_LINEAGE,
            metadata={
                "dagster/row_count": edges,
                "policy_hash": policy.policy_hash,
                "preview": preview(warehouse, "audit.column_lineage"),
            },
        )
        yield dg.MaterializeResult(
            asset_key=PUBLISHED,
            metadata={
                "path": dg.MetadataValue.path(settings.published),
                "bytes": settings.published.stat().st_size,
                "days": ", ".join(day.isoformat() for day in asked),
                "policy_hash": policy.policy_hash,
            },
        )

    return dg.Definitions(assets=[journey_report, published])


def _written_by_the_run(table: Table, keys: list[dg.AssetKey]) -> dg.AssetSpec:
    return dg.AssetSpec(
        key_of_table(table.schema, table.name),
        deps=keys,
        group_name="publish",
        kinds={"duckdb"},
        owners=[OWNER],
        tags={"stage": "publish"},
        description=inspect.getdoc(table.contract),
        metadata={
            "dagster/column_schema": column_schema(table.contract),
            "dagster/table_name": table.full_name,
            **code_reference(table.contract),
        },
        code_version=version_of(table.full_name, table.contract),
        partitions_def=days,
        automation_condition=downstream_condition(),
    )
