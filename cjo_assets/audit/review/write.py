"""Page on one quarter of one subject, from the published database."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Any, cast

from cjo_assets.core.errors import InputError, WarehouseError
from cjo_assets.core.family import Family, Review
from cjo_assets.core.settings import Settings
from cjo_assets.policy.archived import read_archived
from cjo_assets.reporting.document import Document
from cjo_assets.reporting.writing import write_document
from cjo_assets.warehouse.published import read_only, rows_of

MONTHS_OF_QUARTER = 3
DAYS = """
    SELECT max(as_of) FILTER (as_of < $end) AS inside, min(as_of) FILTER (as_of >= $end) AS after FROM audit.runs
    WHERE is_published AND family = $family AND as_of >= $first AND as_of < $next"""

POLICY = """
    SELECT policies.content FROM audit.runs AS runs JOIN audit.policies AS policies USING (policy_hash)
    WHERE runs.is_published AND runs.family = $family AND runs.as_of = $day ORDER BY runs.ended_at DESC LIMIT 1"""


def quarter_of(text: str) -> date:
    """Return the first day of a quarter, given as 2024Q4.

    Raises:
        InputError: the text is no quarter.
    """
    found = re.fullmatch(r"(\d{4})-?Q([1-4])", text.strip().upper())
    if found is None:
        raise InputError(f"{text!r} is not a quarter. Write it as 2024Q4.")
    return date(int(found[1]), MONTHS_OF_QUARTER * int(found[2]) - 2, 1)


def write_review(settings: Settings, families: Iterable[Family], subject: str, quarter: date) -> Path:
    """Write the page of a subject and quarter and return its path.

    Its figures are those of the last published day in the quarter, or else of the first one in the quarter after it.

    Raises:
        WarehouseError: no such day is published, or the subject is unknown.
    """
    family, review = _reviewing(families)
    end = _next(quarter)
    given: dict[str, Any] = {"family": family.name, "subject": subject, "first": quarter, "end": end}
    with read_only(settings.published) as reader:
        [days] = rows_of(reader, DAYS, given | {"next": _next(end)})
        day = days["inside"] or days["after"]
        if day is None:
            raise WarehouseError(
                f"No day from {quarter} to {_next(end) - timedelta(days=1)} is published. "
                f"Run `cjo run --family {family.name} --as-of {end - timedelta(days=1)}`."
            )
        rows = {name: rows_of(reader, query, given | {"day": day}) for name, query in review.queries.items()}
        [policy] = rows_of(reader, POLICY, given | {"day": day})
    first = next(iter(review.queries))
    if not rows[first]:
        raise WarehouseError(f"The published days contain no {review.subject} {subject}.")
    folder = settings.review_of(family.name, quarter, subject)
    page = cast(Document, review.document(subject, quarter, day, rows, read_archived(policy["content"]).policy))
    return write_document(page, folder, review.page, dict)


def _reviewing(families: Iterable[Family]) -> tuple[Family, Review]:
    """Return the family whose subjects have reviews."""
    for family in families:
        if family.review is not None:
            return family, family.review
    raise WarehouseError("No family has reviews of quarters.")


def _next(quarter: date) -> date:
    """Return the first day of the quarter after another."""
    return (quarter + timedelta(days=31 * MONTHS_OF_QUARTER)).replace(day=1)
