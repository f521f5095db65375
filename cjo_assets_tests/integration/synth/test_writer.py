"""Generated files: the same bytes for a seed, the same rows in every format, accepted or refused as they were made."""

import hashlib
import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from cjo_assets.catalog import families_about
from cjo_assets.cli.app import app
from cjo_assets.engine.store import Store
from cjo_assets.ingest.chain import load_files
from cjo_assets.policy import Policy
from cjo_assets_tests.support.chain import computed

AS_OF = date(2024, 12, 20)
OF_THE_FILE = ("source_file", "file_sha256")
DATASETS = (
    "approval_decisions",
    "customers",
    "interventions",
    "journey_state_log",
    "outcomes",
    "playbooks",
    "signals",
)


def synth(out: Path, *arguments: str, customers: int = 300) -> None:
    """Run the command in this process."""
    done = CliRunner().invoke(app, ["synth", "--customers", str(customers), "--out", str(out), *arguments])
    assert done.exit_code == 0, done.output


def hashes(folder: Path) -> dict[str, str]:
    """Return the hash of every file."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize("file_format", ["parquet", "csv", "json"])
def test_a_seed_gives_the_same_bytes_in_any_process(file_format: str, tmp_path: Path) -> None:
    arguments = ["--seed", "3", "--format", file_format, "--dirty", "0.1", "--performance-log"]
    synth(tmp_path / "here", *arguments)
    command = [str(Path(sys.executable).with_name("cjo")), "synth", "--customers", "300", "--out", "there", *arguments]
    environment = os.environ | {"PYTHONHASHSEED": "1", "TZ": "Pacific/Auckland", "LC_ALL": "C"}
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, timeout=60)
    assert hashes(tmp_path / "here") == hashes(tmp_path / "there")
    synth(tmp_path / "other", "--format", file_format, "--dirty", "0.1", "--performance-log", "--seed", "4")
    assert hashes(tmp_path / "other")[f"journey/signals.{file_format}"] not in hashes(tmp_path / "here").values()


def as_text(column: str, kind: str) -> str:
    """Return a raw column as the same text whatever its type: a number is the same however many zeros it has."""
    text = f"to_json({column})::VARCHAR" if kind.endswith("[]") else f"{column}::VARCHAR"
    return f"coalesce(try_cast({text} AS DOUBLE)::VARCHAR, {text})"


def test_all_formats_have_equal_rows(tmp_path: Path) -> None:
    said = []
    for file_format in ("parquet", "csv", "json"):
        synth(tmp_path / file_format, "--format", file_format)
        store = Store(duckdb.connect(), families_about("journey"))
        load_files(store, families_about("journey"), tmp_path / file_format, tmp_path / "archive")
        rows = {}
        for name in DATASETS:
            kinds = {column: kind for column, kind, *_ in store.connection.execute(f"DESCRIBE raw.{name}").fetchall()}
            texts = [as_text(column, kind) for column, kind in kinds.items() if column not in OF_THE_FILE]
            query = f"SELECT {', '.join(texts)} FROM raw.{name} ORDER BY ALL"
            rows[name] = store.connection.execute(query).fetchall()
        said.append(rows)
        store.connection.close()
    assert said[0] == said[1] == said[2]
    assert len(said[0]["signals"]) > 2_000


def test_every_row_is_accepted(tmp_path: Path, policy: Policy) -> None:
    synth(tmp_path / "data")
    chain = computed(tmp_path / "data", tmp_path / "archive", [AS_OF], policy)
    truth = json.loads((tmp_path / "data" / "truth_journey.json").read_text(encoding="utf-8"))
    for name in DATASETS:
        assert chain.rows(f"FROM quarantine.{name}") == []
        table = "state_entries" if name == "journey_state_log" else name
        assert chain.rows(f"SELECT count(*) AS n FROM journey.{table}") == [{"n": truth["rows"][name]}]
    (kinds,) = chain.rows("SELECT list_sort(list(DISTINCT transition)) AS kinds FROM journey.journey_states")
    # Who begins after the day has no entry yet.
    assert kinds["kinds"] == ["initial", "re_entry", "unknown", "valid"]
    (executed,) = chain.rows("SELECT count(*) AS n FROM journey.outcome_analyses WHERE is_executed AND outcome <> ''")
    assert executed["n"] > 100
    chain.store.connection.close()


def test_exactly_the_corrupted_rows_are_rejected(tmp_path: Path, policy: Policy) -> None:
    synth(tmp_path / "data", "--dirty", "0.2", "--format", "json")
    chain = computed(tmp_path / "data", tmp_path / "archive", [AS_OF], policy)
    truth = json.loads((tmp_path / "data" / "truth_journey.json").read_text(encoding="utf-8"))
    for name in DATASETS:
        spoiled = truth["spoiled_rows"].get(name, {})
        broken = chain.rows(f"SELECT broken_rules, count(*) AS n FROM quarantine.{name} GROUP BY ALL")
        # Each kind of fault breaks one rule and no other kind breaks it.
        assert sorted(row["n"] for row in broken) == sorted(spoiled.values()), name
        table = "state_entries" if name == "journey_state_log" else name
        (accepted,) = chain.rows(f"SELECT count(*) AS n FROM journey.{table}")
        assert accepted["n"] + sum(spoiled.values()) == truth["rows"][name]
    assert len(truth["spoiled_rows"]["signals"]) == 8
    assert sum(truth["spoiled_rows"]["signals"].values()) > 400
    chain.store.connection.close()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--customers", "0"], "1 to 9,999,999 for customers"),
        (["--dirty", "-0.1"], "the dirty share"),
        (["--format", "xlsx"], "none of parquet, csv, json"),
        (["--until", "today"], "YYYY-MM-DD"),
        (["--policy", "nowhere.yaml"], "cannot be read"),
    ],
)
def test_mistakes_get_one_clear_message_and_leave_no_file(arguments: list[str], message: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = CliRunner().invoke(app, ["synth", "--customers", "5", "--out", str(out), *arguments])
    assert done.exit_code == 1
    assert message in " ".join(done.output.split())
    assert not out.exists()


def test_a_folder_in_use_is_not_replaced_unless_forced(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    done = CliRunner().invoke(app, ["synth", "--customers", "5", "--out", str(tmp_path)])
    assert done.exit_code == 1
    assert "not empty" in " ".join(done.output.split())
    assert list(hashes(tmp_path)) == ["mine.txt"]
    synth(tmp_path, "--force", "--format", "csv", customers=5)
    synth(tmp_path, "--force", "--format", "json", customers=5)
    names = {path.name for path in (tmp_path / "journey").iterdir()}
    assert names == {f"{name}.json" for name in DATASETS}, "one file per dataset"
    assert (tmp_path / "mine.txt").read_text() == "mine"
    done = CliRunner().invoke(app, ["synth", "--customers", "5", "--out", str(tmp_path / "mine.txt")])
    assert "is a file" in " ".join(done.output.split())


def test_two_families_share_a_folder_and_keep_their_truth(tmp_path: Path) -> None:
    synth(tmp_path, customers=5)
    before = hashes(tmp_path)
    done = CliRunner().invoke(
        app, ["synth", "--family", "marketing", "--campaigns", "2", "--format", "csv", "--out", str(tmp_path)]
    )
    assert done.exit_code == 0, done.output
    after = hashes(tmp_path)
    assert {name: after[name] for name in before} == before
    assert "truth_marketing.json" in after
    again = CliRunner().invoke(app, ["synth", "--customers", "6", "--out", str(tmp_path)])
    assert again.exit_code == 1
    assert "it holds journey" in " ".join(again.output.split())
    synth(tmp_path, "--force", customers=6)
    assert hashes(tmp_path)["truth_marketing.json"] == after["truth_marketing.json"]
