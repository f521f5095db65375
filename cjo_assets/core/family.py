"""Declaration of a family: everything the platform needs to know about one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

from cjo_assets.core.answers import Planning, Subject, Summary, Synth
from cjo_assets.core.dataset import Dataset
from cjo_assets.core.ledger import Ledger
from cjo_assets.core.pages import Pages
from cjo_assets.core.questions import (
    Approvals,
    CustomerView,
    Explanation,
    HandedOver,
    PolicyComparison,
    RowExplanation,
    ScoreChanges,
    SubjectExplanation,
)
from cjo_assets.core.table import LATEST, Table
from cjo_assets.policy import Policy

Answer = TypeVar("Answer")
# Filled by the catalog, so that lower layers can list datasets and contracts without importing it.
_REGISTERED: list[Family] = []


@dataclass(frozen=True)
class Report:
    """The report of a family.

    Attributes:
        page: file name of its page; its Markdown has the same stem.
        document: builds the report from its figures.
        write: from store, settings, day and policy to the written page; None where the policy disables the report, and
            a stale one is removed.
        pictures: names of the pictures that Dagster shows with the asset.
    """

    page: str
    document: Callable[..., object]
    write: Callable[..., Path | None]
    pictures: tuple[str, ...]


@dataclass(frozen=True)
class Review:
    """A page on one quarter of one subject.

    Attributes:
        subject: name of the subject, of whose column `<name>_id` each query has rows.
        page: file name of the page; its Markdown has the same stem.
        queries: the rows of the page by name, by $subject, $day, $first and $end of the quarter; the first is about the
            subject itself.
        document: builds the page from the subject, the first day of the quarter, the day, the rows, and the policy of
            the day.
    """

    subject: str
    page: str
    queries: Mapping[str, str]
    document: Callable[..., object]


@dataclass(frozen=True)
class Tenancy:
    """Which rows of a family belong to one customer, for `cjo export --customer`.

    A table with the column `customer_id` belongs to its customers row by row.

    Attributes:
        customers: query of the customers, as `id` and `name`.
        people: query of people who do not belong to the customer $customer, as `id` and the `role` that replaces it;
            the role of people of other customers is null.
        children: condition, by $customer, of each table that belongs to customers through another table.
        without_tenant: the published tables that belong to no single customer and are never exported for one.
    """

    customers: str
    people: str
    children: Mapping[str, str]
    without_tenant: tuple[str, ...]


@dataclass(frozen=True)
class Texts:
    """Texts of a day that a language model may word.

    Attributes:
        table: name of the table that holds them.
        write: from store, day and policy to the rows of the texts, which it stores.
    """

    table: str
    write: Callable[..., list[dict[str, Any]]]


@dataclass(frozen=True)
class Exchange:
    """A table whose newest day is written to a file of the home, which other families read as a dataset.

    Attributes:
        table: name of the table.
        file: name of the file in the exchange folder.
        is_enabled: whether the policy enables it; a disabled file is removed.
        explanation: how `cjo why` explains its rows to readers of the other families.
    """

    table: str
    file: str
    is_enabled: Callable[[Policy], bool]
    explanation: RowExplanation


@dataclass(frozen=True)
class Goal:
    """The goal of a day of a family.

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
class Macro:
    """A SQL macro of the published database; it is left out where a table that it reads is missing.

    Attributes:
        signature: name and parameters.
        description: what it returns.
        body: its SQL; of a table macro it begins with TABLE.
    """

    signature: str
    description: str
    body: str


@dataclass(frozen=True)
class Chain:
    """The decision ledger of a family, with the table whose rows it chains.

    Attributes:
        family: name of the family.
        ledger: its ledger.
        decisions: the table.
    """

    family: str
    ledger: Ledger
    decisions: Table


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
        groups: its stages in pipeline order, those together that Dagster shows as one group.
        report: its report; None where it has none.
        summary: the figures of a day that `cjo run` prints; None where it has none.
        subject: the kind of subject that `cjo run` can show alone; None where it has none.
        synth: its generated sample data; None where it has none.
        planning: how `cjo plan-experiment` plans its experiments; None where it does not.
        texts: its texts that a language model may word; None where it has none.
        ledger: its decision ledger; None where it has none.
        explanation: how `cjo why` explains its decisions; None where it has none.
        customer_view: what it adds to the explanation of a customer by another family; None where it adds nothing.
        subjects: how `cjo why` explains subjects that are not customers, for example experiments.
        approvals: how people approve its decisions; None where they do not.
        handed_over: its decisions that other systems or people carry out; None where it has none.
        policy_comparison: what a candidate policy changes in its decisions; None where it cannot be compared.
        score_changes: why its scores change; None where it has no scores.
        example_table: name of a dated table, for examples in comments.
        macros: its SQL macros in the published database.
        latest_schema: schema of the views of its latest day; `latest_` and its name unless given.
        is_on_spark: whether Spark may compute its tables; if not, DuckDB on the driver computes them.
        exchange: its table that other families read from a file; None where it has none.
        before: families that a command runs after it, since they may read its file.
        review: its page on one quarter of one subject; None where it has none.
        pages: its pages of the explorer; None where it has none.
        tenancy: which of its rows belong to one customer; None where no row does.
    """

    name: str
    datasets: tuple[Dataset, ...]
    tables: tuple[Table, ...]
    owner: str = "team:platform"
    goal: Goal | None = None
    plan: tuple[Step, ...] = ()
    groups: tuple[tuple[str, ...], ...] = ()
    report: Report | None = None
    summary: Summary | None = None
    subject: Subject | None = None
    synth: Synth | None = None
    planning: Planning | None = None
    texts: Texts | None = None
    ledger: Ledger | None = None
    explanation: Explanation | None = None
    customer_view: CustomerView | None = None
    subjects: tuple[SubjectExplanation, ...] = ()
    approvals: Approvals | None = None
    handed_over: HandedOver | None = None
    policy_comparison: PolicyComparison | None = None
    score_changes: ScoreChanges | None = None
    example_table: str = ""
    macros: tuple[Macro, ...] = ()
    latest_schema: str | None = None
    is_on_spark: bool = False
    exchange: Exchange | None = None
    before: tuple[str, ...] = ()
    review: Review | None = None
    pages: Pages | None = None
    tenancy: Tenancy | None = None

    @property
    def chain(self) -> Chain | None:
        """Its decision ledger with the table whose rows it chains; None where it has none."""
        if self.ledger is None:
            return None
        [decisions] = [table for table in self.tables if table.name == self.ledger.decisions]
        return Chain(self.name, self.ledger, decisions)

    @property
    def schema_of_latest(self) -> str:
        """Schema of the views of its latest day; names of tables are unique within a family only."""
        return self.latest_schema or f"{LATEST}_{self.name}"

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


def register(families: tuple[Family, ...]) -> None:
    """Make families known to `registered_families`; called once, by the catalog."""
    _REGISTERED[:] = families


def registered_families() -> tuple[Family, ...]:
    """Return every family of the catalog, with the records and views that belong to them.

    Raises:
        LookupError: the catalog was not imported.
    """
    if not _REGISTERED:
        raise LookupError("No family is registered. Import cjo_assets.catalog first.")
    return tuple(_REGISTERED)


def in_run_order(families: Iterable[Family]) -> list[Family]:
    """Return families so that each comes before those that may read its file, and otherwise in their order."""
    waiting, done = list(families), []
    while waiting:
        later = {name for family in waiting for name in family.before}
        ready = [family for family in waiting if family.name not in later] or waiting
        done += ready[:1]
        waiting.remove(ready[0])
    return done


def deciding_family() -> Family:
    """Return the first family with a decision ledger, which questions are about unless they name another."""
    return next(family for family in registered_families() if family.ledger is not None)


def chains_of(families: Iterable[Family]) -> tuple[Chain, ...]:
    """Return the decision ledgers of families, with the tables whose rows they chain."""
    return tuple(family.chain for family in families if family.chain is not None)


def written_files() -> dict[str, tuple[Family, Exchange]]:
    """Return the exchange files with the families that write them, by name."""
    return {family.exchange.file: (family, family.exchange) for family in registered_families() if family.exchange}


def required(answer: Answer | None, family: Family, name: str) -> Answer:
    """Return an answer of a family.

    Raises:
        LookupError: the family has no such answer.
    """
    if answer is None:
        raise LookupError(f"The family {family.name} has no {name}.")
    return answer


def family_writing(table: Table, family: Family, names: set[str]) -> str | None:
    """Return the family whose run writes a table; None for records, which every run writes.

    A view over tables of several families is of none of them: it has the name of the family of views.
    """
    if family.datasets:
        return family.name
    read = families_read(table, names)
    if not table.is_view or not read:
        return None
    return next(iter(read)) if len(read) == 1 else family.name


def families_read(table: Table, names: set[str]) -> set[str]:
    """Return which of some families a table reads."""
    return {reference.schema for reference in table.inputs().values()} & names
