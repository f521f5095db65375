"""Approval answers: validation and recording, and the list of pending requests.

People are compared by `policy/identity.py`, as in the tables, so that an answer is refused here if it would not count
there. The clock is read only for the time of an answer that is recorded now.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb

from cjo_assets.core.approval_status import APPROVED, EXPIRED, PENDING, REJECTED, STALE
from cjo_assets.core.errors import RefusalError
from cjo_assets.core.family import Family, deciding_family, registered_families, required
from cjo_assets.core.questions import Approvals
from cjo_assets.core.settings import Settings
from cjo_assets.engine.rows import Row, as_dicts
from cjo_assets.ingest.records import Record, append, fingerprint, locked, records_in
from cjo_assets.policy import Policy
from cjo_assets.policy.identity import is_placeholder, person, person_key
from cjo_assets.warehouse.published import read_only


@dataclass(frozen=True)
class Answer:
    """An answer to an approval request.

    Attributes:
        intervention_id: id of the intervention.
        decision: approved or rejected.
        by: name of the approver.
        category: category of a rejection, from the policy.
        reason: reason, as free text.
        at: time of the decision, ISO 8601, UTC if without a zone; None for now.
    """

    intervention_id: str
    decision: str
    by: str
    category: str | None = None
    reason: str | None = None
    at: str | None = None


@dataclass(frozen=True)
class _Said:
    """An earlier answer to a request; `person` is None if its name does not identify a person."""

    decision: str
    by: str
    at: datetime
    person: str | None


def record_answer(settings: Settings, policy: Policy, answer: Answer) -> Record:
    """Record an answer, and return the record.

    Raises:
        RefusalError: the answer is invalid, not permitted or too late.
        WarehouseError: there is no published database, or the records cannot be written.
    """
    now = datetime.now(UTC).replace(tzinfo=None)
    at = _instant(answer.at, now)
    null_words = policy.vocabulary.null_words
    with read_only(settings.published) as reader:
        approvals = _approvals_of(reader, answer.intervention_id)
    _require_text(answer, policy, approvals.categories(policy))
    with locked(settings.home / approvals.records) as path, read_only(settings.published) as reader:
        published = _Published(reader, approvals)
        request = published.request(answer.intervention_id)
        history = published.history("intervention_id = ?", answer.intervention_id)
        said = _said(request, approvals, history, records_in(path), null_words)
        _require_open(request, said)
        _require_in_time(request, at)
        _require_entitled(request, said, answer)
        record = {
            approvals.key: answer.intervention_id,
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
    """Return the pending requests of all families, ordered by expiry or due time.

    Each has the columns of its family, `family`, `subject` with `subject_id`, and `approved_by` so far.

    Raises:
        WarehouseError: there is no published database.
    """
    records = {family.name: _records(settings, family) for family in families_with_approvals()}
    with read_only(settings.published) as reader:
        waiting = [
            row
            for family in _families_published(reader)
            for row in _waiting_of(reader, family, records[family.name], policy)
        ]
    return sorted(waiting, key=lambda row: (row["expires_at"] or row["due_at"], row["intervention_id"]))


def _records(settings: Settings, family: Family) -> list[Record]:
    with locked(settings.home / _approvals(family).records, for_reading=True) as path:
        return records_in(path)


def _waiting_of(
    reader: duckdb.DuckDBPyConnection, family: Family, records: list[Record], policy: Policy
) -> Iterator[Row]:
    approvals = _approvals(family)
    published = _Published(reader, approvals)
    histories = defaultdict[str, list[Row]](list)
    for row in published.history(f"intervention_id IN (SELECT intervention_id FROM {approvals.pending})"):
        histories[row["intervention_id"]].append(row)
    for row in published.rows(f"FROM {approvals.pending}"):
        said = _said(row, approvals, histories[row["intervention_id"]], records, policy.vocabulary.null_words)
        if not _is_settled(row, said):
            subject = {"subject": approvals.subject, "subject_id": row[f"{approvals.subject}_id"]}
            yield row | subject | {"family": family.name, "approved_by": sorted(_approvers(said).values())}


def new_records(settings: Settings, family: Family | None = None) -> str | None:
    """Return a hash over all recorded answers of a family, the deciding one unless given; None if there are none."""
    with locked(settings.home / _approvals(family).records, for_reading=True) as path:
        return fingerprint(path)


def newest_day(settings: Settings, family: Family | None = None) -> date | None:
    """Return the newest published day of a family with approvals; None before any run."""
    if not settings.published.exists():
        return None
    approvals = _approvals(family)
    with read_only(settings.published) as reader:
        [row] = _Published(reader, approvals).rows(f"SELECT max(as_of) AS day FROM {approvals.days}")
    day: date | None = row["day"]
    return day


def effect_of_approval(settings: Settings, name: str) -> str:
    """Return what the approval of a published request means, to follow the word approved."""
    with read_only(settings.published) as reader:
        return _approvals_of(reader, name).effect


def families_with_approvals() -> list[Family]:
    """Return the families whose decisions people approve, the deciding one first."""
    first = deciding_family()
    others = [family for family in registered_families() if family.approvals and family.name != first.name]
    return [first, *others]


def _approvals(family: Family | None = None) -> Approvals:
    family = family or deciding_family()
    return required(family.approvals, family, "approvals")


def _families_published(reader: duckdb.DuckDBPyConnection) -> Iterator[Family]:
    """Yield the deciding family, and the others whose requests the published database has."""
    first, *others = families_with_approvals()
    yield first
    yield from (family for family in others if _Published(reader, _approvals(family)).is_stored())


def _approvals_of(reader: duckdb.DuckDBPyConnection, name: str) -> Approvals:
    """Return the approvals of the family that published a request or an intervention; the deciding one without any."""
    first, *others = map(_approvals, _families_published(reader))
    return next((one for one in others if _Published(reader, one).knows(name)), first)


class _Published:
    """Requests, answers and interventions of a family in the published database."""

    def __init__(self, reader: duckdb.DuckDBPyConnection, approvals: Approvals) -> None:
        self.reader, self.approvals = reader, approvals

    def rows(self, sql: str, *parameters: Any) -> list[Row]:
        """Return the rows of a query."""
        return as_dicts(self.reader.execute(sql, list(parameters)))

    def is_stored(self) -> bool:
        """Return whether the database has the tables; one of an earlier version may lack some."""
        approvals = self.approvals
        schema = approvals.days.partition(".")[0]
        queries = (approvals.requests, approvals.history, approvals.interventions, approvals.days)
        named = set(re.findall(rf"\b{schema}\.(\w+)", " ".join(queries)))
        stored = self.rows(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = 'published' AND schema_name = ?", schema
        )
        return named <= {row["table_name"] for row in stored}

    def knows(self, name: str) -> bool:
        """Return whether there is a request or an intervention of this id."""
        tables = (self.approvals.requests, self.approvals.interventions)
        return any(self.rows(f"SELECT 1 FROM {table} WHERE intervention_id = ? LIMIT 1", name) for table in tables)

    def request(self, intervention_id: str) -> Row:
        """Return the request about an intervention."""
        found = self.rows(f"FROM {self.approvals.requests} WHERE intervention_id = ?", intervention_id)
        if found:
            return found[0]
        known = self.rows(f"FROM {self.approvals.interventions} WHERE intervention_id = ? LIMIT 1", intervention_id)
        if known:
            raise RefusalError(f"Intervention {intervention_id} requires no approval.")
        raise RefusalError(f"Unknown intervention {intervention_id}. List pending requests with `cjo pending`.")

    def history(self, condition: str, *parameters: Any) -> list[Row]:
        """Return the published answers about the interventions of a condition."""
        return self.rows(f"FROM {self.approvals.history} WHERE {condition}", *parameters)


def _said(
    request: Row, approvals: Approvals, history: list[Row], records: list[Record], null_words: Sequence[str]
) -> list[_Said]:
    """Return the answers to a request: the published ones that count or will count, and those recorded since."""
    judged = {(row["decided_by"], row["decided_at"]) for row in history}
    said = [
        _Said(row["decision"], row["decided_by"], row["decided_at"], person(row["decided_by"], null_words))
        for row in history
        if row["is_effective"] or row["why_ineffective"] == approvals.not_yet
    ]
    entitled = {person(name, null_words) for name in request["entitled_approvers"]}
    requester = person(request["requested_by"], null_words)
    for record in records:
        by = str(record.get("decided_by"))
        one = _Said(str(record.get("decision")), by, _recorded_at(record), person(by, null_words))
        is_new = record.get(approvals.key) == request["intervention_id"] and (one.by, one.at) not in judged
        is_own = one.decision == APPROVED and one.person == requester
        if is_new and one.person is not None and not is_own and (not entitled or one.person in entitled):
            said.append(one)
    return sorted(said, key=lambda one: (one.at, one.decision != REJECTED, one.by))


def _approvers(said: Sequence[_Said]) -> dict[str | None, str]:
    """Return the people who approved, each with the name of their first approval."""
    return {one.person: one.by for one in reversed(said) if one.decision == APPROVED}


def _is_settled(request: Row, said: Sequence[_Said]) -> bool:
    is_rejected = any(one.decision == REJECTED for one in said)
    return is_rejected or len(_approvers(said)) >= 1 + request["needs_two_people"]


def _require_open(request: Row, said: Sequence[_Said]) -> None:
    name, status = request["intervention_id"], request["status"]
    if status == STALE:
        raise RefusalError(f"The request for {name} is stale: {request['stale_reason']}.")
    if status == EXPIRED:
        raise RefusalError(f"The request for {name} expired at {request['expires_at']} UTC.")
    if status != PENDING:
        raise RefusalError(f"{name} was {status} already, by {request['decided_by']} at {request['decided_at']} UTC.")
    if _is_settled(request, said):
        rejections = [one for one in said if one.decision == REJECTED]
        last = (rejections or list(said))[-1]
        raise RefusalError(f"{name} was {last.decision} already, by {last.by} at {last.at} UTC.")


def _require_in_time(request: Row, at: datetime) -> None:
    name = request["intervention_id"]
    if request["expires_at"] is not None and at > request["expires_at"]:
        raise RefusalError(
            f"The request for {name} expires at {request['expires_at']} UTC, before the decision at {at} UTC. "
            "Specify --at if the decision was made earlier."
        )
    # A request of a day may be answered on that day.
    asked_on = request.get("answers_from") or request["requested_at"] - timedelta(days=1)
    if at < asked_on:
        raise RefusalError(
            f"The request for {name} did not exist before {asked_on.date()}, but the decision is at {at} UTC."
        )


def _require_entitled(request: Row, said: Sequence[_Said], answer: Answer) -> None:
    name, entitled = request["intervention_id"], request["entitled_approvers"]
    key = person_key(answer.by)
    if entitled and key not in map(person_key, entitled):
        raise RefusalError(
            f"{answer.by} is not entitled to approve {name} as {request['approval_role']}. "
            f"Approvers: {', '.join(entitled)}."
        )
    if answer.decision == APPROVED and key == person_key(request["requested_by"] or ""):
        raise RefusalError(f"{answer.by} requested {name} and cannot approve it.")
    before = _approvers(said).get(key)
    if answer.decision == APPROVED and before is not None:
        spelling = "" if before == answer.by else f" as {before}"
        raise RefusalError(f"{answer.by} has approved {name} already{spelling}; a second person must approve.")


def _require_text(answer: Answer, policy: Policy, categories: Sequence[str]) -> None:
    if answer.decision not in (APPROVED, REJECTED):
        raise RefusalError(f"Invalid decision {answer.decision!r}. Choose one of: {APPROVED}, {REJECTED}.")
    if answer.decision == REJECTED and answer.category not in categories:
        raise RefusalError(f"Unknown category {answer.category!r}. Choose one of: {', '.join(categories)}.")
    if answer.decision == APPROVED and answer.category is not None:
        raise RefusalError("Only a rejection may have a category.")
    if is_placeholder(answer.by):
        raise RefusalError(f"{answer.by} is the placeholder of the documentation. Specify the approver with --by.")
    if person(answer.by, policy.vocabulary.null_words) is None:
        raise RefusalError(f"{answer.by!r} is not the name of a person. Specify the approver with --by.")
    if answer.by != answer.by.strip():
        raise RefusalError(f"The name {answer.by!r} begins or ends with a space. Remove it.")
    for text in (answer.by, answer.reason or ""):
        if any(unicodedata.category(mark) in ("Cc", "Cs") and mark not in "\t\n\r" for mark in text):
            raise RefusalError(f"{text!r} contains control characters. Remove them.")


def _instant(text: str | None, now: datetime) -> datetime:
    if text is None:
        return now
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise RefusalError(f"{text!r} is not a time of the form 2025-01-20T15:30:00Z.") from error
    at = at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at
    if at > now:
        raise RefusalError(f"The decision time {at} UTC is in the future.")
    return at


def _recorded_at(record: Record) -> datetime:
    return _instant(str(record.get("decided_at")), datetime.max)
