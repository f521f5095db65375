"""Generated data of any size for the benchmark, computed by DuckDB from row numbers and a seed.

`cjo synth` simulates realistic data; this module generates volume within seconds. Ids, types and days are distributed
by a hash, so that the signals of one customer are scattered over the file as in real data. One row in a thousand breaks
a rule, and one in two thousand has an unknown customer.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

AS_OF = date(2025, 6, 30)
SIGNALS_PER_CUSTOMER = 10
CHANGED_SHARE = 0.01

SEGMENTS = ["SMB", "SMB", "SMB", "Mid-Market", "Mid-Market", "Enterprise"]
STAGES = ["onboarding", "engagement", "engagement", "support", "retention", "retention", "escalation", "churned"]
SIGNAL_TYPES = [
    "negative_sentiment",
    "support_ticket_spike",
    "usage_drop",
    "repeat_support_tickets",
    "failed_onboarding_step",
    "support_satisfaction_low",
    "inactivity_warning",
    "low_product_usage",
    "positive_sentiment",
    "renewal_intent",
    "usage_recovery",
    "a_type_nobody_knows",
]
OUTCOMES = ["resolved", "improved_engagement", "partial_improvement", "no_response"]


@dataclass(frozen=True)
class Inputs:
    """A folder of generated files.

    Attributes:
        folder: path of the folder.
        customers: number of customers.
        rows: number of rows of all files.
        bytes: size of all files.
    """

    folder: Path
    customers: int
    rows: int
    bytes: int


def generated(root: Path, playbooks: Path, customers: int, seed: int, changed: bool = False) -> Inputs:
    """Write the files unless they exist, and return them.

    Args:
        root: folder of the folders of all sizes and seeds.
        playbooks: file of playbooks, copied unchanged.
        customers: number of customers.
        seed: random seed.
        changed: write the files of the day after: one customer in a hundred changed and has new signals.
    """
    folder = root / f"{customers}-{seed}{'-changed' if changed else ''}"
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        shutil.copyfile(playbooks, folder / playbooks.name)
        with duckdb.connect() as connection:
            for name, query in _queries(customers, seed, changed).items():
                connection.execute(f"COPY ({query}) TO '{folder / name}.parquet' (FORMAT parquet)")
        (folder / "complete").touch()
    files = sorted(folder.glob("*.parquet"))
    with duckdb.connect() as connection:
        rows = sum(connection.execute(f"SELECT count(*) FROM '{path}'").fetchall()[0][0] for path in files)
    return Inputs(folder, customers, rows, sum(path.stat().st_size for path in files))


def _queries(customers: int, seed: int, changed: bool) -> dict[str, str]:
    signals = customers * SIGNALS_PER_CUSTOMER
    later = max(1, int(signals * CHANGED_SHARE)) if changed else 0
    touched = int(1 / CHANGED_SHARE)

    def chance(salt: str, number: str = "n") -> str:
        """Return an expression for a fraction in [0, 1) derived from row, salt and seed."""
        return f"((hash({number}, '{salt}', {seed}) >> 11) / 9007199254740992.0)"

    def one_of(values: list[str], salt: str, number: str = "n") -> str:
        listed = ", ".join(f"'{value}'" for value in values)
        return f"([{listed}])[1 + (hash({number}, '{salt}', {seed}) % {len(values)})::INT]"

    def customer(number: str) -> str:
        return f"'C' || lpad(({number})::VARCHAR, 9, '0')"

    subject = f"(CASE WHEN n < {signals} THEN hash(n, 'customer', {seed}) % {customers} ELSE " + (
        f"(hash(n, 'customer', {seed}) % {max(1, customers // touched)}) * {touched} END)"
    )
    growth = f" + CASE WHEN n % {touched} = 0 THEN 500 ELSE 0 END" if changed else ""
    return {
        "customers": f"""
            SELECT {customer("n")} AS customer_id, {one_of(SEGMENTS, "segment")} AS segment,
                (1000 + floor(power({chance("value")}, 4) * 240000)){growth} AS account_value,
                floor({chance("tenure")} * 60)::INT AS tenure_months,
                CASE WHEN {chance("known")} < 0.9 THEN {one_of(["high", "medium", "low"], "tier")} END AS risk_tier
            FROM range({customers}) AS numbers(n)""",
        "journey_state_log": f"""
            WITH entries AS (
                SELECT n, DATE '{AS_OF}' - 30 - floor({chance("age")} * 400)::INT AS started,
                    {one_of(STAGES, "stage")} AS stage
                FROM range({customers}) AS numbers(n)
            )
            SELECT {customer("n")} AS customer_id, 'onboarding' AS journey_stage, started AS state_entered_at,
                NULL::INT AS days_in_state, NULL::VARCHAR AS previous_stage
            FROM entries
            UNION ALL
            SELECT {customer("n")}, stage, started + 1 + floor({chance("pace")} * 28)::INT,
                floor({chance("reported")} * 30)::INT, 'onboarding'
            FROM entries WHERE stage <> 'onboarding'""",
        "signals": f"""
            SELECT 'S' || lpad(n::VARCHAR, 10, '0') AS signal_id,
                CASE WHEN {chance("nobody")} < 0.0005 THEN 'nobody' ELSE {customer(subject)} END AS customer_id,
                {one_of(SIGNAL_TYPES, "type")} AS signal_type,
                round({chance("strength")} + CASE WHEN {chance("fault")} < 0.001 THEN 1 ELSE 0 END, 2)
                    AS signal_strength,
                CASE WHEN n < {signals} THEN DATE '{AS_OF}' - floor({chance("day")} * 120)::INT
                    ELSE DATE '{AS_OF}' + 1 END AS detected_at,
                {one_of(STAGES[:-1], "seen_in")} AS journey_stage,
                CASE WHEN {chance("source")} < 0.8 THEN 'automated' ELSE 'manual' END AS source
            FROM range({signals + later}) AS numbers(n)""",
        "interventions": f"""
            SELECT 'I' || lpad(n::VARCHAR, 9, '0') AS intervention_id, {customer("n * 20")} AS customer_id,
                'support' AS journey_stage, 'proactive_outreach' AS recommended_action,
                round({chance("confidence")}, 2) AS confidence, {chance("asked")} < 0.2 AS requires_human_approval,
                ['S' || lpad((hash(n, 'trigger', {seed}) % {signals})::VARCHAR, 10, '0')] AS triggered_by_signals,
                round({chance("latency")} * 400) AS evaluation_latency_ms,
                DATE '{AS_OF}' - 5 - floor({chance("decided")} * 90)::INT AS generated_at
            FROM range({max(1, customers // 20)}) AS numbers(n)""",
        "outcomes": f"""
            SELECT 'O' || lpad(n::VARCHAR, 9, '0') AS outcome_id, 'I' || lpad(n::VARCHAR, 9, '0') AS intervention_id,
                {customer("n * 20")} AS customer_id, {one_of(OUTCOMES, "outcome")} AS outcome,
                floor({chance("resolved")} * 14) AS resolution_time_days, floor({chance("csat")} * 4) - 1 AS csat_delta,
                round({chance("delta")} * 0.6 - 0.4, 2) AS churn_risk_delta,
                floor({chance("saved")} * 5000) AS estimated_revenue_saved, {chance("override")} < 0.1
                    AS human_override, DATE '{AS_OF}' - floor({chance("measured")} * 5)::INT AS measured_at
            FROM range({max(1, customers // 20)}) AS numbers(n) WHERE {chance("is_measured")} < 0.6""",
    }
