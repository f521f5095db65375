"""The published database: what analysts can open, at any moment.

Belongs here: copy, replacement, comments, views, days that stay. Does not belong here: what the tables say.
"""

from datetime import date
from pathlib import Path

import duckdb
import pytest

from cjo_assets.policy import Policy
from cjo_assets.shared.contract import columns_of
from cjo_assets.wiring.publish import publish
from cjo_assets_tests.conftest import SAMPLE, Chain, computed

FIRST, SECOND = date(2025, 1, 16), date(2025, 1, 20)


@pytest.fixture(scope="module")
def two_days(tmp_path_factory: pytest.TempPathFactory, policy: Policy) -> Chain:
    """Two days of the sample in one store."""
    return computed(SAMPLE, tmp_path_factory.mktemp("archive"), [FIRST, SECOND], policy)


@pytest.fixture(scope="module")
def published(two_days: Chain, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database after both days were published, one after the other."""
    path = tmp_path_factory.mktemp("home") / "cjo.duckdb"
    publish(two_days.store, path, [FIRST])
    publish(two_days.store, path, [SECOND])
    return path


def test_holds_both_days_and_everything_but_raw(published: Path, two_days: Chain) -> None:
    with duckdb.connect(str(published), read_only=True) as reader:
        schemas = {name for (name,) in reader.execute("SELECT DISTINCT schema_name FROM duckdb_tables()").fetchall()}
        assert schemas == {"journey", "quarantine", "audit"}
        for table in two_days.store.tables.values():
            count = f"SELECT count(*) FROM {table.full_name}"
            assert reader.execute(count).fetchall() == two_days.store.connection.execute(count).fetchall()
        days = reader.execute("SELECT DISTINCT as_of FROM journey.risk_scores ORDER BY as_of").fetchall()
        assert days == [(FIRST,), (SECOND,)]


def test_every_table_and_column_is_described(published: Path, two_days: Chain) -> None:
    with duckdb.connect(str(published), read_only=True) as reader:
        found = reader.execute("SELECT schema_name, table_name, column_name, comment FROM duckdb_columns()").fetchall()
        comments = {(schema, table, column): comment for schema, table, column, comment in found}
        bare = reader.execute("SELECT table_name FROM duckdb_tables() WHERE comment IS NULL").fetchall()
    assert bare == []
    for table in two_days.store.tables.values():
        for spec in columns_of(table.contract):
            assert comments[table.schema, table.name, spec.name] == spec.description


def test_the_view_of_pending_approvals_follows_its_table(published: Path) -> None:
    with duckdb.connect(str(published), read_only=True) as reader:
        view = "SELECT intervention_id FROM journey.pending_approvals ORDER BY ALL"
        table = "SELECT intervention_id FROM journey.approval_requests WHERE status = 'pending' ORDER BY ALL"
        waiting = reader.execute(table).fetchall()
        assert waiting
        assert reader.execute(view).fetchall() == waiting


def test_an_open_reader_keeps_its_state(two_days: Chain, tmp_path: Path) -> None:
    path = tmp_path / "cjo.duckdb"
    publish(two_days.store, path, [FIRST])
    with path.open("rb") as reader:
        content = reader.read()
        publish(two_days.store, path, [SECOND])
        reader.seek(0)
        assert reader.read() == content, "replaced, not written over"
    assert path.read_bytes() != content
    assert [found.name for found in tmp_path.iterdir()] == ["cjo.duckdb"], "nothing is left lying about"


def test_a_failing_publish_leaves_the_old_state(
    two_days: Chain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "cjo.duckdb"
    publish(two_days.store, path, [FIRST])
    before = path.read_bytes()

    def crash(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("cjo_assets.wiring.publish._comment", crash)
    with pytest.raises(OSError, match="no space"):
        publish(two_days.store, path, [SECOND])
    assert path.read_bytes() == before
    monkeypatch.undo()
    publish(two_days.store, path, [SECOND])
    with duckdb.connect(str(path), read_only=True) as reader:
        assert reader.execute("SELECT count(DISTINCT as_of) FROM journey.kpis").fetchall() == [(2,)]
