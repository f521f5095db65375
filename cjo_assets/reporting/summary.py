"""Paragraphs of a report: words and figures, and who phrased them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cjo_assets.reporting.document import Cited, Prose, Row, Words


@dataclass(frozen=True)
class Figure:
    """A cell of a table as a text shows it.

    Attributes:
        name: what a prompt calls it.
        text: as a person reads it.
        source: table and column of the cell, as `schema.table/column`; the day is the report's.
        description: what it measures.
    """

    name: str
    text: str
    source: str
    description: str


@dataclass(frozen=True)
class Summary:
    """The paragraph and where it comes from.

    Attributes:
        passages: its words, as they are to be read (plain text: whoever shows them escapes them), and its figures.
        model: the language model that phrased it; None where the rules did.
        fallback_reason: why the rules did, where a language model was to; else None.
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
        """Who wrote it, in one line."""
        if self.model is not None:
            return f"phrased by {self.model}, numbers checked"
        return "rule-based" if self.fallback_reason is None else f"rule-based, since {self.fallback_reason}"


def standing(kpi_status: Sequence[Row]) -> str:
    """Say how each family of KPIs stands; the words are the table's."""
    if not kpi_status:
        return "KPIs are off by policy."
    return "KPIs: " + ", ".join(f"{words(row['family'])} {words(row['status'])}" for row in kpi_status) + "."


def words(name: str | None) -> str:
    """Return a word of the tables as people write it."""
    return "unknown" if name is None else name.replace("_", " ")


def joined(passages: Sequence[str | Figure]) -> tuple[str | Figure, ...]:
    """Return the passages with neighbouring words as one, and no space at the end."""
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
        Words(passage) if isinstance(passage, str) else Cited(passage.text, passage.source, style_of(passage.source))
        for passage in (summary.passages if summary else ())
    )
