"""Read access to the records of published runs in `audit.runs`."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date, datetime

import duckdb
from pydantic import ValidationError

from cjo_assets.core.errors import PastError, TamperedError
from cjo_assets.core.table import ERASURES
from cjo_assets.engine.sql import literal
from cjo_assets.ingest.loading import ManifestRow
from cjo_assets.policy import Policy
from cjo_assets.policy.archived import read_archived
from cjo_assets.warehouse.schema_upgrades import UpgradedDay, upgrades

PUBLISHED = "published"


@dataclass(frozen=True)
class DayRecord:
    """The record of the latest published run of a day.

    Attributes:
        run_id: the run.
        as_of: the day.
        policy_hash: hash of its policy.
        ended_at: when the day was recorded; records before that time could be read.
        code_version: hash of the code.
        engine: versions of engine and libraries.
        inputs: the files that it read.
        table_hashes: hash of the rows of each dated table; after an upgrade of a table, the hash that the upgrade
            recorded.
        upgraded: tables whose columns a later run changed, and how their rows of the day were treated.
    """

    run_id: str
    as_of: date
    policy_hash: str
    ended_at: datetime
    code_version: str
    engine: str
    inputs: tuple[ManifestRow, ...]
    table_hashes: dict[str, str]
    upgraded: dict[str, UpgradedDay] = field(default_factory=dict)


class RunRecords:
    """Records of the runs of a family in the attached database."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, family: str) -> None:
        """Initialize with a connection."""
        self.connection, self.family = connection, family
        self._filled: dict[str, tuple[str, ...]] = {}
        self._published = f"{PUBLISHED}.audit.runs WHERE is_published AND family = {literal(family)}"

    def days(self) -> list[date]:
        """Return the published days."""
        return [
            day
            for (day,) in self.connection.execute(
                f"SELECT DISTINCT as_of FROM {self._published} ORDER BY as_of"
            ).fetchall()
        ]

    def run_of(self, day: date) -> str:
        """Return the newest run that published a day."""
        query = f"SELECT run_id FROM {self._published} AND as_of = ? ORDER BY ended_at DESC LIMIT 1"
        row = self.connection.execute(query, [day]).fetchone()
        return str(row[0]) if row else ""

    def of(self, day: date) -> DayRecord:
        """Return the record of the latest published run of a day.

        Raises:
            PastError: the day was never published.
            TamperedError: the record is not valid.
        """
        row = self.connection.execute(
            "SELECT run_id, as_of, policy_hash, ended_at, code_version, engine, inputs, table_hashes "
            f"FROM {self._published} AND as_of = ? ORDER BY ended_at DESC LIMIT 1",
            [day],
        ).fetchone()
        if row is None:
            days = self.days()
            there = f"published days: {days[0]} to {days[-1]}" if days else "there are no published days"
            raise PastError(f"{day} was never published; {there}.")
        run_id, as_of, policy_hash, ended_at, code, engine, inputs, hashes = row
        try:
            files = tuple(ManifestRow(**file) for file in json.loads(inputs))
            upgraded = self._upgraded(as_of, ended_at)
            present = json.loads(hashes) | {table: found.content for table, found in upgraded.items()}
            kept = {table: content for table, content in present.items() if content is not None}
            return DayRecord(run_id, as_of, policy_hash, ended_at, code, engine, files, kept, upgraded)
        except (TypeError, ValueError) as error:
            raise TamperedError(
                f"The record of {day} in audit.runs is invalid: inputs or table_hashes of run {run_id}."
            ) from error

    def known_before(self, record: DayRecord) -> list[date]:
        """Return the days that were published before a run began."""
        return self._days_recorded(
            f"ended_at < (SELECT min(ended_at) FROM {PUBLISHED}.audit.runs WHERE run_id = $value)", record.run_id
        )

    def known_by(self, record: DayRecord) -> list[date]:
        """Return the other days that were published when a day was recorded, including those of its own run."""
        return [day for day in self._days_recorded("ended_at <= $value", record.ended_at) if day != record.as_of]

    def erasures(self, since: datetime | None = None) -> list[str]:
        """Return the ids of erasures, all or since an instant."""
        found = self.connection.execute(
            f"SELECT erasure_id FROM {PUBLISHED}.{ERASURES} WHERE coalesce(erased_at >= $since, TRUE) ORDER BY ALL",
            {"since": since},
        ).fetchall()
        return [erasure for (erasure,) in found]

    def is_newest(self, record: DayRecord) -> bool:
        """Return whether this run is the latest, which also published the undated tables."""
        found = self.connection.execute(f"SELECT max(ended_at) FROM {self._published}").fetchone()
        return found == (record.ended_at,)

    def policy_of(self, record: DayRecord) -> Policy:
        """Return the policy of a run as it was recorded, with packaged values in the fields that it does not have yet.

        Raises:
            PastError: it is missing, or this code cannot read it.
            TamperedError: its hash differs from the one that the run recorded.
        """
        found = self.connection.execute(
            f"SELECT content FROM {PUBLISHED}.audit.policies WHERE policy_hash = ? ORDER BY content",
            [record.policy_hash],
        ).fetchall()
        if not found:
            raise TamperedError(
                f"The policy {record.policy_hash[:12]} of {record.as_of} is missing from audit.policies."
            )
        policies = []
        for (content,) in found:
            try:
                archived = read_archived(content)
            except ValidationError as error:
                raise PastError(
                    f"The policy {record.policy_hash[:12]} of {record.as_of} cannot be read by this code: "
                    f"{error.errors()[0]['msg']} ({'.'.join(map(str, error.errors()[0]['loc']))})."
                ) from error
            self._filled[record.policy_hash] = archived.filled
            policies.append(archived.policy)
        for policy in policies:
            if policy.policy_hash != record.policy_hash:
                raise TamperedError(
                    f"The text of the policy {record.policy_hash[:12]} in audit.policies hashes to "
                    f"{policy.policy_hash[:12]}: it is not the policy of the run of {record.as_of}."
                )
        return policies[0]

    def handed_on_after_upgrade(self, day: date) -> str | None:
        """Return the data version of a day since its tables were upgraded; None where they were not."""
        found = [own.handed_on.get((self.family, day)) for own in upgrades(self.connection, f"{PUBLISHED}.audit.runs")]
        return next((content for content in reversed(found) if content is not None), None)

    def filled_fields(self, record: DayRecord) -> tuple[str, ...]:
        """Return the fields that the policy of a run lacks, and that were read with their packaged values."""
        return self._filled.get(record.policy_hash, ())

    def _upgraded(self, day: date, ended_at: datetime) -> dict[str, UpgradedDay]:
        """Return the tables of a day that were upgraded after a run of it, by the newest upgrade of each."""
        later = [own for own in upgrades(self.connection, f"{PUBLISHED}.audit.runs") if own.ended_at > ended_at]
        return {table: found for own in later for (table, of), found in own.days.items() if of == day}

    def _days_recorded(self, condition: str, value: object) -> list[date]:
        found = self.connection.execute(
            f"SELECT DISTINCT as_of FROM {self._published} AND {condition} ORDER BY as_of",
            {"value": value},
        ).fetchall()
        return [day for (day,) in found]
