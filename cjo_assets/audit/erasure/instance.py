"""Erasure of a person from the storage of Dagster: events, runs, cursors and output.

Entries are JSON: they are parsed, erased by field and written again, so that they remain valid. The description of a
check repeats its examples without column names, and is changed with them.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from cjo_assets.audit.erasure.texts import value_without
from cjo_assets.core.errors import WarehouseError
from cjo_assets.core.person import Person

# A daemon may be writing to its log.
BUSY_SECONDS = 60.0


def erase_database(file: Path, person: Person, *, is_dry: bool = False) -> int:
    """Remove a person from a database of the instance; return the number of changed values.

    Args:
        file: the database.
        person: the person to erase.
        is_dry: whether to only count.

    Raises:
        WarehouseError: another process has the database open for longer than a minute.
    """
    try:
        with closing(sqlite3.connect(file, timeout=BUSY_SECONDS)) as connection:
            changed = _erase_values(connection, person, is_dry=is_dry)
            if changed and not is_dry:
                connection.execute("VACUUM")
                # While another process has the write-ahead log open, earlier pages would remain in it.
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.OperationalError as error:
        raise WarehouseError(
            f"The Dagster log {file} cannot be changed ({error}). Stop `cjo ui` or the daemon and erase again."
        ) from error
    return changed


def _erase_values(connection: sqlite3.Connection, person: Person, *, is_dry: bool) -> int:
    changed = 0
    tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    with connection:
        for (table,) in tables:
            for _, column, *_ in connection.execute(f'PRAGMA table_info("{table}")').fetchall():
                found = connection.execute(
                    f'SELECT DISTINCT "{column}" FROM "{table}" WHERE typeof("{column}") = \'text\''
                )
                pairs = [(after, before) for (before,) in found if (after := entry_without(before, person)) != before]
                changed += len(pairs)
                if not is_dry:
                    connection.executemany(f'UPDATE "{table}" SET "{column}" = ? WHERE "{column}" = ?', pairs)
    return changed


def entry_without(text: str, person: Person) -> str:
    """Return a log entry without the person."""
    if text[:1] not in ("{", "["):
        return person.words.without(text)
    try:
        content = json.loads(text)
    except ValueError:
        return person.words.without(text)
    changed = value_without(content, person)
    sentences = _repeated_examples(content, changed)
    if sentences:
        changed = _replaced(changed, sentences)
    return text if changed == content else json.dumps(changed, ensure_ascii=text.isascii())


def _repeated_examples(before: Any, after: Any) -> dict[str, str]:
    """Return the changed examples of checks by their text in the description."""
    found: dict[str, str] = {}
    if isinstance(before, dict) and isinstance(after, dict):
        if isinstance(before.get("examples"), dict):
            rows = zip(before["examples"].get("data") or (), after["examples"].get("data") or (), strict=True)
            found |= {_in_words(old): _in_words(new) for old, new in rows if old != new and isinstance(old, dict)}
        for old, new in zip(before.values(), after.values(), strict=True):
            found |= _repeated_examples(old, new)
    elif isinstance(before, list) and isinstance(after, list):
        for old, new in zip(before, after, strict=True):
            found |= _repeated_examples(old, new)
    return found


def _in_words(example: dict[str, Any]) -> str:
    return " ".join(map(str, example.values()))


def _replaced(value: Any, sentences: dict[str, str]) -> Any:
    """Return a value with some of the examples in its lists ("...: a b; c d") replaced."""
    if isinstance(value, dict):
        return {name: _replaced(found, sentences) for name, found in value.items()}
    if isinstance(value, list):
        return [_replaced(found, sentences) for found in value]
    if not isinstance(value, str) or ": " not in value:
        return value
    start, colon, listed = value.rpartition(": ")
    quote = "'" if listed.endswith("'") else ""
    examples = [sentences.get(example, example) for example in listed.removesuffix("'").split("; ")]
    return f"{start}{colon}{'; '.join(examples)}{quote}"
