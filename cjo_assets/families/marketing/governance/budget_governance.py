"""What became of every budget action: approved or not, executed or not, and what the rules hold against it.

One row per as-of date and budget action proposed by then. The rules refuse whatever the source did; money that moved
all the same is named, and counted where it went (`budget_balances`). What waits for an answer is pending: nobody has
refused it. A move is held against the risks that were open when it was executed or refused; one that still waits
against those open at the end of the as-of date.

A move may pass the limit for one move and still be the last of several that shift the budget of a campaign between
channels: what moved within the policy's window, and what is approved to move, is added up move by move.
"""

from datetime import date, timedelta

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, Instant, TextList, column, key, names_where
from cjo_assets.core.expressions.numbers import capped, money_sum, rounded
from cjo_assets.core.expressions.people import person
from cjo_assets.families.marketing.inputs.budget_actions import (
    APPROVED,
    EXECUTED,
    HUMAN,
    PROPOSED,
    REJECTED,
    ROLLED_BACK,
)
from cjo_assets.policy import Policy

PENDING, NOT_APPROVED = "pending", "not_approved"
APPROVAL_STATES = (APPROVED, REJECTED, PENDING, NOT_APPROVED)
MICROSECONDS_PER_MINUTE = 60_000_000
SECONDS_PER_DAY = 86_400


class BudgetGovernance(DatedContract):
    """Budget actions and what the rules say of them. One row per as-of date and budget action."""

    budget_action_id: str = key("Budget action.")
    campaign_id: str = column("Campaign whose budget it is.")
    from_channel_id: str = column("Channel that gives.")
    to_channel_id: str = column("Channel that gets.")
    amount: float = column("What is moved [currency of the action].", gt=0)
    currency: str = column("Currency of the action.")
    budget_share: float = column(
        "Amount as a share of the campaign's budget [0 and up]; null where the budget is 0 or in another currency.",
        ge=0,
        nullable=True,
    )
    window_share: float = column(
        "What moved between channels of the campaign in the policy's window before this move, or is approved to move, "
        "and the move itself, as a share of the budget [0 and up]; null as above.",
        ge=0,
        nullable=True,
    )
    reason_code: str = column("Why, in one word.")
    proposed_by: str = column("orchestrator or human.")
    proposed_at: Instant = column("Instant it was proposed [UTC].")
    status: str = column(
        "proposed, approved, rejected, executed or rolled_back on the as-of date.",
        isin=[PROPOSED, APPROVED, REJECTED, EXECUTED, ROLLED_BACK],
    )
    approval_state: str = column(
        "approved or rejected by a person; pending: nobody has answered; not_approved: it went on without an answer.",
        isin=list(APPROVAL_STATES),
    )
    approver_id: str = column(
        "Who approved or rejected it; null where nobody has, or no name was recorded.", nullable=True
    )
    is_self_approved: bool = column(
        "Whether its proposer approved it; null where one of the two is not recorded.", nullable=True
    )
    approval_latency_minutes: float = column(
        "From proposal to answer [minutes]; null where there is none, or it was not recorded.", ge=0, nullable=True
    )
    waiting_minutes: float = column(
        "From proposal to the end of the as-of date [minutes]; null unless pending.", ge=0, nullable=True
    )
    is_late: bool = column(
        "Whether the answer took, or a pending action has waited, longer than the target; null where not recorded.",
        nullable=True,
    )
    is_executed: bool = column("Whether money had moved by the as-of date, rolled back or not.")
    is_effective: bool = column("Whether money moved from one channel to another and stands there.")
    is_refused: bool = column("Whether a rule refuses it.")
    refusal_reasons: TextList = column("Rules that refuse it, sorted.")
    risk_ids: TextList = column("Open risks for which it is refused, sorted.")
    violations: TextList = column("What was done against the rules, sorted; empty where nothing was.")
    is_against_the_rules: bool = column("Whether anything was.")


def budget_governance(
    budget_actions: ir.Table, campaigns: ir.Table, risk_register: ir.Table, as_of: date, policy: Policy
) -> ir.Table:
    """Hold the budget actions known on the as-of date against the rules."""
    rules = policy.marketing.budgets
    rows = _with_people(_as_known(budget_actions, as_of), policy)
    rows = rows.join(campaigns.select("campaign_id", "budget"), "campaign_id")
    for more in (_risks_in_the_way(rows, risk_register, policy), _moved_before(rows, policy)):
        rows = rows.left_join(more, "budget_action_id").drop("budget_action_id_right")
    is_ours = rows.currency == rules.currency
    is_self_transfer = rows.from_channel_id == rows.to_channel_id
    in_window = rounded(rows.moved_before.fill_null(0.0) + is_self_transfer.ifelse(0.0, rows.amount))
    is_one_of_several = rows.moved_before.fill_null(0.0) > 0
    rows = rows.mutate(in_window=in_window, is_one_of_several=is_one_of_several & ~is_self_transfer)
    refusals = {
        "same_channel": is_self_transfer,
        "channel_at_risk": rows.is_at_risk.fill_null(False),
        "budget_frozen": rows.is_frozen.fill_null(False),
        "beyond_budget_share": is_ours & (rows.amount > rules.largest_move_share * rows.budget),
        "beyond_window_share": is_ours
        & rows.is_one_of_several
        & (rows.in_window > rules.largest_window_share * rows.budget),
        "other_currency": ~is_ours,
    }
    rows = rows.mutate(refusal_reasons=names_where(refusals), is_self_approved=_is_self_approved(rows))
    is_refused = rows.refusal_reasons.length() > 0
    is_approved = rows.approval_state == APPROVED
    violations = {
        "executed_although_refused": rows.is_executed & is_refused,
        "executed_without_approval": rows.is_executed & ~is_approved,
        "executed_before_approval": rows.is_executed & is_approved & (rows.executed_at < rows.decided_at),
        "approved_by_its_proposer": is_approved & rows.is_self_approved,
        "approver_not_named": is_approved & rows.approver_id.isnull(),
    }
    waited = ibis.coalesce(rows.approval_latency_minutes, rows.waiting_minutes)
    rows = rows.mutate(violations=names_where({name: holds.fill_null(False) for name, holds in violations.items()}))
    return rows.mutate(
        budget_share=rounded(is_ours.ifelse(rows.amount / rows.budget.nullif(0.0), ibis.null("float64"))),
        window_share=rounded(is_ours.ifelse(rows.in_window / rows.budget.nullif(0.0), ibis.null("float64"))),
        approval_latency_minutes=rounded(rows.approval_latency_minutes),
        waiting_minutes=rounded(rows.waiting_minutes),
        is_late=waited > rules.approval_latency_target_minutes,
        is_effective=(rows.status == EXECUTED) & ~is_self_transfer,
        is_refused=is_refused,
        risk_ids=rows.risk_ids.fill_null(ibis.literal([], "array<string>")),
        is_against_the_rules=rows.violations.length() > 0,
    )


def _as_known(budget_actions: ir.Table, as_of: date) -> ir.Table:
    """Return the actions proposed by the as-of date as they stood at its end.

    An answer or a move that is dated later had not happened; one without any instant is taken for known.
    """
    end = as_of + timedelta(days=1)
    rows = budget_actions.filter(budget_actions.timestamp < end)
    until_end = _minutes(ibis.literal(end, "timestamp(6)"), rows.timestamp)
    latency = ibis.coalesce(_minutes(rows.decided_at, rows.timestamp), rows.approval_latency_minutes)
    is_answered = (latency < until_end).fill_null(True)
    has_moved = rows.status.isin([EXECUTED, ROLLED_BACK])
    is_executed = has_moved & (rows.executed_at < end).fill_null(is_answered)
    status = ibis.cases((is_executed, rows.status), (~is_answered, PROPOSED), (has_moved, APPROVED), else_=rows.status)
    is_approved = rows.approved_by_human & is_answered
    rows = rows.mutate(
        status=status,
        is_executed=is_executed,
        approval_state=ibis.cases(
            (status == REJECTED, REJECTED), (is_approved, APPROVED), (status == PROPOSED, PENDING), else_=NOT_APPROVED
        ),
        until_end=until_end,
        latency=latency,
    )
    has_answer = rows.approval_state.isin([APPROVED, REJECTED])
    is_pending = rows.approval_state == PENDING
    answered_at = rows.timestamp + (
        (capped(rows.latency, rows.until_end) * MICROSECONDS_PER_MINUTE).round().cast("int64").as_interval("us")
    )
    return rows.select(
        "budget_action_id",
        "campaign_id",
        "from_channel_id",
        "to_channel_id",
        "amount",
        "currency",
        "reason_code",
        "proposed_by",
        "proposer_id",
        "status",
        "approval_state",
        "is_executed",
        "executed_at",
        "decided_at",
        proposed_at=rows.timestamp,
        approver_id=has_answer.ifelse(rows.approver_id, ibis.null("string")),
        approval_latency_minutes=has_answer.ifelse(rows.latency, ibis.null("float64")),
        waiting_minutes=is_pending.ifelse(rows.until_end, ibis.null("float64")),
        # The instant whose risks count.
        judged_at=ibis.cases(
            (rows.is_executed, ibis.coalesce(rows.executed_at, answered_at, rows.timestamp)),
            (rows.status == REJECTED, ibis.coalesce(answered_at, rows.timestamp)),
            else_=ibis.literal(end, "timestamp(6)"),
        ),
    )


def _with_people(rows: ir.Table, policy: Policy) -> ir.Table:
    """Add who proposed and who answered, compared by identity; null where the text names no person."""
    null_words = policy.vocabulary.null_words
    rows = rows.mutate(proposer=person(rows.proposer_id, null_words), approver=person(rows.approver_id, null_words))
    return rows.mutate(approver_id=rows.approver.notnull().ifelse(rows.approver_id, ibis.null("string")))


def _risks_in_the_way(rows: ir.Table, risk_register: ir.Table, policy: Policy) -> ir.Table:
    """Return, of each action with any, the open risks that refuse it: is_at_risk, is_frozen, risk_ids."""
    refusing, blocking = policy.marketing.budgets.refusing_severities, policy.marketing.risks.blocking_severities
    risks = risk_register.select(
        "risk_id", "severity", "channel_ids", "raised_at", "settled_at", "is_open", risk_campaign="campaign_id"
    )
    risks = risks.filter(
        risks.severity.isin(sorted({*refusing, *blocking})), risks.is_open | risks.settled_at.notnull()
    )
    moves = rows.select("budget_action_id", "campaign_id", "to_channel_id", "judged_at")
    met = moves.join(
        risks,
        [
            moves.campaign_id == risks.risk_campaign,
            risks.raised_at <= moves.judged_at,
            risks.is_open | (risks.settled_at > moves.judged_at),
        ],
    )
    is_about = (met.channel_ids.length() == 0) | met.channel_ids.contains(met.to_channel_id)
    met = met.mutate(is_at_risk=is_about & met.severity.isin(refusing), is_frozen=met.severity.isin(blocking))
    return met.group_by("budget_action_id").agg(
        is_at_risk=met.is_at_risk.any(),
        is_frozen=met.is_frozen.any(),
        risk_ids=met.risk_id.collect(where=met.is_at_risk | met.is_frozen).sort(),
    )


def _moved_before(rows: ir.Table, policy: Policy) -> ir.Table:
    """Return what stands of other moves of the same campaign in the window before each, in the order of their instants.

    A move that was approved and not executed yet is committed, and counts; one that was rolled back does not.
    """
    rules = policy.marketing.budgets
    names = {
        name: f"other_{name}" for name in ("budget_action_id", "campaign_id", "judged_at", "proposed_at", "amount")
    }
    stands = rows.status.isin([APPROVED, EXECUTED]) & (rows.from_channel_id != rows.to_channel_id)
    others = rows.filter(stands, rows.currency == rules.currency).select(
        **{new: rows[old] for old, new in names.items()}
    )
    met = rows.select("budget_action_id", "campaign_id", "judged_at", "proposed_at").join(
        others,
        [
            ibis._.campaign_id == others.other_campaign_id,
            ibis._.budget_action_id != others.other_budget_action_id,
            ibis._.judged_at >= others.other_judged_at,
        ],
    )
    age = met.judged_at.delta(met.other_judged_at, unit="second")
    came_first = (met.other_proposed_at < met.proposed_at) | (
        (met.other_proposed_at == met.proposed_at) & (met.other_budget_action_id < met.budget_action_id)
    )
    is_before = (met.other_judged_at < met.judged_at) | came_first
    met = met.filter(age < rules.window_days * SECONDS_PER_DAY, is_before)
    return met.group_by("budget_action_id").agg(moved_before=money_sum(met.other_amount))


def _is_self_approved(rows: ir.Table) -> ir.BooleanValue:
    """Tell whether a person approved their own proposal; a machine's proposal is nobody's own."""
    is_approved = rows.approval_state == APPROVED
    return ibis.cases((is_approved & (rows.proposed_by == HUMAN), rows.proposer == rows.approver), else_=False)


def _minutes(later: ir.TimestampValue, earlier: ir.TimestampValue) -> ir.FloatingValue:
    return later.delta(earlier, unit="microsecond") / MICROSECONDS_PER_MINUTE


@check
def actions_against_the_rules(budget_governance: ir.Table) -> ir.Table:
    """Find actions that were carried out or approved against the rules."""
    rows = budget_governance.filter(budget_governance.is_against_the_rules)
    return rows.select("budget_action_id", "campaign_id", "violations", "refusal_reasons")


@check
def answers_that_contradict(budget_actions: ir.Table) -> ir.Table:
    """Find actions whose status says one thing of their approval, and whose flag another."""
    rows = budget_actions
    says_no = rows.status.isin([PROPOSED, REJECTED])
    is_odd = (says_no & rows.approved_by_human) | ((rows.status == APPROVED) & ~rows.approved_by_human)
    return rows.filter(is_odd).select("budget_action_id", "status", "approved_by_human")


@check
def latencies_that_disagree(budget_actions: ir.Table) -> ir.Table:
    """Find answers whose reported latency is not the time between their instants."""
    rows = budget_actions
    between = _minutes(rows.decided_at, rows.timestamp)
    is_odd = (between - rows.approval_latency_minutes).abs() >= 1
    return rows.filter(is_odd).select("budget_action_id", "approval_latency_minutes", minutes=rounded(between))
