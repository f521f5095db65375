"""Numerator, denominator and note of each KPI.

`_kpi_facts` has the counts, this module defines which of them make a KPI, and `kpis` compares it with its target. A KPI
without data is left out, or has no records.
"""

from dataclasses import replace

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
from cjo_assets.families.journey.value._kpi_facts import (
    CONSISTENCY,
    CSAT,
    ESCALATION_FREQUENCY,
    LATENCY,
    NPS,
    OVERRIDE_RATE,
    PRECISION,
    PROACTIVE_RATIO,
    RESOLUTION_TIME,
    RETENTION_REVENUE,
)
from cjo_assets.families.journey.value.baseline_comparisons import preferred

# KPI, metric of `baseline_comparisons`, basis and note.
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
    """Return the KPIs without a baseline, one row each, from one row of sums and counts."""
    measures = _signal_measures(facts) | _operational_measures(facts) | _outcome_measures(facts)
    return measures_as_rows(facts, measures)


def reductions(baseline_comparisons: ir.Table) -> ir.Table:
    """Return the KPIs that are a change against a baseline, by the strongest baseline available.

    A deterioration is negative. The lifetime of a customer is estimated as the reciprocal of the churn rate.
    """
    named = [{"metric": metric, "kpi": kpi, "basis": basis, "note": note} for kpi, metric, basis, note in REDUCTIONS]
    names = literal_rows(named, dict.fromkeys(("metric", "kpi", "basis", "note"), "string"))
    compared = preferred(baseline_comparisons).drop("note").join(names, "metric")
    is_lifetime = compared.kpi == LIFETIME_VALUE_DELTA
    # Without departures the lifetime has no estimate.
    compared = compared.filter(~is_lifetime | (compared["value"] > 0))
    return compared.select(
        "kpi",
        "basis",
        "note",
        "baseline",
        numerator=compared.baseline_value - compared["value"],
        denominator=is_lifetime.ifelse(compared["value"], compared.baseline_value),
        n=compared.customers + compared.baseline_customers,
        interval_low=is_lifetime.ifelse(1 / compared.ratio_high - 1, 1 - compared.ratio_high),
        interval_high=is_lifetime.ifelse(1 / compared.ratio_low.nullif(0.0) - 1, 1 - compared.ratio_low),
    )


def _quotient(numerator: ir.NumericValue, denominator: ir.NumericValue, note: str, kind: str | None = None) -> Measure:
    """Return a measure whose denominator is its number of records."""
    return Measure(numerator=numerator, denominator=denominator, n=denominator, note=note, kind=kind)


def _of_interventions(facts: ir.Table, kpi: str, note: str, kind: str | None = None) -> Measure:
    """Return a KPI of which the facts have sum and count, and of a mean the sum of squares."""
    measure = _quotient(facts[f"{kpi}_sum"], facts[f"{kpi}_count"], note, kind)
    return replace(measure, squares=facts[f"{kpi}_squares"]) if kind == MEAN else measure


def _share_of_labels(is_labelled: ir.BooleanValue, labelled: Measure, proxy: Measure) -> Measure:
    """Return a share of labels, or its proxy where there are none."""
    return Measure(
        numerator=is_labelled.ifelse(labelled.numerator, proxy.numerator),
        denominator=is_labelled.ifelse(labelled.denominator, proxy.denominator),
        n=is_labelled.ifelse(labelled.n, proxy.n),
        note=is_labelled.ifelse(labelled.note, proxy.note),
        basis=is_labelled.ifelse(MEASURED, PROXY),
        kind=SHARE,
    )


def _signal_measures(facts: ir.Table) -> dict[str, Measure]:
    """Return the KPIs of stages and signals."""
    return {
        "journey_state_classification_accuracy": _quotient(
            facts.confirmed,
            facts.confirmations,
            "Entries whose stage somebody confirmed, and confirmed as it was.",
            SHARE,
        ),
        PRECISION: _share_of_labels(
            facts.labelled_alarms > 0,
            _quotient(
                facts.right_alarms,
                facts.labelled_alarms,
                "Negative signals that people looked into, and where there was a problem.",
            ),
            _of_interventions(
                facts, PRECISION, "Proxy for labels: executed interventions whose outcome was not no_action_needed."
            ),
        ),
        "signal_detection_recall": _share_of_labels(
            # Without a labelled problem that no signal reported, recall would be 1 by construction.
            facts.missed_problems > 0,
            _quotient(
                facts.right_alarms,
                facts.problems,
                "Problems that people found, and that a negative signal had told of.",
            ),
            _quotient(
                facts.foretold,
                facts.troubles,
                "Proxy for labels: escalations and departures with a negative signal in the look-back before.",
            ),
        ),
    }


def _operational_measures(facts: ir.Table) -> dict[str, Measure]:
    """Return the KPIs of decisions, people and data."""
    every = facts.accepted + facts.rejected
    return {
        LATENCY: _of_interventions(facts, LATENCY, "Interventions with a recorded latency.", MEAN),
        ESCALATION_FREQUENCY: _of_interventions(
            facts, ESCALATION_FREQUENCY, "Interventions of the ledger that needed a person."
        ),
        OVERRIDE_RATE: _of_interventions(
            facts,
            OVERRIDE_RATE,
            "Outcomes of executed interventions that say whether a person overrode them.",
            SHARE,
        ),
        "data_completeness_rate": _quotient(
            facts.accepted, every, "Rows of all datasets, dated by the as-of date, that passed their contract."
        ),
        RESOLUTION_TIME: _of_interventions(facts, RESOLUTION_TIME, "Executed interventions that were resolved.", MEAN),
        PROACTIVE_RATIO: _of_interventions(
            facts, PROACTIVE_RATIO, "Executed interventions made before support was needed."
        ),
    }


def _outcome_measures(facts: ir.Table) -> dict[str, Measure]:
    """Return the KPIs of channels, satisfaction and revenue."""
    is_assumed = facts.assumed_runs > 0
    return {
        CONSISTENCY: Measure(
            numerator=facts.lowest_rate,
            denominator=facts.highest_rate,
            n=(facts.channels > 1).ifelse(facts.channel_runs, 0),
            note="Lowest over highest success rate of the channels with established experience, "
            "less what chance explains.",
            interval=(facts.ratio_low, facts.ratio_high),
        ),
        CSAT: _of_interventions(facts, CSAT, "Executed interventions with a measured satisfaction.", MEAN),
        NPS: _of_interventions(facts, NPS, "Executed interventions with a measured NPS.", MEAN),
        RETENTION_REVENUE: Measure(
            numerator=facts.revenue,
            denominator=None,
            n=facts.revenue_runs,
            note=is_assumed.ifelse(
                "retained_revenue of the ROI window; what its source estimated is in it, compared with nothing.",
                "retained_revenue of the ROI window, all of it compared with customers without.",
            ),
            basis=is_assumed.ifelse(ASSUMPTION, MEASURED),
            interval=(facts.revenue_low, facts.revenue_high),
        ),
    }
