"""Budgets of the marketing report: pacing, and moves between channels."""

from __future__ import annotations

from cjo_assets.families.marketing.inputs.budget_actions import EXECUTED
from cjo_assets.families.marketing.report.figures import MarketingFigures
from cjo_assets.families.marketing.report.prose import CAMPAIGN, table_of
from cjo_assets.reporting.document import Block, Column, Paragraph, Picture, Record, Section
from cjo_assets.reporting.first_screen import FEWEST_POINTS

# Status of a campaign over its budget in the picture, whatever its pace.
OVER_BUDGET = "over_budget"
# More bands could not be followed across the picture.
DRAWN_MOVES = 12
PACING = (
    Column("campaign", "name", below=(("", "campaign_id", "plain"), ("", "status", "words"))),
    Column("from", "start_date", "day", below=(("to", "end_date", "day"),)),
    Column("time passed", "elapsed_share", "percent"),
    Column("budget", "budget", "whole"),
    Column(
        "spent",
        "recorded_spend",
        "money",
        below=(("by", "spend_basis", "words"), ("ledger minus metrics:", "spend_residual", "money")),
    ),
    Column("of the budget", "spent_share", "percent"),
    Column("pace", "pacing", "number"),
    Column("spending", "pacing_status", "words", is_status=True),
    Column("over budget", "is_over_budget"),
    Column("value", "recorded_value", "money"),
    Column("ROI", "roi", "percent", below=(("ROAS", "roas", "number"),)),
)
MOVES = (
    Column(
        "move",
        "campaign_id",
        "name",
        below=(("", "reason_code", "words"), ("", "budget_action_id", "plain"), ("", "campaign_id", "plain")),
    ),
    Column("from", "from_channel_id", "name", below=(("", "from_channel_id", "plain"),)),
    Column("to", "to_channel_id", "name", below=(("", "to_channel_id", "plain"),)),
    Column(
        "amount", "amount", "money", below=(("", "currency", "plain"), ("of the budget:", "budget_share", "percent"))
    ),
    Column("proposed", "proposed_at", "instant", below=(("by", "proposed_by", "words"),)),
    Column("status", "status", "words"),
    Column("approval", "approval_state", "words", is_status=True, below=(("by", "approver_id", "plain"),)),
    Column("minutes to answer", "approval_latency_minutes", "whole", below=(("waiting", "waiting_minutes", "whole"),)),
    Column("late", "is_late"),
    Column("rules that refuse it", "refusal_reasons", "names", below=(("risk", "risk_ids", "plain"),)),
    Column("done against the rules", "violations", "names"),
)
BALANCES = (
    CAMPAIGN,
    Column("channel", "channel_id", "name", below=(("", "channel_id", "plain"),)),
    Column("currency", "currency"),
    Column("moves", "moves", "count"),
    Column("in", "moved_in", "money"),
    Column("out", "moved_out", "money"),
    Column("net", "net", "money"),
    Column("in, although refused", "refused_in", "money"),
)


def pacing(figures: MarketingFigures) -> Section:
    """Return the section on spend against budget and time."""
    title = "Pacing"
    rows = figures.of("campaign_analysis")
    if not rows:
        return Section("pacing", title, (Paragraph(("There is no campaign.",)),))
    blocks: list[Block] = []
    drawn = [row for row in rows if row.row["spent_share"] is not None]
    if len(drawn) >= FEWEST_POINTS:
        campaigns = [
            {
                "place": place,
                "label": row.show("name").text,
                "figure": row.show("spent_share", "percent").text,
                "spent": row.row["spent_share"],
                "elapsed": row.row["elapsed_share"],
                "status": OVER_BUDGET if row.row["is_over_budget"] else row.row["pacing_status"],
                "word": "over budget" if row.row["is_over_budget"] else row.show("pacing_status", "words").text,
            }
            for place, row in enumerate(sorted(drawn, key=lambda row: -row.row["spent_share"]))
        ]
        description = (
            "A bar is the share of the budget that is spent, the rule across it the share of the time that has passed: "
            "a bar that ends at its rule spends as time passes. Red: over its budget, running or ended. A campaign "
            "without an end has no rule."
        )
        picture = Picture("campaign_pacing", "Budget spent and time passed", (description,), {"rows": campaigns})
        blocks.append(picture)
    blocks.append(table_of(figures, "Budget, time and return", PACING, "campaign_analysis", is_folded=bool(blocks)))
    return Section("pacing", title, tuple(blocks))


def budget_flows(figures: MarketingFigures) -> Section:
    """Return the section on moves between channels, refusals and balances."""
    title = "Budget moves"
    rows = figures.of("budget_governance")
    if not rows:
        return Section("budgets", title, (Paragraph(("No budget was moved, and no move was proposed.",)),))
    description = (
        "Each band is a move, from the source channel on the left to the target channel on the right, the broader "
        "the more money. Red: moved although a rule refuses it, or without approval. Grey: nothing moved, or it was "
        "taken back. Of many moves the largest are drawn."
    )
    largest = sorted(rows, key=lambda row: -row.row["amount"])[:DRAWN_MOVES]
    moves = {"rows": [_move(row) for row in largest]}
    blocks: list[Block] = []
    if len(rows) >= FEWEST_POINTS:
        blocks.append(Picture("budget_flows", "Money between channels", (description,), moves))
    note = "A move that waits for an answer is pending, not refused. Rules refuse a move even if a person approved it."
    blocks.append(table_of(figures, "Moves, those against the rules first", MOVES, "budget_governance", note))
    if figures.rows["budget_balances"]:
        note = "Every effective move is entered at both its ends: the nets of a campaign sum to nothing."
        blocks.append(table_of(figures, "Balances by channel", BALANCES, "budget_balances", note, is_folded=True))
    return Section("budgets", title, tuple(blocks))


def _move(row: Record) -> dict[str, object]:
    has_moved = row.row["status"] == EXECUTED
    is_wrong = row.row["is_against_the_rules"] and has_moved
    return {
        "source": row.show("from_channel_id", "name").text,
        "target": row.show("to_channel_id", "name").text,
        "amount": row.row["amount"],
        "figure": row.show("amount", "money").text,
        "kind": "against the rules" if is_wrong else "moved" if has_moved else "not moved",
    }
