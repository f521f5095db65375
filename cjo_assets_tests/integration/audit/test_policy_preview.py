"""The seed's own example, tolerating longer onboarding for Enterprise customers, previewed on the sample.

The sample has no Enterprise customer in onboarding, so C009 is put there: since 3 January, with one failed step of
strength 0.71 on the 20th. On that day, with 17 of 14 typical days, one month of tenure, and an account of 110,000:
signals 0.71 x 2/3, time 17/28, value 110/200, count 1/5. Two reasons of friction, early tenure and exceeded duration,
fill that factor; with 30 days of patience one is left and it is half. So friction falls by 0.4 x 1/2 = 0.2, the churn
score by 0.3 x 0.2 and decision risk by 0.25 x 0.06 = 0.015, below the minimum of the specialist's playbook (0.45).
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from cjo_assets.audit.policy_diff.compare import Comparison
from cjo_assets.audit.policy_diff.page import FamilyDifference, PolicyPage, TableDifference, policy_report
from cjo_assets.audit.policy_diff.preview import Preview, previewed
from cjo_assets.audit.policy_diff.values import differing_values
from cjo_assets.audit.replay.scratch import Scratch, scratch
from cjo_assets.cli.app import app
from cjo_assets.policy import Policy, load_policy
from cjo_assets_tests.support.catalog import PAST_STATEMENTS
from cjo_assets_tests.support.chain import SAMPLE, read_rows, write_rows
from cjo_assets_tests.support.reports import Page
from cjo_assets_tests.support.rows import DAY
from cjo_assets_tests.support.warehouse import Home, made_home

CANDIDATE = """
version: "2"
author: <script>alert("author")</script>
reason: Enterprise takes longer to onboard.
segment_overrides:
  Enterprise:
    evaluation:
      friction_thresholds:
        onboarding_exceeded_days: 30
"""
DIFFERENCE = FamilyDifference("marketing", (DAY,), 25, (TableDifference("marketing.kpis", 16, 16, 0, 0, 1),))
PATH = "segment_overrides.Enterprise.evaluation.friction_thresholds.onboarding_exceeded_days"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, policy: Policy) -> Iterator[Home]:
    """Return a home that published the day's record and files; of its tables nothing is needed."""
    folder = tmp_path_factory.mktemp("home")
    data = folder / "data"
    data.mkdir()
    for path in (SAMPLE / "journey").glob("*.json"):
        (data / path.name).write_bytes(path.read_bytes())
    entries = [row for row in read_rows(data, "journey_state_log") if row["customer_id"] != "C009"]
    onboarding = {"journey_stage": "onboarding", "state_entered_at": "2025-01-03", "previous_stage": None}
    write_rows(data, "journey_state_log", [*entries, {"customer_id": "C009", "days_in_state": 17} | onboarding])
    signals = read_rows(data, "signals")
    failed = {"signal_type": "failed_onboarding_step", "signal_strength": 0.71, "detected_at": "2025-01-20"}
    own = {"signal_id": "S013", "customer_id": "C009", "journey_stage": "onboarding", "source": "automated"}
    write_rows(data, "signals", [*signals, own | failed])
    made = made_home(folder, data, policy)
    made.load()
    made.make_views(DAY)
    made.publish(DAY)
    yield made
    made.store.connection.close()


@pytest.fixture(scope="module")
def candidate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the seed's example as a policy file."""
    path = tmp_path_factory.mktemp("policy") / "enterprise.yaml"
    path.write_text(CANDIDATE, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def past(home: Home) -> Iterator[Scratch]:
    """Return a scratch database beside the home."""
    with scratch(home.settings, statements=PAST_STATEMENTS) as opened:
        yield opened


@pytest.fixture(scope="module")
def preview(past: Scratch, candidate: Path, tmp_path_factory: pytest.TempPathFactory) -> Preview:
    """Return the candidate beside the policy of the day."""
    return previewed(past, [DAY], load_policy(candidate), tmp_path_factory.mktemp("out"), "csv")


def test_only_the_affected_customer_is_listed(preview: Preview) -> None:
    (change,) = preview.figures.changes
    assert (change["customer_id"], change["segment"], change["decision_change"]) == (
        "C009",
        "Enterprise",
        "other_playbook",
    )
    assert (change["playbook_id_before"], change["playbook_id_after"]) == ("PB_ONB_003", "PB_ONB_002")
    assert change["decision_risk_before"] - change["decision_risk_after"] == pytest.approx(0.015, abs=1e-6)
    assert change["decision_risk_before"] >= 0.45 > change["decision_risk_after"]
    assert change["overall_risk_score_before"] == change["overall_risk_score_after"]
    assert preview.figures.moved_scores == 1
    assert preview.counts == {"decisions": 1, "tiers": 0, "routes": 0}
    assert preview.figures.affected["customers"] == 1
    assert preview.figures.affected["account_value"] == 110_000


def test_cost_value_and_review_before_and_after(preview: Preview) -> None:
    """The specialist costs 300 and a nudge 5; both go to a manager, who approves accounts from 50,000."""
    effects = {row["measure"]: row for row in preview.figures.effects}
    assert effects["expected cost"]["change"] == -295
    assert effects["decisions"]["change"] == effects["approval requests"]["change"] == 0
    assert effects["approval requests to manager"]["before"] >= 1
    asked = effects["approval requests"]["before"]
    assert effects["review of what is asked anew"]["before"] == 30 * asked, "30 minutes each, all new on a first day"


def test_differing_policy_values_are_listed(preview: Preview, policy: Policy, candidate: Path) -> None:
    assert preview.figures.values == ((PATH, 14, 30),), "Enterprise had the general value"
    assert differing_values(policy, policy) == []
    assert [path for path, *_ in differing_values(load_policy(candidate), policy)] == [PATH]


def test_tables_that_no_rule_alters_are_computed_once(preview: Preview) -> None:
    """Lookups, states and forecasts do not depend on patience with onboarding.

    The quarantine of signals is computed again under any override by segment, and with it what follows from signals;
    so are the derived signals.
    """
    assert (preview.computed, preview.shared) == (40, 28)


def page_of(preview: Preview, policy: Policy, candidate: Path, *families: FamilyDifference) -> PolicyPage:
    """Return the content of a page."""
    return PolicyPage(policy, load_policy(candidate), preview.figures.values, preview.figures, families)


def test_files(preview: Preview, policy: Policy, candidate: Path) -> None:
    changes, effects = preview.files
    text = policy_report(page_of(preview, policy, candidate))
    assert "C009" in text
    assert PATH in text
    assert "<script>" not in text, "whatever an author wrote is text"
    assert not [word for word in ("http://", "https://", "src=", "href=") if word in text], "nothing beside it"
    read = Page.of(text)
    [policy] = re.findall("default-src 'none'; style-src 'sha256-([^']+)'; base-uri 'none'; form-action 'none'", text)
    style = text.partition("<style>")[2].partition("</style>")[0]
    assert base64.b64decode(policy) == hashlib.sha256(style.encode()).digest(), "only its own style is allowed"
    assert "prefers-color-scheme: dark" in style
    assert not [name for name in read.attributes if name == "style" or name.startswith("on")]
    rows = duckdb.sql(f"SELECT customer_id, playbook_id_after FROM '{changes}'").fetchall()
    assert rows == [("C009", "PB_ONB_002")]
    assert duckdb.sql(f"SELECT count(*) FROM '{effects}' WHERE change <> 0").fetchall()[0][0] > 0


def test_nothing_is_published(home: Home, preview: Preview) -> None:
    assert preview
    with duckdb.connect(str(home.settings.published), read_only=True) as reader:
        assert reader.execute("SELECT count(*) FROM journey.recommended_interventions").fetchall() == [(0,)]
        assert reader.execute("SELECT count(*) FROM audit.policies").fetchall() == [(1,)]


def test_a_page_without_changes(preview: Preview, policy: Policy, candidate: Path) -> None:
    """A page without changes states that there are none."""
    nothing: dict[str, Any] = {"changes": [], "all_changes": 0, "values": ()}
    unchanged = replace(preview, figures=type(preview.figures)(**vars(preview.figures) | nothing))
    assert "None: all decisions" in policy_report(page_of(unchanged, policy, candidate))


def test_the_page_shows_every_family(preview: Preview, policy: Policy, candidate: Path) -> None:
    same = FamilyDifference("lifecycle", (DAY,), 37, ())
    text = policy_report(page_of(preview, policy, candidate, DIFFERENCE, same))
    assert "Tables of the family marketing" in text
    assert "<td><code>marketing.kpis</code></td>" in text
    assert "2025-01-20: 0 of 37 tables differ." in text
    alone = replace(page_of(preview, policy, candidate, DIFFERENCE), decisions=None)
    text = policy_report(alone)
    assert "No day with decisions about customers" in text
    assert "marketing.kpis" in text
    assert "Affected customers" not in text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("journey: {risk: {urgency_high_risk: 2}}", "journey.risk.urgency_high_risk"),
        ("journey: {risk: {no_such_number: 2}}", "journey.risk.no_such_number"),
        ("segment_overrides: {Unheard: {}}", "Unheard"),
        ("- a list", "must be a YAML mapping"),
    ],
)
def test_an_invalid_policy_is_refused_with_path_and_reason(home: Home, tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text, encoding="utf-8")
    done = CliRunner().invoke(app, ["diff-policy", str(path), "--home", str(home.settings.home)])
    assert done.exit_code == 2
    assert reason in done.output
    assert str(path) in done.output.replace("\n", "")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--as-of", "2024-12-24"], "is published"),
        (["--as-of", "2025-01-20", "--from", "2025-01-19"], "exclude each other"),
        (["--fail-on", "everything"], "decisions, tiers, routes"),
        (["--format", "xlsx"], "parquet, csv"),
    ],
)
def test_invalid_options_are_refused(home: Home, candidate: Path, arguments: list[str], reason: str) -> None:
    done = CliRunner().invoke(app, ["diff-policy", str(candidate), "--home", str(home.settings.home), *arguments])
    assert done.exit_code == 2
    assert reason in done.output


def test_a_pull_request_is_stopped_where_it_changes_decisions(
    home: Home, candidate: Path, preview: Preview, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exit code follows what was found, and nothing is computed twice for it here."""
    monkeypatch.setattr("cjo_assets.audit.policy_diff.compare.previewed", lambda *_: preview)
    ends = {}
    for kinds in ([], ["tiers"], ["tiers", "decisions"]):
        arguments = [argument for kind in kinds for argument in ("--fail-on", kind)]
        command = ["diff-policy", str(candidate), "--home", str(home.settings.home), "--out", str(tmp_path), *arguments]
        done = CliRunner().invoke(app, command)
        ends[json.dumps(kinds)] = done.exit_code
        assert "C009" in done.output
        assert "PB_ONB_003" in done.output
    assert list(ends.values()) == [0, 0, 1]


def test_a_pull_request_is_stopped_where_it_changes_tables_of_another_family(
    home: Home, candidate: Path, preview: Preview, policy: Policy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tables of other families are printed and count for --fail-on tables."""
    unaffected = replace(preview, counts=dict.fromkeys(preview.counts, 0))
    for others, end in (([], 0), ([DIFFERENCE], 1)):
        page = page_of(unaffected, policy, candidate, *others)
        monkeypatch.setattr(
            "cjo_assets.audit.policy_diff.compare.compared", lambda *_, page=page: Comparison(page, unaffected, ())
        )
        command = ["diff-policy", str(candidate), "--home", str(home.settings.home), "--out", str(tmp_path)]
        done = CliRunner().invoke(app, [*command, "--fail-on", "tables"])
        assert done.exit_code == end
        assert ("Family marketing, 2025-01-20: 1 of 25 tables differ." in done.output) == bool(others)
        assert ("marketing.kpis: 1 rows changed, 0 added, 0 removed" in done.output) == bool(others)
