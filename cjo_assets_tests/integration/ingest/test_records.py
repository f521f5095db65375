"""Tests of record files: confirmed records are never lost or duplicated, and truncated ones are not read."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cjo_assets.core.errors import WarehouseError
from cjo_assets.ingest.records import append, fingerprint, locked, records_in

# Writes records until it is killed, and confirms each after it is on disk.
WRITER = """
import sys
from pathlib import Path
from cjo_assets.ingest.records import append, locked
path, who = Path(sys.argv[1]), sys.argv[2]
for number in range(int(sys.argv[3])):
    with locked(path):
        append(path, {"who": who, "number": number, "text": "x" * 2000})
    print(number, flush=True)
"""


def writer(path: Path, who: str, records: int) -> subprocess.Popen[str]:
    """Start a process that writes so many records."""
    command = [sys.executable, "-c", WRITER, str(path), who, str(records)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a file of two records."""
    found = tmp_path / "approvals.ndjson"
    with locked(found):
        append(found, {"number": 1})
        append(found, {"number": 2, "text": "line\nbreak \u2028 and ü"})
    return found


def test_a_record_is_a_line(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").split("\n")
    assert [json.loads(line)["number"] for line in lines[:-1]] == [1, 2]
    assert lines[-1] == ""
    with locked(path):
        assert records_in(path)[1]["text"] == "line\nbreak \u2028 and ü"


@pytest.mark.parametrize("torn", [b"{", b'{"number": 3', b'{"number": 3, "text": "\xc3', b"\x00\x00\x00", b"4"])
def test_a_line_that_a_crash_left_torn_goes_and_the_others_stay(path: Path, torn: bytes) -> None:
    before = path.read_bytes()
    path.write_bytes(before + torn)
    with locked(path):
        assert path.read_bytes() == before
        append(path, {"number": 3})
        assert [record["number"] for record in records_in(path)] == [1, 2, 3]


def test_a_record_that_lacks_but_its_line_feed_is_kept(path: Path) -> None:
    before = path.read_bytes()
    path.write_bytes(before + b'{"number": 3}')
    with locked(path):
        assert [record["number"] for record in records_in(path)] == [1, 2, 3]
    assert path.read_bytes() == before + b'{"number": 3}\n'


def test_a_line_in_the_middle_that_is_no_record_is_named(path: Path) -> None:
    path.write_bytes(b"nonsense\n" + path.read_bytes())
    with locked(path), pytest.raises(WarehouseError, match=r"Line 1 of .*approvals\.ndjson"):
        records_in(path)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match="nowhere"), locked(tmp_path / "nowhere" / "approvals.ndjson"):
        pass


def test_the_fingerprint_follows_the_content(path: Path, tmp_path: Path) -> None:
    assert fingerprint(tmp_path / "absent.ndjson") is None
    before = fingerprint(path)
    with locked(path):
        append(path, {"number": 3})
    assert before != fingerprint(path) is not None


def test_two_who_write_at_once_lose_and_repeat_nothing(tmp_path: Path) -> None:
    path = tmp_path / "approvals.ndjson"
    writers = [writer(path, who, 60) for who in ("ann", "bob")]
    assert [one.wait(60) for one in writers] == [0, 0]
    with locked(path):
        written = [(record["who"], record["number"]) for record in records_in(path)]
    assert sorted(written) == sorted((who, number) for who in ("ann", "bob") for number in range(60))
    for who in ("ann", "bob"):
        assert [number for name, number in written if name == who] == list(range(60))


def test_what_was_confirmed_before_a_kill_is_there_after_it(tmp_path: Path) -> None:
    path = tmp_path / "approvals.ndjson"
    for _ in range(3):
        running = writer(path, "ann", 100_000)
        assert running.stdout is not None
        running.stdout.readline()
        time.sleep(0.1)
        os.kill(running.pid, signal.SIGKILL)
        confirmed = 1 + len(running.stdout.read().splitlines())
        running.wait(10)
        with locked(path):
            written = [record["number"] for record in records_in(path)]
        # At most one record that was not yet confirmed is in the file in addition.
        assert written == list(range(len(written)))
        assert len(written) - confirmed in (0, 1)
        path.unlink()
