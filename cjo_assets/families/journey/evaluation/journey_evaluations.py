"""Stage health of every customer.

One row per customer and as-of date. Friction is time in a stage beyond the policy's threshold, several negative signals
at once, or a problem early in the tenure; health grades how far beyond. A customer who has left has neither.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.contract import DatedContract, TextList, column, key, names_where
from cjo_assets.core.expressions.by_segment import by_name_and_segment, by_segment
from cjo_assets.families.journey.inputs.state_entries import INVALID
from cjo_assets.policy import JourneyPolicy, Policy

HEALTHY, AT_RISK, CRITICAL = "healthy", "at_risk", "critical"


class JourneyEvaluations(DatedContract):
    """Stage health of every customer. One row per customer and as-of date."""

    customer_id: str = key("Customer.", personal="customer")
    current_stage: str = column("Stage on the as-of date; null without an entry.", words="stages", nullable=True)
    days_in_state: int = column("Whole days since the stage was entered [days].", ge=0, nullable=True)
    friction_detected: bool = column("Whether there is any reason.")
    friction_reasons: TextList = column("Reasons, sorted.")
    stage_health: str = column(
        "healthy, at_risk or critical; null without a stage and for a customer who has left.",
        isin=[HEALTHY, AT_RISK, CRITICAL],
        nullable=True,
    )


def journey_evaluations(
    journey_states: ir.Table, aggregated_signals: ir.Table, customers: ir.Table, policy: Policy
) -> ir.Table:
    """Grade each current state against the policy's durations and thresholds."""
    states = journey_states.join(aggregated_signals.select("customer_id", "negative_signals"), "customer_id")
    states = states.join(customers.select("customer_id", "tenure_months"), "customer_id")
    graded = states.mutate(friction_reasons=names_where(_friction_reasons(states, policy)))
    stage, has_friction = graded.journey_stage, graded.friction_reasons.length() > 0
    return graded.mutate(
        current_stage=stage,
        friction_detected=has_friction,
        stage_health=ibis.cases(
            (stage.isnull() | _has_left(graded, policy), ibis.null("string")),
            (_is_far_too_long(graded, policy), CRITICAL),
            (has_friction, AT_RISK),
            else_=HEALTHY,
        ),
    )


def _friction_reasons(states: ir.Table, policy: Policy) -> dict[str, ir.BooleanValue]:
    """Return, per reason for friction, whether it holds."""
    stage, segment, days = states.journey_stage, states.segment, states.days_in_state
    threshold = by_name_and_segment(policy, stage, segment, _thresholds, None)
    typical = by_name_and_segment(policy, stage, segment, lambda rules: rules.evaluation.typical_stage_durations, None)
    untimed_multiple = by_segment(policy, segment, lambda rules: rules.evaluation.untimed_multiple)
    several = by_segment(policy, segment, lambda rules: rules.evaluation.multiple_negative_signals)
    early = by_segment(policy, segment, lambda rules: rules.evaluation.early_tenure_months)
    has_left = _has_left(states, policy)
    too_long = ibis.coalesce(days > threshold, days > untimed_multiple * typical, False) & ~has_left
    reasons = {
        f"exceeded_typical_{name}_duration": too_long & (stage == name).fill_null(False)
        for name in policy.vocabulary.stages
        if name not in policy.vocabulary.terminal_stages
    }
    has_problem = (states.negative_signals > 0) | (states.transition == INVALID)
    reasons["multiple_negative_signals"] = (states.negative_signals >= several) & ~has_left
    reasons["early_tenure_friction"] = (states.tenure_months <= early) & has_problem & ~has_left
    return reasons


def _is_far_too_long(states: ir.Table, policy: Policy) -> ir.BooleanValue:
    """Return whether the time in the stage is a critical multiple of its threshold."""
    threshold = by_name_and_segment(policy, states.journey_stage, states.segment, _thresholds, None)
    multiple = by_segment(policy, states.segment, lambda rules: rules.evaluation.critical_multiple)
    return (states.days_in_state > multiple * threshold).fill_null(False) & ~_has_left(states, policy)


def _has_left(states: ir.Table, policy: Policy) -> ir.BooleanValue:
    return states.journey_stage.isin(policy.vocabulary.terminal_stages).fill_null(False)


def _thresholds(rules: JourneyPolicy) -> dict[str, float]:
    stages = rules.evaluation.typical_stage_durations
    days = {stage: rules.evaluation.friction_threshold(stage) for stage in stages}
    return {stage: threshold for stage, threshold in days.items() if threshold is not None}
