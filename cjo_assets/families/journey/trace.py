"""What a decision rests on, and where it is counted: raw rows, and cells of KPIs and ROI, as SQL over published tables.

Belongs here: queries that `cjo why` asks and that the published database offers as macros. Does not belong here: what
a person reads of the answers (`why.py`).

A customer and a day are given as SQL: a parameter of a query, or one of a macro.
"""

from cjo_assets.core.contract import ANY_SEGMENT, columns_of, key_of
from cjo_assets.core.dataset import Dataset
from cjo_assets.core.expressions.evidence_grades import ASSUMPTION
from cjo_assets.core.expressions.intervals import MEASURED
from cjo_assets.core.expressions.kpi import PROXY
from cjo_assets.families.journey.inputs import (
    approval_decisions,
    customers,
    interventions,
    outcomes,
    playbooks,
    signal_labels,
    signals,
    state_entries,
)
from cjo_assets.families.journey.interventions._outcomes import HELD_OUT
from cjo_assets.families.journey.value._roi_components import API_CALLS, PLAYBOOK_COST, RETAINED_REVENUE, REVIEW_TIME

DATASETS = tuple(
    table.DATASET
    for table in (
        customers,
        state_entries,
        signals,
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

    `adds` is what an intervention brought to the numerator of a KPI, or to the quantity of a part of the ROI; null
    where it is counted and cannot be told apart. What is counted of signals, stages and customers is not listed.
    """
    entered = ", ".join(
        f"{{'table_name': '{table}', 'cell': '{cell}', 'evidence_grade': {grade}, "
        f"'counts': coalesce({counts}, FALSE), 'adds': ({adds})::DOUBLE}}"
        for table, cell, grade, counts, adds in _CELLS
    )
    return f"""SELECT intervention_id, table_name, cell, evidence_grade, adds FROM (
            SELECT intervention_id, unnest([{entered}], recursive := TRUE) FROM (
                SELECT own.*, rules.*, reviews, effects.evidence_grade AS grade, difference * worth AS effect,
                    {_DONE} AS is_done, {_IN_WINDOW} AS is_in_window, {_REVENUE} AS revenue,
                    channel IN (
                        SELECT channel FROM journey.outcome_analyses, ({_rules(day)})
                        WHERE as_of = {day} AND {_DONE} AND channel NOTNULL GROUP BY channel
                        HAVING count(*) >= any_value(established_runs)
                    ) AS is_established,
                    (SELECT basis FROM journey.kpis WHERE as_of = {day} AND kpi = 'signal_detection_precision')
                        AS precision_basis,
                    (SELECT n FROM journey.kpis WHERE as_of = {day} AND kpi = 'experience_consistency_score')
                        AS consistency_n
                FROM (FROM journey.outcome_analyses WHERE as_of = {day} AND customer_id = {customer}) AS own
                JOIN ({_rules(day)}) AS rules ON TRUE
                LEFT JOIN ({_reviews(customer, day)}) AS answers ON answers.intervention_id = own.intervention_id
                LEFT JOIN ({_effects(day)}) AS effects ON effects.playbook_id = own.playbook_id
                LEFT JOIN ({_worths(day)}) AS worths ON worths.playbook_id = own.playbook_id
            ) AS own
        ) AS entered WHERE counts ORDER BY ALL"""


_DONE = "is_executed AND outcome IS NOT NULL"
_WINDOW_END = "(as_of + 1)::TIMESTAMP"
_WINDOW_START = "(as_of + 1 - window_days)::TIMESTAMP"
_IN_WINDOW = f"coalesce(is_executed AND executed_at > {_WINDOW_START} AND executed_at <= {_WINDOW_END}, FALSE)"
# What the source itself calls a failure has retained nothing.
_REVENUE = "CASE WHEN coalesce(playbook_success, TRUE) THEN estimated_revenue_saved END"
_SUCCESS = f"{_DONE} AND coalesce(playbook_success, list_contains(success_outcomes, outcome))"
_OURS = "NOT is_held_out"
_REACTIVE = "list_contains(reactive_stages, journey_stage)"
_VALUED = "is_in_window AND (grade IS NOT NULL OR revenue IS NOT NULL)"
_RETAINED = "CASE WHEN grade IS NULL THEN revenue ELSE effect END"
_KPI, _ROI, _ASSUMED = "journey.kpis", "journey.roi_breakdown", f"'{ASSUMPTION}'"
# Table, cell, grade of evidence, whether an intervention is counted, and what it adds.
_CELLS = (
    (
        _KPI,
        "signal_detection_precision",
        "NULL",
        f"{_OURS} AND is_done AND precision_basis = '{PROXY}'",
        "(outcome <> 'no_action_needed')::DOUBLE",
    ),
    (_KPI, "average_latency_ms", "NULL", f"{_OURS} AND evaluation_latency_ms NOTNULL", "evaluation_latency_ms"),
    (_KPI, "human_escalation_frequency", "NULL", _OURS, "requires_human_approval::DOUBLE"),
    (_KPI, "human_override_rate", "NULL", f"{_OURS} AND is_done AND human_override NOTNULL", "human_override::DOUBLE"),
    (
        _KPI,
        "average_resolution_time_days",
        "NULL",
        f"{_OURS} AND is_done AND resolution_time_days NOTNULL",
        "resolution_time_days",
    ),
    (_KPI, "proactive_interventions_ratio", "NULL", f"{_OURS} AND is_executed", f"(NOT {_REACTIVE})::DOUBLE"),
    (_KPI, "experience_consistency_score", "NULL", "is_done AND is_established AND consistency_n > 0", "NULL"),
    (_KPI, "csat_delta_average", "NULL", f"{_OURS} AND is_done AND csat_delta NOTNULL", "csat_delta"),
    (_KPI, "nps_delta_average", "NULL", f"{_OURS} AND is_done AND nps_delta NOTNULL", "nps_delta"),
    (_KPI, "retention_revenue_preserved", "NULL", _VALUED, f"({_RETAINED}) * credited_revenue_share"),
    (_ROI, PLAYBOOK_COST, _ASSUMED, "is_in_window AND expected_cost NOTNULL", "expected_cost"),
    (_ROI, REVIEW_TIME, _ASSUMED, "requires_human_approval AND reviews > 0", "reviews"),
    (_ROI, API_CALLS, _ASSUMED, "is_in_window", "1"),
    (_ROI, RETAINED_REVENUE, f"coalesce(grade, {_ASSUMED})", _VALUED, _RETAINED),
)


def _rules(day: str) -> str:
    """Return a query for what the policy that decided on a day says of counting; its text is read once, not per row."""
    return f"""SELECT CAST(rules -> 'roi' ->> 'window_days' AS INTEGER) AS window_days,
            CAST(rules -> 'roi' ->> 'credited_revenue_share' AS DOUBLE) AS credited_revenue_share,
            CAST(rules -> 'kpis' -> 'reactive_stages' AS VARCHAR[]) AS reactive_stages,
            CAST(rules -> 'learning' -> 'success_outcomes' AS VARCHAR[]) AS success_outcomes,
            CAST(rules -> 'learning' ->> 'established_runs' AS INTEGER) AS established_runs
        FROM (
            SELECT any_value(content::JSON -> 'journey') AS rules FROM audit.policies WHERE policy_hash = (
                SELECT arg_max(policy_hash, ended_at) FROM audit.runs
                WHERE is_published AND family = 'journey' AND as_of = {day}
            )
        )"""


def _reviews(customer: str, day: str) -> str:
    """Return a query for the people who answered a customer's requests in the window, each once per request."""
    return f"""SELECT intervention_id, count(DISTINCT person) AS reviews
        FROM (SELECT *, {day} AS as_of FROM journey.approval_history WHERE person NOTNULL), ({_rules(day)})
        WHERE {OF_OWN_INTERVENTIONS.format(customer=customer, day=day)}
            AND decided_at > {_WINDOW_START} AND decided_at <= {_WINDOW_END} GROUP BY intervention_id"""


def _effects(day: str) -> str:
    """Return a query for the best evidence of what each playbook does."""
    return f"""SELECT playbook_id, evidence_grade, difference FROM journey.treatment_effects
        WHERE as_of = {day} AND segment = '{ANY_SEGMENT}' AND status = '{MEASURED}'
        QUALIFY row_number() OVER (PARTITION BY playbook_id ORDER BY control <> '{HELD_OUT}') = 1"""


def _worths(day: str) -> str:
    """Return a query for the revenue of a success of each playbook whose effect is known."""
    return f"""SELECT playbook_id, avg({_REVENUE}) FILTER ({_SUCCESS}) AS worth
        FROM (FROM journey.outcome_analyses WHERE as_of = {day}) SEMI JOIN ({_effects(day)}) USING (playbook_id),
            ({_rules(day)})
        WHERE {_IN_WINDOW} GROUP BY playbook_id"""


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
