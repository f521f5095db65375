"""Queries that verify the decision ledger and compare it with the published decisions.

Each link of the chain is verified separately, which verifies the whole chain without walking it.
"""

from cjo_assets.core.table import LEDGER
from cjo_assets.families.audit.records.decision_ledger import (
    ERASABLE,
    ERASED,
    GENESIS,
    changes_in_sql,
    content_hash_in_sql,
    entry_hash_in_sql,
)
from cjo_assets.families.audit.records.erasures import unconfirmed_tombstones

RUNS, POLICIES = "audit.runs", "audit.policies"
_WHERE_ENTRY = "'entry ' || entry || coalesce(', ' || as_of, '') || coalesce(' ' || intervention_id, '')"
_IS_EMPTIED = " AND ".join(f"{name} IS NULL" for name in ("salt", *ERASABLE))


def broken_links() -> str:
    """Find entries that do not follow the previous one, because an entry was deleted, inserted or moved."""
    return f"""
        WITH linked AS (
            SELECT entry, previous_hash, lag(entry, 1, 0) OVER chain AS before,
                lag(entry_hash, 1, '{GENESIS}') OVER chain AS hash_before
            FROM {LEDGER} WINDOW chain AS (ORDER BY entry)
        )
        SELECT '{LEDGER}' AS tampered, 'entry ' || entry AS place,
            CASE WHEN entry > before + 1 THEN 'entries ' || (before + 1) || ' to ' || (entry - 1) || ' are missing'
                WHEN entry < before + 1 THEN 'the entry occurs twice'
                ELSE 'it does not carry the hash of entry ' || before END AS what
        FROM linked
        WHERE entry IS DISTINCT FROM before + 1 OR previous_hash IS DISTINCT FROM hash_before ORDER BY entry
    """


def changed_entries() -> str:
    """Find entries whose content differs from their hash."""
    return f"""
        SELECT '{LEDGER}' AS tampered, {_WHERE_ENTRY} AS place,
            CASE WHEN entry_hash IS DISTINCT FROM {entry_hash_in_sql("rows")}
                THEN 'the entry differs from its hash'
                WHEN salt IS NULL THEN 'its salt is missing, and it was not erased'
                ELSE 'its content differs from its hash' END AS what
        FROM {LEDGER} AS rows
        WHERE entry_hash IS DISTINCT FROM {entry_hash_in_sql("rows")}
            OR (NOT ({_IS_EMPTIED}) AND (salt IS NULL OR content_hash IS DISTINCT FROM {content_hash_in_sql("rows")}))
        ORDER BY entry
    """


def emptied_entries() -> str:
    """Find entries without content that no erasure names."""
    return f"""
        SELECT '{LEDGER}' AS tampered, {_WHERE_ENTRY} AS place, 'its content is missing, and no erasure names it' AS
        what FROM {LEDGER} WHERE {_IS_EMPTIED} AND entry NOT IN (
            SELECT unnest(CAST(content -> 'ledger_entries' AS BIGINT[])) FROM {LEDGER} WHERE kind = '{ERASED}'
        ) ORDER BY entry
    """


def other_heads() -> str:
    """Find runs that recorded another head of the chain."""
    return f"""
        SELECT '{LEDGER}' AS tampered, 'entry ' || runs.ledger_entries AS place,
            CASE WHEN entry IS NULL THEN 'it is missing' ELSE 'it has another hash' END
                || ': run ' || runs.run_id || ' ended the chain with ' || runs.ledger_head AS what
        FROM (SELECT DISTINCT ledger_entries, ledger_head, run_id FROM {RUNS} WHERE ledger_entries > 0) AS runs
        LEFT JOIN {LEDGER} AS ledger ON ledger.entry = runs.ledger_entries
        WHERE entry_hash IS DISTINCT FROM runs.ledger_head ORDER BY runs.ledger_entries
    """


def missing_policies() -> str:
    """Find policies that decided and are not recorded."""
    return f"""
        SELECT '{POLICIES}' AS tampered, 'policy ' || policy_hash[:12] AS place,
            'it decided, and is not on record: it was taken away' AS what
        FROM (
            SELECT policy_hash FROM {LEDGER} WHERE policy_hash IS NOT NULL
            UNION SELECT policy_hash FROM {RUNS} WHERE is_published AND policy_hash IS NOT NULL
        ) ANTI JOIN {POLICIES} USING (policy_hash) ORDER BY ALL
    """


def other_decisions(decisions: str) -> str:
    """Find decisions of the days `$days` that differ from those of the ledger, with both contents."""
    return f"""
        SELECT kind, as_of, customer_id, intervention_id, content, content_before
        FROM ({changes_in_sql(decisions, LEDGER)}) ORDER BY ALL
    """


QUESTIONS = (broken_links, changed_entries, emptied_entries, other_heads, unconfirmed_tombstones, missing_policies)
