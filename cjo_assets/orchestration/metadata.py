"""Column lineage of a table as Dagster metadata."""

from __future__ import annotations

import dagster as dg

from cjo_assets.engine.lineage.query import VALUE, Edges, Lineage


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
