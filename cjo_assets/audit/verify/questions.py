"""Queries that verify the decision ledgers and compare them with the published decisions.

Each link of a chain is verified separately, which verifies the whole chain without walking it.
"""

from collections.abc import Iterable

from cjo_assets.core.family import Chain
from cjo_assets.core.ledger import ERASED, GENESIS, Ledger
from cjo_assets.core.table import ERASURES
from cjo_assets.warehouse.ledger_queries import changes_in_sql, content_hash_in_sql, entry_hash_in_sql

RUNS, POLICIES = "audit.runs", "audit.policies"


def broken_links(chain: Chain) -> str:
    """Find entries that do not follow the previous one, because an entry was deleted, inserted or moved."""
    table = chain.ledger.full_name
    return f"""
        WITH linked AS (
            SELECT entry, previous_hash, lag(entry, 1, 0) OVER chain AS before,
                lag(entry_hash, 1, '{GENESIS}') OVER chain AS hash_before
            FROM {table} WINDOW chain AS (ORDER BY entry)
        )
        SELECT '{table}' AS tampered, 'entry ' || entry AS place,
            CASE WHEN entry > before + 1 THEN 'entries ' || (before + 1) || ' to ' || (entry - 1) || ' are missing'
                WHEN entry < before + 1 THEN 'the entry occurs twice'
                ELSE 'it does not carry the hash of entry ' || before END AS what
        FROM linked
        WHERE entry IS DISTINCT FROM before + 1 OR previous_hash IS DISTINCT FROM hash_before ORDER BY entry
    """


def changed_entries(chain: Chain) -> str:
    """Find entries whose content differs from their hash."""
    table, content_hash = chain.ledger.full_name, content_hash_in_sql(chain.ledger, "rows")
    return f"""
        SELECT '{table}' AS tampered, {_where_entry(chain.ledger)} AS place,
            CASE WHEN entry_hash IS DISTINCT FROM {entry_hash_in_sql("rows")}
                THEN 'the entry differs from its hash'
                WHEN salt IS NULL THEN 'its salt is missing, and it was not erased'
                ELSE 'its content differs from its hash' END AS what
        FROM {table} AS rows
        WHERE entry_hash IS DISTINCT FROM {entry_hash_in_sql("rows")}
            OR (NOT ({_is_emptied(chain.ledger)}) AND (salt IS NULL OR content_hash IS DISTINCT FROM {content_hash}))
        ORDER BY entry
    """


def emptied_entries(chain: Chain) -> str:
    """Find entries without content that no erasure names."""
    table = chain.ledger.full_name
    return f"""
        SELECT '{table}' AS tampered, {_where_entry(chain.ledger)} AS place,
            'its content is missing, and no erasure names it' AS what
        FROM {table} WHERE {_is_emptied(chain.ledger)} AND entry NOT IN (
            SELECT unnest(CAST(content -> 'ledger_entries' AS BIGINT[])) FROM {table} WHERE kind = '{ERASED}'
        ) ORDER BY entry
    """


def other_heads(chain: Chain, chains: Iterable[Chain]) -> str:
    """Find runs that recorded a head that no chain has.

    Earlier versions recorded the head of one ledger with the runs of all families.
    """
    table = chain.ledger.full_name
    known = " UNION ALL ".join(f"SELECT entry, entry_hash FROM {other.ledger.full_name}" for other in chains)
    return f"""
        SELECT '{table}' AS tampered, 'entry ' || runs.ledger_entries AS place,
            CASE WHEN entry IS NULL THEN 'it is missing' ELSE 'it has another hash' END
                || ': run ' || runs.run_id || ' ended the chain with ' || runs.ledger_head AS what
        FROM (
            SELECT DISTINCT ledger_entries, ledger_head, run_id FROM {RUNS}
            WHERE family = '{chain.family}' AND ledger_entries > 0
        ) AS runs
        LEFT JOIN {table} AS ledger ON ledger.entry = runs.ledger_entries
        WHERE NOT EXISTS (
            FROM ({known}) AS known
            WHERE known.entry = runs.ledger_entries AND known.entry_hash = runs.ledger_head
        ) ORDER BY runs.ledger_entries
    """


def unconfirmed_tombstones(chain: Chain) -> str:
    """Find tombstones that a ledger about customers does not know, and its erasures without their tombstone."""
    return f"""
        SELECT '{ERASURES}' AS tampered, coalesce(stones.erasure_id, entries.erasure_id) AS place,
            CASE WHEN stones.erasure_id IS NULL THEN 'the tombstone is missing; the ledger has it'
                ELSE 'the ledger does not know the tombstone, or knows it otherwise' END AS what
        FROM (SELECT erasure_id, customer_hash FROM {ERASURES} WHERE is_complete) AS stones
        FULL JOIN (
            SELECT DISTINCT content ->> 'erasure_id' AS erasure_id, content ->> 'customer_hash' AS customer_hash
            FROM {chain.ledger.full_name} WHERE kind = '{ERASED}'
        ) AS entries ON stones.erasure_id = entries.erasure_id AND stones.customer_hash = entries.customer_hash
        WHERE stones.erasure_id IS NULL OR entries.erasure_id IS NULL ORDER BY ALL
    """


def missing_policies(chains: Iterable[Chain]) -> str:
    """Find policies that decided and are not recorded."""
    decided = " UNION ".join(
        f"SELECT policy_hash FROM {chain.ledger.full_name} WHERE policy_hash IS NOT NULL" for chain in chains
    )
    return f"""
        SELECT '{POLICIES}' AS tampered, 'policy ' || policy_hash[:12] AS place,
            'it decided, and is not on record: it was taken away' AS what
        FROM (
            {decided} UNION SELECT policy_hash FROM {RUNS} WHERE is_published AND policy_hash IS NOT NULL
        ) ANTI JOIN {POLICIES} USING (policy_hash) ORDER BY ALL
    """


def other_decisions(chain: Chain, decisions: str) -> str:
    """Find decisions of the days `$days` that differ from those of the ledger, with both contents.

    The columns are the kind of the difference, the place, the content and the content before.
    """
    names = ("as_of", chain.ledger.key, *(name for name in chain.ledger.identifiers if name != chain.ledger.key))
    return f"""
        SELECT kind, concat_ws(' ', {", ".join(names)}) AS place, content, content_before
        FROM ({changes_in_sql(chain, decisions, chain.ledger.full_name)}) ORDER BY ALL
    """


def _where_entry(ledger: Ledger) -> str:
    """Return the place of an entry: its number, day and decision."""
    return f"'entry ' || entry || coalesce(', ' || as_of, '') || coalesce(' ' || {ledger.identifiers[0]}, '')"


def _is_emptied(ledger: Ledger) -> str:
    return " AND ".join(f"{name} IS NULL" for name in ("salt", *ledger.erasable))
