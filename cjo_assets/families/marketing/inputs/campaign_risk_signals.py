"""Risk signals about campaigns.

One row per signal.
"""

from datetime import date

import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import Contract, Instant, TextList, column, key
from cjo_assets.core.dataset import Dataset

LOW, MEDIUM, HIGH, CRITICAL = "low", "medium", "high", "critical"
SEVERITIES = (LOW, MEDIUM, HIGH, CRITICAL)
OPEN, IN_REVIEW, MITIGATED, DISMISSED = "open", "in_review", "mitigated", "dismissed"


class CampaignRiskSignals(Contract):
    """Campaign risk signals that passed their contract. One row per signal."""

    risk_id: str = key("Risk signal.")
    timestamp: Instant = column("Instant it was raised [UTC].")
    campaign_id: str = column("Campaign it is about.")
    experiment_id: str = column("Experiment it is about; null where about none.", nullable=True)
    asset_ids: TextList = column("Creative assets it is about; empty where about the campaign.")
    risk_type: str = column("Kind of risk.", words="risk_types")
    severity: str = column("low, medium, high or critical.", isin=list(SEVERITIES))
    evidence: str = column("What it rests on, as JSON.", free_object=True, nullable=True)
    recommended_action: str = column("Action that the source recommends.", words="risk_actions")
    status: str = column("open, in_review, mitigated or dismissed.", isin=[OPEN, IN_REVIEW, MITIGATED, DISMISSED])
    due_date: date = column("Day by which it should be settled; null without one.", optional=True)
    resolved_at: Instant = column("Instant it was settled [UTC]; null where not, or not recorded.", optional=True)


def relations(rows: ir.Table, campaigns: ir.Table, experiments: ir.Table) -> dict[str, ir.BooleanValue]:
    """Name the signals about nothing we know, and those settled before they were raised."""
    is_unknown = rows.experiment_id.notnull() & rows.experiment_id.notin(experiments.experiment_id)
    return {
        "campaign_id: unknown campaign": rows.campaign_id.notin(campaigns.campaign_id),
        "experiment_id: unknown experiment": is_unknown,
        "resolved_at: before it was raised": rows.resolved_at < rows.timestamp,
    }


DATASET = Dataset("campaign_risk_signals", CampaignRiskSignals, relations=relations, record_date="timestamp")


@check
def unknown_assets(campaign_risk_signals: ir.Table, creative_assets: ir.Table) -> ir.Table:
    """Find signals about assets that are not there."""
    named = campaign_risk_signals.select("risk_id", asset_id=campaign_risk_signals.asset_ids.unnest())
    return named.anti_join(creative_assets, "asset_id")
