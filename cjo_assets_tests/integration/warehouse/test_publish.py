"""The published database: what analysts can open, at any moment."""

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from benchmarks.soak.readers import reads_over_publishes
from cjo_assets.catalog import families_about
from cjo_assets.core.contract import columns_of, described
from cjo_assets.engine.store import Store
from cjo_assets.ingest.loading import load_dataset
from cjo_assets.policy import Policy
from cjo_assets.warehouse.ledger import Head, Stamp
from cjo_assets.warehouse.publish import publish
from cjo_assets.warehouse.restore import remember_published, what_cannot_be_computed
from cjo_assets.warehouse.retention import forget_old_days
from cjo_assets.warehouse.run_log import RUNS
from cjo_assets.warehouse.views import has_latest
from cjo_assets_tests.support.chain import SAMPLE, Chain, computed

FIRST, SECOND = date(2025, 1, 16), date(2025, 1, 20)


@pytest.fixture(scope="module")
def two_days(tmp_path_factory: pytest.TempPathFactory, policy: Policy) -> Chain:
    """Two days of the sample in one store."""
    return computed(SAMPLE, tmp_path_factory.mktemp("archive"), [FIRST, SECOND], policy)


@pytest.fixture(scope="module")
def published(two_days: Chain, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the database after both days were published, one after the other."""
    path = tmp_path_factory.mktemp("home") / "cjo.duckdb"
    publish(two_days.store, path, [FIRST])
    publish(two_days.store, path, [SECOND])
    return path


def test_holds_both_days_and_everything_but_raw(published: Path, two_days: Chain) -> None:
    with duckdb.connect(str(published), read_only=True) as reader:
        schemas = {name for (name,) in reader.execute("SELECT DISTINCT schema_name FROM duckdb_tables()").fetchall()}
        assert schemas == {"journey", "quarantine", "audit"}
        for table in two_days.store.tables.values():
            if table.is_view:
                continue
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
            assert comments[table.schema, table.name, spec.name] == described(spec)


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

    monkeypatch.setattr("cjo_assets.warehouse.publish.comment", crash)
    with pytest.raises(OSError, match="no space"):
        publish(two_days.store, path, [SECOND])
    assert path.read_bytes() == before
    monkeypatch.undo()
    publish(two_days.store, path, [SECOND])
    with duckdb.connect(str(path), read_only=True) as reader:
        assert reader.execute("SELECT count(DISTINCT as_of) FROM journey.kpis").fetchall() == [(2,)]


def test_each_publish_adds_to_the_ledger_what_it_does_not_know(
    two_days: Chain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, ledger = tmp_path / "cjo.duckdb", "SELECT entry, run_id, entry_hash FROM audit.decision_ledger ORDER BY entry"
    stamps = [Stamp(f"run {number}", "policy", "code") for number in range(4)]
    publish(two_days.store, path, [FIRST], stamp=stamps[0])
    first = asked(path, ledger)
    days = [found for (found,) in asked(path, "SELECT DISTINCT as_of FROM audit.decision_ledger")]
    assert (len(first) > 0, days) == (True, [FIRST])
    monkeypatch.setattr("cjo_assets.warehouse.publish.add_views", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        publish(two_days.store, path, [SECOND], stamp=stamps[1])
    monkeypatch.undo()
    assert asked(path, ledger) == first, "what failed was never published, and is no entry"
    heads = publish(two_days.store, path, [FIRST, SECOND], stamp=stamps[2])
    both = asked(path, ledger)
    assert both[: len(first)] == first
    assert {run for _, run, _ in both[len(first) :]} == {"run 2"}
    assert heads == {"journey": Head(both[-1][0], both[-1][2])}
    assert publish(two_days.store, path, [FIRST, SECOND], stamp=stamps[3]) == heads, "the same again adds nothing"
    assert two_days.rows("FROM audit.decision_ledger") == [], "the published file is its only place"


def test_records_are_restored_from_the_published_database(two_days: Chain, recorded: Path) -> None:
    """The loss of the build database costs no record and no id."""
    fresh = Store(duckdb.connect(), families_about("journey"))
    names = what_cannot_be_computed(fresh)
    assert {"audit.runs", "audit.policies", "audit.rejected_records", "journey.recommended_interventions"} <= set(names)
    remember_published(fresh, recorded, names)
    for name in names:
        rows = f"FROM {name} ORDER BY ALL"
        assert fresh.connection.execute(rows).fetchall() == two_days.store.connection.execute(rows).fetchall(), name
    remember_published(Store(duckdb.connect(), families_about("journey")), recorded.with_name("none.duckdb"), names)
    with duckdb.connect(str(recorded.with_name("other.duckdb"))) as other:
        other.execute("CREATE SCHEMA audit; CREATE TABLE audit.runs AS SELECT 'a run' AS run_id, 1 AS removed_since")
    earlier = Store(duckdb.connect(), families_about("journey"))
    remember_published(earlier, recorded.with_name("other.duckdb"), ["audit.runs", "audit.policies"])
    assert earlier.rows("SELECT run_id, family FROM audit.runs") == [{"run_id": "a run", "family": None}]
    assert earlier.rows("FROM audit.policies") == []


def asked(path: Path, sql: str) -> list[tuple[Any, ...]]:
    """Return the answer of a published database."""
    with duckdb.connect(str(path), read_only=True) as reader:
        return reader.execute(sql).fetchall()


@pytest.fixture(scope="module")
def recorded(two_days: Chain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the database after both days were published and recorded."""
    path = tmp_path_factory.mktemp("home") / "cjo.duckdb"
    insert = (
        f"INSERT INTO {RUNS} (run_id, family, as_of, is_published, errors, is_stale) "
        f"VALUES ('r', 'journey', ?, TRUE, [], FALSE)"
    )
    two_days.store.connection.executemany(insert, [[FIRST], [SECOND]])
    publish(two_days.store, path, [FIRST, SECOND])
    yield path
    two_days.store.connection.execute(f"DELETE FROM {RUNS}")


def test_latest_shows_the_newest_day_and_is_described(recorded: Path, two_days: Chain) -> None:
    for table in two_days.store.tables.values():
        if table.is_dated and not table.is_view:
            latest = asked(recorded, f"FROM latest.{table.name} ORDER BY ALL")
            assert latest == asked(recorded, f"FROM {table.full_name} WHERE as_of = '{SECOND}' ORDER BY ALL")
    for name in ("customers", "approval_requests", "pending_approvals"):
        assert asked(recorded, f"FROM latest.{name} ORDER BY ALL") == asked(
            recorded, f"FROM journey.{name} ORDER BY ALL"
        )
    assert asked(recorded, "SELECT view_name FROM duckdb_views() WHERE NOT internal AND comment IS NULL") == []
    names = [table.name for table in two_days.store.tables.values() if has_latest(two_days.store, table)]
    assert len(names) == len(set(names)), "of two tables with one name, one view of the newest day would hide the other"


def test_a_customer_in_one_row(recorded: Path) -> None:
    assert asked(recorded, "SELECT count(*), count(DISTINCT customer_id) FROM latest.customer_360") == [(10, 10)]
    columns = "customer_id, recommended_action, intervention_id, confidence"
    decided = asked(recorded, f"SELECT {columns} FROM latest.recommended_interventions ORDER BY ALL")
    assert decided
    assert (
        asked(recorded, f"SELECT {columns} FROM latest.customer_360 WHERE intervention_id NOTNULL ORDER BY 1")
        == decided
    )
    contacts = "SELECT max(executed_at) FROM latest.outcome_analyses WHERE customer_id = 'C001' AND is_executed"
    owners = "SELECT owner FROM latest.next_steps WHERE subject = 'C001' ORDER BY rank LIMIT 1"
    contacted, owner = (asked(recorded, query) or [(None,)] for query in (contacts, owners))
    assert contacted[0][0] is not None
    assert asked(recorded, "SELECT last_contact_at, owner FROM latest.customer_360 WHERE customer_id = 'C001'") == [
        (contacted[0][0], owner[0][0])
    ]
    columns = "journey_stage, days_in_state, overall_risk_score, last_outcome, last_outcome_at"
    found = asked(recorded, f"SELECT {columns} FROM latest.customer_360 WHERE customer_id = 'C001'")
    score = asked(recorded, "SELECT overall_risk_score FROM latest.risk_scores WHERE customer_id = 'C001'")[0][0]
    assert found == [("onboarding", 19, score, "resolved", date(2025, 1, 18))]


def test_macros_answer_the_usual_questions(recorded: Path) -> None:
    assert asked(recorded, "SELECT newest_day()") == [(SECOND,)]
    assert asked(recorded, "SELECT as_of FROM days()") == [(FIRST,), (SECOND,)]
    assert asked(recorded, "SELECT as_of, days_in_state FROM history('C001')") == [(FIRST, 15), (SECOND, 19)]
    on_the_19th = "SELECT DISTINCT as_of FROM table_on('journey.risk_scores', DATE '2025-01-19')"
    assert asked(recorded, on_the_19th) == [(FIRST,)], "no later day is visible"
    steps = asked(recorded, "SELECT DISTINCT step, split_part(subject, ' ', 1) FROM why('C001') ORDER BY ALL")
    assert {"stage", "health", "signal", "risk", "outcome"} <= {subject for _, subject in steps}
    customer, action = asked(recorded, "SELECT customer_id, recommended_action FROM latest.recommended_interventions")[
        0
    ]
    assert asked(recorded, f"SELECT value FROM why('{customer}') WHERE subject LIKE 'decision %'") == [(action,)]
    earlier = asked(recorded, f"SELECT value, because FROM why('C001', day := DATE '{FIRST}') WHERE subject = 'stage'")
    assert earlier == [("onboarding", "15 days, initial")]


def test_attached_under_another_name_the_views_still_answer(recorded: Path) -> None:
    with duckdb.connect() as reader:
        reader.execute(f"ATTACH '{recorded}' AS other (READ_ONLY)")
        assert reader.execute("SELECT count(*) FROM other.latest.customer_360").fetchall() == [(10,)]
        reader.execute("USE other")
        assert reader.execute("SELECT count(*) > 5 FROM why('C001')").fetchall() == [(True,)]


def test_the_policy_sets_the_retention_of_snapshots_and_days(two_days: Chain, tmp_path: Path, policy: Policy) -> None:
    path = tmp_path / "cjo.duckdb"
    store = two_days.store
    store.connection.execute(
        f"INSERT INTO {RUNS} (run_id, family, as_of, is_published) VALUES ('r', 'journey', ?, TRUE)", [SECOND]
    )
    keep = policy.warehouse.model_copy(update={"snapshots_kept": 2, "days_kept": 4})
    states = []
    for day in (SECOND, FIRST, SECOND, FIRST):
        publish(store, path, [day], keep)
        states.append(path.read_bytes())
    store.connection.execute(f"DELETE FROM {RUNS}")
    kept = sorted((tmp_path / "snapshots").iterdir())
    assert [found.read_bytes() for found in kept] == states[1:3], "the last two before the present one, byte for byte"
    assert asked(path, "SELECT DISTINCT as_of FROM journey.risk_scores") == [(SECOND,)], "17th to 20th are four days"
    old = tmp_path / "history" / "journey.risk_scores" / "2025-01-16.parquet"
    rows = duckdb.sql(f"FROM '{old}' ORDER BY customer_id").fetchall()
    assert (
        rows
        == store.connection.execute("FROM journey.risk_scores WHERE as_of = ? ORDER BY customer_id", [FIRST]).fetchall()
    )
    publish(store, path, [SECOND], keep.model_copy(update={"snapshots_kept": 0}))
    assert list((tmp_path / "snapshots").iterdir()) == []


def test_unread_old_days_leave_the_build_database(two_days: Chain) -> None:
    store = two_days.store
    every = [table for table in store.tables.values() if table.is_dated and not table.is_view]

    def days() -> dict[str, set[date]]:
        query = "SELECT DISTINCT as_of FROM {}"
        return {
            table.name: {day for (day,) in store.connection.execute(query.format(table.full_name)).fetchall()}
            for table in every
        }

    store.connection.execute("BEGIN")
    try:
        forget_old_days(store, 4)
        assert FIRST in days()["risk_scores"], "nothing was published: nothing is old"
        store.connection.execute(
            f"INSERT INTO {RUNS} (run_id, family, as_of, is_published) VALUES ('r', 'journey', ?, TRUE)", [SECOND]
        )
        forget_old_days(store, 5)
        assert FIRST in days()["risk_scores"], "16th to 20th are five days"
        forget_old_days(store, 4)
        left = {name for name, found in days().items() if FIRST in found}
        assert left == {"recommended_interventions", "journey_states", "kpis", "portfolio_snapshots"}, (
            "what was decided, measured and added up on earlier days is read again"
        )
        assert all(SECOND in found for found in days().values() if found)
    finally:
        store.connection.execute("ROLLBACK")


def test_readers_and_copies_are_whole_while_fifty_are_published(tmp_path: Path) -> None:
    counts = reads_over_publishes(tmp_path, publishes=50, reads=20)
    assert (counts.reads, counts.unopened, counts.mixed, counts.errors) == (20, 0, 0, [])
    assert counts.times >= 50


def built(folder: Path, ending: str, policy: Policy) -> Store:
    """Return a store in a file: customers of a file, a day of no run beside the one to be published."""
    folder.mkdir()
    source = (
        "SELECT 'C' || n AS customer_id, 'SMB' AS segment, n::DOUBLE AS account_value, 1 AS tenure_months, "
        "NULL::VARCHAR AS risk_tier FROM range(3) AS numbers(n)"
    )
    connection = duckdb.connect(str(folder / "build.duckdb"))
    connection.execute(f"COPY ({source}) TO '{folder / f'customers.{ending}'}'")
    store = Store(connection, families_about("journey"))
    dataset = next(found for found in store.datasets if found.name == "customers")
    load_dataset(connection, dataset, folder, "journey", folder / "archive")
    store.days_of_run = (FIRST, SECOND)
    for name in ("quarantine.customers", "journey.customers", "journey.pending_approvals"):
        table = store.table_named(name)
        day = SECOND if table.is_dated else None
        store.fill(table, day, store.statement(table, day, policy).sql)
    for day in (FIRST, SECOND):
        connection.execute("INSERT INTO journey.holdout_assignments (as_of, customer_id) VALUES (?, 'C1')", [day])
    return store


def everything_in(path: Path) -> dict[str, Any]:
    """Return tables, views, comments and rows of a database."""
    with duckdb.connect(str(path), read_only=True) as reader:
        columns = "SELECT schema_name, table_name, column_name, data_type, comment FROM duckdb_columns() ORDER BY ALL"
        named = "SELECT schema_name, view_name, comment FROM duckdb_views() WHERE NOT internal ORDER BY ALL"
        tables = reader.execute("SELECT schema_name || '.' || table_name FROM duckdb_tables()").fetchall()
        rows = {name: reader.execute(f"FROM {name} ORDER BY ALL").fetchall() for (name,) in tables}
        schemas = reader.execute("SELECT DISTINCT schema_name FROM duckdb_schemas() ORDER BY ALL").fetchall()
        return {
            "columns": reader.execute(columns).fetchall(),
            "views": reader.execute(named).fetchall(),
            "rows": rows,
            "schemas": schemas,
        }


def test_the_first_day_may_be_a_copy_of_the_build(
    tmp_path: Path, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To a reader it is what copying table by table makes, without days that no run has brought to its end."""
    store = built(tmp_path / "home", "parquet", policy)
    publish(store, tmp_path / "copied.duckdb", [SECOND], stamp=Stamp("run", "policy", "code"))
    monkeypatch.setattr("cjo_assets.warehouse.publish._copyable_build", lambda _: None)
    publish(store, tmp_path / "tables.duckdb", [SECOND], stamp=Stamp("run", "policy", "code"))
    copied, tables = everything_in(tmp_path / "copied.duckdb"), everything_in(tmp_path / "tables.duckdb")
    assert copied == tables
    assert [row[0] for row in copied["rows"]["journey.holdout_assignments"]] == [SECOND]
    assert len(copied["rows"]["journey.customers"]) == 3
    assert ("raw",) not in copied["schemas"]
    store.connection.close()


@pytest.mark.parametrize(("ending", "is_copied"), [("parquet", True), ("csv", False)])
def test_no_block_of_the_published_file_has_raw_customer_data(
    tmp_path: Path, policy: Policy, monkeypatch: pytest.MonkeyPatch, ending: str, is_copied: bool
) -> None:
    """Bytes of a dropped table stay in a file: a build that holds such rows as text is not copied."""
    copies: list[Path] = []
    monkeypatch.setattr(
        "cjo_assets.warehouse.publish._copy",
        lambda source, target: copies.append(source) or shutil.copyfile(source, target),
    )
    store = built(tmp_path / "home", ending, policy)
    publish(store, tmp_path / "cjo.duckdb", [SECOND])
    assert copies == ([tmp_path / "home" / "build.duckdb"] if is_copied else [])
    store.connection.close()
