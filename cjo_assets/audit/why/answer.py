"""The answer of `cjo why` about any subject: a paragraph in plain words, and every step as a tree or a page."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from cjo_assets.audit.why.ask import explained
from cjo_assets.audit.why.handed_over import branches_of, explained_decision
from cjo_assets.audit.why.other_families import branches_of_others, rows_of_others
from cjo_assets.audit.why.subjects import explained_subject
from cjo_assets.core.errors import UnknownSubjectError
from cjo_assets.core.family import Family, deciding_family, registered_families, required
from cjo_assets.core.questions import Branch
from cjo_assets.core.settings import Settings
from cjo_assets.policy import load_policy
from cjo_assets.reporting.naming import labelled_by
from cjo_assets.reporting.shell import filled
from cjo_assets.warehouse.published import read_only

# Stage and health of the lifecycle.
LINES_OF_PARAGRAPH = 2


@dataclass(frozen=True)
class Answer:
    """An answer about a customer, a decision, or another subject.

    Attributes:
        heading: the subject, the day and the answer in short.
        paragraph: the answer in plain words.
        branches: every step, from the raw rows on.
        content: everything that the answer rests on, as data.
    """

    heading: str
    paragraph: str
    branches: list[Branch]
    content: dict[str, Any]

    def as_page(self) -> str:
        """Return the answer as an HTML page, with all data escaped."""
        return filled("why.html", heading=self.heading, paragraph=self.paragraph, branches=self.branches)


def answered(settings: Settings, subject: str, day: date | None) -> Answer:
    """Return the answer about a subject on a day.

    Args:
        settings: the settings.
        subject: id of a customer, an intervention, a decision, a derived signal, or a subject of another family.
        day: the day; None for the latest that has the subject.

    Raises:
        PolicyError: the policy of the home, which has the labels, cannot be used.
        WarehouseError: there is no published database, or the subject or the day is unknown.
    """
    with labelled_by(load_policy(settings.policy).labels):
        return (
            _about_decision(settings, subject, day)
            or about_subject(settings, subject, day)
            or about_customer(settings, subject, day)
        )


def about_customer(settings: Settings, subject: str, day: date | None) -> Answer:
    """Return the answer about a customer, or the customer of an intervention or a derived signal.

    Args:
        settings: the settings.
        subject: id of the customer, the intervention or the derived signal.
        day: the day; None for the latest.

    Raises:
        WarehouseError: there is no published database, or the subject or the day is unknown.
    """
    try:
        why = explained(settings, subject, day)
    except UnknownSubjectError:
        found = _about_customer_of_others(settings, subject, day)
        if found is None:
            raise
        return found
    explanation = required(deciding_family().explanation, deciding_family(), "explanation")
    heading = f"{why.customer_id} on {why.as_of}: {why.answer}"
    return Answer(
        heading, explanation.paragraph(why), [*explanation.branches(why), *branches_of_others(why.others)], asdict(why)
    )


def _about_customer_of_others(settings: Settings, customer: str, day: date | None) -> Answer | None:
    """Return what the other families know about a customer that the deciding one does not have; None without any."""
    family = deciding_family()
    with read_only(settings.published) as reader:
        others = rows_of_others(reader, family, customer, day or date.max)
    if not others:
        return None
    branches = branches_of_others(others)
    known = " ".join(f"{branch.heading}: {'. '.join(branch.lines[:LINES_OF_PARAGRAPH])}." for branch in branches)
    paragraph = f"{customer} is no customer of the {family.name}, so nothing was decided about it there. {known}"
    content = {"customer_id": customer, "others": [asdict(rows) for rows in others]}
    return Answer(f"{customer}: no customer of the {family.name}", paragraph, branches, content)


def about_subject(settings: Settings, subject: str, day: date | None, kind: str | None = None) -> Answer | None:
    """Return the answer about a subject of a family, such as an experiment; None if no family has it.

    Args:
        settings: the settings.
        subject: id of the subject.
        day: the last day to examine; None for all.
        kind: kind of the subject; None for any.

    Raises:
        WarehouseError: there is no published database.
    """
    found = explained_subject(settings, subject, day, kind)
    if found is None:
        return None
    [own] = [one for one in _family(found.family).subjects if one.kind == found.kind]
    heading = f"{found.kind.capitalize()} {subject} on {found.as_of}"
    return Answer(heading, own.paragraph(found), own.branches(found), asdict(found))


def _about_decision(settings: Settings, subject: str, day: date | None) -> Answer | None:
    found = explained_decision(settings, subject, day)
    if found is None:
        return None
    handed_over = required(_family(found.family).handed_over, _family(found.family), "decisions")
    row = found.decision or found.request or {}
    heading = f"{subject} on {found.as_of}, {row['customer_id'] or 'several customers'}: {row['what']}"
    return Answer(heading, handed_over.paragraph(found), branches_of(found), asdict(found))


def _family(name: str) -> Family:
    return next(family for family in registered_families() if family.name == name)
