"""Queries for the raw rows about a customer: accepted and rejected.

A customer and a day are given as SQL: a parameter of a query, or one of a macro.
"""

from cjo_assets.core.contract import columns_of
from cjo_assets.core.dataset import Dataset
from cjo_assets.engine.accepted_records import accepted_records, record_date, with_files
from cjo_assets.families.journey.inputs import (
    approval_decisions,
    customers,
    derived_signals,
    interventions,
    outcomes,
    playbooks,
    signal_labels,
    signals,
    state_entries,
)

DATASETS = tuple(
    table.DATASET
    for table in (
        customers,
        state_entries,
        signals,
        derived_signals,
        interventions,
        outcomes,
        approval_decisions,
        playbooks,
        signal_labels,
    )
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
    """Return a query for the accepted rows about a customer that a day could see, each with its file, row and hash."""
    return with_files([_records_of(dataset, customer, day) for dataset in DATASETS])


def rejected(customer: str, day: str) -> str:
    """Return a query for the rejected rows about a customer, each with every rule it broke."""
    parts = " UNION ALL ".join(
        "SELECT dataset, record_key, source_file, source_row, file_sha256, broken_rules "
        f"FROM quarantine.{dataset.name} WHERE customer_id = {customer} AND coalesce(record_date <= {day}, TRUE)"
        for dataset in DATASETS
    )
    return f"{parts} ORDER BY ALL"


def _records_of(dataset: Dataset, customer: str, day: str) -> str:
    names = [spec.name for spec in columns_of(dataset.contract)]
    who = OWN if "customer_id" in names else OF_OWN_INTERVENTIONS if "intervention_id" in names else OF_OWN_CANDIDATES
    where = who.format(customer=customer, day=day)
    return accepted_records(dataset, "journey", f"{where} AND coalesce({record_date(dataset)} <= {day}, TRUE)")
