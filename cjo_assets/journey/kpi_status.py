"""Whether each family of KPIs keeps its promise.

One row per as-of date and family. One measured KPI at risk puts its family at risk, whatever the others say. Good news
needs more: a family of which less than the policy's share is measured has no status but not_measurable.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.journey.kpis import AT_RISK, CRITICAL, EXCEEDED, FAMILIES, ON_TRACK
from cjo_assets.policy import Policy
from cjo_assets.shared.contract import DatedContract, column
from cjo_assets.shared.statistics import MEASURED, NOT_MEASURABLE


class KpiStatus(DatedContract):
    """Status of each KPI family. One row per as-of date and family."""

    family: str = column("operational_health, journey_impact or business_value.", isin=list(FAMILIES))
    status: str = column("Where the family stands.", isin=[EXCEEDED, ON_TRACK, AT_RISK, NOT_MEASURABLE])
    kpis: int = column("KPIs of the family.", ge=1)
    measured: int = column("Of these, measured; proxies and assumptions do not count.", ge=0)
    at_risk: int = column("Of the measured, at_risk or critical.", ge=0)
    exceeded: int = column("Of the measured, better than their target.", ge=0)

    class Config:
        """A family stands once."""

        unique = ["family"]


def kpi_status(kpis: ir.Table, policy: Policy) -> ir.Table:
    """Judge each family by its measured KPIs."""
    least = policy.journey.kpis.minimum_measured_share
    is_measured = kpis.basis == MEASURED

    def count(condition: ir.BooleanValue) -> ir.IntegerScalar:
        return condition.cast("int64").sum()

    families = kpis.group_by("family").agg(
        kpis=kpis.count(),
        measured=count(is_measured),
        at_risk=count(is_measured & kpis.status.isin([AT_RISK, CRITICAL])),
        exceeded=count(is_measured & (kpis.status == EXCEEDED)),
    )
    status = ibis.cases(
        (families.at_risk > 0, AT_RISK),
        ((families.measured == 0) | (families.measured < least * families.kpis), NOT_MEASURABLE),
        (families.exceeded == families.measured, EXCEEDED),
        else_=ON_TRACK,
    )
    return families.mutate(status=status)
