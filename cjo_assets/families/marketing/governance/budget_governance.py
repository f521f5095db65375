"""Approval, execution and rule violations of every budget action.

One row per as-of date and budget action proposed by then. Rules refuse an action whatever the source did; money that
moved all the same is recorded as a violation and counted where it went (`budget_balances`). An action without an answer
is pending, not refused. Risks that refuse an executed or rejected action are those open at that instant; for one that
is waiting, those open at the end of the as-of date.

A move below the limit for one move may still be one of several that shift the budget of a campaign: executed and
approved moves within the policy's window are summed.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, Instant, TextList, column, key, names_where
from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.numbers import capped, money_sum, rounded
from cjo_assets.core.expressions.people import person
from cjo_assets.core.expressions.tables import lookup
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
    """Budget actions and the rules that refuse them. One row per as-of date and budget action."""

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
        decimals=6,
    )
    window_share: float = column(
        "What moved between channels of the campaign in the policy's window before this move, or is approved to move, "
        "and the move itself, as a share of the budget [0 and up]; null as above.",
        ge=0,
        nullable=True,
        decimals=6,
    )
    reason_code: str = column("Why, in one word.")
    proposed_by: str = column("orchestrator or human.")
    proposed_at: Instant = column("Instant it was proposed [UTC].")
    status: str = column(
        "proposed, approved, rejected, executed or rolled_back on the as-of date.",
        isin=[PROPOSED, APPROVED, REJECTED, EXECUTED, ROLLED_BACK],
    )
    approval_state: str = column(
        "approved or rejected by a person; pending: not answered yet; not_approved: executed without an answer.",
        isin=list(APPROVAL_STATES),
    )
    approver_id: str = column(
        "Who approved or rejected it; null without an answer, or where no name was recorded.", nullable=True
    )
    is_self_approved: bool = column(
        "Whether its proposer approved it; null where one of the two is not recorded.", nullable=True
    )
    approval_latency_minutes: float = column(
        "From proposal to answer [minutes]; null where there is none, or it was not recorded.",
        ge=0,
        nullable=True,
        decimals=6,
    )
    waiting_minutes: float = column(
        "From proposal to the end of the as-of date [minutes]; null unless pending.", ge=0, nullable=True, decimals=6
    )
    is_late: bool = column(
        "Whether the answer took, or a pending action has waited, longer than the target; null where not recorded.",
        nullable=True,
    )
    is_executed: bool = column("Whether money had moved by the as-of date, rolled back or not.")
    is_effective: bool = column("Whether money moved from one channel to another and was not moved back.")
    is_refused: bool = column("Whether a rule refuses it.")
    refusal_reasons: TextList = column("Rules that refuse it, sorted.")
    risk_ids: TextList = column("Open risks for which it is refused, sorted.")
    violations: TextList = column("What was done against the rules, sorted; empty where nothing was.")
    is_against_the_rules: bool = column("Whether anything was.")


def budget_governance(
    budget_actions: ir.Table, campaigns: ir.Table, risk_register: ir.Table, as_of: ir.DateScalar, policy: Policy
) -> ir.Table:
    """Apply the rules to the budget actions known on the as-of date."""
    actions = _with_people(_as_known(budget_actions, as_of), policy)
    actions = actions.join(campaigns.select("campaign_id", "budget"), "campaign_id")
    for more in (_refusing_risks(actions, risk_register, policy), _moved_before(actions, policy)):
        actions = lookup(actions, more, "budget_action_id")
    actions = _with_violations(_with_refusals(actions, policy))
    waited = ibis.coalesce(actions.approval_latency_minutes, actions.waiting_minutes)
    return actions.mutate(
        is_late=waited > policy.marketing.budgets.approval_latency_target_minutes,
        is_effective=(actions.status == EXECUTED) & (actions.from_channel_id != actions.to_channel_id),
        risk_ids=actions.risk_ids.fill_null(ibis.literal([], "array<string>")),
        is_against_the_rules=actions.violations.length() > 0,
    )


def _with_refusals(actions: ir.Table, policy: Policy) -> ir.Table:
    """Add the rules that refuse each action, and the shares of the budget they depend on."""
    rules = policy.marketing.budgets
    is_ours = actions.currency == rules.currency
    is_self_transfer = actions.from_channel_id == actions.to_channel_id
    moved_before = actions.moved_before.fill_null(0.0)
    in_window = rounded(moved_before + is_self_transfer.ifelse(0.0, actions.amount))
    is_one_of_several = (moved_before > 0) & ~is_self_transfer
    refusals = {
        "same_channel": is_self_transfer,
        "channel_at_risk": actions.is_at_risk.fill_null(False),
        "budget_frozen": actions.is_frozen.fill_null(False),
        "beyond_budget_share": is_ours & (actions.amount > rules.largest_move_share * actions.budget),
        "beyond_window_share": is_ours & is_one_of_several & (in_window > rules.largest_window_share * actions.budget),
        "other_currency": ~is_ours,
    }
    budget = is_ours.ifelse(actions.budget.nullif(0.0), ibis.null("float64"))
    actions = actions.mutate(
        refusal_reasons=names_where(refusals), budget_share=actions.amount / budget, window_share=in_window / budget
    )
    return actions.mutate(is_refused=actions.refusal_reasons.length() > 0)


def _with_violations(actions: ir.Table) -> ir.Table:
    """Add the rules that each action has broken."""
    is_approved = actions.approval_state == APPROVED
    # A proposal of a machine has no proposer who could approve it.
    is_self_approved = ibis.cases(
        (is_approved & (actions.proposed_by == HUMAN), actions.proposer == actions.approver), else_=False
    )
    violations = {
        "executed_although_refused": actions.is_executed & actions.is_refused,
        "executed_without_approval": actions.is_executed & ~is_approved,
        "executed_before_approval": actions.is_executed & is_approved & (actions.executed_at < actions.decided_at),
        "approved_by_its_proposer": is_approved & is_self_approved,
        "approver_not_named": is_approved & actions.approver_id.isnull(),
    }
    return actions.mutate(
        is_self_approved=is_self_approved,
        violations=names_where({name: holds.fill_null(False) for name, holds in violations.items()}),
    )


def _as_known(budget_actions: ir.Table, as_of: ir.DateScalar) -> ir.Table:
    """Return the actions proposed by the as-of date with their status at its end.

    A later answer or move had not happened yet; one without an instant counts as known.
    """
    end = days_after(as_of, 1)
    actions = budget_actions.filter(budget_actions.timestamp < end)
    until_end = _minutes(end.cast("timestamp(6)"), actions.timestamp)
    latency = ibis.coalesce(_minutes(actions.decided_at, actions.timestamp), actions.approval_latency_minutes)
    is_answered = (latency < until_end).fill_null(True)
    has_moved = actions.status.isin([EXECUTED, ROLLED_BACK])
    is_executed = has_moved & (actions.executed_at < end).fill_null(is_answered)
    status = ibis.cases(
        (is_executed, actions.status), (~is_answered, PROPOSED), (has_moved, APPROVED), else_=actions.status
    )
    is_approved = actions.approved_by_human & is_answered
    actions = actions.mutate(
        status=status,
        is_executed=is_executed,
        approval_state=ibis.cases(
            (status == REJECTED, REJECTED), (is_approved, APPROVED), (status == PROPOSED, PENDING), else_=NOT_APPROVED
        ),
        until_end=until_end,
        latency=latency,
    )
    has_answer = actions.approval_state.isin([APPROVED, REJECTED])
    is_pending = actions.approval_state == PENDING
    answered_at = actions.timestamp + (
        (capped(actions.latency, actions.until_end) * MICROSECONDS_PER_MINUTE).round().cast("int64").as_interval("us")
    )
    return actions.select(
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
        proposed_at=actions.timestamp,
        approver_id=has_answer.ifelse(actions.approver_id, ibis.null("string")),
        approval_latency_minutes=has_answer.ifelse(actions.latency, ibis.null("float64")),
        waiting_minutes=is_pending.ifelse(actions.until_end, ibis.null("float64")),
        # Instant at which risks are evaluated.
        judged_at=ibis.cases(
            (actions.is_executed, ibis.coalesce(actions.executed_at, answered_at, actions.timestamp)),
            (actions.status == REJECTED, ibis.coalesce(answered_at, actions.timestamp)),
            else_=end.cast("timestamp(6)"),
        ),
    )


def _with_people(actions: ir.Table, policy: Policy) -> ir.Table:
    """Add proposer and approver by identity; null where the text names no person."""
    null_words = policy.vocabulary.null_words
    actions = actions.mutate(
        proposer=person(actions.proposer_id, null_words), approver=person(actions.approver_id, null_words)
    )
    return actions.mutate(approver_id=actions.approver.notnull().ifelse(actions.approver_id, ibis.null("string")))


def _refusing_risks(actions: ir.Table, risk_register: ir.Table, policy: Policy) -> ir.Table:
    """Return the open risks that refuse an action: is_at_risk, is_frozen, risk_ids; no row without any."""
    refusing, blocking = policy.marketing.budgets.refusing_severities, policy.marketing.risks.blocking_severities
    risks = risk_register.select(
        "risk_id", "severity", "channel_ids", "raised_at", "settled_at", "is_open", risk_campaign="campaign_id"
    )
    risks = risks.filter(
        risks.severity.isin(sorted({*refusing, *blocking})), risks.is_open | risks.settled_at.notnull()
    )
    moves = actions.select("budget_action_id", "campaign_id", "to_channel_id", "judged_at")
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


def _moved_before(actions: ir.Table, policy: Policy) -> ir.Table:
    """Return the sum of other moves of the campaign in the window before each action.

    An approved move that was not executed yet is committed and counts; one that was rolled back does not.
    """
    rules = policy.marketing.budgets
    names = {
        name: f"other_{name}" for name in ("budget_action_id", "campaign_id", "judged_at", "proposed_at", "amount")
    }
    stands = actions.status.isin([APPROVED, EXECUTED]) & (actions.from_channel_id != actions.to_channel_id)
    others = actions.filter(stands, actions.currency == rules.currency).select(
        **{new: actions[old] for old, new in names.items()}
    )
    met = actions.select("budget_action_id", "campaign_id", "judged_at", "proposed_at").join(
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


def _minutes(later: ir.TimestampValue, earlier: ir.TimestampValue) -> ir.FloatingValue:
    return later.delta(earlier, unit="microsecond") / MICROSECONDS_PER_MINUTE


@check
def actions_against_the_rules(budget_governance: ir.Table) -> ir.Table:
    """Return actions that were executed or approved against the rules."""
    violating = budget_governance.filter(budget_governance.is_against_the_rules)
    return violating.select("budget_action_id", "campaign_id", "violations", "refusal_reasons")


@check
def answers_that_contradict(budget_actions: ir.Table) -> ir.Table:
    """Return actions whose status and approval flag contradict each other."""
    says_no = budget_actions.status.isin([PROPOSED, REJECTED])
    is_odd = (says_no & budget_actions.approved_by_human) | (
        (budget_actions.status == APPROVED) & ~budget_actions.approved_by_human
    )
    return budget_actions.filter(is_odd).select("budget_action_id", "status", "approved_by_human")


@check
def latencies_that_disagree(budget_actions: ir.Table) -> ir.Table:
    """Return answers whose reported latency differs from the time between their instants."""
    between = _minutes(budget_actions.decided_at, budget_actions.timestamp)
    is_odd = (between - budget_actions.approval_latency_minutes).abs() >= 1
    return budget_actions.filter(is_odd).select(
        "budget_action_id", "approval_latency_minutes", minutes=rounded(between)
    )
