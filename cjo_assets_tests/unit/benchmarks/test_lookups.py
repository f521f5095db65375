"""Tests of the benchmark of lookups, with few customers."""

from pathlib import Path

from benchmarks.lookups import Lookups, described, measure_lookups


def test_lookups_are_measured_and_written_to_the_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    found = measure_lookups(tmp_path, page, customers=50, lookups=10)
    assert (found.customers, len(found.taken)) == (50, 10)
    assert found.first > 0
    text = page.read_text(encoding="utf-8")
    assert "| 10 lookups among 50 customers |" in text
    assert "cjo bench --only personalization" in text
    # The database is built once.
    built = (tmp_path / "data/personalization_50.duckdb").stat().st_mtime_ns
    measure_lookups(tmp_path, page, customers=50, lookups=1)
    assert (tmp_path / "data/personalization_50.duckdb").stat().st_mtime_ns == built
    assert page.read_text(encoding="utf-8").count("## Lookup of a customer") == 1


def test_a_percentile_is_one_of_the_durations() -> None:
    found = Lookups(1, 1.0, tuple(float(number) for number in range(100, 0, -1)))
    assert (found.percentile(0.95), found.percentile(0.951), found.percentile(1.0)) == (95.0, 96.0, 100.0)
    assert "| 95th percentile [ms] | 95.00 | at most 50 | **missed** |" in described(found, 0.0)
