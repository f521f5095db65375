"""Which policy may decide here.

CJO_ENV   production: a policy that nobody but its author approved is refused; development, or unset: any policy
"""

from __future__ import annotations

import os

from cjo_assets.core.errors import WarehouseError
from cjo_assets.core.settings import Settings
from cjo_assets.policy import Policy, PolicyError, load_policy
from cjo_assets.policy.identity import person

DEVELOPMENT, PRODUCTION = "development", "production"


def policy_that_decides(settings: Settings) -> Policy:
    """Read the policy of a house, and refuse one that may not decide in it.

    Raises:
        PolicyError: it cannot be used, or not here.
        WarehouseError: CJO_ENV says neither production nor development.
    """
    policy = load_policy(settings.policy)
    reason = _why_refused(policy) if _is_production() else None
    if reason is not None:
        origin = settings.policy or "policy.yaml (the packaged one)"
        raise PolicyError(f"The policy {origin} may not decide where CJO_ENV is {PRODUCTION}: {reason}.")
    return policy


def _is_production() -> bool:
    here = os.environ.get("CJO_ENV") or DEVELOPMENT
    if here not in (DEVELOPMENT, PRODUCTION):
        raise WarehouseError(f"CJO_ENV is {here!r}; it is {PRODUCTION} or {DEVELOPMENT}.")
    return here == PRODUCTION


def _why_refused(policy: Policy) -> str | None:
    author, approver = (person(name, policy.vocabulary.null_words) for name in (policy.author, policy.approver))
    if author is None:
        return "author: nobody is named"
    if approver is None:
        return "approver: nobody approved it"
    if approver == author:
        return f"approver: {policy.approver} wrote it, and nobody approves what is their own"
    return None if (policy.reason or "").strip() else "reason: nobody says why it is as it is"
