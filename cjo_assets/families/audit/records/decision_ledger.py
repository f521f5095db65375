"""Every decision ever published, in a chain of hashes.

One row per entry. Entries are only added: a decision of a day that a later run makes otherwise, or not at all, gets a
further version, and the old one stays. Each entry carries the hash of the one before, so that none can be changed,
taken out, put in or moved without every later hash being wrong.

Entries are added in `warehouse/ledger.py` and verified in `audit/verification.py`.

What is about a person can be erased and the chain still be verified: an entry's own hash covers only a hash of it, and
that hash is salted, so that what was erased cannot be guessed from what remains.
"""

from datetime import date

from cjo_assets.core.config import TableConfig
from cjo_assets.core.contract import Contract, column, columns_of, key
from cjo_assets.core.expressions.ids import MISSING, SEPARATOR
from cjo_assets.core.family import decision_table

DECIDED, WITHDRAWN, ERASED = "decided", "withdrawn", "erased"
# What the first entry carries for the hash of the one before it.
GENESIS = "0" * 64


class DecisionLedger(Contract):
    """Every decision ever published, in a chain of hashes. One row per entry."""

    entry: int = key("Place in the chain, from 1.", ge=1)
    kind: str = column(
        "decided; withdrawn: a later run of the day no longer decides it; erased: a person's entries were emptied.",
        isin=[DECIDED, WITHDRAWN, ERASED],
    )
    as_of: date = column("As-of date of the decision; null of an erasure.", nullable=True)
    version: int = column("Version of what is decided for the customer on the day, from 1.", ge=1, nullable=True)
    supersedes: int = column("Entry of the version before; null of the first.", ge=1, nullable=True)
    intervention_id: str = column("Intervention; null where erased.", nullable=True, personal="intervention")
    customer_id: str = column("Customer; null where erased.", nullable=True, personal="customer")
    content: str = column(
        "The other columns of the decision, as JSON; null of a withdrawal and where erased.", nullable=True
    )
    input_hash: str = column("Hash over the records the decision could see; null where erased.", nullable=True)
    salt: str = column("What was hashed with the content, lest it be guessed; null where erased.", nullable=True)
    content_hash: str = column("Sha256 over salt, intervention, customer, input hash and content.")
    policy_hash: str = column("Policy that decided; null of an erasure.", nullable=True)
    code_version: str = column("Hash over the code that decided.")
    run_id: str = column("Run that published it; null of an erasure.", nullable=True)
    previous_hash: str = column("entry_hash of the entry before; of the first, zeros.")
    entry_hash: str = column("Sha256 over the hash of the entry before, and this entry but what may be erased.")


# The bounds alone let the engine pass over other days.


CONFIG = TableConfig(is_appended=True, is_added_by_publish=True)


_ON_THE_DAYS = "as_of BETWEEN list_min($days) AND list_max($days) AND list_contains($days, as_of)"
ERASABLE = ("intervention_id", "customer_id", "input_hash", "content")
CHAINED = ("entry", "kind", "as_of", "version", "supersedes", "content_hash", "policy_hash", "code_version", "run_id")


def content_in_sql(rows: str) -> str:
    """Return the content of a decision as JSON: of its columns those that the ledger has no column for."""
    own = {spec.name for spec in columns_of(DecisionLedger)}
    names = [spec.name for spec in columns_of(decision_table().contract) if spec.name not in own]
    packed = ", ".join(f'"{name}" := {rows}."{name}"' for name in names)
    return f"to_json(struct_pack({packed}))::VARCHAR"


def content_hash_in_sql(rows: str) -> str:
    """Return the hash of what may be erased."""
    return f"sha256({_joined(rows, ('salt', *ERASABLE))})"


def chained_in_sql(rows: str) -> str:
    """Return the text of an entry that is hashed after the hash of the one before."""
    return _joined(rows, CHAINED)


def entry_hash_in_sql(rows: str) -> str:
    """Return the hash of an entry, given the hash of the one before it."""
    return f"sha256({rows}.previous_hash || {_literal(SEPARATOR)} || {chained_in_sql(rows)})"


def changes_in_sql(decisions: str, ledger: str) -> str:
    """Return a query for decisions of the days `$days` that the ledger does not know: new, changed or withdrawn."""
    return f"""
        WITH newest AS (
            SELECT * FROM {ledger} WHERE {_ON_THE_DAYS} AND customer_id IS NOT NULL
            QUALIFY row_number() OVER (PARTITION BY as_of, customer_id ORDER BY version DESC) = 1
        ), present AS (
            SELECT TRUE AS is_present, as_of, customer_id, intervention_id, input_hash, policy_hash,
                {content_in_sql("rows")} AS content
            FROM {decisions} AS rows WHERE {_ON_THE_DAYS}
        )
        SELECT CASE WHEN is_present THEN '{DECIDED}' ELSE '{WITHDRAWN}' END AS kind,
            as_of, customer_id, newest.entry AS supersedes, coalesce(newest.version, 0) + 1 AS version,
            coalesce(present.intervention_id, newest.intervention_id) AS intervention_id,
            present.content, newest.content AS content_before,
            coalesce(present.input_hash, newest.input_hash) AS input_hash,
            coalesce(present.policy_hash, $policy_hash) AS policy_hash
        FROM present FULL JOIN newest USING (as_of, customer_id)
        WHERE {differ("present", "newest")}
    """


def differ(present: str, newest: str) -> str:
    """Return the condition that a decision of a day differs from its newest entry."""
    same = ("intervention_id", "input_hash", "policy_hash")
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
