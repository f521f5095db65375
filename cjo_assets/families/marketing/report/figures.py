"""Rows of one day that the marketing report shows, in which order, and what it counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from cjo_assets.core.contract import Contract, key_of
from cjo_assets.families.marketing.analysis import (
    attribution,
    campaign_analysis,
    funnel_analysis,
    reconciliation,
    segment_portfolio,
)
from cjo_assets.families.marketing.experiments import experiment_evaluations
from cjo_assets.families.marketing.experiments._experiment_verdicts import VERDICTS
from cjo_assets.families.marketing.governance import (
    budget_balances,
    budget_governance,
    decision_insights,
    risk_register,
)
from cjo_assets.families.marketing.recommendations import approval_queue, recommendations
from cjo_assets.families.marketing.value import kpi_status, kpis, performance_assessment, roi_analysis, roi_components
from cjo_assets.policy.marketing import FunnelRules, MarketingReporting
from cjo_assets.reporting.document import Prose, Record, Row, records
from cjo_assets.reporting.naming import NameSource, Naming
from cjo_assets.reporting.summary import Summary

# Tables with one row a day whose figures the tiles show, and the path of a target.
TABLES_OF_TILES = ("roi_analysis", "performance_assessment")
ROI_TARGET = "marketing.kpis.business_kpi_targets.roi_estimate"
_CHANNEL = NameSource("marketing.channels", "channel_id", "platform")
NAMES = {
    "campaign_id": NameSource("marketing.campaigns", "campaign_id"),
    "segment_id": NameSource("marketing.audience_segments", "segment_id"),
    **dict.fromkeys(("channel_id", "channel_ids", "from_channel_id", "to_channel_id"), _CHANNEL),
}


@dataclass(frozen=True)
class Shown:
    """A table that the report shows.

    Attributes:
        contract: of the table.
        order: order of its rows, in SQL.
        is_whole: whether all its rows are shown, however many.
    """

    contract: type[Contract]
    order: str
    is_whole: bool = False

    @property
    def key(self) -> tuple[str, ...]:
        """Columns that name a row of the day."""
        return tuple(name for name in key_of(self.contract) if name != "as_of")


# Decisive verdicts first, and residuals beyond tolerance first.
_DECIDED = "CASE verdict WHEN 'scale_variant' THEN 0 WHEN 'stop' THEN 1 WHEN 'invalid' THEN 2 ELSE 3 END"
_UNRECONCILED = "CASE state WHEN 'beyond_tolerance' THEN 0 WHEN 'missing' THEN 1 ELSE 2 END"
# Campaigns with the most missing arrivals first, each with all its steps.
_MISSING = "max(CASE WHEN is_leak THEN missing ELSE -1 END) OVER (PARTITION BY campaign_id)"
SHOWN: dict[str, Shown] = {
    "performance_assessment": Shown(performance_assessment.PerformanceAssessment, "as_of", True),
    "roi_analysis": Shown(roi_analysis.RoiAnalysis, "as_of", True),
    "roi_components": Shown(roi_components.RoiComponents, "kind DESC, component, evidence_grade", True),
    "kpis": Shown(kpis.Kpis, "family, kpi", True),
    "kpi_status": Shown(kpi_status.KpiStatus, "family", True),
    "recommendations": Shown(recommendations.Recommendations, "rank", True),
    "approval_queue": Shown(approval_queue.ApprovalQueue, "status = 'pending' DESC, due_at, request_id", True),
    "campaign_analysis": Shown(campaign_analysis.CampaignAnalysis, "recorded_spend DESC NULLS LAST, campaign_id"),
    "experiment_evaluations": Shown(
        experiment_evaluations.ExperimentEvaluations, f"{_DECIDED}, campaign_id, experiment_id"
    ),
    "budget_governance": Shown(
        budget_governance.BudgetGovernance, "is_against_the_rules DESC, proposed_at DESC, budget_action_id"
    ),
    "budget_balances": Shown(budget_balances.BudgetBalances, "campaign_id, channel_id, currency"),
    "funnel_analysis": Shown(funnel_analysis.FunnelAnalysis, f"{_MISSING} DESC, campaign_id, path, step"),
    "segment_portfolio": Shown(segment_portfolio.SegmentPortfolio, "spend DESC NULLS LAST, campaign_id, segment_id"),
    "attribution": Shown(attribution.Attribution, "campaign_id, method, channel_id"),
    "risk_register": Shown(risk_register.RiskRegister, "rank"),
    "decision_insights": Shown(decision_insights.DecisionInsights, "total_decisions DESC, campaign_id"),
    "reconciliation": Shown(
        reconciliation.Reconciliation,
        f"{_UNRECONCILED}, abs(residual_share) DESC NULLS LAST, campaign_id, scope, figure, one_source, other_source",
    ),
}
# Table, column and value of the rows that are counted, however many are shown.
COUNTED: tuple[tuple[str, str, str | bool], ...] = (
    *(("experiment_evaluations", "verdict", verdict) for verdict in VERDICTS),
    ("experiment_evaluations", "rule", "not_started"),
    ("risk_register", "is_open", True),
    ("risk_register", "is_blocking", True),
    ("risk_register", "is_overdue", True),
    ("risk_register", "due_status", "not_measurable"),
    ("budget_governance", "is_against_the_rules", True),
    ("budget_governance", "approval_state", "pending"),
    ("budget_governance", "is_late", True),
    ("funnel_analysis", "state", "not_tracked"),
    ("funnel_analysis", "is_biggest_leak", True),
    ("reconciliation", "state", "beyond_tolerance"),
    ("reconciliation", "state", "missing"),
    ("attribution", "state", "disagrees"),
    ("campaign_analysis", "overall_performance", "not_measurable"),
    ("decision_insights", "insight_to_action_status", "not_measurable"),
    ("kpis", "status", "not_measurable"),
    ("recommendations", "requires_human_approval", True),
    ("approval_queue", "status", "pending"),
)


@dataclass(frozen=True)
class MarketingFigures:
    """The rows of the tables that the report shows.

    Attributes:
        rules: the switches of the report, and how long a list may be.
        funnel: the stages of each path, and where leaks begin.
        rows: of each table its first rows; lists that grow with the number of campaigns are cut.
        totals: of each table how many rows the day has.
        counts: number of rows by table, column and value, as in `COUNTED`.
        currency: currency of amounts.
        roi_target: target of the KPI `roi_estimate`.
        history: by table, the rows of the day and of earlier days on record, the oldest first.
        naming: names and labels.
        loads: input files with accepted and rejected rows.
        rejections: number of rejected rows by dataset and rule.
        paragraph: the day in words.
        insights: a few sentences on each of the first campaigns; empty unless the policy enables them.
    """

    as_of: date
    policy_hash: str
    policy_version: str
    rules: MarketingReporting
    funnel: FunnelRules
    rows: Mapping[str, list[Row]]
    totals: Mapping[str, int]
    counts: Mapping[tuple[str, str, str | bool], int]
    currency: str
    roi_target: float
    history: Mapping[str, list[Row]]
    naming: Naming
    loads: list[Row]
    rejections: list[Row]
    paragraph: Summary | None = None
    insights: tuple[Summary, ...] = ()

    @property
    def day(self) -> Record:
        """The report's own day."""
        return Record("report", (), {"as_of": self.as_of})

    @property
    def policy(self) -> Record:
        """The policy values that the report states."""
        said: dict[str, Any] = {"version": self.policy_version, "policy_hash": self.policy_hash}
        names = ("report_rows", "llm_insights_max_campaigns")
        said |= {f"marketing.reporting.{name}": getattr(self.rules, name) for name in names}
        said |= {"marketing.funnel.leaks_from": self.funnel.leaks_from, "marketing.budgets.currency": self.currency}
        said |= {ROI_TARGET: self.roi_target}
        return Record("policy", (), said, self.naming)

    @property
    def amounts_in(self) -> Prose:
        """The currency before an amount."""
        return (self.policy.show("marketing.budgets.currency"), " ")

    def days(self, table: str) -> list[Record]:
        """Return the rows of a table on the day and on earlier days on record."""
        return records(f"marketing.{table}", ("as_of",), self.history[table], self.naming)

    def of(self, table: str) -> list[Record]:
        """Return the rows of a table as the report shows them."""
        return records(f"marketing.{table}", SHOWN[table].key, self.rows[table], self.naming)

    def one(self, table: str) -> Record:
        """Return the row of a table that has one a day."""
        [record] = self.of(table)
        return record

    def total(self, table: str) -> Record:
        """Return how many rows a table has on the day, as its column `rows`."""
        return Record(f"count(marketing.{table})", (), {"rows": self.totals[table]})

    def count(self, table: str, column: str, content: str | bool) -> Record:
        """Return how many rows of a table have this in that column, as its column `rows`."""
        found = self.counts[table, column, content]
        return Record(f"count(marketing.{table})", (column,), {column: content, "rows": found})
