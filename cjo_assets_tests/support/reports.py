"""A report as a browser or a Markdown reader gets it: marks with their sources, and the text between them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import date
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote

from markdown_it import MarkdownIt

from cjo_assets.families.journey.report.grounds import DEFINED as JOURNEY_DEFINED
from cjo_assets.families.lifecycle.report.grounds import DEFINED as LIFECYCLE_DEFINED
from cjo_assets.families.marketing.report.grounds import DEFINED as MARKETING_DEFINED
from cjo_assets.policy import Policy
from cjo_assets.reporting.data_basis import described
from cjo_assets.reporting.document import Cited, Column, Document, Grid, Paragraph, Picture, Prose
from cjo_assets.reporting.first_screen import ASSUMED, MOST_ACTIONS, PROVEN, UNKNOWN
from cjo_assets.reporting.naming import Naming
from cjo_assets_tests.support.chain import Chain
from cjo_assets_tests.support.rows import POLICY, Row

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
# Elements of a report; any other would be injected markup.
BLOCKS = {"heading", "paragraph", "bullet_list", "list_item", "table", "thead", "tbody", "tr", "th", "td", "inline"}
INLINE = {"text", "strong", "em", "code_inline", "softbreak", "text_special", "image"}
TAGS = {"html", "head", "meta", "title", "style", "body", "a", "header", "p", "h1", "h2", "h3", "div", "ul", "li", "dl"}
TAGS |= {"dt", "dd", "b", "small", "span", "nav", "main", "section", "figure", "figcaption", "table", "thead", "tbody"}
TAGS |= {"ol", "details", "summary", "tr", "th", "td", "code", "wbr", "svg", "g", "path", "line", "text", "rect"}
VOID = {"meta", "wbr", "br", "hr", "img", "input", "link"}
COUNTS = {
    "count(journey.risk_scores)": (
        "SELECT count(*) FROM journey.risk_scores WHERE as_of = $day AND risk_tier IS NOT DISTINCT FROM $risk_tier "
        "AND overall_risk_score >= $band_low - 1e-9 "
        "AND (overall_risk_score < $band_low + 0.1 - 1e-9 OR $band_low = 0.9)"
    ),
    "count(journey.playbook_performance)": (
        "SELECT count(*) FROM journey.playbook_performance WHERE as_of = $day AND segment = $segment"
    ),
}


@dataclass
class Mark:
    """A figure of the page: its source, its format, and its text."""

    source: str
    style: str
    text: str = ""


@dataclass
class Page(HTMLParser):
    """A page: its marks, its other text, and its markup."""

    marks: list[Mark] = field(default_factory=list)
    between: list[str] = field(default_factory=list)
    tags: set[str] = field(default_factory=set)
    attributes: set[str] = field(default_factory=set)
    inside: list[tuple[str, bool]] = field(default_factory=list)

    @classmethod
    def of(cls, text: str) -> "Page":
        """Read a page."""
        page = cls()
        HTMLParser.__init__(page)
        page.feed(text)
        page.close()
        assert page.inside == [], "every element is closed"
        return page

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        found = dict(attrs)
        self.tags.add(tag)
        self.attributes |= found.keys()
        if "data-source" in found:
            self.marks.append(Mark(found["data-source"] or "", found["data-style"] or ""))
        if tag not in VOID:
            self.inside.append((tag, "data-source" in found))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element without content."""
        self.tags.add(tag)
        self.attributes |= dict(attrs).keys()

    def handle_endtag(self, tag: str) -> None:
        """Leave an element."""
        assert self.inside.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        """Add text to the element around it; drawings are read separately."""
        tags = {tag for tag, _ in self.inside}
        if any(is_mark for _, is_mark in self.inside):
            self.marks[-1].text += data
        elif not tags & {"style", "svg"}:
            self.between.append(data)


def cell_of(source: str, chain: Chain, day: Any, policy: Policy) -> Any:
    """Return the cell that a source names."""
    table, *key, column = source.split("/")
    names = {name: unquote(value) for name, value in (part.split("=", 1) for part in "&".join(key).split("&") if part)}
    if table == "report":
        return day
    if table == "policy":
        return policy_cell(column, policy)
    if table == "contract":
        every = described({**JOURNEY_DEFINED, **MARKETING_DEFINED, **LIFECYCLE_DEFINED})
        [row] = [row for row in every if (row["table"], row["column"]) == (names["table"], names["column"])]
        return row[column]
    if table in COUNTS:
        if column in names:
            found = None if names[column] == "null" else names[column]
            return float(found) if column == "band_low" and found else found
        if column == "band_high":
            return float(names["band_low"]) + 0.1
        given: Row = {name: None if value == "null" else value for name, value in names.items()} | {"day": day}
        return chain.store.connection.execute(COUNTS[table], given).fetchone()[0]
    if table.startswith("count("):
        return names[column] if column in names else counted(table[len("count(") : -1], names, chain, day)
    column, _, place = column.partition("[")
    where = [f"{name}::VARCHAR IS NOT DISTINCT FROM ?" for name in names]
    values = [None if value == "null" else value for value in names.values()]
    if "as_of" not in names and _is_dated(table, chain):
        where, values = [*where, "as_of = ?"], [*values, day]
    sql = f"SELECT {column} FROM {table} WHERE {' AND '.join(where) or 'true'}"
    rows = chain.store.connection.execute(sql, values).fetchall()
    assert len(rows) == 1, f"{source} names {len(rows)} cells"
    return rows[0][0][int(place[:-1])] if place else rows[0][0]


def _is_dated(name: str, chain: Chain) -> bool:
    """Return whether a family computes a table for each day; a table of the audit names its rows by itself."""
    schema, _, name = name.partition(".")
    table = chain.store.tables.get((schema, name))
    return table is not None and table.is_dated and schema != "audit"


def counted(table: str, names: dict[str, str], chain: Chain, day: Any) -> int:
    """Count the rows of a table on a day that have these in their columns; of the quarantine those of a rule."""
    if table == "quarantine":
        sql = f"SELECT count(*) FROM quarantine.{names['dataset']} WHERE list_contains(broken_rules, ?)"
        return int(chain.store.connection.execute(sql, [names["rule"]]).fetchone()[0])
    where = "".join(f" AND lower({name}::VARCHAR) = lower(?)" for name in names)
    sql = f"SELECT count(*) FROM {table} WHERE as_of = ?{where}"
    return int(chain.store.connection.execute(sql, [day, *names.values()]).fetchone()[0])


def policy_cell(path: str, policy: Policy) -> Any:
    """Return a number of the policy by its path."""
    value: Any = policy
    for name in path.split("."):
        value = getattr(value, name)
    return value


def as_shown(mark: Mark, cell: Any, day: date, names: Mapping[str, Mapping[str, str]] | None = None) -> str:
    """Return how a cell is written in the style of a mark, in a report of a day.

    Args:
        mark: the mark.
        cell: the cell that its source names.
        day: day of the report.
        names: names by id, by the column of a list of ids.
    """
    column = mark.source.rpartition("/")[2].partition("[")[0]
    return Naming(POLICY.labels, day.year, names=names or {}).text(column, cell, mark.style)


def parts_of(value: Any) -> list[Any]:
    """Return every piece of prose in a report, however deep."""
    if isinstance(value, str | Cited):
        return [value]
    if isinstance(value, tuple):
        return [part for entry in value for part in parts_of(entry)]
    if is_dataclass(value) and not isinstance(value, Column):
        hidden = ("name", "data", "anchor", "word")
        return [
            part for spec in fields(value) if spec.name not in hidden for part in parts_of(getattr(value, spec.name))
        ]
    return []


def plain(parts: Prose) -> str:
    """Return prose as plain text."""
    return "".join(part if isinstance(part, str) else part.text for part in parts)


def markup_of(markdown: str) -> set[str]:
    """Return what a reader of Markdown takes for markup."""
    tokens = PARSER.parse(markdown)
    every = [*tokens, *(child for token in tokens for child in token.children or [])]
    return {re.sub("_(open|close)$", "", token.type) for token in every}


def text_of(markdown: str) -> list[str]:
    """Return the text of each paragraph, list entry and cell, as it is read."""
    inline = [token for token in PARSER.parse(markdown) if token.type == "inline"]
    return ["".join("\n" if c.type == "softbreak" else c.content for c in token.children or []) for token in inline]


RAW = re.compile(r"(?<![\w/.-])[a-z][a-z0-9]*(?:_[a-z0-9]+)+(?![\w-])")
# Words before an id in a sentence, and columns of tables whose title states what their ids are.
LABELS_OF_IDS = (
    *("budget move ", "experiment ", "risk ", "audience ", "creative ", "campaign "),
    "customer ",
    "ticket ",
    "conversation ",
    "(",
    "manager ",
    "specialist ",
    "agent ",
    "executive ",
)
TITLES_OF_IDS = {"customer", "ticket", "invoice", "deal", "configuration", "experiment", "person", "should go to"}


def open_prose(document: Document) -> Iterator[Prose]:
    """Return the prose that a reader sees before opening any detail."""
    verdict = document.verdict
    yield verdict.meaning
    yield verdict.changes
    yield verdict.missing
    for tile in verdict.tiles:
        yield from ((tile.label,), tile.figure, tile.remark, tile.target, tile.before, (tile.unit,))
    for action in verdict.actions:
        yield from (action.sentence, action.owner, action.due, action.money)
    for section in document.sections:
        yield (section.title,)
        for block in section.blocks:
            if isinstance(block, Paragraph):
                yield block.parts
            elif isinstance(block, Picture):
                yield from ((block.title,), block.description)
            elif isinstance(block, Grid) and not block.is_folded:
                yield from ((block.caption,), block.note)
                yield from ((cell.main, *cell.below) for row in block.rows for cell in row)


def open_cells(document: Document) -> Iterator[tuple[str, Cited]]:
    """Return title of the column and main part of the cells of the tables that are open."""
    for section in document.sections:
        for block in section.blocks:
            if isinstance(block, Grid) and not block.is_folded:
                for row in block.rows:
                    yield from ((column.title, cell.main) for column, cell in zip(block.columns, row, strict=True))


def is_id(part: Any) -> bool:
    """Return whether a part of prose is an id."""
    return isinstance(part, Cited) and part.style == "plain" and part.source.endswith("_id") and bool(part.value)


def raw_words(document: Document) -> list[str]:
    """Return the raw names of columns and values that a reader sees before opening any detail."""
    texts = [
        "".join(part if isinstance(part, str) else part.text for part in prose if _is_text(part))
        for prose in open_prose(document)
    ]
    drawn = [text for picture in document.pictures for text in _strings_of(picture.data)]
    return sorted({found for text in (*texts, *drawn) for found in RAW.findall(text)})


def _is_text(part: Any) -> bool:
    """Return whether a part of prose is text of this project or a value of a table, no code and no id."""
    return isinstance(part, str) or (isinstance(part, Cited) and not is_id(part))


def unlabelled_ids(document: Document) -> list[str]:
    """Return the ids that a reader sees without a name or a label beside them."""
    found = [cited.text for title, cited in open_cells(document) if is_id(cited) and title not in TITLES_OF_IDS]
    for section in document.sections:
        for block in section.blocks:
            found += _unlabelled(block.parts) if isinstance(block, Paragraph) else []
    for action in document.verdict.actions:
        found += _unlabelled(action.sentence)
    return found + _unlabelled(document.verdict.meaning)


def _unlabelled(prose: Prose) -> list[str]:
    found, before = [], ""
    for part in prose:
        if is_id(part) and isinstance(part, Cited) and not before.endswith(LABELS_OF_IDS):
            found.append(part.text)
        before += part if isinstance(part, str) else part.text
    return found


def _strings_of(value: Any) -> Iterator[str]:
    """Return the texts of a picture: its labels, figures, words and titles."""
    if isinstance(value, Mapping):
        for name, entry in value.items():
            if name in ("label", "figure", "word", "title", "source", "target", "friction"):
                yield str(entry)
            elif isinstance(entry, list | Mapping):
                yield from _strings_of(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from _strings_of(entry)


def counts_in(prose: Prose) -> list[int]:
    """Return the counts of a sentence, in order."""
    return [part.value for part in prose if isinstance(part, Cited) and isinstance(part.value, int)]


def check_first_screen(document: Document) -> None:
    """Assert that a report is in plain words, names before ids, and that its first screen is complete."""
    assert raw_words(document) == []
    assert unlabelled_ids(document) == []
    verdict = document.verdict
    assert 4 <= len(verdict.tiles) <= 6
    for tile in verdict.tiles:
        assert tile.unit, tile.label
        assert tile.evidence in (PROVEN, ASSUMED, UNKNOWN), tile.label
    assert 1 <= len(verdict.actions) <= MOST_ACTIONS
    for action in verdict.actions:
        assert plain(action.owner), plain(action.sentence)
        assert plain(action.command).startswith("cjo "), plain(action.sentence)
    assert plain(verdict.meaning).endswith(".")
    assert document.sections[0].anchor == "what-to-do"
