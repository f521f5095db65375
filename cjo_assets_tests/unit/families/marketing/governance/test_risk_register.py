"""Tests of the risk register: open until settled, weighed by what is at stake, ranked without a limit."""

from typing import Any

import pytest

from cjo_assets.families.marketing.governance.risk_register import (
    RiskRegister,
    risk_register,
    risks_overdue,
    risks_that_block,
)
from cjo_assets.families.marketing.inputs.campaign_risk_signals import CampaignRiskSignals
from cjo_assets.families.marketing.inputs.campaigns import Campaigns
from cjo_assets.families.marketing.inputs.creative_assets import CreativeAssets
from cjo_assets.families.marketing.inputs.roi_ledger import RoiLedger
from cjo_assets.families.marketing.measurement.asset_performance import AssetPerformance
from cjo_assets.policy import Policy
from cjo_assets_tests.support.rows import (
    DAY,
    POLICY,
    Row,
    Rows,
    as_of,
    by,
    day,
    instant,
    kept,
    policy_with,
    rows_of,
    table_of,
)

CAMPAIGNS = [
    {"campaign_id": "running", "start_date": day(-20), "end_date": DAY, "budget": 1000.0, "status": "active"},
    {"campaign_id": "overspent", "end_date": day(9), "budget": 100.0, "status": "paused"},
    {"campaign_id": "over", "end_date": day(-1), "budget": 1000.0, "status": "active"},
    {"campaign_id": "booked", "end_date": None, "budget": 10_000.0, "status": "active"},
    {"campaign_id": "booked and over", "end_date": day(-1), "budget": 1000.0, "status": "active"},
    {"campaign_id": "done", "end_date": day(9), "budget": 1000.0, "status": "completed"},
]
ASSETS = [
    {"asset_id": "mail", "campaign_id": "running", "channel_id": "CH_mail"},
    {"asset_id": "ad", "campaign_id": "over", "channel_id": "CH_ad"},
    {"asset_id": "ad 2", "campaign_id": "over", "channel_id": "CH_ad"},
    {"asset_id": "post", "campaign_id": "over", "channel_id": "CH_post"},
    {"asset_id": "spot", "campaign_id": "booked and over", "channel_id": "CH_tv"},
]
# Two experiments of one asset: its cost is both.
SPENT = [
    {"asset_id": "mail", "experiment_id": "one", "campaign_id": "running", "cost": 250.10},
    {"asset_id": "mail", "experiment_id": "two", "campaign_id": "running", "cost": 0.20},
    {"asset_id": "new", "experiment_id": "one", "campaign_id": "overspent", "cost": 300.0},
    {"asset_id": "ad", "experiment_id": "one", "campaign_id": "over", "cost": 40.0},
    {"asset_id": "post", "experiment_id": "one", "campaign_id": "over", "cost": 60.0},
    {"asset_id": "board", "experiment_id": "one", "campaign_id": "booked", "cost": 362.0},
    {"asset_id": "spot", "experiment_id": "one", "campaign_id": "booked and over", "cost": 30.0},
]
# Of two campaigns the ledger books more than the metrics report; of "running" it is within tolerance.
BOOKED = [
    {"campaign_id": "running", "media_spend": 252.0},
    {"campaign_id": "booked", "media_spend": 5000.0},
    {"campaign_id": "booked and over", "media_spend": 700.0},
]


def risk(name: str, campaign: str = "running", severity: str = "high", **cells: Any) -> Row:
    """Return a risk, raised at noon three days before D."""
    raised = {"timestamp": instant("2025-01-17T12:00:00"), "status": "open", "asset_ids": []}
    return raised | {"risk_id": name, "campaign_id": campaign, "severity": severity} | cells


def register(risks: Rows, policy: Policy = POLICY) -> Rows:
    """Return the register of risks."""
    rows = risk_register(
        table_of(CampaignRiskSignals, risks),
        table_of(Campaigns, CAMPAIGNS),
        table_of(CreativeAssets, ASSETS),
        table_of(AssetPerformance, SPENT, snapshots=1),
        table_of(RoiLedger, BOOKED),
        as_of(),
        policy,
    )
    return kept(RiskRegister, rows)


def test_a_risk_has_what_is_at_stake() -> None:
    # severity weights: low 1/8, medium 1/4, high 1/2, critical 1
    risks = [
        risk("whole campaign"),  # 1000 - 250.30
        risk("of an asset", severity="medium", asset_ids=["mail", "mail"]),
        risk("nothing left", "overspent", "critical"),
        risk("after the end", "over", "critical"),
        risk("after the end, of assets", "over", "low", asset_ids=["ad 2", "ad", "ad"]),
        risk("after the end, of an asset without spend", "over", asset_ids=["ad 2"]),
        risk("of unknown assets", "over", asset_ids=["nobody's"]),
        risk("nothing on record", "done"),
        risk("spent by the ledger", "booked", "critical"),
        risk("spent by the ledger, after the end", "booked and over", "critical"),
        risk("after the end, of an asset that was measured", "booked and over", asset_ids=["spot"]),
    ]
    found = by("risk_id", register(risks))
    figures = ("exposure", "exposure_basis", "risk_score", "channel_ids")
    assert {name: tuple(row[cell] for cell in figures) for name, row in found.items()} == {
        "whole campaign": (749.70, "unspent_budget", 374.85, []),
        "of an asset": (749.70, "unspent_budget", 187.43, ["CH_mail"]),
        "nothing left": (0.0, "unspent_budget", 0.0, []),
        "after the end": (100.0, "spend", 100.0, []),
        "after the end, of assets": (40.0, "spend", 5.0, ["CH_ad"]),
        "after the end, of an asset without spend": (None, "spend", None, ["CH_ad"]),
        "of unknown assets": (100.0, "spend", 50.0, []),
        "nothing on record": (None, "spend", None, []),
        # 10,000 less the 5,000 that the ledger books, of which snapshots show 362.
        "spent by the ledger": (5000.0, "unspent_budget_by_ledger", 5000.0, []),
        "spent by the ledger, after the end": (700.0, "ledger_spend", 700.0, []),
        "after the end, of an asset that was measured": (30.0, "spend", 15.0, ["CH_tv"]),
    }
    assert all(row["age_days"] == 3 for row in found.values())


def test_only_what_was_known_is_open_or_settled() -> None:
    last, next_day = instant("2025-01-20T23:59:59.999999"), instant("2025-01-21T00:00:00")
    risks = [
        risk("open"),
        risk("in review", status="in_review"),
        risk("mitigated", status="mitigated"),
        risk("dismissed in time", status="dismissed", resolved_at=last),
        risk("dismissed tomorrow", status="dismissed", resolved_at=next_day),
        risk("raised at the last moment", timestamp=last),
        risk("raised tomorrow", timestamp=next_day),
    ]
    found = {row["risk_id"]: (row["status"], row["is_open"], row["settled_at"]) for row in register(risks)}
    assert found == {
        "open": ("open", True, None),
        "in review": ("in_review", True, None),
        "mitigated": ("mitigated", False, None),
        "dismissed in time": ("dismissed", False, last),
        "dismissed tomorrow": ("open", True, None),
        "raised at the last moment": ("open", True, None),
    }


@pytest.mark.parametrize(
    ("status", "due", "overdue", "word"),
    [
        ("open", None, None, "not_measurable"),
        ("mitigated", None, None, "not_measurable"),
        ("open", -1, True, "overdue"),
        ("open", 0, False, "in_time"),
        ("in_review", -1, True, "overdue"),
        ("mitigated", -1, False, "settled"),
    ],
)
def test_nothing_is_overdue_without_a_day(status: str, due: int | None, overdue: bool | None, word: str) -> None:
    cells = {} if due is None else {"due_date": day(due)}
    [row] = register([risk("one", status=status, **cells)])
    assert (row["is_overdue"], row["due_status"]) == (overdue, word)


def test_critical_risks_block_until_a_person_settles_them() -> None:
    """Trap M20: an open risk has a consequence, and no clock ends it."""
    risks = [
        risk("critical", severity="critical"),
        risk("critical, in review", severity="critical", status="in_review"),
        risk("critical, old", severity="critical", timestamp=instant("2024-01-01T00:00:00")),
        risk("critical, settled", severity="critical", status="mitigated"),
        risk("high"),
    ]
    blocking = {row["risk_id"] for row in register(risks) if row["is_blocking"]}
    assert blocking == {"critical", "critical, in review", "critical, old"}
    table = table_of(RiskRegister, register(risks))
    assert {row["risk_id"] for row in rows_of(risks_that_block(table))} == blocking
    stricter = policy_with(marketing__risks__blocking_severities=["high", "critical"])
    assert {row["risk_id"] for row in register(risks, stricter) if row["is_blocking"]} == blocking | {"high"}


def test_all_are_ranked_the_worst_open_one_first() -> None:
    risks = [
        risk("settled", severity="critical", status="dismissed"),
        risk("low", severity="low"),
        risk("b high"),
        risk("a high"),
        risk("unknown stake", "done"),
        risk("blocking, nothing at stake", "overspent", "critical"),
        *(risk(f"more {number:02}", severity="low", status="mitigated") for number in range(20)),
    ]
    found = sorted(register(risks), key=lambda row: row["rank"])
    assert [row["rank"] for row in found] == list(range(1, 27))
    names = [row["risk_id"] for row in found]
    assert names[:5] == ["blocking, nothing at stake", "a high", "b high", "low", "unknown stake"]
    assert names[5] == "settled"


def test_checks_name_what_waits() -> None:
    table = table_of(RiskRegister, register([risk("late", due_date=day(-2)), risk("in time", due_date=day(2))]))
    assert [row["risk_id"] for row in rows_of(risks_overdue(table))] == ["late"]
    assert register([]) == []
