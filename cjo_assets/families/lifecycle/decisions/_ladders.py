"""Roles that approve: which rule of the policy leads to which role, by the amount where the rule is a ladder."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from cjo_assets.core.approval_roles import CSM, EXECUTIVE, MANAGER
from cjo_assets.policy.lifecycle import LifecyclePolicy
from cjo_assets.policy.lifecycle_decisions import AlwaysApproved, Ladders

LADDERS, RULES = list(Ladders.model_fields), list(AlwaysApproved.model_fields)
# A refund has the ladder of credits.
REFUND = "refund"


def role_of(rule: ir.StringValue, size: ir.FloatingValue, policy: LifecyclePolicy) -> ir.StringValue:
    """Return the lowest role that may approve; null without a rule, the executive where the policy has no such rule.

    Args:
        rule: name of the ladder, or of the rule that always leads to one role.
        size: what the ladder compares: currency, or the share of a discount; the executive approves an unknown one.
        policy: the policy.
    """
    approvals = policy.approvals
    by_size = [
        (rule == name, ibis.cases((size < ladder.manager, CSM), (size < ladder.executive, MANAGER), else_=EXECUTIVE))
        for name, ladder in approvals.ladders
    ]
    always = [(rule == name, ibis.literal(role)) for name, role in approvals.always]
    return ibis.cases((rule.isnull(), ibis.null("string")), *by_size, *always, else_=EXECUTIVE)
