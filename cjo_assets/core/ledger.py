"""Declaration of a decision ledger: the rows that it chains, and the columns that all ledgers share.

Each entry carries the hash of the entry before, so that none can be changed, deleted, inserted or moved without every
later hash being wrong. What identifies a decision and its content can be erased and the chain still be verified: the
hash of an entry covers only a salted hash of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from cjo_assets.core.contract import Contract, column, columns_of, key
from cjo_assets.core.personal import CUSTOMER
from cjo_assets.core.table import AUDIT

DECIDED, WITHDRAWN, ERASED = "decided", "withdrawn", "erased"
# What the first entry carries for the hash of the one before it.
GENESIS = "0" * 64
# What is hashed after the hash of the entry before.
CHAINED = ("entry", "kind", "as_of", "version", "supersedes", "content_hash", "policy_hash", "code_version", "run_id")


class LedgerPlace(Contract):
    """Columns of a ledger before those that identify the decision."""

    entry: int = key("Place in the chain, from 1.", ge=1)
    kind: str = column(
        "decided; withdrawn: a later run of the day no longer decides it; erased: a person's entries were emptied.",
        isin=[DECIDED, WITHDRAWN, ERASED],
    )
    as_of: date = column("As-of date of the decision; null of an erasure.", nullable=True)
    version: int = column("Version of the decision of the day, from 1; null of an erasure.", ge=1, nullable=True)
    supersedes: int = column("Entry of the version before; null of the first.", ge=1, nullable=True)


class LedgerHashes(Contract):
    """Columns of a ledger after those that identify the decision."""

    content: str = column(
        "The other columns of the decision, as JSON; null of a withdrawal and where erased.", nullable=True
    )
    input_hash: str = column("Hash over the records the decision could see; null where erased.", nullable=True)
    salt: str = column("What was hashed with the content, lest it be guessed; null where erased.", nullable=True)
    content_hash: str = column("Sha256 over salt, identifiers of the decision, input hash and content.")
    policy_hash: str = column("Policy that decided; null of an erasure.", nullable=True)
    code_version: str = column("Hash over the code that decided.")
    run_id: str = column("Run that published it; null of an erasure.", nullable=True)
    previous_hash: str = column("entry_hash of the entry before; of the first, zeros.")
    entry_hash: str = column("Sha256 over the hash of the entry before, and this entry but what may be erased.")


@dataclass(frozen=True)
class Ledger:
    """The decision ledger of a family.

    Attributes:
        contract: its columns, after which the table in the audit is named.
        decisions: name of the dated table whose rows it chains.
        key: column that identifies a decision within its day; versions are counted by it.
        identifiers: columns of the decision that are columns of the ledger, in the order in which they are hashed.
    """

    contract: type[Contract]
    decisions: str
    key: str
    identifiers: tuple[str, ...]

    @property
    def name(self) -> str:
        """Name of the table, as the contract writes it in camel case."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", self.contract.__name__).lower()

    @property
    def full_name(self) -> str:
        """Name as SQL writes it."""
        return f"{AUDIT}.{self.name}"

    @property
    def erasable(self) -> tuple[str, ...]:
        """Columns that an erasure empties, in the order in which they are hashed after the salt."""
        return (*self.identifiers, "input_hash", "content")

    @property
    def customer(self) -> str | None:
        """Column with the customer whose erasure empties an entry; None where decisions are about no customer."""
        marked = [spec.name for spec in columns_of(self.contract) if spec.personal and spec.personal.kind == CUSTOMER]
        return marked[0] if marked else None
