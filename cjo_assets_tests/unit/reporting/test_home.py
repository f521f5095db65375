"""The home of the reports: its list, the copy of the newest report, and the links between days."""

import json
import re
from datetime import date
from pathlib import Path

from cjo_assets.reporting.home import FIRST_SCREEN, write_home

PAGES = {"journey": "journey_report.html", "marketing": "marketing_report.html"}
NAV = '<nav class="days" aria-label="Days"></nav>'
DAYS = [date(2025, 1, 16), date(2025, 1, 17), date(2025, 1, 20)]


def written(reports: Path, family: str, day: date, light: str = "RED") -> None:
    """Write a report as a run does."""
    folder = reports / family / day.isoformat()
    folder.mkdir(parents=True)
    (folder / PAGES[family]).write_text(f"<html>{family} {day} {NAV}</html>", encoding="utf-8")
    screen = {"title": family.title(), "light": light, "tone": "bad", "meaning": f"<b>{day}</b>", "tiles": []}
    (folder / FIRST_SCREEN).write_text(json.dumps(screen), encoding="utf-8")


def links(page: Path) -> list[tuple[str, str]]:
    """Return the links of a page to other days."""
    text = page.read_text(encoding="utf-8")
    found = re.search(r'<nav class="days"[^>]*>(.*?)</nav>', text)
    assert found is not None
    return re.findall(r'<a href="([^"]+)">([^<]+)</a>', found[1])


def test_every_published_day_is_listed_the_newest_first(tmp_path: Path) -> None:
    for day in DAYS:
        written(tmp_path, "journey", day)
    written(tmp_path, "marketing", DAYS[1], "GREEN")
    written(tmp_path, "marketing", date(2025, 3, 1))
    published = [("journey", day) for day in DAYS] + [("marketing", DAYS[1]), ("lifecycle", DAYS[0])]
    index = write_home(tmp_path, PAGES, published, set(DAYS))
    text = index.read_text(encoding="utf-8")
    targets = re.findall(r'<h2><a href="([^"]+)">', text)
    assert targets == [
        "journey/2025-01-20/journey_report.html",
        "journey/2025-01-17/journey_report.html",
        "marketing/2025-01-17/marketing_report.html",
        "journey/2025-01-16/journey_report.html",
    ], "a day that is not published is not listed"
    assert "&lt;b&gt;2025-01-20&lt;/b&gt;" in text
    assert all((tmp_path / target).exists() for target in re.findall(r'href="([^"#]+)"', text))


def test_each_day_links_to_the_days_beside_it_and_to_the_home(tmp_path: Path) -> None:
    for day in DAYS[:2]:
        written(tmp_path, "journey", day)
        write_home(tmp_path, PAGES, [("journey", found) for found in DAYS if found <= day], {day})
    written(tmp_path, "journey", DAYS[2])
    write_home(tmp_path, PAGES, [("journey", day) for day in DAYS], {DAYS[2]})
    first, middle, last = (tmp_path / "journey" / day.isoformat() / PAGES["journey"] for day in DAYS)
    home = ("../../index.html", "All reports")
    assert links(first) == [home, ("../../journey/2025-01-17/journey_report.html", "Next day: 17 Jan 2025")]
    assert links(middle) == [
        home,
        ("../../journey/2025-01-16/journey_report.html", "Previous day: 16 Jan 2025"),
        ("../../journey/2025-01-20/journey_report.html", "Next day: 20 Jan 2025"),
    ]
    newest = tmp_path / "latest" / "journey" / PAGES["journey"]
    assert newest.read_bytes() == last.read_bytes()
    for page in (first, middle, last, newest):
        assert all((page.parent / target).resolve().exists() for target, _ in links(page))


def test_an_older_day_leaves_the_newest_in_place(tmp_path: Path) -> None:
    written(tmp_path, "journey", DAYS[2])
    write_home(tmp_path, PAGES, [("journey", DAYS[2])], {DAYS[2]})
    written(tmp_path, "journey", DAYS[0])
    write_home(tmp_path, PAGES, [("journey", DAYS[0]), ("journey", DAYS[2])], {DAYS[0]})
    assert "2025-01-20" in (tmp_path / "latest" / "journey" / PAGES["journey"]).read_text(encoding="utf-8")


def test_a_report_of_an_earlier_version_is_listed_without_its_verdict(tmp_path: Path) -> None:
    written(tmp_path, "journey", DAYS[0])
    (tmp_path / "journey" / DAYS[0].isoformat() / FIRST_SCREEN).unlink()
    text = write_home(tmp_path, PAGES, [("journey", DAYS[0])], set()).read_text(encoding="utf-8")
    assert "journey, 16 Jan 2025" in text


def test_reports_that_were_switched_off_leave_no_copy(tmp_path: Path) -> None:
    written(tmp_path, "journey", DAYS[0])
    write_home(tmp_path, PAGES, [("journey", DAYS[0])], set())
    (tmp_path / "journey" / DAYS[0].isoformat() / PAGES["journey"]).unlink()
    text = write_home(tmp_path, PAGES, [("journey", DAYS[0])], set()).read_text(encoding="utf-8")
    assert "No report is published yet." in text
    assert not (tmp_path / "latest" / "journey").exists()
