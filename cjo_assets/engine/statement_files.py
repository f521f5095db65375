"""Compiled statements in files: one readable file per table and per check, reused by every later run.

    warehouse/compiled/journey/risk_scores.sql             the statement of a table
    warehouse/compiled/journey/risk_scores/contract.sql    the statement of a check of it

A file is used only if everything that its statement follows from is as in its header: the code of the package, the
libraries that generate SQL, the tables it reads, the types of the input files, and the policy values that the transform
read. A file that was edited is not used either. It is then compiled again and overwritten. CJO_COMPILED names another
folder.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path as Folder
from typing import Any

from cjo_assets.core.family import Family
from cjo_assets.engine.code import code_version
from cjo_assets.engine.lineage.query import Edge, Lineage
from cjo_assets.engine.statements import STATEMENT, Answers, Origin, Path, Statement

AUTHORS = ("duckdb", "ibis-framework", "sqlglot")
COMMENT = "-- "
LONGEST_ANSWER = 60


class StatementFiles:
    """Files of the statements of tables and checks."""

    def __init__(self, folder: Folder, families: Iterable[Family]) -> None:
        """Use a folder for the statements of the families' tables; of other tables nothing is stored."""
        self._folder = folder
        self._tables = {table for family in families for table in family.tables}
        self._versions = [code_version(), *map(metadata.version, AUTHORS)]

    def find(self, origin: Origin, answers: Answers) -> tuple[list[Path], Statement] | None:
        """Return the recorded reads and the statement of an origin, if its file has one for these policy values."""
        if origin.table not in self._tables:
            return None
        try:
            header, sql = _read(self._path(origin))
            reads = {tuple(path): answer for path, answer in header["policy"]}
            is_same = header["key"] == self._key(origin) and header["content"] == _digest(sql)
            lineage = Lineage(
                {name: frozenset(Edge(*edge) for edge in edges) for name, edges in header["columns"].items()},
                frozenset(Edge(*edge) for edge in header["rows"]),
            )
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):
            # Not a file that `keep` wrote.
            return None
        if not is_same or any(_shown(answers(path)) != answer for path, answer in reads.items()):
            return None
        return list(reads), Statement(sql, lineage)

    def keep(self, origin: Origin, asked: dict[Path, Any], statement: Statement) -> None:
        """Store a statement with the policy values that were read to compile it; the file is replaced atomically."""
        if origin.table not in self._tables:
            return
        header = {
            "key": self._key(origin),
            "content": _digest(statement.sql),
            "policy": [[list(path), _shown(answer)] for path, answer in asked.items()],
            "columns": {name: sorted(edges) for name, edges in statement.lineage.columns.items()},
            "rows": sorted(statement.lineage.rows),
        }
        lines = [f"{COMMENT}{name}: {json.dumps(part)}" for name, part in header.items()]
        path = self._path(origin)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}")
        partial.write_bytes("\n".join([*lines, statement.sql, ""]).encode())
        os.replace(partial, path)

    def _path(self, origin: Origin) -> Folder:
        folder = self._folder / origin.table.schema
        if origin.part == STATEMENT:
            return folder / f"{origin.table.name}.sql"
        return folder / origin.table.name / f"{origin.part}.sql"

    def _key(self, origin: Origin) -> str:
        table = origin.table
        # A table of the audit reads as many tables as there are families.
        inputs = sorted((table.inputs() | table.check_inputs()).items())
        names = [table.full_name, origin.part, origin.types, origin.versioned, inputs]
        return _digest(repr([*self._versions, *names]))


def _read(path: Folder) -> tuple[dict[str, Any], str]:
    """Return the header and the statement of a file."""
    # As bytes, because a text in SQL may contain a carriage return.
    lines = path.read_bytes().decode().split("\n")
    comments = [
        line.removeprefix(COMMENT) for line in itertools.takewhile(lambda line: line.startswith(COMMENT), lines)
    ]
    header = {name: json.loads(part) for name, _, part in (line.partition(": ") for line in comments)}
    return header, "\n".join(lines[len(comments) : -1])


def _shown(answer: Any) -> str:
    """Return a policy value for the header: as it is, or its hash where it is long."""
    text = repr(answer)
    return text if len(text) <= LONGEST_ANSWER else f"sha256 {_digest(text)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:20]
