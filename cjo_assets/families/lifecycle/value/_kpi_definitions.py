"""Definitions of the KPIs by family, their targets, and statements that these data can neither prove nor disprove."""

from __future__ import annotations

from cjo_assets.core.expressions.kpi import HIGHER, LOWER, Definition
from cjo_assets.policy.lifecycle import LifecyclePolicy

SERVICE, AUTOMATION, VALUE = "service", "automation", "business_value"
FAMILIES = [SERVICE, AUTOMATION, VALUE]
TIMED = "Missing: conversations of the product that ended in the window, with p95_ms."
PROMOTED = "Missing: an experiment whose leader was promoted, with results of its control"
# Numbers of the seed that are no policy, because nothing is compared with them.
NOT_TESTABLE = {
    SERVICE: {
        "workflow_gain": "Not testable: workflows 400 to 900 ms faster through fewer services need the same workflows "
        "measured with more of them.",
        "call_gain": "Not testable: 200 to 500 ms less per call without a gateway need the same calls with one.",
    },
    VALUE: {"capacity_gain": "Not testable: ten times the capacity needs a load test; use does not show capacity."},
}
DEFINITIONS = {
    SERVICE: {
        # Not uptime: 0.9 of it would be 0.9 of its target.
        "downtime": Definition(
            "share",
            LOWER,
            "minutes of the month so far in which services did not answer",
            "Missing: service_windows of the month.",
            "measured minutes, of each client's service with the most downtime",
            is_estimate=False,
        ),
        "chat_in_time": Definition(
            "share", HIGHER, "chats within the policy's latency_ms", TIMED, "measured chats that ended"
        ),
        "voice_in_time": Definition(
            "share", HIGHER, "calls within the policy's latency_ms", TIMED, "measured calls that ended"
        ),
        "ticket_autonomy": Definition(
            "share",
            HIGHER,
            "tickets that the AI solved",
            "Missing: tickets that were solved in the window, with resolved_by.",
            "solved tickets",
        ),
        "first_contact": Definition(
            "share",
            HIGHER,
            "conversations without a further one of the user",
            "Missing: conversations of known users that ended in the window.",
            "conversations of known users",
        ),
        "pinned_conversations": Definition(
            "share",
            HIGHER,
            "conversations with the live version from start to end",
            "Missing: conversations with config_version and ended_version.",
            "conversations whose versions are known",
            is_estimate=False,
        ),
    },
    AUTOMATION: {
        **{
            f"{phase}_automation": Definition(
                "share",
                HIGHER,
                f"tasks of the phase {phase} that {doer} did",
                "Missing: an event of the policy's tasks of the phase in the window.",
                "all tasks of the phase",
            )
            for phase, doer in {
                "sales": "the AI or a system",
                "onboarding": "the AI or a system",
                "support": "the AI",
                "success": "the AI or a system",
                "self_service": "clients",
            }.items()
        },
        "config_self_service": Definition(
            "share",
            HIGHER,
            "requested changes that clients requested and approved alone",
            "Missing: config_change_requested of the last change_days, and its version.",
            "requested changes",
        ),
        "config_success": Definition(
            "share",
            HIGHER,
            "deployed versions without a rollback within success_days",
            "Missing: versions deployed in the last change_days whose success_days have passed.",
            "deployed versions whose success_days have passed",
        ),
        "deploy_time_reduction": Definition(
            "share",
            HIGHER,
            "days from the approved requirements to production, the baseline less the mean",
            "Missing: deployments of the last change_days, or lifecycle.baselines.deploy_days in the policy.",
            "the baseline",
        ),
    },
    VALUE: {
        "cost_per_interaction": Definition(
            "currency",
            LOWER,
            "cost of models, and of people on the tickets that they solved, of clients whose model costs are known",
            "Missing: model_calls, and conversations or tickets, of the window.",
            "their conversations and tickets",
        ),
        "cost_reduction": Definition(
            "share",
            HIGHER,
            "the baseline less the cost per interaction",
            "Missing: what the cost per interaction lacks, or lifecycle.baselines.cost_per_interaction.",
            "the baseline",
        ),
        "model_saving": Definition(
            "share",
            HIGHER,
            "cost that the cache spared in the month so far",
            "Missing: model_calls of the month, of models with a price.",
            "cost with what was spared",
            is_estimate=False,
        ),
        "clients_per_agent_gain": Definition(
            "x before",
            HIGHER,
            "clients of the people with any, each client once per person",
            "Missing: an active assignment, or lifecycle.baselines.clients_per_agent in the policy.",
            "as many people with the baseline's clients",
            is_estimate=False,
        ),
        "engagement_gain": Definition(
            "share",
            HIGHER,
            "session time of promoted variants beyond that of their controls",
            f"{PROMOTED}, and session_seconds of both.",
            "session time of their controls",
        ),
        "conversion_gain": Definition(
            "share",
            HIGHER,
            "successes of promoted variants beyond their controls' rate",
            f"{PROMOTED}.",
            "successes at that rate",
        ),
        "churn_reduction": Definition(
            "share",
            HIGHER,
            "customers who left in whole months, the baseline less the rate",
            "Missing: paying customers of a whole month, or lifecycle.baselines.churn_rate in the policy.",
            "the baseline",
        ),
        "nrr": Definition(
            "ratio",
            HIGHER,
            "recurring revenue now of the customers at the start of the month",
            "Missing: paying customers at the start of the month.",
            "their revenue then",
            is_estimate=False,
        ),
        "grr": Definition(
            "ratio",
            HIGHER,
            "the same without expansion",
            "Missing: paying customers at the start of the month.",
            "their revenue then",
            is_estimate=False,
        ),
    },
}


def targets_of(policy: LifecyclePolicy) -> dict[str, float | None]:
    """Return the target of each KPI; null where the policy has none."""
    rules = policy.kpis.targets
    in_time = policy.sla.in_time_share
    return {
        "downtime": 1 - policy.sla.uptime,
        "chat_in_time": in_time,
        "voice_in_time": in_time,
        **{f"{phase}_automation": target for phase, target in policy.automation.targets},
        **dict(rules.service),
        **dict(rules.configuration),
        **dict(rules.value),
    }
