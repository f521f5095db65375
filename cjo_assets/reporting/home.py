"""Home of the reports: a page that lists all of them, a stable copy of the newest, and links between days."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from markupsafe import escape

from cjo_assets.core.files import replacing
from cjo_assets.reporting.document import Document, Prose
from cjo_assets.reporting.palette import tone, traffic_light
from cjo_assets.reporting.shell import filled
from cjo_assets.reporting.text import day as day_text

INDEX, LATEST, FIRST_SCREEN = "index.html", "latest", "first_screen.json"
_DAYS = re.compile(r'(<nav class="days" aria-label="Days">).*?(</nav>)', re.DOTALL)


@dataclass(frozen=True)
class Entry:
    """A report in the home.

    Attributes:
        family: its family.
        day: its day.
        page: its page, relative to the folder of the reports.
        screen: its first screen, as `first_screen` returns it; empty of a report without one.
    """

    family: str
    day: date
    page: str
    screen: Mapping[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """Title of the report, or the name of its family."""
        return str(self.screen.get("title", self.family))

    @property
    def date(self) -> str:
        """Its day as people read it."""
        return day_text(self.day)


def first_screen(document: Document) -> dict[str, Any]:
    """Return the first screen of a report as plain text, for the page that lists all reports and for the terminal."""
    verdict = document.verdict
    return {
        "title": document.title,
        "light": traffic_light(verdict.word),
        "tone": tone(verdict.word),
        "meaning": _plain(verdict.meaning),
        "changes": _plain(verdict.changes),
        "tiles": [
            {"label": tile.label, "figure": _plain(tile.figure), "unit": tile.unit, "evidence": tile.evidence}
            for tile in verdict.tiles
        ],
        "actions": [
            {
                "sentence": _plain(action.sentence),
                "owner": _plain(action.owner),
                "due": _plain(action.due),
                "money": _plain(action.money),
                "command": _plain(action.command),
            }
            for action in verdict.actions
        ],
        "missing": _plain(verdict.missing),
    }


def write_home(reports: Path, pages: Mapping[str, str], published: Iterable[tuple[str, date]], days: set[date]) -> Path:
    """Write the page that lists all reports, copy the newest of each family, and link the days of a run.

    Args:
        reports: folder of the reports.
        pages: file name of the page of each family.
        published: families and their published days.
        days: days of the run; the pages of these and of the days beside them get their links.

    Returns:
        The page that lists all reports.
    """
    entries = [entry for family, day in set(published) if (entry := _entry(reports, pages, family, day)) is not None]
    entries.sort(key=lambda entry: entry.family)
    entries.sort(key=lambda entry: entry.day, reverse=True)
    for family in pages:
        own = [entry for entry in entries if entry.family == family]
        for place in range(len(own)):
            beside = own[max(place - 1, 0) : place + 2]
            if days & {other.day for other in beside}:
                _link(reports, own, place)
        _copy_newest(reports, family, own)
    index = reports / INDEX
    reports.mkdir(parents=True, exist_ok=True)
    with replacing(index) as partial:
        partial.write_text(filled("home.html", entries=entries, families=sorted(pages)), encoding="utf-8")
    return index


def _entry(reports: Path, pages: Mapping[str, str], family: str, day: date) -> Entry | None:
    """Return the report of a day; None where it was not written or was removed."""
    if family not in pages:
        return None
    page = f"{family}/{day.isoformat()}/{pages[family]}"
    if not (reports / page).exists():
        return None
    screen = (reports / page).with_name(FIRST_SCREEN)
    return Entry(family, day, page, json.loads(screen.read_text(encoding="utf-8")) if screen.exists() else {})


def _link(reports: Path, own: Sequence[Entry], place: int) -> None:
    """Write the links of a page to the days beside it, the newest first in the list, and to the home."""
    # From a folder of a day and from the copy of the newest alike, the folder of the reports is two levels up.
    links = [f'<a href="../../{INDEX}">All reports</a>']
    for other, words in ((place + 1, "Previous day"), (place - 1, "Next day")):
        if 0 <= other < len(own):
            target = own[other]
            links.append(f'<a href="../../{escape(target.page)}">{words}: {escape(target.date)}</a>')
    path = reports / own[place].page
    before = path.read_text(encoding="utf-8")
    after = _DAYS.sub(lambda found: f"{found[1]}{' '.join(links)}{found[2]}", before)
    if after != before:
        with replacing(path) as partial:
            partial.write_text(after, encoding="utf-8")


def _copy_newest(reports: Path, family: str, own: Sequence[Entry]) -> None:
    """Replace the copy of the newest report of a family; a family without reports has none."""
    target = reports / LATEST / family
    if not own:
        _remove(target)
        return
    source = (reports / own[0].page).parent
    partial = target.with_name(f".{target.name}.partial")
    # Of a publish that was killed.
    _remove(partial)
    shutil.copytree(source, partial)
    _remove(target)
    partial.rename(target)


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


def _plain(parts: Prose) -> str:
    return "".join(part if isinstance(part, str) else part.text for part in parts)
