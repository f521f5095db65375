"""Tests of the checks of stored tables: how many statements they take, and that their results are those of the checks.

The tables hold random rows of few values, so that most checks have failing rows and rows that pass, and joins match.
"""

import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import duckdb
import ibis.expr.datatypes as dt
import pytest

from cjo_assets.catalog import all_families
from cjo_assets.core.check_result import CheckResult
from cjo_assets.core.checks import CONTRACT_CHECK, Check
from cjo_assets.core.contract import Column, columns_of, key_of
from cjo_assets.core.expressions.days import as_of_date
from cjo_assets.core.table import Reference, Table, inputs_of
from cjo_assets.engine.rows import Row, as_dicts
from cjo_assets.engine.statements import Origin
from cjo_assets.engine.store import Store
from cjo_assets.engine.table_checks import EXAMPLES, SCAN, TableChecks
from cjo_assets.engine.validation import KEYS, ROWS, breach_counts
from cjo_assets.policy import Policy
from cjo_assets_tests.support.catalog import STATEMENTS
from cjo_assets_tests.support.rows import policy_with

FAMILIES = all_families()
TABLES = {table.full_name: table for family in FAMILIES for table in family.tables}
DAY = date(2025, 1, 20)
ROWS_PER_TABLE = 100
KEYS_AS_TEXT = ["a", "A", "a ", "b"]
# They read nothing but their table, and need several rows of it, or the as-of date.
OF_SEVERAL_ROWS = {
    "similar_ids",
    "entries_of_one_day",
    "unknown_fallbacks",
    "cells_beyond_certainty",
    "runs_that_do_not_add_up",
    "credits_that_do_not_sum",
    "nets_that_do_not_sum_to_nothing",
    "months_that_do_not_connect",
    "steps_that_rise",
    "signals_after_the_day",
    "configurations_with_two_live_versions",
    "customers_without_four_metrics",
    "weights_that_do_not_sum",
    "experiments_without_one_control",
    "ranks_that_repeat",
    "actions_beyond_a_day",
    "roles_with_two_people",
    "phases_that_do_not_add_up",
}


def has_only_its_table(check: Check, table: Table) -> bool:
    """Return whether a check reads nothing but the present rows of its table."""
    inputs = inputs_of(check.failing_rows, table.schema).values()
    return set(inputs) == {Reference(table.schema, table.name)} and check.contract is None


def is_of_one_row(check: Check, table: Table) -> bool:
    """Return whether the failing rows of a check are expected to be counted in the scan of its table."""
    return has_only_its_table(check, table) and check.name not in OF_SEVERAL_ROWS


def value_of(spec: Column, is_key: bool, policy: Policy, chance: random.Random) -> Any:
    """Return a random value of a column, mostly an allowed one."""
    kind = spec.type
    if not is_key and chance.random() < 0.1:
        return None
    if spec.words and kind.is_string():
        return chance.choice([*getattr(policy.vocabulary, spec.words), "unheard of"])
    named = [check.statistics["allowed_values"] for check in spec.checks if check.name == "isin"]
    if named:
        return chance.choice(named[0])
    if is_key and kind.is_string():
        return chance.choice(KEYS_AS_TEXT)
    return _value_of_type(kind, chance)


def _value_of_type(kind: dt.DataType, chance: random.Random) -> Any:
    if kind.is_array():
        return [_value_of_type(kind.value_type, chance) for _ in range(chance.randrange(3))]
    if kind.is_boolean():
        return chance.random() < 0.5
    if kind.is_integer():
        return chance.randrange(-1, 4)
    if kind.is_floating():
        return chance.choice([-1.0, 0.25, 0.5, 1.0, 2.0, 100.0])
    if kind.is_date():
        return DAY + timedelta(chance.randrange(-2, 3))
    if kind.is_timestamp():
        return datetime(2025, 1, 20) + timedelta(hours=chance.randrange(-48, 48))
    return chance.choice([*KEYS_AS_TEXT, "planned"])


@pytest.fixture(scope="module")
def policy() -> Policy:
    """Return a policy."""
    return policy_with()


@pytest.fixture(scope="module")
def dirty(policy: Policy) -> Iterator[Store]:
    """Return a store whose tables have random rows."""
    store = Store(duckdb.connect(), FAMILIES, STATEMENTS)
    store.days_of_run = (DAY,)
    for table in TABLES.values():
        if table.is_view:
            continue
        # A column added to one table leaves the rows of the others as they are.
        chance = random.Random(table.full_name)
        specs = columns_of(table.contract)
        key = key_of(table.contract)
        rows = [[value_of(spec, spec.name in key, policy, chance) for spec in specs] for _ in range(ROWS_PER_TABLE)]
        if table.is_dated:
            place = [spec.name for spec in specs].index("as_of")
            for row in rows:
                row[place] = chance.choice([DAY, DAY, DAY, DAY - timedelta(1)])
        places = ", ".join("?" * len(specs))
        store.connection.executemany(f"INSERT INTO {table.full_name} VALUES ({places})", rows)
    yield store
    store.close()


def day_of(table: Table) -> date | None:
    """Return the day of a dated table."""
    return DAY if table.is_dated else None


def by_itself(store: Store, check: Check, table: Table, policy: Policy) -> CheckResult:
    """Return the result of a check from all of its failing rows."""
    rows = store.called(check.failing_rows, table.schema, as_of_date() if table.is_dated else None, policy)
    sql = store.sql(rows.order_by(rows.columns), day_of(table))
    found = as_dicts(store.connection.execute(sql))
    examples = [{name: str(value) for name, value in row.items()} for row in found[:EXAMPLES]]
    return CheckResult(0 if not found else len(found), {check.name: len(found)} if found else {}, examples)


@pytest.fixture
def parts(dirty: Store, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the parts of tables whose statements are executed, in order."""
    executed: list[str] = []
    written = dirty.written

    def recorded(origin: Origin, *arguments: Any) -> str:
        executed.append(origin.part)
        return written(origin, *arguments)

    monkeypatch.setattr(dirty, "written", recorded)
    return executed


def test_results_are_those_of_each_check_by_itself(dirty: Store, policy: Policy, parts: list[str]) -> None:
    """One scan counts the failing rows of all row-level checks; of each with failing rows a statement returns some."""
    passing = []
    for table in TABLES.values():
        checks = [check for check in table.checks if has_only_its_table(check, table)]
        if not checks or table.is_view:
            continue
        parts.clear()
        results = TableChecks(dirty, table, day_of(table), policy).results()
        assert list(results) == [CONTRACT_CHECK, *(check.name for check in table.checks)]
        expected = [SCAN]
        for check in table.checks:
            is_failing = not results[check.name].passed
            if check.contract is not None:
                # Rows were rejected.
                expected += [f"{check.name}.candidates"] if check.candidates else []
                expected += [check.name, f"{check.name}.counts"]
                continue
            expected += [] if is_of_one_row(check, table) else [check.name]
            expected += [f"{check.name}.examples"] if is_failing else []
        assert parts == expected, table.full_name
        for check in checks:
            assert results[check.name] == by_itself(dirty, check, table, policy), (table.full_name, check.name)
            passing += [check.name] if results[check.name].passed else []
    assert passing == []


def test_a_table_without_failing_rows_is_read_in_one_statement(policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(duckdb.connect(), FAMILIES, STATEMENTS)
    answered: list[str] = []
    answer = store.answer

    def recorded(sql: str) -> list[Row]:
        answered.append(sql)
        return answer(sql)

    monkeypatch.setattr(store, "answer", recorded)
    counts = {}
    for name in ("journey.journey_states", "marketing.risk_register", "journey.roi_by_grade", "journey.customer_needs"):
        answered.clear()
        assert all(result.passed for result in TableChecks(store, TABLES[name], DAY, policy).results().values())
        counts[name] = len(answered)
    assert counts == {
        "journey.journey_states": 1,
        "marketing.risk_register": 1,
        # Its check compares it with another table.
        "journey.roi_by_grade": 2,
        # It has a contract and no check.
        "journey.customer_needs": 1,
    }


def test_rows_are_validated_before_quarantine_only_if_any_was_rejected(
    policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(duckdb.connect(), FAMILIES, STATEMENTS)
    stored: list[str] = []
    kept = store.kept
    monkeypatch.setattr(store, "kept", lambda sql: stored.append(sql) or kept(sql))
    customers = TABLES["journey.customers"]
    results = TableChecks(store, customers, None, policy).results()
    assert (results["contract_before_quarantine"], stored) == (CheckResult(0, {}, []), [])
    store.connection.execute(
        "INSERT INTO raw.customers (customer_id, segment, account_value, tenure_months, source_file, source_row)"
        " VALUES ('C1', 'SMB', '1', '-1', 'customers.csv', 1)"
    )
    store.connection.execute(
        "INSERT INTO quarantine.customers (source_file, source_row, broken_rules)"
        " VALUES ('customers.csv', 1, ['tenure_months: below 0'])"
    )
    results = TableChecks(store, customers, None, policy).results()
    assert results["contract_before_quarantine"].broken == {"tenure_months: below 0": 1}
    assert len(stored) == 1


KEYED = TABLES["journey.state_entries"]
IN_ORDER = [
    ("C1", date(2025, 1, 1), "churned"),
    ("C1", date(2025, 1, 2), "churned"),
    ("C2", date(2025, 1, 1), "support"),
]


@pytest.mark.parametrize(
    ("keys", "counted", "repeated"),
    [
        ([], 0, 0),
        (IN_ORDER, 3, 0),
        (IN_ORDER[::-1], 1, 0),
        ([*IN_ORDER, IN_ORDER[-1]], 3, 1),
        ([IN_ORDER[0], *IN_ORDER], 3, 1),
        ([(None, None, None), (None, None, None)], 1, 1),
        ([*IN_ORDER, (None, None, None)], 3, 0),
    ],
)
def test_keys_in_rising_order_are_not_repeated(
    policy: Policy, keys: list[tuple[str, date, str]], counted: int, repeated: int
) -> None:
    """Rows in another order, and missing keys, are counted as repetitions first, and then one by one."""
    store = Store(duckdb.connect(), FAMILIES, STATEMENTS)
    places = '"customer_id", "state_entered_at", "journey_stage"'
    for row in keys:
        store.connection.execute(f"INSERT INTO {KEYED.full_name} ({places}) VALUES (?, ?, ?)", row)
    stored = store.stored_rows(KEYED, None)
    counts = breach_counts(stored, KEYED.contract, policy.vocabulary, stored_keys=store.stored_keys(KEYED, None))
    [found] = store.answer(store.sql(counts, None))
    assert (found[ROWS], found[KEYS]) == (len(keys), counted)
    broken = TableChecks(store, KEYED, None, policy).of_contract().broken
    assert broken.get("key: not unique", 0) == repeated
