"""Every run, with its goal and its plan.

One row per run, as-of date and family. The only table that knows the wall clock. The plan is a template,
not an invention: the stages of the seeds' orchestrators, in order.
"""

import json
from datetime import date
from typing import Any

from cjo_assets.core.config import TableConfig
from cjo_assets.core.contract import Contract, Instant, TextList, column, key


class Runs(Contract):
    """Runs and what they did. One row per run, as-of date and family."""

    run_id: str = key("Run, as Dagster names it.")
    as_of: date = key("As-of date.")
    family: str = key("Family of tables that was computed: journey, marketing.")
    goal: str = column("What the run was for, as JSON.")
    plan: str = column("Its steps, as JSON; with the tables and rows of each where progress is tracked.")
    policy_hash: str = column("Policy that decided.")
    started_at: Instant = column("Start of the run [UTC].")
    ended_at: Instant = column("End of the day's work [UTC].")
    processing_time: float = column("From start to end [seconds].", ge=0)
    rows_per_table: str = column("Rows of each table on that day, as JSON.")
    report_path: str = column("The report, relative to the home; null where none was written.", nullable=True)
    errors: TextList = column("What went wrong, empty where nothing did.", personal="text")
    code_version: str = column("Hash over the code that computed it.")
    engine: str = column("Versions of what the code runs on and rounds with.")
    inputs: str = column(
        "The files it read, as JSON: dataset, source_file, file_sha256 (their name in the archive), rows_read, note."
    )
    table_hashes: str = column(
        "Hash (of the engine) over the rows of each table of the day, as JSON; {} where not published."
    )
    is_published: bool = column("Whether the day reached the published database.")
    handed_on: str = column("Hash over what later days read of this day; null where not published.", nullable=True)
    is_stale: bool = column("Whether an earlier day has changed since: run this day again.")
    ledger_entries: int = column(
        "Entries of the family's decision ledger when it was published; else null.", nullable=True
    )
    ledger_head: str = column("Hash of the last of them: of the whole chain up to there; else null.", nullable=True)


CONFIG = TableConfig(is_appended=True)


def as_json(value: Any) -> str:
    """Return a value as JSON with sorted keys."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
