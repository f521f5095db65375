"""The KPIs: what each one is, and which facts make it.

Not a table but a step behind `kpis`: `kpi_facts` counts, this says which counts make a KPI and what would be needed
where they are missing, `kpis` judges.
"""

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.evidence_grades import ASSUMPTION
from cjo_assets.core.expressions.intervals import MEASURED, two_sided_quantile
from cjo_assets.core.expressions.kpi import HIGHER, LOWER, MEAN, PROXY, Measure
from cjo_assets.families.marketing.value._kpi_facts import DAYS_PER_MONTH
from cjo_assets.policy import Policy

CONVERSION_RATE_DELTA, CPA_REDUCTION = "conversion_rate_delta", "cpa_reduction_percentage"
TARGETING_PRECISION = "targeting_precision_improvement"
ATTRIBUTED_REVENUE = "marketing_attributed_revenue"


@dataclass(frozen=True)
class Definition:
    """What a KPI is.

    Attributes:
        unit: of value, interval and target.
        direction: which way is better.
        numerator: what is counted.
        denominator: what it is divided by; empty for a sum.
        missing: what would make it measurable where it is not.
        is_estimate: whether it stands for more than was counted; if not, it needs no interval.
    """

    unit: str
    direction: str
    numerator: str
    denominator: str
    missing: str
    is_estimate: bool = True

    @property
    def words(self) -> str:
        """The definition in one line."""
        return f"{self.numerator} / {self.denominator}" if self.denominator else self.numerator


TWO_WINDOWS = "Missing: segment_rollups of two windows of one campaign and segment that do not overlap"
CONCLUDED = "Missing: an experiment that has ended, is valid, and has exposures and successes enough to be read"
DEFINITIONS = {
    "campaign_execution_success_rate": Definition(
        "share",
        HIGHER,
        "campaigns that were to begin by the day, are no draft, and were shown",
        "campaigns that were to begin by the day",
        "Missing: a campaign whose start_date has come.",
        is_estimate=False,
    ),
    "average_latency_seconds": Definition(
        "seconds",
        LOWER,
        "seconds that decisions took",
        "decisions that record it",
        "Missing: the optional column evaluation_latency_seconds of orchestrator_decisions.",
    ),
    "human_review_frequency": Definition(
        "share",
        LOWER,
        "decisions that a person overrode, and budget moves of the orchestrator that a person answered",
        "decisions, and budget moves that the orchestrator proposed",
        "Missing: orchestrator_decisions, or budget_actions proposed by the orchestrator.",
        is_estimate=False,
    ),
    "policy_violation_count": Definition(
        "violations",
        LOWER,
        "budget moves and shown creatives against the rules, and what signals of the policy's violation_risk_types are "
        "about, each once",
        "",
        "Missing: a budget action, a creative that was shown, or a risk signal.",
        is_estimate=False,
    ),
    "experiment_setup_errors": Definition(
        "experiments",
        LOWER,
        "experiments that can never be read: verdict invalid",
        "",
        "Missing: an experiment that is more than planned.",
        is_estimate=False,
    ),
    "data_freshness_hours": Definition(
        "hours",
        LOWER,
        "hours from the last snapshot of a running campaign to the end of the day",
        "running campaigns with a snapshot",
        "Missing: a running campaign with a performance snapshot.",
        is_estimate=False,
    ),
    "experiment_velocity": Definition(
        "experiments per campaign and 30 days",
        HIGHER,
        "experiments begun",
        "months of 30 days in which campaigns ran",
        "Missing: a campaign that ran.",
        is_estimate=False,
    ),
    "average_lift_percentage": Definition(
        "percent",
        HIGHER,
        "relative effects of experiments that have ended and can be read, better being positive",
        "such experiments",
        f"{CONCLUDED}, on a metric of metric_definitions.",
    ),
    "messaging_consistency_score": Definition(
        "share",
        HIGHER,
        "audiences whom a version tells one theme on all its channels",
        "audiences whom a version reaches on several channels",
        "Missing: a version of a campaign that is shown to one segment on two channels.",
        is_estimate=False,
    ),
    "insight_to_action_time_hours": Definition(
        "hours",
        LOWER,
        "hours from insight to decision",
        "decisions that record both instants",
        "Missing: the optional column insight_at of orchestrator_decisions.",
    ),
    TARGETING_PRECISION: Definition(
        "share",
        HIGHER,
        "conversions per click in the newest window less those in the window before",
        "conversions per click in the window before",
        f"{TWO_WINDOWS}, with clicks and at least minimum_events conversions in both.",
    ),
    CONVERSION_RATE_DELTA: Definition(
        "conversions per exposure",
        HIGHER,
        "conversions that variants of experiments that have ended and can be read brought beyond their controls' rate",
        "exposures of these variants",
        f"{CONCLUDED}, on a metric that counts conversions.",
    ),
    CPA_REDUCTION: Definition(
        "share",
        HIGHER,
        "what variants' conversions would have cost at their controls' price, less what they cost",
        "what they would have cost",
        f"{CONCLUDED}, with at least minimum_events conversions in both arms.",
    ),
    ATTRIBUTED_REVENUE: Definition(
        "currency", HIGHER, "total_estimated_value of roi_analysis", "", "Missing: performance snapshots."
    ),
    "wasted_spend_reduction": Definition(
        "share",
        HIGHER,
        "share of spend on segments that brought less than it, in the window before less in the newest",
        "that share in the window before",
        f"{TWO_WINDOWS}, the earlier of which wasted any.",
    ),
    "roi_estimate": Definition(
        "x cost", HIGHER, "total_net_roi of roi_analysis", "its total_cost", "Missing: performance snapshots with cost."
    ),
}


def measures(facts: ir.Table) -> dict[str, Measure]:
    """Return what the facts say of each KPI."""
    is_assumed = (facts.value_assumption != 0).fill_null(True)
    basis = is_assumed.ifelse(ASSUMPTION, MEASURED)
    of_revenue = is_assumed.ifelse(
        "Its source estimated it, and not all of it was compared with anything.", "All of it was proved by experiments."
    )
    known_value = facts.total_estimated_value.notnull().ifelse(facts.snapshots, 0)
    looked_at = facts.decisions + facts.proposals
    return {
        "campaign_execution_success_rate": Measure(
            facts.executed, facts.due, facts.due, "A draft whose day has come has failed to run."
        ),
        "average_latency_seconds": Measure(
            facts.latency_sum,
            facts.latency_count,
            facts.latency_count,
            "As the source records it.",
            kind=MEAN,
            squares=facts.latency_squares,
        ),
        "human_review_frequency": Measure(
            facts.overrides + facts.answered,
            looked_at,
            looked_at,
            "A decision that a person read and left alone is on no record.",
        ),
        "policy_violation_count": Measure(facts.violations, None, facts.looked_at, "So far."),
        "experiment_setup_errors": Measure(facts.setup_errors, None, facts.evaluated, "So far."),
        "data_freshness_hours": Measure(
            facts.age_sum,
            facts.age_count,
            facts.age_count,
            "A running campaign without any snapshot is not among them; it has failed to run.",
        ),
        "experiment_velocity": Measure(
            facts.begun,
            facts.campaign_days / DAYS_PER_MONTH,
            facts.campaign_days.fill_null(0),
            "Months of all campaigns that are no draft, each up to its last day.",
        ),
        "average_lift_percentage": Measure(
            facts.lift_sum,
            facts.lift_count,
            facts.lift_count,
            "Each experiment counts the same, on its own metric.",
            kind=MEAN,
            squares=facts.lift_squares,
        ),
        "messaging_consistency_score": Measure(
            facts.consistent, facts.places, facts.places, "Proxy for the message: its theme.", PROXY
        ),
        "insight_to_action_time_hours": Measure(
            facts.hours_sum,
            facts.hours_count,
            facts.hours_count,
            "As the source records it.",
            kind=MEAN,
            squares=facts.hours_squares,
        ),
        TARGETING_PRECISION: Measure(
            facts.precision - facts.former_precision,
            facts.former_precision.nullif(0.0),
            facts.former_precision.nullif(0.0).isnull().ifelse(0, facts.cells),
            "Proxy for precision: whoever clicks converts. Against an earlier time, as the rollups state it.",
            PROXY,
        ),
        CONVERSION_RATE_DELTA: Measure(
            facts.gained,
            facts.exposed.nullif(0),
            facts.tests,
            "Controls drawn by chance; each variant by its exposures.",
        ),
        CPA_REDUCTION: Measure(
            facts.expected_cost - facts.variant_cost,
            facts.expected_cost.nullif(0.0),
            facts.pairs,
            "Each experiment against its own control.",
        ),
        ATTRIBUTED_REVENUE: Measure(facts.total_estimated_value, None, known_value, of_revenue, basis),
        "wasted_spend_reduction": Measure(
            facts.former_waste - facts.waste,
            facts.former_waste.nullif(0.0),
            facts.former_waste.nullif(0.0).isnull().ifelse(0, facts.cells),
            "Its worth is the source's estimate. Against an earlier time, as the rollups state it.",
            ASSUMPTION,
        ),
        "roi_estimate": Measure(facts.total_net_roi, facts.total_cost.nullif(0.0), known_value, of_revenue, basis),
    }


def intervals(facts: ir.Table, policy: Policy) -> dict[str, tuple[ir.NumericValue, ir.NumericValue]]:
    """Return the intervals of what is neither a share of records nor a mean."""
    rules = policy.marketing
    # Experiments state theirs at their own level.
    theirs = two_sided_quantile(1 - rules.experiments.statistical_significance_threshold)
    reach = facts.radius / facts.exposed.nullif(0) * two_sided_quantile(rules.kpis.interval_level) / theirs
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
    """Put the intervals that are known into the rows of measures."""
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
