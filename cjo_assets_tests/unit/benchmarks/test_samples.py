"""Tests of the arithmetic of the comparison with an earlier commit, its targets, and the blocks of the page."""

from pathlib import Path

import pytest

from benchmarks.against import processes_of
from benchmarks.blocks import EMPTY, block_of, section_of, write_block
from benchmarks.lifecycle import GIB, Scale, described
from benchmarks.processes import Used
from benchmarks.samples import (
    MEASURES,
    NOW,
    THEN,
    Line,
    Sample,
    by_side,
    circumstances,
    comparison,
    days_process,
    lines_of,
    table,
)
from benchmarks.targets import EARLIER, TARGETS, Target, target_of

TITLES = ("aaaaaaa", "bbbbbbb")
NEW = "new\n\nlines"


def sample(side: str, process: str, number: int, cpu_seconds: float) -> Sample:
    """Return a sample of a commit `a` and a commit `b`."""
    return Sample("a", "b", side, process, number, cpu_seconds, seconds=cpu_seconds / 2, load=float(number))


def rows_of(text: str) -> list[list[str]]:
    """Return the cells of a Markdown table without its head."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()[2:]]


def test_a_further_day_is_what_a_range_costs_beyond_its_first_day() -> None:
    """Of round 1 the first day is missing, so round 1 has no value."""
    line = Line("further_day", "a further day", "journey 3", "journey 1", 2)
    measured = {"journey 3": {0: 100.0, 1: 200.0, 2: 90.0}, "journey 1": {0: 60.0, 2: 80.0}}
    assert line.values(measured) == {0: 20.0, 2: 5.0}


def test_a_further_day_is_measured_on_a_range_of_three_days() -> None:
    lines = lines_of(["further_day"], 30)
    assert [line.processes for line in lines] == [("journey 1", "journey 3"), ("marketing 1", "marketing 3")]
    assert [line.further_days for line in lines] == [2, 2]


def test_ratios_are_computed_within_a_round() -> None:
    """The second run: 30 of 100, 50 of 200 and 90 of 100 are 0.30 in the median, although medians are 50 of 100."""
    samples = [
        *(sample(THEN, "second_run", number, spent) for number, spent in enumerate([100.0, 200.0, 100.0])),
        *(sample(NOW, "second_run", number, spent) for number, spent in enumerate([30.0, 50.0, 90.0])),
    ]
    assert rows_of(comparison(samples, lines_of(MEASURES, 30), TITLES)) == [
        ["second `make run`", "100.0", "50.0", "0.30 (0.25-0.90)", "at most 0.35", "holds"]
    ]


def test_a_target_that_is_missed_is_marked_and_a_measure_without_target_is_not() -> None:
    spent = {
        (THEN, "journey 1"): 80.0,
        (THEN, "journey 3"): 140.0,
        (NOW, "journey 1"): 40.0,
        (NOW, "journey 3"): 52.0,
        (THEN, "journey 30"): 1000.0,
        (NOW, "journey 30"): 250.0,
        (THEN, "tests"): 900.0,
    }
    samples = [sample(side, process, 0, seconds) for (side, process), seconds in spent.items()]
    assert rows_of(comparison(samples, lines_of(MEASURES, 30), TITLES)) == [
        ["(h) a further day of a range, journey", "30.0", "6.0", "0.20", "at most 0.15", "**missed**"],
        ["(i) 30-day backfill, journey", "1000.0", "250.0", "0.25", "", ""],
    ]


def test_this_commit_alone_has_medians() -> None:
    samples = [sample(NOW, "journey 30", number, spent) for number, spent in enumerate([250.0, 240.0, 290.0])]
    assert rows_of(table(samples, lines_of(["backfill"], 30))) == [
        ["(i) 30-day backfill, journey", "250.0 (240.0-290.0)"]
    ]
    assert by_side(samples) == {NOW: {"journey 30": {0: 250.0, 1: 240.0, 2: 290.0}}, THEN: {}}
    assert circumstances(samples, 2).startswith("Machine: 2 cores; rounds: 3; ")


@pytest.mark.parametrize(
    ("measures", "number", "expected"),
    [
        (["second_run"], 1, ["installing", "first_run", "second_run"]),
        (["backfill"], 0, ["installing", "journey 7"]),
        (["backfill"], 1, ["journey 7"]),
        (["further_day"], 1, ["journey 1", "journey 3", "marketing 1", "marketing 3"]),
        (["tests", "installing"], 2, ["installing", "tests"]),
    ],
)
def test_a_round_installs_first_and_whenever_a_first_run_follows(
    measures: list[str], number: int, expected: list[str]
) -> None:
    assert processes_of(measures, 7, number) == expected


def test_days_that_two_measures_need_run_once_a_round() -> None:
    assert processes_of(["further_day", "backfill"], 3, 1).count(days_process("journey", 3)) == 1


@pytest.mark.parametrize(
    ("is_lower", "value", "verdict"),
    [(False, 0.5, "holds"), (False, 0.51, "**missed**"), (True, 0.5, "holds"), (True, 0.49, "**missed**")],
)
def test_a_target_holds_at_its_limit(is_lower: bool, value: float, verdict: str) -> None:
    assert Target("platform", "sql", 0.5, is_lower=is_lower).verdict(value) == verdict


def test_a_target_has_words_for_its_bounds() -> None:
    assert Target("platform", "sql", 1.5, stretch=1.2).words == "at most 1.5 (stretch 1.2)"
    assert Target("loops", "platform", 15.0, is_lower=True).words == "at least 15"


def test_every_target_beside_an_earlier_commit_is_measured() -> None:
    measured = {target.measured for target in TARGETS if target.base == EARLIER}
    assert measured <= {*MEASURES}
    assert all(target_of(name) is not None for name in measured)


def test_a_block_is_replaced_and_the_rest_of_the_page_is_kept(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    page.write_text(f"# Before\n\n{section_of('against', 'old')}\n\n## After\n", encoding="utf-8")
    write_block(page, "against", NEW)
    text = page.read_text(encoding="utf-8")
    assert block_of(text, "against") == NEW
    assert text == f"# Before\n\n{section_of('against', NEW)}\n\n## After\n"
    assert block_of(text, "days") == EMPTY


def test_a_page_without_the_block_gets_its_section(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    write_block(page, "days", "first")
    write_block(page, "days", "second")
    assert page.read_text(encoding="utf-8") == f"{section_of('days', 'second')}\n"


def test_a_day_of_the_lifecycle_has_rows_medians_and_targets() -> None:
    """Of 200, 310 and 320 s the median misses 300 s; of 5, 6 and 6 GiB it holds."""
    used = [Used(200.0, 380.0, 5 * GIB), Used(310.0, 400.0, 6 * GIB), Used(320.0, 410.0, 6 * GIB)]
    head, rows, lines = described(
        Scale({"people": 1100, "tickets": 96000}, 1234567, GIB // 2), used, [0.5, 1.25]
    ).split("\n\n")
    assert "load average before a run started: 0.5 to 1.2" in head
    assert rows_of(rows) == [["`tickets`", "96,000"], ["`people`", "1,100"]]
    assert rows_of(lines) == [
        ["wall [s]", "310 (200-320)", "at most 300", "**missed**"],
        ["CPU [s]", "400 (380-410)", "", ""],
        ["peak memory [GiB]", "6.00 (5.00-6.00)", "at most 6", "holds"],
        ["rows of all tables of the family", "1,234,567", "", ""],
        ["published database [GiB]", "0.50", "", ""],
    ]
