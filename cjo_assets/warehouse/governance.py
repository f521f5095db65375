"""Approval of the policy in force, checked before a run.

With `CJO_ENV=production` a run refuses a policy that only its author has approved; with `development`, or without a
value, any policy is accepted.
"""

from __future__ import annotations

import os

from cjo_assets.core.errors import WarehouseError
from cjo_assets.core.settings import Settings
from cjo_assets.policy import Policy, PolicyError, load_policy
from cjo_assets.policy.identity import person

DEVELOPMENT, PRODUCTION = "development", "production"


def policy_that_decides(settings: Settings) -> Policy:
    """Read the policy, and refuse it if the environment requires an approval that it lacks.

    Raises:
        PolicyError: the policy is invalid or not approved.
        WarehouseError: CJO_ENV has an unknown value.
    """
    policy = load_policy(settings.policy)
    reason = _why_refused(policy) if _is_production() else None
    if reason is not None:
        origin = settings.policy or "policy.yaml (the packaged one)"
        raise PolicyError(f"The policy {origin} is not valid with CJO_ENV={PRODUCTION}: {reason}.")
    return policy


def _is_production() -> bool:
    here = os.environ.get("CJO_ENV") or DEVELOPMENT
    if here not in (DEVELOPMENT, PRODUCTION):
        raise WarehouseError(f"Unknown CJO_ENV {here!r}. Choose one of: {PRODUCTION}, {DEVELOPMENT}.")
    return here == PRODUCTION


def _why_refused(policy: Policy) -> str | None:
    author, approver = (person(name, policy.vocabulary.null_words) for name in (policy.author, policy.approver))
    if author is None:
        return "author: no name is given"
    if approver is None:
        return "approver: no approver is given"
    if approver == author:
        return f"approver: {policy.approver} is also the author; another person must approve"
    return None if (policy.reason or "").strip() else "reason: no reason is given"
