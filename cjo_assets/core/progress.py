"""What a run says while it runs: whoever started it in this process may listen."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# Whoever waits longer than this wants to know for what.
SILENCE_SECONDS = 10.0

_tables: list[Callable[[str, int], None]] = []
_messages: list[Callable[[str], None]] = []


def listen(on_table: Callable[[str, int], None] | None, on_message: Callable[[str], None] | None = None) -> None:
    """Tell one listener of every table that is done, by name and rows, and another of all else; None to stop."""
    _tables[:] = [] if on_table is None else [on_table]
    _messages[:] = [] if on_message is None else [on_message]


def report_progress(table: str, rows: int) -> None:
    """Say that a table is done."""
    for listener in _tables:
        listener(table, rows)


def report_message(text: str) -> None:
    """Say what else a person who waits should know."""
    for listener in _messages:
        listener(text)


@contextmanager
def logged(log: Callable[[str], None]) -> Iterator[None]:
    """Let a log have the messages, too, for the length of a run."""
    _messages.append(log)
    try:
        yield
    finally:
        _messages.remove(log)


@contextmanager
def at_work(text: str, share: Callable[[], float] = lambda: -1.0) -> Iterator[None]:
    """Say every now and then that something is still going on.

    Args:
        text: what.
        share: how much of it is done [percent]; negative where nobody knows.
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
