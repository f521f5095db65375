"""Contenders of the benchmark: each builds the same tables from the same files in its own process.

`python -m benchmarks.contenders NAME DATA HOME` runs one and prints its measurements as JSON. With one process each,
peak memory is that of the contender; imports and graph load are measured separately from the work.

    platform    the journey chain through Dagster with all checks and publish
    transforms  the same transforms without Dagster, checks and publish
    sql         the hand-written SQL of yardstick.sql, written to a database
    floor       reading the inputs and writing outputs of that size, nothing else
    pandas      a straightforward implementation in pandas
    loops       plain Python loops
    everything  every declared table through Dagster
    next_day    `everything` for the day after, on the home of the last run
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from benchmarks.data import AS_OF

if TYPE_CHECKING:
    from cjo_assets.engine.store import Store

YARDSTICK = Path(__file__).with_name("yardstick.sql")
RESULT = "result.duckdb"
BLOCK = re.compile(r"^-- table: (\S+)\n(.*?)(?=^-- table: |\Z)", re.MULTILINE | re.DOTALL)


@dataclass
class Taken:
    """Measurements of a contender.

    Attributes:
        contender: name of the contender.
        seconds: wall time of the work.
        cpu_seconds: processor time of the work over all threads, which other programs affect less.
        start_seconds: imports and graph load before.
        start_cpu_seconds: processor time of the start, including that of the interpreter.
        peak_bytes: largest resident memory of the process.
        written_bytes: bytes written to the operating system; None if unknown.
        home_bytes: size of the files of the home afterwards, by file or folder in it.
        stages: seconds per table.
        stages_cpu: processor time per table, if known.
        rows: rows per table.
        checks_seconds: part of the work that validates tables.
        database: path of the tables.
    """

    contender: str
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    start_seconds: float = 0.0
    start_cpu_seconds: float = 0.0
    peak_bytes: int = 0
    written_bytes: int | None = None
    home_bytes: dict[str, int] = field(default_factory=dict)
    stages: dict[str, float] = field(default_factory=dict)
    stages_cpu: dict[str, float] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    checks_seconds: float = 0.0
    database: str = ""


@contextmanager
def stage(taken: Taken, name: str) -> Iterator[None]:
    """Measure a stage."""
    started, cpu = time.perf_counter(), time.process_time()
    yield
    taken.stages[name] = time.perf_counter() - started
    taken.stages_cpu[name] = time.process_time() - cpu


def blocks() -> dict[str, str]:
    """Return the statements of the yardstick by table, in order."""
    return dict(BLOCK.findall(YARDSTICK.read_text(encoding="utf-8")))


def yardstick() -> str:
    """Return a hash of the yardstick; only results for the same yardstick are comparable."""
    return hashlib.sha256(YARDSTICK.read_bytes()).hexdigest()[:12]


def outputs_in(data: Path) -> Path:
    """Return the folder of the yardstick's tables as files."""
    return data / f"outputs-{yardstick()}"


def needed() -> set[tuple[str, str]]:
    """Return the tables of the yardstick and all tables that they depend on in the platform."""
    from cjo_assets.catalog import families_about
    from cjo_assets.core.table import in_order

    tables = in_order(
        table for family in families_about("journey") for table in family.tables if table.transform is not None
    )
    wanted = {(schema, name) for schema, name in (table.split(".") for table in blocks())}
    for table in reversed(tables):
        if (table.schema, table.name) in wanted:
            wanted |= table.upstream()
    return wanted


def sql(taken: Taken, data: Path, home: Path) -> Callable[[], None]:
    """Run the hand-written statements."""
    statements = blocks()

    def work() -> None:
        with duckdb.connect(str(home / RESULT)) as connection:
            connection.execute("CREATE SCHEMA quarantine; CREATE SCHEMA journey")
            for table, statement in statements.items():
                with stage(taken, table):
                    text = statement.replace("$data", str(data)).replace("$as_of", f"DATE '{AS_OF}'")
                    connection.execute(text)

    return work


def floor(taken: Taken, data: Path, home: Path) -> Callable[[], None]:
    """Read every input, and write tables of the size of the outputs from files prepared before."""
    outputs = sorted(outputs_in(data).glob("*.parquet"))

    def work() -> None:
        with duckdb.connect(str(home / RESULT)) as connection:
            connection.execute("CREATE SCHEMA quarantine; CREATE SCHEMA journey")
            with stage(taken, "reading"):
                for path in sorted(data.glob("*.parquet")):
                    connection.execute(f"SELECT bit_xor(hash(COLUMNS(*))) FROM '{path}'").fetchall()
            for path in outputs:
                with stage(taken, path.stem):
                    connection.execute(f"CREATE TABLE {path.stem} AS FROM '{path}'")

    return work


def transforms(taken: Taken, data: Path, home: Path) -> Callable[[], None]:
    """Run the transforms without Dagster."""
    from cjo_assets.catalog import families_about
    from cjo_assets.core.table import in_order
    from cjo_assets.engine.store import Store
    from cjo_assets.policy import load_policy

    families, policy, wanted = families_about("journey"), load_policy(), needed()

    def work() -> None:
        with duckdb.connect(str(home / RESULT)) as connection:
            store = Store(connection, families)
            load(store, data, home / "inputs", wanted, taken)
            store.days_of_run = (AS_OF,)
            tables = [table for family in families for table in family.tables if table.transform is not None]
            for table in in_order(tables):
                if (table.schema, table.name) in wanted:
                    with stage(taken, table.full_name):
                        day = AS_OF if table.is_dated else None
                        store.fill(table, day, store.statement(table, day, policy).sql)

    return work


def load(store: Store, data: Path, archive: Path, wanted: set[tuple[str, str]], taken: Taken) -> None:
    """Load the required files into the raw schema."""
    from cjo_assets.catalog import families_about
    from cjo_assets.core.table import RAW
    from cjo_assets.ingest.loading import load_dataset

    for family in families_about("journey"):
        for dataset in family.datasets:
            if (RAW, dataset.name) in wanted:
                with stage(taken, f"{RAW}.{dataset.name}"):
                    load_dataset(store.connection, dataset, data, family.name, archive)


def platform(taken: Taken, data: Path, home: Path) -> Callable[[], None]:
    """Run the tables through Dagster, and publish them."""
    from cjo_assets.catalog import families_about

    prepared = _graph(taken, data, home, AS_OF)
    views = {
        (table.schema, table.name) for family in families_about("journey") for table in family.tables if table.is_view
    }
    return prepared(needed() | views)


def everything(taken: Taken, data: Path, home: Path) -> Callable[[], None]:
    """Run all tables through Dagster."""
    return _graph(taken, data, home, AS_OF)(None)


def next_day(taken: Taken, data: Path, home: Path) -> Callable[[], None]:
    """Run all tables for the day after, on a home with the day before."""
    return _graph(taken, data, home, AS_OF + timedelta(days=1))(None)


def _graph(
    taken: Taken, data: Path, home: Path, day: date
) -> Callable[[set[tuple[str, str]] | None], Callable[[], None]]:
    os.environ |= {"CJO_DATA": str(data), "CJO_HOME": str(home)}
    from cjo_assets.orchestration.instance import prepare_environment

    prepare_environment()
    import dagster as dg

    from cjo_assets.core.settings import Settings
    from cjo_assets.core.table import RAW
    from cjo_assets.definitions import defs
    from cjo_assets.engine.store import Store
    from cjo_assets.orchestration import raw_files
    from cjo_assets.orchestration.jobs import job_name
    from cjo_assets.orchestration.keys import PUBLISHED

    job = defs().resolve_job_def(job_name("journey"))
    instance = dg.DagsterInstance.get()
    _timed(Store, "judge", taken)
    # A step computes all tables of a stage, and loads all files of a family.
    _staged(Store, "replace", lambda table: str(table.full_name), taken)
    _staged(raw_files, "load_dataset", lambda dataset: f"{RAW}.{dataset.name}", taken)

    def selected(wanted: set[tuple[str, str]] | None) -> Callable[[], None]:
        # The end of a day is one asset with several keys, which can only run as a whole.
        ending = defs().resolve_assets_def(PUBLISHED).keys
        keys = None if wanted is None else [*ending, *(dg.AssetKey(list(name)) for name in wanted if name[1] != "runs")]

        def work() -> None:
            result = job.execute_in_process(
                partition_key=day.isoformat(),
                instance=instance,
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
                asset_selection=keys,
            )
            measured_one_by_one = set()
            for event in result.get_asset_materialization_events():
                name = ".".join(event.asset_key.path)
                rows = event.materialization.metadata.get("dagster/row_count")
                if rows is not None:
                    taken.rows[name] = rows.value
                if name in taken.stages:
                    measured_one_by_one.add(event.step_key)
            for event in result.filter_events(lambda event: event.is_step_success):
                if event.step_key not in measured_one_by_one:
                    taken.stages[event.step_key.replace("__", ".")] = event.event_specific_data.duration_ms / 1000

        taken.database = str(Settings.from_environment().published)
        return work

    return selected


def _staged(owner: Any, name: str, stage_of: Callable[[Any], str], taken: Taken) -> None:
    """Measure each call of a function as the stage that its second argument names."""
    function = getattr(owner, name)

    @functools.wraps(function)
    def staged(first: Any, second: Any, *arguments: Any, **named: Any) -> Any:
        with stage(taken, stage_of(second)):
            return function(first, second, *arguments, **named)

    setattr(owner, name, staged)


def _timed(owner: type, name: str, taken: Taken) -> None:
    """Add the time of a method to `checks_seconds`."""
    method = getattr(owner, name)

    def timed(*arguments: Any, **named: Any) -> Any:
        started = time.perf_counter()
        try:
            return method(*arguments, **named)
        finally:
            taken.checks_seconds += time.perf_counter() - started

    setattr(owner, name, timed)


def pandas(_taken: Taken, data: Path, home: Path) -> Callable[[], None]:
    """Run pandas."""
    from benchmarks.obvious import with_pandas

    return lambda: with_pandas(data, home / RESULT, AS_OF)


def loops(_taken: Taken, data: Path, home: Path) -> Callable[[], None]:
    """Run the loops."""
    from benchmarks.obvious import with_loops
    from cjo_assets.catalog import families_about
    from cjo_assets.core.contract import columns_of

    columns = {
        table.full_name: [spec.name for spec in columns_of(table.contract) if spec.name != "as_of"]
        for family in families_about("journey")
        for table in family.tables
    }
    rejected = {name: ["source_row", "customer_id"] for name in columns if name.startswith("quarantine.")}
    return lambda: with_loops(data, home / RESULT, AS_OF, columns | rejected)


CONTENDERS: dict[str, Callable[[Taken, Path, Path], Callable[[], None]]] = {
    found.__name__: found for found in (platform, transforms, sql, floor, pandas, loops, everything, next_day)
}


def measured(name: str, data: Path, home: Path) -> Taken:
    """Prepare a contender, then run and measure it."""
    home.mkdir(parents=True, exist_ok=True)
    taken = Taken(name, database=str(home / RESULT))
    started = time.perf_counter()
    work = CONTENDERS[name](taken, data, home)
    taken.start_seconds = time.perf_counter() - started
    taken.start_cpu_seconds = time.process_time()
    cpu, written, started = time.process_time(), _written(), time.perf_counter()
    work()
    taken.seconds = time.perf_counter() - started
    taken.cpu_seconds = time.process_time() - cpu
    after = _written()
    taken.written_bytes = None if after is None or written is None else after - written
    for path in (path for path in home.rglob("*") if path.is_file()):
        part = path.relative_to(home).parts[0]
        taken.home_bytes[part] = taken.home_bytes.get(part, 0) + path.stat().st_size
    taken.peak_bytes = peak_bytes()
    return taken


def peak_bytes() -> int:
    """Return the largest resident memory of this process [bytes]."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    # On Linux, ru_maxrss begins with the peak of the process that started this one.
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise LookupError(f"{status} has no VmHWM.")
    return int(found[1]) * 1024


def _written() -> int | None:
    try:
        text = Path("/proc/self/io").read_text(encoding="ascii")
    except OSError:
        return None
    return int(re.findall(r"wchar: (\d+)", text)[0])


if __name__ == "__main__":
    print(json.dumps(asdict(measured(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])))))
