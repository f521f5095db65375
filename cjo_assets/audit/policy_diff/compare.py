"""Comparison of a candidate policy with the one in force, on the published days of every family that it concerns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from cjo_assets.audit.policy_diff.page import FamilyDifference, PolicyPage, policy_report
from cjo_assets.audit.policy_diff.preview import Preview, previewed
from cjo_assets.audit.policy_diff.tables import changed_tables, is_affected, write_differences
from cjo_assets.audit.policy_diff.values import differing_values
from cjo_assets.audit.replay.scratch import Scratch, scratch
from cjo_assets.catalog import data_families
from cjo_assets.core.errors import PastError
from cjo_assets.core.family import Family, deciding_family
from cjo_assets.core.files import replacing
from cjo_assets.core.progress import report_message
from cjo_assets.core.settings import Settings
from cjo_assets.policy import Policy
from cjo_assets.warehouse.export import published_tables
from cjo_assets.warehouse.published import read_only

PAGE = "policy_diff.html"


@dataclass(frozen=True)
class Request:
    """A request for a comparison.

    Attributes:
        candidate: the candidate policy.
        against: the policy to compare with; None for that of each day's run.
        first: first day of the range; None for the latest of each family.
        last: last day of the range; None for the latest of each family.
        folder: folder for the page and the tables.
        file_format: format of the tables.
    """

    candidate: Policy
    against: Policy | None
    first: date | None
    last: date | None
    folder: Path
    file_format: str


@dataclass(frozen=True)
class Comparison:
    """The result of a comparison.

    Attributes:
        page: the content of the page.
        preview: the comparison of the deciding family; None where no day of it is in the range.
        files: the written files, the page first.
    """

    page: PolicyPage
    preview: Preview | None
    files: tuple[Path, ...]


def compared(settings: Settings, request: Request) -> Comparison:
    """Compare a candidate policy on the published days of every family whose settings it changes.

    Raises:
        ContractBreachError: a table would break its contract under the candidate, so that a run would publish nothing.
        PastError: no family has a published day in the range, or one cannot be recomputed.
        TamperedError: an input of a day has changed.
    """
    preview, before, files, published, is_compared = None, request.against, list[Path](), list[date](), False
    with scratch(settings, request.candidate.warehouse.memory_limit) as past:
        published += past.records.days()
        days = days_between(past.records.days(), request.first, request.last)
        if days:
            preview = previewed(past, days, request.candidate, request.folder, request.file_format, request.against)
            before, is_compared = preview.figures.before, True
            files += preview.files
    families = []
    for family in _other_families(settings):
        if not _may_concern(family.name, before, request.candidate):
            continue
        with scratch(settings, request.candidate.warehouse.memory_limit, family=family.name) as past:
            published += past.records.days()
            days = days_between(past.records.days(), request.first, request.last)
            if not days:
                report_message(f"No published day of the family {family.name} was compared.")
                continue
            before, is_compared = before or past.records.policy_of(past.records.of(days[-1])), True
            if _may_concern(family.name, before, request.candidate):
                found, target = _difference(past, days, request)
                families.append(found)
                files.append(target)
    if before is None or not is_compared:
        raise PastError(_no_day(published, request))
    values = tuple(differing_values(before, request.candidate))
    page = PolicyPage(before, request.candidate, values, None if preview is None else preview.figures, tuple(families))
    return Comparison(page, preview, (_written(page, request.folder), *files))


def _other_families(settings: Settings) -> list[Family]:
    """Return the families beside the deciding one of which the published database has tables."""
    with read_only(settings.published) as reader:
        schemas = {name.partition(".")[0] for name in published_tables(reader)}
    return [family for family in data_families() if family.name in schemas - {deciding_family().name}]


def _may_concern(family: str, before: Policy | None, candidate: Policy) -> bool:
    """Return whether a candidate changes settings of a family; while the policy in force is unknown, it may."""
    return before is None or is_affected(family, [path for path, *_ in differing_values(before, candidate)])


def _difference(past: Scratch, days: Sequence[date], request: Request) -> tuple[FamilyDifference, Path]:
    found = changed_tables(past, days, request.candidate, request.against)
    return found, write_differences(past, found, request.folder, request.file_format)


def days_between(published: Sequence[date], first: date | None, last: date | None) -> list[date]:
    """Return the published days of a range, the latest if none is given."""
    if not published:
        return []
    begin, end = first or published[-1], last or published[-1]
    return [day for day in published if begin <= day <= end]


def _no_day(published: Sequence[date], request: Request) -> str:
    if not published:
        return "The published database contains no days."
    begin, end = request.first or max(published), request.last or max(published)
    return f"No day from {begin} to {end} is published. Published days: {min(published)} to {max(published)}."


def _written(page: PolicyPage, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / PAGE
    with replacing(target) as partial:
        partial.write_text(policy_report(page), encoding="utf-8")
    return target
