"""Assets at the end of a day: report, run records and the published database."""

import inspect
import itertools
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg

from cjo_assets.catalog import families_about, views_across_families
from cjo_assets.core.family import Family, chains_of, registered_families
from cjo_assets.core.progress import report_progress
from cjo_assets.core.settings import Settings
from cjo_assets.core.table import Table
from cjo_assets.engine.code import code_version
from cjo_assets.engine.code_versions import version_of
from cjo_assets.engine.store import Store
from cjo_assets.orchestration.automation import downstream_condition, freshness
from cjo_assets.orchestration.keys import (
    PUBLISHED,
    RECORDS,
    key_of_table,
    last_stored,
    last_tables,
    reports_of,
    texts_of,
)
from cjo_assets.orchestration.metadata import code_reference, column_schema, preview
from cjo_assets.orchestration.partitions import days, days_of
from cjo_assets.orchestration.resources import POOL, Warehouse
from cjo_assets.reporting.home import write_home
from cjo_assets.reporting.writing import shown_in_dagster
from cjo_assets.warehouse.exchange import write_exchange
from cjo_assets.warehouse.ledger import Head, Stamp
from cjo_assets.warehouse.lineage_records import record_lineage
from cjo_assets.warehouse.publish import publish
from cjo_assets.warehouse.retention import forget_old_days
from cjo_assets.warehouse.run_log import RUNS, forget_record, record_checks, record_run

OWNER = "team:platform"


def end_of_day_definitions(families: tuple[Family, ...]) -> dg.Definitions:
    """Return reports, published database and records, downstream of every table.

    They depend on the last tables alone, all others being upstream of these. A run has one family, so the last tables
    are those of each: a view of several families, which reads tables of others, is in the run of one of them only.
    """
    tables = [table for family in families for table in family.tables]
    records = [table for table in tables if table.transform is None and table.group == RECORDS]
    reports = {key: family for family in families for key in reports_of(family)}
    written = [_report_asset(key, family) for key, family in reports.items()]
    views = [view for family in families if family.datasets for view in views_across_families(family.name)]
    last = {key for family in families if family.datasets for key in last_tables(families_about(family.name))}
    keys = sorted(last | {key_of_table(view.schema, view.name) for view in views})
    return dg.Definitions(assets=[*written, _published_asset(records, [*keys, *reports])])


def _report_asset(key: dg.AssetKey, family: Family) -> dg.AssetsDefinition:
    report = family.report
    if report is None:
        raise LookupError(f"The family {family.name} has no report.")

    @dg.asset(
        key=key,
        deps=[*last_stored(family.name), *texts_of(family)],
        partitions_def=days,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name="publish",
        kinds={"report"},
        owners=[OWNER],
        tags={"stage": "publish"},
        pool=POOL,
        automation_condition=downstream_condition(),
        freshness_policy=freshness(),
        description="The report of the day as HTML, Markdown and figures, in reports/ of the home, one folder per day.",
        metadata=code_reference(report.document),
        code_version=version_of(f"reports.{family.name}_report", report.document, report.write),
    )
    def write(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult:
        store, settings, policy = warehouse.store, warehouse.settings, warehouse.policy
        paths = [report.write(store, settings, day, policy) for day in days_of(context)]
        path = paths[-1]
        report_progress(f"reports.{family.name}_report", len([found for found in paths if found]))
        if path is None:
            return dg.MaterializeResult(metadata={"report": "switched off by policy"})
        verdict, pictures = shown_in_dagster(path, report.pictures)
        return dg.MaterializeResult(
            metadata={
                "report": dg.MetadataValue.url(path.as_uri()),
                "path": dg.MetadataValue.path(path),
                "verdict": dg.MetadataValue.md(verdict),
                "pictures": dg.MetadataValue.md(pictures),
                "policy_hash": policy.policy_hash,
            }
        )

    return write


def _published_asset(records: list[Table], keys: list[dg.AssetKey]) -> dg.AssetsDefinition:
    @dg.multi_asset(
        specs=[
            dg.AssetSpec(
                PUBLISHED,
                deps=keys,
                group_name="publish",
                kinds={"duckdb"},
                owners=[OWNER],
                tags={"stage": "publish"},
                description="The database for analysts, replaced after a run without failed blocking checks.",
                metadata=code_reference(publish),
                code_version=version_of("published", publish),
                partitions_def=days,
                automation_condition=downstream_condition(),
            ),
            *map(_recorded, records),
        ],
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool=POOL,
    )
    def published(context: dg.AssetExecutionContext, warehouse: Warehouse) -> Iterator[dg.MaterializeResult]:
        store, settings, policy = warehouse.store, warehouse.settings, warehouse.policy
        asked = days_of(context)
        for family, day in itertools.product(store.families_of_run, asked):
            page = _page_of(settings, store.families[family], day)
            record_run(store, context.run, context.instance, family, day, policy, page)
        record_checks(store, context.run.run_id, warehouse.results)
        record_lineage(store)
        try:
            stamp = Stamp(context.run.run_id, policy.policy_hash, code_version())
            heads = publish(store, settings.published, asked, policy.warehouse, stamp)
        except BaseException:
            for day in asked:
                forget_record(store, context.run, day)
            raise
        for family in store.families_of_run:
            write_exchange(settings, store.families[family], policy)
        _write_home(store, settings, asked)
        forget_old_days(store, policy.warehouse.days_kept)
        report_progress("published", len(asked))
        yield dg.MaterializeResult(
            asset_key=PUBLISHED,
            metadata={
                "path": dg.MetadataValue.path(settings.published),
                "bytes": settings.published.stat().st_size,
                "days": ", ".join(day.isoformat() for day in asked),
                "policy_hash": policy.policy_hash,
            },
        )
        for table in records:
            shown = _shown_of(table, warehouse, heads)
            yield dg.MaterializeResult(asset_key=key_of_table(table.schema, table.name), metadata=shown)

    return published


def _shown_of(table: Table, warehouse: Warehouse, heads: dict[str, Head]) -> dict[str, Any]:
    """Return the metadata of a record after a publish."""
    shown: dict[str, Any] = {"policy_hash": warehouse.policy.policy_hash}
    if table.is_added_by_publish:
        chains = chains_of(warehouse.store.families.values())
        [head] = [heads[chain.family] for chain in chains if chain.ledger.full_name == table.full_name]
        return shown | {"dagster/row_count": head.entries, "ledger_head": head.entry_hash}
    name = table.full_name
    return shown | {"dagster/row_count": warehouse.store.count(name), "preview": preview(warehouse, name)}


def _write_home(store: Store, settings: Settings, asked: list[date]) -> None:
    """Write the home of the reports, with every published day."""
    pages = {family.name: family.report.page for family in registered_families() if family.report}
    runs = store.rows(f"SELECT DISTINCT family, as_of FROM {RUNS} WHERE is_published")
    write_home(settings.reports, pages, [(run["family"], run["as_of"]) for run in runs], set(asked))


def _page_of(settings: Settings, family: Family, day: date) -> Path | None:
    """Return the path of a report page relative to the home; None if there is none."""
    if family.report is None:
        return None
    path = settings.report_of(family.name, day) / family.report.page
    return path.relative_to(settings.home) if path.exists() else None


def _recorded(table: Table) -> dg.AssetSpec:
    return dg.AssetSpec(
        key_of_table(table.schema, table.name),
        deps=[PUBLISHED],
        group_name="publish",
        kinds={"record"},
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
