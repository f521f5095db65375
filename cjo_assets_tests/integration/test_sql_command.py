"""Command `cjo sql`: the statement of a table, printed and executed."""

from collections.abc import Callable
from datetime import date

import pytest
from typer.testing import CliRunner

from cjo_assets.cli.app import app
from cjo_assets.core.contract import columns_of
from cjo_assets.families.journey.risk.risk_scores import RiskScores
from cjo_assets_tests.support.chain import Chain

LAST_DAY = date(2025, 1, 20)


def printed(*arguments: str) -> str:
    """Return what the command prints."""
    result = CliRunner().invoke(app, ["sql", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_printed_statement_gives_the_rows_of_the_table(sample_day: Callable[[date], Chain]) -> None:
    statement = printed("journey.risk_scores", "--as-of", LAST_DAY.isoformat())
    connection = sample_day(LAST_DAY).store.connection
    found = connection.execute(f"FROM ({statement}) ORDER BY ALL")
    assert [column[0] for column in found.description or ()] == [spec.name for spec in columns_of(RiskScores)]
    rows = found.fetchall()
    stored = connection.execute("FROM journey.risk_scores WHERE as_of = ? ORDER BY ALL", [LAST_DAY]).fetchall()
    assert rows == stored != []


@pytest.mark.parametrize("table", ["journey.unknown", "audit.runs"])
def test_a_table_without_a_statement_is_an_error(table: str) -> None:
    assert CliRunner().invoke(app, ["sql", table]).exit_code == 1
