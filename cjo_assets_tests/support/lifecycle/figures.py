"""Figures of a lifecycle day by hand: every list full, long numbers, names that look like markup."""

from datetime import date
from typing import Any

from cjo_assets.families.lifecycle.report.figures import NAMES, SHOWN, LifecycleFigures
from cjo_assets.families.lifecycle.report.reading import rules_of
from cjo_assets.families.lifecycle.success._health import BANDS
from cjo_assets.policy import Policy
from cjo_assets.reporting.naming import Naming
from cjo_assets_tests.support.journey.figures import HOSTILE
from cjo_assets_tests.support.rows import DAY, POLICY, Row, Rows, default_row

# Values that a list needs, so that pictures are drawn and every action has entries.
SAID: dict[str, Row] = {
    "lifecycle_summary": {
        "status": "critical",
        "reasons": ["payments_overdue", "sla_missed", "revenue_at_risk", "revenue_lost"],
        "at_risk_mrr": 1_234_567.89,
        "at_risk_share": 0.3,
        "open_clocks": 30,
        "breached_clocks": 25,
        "breached_share": 25 / 30,
        "offers_value": 9_876_543.21,
        "mrr": 123_456_789.01,
        "mrr_change": -12_345.67,
        "nrr": 0.91,
        "overdue_share": 0.3,
    },
    "mrr_bridge": {"start_mrr": 9e6, "end_mrr": 9e6, "expansion_mrr": 2e6, "churn_mrr": 3e6, "new_mrr": 1e6}
    | {"nrr": 0.97, "grr": 0.9, "cohort_nrr": 1.1},
    "movements": {"movement": "churn", "change_mrr": -1_234_567.89},
    "invoices": {"days_overdue": 400, "dunning": "suspend", "open": 1_234_567.89},
    "ticket_sla": {"state": "breached", "elapsed": 1e6, "target": 480.0, "share": 2_083.3},
    "escalations": {"state": "late", "waited_minutes": 123_456.7, "triggers": ["asked_for_human", "sla_breached"]},
    "at_risk": {"stage": "at_risk", "mrr": 123_456.78, "reasons": ["declining_engagement", "red_health"]},
    "renewals": {"stage": "renewal", "mrr": 123_456.78, "days_to_renewal": 30},
    "health_by_band": {"mrr": 1_234_567.89},
    "health_scores": {"score": 12.345, "band": "red", "weakest_measure": "csat", "not_measurable": ["features_used"]},
    "health_contributions": {"contribution": 2.5, "points": 25.0, "weight": 0.1},
    "opportunities": {"kind": "premium_tier", "state": "open", "value": 1_234_567.0, "is_indicated": True},
    "action_plan": {"kind": "approval", "subject_id": "L-1", "value_at_stake": 1_234_567.0},
    "lifecycle_messages": {"message": "welcome", "state": "due", "due_on": DAY},
    "plan_usage": {"state": "over", "used": 10**7, "included": 10**6, "share": 10.0, "projected": 2e7},
    "client_pipeline": {"step": "config_deployed", "is_overdue": True, "needs_review": True, "needs_approval": True}
    | {"reminder_due": True, "hours_in_step": 9_999.5, "margin": -0.5, "out_of_order": ["demo", "pilot"]},
}
LONG = ("mrr_bridge", "pipeline_funnel", "lifecycle_summary", "health_by_band")


def made_figures(rows: int = 25, policy: Policy = POLICY) -> LifecycleFigures:
    """Return figures of a day with so many rows in each list that is cut, each with more rows than it shows."""
    lists = {name: _rows(name, rows) for name in SHOWN if name not in LONG}
    lists["lifecycle_summary"] = _rows("lifecycle_summary", 1)
    lists["mrr_bridge"] = [
        row | {"month": date(2024 + place // 12, place % 12 + 1, 1)}
        for place, row in enumerate(_rows("mrr_bridge", 13))
    ]
    lists["pipeline_funnel"] = [
        row | {"kind": "new", "place": place + 1, "reached": 12 - place, "went_on": 11 - place, "is_worst": place == 10}
        for place, row in enumerate(_rows("pipeline_funnel", 12))
    ]
    lists["health_by_band"] = [
        row | {"band": band, "place": place}
        for place, (band, row) in enumerate(zip(BANDS, _rows("health_by_band", len(BANDS)), strict=True), start=1)
    ]
    loads = [
        {"dataset": f"dataset {number}", "source_file": _word(number), "rows_read": 10**7, "rows_accepted": 1}
        | {"rows_rejected": 1, "note": _word(number)}
        for number in range(rows)
    ]
    return LifecycleFigures(
        as_of=DAY,
        policy_hash=policy.policy_hash,
        policy_version="1",
        rules=rules_of(policy),
        rows=lists,
        cut=frozenset(name for name, shown in SHOWN.items() if shown.limit),
        history=lists["lifecycle_summary"],
        naming=Naming(
            policy.labels, DAY.year, NAMES, {"customer_id": {f"C{number:03}": _word(number) for number in range(rows)}}
        ),
        loads=loads,
        rejections=[{"dataset": row["dataset"], "rule": row["note"], "rows": 1} for row in loads],
    )


def _rows(name: str, count: int) -> Rows:
    return [_row(name, number) for number in range(count)]


def _row(name: str, number: int) -> Row:
    row: dict[str, Any] = default_row(SHOWN[name].contract, number + 1) | {"as_of": DAY} | SAID.get(name, {})
    if "customer_id" in row:
        row |= {"customer_id": f"C{number:03}"}
    return row


def _word(number: int) -> str:
    return HOSTILE[number % len(HOSTILE)]
