"""The audit tables: what came in, what was turned away, which policies and which runs there were."""

import dagster as dg

from cjo_assets.catalog import data_families
from cjo_assets.core.contract import may_discard
from cjo_assets.core.quarantine.dataset_tables import discarded_name
from cjo_assets.core.table import AUDIT, QUARANTINE, RAW, Family, Reference, Table, given_inputs
from cjo_assets.families.audit import (
    checks,
    column_lineage,
    dataset_loads,
    decision_ledger,
    discarded_values,
    erasures,
    language_model_calls,
    policies,
    rejected_records,
    runs,
)
from cjo_assets.orchestration.assets import family_definitions


def audit_family(families: tuple[Family, ...]) -> Family:
    """Return the records of what families read, decide and do."""
    datasets = [dataset for family in families for dataset in family.datasets]
    return Family(
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
                    | {f"rejected_{dataset.name}": Reference(QUARANTINE, dataset.name) for dataset in datasets},
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
                    | {f"quarantined_{dataset.name}": Reference(QUARANTINE, dataset.name) for dataset in datasets},
                ),
                "records",
                is_appended=True,
            ),
            Table(
                AUDIT,
                "discarded_values",
                discarded_values.DiscardedValues,
                given_inputs(
                    discarded_values.discarded_values,
                    {"discarded_values": Reference(AUDIT, "discarded_values")}
                    | {
                        discarded_name(dataset): Reference(QUARANTINE, discarded_name(dataset))
                        for dataset in datasets
                        if may_discard(dataset.contract)
                    },
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
    return family_definitions(audit_family(data_families()))
