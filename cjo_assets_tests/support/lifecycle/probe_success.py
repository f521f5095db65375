"""Rows and other values for the policy of customer success, for what does not happen in the sample."""

from typing import Any

from cjo_assets.policy.lifecycle_success import HealthComponents
from cjo_assets_tests.support.lifecycle.probe_rows import day_of, event, instant_of
from cjo_assets_tests.support.probe import default_content
from cjo_assets_tests.support.rows import Row, Rows

# An organization of the probe without subscription: its tickets and logins change no revenue.
ACTIVE_CUSTOMER = "P_OLD"
CATEGORIES = ("bug_report", "billing_inquiry", "deployment_issue", "feature_request", "configuration_question")
# Days ago. Three in a week are less than twice the weekly mean of the seven before, 1.75, and tickets of one category
# are 20 days apart.
TICKETS = (34, 30, 26, 22, 18, 14, 9, 2, 1, 0)
# First and last day ago, and logins of each day between: a drop, and 22 days after it the logins of before.
LOGINS = ((70, 49, 10), (48, 35, 1), (34, 0, 10))
# Conversations of a customer whose plan has no voice: five in four weeks, and one before.
ESCALATED = {"CV-0072": 41, "CV-0110": 22, "CV-0117": 17, "CV-0128": 13, "CV-0140": 9, "CV-0165": 2}
# Days after the first deployment, 84 days ago: two within a month and ten days apart, and one beyond.
ROLLED_BACK = (8, 18, 45)
# A lead, a trial, and customers in the stages active, renewal and at_risk.
STAGES_IN_CRM = ("C012", "C011", "C004", "C007", "C005")


def _ticket(place: int, days_ago: int) -> Row:
    instant = instant_of(days_ago)
    return {
        "ticket_id": f"P-{days_ago}",
        "customer_id": ACTIVE_CUSTOMER,
        "category": CATEGORIES[place % len(CATEGORIES)],
        "priority": "normal",
        "created_at": instant,
        "first_response_at": instant,
        "resolved_at": instant,
        "resolved_by": "agent",
        "asked_for_human": False,
    }


def _usage(days_ago: int, logins: int) -> Row:
    return {
        "customer_id": ACTIVE_CUSTOMER,
        "usage_date": day_of(days_ago),
        "active_users": 1,
        "logins": logins,
        "features_used": 1,
        "api_calls": 0,
        "voice_minutes": 0,
    }


SUCCESS_ROWS: dict[str, Rows] = {
    "tickets": [_ticket(place, days_ago) for place, days_ago in enumerate(TICKETS)],
    "usage_daily": [
        _usage(days_ago, logins) for first, last, logins in LOGINS for days_ago in range(first, last - 1, -1)
    ],
    "lifecycle_events": [
        *(event("escalated", days_ago, "C003", case, about="asked_for_human") for case, days_ago in ESCALATED.items()),
        *(event("config_rolled_back", 84 - days, "C001", "cfg-03", about="errors", quantity=1) for days in ROLLED_BACK),
        # Customers in stages that no CRM of the sample has, and a second application of a practice in an industry.
        *(event("crm_stage_seen", 2, name, f"R-{name}", related_id="probe", about="probe") for name in STAGES_IN_CRM),
        event("practice_applied", 50, "C001", "P", about="reminder_follow_up") | {"subject_id": None},
        # Its contract renews 14 days later.
        event("proposal_signed", 2, "C007", "D-007", amount=1.0),
    ],
}
COMPONENTS = list(HealthComponents.model_fields)
MEASURES = default_content()["lifecycle"]["health"]["measures"]
SUCCESS_VALUES: dict[str, Any] = {
    # C005 has four tickets, of which two are older than ten days. C001 has more than 20 conversations.
    "lifecycle.stages.tickets": 5,
    "lifecycle.stages.ticket_days": 10,
    "lifecycle.stages.power_conversations": 20,
    # C011 has 70.8 points, C004 87.8.
    "lifecycle.health.bands.red_below": 75,
    "lifecycle.health.bands.green_above": 90,
    # The component before; that before the first is the last.
    **{
        f"lifecycle.health.measures.{name}.component": COMPONENTS[COMPONENTS.index(measure["component"]) - 1]
        for name, measure in MEASURES.items()
    },
    # Zero does not double, and half of full_at of the trend is its zero_at.
    "lifecycle.health.measures.volume_trend.full_at": 2.0,
    "lifecycle.health.measures.active_day_share.zero_at": 0.1,
    "lifecycle.health.measures.features_used.zero_at": 1,
    "lifecycle.health.measures.days_overdue.full_at": 5,
    # Half of the tickets of C005 are complex, none of other customers.
    "lifecycle.health.measures.complex_ticket_share.zero_at": 0.9,
    "lifecycle.health.measures.complex_ticket_share.full_at": 0.6,
    # One customer left.
    "lifecycle.health.backtest.minimum_churned": 1,
    # Twice as many months are more than a year.
    "lifecycle.messages.contract_months.renewal": 10,
    # A message of C005 was due 12 days ago, one of C011 is due in six.
    "lifecycle.messages.grace_days": 20,
    "lifecycle.messages.ahead_days": 3,
    # The logins of C005 fell from 20; those of the probe returned 22 days after they fell.
    "lifecycle.signals.usage_drop.least_before": 21,
    "lifecycle.signals.usage_recovery.within_days": 10,
    # The third low answer within a week came four days later.
    "lifecycle.signals.satisfaction.days": 7,
    # C004 and C005 used a fifth of their plans in October.
    "lifecycle.signals.low_usage.share": 0.3,
    # One organization applied a practice in the sample, and one in the probe.
    "lifecycle.village.minimum_customers": 1,
    # A stage of a CRM differs in the sample.
    "lifecycle.crm.conflict": "platform",
    **{f"lifecycle.crm.stages.{stage}": "another" for stage in default_content()["lifecycle"]["crm"]["stages"]},
    # The first signal of C005 is 26 days old.
    "lifecycle.signals.look_back_days": 20,
}
# With fewer departures than the policy requires no rate has an interval.
SUCCESS_STARTING_FROM: dict[str, dict[str, Any]] = {
    "lifecycle.village.effect_days": {"lifecycle.village.minimum_customers": 1},
    "lifecycle.village.interval_level": {"lifecycle.village.minimum_customers": 1},
    "lifecycle.health.backtest.interval_level": {"lifecycle.health.backtest.minimum_churned": 1},
}
