"""Declarations of tables: schema, contract, transform and checks, and the inputs that a transform's signature names.

A parameter is a table of the transform's own family, unless its name has another meaning:

    journey_states          that table; of a dated table the rows of the as-of date, without the column as_of; where
                            the table itself has no date, those of the newest day
    earlier_journey_states  the rows of earlier days
    all_journey_states      the rows of all days
    raw_signals             the file as text, but for columns that Parquet types as the dataset does
    quarantined_signals     the rejected rows of the file
    audit_policies          a table of the audit; `earlier_` and `all_` come before: earlier_audit_language_model_calls
    issued_journey_states   the rows of all days, as they were when the run began
    as_of, policy           the day and the policy, or the section of it that the annotation names

A table with the prefix `issued_` is no upstream asset. Outcomes and approvals refer to decisions of earlier runs, and
the decisions of this run depend on them; the order of runs prevents a circle.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import ibis.expr.types as ir

from cjo_assets.core.checks import CONTRACT_CHECK, Check
from cjo_assets.core.contract import Contract, DatedContract
from cjo_assets.policy import Policy, section_named

RAW, QUARANTINE, AUDIT, LATEST = "raw", "quarantine", "audit", "latest"
MANIFEST = "manifest"
ERASURES = f"{AUDIT}.erasures"
ISSUED = "issued_"
PARAMETERS = ("as_of", "policy", "rows")


class BoundQuery:
    """A function from tables to a table, with inputs that its parameters do not name.

    Attributes:
        function: the function.
        inputs: its inputs, by the names it is called with.
        written_in: functions and contracts that define it, where the function itself does not.
    """

    __name__: str

    def __init__(
        self,
        function: Callable[..., ir.Table],
        inputs: dict[str, Reference],
        name: str | None = None,
        description: str | None = None,
        written_in: tuple[Callable[..., object], ...] = (),
    ) -> None:
        """Take name, docstring and parameters from the function unless given."""
        self.function, self.inputs, self.written_in = function, inputs, written_in
        functools.update_wrapper(self, function)
        self.__name__ = name or function.__name__
        self.__doc__ = description or function.__doc__

    def __call__(self, **tables: ir.Table) -> ir.Table:
        """Return the function's result for the tables."""
        return self.function(**tables)


class Days(Enum):
    """Which days of a dated table an input holds."""

    TODAY = "today"
    EARLIER = "earlier"
    ALL = "all"


@dataclass(frozen=True)
class Reference:
    """A table as an input of another."""

    schema: str
    name: str
    days: Days = Days.TODAY


@dataclass(frozen=True)
class Table:
    """A table to be materialized.

    Attributes:
        schema: schema of the engine and first part of the asset key.
        name: table and second part of the asset key.
        contract: its schema.
        transform: how it is computed; None where the run itself writes it.
        group: stage of the family, for the Dagster UI.
        checks: checks of the table after it was computed.
        is_view: nothing is stored; readers compute it.
        is_appended: rows are only ever added.
        is_published: whether analysts get it.
        is_added_by_publish: its only place is the published file, in which each publish adds to it.
        hidden: columns that transforms do not see.
        look_back_columns: columns that later days may read, so that a change in another makes none stale; all
            unless given.
        is_decision: its published rows record what was decided, so a change of the contract never recomputes them.
    """

    schema: str
    name: str
    contract: type[Contract]
    transform: Callable[..., ir.Table] | None
    group: str
    checks: tuple[Check, ...] = ()
    is_view: bool = False
    is_appended: bool = False
    is_published: bool = True
    is_added_by_publish: bool = False
    hidden: tuple[str, ...] = ()
    look_back_columns: tuple[str, ...] = ()
    is_decision: bool = False

    @property
    def is_dated(self) -> bool:
        """Whether it has a state of its own on every day."""
        return issubclass(self.contract, DatedContract)

    @property
    def is_record(self) -> bool:
        """Return whether its rows record what happened, so that no input file brings them back."""
        return self.transform is None or self.is_appended or self.schema == AUDIT

    @property
    def computation(self) -> Callable[..., ir.Table]:
        """The transform of a table that has one.

        Raises:
            TypeError: the run itself writes this table.
        """
        if self.transform is None:
            raise TypeError(f"{self.full_name} is written by the run and has no transform.")
        return self.transform

    @property
    def full_name(self) -> str:
        """Name as SQL writes it."""
        return f"{self.schema}.{self.name}"

    def is_blocking(self, check: str) -> bool:
        """Return whether the table is not stored when a check of it fails."""
        return check == CONTRACT_CHECK or any(own.name == check and own.is_blocking for own in self.checks)

    def inputs(self) -> dict[str, Reference]:
        """Return the tables that the transform names."""
        return inputs_of(self.transform, self.schema) if self.transform else {}

    def check_inputs(self) -> dict[str, Reference]:
        """Return the tables that the checks name."""
        found: dict[str, Reference] = {}
        for check in self.checks:
            found |= inputs_of(check.failing_rows, self.schema)
        return found

    def upstream(self) -> set[tuple[str, str]]:
        """Return the tables that must be there first."""
        references = [*self.inputs().items(), *self.check_inputs().items()]
        return {
            (reference.schema, reference.name)
            for name, reference in references
            if not name.startswith(ISSUED) and reference.days is not Days.EARLIER
        } - {(self.schema, self.name), (RAW, MANIFEST)}


def reference(parameter: str, family: str) -> Reference:
    """Return the table that a parameter names."""
    if parameter.startswith(ISSUED):
        return Reference(family, parameter.removeprefix(ISSUED), Days.ALL)
    for prefix, days in (("earlier_", Days.EARLIER), ("all_", Days.ALL)):
        if parameter.startswith(prefix):
            return replace(reference(parameter.removeprefix(prefix), family), days=days)
    for prefix, schema in (("raw_", RAW), ("quarantined_", QUARANTINE), ("audit_", AUDIT)):
        if parameter.startswith(prefix):
            return Reference(schema, parameter.removeprefix(prefix))
    return Reference(family, parameter)


def inputs_of(function: Callable[..., object], family: str) -> dict[str, Reference]:
    """Return the tables that a function's parameters name."""
    if isinstance(function, BoundQuery):
        return function.inputs
    names = [name for name in inspect.signature(function).parameters if name not in PARAMETERS]
    return {name: reference(name, family) for name in names}


def parameters_of(function: Callable[..., object]) -> set[str]:
    """Return the parameters of a function that are no tables."""
    return set(inspect.signature(function).parameters) & set(PARAMETERS)


def arguments_of(function: Callable[..., object], as_of: ir.DateScalar | None, policy: Policy) -> dict[str, Any]:
    """Return the as-of date and the policy as a function's parameters name them.

    The policy is the section that the annotation of the parameter names, or the whole.
    """
    parameters = inspect.signature(function).parameters
    found: dict[str, Any] = {"as_of": as_of} if "as_of" in parameters else {}
    if "policy" in parameters:
        section = parameters["policy"].annotation
        found["policy"] = section_named(policy, section if isinstance(section, str) else section.__name__)
    return found


def in_order(tables: Iterable[Table]) -> list[Table]:
    """Return the tables so that each comes after what it reads.

    Raises:
        ValueError: two tables wait for each other.
    """
    waiting = list(tables)
    names = {(table.schema, table.name) for table in waiting}
    done: list[Table] = []
    while waiting:
        ready = [table for table in waiting if not (table.upstream() & names) - {(d.schema, d.name) for d in done}]
        if not ready:
            raise ValueError(f"These tables wait for each other: {', '.join(table.full_name for table in waiting)}")
        done += ready
        waiting = [table for table in waiting if table not in ready]
    return done
