"""The first things to do in the marketing report, each with owner, money and command."""

from __future__ import annotations

from cjo_assets.core.approval_status import PENDING, REJECTED
from cjo_assets.families.marketing.report.figures import MarketingFigures
from cjo_assets.reporting.document import Action, Prose, Record
from cjo_assets.reporting.first_screen import MOST_ACTIONS

CAMPAIGN_OWNER = "campaign owner"


def first_actions(figures: MarketingFigures) -> tuple[Action, ...]:
    """Return the first recommendations of the day that were not rejected."""
    requests = {request.row["request_id"]: request for request in figures.of("approval_queue")}
    rows = [(row, requests.get(row.row["recommendation_id"])) for row in figures.of("recommendations")]
    return tuple([_action(figures, row, request) for row, request in rows if not _is(request, REJECTED)][:MOST_ACTIONS])


def _is(request: Record | None, status: str) -> bool:
    return request is not None and request.row["status"] == status


def _action(figures: MarketingFigures, row: Record, request: Record | None) -> Action:
    about: Prose = (row.show("category", "words"), " ", row.show("target_id"))
    if row.row["target_id"] == row.row["campaign_id"]:
        about = (row.show("campaign_id"),)
    amount: Prose = (", ", *figures.amounts_in, row.show("amount", "whole")) if row.has("amount") else ()
    money: Prose = ()
    if row.has("net_impact"):
        money = (*figures.amounts_in, row.show("net_impact", "whole"), " net impact")
    owner: Prose = (CAMPAIGN_OWNER,)
    due: Prose = ()
    command: Prose = ("cjo run --campaign ", row.show("campaign_id"))
    if request is not None and _is(request, PENDING):
        owner, due = (request.show("waits_with", "words"),), (request.show("due_at", "instant"),)
        command = ("cjo approve ", row.show("recommendation_id"), " --by NAME")
    return Action(
        sentence=(
            *(row.show("rule", "words"), ": ", row.show("campaign_id", "name", is_strong=True), " (", *about, ")"),
            *(*amount, "."),
        ),
        owner=owner,
        due=due,
        money=money,
        command=command,
    )
