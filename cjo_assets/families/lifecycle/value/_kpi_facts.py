"""Counts and sums of a day from which the KPIs are computed, each set as one row."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.intervals import two_sided_quantile
from cjo_assets.core.expressions.numbers import ADDED_AMOUNT, exact_sum
from cjo_assets.core.expressions.tables import first_per, lookup
from cjo_assets.families.lifecycle.experiments.variant_decisions import PROMOTE, PROMOTE_PENDING
from cjo_assets.families.lifecycle.inputs.conversations import CHATBOT, VOICEBOT
from cjo_assets.families.lifecycle.operation.config_changes import ROLLED_BACK, SUCCEEDED
from cjo_assets.families.lifecycle.operation.sla_compliance import UPTIME
from cjo_assets.families.lifecycle.success._daily_sums import totals, window_sums
from cjo_assets.families.lifecycle.support._conversation_metrics import ended, is_in_time
from cjo_assets.families.lifecycle.value._costs import COST_METRICS, handling
from cjo_assets.families.lifecycle.value.automation_rates import ALL, PHASES
from cjo_assets.policy.lifecycle import LifecyclePolicy

DAILY = ("first_contact", "pinned_ok")


def service_facts(
    daily_metrics: ir.Table,
    conversations: ir.Table,
    sla_compliance: ir.Table,
    as_of: ir.DateScalar,
    policy: LifecyclePolicy,
) -> ir.Table:
    """Sum the metrics of the window, the costs, the response times by product, and the uptime of the month."""
    days = policy.kpis.window_days
    clients = window_sums(daily_metrics, as_of, days, (*DAILY, *COST_METRICS))
    # The cost of an interaction is known of clients with model costs alone.
    costs = totals(clients, COST_METRICS, clients.model_cost.notnull())
    found = handling(costs, policy)
    costs = costs.select(handling_cost=found.cost, interactions=found.interactions)
    sums = totals(clients, (*DAILY, "resolved_by_ai"))
    rows = ended(conversations)
    rows = rows.filter(rows.known_at >= days_after(as_of, 1 - days), rows.known_at < days_after(as_of, 1))
    rows = rows.mutate(is_in_time=is_in_time(rows, policy))
    times = rows.agg(
        **{
            f"{product}_{name}": rows.count(where=condition & (rows["product"] == product))
            for product in (CHATBOT, VOICEBOT)
            for name, condition in (("timed", rows.is_in_time.notnull()), ("in_time", rows.is_in_time.fill_null(False)))
        }
    )
    up = sla_compliance.filter(sla_compliance.metric == UPTIME)
    return (
        sums.cross_join(costs)
        .cross_join(times)
        .cross_join(up.agg(minutes=exact_sum(up.measured), down_minutes=exact_sum(up.missed)))
    )


def automation_facts(automation_rates: ir.Table) -> ir.Table:
    """Return the automated and all tasks of each phase as one row."""
    rows = automation_rates.filter(automation_rates.task == ALL)
    return rows.agg(
        **{
            f"{phase}_{name}": rows[name].sum(where=rows.phase == phase)
            for phase in PHASES
            for name in ("automated", "tasks")
        }
    )


def change_facts(
    config_changes: ir.Table, client_pipeline: ir.Table, as_of: ir.DateScalar, policy: LifecyclePolicy
) -> ir.Table:
    """Count the changes of the last days, how they fared, and how long deployments took."""
    first, end = days_after(as_of, 1 - policy.kpis.change_days), days_after(as_of, 1)
    rows = config_changes
    is_requested = rows.is_self_service.notnull() & (rows.requested_at >= first)
    is_decided = rows.outcome.isin([SUCCEEDED, ROLLED_BACK]) & (rows.deployed_at >= first)
    counts = rows.agg(
        requested=rows.count(where=is_requested),
        self_service=rows.count(where=is_requested & rows.is_self_service),
        decided=rows.count(where=is_decided),
        succeeded=rows.count(where=is_decided & (rows.outcome == SUCCEEDED)),
    )
    deals = client_pipeline
    deals = deals.filter(deals.config_deployed_at >= first, deals.config_deployed_at < end, deals.deploy_days.notnull())
    days = deals.deploy_days.cast(ADDED_AMOUNT)
    return counts.cross_join(
        deals.agg(
            deployments=deals.count(),
            deploy_days=days.sum().cast("float64"),
            deploy_squares=(days * days).sum().cast("float64"),
        )
    )


def money_facts(model_costs: ir.Table, mrr_bridge: ir.Table, policy: LifecyclePolicy) -> ir.Table:
    """Sum what models cost and the cache spared in the month, and return retention and the churn of whole months."""
    newest = first_per(mrr_bridge, [], [ibis.desc("month")])
    kept = newest.start_mrr - newest.contraction_mrr - newest.churn_mrr
    money = newest.agg(
        start_mrr=newest.start_mrr.max(),
        kept_mrr=kept.max(),
        expanded_mrr=(kept + newest.expansion_mrr).max(),
        payers=newest.start_customers.max(),
    )
    place = ibis.row_number().over(ibis.window(order_by=ibis.desc("month")))
    months = mrr_bridge.mutate(place=place)
    months = months.filter(months.place.between(1, policy.kpis.churn_months))
    return money.cross_join(
        months.agg(churned=months.churned_customers.sum(), exposed=months.start_customers.sum())
    ).cross_join(
        model_costs.agg(
            model_calls=model_costs["calls"].sum(),
            spent=exact_sum(model_costs.cost),
            avoided=exact_sum(model_costs.avoided),
        )
    )


def experiment_facts(variant_decisions: ir.Table, variant_posteriors: ir.Table, policy: LifecyclePolicy) -> ir.Table:
    """Sum what promoted variants gained over their controls; an experiment without a decision is no evidence.

    Returns:
        One row: promoted, lifted (successes beyond the control's rate), expected (successes at that rate), lift_reach
        (of lifted, at the KPIs' level), gained_seconds (of sessions, beyond the control's), former_seconds.
    """
    decided = variant_decisions.filter(variant_decisions.decision.isin([PROMOTE, PROMOTE_PENDING]))
    decided = decided.select("experiment_id", variant_id="leader")
    arms = variant_posteriors
    controls = first_per(arms.filter(arms.is_control, arms.rate.notnull()), "experiment_id", "variant_id")
    rows = lookup(decided, arms.drop("cohort", "metric"), ["experiment_id", "variant_id"])
    rows = rows.filter(rows.lift.notnull())
    rows = lookup(rows, controls, "experiment_id", control_rate="rate", control_seconds="session_seconds")
    n = rows.exposures
    # The interval of a lift has the level of experiments.
    scale = two_sided_quantile(policy.kpis.interval_level) / two_sided_quantile(policy.experiments.confidence)
    reach = n * (rows.lift_high - rows.lift_low) / 2 * scale
    seconds = (rows.session_seconds - rows.control_seconds) * n
    return rows.agg(
        promoted=rows.count(),
        lifted=exact_sum(rows.lift * n),
        expected=exact_sum(rows.control_rate * n),
        lift_reach=exact_sum(reach * reach).sqrt(),
        gained_seconds=exact_sum(seconds),
        former_seconds=seconds.notnull()
        .ifelse(rows.control_seconds * n, ibis.null("float64"))
        .cast(ADDED_AMOUNT)
        .sum()
        .cast("float64"),
    )


def people_facts(agent_scorecard: ir.Table) -> ir.Table:
    """Count the people who have clients, and their clients."""
    rows = agent_scorecard.filter(agent_scorecard.clients > 0)
    return rows.agg(agents=rows.count(), agents_clients=rows.clients.sum())
