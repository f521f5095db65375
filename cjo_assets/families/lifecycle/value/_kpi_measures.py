"""Numerator, denominator and interval of each KPI in the facts of the day."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.evidence_grades import ASSUMPTION
from cjo_assets.core.expressions.intervals import mean_interval, wilson_interval
from cjo_assets.core.expressions.kpi import SHARE, Measure
from cjo_assets.families.lifecycle.inputs.conversations import CHATBOT, VOICEBOT
from cjo_assets.families.lifecycle.value.automation_rates import PHASES
from cjo_assets.policy.lifecycle import LifecyclePolicy

ASSUMED_TIME = "The minutes of people per ticket are the policy's."


def measures(facts: ir.Table, policy: LifecyclePolicy) -> dict[str, Measure]:
    """Return the measure of each KPI that records can answer."""
    return {**_service(facts), **_automation(facts, policy), **_costs(facts, policy), **_value(facts, policy)}


def _share(numerator: ir.NumericValue, denominator: ir.NumericValue, note: str) -> Measure:
    return Measure(numerator=numerator, denominator=denominator, n=denominator, note=note, kind=SHARE)


def _service(facts: ir.Table) -> dict[str, Measure]:
    return {
        "downtime": Measure(
            numerator=facts.down_minutes,
            denominator=facts.minutes,
            n=facts.minutes,
            note="Without maintenance; minutes that no window covers are not measured.",
        ),
        "chat_in_time": _share(facts[f"{CHATBOT}_in_time"], facts[f"{CHATBOT}_timed"], "95th percentile of each chat."),
        "voice_in_time": _share(
            facts[f"{VOICEBOT}_in_time"], facts[f"{VOICEBOT}_timed"], "95th percentile of each call."
        ),
        "ticket_autonomy": _share(facts.resolved_by_ai, facts.resolved_by_ai_of, "Each ticket on its first solution."),
        "first_contact": _share(
            facts.first_contact, facts.first_contact_of, "Known contact_days after the conversation."
        ),
        "pinned_conversations": Measure(
            numerator=facts.pinned_ok,
            denominator=facts.pinned_ok_of,
            n=facts.pinned_ok_of,
            note="conversations_not_pinned lists the others.",
        ),
    }


def _automation(facts: ir.Table, policy: LifecyclePolicy) -> dict[str, Measure]:
    phases = {
        f"{phase}_automation": _share(
            facts[f"{phase}_automated"], facts[f"{phase}_tasks"], "automation_rates has the tasks."
        )
        for phase in PHASES
    }
    base = _number(policy.baselines.deploy_days)
    n = facts.deployments
    low, high = mean_interval(facts.deploy_days, facts.deploy_squares, n, policy.kpis.interval_level)
    return phases | {
        "config_self_service": _share(facts.self_service, facts.requested, "A version belongs to its last request."),
        "config_success": _share(facts.succeeded, facts.decided, "Versions that are too_early are not among them."),
        "deploy_time_reduction": Measure(
            numerator=base * n - facts.deploy_days,
            denominator=base * n,
            n=_known(base, n),
            note="Deals of the last change_days against the policy's baseline.",
            interval=(1 - high / base, 1 - low / base),
        ),
    }


def _costs(facts: ir.Table, policy: LifecyclePolicy) -> dict[str, Measure]:
    cost, interactions = facts.handling_cost, facts.interactions
    base = _number(policy.baselines.cost_per_interaction)
    return {
        "cost_per_interaction": Measure(
            numerator=cost, denominator=interactions, n=_known(cost, interactions), note=ASSUMED_TIME, basis=ASSUMPTION
        ),
        "cost_reduction": Measure(
            numerator=base * interactions - cost,
            denominator=base * interactions,
            n=_known(base * cost, interactions),
            note=f"{ASSUMED_TIME} So is the baseline.",
            basis=ASSUMPTION,
        ),
        "model_saving": Measure(
            numerator=facts.avoided,
            denominator=facts.spent + facts.avoided,
            n=facts.model_calls,
            note="By the policy's prices.",
        ),
    }


def _value(facts: ir.Table, policy: LifecyclePolicy) -> dict[str, Measure]:
    churn, clients = _number(policy.baselines.churn_rate), _number(policy.baselines.clients_per_agent)
    low, high = wilson_interval(facts.churned, facts.exposed, policy.kpis.interval_level)
    expected, reach = facts.expected.nullif(0.0), facts.lift_reach
    return {
        "clients_per_agent_gain": Measure(
            numerator=facts.agents_clients,
            denominator=clients * facts.agents,
            n=_known(clients, facts.agents),
            note="Against the policy's baseline.",
        ),
        "engagement_gain": Measure(
            numerator=facts.gained_seconds,
            denominator=facts.former_seconds,
            n=_known(facts.gained_seconds, facts.promoted),
            note="Weighted by exposures; without an interval, as only means were recorded.",
        ),
        "conversion_gain": Measure(
            numerator=facts.lifted,
            denominator=expected,
            n=facts.promoted,
            note="Against controls of fixed share.",
            interval=((facts.lifted - reach) / expected, (facts.lifted + reach) / expected),
        ),
        "churn_reduction": Measure(
            numerator=churn * facts.exposed - facts.churned,
            denominator=churn * facts.exposed,
            n=_known(churn, facts.exposed),
            note="Whole months, each customer once a month, against the policy's baseline.",
            interval=(1 - high / churn, 1 - low / churn),
        ),
        "nrr": Measure(
            numerator=facts.expanded_mrr, denominator=facts.start_mrr, n=facts.payers, note="Of the running month."
        ),
        "grr": Measure(
            numerator=facts.kept_mrr, denominator=facts.start_mrr, n=facts.payers, note="Of the running month."
        ),
    }


def _number(value: float | None) -> ir.FloatingScalar:
    """Return a number of the policy, null where it has none."""
    return ibis.literal(value, "float64")


def _known(value: ir.NumericValue, n: ir.NumericValue) -> ir.NumericValue:
    """Return the number of records, 0 where the value is not known."""
    return value.isnull().ifelse(0, n)
