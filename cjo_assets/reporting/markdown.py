"""A report as Markdown, for mail, tickets and the Dagster UI."""

from __future__ import annotations

from collections.abc import Mapping

from cjo_assets.reporting.document import (
    Action,
    Block,
    Cell,
    Cited,
    Code,
    Document,
    Grid,
    Paragraph,
    Picture,
    Prose,
    Tile,
    Verdict,
    Words,
)
from cjo_assets.reporting.palette import traffic_light
from cjo_assets.reporting.text import harmless, table


def as_markdown(document: Document, images: Mapping[str, str]) -> str:
    """Return a report as Markdown.

    Args:
        document: the report.
        images: path of each picture by name; a picture without one is omitted.
    """
    parts = [f"# {document.title} {document.preposition} {_cell(document.day)}", verdict_as_markdown(document.verdict)]
    for section in document.sections:
        parts.append(f"## {section.title}")
        for block in section.blocks:
            parts += _block(block, images)
    return "\n\n".join(parts) + "\n"


def verdict_as_markdown(verdict: Verdict) -> str:
    """Return the first screen: verdict, key figures, first actions, what lacks data, and the reasons."""
    light = traffic_light(verdict.word)
    lines = [f"Verdict: **{light}** ({_cell(verdict.status)}): {_prose(verdict.meaning)}", ""]
    lines += [_plain(verdict.changes), ""] if verdict.changes else []
    lines += [_tile(tile) for tile in verdict.tiles]
    if verdict.actions:
        lines += ["", "Do first:", "", *(_action(action) for action in verdict.actions)]
    if verdict.missing:
        lines += ["", f"Lacks data: {_prose(verdict.missing)}"]
    lines += ["", *(f"- {_prose(reason)}" for reason in verdict.reasons)] if verdict.reasons else []
    if verdict.summary:
        lines += ["", _prose(verdict.summary), "", f"Written: {harmless(verdict.provenance)}."]
    return "\n".join(lines)


def _tile(tile: Tile) -> str:
    parts = [_prose(tile.remark)]
    parts += [f"target {_prose(tile.target)}"] if tile.target else []
    parts += [f"before {_prose(tile.before)}"] if tile.before else []
    parts += [tile.evidence] if tile.evidence else []
    unit = f" {tile.unit}" if tile.unit else ""
    return f"- {tile.label}: **{_plain(tile.figure)}**{unit} ({'; '.join(parts)})"


def _action(action: Action) -> str:
    parts = [_prose(action.owner)]
    parts += [f"due {_prose(action.due)}"] if action.due else []
    parts += [_prose(action.money)] if action.money else []
    parts += [_prose(action.command)] if action.command else []
    return f"- {_prose(action.sentence)} ({'; '.join(parts)})"


def picture_as_markdown(picture: Picture, address: str) -> str:
    """Return a picture and its description."""
    return f"![{picture.title}]({address})\n\n{_prose(picture.description)}"


def _block(block: Block, images: Mapping[str, str]) -> list[str]:
    match block:
        case Grid():
            header = [column.title or "no." for column in block.columns]
            rows = [[_whole(cell) for cell in row] for row in block.rows]
            caption = f"*{block.caption}*"
            return [caption, table(header, rows), *([_prose(block.note)] if block.note else [])]
        case Picture():
            return [picture_as_markdown(block, images[block.name])] if block.name in images else []
        case Paragraph():
            return [_prose(block.parts)]


def _prose(parts: Prose) -> str:
    return "".join(_part(part) for part in parts)


def _plain(parts: Prose) -> str:
    """Return prose without emphasis."""
    return "".join(_cell(part) if isinstance(part, Cited) else _part(part) for part in parts)


def _part(part: str | Cited | Code | Words) -> str:
    match part:
        case Cited():
            return f"**{_cell(part)}**" if part.is_strong else _cell(part)
        case Code():
            return f"`{part.text}`"
        case Words():
            return _spaced(part.text)
        case _:
            return part


def _whole(cell: Cell) -> str:
    return f"{_cell(cell.main)} ({_prose(cell.below)})" if cell.below else _cell(cell.main)


def _cell(cell: Cited) -> str:
    return harmless(cell.text)


def _spaced(text: str) -> str:
    """Return text from outside escaped, with its leading and trailing space."""
    before = " " if text[:1].isspace() else ""
    after = " " if text[-1:].isspace() and text.strip() else ""
    return f"{before}{harmless(text)}{after}"
