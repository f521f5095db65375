"""Stage health of every customer.

One row per customer and as-of date. Friction is time beyond what the business has decided is normal for the stage,
several negative signals at once, or trouble early on; health says how far beyond. A customer who has left has neither.
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
    """Judge each current state against the policy's durations and thresholds."""
    rows = journey_states.join(aggregated_signals.select("customer_id", "negative_signals"), "customer_id")
    rows = rows.join(customers.select("customer_id", "tenure_months"), "customer_id")
    stage, segment, days = rows.journey_stage, rows.segment, rows.days_in_state
    threshold = by_name_and_segment(policy, stage, segment, _thresholds, None)
    typical = by_name_and_segment(policy, stage, segment, lambda rules: rules.evaluation.typical_stage_durations, None)
    critical_multiple = by_segment(policy, segment, lambda rules: rules.evaluation.critical_multiple)
    untimed_multiple = by_segment(policy, segment, lambda rules: rules.evaluation.untimed_multiple)
    several = by_segment(policy, segment, lambda rules: rules.evaluation.multiple_negative_signals)
    early = by_segment(policy, segment, lambda rules: rules.evaluation.early_tenure_months)

    has_left = stage.isin(policy.vocabulary.terminal_stages).fill_null(False)
    too_long = ibis.coalesce(days > threshold, days > untimed_multiple * typical, False) & ~has_left
    far_too_long = (days > critical_multiple * threshold).fill_null(False) & ~has_left
    reasons = {
        f"exceeded_typical_{name}_duration": too_long & (stage == name).fill_null(False)
        for name in policy.vocabulary.stages
        if name not in policy.vocabulary.terminal_stages
    }
    reasons["multiple_negative_signals"] = (rows.negative_signals >= several) & ~has_left
    reasons["early_tenure_friction"] = (
        (rows.tenure_months <= early) & ((rows.negative_signals > 0) | (rows.transition == INVALID)) & ~has_left
    )
    rows = rows.mutate(friction_reasons=names_where(reasons))
    has_friction = rows.friction_reasons.length() > 0
    return rows.select(
        "customer_id",
        "days_in_state",
        "friction_reasons",
        current_stage=stage,
        friction_detected=has_friction,
        stage_health=ibis.cases(
            (stage.isnull() | has_left, ibis.null("string")),
            (far_too_long, CRITICAL),
            (has_friction, AT_RISK),
            else_=HEALTHY,
        ),
    )


def _thresholds(rules: JourneyPolicy) -> dict[str, float]:
    stages = rules.evaluation.typical_stage_durations
    days = {stage: rules.evaluation.friction_threshold(stage) for stage in stages}
    return {stage: threshold for stage, threshold in days.items() if threshold is not None}
