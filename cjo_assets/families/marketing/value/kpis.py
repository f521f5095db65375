"""The promises, measured.

One row per as-of date and KPI of the seed's three families: is the system healthy, is marketing improving, is it making
money. Each says what it counts over what. A KPI that the data cannot answer is not_measurable and says which input
would make it measurable; nothing is put in its place. Status is judged on the unrounded value.

A KPI is a count of everything, compared with its target as it is, or an estimate, compared by its interval. Intervals:
of a mean by Student's t, of a comparison as `kpi_measures` says; a sum and a quotient of estimates have none.
"""

from datetime import date
from typing import Any

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.intervals import NOT_MEASURABLE
from cjo_assets.core.expressions.kpi import (
    BASES,
    HIGHER,
    LOWER,
    STATUSES,
    measures_as_rows,
    status_of,
    with_attainment,
    with_interval,
)
from cjo_assets.core.expressions.numbers import rounded
from cjo_assets.core.expressions.rows import literal_rows
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
    value: float = column("Value in its unit; null where not measurable.", nullable=True)
    interval_low: float = column("Lower end of its interval, at the policy's level; null where none.", nullable=True)
    interval_high: float = column("Upper end of its interval; null where there is none.", nullable=True)
    is_estimate: bool = column("Whether the value stands for more than was counted; if not, it needs no interval.")
    unit: str = column("Unit of value, interval and target.")
    direction: str = column("Which way is better.", isin=[HIGHER, LOWER])
    target: float = column("Promise, from the policy.")
    attainment: float = column("Share of the target reached, 1 = met; null where it has no meaning.", nullable=True)
    status: str = column("Where the KPI stands.", isin=STATUSES)
    basis: str = column("What the value rests on.", isin=BASES)
    n: int = column("Records behind the value; 0 where none.", ge=0)
    numerator: float = column("What was counted or summed; null where not measurable.", nullable=True)
    denominator: float = column("What it is divided by; null for a sum and where not measurable.", nullable=True)
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
    as_of: date,
    policy: Policy,
) -> ir.Table:
    """Measure what can be measured, and judge it against the targets."""
    money = roi_analysis.select("total_estimated_value", "value_assumption", "total_net_roi", "total_cost")
    facts = asset_performance.agg(snapshots=asset_performance.snapshots.sum().fill_null(0))
    for more in (
        # Totals of which there is no row are not known.
        money.agg(**{name: money[name].max() for name in money.columns}),
        campaign_facts(campaigns, experiments, asset_performance, as_of),
        decision_facts(orchestrator_decisions, budget_governance, as_of),
        violation_facts(budget_governance, creative_assets, campaign_risk_signals, asset_performance, as_of, policy),
        message_facts(creative_assets, as_of),
        experiment_facts(experiment_evaluations, experiment_arms, metric_definitions, policy),
        window_facts(segment_rollups, as_of, policy),
    ):
        facts = facts.cross_join(more)
    rows = with_interval(measures_as_rows(facts, measures(facts)), policy.marketing.kpis.interval_level)
    rows = with_known_intervals(rows, facts, policy)
    promises = _promises(policy).cross_join(money.agg(covered=money.total_cost.max()))
    # A revenue target of 0 is the one to be calculated: what is brought has to cover what it cost.
    is_open = (promises.kpi == ATTRIBUTED_REVENUE) & (promises.target == 0)
    promises = promises.mutate(target=is_open.ifelse(promises.covered.fill_null(0.0), promises.target))
    return _judged(promises.left_join(rows, "kpi").drop("kpi_right"), policy)


@check(blocking=True)
def kpis_that_are_not_their_quotient(kpis: ir.Table) -> ir.Table:
    """Find KPIs whose value is not numerator over denominator, or lies outside its interval."""
    denominator = kpis.denominator.fill_null(1.0).nullif(0.0)
    expected = kpis.numerator / denominator
    # All three are rounded: the quotient of small numbers is known to fewer places.
    doubt = 1e-6 * (1 + (1 + expected.abs()) / denominator.abs())
    is_wrong = (kpis.value - expected).abs() > doubt
    is_outside = ~kpis.value.between(kpis.interval_low - 1e-6, kpis.interval_high + 1e-6)
    rows = kpis.filter(is_wrong.fill_null(False) | is_outside.fill_null(False))
    return rows.select("kpi", "value", "numerator", "denominator", "interval_low", "interval_high")


def _promises(policy: Policy) -> ir.Table:
    """Return every KPI with its target; none where the policy tracks none."""
    rows: list[dict[str, Any]] = [
        {
            "family": family,
            "kpi": name,
            "definition": DEFINITIONS[name].words,
            "unit": DEFINITIONS[name].unit,
            "direction": DEFINITIONS[name].direction,
            "is_estimate": DEFINITIONS[name].is_estimate,
            "target": float(target),
            "missing": DEFINITIONS[name].missing,
        }
        for family, group in FAMILIES.items()
        for name, target in getattr(policy.marketing.kpis, group)
    ]
    texts = dict.fromkeys(("family", "kpi", "definition", "unit", "direction", "missing"), "string")
    promises = literal_rows(rows, texts | {"target": "float64", "is_estimate": "boolean"})
    return promises.filter(ibis.literal(policy.marketing.kpis.enable_kpi_tracking))


def _judged(rows: ir.Table, policy: Policy) -> ir.Table:
    """Add value, attainment and status."""
    rules = policy.marketing.kpis
    nothing = ibis.null("float64")
    rows = with_attainment(rows)
    is_known = rows.value.notnull()
    return rows.mutate(
        target=rounded(rows.target),
        value=rounded(rows.value),
        interval_low=rounded(is_known.ifelse(rows.interval_low, nothing)),
        interval_high=rounded(is_known.ifelse(rows.interval_high, nothing)),
        attainment=rounded(rows.attainment),
        status=status_of(rows, rules.kpi_warning_threshold, rules.kpi_critical_threshold),
        basis=is_known.ifelse(rows.basis, NOT_MEASURABLE),
        n=is_known.ifelse(rows.n, 0),
        numerator=rounded(is_known.ifelse(rows.numerator, nothing)),
        denominator=rounded(is_known.ifelse(rows.denominator, nothing)),
        note=is_known.ifelse(rows.note, rows.missing),
    )
