"""Comparison of two policies by the decisions of the journey."""

from cjo_assets.core.questions import PolicyComparison
from cjo_assets.families.journey.questions.policy_changes import PolicyChanges, policy_changes
from cjo_assets.families.journey.questions.policy_effects import PolicyEffects, measures, policy_effects

POLICY_COMPARISON = PolicyComparison(
    decisions="journey.recommended_interventions",
    scores="journey.risk_scores",
    forecasts="journey.journey_forecasts",
    gaps="journey.coverage_gaps",
    customers="journey.customers",
    changes_contract=PolicyChanges,
    changes=policy_changes,
    effects_contract=PolicyEffects,
    measures=measures,
    effects=policy_effects,
    is_score_same="old.decision_risk = new.decision_risk AND old.overall_risk_score = new.overall_risk_score",
    rows_shown=lambda policy: policy.journey.reporting.report_rows,
)
