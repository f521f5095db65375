"""Sections on the data behind a report: input files, rejected rows, and definitions of its figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cjo_assets.core.contract import Contract, columns_of
from cjo_assets.reporting.document import Block, Code, Column, Paragraph, Record, Row, Section, grid, records

LOADS = (
    Column("dataset", "dataset"),
    Column("file", "source_file"),
    Column("rows read", "rows_read", "count"),
    Column("accepted", "rows_accepted", "count"),
    Column("rejected", "rows_rejected", "count"),
    Column("note", "note", is_long=True),
)
DEFINITIONS = (Column("table", "table"), Column("column", "column"), Column("what it is", "description", is_long=True))
# Columns with a definition in a report, by table.
Defined = Mapping[str, tuple[type[Contract], tuple[str, ...]]]


def data_section(
    loads: Sequence[Row],
    rejections: Sequence[Record],
    columns: Sequence[Column],
    remark: str = "",
    otherwise: str = "No row was rejected.",
) -> Section:
    """Return the section on input files and rejected rows.

    Args:
        loads: rows of `audit.dataset_loads`.
        rejections: rejected rows, counted by dataset and rule.
        columns: columns of the grid of rejections.
        remark: addition to the note on the files.
        otherwise: sentence where no row was rejected.
    """
    # A dataset has one row per file, and some datasets have several files.
    files = records("audit.dataset_loads", ("dataset", "source_file"), loads)
    now = "The files as they are now, rows dated after the day included."
    note = "A row that broke two rules is listed under both. The rows themselves are in "
    rejected: Block = Paragraph((otherwise,))
    if rejections:
        rejected = grid(
            "Rejected rows by rule", columns, rejections, (note, Code("audit.rejected_records"), "."), is_folded=True
        )
    return Section(
        "data",
        "Data quality",
        (grid("Files, and rows accepted and rejected", LOADS, files, (now + remark,), is_folded=True), rejected),
    )


def definitions_section(day: Record, policy: Record, defined: Defined) -> Section:
    """Return the section on the sources and the definitions of figures."""
    told = Paragraph(
        (
            *("Every figure is a cell of a table in ", Code("cjo.duckdb"), " with ", Code("as_of"), " = "),
            *(day.show("as_of"), ", or a count of its rows; the files alone have no day. In the page, point at one "),
            *("to see which. Policy version ", policy.show("version"), ", hash ", policy.show("policy_hash")),
            "; its text is in ",
            *(Code("audit.policies"), "."),
        )
    )
    rows = records("contract", ("table", "column"), described(defined))
    return Section(
        "how",
        "How these figures came about",
        (told, grid("Definitions, as the tables state them", DEFINITIONS, rows, is_folded=True)),
    )


def described(defined: Defined) -> list[Row]:
    """Return table, column and description of the columns that are defined, by table."""
    found = []
    for table, (contract, names) in defined.items():
        descriptions = {spec.name: spec.description for spec in columns_of(contract)}
        found += [{"table": table, "column": name, "description": descriptions[name]} for name in names]
    return found
