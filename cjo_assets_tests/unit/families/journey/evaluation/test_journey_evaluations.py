"""Tests of stage health at, just over and far over each threshold, and of its reasons."""

from typing import NamedTuple

from cjo_assets.families.journey.evaluation.aggregated_signals import AggregatedSignals
from cjo_assets.families.journey.evaluation.journey_evaluations import JourneyEvaluations, journey_evaluations
from cjo_assets.families.journey.evaluation.journey_states import JourneyStates
from cjo_assets.families.journey.inputs.customers import Customers
from cjo_assets.policy import Policy
from cjo_assets_tests.support.rows import DAY, POLICY, Row, by, kept, policy_with, table_of

MULTIPLE, EARLY = "multiple_negative_signals", "early_tenure_friction"


class Case(NamedTuple):
    """A customer's day and the expected evaluation."""

    stage: str | None
    days: int | None
    health: str | None
    reasons: list[str]
    negative_signals: int = 0
    tenure_months: int = 12
    transition: str = "valid"
    segment: str = "SMB"


def too_long(stage: str) -> str:
    """Return the reason for a stage that lasts too long."""
    return f"exceeded_typical_{stage}_duration"


ONBOARDING, ENGAGEMENT, SUPPORT = too_long("onboarding"), too_long("engagement"), too_long("support")
RETENTION, ESCALATION = too_long("retention"), too_long("escalation")

CASES = {
    # A threshold is exceeded when days > threshold; critical begins when days > 1.5 x threshold.
    "onboarding at 14": Case("onboarding", 14, "healthy", []),
    "onboarding over 14": Case("onboarding", 15, "at_risk", [ONBOARDING]),
    "onboarding at 1.5 x 14 = 21": Case("onboarding", 21, "at_risk", [ONBOARDING]),
    "onboarding over 21": Case("onboarding", 22, "critical", [ONBOARDING]),
    "engagement at 30": Case("engagement", 30, "healthy", []),
    "engagement over 30": Case("engagement", 31, "at_risk", [ENGAGEMENT]),
    "engagement at 1.5 x 30 = 45": Case("engagement", 45, "at_risk", [ENGAGEMENT]),
    "engagement over 45": Case("engagement", 46, "critical", [ENGAGEMENT]),
    # The threshold of support is 5 days, below its typical 7.
    "support at 5": Case("support", 5, "healthy", []),
    "support over 5": Case("support", 6, "at_risk", [SUPPORT]),
    "support below 1.5 x 5 = 7.5": Case("support", 7, "at_risk", [SUPPORT]),
    "support over 7.5": Case("support", 8, "critical", [SUPPORT]),
    "escalation at 3": Case("escalation", 3, "healthy", []),
    "escalation below 1.5 x 3 = 4.5": Case("escalation", 4, "at_risk", [ESCALATION]),
    "escalation over 4.5": Case("escalation", 5, "critical", [ESCALATION]),
    # Retention has no threshold: friction beyond 1.5 x 90, and never critical.
    "retention over 90": Case("retention", 91, "healthy", []),
    "retention at 1.5 x 90 = 135": Case("retention", 135, "healthy", []),
    "retention over 135": Case("retention", 136, "at_risk", [RETENTION]),
    "retention for ever": Case("retention", 9999, "at_risk", [RETENTION]),
    "first day": Case("onboarding", 0, "healthy", []),
    # Signals: two are a pattern.
    "one negative": Case("engagement", 1, "healthy", [], negative_signals=1),
    "two negatives": Case("engagement", 1, "at_risk", [MULTIPLE], negative_signals=2),
    "many negatives": Case("engagement", 1, "at_risk", [MULTIPLE], negative_signals=20),
    # Early tenure: at most 3 months, with a negative signal or an invalid transition.
    "early, negative": Case("engagement", 1, "at_risk", [EARLY], negative_signals=1, tenure_months=3),
    "not early any more": Case("engagement", 1, "healthy", [], negative_signals=1, tenure_months=4),
    "early, invalid": Case("engagement", 1, "at_risk", [EARLY], tenure_months=0, transition="invalid"),
    "late, invalid": Case("engagement", 1, "healthy", [], transition="invalid"),
    "early, re-entered": Case("support", 1, "healthy", [], tenure_months=3, transition="re_entry"),
    "early, unknown": Case("support", 1, "healthy", [], tenure_months=3, transition="unknown"),
    # All at once: reasons are sorted, health is the worst of them.
    "everything": Case("onboarding", 22, "critical", [EARLY, ONBOARDING, MULTIPLE], 2, 3),
    "all but time": Case("onboarding", 14, "at_risk", [EARLY, MULTIPLE], 2, 3),
    # Who has left has neither reasons nor health.
    "churned": Case("churned", 500, None, [], 5, 1, "invalid"),
    # Without a stage there is no health; signals are signals all the same.
    "no stage": Case(None, None, None, [], transition="unknown"),
    "no stage, noisy": Case(None, None, None, [MULTIPLE], 2, transition="unknown"),
    "no stage, new and noisy": Case(None, None, None, [EARLY, MULTIPLE], 2, 1, "unknown"),
}


def judge(cases: dict[str, Case], policy: Policy) -> dict[str, Row]:
    """Return the evaluation of each case."""
    states = [
        {"customer_id": name, "journey_stage": case.stage, "days_in_state": case.days}
        | {"transition": case.transition, "segment": case.segment}
        for name, case in cases.items()
    ]
    signals = [{"customer_id": name, "negative_signals": case.negative_signals} for name, case in cases.items()]
    people = [
        {"customer_id": name, "tenure_months": case.tenure_months, "segment": case.segment}
        for name, case in cases.items()
    ]
    found = journey_evaluations(
        table_of(JourneyStates, states),
        table_of(AggregatedSignals, signals),
        table_of(Customers, people),
        policy,
    )
    return by("customer_id", kept(JourneyEvaluations, found, policy=policy))


def expected_of(name: str, case: Case) -> Row:
    """Return the row a case must give."""
    return {
        "as_of": DAY,
        "customer_id": name,
        "current_stage": case.stage,
        "days_in_state": case.days,
        "friction_detected": bool(case.reasons),
        "friction_reasons": case.reasons,
        "stage_health": case.health,
    }


def test_health_and_reasons() -> None:
    rows = judge(CASES, POLICY)
    assert rows == {name: expected_of(name, case) for name, case in CASES.items()}


def test_a_segment_may_be_given_more_time() -> None:
    rules = policy_with(
        segment_overrides={
            "Enterprise": {
                "evaluation": {
                    "friction_thresholds": {"onboarding_exceeded_days": 30},
                    "critical_multiple": 2.0,
                    "multiple_negative_signals": 3,
                    "early_tenure_months": 1,
                }
            }
        }
    )
    cases = {
        "large at 30": Case("onboarding", 30, "healthy", [], 2, 2, segment="Enterprise"),
        "large at 2 x 30": Case("onboarding", 60, "at_risk", [ONBOARDING], segment="Enterprise"),
        "large over 60": Case("onboarding", 61, "critical", [ONBOARDING, MULTIPLE], 3, segment="Enterprise"),
        "small over 21": Case("onboarding", 22, "critical", [ONBOARDING]),
        "small": Case("onboarding", 1, "at_risk", [EARLY, MULTIPLE], 2, 2),
    }
    rows = judge(cases, rules)
    assert rows == {name: expected_of(name, case) for name, case in cases.items()}
