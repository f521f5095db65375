"""The first things to do in the lifecycle report: the first action of each person, with due date, money and command."""

from __future__ import annotations

from cjo_assets.families.lifecycle.report.figures import LifecycleFigures
from cjo_assets.reporting.document import Action, Prose, Record
from cjo_assets.reporting.first_screen import MOST_ACTIONS

APPROVAL = "approval"
# Kinds whose label and customer leave nothing to add.
COMPLETE = ("red_health", "renewal")
DECISION = "L-"


def first_actions(figures: LifecycleFigures) -> tuple[Action, ...]:
    """Return the actions of the plan that are first in the order of their owner."""
    return tuple(_action(figures, row) for row in figures.of("action_plan")[:MOST_ACTIONS])


def _action(figures: LifecycleFigures, row: Record) -> Action:
    kind, subject = row.row["kind"], str(row.row["subject_id"])
    about: Prose = (row.show("customer_id", "name", is_strong=True),) if row.has("customer_id") else ("All customers",)
    sentence: Prose = (*about, ": ", row.show("what", "prose"))
    if kind in COMPLETE:
        sentence = (row.show("kind", "words"), ": ", *about, ".")
    owner: Prose = (row.show("role", "words"),)
    if row.row["owner"] != row.row["role"]:
        owner = (row.show("owner"), ", ", *owner)
    command: Prose = ()
    if kind == APPROVAL:
        command = ("cjo approve ", row.show("subject_id"), " --by NAME")
    elif subject.startswith(DECISION):
        command = ("cjo why ", row.show("subject_id"))
    elif row.has("customer_id"):
        command = ("cjo run --customer ", row.show("customer_id"))
    return Action(
        sentence=sentence,
        owner=owner,
        due=(row.show("due_at", "instant"),) if row.has("due_at") else (),
        money=(*figures.currency, row.show("value_at_stake", "whole"), " a year at stake")
        if row.has("value_at_stake")
        else (),
        command=command,
    )
