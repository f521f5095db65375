"""Child processes by fork, which start at once because their parent has imported everything.

The parent opens no database: a forked child must not inherit the threads of an engine.
"""

from __future__ import annotations

import functools
import os
import pickle
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import duckdb

# Before each of these calls a statement or a file of a run is not yet written.
CALLS: tuple[tuple[Any, str], ...] = (
    (duckdb.DuckDBPyConnection, "execute"),
    (duckdb.DuckDBPyConnection, "executemany"),
    (subprocess, "run"),
    (os, "replace"),
    (os, "link"),
    (os, "unlink"),
    (os, "fsync"),
    (os, "open"),
    (os, "write"),
)


@dataclass(frozen=True)
class Ended:
    """The end of a child process.

    Attributes:
        is_killed: whether it was killed.
        value: what its function returned; None if it was killed or failed.
        error: its traceback; empty unless it failed.
    """

    is_killed: bool
    value: Any
    error: str = ""


class Child:
    """A function that runs in a forked process."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Start the process."""
        sys.stdout.flush()
        self._reading, writing = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._reading)
            _work(writing, function, arguments)
        os.close(writing)

    def kill(self) -> None:
        """Kill the process, which may have ended."""
        os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> Ended:
        """Wait for the end of the process."""
        with os.fdopen(self._reading, "rb") as pipe:
            content = pipe.read()
        _, status = os.waitpid(self.pid, 0)
        if os.WIFSIGNALED(status):
            return Ended(is_killed=True, value=None)
        value, error = pickle.loads(content)
        return Ended(is_killed=False, value=value, error=error)


def in_child(function: Callable[..., Any], *arguments: Any) -> Any:
    """Return what a function returns in a process of its own.

    Raises:
        SystemExit: it failed.
    """
    ended = Child(function, *arguments).wait()
    if ended.error or ended.is_killed:
        raise SystemExit(f"{function.__name__} failed:\n{ended.error}")
    return ended.value


def _work(writing: int, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    """Run a function in the child, send its result to the parent, and end without the parent's clean-up."""
    value = None
    try:
        value = function(*arguments)
    finally:
        error = traceback.format_exc() if sys.exc_info()[0] else ""
        with os.fdopen(writing, "wb") as pipe:
            pickle.dump((value, error), pipe)
        os._exit(0)


class Boundaries:
    """A count of statements and file calls of this process, which may kill it before one of them.

    Attributes:
        passed: number of calls so far.
    """

    def __init__(self, kill_before: int | None = None) -> None:
        """Count, and kill the process before the call of a number, counted from 1; None to count only."""
        self.passed, self._kill_before = 0, kill_before
        self._calls = {(owner, name): getattr(owner, name) for owner, name in CALLS}

    def __enter__(self) -> Boundaries:
        """Begin to count."""
        for (owner, name), call in self._calls.items():
            setattr(owner, name, self._counted(call))
        return self

    def __exit__(self, *_: object) -> None:
        """Count no more."""
        for (owner, name), call in self._calls.items():
            setattr(owner, name, call)

    def _counted(self, call: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(call)
        def counted(*arguments: Any, **named: Any) -> Any:
            self.passed += 1
            if self.passed == self._kill_before:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **named)

        return counted
