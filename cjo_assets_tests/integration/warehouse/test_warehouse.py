"""The warehouse: one writer, one version, whatever a failed run left behind."""

import subprocess
import sys
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path

import duckdb
import ibis.expr.types as ir
import pytest

from cjo_assets.catalog import all_families
from cjo_assets.core.contract import Contract, key
from cjo_assets.core.errors import ContractBreachError, WarehouseError
from cjo_assets.core.expressions.days import as_of_date
from cjo_assets.core.family import Family
from cjo_assets.core.settings import PROJECT, Settings
from cjo_assets.core.table import Days, Reference, Table
from cjo_assets.engine.store import Store
from cjo_assets.policy import Policy
from cjo_assets.warehouse.build import opened
from cjo_assets_tests.support.chain import SAMPLE, computed

DAY = date(2025, 1, 20)
HOLD = """
import sys, time
from functools import partial
from pathlib import Path
from cjo_assets.warehouse.build import opened
from cjo_assets.catalog import all_families
from cjo_assets.core.settings import Settings
home = Path(sys.argv[1])
with opened(Settings(data=home, policy=None, home=home), all_families()):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def settings(home: Path) -> Settings:
    """Return the places of a home."""
    return Settings(data=SAMPLE, policy=None, home=home)


def test_the_second_writer_waits_for_the_first(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path), "2"]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        with opened(settings(tmp_path), all_families()):
            assert first.wait(timeout=10) == 0, "the lock was free only after the first had gone"


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "build.duckdb").write_text("not a database " * 500)
    with pytest.raises(WarehouseError, match="cannot be opened"), opened(settings(tmp_path), all_families()):
        pass


class Numbers(Contract):
    """Numbers. One row per number."""

    number: int = key("A number.", ge=0)


def _same(numbers: ir.Table) -> ir.Table:
    return numbers


def test_a_breach_keeps_the_last_good_table(policy: Policy) -> None:
    table = Table("journey", "numbers", Numbers, None, "test")
    store = Store(duckdb.connect(), (Family("journey", (), (table,)),))
    source = store.backend.sql("SELECT unnest([1, 2])::BIGINT AS number")
    assert store.replace(replace(table, transform=lambda: source), None, policy).rows == 2
    for broken, rule in (
        ("[3, -1]", "number: below 0"),
        ("[3, NULL]", "number: missing"),
        ("[3, 3]", "key: not unique"),
    ):
        wrong = store.backend.sql(f"SELECT unnest({broken})::BIGINT AS number")
        with pytest.raises(ContractBreachError, match=rule):
            store.replace(replace(table, transform=partial(_same, wrong)), None, policy)
        assert store.connection.execute("SELECT number FROM journey.numbers ORDER BY number").fetchall() == [(1,), (2,)]


def test_days_that_were_never_published_are_not_history(tmp_path: Path, policy: Policy) -> None:
    chain = computed(SAMPLE, tmp_path, [date(2025, 1, 19), DAY], policy)
    earlier = Reference("journey", "recommended_interventions", Days.EARLIER)
    rows = chain.store.read(earlier, as_of_date())
    assert chain.rows(chain.store.sql(rows, DAY))
    chain.store.days_of_run = (DAY,)
    assert not chain.rows(chain.store.sql(rows, DAY)), "the 19th was left behind by a failed run"


LOAD = """
import resource, sys
from pathlib import Path
from cjo_assets.policy import load_policy
from cjo_assets.core import progress
from cjo_assets.catalog import all_families
from cjo_assets.core.settings import Settings
from cjo_assets.ingest.loading import load_dataset
from cjo_assets.warehouse.build import opened
home, policy = map(Path, sys.argv[1:])
progress.SILENCE_SECONDS = 0.2
progress.listen(None, lambda text: print(text, file=sys.stderr))
settings = Settings(data=home, policy=None, home=home)
with opened(settings, all_families(), load_policy(policy).warehouse.memory_limit) as store:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    signals = next(dataset for dataset in store.datasets if dataset.name == "signals")
    rows = load_dataset(store.connection, signals, home, "journey", settings.inputs).rows
    print(*store.connection.execute("SELECT current_setting('memory_limit')").fetchone(), file=sys.stderr)
    print(rows, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


def test_a_large_file_is_read_within_the_memory_limit_with_progress(tmp_path: Path) -> None:
    number, limit = 300_000, 0.25
    (tmp_path / "policy.yaml").write_text(f"warehouse: {{memory_limit: {limit}}}")
    duckdb.sql(
        "COPY (SELECT 'S' || range || repeat('x', 1000) AS signal_id, 'C' || range AS customer_id, "
        "'usage_drop' AS signal_type, "
        "'0.5' AS signal_strength, '2025-01-14' AS detected_at, 'automated' AS source, 'onboarding' AS journey_stage "
        f"FROM range({number})) TO '{tmp_path}/signals.ndjson' (FORMAT json)"
    )
    assert (tmp_path / "signals.ndjson").stat().st_size > limit * 1e9
    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(tmp_path), str(tmp_path / "policy.yaml")],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    rows, grown = map(int, done.stdout.split())
    assert rows == number
    assert grown < 1.5 * limit * 1e9, "the engine keeps to the limit; Python and its threads need some beside it"
    assert "Reading signals.ndjson (" in done.stderr
    assert "238.4 MiB" in done.stderr, "0.25 GB"
