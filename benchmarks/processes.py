"""Measurement of a child process: wall time, processor time including its own children, and peak memory."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SHOWN_OUTPUT = 3000


@dataclass(frozen=True)
class Used:
    """Resources that a process used.

    Attributes:
        seconds: wall time.
        cpu_seconds: processor time of the process and of the children that it waited for, over all threads.
        peak_bytes: largest resident memory of one process; on Linux not below the peak of the process that measures.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: int


def run_measured(name: str, command: Sequence[str], folder: Path, environment: Mapping[str, str], output: Path) -> Used:
    """Run a command, write what it prints to a file, and return what it used.

    Raises:
        SystemExit: the command failed.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    with output.open("wb") as target:
        child = subprocess.Popen(command, cwd=folder, stdout=target, stderr=subprocess.STDOUT, env=dict(environment))
        # The usage of this child only: RUSAGE_CHILDREN adds up all children before it.
        _, status, used = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        printed = output.read_text(encoding="utf-8", errors="replace")[-SHOWN_OUTPUT:]
        raise SystemExit(f"{name} failed with exit code {child.returncode} ({' '.join(command)}):\n{printed}")
    unit = 1 if sys.platform == "darwin" else 1024
    return Used(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss * unit)
