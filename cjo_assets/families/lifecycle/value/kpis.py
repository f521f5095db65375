"""KPIs against their targets.

One row per as-of date and KPI of the families service, automation and business value. A KPI without data or without a
baseline is not_measurable, and its note names what is missing. A KPI without a target has no status. A statement that
no record can prove or disprove has a row with `is_testable` false, and neither value nor target.

A KPI is either a full count, compared with its target as it is, or an estimate, compared by its interval: Wilson's for
a share, Student's t for a mean. What rests on an assumption of the policy is no measurement.
"""

from __future__ import annotations

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
from cjo_assets.families.lifecycle.value._kpi_definitions import DEFINITIONS, FAMILIES, NOT_TESTABLE, targets_of
from cjo_assets.families.lifecycle.value._kpi_facts import (
    automation_facts,
    change_facts,
    experiment_facts,
    money_facts,
    people_facts,
    service_facts,
)
from cjo_assets.families.lifecycle.value._kpi_measures import measures
from cjo_assets.policy.lifecycle import LifecyclePolicy


class Kpis(DatedContract):
    """KPIs of the three families. One row per as-of date and KPI."""

    family: str = column("service, automation or business_value.", isin=FAMILIES)
    kpi: str = key("KPI.")
    definition: str = column("What is counted, over what; of a statement that is not testable, why.")
    is_testable: bool = column("Whether records can prove or disprove it.")
    value: float = column("Value in its unit; null where not measurable.", nullable=True, decimals=6)
    interval_low: float = column(
        "Lower end of its interval, at the policy's level; null where none.", nullable=True, decimals=6
    )
    interval_high: float = column("Upper end of its interval; null where there is none.", nullable=True, decimals=6)
    is_estimate: bool = column("Whether the value is an estimate from a sample; if not, it needs no interval.")
    unit: str = column("Unit of value, interval and target.")
    direction: str = column("Which way is better.", isin=[HIGHER, LOWER])
    target: float = column("Target, from the policy; null where it has none.", nullable=True, decimals=6)
    attainment: float = column(
        "Share of the target reached, 1 = met; null where it has no meaning.", nullable=True, decimals=6
    )
    status: str = column("Status of the KPI; null for a value without a target.", isin=STATUSES, nullable=True)
    basis: str = column("What the value rests on.", isin=BASES)
    n: int = column("Records behind the value; 0 where none.", ge=0)
    numerator: float = column("What was counted or summed; null where not measurable.", nullable=True, decimals=6)
    denominator: float = column("What it is divided by; null where not measurable.", nullable=True, decimals=6)
    note: str = column("What to know of the value, or what is missing.")


def kpis(
    conversations: ir.Table,
    daily_metrics: ir.Table,
    automation_rates: ir.Table,
    sla_compliance: ir.Table,
    config_changes: ir.Table,
    client_pipeline: ir.Table,
    model_costs: ir.Table,
    mrr_bridge: ir.Table,
    variant_decisions: ir.Table,
    variant_posteriors: ir.Table,
    agent_scorecard: ir.Table,
    as_of: ir.DateScalar,
    policy: LifecyclePolicy,
) -> ir.Table:
    """Measure the KPIs and compare them with their targets."""
    rules = policy.kpis
    facts = service_facts(daily_metrics, conversations, sla_compliance, as_of, policy)
    for more in (
        automation_facts(automation_rates),
        change_facts(config_changes, client_pipeline, as_of, policy),
        money_facts(model_costs, mrr_bridge, policy),
        experiment_facts(variant_decisions, variant_posteriors, policy),
        people_facts(agent_scorecard),
    ):
        facts = facts.cross_join(more)
    measured = with_interval(measures_as_rows(facts, measures(facts, policy)), rules.interval_level)
    rows = with_status(lookup(_planned(policy), measured, "kpi"), rules.warning_threshold, rules.critical_threshold)
    has_no_status = rows.target.isnull() & rows["value"].notnull()
    return rows.mutate(status=has_no_status.ifelse(ibis.null("string"), rows.status))


def _planned(policy: LifecyclePolicy) -> ir.Table:
    """Return every KPI with its definition and target; none where the policy tracks none."""
    targets = targets_of(policy)
    fields = ("unit", "direction", "missing", "is_estimate")
    rows = [
        {"family": family, "kpi": name, "definition": definition.words, "target": targets[name], "is_testable": True}
        | {field: getattr(definition, field) for field in fields}
        for family, definitions in DEFINITIONS.items()
        for name, definition in definitions.items()
    ]
    rows += [
        {"family": family, "kpi": name, "definition": reason, "missing": reason, "is_testable": False}
        | {"unit": "none", "direction": HIGHER, "is_estimate": True}
        for family, reasons in NOT_TESTABLE.items()
        for name, reason in reasons.items()
    ]
    texts = dict.fromkeys(("family", "kpi", "definition", "unit", "direction", "missing"), "string")
    planned = literal_rows(rows, texts | {"target": "float64", "is_estimate": "boolean", "is_testable": "boolean"})
    return planned.filter(ibis.literal(policy.kpis.enable_kpi_tracking))


@check(blocking=True)
def kpis_that_are_not_their_quotient(kpis: ir.Table) -> ir.Table:
    """Return KPIs whose value differs from numerator over denominator, or is outside its interval."""
    return not_their_quotient(kpis)


@check(blocking=True)
def measured_values_without_records(kpis: ir.Table) -> ir.Table:
    """Return KPIs with a value and no record behind it, or a statement that is not testable and has a value."""
    rows = kpis.filter(kpis["value"].notnull() & ((kpis.n == 0) | ~kpis.is_testable))
    return rows.select("kpi", "value", "n", "is_testable")
