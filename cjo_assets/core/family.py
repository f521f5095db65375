"""Declaration of a family: everything the platform asks of one."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from cjo_assets.core.dataset import Dataset
from cjo_assets.core.table import Table


@dataclass(frozen=True)
class Goal:
    """What a day of a family is computed for.

    Attributes:
        objective: one sentence.
        scope: the subjects that a run covers.
        constraints: rules that a run keeps.
    """

    objective: str
    scope: str
    constraints: tuple[str, ...]


@dataclass(frozen=True)
class Step:
    """One step of the plan of a day.

    Attributes:
        name: name of the step.
        description: what it does.
        groups: stages whose tables it computes.
    """

    name: str
    description: str
    groups: tuple[str, ...]


@dataclass(frozen=True)
class Family:
    """A family of datasets and tables: one folder of input data, one schema of the warehouse.

    Attributes:
        name: name of the family, of its data folder and of its schema.
        datasets: the files it reads.
        tables: the tables it computes or records.
        owner: owner of its assets in Dagster.
        goal: what a day of it is computed for; None for records that every family shares.
        plan: the steps of a day.
    """

    name: str
    datasets: tuple[Dataset, ...]
    tables: tuple[Table, ...]
    owner: str
    goal: Goal | None = None
    plan: tuple[Step, ...] = field(default=())

    def goal_of(self, as_of: date, subject: str | None = None) -> dict[str, Any]:
        """Return the goal of a day, or of one of the family's subjects on that day."""
        if self.goal is None:
            raise LookupError(f"The family {self.name} has no goal.")
        return {
            "objective": self.goal.objective,
            "scope": subject or self.goal.scope,
            "constraints": list(self.goal.constraints),
            "as_of": as_of.isoformat(),
        }

    def plan_of(self, rows_by_group: dict[str, dict[str, int]] | None) -> list[dict[str, Any]]:
        """Return the plan of a day, with the rows of each step's tables where they are tracked."""
        steps = []
        for number, planned in enumerate(self.plan, start=1):
            step: dict[str, Any] = {"step": number, "name": planned.name, "description": planned.description}
            if rows_by_group is not None:
                step["rows"] = {
                    table: rows for group in planned.groups for table, rows in rows_by_group.get(group, {}).items()
                }
            steps.append(step)
        return steps
