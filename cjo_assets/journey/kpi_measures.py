"""What the KPIs rest on: for each KPI the numerator and denominator that the data of a day give.

Not a table but the steps behind `kpis`: counting here, judging there. What the data cannot answer is left out, or has
no record behind it. Held-out decisions are on record and not carried out: no KPI of what we do counts them.
"""

from dataclasses import dataclass
from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.journey.baseline_comparisons import preferred
from cjo_assets.journey.baseline_metrics import (
    CHURN_RATE,
    DAYS_PER_CASE,
    ESCALATION_DAYS,
    ESCALATION_RATE,
    UNRESOLVED_SHARE,
    VALUE_CHURN_RATE,
)
from cjo_assets.journey.experience import is_measured, is_success
from cjo_assets.journey.interventions import MONITOR_ONLY
from cjo_assets.journey.ledger import end_of_day
from cjo_assets.journey.roi_components import RETAINED_REVENUE
from cjo_assets.policy import Policy
from cjo_assets.shared.literal_rows import literal_rows
from cjo_assets.shared.statistics import MEASURED

PROXY = "proxy"
# A share is of single records that say yes or no, a mean is of numbers.
SHARE, MEAN = "share", "mean"
# KPI, metric of `baseline_comparisons`, basis, what it is a measure of.
REDUCTIONS = (
    (
        "unresolved_issues_reduction",
        UNRESOLVED_SHARE,
        MEASURED,
        "Share of issues not settled in time, or back again, against the baseline.",
    ),
    ("escalation_reduction", ESCALATION_RATE, MEASURED, "Escalations per customer and month against the baseline."),
    ("churn_rate_reduction", CHURN_RATE, MEASURED, "Departures per customer and month against the baseline."),
    (
        "cost_per_support_case_reduction",
        DAYS_PER_CASE,
        PROXY,
        "Proxy for the cost of a case: its days in support, against the baseline.",
    ),
    (
        "escalation_cost_reduction",
        ESCALATION_DAYS,
        PROXY,
        "Proxy for the cost of escalations: days in them per customer and month, against the baseline.",
    ),
    (
        "lifetime_value_delta",
        VALUE_CHURN_RATE,
        PROXY,
        "Proxy for lifetime value: 1 / share of account value lost per month, against the baseline.",
    ),
)
LIFETIME_VALUE_DELTA = "lifetime_value_delta"


@dataclass(frozen=True)
class Measure:
    """A KPI that the data answer: numerator over denominator, or the numerator alone for a sum."""

    numerator: ir.NumericValue
    denominator: ir.NumericValue | None
    n: ir.NumericValue
    note: str | ir.StringValue
    basis: str | ir.StringValue = MEASURED
    kind: str | None = None
    squares: ir.NumericValue | None = None


def direct_measures(facts: ir.Table) -> ir.Table:
    """Return the KPIs that need no baseline, one row each.

    Args:
        facts: one row of sums and counts.
    """
    none = ibis.null("float64")
    parts = [
        ibis.struct(
            {
                "kpi": ibis.literal(name),
                "numerator": measure.numerator.cast("float64"),
                "denominator": none if measure.denominator is None else measure.denominator.cast("float64"),
                "n": measure.n.cast("int64"),
                "squares": none if measure.squares is None else measure.squares.cast("float64"),
                "kind": ibis.null("string") if measure.kind is None else ibis.literal(measure.kind),
                "basis": _text(measure.basis),
                "note": _text(measure.note),
            }
        )
        for name, measure in _measures(facts).items()
    ]
    return facts.select(part=ibis.array(parts).unnest()).unpack("part")


def reductions(baseline_comparisons: ir.Table) -> ir.Table:
    """Return the KPIs that are a change against a baseline, by the first baseline that can be compared with.

    A worsening is negative. The lifetime of a customer is taken to be the reciprocal of the churn rate.
    """
    rows = preferred(baseline_comparisons)
    named = [{"metric": metric, "kpi": kpi, "basis": basis, "note": note} for kpi, metric, basis, note in REDUCTIONS]
    names = literal_rows(named, dict.fromkeys(("metric", "kpi", "basis", "note"), "string"))
    rows = rows.drop("note").join(names, "metric")
    is_lifetime = rows.kpi == LIFETIME_VALUE_DELTA
    low, high = 1 - rows.ratio_high, 1 - rows.ratio_low
    # Without anybody leaving a lifetime has no end.
    rows = rows.filter(~is_lifetime | (rows.value > 0))
    return rows.select(
        "kpi",
        "basis",
        "note",
        "baseline",
        numerator=rows.baseline_value - rows.value,
        denominator=is_lifetime.ifelse(rows.value, rows.baseline_value),
        n=rows.customers + rows.baseline_customers,
        interval_low=is_lifetime.ifelse(1 / rows.ratio_high - 1, low),
        interval_high=is_lifetime.ifelse(1 / rows.ratio_low.nullif(0.0) - 1, high),
    )


def ledger_facts(ledger: ir.Table, policy: Policy) -> ir.Table:
    """Return one row of sums and counts over the ledger of the day."""
    ours = ledger.filter(~ledger.is_held_out)
    done = ours.is_executed & ours.outcome.notnull()
    acts = ours.recommended_action != MONITOR_ONLY
    reactive = ours.journey_stage.isin(policy.journey.kpis.reactive_stages)
    latency, days = ours.evaluation_latency_ms, ours.resolution_time_days
    return ours.agg(
        decisions=ours.count(),
        asked=ours.count(where=ours.requires_human_approval),
        latency_sum=latency.sum(),
        latency_count=latency.count(),
        latency_squares=(latency * latency).sum(),
        overrides=ours.count(where=ours.human_override),
        override_answers=ours.human_override.count(),
        measured=ours.count(where=done),
        needed=ours.count(where=done & (ours.outcome != "no_action_needed")),
        resolution_sum=days.sum(where=done),
        resolution_count=days.count(where=done),
        resolution_squares=(days * days).sum(where=done),
        acting=ours.count(where=acts),
        proactive=ours.count(where=acts & ~reactive),
        csat_sum=ours.csat_delta.sum(where=done),
        csat_count=ours.csat_delta.count(where=done),
        csat_squares=(ours.csat_delta * ours.csat_delta).sum(where=done),
        nps_sum=ours.nps_delta.sum(where=done),
        nps_count=ours.nps_delta.count(where=done),
        nps_squares=(ours.nps_delta * ours.nps_delta).sum(where=done),
    )


def channel_facts(ledger: ir.Table, policy: Policy) -> ir.Table:
    """Return the lowest and the highest success rate among the channels with established experience."""
    runs = ledger.filter(is_measured(ledger), ledger.channel.notnull())
    channels = runs.group_by("channel").agg(runs=runs.count(), successes=runs.count(where=is_success(runs, policy)))
    channels = channels.filter(channels.runs >= policy.journey.learning.established_runs)
    rates = channels.mutate(rate=channels.successes / channels.runs)
    return rates.agg(
        channels=rates.count(),
        channel_runs=rates.runs.sum(),
        lowest_rate=rates.rate.min(),
        highest_rate=rates.rate.max(),
    )


def label_facts(signal_labels: ir.Table, signals: ir.Table, as_of: date, policy: Policy) -> ir.Table:
    """Count what people found out about alarms, and about problems that raised none."""
    labels = signal_labels.filter(signal_labels.labelled_at <= as_of)
    alarms = signals.filter(signals.signal_type.isin(sorted(policy.journey.signals.signal_aggregation_weights)))
    is_alarm = labels.signal_id.isin(alarms.signal_id)
    labels = labels.mutate(is_alarm=labels.signal_id.notnull() & is_alarm)
    problem = labels.is_problem
    return labels.agg(
        labelled_alarms=labels.count(where=labels.is_alarm),
        right_alarms=labels.count(where=labels.is_alarm & problem),
        problems=labels.count(where=problem),
    )


def trouble_facts(state_entries: ir.Table, signals: ir.Table, as_of: date, policy: Policy) -> ir.Table:
    """Count escalations and departures of the log, and those that a negative signal came before."""
    rules = policy.journey
    stages = [*rules.forecast.escalation_stages, *policy.vocabulary.terminal_stages]
    known = state_entries.filter(state_entries.state_entered_at <= as_of, state_entries.journey_stage.isin(stages))
    troubles = known.select("customer_id", "journey_stage", "state_entered_at")
    alarms = signals.filter(signals.signal_type.isin(sorted(rules.signals.signal_aggregation_weights)))
    alarms = alarms.select("customer_id", "detected_at")
    look_back = ibis.interval(days=rules.signals.look_back_days)
    foretold = troubles.semi_join(
        alarms,
        [
            "customer_id",
            alarms.detected_at <= troubles.state_entered_at,
            alarms.detected_at >= troubles.state_entered_at - look_back,
        ],
    )
    return troubles.agg(troubles=troubles.count()).cross_join(foretold.agg(foretold=foretold.count()))


def confirmation_facts(state_entries: ir.Table, as_of: date) -> ir.Table:
    """Count the entries whose stage somebody confirmed, and those that were right."""
    known = state_entries.filter(state_entries.state_entered_at <= as_of)
    return known.agg(
        confirmations=known.confirmed_stage.count(),
        confirmed=known.count(where=known.confirmed_stage == known.journey_stage),
    )


def revenue_facts(roi_breakdown: ir.Table) -> ir.Table:
    """Sum up the retained revenue of the ROI: there is one such figure."""
    rows = roi_breakdown.filter(roi_breakdown.component == RETAINED_REVENUE)
    return rows.agg(revenue=rows.amount.sum(), revenue_runs=rows.records.sum().fill_null(0))


def completeness_facts(accepted: list[ir.Table], rejected: list[ir.Table]) -> ir.Table:
    """Count the rows of all datasets that passed their contract, and those that did not."""
    return _count_of(accepted, "accepted").cross_join(_count_of(rejected, "rejected"))


def known_records(
    as_of: date,
    customers: ir.Table,
    playbooks: ir.Table,
    state_entries: ir.Table,
    signals: ir.Table,
    interventions: ir.Table,
    outcomes: ir.Table,
    approval_decisions: ir.Table,
) -> list[ir.Table]:
    """Return the accepted rows of each dataset that were known on a day."""
    return [
        customers,
        playbooks.filter(playbooks.created_at <= as_of),
        state_entries.filter(state_entries.state_entered_at <= as_of),
        signals.filter(signals.detected_at <= as_of),
        interventions.filter(interventions.generated_at <= as_of),
        outcomes.filter(outcomes.measured_at <= as_of),
        approval_decisions.filter(approval_decisions.decided_at <= end_of_day(as_of)),
    ]


def _measures(facts: ir.Table) -> dict[str, Measure]:
    every = facts.accepted + facts.rejected
    is_labelled, knows_problems = facts.labelled_alarms > 0, facts.problems > 0
    channels = (facts.channels > 1).ifelse(facts.channel_runs, 0)

    def where_labelled(labelled: ir.BooleanValue, one: ir.Value, other: ir.Value) -> ir.Value:
        return labelled.ifelse(one, other)

    return {
        "journey_state_classification_accuracy": Measure(
            facts.confirmed,
            facts.confirmations,
            facts.confirmations,
            "Entries whose stage somebody confirmed, and confirmed as it was.",
            kind=SHARE,
        ),
        "signal_detection_precision": Measure(
            where_labelled(is_labelled, facts.right_alarms, facts.needed),
            where_labelled(is_labelled, facts.labelled_alarms, facts.measured),
            where_labelled(is_labelled, facts.labelled_alarms, facts.measured),
            is_labelled.ifelse(
                "Negative signals that people looked into, and where there was a problem.",
                "Proxy for labels: executed interventions whose outcome was not no_action_needed.",
            ),
            is_labelled.ifelse(MEASURED, PROXY),
            kind=SHARE,
        ),
        "signal_detection_recall": Measure(
            where_labelled(knows_problems, facts.right_alarms, facts.foretold),
            where_labelled(knows_problems, facts.problems, facts.troubles),
            where_labelled(knows_problems, facts.problems, facts.troubles),
            knows_problems.ifelse(
                "Problems that people found, and that a negative signal had told of.",
                "Proxy for labels: escalations and departures with a negative signal in the look-back before.",
            ),
            knows_problems.ifelse(MEASURED, PROXY),
            kind=SHARE,
        ),
        "average_latency_ms": Measure(
            facts.latency_sum,
            facts.latency_count,
            facts.latency_count,
            "Interventions with a recorded latency.",
            kind=MEAN,
            squares=facts.latency_squares,
        ),
        "human_escalation_frequency": Measure(
            facts.asked,
            facts.decisions,
            facts.decisions,
            "Interventions of the ledger that needed a person.",
            kind=SHARE,
        ),
        "human_override_rate": Measure(
            facts.overrides,
            facts.override_answers,
            facts.override_answers,
            "Outcomes that say whether it was overridden.",
            kind=SHARE,
        ),
        "data_completeness_rate": Measure(
            facts.accepted,
            every,
            every,
            "Rows of all datasets, dated by the as-of date, that passed their contract.",
            kind=SHARE,
        ),
        "average_resolution_time_days": Measure(
            facts.resolution_sum,
            facts.resolution_count,
            facts.resolution_count,
            "Executed interventions that were resolved.",
            kind=MEAN,
            squares=facts.resolution_squares,
        ),
        "proactive_interventions_ratio": Measure(
            facts.proactive,
            facts.acting,
            facts.acting,
            "Interventions, watching excluded, made before support was needed.",
            kind=SHARE,
        ),
        "experience_consistency_score": Measure(
            facts.lowest_rate,
            facts.highest_rate,
            channels,
            "Lowest over highest success rate of the channels with established experience.",
        ),
        "csat_delta_average": Measure(
            facts.csat_sum,
            facts.csat_count,
            facts.csat_count,
            "Executed interventions with a measured satisfaction.",
            kind=MEAN,
            squares=facts.csat_squares,
        ),
        "nps_delta_average": Measure(
            facts.nps_sum,
            facts.nps_count,
            facts.nps_count,
            "Executed interventions with a measured NPS.",
            kind=MEAN,
            squares=facts.nps_squares,
        ),
        "retention_revenue_preserved": Measure(
            facts.revenue,
            None,
            facts.revenue_runs,
            "retained_revenue of the ROI window, of all evidence grades.",
        ),
    }


def _text(value: str | ir.StringValue) -> ir.StringValue:
    return ibis.literal(value) if isinstance(value, str) else value


def _count_of(tables: list[ir.Table], name: str) -> ir.Table:
    counts = ibis.union(*(rows.agg(rows=rows.count()) for rows in tables))
    return counts.agg(**{name: counts.rows.sum()})
