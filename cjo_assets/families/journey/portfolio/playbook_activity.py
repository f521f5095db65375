"""What was done with playbooks, week by week.

One row per as-of date, playbook, segment and ISO week in which interventions were decided. Every figure is about the
interventions of that row, whenever they were approved, carried out or measured since: what succeeded was measured, what
was measured was executed, and the rows add up to the ledger. Interventions that no playbook names (watching, calling a
person, old actions) stand in rows without a playbook.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.numbers import money_sum
from cjo_assets.families.journey.inputs.interventions import MONITOR_ONLY
from cjo_assets.families.journey.interventions._ledger import APPROVED
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
    watched: int = column("Of these, nothing to do but watch [interventions].", ge=0)
    asked: int = column("Of these, needing a person [interventions].", ge=0)
    approved: int = column("Of the asked, approved [interventions].", ge=0)
    executed: int = column("Of the generated, approved or needing nobody, with something to do [interventions].", ge=0)
    measured: int = column("Of the executed, with an outcome [interventions].", ge=0)
    succeeded: int = column("Of the measured, those that succeeded [interventions, up = better].", ge=0)
    cost: float = column("Expected cost of the executed [currency].", ge=0)
    executed_without_cost: int = column("Of the executed, those whose cost nobody knows [interventions].", ge=0)
    outside_eligibility: int = column(
        "Of the generated, for a segment or stage the playbook is not eligible for [interventions, down = better].",
        ge=0,
    )


def playbook_activity(outcome_analyses: ir.Table, playbooks: ir.Table, as_of: date, policy: Policy) -> ir.Table:
    """Count the interventions of the ledger by playbook, segment and week of the decision."""
    misused = uses_outside_eligibility(outcome_analyses, existing_playbooks(playbooks, as_of))
    misused = misused.select("intervention_id", is_outside=ibis.literal(True))
    rows = outcome_analyses.left_join(misused, "intervention_id").drop("intervention_id_right")
    monday = rows.generated_at.truncate("W")
    thursday = monday + ibis.interval(days=TO_THURSDAY)
    week = thursday.year().cast("string") + "-W" + thursday.week_of_year().cast("string").lpad(2, "0")
    rows = rows.mutate(week=week, week_start=monday)
    counted = {
        "held_out": rows.is_held_out,
        "watched": rows.recommended_action == MONITOR_ONLY,
        "asked": rows.requires_human_approval,
        "approved": rows.approval_status == APPROVED,
        "executed": rows.is_executed,
        "measured": is_measured(rows),
        "succeeded": is_success(rows, policy),
        "executed_without_cost": rows.is_executed & rows.expected_cost.isnull(),
        "outside_eligibility": rows.is_outside,
    }
    return rows.group_by("playbook_id", "segment", "week", "week_start").agg(
        generated=rows.count(),
        cost=money_sum(rows.expected_cost, where=rows.is_executed).fill_null(0.0),
        **{name: rows.count(where=condition.fill_null(False)) for name, condition in counted.items()},
    )


@check(blocking=True)
def weeks_that_do_not_sum(playbook_activity: ir.Table, outcome_analyses: ir.Table) -> ir.Table:
    """Find sums over all weeks that are not those of the ledger, and rows whose parts exceed their whole."""
    rows, ledger = playbook_activity, outcome_analyses
    sums = rows.agg(generated=rows.generated.sum().fill_null(0), executed=rows.executed.sum().fill_null(0))
    whole = ledger.agg(interventions=ledger.count(), done=ledger.is_executed.cast("int64").sum().fill_null(0))
    apart = sums.cross_join(whole)
    apart = apart.filter((apart.generated != apart.interventions) | (apart.executed != apart.done))
    nested = rows.filter(
        (rows.succeeded > rows.measured)
        | (rows.measured > rows.executed)
        | (rows.executed > rows.generated)
        | (rows.approved > rows.asked)
    )
    return ibis.union(
        apart.select(week=ibis.literal("all"), generated=apart.generated.cast("int64")),
        nested.select("week", "generated"),
    )
