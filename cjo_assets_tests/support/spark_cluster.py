"""A standalone cluster of Spark on this machine: a master and two workers on loopback."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

LOOPBACK = "127.0.0.1"
DEPLOY = "org.apache.spark.deploy"
STARTS_WITHIN_SECONDS = 90
ENDS_WITHIN_SECONDS = 20
WORKERS = 2


@dataclass
class Cluster:
    """A cluster that runs.

    Attributes:
        master: its URL.
        log: log of its master.
        processes: master and workers.
    """

    master: str
    log: Path
    processes: list[subprocess.Popen[bytes]]


@contextmanager
def cluster(environment: dict[str, str], folder: Path, memory: str) -> Iterator[Cluster]:
    """Start a master and two workers of one core each, and end them and all they started."""
    spark_class = str(Path(environment["SPARK_HOME"], "bin", "spark-class"))
    log = folder / "master.log"
    place = ["--host", LOOPBACK, "--webui-port", "0", "--port", "0"]
    daemons: list[subprocess.Popen[bytes]] = []

    def start(arguments: list[str], output: Path) -> None:
        with output.open("wb") as said:
            # spark-class replaces itself by Java, so the process that we started is the daemon.
            daemons.append(subprocess.Popen([spark_class, *arguments], env=environment, stdout=said, stderr=said))

    try:
        start([f"{DEPLOY}.master.Master", *place], log)
        master = _said(log, "Starting Spark master at ", daemons)
        for number in range(WORKERS):
            options = ["--cores", "1", "--memory", memory, "--work-dir", str(folder / f"worker_{number}")]
            start([f"{DEPLOY}.worker.Worker", *place, *options, master], folder / f"worker_{number}.log")
        _said(log, "Registering worker", daemons, times=WORKERS)
        yield Cluster(master, log, daemons)
    finally:
        for daemon in reversed(daemons):
            daemon.terminate()
        for daemon in daemons:
            try:
                daemon.wait(ENDS_WITHIN_SECONDS)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()


@dataclass
class Listening:
    """Return the addresses on which processes and their children listened."""

    roots: list[int]
    addresses: set[str] = field(default_factory=set)
    _ended: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Look once a second for as long as this lasts."""
        watcher = threading.Thread(target=self._watch)
        watcher.start()
        try:
            yield
        finally:
            self._ended.set()
            watcher.join()

    def _watch(self) -> None:
        while not self._ended.wait(1):
            for process in _descendants(self.roots):
                self.addresses |= _listening(process)


def _said(log: Path, text: str, daemons: list[subprocess.Popen[bytes]], times: int = 1) -> str:
    """Wait until a daemon has written a text so often, and return the word after the last."""
    until = time.monotonic() + STARTS_WITHIN_SECONDS
    while time.monotonic() < until and all(daemon.poll() is None for daemon in daemons):
        content = log.read_text(encoding="utf-8")
        after = content.rpartition(text)[2].split()
        if content.count(text) >= times and after:
            return after[0]
        time.sleep(0.1)
    raise AssertionError(f"no {text!r} in {log.read_text(encoding='utf-8')}")


def _descendants(roots: list[int]) -> set[int]:
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
    found = set(roots)
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def _listening(process: int) -> set[str]:
    """Return the addresses on which a process listens."""
    try:
        sockets = {os.readlink(path) for path in Path(f"/proc/{process}/fd").iterdir()}
        rows = [line.split() for name in ("tcp", "tcp6") for line in _lines(Path(f"/proc/{process}/net/{name}"))]
    except (FileNotFoundError, ProcessLookupError):
        return set()
    places = {row[1].partition(":")[0] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in sockets}
    # An IPv4 address ends in its four bytes, last byte first, in either list.
    return {".".join(str(byte) for byte in reversed(bytes.fromhex(place[-8:]))) for place in places}


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines()[1:]
