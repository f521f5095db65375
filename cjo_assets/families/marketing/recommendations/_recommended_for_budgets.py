"""What to do with budgets: undo, refuse or answer moves between channels, and move money between campaigns.

Not a table but rules of `recommendations`. Moves between the channels of one campaign change no total and claim no
money; moves between campaigns are those of `budget_proposals`, cent by cent.
"""

import ibis
import ibis.expr.types as ir

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
    """Return what to do about moves within campaigns, and which to make between them."""
    actions = budget_governance.mutate(
        move=sentence(
            money(budget_governance.amount),
            " ",
            budget_governance.currency,
            " from ",
            budget_governance.from_channel_id,
            " to ",
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


def _violations(rows: ir.Table) -> ir.Table:
    """Recommend to roll back budget actions that violate a rule where that is safe, and to review the others."""
    # What a campaign that is over was given is spent.
    is_undone = rows.is_effective & rows.is_refused & rows.is_way_safe & ~rows.is_over
    is_back = rows.status == ROLLED_BACK
    return recommended(
        rows,
        "refused_move_executed",
        category=BUDGET,
        action=is_undone.ifelse(ROLL_BACK, REVIEW),
        campaign_id=rows.campaign_id,
        target_id=rows.budget_action_id,
        target_name=rows.move,
        description=is_undone.ifelse(sentence("Roll back ", rows.move), sentence("Look into ", rows.move)),
        rationale=sentence(
            rows.violations.join(", "),
            (rows.refusal_reasons.length() > 0).ifelse(sentence("; refused for ", rows.refusal_reasons.join(", ")), ""),
            rows.is_way_safe.ifelse("", "; it left a channel at risk, into which it should not go back"),
            ".",
        ),
        current=rows.status,
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
        evidence=key_in("budget_governance", rows.budget_action_id),
        detail="violation",
    )


def _refusals(rows: ir.Table) -> ir.Table:
    return recommended(
        rows,
        "refused_move",
        category=BUDGET,
        action=REJECT,
        campaign_id=rows.campaign_id,
        target_id=rows.budget_action_id,
        target_name=rows.move,
        description=sentence("Reject ", rows.move),
        rationale=sentence("The rules refuse it: ", rows.refusal_reasons.join(", "), "."),
        current=rows.status,
        proposed="rejected",
        steps=["Reject it with these reasons.", "Propose what was meant in a way that the rules allow."],
        evidence=key_in("budget_governance", rows.budget_action_id),
    )


def _answers(rows: ir.Table) -> ir.Table:
    return recommended(
        rows,
        "pending_move",
        category=BUDGET,
        action=REVIEW,
        campaign_id=rows.campaign_id,
        target_id=rows.budget_action_id,
        target_name=rows.move,
        description=sentence("Answer the proposal to move ", rows.move),
        rationale=sentence(
            "It waits for a person since ", rows.proposed_at, rows.is_late.fill_null(False).ifelse(": late", ""), "."
        ),
        current="pending",
        proposed="approved or rejected",
        steps=["Read its reason, and the figures of both channels.", "Approve or reject it under your own name."],
        evidence=key_in("budget_governance", rows.budget_action_id),
        detail="answer",
    )


def _between_campaigns(budget_proposals: ir.Table, names: ir.Table) -> ir.Table:
    rows = budget_proposals
    for side in ("from", "to"):
        named = names.rename({f"{side}_campaign_id": "campaign_id", f"{side}_name": "name", f"{side}_budget": "budget"})
        rows = rows.left_join(named, f"{side}_campaign_id").drop(f"{side}_campaign_id_right")
    is_cut = rows.kind == BUDGET_CUT
    target = is_cut.ifelse(rows.from_campaign_id, rows.to_campaign_id)
    target_name = is_cut.ifelse(rows.from_name, rows.to_name)
    amount = money(rows.amount)
    move = rows.kind.cases(
        (BUDGET_CUT, sentence("Take ", amount, " out of the budget of ", rows.from_name)),
        (BUDGET_RISE, sentence("Add ", amount, " to the budget of ", rows.to_name)),
        else_=sentence("Move ", amount, " of budget from ", rows.from_name, " to ", rows.to_name),
    )
    giver = rows.is_spent_anyway.ifelse(" spends too fast and stays below its target", " will not spend it at its pace")
    why = rows.kind.cases(
        (BUDGET_CUT, sentence(rows.from_name, giver, ", and brings ", rows.from_roas, " per unit spent.")),
        (BUDGET_RISE, sentence(rows.to_name, " exceeds its target, and brings ", rows.to_roas, " per unit spent.")),
        else_=sentence(
            rows.from_name,
            giver,
            "; ",
            rows.to_name,
            " exceeds its target, and brings ",
            rows.to_roas,
            " per unit spent.",
        ),
    )
    giver_before = sentence(rows.from_name, " (", rows.from_campaign_id, ") ", money(rows.from_budget))
    taker_before = sentence(rows.to_name, " (", rows.to_campaign_id, ") ", money(rows.to_budget))
    giver_after = sentence(rows.from_name, " (", rows.from_campaign_id, ") ", amount, " less")
    taker_after = sentence(rows.to_name, " (", rows.to_campaign_id, ") ", amount, " more")
    return recommended(
        rows,
        rows.kind,
        category=BUDGET,
        action=rows.kind.cases((BUDGET_CUT, DECREASE), (BUDGET_RISE, INCREASE), (REALLOCATION, REALLOCATE)),
        campaign_id=target,
        target_id=target,
        target_name=target_name,
        description=move,
        rationale=why,
        current=rows.kind.cases(
            (BUDGET_CUT, giver_before), (BUDGET_RISE, taker_before), else_=sentence(giver_before, "; ", taker_before)
        ),
        proposed=rows.kind.cases(
            (BUDGET_CUT, giver_after), (BUDGET_RISE, taker_after), else_=sentence(giver_after, "; ", taker_after)
        ),
        steps=[
            "Have a person approve the amount.",
            "Change the budgets in the source, both sides on one day.",
            "Look at the return of the next unit before the next step.",
        ],
        evidence=key_in("budget_proposals", rows.from_campaign_id, rows.to_campaign_id),
        detail=sentence(rows.from_campaign_id, " > ", rows.to_campaign_id),
        impact=Impact(rows.revenue_impact, rows.revenue_low, rows.revenue_high, rows.cost_savings, rows.cost),
        amount=rows.amount,
        from_campaign_id=rows.from_campaign_id,
        to_campaign_id=rows.to_campaign_id,
    )
