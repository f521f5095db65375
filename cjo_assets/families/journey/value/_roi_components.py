"""Components of the ROI: names, units, prices and assumptions.

Shared by `roi_breakdown`, its totals and `roi_sensitivity`. Prices are products of assumptions; nothing else in the ROI
is an assumption of the policy.
"""

from dataclasses import dataclass
from typing import Any

from cjo_assets.core.expressions.evidence_grades import COST, VALUE
from cjo_assets.policy.journey_value import Roi

MINUTES_PER_HOUR = 60

PLAYBOOK_COST, REVIEW_TIME, API_CALLS = "playbook_cost", "human_review_time", "api_calls"
LLM_USAGE, INFRASTRUCTURE = "llm_usage", "infrastructure"
RETAINED_REVENUE, ESCALATION_PREVENTION = "retained_revenue", "escalation_prevention"
SUPPORT_WORKLOAD_REDUCTION, FASTER_RESOLUTION = "support_workload_reduction", "faster_resolution"


@dataclass(frozen=True)
class Component:
    """A component of the ROI.

    Attributes:
        kind: cost or value.
        unit: unit of its quantity.
        assumption: the assumption under which the amount is true.
    """

    kind: str
    unit: str
    assumption: str


COMPONENTS = {
    PLAYBOOK_COST: Component(
        COST, "currency", "Each use costs its estimate times a multiple; a use without an estimate counts nothing."
    ),
    REVIEW_TIME: Component(
        COST, "reviews", "Every answer of a person takes the same time, whatever it says and whether it took effect."
    ),
    API_CALLS: Component(
        COST, "executed interventions", "Each execution calls other systems as often as the policy says."
    ),
    LLM_USAGE: Component(COST, "calls", "Every call of a language model costs the same."),
    INFRASTRUCTURE: Component(COST, "months", "The window bears its share of a month of 30 days."),
    RETAINED_REVENUE: Component(
        VALUE, "currency", "The source's estimates of what a success is worth are right, as far as they are credited."
    ),
    ESCALATION_PREVENTION: Component(
        VALUE,
        "days in escalation",
        "The difference to the baseline is our doing; a day costs what the policy says.",
    ),
    SUPPORT_WORKLOAD_REDUCTION: Component(
        VALUE, "days in support", "The difference to the baseline is our doing; a day costs what the policy says."
    ),
    FASTER_RESOLUTION: Component(
        VALUE,
        "currency paid by customers for the days saved",
        "The difference to the baseline is our doing, and a customer in support misses that share of what it pays for.",
    ),
}


def prices(assumptions: Any) -> dict[str, Any]:
    """Return the cost or value of one unit of each component [currency].

    Args:
        assumptions: the policy's section `roi`, or a table with a column for each of its assumptions.
    """
    return {
        PLAYBOOK_COST: assumptions.playbook_cost_multiple,
        REVIEW_TIME: assumptions.review_minutes_per_approval
        / MINUTES_PER_HOUR
        * assumptions.cost_per_human_review_hour,
        API_CALLS: assumptions.api_calls_per_intervention * assumptions.cost_per_api_call,
        LLM_USAGE: assumptions.cost_per_llm_call,
        INFRASTRUCTURE: assumptions.infrastructure_cost_per_month,
        RETAINED_REVENUE: assumptions.credited_revenue_share,
        ESCALATION_PREVENTION: assumptions.cost_per_escalation_day,
        SUPPORT_WORKLOAD_REDUCTION: assumptions.cost_per_support_day,
        FASTER_RESOLUTION: assumptions.value_share_in_trouble,
    }


def price_in_words(rules: Roi) -> dict[str, str]:
    """Return the price of each component in words, as the end of a formula."""
    return {
        PLAYBOOK_COST: f"x {rules.playbook_cost_multiple:g}",
        REVIEW_TIME: f"x {rules.review_minutes_per_approval:g} minutes x {rules.cost_per_human_review_hour:g} an hour",
        API_CALLS: f"x {rules.api_calls_per_intervention} calls x {rules.cost_per_api_call:g}",
        LLM_USAGE: f"x {rules.cost_per_llm_call:g}",
        INFRASTRUCTURE: f"x {rules.infrastructure_cost_per_month:g} a month",
        RETAINED_REVENUE: f"x {rules.credited_revenue_share:g} credited",
        ESCALATION_PREVENTION: f"x {rules.cost_per_escalation_day:g} a day",
        SUPPORT_WORKLOAD_REDUCTION: f"x {rules.cost_per_support_day:g} a day",
        FASTER_RESOLUTION: f"x {rules.value_share_in_trouble:g} of it",
    }
