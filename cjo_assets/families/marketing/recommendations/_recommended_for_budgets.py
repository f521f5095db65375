"""Recommendations on budgets: undo, reject or answer moves between channels, and move money between campaigns.

Moves between channels of one campaign change no total and claim no money. Moves between campaigns are exactly those of
`budget_proposals`.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.tables import lookup
from cjo_assets.families.marketing.governance.budget_governance import PENDING
from cjo_assets.families.marketing.inputs.budget_actions import APPROVED, PROPOSED, ROLLED_BACK
from cjo_assets.families.marketing.inputs.campaigns import COMPLETED
from cjo_assets.families.marketing.recommendations._recommending import (
    BUDGET,
    DECREASE,
    INCREASE,
    REALLOCATE,
    REJECT,
    REVIEW,
    ROLL_BACK,
    Impact,
    is_at_risk,
    key_in,
    money,
    recommended,
    sentence,
)
from cjo_assets.families.marketing.recommendations.budget_proposals import BUDGET_CUT, BUDGET_RISE, REALLOCATION
from cjo_assets.policy import Policy


def for_budgets(
    budget_governance: ir.Table,
    budget_proposals: ir.Table,
    campaign_analysis: ir.Table,
    risk_register: ir.Table,
    policy: Policy,
) -> list[ir.Table]:
    """Return recommendations on moves within campaigns and between campaigns."""
    actions = budget_governance.mutate(
        move=sentence(
            "{} {} from channel {} to channel {}",
            money(budget_governance.amount),
            budget_governance.currency,
            budget_governance.from_channel_id,
            budget_governance.to_channel_id,
        )
    )
    names = campaign_analysis.select("campaign_id", "name", "budget")
    completed = campaign_analysis.filter(campaign_analysis.status == COMPLETED)
    actions = actions.mutate(
        is_over=actions.campaign_id.isin(completed.campaign_id),
        # Money that left a risk is not sent back into it.
        is_way_safe=~is_at_risk(actions.campaign_id, actions.from_channel_id, risk_register, policy),
    )
    is_open = actions.status.isin([PROPOSED, APPROVED])
    is_pending = actions.approval_state == PENDING
    return [
        _violations(actions.filter(actions.violations.length() > 0)),
        _refusals(actions.filter(is_open, actions.is_refused)),
        _answers(actions.filter(is_pending, ~actions.is_refused)),
        _between_campaigns(budget_proposals, names),
    ]


def _violations(actions: ir.Table) -> ir.Table:
    """Recommend to roll back budget actions that violate a rule where that is safe, and to review the others."""
    # Money moved to an ended campaign is spent.
    is_undone = actions.is_effective & actions.is_refused & actions.is_way_safe & ~actions.is_over
    is_back = actions.status == ROLLED_BACK
    return recommended(
        actions,
        "refused_move_executed",
        category=BUDGET,
        action=is_undone.ifelse(ROLL_BACK, REVIEW),
        campaign_id=actions.campaign_id,
        target_id=actions.budget_action_id,
        target_name=actions.move,
        description=is_undone.ifelse(sentence("Roll back {}", actions.move), sentence("Look into {}", actions.move)),
        rationale=sentence(
            "{}{}{}.",
            actions.violations.join(", "),
            (actions.refusal_reasons.length() > 0).ifelse(
                sentence("; refused for {}", actions.refusal_reasons.join(", ")), ""
            ),
            actions.is_way_safe.ifelse("", "; it left a channel at risk, into which it should not go back"),
        ),
        current=actions.status,
        proposed=ibis.cases(
            (is_undone, "rolled_back"),
            (is_back, "rolled back, and explained"),
            else_="approved by a person who is named, or undone",
        ),
        steps=[
            is_undone.ifelse("Have a person approve that the money goes back.", "Ask who moved it and why."),
            ibis.cases(
                (is_undone, "Move it back, and record that."),
                (is_back, "Record the answer with the move."),
                else_="Record an approval after the fact, or undo it.",
            ),
            "Close the way by which it passed the rules.",
        ],
        evidence=key_in("budget_governance", actions.budget_action_id),
        detail="violation",
    )


def _refusals(actions: ir.Table) -> ir.Table:
    return recommended(
        actions,
        "refused_move",
        category=BUDGET,
        action=REJECT,
        campaign_id=actions.campaign_id,
        target_id=actions.budget_action_id,
        target_name=actions.move,
        description=sentence("Reject {}", actions.move),
        rationale=sentence("The rules refuse it: {}.", actions.refusal_reasons.join(", ")),
        current=actions.status,
        proposed="rejected",
        steps=["Reject it with these reasons.", "Propose what was meant in a way that the rules allow."],
        evidence=key_in("budget_governance", actions.budget_action_id),
    )


def _answers(actions: ir.Table) -> ir.Table:
    return recommended(
        actions,
        "pending_move",
        category=BUDGET,
        action=REVIEW,
        campaign_id=actions.campaign_id,
        target_id=actions.budget_action_id,
        target_name=actions.move,
        description=sentence("Answer the proposal to move {}", actions.move),
        rationale=sentence(
            "It waits for a person since {}{}.",
            actions.proposed_at,
            actions.is_late.fill_null(False).ifelse(": late", ""),
        ),
        current="pending",
        proposed="approved or rejected",
        steps=["Read its reason, and the figures of both channels.", "Approve or reject it under your own name."],
        evidence=key_in("budget_governance", actions.budget_action_id),
        detail="answer",
    )


def _between_campaigns(budget_proposals: ir.Table, names: ir.Table) -> ir.Table:
    moves = budget_proposals
    for side in ("from", "to"):
        named = {f"{side}_name": "name", f"{side}_budget": "budget"}
        moves = lookup(moves, names, [(f"{side}_campaign_id", "campaign_id")], **named)
    is_cut = moves.kind == BUDGET_CUT
    target = is_cut.ifelse(moves.from_campaign_id, moves.to_campaign_id)
    target_name = is_cut.ifelse(moves.from_name, moves.to_name)
    amount = money(moves.amount)
    source_before = sentence("{} ({}) {}", moves.from_name, moves.from_campaign_id, money(moves.from_budget))
    target_before = sentence("{} ({}) {}", moves.to_name, moves.to_campaign_id, money(moves.to_budget))
    source_after = sentence("{} ({}) {} less", moves.from_name, moves.from_campaign_id, amount)
    target_after = sentence("{} ({}) {} more", moves.to_name, moves.to_campaign_id, amount)
    return recommended(
        moves,
        moves.kind,
        category=BUDGET,
        action=moves.kind.cases((BUDGET_CUT, DECREASE), (BUDGET_RISE, INCREASE), (REALLOCATION, REALLOCATE)),
        campaign_id=target,
        target_id=target,
        target_name=target_name,
        description=_by_kind(
            moves,
            sentence("Take {} out of the budget of {}", amount, moves.from_name),
            sentence("Add {} to the budget of {}", amount, moves.to_name),
            sentence("Move {} of budget from {} to {}", amount, moves.from_name, moves.to_name),
        ),
        rationale=_reason_for_move(moves),
        current=_by_kind(moves, source_before, target_before, sentence("{}; {}", source_before, target_before)),
        proposed=_by_kind(moves, source_after, target_after, sentence("{}; {}", source_after, target_after)),
        steps=[
            "Have a person approve the amount.",
            "Change the budgets in the source, both sides on one day.",
            "Look at the return of the next unit before the next step.",
        ],
        evidence=key_in("budget_proposals", moves.from_campaign_id, moves.to_campaign_id),
        detail=sentence("{} > {}", moves.from_campaign_id, moves.to_campaign_id),
        impact=Impact(moves.revenue_impact, moves.revenue_low, moves.revenue_high, moves.cost_savings, moves.cost),
        amount=moves.amount,
        from_campaign_id=moves.from_campaign_id,
        to_campaign_id=moves.to_campaign_id,
    )


def _reason_for_move(moves: ir.Table) -> ir.StringValue:
    """Return why the source gives and why the target gets."""
    source_state = moves.is_spent_anyway.ifelse(
        " spends too fast and stays below its target", " will not spend it at its pace"
    )
    target_state = sentence("{} exceeds its target, and brings {} per unit spent.", moves.to_name, moves.to_roas)
    return _by_kind(
        moves,
        sentence("{}{}, and brings {} per unit spent.", moves.from_name, source_state, moves.from_roas),
        target_state,
        sentence("{}{}; {}", moves.from_name, source_state, target_state),
    )


def _by_kind(
    moves: ir.Table, cut: ir.StringValue, rise: ir.StringValue, reallocation: ir.StringValue
) -> ir.StringValue:
    return moves.kind.cases((BUDGET_CUT, cut), (BUDGET_RISE, rise), else_=reallocation)
