"""Paragraphs of a report: words, figures and author."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cjo_assets.reporting.document import Cited, Prose, Row, Words
from cjo_assets.reporting.text import with_dates


@dataclass(frozen=True)
class Figure:
    """A cell of a table as a text shows it.

    Attributes:
        name: its name in a prompt.
        text: its text for readers.
        source: table and column of the cell, as `schema.table/column`; the day is the report's.
        description: what it measures.
    """

    name: str
    text: str
    source: str
    description: str


@dataclass(frozen=True)
class Summary:
    """A paragraph and its author.

    Attributes:
        passages: its words, as plain text to be escaped by the output format, and its figures.
        model: the language model that wrote it; None for the rules.
        fallback_reason: why the rules wrote it instead of a language model; else None.
    """

    passages: tuple[str | Figure, ...]
    model: str | None = None
    fallback_reason: str | None = None

    @property
    def text(self) -> str:
        """The paragraph as plain text."""
        return "".join(passage if isinstance(passage, str) else passage.text for passage in self.passages)

    @property
    def provenance(self) -> str:
        """Its author, in one line."""
        if self.model is not None:
            return f"phrased by {self.model}, numbers checked"
        return "rule-based" if self.fallback_reason is None else f"rule-based, since {self.fallback_reason}"


def standing(kpi_status: Sequence[Row]) -> str:
    """Return the status of each family of KPIs, in the words of the table."""
    if not kpi_status:
        return "KPIs are off by policy."
    return "KPIs: " + ", ".join(f"{words(row['family'])} {words(row['status'])}" for row in kpi_status) + "."


def words(name: str | None) -> str:
    """Return a word of the tables with spaces."""
    return "unknown" if name is None else name.replace("_", " ")


def joined(passages: Sequence[str | Figure]) -> tuple[str | Figure, ...]:
    """Merge adjacent words of passages and strip the space at the end."""
    parts: list[str | Figure] = []
    for passage in passages:
        last = parts[-1] if parts else None
        if isinstance(passage, str) and isinstance(last, str):
            parts[-1] = last + passage
        else:
            parts.append(passage)
    if parts and isinstance(parts[-1], str):
        parts[-1] = parts[-1].rstrip()
    return tuple(parts)


def passages_of(summary: Summary | None, style_of: Callable[[str], str]) -> Prose:
    """Return a paragraph as prose, its figures with their cells; empty without a paragraph.

    Args:
        summary: the paragraph.
        style_of: from the source of a cell to the name of its style.
    """
    return tuple(
        Words(passage)
        if isinstance(passage, str)
        else Cited(with_dates(passage.text), passage.source, style_of(passage.source))
        for passage in (summary.passages if summary else ())
    )
