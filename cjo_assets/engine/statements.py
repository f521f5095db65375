"""Cache of compiled statements.

Compilation to SQL is most of the cost of a day with few rows. A transform only builds an expression from its inputs and
the policy, so a table has one statement for all days, and for all policies with equal values of what the transform
read. It is compiled once.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, cast

import ibis

from cjo_assets.core.table import Table
from cjo_assets.engine.lineage.query import Lineage
from cjo_assets.policy.base import Section

# The part of a table whose statement computes it; the other parts are its checks.
STATEMENT = "statement"
Written = TypeVar("Written")
Rules = TypeVar("Rules", bound=Section)
Path = tuple[str, ...]
Answers = Callable[[Path], Any]


@dataclass(frozen=True)
class Statement:
    """A compiled statement.

    Attributes:
        sql: the SQL.
        lineage: the lineage of its columns.
    """

    sql: str
    lineage: Lineage


@dataclass(frozen=True)
class Origin:
    """What a statement follows from, besides the code and the policy.

    Attributes:
        table: the table.
        part: `STATEMENT`, or the name of a check.
        types: columns and types of the input files it reads.
        versioned: the datasets with row versions.
    """

    table: Table
    part: str
    types: tuple[ibis.Schema, ...] = ()
    versioned: tuple[str, ...] = ()


class Shelf(Protocol):
    """Storage of statements beyond a process."""

    def find(self, origin: Origin, answers: Answers) -> tuple[list[Path], Statement] | None:
        """Return the recorded reads and the statement of an origin with these policy values, if there is one."""

    def keep(self, origin: Origin, asked: dict[Path, Any], statement: Statement) -> None:
        """Store a statement with the policy values that were read to compile it."""


class Statements:
    """The latest statements by their origin and policy values.

    Attributes:
        compiled: number of statements compiled, because neither the cache nor the storage had them.
    """

    def __init__(self, keep: int, shelf: Shelf | None = None) -> None:
        """Create a cache for a number of statements, with an optional storage for all of them."""
        self._keep, self._shelf = keep, shelf
        self._written: OrderedDict[tuple[Hashable, int], tuple[dict[Path, Any], Any]] = OrderedDict()
        self._numbers: dict[Hashable, list[int]] = {}
        self._next = 0
        self.compiled = 0

    def written(self, origin: Any, rules: Rules, write: Callable[[Rules], Written]) -> Written:
        """Return the statement for `origin` and the rules, and compile it if it is not cached.

        Args:
            origin: everything that the statement depends on except the rules; an `Origin` where there is a storage.
            rules: the policy, or a section of it.
            write: compiles the statement with rules that record which values are read.
        """
        if not self._keep:
            return write(rules)
        for number in reversed(self._numbers.get(origin, [])):
            asked, statement = self._written[origin, number]
            if all(_answer(rules, path) == answer for path, answer in asked.items()):
                self._written.move_to_end((origin, number))
                return cast(Written, statement)
        found = self._shelf.find(origin, lambda path: _answer(rules, path)) if self._shelf else None
        if found is not None:
            ways, shelved = found
            self._keep_it(origin, {path: _answer(rules, path) for path in ways}, shelved)
            return cast(Written, shelved)
        reads: dict[Path, Any] = {}
        self.compiled += 1
        statement = write(cast(Rules, _Asked(rules, (), reads)))
        self._keep_it(origin, reads, statement)
        if self._shelf:
            self._shelf.keep(origin, reads, cast(Statement, statement))
        return statement

    def _keep_it(self, origin: Hashable, reads: dict[Path, Any], statement: object) -> None:
        self._next += 1
        self._written[origin, self._next] = (reads, statement)
        self._numbers.setdefault(origin, []).append(self._next)
        if len(self._written) > self._keep:
            (oldest, number), _ = self._written.popitem(last=False)
            self._numbers[oldest].remove(number)


class _Asked:
    """A policy, or a part of it, that records each value that is read."""

    def __init__(self, subject: Any, path: Path, reads: dict[Path, Any]) -> None:
        """Wrap the part at a path."""
        self._subject, self._path, self._reads = subject, path, reads

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the part."""
        found = getattr(self._subject, name)
        path = (*self._path, name)
        if isinstance(found, Section):
            return _Asked(found, path, self._reads)
        if isinstance(found, dict) and all(isinstance(part, Section) for part in found.values()):
            self._reads[(*path, _NAMES)] = list(found)
            return {key: _Asked(part, (*path, key), self._reads) for key, part in found.items()}
        if callable(found):
            self._reads[self._path] = self._subject
        else:
            self._reads[path] = found
        return found

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the names and values of a section."""
        self._reads[self._path] = self._subject
        return iter(self._subject)

    def __eq__(self, other: object) -> bool:
        """Compare with another part by value."""
        self._reads[self._path] = self._subject
        return bool(self._subject == (other._whole() if isinstance(other, _Asked) else other))

    def __hash__(self) -> int:
        """Return a hash by value."""
        return hash(self._path)

    def _whole(self) -> Any:
        self._reads[self._path] = self._subject
        return self._subject


# Key for the names of a mapping, as opposed to one of its values.
_NAMES = "<names>"
_NOTHING = object()


def _answer(rules: Section, path: Path) -> Any:
    """Return the values of these rules for a recorded read."""
    found: Any = rules
    for name in path:
        if name == _NAMES:
            return list(found) if isinstance(found, dict) else _NOTHING
        found = found.get(name, _NOTHING) if isinstance(found, dict) else getattr(found, name, _NOTHING)
    return found
