"""Use of playbooks by week.

One row per as-of date, playbook, segment and ISO week in which interventions were decided. Every figure is about the
interventions of that row, whenever they were approved, executed or measured since: succeeded <= measured <= executed,
and the rows add up to the ledger. Interventions without a playbook (monitoring, escalations, old actions) have rows
without one.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.approval_status import APPROVED
from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.numbers import money_sum
from cjo_assets.core.expressions.sentences import sentence
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.families.journey.inputs.interventions import MONITOR_ONLY
from cjo_assets.families.journey.interventions._outcomes import is_measured, is_success
from cjo_assets.families.journey.learning._experience import existing_playbooks
from cjo_assets.families.journey.outcome.outcome_analyses import uses_outside_eligibility
from cjo_assets.policy import Policy

# An ISO week belongs to the year of its Thursday.
TO_THURSDAY = 3


class PlaybookActivity(DatedContract):
    """Activity by week. One row per as-of date, playbook, segment and ISO week of the decision."""

    playbook_id: str = key("Playbook; null for interventions that none names.", nullable=True)
    segment: str = key("Market segment.", words="segments")
    week: str = key("ISO week of the decision, as 2025-W03.")
    week_start: date = column("Monday of that week.")
    generated: int = column("Interventions decided [interventions].", ge=1)
    held_out: int = column("Of these, recorded and on purpose not carried out [interventions].", ge=0)
    watched: int = column("Of these, with the action monitor_only [interventions].", ge=0)
    asked: int = column("Of these, needing a person [interventions].", ge=0)
    approved: int = column("Of those needing a person, approved [interventions].", ge=0)
    executed: int = column("Of the generated, approved or needing no approval, with an action [interventions].", ge=0)
    measured: int = column("Of the executed, with an outcome [interventions].", ge=0)
    succeeded: int = column("Of the measured, those that succeeded [interventions, up = better].", ge=0)
    cost: float = column("Expected cost of the executed [currency].", ge=0)
    executed_without_cost: int = column("Of the executed, those without a known cost [interventions].", ge=0)
    outside_eligibility: int = column(
        "Of the generated, for a segment or stage the playbook is not eligible for [interventions, down = better].",
        ge=0,
    )


def playbook_activity(
    outcome_analyses: ir.Table, playbooks: ir.Table, as_of: ir.DateScalar, policy: Policy
) -> ir.Table:
    """Count the interventions of the ledger by playbook, segment and week of the decision."""
    misused = uses_outside_eligibility(outcome_analyses, existing_playbooks(playbooks, as_of))
    known = lookup(outcome_analyses, misused.mutate(is_outside=True), "intervention_id", "is_outside")
    monday = known.generated_at.truncate("W")
    thursday = monday + ibis.interval(days=TO_THURSDAY)
    week = sentence("{}-W{}", thursday.year(), thursday.week_of_year().cast("string").lpad(2, "0"))
    known = known.mutate(week=week, week_start=monday)
    conditions = {
        "held_out": known.is_held_out,
        "watched": known.recommended_action == MONITOR_ONLY,
        "asked": known.requires_human_approval,
        "approved": known.approval_status == APPROVED,
        "executed": known.is_executed,
        "measured": is_measured(known),
        "succeeded": is_success(known, policy),
        "executed_without_cost": known.is_executed & known.expected_cost.isnull(),
        "outside_eligibility": known.is_outside,
    }
    return known.group_by("playbook_id", "segment", "week", "week_start").agg(
        generated=known.count(),
        cost=money_sum(known.expected_cost, where=known.is_executed).fill_null(0.0),
        **{name: known.count(where=condition.fill_null(False)) for name, condition in conditions.items()},
    )


@check(blocking=True)
def weeks_that_do_not_sum(playbook_activity: ir.Table, outcome_analyses: ir.Table) -> ir.Table:
    """Return sums over all weeks that are not those of the ledger, and rows whose parts exceed their whole."""
    weeks, ledger = playbook_activity, outcome_analyses
    sums = weeks.agg(generated=weeks.generated.sum().fill_null(0), executed=weeks.executed.sum().fill_null(0))
    whole = ledger.agg(interventions=ledger.count(), done=ledger.is_executed.cast("int64").sum().fill_null(0))
    totals = sums.cross_join(whole)
    not_the_sum = totals.filter((totals.generated != totals.interventions) | (totals.executed != totals.done))
    not_nested = weeks.filter(
        (weeks.succeeded > weeks.measured)
        | (weeks.measured > weeks.executed)
        | (weeks.executed > weeks.generated)
        | (weeks.approved > weeks.asked)
    )
    return ibis.union(
        not_the_sum.select(week=ibis.literal("all"), generated=not_the_sum.generated.cast("int64")),
        not_nested.select("week", "generated"),
    )
