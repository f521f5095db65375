"""Campaigns, to which all other marketing datasets refer.

One row per campaign. Budget, status and dates are those of the present file; only `created_at` is an instant.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.contract import LARGEST_AMOUNT, Contract, Instant, column, key
from cjo_assets.core.dataset import Dataset
from cjo_assets.policy import Policy

DAYS_PER_YEAR = 365.25
ACTIVE, PAUSED, COMPLETED, DRAFT = "active", "paused", "completed", "draft"


class Campaigns(Contract):
    """Campaigns that passed their contract. One row per campaign."""

    campaign_id: str = key("Campaign.")
    created_at: Instant = column("Instant the campaign was set up [UTC].")
    name: str = column("Name.", free_text=True)
    objective: str = column("What it is for.", free_text=True)
    primary_kpi: str = column("Metric of its performance, as the policy's metric_definitions name it.")
    start_date: date = column("First day.")
    end_date: date = column("Last day; null, or decades off, while it is open-ended.", nullable=True)
    budget: float = column("Budget of the whole campaign [currency].", ge=0, le=LARGEST_AMOUNT)
    status: str = column("Status of the campaign.", isin=[ACTIVE, PAUSED, COMPLETED, DRAFT])
    hypothesis: str = column("What it is to show; null without a hypothesis.", free_text=True, nullable=True)
    kpi_target: float = column(
        "Target of the primary KPI, in its own unit; null without a target.",
        ge=-LARGEST_AMOUNT,
        le=LARGEST_AMOUNT,
        optional=True,
    )


def relations(rows: ir.Table) -> dict[str, ir.BooleanValue]:
    """Name the campaigns that end before they start."""
    return {"end_date: before start_date": rows.end_date < rows.start_date}


def with_open_ends(campaigns: ir.Table, policy: Policy) -> ir.Table:
    """Return the campaigns with a null `end_date` where they are open-ended.

    Ad platforms write a date decades off for "until further notice"; the policy sets the number of years.
    """
    most = policy.marketing.campaigns.open_ended_after_years * DAYS_PER_YEAR
    is_planned = campaigns.end_date.delta(campaigns.start_date, unit="day") <= most
    return campaigns.mutate(end_date=is_planned.ifelse(campaigns.end_date, ibis.null("date")))


DATASET = Dataset(
    "campaigns", Campaigns, may_be_empty=False, relations=relations, record_date="created_at", is_history=False
)
