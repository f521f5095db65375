"""Generator of `docs/reference/tables.md`, the reference of all tables, from the contracts."""

from __future__ import annotations

import inspect
from pathlib import Path

from cjo_assets.catalog import all_families
from cjo_assets.core.contract import columns_of, described, key_of
from cjo_assets.core.settings import PROJECT
from cjo_assets.core.table import Table
from cjo_assets.reporting.text import table as grid

PAGE = PROJECT / "docs" / "reference" / "tables.md"


def tables_page() -> str:
    """Return the page as Markdown."""
    parts = [
        "# Tables",
        "Generated from the contracts by `cjo docs`; do not edit. A dated table has a state of its own on every as-of "
        "date. `raw.*` holds the files as they were read and is not published.",
    ]
    for family in all_families():
        for table in sorted(family.tables, key=lambda found: (found.schema, found.name)):
            parts += _section(table)
    return "\n\n".join(parts) + "\n"


def write_tables_page() -> Path:
    """Write the page and return its path."""
    PAGE.write_text(tables_page(), encoding="utf-8")
    return PAGE.relative_to(PROJECT)


def _section(table: Table) -> list[str]:
    key = [*(["as_of"] if table.is_dated else []), *(name for name in key_of(table.contract) if name != "as_of")]
    kind = "view" if table.is_view else "dated" if table.is_dated else "appended to" if table.is_appended else "undated"
    rows = [
        [f"`{spec.name}`", str(spec.type), "yes" if spec.nullable else "", described(spec).replace("|", "\\|")]
        for spec in columns_of(table.contract)
    ]
    return [
        f"## {table.full_name}",
        f"{inspect.getdoc(table.contract)} Key: {', '.join(f'`{name}`' for name in key)}; {kind}.",
        grid(["column", "type", "may be null", "description"], rows),
    ]
