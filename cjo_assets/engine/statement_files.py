"""Compiled statements in a folder, for repeated computations of the same days with the same code.

    CJO_STATEMENTS   the folder; without it nothing is stored

The key of a statement is its origin and the policy values that its transform read: with other values it is another
statement. The folder has a part for each version of the code and of the libraries that generate SQL. It is never
cleaned automatically.
"""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from collections.abc import Hashable, Iterable
from datetime import date
from importlib import metadata
from pathlib import Path as Folder
from typing import Any

import ibis

from cjo_assets.core.checks import Check
from cjo_assets.core.family import Family
from cjo_assets.core.table import Table
from cjo_assets.engine.code import code_version
from cjo_assets.engine.lineage.query import Edge, Lineage
from cjo_assets.engine.statements import Answers, Path, Statement

FOLDER = "CJO_STATEMENTS"
AUTHORS = ("duckdb", "ibis-framework", "sqlglot")
QUESTIONS = "asked.json"


class StatementFiles:
    """Files of the statements of declared tables."""

    def __init__(self, folder: Folder, families: Iterable[Family], place: str) -> None:
        """Collect the names of tables and of their checks.

        Args:
            folder: where the files are.
            families: the families of declared tables; statements of other tables are not stored.
            place: the kind of store, if it changes the statements.
        """
        tables = [table for family in families for table in family.tables]
        self._names: dict[Hashable, str] = {table: table.full_name for table in tables}
        self._names |= {audit: audit.name for table in tables for audit in table.checks}
        versions = "-".join([code_version(), *map(metadata.version, AUTHORS)])
        self._folder = folder / versions / place

    @classmethod
    def from_environment(cls, families: Iterable[Family], place: str) -> StatementFiles | None:
        """Return the files of the folder that the environment sets."""
        folder = os.environ.get(FOLDER)
        return cls(Folder(folder), families, place) if folder else None

    def find(self, origin: Hashable, answers: Answers) -> tuple[list[Path], str | Statement] | None:
        """Return the recorded reads and the statement of an origin with these policy values, if there is one."""
        place = self._place(origin)
        for questions in sorted(place.glob(f"*/{QUESTIONS}")) if place else ():
            asked = [tuple(path) for path in json.loads(questions.read_bytes())]
            written = questions.with_name(_digest([repr(answers(path)) for path in asked]))
            if written.exists():
                return asked, _read(json.loads(zlib.decompress(written.read_bytes())))
        return None

    def keep(self, origin: Hashable, asked: dict[Path, Any], statement: object) -> None:
        """Store a statement with the policy values that were read to compile it."""
        place = self._place(origin)
        if place is None or not isinstance(statement, str | Statement):
            return
        questions = [list(path) for path in asked]
        folder = place / _digest(questions)
        folder.mkdir(parents=True, exist_ok=True)
        _put(folder / _digest([repr(answer) for answer in asked.values()]), zlib.compress(_written(statement), level=1))
        _put(folder / QUESTIONS, json.dumps(questions).encode())

    def _place(self, origin: Hashable) -> Folder | None:
        """Return the folder of an origin; None if a part of it has no stable name."""
        parts = [self._name(part) for part in (origin if isinstance(origin, tuple) else (origin,))]
        return None if None in parts else self._folder.joinpath(*filter(None, parts))

    def _name(self, part: Hashable) -> str | None:
        if isinstance(part, Table | Check):
            return self._names.get(part)
        if isinstance(part, tuple | ibis.Schema):
            return _digest(part)
        return str(part) if part is None or isinstance(part, str | date) else None


def _put(path: Folder, content: bytes) -> None:
    """Write a file atomically; concurrent writers write the same content."""
    partial = path.with_suffix(f".{os.getpid()}")
    partial.write_bytes(content)
    os.replace(partial, path)


def _digest(parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:20]


def _written(statement: str | Statement) -> bytes:
    if isinstance(statement, str):
        return json.dumps({"sql": statement}).encode()
    columns = {name: sorted(edges) for name, edges in statement.lineage.columns.items()}
    rows = sorted(statement.lineage.rows)
    return json.dumps({"sql": statement.sql, "columns": columns, "rows": rows}).encode()


def _read(content: dict[str, Any]) -> str | Statement:
    if "columns" not in content:
        return str(content["sql"])
    columns = {name: frozenset(Edge(*edge) for edge in edges) for name, edges in content["columns"].items()}
    return Statement(content["sql"], Lineage(columns, frozenset(Edge(*edge) for edge in content["rows"])))
