"""Care: what the log shows of a group of customers over some days.

Not a table but the steps behind `baseline_comparisons`. Four groups, each with its days up to the as-of date D:

- `everybody`: all customers, in the policy's measurement days that end with D;
- `before`: all customers, in the policy's baseline period, if it was over when the measurement days began;
- `held_out` and `not_held_out`: customers whom we decided about, by the arm of the first decision, from the day after
  it, within the measurement days. What people then approved or refused does not matter: that is no chance.

A customer is in care until entering a terminal stage. A case is an entry into one of the policy's reactive stages from
outside them; it lasts as long as the customer stays in these. An issue is a case whose `issue_days` are over by the end
of the days; it is unresolved if by then no stage of recovery was entered, or another case was opened.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir

from cjo_assets.families.journey.forecast._spells import spells
from cjo_assets.families.journey.interventions._ledger import DECISION
from cjo_assets.families.journey.interventions._outcomes import HELD_OUT
from cjo_assets.policy import Policy

EVERYBODY, BEFORE, NOT_HELD_OUT = "everybody", "before", "not_held_out"


@dataclass(frozen=True)
class Days:
    """A stretch of days, both ends included."""

    start: date
    end: date


def measured_days(as_of: date, policy: Policy) -> Days:
    """Return the days that are held against a baseline."""
    return Days(as_of - timedelta(days=policy.journey.kpis.measurement_days - 1), as_of)


def days_before(as_of: date, policy: Policy) -> Days | None:
    """Return the policy's baseline period, or None where there is none or it is not over yet."""
    period = policy.journey.kpis.baseline_period
    if period.start is None or period.end is None or period.end >= measured_days(as_of, policy).start:
        return None
    return Days(period.start, period.end)


def care_of_customers(
    customers: ir.Table, state_entries: ir.Table, intervention_ledger: ir.Table, as_of: date, policy: Policy
) -> ir.Table:
    """Return what happened to each customer in each group: one row for each of the two."""
    before = days_before(as_of, policy)
    first_day = min(days.start for days in (measured_days(as_of, policy), before) if days)
    stays = _stays(spells(customers, state_entries, as_of, policy), first_day, policy)
    stays = _in_groups(stays, intervention_ledger, as_of, policy)
    last = ibis.literal(as_of, "date")
    window_start = ibis.literal(as_of - timedelta(days=policy.journey.roi.window_days - 1), "date")
    # A stay ends on the day before the next one begins, or goes on.
    until = ibis.least(ibis.coalesce(stays.left_at, last + ibis.interval(days=1)), stays.end + ibis.interval(days=1))
    begins = ibis.greatest(stays.entered_at, stays.start)
    stays = stays.mutate(
        stayed=ibis.greatest(until.delta(begins, unit="day"), 0),
        stayed_in_window=ibis.greatest(until.delta(ibis.greatest(begins, window_start), unit="day"), 0),
        is_entered=stays.entered_at.between(stays.start, stays.end),
    )
    issue_days = ibis.interval(days=policy.journey.kpis.issue_days)
    is_opened = stays.is_case & stays.is_entered
    is_issue = is_opened & (stays.entered_at + issue_days <= stays.end)
    grouped = stays.group_by("group", "customer_id")
    return grouped.agg(
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


def _stays(rows: ir.Table, first_day: date, policy: Policy) -> ir.Table:
    """Say of each spell that reaches the days what it is: in care, in support, in escalation, and whether a case."""
    kpis, forecast = policy.journey.kpis, policy.journey.forecast
    terminal, escalation = policy.vocabulary.terminal_stages, forecast.escalation_stages
    rows = rows.filter((rows.left_at >= ibis.literal(first_day, "date")).fill_null(True))

    def enters(stages: tuple[str, ...]) -> ir.BooleanValue:
        return rows.journey_stage.isin(stages) & ~rows.previous_stage.isin(stages).fill_null(False)

    rows = rows.select(
        "customer_id",
        "entered_at",
        "left_at",
        "entry_number",
        is_cared=rows.journey_stage.notin(terminal),
        is_departure=enters(terminal),
        is_escalation=enters(escalation),
        is_in_escalation=rows.journey_stage.isin(escalation),
        is_in_support=rows.journey_stage.isin([name for name in kpis.reactive_stages if name not in escalation]),
        is_case=enters(kpis.reactive_stages),
        is_recovery=rows.journey_stage.isin(forecast.recovery_stages),
    )
    # Only few entries open a case, and only few come in the days after one.
    cases = rows.filter(rows.is_case).select("customer_id", "entered_at", "entry_number")
    telling = rows.filter(rows.is_case | rows.is_recovery)
    telling = telling.select("customer_id", "is_case", "is_recovery", next_at="entered_at", next_number="entry_number")
    pairs = cases.join(telling, "customer_id")
    due = pairs.entered_at + ibis.interval(days=kpis.issue_days)
    pairs = pairs.filter(pairs.next_number > pairs.entry_number, pairs.next_at <= due)
    key = ["customer_id", "entry_number"]
    ends = pairs.group_by(key).agg(is_recovered=pairs.is_recovery.any(), is_back=pairs.is_case.any())
    resolved = ends.filter(ends.is_recovered, ~ends.is_back).select(*key, is_resolved=ibis.literal(True))
    rows = rows.left_join(resolved, key)
    return rows.select(
        "customer_id",
        "entered_at",
        "left_at",
        "is_cared",
        "is_departure",
        "is_escalation",
        "is_in_escalation",
        "is_in_support",
        "is_case",
        is_resolved=rows.is_resolved.fill_null(False),
    )


def _in_groups(stays: ir.Table, intervention_ledger: ir.Table, as_of: date, policy: Policy) -> ir.Table:
    """Give each stay its groups and their days: once for each group that the customer is in."""
    measured, before = measured_days(as_of, policy), days_before(as_of, policy)
    groups = {EVERYBODY: measured} | ({BEFORE: before} if before else {})
    parts = [
        stays.mutate(
            group=ibis.literal(name), start=ibis.literal(days.start, "date"), end=ibis.literal(days.end, "date")
        )
        for name, days in groups.items()
    ]
    ours = intervention_ledger.filter(intervention_ledger.origin == DECISION, intervention_ledger.playbook_id.notnull())
    first = ours.group_by("customer_id").agg(
        decided_at=ours.generated_at.min(), is_held_out=ours.is_held_out.argmin(ours.generated_at)
    )
    decided = stays.join(first, "customer_id")
    decided = decided.mutate(
        group=decided.is_held_out.ifelse(HELD_OUT, NOT_HELD_OUT),
        start=ibis.greatest(decided.decided_at + ibis.interval(days=1), ibis.literal(measured.start, "date")),
        end=ibis.literal(measured.end, "date"),
    )
    rows = ibis.union(*parts, decided.select(parts[0].columns))
    return rows.filter(rows.entered_at <= rows.end, (rows.left_at >= rows.start).fill_null(True))
