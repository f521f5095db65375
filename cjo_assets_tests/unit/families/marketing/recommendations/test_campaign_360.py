"""Campaigns in one row: what is open of each, and nothing of those without."""

from cjo_assets.families.marketing.analysis.campaign_analysis import CampaignAnalysis
from cjo_assets.families.marketing.experiments.experiment_evaluations import ExperimentEvaluations
from cjo_assets.families.marketing.governance.risk_register import RiskRegister
from cjo_assets.families.marketing.recommendations.approval_queue import ApprovalQueue
from cjo_assets.families.marketing.recommendations.campaign_360 import COUNTS, Campaign360, campaign_360
from cjo_assets.families.marketing.recommendations.recommendations import Recommendations
from cjo_assets_tests.support.rows import Row, by, kept, table_of


def found() -> dict[str, Row]:
    """Return a campaign with everything, and one without anything."""
    return by(
        "campaign_id",
        kept(
            Campaign360,
            campaign_360(
                table_of(CampaignAnalysis, [{"campaign_id": "busy", "roi": 0.5}, {"campaign_id": "quiet"}]),
                table_of(
                    ExperimentEvaluations,
                    [{"verdict": verdict} for verdict in ("scale_variant", "stop", "stop", "continue")],
                    campaign_id="busy",
                ),
                table_of(RiskRegister, [{"is_open": True}, {"is_open": False}], campaign_id="busy"),
                table_of(
                    Recommendations,
                    [
                        {"recommendation_id": "second", "rank": 2, "action": "review"},
                        {"recommendation_id": "first", "rank": 1, "action": "pause"},
                    ],
                    campaign_id="busy",
                ),
                table_of(
                    ApprovalQueue,
                    [{"status": status} for status in ("pending", "approved", "rejected")],
                    campaign_id="busy",
                ),
            ),
        ),
    )


def test_what_is_open_is_counted() -> None:
    rows = found()
    assert {name: rows["busy"][name] for name in COUNTS} == {
        "experiments_to_scale": 1,
        "experiments_to_stop": 2,
        "open_risks": 1,
        "recommendations": 2,
        "pending_approvals": 1,
    }
    assert {name: rows["quiet"][name] for name in COUNTS} == dict.fromkeys(COUNTS, 0)


def test_the_first_recommendation_and_the_evidence_of_the_return() -> None:
    rows = found()
    names = ("recommendation_id", "recommended_action", "roi_evidence_grade")
    assert [rows["busy"][name] for name in names] == ["first", "pause", "assumption"]
    assert [rows["quiet"][name] for name in names] == [None, None, None]
