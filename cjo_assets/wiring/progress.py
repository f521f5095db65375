"""What a run says while it runs: whoever started it in this process may listen."""

from collections.abc import Callable

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
