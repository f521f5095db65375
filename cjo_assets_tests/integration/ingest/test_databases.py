"""Tests of DuckDB files as sources: extraction, and the state of an extract."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from cjo_assets.catalog import families_about
from cjo_assets.core.errors import InputError, UnreachableError
from cjo_assets.engine.store import Store
from cjo_assets.families.journey.inputs.customers import DATASET as CUSTOMERS
from cjo_assets.ingest.databases import require_readable
from cjo_assets.ingest.loading import Loaded, load_dataset
from cjo_assets.ingest.sources_yaml import SqlSource

CASES = """
    CREATE TABLE cases AS SELECT * FROM (VALUES
        ('OC1', 'IV1', 'K2', 'resolved', 2.0, 1.0, -0.2, 1500.0, false, DATE '2025-03-10', 'onboarding',
         'proactive_outreach', 0.8, false, ['SG2'], 200, DATE '2025-03-09')
    ) AS cases(case_id, intervention_id, customer_id, outcome, days, csat_delta, churn_risk_delta,
        estimated_revenue_saved, human_override, measured_at, stage, action, conf, needs_approval, sigs,
        evaluation_latency_ms, opened)
"""
BOTH = """
journey:
  interventions:
    duckdb: lake.duckdb
    table: main.cases
    columns: {journey_stage: stage, recommended_action: action, confidence: conf, generated_at: opened,
              requires_human_approval: needs_approval, triggered_by_signals: sigs}
  outcomes: {duckdb: lake.duckdb, table: main.cases, columns: {outcome_id: case_id, resolution_time_days: days}}
"""


def load(store: Store, data: Path, name: str) -> Loaded:
    """Load a dataset of the journey."""
    dataset = next(found for found in store.datasets if found.name == name)
    return load_dataset(store.connection, dataset, data, "journey", data / "inputs")


def lake(data: Path, sql: str, sources: str) -> Store:
    """Create a DuckDB file and declare it as a source."""
    with duckdb.connect(str(data / "lake.duckdb")) as made:
        made.execute(sql)
    (data / "sources.yaml").write_text(sources)
    return Store(duckdb.connect(), families_about("journey"))


def test_one_table_may_feed_two_datasets(tmp_path: Path) -> None:
    store = lake(tmp_path, CASES, BOTH)
    for _ in range(2):
        assert [load(store, tmp_path, name).rows for name in ("interventions", "outcomes")] == [1, 1]
    rows = store.connection.execute(
        "SELECT i.intervention_id, i.generated_at, o.outcome_id, o.measured_at, o.resolution_time_days "
        "FROM raw.interventions AS i, raw.outcomes AS o"
    )
    assert rows.fetchall() == [("IV1", "2025-03-09", "OC1", "2025-03-10", "2.0")]


def test_changed_column_is_refused_for_each_reading_dataset(tmp_path: Path) -> None:
    store = lake(tmp_path, CASES, BOTH)
    for name in ("interventions", "outcomes"):
        load(store, tmp_path, name)
    with duckdb.connect(str(tmp_path / "lake.duckdb")) as made:
        made.execute("ALTER TABLE cases ALTER measured_at TYPE timestamp")
    assert load(store, tmp_path, "interventions").rows == 1
    with pytest.raises(InputError, match="measured_at: was DATE, is TIMESTAMP") as refused:
        load(store, tmp_path, "outcomes")
    assert "extracts/outcomes/lake.duckdb.main.cases.json" in str(refused.value)


ANSWERS = """
    SET TimeZone = 'UTC';
    CREATE TABLE answers AS SELECT * FROM (VALUES
        ('J-1', 'approved', TIMESTAMPTZ '2025-01-15 23:30:00+00', 'kim', 'none'),
        ('J-2', 'approved', TIMESTAMPTZ '2025-07-15 00:30:00+00', 'kim', 'none')
    ) AS answers(intervention_id, decision, decided_at, decided_by, reason)
"""
IN_A_ZONE = """
import json, sys
from pathlib import Path
import duckdb
from cjo_assets.families.journey.inputs.approval_decisions import DATASET
from cjo_assets.ingest.databases import extracted
from cjo_assets.ingest.sources_yaml import DuckDBSource
data = Path(sys.argv[1])
source = DuckDBSource(duckdb="lake.duckdb", table="main.answers")
extract = extracted(source, DATASET, data, data / "extracts")
print(json.dumps(duckdb.execute("SELECT intervention_id, decided_at FROM read_parquet(?)", [str(extract)]).fetchall()))
"""


def test_instants_of_a_table_are_the_same_in_every_time_zone(tmp_path: Path) -> None:
    """Each zone reads a folder of its own, in a process of its own."""
    found: dict[str, Any] = {}
    hashes = set()
    for zone in ("UTC", "America/New_York", "Pacific/Kiritimati"):
        data = tmp_path / hashlib.sha256(zone.encode()).hexdigest()
        data.mkdir()
        with duckdb.connect(str(data / "lake.duckdb")) as made:
            made.execute(ANSWERS)
        environment = os.environ | {"TZ": zone}
        done = subprocess.run(
            [sys.executable, "-c", IN_A_ZONE, str(data)], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        found[zone] = json.loads(done.stdout.splitlines()[-1])
        (extract,) = data.rglob("*.parquet")
        hashes.add(hashlib.sha256(extract.read_bytes()).hexdigest())
    rows = [["J-1", "2025-01-15 23:30:00+00"], ["J-2", "2025-07-15 00:30:00+00"]]
    assert found == dict.fromkeys(found, rows)
    assert len(hashes) == 1, "the archive knows the input by the hash of these bytes"


@pytest.mark.parametrize(
    "uri",
    [
        "postgresql://crm:hunter2/abc@127.0.0.1/db",
        "postgresql://crm:hun@hunter2@127.0.0.1/db",
        "postgresql://crm:hunter2%zz@127.0.0.1/db",
        "postgresql://crm:hunter2%00@127.0.0.1/db",
        "postgresql://crm:hunter2 x@127.0.0.1/db",
        "postgresql://crm:hunter2/db",
        "postgresql://crm@127.0.0.1/db?password=hunter2%",
    ],
)
def test_a_malformed_connection_string_is_refused_without_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uri: str
) -> None:
    monkeypatch.setenv("CRM", uri)
    with pytest.raises(InputError, match=r"as percent codes") as refused:
        require_readable(SqlSource(sql="CRM", table="crm.accounts"), CUSTOMERS, tmp_path, tmp_path)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "uri",
    [
        "postgresql://crm:hunter2@127.0.0.1:1/db",
        "postgres://crm:hunter2:%40#?@127.0.0.1:1,[::1]:1/db?sslmode=prefer",
        "postgresql://127.0.0.1:1/db?user=crm&password=hunter2",
    ],
)
def test_a_database_that_does_not_respond_is_reported_without_the_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uri: str
) -> None:
    monkeypatch.setenv("CRM", uri)
    with pytest.raises(UnreachableError, match="does not respond") as refused:
        require_readable(SqlSource(sql="CRM", table="crm.accounts"), CUSTOMERS, tmp_path, tmp_path)
    assert "hunter2" not in str(refused.value)
