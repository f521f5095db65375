"""Blocks of the page that a run of its own measures: each is between two markers and is replaced as a whole."""

from __future__ import annotations

import re
from pathlib import Path

EMPTY = "Not measured yet."
# In the order of the page.
SECTIONS = {
    "against": """## Compared with an earlier commit

Both commits are exported from Git into a temporary folder. Each is installed there by its own `Makefile` and
`constraints.txt`, from empty caches, and runs its sample data. Each process runs for one commit directly after the
other. Processor time includes child processes; ratios are computed within a round. To repeat, on a quiet machine:

    cjo bench --against 2691c95

`--only tests` measures `make test`, with the installation of the tools of development; it is not run otherwise.""",
    "days": """## Days on the sample data

The fixed cost of a day: with ten customers and four campaigns, nearly no time is spent on rows. Each value is the
processor time of `cjo run` on an empty home, start included. A further day is what three days in one run cost more than
the first alone, halved. To repeat:

    cjo bench --only further_day --only backfill""",
    "lifecycle": """## The client lifecycle with 10,000 organizations

One day through Dagster, with all checks, published: `cjo run --family lifecycle` on an empty home, start and
compilation of statements included. `cjo synth` generates the files. To repeat:

    cjo bench --only lifecycle""",
    "history": """## A home over many days

The journey, with generated customers: runs of five days each in one home, one after the other. Processor time of a day
contains its share of the start of a run. `days_kept` and `snapshots_kept` of the [policy](../reference/policy.md) bound
the days in the published database and the snapshots; parts below a thousandth of a GiB are left out. To repeat:

    cjo bench --only history""",
    "personalization": """## Lookup of a customer

A runtime that writes messages looks up variant and tone of one customer in the published database, by day and customer.
Lookups are statements of their own on one connection. To repeat:

    cjo bench --only personalization""",
}


def _markers(name: str) -> tuple[str, str]:
    return f"<!-- begin: {name} -->", f"<!-- end: {name} -->"


def block_of(text: str, name: str) -> str:
    """Return what a page has between the markers of a block; EMPTY without them."""
    begin, end = _markers(name)
    found = re.search(rf"{re.escape(begin)}\n(.*?)\n{re.escape(end)}", text, re.DOTALL)
    return found[1] if found else EMPTY


def section_of(name: str, content: str) -> str:
    """Return the section of a block: how to repeat it, and its content between the markers."""
    begin, end = _markers(name)
    return f"{SECTIONS[name]}\n\n{begin}\n{content}\n{end}"


def write_block(page: Path, name: str, content: str) -> None:
    """Replace the content of a block on a page; a page without the block gets its section at the end."""
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    begin, end = _markers(name)
    if begin in text and end in text:
        before, after = text.partition(begin)[0], text.partition(end)[2]
        text = f"{before}{begin}\n{content}\n{end}{after}"
    else:
        text = f"{text.rstrip()}\n\n{section_of(name, content)}\n".lstrip()
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(text, encoding="utf-8")
