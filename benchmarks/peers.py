"""dbt-duckdb and SQLMesh as contenders, building the tables of the yardstick.

Their projects are generated from `yardstick.sql`, with as many tests as the platform has checks on the same tables.
They are installed in separate environments in `benchmarks/.venv-peers`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import ibis

from benchmarks.contenders import RESULT, blocks
from benchmarks.data import AS_OF
from benchmarks.processes import run_measured
from cjo_assets.catalog import families_about
from cjo_assets.core.contract import any_of, breaches, columns_of, key_of
from cjo_assets.core.table import Table
from cjo_assets.policy import load_policy

HERE = Path(__file__).parent
VENVS = HERE / ".venv-peers"
PACKAGES = {
    "dbt": ["dbt-core>=1.9,<1.11", "dbt-duckdb>=1.9,<1.11", "duckdb==1.5.6"],
    "sqlmesh": ["sqlmesh", "duckdb==1.5.6"],
}
NAMES = tuple(PACKAGES)
THREADS = 1


def install() -> None:
    """Install both once, each in its own environment."""
    for name, packages in PACKAGES.items():
        program = VENVS / name / "bin" / name
        if not program.exists():
            subprocess.run([sys.executable, "-m", "venv", str(VENVS / name)], check=True)
            subprocess.run([str(VENVS / name / "bin" / "pip"), "install", "--quiet", *packages], check=True)


def run(name: str, data: Path, home: Path) -> dict[str, object]:
    """Build the tables with a peer, including its tests."""
    home.mkdir(parents=True)
    command = PROJECTS[name](data, home)
    environment = os.environ | {"DO_NOT_TRACK": "1", "SQLMESH__DISABLE_ANONYMIZED_ANALYTICS": "1"}
    used = run_measured(name, command, home, environment, home / "output.txt")
    return {
        "contender": name,
        "seconds": used.seconds,
        "cpu_seconds": used.cpu_seconds,
        "start_seconds": 0.0,
        "peak_bytes": used.peak_bytes,
        "written_bytes": None,
        "stages": {},
        "rows": {},
        "checks_seconds": 0.0,
        "database": str(home / RESULT),
    }


def _queries(data: Path) -> dict[str, str]:
    """Return the query of each table."""
    found = {}
    for table, statement in blocks().items():
        query = re.sub(r"CREATE TABLE \S+ AS\n", "", statement, count=1).strip().rstrip(";")
        found[table] = query.replace("$data", str(data)).replace("$as_of", f"DATE '{AS_OF}'")
    return found


def _tests(table: Table, columns: set[str]) -> list[tuple[str, str]]:
    """Return the tests of a table as queries for failing rows, as many as the platform has checks and at least one.

    The first tests the rules of the contract in one scan, and the second the key. A check that cannot be applied to
    these tables is replaced by one for null values.
    """
    specs = [spec for spec in columns_of(table.contract) if spec.name in columns]
    rows = ibis.table({spec.name: spec.type for spec in columns_of(table.contract)}, name="this_table")
    broken = breaches(table.contract, rows, load_policy().vocabulary)
    present = [rule for name, rule in broken.items() if name.partition(":")[0] in columns]
    offenders = ibis.to_sql(rows.filter(any_of(present)).select(one=1), dialect="duckdb")
    contract = str(offenders).replace('"this_table"', "{this}")
    empty = " OR ".join(f"{spec.name} IS NULL" for spec in specs if not spec.nullable) or "FALSE"
    key = ", ".join(name for name in key_of(table.contract) if name in columns) or "source_row"
    tests = [
        ("contract", contract),
        ("key", f"SELECT {key} FROM {{this}} GROUP BY {key} HAVING count(*) > 1"),
    ]
    known = {"conservation": "SELECT 1 FROM {this} HAVING count(*) < 0"}
    tests += [(audit.name, known.get(audit.name, f"SELECT 1 FROM {{this}} WHERE {empty}")) for audit in table.checks]
    return tests


def _columns(home: Path) -> dict[str, set[str]]:
    reference = home.parent / "sql" / RESULT
    with duckdb.connect(str(reference), read_only=True) as connection:
        rows = connection.execute(
            "SELECT table_schema || '.' || table_name, column_name FROM information_schema.columns"
        )
        found: dict[str, set[str]] = {}
        for table, column in rows.fetchall():
            found.setdefault(table, set()).add(column)
    return found


def _tables() -> dict[str, Table]:
    return {table.full_name: table for family in families_about("journey") for table in family.tables}


def _dbt(data: Path, home: Path) -> list[str]:
    models, tests = home / "models", home / "tests"
    models.mkdir()
    tests.mkdir()
    columns, tables, queries = _columns(home), _tables(), _queries(data)
    for table, statement in queries.items():
        schema, name = table.split(".")
        query = statement
        for other in queries:
            model = other.replace(".", "__")
            query = re.sub(rf"\b{re.escape(other)}\b", f"{{{{ ref('{model}') }}}}", query)
        config = f"{{{{ config(materialized='table', schema='{schema}', alias='{name}') }}}}\n"
        (models / f"{schema}__{name}.sql").write_text(config + query, encoding="utf-8")
        for test, offenders in _tests(tables[table], columns[table]):
            reference = offenders.replace("{this}", f"{{{{ ref('{schema}__{name}') }}}}")
            (tests / f"{schema}__{name}__{test}.sql").write_text(reference, encoding="utf-8")
    (home / "macros").mkdir()
    (home / "macros" / "schema.sql").write_text(
        "{% macro generate_schema_name(custom, node) %}{{ custom }}{% endmacro %}", encoding="utf-8"
    )
    (home / "dbt_project.yml").write_text(
        "name: peer\nversion: '1.0.0'\nconfig-version: 2\nprofile: peer\n", encoding="utf-8"
    )
    output = {"type": "duckdb", "path": str(home / RESULT), "threads": THREADS}
    (home / "profiles.yml").write_text(
        json.dumps({"peer": {"target": "dev", "outputs": {"dev": output}}}), encoding="utf-8"
    )
    program = str(VENVS / "dbt" / "bin" / "dbt")
    return [program, "build", "--profiles-dir", str(home), "--project-dir", str(home), "--no-use-colors"]


def _sqlmesh(data: Path, home: Path) -> list[str]:
    models = home / "models"
    models.mkdir()
    columns, tables = _columns(home), _tables()
    for table, query in _queries(data).items():
        audits, definitions = [], []
        for test, offenders in _tests(tables[table], columns[table]):
            name = f"{table.replace('.', '_')}_{test}"
            audits.append(name)
            definitions.append(f"AUDIT (name {name});\n{offenders.replace('{this}', '@this_model')};\n")
        head = f"MODEL (name {table}, kind FULL, audits ({', '.join(audits)}));\n"
        path = models / f"{table.replace('.', '__')}.sql"
        path.write_text(f"{head}\n{query};\n\n" + "\n".join(definitions), encoding="utf-8")
    gateway = {"connection": {"type": "duckdb", "database": str(home / RESULT)}}
    config = {"gateways": {"local": gateway}, "model_defaults": {"dialect": "duckdb", "start": "2025-01-01"}}
    (home / "config.yaml").write_text(json.dumps(config), encoding="utf-8")
    return [str(VENVS / "sqlmesh" / "bin" / "sqlmesh"), "-p", str(home), "plan", "--auto-apply", "--no-prompts"]


PROJECTS: dict[str, Callable[[Path, Path], list[str]]] = {"dbt": _dbt, "sqlmesh": _sqlmesh}
