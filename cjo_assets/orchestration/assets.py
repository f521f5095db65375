"""Dagster assets and asset checks of the declared tables."""

import inspect
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import dagster as dg

from cjo_assets.core.check_result import CheckResult
from cjo_assets.core.checks import CONTRACT_CHECK
from cjo_assets.core.contract import Contract, columns_of
from cjo_assets.core.dataset import Dataset
from cjo_assets.core.errors import ContractBreachError, InputError, UnreachableError, WarehouseError
from cjo_assets.core.family import Family
from cjo_assets.core.progress import report_progress
from cjo_assets.core.quarantine.text_identity import KEEP
from cjo_assets.core.table import RAW, Table
from cjo_assets.engine.code_versions import table_version, version_of, written_in
from cjo_assets.engine.raw import raw_schema
from cjo_assets.engine.store import Stored
from cjo_assets.ingest.loading import Loaded, load_dataset
from cjo_assets.orchestration.automation import downstream_condition, freshness
from cjo_assets.orchestration.keys import key_of_table
from cjo_assets.orchestration.metadata import column_deps, lineage_page
from cjo_assets.orchestration.partitions import days, days_of
from cjo_assets.orchestration.resources import Warehouse

PREVIEW_ROWS = 5
POOL = "duckdb"
# Retry only failures of the environment: a faulty file or row remains faulty.
RETRY = dg.RetryPolicy(max_retries=3, delay=5, backoff=dg.Backoff.EXPONENTIAL)


def family_definitions(family: Family) -> dg.Definitions:
    """Return the assets of a family: one per file and one per table."""
    # The policy is the same for all files, so it is built once.
    fresh = freshness()
    raw = [raw_asset(dataset, family, fresh) for dataset in family.datasets]
    computed = [table_asset(table, family) for table in family.tables if table.transform is not None]
    return dg.Definitions(assets=[*raw, *computed])


def raw_asset(dataset: Dataset, family: Family, fresh: dg.FreshnessPolicy) -> dg.AssetsDefinition:
    """Return the asset of a dataset's file."""
    note_check = dg.AssetCheckSpec(
        "supplied",
        asset=key_of_table(RAW, dataset.name),
        description="Whether the file exists and was read completely.",
    )

    @dg.asset(
        key=key_of_table(RAW, dataset.name),
        group_name=f"{family.name}_raw",
        kinds={"duckdb", "file"},
        owners=[family.owner],
        tags={"family": family.name, "stage": RAW},
        description=f"The rows of the file {dataset.name} with their positions in it, as text, except where "
        "Parquet has the type of the contract.",
        metadata={
            "dagster/column_schema": _raw_column_schema(dataset),
            "dagster/table_name": f"{RAW}.{dataset.name}",
            **code_reference(dataset.contract, load_dataset),
        },
        code_version=version_of(f"{RAW}.{dataset.name}", dataset.contract, load_dataset),
        backfill_policy=dg.BackfillPolicy.single_run(),
        check_specs=[note_check],
        freshness_policy=fresh,
        retry_policy=RETRY,
        pool=POOL,
    )
    def load(warehouse: Warehouse) -> dg.MaterializeResult:
        loaded = _loaded(dataset, family, warehouse)
        report_progress(f"{RAW}.{dataset.name}", loaded.rows)
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": loaded.rows,
                "dagster/table_name": f"{RAW}.{dataset.name}",
                "source_file": loaded.source_file or "none",
                "file_sha256": loaded.file_sha256 or "none",
                "read_again": not loaded.is_unchanged,
                "preview": preview(warehouse, f"{RAW}.{dataset.name}"),
            },
            check_results=[
                dg.AssetCheckResult(
                    passed=loaded.note is None,
                    check_name=note_check.name,
                    severity=dg.AssetCheckSeverity.WARN,
                    metadata={"rows": loaded.rows, "note": loaded.note or "none"},
                )
            ],
        )

    return load


def _loaded(dataset: Dataset, family: Family, warehouse: Warehouse) -> Loaded:
    """Load a dataset; a file that cannot be understood is not tried again."""
    settings = warehouse.settings
    try:
        loaded = load_dataset(
            warehouse.store.connection,
            dataset,
            settings.data,
            family.name,
            settings.inputs,
            settings.home,
            warehouse.store.require_ours,
            normalizes_ids=warehouse.policy.vocabulary.unnormalized_ids != KEEP,
        )
    except UnreachableError as error:
        raise dg.Failure(str(error)) from error
    except (InputError, WarehouseError) as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    warehouse.store.look_up_versions()
    return loaded


def table_asset(table: Table, family: Family) -> dg.AssetsDefinition:
    """Return the asset of a table, with its contract and its checks as asset checks."""
    key = key_of_table(table.schema, table.name)

    @dg.asset(
        key=key,
        deps=_dependencies(table),
        group_name=f"{family.name}_{table.group}",
        kinds={"duckdb", "ibis"},
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
        backfill_policy=dg.BackfillPolicy.single_run(),
        check_specs=_check_specs(table, key),
        automation_condition=downstream_condition(),
        pool=POOL,
    )
    def materialize(
        context: dg.AssetExecutionContext, warehouse: Warehouse
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        asked = days_of(context) if table.is_dated else [None]
        yield from materialized(table, asked, warehouse)

    return materialize


def materialized(
    table: Table, asked: list[date] | list[None], warehouse: Warehouse
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """Compute a table for each requested day, and report rows, statement and checks of the last day.

    Raises:
        dagster.Failure: the table breaks its contract; the last good rows are kept.
    """
    if not asked:
        raise dg.Failure(f"{table.full_name} is partitioned by day: launch it with a partition.", allow_retries=False)
    stored: list[Stored] = []
    for day in asked:
        try:
            stored.append(warehouse.stored(table, day))
        except ContractBreachError as breach:
            for name, verdict in breach.verdicts.items():
                yield dg.AssetCheckResult(
                    passed=False,
                    check_name=name,
                    asset_key=key_of_table(table.schema, table.name),
                    description=_in_words(verdict),
                    metadata=_shown(verdict),
                )
            raise dg.Failure(str(breach), allow_retries=False) from breach
    rows = sum(result.rows for result in stored)
    report_progress(table.full_name, rows)
    yield dg.MaterializeResult(
        metadata={
            "dagster/row_count": rows,
            "dagster/table_name": table.full_name,
            "sql": dg.MetadataValue.md(f"```sql\n{stored[-1].sql}\n```"),
            "dagster/column_lineage": column_deps(stored[-1].lineage),
            "lineage": lineage_page(stored[-1].lineage),
            "policy_hash": warehouse.policy.policy_hash,
            "preview": preview(warehouse, table.full_name, asked[-1] if table.is_dated else None),
        },
        check_results=[_check_result(name, table, stored) for name in stored[-1].verdicts],
    )


def column_schema(contract: type[Contract]) -> dg.TableSchema:
    """Return the column schema of a contract for Dagster."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=spec.name,
                type=str(spec.type),
                description=spec.description,
                constraints=dg.TableColumnConstraints(nullable=spec.nullable),
            )
            for spec in columns_of(contract)
        ]
    )


def _dependencies(table: Table) -> list[dg.AssetDep]:
    return [dg.AssetDep(key_of_table(schema, name)) for schema, name in sorted(table.upstream())]


def _description(table: Table) -> str:
    what = inspect.getdoc(table.contract) or ""
    how = inspect.getdoc(table.computation) or ""
    return f"{what}\n\n{how.partition(chr(10))[0]}"


def _raw_column_schema(dataset: Dataset) -> dg.TableSchema:
    described = {spec.name: spec.description for spec in columns_of(dataset.contract)}
    return dg.TableSchema(
        columns=[
            dg.TableColumn(name, kind, f"As text: {described[name]}" if name in described else None)
            for name, kind in raw_schema(dataset).items()
        ]
    )


def code_reference(*places: Callable[..., object]) -> dict[str, Any]:
    """Return the code references of an asset: its transform, or the rules of its dataset."""
    references = [
        dg.LocalFileCodeReference(
            file_path=inspect.getsourcefile(written) or "",
            line_number=inspect.getsourcelines(written)[1],
            label=written.__name__,
        )
        for written in places
    ]
    return {"dagster/code_references": dg.CodeReferencesMetadataValue(code_references=[*references])}


def _check_specs(table: Table, key: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    contract = dg.AssetCheckSpec(
        CONTRACT_CHECK, asset=key, blocking=True, description="Names, types, ranges, vocabulary, nulls and key."
    )
    audits = [
        dg.AssetCheckSpec(audit.name, asset=key, blocking=audit.is_blocking, description=audit.description)
        for audit in table.checks
    ]
    return [contract, *audits]


def _check_result(name: str, table: Table, stored: list[Stored]) -> dg.AssetCheckResult:
    verdicts = [result.verdicts[name] for result in stored]
    worst = max(verdicts, key=lambda verdict: sum(verdict.broken.values()))
    return dg.AssetCheckResult(
        passed=all(verdict.passed for verdict in verdicts),
        check_name=name,
        asset_key=key_of_table(table.schema, table.name),
        severity=dg.AssetCheckSeverity.ERROR if name == CONTRACT_CHECK else dg.AssetCheckSeverity.WARN,
        description=_in_words(worst),
        metadata=_shown(worst),
    )


def _shown(verdict: CheckResult) -> dict[str, Any]:
    return {
        "found": sum(verdict.broken.values()),
        "broken": dg.MetadataValue.json(verdict.broken),
        "examples": dg.MetadataValue.json(verdict.examples),
        "pandera": dg.MetadataValue.json(list(verdict.wording)),
    }


def _in_words(verdict: CheckResult) -> str | None:
    """Describe the failing rows of a check for the UI."""
    if verdict.passed:
        return None
    rules = "; ".join(f"{rule}: {count:,}" for rule, count in verdict.broken.items())
    rows = "; ".join(" ".join(example.values()) for example in verdict.examples)
    return (
        f"{rules}. {'The first of them' if sum(verdict.broken.values()) > len(verdict.examples) else 'Found'}: {rows}"
    )


def preview(warehouse: Warehouse, table: str, day: date | None = None) -> dg.MetadataValue:
    """Return the first rows of a table, or of a day of it, as Markdown."""
    where, parameters = ("", []) if day is None else ("WHERE as_of = ?", [day])
    cursor = warehouse.store.connection.execute(f"SELECT * FROM {table} {where} LIMIT {PREVIEW_ROWS}", parameters)
    names, found = [column[0] for column in cursor.description or ()], cursor.fetchall()
    lines = [f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]
    lines += [f"| {' | '.join(_cell(value) for value in row)} |" for row in found]
    return dg.MetadataValue.md("\n".join(lines))


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
