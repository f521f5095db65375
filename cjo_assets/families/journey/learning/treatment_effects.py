"""What a playbook changes: customers it was meant for against customers who were left alone.

One row per as-of date, playbook, segment ("All" included) and kind of control. Only our own decisions, of each customer
the first for the playbook, whose effect window is over. Both sides are judged by the state log, since nobody measures
the outcome of what was not done: the customer entered a stage of recovery within the window and no terminal one.

Held-out customers were drawn by chance, so they are compared with all who were not drawn, carried out or not: what
people then approve or refuse is no chance. Untreated customers are those whose decision was refused or lapsed; compared
with the treated they are evidence of a lower grade.
"""

from datetime import date, timedelta

import ibis
import ibis.expr.types as ir

from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.evidence_grades import MATCHED, RANDOMISED
from cjo_assets.core.expressions.intervals import (
    MEASURED,
    NOT_MEASURABLE,
    always_valid_multiplier,
    difference_variance,
    two_sided_quantile,
    within,
)
from cjo_assets.core.expressions.numbers import rounded
from cjo_assets.families.journey.inputs.approval_decisions import REJECTED
from cjo_assets.families.journey.interventions._ledger import DECISION, EXPIRED
from cjo_assets.families.journey.interventions._outcomes import HELD_OUT
from cjo_assets.families.journey.learning._experience import existing_playbooks, over_segments
from cjo_assets.policy import Policy

UNTREATED = "untreated"
GRADES = {HELD_OUT: RANDOMISED, UNTREATED: MATCHED}


class TreatmentEffects(DatedContract):
    """Difference that playbooks make. One row per as-of date, playbook, segment and kind of control."""

    playbook_id: str = key("Playbook.")
    segment: str = key("Market segment, or All.")
    control: str = key("held_out: drawn by chance; untreated: refused or lapsed.", isin=[HELD_OUT, UNTREATED])
    evidence_grade: str = column("randomised or matched.", isin=[RANDOMISED, MATCHED])
    treated_count: int = column(
        "Customers on the treated side; against held_out all that were not drawn [customers].", ge=0
    )
    control_count: int = column("Customers on the other side [customers].", ge=0)
    treated_rate: float = column("Share of them that recovered [0-1], up = better.", ge=0, le=1, nullable=True)
    control_rate: float = column("Share of the others that recovered [0-1].", ge=0, le=1, nullable=True)
    difference: float = column("treated_rate - control_rate [-1 to 1], up = better.", ge=-1, le=1, nullable=True)
    difference_low: float = column("Lower end of its interval, looked at once.", ge=-1, le=1, nullable=True)
    difference_high: float = column("Upper end of its interval, looked at once.", ge=-1, le=1, nullable=True)
    comparisons: int = column("Playbooks times segments, All included, among which chance may pick.", ge=1)
    always_valid_low: float = column(
        "Lower end of the interval that holds on all days and for all comparisons at once.", ge=-1, le=1, nullable=True
    )
    always_valid_high: float = column("Upper end of that interval.", ge=-1, le=1, nullable=True)
    status: str = column("measured, or not_measurable: too few on a side.", isin=[MEASURED, NOT_MEASURABLE])


def treatment_effects(
    intervention_ledger: ir.Table,
    playbooks: ir.Table,
    state_entries: ir.Table,
    as_of: date,
    policy: Policy,
) -> ir.Table:
    """Compare both kinds of control with the treated, per playbook and segment."""
    ours = intervention_ledger.filter(intervention_ledger.origin == DECISION)
    subjects = _with_recovery(_subjects(ours, as_of, policy), state_entries, policy)
    existing = existing_playbooks(playbooks, as_of).select("playbook_id")
    rows = over_segments(existing, _arms(subjects), policy)
    rows = rows.mutate(comparisons=rows.count().over(ibis.window()))
    rows = rows.select("playbook_id", "segment", "comparisons", side=_sides(rows).unnest()).unpack("side")
    return _compared(rows, policy)


def _subjects(known: ir.Table, as_of: date, policy: Policy) -> ir.Table:
    """Return the first decision of each customer for any playbook, where its effect window is over.

    From the second on the arms differ by more than chance: what was done to the treated has settled their signals, or
    had its playbook held back, and those for whom it failed come to the next one.
    """
    last_day = as_of - timedelta(days=policy.journey.learning.effect_window_days)
    rows = known.filter(known.playbook_id.notnull(), known.generated_at <= last_day)
    in_order = ibis.window(group_by=rows.customer_id, order_by=[rows.generated_at, rows.intervention_id])
    rows = rows.mutate(place=ibis.row_number().over(in_order))
    rows = rows.filter(rows.place == 0)
    # What went stale is left out: the customer may have recovered, and that is the outcome.
    is_left = ~rows.is_executed & rows.approval_status.isin([REJECTED, EXPIRED])
    return rows.select(
        "intervention_id",
        "customer_id",
        "playbook_id",
        "segment",
        "generated_at",
        "is_held_out",
        "is_executed",
        is_left=is_left,
    )


def _with_recovery(subjects: ir.Table, state_entries: ir.Table, policy: Policy) -> ir.Table:
    """Add whether the customer recovered in the window: the days after the day of the decision."""
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
    rows = subjects.left_join(entered, "intervention_id").drop("intervention_id_right")
    return rows.mutate(is_recovered=(rows.has_recovered & ~rows.has_ended).fill_null(False))


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


def _sides(rows: ir.Table) -> ir.ArrayValue:
    return ibis.array(
        [
            ibis.struct(
                {
                    "control": ibis.literal(control),
                    "evidence_grade": ibis.literal(GRADES[control]),
                    "treated_count": rows[f"{treated}_count"].cast("int64"),
                    "treated_recovered": rows[f"{treated}_recovered"].cast("int64"),
                    "control_count": rows[f"{control}_count"].cast("int64"),
                    "control_recovered": rows[f"{control}_recovered"].cast("int64"),
                }
            )
            for treated, control in (("assigned", HELD_OUT), ("treated", UNTREATED))
        ]
    )


def _compared(rows: ir.Table, policy: Policy) -> ir.Table:
    """Add rates, difference and both intervals where there is enough on both sides."""
    rules = policy.journey.learning
    is_measured = ibis.least(rows.treated_count, rows.control_count) >= rules.minimum_per_arm
    # Null counts make every figure null: what is not measurable must not look like a number.
    treated = is_measured.ifelse(rows.treated_count, ibis.null("int64"))
    control = is_measured.ifelse(rows.control_count, ibis.null("int64"))
    rows = rows.mutate(
        treated_rate=rows.treated_recovered / treated,
        control_rate=rows.control_recovered / control,
        standard_error=difference_variance(rows.treated_recovered, treated, rows.control_recovered, control).sqrt(),
        # Two unequal sides know as much of their difference as two equal ones of twice this size.
        observations=1 / (1 / treated + 1 / control),
    )
    difference = rows.treated_rate - rows.control_rate
    fixed = two_sided_quantile(rules.interval_level) * rows.standard_error
    error_rate = rules.promotion_error_rate / rows.comparisons
    always = always_valid_multiplier(rows.observations, error_rate, rules.minimum_per_arm) * rows.standard_error
    return rows.select(
        "playbook_id",
        "segment",
        "control",
        "evidence_grade",
        "treated_count",
        "control_count",
        "comparisons",
        treated_rate=rounded(rows.treated_rate),
        control_rate=rounded(rows.control_rate),
        difference=rounded(difference),
        difference_low=rounded(within(difference - fixed, -1.0, 1.0)),
        difference_high=rounded(within(difference + fixed, -1.0, 1.0)),
        always_valid_low=rounded(within(difference - always, -1.0, 1.0)),
        always_valid_high=rounded(within(difference + always, -1.0, 1.0)),
        status=rows.standard_error.notnull().ifelse(MEASURED, NOT_MEASURABLE),
    )
