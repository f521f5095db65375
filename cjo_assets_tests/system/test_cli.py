"""The commands as a person types them: whatever runs a day in a process of its own, what is refused in this one."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from typer.testing import CliRunner, Result

from cjo_assets.cli.app import app
from cjo_assets.core.settings import PROJECT
from cjo_assets.policy import Policy
from cjo_assets_tests.support.catalog import STATEMENTS, clean_environment
from cjo_assets_tests.support.chain import SAMPLE, read_rows, write_rows
from cjo_assets_tests.support.warehouse import made_home

BIN = Path(sys.executable).parent
# A command that takes longer hangs: a run of all families takes three minutes on a busy machine, and four times as long
# on a slow one.
HANGS_AFTER_SECONDS = 900
# A terminal would turn red, and our own markup end.
ORDERS = "\x1b[31mred [/red]"


def cjo(*arguments: str, cwd: Path = PROJECT, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `cjo` and return its result."""
    clean = clean_environment()
    return subprocess.run(
        [str(BIN / "cjo"), *arguments],
        cwd=cwd,
        env=clean | environment | {"COLUMNS": "120"},
        capture_output=True,
        text=True,
        timeout=HANGS_AFTER_SECONDS,
        check=False,
    )


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Return a function that runs `cjo` in this process, with an environment and a folder that are given back."""
    monkeypatch.setattr(os, "environ", os.environ.copy())
    monkeypatch.chdir(PROJECT)
    for name in [name for name in os.environ if name.startswith(("CJO_", "DAGSTER_"))]:
        monkeypatch.delenv(name)
    return lambda *arguments: CliRunner().invoke(app, arguments, catch_exceptions=False)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home in which the sample was run once."""
    path = tmp_path_factory.mktemp("home")
    done = cjo("run", "--data", str(SAMPLE), "--home", str(path), cwd=path)
    assert done.returncode == 0, done.stdout + done.stderr
    (path / "said.txt").write_text(done.stdout, encoding="utf-8")
    return path


def tables(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return the rows of every journey table of a published database."""
    with duckdb.connect(str(path), read_only=True) as reader:
        names = reader.execute("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'journey'").fetchall()
        return {name: reader.execute(f"FROM journey.{name} ORDER BY ALL").fetchall() for (name,) in names}


def test_run_ends_with_a_summary_and_the_places(home: Path) -> None:
    """The derived signals of the lifecycle give C005 a high risk and a decision and are not counted as input."""
    said = (home / "said.txt").read_text(encoding="utf-8")
    for text in (
        "RED: customers are stuck.",
        "Do first",
        "cjo approve I-",
        "Lacks data: ",
        "Customer journey on 20 Jan 2025",
    ):
        assert text in said
    for text in ("5: 1 high, 4 medium", "4 pending", "S009", "3,554.99"):
        assert text in said
    assert "Quarantine: 1 of 59 rows" in said
    for text in ("transitions_as_read", "unaddressed_strong_signals", "cjo.duckdb", "journey_report.html", "make ui"):
        assert text in said


def test_why_reaches_the_rows_of_the_lifecycle(home: Path, typed: Callable[..., Result]) -> None:
    why = typed("why", "C005", "--full", "--home", str(home)).output
    for text in (
        "Derived signal DS-3cd96a150f61 of lifecycle: repeat_support_tickets on 2025-01-09",
        "tickets T-05 (category bug_report, created_at 2025-01-08 10:00:00): tickets.json row 5, file ",
        "usage_daily C005 | 2024-12-16 (usage_date 2024-12-16, logins 3): usage_daily.json row 109, file ",
    ):
        assert text in why


def test_everything_is_in_the_home(home: Path) -> None:
    names = {path.name for path in home.iterdir()}
    assert names >= {"build.duckdb", "cjo.duckdb", "reports", "dagster", "inputs"}
    report = home / "reports" / "journey" / "2025-01-20"
    written = {"journey_report.html", "journey_report.md", "first_screen.json", "figures"}
    assert {path.name for path in report.iterdir()} == written
    assert "journey/2025-01-20/journey_report.html" in (home / "reports" / "index.html").read_text(encoding="utf-8")
    newest = home / "reports" / "latest" / "journey"
    assert {path.name for path in newest.iterdir()} == written
    assert list((home / "dagster").rglob("*.db")), "the instance writes into the home"
    archived = {path.name for path in (home / "inputs").iterdir()}
    with duckdb.connect(str(home / "cjo.duckdb"), read_only=True) as reader:
        loaded = {
            sha
            for (sha,) in reader.execute("SELECT file_sha256 FROM audit.dataset_loads WHERE rows_read > 0").fetchall()
        }
        run = reader.execute(
            "SELECT plan, errors, is_published, rows_per_table FROM audit.runs WHERE family = 'journey'"
        ).fetchone()
    assert archived == loaded
    assert run is not None
    assert [step["step"] for step in json.loads(run[0])] == list(range(1, 13))
    assert run[1:3] == ([], True)
    assert json.loads(run[3])["journey.risk_scores"] == 10


def test_doctor_reports_the_state_of_a_good_and_a_bad_home(home: Path, tmp_path: Path) -> None:
    well = cjo("doctor", "--home", str(home), CJO_DATA=str(SAMPLE))
    assert well.returncode == 0, well.stdout + well.stderr
    for text in ("1 days, the latest 2025-01-20", "no run is writing", "all running runs have a process"):
        assert text in well.stdout
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "sources.yaml").write_text("journey: {signals: {sql: NOT_SET, table: crm.signals}}")
    ill = cjo("doctor", "--home", str(tmp_path), CJO_DATA=str(tmp_path / "data"), CJO_AUTOMATION="schedule")
    assert ill.returncode == 1
    for text in ("NOT_SET is not set", "journey.customers: no file", "no daemon is running: start cjo daemon"):
        assert text in ill.stdout
    assert "Traceback" not in ill.stderr


def test_range_of_days_equals_its_days_one_by_one(tmp_path: Path, policy: Policy) -> None:
    """A day reads decisions of the day before: a request of the 6th is still pending on the 7th."""
    one_by_one = made_home(tmp_path / "days", SAMPLE / "tour", policy, STATEMENTS)
    one_by_one.load()
    for day in (date(2025, 1, 6), date(2025, 1, 7)):
        one_by_one.compute(day)
        one_by_one.publish(day)
    one_by_one.store.connection.close()
    where = ("--data", str(SAMPLE / "tour"), "--home", str(tmp_path))
    done = cjo("run", "--from", "2025-01-06", "--to", "2025-01-07", *where)
    assert done.returncode == 0, done.stderr
    with duckdb.connect(str(tmp_path / "cjo.duckdb"), read_only=True) as reader:
        assert reader.execute("SELECT count(DISTINCT run_id), count(*) FROM audit.runs").fetchall() == [(1, 2)]
        decided = reader.execute(
            "SELECT as_of::VARCHAR, generated_at::VARCHAR, count(DISTINCT intervention_id) OVER () "
            "FROM journey.recommended_interventions WHERE customer_id = 'C004' ORDER BY 1"
        ).fetchall()
    assert decided == [("2025-01-06", "2025-01-06", 1), ("2025-01-07", "2025-01-06", 1)]
    assert tables(tmp_path / "cjo.duckdb") == tables(tmp_path / "days" / "cjo.duckdb")


def test_export_writes_what_is_published(home: Path, tmp_path: Path, typed: Callable[..., Result]) -> None:
    where = ("--out", str(tmp_path / "out"), "--home", str(home))
    assert typed("export", *where).exit_code == 0
    for name, rows in tables(home / "cjo.duckdb").items():
        found = duckdb.sql(f"FROM '{tmp_path}/out/journey.{name}.parquet'").fetchall()
        assert sorted(map(str, found)) == sorted(map(str, rows)), name
    assert typed("export", *where, "--table", "journey.customers", "--format", "csv").exit_code == 0
    assert (tmp_path / "out" / "journey.customers.csv").read_text(encoding="utf-8").startswith("customer_id,")
    for wrong, message in (
        (("--table", "journey.nothing"), "Not published: journey.nothing"),
        (("--format", "json"), "Unknown --format json. Choose one of: parquet, csv."),
    ):
        refused = typed("export", *where, *wrong)
        assert (refused.exit_code, message in " ".join(refused.stderr.split())) == (1, True)


def test_dg_launch_does_the_same_job(home: Path, tmp_path: Path) -> None:
    (tmp_path / "dagster").mkdir()
    # What the lifecycle derived for the journey.
    shutil.copytree(home / "exchange", tmp_path / "exchange")
    instance = (home / "dagster" / "dagster.yaml").read_text(encoding="utf-8")
    (tmp_path / "dagster" / "dagster.yaml").write_text(instance.replace(str(home), str(tmp_path)), encoding="utf-8")
    environment = {"CJO_HOME": str(tmp_path), "DAGSTER_HOME": str(tmp_path / "dagster")}
    done = subprocess.run(
        [str(BIN / "dg"), "launch", "--job", "daily_journey", "--partition", "2025-01-20"],
        cwd=PROJECT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=HANGS_AFTER_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert tables(tmp_path / "cjo.duckdb") == tables(home / "cjo.duckdb")


def events_of(home: Path, job: str, kind: dg.DagsterEventType) -> list[dg.DagsterEvent]:
    """Return the events of a kind of the latest run of a job."""
    with dg.DagsterInstance.from_config(str(home / "dagster")) as instance:
        run = instance.get_runs(dg.RunsFilter(job_name=job), limit=1)[0]
        return [entry.get_dagster_event() for entry in instance.all_logs(run.run_id, of_type=kind)]


@pytest.mark.parametrize(("family", "count"), [("journey", 20), ("marketing", 15), ("lifecycle", 18)])
def test_a_day_of_a_family_takes_a_step_per_stage(home: Path, family: str, count: int) -> None:
    assert len(events_of(home, f"daily_{family}", dg.DagsterEventType.STEP_START)) == count


def test_dg_launch_runs_one_table_of_a_stage(home: Path) -> None:
    published = (home / "cjo.duckdb").read_bytes()
    done = subprocess.run(
        [str(BIN / "dg"), "launch", "--assets", "journey/risk_scores", "--partition", "2025-01-20"],
        cwd=PROJECT,
        env=clean_environment() | {"CJO_HOME": str(home), "DAGSTER_HOME": str(home / "dagster")},
        capture_output=True,
        text=True,
        timeout=HANGS_AFTER_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    events = events_of(home, "__ASSET_JOB", dg.DagsterEventType.ASSET_MATERIALIZATION)
    assert [(str(event.asset_key), event.partition) for event in events] == [
        (str(dg.AssetKey(["journey", "risk_scores"])), "2025-01-20")
    ]
    assert (home / "cjo.duckdb").read_bytes() == published


def test_a_second_run_changes_no_table(home: Path) -> None:
    before = tables(home / "cjo.duckdb")
    done = cjo("run", "--family", "journey", CJO_DATA=str(SAMPLE), CJO_HOME=str(home))
    assert done.returncode == 0, done.stderr
    assert tables(home / "cjo.duckdb") == before
    with duckdb.connect(str(home / "cjo.duckdb"), read_only=True) as reader:
        assert reader.execute("SELECT count(*) FROM audit.rejected_records WHERE dataset = 'signals'").fetchall() == [
            (1,)
        ]
        assert reader.execute("SELECT count(*) FROM audit.policies").fetchall() == [(1,)]


def test_unreadable_file_stops_only_the_run(home: Path, sample_copy: Path) -> None:
    before = (home / "cjo.duckdb").read_bytes()
    signals = sample_copy / "journey" / "signals.json"
    signals.write_text(signals.read_text(encoding="utf-8")[:500], encoding="utf-8")
    arguments = ("--family", "journey", "--as-of", "2025-01-20")
    done = cjo("run", *arguments, "--data", str(sample_copy), "--home", str(home))
    assert done.returncode == 1
    assert "signals.json" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert (home / "cjo.duckdb").read_bytes() == before
    with duckdb.connect(str(home / "build.duckdb"), read_only=True) as reader:
        errors = reader.execute("SELECT errors FROM audit.runs WHERE NOT is_published").fetchall()
    assert "signals.json" in errors[0][0][0]


def test_a_blocking_check_stops_the_run(tmp_path: Path, sample_copy: Path) -> None:
    folder = sample_copy / "journey"
    write_rows(folder, "customers", [row | {"account_value": -1} for row in read_rows(folder, "customers")])
    done = cjo("run", "--family", "journey", "--data", str(sample_copy), "--home", str(tmp_path))
    assert done.returncode == 1
    count = len(read_rows(folder, "customers"))
    said = f"customers.json: all {count} rows were rejected (account_value: below 0); nothing was computed."
    assert f"{said} The first are row 1 (C001), row 2 (C002), row 3 (C003)." in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert not (tmp_path / "cjo.duckdb").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "nowhere"], "does not exist"),
        (["--policy", "nowhere.yaml"], "cannot be read"),
        (["--as-of", "yesterday"], "YYYY-MM-DD"),
        (["--as-of", "2999-01-01"], "not a valid as-of date"),
        (["--customer", "C404"], "no customer C404"),
        (["--to", "2025-01-20"], "requires --from"),
        (["--from", "2025-01-20", "--to", "2025-01-19"], "is before the first day"),
        (["--from", "2025-01-20", "--as-of", "2025-01-19"], "exclude each other"),
        (["--customer", "C001", "--campaign", "CAMP_001"], "exclude each other"),
        (["--campaign", "CAMP_001", "--from", "2026-03-30"], "use --as-of instead"),
    ],
)
def test_mistakes_get_one_clear_message(
    arguments: list[str], message: str, tmp_path: Path, typed: Callable[..., Result]
) -> None:
    done = typed("run", *arguments, "--home", str(tmp_path))
    assert done.exit_code == 1
    assert message in " ".join(done.stderr.split())


@pytest.mark.parametrize(("name", "message"), [("taken", "cannot be created"), ("odd[home]", "wildcards")])
def test_a_home_that_cannot_be_one_is_refused(
    name: str, message: str, tmp_path: Path, typed: Callable[..., Result]
) -> None:
    (tmp_path / "taken").write_text("a file")
    done = typed("run", "--home", str(tmp_path / name))
    assert done.exit_code == 1
    assert message in " ".join(done.stderr.split())


def test_a_mistake_is_no_traceback_in_a_process_of_its_own(tmp_path: Path) -> None:
    done = cjo("run", "--as-of", "2999-01-01", "--home", str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    message = "Error: 2999-01-01 is not a valid as-of date. Choose a day from 2000-01-01 to today."
    assert done.stderr.splitlines() == [message]


@pytest.fixture(scope="module")
def flat(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the output of a run on a flat folder without optional datasets, with control characters in a key."""
    data = tmp_path_factory.mktemp("flat")
    for name in ("customers", "journey_state_log", "playbooks"):
        shutil.copy(SAMPLE / "journey" / f"{name}.json", data)
    playbooks = read_rows(data, "playbooks")
    write_rows(data, "playbooks", [*playbooks, playbooks[0] | {"playbook_id": ORDERS, "cost_estimate": -1}])
    done = cjo("run", "--data", str(data), "--home", str(tmp_path_factory.mktemp("home")))
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_flat_folder_without_optional_datasets(flat: str) -> None:
    assert "signals: no file" in flat
    assert "is_present" in flat


def test_control_characters_of_files_are_escaped(flat: str, home: Path, sample_copy: Path) -> None:
    assert ORDERS not in flat
    assert r"\x1b[31mred [/red]" in flat
    folder = sample_copy / "journey"
    customers = read_rows(folder, "customers")
    write_rows(folder, "customers", [{"[/red]": 1, "customer_id": row["customer_id"]} for row in customers])
    refused = cjo("run", "--data", str(sample_copy), "--home", str(home), "--as-of", "2025-01-20")
    assert refused.returncode == 1
    assert "[/red]" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_one_customer_is_shown_in_every_family_that_has_it(tmp_path: Path) -> None:
    """C004 pays 3,500 a month, and is a customer of the journey; C013 is one of the lifecycle alone."""
    done = cjo("run", "--customer", "C004", "--home", str(tmp_path))
    assert done.returncode == 0, done.stderr
    journey, lifecycle = done.stdout.split("Family lifecycle")
    for text in ("Family journey", "C004 on 2025-01-20", "risk_scores"):
        assert text in journey
    for text in ("C004 on 2025-01-20", "name=Meridian Clinics", "mrr=3500.0", "movement=expansion"):
        assert text in lifecycle
    assert "C005" not in done.stdout
    alone = cjo("run", "--customer", "C013", "--home", str(tmp_path))
    assert alone.returncode == 0, alone.stderr
    assert "Family journey" not in alone.stdout
    assert "churned_on=2025-01-10" in alone.stdout


def test_one_customer_leaves_the_warehouse_alone(home: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in home.glob("*.duckdb")}
    done = cjo("run", "--customer", "C001", "--home", str(home))
    assert done.returncode == 0, done.stderr
    for text in ("Goal", "Plan", "S001", "0.58296", "proactive_outreach", "PB_ONB_001"):
        assert text in done.stdout
    assert "C002" not in done.stdout
    # Forecasts are learned from all customers, so the output must be that of the tables.
    with duckdb.connect(str(home / "cjo.duckdb"), read_only=True) as reader:
        found = reader.execute("SELECT decision_risk FROM journey.risk_scores WHERE customer_id = 'C001'").fetchone()
    assert found is not None
    assert f"decision_risk={found[0]}" in done.stdout
    assert {path: path.stat().st_mtime_ns for path in home.glob("*.duckdb")} == before
