"""A report as a browser or a Markdown reader gets it: marks with their sources, and the text between them."""

import re
from dataclasses import dataclass, field, fields, is_dataclass
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote

from markdown_it import MarkdownIt

from cjo_assets.families.journey.report.grounds import DEFINED as JOURNEY_DEFINED
from cjo_assets.families.lifecycle.report.grounds import DEFINED as LIFECYCLE_DEFINED
from cjo_assets.families.marketing.report.grounds import DEFINED as MARKETING_DEFINED
from cjo_assets.policy import Policy
from cjo_assets.reporting.data_basis import described
from cjo_assets.reporting.document import Cited, Column, Prose
from cjo_assets.reporting.text import STYLES
from cjo_assets_tests.support.chain import Chain
from cjo_assets_tests.support.rows import Row

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
# Elements of a report; any other would be injected markup.
BLOCKS = {"heading", "paragraph", "bullet_list", "list_item", "table", "thead", "tbody", "tr", "th", "td", "inline"}
INLINE = {"text", "strong", "em", "code_inline", "softbreak", "text_special", "image"}
TAGS = {"html", "head", "meta", "title", "style", "body", "a", "header", "p", "h1", "h2", "h3", "div", "ul", "li", "dl"}
TAGS |= {"dt", "dd", "b", "small", "span", "nav", "main", "section", "figure", "figcaption", "table", "thead", "tbody"}
TAGS |= {"details", "summary", "tr", "th", "td", "code", "wbr", "svg", "g", "path", "line", "text", "rect"}
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


def as_shown(mark: Mark, cell: Any) -> str:
    """Return how a cell is written in the style of a mark."""
    return STYLES[mark.style](cell)


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
