"""The audit tables: what came in, what was turned away, which policies and which runs there were."""

import dagster as dg

from cjo_assets.audit import (
    checks,
    column_lineage,
    dataset_loads,
    decision_ledger,
    erasures,
    language_model_calls,
    policies,
    rejected_records,
    runs,
)
from cjo_assets.defs import journey
from cjo_assets.wiring.assets import family_definitions
from cjo_assets.wiring.tables import AUDIT, QUARANTINE, RAW, Family, Reference, Table, given_inputs

DATASETS = [(journey.FAMILY, dataset) for dataset in journey.FAMILY.datasets]

FAMILY = Family(
    name=AUDIT,
    datasets=(),
    tables=(
        Table(
            AUDIT,
            "dataset_loads",
            dataset_loads.DatasetLoads,
            given_inputs(
                dataset_loads.dataset_loads,
                {"manifest": Reference(RAW, "manifest")}
                | {f"rejected_{dataset.name}": Reference(QUARANTINE, dataset.name) for _, dataset in DATASETS},
            ),
            "records",
        ),
        Table(
            AUDIT,
            "rejected_records",
            rejected_records.RejectedRecords,
            given_inputs(
                rejected_records.rejected_records,
                {"rejected_records": Reference(AUDIT, "rejected_records")}
                | {f"quarantined_{dataset.name}": Reference(QUARANTINE, dataset.name) for _, dataset in DATASETS},
            ),
            "records",
            is_appended=True,
        ),
        Table(AUDIT, "policies", policies.Policies, policies.policies, "records", is_appended=True),
        Table(AUDIT, "runs", runs.Runs, None, "records", is_appended=True),
        Table(
            AUDIT,
            "language_model_calls",
            language_model_calls.LanguageModelCalls,
            None,
            "language",
            is_appended=True,
        ),
        Table(AUDIT, "erasures", erasures.Erasures, None, "records", is_appended=True),
        Table(AUDIT, "checks", checks.Checks, None, "records", is_appended=True),
        Table(
            AUDIT,
            "decision_ledger",
            decision_ledger.DecisionLedger,
            None,
            "records",
            is_appended=True,
            is_added_by_publish=True,
        ),
        Table(AUDIT, "column_lineage", column_lineage.ColumnLineage, None, "records"),
    ),
    owner="team:audit",
)


@dg.definitions
def audit() -> dg.Definitions:
    """Return the assets of the audit tables."""
    return family_definitions(FAMILY)
