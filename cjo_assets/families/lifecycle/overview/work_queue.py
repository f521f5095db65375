"""Work queue: what people should do across families, on the newest day of each.

One row per family and step: the actions of the lifecycle beside the next steps of the journey. Each family has its own
order, which `rank` keeps; the two orders are not comparable, so none is made of them. The rows of a family that has not
run are missing.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.config import TableConfig
from cjo_assets.core.contract import Contract, Instant, column, key
from cjo_assets.core.personal import TEXT
from cjo_assets.core.table import LATEST

JOURNEY, LIFECYCLE = "journey", "lifecycle"


class WorkQueue(Contract):
    """What people should do, in the order of each family. One row per family, owner and rank."""

    family: str = key("journey or lifecycle.", isin=[JOURNEY, LIFECYCLE])
    owner: str = key("Person or role that acts.")
    rank: int = key("Place in the order: of the owner in the lifecycle, of all steps in the journey; 1 = first.", ge=1)
    day: date = column("Newest published day of the family.", nullable=True)
    kind: str = column("Kind of action or step.")
    customer_id: str = column("Customer; null of a step that is about several.", nullable=True, personal="customer")
    what: str = column("What to do, or the reason of a step of the journey.", personal=TEXT)
    due_at: Instant = column("Instant at which it is or was due [UTC]; null without one.", nullable=True)
    value_at_stake: float = column(
        "Recurring revenue, or revenue at risk, of the customer [currency]; null where unknown. Not to be added up.",
        ge=0,
        nullable=True,
    )
    minutes: int = column("Expected time [minutes]; null in the journey.", ge=1, nullable=True)
    fits_day: bool = column("Whether it fits the owner's day; null in the journey.", nullable=True)
    reference: str = column("Id of the action, or table and key of the step.", personal=TEXT)


CONFIG = TableConfig(
    schema=LATEST, is_view=True, others={name: f"{JOURNEY}.{name}" for name in ("next_steps", "customers")}
)


def work_queue(
    action_plan: ir.Table, next_steps: ir.Table, customers: ir.Table, earlier_audit_runs: ir.Table
) -> ir.Table:
    """Unite the actions of both families."""
    actions = action_plan.select(
        "owner",
        "rank",
        "kind",
        "customer_id",
        "what",
        "due_at",
        "value_at_stake",
        "minutes",
        "fits_day",
        family=ibis.literal(LIFECYCLE),
        reference=action_plan.action_id,
    )
    is_customer = next_steps.subject.isin(customers.customer_id)
    steps = next_steps.select(
        "owner",
        "rank",
        "kind",
        customer_id=is_customer.ifelse(next_steps.subject, ibis.null("string")),
        what=next_steps.why,
        due_at=ibis.null("timestamp(6)"),
        value_at_stake=next_steps.revenue_at_risk,
        minutes=ibis.null("int64"),
        fits_day=ibis.null("boolean"),
        family=ibis.literal(JOURNEY),
        reference=next_steps.reference_table + ibis.literal(":") + next_steps.reference,
    )
    rows = ibis.union(actions, steps)
    runs = earlier_audit_runs.filter(earlier_audit_runs.is_published)
    days = runs.group_by("family").agg(day=runs.as_of.max())
    return rows.left_join(days, "family").drop("family_right")
