"""Metadata of assets: column schema, code references, first rows and column lineage."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import date
from typing import Any

import dagster as dg

from cjo_assets.core.contract import Contract, columns_of, described
from cjo_assets.engine.lineage.query import VALUE, Edges, Lineage
from cjo_assets.orchestration.resources import Warehouse

PREVIEW_ROWS = 5
# Dagster stores the metadata of an event four times. Uncut, statements were two thirds of its storage.
STATEMENT_CHARACTERS = 8_000


def column_schema(contract: type[Contract]) -> dg.TableSchema:
    """Return the column schema of a contract for Dagster."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=spec.name,
                type=str(spec.type),
                description=described(spec),
                constraints=dg.TableColumnConstraints(nullable=spec.nullable),
            )
            for spec in columns_of(contract)
        ]
    )


def code_reference(*places: Callable[..., object]) -> dict[str, Any]:
    """Return the code references of an asset."""
    references = [
        dg.LocalFileCodeReference(
            file_path=inspect.getsourcefile(written) or "",
            line_number=inspect.getsourcelines(written)[1],
            label=written.__name__,
        )
        for written in places
    ]
    return {"dagster/code_references": dg.CodeReferencesMetadataValue(code_references=[*references])}


def statement(sql: str, table: str) -> dg.MetadataValue:
    """Return the statement that computed a table; a long one is cut, and the file that has all of it is named."""
    if len(sql) > STATEMENT_CHARACTERS:
        schema, _, name = table.partition(".")
        begin = sql[:STATEMENT_CHARACTERS]
        begin = begin.rpartition("\n")[0] or begin
        sql = f"{begin}\n-- The whole statement is in compiled/{schema}/{name}.sql of the home."
    return dg.MetadataValue.md(f"```sql\n{sql}\n```")


def preview(warehouse: Warehouse, table: str, day: date | None = None) -> dg.MetadataValue:
    """Return the first rows of a table, or of a day of it, as Markdown."""
    where, parameters = ("", []) if day is None else ("WHERE as_of = ?", [day])
    cursor = warehouse.store.connection.execute(f"SELECT * FROM {table} {where} LIMIT {PREVIEW_ROWS}", parameters)
    names, found = [column[0] for column in cursor.description or ()], cursor.fetchall()
    lines = [f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]
    lines += [f"| {' | '.join(_cell(value) for value in row)} |" for row in found]
    return dg.MetadataValue.md("\n".join(lines))


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def column_deps(lineage: Lineage) -> dg.TableColumnLineage:
    """Return the column lineage of a table for Dagster."""
    return dg.TableColumnLineage(
        {
            column: [
                dg.TableColumnDep(dg.AssetKey(table.split(".")), source)
                for table, source in sorted({(edge.table, edge.column) for edge in edges if edge.role == VALUE})
            ]
            for column, edges in lineage.columns.items()
        }
    )


def lineage_page(lineage: Lineage) -> dg.MetadataValue:
    """Return the lineage of a table as Markdown: of each column, and of the selection of rows."""
    lines = ["**Computed from**"]
    for column, edges in lineage.columns.items():
        values = frozenset(edge for edge in edges if edge.role == VALUE)
        others = [f"{words}: {named}" for words, named in _by_role(edges - values - lineage.rows)]
        lines.append(f"- `{column}`: {'; '.join([_named(values) or 'no column', *others])}")
    lines += ["", "**Selection of rows**"]
    lines += [f"- {role}: {named}" for role, named in _by_role(lineage.rows)] or ["- no column"]
    return dg.MetadataValue.md("\n".join(lines))


def _by_role(edges: Edges) -> list[tuple[str, str]]:
    roles = sorted({edge.role for edge in edges})
    return [(role, _named(frozenset(edge for edge in edges if edge.role == role))) for role in roles]


def _named(edges: Edges) -> str:
    tables = sorted({edge.table for edge in edges})
    columns = {table: sorted(edge.column for edge in edges if edge.table == table) for table in tables}
    return ", ".join(f"{table} ({', '.join(names)})" for table, names in columns.items())
