"""Rows that the lifecycle wrote for the journey: explained, replayed and erased in a home with both families."""

import hashlib
import json
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from cjo_assets.audit.erasure.erase import erase, what_would_go
from cjo_assets.audit.replay.differences import DIFFERS, IDENTICAL, IMPOSSIBLE, DayVerdict
from cjo_assets.audit.replay.replay import replayed
from cjo_assets.audit.replay.scratch import scratch
from cjo_assets.audit.why.ask import explained
from cjo_assets.audit.why.other_families import branches_of_others
from cjo_assets.catalog import all_families
from cjo_assets.cli.app import app
from cjo_assets.core.errors import WarehouseError
from cjo_assets.core.questions import ExplainedRow
from cjo_assets.core.settings import Settings
from cjo_assets.families.journey.questions._why_lines import branches
from cjo_assets.policy import Policy
from cjo_assets.warehouse.build import opened
from cjo_assets_tests.support.catalog import PAST_STATEMENTS
from cjo_assets_tests.support.chain import SAMPLE, read_rows
from cjo_assets_tests.support.warehouse import publish_family

DAY = date(2025, 1, 20)
GONE, INACTIVE = "C010", "DS-946182ae498b"
DROP, REPEATED, DISSATISFIED = "DS-135b9142dd52", "DS-3cd96a150f61", "DS-55477f147531"


@pytest.fixture(scope="module")
def home(sample_home: Settings) -> Settings:
    """Return a home in which the samples are published, that of the lifecycle before that of the journey."""
    return sample_home


def rows_of(home: Settings, subject: str, day: date | None = None) -> dict[str, ExplainedRow]:
    """Return the explained rows about a subject by signal."""
    return {found.row["signal_id"]: found for found in explained(home, subject, day).exchanged}


def test_a_customer_has_a_branch_of_the_lifecycle(home: Settings) -> None:
    [found] = explained(home, "C005", None).others
    assert (found.family, found.as_of) == ("lifecycle", DAY)
    assert [len(found.parts[name]) for name in ("stages", "health", "contributions")] == [1, 1, 9]
    [branch] = branches_of_others(explained(home, "C005", None).others)
    assert branch.heading == "Lifecycle on 2025-01-20"
    text = "\n".join(branch.lines)
    # 10, 20.556, 11.111, 5 and 50 points, weighted .30, .25, .20, .15 and .10.
    assert "health 16.1 of 100, red" in text
    assert "days overdue: 15, 50 points, adds 5" in text
    # The urgent ticket of C008 had 60 minutes from 20:00 on, and no answer by the end of the day.
    [clocks] = branches_of_others(explained(home, "C008", None).others)
    assert any("first response of ticket T-07 (urgent) took" in line and "21:00 UTC" in line for line in clocks.lines)
    [offers] = branches_of_others(explained(home, "C001", None).others)
    assert "to offer: a larger plan, worth 30,000.00 a year" in offers.lines
    as_json = CliRunner().invoke(app, ["why", "C001", "--json", "--home", str(home.home)]).output
    [other] = json.loads(as_json)["others"]
    assert [row["kind"] for row in other["parts"]["offers"]] == ["premium_tier"]


def test_a_customer_of_the_lifecycle_alone_is_explained_by_it(home: Settings) -> None:
    def why(subject: str, *options: str) -> str:
        return CliRunner().invoke(app, ["why", subject, *options, "--home", str(home.home)]).output

    paragraph = why("C011").splitlines()[0]
    assert paragraph.startswith(
        "C011 is no customer of the journey, so nothing was decided about it there. Lifecycle on 2025-01-20: stage "
    )
    assert ". health " in paragraph
    assert "Lifecycle on 2025-01-20" in why("C011", "--full")
    assert [rows["family"] for rows in json.loads(why("C011", "--json"))["others"]] == ["lifecycle"]
    assert "Unknown customer or intervention C998" in why("C998")


def test_a_decision_has_its_approval_and_its_records(home: Settings) -> None:
    def shown(subject: str) -> str:
        return (
            CliRunner().invoke(app, ["why", subject, "--full", "--home", str(home.home)], env={"COLUMNS": "300"}).output
        )

    # The rollback of a version that the client saved, approved by a person.
    rollback = shown("L-7fcae13a4776")
    paragraph, heading, *_ = rollback.splitlines()
    assert paragraph.startswith(
        "Meridian Clinics (C004): Roll cfg-01 back to version 1. This is the decision L-7fcae13a4776, open since "
        "20 Jan 2025; it is carried out by the system for runtime."
    )
    assert "It was approved by " in paragraph
    assert heading == "L-7fcae13a4776 on 2025-01-20, C004: Roll cfg-01 back to version 1."
    for line in ("status approved", "approval_rule client_rollback", "approval_role manager"):
        assert line in rollback
    assert "config_versions cfg-01 | 2, config_versions.json row " in rollback
    assert "Rows of lifecycle on 2025-01-20" in rollback
    assert "config_changes:cfg-01@2" in rollback
    # A request that a person recorded is no decision of the platform.
    requested = shown("L-7f4ec7f62143")
    assert "A person recorded the request L-7f4ec7f62143. It waits for the approval of the " in requested
    assert "approval_rule discount" in requested
    assert "Unknown customer or intervention L-000000000000" in shown("L-000000000000")


def test_each_derived_signal_has_its_records_with_file_and_row(home: Settings, policy: Policy) -> None:
    found = rows_of(home, "C005")
    assert list(found) == [DROP, REPEATED, DISSATISFIED], "by day of detection"
    keys = {signal: [record["record_key"] for record in row.records] for signal, row in found.items()}
    assert keys[REPEATED] == ["T-05", "T-06"]
    assert keys[DISSATISFIED] == ["CV-0111", "CV-0129", "CV-0146"]
    assert (len(keys[DROP]), keys[DROP][0], keys[DROP][-1]) == (19, "C005 | 2024-11-28", "C005 | 2024-12-25")
    for row in found.values():
        assert (row.family, row.as_of, row.policy_hash, row.missing) == ("lifecycle", DAY, policy.policy_hash, [])
        for record in row.records:
            path = SAMPLE / "lifecycle" / record["source_file"]
            source = read_rows(path.parent, record["dataset"])[record["source_row"] - 1]
            assert record["file_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
            key = record["record_key"].removeprefix("C005 | ")
            assert source["customer_id"] == "C005"
            assert key in (source.get("ticket_id"), source.get("conversation_id"), source.get("usage_date"))


def test_the_rule_has_the_values_of_the_policy_and_of_the_records(home: Settings) -> None:
    """C005 of the sample: 14 logins after 20, a mean of 2.667 of 3, and two tickets of one category."""
    found = rows_of(home, "C005")
    assert found[DROP].policy_values == {
        "signals.usage_drop.ratio": 0.7,
        "signals.usage_drop.days": 14,
        "signals.usage_drop.least_before": 10,
        "signals.quiet_days": 7,
    }
    assert "at most 0.7 times those of the 14 days before" in found[DROP].rule
    assert found[DROP].rule.endswith("14 logins from 2024-12-12 to 2024-12-25, 20 in the 14 days before")
    assert found[REPEATED].rule.endswith("Records: 2 tickets of bug_report")
    assert found[DISSATISFIED].rule.endswith("Records: 3 answers, mean 2.66667")


@pytest.mark.parametrize(
    ("subject", "source", "record"),
    [
        ("C001", "S001", "tickets T-03"),
        ("C006", "S006", "lifecycle_events E-0114"),
        ("C010", "S011", "usage_daily C010 | 2024-12-28"),
    ],
)
def test_a_signal_that_confirms_one_of_a_source_is_explained_too(
    home: Settings, subject: str, source: str, record: str
) -> None:
    why = explained(home, subject, None)
    [branch] = [branch for branch in branches(why) if branch.heading.startswith("Derived signal")]
    assert branch.heading.endswith(f"confirms {source}")
    assert any(line.startswith(record) for line in branch.lines)


def test_a_derived_signal_is_a_subject(home: Settings) -> None:
    assert explained(home, REPEATED, None).customer_id == "C005"
    assert rows_of(home, "C002") == {}


def test_the_command_names_records_and_places(home: Settings) -> None:
    run = CliRunner()
    tree = run.invoke(app, ["why", "C005", "--full", "--home", str(home.home)])
    assert tree.exit_code == 0, tree.output
    for text in (
        f"Derived signal {REPEATED} of lifecycle: repeat_support_tickets on 2025-01-09, strength 0.5, no source has it",
        "signals.repeat.tickets = 2",
        "tickets T-05 (category bug_report, created_at 2025-01-08 10:00:00): tickets.json row 5, file ",
        "usage_daily C005 | 2024-12-16 (usage_date 2024-12-16, logins 3): usage_daily.json row 109, file ",
    ):
        assert text in tree.output
    found: Any = json.loads(run.invoke(app, ["why", "C005", "--json", "--home", str(home.home)]).stdout)
    assert [row["row"]["signal_id"] for row in found["exchanged"]] == [DROP, REPEATED, DISSATISFIED]


def test_evidence_that_is_not_published_is_named(home: Settings, tmp_path: Path) -> None:
    copy = Settings(SAMPLE, None, tmp_path)
    copy.published.write_bytes(home.published.read_bytes())
    with duckdb.connect(str(copy.published)) as connection:
        connection.execute("DELETE FROM lifecycle.tickets WHERE ticket_id = 'T-05'")
        connection.execute("DELETE FROM audit.runs WHERE family = 'lifecycle'")
    row = rows_of(copy, "C005")[REPEATED]
    assert row.missing == ["tickets:T-05"]
    assert [record["record_key"] for record in row.records] == ["T-06"]
    assert (row.as_of, row.policy_hash, row.rule, row.policy_values) == (None, None, "", {})


def copied(home: Settings, folder: Path) -> Settings:
    """Copy a home; its data folder is missing."""
    return Settings(folder / "no data", None, Path(shutil.copytree(home.home, folder / "home")))


def replay(settings: Settings, family: str) -> DayVerdict:
    """Return the comparison of the day of a family with its replay."""
    with scratch(settings, statements=PAST_STATEMENTS, family=family) as past:
        (verdict,) = replayed(past, [DAY])
    return verdict


def test_a_day_with_derived_signals_is_replayed_from_the_archive(home: Settings, tmp_path: Path) -> None:
    """Neither the data folder nor the exchange file is there any more."""
    settings = copied(home, tmp_path)
    shutil.rmtree(settings.exchange)
    verdict = replay(settings, "journey")
    assert (verdict.state, verdict.reasons) == (IDENTICAL, ())
    rows = {table.table: table.rows for table in verdict.tables}
    assert rows["journey.derived_signals"] == 6


def test_a_replay_names_a_changed_derived_signal(home: Settings, tmp_path: Path) -> None:
    settings = copied(home, tmp_path)
    with duckdb.connect(str(settings.published)) as connection:
        connection.execute("UPDATE journey.derived_signals SET signal_strength = 0.9 WHERE signal_id = ?", [DROP])
    verdict = replay(settings, "journey")
    assert verdict.state == DIFFERS
    assert [table.table for table in verdict.tables if not table.is_identical] == ["journey.derived_signals"]


@pytest.fixture(scope="module")
def erased(home: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Return a home from which C010 was erased, whose only derived signal confirms S011."""
    settings = copied(home, tmp_path_factory.mktemp("erased"))
    announced = what_would_go(settings, GONE)
    found = erase(settings, GONE, "data.protection", "requested on paper")
    assert found.left == ()
    assert announced["derived_signals.ndjson"] == found.counts["derived_signals.ndjson"] == 1
    return settings


def test_nothing_exchanged_names_an_erased_customer(erased: Settings) -> None:
    text = (erased.exchange / "derived_signals.ndjson").read_text(encoding="utf-8")
    assert [json.loads(line)["customer_id"] for line in text.splitlines()] == ["C005"] * 3 + ["C001", "C006"]
    for file in sorted(path for path in erased.home.rglob("*") if path.is_file() and path.suffix != ".duckdb"):
        content = file.read_bytes()
        assert not [name for name in (GONE.encode(), INACTIVE.encode()) if name in content], file
    with duckdb.connect(str(erased.published), read_only=True) as reader:
        query = "SELECT count(*) FROM {} WHERE customer_id = 'C010'"
        for table in ("lifecycle.journey_signals", "lifecycle.tickets", "journey.known_signals", "latest.account_360"):
            assert reader.execute(query.format(table)).fetchone() == (0,), table
        assert reader.execute("SELECT count(*) FROM latest.account_360").fetchone() == (12,)


@pytest.mark.parametrize("subject", [GONE, INACTIVE])
def test_why_knows_nothing_of_an_erased_customer(erased: Settings, subject: str) -> None:
    with pytest.raises(WarehouseError, match=f"Unknown customer or intervention {subject}"):
        explained(erased, subject, None)
    assert list(rows_of(erased, "C005")) == [DROP, REPEATED, DISSATISFIED], "others are explained as before"


def test_a_run_after_an_erasure_brings_nothing_back(erased: Settings, policy: Policy, tmp_path: Path) -> None:
    """The data folder still names the customer, so the rows are refused, and the file is written without it."""
    settings = Settings(SAMPLE, None, Path(shutil.copytree(erased.home, tmp_path / "home")))
    with opened(settings, all_families()) as store:
        for family in ("lifecycle", "journey"):
            publish_family(store, settings, family, DAY, policy)
    assert GONE not in (settings.exchange / "derived_signals.ndjson").read_text(encoding="utf-8")
    with pytest.raises(WarehouseError, match="Unknown customer"):
        explained(settings, GONE, None)


def test_a_day_before_an_erasure_cannot_be_replayed(erased: Settings) -> None:
    verdict = replay(erased, "journey")
    assert (verdict.state, verdict.is_explained_by_erasure) == (IMPOSSIBLE, True)
