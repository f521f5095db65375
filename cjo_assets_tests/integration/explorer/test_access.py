"""Tests of access, answers, and of a database that changes or is missing."""

import os
import re
import shutil
import socket
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from cjo_assets.audit.why.answer import answered
from cjo_assets.catalog import all_families
from cjo_assets.cli.app import app
from cjo_assets.core.settings import Settings
from cjo_assets.explorer.database import reading
from cjo_assets.ingest.records import records_in
from cjo_assets.policy import Policy
from cjo_assets.warehouse.build import opened
from cjo_assets.warehouse.publish import publish
from cjo_assets.warehouse.run_log import record_run
from cjo_assets_tests.support.chain import SAMPLE_DAYS
from cjo_assets_tests.support.explorer import ADDRESS, SECRET, TestClient, client_of
from cjo_assets_tests.support.warehouse import INSTANCE

IN_TIME = "2025-01-21T12:00"


@pytest.fixture
def settings(sample_home: Settings, tmp_path: Path) -> Settings:
    """Return a copy of the published samples."""
    shutil.copy(sample_home.published, tmp_path / sample_home.published.name)
    return Settings(sample_home.data, None, tmp_path)


def pending_of(settings: Settings) -> str:
    """Return a pending request that one person may answer."""
    with duckdb.connect(str(settings.published), read_only=True) as reader:
        found = reader.execute(
            "SELECT intervention_id FROM journey.pending_approvals WHERE NOT needs_two_people ORDER BY 1 LIMIT 1"
        ).fetchone()
    assert found is not None
    return str(found[0])


def form_of(client: TestClient, **given: str) -> dict[str, str]:
    """Return the form of the page of approvals with values."""
    page = client.get("/approvals").text
    _, _, rest = page.partition('name="form_token" value="')
    return {"form_token": rest.partition('"')[0]} | given


def test_a_foreign_host_is_refused(settings: Settings) -> None:
    client = client_of(settings)
    for host in ("evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8050", ""):
        assert client.get("/", headers={"host": host}).status_code == 400
    assert client.get("/", headers={"host": "localhost:8050"}).status_code == 200


def test_a_wrong_token_gives_no_page(settings: Settings) -> None:
    client = client_of(settings)
    client.cookies.clear()
    assert client.get("/?token=wrong").status_code == 403
    assert client.get("/style.css").status_code == 403
    assert client.get(f"/?token={SECRET}").status_code == 200


def test_answers_are_disabled_unless_allowed(settings: Settings) -> None:
    client, request = client_of(settings), pending_of(settings)
    page = client.get("/approvals").text
    assert request in page
    # Labels, ids as they are, and no cost where no money moves.
    for text in ("customer success manager", "valuable customer", "Leave ASSET_008 off", "<dd>no money moves</dd>"):
        assert text in page
    assert '<button name="decision"' not in page
    form = form_of(client, request=request, decision="approved", by="ann", at=IN_TIME)
    assert client.post("/approvals", data=form).status_code == 403
    assert not (settings.home / "approvals.ndjson").exists()


def test_pages_and_answers_have_the_labels_of_the_policy_of_the_home(settings: Settings) -> None:
    policy = settings.home / "policy.yaml"
    policy.write_text("labels: {words: {manager: head of sales, scale_variant: to roll out}}")
    own = replace(settings, policy=policy)
    client, name = client_of(own), "REC-2998fecbefe5"
    assert "waits for the approval of the head of sales" in answered(own, name, None).paragraph
    assert "waits for the approval of the manager" in answered(settings, name, None).paragraph
    assert "head of sales" in client.get("/approvals").text
    assert "to roll out" in client.get("/list/experiments").text
    policy.write_text("labels: 1")
    assert client.get("/list/experiments").status_code == 503


def test_many_requests_are_shown_in_pages(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    client = client_of(settings)
    card = re.compile(r'<article class="grid request" id="([^"]+)">')
    listed = card.findall(client.get("/approvals").text)
    assert "paging" not in client.get("/approvals").text
    monkeypatch.setattr("cjo_assets.explorer.paging.ROWS_OF_PAGE", len(listed) - 1)
    first, last = (client.get(f"/approvals?page={number}&recorded=done").text for number in (1, 9))
    assert (card.findall(first), card.findall(last)) == (listed[:-1], listed[-1:])
    assert f"Rows 1 to {len(listed) - 1} of {len(listed)}." in first
    assert 'href="/approvals?page=2"' in first


def test_an_answer_is_recorded_as_the_command_line_does(settings: Settings) -> None:
    client, request = client_of(settings, allows_decisions=True), pending_of(settings)
    form = form_of(client, request=request, decision="approved", by=" ann ", at=IN_TIME, note="fits <b>")
    answer = client.post("/approvals", data=form)
    assert answer.status_code == 200
    assert f"{request} is approved by ann." in answer.text
    [record] = records_in(settings.home / "approvals.ndjson")
    assert {name: record[name] for name in ("intervention_id", "decision", "decided_by", "decided_at", "reason")} == {
        "intervention_id": request,
        "decision": "approved",
        "decided_by": "ann",
        "decided_at": "2025-01-21T12:00:00Z",
        "reason": "fits <b>",
    }
    assert f'id="{request}"' not in client.get("/approvals").text
    again = client.post("/approvals", data=form)
    assert (again.status_code, "Not recorded" in again.text) == (409, True)
    assert len(records_in(settings.home / "approvals.ndjson")) == 1


@pytest.mark.parametrize(
    ("changed", "headers", "status"),
    [
        ({"form_token": "wrong"}, {}, 403),
        ({"form_token": ""}, {}, 403),
        ({}, {"origin": "http://evil.example"}, 403),
        ({}, {"origin": "null"}, 403),
        ({"by": " "}, {}, 409),
        ({"decision": "perhaps"}, {}, 409),
        ({"decision": "rejected", "category": "no such"}, {}, 409),
        ({"request": "unknown"}, {}, 409),
        ({"at": "tomorrow"}, {}, 409),
        ({"note": "x" * 70_000}, {}, 413),
    ],
)
def test_a_form_that_is_not_in_order_records_nothing(
    settings: Settings, changed: dict[str, str], headers: dict[str, str], status: int
) -> None:
    client = client_of(settings, allows_decisions=True)
    form = form_of(client, request=pending_of(settings), decision="approved", by="ann", at=IN_TIME)
    answer = client.post("/approvals", data=form | changed, headers=headers)
    assert answer.status_code == status
    assert not (settings.home / "approvals.ndjson").exists()
    own = client.post("/approvals", data=form, headers={"origin": ADDRESS})
    assert own.status_code == 200


def test_a_publish_is_followed_while_a_run_writes(sample_home: Settings, tmp_path: Path, policy: Policy) -> None:
    settings = Settings(sample_home.data, None, Path(shutil.copytree(sample_home.home, tmp_path / "home")))
    client, day = client_of(settings), SAMPLE_DAYS["journey"]
    before = client.get("/table/audit.runs").text
    assert "a further run" not in before
    with opened(settings, all_families()) as store, reading(settings.published) as reader:
        # The build database is locked by this run, and pages are served.
        assert client.get("/list/customers").status_code == 200
        run: Any = SimpleNamespace(run_id="a further run")
        store.families_of_run, store.days_of_run = ("journey",), ()
        record_run(store, run, INSTANCE, "journey", day, policy, None)
        identity = settings.published.stat().st_ino
        publish(store, settings.published, [day])
        assert settings.published.stat().st_ino != identity
        assert "a further run" in client.get("/table/audit.runs").text
        # A page that was begun before shows one publish only.
        assert reader.rows("SELECT count(*) AS runs FROM audit.runs WHERE run_id = 'a further run'") == [{"runs": 0}]


def test_a_page_cannot_read_files_or_write(settings: Settings, tmp_path: Path) -> None:
    with reading(settings.published) as reader:
        for statement in (
            f"SELECT * FROM read_text('{__file__}')",
            f"COPY (SELECT 1) TO '{tmp_path}/written.csv'",
            f"ATTACH '{tmp_path}/other.duckdb'",
            "SET enable_external_access = true",
            "CREATE TABLE journey.made AS SELECT 1",
            "DELETE FROM journey.customers",
        ):
            with pytest.raises(duckdb.Error):
                reader.connection.execute(statement)
    assert not [path for path in tmp_path.iterdir() if path.name in ("written.csv", "other.duckdb")]


def test_the_command_names_what_keeps_it_from_serving(settings: Settings, tmp_path: Path) -> None:
    empty = CliRunner().invoke(app, ["explore", "--home", str(tmp_path / "none"), "--no-browser"])
    assert (empty.exit_code, "Create it with `cjo run`" in empty.output) == (1, True)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        command = ["explore", "--home", str(settings.home), "--no-browser", "--port", str(port)]
        taken = CliRunner().invoke(app, command, env={"COLUMNS": "300"})
    assert (taken.exit_code, f"Port {port} of 127.0.0.1 is not available" in taken.output) == (1, True)


def test_a_missing_or_foreign_database_is_a_message(settings: Settings) -> None:
    client = client_of(settings)
    os.remove(settings.published)
    missing = client.get("/")
    assert (missing.status_code, "cjo run" in missing.text) == (503, True)
    with duckdb.connect(str(settings.published)) as other:
        other.execute("CREATE TABLE other AS SELECT 1")
    foreign = client.get("/")
    assert (foreign.status_code, "another version" in foreign.text) == (503, True)
