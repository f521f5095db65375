"""The tables that analyse campaigns: money and metric, segments, funnel, attribution, reconciliation."""

from cjo_assets.core.table import Audit, Table
from cjo_assets.families.marketing.analysis import (
    attribution,
    campaign_analysis,
    funnel_analysis,
    reconciliation,
    segment_portfolio,
    touch_credits,
)
from cjo_assets.families.marketing.value import performance_assessment

GROUP = "analysis"


def analysis_tables(schema: str) -> list[Table]:
    """Return the tables, in reading order, given the family's schema."""
    return [
        Table(
            schema,
            "campaign_analysis",
            campaign_analysis.CampaignAnalysis,
            campaign_analysis.campaign_analysis,
            GROUP,
            (
                Audit(campaign_analysis.sums_that_miss_performance, is_blocking=True),
                Audit(campaign_analysis.measured_before_set_up),
            ),
        ),
        Table(
            schema,
            "performance_assessment",
            performance_assessment.PerformanceAssessment,
            performance_assessment.performance_assessment,
            GROUP,
            (Audit(performance_assessment.campaigns_not_counted_once, is_blocking=True),),
        ),
        Table(
            schema,
            "funnel_analysis",
            funnel_analysis.FunnelAnalysis,
            funnel_analysis.funnel_analysis,
            GROUP,
            (
                Audit(funnel_analysis.stages_that_miss_events, is_blocking=True),
                Audit(funnel_analysis.stages_counted_twice),
                Audit(funnel_analysis.stages_that_exceed),
            ),
        ),
        Table(
            schema,
            "segment_portfolio",
            segment_portfolio.SegmentPortfolio,
            segment_portfolio.segment_portfolio,
            GROUP,
            (
                Audit(segment_portfolio.segments_that_do_not_sum, is_blocking=True),
                Audit(segment_portfolio.recommendations_that_differ),
            ),
        ),
        Table(
            schema,
            "touch_credits",
            touch_credits.TouchCredits,
            touch_credits.touch_credits,
            GROUP,
            (
                Audit(touch_credits.credits_that_do_not_sum, is_blocking=True),
                Audit(touch_credits.conversions_without_credit),
                Audit(touch_credits.conversions_at_several_instants),
            ),
        ),
        Table(
            schema,
            "attribution",
            attribution.Attribution,
            attribution.attribution,
            GROUP,
            (
                Audit(attribution.credit_that_is_lost, is_blocking=True),
                Audit(attribution.credit_that_disagrees),
            ),
        ),
        Table(
            schema,
            "reconciliation",
            reconciliation.Reconciliation,
            reconciliation.reconciliation,
            GROUP,
            (Audit(reconciliation.residuals_beyond_tolerance),),
        ),
    ]
