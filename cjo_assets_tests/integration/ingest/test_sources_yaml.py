"""Tests of `sources.yaml`: each setting is validated when it is read, with file, dataset and setting in the error."""

import json
from pathlib import Path

import pytest

from cjo_assets.core.errors import InputError
from cjo_assets.ingest.sources_yaml import FilesSource, OwnFile, SqlSource, declared_sources


def refusal(folder: Path, text: str) -> str:
    """Return why a `sources.yaml` is refused, without the path of its folder."""
    (folder / "sources.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as refused:
        declared_sources(folder)
    return str(refused.value).replace(f"{folder}/", "")


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("/srv/exports/*.json", "must be relative to the data folder and stay inside it"),
        ("../exports/*.json", "must be relative to the data folder and stay inside it"),
        ("signals/../../*.json", "must be relative to the data folder and stay inside it"),
        ("C:/exports/*.json", "must be relative to the data folder and stay inside it"),
        ("signals/**.json", "** must be a complete path part"),
        ("signals**/a.json", "** must be a complete path part"),
        (".", "matches no file"),
    ],
)
def test_a_pattern_that_cannot_be_searched_is_refused(tmp_path: Path, pattern: str, reason: str) -> None:
    message = refusal(tmp_path, f'journey: {{signals: {{files: "{pattern}"}}}}')
    assert message.startswith("sources.yaml, journey.signals: files: ")
    assert pattern in message
    assert reason in message
    assert message.count("\n") == 0


@pytest.mark.parametrize("pattern", ["signals/*.ndjson", "**/*.json", "./a/[ab]?.csv", "signals/**/x.json"])
def test_a_relative_pattern_is_taken(tmp_path: Path, pattern: str) -> None:
    (tmp_path / "sources.yaml").write_text(f'journey: {{signals: {{files: "{pattern}"}}}}')
    assert declared_sources(tmp_path) == {("journey", "signals"): FilesSource(files=pattern)}


@pytest.mark.parametrize("source", ["duckdb: a.duckdb", "sql: CRM"])
@pytest.mark.parametrize(
    "table",
    [
        "read_csv('/etc/passwd')",
        "accounts; COPY accounts TO 'elsewhere.csv'",
        "accounts, secrets",
        "(SELECT 1)",
        "accounts --",
        'crm."accounts" WHERE true',
        "a.b.c.d",
        "../accounts",
        "",
    ],
)
def test_what_is_no_name_of_a_table_is_refused(tmp_path: Path, source: str, table: str) -> None:
    message = refusal(tmp_path, f"journey: {{customers: {{{source}, table: {json.dumps(table)}}}}}")
    assert message.startswith("sources.yaml, journey.customers: table: ")


@pytest.mark.parametrize(
    "table", ["accounts", "crm.accounts", "lake.crm.v$1", 'crm."accounts; 2025"', '"a""b"', "Größe"]
)
def test_a_name_of_a_table_is_taken(tmp_path: Path, table: str) -> None:
    entry = json.dumps({"journey": {"customers": {"sql": "CRM", "table": table}}})
    (tmp_path / "sources.yaml").write_text(entry, encoding="utf-8")
    assert declared_sources(tmp_path) == {("journey", "customers"): SqlSource(sql="CRM", table=table)}


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ('{delimiter: ";;"}', ["delimiter: ';;' is not a valid delimiter"]),
        ('{delimiter: "a"}', ["delimiter: 'a' is not a valid delimiter"]),
        ("{encoding: latin-99}", ["encoding: 'latin-99' is not an encoding", "windows-1252"]),
        ("{encoding: base64}", ["encoding: 'base64' is not an encoding"]),
        ('{decimal: ";"}', ["decimal: ';' is neither"]),
        ('{thousands: "00"}', ["thousands: '00' is not a valid thousands separator"]),
        ('{decimal: ",", thousands: ","}', ["thousands and decimal must differ, but both are ','"]),
        ('{thousands: "."}', ["thousands and decimal must differ, but both are '.'"]),
        ("{date_format: DD/MM/YY}", ["date_format: 'DD/MM/YY' must have YYYY"]),
        ("{date_format: DD/DD/YYYY}", ["date_format: 'DD/DD/YYYY' must have"]),
        ("{date_format: DMYYYY}", ["date_format: 'DMYYYY' must have"]),
        ("{skip_rows: -1}", ["skip_rows: input should be greater than or equal to 0"]),
        ("{skip_rows: two}", ["skip_rows: input should be a valid integer"]),
        ("{null_words: N/A}", ["null_words: input should be a valid list"]),
        ("{columns: {Kunde: customer_id}}", ["no column Kunde", "Map a column of the dataset", "customer_id, segment"]),
        ("{columns: {customer_id: A, segment: A}}", ["columns maps A to more than one column"]),
        ('{delimitter: ";", skip_rows: 1}', ["delimitter: unknown setting", "delimiter"]),
        (
            "{duckdb: a.duckdb, table: main.a, delimiter: ';'}",
            ["delimiter: unknown setting", "null_words"],
        ),
        ("{sql: A, table: a, cursor: b, newest_by: b}", ["cursor and newest_by exclude each other"]),
        ("{}", ["exactly one of files, duckdb, sql, or the format of its file with"]),
        ("{files: a.csv, duckdb: b}", ["exactly one of files, duckdb, sql"]),
        ('{skip_rows: 1, delimiter: ";", skip_rows: 2}', ["skip_rows occurs twice"]),
    ],
)
def test_a_setting_that_cannot_be_is_refused_in_a_sentence(tmp_path: Path, entry: str, words: list[str]) -> None:
    message = refusal(tmp_path, f"journey: {{customers: {entry}}}")
    assert "sources.yaml" in message
    assert [word for word in words if word not in message] == [], message
    assert "twice" in message or message.startswith("sources.yaml, journey.customers: ")


def test_settings_alone_describe_the_file_of_the_own_name(tmp_path: Path) -> None:
    (tmp_path / "sources.yaml").write_text('journey: {customers: {delimiter: "\\t", date_format: D.M.YYYY}}')
    source = declared_sources(tmp_path)["journey", "customers"]
    assert source == OwnFile(delimiter="\t", date_format="D.M.YYYY")
    assert source.as_json() == '{"date_format": "D.M.YYYY", "delimiter": "\\t"}'
