"""Verification of the decision ledgers and the published decisions, by `cjo audit verify`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb

from cjo_assets.audit.verify import questions
from cjo_assets.catalog import all_families
from cjo_assets.core.errors import WarehouseError
from cjo_assets.core.family import Chain, chains_of
from cjo_assets.core.ledger import WITHDRAWN
from cjo_assets.core.settings import Settings
from cjo_assets.policy import hash_of_content
from cjo_assets.warehouse.ledger import decided_days, head_of
from cjo_assets.warehouse.published import of_another_version, read_only
from cjo_assets.warehouse.schema_changes import stored_columns

FINDINGS_SHOWN = 20


@dataclass(frozen=True)
class Finding:
    """A difference from what was published: table, place in it, and description."""

    table: str
    place: str
    what: str


@dataclass
class Findings:
    """Differences that were found.

    Attributes:
        found: number of differences.
        findings: the first differences of each kind.
    """

    found: int = 0
    findings: list[Finding] = field(default_factory=list)

    def add(self, findings: Sequence[Finding]) -> None:
        """Count differences of one kind, and store the first."""
        self.found += len(findings)
        self.findings += findings[:FINDINGS_SHOWN]


@dataclass
class LedgerVerdict(Findings):
    """The result of the verification of one ledger.

    Attributes:
        ledger: full name of the ledger.
        entries: number of its entries.
        head: hash of the last one.
        days: number of days whose decisions were compared.
    """

    ledger: str = ""
    entries: int = 0
    head: str = ""
    days: int = 0


@dataclass
class Verdict:
    """The result of a verification.

    Attributes:
        ledgers: the result for each ledger.
        records: differences in records that all ledgers share, such as policies.
    """

    ledgers: list[LedgerVerdict]
    records: Findings

    @property
    def findings(self) -> list[Finding]:
        """The first differences of each kind."""
        return [finding for part in (*self.ledgers, self.records) for finding in part.findings]

    @property
    def found(self) -> int:
        """Number of differences."""
        return sum(part.found for part in (*self.ledgers, self.records))


def verify(settings: Settings, *expected: str) -> Verdict:
    """Verify that the ledgers are complete and that the decisions are those of the ledgers.

    Args:
        settings: the settings.
        expected: hashes of entries that were recorded elsewhere, of any ledger.

    Raises:
        WarehouseError: there is no published database, or it has no ledger.
    """
    with read_only(settings.published) as reader:
        stored = stored_columns(reader)
        # A database of an earlier version has fewer ledgers; the next publish adds them.
        chains = [chain for chain in chains_of(all_families()) if chain.ledger.full_name in stored]
        if not chains:
            raise WarehouseError(of_another_version(settings.published))
        verdicts = [_verified(reader, settings, chain, chains) for chain in chains]
        records = Findings()
        records.add(_without(reader, chains, expected))
        records.add(_found(reader, questions.missing_policies(chains)))
        records.add(_changed_policies(reader))
    return Verdict(verdicts, records)


def _verified(
    reader: duckdb.DuckDBPyConnection, settings: Settings, chain: Chain, chains: list[Chain]
) -> LedgerVerdict:
    head = head_of(reader, chain.ledger.full_name)
    verdict = LedgerVerdict(ledger=chain.ledger.full_name, entries=head.entries, head=head.entry_hash)
    for question in (questions.broken_links, questions.changed_entries, questions.emptied_entries):
        verdict.add(_found(reader, question(chain)))
    verdict.add(_found(reader, questions.other_heads(chain, chains)))
    if chain.ledger.customer is not None:
        verdict.add(_found(reader, questions.unconfirmed_tombstones(chain)))
    for day, decisions in decided_days(reader, chain, settings.home):
        verdict.days += 1
        given = {"days": [day], "policy_hash": ""}
        found = reader.execute(questions.other_decisions(chain, decisions), given).fetchall()
        verdict.add([_of_decision(chain, *row) for row in found])
    return verdict


def _found(reader: duckdb.DuckDBPyConnection, question: str) -> list[Finding]:
    return [Finding(*row) for row in reader.execute(question).fetchall()]


def _without(reader: duckdb.DuckDBPyConnection, chains: Iterable[Chain], expected: Sequence[str]) -> list[Finding]:
    """Return the expected hashes that no ledger has."""
    names = [chain.ledger.full_name for chain in chains]
    known = " UNION ALL ".join(f"SELECT entry_hash FROM {name}" for name in names)
    return [
        Finding(", ".join(names), "the whole chain", f"no entry has the expected hash {wanted}")
        for wanted in expected
        if reader.execute(f"SELECT count(*) FROM ({known}) WHERE entry_hash = ?", [wanted]).fetchone() == (0,)
    ]


def _changed_policies(reader: duckdb.DuckDBPyConnection) -> list[Finding]:
    policies = questions.POLICIES
    found = reader.execute(f"SELECT policy_hash, content FROM {policies} ORDER BY ALL").fetchall()
    return [
        Finding(policies, f"policy {str(recorded)[:12]}", "its text differs from its hash")
        for recorded, content in found
        if recorded is None or hash_of_content(content or "") != recorded
    ]


def _of_decision(chain: Chain, kind: str, place: str, content: str | None, before: str | None) -> Finding:
    table = chain.decisions.full_name
    if kind == WITHDRAWN:
        return Finding(table, place, "the row is missing; the ledger has it")
    if before is None:
        return Finding(table, place, "the ledger has no such row")
    there, then = _parsed(content), _parsed(before)
    others = [
        f"{name} is {_shown(there[name])}, was {_shown(then.get(name))}"
        for name in there
        if there[name] != then.get(name)
    ]
    what = "; ".join(others) or "its identifiers, policy or input hash differ from the ledger"
    return Finding(table, place, what)


def _parsed(content: str | None) -> dict[str, Any]:
    """Return the columns of a content; empty if it is not valid."""
    try:
        found = json.loads(content or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
