"""Rows that the lifecycle wrote for the journey: explained, replayed and erased in a home with both families."""

import hashlib
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from cjo_assets.audit.why.ask import explained
from cjo_assets.catalog import all_families
from cjo_assets.cli.app import app
from cjo_assets.core.questions import ExplainedRow
from cjo_assets.core.settings import Settings
from cjo_assets.engine.store import Store
from cjo_assets.families.journey.questions._why_lines import branches
from cjo_assets.policy import Policy
from cjo_assets_tests.support.catalog import STATEMENTS
from cjo_assets_tests.support.chain import SAMPLE, read_rows
from cjo_assets_tests.support.warehouse import publish_family

DAY = date(2025, 1, 20)
DROP, REPEATED, DISSATISFIED = "DS-135b9142dd52", "DS-3cd96a150f61", "DS-55477f147531"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, policy: Policy) -> Iterator[Settings]:
    """Return a home in which the sample of the lifecycle and then of the journey is published."""
    settings = Settings(SAMPLE, None, tmp_path_factory.mktemp("home"))
    store = Store(duckdb.connect(), all_families(), STATEMENTS)
    for family in ("lifecycle", "journey"):
        publish_family(store, settings, family, DAY, policy)
    yield settings
    store.connection.close()


def rows_of(home: Settings, subject: str, day: date | None = None) -> dict[str, ExplainedRow]:
    """Return the explained rows about a subject by signal."""
    return {found.row["signal_id"]: found for found in explained(home, subject, day).exchanged}


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
    tree = run.invoke(app, ["why", "C005", "--home", str(home.home)])
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
