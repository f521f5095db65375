"""Tests of checks: a module has those that it defines."""

import ibis.expr.types as ir

from cjo_assets.core.checks import check, checks_in


@check
def rows_that_fail(rows: ir.Table) -> ir.Table:
    """Return all rows."""
    return rows


def test_a_module_has_the_checks_that_it_defines() -> None:
    assert [own.name for own in checks_in(globals())] == ["rows_that_fail"]


def test_a_check_that_a_module_imports_is_none_of_its_own() -> None:
    importing = {"__name__": "another_module", "rows_that_fail": rows_that_fail}
    assert checks_in(importing) == ()
