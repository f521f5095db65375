"""Views of the latest day and SQL macros in the published database."""

from __future__ import annotations

import re

import duckdb
import ibis

from cjo_assets.core.contract import columns_of, contract_rows, schema_of
from cjo_assets.core.table import AUDIT, LATEST, Days, Reference, Table
from cjo_assets.engine.sql import literal, quoted
from cjo_assets.engine.store import Store
from cjo_assets.families.journey.trace import cells, records

JOURNEY = "journey"


def newest_of(family: str) -> str:
    """Return the SQL expression for the latest published day of a family, given as an SQL expression."""
    return f"(SELECT max(as_of) FROM audit.runs WHERE is_published AND family = {family})"


DAY_ASKED = f"coalesce(day, {newest_of(literal(JOURNEY))})"

# Macros with their descriptions. Table macros are used as FROM why('C001').
MACROS = {
    "newest_day(of_family := 'journey')": ("The latest published day of a family.", newest_of("of_family")),
    "days(of_family := 'journey')": (
        "The published days of a family: the latest run of each, its policy, and whether an earlier day has "
        "changed since.",
        """TABLE SELECT as_of, arg_max(run_id, ended_at) AS run_id, max(ended_at) AS ended_at,
            arg_max(policy_hash, ended_at) AS policy_hash, arg_max(is_stale, ended_at) AS is_stale
        FROM audit.runs WHERE is_published AND family = of_family GROUP BY as_of ORDER BY as_of""",
    ),
    "table_on(table_name, day)": (
        "A dated table as of a day: the rows of the last day run by then. "
        "FROM table_on('journey.risk_scores', DATE '2025-01-18').",
        """TABLE SELECT * FROM query_table(table_name)
        WHERE as_of = (
            SELECT max(as_of) FROM audit.runs
            WHERE is_published AND as_of <= day AND family = split_part(table_name, '.', 1)
        )""",
    ),
    "history(customer)": (
        "Stage, risk and decision of a customer on every published day.",
        """TABLE SELECT states.as_of, states.journey_stage, states.days_in_state, risks.overall_risk_score,
            risks.risk_tier, decisions.recommended_action, decisions.intervention_id
        FROM journey.journey_states AS states
        LEFT JOIN journey.risk_scores AS risks USING (as_of, customer_id)
        LEFT JOIN journey.recommended_interventions AS decisions USING (as_of, customer_id)
        WHERE states.customer_id = customer ORDER BY states.as_of""",
    ),
    "evidence(customer, day := NULL)": (
        "The accepted rows about a customer known on a day, each with its file, its row and hashes of both.",
        f"TABLE {records('customer', DAY_ASKED)}",
    ),
    "entered(customer, day := NULL)": (
        "The KPI and ROI values that the interventions of a customer contribute to on a day, with amounts.",
        f"TABLE {cells('customer', DAY_ASKED)}",
    ),
    "versions(customer)": (
        "All decisions for a customer, each with the entry that superseded it, if any.",
        """TABLE SELECT ledger.*, later.entry AS superseded_by
        FROM audit.decision_ledger AS ledger
        LEFT JOIN audit.decision_ledger AS later ON later.supersedes = ledger.entry
        WHERE ledger.customer_id = customer ORDER BY ledger.entry""",
    ),
    "why(customer, day := NULL)": (
        "The decision for a customer on a day, by default the latest, step by step.",
        f"""TABLE SELECT * FROM (
            SELECT 0 AS step, dataset || ' ' || record_key AS subject, source_file || ' row ' || source_row AS value,
                'file ' || file_sha256 || ', content ' || content_hash AS because
            FROM evidence(customer, day := day)
            UNION ALL
            SELECT 1 AS step, 'stage' AS subject, journey_stage AS value,
                days_in_state || ' days, ' || transition AS because
            FROM journey.journey_states WHERE customer_id = customer AND as_of = {DAY_ASKED}
            UNION ALL
            SELECT 2, 'health', stage_health, array_to_string(friction_reasons, ', ')
            FROM journey.journey_evaluations WHERE customer_id = customer AND as_of = {DAY_ASKED}
            UNION ALL
            SELECT 3, 'signal ' || signal_id, signal_type || ' ' || signal_strength, detected_at || ', ' || source
            FROM journey.signals WHERE customer_id = customer AND detected_at <= {DAY_ASKED}
            UNION ALL
            SELECT 4, score, factor || ' ' || contribution, 'raw value ' || raw_value || ', weight ' || weight
            FROM journey.risk_contributions WHERE customer_id = customer AND as_of = {DAY_ASKED}
            UNION ALL
            SELECT 5, 'risk', overall_risk_score || ' ' || coalesce(risk_tier, 'no tier'),
                array_to_string(risk_factors, ', ')
            FROM journey.risk_scores WHERE customer_id = customer AND as_of = {DAY_ASKED}
            UNION ALL
            SELECT 6, 'candidate ' || playbook_id, coalesce('lost: ' || first_failed_rule, 'chosen'),
                'decision risk ' || decision_risk || ' against ' || risk_threshold || ', confidence ' || confidence
            FROM journey.playbook_candidates WHERE customer_id = customer AND as_of = {DAY_ASKED}
            UNION ALL
            SELECT 7, 'decision ' || intervention_id, recommended_action,
                'signals ' || array_to_string(triggered_by_signals, ', ') || '; confidence ' || confidence
            FROM journey.recommended_interventions WHERE customer_id = customer AND as_of = {DAY_ASKED}
            UNION ALL
            SELECT 7, 'no decision', reason, NULL
            FROM journey.coverage_gaps WHERE customer_id = customer AND as_of = {DAY_ASKED}
            UNION ALL
            SELECT 8, 'approval of ' || intervention_id, approval_status, coalesce(decided_by, 'nobody yet')
            FROM journey.outcome_analyses
            WHERE customer_id = customer AND as_of = {DAY_ASKED} AND requires_human_approval
            UNION ALL
            SELECT 9, 'outcome of ' || intervention_id, outcome, 'measured ' || measured_at
            FROM journey.outcome_analyses WHERE customer_id = customer AND as_of = {DAY_ASKED} AND outcome IS NOT NULL
            UNION ALL
            SELECT 10, intervention_id || ' entered ' || table_name, concat_ws(', ', cell, evidence_grade),
                coalesce('adds ' || adds, 'is counted')
            FROM entered(customer, day := day)
            UNION ALL
            SELECT 11, 'ledger entry ' || entry, kind || ' ' || intervention_id, 'hash ' || entry_hash
            FROM audit.decision_ledger WHERE customer_id = customer AND as_of = {DAY_ASKED}
        ) ORDER BY step, subject, value""",
    ),
}


def add_views(connection: duckdb.DuckDBPyConnection, store: Store) -> None:
    """Create views and macros in a database that contains the tables."""
    for schema in sorted({LATEST, *(latest_schema(family) for family in store.datasets_by_family)}):
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    tables = [table for table in store.tables.values() if table.is_published]
    if (AUDIT, "runs") in store.tables:
        for table in tables:
            if table.is_dated and not table.is_view:
                _add_latest(connection, table)
        for signature, (what, body) in MACROS.items():
            _add_macro(connection, store, signature, what, body)
    for table in tables:
        if table.is_view:
            _add_view(connection, store, table)


def latest_statement(table: Table) -> str:
    """Return the statement of the view of a dated table's latest day."""
    newest = (
        "(SELECT max(as_of) FROM audit.runs WHERE is_published)"
        if table.schema == AUDIT
        else newest_of(literal(table.schema))
    )
    return f"SELECT * FROM {table.full_name} WHERE as_of = {newest}"


def latest_schema(family: str) -> str:
    """Return the schema of the views of a family's latest day."""
    return LATEST if family in (JOURNEY, AUDIT) else f"{LATEST}_{family}"


def _add_latest(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    name = f"{latest_schema(table.schema)}.{table.name}"
    connection.execute(f"CREATE OR REPLACE VIEW {name} AS {latest_statement(table)}")
    comment(connection, table, name, "VIEW", "On the newest day: ")


def _add_view(connection: duckdb.DuckDBPyConnection, store: Store, table: Table) -> None:
    """Create a view over the published tables; of dated tables it selects the latest day."""
    rows = table.computation(**{name: _input(store, found) for name, found in table.inputs().items()})
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {table.schema}")
    sql = ibis.to_sql(contract_rows(table.contract, rows), dialect="duckdb")
    connection.execute(f"CREATE OR REPLACE VIEW {table.full_name} AS {sql}")
    comment(connection, table, table.full_name, "VIEW")


def _input(store: Store, reference: Reference) -> ibis.Table:
    table = store.tables[reference.schema, reference.name]
    is_of_newest_day = table.is_dated and reference.days is Days.TODAY
    schema = latest_schema(reference.schema) if is_of_newest_day else reference.schema
    rows = ibis.table(schema_of(table.contract), name=reference.name, database=schema)
    return rows.drop("as_of") if is_of_newest_day else rows


def _add_macro(connection: duckdb.DuckDBPyConnection, store: Store, signature: str, what: str, body: str) -> None:
    """Create a macro, unless it reads tables that the database lacks."""
    named = {f"{table.schema}.{table.name}" for table in store.tables.values()}
    if not set(re.findall(r"\b(?:journey|audit)\.\w+", body)) <= named:
        return
    connection.execute(f"CREATE OR REPLACE MACRO {signature} AS {body}")
    kind = "MACRO TABLE" if body.startswith("TABLE") else "MACRO"
    connection.execute(f"COMMENT ON {kind} {signature.partition('(')[0]} IS {literal(what)}")


def comment(
    connection: duckdb.DuckDBPyConnection, table: Table, name: str, kind: str = "TABLE", prefix: str = ""
) -> None:
    """Set the comments of a table or view and its columns from its contract."""
    what = prefix + (table.contract.__doc__ or "").strip()
    described = [f"COMMENT ON {kind} {name} IS {literal(what)}"]
    described += [
        f"COMMENT ON COLUMN {name}.{quoted(spec.name)} IS {literal(spec.description)}"
        for spec in columns_of(table.contract)
    ]
    connection.execute(";".join(described))
