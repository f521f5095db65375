"""What interventions add to the ROI components, one row per intervention, before they are added up.

`_roi_quantities` adds these rows up; `kpi_evidence` stores them.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.contract import ANY_SEGMENT
from cjo_assets.core.expressions.evidence_grades import ASSUMPTION
from cjo_assets.core.expressions.intervals import MEASURED
from cjo_assets.core.expressions.people import person
from cjo_assets.core.expressions.tables import first_per, lookup
from cjo_assets.families.journey.interventions._ledger import end_of_day
from cjo_assets.families.journey.interventions._outcomes import HELD_OUT, is_success
from cjo_assets.families.journey.outcome.outcome_analyses import executed_in_window
from cjo_assets.policy import Policy


def executions(outcome_analyses: ir.Table, as_of: ir.DateScalar, policy: Policy) -> ir.Table:
    """Return the interventions executed in the ROI window with their cost and recorded revenue.

    A failure in the words of the source has retained no revenue.
    """
    executed = executed_in_window(outcome_analyses, as_of, policy.journey.roi.window_days)
    none = ibis.null("float64")
    revenue = executed.playbook_success.fill_null(True).ifelse(executed.estimated_revenue_saved, none)
    return executed.select(
        "intervention_id",
        "playbook_id",
        cost=executed.expected_cost,
        revenue=revenue,
        success_revenue=is_success(executed, policy).ifelse(revenue, none),
    )


def reviewers(
    outcome_analyses: ir.Table, approval_decisions: ir.Table, as_of: ir.DateScalar, policy: Policy
) -> ir.Table:
    """Return the people who answered the approval request of an intervention in the ROI window, each once."""
    end, window_days = end_of_day(as_of), policy.journey.roi.window_days
    answers = approval_decisions.filter(
        approval_decisions.decided_at > end - ibis.interval(days=window_days), approval_decisions.decided_at <= end
    )
    requested = outcome_analyses.filter(outcome_analyses.requires_human_approval)
    answers = answers.semi_join(requested, "intervention_id")
    people = answers.select(
        "intervention_id", person=person(answers.decided_by, policy.vocabulary.null_words)
    ).distinct()
    return people.filter(people.person.notnull())


def runs_of_playbooks(executed: ir.Table, treatment_effects: ir.Table) -> ir.Table:
    """Return the executions of each playbook added up, with the strongest evidence for its effect.

    Args:
        executed: the rows of `executions`.
        treatment_effects: the effects of the day.

    Returns:
        One row per playbook: number of runs, sum and count of recorded revenue, `worth` (mean revenue of a success),
        and evidence grade, difference and its interval, null without a measured effect.
    """
    runs = executed.group_by("playbook_id").agg(
        runs=executed.count(),
        revenue=executed.revenue.sum(),
        valued=executed.revenue.count(),
        worth=executed.success_revenue.mean(),
    )
    effect = ("evidence_grade", "difference", "difference_low", "difference_high")
    return lookup(runs, _best_effects(treatment_effects), "playbook_id", *effect)


def retained_revenue(executed: ir.Table, treatment_effects: ir.Table) -> ir.Table:
    """Return the revenue that each execution retained, and the grade of the evidence for it.

    An execution of a playbook with a measured effect retained the difference in recovery, valued as a success of the
    playbook; null where no success has a known revenue. Any other execution retained its recorded revenue, and is left
    out where none was recorded.
    """
    playbooks = runs_of_playbooks(executed, treatment_effects)
    runs = lookup(executed, playbooks, "playbook_id", "worth", "evidence_grade", "difference")
    is_compared = runs.evidence_grade.notnull()
    retained = is_compared.ifelse(runs.worth * runs["difference"], runs.revenue)
    return runs.filter(is_compared | runs.revenue.notnull()).select(
        "intervention_id", evidence_grade=runs.evidence_grade.fill_null(ASSUMPTION), retained=retained
    )


def _best_effects(treatment_effects: ir.Table) -> ir.Table:
    """Return the measured effect of each playbook over all segments, against held-out customers where there is one."""
    effects = treatment_effects.filter(treatment_effects.segment == ANY_SEGMENT, treatment_effects.status == MEASURED)
    return first_per(effects, "playbook_id", effects.control != HELD_OUT)
