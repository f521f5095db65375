"""Definition of each KPI, and its numerator and denominator in the facts of the day."""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.evidence_grades import ASSUMPTION
from cjo_assets.core.expressions.intervals import MEASURED, two_sided_quantile
from cjo_assets.core.expressions.kpi import HIGHER, LOWER, MEAN, PROXY, Definition, Measure
from cjo_assets.families.marketing.value._kpi_facts import DAYS_PER_MONTH
from cjo_assets.policy import Policy

CONVERSION_RATE_DELTA, CPA_REDUCTION = "conversion_rate_delta", "cpa_reduction_percentage"
TARGETING_PRECISION = "targeting_precision_improvement"
ATTRIBUTED_REVENUE = "marketing_attributed_revenue"
TWO_WINDOWS = "Missing: segment_rollups of two windows of one campaign and segment that do not overlap"
CONCLUDED = "Missing: an experiment that has ended, is valid, and has exposures and successes enough to be read"
DEFINITIONS = {
    "campaign_execution_success_rate": Definition(
        unit="share",
        direction=HIGHER,
        numerator="campaigns that were to begin by the day, are no draft, and were shown",
        denominator="campaigns that were to begin by the day",
        missing="Missing: a campaign whose start_date has come.",
        is_estimate=False,
    ),
    "average_latency_seconds": Definition(
        unit="seconds",
        direction=LOWER,
        numerator="seconds that decisions took",
        denominator="decisions that record it",
        missing="Missing: the optional column evaluation_latency_seconds of orchestrator_decisions.",
    ),
    "human_review_frequency": Definition(
        unit="share",
        direction=LOWER,
        numerator="decisions that a person overrode, and budget moves of the orchestrator that a person answered",
        denominator="decisions, and budget moves that the orchestrator proposed",
        missing="Missing: orchestrator_decisions, or budget_actions proposed by the orchestrator.",
        is_estimate=False,
    ),
    "policy_violation_count": Definition(
        unit="violations",
        direction=LOWER,
        numerator="budget moves and shown creatives against the rules, and what signals of the policy's "
        "violation_risk_types are about, each once",
        missing="Missing: a budget action, a creative that was shown, or a risk signal.",
        is_estimate=False,
    ),
    "experiment_setup_errors": Definition(
        unit="experiments",
        direction=LOWER,
        numerator="experiments that can never be read: verdict invalid",
        missing="Missing: an experiment that is more than planned.",
        is_estimate=False,
    ),
    "data_freshness_hours": Definition(
        unit="hours",
        direction=LOWER,
        numerator="hours from the last snapshot of a running campaign to the end of the day",
        denominator="running campaigns with a snapshot",
        missing="Missing: a running campaign with a performance snapshot.",
        is_estimate=False,
    ),
    "experiment_velocity": Definition(
        unit="experiments per campaign and 30 days",
        direction=HIGHER,
        numerator="experiments begun",
        denominator="months of 30 days in which campaigns ran",
        missing="Missing: a campaign that ran.",
        is_estimate=False,
    ),
    "average_lift_percentage": Definition(
        unit="percent",
        direction=HIGHER,
        numerator="relative effects of experiments that have ended and can be read, better being positive",
        denominator="such experiments",
        missing=f"{CONCLUDED}, on a metric of metric_definitions.",
    ),
    "messaging_consistency_score": Definition(
        unit="share",
        direction=HIGHER,
        numerator="audiences whom a version tells one theme on all its channels",
        denominator="audiences whom a version reaches on several channels",
        missing="Missing: a version of a campaign that is shown to one segment on two channels.",
        is_estimate=False,
    ),
    "insight_to_action_time_hours": Definition(
        unit="hours",
        direction=LOWER,
        numerator="hours from insight to decision",
        denominator="decisions that record both instants",
        missing="Missing: the optional column insight_at of orchestrator_decisions.",
    ),
    TARGETING_PRECISION: Definition(
        unit="share",
        direction=HIGHER,
        numerator="conversions per click in the newest window less those in the window before",
        denominator="conversions per click in the window before",
        missing=f"{TWO_WINDOWS}, with clicks and at least minimum_events conversions in both.",
    ),
    CONVERSION_RATE_DELTA: Definition(
        unit="conversions per exposure",
        direction=HIGHER,
        numerator="conversions that variants of experiments that have ended and can be read brought beyond their "
        "controls' rate",
        denominator="exposures of these variants",
        missing=f"{CONCLUDED}, on a metric that counts conversions.",
    ),
    CPA_REDUCTION: Definition(
        unit="share",
        direction=HIGHER,
        numerator="what variants' conversions would have cost at their controls' price, less what they cost",
        denominator="what they would have cost",
        missing=f"{CONCLUDED}, with at least minimum_events conversions in both arms.",
    ),
    ATTRIBUTED_REVENUE: Definition(
        unit="currency",
        direction=HIGHER,
        numerator="total_estimated_value of roi_analysis",
        missing="Missing: performance snapshots.",
    ),
    "wasted_spend_reduction": Definition(
        unit="share",
        direction=HIGHER,
        numerator="share of spend on segments that brought less than it, in the window before less in the newest",
        denominator="that share in the window before",
        missing=f"{TWO_WINDOWS}, the earlier of which wasted any.",
    ),
    "roi_estimate": Definition(
        unit="x cost",
        direction=HIGHER,
        numerator="total_net_roi of roi_analysis",
        denominator="its total_cost",
        missing="Missing: performance snapshots with cost.",
    ),
}


def measures(facts: ir.Table) -> dict[str, Measure]:
    """Return numerator, denominator and number of records of each KPI."""
    return {**_operational_measures(facts), **_campaign_measures(facts), **_business_measures(facts)}


def _operational_measures(facts: ir.Table) -> dict[str, Measure]:
    reviewable = facts.decisions + facts.proposals
    return {
        "campaign_execution_success_rate": Measure(
            numerator=facts.executed,
            denominator=facts.due,
            n=facts.due,
            note="A draft whose day has come has failed to run.",
        ),
        "average_latency_seconds": Measure(
            numerator=facts.latency_sum,
            denominator=facts.latency_count,
            n=facts.latency_count,
            note="As the source records it.",
            kind=MEAN,
            squares=facts.latency_squares,
        ),
        "human_review_frequency": Measure(
            numerator=facts.overrides + facts.answered,
            denominator=reviewable,
            n=reviewable,
            note="A decision that a person read and left alone is on no record.",
        ),
        "policy_violation_count": Measure(
            numerator=facts.violations, denominator=None, n=facts.checked, note="So far."
        ),
        "experiment_setup_errors": Measure(
            numerator=facts.setup_errors, denominator=None, n=facts.evaluated, note="So far."
        ),
        "data_freshness_hours": Measure(
            numerator=facts.age_sum,
            denominator=facts.age_count,
            n=facts.age_count,
            note="A running campaign without any snapshot is not among them; it has failed to run.",
        ),
    }


def _campaign_measures(facts: ir.Table) -> dict[str, Measure]:
    former = facts.former_precision.nullif(0.0)
    return {
        "experiment_velocity": Measure(
            numerator=facts.begun,
            denominator=facts.campaign_days / DAYS_PER_MONTH,
            n=facts.campaign_days.fill_null(0),
            note="Months of all campaigns that are no draft, each up to its last day.",
        ),
        "average_lift_percentage": Measure(
            numerator=facts.lift_sum,
            denominator=facts.lift_count,
            n=facts.lift_count,
            note="Each experiment counts the same, on its own metric.",
            kind=MEAN,
            squares=facts.lift_squares,
        ),
        "messaging_consistency_score": Measure(
            numerator=facts.consistent,
            denominator=facts.places,
            n=facts.places,
            note="Proxy for the message: its theme.",
            basis=PROXY,
        ),
        "insight_to_action_time_hours": Measure(
            numerator=facts.hours_sum,
            denominator=facts.hours_count,
            n=facts.hours_count,
            note="As the source records it.",
            kind=MEAN,
            squares=facts.hours_squares,
        ),
        TARGETING_PRECISION: Measure(
            numerator=facts.precision - facts.former_precision,
            denominator=former,
            n=former.isnull().ifelse(0, facts.cells),
            note="Proxy for precision: whoever clicks converts. Against an earlier time, as the rollups state it.",
            basis=PROXY,
        ),
        CONVERSION_RATE_DELTA: Measure(
            numerator=facts.gained,
            denominator=facts.exposed.nullif(0),
            n=facts.tests,
            note="Controls drawn by chance; each variant by its exposures.",
        ),
    }


def _business_measures(facts: ir.Table) -> dict[str, Measure]:
    is_assumed = (facts.value_assumption != 0).fill_null(True)
    basis = is_assumed.ifelse(ASSUMPTION, MEASURED)
    of_revenue = is_assumed.ifelse(
        "Its source estimated it, and not all of it was compared with anything.", "All of it was proved by experiments."
    )
    snapshots = facts.total_estimated_value.notnull().ifelse(facts.snapshots, 0)
    former_waste = facts.former_waste.nullif(0.0)
    return {
        CPA_REDUCTION: Measure(
            numerator=facts.expected_cost - facts.variant_cost,
            denominator=facts.expected_cost.nullif(0.0),
            n=facts.pairs,
            note="Each experiment against its own control.",
        ),
        ATTRIBUTED_REVENUE: Measure(
            numerator=facts.total_estimated_value, denominator=None, n=snapshots, note=of_revenue, basis=basis
        ),
        "wasted_spend_reduction": Measure(
            numerator=facts.former_waste - facts.waste,
            denominator=former_waste,
            n=former_waste.isnull().ifelse(0, facts.cells),
            note="Its worth is the source's estimate. Against an earlier time, as the rollups state it.",
            basis=ASSUMPTION,
        ),
        "roi_estimate": Measure(
            numerator=facts.total_net_roi,
            denominator=facts.total_cost.nullif(0.0),
            n=snapshots,
            note=of_revenue,
            basis=basis,
        ),
    }


def intervals(facts: ir.Table, policy: Policy) -> dict[str, tuple[ir.NumericValue, ir.NumericValue]]:
    """Return the intervals of KPIs that are neither a share of records nor a mean."""
    rules = policy.marketing
    # Intervals of experiments have a level of their own.
    experiment_quantile = two_sided_quantile(1 - rules.experiments.statistical_significance_threshold)
    reach = facts.radius / facts.exposed.nullif(0) * two_sided_quantile(rules.kpis.interval_level) / experiment_quantile
    delta = facts.gained / facts.exposed.nullif(0)
    price = facts.variant_cost / facts.expected_cost.nullif(0.0)
    precision = facts.precision / facts.former_precision.nullif(0.0)
    return {
        CONVERSION_RATE_DELTA: (delta - reach, delta + reach),
        CPA_REDUCTION: (1 - price * facts.cost_reach.exp(), 1 - price * (-facts.cost_reach).exp()),
        TARGETING_PRECISION: (
            precision * (-facts.precision_reach).exp() - 1,
            precision * facts.precision_reach.exp() - 1,
        ),
    }


def with_known_intervals(rows: ir.Table, facts: ir.Table, policy: Policy) -> ir.Table:
    """Add the intervals of `intervals` to the rows of measures."""
    known = intervals(facts, policy)
    ends = {
        f"{kpi}_{end}": value for kpi, pair in known.items() for end, value in zip(("low", "high"), pair, strict=True)
    }
    rows = rows.cross_join(facts.select(**ends))
    own = {
        end: rows.kpi.cases(*((kpi, rows[f"{kpi}_{end}"]) for kpi in known), else_=ibis.null("float64"))
        for end in ("low", "high")
    }
    return rows.mutate(
        interval_low=ibis.coalesce(own["low"], rows.interval_low),
        interval_high=ibis.coalesce(own["high"], rows.interval_high),
    ).drop(*ends)
