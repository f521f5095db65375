"""docs/explanation/benchmarks.md and its plot, written from the results.

The explanations of missed targets are in `notes.md`, which is edited by hand.
"""

from __future__ import annotations

import itertools
import json
import math
import os
import statistics
from collections import defaultdict
from pathlib import Path
from typing import Any

from benchmarks.blocks import SECTIONS, block_of, section_of
from benchmarks.contenders import yardstick
from benchmarks.grid import grid, spread
from benchmarks.targets import CHECKS, EARLIER, GROWTH, TARGETS, Target, target_of

Entry = dict[str, Any]
# By customers, contender and round.
BySize = dict[int, dict[str, dict[int, Entry]]]
GIB = 2**30
NOTES = Path(__file__).with_name("notes.md")
SHOWN_STAGES = 25
WORDS = {
    "floor": "(d) reading the inputs and writing outputs of that size",
    "sql": "(c) hand-written SQL",
    "transforms": "(b) our transforms without Dagster, checks, publish",
    "platform": "(a) through Dagster, all checks, published",
    "dbt": "(g) dbt-duckdb, with as many tests",
    "sqlmesh": "(g) SQLMesh, with as many audits",
    "pandas": "(e) pandas",
    "loops": "(f) plain Python loops",
    "everything": "every table of the graph, through Dagster",
    "next_day": "the same, the day after: 1 % of customers changed",
}
DAY_AFTER = ("everything", "next_day")
PEERS = ("dbt", "sqlmesh")
COLOURS = ["#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#3ca951", "#ff8ab7", "#a463f2", "#97bbf5", "#9c6b4e"]


def write_page(results: Path, page: Path) -> None:
    """Write the page and its plot from the results: of each contender and size the last rounds measured.

    What was measured beside another yardstick is left out. The blocks that other measurements write are kept.
    """
    by_size = _by_size(results)
    before = page.read_text(encoding="utf-8") if page.exists() else ""
    page.with_suffix(".svg").write_text(_plot(by_size), encoding="utf-8")
    page.write_text(_text(by_size, page.with_suffix(".svg").name, before), encoding="utf-8")


def targets_of(results: Path) -> str:
    """Return the table of targets of the results."""
    return _targets(_by_size(results))


def _by_size(results: Path) -> BySize:
    """Return the last entry by size, contender and round."""
    entries = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
    entries = [entry for entry in entries if entry.get("yardstick") == yardstick()]
    last: dict[tuple[int, str, int], Entry] = {
        (entry["customers"], entry["contender"], entry["round"]): entry for entry in entries
    }
    by_size: BySize = defaultdict(lambda: defaultdict(dict))
    for (customers, name, number), entry in sorted(last.items()):
        by_size[customers][name][number] = entry
    return by_size


def _text(by_size: BySize, plot: str, before: str) -> str:
    notes = NOTES.read_text(encoding="utf-8").strip()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    parts = [
        "# Benchmarks",
        f"Written by `make bench`; do not edit. Machine: {os.cpu_count()} cores, {memory:.0f} GiB of memory. "
        f"{_load(by_size)} "
        "Each ratio is computed within a round, in which all contenders ran in turn, each in its own process. The "
        "tables show the median and, in brackets, the smallest and largest value; values without brackets ran "
        "once. Seconds exclude imports and graph load, which are shown under start. CPU is the processor time of "
        "all threads and is affected least by other programs.",
        "All contenders build the tables of `benchmarks/yardstick.sql`, with the columns of the platform, from "
        "the same Parquet files (10 signals per customer): rejected and validated customers, stages and signals, "
        "the state of each customer, the evidence of its signals, and the evaluation of its stage. No contender "
        "copies the files into raw tables. All results were compared with the hand-written SQL row by row "
        "(numbers to the sixth decimal). The platform does more than the others: it archives and hashes the "
        "files, stores every table in the order of its key, and builds what its rules need in addition "
        "(playbooks, interventions, outcomes, answers, and their ledger), which the hand-written SQL reads from "
        "the files. Later tables use forecasts that are learned from the log, for which there is no hand-written "
        "version: they are measured as a whole. pandas validates the same rules as the hand-written SQL, and the "
        "key of each table; loops and SQL validate only to reject rows; dbt and SQLMesh have as many tests as the "
        "platform has checks on these tables. Their times include their start, which is added to the platform's "
        "when it is compared with them.",
        f"![Seconds by customers]({plot})",
    ]
    for customers, found in sorted(by_size.items()):
        parts += [f"## {customers:,} customers", _contenders(found), _unequal(found), _disk(found)]
    parts += [
        "## Targets",
        _targets(by_size),
        *(section_of(name, block_of(before, name)) for name in SECTIONS),
        "## Causes of missed targets",
        notes,
        "## Growth",
        _growth(by_size),
        "## Stages",
        _beside_by_hand(by_size),
        _stages(by_size),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _load(by_size: BySize) -> str:
    """Return a sentence about the load of the machine at the start of contenders."""
    runs = (entry for found in by_size.values() for rounds in found.values() for entry in rounds.values())
    loads = [entry["load"] for entry in runs if "load" in entry]
    if not loads:
        return "The load is unknown."
    return (
        f"The load average at the start of a contender was between {min(loads):.1f} and {max(loads):.1f}, including "
        "the load of the previous contender."
    )


def _contenders(found: dict[str, dict[int, Entry]]) -> str:
    rows = []
    for name, words in WORDS.items():
        if name in found:
            entries = list(found[name].values())
            rows.append(
                [
                    words,
                    spread((entry["seconds"] for entry in entries), 2),
                    spread((entry["cpu_seconds"] for entry in entries), 2),
                    spread(_ratios(found, name, "sql", "seconds"), 2),
                    spread(_ratios(found, name, "sql", "cpu_seconds"), 2),
                    f"{statistics.median(entry['peak_bytes'] for entry in entries) / GIB:.2f}",
                    _written(entries),
                    spread((entry["start_seconds"] for entry in entries), 1),
                ]
            )
    head = ["", "wall [s]", "CPU [s]", "wall / (c)", "CPU / (c)", "peak [GiB]", "written [GiB]", "start [s]"]
    return grid(head, rows)


def _written(entries: list[Entry]) -> str:
    known = [entry["written_bytes"] for entry in entries if entry["written_bytes"] is not None]
    return f"{statistics.median(known) / GIB:.2f}" if known else ""


def _unequal(found: dict[str, dict[int, Entry]]) -> str:
    lines = []
    for name, rounds in found.items():
        wrong = {table: count for table, count in rounds[min(rounds)]["unequal"].items() if count}
        if wrong:
            listed = ", ".join(f"{table} {count:,}" for table, count in wrong.items())
            lines.append(f"- Rows of {name} that differ from (c): {listed}.")
    return "\n".join(lines) or "No row differs from (c)."


def _disk(found: dict[str, dict[int, Entry]]) -> str:
    """Return the size of the home after a day of all tables, and what a further day adds to it."""
    first, second = ([entry.get("home_bytes", {}) for entry in found.get(name, {}).values()] for name in DAY_AFTER)
    if not first or not second or not first[-1] or not second[-1]:
        return ""
    before, after = first[-1], second[-1]
    parts = sorted({*before, *after}, key=lambda part: -after.get(part, 0))
    sizes = [(part, before.get(part, 0), after.get(part, 0)) for part in parts]
    sizes.append(("all", sum(before.values()), sum(after.values())))
    rows = [[f"`{part}`", f"{size / GIB:.3f}", f"{(later - size) / GIB:.3f}"] for part, size, later in sizes]
    title = (
        "Disk, every table: the home after one day, and what a further day adds. `days_kept` and `snapshots_kept` of "
        "the [policy](../reference/policy.md) bound the days in the published database and the snapshots."
    )
    return f"{title}\n\n{grid(['part of the home', 'one day [GiB]', 'a further day [GiB]'], rows)}"


def _targets(by_size: BySize) -> str:
    rows = []
    for target in TARGETS:
        if target.base == EARLIER or target.measured == CHECKS:
            continue
        size = target.customers or 0
        for unit, words in (("seconds", "wall"), ("cpu_seconds", "CPU")):
            title = f"{target.measured} / {target.base}, {words}"
            ratios = _ratios(by_size.get(size, {}), target.measured, target.base, unit)
            rows.append(_target_row(title, target, size, ratios))
    share = target_of(CHECKS, "platform")
    if share is not None:
        for size in sorted({*by_size, share.customers or 0}):
            shares = [_share_of_checks(entry) for entry in by_size.get(size, {}).get("platform", {}).values()]
            if shares or size == share.customers:
                middle = [statistics.median(shares)] if shares else []
                rows.append(_target_row(f"{CHECKS} / platform", share, size, middle))
    return grid(["ratio", "customers", "target", "measured", ""], rows)


def _target_row(title: str, target: Target, customers: int, values: list[float]) -> list[str]:
    if not values:
        return [title, f"{customers:,}", target.words, "not measured", ""]
    verdict = target.verdict(statistics.median(values))
    return [title, f"{customers:,}", target.words, spread(values, 2), verdict]


def _share_of_checks(entry: Entry) -> float:
    """Return which part of a run of the platform validates files and tables."""
    quarantine = sum(seconds for stage, seconds in entry["stages"].items() if stage.startswith("quarantine."))
    return float((entry["checks_seconds"] + quarantine) / entry["seconds"])


def _growth(by_size: BySize) -> str:
    """Return by which power of the rows the cost grows from each size to the next."""
    steps = list(itertools.pairwise(sorted(by_size)))
    if not steps:
        return "One size was measured, so growth is unknown."
    rows = []
    for name in WORDS:
        for less, more in steps:
            if name in by_size[less] and name in by_size[more]:
                wall, cpu = (_exponent(by_size, name, less, more, unit) for unit in ("seconds", "cpu_seconds"))
                rows.append([name, f"{less:,} to {more:,}", f"{wall:.2f}", f"{cpu:.2f}", GROWTH.verdict(cpu)])
    title = (
        f"Exponent of the cost by the number of rows (target: {GROWTH.words}). If a fixed cost dominates, as at "
        "the smallest sizes, the exponent is not meaningful."
    )
    return f"{title}\n\n{grid(['', 'customers', 'wall', 'CPU', ''], rows)}"


def _exponent(by_size: BySize, name: str, less: int, more: int, unit: str) -> float:
    before, after = (statistics.median(entry[unit] for entry in by_size[size][name].values()) for size in (less, more))
    return math.log(after / before) / math.log(more / less)


def _beside_by_hand(by_size: BySize) -> str:
    """Return what each compared table takes of the processor, by our transform and by hand."""
    sizes = [size for size, found in by_size.items() if {"transforms", "sql"} <= found.keys()]
    if not sizes:
        return ""
    ours, theirs = (_stage_times(by_size[max(sizes)][name], "stages_cpu") for name in ("transforms", "sql"))
    rows = [[f"`{stage}`", f"{ours.get(stage, 0):.2f}", f"{seconds:.2f}"] for stage, seconds in theirs.items()]
    rest = sum(seconds for stage, seconds in ours.items() if stage not in theirs)
    rows.append(["everything else", f"{rest:.2f}", ""])
    title = f"Processor seconds of (b) and (c) at {max(sizes):,} customers, median of the rounds:"
    return f"{title}\n\n{grid(['table', '(b)', '(c)'], rows)}"


def _stages(by_size: BySize) -> str:
    size = max(size for size, found in by_size.items() if {"everything", "platform", "sql"} & found.keys())
    found = by_size[size]
    source = "everything" if "everything" in found else "platform" if "platform" in found else "sql"
    smaller = max((other for other in by_size if other < size and source in by_size[other]), default=None)
    times = _stage_times(found[source])
    before = _stage_times(by_size[smaller][source]) if smaller else {}
    by_hand = _stage_times(found.get("sql", {}))
    counts = next(iter(found[source].values()))["rows"]
    rows = []
    for stage, seconds in sorted(times.items(), key=lambda item: -item[1])[:SHOWN_STAGES]:
        rate = f"{counts[stage] / seconds:,.0f}" if counts.get(stage) else ""
        grows = ""
        if smaller and before.get(stage, 0) > 0 and seconds > 0:
            grows = f"{math.log(seconds / before[stage]) / math.log(size / smaller):.2f}"
        rows.append(
            [
                f"`{stage}`",
                f"{seconds:.2f}",
                f"{by_hand[stage]:.2f}" if stage in by_hand else "",
                f"{counts.get(stage, 0):,}",
                rate,
                grows,
            ]
        )
    head = ["stage", "seconds", "by hand", "rows", "rows/s", "exponent"]
    title = f"The most expensive stages of `{source}` at {size:,} customers, checks included, median of the rounds:"
    return f"{title}\n\n{grid(head, rows)}"


def _stage_times(rounds: dict[int, Entry], unit: str = "stages") -> dict[str, float]:
    times: dict[str, list[float]] = defaultdict(list)
    for entry in rounds.values():
        for stage, seconds in entry.get(unit, {}).items():
            times[stage].append(seconds)
    return {stage: statistics.median(seconds) for stage, seconds in times.items()}


def _ratios(found: dict[str, dict[int, Entry]], name: str, base: str, unit: str) -> list[float]:
    """Return the ratio of each round; peers count with their start, and so does what is compared with them."""
    ours, theirs = found.get(name, {}), found.get(base, {})
    start = f"start_{unit}" if base in PEERS else ""
    return [
        (ours[number][unit] + ours[number].get(start, 0.0)) / theirs[number][unit]
        for number in sorted(ours.keys() & theirs.keys())
    ]


def _plot(by_size: BySize) -> str:
    """Draw seconds over customers, both logarithmic, one line a contender."""
    width, height, left, bottom, right, top = 760, 420, 60, 40, 180, 20
    points = {
        name: [
            (size, statistics.median(entry["seconds"] for entry in found[name].values()))
            for size, found in sorted(by_size.items())
            if name in found
        ]
        for name in WORDS
    }
    values = [seconds for line in points.values() for _, seconds in line]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    first, last = math.log10(min(by_size)), max(math.log10(max(by_size)), math.log10(min(by_size)) + 1)

    def place(customers: float, seconds: float) -> tuple[float, float]:
        across = left + (math.log10(customers) - first) / (last - first) * (width - left - right)
        return across, height - bottom - (math.log10(seconds) - low) / (high - low) * (height - bottom - top)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        'font-size="12">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    for power in range(low, high + 1):
        _, y = place(10**first, 10**power)
        parts.append(f'<line x1="{left}" y1="{y:.1f}" x2="{width - right}" y2="{y:.1f}" stroke="#dddddd"/>')
        parts.append(f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{10.0**power:g} s</text>')
    for size in sorted(by_size):
        x, _ = place(size, 10**low)
        parts.append(f'<text x="{x:.1f}" y="{height - bottom + 18}" text-anchor="middle">{size:,}</text>')
    drawn = [(name, line) for name, line in points.items() if line]
    for order, (name, line) in enumerate(drawn):
        colour = COLOURS[order % len(COLOURS)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in line))
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in (place(*p) for p in line)]
        y = top + 12 + order * 18
        parts.append(f'<rect x="{width - right + 16}" y="{y - 9}" width="10" height="10" fill="{colour}"/>')
        parts.append(f'<text x="{width - right + 32}" y="{y}">{name}</text>')
    parts.append(f'<text x="{(width - right + left) / 2}" y="{height - 6}" text-anchor="middle">customers</text></svg>')
    return "\n".join(parts) + "\n"
