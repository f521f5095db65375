"""Exchange files: written after a publish, unchanged if their content is, removed by the policy, read and erased."""

import json
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from cjo_assets.audit.erasure.files import erase_records
from cjo_assets.catalog import data_families, families_about
from cjo_assets.core.family import Family, in_run_order
from cjo_assets.core.settings import Settings
from cjo_assets.engine.store import Store
from cjo_assets.ingest.changes import Seen, looked
from cjo_assets.ingest.loading import load_dataset
from cjo_assets.policy import Policy, load_policy
from cjo_assets.warehouse.exchange import write_exchange
from cjo_assets_tests.support.chain import SAMPLE

FILE = "derived_signals.ndjson"
COLUMNS = (
    "as_of DATE, signal_id VARCHAR, customer_id VARCHAR, signal_type VARCHAR, signal_strength DOUBLE, "
    "detected_at DATE, source VARCHAR, evidence VARCHAR[]"
)


def family(name: str) -> Family:
    """Return a family of the catalog."""
    return next(found for found in data_families() if found.name == name)


def published(settings: Settings, *days: str) -> None:
    """Write a published database with days of signals: two of each day, of different customers."""
    settings.home.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(settings.published)) as connection:
        connection.execute("CREATE SCHEMA IF NOT EXISTS audit; CREATE SCHEMA IF NOT EXISTS lifecycle")
        connection.execute("CREATE TABLE IF NOT EXISTS audit.runs (family VARCHAR, as_of DATE, is_published BOOLEAN)")
        connection.execute(f"CREATE TABLE IF NOT EXISTS lifecycle.journey_signals ({COLUMNS})")
        for day in days:
            connection.execute("INSERT INTO audit.runs VALUES ('lifecycle', ?, true)", [day])
            for customer in ("C002", "C001"):
                row = [day, f"DS-{customer}", customer, "usage_drop", 0.5, day, "derived", ["tickets:T-1"]]
                connection.execute(f"INSERT INTO lifecycle.journey_signals VALUES ({', '.join('?' * 8)})", row)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return the settings of an empty home over the sample."""
    return Settings(data=SAMPLE, policy=None, home=tmp_path / "home")


def lines(settings: Settings) -> list[dict[str, Any]]:
    """Return the records of the file."""
    text = (settings.exchange / FILE).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_the_newest_day_is_written_in_order(settings: Settings, policy: Policy) -> None:
    published(settings, "2025-01-19", "2025-01-20", "2025-01-18")
    assert write_exchange(settings, family("lifecycle"), policy) == 2
    assert lines(settings) == [
        {
            "signal_id": f"DS-{customer}",
            "customer_id": customer,
            "signal_type": "usage_drop",
            "signal_strength": 0.5,
            "detected_at": "2025-01-20",
            "source": "derived",
            "evidence": ["tickets:T-1"],
        }
        for customer in ("C001", "C002")
    ]
    assert [path.name for path in settings.exchange.iterdir()] == [FILE]


def test_an_equal_file_is_not_replaced(settings: Settings, policy: Policy) -> None:
    published(settings, "2025-01-20")
    write_exchange(settings, family("lifecycle"), policy)
    before = (settings.exchange / FILE).stat()
    write_exchange(settings, family("lifecycle"), policy)
    after = (settings.exchange / FILE).stat()
    assert (before.st_mtime_ns, before.st_ino) == (after.st_mtime_ns, after.st_ino)


def test_the_policy_disables_the_file(settings: Settings, policy: Policy, tmp_path: Path) -> None:
    published(settings, "2025-01-20")
    write_exchange(settings, family("lifecycle"), policy)
    changed = tmp_path / "policy.yaml"
    changed.write_text("lifecycle: {exchange: {journey_signals: false}}", encoding="utf-8")
    assert write_exchange(settings, family("lifecycle"), load_policy(changed)) is None
    assert not (settings.exchange / FILE).exists()
    assert write_exchange(settings, family("journey"), policy) is None


def test_a_family_runs_before_those_that_read_its_file() -> None:
    names = [found.name for found in in_run_order(data_families())]
    assert names.index("lifecycle") < names.index("journey")
    assert sorted(names) == sorted(found.name for found in data_families())
    alone = [found for found in data_families() if found.name != "lifecycle"]
    assert in_run_order(alone) == alone


def test_the_file_is_archived_and_loaded_with_its_hash(settings: Settings, policy: Policy) -> None:
    published(settings, "2025-01-20")
    write_exchange(settings, family("lifecycle"), policy)
    dataset = next(found for found in family("journey").datasets if found.name == "derived_signals")
    store = Store(duckdb.connect(), families_about("journey"))
    loaded = load_dataset(store.connection, dataset, SAMPLE, "journey", settings.inputs, settings.home)
    assert (loaded.source_file, loaded.rows, loaded.note) == (FILE, 2, None)
    assert (settings.inputs / str(loaded.file_sha256)).exists()
    (settings.exchange / FILE).unlink()
    loaded = load_dataset(store.connection, dataset, SAMPLE, "journey", settings.inputs, settings.home)
    assert (loaded.source_file, loaded.rows, loaded.note) == (None, 0, None)


def test_a_new_file_is_found_by_the_sensor(settings: Settings, policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cjo_assets.ingest.changes.REST_SECONDS", 0.0)
    seen = looked(family("journey"), settings, policy, None)
    seen = Seen(seen.signature, seen.contents)
    assert looked(family("journey"), settings, policy, seen) == seen
    published(settings, "2025-01-20")
    write_exchange(settings, family("lifecycle"), policy)
    changed = looked(family("journey"), settings, policy, seen)
    assert changed.reason == "new or changed: journey.derived_signals"
    assert changed.contents["journey.derived_signals"].keys() == {FILE}


@pytest.mark.parametrize("is_dry", [True, False])
def test_a_customer_is_erased_from_the_file(settings: Settings, policy: Policy, is_dry: bool) -> None:
    published(settings, "2025-01-20")
    write_exchange(settings, family("lifecycle"), policy)

    def owns(kind: str, value: str) -> bool:
        return (kind, value) == ("customer", "C001")

    erasure: Any = SimpleNamespace(owns=owns, counts=Counter(), is_dry=is_dry)
    erase_records(settings, erasure)
    assert erasure.counts == {FILE: 1}
    assert [line["customer_id"] for line in lines(settings)] == (["C001", "C002"] if is_dry else ["C002"])
