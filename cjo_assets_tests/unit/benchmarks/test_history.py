"""Tests of the description of a home over many days."""

from pathlib import Path

from benchmarks.history import GIB, Run, described, sizes_of


def test_sizes_are_added_up_by_part(tmp_path: Path) -> None:
    (tmp_path / "inputs" / "day").mkdir(parents=True)
    (tmp_path / "inputs" / "day" / "a").write_bytes(b"123")
    (tmp_path / "inputs" / "b").write_bytes(b"4")
    (tmp_path / "cjo.duckdb").write_bytes(b"56")
    assert sizes_of(tmp_path) == {"inputs": 4, "cjo.duckdb": 2}


def test_a_later_day_is_compared_with_one_of_the_second_run() -> None:
    runs = [
        Run(days, seconds, {"cjo.duckdb": days * GIB // 10, "warehouse.lock": 0})
        for days, seconds in ((5, 9.0), (10, 4.0), (15, 4.5), (18, 5.0))
    ]
    text = described(7, runs, [0.5, 1.25])
    assert "7 customers; load average before a run started: 0.5 to 1.2." in text
    assert "| days | CPU of a day [s] | `cjo.duckdb` [GiB] |" in text
    assert "| 18 | 5.0 | 1.800 |" in text
    assert "takes 1.25 times as long as one of days 6 to 10; target: at most 1.2, **missed**." in text
    assert "times as long" not in described(7, runs[:2], [0.5])
