"""Deciding: what waits for a person, and what that person says.

Both compare people by the same function (`policy/identity.py`), so that an answer is refused here exactly where it
would not count there.

The clock is asked once, for the instant of a decision that is made now. Nothing else here depends on it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from cjo_assets.core.errors import RefusalError, WarehouseError
from cjo_assets.core.settings import Settings
from cjo_assets.engine.rows import Row, as_dicts
from cjo_assets.families.journey.inputs.approval_decisions import APPROVED, RECORDS, REJECTED
from cjo_assets.families.journey.interventions._approval_answers import NOT_YET
from cjo_assets.families.journey.interventions._ledger import EXPIRED, PENDING, STALE
from cjo_assets.ingest.records import Record, append, fingerprint, locked, records_in
from cjo_assets.policy import Policy
from cjo_assets.policy.identity import person, person_key


@dataclass(frozen=True)
class Answer:
    """What a person says to a request.

    Attributes:
        intervention_id: what they decide on.
        decision: approved or rejected.
        by: who they are.
        category: of a rejection, in the policy's words.
        reason: why, in their own.
        at: when it was decided, ISO 8601, UTC without a zone; None for now.
    """

    intervention_id: str
    decision: str
    by: str
    category: str | None = None
    reason: str | None = None
    at: str | None = None


@dataclass(frozen=True)
class _Said:
    """An answer that was given to a request before; `person` is None where its name is nobody's."""

    decision: str
    by: str
    at: datetime
    person: str | None


def record_answer(settings: Settings, policy: Policy, answer: Answer) -> Record:
    """Record what a person says, and return the record.

    Raises:
        RefusalError: it cannot be said, or not any more.
        WarehouseError: there is nothing published to answer, or the records cannot be written.
    """
    now = datetime.now(UTC).replace(tzinfo=None)
    at = _instant(answer.at, now)
    null_words = policy.vocabulary.null_words
    _require_text(answer, policy)
    with locked(settings.home / RECORDS) as path:
        published = _Published(settings.published)
        request = published.request(answer.intervention_id)
        said = _said(request, published.history(answer.intervention_id), records_in(path), null_words)
        _require_open(request, said)
        _require_in_time(request, at)
        _require_entitled(request, said, answer)
        record = {
            "intervention_id": answer.intervention_id,
            "decision": answer.decision,
            "decided_at": f"{at.isoformat()}Z",
            "decided_by": answer.by,
            "category": answer.category,
            "reason": answer.reason,
            "decision_hash": request["decision_hash"],
        }
        append(path, record)
    return record


def waiting_requests(settings: Settings, policy: Policy) -> list[Row]:
    """Return the published requests that still wait, with who has approved so far, the first to lapse first.

    Raises:
        WarehouseError: there is nothing published.
    """
    with locked(settings.home / RECORDS, for_reading=True) as path:
        records = records_in(path)
    published = _Published(settings.published)
    waiting = []
    for row in published.rows("FROM journey.pending_approvals ORDER BY expires_at, intervention_id"):
        said = _said(row, published.history(row["intervention_id"]), records, policy.vocabulary.null_words)
        if not _is_settled(row, said):
            waiting.append(row | {"approved_by": sorted(_approvers(said).values())})
    return waiting


def new_records(settings: Settings) -> str | None:
    """Return a fingerprint of everything people have recorded; None where they have not."""
    with locked(settings.home / RECORDS, for_reading=True) as path:
        return fingerprint(path)


def day_of_records(settings: Settings) -> date | None:
    """Return the day that shows all records: the newest published, or that of a later answer; None before any run."""
    if not settings.published.exists():
        return None
    with locked(settings.home / RECORDS, for_reading=True) as path:
        records = records_in(path)
    days = [
        row["day"]
        for row in _Published(settings.published).rows("SELECT max(as_of) AS day FROM journey.journey_summary")
    ]
    answered = [_recorded_at(record).date() for record in records]
    return max([*days, *answered]) if days[0] else None


class _Published:
    """The published database, read-only."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.exists():
            raise WarehouseError(f"Nothing is published at {path}: `cjo run` makes the decisions to be answered.")

    def rows(self, sql: str, *parameters: Any) -> list[Row]:
        """Return the rows of a query."""
        try:
            with duckdb.connect(str(self.path), read_only=True) as connection:
                return as_dicts(connection.execute(sql, list(parameters)))
        except duckdb.IOException as error:
            raise WarehouseError(f"The database {self.path} cannot be opened: {str(error).splitlines()[0]}") from error
        except (duckdb.CatalogException, duckdb.BinderException) as error:
            raise WarehouseError(f"The database {self.path} was written by another version of cjo_assets.") from error

    def request(self, intervention_id: str) -> Row:
        """Return the request about an intervention."""
        found = self.rows("FROM journey.approval_requests WHERE intervention_id = ?", intervention_id)
        if found:
            return found[0]
        known = self.rows("FROM journey.outcome_analyses WHERE intervention_id = ? LIMIT 1", intervention_id)
        if known:
            raise RefusalError(f"{intervention_id} needs nobody's approval: nobody was asked.")
        raise RefusalError(f"No intervention {intervention_id} is published; `cjo pending` lists what waits.")

    def history(self, intervention_id: str) -> list[Row]:
        """Return the published answers about an intervention."""
        return self.rows("FROM journey.approval_history WHERE intervention_id = ?", intervention_id)


def _said(request: Row, history: list[Row], records: list[Record], null_words: Sequence[str]) -> list[_Said]:
    """Return what was said to a request: as published where it counts or will, and as recorded since."""
    judged = {(row["decided_by"], row["decided_at"]) for row in history}
    said = [
        _Said(row["decision"], row["decided_by"], row["decided_at"], person(row["decided_by"], null_words))
        for row in history
        if row["is_effective"] or row["why_ineffective"] == NOT_YET
    ]
    entitled = {person(name, null_words) for name in request["entitled_approvers"]}
    requester = person(request["requested_by"], null_words)
    for record in records:
        by = str(record.get("decided_by"))
        one = _Said(str(record.get("decision")), by, _recorded_at(record), person(by, null_words))
        is_new = record.get("intervention_id") == request["intervention_id"] and (one.by, one.at) not in judged
        is_own = one.decision == APPROVED and one.person == requester
        if is_new and one.person is not None and not is_own and (not entitled or one.person in entitled):
            said.append(one)
    return sorted(said, key=lambda one: (one.at, one.decision != REJECTED, one.by))


def _approvers(said: Sequence[_Said]) -> dict[str | None, str]:
    """Return the people who approved, each with the name under which they did first."""
    return {one.person: one.by for one in reversed(said) if one.decision == APPROVED}


def _is_settled(request: Row, said: Sequence[_Said]) -> bool:
    is_rejected = any(one.decision == REJECTED for one in said)
    return is_rejected or len(_approvers(said)) >= 1 + request["needs_two_people"]


def _require_open(request: Row, said: Sequence[_Said]) -> None:
    name, status = request["intervention_id"], request["status"]
    if status == STALE:
        raise RefusalError(f"The request for {name} is stale: {request['stale_reason']}.")
    if status == EXPIRED:
        raise RefusalError(f"The request for {name} lapsed at {request['expires_at']} UTC.")
    if status != PENDING:
        raise RefusalError(f"{name} was {status} already, by {request['decided_by']} at {request['decided_at']} UTC.")
    if _is_settled(request, said):
        rejections = [one for one in said if one.decision == REJECTED]
        last = (rejections or list(said))[-1]
        raise RefusalError(f"{name} was {last.decision} already, by {last.by} at {last.at} UTC.")


def _require_in_time(request: Row, at: datetime) -> None:
    name = request["intervention_id"]
    if at > request["expires_at"]:
        raise RefusalError(
            f"The request for {name} lapses at {request['expires_at']} UTC, and this would be decided at {at} UTC. "
            "Say --at if it was decided before."
        )
    asked_on = request["requested_at"] - timedelta(days=1)
    if at < asked_on:
        raise RefusalError(f"Nobody was asked about {name} before {asked_on.date()}; it cannot be decided at {at} UTC.")


def _require_entitled(request: Row, said: Sequence[_Said], answer: Answer) -> None:
    name, entitled = request["intervention_id"], request["entitled_approvers"]
    key = person_key(answer.by)
    if entitled and key not in map(person_key, entitled):
        raise RefusalError(
            f"{answer.by} may not answer for a {request['approval_role']} on {name}; {', '.join(entitled)} may."
        )
    if answer.decision == APPROVED and key == person_key(request["requested_by"] or ""):
        raise RefusalError(f"{answer.by} requested {name} and cannot approve it.")
    before = _approvers(said).get(key)
    if answer.decision == APPROVED and before is not None:
        spelling = "" if before == answer.by else f" as {before}"
        raise RefusalError(f"{answer.by} has approved {name} already{spelling}; a second person must.")


def _require_text(answer: Answer, policy: Policy) -> None:
    categories = policy.journey.approval.rejection_categories
    if answer.decision not in (APPROVED, REJECTED):
        raise RefusalError(f"A decision is {APPROVED} or {REJECTED}, not {answer.decision!r}.")
    if answer.decision == REJECTED and answer.category not in categories:
        raise RefusalError(f"The category {answer.category!r} is none of the policy's: {', '.join(categories)}.")
    if answer.decision == APPROVED and answer.category is not None:
        raise RefusalError("Only a rejection has a category.")
    if person(answer.by, policy.vocabulary.null_words) is None:
        raise RefusalError(f"{answer.by!r} names no person: say who decides.")
    if answer.by != answer.by.strip():
        raise RefusalError(f"{answer.by!r}: a name has no space around it.")
    for text in (answer.by, answer.reason or ""):
        if any(unicodedata.category(mark) in ("Cc", "Cs") and mark not in "\t\n\r" for mark in text):
            raise RefusalError(f"{text!r} holds characters that nobody can read.")


def _instant(text: str | None, now: datetime) -> datetime:
    if text is None:
        return now
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise RefusalError(f"{text!r} is no instant; one is written 2025-01-20T15:30:00Z.") from error
    at = at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at
    if at > now:
        raise RefusalError(f"{at} UTC is in the future; nobody has decided anything then.")
    return at


def _recorded_at(record: Record) -> datetime:
    return _instant(str(record.get("decided_at")), datetime.max)
