"""Effect of playbooks: treated customers against controls.

One row per as-of date, playbook, segment ("All" included) and kind of control. Only our own decisions count: of each
customer the first, if its effect window is over. Both sides are evaluated by the state log, since outcomes of untreated
customers are not measured: the customer entered a recovery stage within the window and no terminal one.

Held-out customers were drawn at random, so they are compared with all who were not drawn, executed or not: approvals
and rejections are not random. Untreated customers are those whose decision was rejected or expired; compared with the
treated they are evidence of a lower grade.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.approval_status import EXPIRED, REJECTED
from cjo_assets.core.contract import ANY_SEGMENT, DatedContract, column, key
from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.evidence_grades import MATCHED, RANDOMISED
from cjo_assets.core.expressions.intervals import (
    MEASURED,
    NOT_MEASURABLE,
    always_valid_multiplier,
    difference_variance,
    two_sided_quantile,
    within,
)
from cjo_assets.core.expressions.tables import first_per, long_rows, lookup
from cjo_assets.families.journey.interventions._ledger import DECISION
from cjo_assets.families.journey.interventions._outcomes import HELD_OUT
from cjo_assets.families.journey.learning._experience import existing_playbooks, over_segments
from cjo_assets.policy import Policy

UNTREATED = "untreated"
GRADES = {HELD_OUT: RANDOMISED, UNTREATED: MATCHED}


class TreatmentEffects(DatedContract):
    """Difference that playbooks make. One row per as-of date, playbook, segment and kind of control."""

    playbook_id: str = key("Playbook.")
    segment: str = key("Market segment, or All.")
    is_all_segments: bool = column("Whether the row is that of all segments, which sums over segments must leave out.")
    control: str = key("held_out: drawn by chance; untreated: refused or lapsed.", isin=[HELD_OUT, UNTREATED])
    evidence_grade: str = column("randomised or matched.", isin=[RANDOMISED, MATCHED])
    treated_count: int = column(
        "Customers on the treated side; against held_out all that were not drawn [customers].", ge=0
    )
    control_count: int = column("Customers on the other side [customers].", ge=0)
    treated_rate: float = column(
        "Share of them that recovered [0-1], up = better.", decimals=6, ge=0, le=1, nullable=True
    )
    control_rate: float = column("Share of the others that recovered [0-1].", decimals=6, ge=0, le=1, nullable=True)
    difference: float = column(
        "treated_rate - control_rate [-1 to 1], up = better.", decimals=6, ge=-1, le=1, nullable=True
    )
    difference_low: float = column(
        "Lower end of its interval, for a single reading.", decimals=6, ge=-1, le=1, nullable=True
    )
    difference_high: float = column(
        "Upper end of its interval, for a single reading.", decimals=6, ge=-1, le=1, nullable=True
    )
    comparisons: int = column("Playbooks times segments, All included, among which chance may pick.", ge=1)
    always_valid_low: float = column(
        "Lower end of the interval that holds on all days and for all comparisons at once.",
        decimals=6,
        ge=-1,
        le=1,
        nullable=True,
    )
    always_valid_high: float = column("Upper end of that interval.", decimals=6, ge=-1, le=1, nullable=True)
    status: str = column("measured, or not_measurable: too few on a side.", isin=[MEASURED, NOT_MEASURABLE])


def treatment_effects(
    intervention_ledger: ir.Table,
    playbooks: ir.Table,
    state_entries: ir.Table,
    as_of: ir.DateScalar,
    policy: Policy,
) -> ir.Table:
    """Compare both kinds of control with the treated, per playbook and segment."""
    ours = intervention_ledger.filter(intervention_ledger.origin == DECISION)
    subjects = _with_recovery(_subjects(ours, as_of, policy), state_entries, policy)
    existing = existing_playbooks(playbooks, as_of).select("playbook_id")
    arms = over_segments(existing, _arms(subjects), policy)
    arms = arms.mutate(comparisons=arms.count().over(ibis.window()))
    comparisons = long_rows(arms, ("playbook_id", "segment", "comparisons"), _sides(arms))
    comparisons = comparisons.mutate(is_all_segments=comparisons.segment == ANY_SEGMENT)
    return _with_difference(comparisons, policy)


def _subjects(known: ir.Table, as_of: ir.DateScalar, policy: Policy) -> ir.Table:
    """Return the first decision of each customer for any playbook, where its effect window is over.

    From the second decision on the arms differ by more than chance: a treatment has settled signals or blocked its
    playbook, and customers for whom it failed get the next one.
    """
    last_day = days_after(as_of, -policy.journey.learning.effect_window_days)
    decided = known.filter(known.playbook_id.notnull(), known.generated_at <= last_day)
    first = first_per(decided, "customer_id", [decided.generated_at, decided.intervention_id])
    # Stale decisions are left out: the customer may have recovered, which is the outcome.
    return first.mutate(is_left=~first.is_executed & first.approval_status.isin([REJECTED, EXPIRED]))


def _with_recovery(subjects: ir.Table, state_entries: ir.Table, policy: Policy) -> ir.Table:
    """Add whether the customer recovered in the window after the day of the decision."""
    window = ibis.interval(days=policy.journey.learning.effect_window_days)
    steps = subjects.select("intervention_id", "customer_id", "generated_at").join(
        state_entries.select("customer_id", "journey_stage", "state_entered_at"), "customer_id"
    )
    steps = steps.filter(
        steps.state_entered_at > steps.generated_at, steps.state_entered_at <= steps.generated_at + window
    )
    entered = steps.group_by("intervention_id").agg(
        has_recovered=steps.journey_stage.isin(policy.journey.forecast.recovery_stages).any(),
        has_ended=steps.journey_stage.isin(policy.vocabulary.terminal_stages).any(),
    )
    observed = lookup(subjects, entered, "intervention_id")
    return observed.mutate(is_recovered=(observed.has_recovered & ~observed.has_ended).fill_null(False))


def _arms(subjects: ir.Table) -> ir.Table:
    """Count customers and recoveries of every side, per playbook and segment."""
    held_out = subjects.is_held_out
    sides = {
        "assigned": ~held_out,
        "held_out": held_out,
        "treated": ~held_out & subjects.is_executed,
        "untreated": ~held_out & subjects.is_left,
    }
    counts = {f"{name}_count": subjects.count(where=is_in) for name, is_in in sides.items()}
    recovered = {
        f"{name}_recovered": subjects.count(where=is_in & subjects.is_recovered) for name, is_in in sides.items()
    }
    return subjects.group_by("playbook_id", "segment").agg(**counts, **recovered)


def _sides(arms: ir.Table) -> list[dict[str, ir.Value]]:
    """Return the two comparisons of a playbook and segment: against held-out and against untreated customers."""
    return [
        {
            "control": ibis.literal(control),
            "evidence_grade": ibis.literal(GRADES[control]),
            "treated_count": arms[f"{treated}_count"].cast("int64"),
            "treated_recovered": arms[f"{treated}_recovered"].cast("int64"),
            "control_count": arms[f"{control}_count"].cast("int64"),
            "control_recovered": arms[f"{control}_recovered"].cast("int64"),
        }
        for treated, control in (("assigned", HELD_OUT), ("treated", UNTREATED))
    ]


def _with_difference(comparisons: ir.Table, policy: Policy) -> ir.Table:
    """Add rates, difference and both intervals where both sides are large enough."""
    rules = policy.journey.learning
    is_measured = ibis.least(comparisons.treated_count, comparisons.control_count) >= rules.minimum_per_arm
    # Null counts make every figure null where the sides are too small.
    treated = is_measured.ifelse(comparisons.treated_count, ibis.null("int64"))
    control = is_measured.ifelse(comparisons.control_count, ibis.null("int64"))
    recovered = (comparisons.treated_recovered, comparisons.control_recovered)
    rates = comparisons.mutate(
        treated_rate=recovered[0] / treated,
        control_rate=recovered[1] / control,
        standard_error=difference_variance(recovered[0], treated, recovered[1], control).sqrt(),
        # Two unequal sides carry as much information on their difference as two equal ones of twice this size.
        observations=1 / (1 / treated + 1 / control),
    )
    difference = rates.treated_rate - rates.control_rate
    fixed = two_sided_quantile(rules.interval_level) * rates.standard_error
    error_rate = rules.promotion_error_rate / rates.comparisons
    always = always_valid_multiplier(rates.observations, error_rate, rules.minimum_per_arm) * rates.standard_error
    return rates.mutate(
        difference=difference,
        difference_low=within(difference - fixed, -1.0, 1.0),
        difference_high=within(difference + fixed, -1.0, 1.0),
        always_valid_low=within(difference - always, -1.0, 1.0),
        always_valid_high=within(difference + always, -1.0, 1.0),
        status=rates.standard_error.notnull().ifelse(MEASURED, NOT_MEASURABLE),
    )
