"""What a run says while it runs: whoever started it in this process may listen."""

from collections.abc import Callable

_listeners: list[Callable[[str, int], None]] = []


def listen(listener: Callable[[str, int], None] | None) -> None:
    """Tell the listener of every table that is done, by name and rows; None to stop."""
    _listeners[:] = [] if listener is None else [listener]


def report_progress(table: str, rows: int) -> None:
    """Say that a table is done."""
    for listener in _listeners:
        listener(table, rows)
