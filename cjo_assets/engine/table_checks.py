"""Checks of a stored table: one scan for contract, key and row-level checks, and a statement per other check.

A check is first counted, on the columns that the count needs. Only for a check with failing rows a second statement
returns some of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from typing import Protocol

import ibis
import ibis.expr.types as ir

from cjo_assets.core.check_result import CheckResult
from cjo_assets.core.checks import CONTRACT_CHECK, Check, Query
from cjo_assets.core.contract import Contract
from cjo_assets.core.expressions.days import as_of_date
from cjo_assets.core.table import Reference, Table, inputs_of
from cjo_assets.engine.predicates import predicate_of
from cjo_assets.engine.rows import Row
from cjo_assets.engine.statements import Origin
from cjo_assets.engine.validation import ROWS, breach_counts, is_clean, judged, shape_errors
from cjo_assets.policy import Policy

EXAMPLES = 20
# The part of a table that counts the broken rules of its contract, and the failing rows of its row-level checks.
SCAN = f"{CONTRACT_CHECK}.scan"
COUNT = "failing_rows"


class CheckedStore(Protocol):
    """What the checks need of a store."""

    def origin(self, table: Table, part: str, references: Iterable[Reference]) -> Origin:
        """Return what a statement of a table follows from."""

    def written(self, origin: Origin, policy: Policy, write: Callable[[Policy], ir.Table]) -> str:
        """Return the statement of an expression for any day, compiled at most once."""

    def on_days(self, sql: str, as_of: date | None) -> str:
        """Return a statement for a day."""

    def answer(self, sql: str) -> list[Row]:
        """Return the rows of a small result."""

    def kept(self, sql: str) -> AbstractContextManager[ir.Table]:
        """Store the rows of a statement temporarily."""

    def stored_rows(self, table: Table, as_of: ir.DateScalar | None) -> ir.Table:
        """Return the rows of a table, or of a day of it, as they are stored."""

    def stored_keys(self, table: Table, as_of: ir.DateScalar | None) -> ir.Table | None:
        """Return the keys of a table in the order of its rows; None if the rows are not stored in the order of keys."""

    def called(self, function: Query, schema: str, as_of: ir.DateScalar | None, policy: Policy) -> ir.Table:
        """Return the result of a function for the tables that its parameters name."""


@dataclass(frozen=True)
class TableChecks:
    """Checks of a table, or of a day of it.

    Attributes:
        store: the store of the table.
        table: the table.
        as_of: the day; None for a table without a date.
        policy: the policy.
    """

    store: CheckedStore
    table: Table
    as_of: date | None
    policy: Policy

    def results(self) -> dict[str, CheckResult]:
        """Return the result of each check by name, the contract first."""
        counts = self._scanned(self._checks_of_rows())
        found = {CONTRACT_CHECK: self._of_contract(counts)}
        for check in self.table.checks:
            found[check.name] = self._of_check(check, counts.get(_counted_as(check)))
        return found

    def of_contract(self) -> CheckResult:
        """Return the result of the contract alone."""
        return self._of_contract(self._scanned(()))

    def _checks_of_rows(self) -> tuple[Check, ...]:
        """Return the checks that have no input but the rows of the table itself."""
        own = [Reference(self.table.schema, self.table.name)]
        return tuple(
            check
            for check in self.table.checks
            if check.contract is None and list(inputs_of(check.failing_rows, self.table.schema).values()) == own
        )

    def _scanned(self, checks: tuple[Check, ...]) -> dict[str, int]:
        """Count the rows that break each rule of the contract, and the failing rows of checks, in one scan.

        A check whose failing rows depend on more than one row has no count. A table with other columns than those of
        its contract has no counts at all.
        """
        if self._shape_errors():
            return {}

        def counts(policy: Policy) -> ir.Table:
            rows = self.store.stored_rows(self.table, self._day)
            predicates = {_counted_as(check): predicate_of(self._failing(check, policy), rows) for check in checks}
            known = {name: predicate for name, predicate in predicates.items() if predicate is not None}
            keys = self.store.stored_keys(self.table, self._day)
            return breach_counts(rows, self.table.contract, policy.vocabulary, known, keys)

        [found] = self._asked(SCAN if checks else CONTRACT_CHECK, self.table.inputs().values(), counts)
        return found

    def _of_contract(self, counts: dict[str, int]) -> CheckResult:
        """Return the result of the contract; only rows that break it are read one by one."""
        wrong_shape = self._shape_errors()
        if wrong_shape:
            return CheckResult(0, dict.fromkeys(wrong_shape, 1), [], wrong_shape)
        checks = {_counted_as(check) for check in self.table.checks}
        of_rules = {rule: count for rule, count in counts.items() if rule not in checks}
        if is_clean(of_rules):
            return CheckResult(of_rules[ROWS], {}, [])
        day = None if self.as_of is None else ibis.literal(self.as_of, "date")
        rows = self.store.stored_rows(self.table, day)
        return judged(rows, self.table.contract, self.policy.vocabulary, of_rules)

    def _of_check(self, check: Check, count: int | None) -> CheckResult:
        if check.contract is not None:
            return self._of_rows_with_contract(check, check.contract)
        inputs = inputs_of(check.failing_rows, self.table.schema).values()
        if count is None:
            [counted] = self._asked(check.name, inputs, lambda policy: _count_of(self._failing(check, policy)))
            count = counted[COUNT]
        if not count:
            return CheckResult(0, {}, [])
        found = self._asked(f"{check.name}.examples", inputs, lambda policy: _examples_of(self._failing(check, policy)))
        examples = [{name: str(value) for name, value in row.items()} for row in found]
        return CheckResult(count, {check.name: count}, examples)

    def _of_rows_with_contract(self, check: Check, contract: type[Contract]) -> CheckResult:
        """Validate the rows of a check by its contract."""
        inputs = inputs_of(check.failing_rows, self.table.schema).values()
        candidates = check.candidates
        if candidates is not None:
            part = f"{check.name}.candidates"
            [counted] = self._asked(part, inputs, lambda policy: _count_of(self._called(candidates, policy)))
            if not counted[COUNT]:
                return CheckResult(0, {}, [])
        sql = self._written(check.name, inputs, lambda policy: self._failing(check, policy))
        # Validation runs several queries; a table that is not stored is computed once for them.
        with self.store.kept(sql) as rows:
            part = f"{check.name}.counts"
            [counts] = self._asked(part, inputs, lambda policy: breach_counts(rows, contract, policy.vocabulary))
            return judged(rows, contract, self.policy.vocabulary, counts)

    def _failing(self, check: Check, policy: Policy) -> ir.Table:
        return self._called(check.failing_rows, policy)

    def _called(self, function: Query, policy: Policy) -> ir.Table:
        return self.store.called(function, self.table.schema, self._day, policy)

    def _asked(self, part: str, inputs: Iterable[Reference], write: Callable[[Policy], ir.Table]) -> list[Row]:
        return self.store.answer(self._written(part, inputs, write))

    def _written(self, part: str, inputs: Iterable[Reference], write: Callable[[Policy], ir.Table]) -> str:
        """Return the statement of a part of the table for the day."""
        sql = self.store.written(self.store.origin(self.table, part, inputs), self.policy, write)
        return self.store.on_days(sql, self.as_of)

    def _shape_errors(self) -> tuple[str, ...]:
        return shape_errors(self.table.contract, self.store.stored_rows(self.table, self._day).schema())

    @property
    def _day(self) -> ir.DateScalar | None:
        """The as-of date of a dated table, as an expression."""
        return as_of_date() if self.table.is_dated else None


def _counted_as(check: Check) -> str:
    """Name the count of a check's failing rows; the name of a rule has a colon."""
    return f"check {check.name}"


def _count_of(rows: ir.Table) -> ir.Table:
    return rows.agg(rows.count().name(COUNT))


def _examples_of(rows: ir.Table) -> ir.Table:
    return rows.order_by(rows.columns).limit(EXAMPLES)
