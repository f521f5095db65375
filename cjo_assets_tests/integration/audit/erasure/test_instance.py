"""Erasing a person from Dagster's databases: by field, and every entry parses afterwards."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from cjo_assets.audit.erasure.instance import entry_without, erase_database
from cjo_assets.core.person import Person

FIVE = Person("5", {"customer": frozenset(["5"]), "intervention": frozenset(["4"]), "signal": frozenset(["12"])})
JUERGEN = Person("J\u00fcrgen", {"customer": frozenset(["J\u00fcrgen"])})


def event(**parts: Any) -> str:
    """Return an entry as Dagster writes it."""
    return json.dumps({"__class__": "EventLogEntry", "timestamp": 5.0, "dagster_event": parts})


def finding(*rows: dict[str, str]) -> dict[str, Any]:
    """Return a check result whose description repeats the examples."""
    words = "; ".join(" ".join(row.values()) for row in rows)
    description = f"disagreeing_days: 5. Found: {words}"
    return {
        "description": description,
        "message": f"The check did not pass. Description: '{description}'",
        "metadata": {"found": {"value": 5}, "examples": {"data": list(rows)}},
    }


def test_an_entry_loses_fields_of_the_person_and_no_number() -> None:
    others = ({"customer_id": "4", "days": "5"}, {"customer_id": "12", "days": "50"})
    before = event(**finding({"customer_id": "5", "days": "12"}, *others), value=5, run_id="5-4-12")
    after = event(**finding({"customer_id": "erased", "days": "12"}, *others), value=5, run_id="5-4-12")
    assert json.loads(entry_without(before, FIVE)) == json.loads(after)


def test_an_entry_without_the_person_stays_byte_for_byte() -> None:
    for text in (event(value=5, count=12), '{"value":5}', "5", "customer_5", "{no JSON: 5}", '["5", 12]'):
        assert entry_without(text, FIVE) == text


def test_every_entry_parses_after_an_erasure_in_every_spelling(tmp_path: Path) -> None:
    preview = "| customer_id | account_value |\n|---|---|\n| J\u00fcrgen | 40000.0 |\n| J\u00fcrgens | 5.0 |"
    entries = [
        event(md_str=preview),
        event(metadata={"customer_id": "J\u00fcrgen", "text": json.dumps({"customer_id": "J\u00fcrgen"})}),
        json.dumps({"message": 'failed for "J\u00fcrgen": 5 rows'}, ensure_ascii=False),
        event(address="?customer=J%C3%BCrgen&day=5"),
    ]
    file = tmp_path / "events.db"
    with closing(sqlite3.connect(file)) as log, log:
        log.execute("CREATE TABLE event_logs (id INTEGER, event TEXT, step_key VARCHAR(255), body BLOB)")
        log.executemany("INSERT INTO event_logs VALUES (5, ?, 'step', X'05')", [(entry,) for entry in entries])
    assert erase_database(file, JUERGEN, is_dry=True) == 4
    assert erase_database(file, JUERGEN) == 4
    assert erase_database(file, JUERGEN) == 0
    with closing(sqlite3.connect(file)) as log:
        found = [text for (text,) in log.execute("SELECT event FROM event_logs ORDER BY rowid")]
        assert log.execute("SELECT DISTINCT id, step_key, body FROM event_logs").fetchall() == [(5, "step", b"\x05")]
    assert len([json.loads(text) for text in found]) == 4
    assert [text for text in found if "rgen" in text.replace("rgens", "")] == []
    assert "| erased |  |" in json.loads(found[0])["dagster_event"]["md_str"]
    assert "| J\u00fcrgens | 5.0 |" in json.loads(found[0])["dagster_event"]["md_str"]
