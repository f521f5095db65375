"""Departures, escalations and support of groups of customers, from the state log.

Four groups, each with its days up to the as-of date D:

- `everybody`: all customers, in the policy's measurement days that end with D;
- `before`: all customers, in the policy's baseline period, if it was over when the measurement days began;
- `held_out` and `not_held_out`: customers with a decision of ours, by the arm of the first decision, from the day after
  it, within the measurement days, whether approved or not: approvals are not random.

A customer is in care until entering a terminal stage. A case is an entry into one of the policy's reactive stages from
outside them; it lasts as long as the customer stays in these. An issue is a case whose `issue_days` are over by the end
of the days; it is unresolved if by then no stage of recovery was entered, or another case was opened.
"""

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.families.journey.forecast._spells import spells
from cjo_assets.families.journey.interventions._ledger import DECISION
from cjo_assets.families.journey.interventions._outcomes import HELD_OUT
from cjo_assets.policy import Policy

EVERYBODY, BEFORE, NOT_HELD_OUT = "everybody", "before", "not_held_out"


@dataclass(frozen=True)
class Days:
    """A period of days, both ends included."""

    start: ir.DateScalar
    end: ir.DateScalar


def measured_days(as_of: ir.DateScalar, policy: Policy) -> Days:
    """Return the days that are compared with a baseline."""
    return Days(days_after(as_of, 1 - policy.journey.kpis.measurement_days), as_of)


def days_before(as_of: ir.DateScalar, policy: Policy) -> Days:
    """Return the policy's baseline period; its days are null where there is none or it is not over yet."""
    period = policy.journey.kpis.baseline_period
    start, end = ibis.literal(period.start, "date"), ibis.literal(period.end, "date")
    is_over = end < measured_days(as_of, policy).start
    return Days(is_over.ifelse(start, None), is_over.ifelse(end, None))


def care_of_customers(
    customers: ir.Table, state_entries: ir.Table, intervention_ledger: ir.Table, as_of: ir.DateScalar, policy: Policy
) -> ir.Table:
    """Return counts and days of each customer in each group, one row per group and customer."""
    # A baseline period is over before the measured days begin.
    first_day = ibis.coalesce(days_before(as_of, policy).start, measured_days(as_of, policy).start)
    stays = _stays(spells(customers, state_entries, as_of, policy), first_day, policy)
    window_start = days_after(as_of, 1 - policy.journey.roi.window_days)
    stays = _with_length(_in_groups(stays, intervention_ledger, as_of, policy), window_start, as_of)
    issue_days = ibis.interval(days=policy.journey.kpis.issue_days)
    is_opened = stays.is_case & stays.is_entered
    is_issue = is_opened & (stays.entered_at + issue_days <= stays.end)
    return stays.group_by("group", "customer_id").agg(
        days=stays.stayed.sum(where=stays.is_cared).fill_null(0),
        departures=stays.count(where=stays.is_departure & stays.is_entered),
        escalations=stays.count(where=stays.is_escalation & stays.is_entered),
        escalation_days=stays.stayed.sum(where=stays.is_in_escalation).fill_null(0),
        support_days=stays.stayed.sum(where=stays.is_in_support).fill_null(0),
        cases=stays.count(where=is_opened),
        issues=stays.count(where=is_issue),
        unresolved=stays.count(where=is_issue & ~stays.is_resolved),
        window_days=stays.stayed_in_window.sum(where=stays.is_cared).fill_null(0),
        window_cases=stays.count(where=is_opened & (stays.entered_at >= window_start)),
    )


def _with_length(stays: ir.Table, window_start: ir.DateScalar, as_of: ir.DateScalar) -> ir.Table:
    """Add the days of each stay within its group's days and within the ROI window, and whether it began in them."""
    one_day = ibis.interval(days=1)
    # A stay ends on the day before the next one begins, or continues.
    left_at = ibis.coalesce(stays.left_at, as_of + one_day)
    until = ibis.least(left_at, stays.end + one_day)
    begins = ibis.greatest(stays.entered_at, stays.start)
    return stays.mutate(
        stayed=ibis.greatest(until.delta(begins, unit="day"), 0),
        stayed_in_window=ibis.greatest(until.delta(ibis.greatest(begins, window_start), unit="day"), 0),
        is_entered=stays.entered_at.between(stays.start, stays.end),
    )


def _stays(spells: ir.Table, first_day: ir.DateScalar, policy: Policy) -> ir.Table:
    """Return the spells that end on the first day or later, with their kind and whether their case was resolved."""
    kpis, forecast = policy.journey.kpis, policy.journey.forecast
    terminal, escalation = policy.vocabulary.terminal_stages, forecast.escalation_stages
    spells = spells.filter((spells.left_at >= first_day).fill_null(True))

    def enters(stages: tuple[str, ...]) -> ir.BooleanValue:
        return spells.journey_stage.isin(stages) & ~spells.previous_stage.isin(stages).fill_null(False)

    stays = spells.select(
        "customer_id",
        "entered_at",
        "left_at",
        "entry_number",
        is_cared=spells.journey_stage.notin(terminal),
        is_departure=enters(terminal),
        is_escalation=enters(escalation),
        is_in_escalation=spells.journey_stage.isin(escalation),
        is_in_support=spells.journey_stage.isin([name for name in kpis.reactive_stages if name not in escalation]),
        is_case=enters(kpis.reactive_stages),
        is_recovery=spells.journey_stage.isin(forecast.recovery_stages),
    )
    resolved = _resolved_cases(stays, kpis.issue_days)
    stays = lookup(stays, resolved, ["customer_id", "entry_number"])
    return stays.mutate(is_resolved=stays.is_resolved.fill_null(False)).drop("entry_number", "is_recovery")


def _resolved_cases(stays: ir.Table, issue_days: int) -> ir.Table:
    """Return the cases after which the customer recovered within some days and opened no other case."""
    # Few entries open a case, and few follow one within the days, so the join is small.
    cases = stays.filter(stays.is_case).select("customer_id", "entered_at", "entry_number")
    later = stays.filter(stays.is_case | stays.is_recovery)
    later = later.select("customer_id", "is_case", "is_recovery", later_at="entered_at", later_number="entry_number")
    pairs = cases.join(later, "customer_id")
    due = pairs.entered_at + ibis.interval(days=issue_days)
    pairs = pairs.filter(pairs.later_number > pairs.entry_number, pairs.later_at <= due)
    ends = pairs.group_by("customer_id", "entry_number").agg(
        is_recovered=pairs.is_recovery.any(), is_reopened=pairs.is_case.any()
    )
    resolved = ends.filter(ends.is_recovered, ~ends.is_reopened)
    return resolved.select("customer_id", "entry_number", is_resolved=ibis.literal(True))


def _in_groups(stays: ir.Table, intervention_ledger: ir.Table, as_of: ir.DateScalar, policy: Policy) -> ir.Table:
    """Return each stay once for each group that the customer is in, with the days of the group."""
    measured, before = measured_days(as_of, policy), days_before(as_of, policy)
    parts = [
        stays.mutate(group=ibis.literal(name), start=days.start, end=days.end)
        for name, days in ((EVERYBODY, measured), (BEFORE, before))
    ]
    ours = intervention_ledger.filter(intervention_ledger.origin == DECISION, intervention_ledger.playbook_id.notnull())
    first = ours.group_by("customer_id").agg(
        decided_at=ours.generated_at.min(), is_held_out=ours.is_held_out.argmin(ours.generated_at)
    )
    decided = stays.join(first, "customer_id")
    decided = decided.mutate(
        group=decided.is_held_out.ifelse(HELD_OUT, NOT_HELD_OUT),
        start=ibis.greatest(decided.decided_at + ibis.interval(days=1), measured.start),
        end=measured.end,
    )
    grouped = ibis.union(*parts, decided.select(parts[0].columns))
    return grouped.filter(grouped.entered_at <= grouped.end, (grouped.left_at >= grouped.start).fill_null(True))
