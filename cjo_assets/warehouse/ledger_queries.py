"""SQL of decision ledgers: hashes of entries, and decisions that differ from the entries of a ledger."""

from cjo_assets.core.contract import columns_of
from cjo_assets.core.expressions.ids import MISSING, SEPARATOR
from cjo_assets.core.family import Chain
from cjo_assets.core.ledger import CHAINED, DECIDED, WITHDRAWN, Ledger

# The bounds alone let the engine pass over other days.
_ON_THE_DAYS = "as_of BETWEEN list_min($days) AND list_max($days) AND list_contains($days, as_of)"
HASHES = ("input_hash", "policy_hash")


def content_in_sql(chain: Chain, rows: str) -> str:
    """Return the content of a decision as JSON: of its columns those that the ledger has no column for."""
    own = {"as_of", *chain.ledger.identifiers, *HASHES}
    names = [spec.name for spec in columns_of(chain.decisions.contract) if spec.name not in own]
    packed = ", ".join(f'"{name}" := {rows}."{name}"' for name in names)
    return f"to_json(struct_pack({packed}))::VARCHAR"


def content_hash_in_sql(ledger: Ledger, rows: str) -> str:
    """Return the hash of what may be erased."""
    return f"sha256({_joined(rows, ('salt', *ledger.erasable))})"


def chained_in_sql(rows: str) -> str:
    """Return the text of an entry that is hashed after the hash of the one before."""
    return _joined(rows, CHAINED)


def entry_hash_in_sql(rows: str) -> str:
    """Return the hash of an entry, given the hash of the one before it."""
    return f"sha256({rows}.previous_hash || {_literal(SEPARATOR)} || {chained_in_sql(rows)})"


def changes_in_sql(chain: Chain, decisions: str, ledger: str) -> str:
    """Return a query for decisions of the days `$days` that the ledger does not know: new, changed or withdrawn.

    Args:
        chain: the ledger, with the table whose rows it chains.
        decisions: where the rows are read from, with the columns of that table.
        ledger: where the entries are read from.
    """
    key, others = chain.ledger.key, [name for name in chain.ledger.identifiers if name != chain.ledger.key]
    both = "".join(f"coalesce(present.{name}, newest.{name}) AS {name}, " for name in others)
    return f"""
        WITH newest AS (
            SELECT * FROM {ledger} WHERE {_ON_THE_DAYS} AND {key} IS NOT NULL
            QUALIFY row_number() OVER (PARTITION BY as_of, {key} ORDER BY version DESC) = 1
        ), present AS (
            SELECT TRUE AS is_present, as_of, {", ".join((*chain.ledger.identifiers, *HASHES))},
                {content_in_sql(chain, "rows")} AS content
            FROM {decisions} AS rows WHERE {_ON_THE_DAYS}
        )
        SELECT CASE WHEN is_present THEN '{DECIDED}' ELSE '{WITHDRAWN}' END AS kind,
            as_of, {key}, newest.entry AS supersedes, coalesce(newest.version, 0) + 1 AS version,
            {both}present.content, newest.content AS content_before,
            coalesce(present.input_hash, newest.input_hash) AS input_hash,
            CASE WHEN is_present THEN present.policy_hash ELSE $policy_hash END AS policy_hash
        FROM present FULL JOIN newest USING (as_of, {key})
        WHERE {differ("present", "newest", (*others, *HASHES))}
    """


def differ(present: str, newest: str, same: tuple[str, ...]) -> str:
    """Return the condition that a decision of a day differs from its newest entry, in some columns or its content."""
    others = " OR ".join(f"{present}.{name} IS DISTINCT FROM {newest}.{name}" for name in same)
    others += f" OR {contents_differ(f'{present}.content', f'{newest}.content')}"
    is_gone = f"{present}.is_present IS NULL AND {newest}.kind = '{DECIDED}'"
    is_other = f"{newest}.kind IS DISTINCT FROM '{DECIDED}' OR {others}"
    return f"({is_gone}) OR ({present}.is_present AND ({is_other}))"


def contents_differ(present: str, recorded: str) -> str:
    """Return when the content of a decision is not the recorded one, under the columns that decisions have now.

    A column that was added since is null in decisions that were recorded without it; a column that was removed since is
    in the recorded content alone.
    """

    def value(content: str) -> str:
        return f"""nullif(json_extract({content}, '$."' || name || '"')::VARCHAR, 'null')"""

    is_same_number = f"coalesce(TRY_CAST({value(present)} AS DOUBLE) = TRY_CAST({value(recorded)} AS DOUBLE), FALSE)"
    is_other = f"{value(present)} IS DISTINCT FROM {value(recorded)} AND NOT {is_same_number}"
    return (
        f"CASE WHEN {present} IS NOT DISTINCT FROM {recorded} THEN FALSE "
        f"WHEN NOT coalesce(json_valid({present}) AND json_valid({recorded}), FALSE) THEN TRUE "
        f"ELSE len(list_filter(json_keys({present}), lambda name: {is_other})) > 0 END"
    )


def _joined(rows: str, names: tuple[str, ...]) -> str:
    texts = ", ".join(f"coalesce({rows}.{name}::VARCHAR, {_literal(MISSING)})" for name in names)
    return f"concat_ws({_literal(SEPARATOR)}, {texts})"


def _literal(character: str) -> str:
    return f"chr({ord(character)})"
