"""Every run, with its goal and its plan.

One row per run, as-of date and family. The only table that knows the wall clock. The plan is a template,
not an invention: the stages of the seeds' orchestrators, in order.
"""

import json
from datetime import date
from typing import Any

from cjo_assets.core.contract import Contract, Instant, TextList, column

GOALS: dict[str, dict[str, Any]] = {
    "journey": {
        "objective": "Find customers in trouble, decide what to do about it, and account for what it cost and brought.",
        "scope": "all customers",
        "constraints": ["rules decide", "people approve", "nothing later than the as-of date is known"],
    },
    "marketing": {
        "objective": "Judge campaigns and experiments, govern their money and risks, and say what to do next.",
        "scope": "all campaigns",
        "constraints": ["rules decide", "people approve", "nothing later than the as-of date is known"],
    },
}
# Each step with what it does and the groups of tables that do it.
PLANS = {
    "journey": (
        ("load", "Read the raw datasets.", ("raw",)),
        (
            "validate",
            "Hold every row to its contract and quarantine what breaks it.",
            ("quarantine", "validated_lookups"),
        ),
        ("evaluate", "Judge each customer's stage and add up the signals.", ("evaluation",)),
        ("forecast", "Read from the log what becomes of customers in their place.", ("forecast",)),
        ("score", "Score risk, with every factor on record.", ("risk",)),
        ("learn", "Hold playbooks, signals and thresholds against the outcomes known.", ("learning",)),
        ("recommend", "Choose a playbook for each need, or say why none fits.", ("recommendation",)),
        ("escalate", "Ask people for the decisions that are theirs.", ("approval",)),
        ("follow_up", "Join outcomes to the interventions they measure.", ("outcome",)),
        ("account", "Measure KPIs and ROI on what was executed, and add up the portfolio.", ("value", "portfolio")),
        ("phrase", "Put into words what the tables prove, where the policy asks a language model.", ("language",)),
        ("publish", "Write the report and replace the published database.", ("publish",)),
    ),
    "marketing": (
        ("load", "Read the raw datasets.", ("raw",)),
        ("validate", "Hold every row to its contract and quarantine what breaks it.", ("validated_lookups",)),
        ("count", "Add up what assets did in experiments.", ("evaluation",)),
        ("analyse", "Judge campaigns, funnels and segments, and hold the sources against each other.", ("analysis",)),
        ("experiment", "Hold each variant against its control.", ("experiments",)),
        ("govern", "Follow budgets, risks and decisions.", ("governance",)),
        ("account", "Measure KPIs and ROI, and reconcile the sources.", ("value",)),
        ("recommend", "Say what to do next, with its expected impact.", ("recommendation",)),
        ("publish", "Write the report and replace the published database.", ("publish",)),
    ),
}


class Runs(Contract):
    """Runs and what they did. One row per run, as-of date and family."""

    run_id: str = column("Run, as Dagster names it.")
    as_of: date = column("As-of date.")
    family: str = column("Family of tables that was computed: journey, marketing.")
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
    ledger_entries: int = column("Entries of the decision ledger when it was published; else null.", nullable=True)
    ledger_head: str = column("Hash of the last of them: of the whole chain up to there; else null.", nullable=True)

    class Config:
        """A run does a day of a family once."""

        unique = ["run_id", "as_of", "family"]


def goal_of(family: str, as_of: date, subject: str | None = None) -> dict[str, Any]:
    """Return the goal of a run of a family, or of a look at one of its subjects."""
    goal = GOALS[family]
    return goal | {"as_of": as_of.isoformat(), "scope": subject or goal["scope"]}


def plan_of(family: str, rows_by_group: dict[str, dict[str, int]] | None) -> list[dict[str, Any]]:
    """Return the plan of a family, with the rows of each step's tables where they are tracked."""
    steps = []
    for number, (name, description, groups) in enumerate(PLANS[family], start=1):
        step: dict[str, Any] = {"step": number, "name": name, "description": description}
        if rows_by_group is not None:
            step["rows"] = {table: rows for group in groups for table, rows in rows_by_group.get(group, {}).items()}
        steps.append(step)
    return steps


def as_json(value: Any) -> str:
    """Return a value as JSON with sorted keys."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
