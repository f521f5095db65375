"""Reports as folders of files."""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from cjo_assets.core.reader import Reader
from cjo_assets.reporting.document import Chart, Document
from cjo_assets.reporting.markdown import as_markdown

FIGURES = "figures"


def loads_of(store: Reader, family: str) -> list[dict[str, Any]]:
    """Return the loads of a family's datasets, one per file."""
    datasets = [dataset.name for dataset in store.datasets_by_family[family]]
    sql = "SELECT * FROM audit.dataset_loads WHERE list_contains(?, dataset) ORDER BY dataset, source_file"
    return store.rows(sql, datasets)


def write_document(document: Document, folder: Path, page: str, load_charts: Callable[[], Mapping[str, Chart]]) -> Path:
    """Write a report, replacing the content of the folder, and return its page.

    Args:
        document: the report.
        folder: the folder of its files.
        page: name of the page; the Markdown file has the same name.
        load_charts: imports the charts of its pictures. Altair and the renderer are slow to import.
    """
    from cjo_assets.reporting.drawing import draw
    from cjo_assets.reporting.home import FIRST_SCREEN, first_screen
    from cjo_assets.reporting.page import as_page

    charts = load_charts()
    drawings = {picture.name: draw(picture, charts) for picture in document.pictures}
    images = {name: f"{FIGURES}/{name}.svg" for name in drawings}
    files = {
        page: as_page(document, drawings).encode(),
        str(Path(page).with_suffix(".md")): as_markdown(document, images).encode(),
    }
    if isinstance(document.day.value, date):
        files[FIRST_SCREEN] = json.dumps(first_screen(document), indent=1).encode()
    for name, drawing in drawings.items():
        files |= {f"{FIGURES}/{name}.svg": drawing.svg.encode(), f"{FIGURES}/{name}.png": drawing.png}
    _replace_folder(folder, files)
    return folder / page


def shown_in_dagster(page: Path, names: tuple[str, ...]) -> tuple[str, str]:
    """Return the verdict and some pictures of a written report as Markdown with embedded images."""
    text = page.with_suffix(".md").read_text(encoding="utf-8")
    pictures = []
    for name in names:
        path = page.parent / FIGURES / f"{name}.svg"
        if path.exists():
            content = base64.b64encode(path.read_bytes()).decode()
            pictures.append(f"![{name}](data:image/svg+xml;base64,{content})")
    return text.partition("\n## ")[0], "\n\n".join(pictures)


def _replace_folder(folder: Path, files: dict[str, bytes]) -> None:
    """Replace a folder: write files beside it and rename, so that readers see the old files or the new ones."""
    partial, replaced = (folder.with_name(f".{folder.name}.{state}") for state in ("partial", "replaced"))
    for left_over in (partial, replaced):
        remove_folder(left_over)
    for name, content in files.items():
        path = partial / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    if folder.exists():
        os.rename(folder, replaced)
    os.rename(partial, folder)
    remove_folder(replaced)


def remove_folder(folder: Path) -> None:
    """Remove a folder if it exists."""
    if folder.exists():
        shutil.rmtree(folder)
