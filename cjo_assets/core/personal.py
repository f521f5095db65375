"""Marks of columns that identify a person, by kind of identifier.

Each contract marks its own columns with `column(..., personal=...)`. Identifiers of different kinds are different
things even where they are spelled alike: customer 5 is not intervention 5.
"""

from __future__ import annotations

from dataclasses import dataclass

CUSTOMER, INTERVENTION, DECISION = "customer", "intervention", "decision"
OUTCOME, SIGNAL, LABEL = "outcome", "signal", "label"
# The most direct kind comes first. It decides whom a row is about: a row that names a customer is about that customer,
# whatever intervention it names.
KINDS = (CUSTOMER, INTERVENTION, DECISION, OUTCOME, SIGNAL, LABEL)
# Prose in which identifiers may occur, and a row of a dataset as JSON.
TEXT, RECORD = "text", "record"
MARKS = (*KINDS, TEXT, RECORD)


@dataclass(frozen=True)
class Personal:
    """The mark of a column.

    Attributes:
        kind: of the identifiers in it, or TEXT or RECORD; empty where another column states it.
        said_by: name of the column that states the kind of the identifier; empty unless `kind` is.
        kinds: the values of that column and the kind that each denotes; other values denote no person.
        is_example: the row is about many and names one as an example: the row stays when that one is erased.
    """

    kind: str = ""
    said_by: str = ""
    kinds: tuple[tuple[str, str], ...] = ()
    is_example: bool = False

    def __post_init__(self) -> None:
        """Refuse a mark that nothing would read."""
        unknown = {self.kind or CUSTOMER, *(kind for _, kind in self.kinds)} - set(MARKS)
        if unknown or bool(self.kind) == bool(self.said_by):
            raise ValueError(f"{self} marks no kind of identifier; there are {', '.join(MARKS)}.")

    @property
    def is_identifier(self) -> bool:
        """Whether the column holds an identifier of one known kind."""
        return self.kind in KINDS


def mark_of(personal: str | Personal | None) -> Personal | None:
    """Return the mark that a contract writes as a kind alone, or in full."""
    return Personal(personal) if isinstance(personal, str) else personal
