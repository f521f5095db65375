"""Tests of the description of a home over many days."""

from pathlib import Path

from benchmarks.history import GIB, Run, compared, described, sizes_of


def test_sizes_are_added_up_by_part(tmp_path: Path) -> None:
    (tmp_path / "inputs" / "day").mkdir(parents=True)
    (tmp_path / "inputs" / "day" / "a").write_bytes(b"123")
    (tmp_path / "inputs" / "b").write_bytes(b"4")
    (tmp_path / "cjo.duckdb").write_bytes(b"56")
    assert sizes_of(tmp_path) == {"inputs": 4, "cjo.duckdb": 2}


def test_runs_of_a_home_and_its_sizes_are_shown() -> None:
    runs = [
        Run(days, seconds, {"cjo.duckdb": days * GIB // 10, "warehouse.lock": 0})
        for days, seconds in ((5, 9.0), (10, 4.0), (15, 4.5), (18, 5.0))
    ]
    text = described(7, runs, [0.5, 1.25])
    assert "7 customers; load average before a run started: 0.5 to 1.2." in text
    assert "| days | CPU of a day [s] | `cjo.duckdb` [GiB] |" in text
    assert "| 18 | 5.0 | 1.800 |" in text


def test_the_last_days_are_compared_with_the_same_days_of_a_new_home() -> None:
    text = compared(Run(365, 5.0, {}), Run(10, 4.0, {}))
    assert text == (
        "The last days take 5.0 s in this home and 4.0 s in a new home with 10 days: 1.25 times as long; "
        "target: at most 1.2, **missed**."
    )
