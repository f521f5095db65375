"""Progress of a run, reported to listeners in the same process."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# Longest time without a message during one step.
SILENCE_SECONDS = 10.0

_tables: list[Callable[[str, int], None]] = []
_messages: list[Callable[[str], None]] = []


def listen(on_table: Callable[[str, int], None] | None, on_message: Callable[[str], None] | None = None) -> None:
    """Report every finished table to one listener, by name and rows, and all else to another; None to stop."""
    _tables[:] = [] if on_table is None else [on_table]
    _messages[:] = [] if on_message is None else [on_message]


def report_progress(table: str, rows: int) -> None:
    """Report that a table is done."""
    for listener in _tables:
        listener(table, rows)


def report_message(text: str) -> None:
    """Report anything else that a waiting user should know."""
    for listener in _messages:
        listener(text)


@contextmanager
def logged(log: Callable[[str], None]) -> Iterator[None]:
    """Send the messages to a log, too, for the length of a run."""
    _messages.append(log)
    try:
        yield
    finally:
        _messages.remove(log)


@contextmanager
def at_work(text: str, share: Callable[[], float] = lambda: -1.0) -> Iterator[None]:
    """Report at intervals that a step still runs.

    Args:
        text: description of the step.
        share: how much of it is done [percent]; negative where unknown.
    """
    started, is_done = time.monotonic(), threading.Event()

    def speak() -> None:
        while not is_done.wait(SILENCE_SECONDS):
            done = share()
            how_far = f", {done:.0f} %" if done >= 0 else ""
            report_message(f"{text}{how_far}, {time.monotonic() - started:.0f} s so far")

    speaker = threading.Thread(target=speak, daemon=True)
    speaker.start()
    try:
        yield
    finally:
        is_done.set()
        speaker.join()
