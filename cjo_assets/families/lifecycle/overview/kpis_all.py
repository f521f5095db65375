"""KPIs of all families, on the newest day of each.

One row per family and KPI. The rows of a family that has not run are missing.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.config import TableConfig
from cjo_assets.core.contract import Contract, column, key
from cjo_assets.core.expressions.kpi import BASES, HIGHER, LOWER, STATUSES
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.core.table import LATEST

JOURNEY, MARKETING, LIFECYCLE = "journey", "marketing", "lifecycle"
SHARED = (
    "kpi",
    "value",
    "interval_low",
    "interval_high",
    "unit",
    "direction",
    "target",
    "attainment",
    "status",
    "basis",
    "n",
    "note",
)


class KpisAll(Contract):
    """KPIs of all families, each on its newest day. One row per family and KPI."""

    family: str = key("Family that measures it.", isin=[JOURNEY, MARKETING, LIFECYCLE])
    kpi: str = key("KPI.")
    kpi_group: str = column("Group of the KPI: the column family of the kpis of its family.")
    day: date = column("Newest published day of the family.", nullable=True)
    value: float = column("Value in its unit; null where not measurable.", nullable=True)
    interval_low: float = column("Lower end of its interval; null where there is none.", nullable=True)
    interval_high: float = column("Upper end of its interval; null where there is none.", nullable=True)
    unit: str = column("Unit of value, interval and target.")
    direction: str = column("Which way is better.", isin=[HIGHER, LOWER])
    target: float = column("Target, from the policy; null where it has none.", nullable=True)
    attainment: float = column("Share of the target reached, 1 = met; null where it has no meaning.", nullable=True)
    status: str = column("Status of the KPI; null for a value without a target.", isin=STATUSES, nullable=True)
    basis: str = column("What the value rests on.", isin=BASES)
    n: int = column("Records behind the value; 0 where none.", ge=0)
    note: str = column("What to know of the value, or what is missing.")


CONFIG = TableConfig(
    schema=LATEST,
    is_view=True,
    others={"journey_kpis": f"{JOURNEY}.kpis", "marketing_kpis": f"{MARKETING}.kpis"},
)


def kpis_all(
    kpis: ir.Table, journey_kpis: ir.Table, marketing_kpis: ir.Table, earlier_audit_runs: ir.Table
) -> ir.Table:
    """Unite the KPIs of the families, each with its newest day."""
    parts = {JOURNEY: journey_kpis, MARKETING: marketing_kpis, LIFECYCLE: kpis}
    rows = ibis.union(
        *(
            part.select(*SHARED, kpi_group=part.family).mutate(family=ibis.literal(family))
            for family, part in parts.items()
        )
    )
    runs = earlier_audit_runs.filter(earlier_audit_runs.is_published)
    return lookup(rows, runs.group_by("family").agg(day=runs.as_of.max()), "family")
