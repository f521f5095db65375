"""Export of the published rows of one customer, without any other customer and with roles in place of people.

Rejected rows and the records of the audit are not exported: a rejected row may be about any customer.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from cjo_assets.core.contract import columns_of
from cjo_assets.core.errors import WarehouseError
from cjo_assets.core.family import Family, Tenancy
from cjo_assets.core.files import replacing
from cjo_assets.core.person import is_telling
from cjo_assets.core.settings import Settings
from cjo_assets.core.table import Table
from cjo_assets.engine.sql import literal, quoted
from cjo_assets.warehouse.export import Format, copied, published_tables
from cjo_assets.warehouse.published import read_only, rows_of

COLUMN = "customer_id"
MANIFEST = "manifest.json"
OTHER = "another customer"
NEWEST_DAYS = "SELECT family, max(as_of) AS day FROM audit.runs WHERE is_published GROUP BY ALL ORDER BY ALL"
WORD = re.compile(r"\w+")


class Redaction:
    """Replaces other customers and people in a text.

    A text that is one of them as a whole is always replaced. Within a text, one counts where it is delimited and
    distinctive, so that a customer "5" does not change the figures of a sentence.
    """

    def __init__(self, replacements: Mapping[str, str], own: Iterable[str]) -> None:
        """Take the replacement of each id and name, and the ids and names that stay."""
        kept = {text: text for text in own if text}
        self._exact = {**replacements, **kept}
        self._by_word: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
        for text in sorted(filter(is_telling, self._exact), key=lambda text: (-len(text), text)):
            first = WORD.search(text)
            if first is not None:
                self._by_word[first[0]].append((first.start(), text))

    def __call__(self, text: str) -> str:
        """Return a text with the replacements."""
        if text in self._exact:
            return self._exact[text]
        parts, done = [], 0
        for word in WORD.finditer(text):
            for before, found in self._by_word.get(word[0], ()):
                begin, end = word.start() - before, word.start() - before + len(found)
                if begin >= done and text.startswith(found, begin) and _is_delimited(text, begin, end):
                    parts += [text[done:begin], self._exact[found]]
                    done = end
                    break
        return "".join([*parts, text[done:]])

    def each(self, texts: list[str | None]) -> list[str | None]:
        """Return a list of texts with the replacements."""
        return [None if text is None else self(text) for text in texts]


def _is_delimited(text: str, begin: int, end: int) -> bool:
    return not any(re.match(r"[\w-]", mark) for mark in (text[begin - 1 : begin], text[end : end + 1]))


def tables_of_customers(family: Family) -> dict[str, str]:
    """Return the published tables of a family with rows that belong to customers, and the condition, by $customer."""
    if family.tenancy is None:
        return {}
    conditions = {table.name: f"{COLUMN} = $customer" for table in _published(family) if _has_customer(table)}
    return conditions | dict(family.tenancy.children)


def _published(family: Family) -> list[Table]:
    return [table for table in family.tables if table.schema == family.name and table.is_published]


def _has_customer(table: Table) -> bool:
    return any(spec.name == COLUMN for spec in columns_of(table.contract))


def export_customer(
    settings: Settings,
    families: Iterable[Family],
    customer: str,
    folder: Path,
    day: date | None,
    written_as: Format = Format.PARQUET,
) -> dict[str, int]:
    """Write the rows of a customer, one file per table of each family, and a manifest.

    Args:
        settings: the settings.
        families: the families to export.
        customer: id of the customer.
        folder: the target folder: new or empty, so that no file of another customer remains in it.
        day: the as-of date of the rows of dated tables; None for all.
        written_as: the file format.

    Returns:
        The number of rows of each table.

    Raises:
        WarehouseError: there is no published database, it does not contain the customer, or the folder has files.
    """
    if folder.is_dir() and any(folder.iterdir()):
        raise WarehouseError(f"The folder {folder} is not empty. Choose a new one for each customer.")
    with read_only(settings.published) as reader:
        present = published_tables(reader)
        families = [family for family in families if present & _names(family)]
        redaction = _redaction(reader, [family.tenancy for family in families if family.tenancy], customer)
        reader.create_function("redacted", redaction, ["VARCHAR"], "VARCHAR")
        reader.create_function("redacted_list", redaction.each, ["VARCHAR[]"], "VARCHAR[]")
        folder.mkdir(parents=True, exist_ok=True)
        counts = {}
        for family in families:
            for name, condition in sorted(tables_of_customers(family).items()):
                full_name = f"{family.name}.{name}"
                if full_name in present:
                    query = _query(reader, full_name, condition, customer, day)
                    counts[full_name] = copied(reader, query, folder / f"{full_name}.{written_as.value}", written_as)
        _write_manifest(folder, customer, day, {row["family"]: row["day"] for row in rows_of(reader, NEWEST_DAYS, {})})
    return counts


def _names(family: Family) -> set[str]:
    return {f"{family.name}.{name}" for name in tables_of_customers(family)}


def _redaction(reader: duckdb.DuckDBPyConnection, tenancies: list[Tenancy], customer: str) -> Redaction:
    """Return the replacements of all people and of all customers but one."""
    own, replacements = set(), dict[str, str]()
    for tenancy in tenancies:
        people = f"FROM ({tenancy.people}) WHERE id IS NOT NULL ORDER BY ALL"
        for row in rows_of(reader, people, {"customer": customer}):
            replacements.setdefault(row["id"], row["role"] or OTHER)
    for tenancy in tenancies:
        for row in rows_of(reader, tenancy.customers, {}):
            names = {name for name in row.values() if name}
            if row["id"] == customer:
                own |= names
            else:
                replacements |= dict.fromkeys(names, OTHER)
    if customer not in own:
        raise WarehouseError(f"The published tables contain no customer {customer}.")
    return Redaction(replacements, own)


def _query(reader: duckdb.DuckDBPyConnection, name: str, condition: str, customer: str, day: date | None) -> str:
    """Return the query of a customer's rows of a table, with the replacements in each text."""
    columns = {column: str(kind) for column, kind, *_ in reader.execute(f"DESCRIBE {name}").fetchall()}
    functions = {"VARCHAR": "redacted", "VARCHAR[]": "redacted_list"}
    cells = ", ".join(
        f"{functions[kind]}({quoted(column)}) AS {quoted(column)}" if kind in functions else quoted(column)
        for column, kind in columns.items()
    )
    of_day = f" AND as_of = {literal(day.isoformat())}" if day is not None and "as_of" in columns else ""
    return f"SELECT {cells} FROM {name} WHERE {condition.replace('$customer', literal(customer))}{of_day}"


def _write_manifest(folder: Path, customer: str, day: date | None, newest_days: Mapping[str, date]) -> None:
    """Write what the folder contains: each file with its hash, and the newest day of each family."""
    files = [
        {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        for path in sorted(folder.iterdir())
    ]
    manifest: dict[str, Any] = {
        COLUMN: customer,
        "as_of": day,
        "newest_days": newest_days,
        "replaced": f"people by their role, other customers by the words {OTHER!r}",
        "files": files,
    }
    with replacing(folder / MANIFEST) as partial:
        partial.write_text(json.dumps(manifest, indent=1, default=str) + "\n", encoding="utf-8")
