"""Approval routes: why a person must decide, who that is, and the content they approve.

Shared by recommendations and requests. The route is stored on the row of the decision: a later policy applies to later
days only. A higher role may answer for a lower one. Actions that the policy calls sensitive or costly always need
approval, whatever the playbook requires.
"""

from collections.abc import Callable

import ibis
import ibis.expr.types as ir

from cjo_assets.core.approval_roles import CSM, EXECUTIVE, MANAGER
from cjo_assets.core.approval_status import ASKED, AUTO_APPROVED
from cjo_assets.core.contract import any_of, names_where
from cjo_assets.core.expressions.approval_answers import entitled_approvers
from cjo_assets.core.expressions.by_segment import by_segment, differs_by_segment
from cjo_assets.core.expressions.ids import RECORD_SEPARATOR, content_hash
from cjo_assets.families.journey.inputs.interventions import MONITOR_ONLY
from cjo_assets.policy import JourneyPolicy, Policy

NOT_REQUIRED, WAIVED = "not_required", "waived_by_policy"
REGIMES = [NOT_REQUIRED, WAIVED, ASKED, AUTO_APPROVED]
ASKING_REGIMES = [ASKED, AUTO_APPROVED]
# Columns of a decision that may change while the need stays the same.
CHANGEABLE = ("recommended_action", "expected_cost", "journey_stage", "approval_role", "needs_two_people")


def approval_reasons(rows: ir.Table, policy: Policy) -> ir.ArrayValue:
    """Return the sorted reasons why a person must approve; empty for monitoring, which does nothing."""
    valuable = by_segment(policy, rows.segment, lambda rules: rules.recommendation.high_value_customer_threshold)
    unsure = by_segment(policy, rows.segment, lambda rules: rules.approval.low_confidence)
    dear = by_segment(policy, rows.segment, lambda rules: rules.approval.manager_cost)
    reasons = {
        "playbook_requires_approval": rows.approval_required,
        "high_risk_tier": (rows.risk_tier == "high").fill_null(False),
        "high_urgency": rows.urgency == "high",
        "high_value_customer": rows.account_value >= valuable,
        "low_confidence": rows.confidence < unsure,
        "high_cost": rows.expected_cost >= dear,
        "sensitive_action": _is_sensitive(rows, policy),
    }
    is_monitored = rows.recommended_action == MONITOR_ONLY
    return is_monitored.ifelse(ibis.literal([], "array<string>"), names_where(reasons))


def with_route(rows: ir.Table, policy: Policy) -> ir.Table:
    """Add whether a person must approve, in which role, how many, until when, and under which regime.

    Args:
        rows: the day's choices with approval_reasons, risk_tier, account_value, segment, recommended_action and
            expected_cost.
        policy: the policy of the day.
    """
    rules = policy.journey.approval
    asks = rows.approval_reasons.length() > 0
    regime = ibis.cases(
        (ibis.literal(not rules.enable_hitl), WAIVED),
        (~asks, NOT_REQUIRED),
        else_=AUTO_APPROVED if rules.auto_approve_for_testing else ASKED,
    )
    rows = rows.mutate(approval_regime=regime, requires_human_approval=asks & rules.enable_hitl)
    required = rows.requires_human_approval
    role = ibis.cases((_is_for_executive(rows, policy), EXECUTIVE), (_is_for_manager(rows, policy), MANAGER), else_=CSM)
    minutes = by_segment(policy, rows.segment, lambda own: own.approval.approval_timeout_minutes)
    rows = rows.mutate(
        approval_role=required.ifelse(role, ibis.null("string")),
        needs_two_people=required & _needs_two_people(rows, policy),
        approval_timeout_minutes=required.ifelse(minutes, ibis.null("float64")),
    )
    if not rules.enable_hitl:
        rows = rows.mutate(approval_reasons=ibis.literal([WAIVED], "array<string>"))
    return rows.mutate(entitled_approvers=entitled_approvers(rows.approval_role, rules.approvers.items()))


def decision_hash(rows: ir.Table) -> ir.StringValue:
    """Return a hash over the content of an approval: customer, playbook, signals, action, cost and route."""
    return content_hash(
        rows.customer_id,
        rows.playbook_id,
        rows.triggered_by_signals.join(RECORD_SEPARATOR),
        *(rows[name] for name in CHANGEABLE),
    )


def _is_for_executive(rows: ir.Table, policy: Policy) -> ir.BooleanValue:
    value = by_segment(policy, rows.segment, lambda rules: rules.approval.executive_value)
    cost = by_segment(policy, rows.segment, lambda rules: rules.approval.executive_cost)
    return any_of([_is_sensitive(rows, policy), rows.account_value >= value, rows.expected_cost >= cost])


def _is_for_manager(rows: ir.Table, policy: Policy) -> ir.BooleanValue:
    value = by_segment(policy, rows.segment, lambda rules: rules.approval.manager_value)
    cost = by_segment(policy, rows.segment, lambda rules: rules.approval.manager_cost)
    tiers = _is_one_of(rows.risk_tier, rows.segment, policy, lambda rules: rules.approval.manager_tiers)
    return any_of([tiers, rows.account_value >= value, rows.expected_cost >= cost])


def _needs_two_people(rows: ir.Table, policy: Policy) -> ir.BooleanValue:
    value = by_segment(policy, rows.segment, lambda rules: rules.approval.two_people_value)
    cost = by_segment(policy, rows.segment, lambda rules: rules.approval.two_people_cost)
    return (rows.account_value >= value) | (rows.expected_cost >= cost)


def _is_sensitive(rows: ir.Table, policy: Policy) -> ir.BooleanValue:
    return _is_one_of(rows.recommended_action, rows.segment, policy, lambda rules: rules.approval.sensitive_actions)


def _is_one_of(
    value: ir.StringValue, segment: ir.StringValue, policy: Policy, pick: Callable[[JourneyPolicy], tuple[str, ...]]
) -> ir.BooleanValue:
    """Return whether a value is in the policy's list, or in the list of its own that the segment has."""

    def listed(rules: JourneyPolicy) -> ir.BooleanValue:
        return value.isin(list(pick(rules))).fill_null(False)

    if not differs_by_segment(policy, pick):
        return listed(policy.journey)
    own = [(name, listed(rules)) for name, rules in policy.journey_by_segment.items()]
    return segment.cases(*own, else_=listed(policy.journey))
