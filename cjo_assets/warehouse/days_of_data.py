"""First and last day of the data of each family, which the Dagster UI lists as partitions."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date

from cjo_assets.core.files import replacing
from cjo_assets.core.settings import Settings

FILE = "days_of_data.json"
Range = tuple[date, date]


def days_of_families(settings: Settings) -> dict[str, Range]:
    """Return the first and last day of each family that has run in the home."""
    path = settings.home / FILE
    if not path.exists():
        return {}
    content: dict[str, list[str]] = json.loads(path.read_text(encoding="utf-8"))
    return {family: (date.fromisoformat(first), date.fromisoformat(last)) for family, (first, last) in content.items()}


def days_of_home(settings: Settings) -> Range | None:
    """Return the first and last day over all families; None before any run."""
    ranges = days_of_families(settings).values()
    return (min(first for first, _ in ranges), max(last for _, last in ranges)) if ranges else None


def extend_days(settings: Settings, family: str, days: Iterable[date | None]) -> None:
    """Extend the days of a family to some others; None is no day."""
    known = days_of_families(settings)
    wanted = [*known.get(family, ()), *(day for day in days if day is not None)]
    if not wanted or known.get(family) == (min(wanted), max(wanted)):
        return
    known[family] = (min(wanted), max(wanted))
    content = {name: [first.isoformat(), last.isoformat()] for name, (first, last) in sorted(known.items())}
    settings.home.mkdir(parents=True, exist_ok=True)
    with replacing(settings.home / FILE) as partial:
        partial.write_text(json.dumps(content) + "\n", encoding="utf-8")
