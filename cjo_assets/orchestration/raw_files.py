"""Assets of the files of a family, and the step that loads them."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import dagster as dg

from cjo_assets.core.contract import columns_of, described
from cjo_assets.core.dataset import Dataset
from cjo_assets.core.errors import InputError, UnreachableError, WarehouseError
from cjo_assets.core.family import Family
from cjo_assets.core.progress import report_progress
from cjo_assets.core.quarantine.text_identity import KEEP
from cjo_assets.core.table import RAW
from cjo_assets.engine.code_versions import version_of
from cjo_assets.engine.raw import raw_schema
from cjo_assets.ingest.loading import Loaded, load_dataset
from cjo_assets.orchestration.automation import freshness
from cjo_assets.orchestration.failures import failure_of, naming
from cjo_assets.orchestration.groups import group_of
from cjo_assets.orchestration.keys import key_of_table
from cjo_assets.orchestration.metadata import code_reference, preview
from cjo_assets.orchestration.resources import POOL, Warehouse
from cjo_assets.orchestration.selection import Selection

SUPPLIED = "supplied"
# Retry only failures of the environment: a faulty file or row remains faulty.
RETRY = dg.RetryPolicy(max_retries=3, delay=5, backoff=dg.Backoff.EXPONENTIAL)


def raw_step(family: Family) -> dg.AssetsDefinition:
    """Return the step that loads the selected files of a family, with an asset for each file."""
    # The policy is the same for all files, so it is built once.
    fresh = freshness()

    @dg.multi_asset(
        name=f"{family.name}_{RAW}",
        specs=[_spec(dataset, family, fresh) for dataset in family.datasets],
        check_specs=[
            dg.AssetCheckSpec(
                SUPPLIED,
                asset=key_of_table(RAW, dataset.name),
                description="Whether the file exists and was read completely.",
            )
            for dataset in family.datasets
        ],
        can_subset=True,
        backfill_policy=dg.BackfillPolicy.single_run(),
        retry_policy=RETRY,
        pool=POOL,
    )
    def load(
        context: dg.AssetExecutionContext, warehouse: Warehouse
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        selection = Selection.of(context)
        asked = [dataset for dataset in family.datasets if selection.includes(key_of_table(RAW, dataset.name))]
        loaded = _all_loaded(asked, family, warehouse, is_last_attempt=context.retry_number >= RETRY.max_retries)
        for dataset, file in loaded.files:
            yield from _results(dataset, file, warehouse, selection)
        if loaded.errors:
            raise failure_of(loaded.errors) from loaded.errors[0]

    return load


@dataclass
class _Files:
    """The loaded files, and the errors of the others."""

    files: list[tuple[Dataset, Loaded]] = field(default_factory=list)
    errors: list[InputError | WarehouseError] = field(default_factory=list)


def _all_loaded(datasets: list[Dataset], family: Family, warehouse: Warehouse, *, is_last_attempt: bool) -> _Files:
    """Load datasets; one that cannot be understood does not stop the others.

    Nothing is reported before an attempt is the last one, so that no file counts as materialized twice.

    Raises:
        dagster.Failure: a source does not answer, and the step is tried again.
    """
    found = _Files()
    for dataset in datasets:
        try:
            with naming(f"{RAW}.{dataset.name}"):
                found.files.append((dataset, _loaded(dataset, family, warehouse)))
        except UnreachableError as error:
            if not is_last_attempt:
                raise dg.Failure(str(error)) from error
            found.errors.append(error)
        except (InputError, WarehouseError) as error:
            found.errors.append(error)
    return found


def _loaded(dataset: Dataset, family: Family, warehouse: Warehouse) -> Loaded:
    settings = warehouse.settings
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
    warehouse.store.look_up_versions()
    return loaded


def _results(
    dataset: Dataset, loaded: Loaded, warehouse: Warehouse, selection: Selection
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    name, key = f"{RAW}.{dataset.name}", key_of_table(RAW, dataset.name)
    report_progress(name, loaded.rows)
    metadata = {
        "dagster/row_count": loaded.rows,
        "dagster/table_name": name,
        "source_file": loaded.source_file or "none",
        "file_sha256": loaded.file_sha256 or "none",
        "read_again": not loaded.is_unchanged,
        "preview": preview(warehouse, name),
    }
    check = dg.AssetCheckResult(
        passed=loaded.note is None,
        asset_key=key,
        check_name=SUPPLIED,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"rows": loaded.rows, "note": loaded.note or "none"},
    )
    yield from selection.results(key, metadata, [check])


def _spec(dataset: Dataset, family: Family, fresh: dg.FreshnessPolicy) -> dg.AssetSpec:
    return dg.AssetSpec(
        key_of_table(RAW, dataset.name),
        group_name=group_of(family, RAW),
        kinds={"file"},
        owners=[family.owner],
        tags={"family": family.name, "stage": RAW},
        description=f"The rows of the file {dataset.name} with their positions in it, as text, except where "
        "Parquet has the type of the contract.",
        metadata={
            "dagster/column_schema": _column_schema(dataset),
            "dagster/table_name": f"{RAW}.{dataset.name}",
            **code_reference(dataset.contract, load_dataset),
        },
        code_version=version_of(f"{RAW}.{dataset.name}", dataset.contract, load_dataset),
        freshness_policy=fresh,
    )


def _column_schema(dataset: Dataset) -> dg.TableSchema:
    texts = {spec.name: described(spec) for spec in columns_of(dataset.contract)}
    return dg.TableSchema(
        columns=[
            dg.TableColumn(name, kind, f"As text: {texts[name]}" if name in texts else None)
            for name, kind in raw_schema(dataset).items()
        ]
    )
