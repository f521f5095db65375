"""The same tables by Spark as by DuckDB: in this process, and on a cluster of a master and two workers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import ibis
import ibis.expr.operations as ops
import pytest
from ibis.common.exceptions import UnsupportedOperationError

from cjo_assets.catalog import families_about
from cjo_assets.core.contract import columns_of
from cjo_assets.core.errors import ContractBreachError
from cjo_assets.core.expressions.keys import is_key_in
from cjo_assets.core.expressions.people import person
from cjo_assets.core.quarantine.lexical import is_written_as, typed_or_null
from cjo_assets.core.settings import PROJECT
from cjo_assets.core.table import AUDIT, QUARANTINE
from cjo_assets.engine.sql import quoted_names
from cjo_assets.engine.store import Store
from cjo_assets.families.journey.synth.datasets import Request, generated
from cjo_assets.ingest.chain import compute_day, load_files
from cjo_assets.policy import Policy, identity
from cjo_assets.synth.writer import write
from cjo_assets_tests.support.catalog import STATEMENTS
from cjo_assets_tests.support.chain import SAMPLE, computed
from cjo_assets_tests.support.rows import made_of
from cjo_assets_tests.support.spark_cluster import LOOPBACK, Listening, cluster
from cjo_assets_tests.unit.core.expressions.test_people import NOBODY, NULL_WORDS, ONE_PERSON, TWO_PEOPLE
from cjo_assets_tests.unit.core.quarantine.test_lexical import ACCEPTED, COLUMNS, REJECTED

if TYPE_CHECKING:
    from cjo_assets.engine.spark.store import SparkStore

pytestmark = pytest.mark.spark

DAY = date(2025, 1, 20)
JOURNEY = families_about("journey")
CUSTOMERS, SPOILED = 300, 0.05
# Over a few hundred rows Spark spends its time on plans and on compiling them, not on running them.
JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:ReservedCodeCacheSize=256m"
DEFAULTS = {
    "spark.driver.memory": "2g",
    "spark.executor.memory": "768m",
    "spark.driver.extraJavaOptions": JAVA,
    "spark.executor.extraJavaOptions": JAVA,
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.shuffle.partitions": "2",
}
EDGES = [
    "2025-01-16T24:00",
    "2025-01-16T09:15Z",
    "2025-01-16t24:00:00.0Z",
    "2025-01-16T24:00:00.5Z",
    "2025-01-16T24:01Z",
]


@pytest.fixture(scope="module")
def spark_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Return the environment of Spark: on loopback, with defaults for little data."""
    import pyspark

    folder = tmp_path_factory.mktemp("spark_conf")
    lines = [f"{name} {value}\n" for name, value in DEFAULTS.items()]
    (folder / "spark-defaults.conf").write_text("".join(lines), encoding="utf-8")
    own = {
        "SPARK_CONF_DIR": str(folder),
        "SPARK_LOCAL_IP": LOOPBACK,
        "SPARK_LOCAL_DIRS": str(tmp_path_factory.mktemp("spark_local")),
        "SPARK_HOME": str(Path(pyspark.__file__).parent),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in own.items():
            patch.setenv(name, value)
        yield dict(os.environ)


@pytest.fixture(scope="module")
def by_spark(tmp_path_factory: pytest.TempPathFactory, spark_environment: dict[str, str]) -> Iterator[SparkStore]:
    """Return an empty store whose tables Spark computes in this process."""
    from cjo_assets.engine.spark.lake import Lake
    from cjo_assets.engine.spark.store import SparkStore

    assert spark_environment
    connection = duckdb.connect()
    lake = Lake(connection, tmp_path_factory.mktemp("lake").as_uri())
    store = SparkStore(connection, JOURNEY, lake, "local[2]", STATEMENTS)
    yield store
    store.close()


@pytest.fixture(scope="module")
def by_duckdb(tmp_path_factory: pytest.TempPathFactory, policy: Policy) -> Store:
    """Return the sample by DuckDB."""
    return computed(SAMPLE, tmp_path_factory.mktemp("archive"), [DAY], policy).store


def test_people_and_keys_are_compared_alike(by_spark: SparkStore) -> None:
    names = [name for *spellings, _ in ONE_PERSON.values() for name in spellings]
    names += [name for pair in TWO_PEOPLE for name in pair] + NOBODY
    schema = ibis.schema({"line": "int64", "text": "string", "other": "string"})
    rows = [(number, name, "b c") for number, name in enumerate(names)] + [(-1, "a b", "c"), (-2, None, "c")]
    by_spark.spark.session.createDataFrame(rows, "line long, text string, other string").createOrReplaceTempView(
        "names"
    )
    table = ops.DatabaseTable("names", schema=schema, source=by_spark.spark).to_expr()
    known = table.filter(table.line == -1)
    found = table.select(
        "line",
        person=person(table.text, NULL_WORDS),
        is_known=is_key_in([table.text, table.other], known, ["text", "other"]),
    )
    by_line = {row["line"]: row for row in by_spark.spark.to_pyarrow(found).to_pylist()}
    assert [by_line[number]["person"] for number in range(len(names))] == [
        identity.person(name, NULL_WORDS) for name in names
    ]
    assert {line: row["is_known"] for line, row in by_line.items() if row["is_known"] is not False} == {
        -1: True,
        -2: None,
    }


def test_the_page_names_every_table_that_has_no_statement_for_spark(by_spark: SparkStore, policy: Policy) -> None:
    """The families that DuckDB computes on the driver: one function is in the way."""
    from cjo_assets.engine.spark.dialect import SparkDialect

    assert by_spark.spark is not None, "the options of the compiler exist in a session"
    families = families_about("marketing", "lifecycle")
    store = Store(duckdb.connect(), families, STATEMENTS)
    refused: dict[str, str] = {}
    for table in [table for family in families if family.datasets for table in family.tables if table.transform]:
        try:
            SparkDialect().to_sqlglot(store.expression(table, policy).unbind())
        except UnsupportedOperationError as error:
            refused[table.full_name] = str(error).split(" are not supported")[0]
    assert refused == {"lifecycle.daily_metrics": "ASOF joins", "lifecycle.ticket_sla": "ASOF joins"}
    page = (PROJECT / "docs" / "how-to" / "run_on_spark.md").read_text(encoding="utf-8")
    assert all(name.partition(".")[2] in page for name in refused)


def test_texts_are_read_alike(by_spark: SparkStore) -> None:
    written = {text for ways in ACCEPTED.values() for text in ways} | {
        text for ways in REJECTED.values() for text in ways
    }
    rows = [{"line": number, "text": text} for number, text in enumerate([*sorted(written), *EDGES])]
    schema = ibis.schema({"line": "int64", "text": "string"})
    by_spark.spark.session.createDataFrame(
        [tuple(row.values()) for row in rows], "line long, text string"
    ).createOrReplaceTempView("texts")
    texts = ops.DatabaseTable("texts", schema=schema, source=by_spark.spark).to_expr()

    # No dataset that Spark validates has a column of free objects.
    specs = {name: spec for name, spec in COLUMNS.items() if not spec.free_object}

    def read(table: Any) -> Any:
        verdicts = {f"is_{name}": is_written_as(table.text, spec).fill_null(False) for name, spec in specs.items()}
        values = {name: typed_or_null(table.text, spec) for name, spec in specs.items()}
        return table.select("line", **verdicts, **values)

    found = by_spark.spark.session.sql(by_spark.spark.compile(read(texts))).collect()
    expected = {row["line"]: row for row in read(made_of(rows, schema)).to_pyarrow().to_pylist()}
    assert len(found) == len(rows)
    for row in found:
        assert row.asDict() == expected[row.line], rows[row.line]["text"]


def test_in_this_process_every_table_of_the_sample_is_duckdbs(
    by_spark: SparkStore, by_duckdb: Store, policy: Policy, tmp_path: Path
) -> None:
    load_files(by_spark, JOURNEY, SAMPLE, tmp_path / "archive")
    stored = compute_day(by_spark, JOURNEY, DAY, policy)
    expected = _tables(by_duckdb.connection, by_duckdb)
    assert sum(len(rows) > 0 for rows in expected.values()) > 40, "the data have too few rows"
    assert _different(expected, _tables(by_spark.connection, by_duckdb)) == {}
    assert stored["journey.risk_scores"].lineage.columns, "lineage does not depend on the engine"

    # A breach keeps the last good day, and leaves no folder behind.
    table = by_spark.tables["journey", "journey_states"]
    lake = Path(by_spark.lake.base, "journey", "journey_states", f"as_of={DAY}")
    before = sorted(path.name for path in lake.iterdir())
    words = policy.vocabulary.model_copy(update={"segments": ["none"]})
    with pytest.raises(ContractBreachError, match=r"journey\.journey_states") as breach:
        by_spark.replace(table, DAY, policy.model_copy(update={"vocabulary": words}))
    assert breach.value.verdicts["contract"].examples
    assert sorted(path.name for path in lake.iterdir()) == before
    assert by_spark.count(table.full_name, DAY) == 10

    # What is published is announced; what was replaced stays for one more publishing, and goes then.
    by_spark.announce([DAY])
    by_spark.replace(table, DAY, policy)
    by_spark.announce([DAY])
    assert len(list(lake.iterdir())) == 2
    by_spark.announce([DAY])
    assert [path.name for path in lake.iterdir()] == [by_spark.lake.folders(table.full_name)[DAY].rpartition("/")[2]]

    # A build database that was lost finds its days again in the lake.
    by_spark.lake.connection.execute("DELETE FROM lake.parts")
    by_spark.remember(table, "nowhere")
    assert by_spark.count(table.full_name, DAY) == 10
    by_spark.forget_before(table, date(2025, 1, 21))
    assert by_spark.count(table.full_name) == 0


def test_on_a_cluster_the_command_publishes_duckdbs_tables(
    spark_environment: dict[str, str], policy: Policy, tmp_path: Path
) -> None:
    data, home, lake = tmp_path / "data", tmp_path / "home", tmp_path / "lake"
    for _ in write(generated(Request(CUSTOMERS, 7, DAY, dirty=SPOILED), policy), data, "json"):
        pass
    command = [
        sys.executable,
        "-c",
        "from cjo_assets.cli.app import main; main()",
        "run",
        "--as-of",
        DAY.isoformat(),
        "--family",
        "journey",
    ]
    command += ["--data", str(data), "--home", str(home)]
    with cluster(spark_environment, tmp_path, memory="1g") as running:
        engine = {"CJO_ENGINE": "spark", "CJO_SPARK_MASTER": running.master, "CJO_SPARK_LAKE": str(lake)}
        run = subprocess.Popen(
            command, env=spark_environment | engine, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        listening = Listening([run.pid, *(process.pid for process in running.processes)])
        with listening.watched():
            output = run.communicate(timeout=900)[0]
        assert "Registered app cjo_assets" in running.log.read_text(encoding="utf-8")
    assert run.returncode == 0, output
    assert listening.addresses == {LOOPBACK}, "Spark listens where others can reach it"

    expected = computed(data, tmp_path / "archive", [DAY], policy).store
    of_day = _tables(expected.connection, expected)
    assert sum(len(rows) for name, rows in of_day.items() if name.startswith(QUARANTINE)) > 100
    with duckdb.connect(str(home / "cjo.duckdb"), read_only=True) as published:
        assert _different(of_day, _tables(published, expected)) == {}
        entries = "SELECT count(*) FROM audit.decision_ledger"
        assert published.execute(entries).fetchone() == (len(of_day["journey.recommended_interventions"]),)
        assert published.execute("SELECT count(*) FROM audit.column_lineage").fetchone() != (0,)
        decided = "(SELECT min(customer_id) FROM journey.recommended_interventions)"
        assert published.execute(f"FROM why({decided})").fetchall()
    manifest = json.loads((lake / "published.json").read_text(encoding="utf-8"))
    assert set(manifest) == {name for name in of_day if not name.startswith(AUDIT)}
    assert all((lake / folder).is_dir() for days in manifest.values() for folder in days.values())
    assert (home / "reports" / "journey" / DAY.isoformat() / "journey_report.html").exists()


def _tables(connection: duckdb.DuckDBPyConnection, store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """Return all rows of all tables that follow from files."""
    found = {}
    for table in store.tables.values():
        if table.transform is not None and table.is_published and not table.is_view and table.name != "policies":
            names = quoted_names(spec.name for spec in columns_of(table.contract))
            query = f"SELECT {names} FROM {table.full_name} ORDER BY ALL"
            found[table.full_name] = connection.execute(query).fetchall()
    return found


def _different(expected: dict[str, list[Any]], found: dict[str, list[Any]]) -> dict[str, Any]:
    """Return, by table, the first rows that are not the same."""
    faults: dict[str, Any] = {}
    for name, rows in expected.items():
        if len(rows) != len(found[name]):
            faults[name] = (len(rows), len(found[name]))
        pairs = [pair for pair in zip(rows, found[name], strict=False) if pair[0] != pair[1]]
        if pairs:
            faults[name] = pairs[0]
    return faults
