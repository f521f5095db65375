"""Page on one subject: the parts of all families that have published rows about it, and why it was decided so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import cast

from markupsafe import Markup

from cjo_assets.audit.why.answer import Answer, about_customer, about_subject
from cjo_assets.core.errors import WarehouseError
from cjo_assets.core.family import Family, deciding_family, registered_families
from cjo_assets.core.pages import SubjectPart
from cjo_assets.core.settings import Settings
from cjo_assets.explorer.database import Reader
from cjo_assets.reporting.document import Chart, Cited, Picture, Section
from cjo_assets.reporting.profile import Profile


@dataclass(frozen=True)
class Part:
    """The part of one family, and its pictures by name as SVG of the page, wide and narrow."""

    family: str
    day: date
    profile: Profile
    pictures: Mapping[str, tuple[Markup, ...]]


@dataclass(frozen=True)
class SubjectPage:
    """The page on one subject."""

    subject: str
    subject_id: str
    parts: tuple[Part, ...]
    why: Answer | None

    @property
    def name(self) -> Cited | None:
        """Its name; None where no family has one."""
        return next((part.profile.name for part in self.parts if part.profile.name is not None), None)

    @property
    def sections(self) -> list[tuple[Part, Section]]:
        """Its sections with their parts, in the order of families."""
        return [(part, section) for part in self.parts for section in part.profile.sections]


def subjects() -> tuple[str, ...]:
    """Return the subjects that have pages."""
    found = [part.subject for family in registered_families() if family.pages for part in family.pages.parts]
    return tuple(dict.fromkeys(found))


def subject_page(
    settings: Settings, reader: Reader, subject: str, subject_id: str, days: Mapping[str, date]
) -> SubjectPage | None:
    """Return the page on a subject on the given day of each family; None if no family has rows about it."""
    parts = []
    for family in registered_families():
        for part in family.pages.parts if family.pages and family.name in days else ():
            if part.subject == subject:
                parts += _part(reader, family, part, subject_id, days[family.name])
    if not parts:
        return None
    return SubjectPage(subject, subject_id, tuple(parts), _answer(settings, subject, subject_id, parts))


def _part(reader: Reader, family: Family, part: SubjectPart, subject_id: str, day: date) -> list[Part]:
    given = {"subject": subject_id, "day": day}
    rows = {}
    for name, query in part.queries.items():
        rows[name] = reader.rows(query, given)
        if len(rows) == 1 and not rows[name]:
            return []
    profile = cast(Profile, part.profile(day, rows))
    return [Part(family.name, day, profile, _drawn(profile, part))]


def _drawn(profile: Profile, part: SubjectPart) -> dict[str, tuple[Markup, ...]]:
    """Draw the pictures of a profile; Altair is imported only where there are any."""
    pictures = [block for section in profile.sections for block in section.blocks if isinstance(block, Picture)]
    if not pictures:
        return {}
    from cjo_assets.reporting.drawing import on_page

    charts = cast(Mapping[str, Chart], part.load_charts())
    # The renderer has escaped the text in its SVG.
    return {picture.name: tuple(Markup(drawing) for drawing in on_page(picture, charts)) for picture in pictures}


def _answer(settings: Settings, subject: str, subject_id: str, parts: list[Part]) -> Answer | None:
    """Return what `cjo why` answers about the subject; None for one that no family explains on the day of its part."""
    days = {part.family: part.day for part in parts}
    for family in registered_families():
        if family.name in days and subject in [explanation.kind for explanation in family.subjects]:
            return about_subject(settings, subject_id, days[family.name], subject)
    family = deciding_family()
    if family.name not in days or family.subject is None or family.subject.name != subject:
        return None
    try:
        return about_customer(settings, subject_id, days[family.name])
    except WarehouseError:
        return None
