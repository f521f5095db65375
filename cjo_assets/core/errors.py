"""Errors that a user can resolve: each message states what is wrong, where, and what was expected."""

from __future__ import annotations

from cjo_assets.core.check_result import CheckResult

# The check of a required dataset of which no row is left; its examples are the rejected rows.
IS_NOT_EMPTY = "is_not_empty"
ROWS_SHOWN = 3


class InputError(Exception):
    """An input file that cannot be understood."""


class UnreachableError(InputError):
    """A source that does not answer now and may answer later."""


class WarehouseError(Exception):
    """A warehouse that cannot be used."""


class UnknownSubjectError(WarehouseError):
    """A subject that no published row of a family is about."""


class ContractBreachError(Exception):
    """A computed table that breaks its contract or fails a blocking check; nothing of it was stored."""

    def __init__(self, table: str, verdicts: dict[str, CheckResult]) -> None:
        """Word the breach: which table, which check, which rules, how many rows, and an example."""
        self.table = table
        self.verdicts = verdicts
        if IS_NOT_EMPTY in verdicts:
            super().__init__(_nothing_left(verdicts[IS_NOT_EMPTY]))
            return
        parts = []
        for check, verdict in verdicts.items():
            rules = "; ".join(f"{rule} ({count} rows)" for rule, count in verdict.broken.items())
            example = f", for example {verdict.examples[0]}" if verdict.examples else ""
            parts.append(f"check {check}: {rules}{example}")
        super().__init__(f"The table {table} was not stored: {' | '.join(parts)}.")


def _nothing_left(verdict: CheckResult) -> str:
    """Return the message about a required dataset of which every row was rejected."""
    files = ", ".join(dict.fromkeys(row["source_file"] for row in verdict.examples))
    rules = verdict.examples[0]["rules"]
    count = sum(verdict.broken.values())
    first = verdict.examples[:ROWS_SHOWN]
    shown = ", ".join(f"row {row['source_row']} ({row['record_key']})" for row in first)
    rows = f"all {count} rows were" if count > 1 else "its only row was"
    more = "The first are" if count > ROWS_SHOWN else "These are"
    return f"{files}: {rows} rejected ({rules}); nothing was computed. {more} {shown}."


class RefusalError(Exception):
    """An answer to an approval request that cannot be recorded."""


class PastError(Exception):
    """A day that cannot be rebuilt, because its inputs were removed or never recorded."""


class TamperedError(Exception):
    """Inputs of a day that exist, but whose content has changed."""
