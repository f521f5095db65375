"""Rows added to the sample month, so that every setting of marketing has an effect."""

import json
from pathlib import Path
from typing import Any

from cjo_assets_tests.support.probe import Rows

APRIL = "2026-04-30"
SEGMENTS = ("SEG_P1", "SEG_P2", "SEG_P3", "SEG_P4")
Counts = tuple[int, int, int, float, float]

CAMPAIGNS = (
    # id, status, start, end, budget, target of the conversion rate
    ("P_GOOD", "active", "2026-03-01", APRIL, 10000, 0.010),  # on pace, far above its target: gets money
    ("P_SLOW", "active", "2026-03-01", APRIL, 9000, 0.010),  # spends too little: a source of budget
    ("P_WASTE", "active", "2026-03-01", APRIL, 6000, 0.010),  # spends too fast for little: gives money, or loses it
    ("P_EVEN", "active", "2026-03-01", APRIL, 8000, 0.010),  # a tenth above its target, a tenth below its pace
    ("P_NEW", "active", "2026-03-25", "2026-04-28", 3000, 0.010),  # a fifth of its days have passed
    ("P_SMALL", "active", "2026-03-01", APRIL, 2000, 0.010),  # 1,600 exposures
    ("P_PARTS", "active", "2026-03-01", APRIL, 20000, 0.010),  # segments of each kind
    ("P_LONG", "active", "2026-03-01", "2033-03-01", 20000, 0.010),  # planned for seven years, or open-ended
)

EXPERIMENTS: tuple[tuple[str, str, str, str, str, Counts, Counts], ...] = (
    # id, campaign, segment, metric, status, then for control and variant: impressions, clicks, conversions, cost, value
    ("X_WON", "P_GOOD", "SEG_P1", "conversion_rate", "completed",
     (60000, 3000, 900, 2000, 9000), (60000, 2000, 1500, 2200, 15000)),
    ("X_GUARD", "P_GOOD", "SEG_P2", "click_through_rate", "completed",
     (100000, 5000, 4000, 400, 1000), (100000, 6000, 4000, 420, 1000)),
    ("X_LOST", "P_SLOW", "SEG_P1", "conversion_rate", "running",
     (60000, 3000, 900, 500, 50), (60000, 3000, 300, 500, 50)),
    ("X_WASTE", "P_WASTE", "SEG_P1", "conversion_rate", "running",
     (40000, 800, 80, 2600, 2000), (40000, 800, 80, 2600, 2000)),
    ("X_EVEN", "P_EVEN", "SEG_P1", "conversion_rate", "running",
     (40000, 800, 440, 1850, 2600), (40000, 800, 440, 1850, 2600)),
    ("X_NEW", "P_NEW", "SEG_P1", "conversion_rate", "running",
     (5000, 100, 50, 300, 400), (5000, 100, 50, 300, 400)),
    ("X_FEW", "P_SMALL", "SEG_P1", "conversion_rate", "running",
     (150, 30, 15, 10, 40), (150, 30, 15, 10, 40)),
    ("X_RARE", "P_SMALL", "SEG_P2", "conversion_rate", "running",
     (650, 30, 14, 150, 200), (650, 30, 15, 150, 200)),
    # Counted in people, half as many as impressions; arms that are not quite even.
    ("X_PEOPLE", "P_GOOD", "SEG_P2", "conversion_rate", "completed",
     (20000, 400, 300, 100, 1400), (19200, 400, 350, 100, 1400)),
    ("X_SCALE", "P_PARTS", "SEG_P1", "conversion_rate", "running",
     (20000, 400, 300, 1000, 1400), (20000, 400, 300, 1000, 1400)),
    ("X_STOP", "P_PARTS", "SEG_P2", "conversion_rate", "running",
     (20000, 400, 80, 1000, 300), (20000, 400, 80, 1000, 300)),
    ("X_NOTHING", "P_PARTS", "SEG_P3", "conversion_rate", "running",
     (3000, 60, 0, 150, 0), (3000, 60, 0, 150, 0)),
    ("X_LITTLE", "P_PARTS", "SEG_P4", "conversion_rate", "running",
     (750, 20, 1, 100, 80), (750, 20, 1, 100, 80)),
)  # fmt: skip

# Sums over the people of arms: asset, metric, people, total, sum of squares, orders, their squares, and products.
SUMS = (
    ("X_WON_A", "revenue_per_person", 10000, 20000, 90000, None, None, None),
    ("X_WON_B", "revenue_per_person", 10000, 23000, 110000, None, None, None),
    ("X_WON_C", "revenue_per_person", 10000, 20100, 90000, None, None, None),
    ("X_WON_A", "revenue_per_order", 10000, 20000, 90000, 1000, 1200, 9000),
    ("X_WON_B", "revenue_per_order", 10000, 23000, 110000, 1000, 1200, 10000),
    ("X_PEOPLE_A", "revenue_per_person", 5000, 10000, 45000, None, None, None),
    ("X_PEOPLE_B", "revenue_per_person", 5000, 10200, 46000, None, None, None),
)

RISKS = (
    # id, campaign, asset, type, severity, recommended action
    ("R_HIGH", "P_WASTE", "X_WASTE_A", "policy_violation", "high", "scale_down"),
    ("R_HUMAN", "P_PARTS", "X_STOP_A", "low_conversion", "low", "human_review"),
)

MOVES = (
    # id, campaign, from, to, amount, currency
    ("B_RISKY", "P_WASTE", "CH_01", "CH_02", 50, "USD"),  # into a channel with an open risk
    ("B_LARGE", "P_GOOD", "CH_01", "CH_02", 2000, "USD"),  # a fifth of the budget
    ("B_EURO", "P_GOOD", "CH_01", "CH_02", 100, "EUR"),
)
# Effective moves of P_GOOD, each a fifth of its budget: two within a month, one before it.
MADE = (("B_OLD", "2026-02-21"), ("B_FIRST", "2026-03-10"), ("B_SECOND", "2026-03-11"))

HINTS = (
    # id, instant, attributed conversions: P_GOOD had 11,050, and gets credit for 7 % more
    ("A_ONE", "2026-03-30T06:00:00", 168),
    ("A_TWO", "2026-03-31T06:00:00", 11660),
)

# Instants of the touches of one conversion, at the end of March; the first is too long ago to have led to it.
TOUCHES = ("2026-02-10", "2026-03-05", "2026-03-12", "2026-03-25", "2026-03-29")

# What each stage of P_GOOD counted.
STAGES = {
    "impression": 320000,
    "click": 16000,
    "visit": 15000,
    "signup": 9000,
    "demo_request": 900,
    "purchase": 300,
    "feature_adopt": 200,
}

# Texts of actions: one word each that makes it unique.
ACTIONS = (
    "Requested budget",
    "Cut spend",
    "Reallocated money",
    "Scale it",
    "Scaling it",
    "Took the winner",
    "Roll out to all",
    "Rolled out to all",
    "Another variant",
    "A new experiment",
    "Planned an A/B",
    "Made a test",
    "New creative",
    "New copy",
    "New message",
    "New headline",
    "New CTA",
    "New subject line",
    "Another segment",
    "Another audience",
    "Narrower targeting",
    "Pause it",
    "Stop it",
    "Halt it",
    "Requested review",
    "Escalated it",
    "Called a human",
)


def add_rows(folder: Path) -> None:
    """Add the rows to the files of a folder."""
    for dataset, rows in _rows().items():
        path = folder / f"{dataset}.json"
        found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
        path.write_text(json.dumps(found + rows), encoding="utf-8")


def _rows() -> dict[str, Rows]:
    assets, snapshots = [], []
    for name, campaign, segment, _, _, *arms in EXPERIMENTS:
        for arm, counts in zip("AB", arms, strict=True):
            assets.append(_asset(f"{name}_{arm}", campaign, segment, arm))
            snapshots.append(_snapshot(name, arm, counts))
    # Arms beyond the two of the evaluation.
    assets += [_asset(f"X_WON_{arm}", "P_GOOD", "SEG_P1", arm) for arm in "CD"]
    return {
        "campaigns": [_campaign(*row) for row in CAMPAIGNS],
        "audience_segments": [
            {"segment_id": name, "name": name, "description": None, "size_estimate": None, "priority": "low"}
            for name in SEGMENTS
        ],
        "creative_assets": assets,
        "experiments": [_experiment(*row[:5]) for row in EXPERIMENTS],
        "performance_metrics": snapshots,
        "experiment_metrics": [_sums(*row) for row in SUMS],
        "campaign_risk_signals": [_risk(*row) for row in RISKS],
        "budget_actions": [*(_move(*row) for row in MOVES), *(_made(*row) for row in MADE)],
        "roi_ledger": [
            {
                "campaign_id": "P_PARTS",
                "llm_cost": 10.0,
                "human_review_cost": 90.0,
                "media_spend": 4500.0,
                "estimated_value": 3560.0,
                "net_roi": -1040.0,
            }
        ],
        "funnel_events": [_event(*row) for row in STAGES.items()],
        "attribution_hints": [_hint(*row) for row in HINTS],
        "touchpoints": [_touch(*row) for row in enumerate(TOUCHES)],
        "orchestrator_decisions": [_decision(*row) for row in enumerate(ACTIONS)],
    }


def _campaign(campaign_id: str, status: str, start: str, end: str, budget: float, target: float) -> dict[str, Any]:
    return {
        "campaign_id": campaign_id,
        "created_at": "2026-02-20T09:00:00",
        "name": campaign_id,
        "objective": "Matter to a setting",
        "primary_kpi": "conversion_rate",
        "start_date": start,
        "end_date": end,
        "budget": budget,
        "status": status,
        "hypothesis": None,
        "kpi_target": target,
    }


def _asset(asset_id: str, campaign: str, segment: str, variant: str) -> dict[str, Any]:
    return {
        "asset_id": asset_id,
        "created_at": "2026-02-25T09:00:00",
        "campaign_id": campaign,
        "segment_id": segment,
        "channel_id": "CH_02",
        "variant": variant,
        "message_theme": "Any",
        "cta": "Go",
        "approved_by_human": True,
        "risk_flags": [],
    }


def _experiment(name: str, campaign: str, _: str, metric: str, status: str) -> dict[str, Any]:
    return {
        "experiment_id": name,
        "campaign_id": campaign,
        "start_date": "2026-03-02",
        "end_date": "2026-03-30" if status == "completed" else None,
        "type": "A/B/n" if name == "X_WON" else "A/B",
        "metric": metric,
        "control_asset": f"{name}_A",
        "variant_asset": f"{name}_B",
        "status": status,
        "horizon_exposures": None,
    }


def _snapshot(name: str, arm: str, counts: Counts) -> dict[str, Any]:
    impressions, clicks, conversions, cost, value = counts
    return {
        "asset_id": f"{name}_{arm}",
        "experiment_id": name,
        "timestamp": "2026-03-29T22:00:00",
        "impressions": impressions,
        "clicks": clicks,
        "conversions": conversions,
        "conversion_rate": round(conversions / impressions, 6),
        "cost": cost,
        "revenue_proxy": value,
        "exposed_people": impressions // 2 if name == "X_PEOPLE" else None,
    }


def _sums(
    asset: str,
    metric: str,
    people: int,
    total: float,
    squares: float,
    orders: float | None,
    order_squares: float | None,
    products: float | None,
) -> dict[str, Any]:
    return {
        "experiment_id": asset[:-2],
        "asset_id": asset,
        "metric": metric,
        "measured_on": "2026-03-29",
        "people": people,
        "total": total,
        "sum_of_squares": squares,
        "denominator_total": orders,
        "denominator_sum_of_squares": order_squares,
        "denominator_products": products,
    }


def _risk(
    risk_id: str, campaign: str, asset: str, risk_type: str, severity: str, recommended_action: str
) -> dict[str, Any]:
    return {
        "risk_id": risk_id,
        "timestamp": "2026-03-20T09:00:00",
        "campaign_id": campaign,
        "experiment_id": None,
        "asset_ids": [asset],
        "risk_type": risk_type,
        "severity": severity,
        "evidence": {},
        "recommended_action": recommended_action,
        "status": "open",
        "due_date": None,
        "resolved_at": None,
    }


def _move(name: str, campaign: str, giver: str, taker: str, amount: float, currency: str) -> dict[str, Any]:
    return {
        "budget_action_id": name,
        "timestamp": "2026-03-28T09:00:00",
        "campaign_id": campaign,
        "from_channel_id": giver,
        "to_channel_id": taker,
        "amount": amount,
        "currency": currency,
        "reason_code": "roi_optimization",
        "reason_detail": None,
        "proposed_by": "orchestrator",
        "approved_by_human": False,
        "approver_id": None,
        "approval_latency_minutes": None,
        "status": "proposed",
        "decided_at": None,
        "executed_at": None,
    }


def _made(name: str, day: str) -> dict[str, Any]:
    answered = {"approved_by_human": True, "approver_id": "manager_01", "approval_latency_minutes": 60}
    moved = {"status": "executed", "decided_at": f"{day}T10:00:00", "executed_at": f"{day}T11:00:00"}
    return _move(name, "P_GOOD", "CH_01", "CH_02", 2000, "USD") | {"timestamp": f"{day}T09:00:00"} | answered | moved


def _hint(name: str, timestamp: str, conversions: float) -> dict[str, Any]:
    return {
        "hint_id": name,
        "timestamp": timestamp,
        "campaign_id": "P_GOOD",
        "channel_id": "CH_02",
        "attributed_conversions": conversions,
        "method": "last_touch",
        "confidence": 0.8,
    }


def _event(stage: str, count: int) -> dict[str, Any]:
    return {
        "event_id": f"F_{stage}",
        "timestamp": "2026-03-29T23:30:00",
        "date": "2026-03-29",
        "campaign_id": "P_GOOD",
        "segment_id": "SEG_P1",
        "channel_id": "CH_02",
        "stage": stage,
        "count": count,
        "source": "crm",
        "confidence": 0.9,
    }


def _touch(number: int, day: str) -> dict[str, Any]:
    return {
        "touchpoint_id": f"T{number}",
        "conversion_id": "C1",
        "converted_at": "2026-03-30T12:00:00",
        "touched_at": f"{day}T12:00:00",
        "campaign_id": "P_GOOD",
        "channel_id": f"CH_0{1 + number % 3}",
    }


def _decision(number: int, action: str) -> dict[str, Any]:
    return {
        "decision_id": f"D{number}",
        "campaign_id": "P_GOOD",
        "trigger": f"Trigger {number % 5}",
        "action_taken": action,
        "confidence_score": 0.8,
        "human_override": False,
        "timestamp": "2026-03-29T08:00:00",
        "insight_at": None,
    }
