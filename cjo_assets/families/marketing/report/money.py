"""Budgets of the marketing report: pacing, and moves between channels."""

from __future__ import annotations

from cjo_assets.families.marketing.inputs.budget_actions import EXECUTED
from cjo_assets.families.marketing.report.figures import MarketingFigures
from cjo_assets.families.marketing.report.prose import CAMPAIGN, table_of
from cjo_assets.reporting.document import Block, Column, Paragraph, Picture, Record, Section

# Status of a campaign over its budget in the picture, whatever its pace.
OVER_BUDGET = "over_budget"
PACING = (
    Column("campaign", "campaign_id", below=(("", "name", "plain"), ("", "status", "words"))),
    Column("from", "start_date", "day", below=(("to", "end_date", "plain"),)),
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
    Column("move", "budget_action_id", below=(("", "campaign_id", "plain"), ("", "reason_code", "words"))),
    Column("from", "from_channel_id"),
    Column("to", "to_channel_id"),
    Column(
        "amount", "amount", "money", below=(("", "currency", "plain"), ("of the budget:", "budget_share", "percent"))
    ),
    Column("proposed", "proposed_at", below=(("by", "proposed_by", "words"),)),
    Column("status", "status", "words"),
    Column("approval", "approval_state", "words", is_status=True, below=(("by", "approver_id", "plain"),)),
    Column("minutes to answer", "approval_latency_minutes", "whole", below=(("waiting", "waiting_minutes", "whole"),)),
    Column("late", "is_late"),
    Column("rules that refuse it", "refusal_reasons", "names", below=(("risk", "risk_ids", "plain"),)),
    Column("done against the rules", "violations", "names"),
)
BALANCES = (
    CAMPAIGN,
    Column("channel", "channel_id"),
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
    if drawn:
        campaigns = [
            {
                "place": place,
                "label": row.show("campaign_id").text,
                "figure": row.show("spent_share", "percent").text,
                "spent": row.row["spent_share"],
                "elapsed": row.row["elapsed_share"],
                "status": OVER_BUDGET if row.row["is_over_budget"] else row.row["pacing_status"],
            }
            for place, row in enumerate(drawn)
        ]
        description = (
            "A bar is the share of the budget that is spent, the rule across it the share of the time that has passed: "
            "a bar that ends at its rule spends as time passes. Red: over its budget, running or ended. A campaign "
            "without an end has no rule."
        )
        picture = Picture("campaign_pacing", "Budget spent and time passed", (description,), {"rows": campaigns})
        blocks.append(picture)
    blocks.append(table_of(figures, "Budget, time and return", PACING, "campaign_analysis"))
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
        "taken back."
    )
    moves = {"rows": [_move(row) for row in rows]}
    blocks: list[Block] = [Picture("budget_flows", "Money between channels", (description,), moves)]
    note = "A move that waits for an answer is pending, not refused. Rules refuse a move even if a person approved it."
    blocks.append(table_of(figures, "Moves, those against the rules first", MOVES, "budget_governance", note))
    if figures.rows["budget_balances"]:
        note = "Every effective move is entered at both its ends: the nets of a campaign sum to nothing."
        blocks.append(table_of(figures, "Balances by channel", BALANCES, "budget_balances", note))
    return Section("budgets", title, tuple(blocks))


def _move(row: Record) -> dict[str, object]:
    has_moved = row.row["status"] == EXECUTED
    is_wrong = row.row["is_against_the_rules"] and has_moved
    return {
        "source": row.show("from_channel_id").text,
        "target": row.show("to_channel_id").text,
        "amount": row.row["amount"],
        "figure": row.show("amount", "money").text,
        "kind": "against the rules" if is_wrong else "moved" if has_moved else "not moved",
    }
