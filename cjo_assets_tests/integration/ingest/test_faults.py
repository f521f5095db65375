"""The place of an error in a file: the line that Python's own parser names, in little memory."""

import json
import tracemalloc
from pathlib import Path

import pytest

from cjo_assets.ingest import faults
from cjo_assets.ingest.faults import fault_in

RECORD = {"signal_id": "SG1", "text": "a 😀 b", "strength": 0.5, "list": [1, -2e5, None, True]}
ARRAY = json.dumps([RECORD, {}, RECORD], indent=1)
SMALL, LARGE = 1 << 10, 1 << 14


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read in pieces so small that every value crosses an edge."""
    monkeypatch.setattr(faults, "CHUNK_CHARACTERS", 7)


def place_by_json(text: str) -> str | None:
    """Return where the whole text is no JSON, by Python's parser of whole texts."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return f"line {error.lineno}, column {error.colno}: "
    return None


@pytest.mark.usefixtures("_small")
def test_truncated_array_fails_at_the_place_that_json_reports(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for cut in range(1, len(ARRAY)):
        path.write_text(ARRAY[:cut])
        expected = place_by_json(ARRAY[:cut])
        assert expected is not None
        assert str(fault_in("json", path)).startswith(expected), f"cut at {cut}"


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("mark", ["}", "x", ","])
def test_extra_mark_is_found_at_the_place_that_json_reports(tmp_path: Path, mark: str) -> None:
    path = tmp_path / "file"
    for place in range(1, len(ARRAY), 3):
        text = ARRAY[:place] + mark + ARRAY[place:]
        path.write_text(text)
        expected = place_by_json(text)
        found = fault_in("json", path)
        if expected is None:
            assert found is None or found.endswith("half a surrogate pair"), "the mark is between the halves"
        else:
            assert str(found).startswith(expected), f"mark at {place}"


@pytest.mark.usefixtures("_small")
def test_half_a_pair_is_found_across_the_edges_of_pieces(tmp_path: Path) -> None:
    path = tmp_path / "file"
    whole = "".join(f'{{"a": "{"x" * number}\\ud83d\\ude00"}}\n' for number in range(20))
    path.write_text(whole)
    assert fault_in("ndjson", path) is None
    path.write_text(whole + '{"a": "\\ud83d"}\n')
    assert fault_in("ndjson", path) == "line 21: half a surrogate pair"


@pytest.mark.parametrize("layout", ["lines", "array", "array on one line", "one line without end"])
def test_locating_a_fault_takes_no_more_memory_for_a_larger_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str
) -> None:
    """The bytes held at most are those of a record and a few pieces, whatever the size of the file."""
    monkeypatch.setattr(faults, "CHUNK_CHARACTERS", SMALL)
    monkeypatch.setattr(faults, "RECORD_CHARACTERS", LARGE)
    record = json.dumps(RECORD)
    held = []
    for count in (200, 20_000):
        contents = {
            "lines": f"{record}\n" * count + record[:20] + "\n",
            "array": "[\n" + f"{record},\n" * count + record[:20] + "]",
            "array on one line": "[" + f"{record}, " * count + record[:20] + "]",
            "one line without end": record.replace("}", "") + ", 1" * count * 20,
        }
        path = tmp_path / str(count)
        path.write_text(contents[layout])
        tracemalloc.start()
        fault = fault_in("json", path)
        held.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert fault is not None
        assert layout != "lines" or f"line {count + 1}, column" in fault
        assert layout != "array" or f"line {count + 2}, column" in fault
    assert path.stat().st_size > 20 * LARGE
    assert held[1] < 12 * LARGE, "a hundredth of the larger file"
    assert held[1] < 2 * held[0] + LARGE
