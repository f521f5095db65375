"""KPIs against their targets.

One row per as-of date and KPI of the families operational health, campaign impact and business value. A KPI without
data is not_measurable, and its note names the missing input. Status is derived from the unrounded value.

A KPI is either a full count, compared with its target as it is, or an estimate, compared by its interval: Student's t
for a mean, `kpi_measures` for a comparison; a sum and a quotient of estimates have no interval.
"""

from typing import Any

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.kpi import (
    BASES,
    HIGHER,
    LOWER,
    STATUSES,
    measures_as_rows,
    not_their_quotient,
    with_interval,
    with_status,
)
from cjo_assets.core.expressions.rows import literal_rows
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.families.marketing.value._kpi_facts import (
    campaign_facts,
    decision_facts,
    experiment_facts,
    message_facts,
    violation_facts,
    window_facts,
)
from cjo_assets.families.marketing.value._kpi_measures import (
    ATTRIBUTED_REVENUE,
    DEFINITIONS,
    measures,
    with_known_intervals,
)
from cjo_assets.policy import Policy

FAMILIES = {
    "operational_health": "operational_kpi_targets",
    "campaign_impact": "effectiveness_kpi_targets",
    "business_value": "business_kpi_targets",
}


class Kpis(DatedContract):
    """KPIs of the three families. One row per as-of date and KPI."""

    family: str = column("operational_health, campaign_impact or business_value.", isin=list(FAMILIES))
    kpi: str = key("KPI.")
    definition: str = column("What is counted, over what.")
    value: float = column("Value in its unit; null where not measurable.", nullable=True, decimals=6)
    interval_low: float = column(
        "Lower end of its interval, at the policy's level; null where none.", nullable=True, decimals=6
    )
    interval_high: float = column("Upper end of its interval; null where there is none.", nullable=True, decimals=6)
    is_estimate: bool = column("Whether the value is an estimate from a sample; if not, it needs no interval.")
    unit: str = column("Unit of value, interval and target.")
    direction: str = column("Which way is better.", isin=[HIGHER, LOWER])
    target: float = column("Target, from the policy.", decimals=6)
    attainment: float = column(
        "Share of the target reached, 1 = met; null where it has no meaning.", nullable=True, decimals=6
    )
    status: str = column("Status of the KPI.", isin=STATUSES)
    basis: str = column("What the value rests on.", isin=BASES)
    n: int = column("Records behind the value; 0 where none.", ge=0)
    numerator: float = column("What was counted or summed; null where not measurable.", nullable=True, decimals=6)
    denominator: float = column(
        "What it is divided by; null for a sum and where not measurable.", nullable=True, decimals=6
    )
    note: str = column("What to know of the value, or which input is missing.")


def kpis(
    campaigns: ir.Table,
    creative_assets: ir.Table,
    experiments: ir.Table,
    orchestrator_decisions: ir.Table,
    campaign_risk_signals: ir.Table,
    segment_rollups: ir.Table,
    asset_performance: ir.Table,
    metric_definitions: ir.Table,
    experiment_arms: ir.Table,
    experiment_evaluations: ir.Table,
    budget_governance: ir.Table,
    roi_analysis: ir.Table,
    as_of: ir.DateScalar,
    policy: Policy,
) -> ir.Table:
    """Measure the KPIs and compare them with their targets."""
    money = roi_analysis.select("total_estimated_value", "value_assumption", "total_net_roi", "total_cost")
    facts = asset_performance.agg(snapshots=asset_performance.snapshots.sum().fill_null(0))
    for more in (
        # An aggregate makes a row of nulls where there is no total.
        money.agg(**{name: money[name].max() for name in money.columns}),
        campaign_facts(campaigns, experiments, asset_performance, as_of),
        decision_facts(orchestrator_decisions, budget_governance, as_of),
        violation_facts(budget_governance, creative_assets, campaign_risk_signals, asset_performance, as_of, policy),
        message_facts(creative_assets, as_of),
        experiment_facts(experiment_evaluations, experiment_arms, metric_definitions, policy),
        window_facts(segment_rollups, as_of, policy),
    ):
        facts = facts.cross_join(more)
    measured = with_interval(measures_as_rows(facts, measures(facts)), policy.marketing.kpis.interval_level)
    measured = with_known_intervals(measured, facts, policy)
    targets = _targets(policy).cross_join(money.agg(total_cost=money.total_cost.max()))
    # A revenue target of 0 means break-even: revenue must cover its cost.
    is_break_even = (targets.kpi == ATTRIBUTED_REVENUE) & (targets.target == 0)
    targets = targets.mutate(target=is_break_even.ifelse(targets.total_cost.fill_null(0.0), targets.target))
    rules = policy.marketing.kpis
    return with_status(lookup(targets, measured, "kpi"), rules.kpi_warning_threshold, rules.kpi_critical_threshold)


@check(blocking=True)
def kpis_that_are_not_their_quotient(kpis: ir.Table) -> ir.Table:
    """Return KPIs whose value differs from numerator over denominator, or is outside its interval."""
    return not_their_quotient(kpis)


def _targets(policy: Policy) -> ir.Table:
    """Return every KPI with its definition and target; none where the policy tracks none."""
    fields = ("unit", "direction", "missing", "is_estimate")
    rows: list[dict[str, Any]] = [
        {"family": family, "kpi": name, "definition": DEFINITIONS[name].words, "target": float(target)}
        | {field: getattr(DEFINITIONS[name], field) for field in fields}
        for family, group in FAMILIES.items()
        for name, target in getattr(policy.marketing.kpis, group)
    ]
    texts = dict.fromkeys(("family", "kpi", "definition", "unit", "direction", "missing"), "string")
    targets = literal_rows(rows, texts | {"target": "float64", "is_estimate": "boolean"})
    return targets.filter(ibis.literal(policy.marketing.kpis.enable_kpi_tracking))
