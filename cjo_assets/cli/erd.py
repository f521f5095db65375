"""Generator of `docs/reference/erd.md`: keys of all tables, and the columns by which they can be joined."""

from __future__ import annotations

from pathlib import Path

from cjo_assets.catalog import data_families
from cjo_assets.core.contract import columns_of, key_of
from cjo_assets.core.family import Family
from cjo_assets.core.settings import PROJECT
from cjo_assets.core.table import Table
from cjo_assets.reporting.text import table as grid

PAGE = PROJECT / "docs" / "reference" / "erd.md"
DAY = "as_of"
INTRODUCTION = (
    "Generated from the contracts by `cjo docs`; do not edit. The database declares no constraints, since DuckDB would "
    "check them on every write; blocking checks hold the keys instead. A column with the name of the key of an input "
    "table refers to it. Join dated tables on `as_of` too, or use the views of `latest`, which have one day.",
    "The diagrams have the input tables of each family and the columns by which they refer to each other.",
)


def erd_page() -> str:
    """Return the page as Markdown."""
    parts = ["# Keys and joins", *INTRODUCTION]
    for family in data_families():
        tables = [table for table in family.tables if table.schema == family.name and table.is_published]
        entities = _entities(family, tables)
        parts += [f"## {family.name}", _diagram(family, tables, entities), _keys(tables, entities)]
    return "\n\n".join(parts) + "\n"


def write_erd_page() -> Path:
    """Write the page and return its path."""
    PAGE.write_text(erd_page(), encoding="utf-8")
    return PAGE.relative_to(PROJECT)


def _entities(family: Family, tables: list[Table]) -> dict[str, Table]:
    """Return the input tables with a key of one column, by that column; files of other families repeat keys."""
    lookups = {dataset.lookup for dataset in family.datasets if not dataset.exchange}
    keys = [(key_of(table.contract), table) for table in tables if table.name in lookups]
    return {key[0]: table for key, table in reversed(keys) if len(key) == 1}


def _references(table: Table, entities: dict[str, Table]) -> list[str]:
    """Return the columns of a table that are keys of other input tables."""
    columns = [spec.name for spec in columns_of(table.contract)]
    return [name for name in columns if name in entities and entities[name] is not table]


def _diagram(family: Family, tables: list[Table], entities: dict[str, Table]) -> str:
    lookups = {dataset.lookup for dataset in family.datasets}
    lines = [
        f"    {entities[column].name} ||--o{{ {table.name} : {column}"
        for table in tables
        if table.name in lookups
        for column in _references(table, entities)
    ]
    return "\n".join(["```mermaid", "erDiagram", *lines, "```"])


def _keys(tables: list[Table], entities: dict[str, Table]) -> str:
    rows = []
    for table in sorted(tables, key=lambda found: found.name):
        key = [*([DAY] if table.is_dated else []), *(name for name in key_of(table.contract) if name != DAY)]
        references = [f"`{name}`: `{entities[name].name}`" for name in _references(table, entities)]
        rows.append([f"`{table.full_name}`", ", ".join(f"`{name}`" for name in key), ", ".join(references)])
    return grid(["table", "key", "refers to"], rows)
