"""The records of published runs: what each day's run wrote down of itself, and what it can have known."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime

import duckdb
from pydantic import ValidationError

from cjo_assets.core.errors import PastError, TamperedError
from cjo_assets.core.table import ERASURES
from cjo_assets.engine.sql import literal
from cjo_assets.ingest.loading import ManifestRow
from cjo_assets.policy import Policy

PUBLISHED = "published"


@dataclass(frozen=True)
class DayRecord:
    """What the newest published run of a day wrote down of itself.

    Attributes:
        run_id: the run.
        as_of: the day.
        policy_hash: the policy that decided.
        ended_at: when the day was recorded; all that was recorded before was there to be read.
        code_version: hash over the code.
        engine: versions of what it ran on.
        inputs: the files it read.
        table_hashes: hash over the rows of each dated table.
    """

    run_id: str
    as_of: date
    policy_hash: str
    ended_at: datetime
    code_version: str
    engine: str
    inputs: tuple[ManifestRow, ...]
    table_hashes: dict[str, str]


class RunRecords:
    """What the attached database has on record of the runs of a family."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, family: str) -> None:
        """Hold the connection."""
        self.connection, self.family = connection, family
        self._published = f"{PUBLISHED}.audit.runs WHERE is_published AND family = {literal(family)}"

    def days(self) -> list[date]:
        """Return the days of the published database."""
        return [
            day
            for (day,) in self.connection.execute(
                f"SELECT DISTINCT as_of FROM {self._published} ORDER BY as_of"
            ).fetchall()
        ]

    def of(self, day: date) -> DayRecord:
        """Return the record of a day's newest published run.

        Raises:
            PastError: the day was never published.
            TamperedError: its record is not what a run writes.
        """
        row = self.connection.execute(
            "SELECT run_id, as_of, policy_hash, ended_at, code_version, engine, inputs, table_hashes "
            f"FROM {self._published} AND as_of = ? ORDER BY ended_at DESC LIMIT 1",
            [day],
        ).fetchone()
        if row is None:
            days = self.days()
            there = f"the days there are go from {days[0]} to {days[-1]}" if days else "no day is"
            raise PastError(f"{day} was never published; {there}.")
        run_id, as_of, policy_hash, ended_at, code, engine, inputs, hashes = row
        try:
            files = tuple(ManifestRow(**file) for file in json.loads(inputs))
            return DayRecord(run_id, as_of, policy_hash, ended_at, code, engine, files, json.loads(hashes))
        except (TypeError, ValueError) as error:
            raise TamperedError(
                f"The record of {day} in audit.runs is not what a run writes: inputs or table_hashes of run {run_id}."
            ) from error

    def known_before(self, record: DayRecord) -> list[date]:
        """Return the days that were published when a run began."""
        return self._days_recorded(
            f"ended_at < (SELECT min(ended_at) FROM {PUBLISHED}.audit.runs WHERE run_id = $value)", record.run_id
        )

    def known_by(self, record: DayRecord) -> list[date]:
        """Return the days but its own that were published when a day was recorded, those of its run included."""
        return [day for day in self._days_recorded("ended_at <= $value", record.ended_at) if day != record.as_of]

    def erasures(self, since: datetime | None = None) -> list[str]:
        """Return the erasures of customers, or those that were asked for since an instant."""
        found = self.connection.execute(
            f"SELECT erasure_id FROM {PUBLISHED}.{ERASURES} WHERE coalesce(erased_at >= $since, TRUE) ORDER BY ALL",
            {"since": since},
        ).fetchall()
        return [erasure for (erasure,) in found]

    def is_newest(self, record: DayRecord) -> bool:
        """Return whether what has no day was published by this run, too."""
        found = self.connection.execute(f"SELECT max(ended_at) FROM {self._published}").fetchone()
        return found == (record.ended_at,)

    def policy_of(self, record: DayRecord) -> Policy:
        """Return the policy of a run from what is on record of it.

        Raises:
            PastError: it is not there, or this code cannot read it.
            TamperedError: it is not the one whose hash the run recorded.
        """
        found = self.connection.execute(
            f"SELECT content FROM {PUBLISHED}.audit.policies WHERE policy_hash = ? ORDER BY content",
            [record.policy_hash],
        ).fetchall()
        if not found:
            raise TamperedError(
                f"The policy {record.policy_hash[:12]} of {record.as_of} is not in audit.policies: it was taken away."
            )
        policies = []
        for (content,) in found:
            try:
                policies.append(Policy.model_validate_json(content))
            except ValidationError as error:
                raise PastError(
                    f"The policy {record.policy_hash[:12]} of {record.as_of} cannot be read by this code: "
                    f"{error.errors()[0]['msg']} ({'.'.join(map(str, error.errors()[0]['loc']))})."
                ) from error
        for policy in policies:
            if policy.policy_hash != record.policy_hash:
                raise TamperedError(
                    f"The text of the policy {record.policy_hash[:12]} in audit.policies hashes to "
                    f"{policy.policy_hash[:12]}: it is not the policy that decided on {record.as_of}."
                )
        return policies[0]

    def _days_recorded(self, condition: str, value: object) -> list[date]:
        found = self.connection.execute(
            f"SELECT DISTINCT as_of FROM {self._published} AND {condition} ORDER BY as_of",
            {"value": value},
        ).fetchall()
        return [day for (day,) in found]
