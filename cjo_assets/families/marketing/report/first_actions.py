"""The first things to do in the marketing report, each with owner, money and command."""

from __future__ import annotations

from cjo_assets.families.marketing.report.figures import MarketingFigures
from cjo_assets.reporting.document import Action, Prose, Record
from cjo_assets.reporting.first_screen import MOST_ACTIONS

APPROVER, CAMPAIGN_OWNER = "approver", "campaign owner"


def first_actions(figures: MarketingFigures) -> tuple[Action, ...]:
    """Return the first recommendations of the day."""
    return tuple(_action(figures, row) for row in figures.of("recommendations")[:MOST_ACTIONS])


def _action(figures: MarketingFigures, row: Record) -> Action:
    about: Prose = (row.show("category", "words"), " ", row.show("target_id"))
    if row.row["target_id"] == row.row["campaign_id"]:
        about = (row.show("campaign_id"),)
    amount: Prose = (", ", *figures.amounts_in, row.show("amount", "whole")) if row.has("amount") else ()
    money: Prose = ()
    if row.has("net_impact"):
        money = (*figures.amounts_in, row.show("net_impact", "whole"), " net impact")
    owner = APPROVER if row.row["requires_human_approval"] else CAMPAIGN_OWNER
    return Action(
        sentence=(
            *(row.show("rule", "words"), ": ", row.show("campaign_id", "name", is_strong=True), " (", *about, ")"),
            *(*amount, "."),
        ),
        owner=(owner,),
        money=money,
        command=("cjo run --campaign ", row.show("campaign_id")),
    )
