"""The marketing family: its datasets, its tables in reading order, and the questions asked to each."""

import dagster as dg

from cjo_assets.core.quarantine.dataset_tables import dataset_tables
from cjo_assets.core.table import Audit, Family, Table
from cjo_assets.defs.marketing_analysis import analysis_tables
from cjo_assets.defs.marketing_experiments import experiments_tables
from cjo_assets.defs.marketing_governance import governance_tables
from cjo_assets.defs.marketing_value import value_tables
from cjo_assets.families.marketing.inputs import (
    attribution_hints,
    audience_segments,
    budget_actions,
    campaign_risk_signals,
    campaigns,
    channels,
    creative_assets,
    experiments,
    funnel_events,
    orchestrator_decisions,
    performance_metrics,
    roi_ledger,
    segment_rollups,
    touchpoints,
)
from cjo_assets.families.marketing.measurement import asset_performance, metric_definitions
from cjo_assets.orchestration.assets import family_definitions

SCHEMA = "marketing"
DATASETS = (
    campaigns.DATASET,
    audience_segments.DATASET,
    channels.DATASET,
    creative_assets.DATASET,
    experiments.DATASET,
    performance_metrics.DATASET,
    orchestrator_decisions.DATASET,
    roi_ledger.DATASET,
    funnel_events.DATASET,
    budget_actions.DATASET,
    campaign_risk_signals.DATASET,
    segment_rollups.DATASET,
    attribution_hints.DATASET,
    touchpoints.DATASET,
)
# What a dataset is asked beyond its own rules.
QUESTIONS = {
    "experiments": (Audit(experiments.unknown_metrics),),
    "campaign_risk_signals": (Audit(campaign_risk_signals.unknown_assets),),
}
LOOKUPS = [table for dataset in DATASETS for table in dataset_tables(dataset, SCHEMA, QUESTIONS.get(dataset.name, ()))]

TABLES = [
    Table(
        SCHEMA,
        "metric_definitions",
        metric_definitions.MetricDefinitions,
        metric_definitions.metric_definitions,
        "evaluation",
    ),
    Table(
        SCHEMA,
        "asset_performance",
        asset_performance.AssetPerformance,
        asset_performance.asset_performance,
        "evaluation",
        (Audit(asset_performance.falling_totals),),
    ),
    *analysis_tables(SCHEMA),
    *governance_tables(SCHEMA),
    *experiments_tables(SCHEMA),
    *value_tables(SCHEMA),
]

FAMILY = Family(name=SCHEMA, datasets=DATASETS, tables=(*LOOKUPS, *TABLES), owner="team:marketing")


@dg.definitions
def marketing() -> dg.Definitions:
    """Return the assets of the marketing family."""
    return family_definitions(FAMILY)
