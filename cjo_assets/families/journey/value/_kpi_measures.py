"""What the KPIs rest on: for each KPI the numerator and denominator that the data of a day give.

Not a table but a step behind `kpis`: `kpi_facts` counts, this says which counts make a KPI, `kpis` judges. What the
data cannot answer is left out, or has no record behind it.
"""

import ibis.expr.types as ir

from cjo_assets.core.expressions.evidence_grades import ASSUMPTION
from cjo_assets.core.expressions.intervals import MEASURED
from cjo_assets.core.expressions.kpi import MEAN, PROXY, SHARE, Measure, measures_as_rows
from cjo_assets.core.expressions.rows import literal_rows
from cjo_assets.families.journey.inputs.baseline_metrics import (
    CHURN_RATE,
    DAYS_PER_CASE,
    ESCALATION_DAYS,
    ESCALATION_RATE,
    UNRESOLVED_SHARE,
    VALUE_CHURN_RATE,
)
from cjo_assets.families.journey.value.baseline_comparisons import preferred

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


def direct_measures(facts: ir.Table) -> ir.Table:
    """Return the KPIs that need no baseline, one row each.

    Args:
        facts: one row of sums and counts.
    """
    return measures_as_rows(facts, _measures(facts))


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


def _share_of_labels(
    is_labelled: ir.BooleanValue,
    labelled: tuple[ir.NumericValue, ir.NumericValue],
    note: str,
    proxy: tuple[ir.NumericValue, ir.NumericValue],
    note_of_proxy: str,
) -> Measure:
    """Return a share of what people labelled, some of all; of its proxy where they labelled nothing."""
    some, every = (is_labelled.ifelse(one, other) for one, other in zip(labelled, proxy, strict=True))
    return Measure(
        some, every, every, is_labelled.ifelse(note, note_of_proxy), is_labelled.ifelse(MEASURED, PROXY), kind=SHARE
    )


def _measures(facts: ir.Table) -> dict[str, Measure]:
    every = facts.accepted + facts.rejected
    # Who labels alarms alone knows no problem without one: all of them would have been foretold.
    is_labelled, knows_problems = facts.labelled_alarms > 0, facts.missed_problems > 0
    channels = (facts.channels > 1).ifelse(facts.channel_runs, 0)
    is_assumed = facts.assumed_runs > 0

    return {
        "journey_state_classification_accuracy": Measure(
            facts.confirmed,
            facts.confirmations,
            facts.confirmations,
            "Entries whose stage somebody confirmed, and confirmed as it was.",
            kind=SHARE,
        ),
        "signal_detection_precision": _share_of_labels(
            is_labelled,
            (facts.right_alarms, facts.labelled_alarms),
            "Negative signals that people looked into, and where there was a problem.",
            (facts.needed, facts.measured),
            "Proxy for labels: executed interventions whose outcome was not no_action_needed.",
        ),
        "signal_detection_recall": _share_of_labels(
            knows_problems,
            (facts.right_alarms, facts.problems),
            "Problems that people found, and that a negative signal had told of.",
            (facts.foretold, facts.troubles),
            "Proxy for labels: escalations and departures with a negative signal in the look-back before.",
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
        ),
        "human_override_rate": Measure(
            facts.overrides,
            facts.override_answers,
            facts.override_answers,
            "Outcomes of executed interventions that say whether a person overrode them.",
            kind=SHARE,
        ),
        "data_completeness_rate": Measure(
            facts.accepted,
            every,
            every,
            "Rows of all datasets, dated by the as-of date, that passed their contract.",
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
            facts.acted,
            facts.acted,
            "Executed interventions made before support was needed.",
        ),
        "experience_consistency_score": Measure(
            facts.lowest_rate,
            facts.highest_rate,
            channels,
            "Lowest over highest success rate of the channels with established experience, less what chance explains.",
            interval=(facts.ratio_low, facts.ratio_high),
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
            is_assumed.ifelse(
                "retained_revenue of the ROI window; what its source estimated is in it, compared with nothing.",
                "retained_revenue of the ROI window, all of it compared with customers without.",
            ),
            is_assumed.ifelse(ASSUMPTION, MEASURED),
            interval=(facts.revenue_low, facts.revenue_high),
        ),
    }
