"""Comparison of the tables with an independent implementation of the rules."""

import datetime
from collections import Counter
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import pytest

from cjo_assets.catalog import families_about
from cjo_assets.core.table import in_order
from cjo_assets.policy import Policy
from cjo_assets_tests.support import oracle
from cjo_assets_tests.support.chain import Chain, computed

CUSTOMERS = 300
SEEDS = (11, 2025)
TOLERANCE = 1e-6
TABLES: dict[str, Callable[[oracle.Inputs, datetime.date], dict[str, oracle.Row]]] = {
    "journey_states": oracle.journey_states,
    "journey_evaluations": oracle.journey_evaluations,
    "aggregated_signals": oracle.aggregated_signals,
    "fused_signals": oracle.fused_signals,
}


@pytest.fixture(scope="module", params=SEEDS)
def both(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, policy: Policy
) -> Iterator[tuple[oracle.Inputs, Chain]]:
    """Return what the oracle accepts of a generated folder, and the chain up to the risk scores on both days."""
    folder = tmp_path_factory.mktemp("data")
    data = oracle.generate(request.param, CUSTOMERS, folder)
    chain = computed(folder, tmp_path_factory.mktemp("archive"), [], policy)
    tables = _with_upstream({*TABLES, "risk_scores"})
    for day in oracle.AS_OFS:
        chain.store.days_of_run = (*chain.store.days_of_run, day)
        for table in tables:
            chain.store.replace(table, day, policy)
    yield oracle.accepted(data), chain
    chain.store.connection.close()


@pytest.mark.parametrize("as_of", oracle.AS_OFS, ids=str)
@pytest.mark.parametrize("table", [*TABLES, "risk_scores"])
def test_every_row_equals_the_oracles(both: tuple[oracle.Inputs, Chain], table: str, as_of: datetime.date) -> None:
    """The same customers, and for each the same numbers, lists and texts."""
    inputs, chain = both
    rows = chain.rows(f"FROM journey.{table} WHERE as_of = ?", as_of)
    found = {row["customer_id"]: row for row in rows}
    expected = _risk_scores(both, as_of) if table == "risk_scores" else TABLES[table](inputs, as_of)
    assert len(rows) == len(found)
    assert found.keys() == expected.keys()
    differences = [
        f"{customer_id}.{name}: {found[customer_id][name]!r}, expected by the oracle: {_readable(value)!r}"
        for customer_id, row in expected.items()
        for name, value in row.items()
        if not _equal(found[customer_id][name], value)
    ]
    assert not differences, "\n".join(differences[:20])
    unexplained = set(rows[0]) - {"as_of"} - set(next(iter(expected.values())))
    assert not unexplained, "columns that the oracle knows nothing about"


@pytest.mark.parametrize("as_of", oracle.AS_OFS, ids=str)
def test_the_data_has_every_oddity(both: tuple[oracle.Inputs, Chain], as_of: datetime.date) -> None:
    """An agreement on data without the hard cases would prove little."""
    inputs, _ = both
    states = oracle.journey_states(inputs, as_of).values()
    scores = _risk_scores(both, as_of).values()
    fused = oracle.fused_signals(inputs, as_of).values()
    evaluations = oracle.journey_evaluations(inputs, as_of).values()
    assert {row["transition"] for row in states} == {"initial", "valid", "re_entry", "invalid", "unknown"}
    assert {row["journey_stage"] for row in states} == {None, *oracle.STAGES}
    assert {row["stage_health"] for row in evaluations} == {None, "healthy", "at_risk", "critical"}
    assert {reason for row in evaluations for reason in row["friction_reasons"]} == {
        "multiple_negative_signals",
        "early_tenure_friction",
        *(f"exceeded_typical_{stage}_duration" for stage in oracle.TYPICAL_DAYS),
    }
    assert {row["trend"] for row in fused} == {None, "worsening", "stable", "improving"}
    assert any(row["settled_signals"] for row in fused)
    assert {row["risk_tier"] for row in scores} == {row["urgency"] for row in scores} == {"high", "medium", "low"}
    assert len({factor for row in scores for factor in row["risk_factors"]}) == 6
    crowded = [
        Counter(row["state_entered_at"] for row in entries if row["state_entered_at"] <= as_of.isoformat())
        for entries in inputs.entries.values()
    ]
    assert sum(count > 1 for days in crowded for count in days.values()) > CUSTOMERS // 20


def _risk_scores(both: tuple[oracle.Inputs, Chain], as_of: datetime.date) -> dict[str, oracle.Row]:
    """Return the oracle's scores, with the churn probabilities of the table."""
    inputs, chain = both
    forecasts = chain.rows(
        "SELECT customer_id, churn_probability FROM journey.journey_forecasts WHERE as_of = ?", as_of
    )
    return oracle.risk_scores(inputs, as_of, {row["customer_id"]: row["churn_probability"] for row in forecasts})


def _with_upstream(names: set[str]) -> list[Any]:
    """Return the tables and all they rest on, in order."""
    tables = in_order(
        table
        for family in families_about("journey")
        for table in family.tables
        if table.transform and family.name == "journey"
    )
    wanted = {("journey", name) for name in names}
    for table in reversed(tables):
        if (table.schema, table.name) in wanted:
            wanted |= table.upstream()
    return [table for table in tables if (table.schema, table.name) in wanted]


def _equal(found: Any, expected: Any) -> bool:
    if isinstance(expected, Fraction) and isinstance(found, float):
        return abs(found - float(expected)) <= TOLERANCE
    return type(found) is type(expected) and bool(found == expected)


def _readable(value: Any) -> Any:
    return float(value) if isinstance(value, Fraction) else value
