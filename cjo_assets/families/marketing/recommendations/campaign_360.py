"""Campaigns with status, money, performance, experiments, risks, recommendations and approvals.

One row per campaign, on the newest day. Nothing is decided here; each value comes from the table of its stage.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.approval_status import PENDING
from cjo_assets.core.config import TableConfig
from cjo_assets.core.contract import Contract, column, key
from cjo_assets.core.expressions.evidence_grades import ASSUMPTION
from cjo_assets.core.expressions.tables import first_per, lookup
from cjo_assets.core.table import LATEST
from cjo_assets.families.marketing.analysis.campaign_analysis import JUDGEMENTS, PACES, RULES
from cjo_assets.families.marketing.experiments._experiment_verdicts import SCALE_VARIANT, STOP
from cjo_assets.families.marketing.recommendations._recommending import ACTIONS

CAMPAIGN = "campaign_id"
OF_ANALYSIS = (
    CAMPAIGN,
    "name",
    "status",
    "start_date",
    "end_date",
    "budget",
    "recorded_spend",
    "spent_share",
    "pacing_status",
    "recorded_value",
    "net_value",
    "roi",
    "primary_kpi",
    "kpi_value",
    "kpi_target",
    "overall_performance",
    "rule",
    "active_experiments",
)
COUNTS = ("experiments_to_scale", "experiments_to_stop", "open_risks", "recommendations", "pending_approvals")


class Campaign360(Contract):
    """A campaign in one row, on the newest day. One row per campaign."""

    campaign_id: str = key("Campaign.")
    name: str = column("Its name.", free_text=True)
    status: str = column("Status by the source: active, paused, completed or draft.")
    start_date: date = column("First day.")
    end_date: date = column("Last day; null of an open-ended campaign.", nullable=True)
    budget: float = column("Budget of the whole campaign [currency].", ge=0)
    recorded_spend: float = column("Media spend by the record with the most [currency]; null without.", nullable=True)
    spent_share: float = column("That spend over the budget [x budget]; null without a budget.", ge=0, nullable=True)
    pacing_status: str = column("Spend compared with the time that has passed.", isin=PACES)
    recorded_value: float = column("Value by that record [currency]; null without.", nullable=True)
    net_value: float = column("That value minus all cost [currency], up = better; null where unknown.", nullable=True)
    roi: float = column("net_value over all cost [x cost], up = better; null where unknown.", nullable=True)
    roi_evidence_grade: str = column(
        "assumption: the value is the source's estimate, compared with nothing; null without roi.",
        isin=[ASSUMPTION],
        nullable=True,
    )
    primary_kpi: str = column("Metric of its performance.")
    kpi_value: float = column("Value of that metric; null where it is not measured.", nullable=True)
    kpi_target: float = column("Target of the metric; null without one.", nullable=True)
    overall_performance: str = column("Performance of the campaign.", isin=JUDGEMENTS)
    rule: str = column("Rule that decided the performance.", isin=RULES)
    active_experiments: int = column("Experiments that run [experiments].", ge=0)
    experiments_to_scale: int = column("Experiments whose variant may be scaled [experiments], up = better.", ge=0)
    experiments_to_stop: int = column("Experiments to be stopped [experiments], up = worse.", ge=0)
    open_risks: int = column("Open risks [risks], up = worse.", ge=0)
    recommendations: int = column("Open recommendations [recommendations].", ge=0)
    pending_approvals: int = column("Pending approval requests [requests], up = worse.", ge=0)
    recommendation_id: str = column("First recommendation; null without one.", nullable=True)
    recommended_action: str = column("Its action; null without one.", isin=ACTIONS, nullable=True)
    recommendation: str = column("What it recommends, in words; null without one.", nullable=True, free_text=True)


CONFIG = TableConfig(schema=LATEST, is_view=True)


def campaign_360(
    campaign_analysis: ir.Table,
    experiment_evaluations: ir.Table,
    risk_register: ir.Table,
    recommendations: ir.Table,
    approval_queue: ir.Table,
) -> ir.Table:
    """Join the tables of each stage by campaign."""
    tests, requests = experiment_evaluations, approval_queue
    rows = campaign_analysis.select(*OF_ANALYSIS)
    rows = rows.mutate(roi_evidence_grade=rows.roi.notnull().ifelse(ASSUMPTION, ibis.null("string")))
    first = first_per(recommendations, CAMPAIGN, "rank")
    for part in (
        tests.group_by(CAMPAIGN).agg(
            experiments_to_scale=tests.count(where=tests.verdict == SCALE_VARIANT),
            experiments_to_stop=tests.count(where=tests.verdict == STOP),
        ),
        risk_register.group_by(CAMPAIGN).agg(open_risks=risk_register.count(where=risk_register.is_open)),
        recommendations.group_by(CAMPAIGN).agg(recommendations=recommendations.count()),
        requests.group_by(CAMPAIGN).agg(pending_approvals=requests.count(where=requests.status == PENDING)),
        first.select(CAMPAIGN, "recommendation_id", recommended_action="action", recommendation="description"),
    ):
        rows = lookup(rows, part, CAMPAIGN)
    return rows.mutate(**{name: rows[name].fill_null(0) for name in COUNTS})
