"""Status of each group of KPIs.

One row per as-of date and group. One measured KPI at risk puts its group at risk. A group of which less than the
policy's share is measured is not_measurable, and one with a measured KPI that is not distinguishable from its target is
not_distinguishable.
"""

import ibis.expr.types as ir

from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.kpi import CRITICAL, STATUSES, families_of, family_status
from cjo_assets.families.journey.value.kpis import FAMILIES
from cjo_assets.policy import Policy


class KpiStatus(DatedContract):
    """Status of each KPI family. One row per as-of date and family."""

    family: str = key("operational_health, journey_impact or business_value.", isin=list(FAMILIES))
    status: str = column("Status of the family.", isin=[status for status in STATUSES if status != CRITICAL])
    kpis: int = column("KPIs of the family.", ge=1)
    measured: int = column("Of these, measured; proxies and assumptions do not count.", ge=0)
    at_risk: int = column("Of the measured, at_risk or critical.", ge=0)
    exceeded: int = column("Of the measured, better than their target.", ge=0)
    not_distinguishable: int = column(
        "Of the measured, those of which it is open whether they keep their target.", ge=0
    )


def kpi_status(kpis: ir.Table, policy: Policy) -> ir.Table:
    """Return the status of each group from its measured KPIs."""
    families = families_of(kpis).drop("critical")
    return families.mutate(status=family_status(families, policy.journey.kpis.minimum_measured_share))
