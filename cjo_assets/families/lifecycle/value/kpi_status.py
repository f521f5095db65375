"""Status of each KPI family against its targets, and its worst KPI.

One row per as-of date and family. One measured KPI at risk puts its family at risk, and a critical one makes it
critical. A family with a smaller measured share than the policy requires is not_measurable, and one with a measured KPI
that is not distinguishable from its target is not distinguishable itself. KPIs without a target, and statements that
are not testable, do not count.
"""

from __future__ import annotations

import ibis.expr.types as ir

from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.kpi import STATUSES, WORST_FIRST, families_of, family_status, worst_of
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.families.lifecycle.value._kpi_definitions import FAMILIES
from cjo_assets.policy.lifecycle import LifecyclePolicy


class KpiStatus(DatedContract):
    """Status of each KPI family. One row per as-of date and family."""

    family: str = key("service, automation or business_value.", isin=FAMILIES)
    status: str = column("Status of the family.", isin=STATUSES)
    worst_kpi: str = column(
        "Measured KPI with the worst status, then by attainment; null where none is measured.", nullable=True
    )
    worst_status: str = column("Status of that KPI.", isin=list(WORST_FIRST), nullable=True)
    worst_attainment: float = column(
        "How much of its target it reaches, 1 = met; null where that has no meaning.", nullable=True, decimals=6
    )
    kpis: int = column("KPIs of the family with a target.", ge=1)
    measured: int = column("Of these, measured; assumptions do not count.", ge=0)
    critical: int = column("Of the measured, critical.", ge=0)
    at_risk: int = column("Of the measured, at_risk or critical.", ge=0)
    exceeded: int = column("Of the measured, better than their target.", ge=0)
    not_distinguishable: int = column("Of the measured, those whose interval has the target in it.", ge=0)


def kpi_status(kpis: ir.Table, policy: LifecyclePolicy) -> ir.Table:
    """Derive the status of each family from its measured KPIs."""
    counted = kpis.filter(kpis.is_testable, kpis.target.notnull())
    families = lookup(families_of(counted), worst_of(counted), "family")
    return families.mutate(status=family_status(families, policy.kpis.minimum_measured_share))
