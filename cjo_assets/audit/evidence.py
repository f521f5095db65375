"""What a decision rests on, and where it is counted: raw rows, and cells of KPIs and ROI, as SQL over published tables.

Belongs here: queries that `cjo why` asks and that the published database offers as macros. Does not belong here: what
a person reads of the answers (`why.py`).

A customer and a day are given as SQL: a parameter of a query, or one of a macro.
"""

from cjo_assets.journey import (
    approval_decisions,
    customers,
    interventions,
    outcomes,
    playbooks,
    signals,
    state_entries,
)
from cjo_assets.journey.interventions import MONITOR_ONLY
from cjo_assets.journey.ledger import APPROVED, AUTO_APPROVER, REJECTED
from cjo_assets.shared.contract import columns_of, key_of
from cjo_assets.shared.dataset import Dataset

DATASETS = tuple(
    table.DATASET
    for table in (customers, state_entries, signals, interventions, outcomes, approval_decisions, playbooks)
)
OWN = "customer_id = {customer}"
OF_OWN_INTERVENTIONS = (
    "intervention_id IN (SELECT intervention_id FROM journey.outcome_analyses "
    "WHERE as_of = {day} AND customer_id = {customer})"
)
OF_OWN_CANDIDATES = (
    "playbook_id IN (SELECT playbook_id FROM journey.playbook_candidates "
    "WHERE as_of = {day} AND customer_id = {customer})"
)


def records(customer: str, day: str) -> str:
    """Return a query for the accepted rows about a customer that a day could see, each with its file, row and hash.

    The rows are those of the present files: where a file has changed since, the one that a past day read is archived
    under its hash.
    """
    parts = " UNION ALL ".join(_records_of(dataset, customer, day) for dataset in DATASETS)
    return f"""SELECT dataset, record_key, record_date, source_file, source_row, file_sha256,
            sha256(content) AS content_hash, content
        FROM ({parts}) AS accepted
        LEFT JOIN audit.dataset_loads AS loads USING (dataset, source_file)
        ORDER BY dataset, record_date, record_key"""


def rejected(customer: str, day: str) -> str:
    """Return a query for the rows about a customer that were turned away, each with every rule it broke."""
    parts = " UNION ALL ".join(
        "SELECT dataset, record_key, source_file, source_row, file_sha256, broken_rules "
        f"FROM quarantine.{dataset.name} WHERE customer_id = {customer} AND coalesce(record_date <= {day}, TRUE)"
        for dataset in DATASETS
    )
    return f"{parts} ORDER BY ALL"


def cells(customer: str, day: str) -> str:
    """Return a query for the KPI and ROI cells that the interventions of a customer entered, and what each added.

    A cell without a quotient adds to a sum; one with a quotient counts the intervention among its cases, and `adds` is
    what it brought to the numerator.
    """
    of_window = "is_executed AND executed_at > window_start AND executed_at <= window_end"
    done = "is_executed AND outcome IS NOT NULL"
    reviewed = (
        f"approval_status IN ('{APPROVED}', '{REJECTED}') AND decided_by <> '{AUTO_APPROVER}' "
        "AND decided_at > window_start AND decided_at <= window_end"
    )
    reactive = "list_contains(CAST(rules -> 'kpis' -> 'reactive_stages' AS VARCHAR[]), journey_stage)"
    acts = f"recommended_action <> '{MONITOR_ONLY}'"
    found = (
        ("journey.kpis", "signal_detection_precision", done, "(outcome <> 'no_action_needed')::DOUBLE"),
        ("journey.kpis", "average_latency_ms", "evaluation_latency_ms IS NOT NULL", "evaluation_latency_ms"),
        ("journey.kpis", "human_escalation_frequency", "TRUE", "requires_human_approval::DOUBLE"),
        ("journey.kpis", "human_override_rate", "human_override IS NOT NULL", "human_override::DOUBLE"),
        (
            "journey.kpis",
            "average_resolution_time_days",
            f"{done} AND resolution_time_days NOTNULL",
            "resolution_time_days",
        ),
        ("journey.kpis", "proactive_interventions_ratio", acts, f"(NOT {reactive})::DOUBLE"),
        ("journey.kpis", "csat_delta_average", f"{done} AND csat_delta NOTNULL", "csat_delta"),
        (
            "journey.kpis",
            "retention_revenue_preserved",
            f"{of_window} AND estimated_revenue_saved NOTNULL",
            "estimated_revenue_saved",
        ),
        ("journey.roi_breakdown", "playbook_cost", f"{of_window} AND expected_cost NOTNULL", "expected_cost"),
        ("journey.roi_breakdown", "human_review_time", reviewed, _REVIEW),
        ("journey.roi_breakdown", "api_calls", of_window, _CALLS),
        (
            "journey.roi_breakdown",
            "retained_revenue",
            f"{of_window} AND estimated_revenue_saved NOTNULL",
            "estimated_revenue_saved",
        ),
    )
    entered = ", ".join(
        f"{{'table_name': '{table}', 'cell': '{cell}', 'counts': coalesce({counts}, FALSE), 'adds': ({adds})::DOUBLE}}"
        for table, cell, counts, adds in found
    )
    return f"""SELECT intervention_id, table_name, cell, adds FROM (
            SELECT intervention_id, unnest([{entered}], recursive := TRUE) FROM (
                SELECT analyses.*, rules, (as_of + 1)::TIMESTAMP AS window_end,
                    (as_of + 1 - CAST(rules -> 'roi' ->> 'window_days' AS INTEGER))::TIMESTAMP AS window_start
                FROM journey.outcome_analyses AS analyses
                JOIN (
                    SELECT arg_max(policy_hash, ended_at) AS policy_hash FROM audit.runs
                    WHERE is_published AND as_of = {day}
                ) AS run ON TRUE
                JOIN (
                    SELECT policy_hash, any_value(content::JSON -> 'journey') AS rules FROM audit.policies
                    GROUP BY policy_hash
                ) AS policies ON policies.policy_hash = run.policy_hash
                WHERE as_of = {day} AND customer_id = {customer}
            ) AS own
        ) AS entered WHERE counts ORDER BY ALL"""


_REVIEW = (
    "CAST(rules -> 'roi' ->> 'review_minutes_per_approval' AS DOUBLE) / 60 "
    "* CAST(rules -> 'roi' ->> 'cost_per_human_review_hour' AS DOUBLE)"
)
_CALLS = (
    "CAST(rules -> 'roi' ->> 'api_calls_per_intervention' AS DOUBLE) "
    "* CAST(rules -> 'roi' ->> 'cost_per_api_call' AS DOUBLE)"
)


def _records_of(dataset: Dataset, customer: str, day: str) -> str:
    names = [spec.name for spec in columns_of(dataset.contract)]
    who = OWN if "customer_id" in names else OF_OWN_INTERVENTIONS if "intervention_id" in names else OF_OWN_CANDIDATES
    where = who.format(customer=customer, day=day)
    dated = f"{dataset.record_date}::DATE" if dataset.record_date else "NULL::DATE"
    key = " || ' | ' || ".join(f"{name}::VARCHAR" for name in key_of(dataset.contract))
    packed = ", ".join(f"{name} := {name}" for name in names)
    return (
        f"SELECT '{dataset.name}' AS dataset, {key} AS record_key, {dated} AS record_date, source_file, source_row, "
        f"to_json(struct_pack({packed}))::VARCHAR AS content FROM journey.{dataset.lookup} "
        f"WHERE {where} AND coalesce({dated} <= {day}, TRUE)"
    )
