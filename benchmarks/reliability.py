"""Blocks of counts on `docs/reference/reliability.md`; the text around them is edited by hand."""

from __future__ import annotations

from pathlib import Path

from cjo_assets.core.settings import PROJECT

PAGE = PROJECT / "docs" / "reference" / "reliability.md"


def write_counts(page: Path, name: str, counts: str) -> None:
    """Replace the counts between the markers of a block of a page, or add the block at its end."""
    begin, end = f"<!-- begin: {name} -->", f"<!-- end: {name} -->"
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    if begin not in text:
        text = f"{text}\n{begin}\n{end}\n".lstrip()
    before, after = text.partition(begin)[0], text.partition(end)[2]
    page.write_text(f"{before}{begin}\n{counts}\n{end}{after}", encoding="utf-8")
