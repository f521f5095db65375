"""Tests of an installation for a team: PostgreSQL, daemon, webservers and proxy, without manual steps."""

import base64
import http.client
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import duckdb
import pytest

from cjo_assets.catalog import families_about
from cjo_assets.core.errors import InputError, UnreachableError
from cjo_assets.core.settings import PROJECT
from cjo_assets.engine.store import Store
from cjo_assets.ingest.loading import Loaded, load_dataset
from cjo_assets_tests.support.catalog import clean_environment
from cjo_assets_tests.support.chain import SAMPLE
from cjo_assets_tests.support.proxy import ANALYST, OPERATOR, free_port, nginx_before
from cjo_assets_tests.system.test_ui import LAUNCH, Ui, wait_until

BIN = Path(sys.executable).parent
# Of the installation: the secrets of its environment, by variable.
SECRETS = {
    "DAGSTER_POSTGRES_URL": "secret-of-the-storage",
    "CRM": "secret-of-the-source",
    "CJO_WEBHOOK_URL": "secret-of-the-webhook",
    "CJO_LLM_API_KEY": "secret-of-the-model",
}
SERVERS = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[4]))


class Postgres:
    """A running server with its socket in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        """Hold where it listens."""
        self.folder = folder

    def uri(self, database: str = "postgres") -> str:
        """Return the connection string of a database."""
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def run(self, sql: str, database: str = "postgres") -> None:
        """Run statements."""
        import psycopg2

        connection = psycopg2.connect(self.uri(database))
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql)
        connection.close()


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """Return a PostgreSQL server for all tests of this file."""
    if not SERVERS:
        pytest.skip("PostgreSQL tests left out: Debian's postgresql is not installed")
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    as_user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    if as_user:
        shutil.chown(folder, "postgres")
    data = folder / "data"
    initdb = [
        *as_user,
        str(SERVERS[-1].with_name("initdb")),
        "-D",
        str(data),
        "-U",
        "postgres",
        "--no-sync",
        "-A",
        "trust",
    ]
    subprocess.run(initdb, check=True, capture_output=True, cwd=folder)
    options = ["-c", "listen_addresses=", "-c", "fsync=off", "-c", f"unix_socket_directories={folder}"]
    with subprocess.Popen(
        [*as_user, str(SERVERS[-1]), "-D", str(data), *options], cwd=folder, stderr=subprocess.DEVNULL
    ) as served:
        server = Postgres(folder)
        try:
            wait_until(lambda: _answers(server), "PostgreSQL to answer")
            yield server
        finally:
            served.send_signal(signal.SIGTERM)
            served.wait(timeout=30)
    shutil.rmtree(folder, ignore_errors=True)


def _answers(server: Postgres) -> bool:
    import psycopg2

    try:
        server.run("SELECT 1")
    except psycopg2.OperationalError:
        return False
    return True


@dataclass
class Desk:
    """A data folder whose customers and outcomes come from PostgreSQL."""

    folder: Path
    postgres: Postgres
    store: Store

    def load(self, name: str) -> Loaded:
        """Load a dataset."""
        dataset = next(found for found in self.store.datasets if found.name == name)
        return load_dataset(self.store.connection, dataset, self.folder, "journey", self.folder / "inputs")

    def rows(self, name: str, columns: str) -> list[tuple[Any, ...]]:
        """Return the rows of a raw table."""
        return self.store.connection.execute(f"SELECT {columns} FROM raw.{name} ORDER BY ALL").fetchall()


@pytest.fixture
def desk(postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Return a CRM with two tables, and its declaration as a source."""
    postgres.run(
        """
        DROP SCHEMA IF EXISTS crm CASCADE; CREATE SCHEMA crm;
        CREATE TABLE crm.accounts (id integer, segment text, value numeric(12, 2), tenure_months smallint,
            risk_tier text, updated_at timestamptz NOT NULL DEFAULT '2025-01-01 12:00+02', note bytea);
        INSERT INTO crm.accounts VALUES (2, 'SMB', 12.50, 3, NULL), (1, 'Mid-Market', 1e6, 4, 'high');
        CREATE TABLE crm.playbooks (playbook_id text, triggers text[], created_at timestamptz, active boolean);
        """
    )
    (tmp_path / "sources.yaml").write_text(
        """
        journey:
          customers:
            sql: CRM
            table: crm.accounts
            columns: {customer_id: id, account_value: value}
            cursor: updated_at
          signals: {files: "signals/*.ndjson"}
          outcomes: {duckdb: lake.duckdb, table: main.outcomes}
        """
    )
    monkeypatch.setenv("CRM", postgres.uri())
    return Desk(tmp_path, postgres, Store(duckdb.connect(), families_about("journey")))


CUSTOMER_COLUMNS = "customer_id, segment, account_value, tenure_months, risk_tier"


def test_a_table_is_read_as_the_database_writes_it(desk: Desk) -> None:
    loaded = desk.load("customers")
    assert (loaded.source_file, loaded.rows) == ("CRM.crm.accounts.parquet", 2)
    assert desk.rows("customers", CUSTOMER_COLUMNS) == [
        ("1", "Mid-Market", "1000000.00", "4", "high"),
        ("2", "SMB", "12.50", "3", None),
    ]
    assert desk.load("customers").is_unchanged, "the same rows: the same bytes"
    assert (desk.folder / "inputs" / str(loaded.file_sha256)).exists(), "archived like any input"


def test_only_what_changed_is_fetched(desk: Desk) -> None:
    desk.load("customers")
    desk.postgres.run(
        """
        UPDATE crm.accounts SET value = 99, updated_at = '2025-01-02' WHERE id = 2;
        INSERT INTO crm.accounts VALUES (3, 'SMB', 1, 1, NULL, '2025-01-03');
        UPDATE crm.accounts SET value = 77 WHERE id = 1;
        """
    )
    assert not desk.load("customers").is_unchanged
    # Row 1 shares its cursor value with the highest known one, so it is fetched again; nothing older would be.
    assert desk.rows("customers", "customer_id, account_value") == [("1", "77.00"), ("2", "99.00"), ("3", "1.00")]
    desk.postgres.run("UPDATE crm.accounts SET value = 55 WHERE id = 1")
    assert desk.load("customers").is_unchanged, "the cursor shows no change"


def test_changed_columns_are_refused_with_the_difference(desk: Desk) -> None:
    desk.load("customers")
    desk.postgres.run("ALTER TABLE crm.accounts ALTER tenure_months TYPE text; ALTER TABLE crm.accounts DROP risk_tier")
    with pytest.raises(InputError) as refused:
        desk.load("customers")
    for text in ("risk_tier: text is missing", "tenure_months: was smallint, is text", "CRM.crm.accounts.json"):
        assert text in str(refused.value)
    assert desk.rows("customers", "count(*)") == [(2,)], "what was there is there still"
    (desk.folder / "inputs" / "extracts" / "customers" / "CRM.crm.accounts.json").unlink()
    assert desk.load("customers").rows == 2, "an accepted change is loaded"
    desk.postgres.run("ALTER TABLE crm.accounts ADD unrelated text")
    assert desk.load("customers").is_unchanged, "changes of unread columns are accepted"


def test_errors_of_a_database_omit_the_password(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.postgres.run("ALTER TABLE crm.accounts DROP segment")
    with pytest.raises(InputError, match="lacks the required segment"):
        desk.load("customers")
    desk.postgres.run("DROP TABLE crm.accounts")
    with pytest.raises(InputError, match="has no table"):
        desk.load("customers")
    monkeypatch.setenv("CRM", "postgresql://me:secret@127.0.0.1:1/none")
    with pytest.raises(UnreachableError) as refused:
        desk.load("customers")
    assert "secret" not in str(refused.value)
    monkeypatch.setenv("CRM", "mysql://me@there/none")
    with pytest.raises(InputError, match="must begin with one of"):
        desk.load("customers")
    monkeypatch.delenv("CRM")
    with pytest.raises(InputError, match="CRM is not set"):
        desk.load("customers")


def test_files_add_up_and_only_new_ones_are_read(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = desk.folder / "signals"
    folder.mkdir()
    rows = json.loads((SAMPLE / "journey" / "signals.json").read_text(encoding="utf-8"))

    def write(name: str, row: dict[str, Any]) -> None:
        (folder / f"{name}.ndjson").write_text(json.dumps(row), encoding="utf-8")

    write("a", rows[0])
    write("b", rows[1])
    assert desk.load("signals").rows == 2
    read: list[str] = []
    reading_of = sys.modules["cjo_assets.ingest.loading"].reading_of  # type: ignore[attr-defined]

    def spied(connection: Any, path: Path, *rest: Any) -> Any:
        read.append(path.name)
        return reading_of(connection, path, *rest)

    monkeypatch.setattr("cjo_assets.ingest.loading.reading_of", spied)
    write("b", rows[2])
    write("c", rows[3])
    assert desk.load("signals").rows == 3
    assert read == ["b.ndjson", "c.ndjson"]
    assert desk.rows("signals", "source_file, source_row, signal_id") == [
        (f"signals/{name}.ndjson", 1, rows[number]["signal_id"]) for name, number in (("a", 0), ("b", 2), ("c", 3))
    ]
    write("d", rows[3])
    with pytest.raises(InputError, match="are identical"):
        desk.load("signals")


def test_a_duckdb_table_is_a_source(desk: Desk) -> None:
    path = desk.folder / "lake.duckdb"
    rows = f"read_json('{SAMPLE}/journey/outcomes.json', format = 'array')"
    with duckdb.connect(str(path)) as lake:
        lake.execute(f"CREATE TABLE outcomes AS FROM {rows}")
    assert desk.load("outcomes").rows == len(json.loads((SAMPLE / "journey" / "outcomes.json").read_text()))
    with duckdb.connect(str(path)) as lake:
        lake.execute("ALTER TABLE outcomes ALTER measured_at TYPE timestamp")
    with pytest.raises(InputError, match="measured_at: was DATE, is TIMESTAMP"):
        desk.load("outcomes")


class Alerts:
    """A webhook that records the requests to it."""

    def __init__(self) -> None:
        """Listen on a free port."""
        self.received: list[dict[str, Any]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Suppress the log."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"


@dataclass
class Installation:
    """Daemon on PostgreSQL, and the environment of its webservers."""

    home: Path
    data: Path
    alerts: Alerts
    environment: dict[str, str]


@contextmanager
def service(environment: dict[str, str], log: Path, *arguments: str) -> Iterator[None]:
    """Run a command of cjo until the end of the block."""
    with (
        log.open("w") as said,
        subprocess.Popen(
            [str(BIN / "cjo"), *arguments],
            cwd=PROJECT,
            env=environment,
            stdout=said,
            stderr=said,
            start_new_session=True,
        ) as process,
    ):
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=60)


def uri_with(postgres: Postgres, database: str, password: str) -> str:
    """Return the connection string of a database with a password, which the server does not require."""
    return postgres.uri(database).replace("postgres@", f"postgres:{password}@")


def customers_in(postgres: Postgres) -> None:
    """Put the customers of the sample into the database `crm`."""
    rows = json.loads((SAMPLE / "journey" / "customers.json").read_text(encoding="utf-8"))
    columns = "segment text, account_value numeric, tenure_months int, risk_tier text"
    values = ", ".join(
        f"('{row['customer_id']}', '{row['segment']}', {row['account_value']}, {row['tenure_months']}, "
        f"'{row['risk_tier']}')"
        for row in rows
    )
    postgres.run(f"CREATE TABLE customers (customer_id text, {columns}); INSERT INTO customers VALUES {values}", "crm")


@pytest.fixture(scope="module")
def installation(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Return what `deploy/` describes, with an empty data folder."""
    folder = tmp_path_factory.mktemp("team")
    postgres.run("CREATE DATABASE dagster")
    postgres.run("CREATE DATABASE crm")
    alerts = Alerts()
    storage = uri_with(postgres, "dagster", SECRETS["DAGSTER_POSTGRES_URL"])
    environment = clean_environment() | {
        "CJO_HOME": str(folder / "home"),
        "CJO_DATA": str(folder / "data"),
        "CJO_INSTANCE": str(PROJECT / "deploy" / "dagster.yaml"),
        "DAGSTER_POSTGRES_URL": storage.replace("postgresql", "postgresql+psycopg2"),
        "CJO_AUTOMATION": "schedule",
        "CJO_SENSOR_SECONDS": "2",
        "CJO_WEBHOOK_URL": f"{alerts.url}?token={SECRETS['CJO_WEBHOOK_URL']}",
        "CJO_LLM_API_KEY": SECRETS["CJO_LLM_API_KEY"],
        "CRM": uri_with(postgres, "crm", SECRETS["CRM"]),
    }
    (folder / "data").mkdir()
    with service(environment, folder / "daemon.log", "daemon"):
        yield Installation(folder / "home", folder / "data", alerts, environment)
    alerts.server.shutdown()


@contextmanager
def webserver(installation: Installation, *options: str) -> Iterator[Ui]:
    """Run a webserver of the installation until the end of the block."""
    port, folder = free_port(), installation.home.parent
    with service(installation.environment, folder / f"{port}.log", "webserver", "--port", str(port), *options):
        running_ui = Ui(f"http://127.0.0.1:{port}", folder)
        wait_until(lambda: running_ui.ask("{ assetNodes { id } }")["assetNodes"], "the webserver to know its assets")
        yield running_ui


@pytest.fixture(scope="module")
def analysts(installation: Installation) -> Iterator[Ui]:
    """Return the read-only webserver."""
    with webserver(installation, "--read-only") as running_ui:
        yield running_ui


def test_daemon_publishes_new_file_and_closes_killed_run(installation: Installation, postgres: Postgres) -> None:
    customers_in(postgres)
    source = "journey: {customers: {sql: CRM, table: public.customers}}"
    (installation.data / "sources.yaml").write_text(source, encoding="utf-8")
    shutil.copytree(SAMPLE / "journey", installation.data / "incoming")
    (installation.data / "incoming" / "customers.json").unlink()
    os.rename(installation.data / "incoming", installation.data / "journey")
    published = installation.home / "cjo.duckdb"
    wait_until(published.exists, "the dropped files to be published")
    with duckdb.connect(str(published), read_only=True) as reader:
        assert reader.execute("SELECT newest_day()::VARCHAR, count(*) FROM latest.customer_360").fetchall() == [
            ("2025-01-20", 10)
        ]

    # The first run has ended once its checks are reported: from here on another run holds the lock.
    wait_until(told(installation, "check_failure"), "the failed checks of the first run to be reported")
    playbooks = installation.data / "journey" / "playbooks.json"
    content = json.loads(playbooks.read_text(encoding="utf-8"))
    content[0]["avg_cost_estimate"] += 1
    playbooks.write_text(json.dumps(content), encoding="utf-8")
    holder = wait_until(running(installation.home), "the changed file to be run")
    before = published.read_bytes()
    os.kill(holder["pid"], signal.SIGKILL)
    killed = time.monotonic()
    alert = wait_until(told(installation, "run_failure"), "the killed run to be closed and reported")
    assert time.monotonic() - killed < 120, "closed within two minutes"
    assert alert["run_id"] == holder["run_id"]
    assert "2025-01-20" in alert["text"]
    assert published.read_bytes() == before


def running(home: Path) -> Callable[[], dict[str, Any] | None]:
    """Return the question who holds the warehouse."""

    def ask() -> dict[str, Any] | None:
        try:
            held: dict[str, Any] = json.loads((home / "warehouse.lock").read_text(encoding="utf-8"))
        except ValueError:
            return None
        return held if held["run_id"] else None

    return ask


def told(installation: Installation, kind: str) -> Callable[[], dict[str, Any] | None]:
    """Return the question for an alert."""
    return lambda: next((alert for alert in installation.alerts.received if alert["kind"] == kind), None)


DAY = {
    "selector": {
        "repositoryName": "__repository__",
        "repositoryLocationName": "cjo_assets",
        "pipelineName": "daily_journey",
    },
    "executionMetadata": {"tags": [{"key": "dagster/partition", "value": "2025-01-16"}]},
    "runConfigData": {},
}
RUNS = "{ runsOrError { ... on Runs { results { runId status pipelineName } } } }"


def runs_shown(ui: Ui) -> dict[str, str]:
    """Return the pipelines of the runs that a webserver shows, by run."""
    return {run["runId"]: run["pipelineName"] for run in ui.ask(RUNS)["runsOrError"]["results"]}


def test_read_only_webserver_shows_all_and_starts_nothing(installation: Installation, analysts: Ui) -> None:
    found = runs_shown(analysts)
    assert set(found.values()) == {"daily_journey"}, "the runs are read from PostgreSQL"
    analysts.ask(LAUNCH, params=DAY)
    assert runs_shown(analysts) == found, "no run was started"
    assert not list(installation.home.rglob("runs.db")), "nothing is kept in SQLite"


@pytest.fixture(scope="module")
def operators(installation: Installation) -> Iterator[Ui]:
    """Return the webserver of operators."""
    with webserver(installation) as running_ui:
        yield running_ui


def test_operators_alone_launch_runs_behind_the_proxy(analysts: Ui, operators: Ui, tmp_path: Path) -> None:
    with nginx_before(tmp_path, (operators.port, analysts.port)) as (of_operators, of_analysts):
        before = runs_shown(analysts)
        for port, who in ((of_operators, None), (of_operators, ANALYST), (of_analysts, OPERATOR)):
            assert asked(port, who, LAUNCH, DAY) == (401, None)
        assert asked(of_analysts, ANALYST, RUNS)[0] == 200
        asked(of_analysts, ANALYST, LAUNCH, DAY)
        assert runs_shown(analysts) == before
        status, answer = asked(of_operators, OPERATOR, LAUNCH, DAY)
        assert status == 200
        assert runs_shown(analysts).keys() - before.keys() == {answer["launchRun"]["run"]["runId"]}


def asked(port: int, who: tuple[str, str] | None, query: str, params: dict[str, Any] | None = None) -> tuple[int, Any]:
    """Send a GraphQL query to the proxy, and return the status and the data of the answer."""
    headers = {"Content-Type": "application/json"}
    if who:
        headers["Authorization"] = f"Basic {base64.b64encode(':'.join(who).encode()).decode()}"
    body = json.dumps({"query": query, "variables": {"params": params} if params else {}})
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=60, context=ssl._create_unverified_context())
    connection.request("POST", "/graphql", body, headers)
    response = connection.getresponse()
    data = json.loads(response.read())["data"] if response.status == 200 else None
    connection.close()
    return response.status, data


def told_of(installation: Installation, run_id: str) -> bool:
    """Return whether an alert names a run."""
    return any(alert.get("run_id") == run_id for alert in installation.alerts.received)


def test_no_secret_is_written_anywhere(installation: Installation, operators: Ui, postgres: Postgres) -> None:
    """Neither into files of the home and logs, nor into Dagster's events, nor into an alert; a source fails, too."""
    wait_until(lambda: unfinished(postgres) == 0, "other runs to end")
    postgres.run("ALTER DATABASE crm ALLOW_CONNECTIONS false")
    launched = operators.ask(LAUNCH, params=DAY)["launchRun"]["run"]["runId"]
    wait_until(lambda: told_of(installation, launched), "the failed run to be reported")
    dump = str(SERVERS[-1].with_name("pg_dump"))
    events = subprocess.run([dump, postgres.uri("dagster")], check=True, capture_output=True).stdout
    assert b"The database of CRM does not respond" in events, "the failure of the source is among the events"
    texts = {"events": events, "alerts": json.dumps(installation.alerts.received).encode()}
    folder = installation.home.parent
    texts |= {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    for path in [*folder.rglob("*.duckdb"), *folder.rglob("*.parquet")]:
        texts[f"rows of {path.name}"] = rows_as_text(path)
    assert [
        (name, kind) for name, text in texts.items() for kind, secret in SECRETS.items() if secret.encode() in text
    ] == []


def rows_as_text(path: Path) -> bytes:
    """Return the rows of a database or Parquet file, which their files hold compressed."""
    with duckdb.connect() as reader:
        if path.suffix == ".parquet":
            return str(reader.execute(f"FROM '{path}'").fetchall()).encode()
        copied = shutil.copyfile(path, path.with_suffix(".copy"))
        reader.execute(f"ATTACH '{copied}' AS home (READ_ONLY)")
        names = reader.execute("SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'home'")
        rows = [reader.execute(f'FROM home."{schema}"."{name}"').fetchall() for schema, name in names.fetchall()]
        copied.unlink()
        return str(rows).encode()


def test_a_backup_is_restored_elsewhere(installation: Installation, postgres: Postgres, tmp_path: Path) -> None:
    """As `docs/how-to/restore.md` describes it: the files of the home, and a dump of Dagster's storage."""
    postgres.run("ALTER DATABASE crm ALLOW_CONNECTIONS true")
    wait_until(lambda: unfinished(postgres) == 0, "runs of the daemon to end")
    home = Path(shutil.copytree(installation.home, tmp_path / "home"))
    dump = [str(SERVERS[-1].with_name("pg_dump")), "--format=custom", f"--file={tmp_path / 'dagster.dump'}"]
    subprocess.run([*dump, postgres.uri("dagster")], check=True)
    postgres.run("CREATE DATABASE restored")
    restore = [str(SERVERS[-1].with_name("pg_restore")), f"--dbname={postgres.uri('restored')}"]
    subprocess.run([*restore, str(tmp_path / "dagster.dump")], check=True)
    environment = installation.environment | {
        "CJO_HOME": str(home),
        "DAGSTER_POSTGRES_URL": postgres.uri("restored").replace("postgresql", "postgresql+psycopg2"),
    }
    for command in (["audit", "verify"], ["run", "--family", "journey", "--as-of", "2025-01-21"], ["audit", "verify"]):
        done = subprocess.run(
            [str(BIN / "cjo"), *command], cwd=PROJECT, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    with duckdb.connect(str(home / "cjo.duckdb"), read_only=True) as reader:
        days = "SELECT DISTINCT as_of::VARCHAR FROM journey.risk_scores ORDER BY ALL"
        assert [day for (day,) in reader.execute(days).fetchall()] == ["2025-01-20", "2025-01-21"]
    before, after = (count_of_runs(postgres.uri(database)) for database in ("dagster", "restored"))
    assert after == before + 1


def unfinished(postgres: Postgres) -> int:
    """Return the number of runs of the installation that have not ended."""
    return count_of_runs(postgres.uri("dagster"), "status NOT IN ('SUCCESS', 'FAILURE', 'CANCELED')")


def count_of_runs(uri: str, where: str = "true") -> int:
    """Return the number of runs in a storage of Dagster."""
    import psycopg2

    with psycopg2.connect(uri) as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM runs WHERE {where}")
        (number,) = cursor.fetchone()
        return int(number)
