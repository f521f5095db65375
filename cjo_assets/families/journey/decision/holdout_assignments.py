"""Arms of the hold-out experiment, which measures the effect of playbooks.

One row per as-of date and customer with an eligible playbook. The draw depends on the customer and the policy's salt
alone: it is the same on every day, for all playbooks and on every machine. A decision for a held-out customer is
recorded and not executed.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.config import TableConfig
from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.by_segment import by_segment
from cjo_assets.core.expressions.ids import drawn_share
from cjo_assets.families.journey.interventions._outcomes import HELD_OUT
from cjo_assets.policy import Policy

TREATED = "treated"
ARMS = [TREATED, HELD_OUT]


class HoldoutAssignments(DatedContract):
    """Arms of the running experiment. One row per as-of date and eligible customer."""

    customer_id: str = key("Customer with at least one eligible playbook.", personal="customer")
    segment: str = column("Market segment.", words="segments")
    draw: float = column("What the customer drew [0-1]; the same every day.", ge=0, lt=1)
    holdout_share: float = column("Draws below it are held out [share].", ge=0, le=1)
    arm: str = column("treated or held_out.", isin=ARMS)


CONFIG = TableConfig(is_decision=True)


def holdout_assignments(playbook_candidates: ir.Table, customers: ir.Table, policy: Policy) -> ir.Table:
    """Assign an arm to every customer with an eligible playbook."""
    eligible = playbook_candidates.filter(playbook_candidates.is_eligible)
    subjects = customers.semi_join(eligible, "customer_id").select("customer_id", "segment")
    held_out = is_held_out(subjects.customer_id, subjects.segment, policy)
    return subjects.mutate(
        draw=_draw(subjects.customer_id, policy),
        holdout_share=by_segment(policy, subjects.segment, lambda rules: rules.holdout.holdout_share),
        arm=held_out.ifelse(HELD_OUT, TREATED),
    )


def is_held_out(customer_id: ir.StringValue, segment: ir.StringValue, policy: Policy) -> ir.BooleanValue:
    """Return whether a customer's draw is below the segment's share."""
    return _draw(customer_id, policy) < by_segment(policy, segment, lambda rules: rules.holdout.holdout_share)


def _draw(customer_id: ir.StringValue, policy: Policy) -> ir.FloatingValue:
    """Return what a customer draws [0-1)."""
    return drawn_share(ibis.literal(policy.journey.holdout.holdout_salt), customer_id)
