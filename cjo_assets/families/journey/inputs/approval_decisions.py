"""Answers to approval requests.

One row per answer; an intervention that needs two people has several. Answers come from the file of another system and
from `cjo approve`, `cjo reject` and the job `record_approval_decision`, which append to a file of the home; the same
rules apply to both. An answer to an id that this platform generates is kept even where the decision is not known yet:
the run that reads the answer may be the one that makes the decision. `approval_history` lists answers that had no
effect.
"""

import ibis.expr.types as ir

from cjo_assets.core.approval_status import APPROVED, REJECTED
from cjo_assets.core.contract import ALWAYS, Contract, Instant, column
from cjo_assets.core.dataset import Dataset
from cjo_assets.families.journey.inputs.interventions import OUR_ID
from cjo_assets.policy import Policy

DECISIONS = [APPROVED, REJECTED]
RECORDS = "approvals.ndjson"


class ApprovalDecisions(Contract):
    """Approval decisions that passed their contract. One row per answer."""

    intervention_id: str = column(
        "Intervention decided on, of the history or of our decisions.", personal="intervention"
    )
    decision: str = column("approved or rejected.", isin=DECISIONS)
    decided_at: Instant = column("Instant of the decision [UTC].")
    decided_by: str = column("Who decided.", free_text=True)
    category: str = column("Why it was rejected, in the policy's words; null without one.", optional=True)
    reason: str = column("Why, in their words; null without a reason.", free_text=True, optional=True)
    decision_hash: str = column(
        "Hash of the content the person saw; null: the content of the first request.", optional=True, used_when=ALWAYS
    )

    class Config:
        unique = ["intervention_id", "decided_by", "decided_at"]


def relations(rows: ir.Table, interventions: ir.Table, policy: Policy) -> dict[str, ir.BooleanValue]:
    """Return the rules on the intervention and the category of an answer."""
    is_known = rows.intervention_id.isin(interventions.intervention_id) | rows.intervention_id.re_search(OUR_ID)
    categories = list(policy.journey.approval.rejection_categories)
    return {
        "intervention_id: unknown intervention": ~is_known,
        "category: not in the policy's rejection_categories": rows.category.notin(categories),
    }


DATASET = Dataset(
    "approval_decisions", ApprovalDecisions, relations=relations, record_date="decided_at", records=RECORDS
)
