"""The page of services: one row each, and every table that it names exists."""

import re

from cjo_assets.catalog import all_families
from cjo_assets.core.settings import PROJECT

PAGE = PROJECT / "docs/reference/services.md"
NUMBERS = ("0", "1", "2", "3", "6", "7", "8", "9", "11", "12", "13", "14", "15", "17", "20", "21", "22")
NAME = re.compile(r"`([^`]+)`")


def lines() -> list[list[str]]:
    """Return the cells of the rows of the table."""
    rows = [
        line.strip("|").split("|") for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("|")
    ]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def test_every_service_and_library_has_a_row_with_tables_and_a_reason() -> None:
    rows = lines()
    assert [row[0].split()[0] for row in rows] == [*NUMBERS, "library", "library"]
    assert all(len(row) == 3 and row[2] for row in rows)


def test_every_named_table_and_check_exists() -> None:
    tables = {table.full_name: table for family in all_families() for table in family.tables}
    checks = {check.name for table in tables.values() for check in table.checks}
    for service, named, reason in lines():
        names = NAME.findall(named)
        assert names, service
        unknown = {name for name in names if (name if "." in name else f"lifecycle.{name}") not in tables}
        assert unknown == set(), service
        others = {name for name in NAME.findall(reason) if not name.startswith("cjo ")}
        assert others <= checks, service
