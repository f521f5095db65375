"""Tests of erasing a customer: all traces are removed, other customers are unchanged, and the chain is valid."""

import hashlib
import json
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from cjo_assets.audit.erasure.erase import erase
from cjo_assets.audit.verify.verify import Verdict, verify
from cjo_assets.audit.why.ask import explained
from cjo_assets.catalog import all_families
from cjo_assets.cli.app import app
from cjo_assets.core.errors import RefusalError
from cjo_assets.core.quarantine.rules import REFUSED
from cjo_assets.core.settings import Settings
from cjo_assets.engine.store import Store
from cjo_assets.ingest.loading import load_dataset
from cjo_assets.policy import Policy
from cjo_assets.warehouse.build import opened, version_of
from cjo_assets.warehouse.ledger import Stamp
from cjo_assets.warehouse.publish import publish
from cjo_assets.warehouse.retention import keep_snapshot
from cjo_assets_tests.support.chain import SAMPLE, Chain

DAY = date(2025, 1, 20)
CUSTOMER = "C004"
# Everything by which the sample knows the customer.
NAMES = (b"C004", b"I003", b"I008", b"S004", b"S010", b"O003", b"L-c0ffee000004")


@pytest.fixture(scope="module")
def full_home(
    sample_day: Callable[[date], Chain], policy: Policy, tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    """Return a home with everything that a home may hold: made once, and copied by each test."""
    home = tmp_path_factory.mktemp("full") / "home"
    settings = Settings(SAMPLE, None, home)
    old_days = ("history/journey.risk_scores", "history/journey.next_steps", "history/audit.language_model_calls")
    reports = ("reports/journey/2025-01-20", "reports/latest/journey")
    for folder in ("inputs", "snapshots", *old_days, *reports, "policy_diffs/abc", "dagster"):
        (home / folder).mkdir(parents=True)
    computed = sample_day(DAY).store.connection
    computed.execute(f"ATTACH '{settings.build}' AS made")
    computed.execute("COPY FROM DATABASE memory TO made")
    computed.execute(
        "CREATE TABLE made.raw.warehouse_version AS SELECT ?::VARCHAR AS version", [version_of(all_families())]
    )
    computed.execute("DETACH made")
    with opened(settings, all_families()) as store:
        store.connection.execute(
            "INSERT INTO audit.runs BY NAME SELECT 'run' AS run_id, 'journey' AS family, ? AS as_of, "
            "? AS ended_at, ? AS policy_hash, "
            "TRUE AS is_published, FALSE AS is_stale, ['2 rows: customer_id C004, C004', 'C0041'] AS errors",
            [DAY, datetime(2025, 1, 21), policy.policy_hash],
        )
        # Tables that name a customer in a column that is not called so.
        for number, subject in enumerate((CUSTOMER, "C0041"), start=1):
            store.connection.execute(
                "INSERT INTO journey.next_steps BY NAME SELECT ? AS as_of, ? AS rank, 'close_gap' AS kind, "
                "? AS subject, 'for example of customer C004' AS why, 'csm' AS owner, "
                "'coverage_gaps' AS reference_table, ? AS reference",
                [DAY, number, subject, subject],
            )
        store.connection.execute(
            "INSERT INTO journey.rejections_by_rule BY NAME SELECT ? AS as_of, 'a rule' AS rule, 1 AS rejected_rows, "
            "'C004' AS example_customer_id",
            [DAY],
        )
        store.connection.execute(
            "INSERT INTO audit.language_model_calls BY NAME SELECT ? AS as_of, 'Call C004, C004 and C0041.' AS answer",
            [DAY],
        )
        store.connection.execute(
            "INSERT INTO journey.phrased_texts BY NAME SELECT ? AS as_of, 'summary' AS purpose, 'Call C004!' AS text",
            [DAY],
        )
        for customer in (CUSTOMER, "C005"):
            store.connection.execute(
                "INSERT INTO lifecycle.outbox BY NAME SELECT ? AS as_of, 'L-c0ffee00000' || ?[-1:] AS decision_id, "
                "'dunning' AS kind, ? AS customer_id, 'Remind ' || ? AS what, ? AS policy_hash",
                [DAY, customer, customer, customer, policy.policy_hash],
            )
        publish(store, settings.published, [DAY], stamp=Stamp("run", policy.policy_hash, "code"))
        keep_snapshot(settings.published, 1)
        old = home / "history" / "journey.risk_scores" / "2024-01-01.parquet"
        store.connection.execute(f"COPY (SELECT * FROM journey.risk_scores) TO '{old}'")
        for name in ("journey.next_steps", "audit.language_model_calls"):
            store.connection.execute(f"COPY {name} TO '{home / 'history' / name / '2024-01-01.parquet'}'")
        changes = home / "policy_diffs" / "abc" / "policy_changes.parquet"
        store.connection.execute(f"COPY (SELECT customer_id FROM journey.customers) TO '{changes}'")
        mine = store.connection.execute(
            "SELECT intervention_id FROM journey.recommended_interventions WHERE customer_id = ?", [CUSTOMER]
        ).fetchone()
    for file in sorted((SAMPLE / "journey").glob("*.json")):
        shutil.copy(file, home / "inputs" / hashlib.sha256(file.read_bytes()).hexdigest())
    said = {"decision": "approved", "decided_at": "2025-01-20T10:00:00Z", "decided_by": "maria.keller"}
    answers = [{"intervention_id": name} | said for name in ((mine or ("",))[0], "I-f861d253ff7d")]
    (home / "approvals.ndjson").write_text("".join(json.dumps(answer) + "\n" for answer in answers))
    report = f"| {CUSTOMER} | 40.00 | S004 |\n| C0041 | 1.00 |\n"
    (home / "reports" / "journey" / "2025-01-20" / "journey_report.md").write_text(report)
    (home / "reports" / "latest" / "journey" / "journey_report.md").write_text(report)
    (home / "reports" / "index.html").write_text(f"<p>Call {CUSTOMER}.</p>")
    (home / "policy_diffs" / "abc" / "policy_diff.html").write_text(f"<td>{CUSTOMER}</td>")
    with sqlite3.connect(home / "dagster" / "events.db") as log:
        log.execute("CREATE TABLE event_logs (id INTEGER, event TEXT)")
        log.execute("INSERT INTO event_logs VALUES (1, ?), (2, 'C0041')", [f'{{"preview": "| {CUSTOMER} | S010 |"}}'])
    log.close()
    return settings


def copied(settings: Settings, folder: Path) -> Settings:
    """Copy a home."""
    return Settings(SAMPLE, None, Path(shutil.copytree(settings.home, folder / "home")))


def places_that_name(home: Path) -> list[str]:
    """Return the files of a home in which the customer can be found, byte by byte."""
    found = []
    for file in sorted(home.rglob("*")):
        if file.is_file():
            content = file.read_bytes().replace(b"C0041", b"")
            found += [str(file.relative_to(home))] if any(name in content for name in NAMES) else []
    return found


def tables_that_name(home: Path) -> list[str]:
    """Return the tables and Parquet files of a home that name the customer in any column; blocks may be compressed."""
    named = (
        "regexp_matches(to_json(rows)::VARCHAR, '(^|[^\\w-])(C004|I003|I008|S004|S010|O003|L-c0ffee000004)($|[^\\w-])')"
    )
    found = []
    for file in sorted([*home.rglob("*.duckdb"), *home.rglob("*.parquet")]):
        is_database = file.suffix == ".duckdb"
        with duckdb.connect(str(file) if is_database else ":memory:", read_only=is_database) as reader:
            query = "SELECT schema_name || '.' || table_name FROM duckdb_tables() ORDER BY ALL"
            names = [name for (name,) in reader.execute(query).fetchall()] if is_database else [f"'{file}'"]
            for name in names:
                row = reader.execute(f"SELECT count(*) FROM {name} AS rows WHERE {named}").fetchone()
                found += [f"{file.name} {name}"] if row != (0,) else []
    return found


def rows_of_others(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return the rows of every table that names customers, but for the customer's."""
    with duckdb.connect(str(path), read_only=True) as reader:
        tables = reader.execute(
            "SELECT schema_name || '.' || table_name FROM duckdb_columns() JOIN duckdb_tables() "
            "USING (schema_name, table_name) WHERE column_name = 'customer_id' AND schema_name = 'journey' ORDER BY ALL"
        ).fetchall()
        return {
            name: reader.execute(f"FROM {name} WHERE customer_id <> ? ORDER BY ALL", [CUSTOMER]).fetchall()
            for (name,) in tables
        }


@dataclass(frozen=True)
class Erased:
    """A home from which the customer was erased, and what was so before."""

    settings: Settings
    counts: dict[str, int]
    others: dict[str, list[tuple[object, ...]]]
    verdict: Verdict


@pytest.fixture(scope="module")
def erased(full_home: Settings, tmp_path_factory: pytest.TempPathFactory) -> Erased:
    """Return the home after the erasure; tests only read it."""
    settings = copied(full_home, tmp_path_factory.mktemp("erased"))
    others, verdict = rows_of_others(settings.published), verify(settings)
    assert len(others) > 15, "else there is nothing to prove"
    assert len(places_that_name(settings.home)) > 8, "else there is nothing to prove"
    assert len(tables_that_name(settings.home)) > 60, "else there is nothing to prove"
    found = erase(settings, CUSTOMER, "data.protection", "requested on paper")
    assert found.left == ()
    return Erased(settings, found.counts, others, verdict)


def test_the_home_has_no_trace_of_the_customer_and_all_others(erased: Erased) -> None:
    home, counts = erased.settings, erased.counts
    assert places_that_name(home.home) == []
    assert tables_that_name(home.home) == []
    assert rows_of_others(home.published) == rows_of_others(home.build) == erased.others
    assert counts["inputs"] == 7
    assert counts["approvals.ndjson"] == 1
    assert counts["build.duckdb raw.signals"] == counts["cjo.duckdb journey.signals"] == 2
    assert counts["snapshots journey.customers"] == counts["policy_diffs"] - 1 == 1
    assert counts["history"] == 5, "a score, three steps, and an answer of the language model"
    assert "I-f861d253ff7d" in (home.home / "approvals.ndjson").read_text()
    for folder in ("journey/2025-01-20", "latest/journey"):
        report = (home.reports / folder / "journey_report.md").read_text()
        assert report == "| erased | 40.00 | erased |\n| C0041 | 1.00 |\n"
    assert (home.reports / "index.html").read_text() == "<p>Call erased.</p>"
    with duckdb.connect(str(home.published), read_only=True) as reader:
        assert reader.execute("SELECT count(*) FROM latest.customer_360").fetchall() == [(9,)], "views are there"
        subjects = {subject for (subject,) in reader.execute("SELECT subject FROM journey.next_steps").fetchall()}
        assert {"C0041", "C006"} < subjects, "the steps of others are there"
        query = "SELECT rejected_rows, example_customer_id FROM journey.rejections_by_rule WHERE rule = 'a rule'"
        assert reader.execute(query).fetchall() == [(1, "erased")], "figures stay"
        texts = "SELECT answer FROM audit.language_model_calls UNION ALL SELECT unnest(errors) FROM audit.runs"
        said = ["2 rows: customer_id erased, erased", "C0041", "Call erased, erased and C0041."]
        assert sorted(text for (text,) in reader.execute(texts).fetchall()) == sorted(said)
        assert reader.execute("SELECT count(*) FROM duckdb_tables() WHERE comment IS NULL").fetchall() == [(0,)]


def test_the_chain_stays_valid_and_records_the_erasure(erased: Erased, tmp_path: Path) -> None:
    before = {ledger.ledger: ledger for ledger in erased.verdict.ledgers}
    after = verify(erased.settings, *(ledger.head for ledger in before.values() if ledger.entries))
    assert after.found == 0, "the heads of before are in the chains still"
    added = {ledger.ledger: ledger.entries - before[ledger.ledger].entries for ledger in after.ledgers}
    assert added == {"audit.decision_ledger": 1, "audit.marketing_ledger": 0, "audit.lifecycle_ledger": 1}
    with duckdb.connect(str(erased.settings.published), read_only=True) as reader:
        emptied = "SELECT entry, intervention_id, customer_id, content, input_hash, salt FROM audit.decision_ledger"
        rows = reader.execute(f"{emptied} WHERE salt IS NULL").fetchall()
        entry = reader.execute("SELECT content FROM audit.decision_ledger WHERE kind = 'erased'").fetchall()
        stone = reader.execute("FROM audit.erasures").fetchall()
        of_lifecycle = "SELECT entry, kind, decision_id, salt IS NULL FROM audit.lifecycle_ledger ORDER BY entry"
        handed_over = reader.execute(of_lifecycle).fetchall()
    assert [row[1:] for row in rows] == [(None,) * 5]
    others = [(2, "decided", "L-c0ffee000005", False), (3, "erased", None, False)]
    assert handed_over == [(1, "decided", None, True), *others]
    assert json.loads(entry[0][0])["ledger_entries"] == [rows[0][0]]
    erasure_id, customer_hash, interventions, salt, _, by, reason, counts, is_complete = stone[0]
    assert customer_hash == hashlib.sha256(f"{salt}\x1f{CUSTOMER}".encode()).hexdigest()
    assert erasure_id == f"E-{customer_hash[:12]}"
    assert (by, reason, is_complete) == ("data.protection", "requested on paper", True)
    kinds = Counter(stone.partition(":")[0] for stone in interventions)
    assert kinds == {"intervention": 3, "decision": 1, "signal": 2, "outcome": 1}
    hash_of_signal = hashlib.sha256(f"{salt}\x1fS004".encode()).hexdigest()
    assert f"signal:{hash_of_signal}" in interventions
    assert json.loads(counts)["inputs"] == 7
    for statement in ("DELETE FROM audit.erasures", "UPDATE audit.erasures SET customer_hash = 'another'"):
        shutil.copy(erased.settings.published, tmp_path)
        with duckdb.connect(str(tmp_path / "cjo.duckdb")) as writer:
            writer.execute(statement)
        found = verify(Settings(SAMPLE, None, tmp_path)).findings
        assert found[0].table == "audit.erasures", "a tombstone cannot be taken away unnoticed"


def test_files_that_still_hold_the_customer_are_refused(erased: Erased, policy: Policy, tmp_path: Path) -> None:
    """Rows about the customer in the user's files are loaded without content."""
    settings = copied(erased.settings, tmp_path)
    data = Path(shutil.copytree(SAMPLE, tmp_path / "data"))
    file = data / "journey" / "signals.json"
    file.write_text(file.read_text() + "\n")  # other bytes, so that it is loaded again
    families = all_families()
    with opened(settings, families) as store:
        for dataset in families[0].datasets:
            load_dataset(store.connection, dataset, data, "journey", settings.inputs, settings.home)
        for schema, name in (("quarantine", "customers"), ("journey", "customers"), ("quarantine", "signals")):
            store.replace(store.tables[schema, name], None, policy)
        assert refused(store, "customers") == [(4, [REFUSED], "{}", None)]
        assert refused(store, "signals") == [(4, [REFUSED], "{}", None), (10, [REFUSED], "{}", None)]
        customers = store.connection.execute("SELECT count(*) FROM journey.customers").fetchone()
        rejected = store.connection.execute("SELECT count(*) FROM quarantine.signals").fetchone()
        notes = store.connection.execute("SELECT note FROM raw.manifest WHERE note LIKE '%nobody reads%'").fetchall()
    assert (customers, rejected, notes) == ((9,), (3,), []), "S009 is rejected as before"
    assert places_that_name(settings.home) == []


def refused(store: Store, dataset: str) -> list[tuple[object, ...]]:
    """Return the rows of a quarantine that were refused because of a tombstone."""
    query = f"SELECT source_row, broken_rules, raw_record, customer_id FROM quarantine.{dataset}"
    return store.connection.execute(
        f"{query} WHERE list_contains(broken_rules, ?) ORDER BY source_row", [REFUSED]
    ).fetchall()


@pytest.mark.parametrize("step", ["erase_tables", "rewrite"])
def test_a_killed_erasure_can_be_repeated(
    full_home: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    settings = copied(full_home, tmp_path)
    monkeypatch.setattr(f"cjo_assets.audit.erasure.erase.{step}", killed)
    with pytest.raises(KeyboardInterrupt):
        erase(settings, CUSTOMER, "data.protection", "requested on paper")
    monkeypatch.undo()
    assert verify(settings).found == 0, "no reader finds a partial erasure"
    erase(settings, CUSTOMER, "data.protection", "requested on paper")
    assert places_that_name(settings.home) == []
    assert verify(settings).found == 0
    with duckdb.connect(str(settings.published), read_only=True) as reader:
        stones = reader.execute("SELECT is_complete, counts FROM audit.erasures").fetchall()
    assert [(complete, json.loads(counts)["inputs"]) for complete, counts in stones] == [(True, 7)], "by both attempts"


def test_early_erasure_enters_the_ledger_with_the_first_run(
    full_home: Settings, policy: Policy, tmp_path: Path
) -> None:
    settings = copied(full_home, tmp_path)
    shutil.rmtree(settings.home / "snapshots")
    settings.published.rename(tmp_path / "earlier.duckdb")
    for customer in (CUSTOMER, "C008"):
        erase(settings, customer, "data.protection", "requested on paper")
    for _ in range(2):
        with opened(settings, all_families()) as store:
            publish(store, settings.published, [DAY], stamp=Stamp("run", policy.policy_hash, "code"))
        assert verify(settings).findings == []
        with duckdb.connect(str(settings.published), read_only=True) as reader:
            known = reader.execute("SELECT count(*) FROM audit.decision_ledger WHERE kind = 'erased'").fetchall()
        assert known == [(2,)], "once"
    shutil.copy(tmp_path / "earlier.duckdb", settings.published)
    with opened(settings, all_families()) as store:
        publish(store, settings.published, [DAY], stamp=Stamp("run", policy.policy_hash, "code"))
    named = [finding.table for finding in verify(settings).findings]
    # Two customers in the ledger of the journey, and one of them in that of the lifecycle.
    assert named == ["audit.erasures"] * 3, "the older database has the records again, to be erased again"


def test_what_is_refused(erased: Erased) -> None:
    with pytest.raises(RefusalError, match=r"Unknown customer C777"):
        erase(erased.settings, "C777", "data.protection", "requested on paper")
    with pytest.raises(RefusalError, match="--reason is empty"):
        erase(erased.settings, CUSTOMER, "data.protection", " ")
    for nobody in (" ", "\u200b", "N/A", "none"):
        with pytest.raises(RefusalError, match="is not the name of a person"):
            erase(erased.settings, CUSTOMER, nobody, "requested on paper")
    with pytest.raises(RefusalError, match="is empty"):
        erase(Settings(SAMPLE, None, erased.settings.home / "elsewhere"), CUSTOMER, "data.protection", "asked")


def test_the_command_requires_yes_and_erases_a_second_customer(erased: Erased, tmp_path: Path) -> None:
    settings = copied(erased.settings, tmp_path)
    asked = ["erase", "--customer", "C008", "--by", "dpo", "--reason", "requested too", "--home", str(settings.home)]
    first = CliRunner().invoke(app, asked)
    assert first.exit_code == 1
    assert "journey.customers: 1 rows" in first.output
    assert "Add --yes" in first.output
    assert explained(settings, "C008", None).customer_id == "C008", "nothing was erased"
    assert "inputs: 2 rows" in first.output, "the customer and an entry of the log"
    note = settings.home / "notes.txt"
    note.write_text("Call C008 again")
    second = CliRunner().invoke(app, [*asked, "--yes"])
    assert second.exit_code == 1, "remaining places are reported"
    assert "still named in notes.txt" in second.output
    assert "Erased C008, except in 1 places" in second.output
    note.unlink()
    second = CliRunner().invoke(app, [*asked, "--yes"])
    assert second.exit_code == 0, second.output
    assert "rows in them about this customer will be refused" in second.output
    assert verify(settings).found == 0
    with duckdb.connect(str(settings.published), read_only=True) as reader:
        assert reader.execute("SELECT count(*), count(DISTINCT salt) FROM audit.erasures").fetchall() == [(2, 1)]
        assert reader.execute("SELECT count(*) FROM journey.customers").fetchall() == [(8,)]
