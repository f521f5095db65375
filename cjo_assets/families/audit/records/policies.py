"""Every policy that was used for decisions.

One row per policy hash and authorship. Rows are only added.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.config import TableConfig
from cjo_assets.core.contract import Contract, column, key
from cjo_assets.policy import Policy


class Policies(Contract):
    """Policies ever used. One row per policy hash and authorship."""

    policy_hash: str = key("Sha256 over the rules.")
    version: str = key("Version its author gave it.")
    author: str = key("Who wrote it; null where not recorded.", nullable=True)
    approver: str = key("Who approved it; null without an approver.", nullable=True)
    reason: str = key("Why it was changed; null where not recorded.", nullable=True)
    content: str = column("The whole policy, as JSON.")


CONFIG = TableConfig(is_appended=True)


def policies(policies: ir.Table, policy: Policy) -> ir.Table:
    """Add the policy of this run if it is new."""
    authorship = ("version", "author", "approver", "reason")
    is_same = policies.policy_hash == policy.policy_hash
    for name in authorship:
        is_same &= policies[name].identical_to(_text(getattr(policy, name)))
    known = policies.agg(is_known=is_same.any().fill_null(False))
    return known.filter(~known.is_known).select(
        policy_hash=_text(policy.policy_hash),
        version=_text(policy.version),
        author=_text(policy.author),
        approver=_text(policy.approver),
        reason=_text(policy.reason),
        content=_text(policy.content),
    )


def _text(value: str | None) -> ir.StringScalar:
    return ibis.null("string") if value is None else ibis.literal(value)
