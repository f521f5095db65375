"""The benchmark, and what of speed can be proved by counting."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from benchmarks import contenders
from benchmarks.blocks import block_of, write_block
from benchmarks.compare import differences
from benchmarks.contenders import RESULT, Taken, blocks, yardstick
from benchmarks.data import AS_OF, Inputs, generated
from benchmarks.page import targets_of, write_page
from cjo_assets.catalog import families_about
from cjo_assets.core.settings import PROJECT
from cjo_assets.core.table import in_order
from cjo_assets.engine.store import Store
from cjo_assets.policy import Policy
from cjo_assets_tests.support.catalog import STATEMENTS

CUSTOMERS = 400
SIZES = (200, 2000)
LARGEST_IN_PYTHON = 50
UNMEASURED = {
    "yardstick": yardstick(),
    "start_seconds": 1,
    "peak_bytes": 1,
    "written_bytes": None,
    "stages": {},
    "rows": {},
    "unequal": {},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where data and results are kept."""
    return tmp_path_factory.mktemp("bench")


@pytest.fixture(scope="module")
def inputs(folder: Path) -> Inputs:
    """Return a few customers of the benchmark's data."""
    return generated(folder, PROJECT / "data" / "journey" / "playbooks.json", CUSTOMERS, 7)


@pytest.fixture(scope="module")
def by_hand(inputs: Inputs, folder: Path) -> Path:
    """Return the tables of the hand-written SQL."""
    return built("sql", inputs, folder)


def built(name: str, inputs: Inputs, folder: Path) -> Path:
    """Let a contender build its tables, in this process."""
    home = folder / name
    home.mkdir()
    contenders.CONTENDERS[name](Taken(name), inputs.folder, home)()
    return home / RESULT


@pytest.mark.parametrize("name", ["transforms", "pandas", "loops"])
def test_every_contender_builds_the_same_rows(name: str, inputs: Inputs, folder: Path, by_hand: Path) -> None:
    """What is compared by seconds must be the same work."""
    found = differences(by_hand, built(name, inputs, folder))
    assert found.keys() >= blocks().keys() - {"quarantine.customers", "quarantine.journey_state_log"}
    assert not any(found.values()), found


def test_the_platform_builds_the_same_rows(inputs: Inputs, folder: Path, by_hand: Path) -> None:
    """Through Dagster, in a process of its own, as the benchmark runs it."""
    command = [sys.executable, "-m", "benchmarks.contenders", "platform", str(inputs.folder), str(folder / "platform")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=PROJECT)
    assert done.returncode == 0, done.stderr[-2000:]
    taken = json.loads(done.stdout.splitlines()[-1])
    found = differences(by_hand, Path(taken["database"]))
    assert found.keys() == blocks().keys()
    assert not any(found.values()), found
    assert taken["checks_seconds"] > 0
    assert {"published", *blocks()} <= taken["stages"].keys()


def test_the_data_has_rows_to_be_rejected(by_hand: Path) -> None:
    with duckdb.connect(str(by_hand), read_only=True) as reader:
        rules = reader.execute("SELECT DISTINCT unnest(broken_rules) FROM quarantine.signals").fetchall()
        trends = reader.execute("SELECT count(DISTINCT trend) FROM journey.fused_signals").fetchall()
    assert ("a more credible signal",) in rules
    assert trends == [(3,)]


def test_the_comparison_sees_one_wrong_cell_and_one_missing_row(by_hand: Path, folder: Path) -> None:
    other = folder / "other.duckdb"
    other.write_bytes(by_hand.read_bytes())
    with duckdb.connect(str(other)) as connection:
        one = "WHERE customer_id = (SELECT min(customer_id) FROM journey.fused_signals)"
        connection.execute(f"UPDATE journey.fused_signals SET fused_risk_score = fused_risk_score + 0.00001 {one}")
        connection.execute(
            "DELETE FROM quarantine.signals WHERE source_row = (SELECT min(source_row) FROM quarantine.signals)"
        )
    found = differences(by_hand, other)
    assert {name: count for name, count in found.items() if count} == {
        "journey.fused_signals": 1,
        "quarantine.signals": 1,
    }


def test_the_page_marks_missed_targets(folder: Path) -> None:
    """Ratios are computed within a round: 1.28 and 1.1 beside SQL are 1.19 in the median, whatever the seconds."""
    results, page = folder / "results.jsonl", folder / "benchmarks.md"
    seconds = {("sql", 0): 10.0, ("sql", 1): 100.0, ("platform", 0): 12.8, ("platform", 1): 110.0}
    with results.open("w", encoding="utf-8") as target:
        target.write(json.dumps({"yardstick": "another", "customers": 7, "contender": "sql", "round": 0}) + "\n")
        for (name, number), spent in seconds.items():
            entry = {"customers": 1_000_000, "contender": name, "round": number, "seconds": spent, "cpu_seconds": spent}
            target.write(json.dumps({**UNMEASURED, **entry, "checks_seconds": spent / 2}) + "\n")
    write_block(page, "against", "measured before")
    write_page(results, page)
    text = page.read_text(encoding="utf-8")
    assert block_of(text, "against") == "measured before"
    assert "| platform / sql, wall | 1,000,000 | at most 1.5 (stretch 1.2) | 1.19 (1.10-1.28) | holds |" in text
    assert "| platform / dbt, CPU | 1,000,000 | at most 1 | not measured |  |" in text
    assert "| checks and quarantine / platform | 1,000,000 | at most 0.3 | 0.50 | **missed** |" in text
    assert targets_of(results) in text
    assert page.with_suffix(".svg").read_text(encoding="utf-8").count("<polyline") == 2


def test_the_page_has_what_a_further_day_adds_to_the_home(folder: Path) -> None:
    results, page = folder / "disk.jsonl", folder / "disk.md"
    homes = {
        "everything": {"build.duckdb": 2**30, "cjo.duckdb": 2**29},
        "next_day": {"build.duckdb": 2**31, "cjo.duckdb": 2**29, "snapshots": 2**28},
    }
    with results.open("w", encoding="utf-8") as target:
        for name, home in homes.items():
            entry = {"customers": 1000, "contender": name, "round": 0, "seconds": 2.0, "cpu_seconds": 2.0}
            target.write(json.dumps({**UNMEASURED, **entry, "home_bytes": home}) + "\n")
    write_page(results, page)
    text = page.read_text(encoding="utf-8")
    assert "| `build.duckdb` | 1.000 | 1.000 |\n| `cjo.duckdb` | 0.500 | 0.000 |" in text
    assert "| `snapshots` | 0.000 | 0.250 |\n| `all` | 1.500 | 1.250 |" in text


class Counting:
    """A connection that counts statements and returned rows."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Hold the connection."""
        self.connection = connection
        self.statements = 0
        self.rows = 0

    def execute(self, statement: str, *parameters: Any) -> "Counting":
        """Pass a statement on; its result is fetched from this object."""
        self.statements += 1
        self.connection.execute(statement, *parameters)
        return self

    def sql(self, statement: str) -> duckdb.DuckDBPyRelation:
        """Pass on a query of ibis; all its rows are fetched unless only columns are needed."""
        found = self.connection.sql(statement)
        if not statement.startswith("DESCRIBE"):
            self.statements += 1
            self.rows += len(found)
        return found

    def fetchone(self) -> Any:
        """Return a row."""
        self.rows += 1
        return self.connection.fetchone()

    def fetchall(self) -> Any:
        """Return all rows."""
        found = self.connection.fetchall()
        self.rows += len(found)
        return found

    def to_arrow_table(self) -> Any:
        """Return all rows as Arrow does."""
        found = self.connection.to_arrow_table()
        self.rows += found.num_rows
        return found

    def __getattr__(self, name: str) -> Any:
        """Return anything else as the connection has it."""
        return getattr(self.connection, name)


@pytest.fixture(scope="module", params=SIZES)
def counted(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, policy: Policy
) -> Iterator[tuple[int, dict[str, int], dict[str, int]]]:
    """Return customers; by table the rows fetched to Python, and the statements, of the tables of the yardstick."""
    folder = tmp_path_factory.mktemp("counted")
    inputs = generated(folder, PROJECT / "data" / "journey" / "playbooks.json", request.param, 7)
    fetched: dict[str, int] = {}
    statements: dict[str, int] = {}
    with duckdb.connect() as connection, pytest.MonkeyPatch.context() as patch:
        families = families_about("journey")
        store = Store(connection, families, STATEMENTS)
        contenders.load(store, inputs.folder, folder / "archive", contenders.needed(), Taken("transforms"))
        store.days_of_run = (AS_OF,)
        counting = Counting(connection)
        patch.setattr(store, "connection", counting)
        patch.setattr(store.backend, "con", counting)
        wanted = contenders.needed()
        for table in in_order(table for family in families for table in family.tables if table.transform is not None):
            if (table.schema, table.name) in wanted:
                counting.statements = counting.rows = 0
                store.replace(table, AS_OF if table.is_dated else None, policy)
                fetched[table.full_name], statements[table.full_name] = counting.rows, counting.statements
        yield request.param, fetched, statements


def test_no_table_reaches_python(counted: tuple[int, dict[str, int], dict[str, int]]) -> None:
    """Only counts and a handful of examples do, however many customers there are."""
    _, fetched, _ = counted
    assert any(fetched.values()), "fetches were counted"
    assert max(fetched.values()) <= LARGEST_IN_PYTHON, fetched


def test_a_table_takes_few_statements(counted: tuple[int, dict[str, int], dict[str, int]]) -> None:
    """Four statements to write in a transaction, one scan for contract and key, and one query per check.

    A check with a contract stores its rows, looks up their columns, validates them and drops them; failing rows need
    two further queries. The columns of a file are looked up once, those of other tables once per run.
    """
    _, _, statements = counted
    tables = {table.full_name: table for family in families_about("journey") for table in family.tables}
    over = {}
    for name, count in statements.items():
        questions = sum(1 if audit.contract is None else 7 for audit in tables[name].checks)
        looked_up = {*tables[name].inputs().values(), *tables[name].check_inputs().values()}
        if count > 5 + questions + len(looked_up):
            over[name] = (count, questions, len(looked_up))
    assert over == {}


def test_a_parquet_file_is_not_copied(inputs: Inputs, tmp_path: Path) -> None:
    """Its rows are read from the archive: none is written a second time."""
    with duckdb.connect() as connection:
        store = Store(connection, families_about("journey"), STATEMENTS)
        contenders.load(store, inputs.folder, tmp_path, contenders.needed(), Taken("transforms"))
        copied = connection.execute("SELECT sum(estimated_size) FROM duckdb_tables() WHERE schema_name = 'raw'")
        assert copied.fetchall()[0][0] < CUSTOMERS
        assert store.count("raw.signals") == CUSTOMERS * 10
