"""Handling of Ctrl-C during a run: the run ends without tracebacks of its child processes."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def shielded_children() -> Iterator[None]:
    """Start child processes with the interrupt signal blocked inside the block.

    A terminal sends Ctrl-C to every process of its group. Dagster starts processes that follow the output of a step,
    and ends them itself. Children inherit the signal mask of the thread that starts them, so the main thread blocks the
    signal and another thread accepts it. Python still runs the handler in the main thread.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    is_done = threading.Event()
    receiver = threading.Thread(target=is_done.wait, name="receives interrupts", daemon=True)
    receiver.start()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        is_done.set()
        receiver.join()
