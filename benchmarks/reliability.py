"""The block of counts on `docs/reference/reliability.md`; the text around it is edited by hand."""

from __future__ import annotations

from pathlib import Path

BEGIN, END = "<!-- begin: counts -->", "<!-- end: counts -->"


def write_counts(page: Path, counts: str) -> None:
    """Replace the counts between the markers of a page, or add them at its end."""
    text = page.read_text(encoding="utf-8") if page.exists() else f"{BEGIN}\n{END}\n"
    before, after = text.partition(BEGIN)[0], text.partition(END)[2]
    page.write_text(f"{before}{BEGIN}\n{counts}\n{END}{after}", encoding="utf-8")
