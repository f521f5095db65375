"""Figures of a day by hand: a portfolio of a million customers, long names, hostile text, every list full."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from cjo_assets.core.contract import Contract
from cjo_assets.families.audit.records.dataset_loads import DatasetLoads
from cjo_assets.families.journey.approval.approval_requests import ApprovalRequests
from cjo_assets.families.journey.decision.coverage_gaps import CoverageGaps
from cjo_assets.families.journey.decision.recommended_interventions import RecommendedInterventions
from cjo_assets.families.journey.learning.playbook_performance import PlaybookPerformance
from cjo_assets.families.journey.portfolio.journey_summary import JourneySummary
from cjo_assets.families.journey.portfolio.next_steps import NextSteps
from cjo_assets.families.journey.portfolio.portfolio_by_segment import PortfolioBySegment
from cjo_assets.families.journey.portfolio.portfolio_by_stage import PortfolioByStage
from cjo_assets.families.journey.portfolio.portfolio_snapshots import PortfolioSnapshots
from cjo_assets.families.journey.portfolio.rejections_by_rule import RejectionsByRule
from cjo_assets.families.journey.process.conformance import Conformance
from cjo_assets.families.journey.process.stage_flows import StageFlows
from cjo_assets.families.journey.report.figures import JourneyFigures
from cjo_assets.families.journey.report.summary import rule_based_summary
from cjo_assets.families.journey.value.kpi_status import KpiStatus
from cjo_assets.families.journey.value.kpis import Kpis
from cjo_assets.families.journey.value.roi_breakdown import RoiBreakdown
from cjo_assets.families.journey.value.roi_by_grade import RoiByGrade
from cjo_assets.families.journey.value.roi_estimate import RoiEstimate
from cjo_assets.families.journey.value.roi_sensitivity import RoiSensitivity
from cjo_assets.reporting.naming import Naming
from cjo_assets_tests.support.rows import DAY, POLICY, Row, Rows, default_row

HOSTILE = [
    "<script>alert(1)</script>",
    "</td></tr></table><h1>x</h1>",
    "<img src=http://e.example/x onerror=alert(1)>",
    "</style><style>*{display:none}</style>",
    "<!-- hidden -->",
    "a|b||c",
    "\\|",
    "\\",
    "[x](http://e)",
    "![x](http://e/i.png)",
    "[x]: http://e",
    "<http://e.example>",
    "=cmd()",
    "@SUM(1+1)",
    "`code`",
    "**bold** __bold__ *it* _it_ ~~gone~~",
    "# heading",
    "- item",
    "1. item",
    "> quote",
    "---",
    "&lt;b&gt; &amp; &#60;",
    "\\<b\\>",
    "{{ template }} {% if %} ${x} $(x)",
    '" onmouseover="alert(1)',
]
STAGES = ["onboarding", "engagement", "support", "retention", "escalation", "churned"]
MOVES = [(0, 1), (1, 2), (1, 3), (2, 3), (3, 2), (2, 4), (4, 2), (3, 5), (1, 5), (5, 0)]


def made(contract: type[Contract], count: int, change: Callable[[int], Row]) -> Rows:
    """Return so many rows of a contract, in which each differs by its number."""
    return [default_row(contract, number) | {"as_of": DAY} | change(number) for number in range(1, count + 1)]


def counted(number: int) -> Row:
    """Return what is counted of a group of customers."""
    active = 150_000 + 1_111 * number
    return {
        "customers": active + 999,
        "active_customers": active,
        "customers_high_risk": active // 9,
        "customers_in_friction": active // 3,
        "friction_rate": 0.333333,
        "account_value": 1_234_567_890.12 + number,
        "revenue_at_risk": 98_765_432.1 + number,
        "revenue_at_risk_share": 0.08 + number / 1000,
        "customers_without_answer": 4_321,
        "status": ["green", "yellow", "red", "not_measurable"][number % 4],
        "status_reasons": [
            "friction_rate 0.333333 keeps the target 0.4",
            "high_risk_share 0.111 is above the target 0.1",
        ],
    }


def made_figures(days: int = 60) -> JourneyFigures:
    """Return the figures of the day; the customers' own words are hostile."""
    hostile = HOSTILE

    def word(number: int) -> str:
        return hostile[number % len(hostile)]

    snapshots = made(
        PortfolioSnapshots,
        days,
        lambda number: (
            counted(number)
            | {
                "as_of": DAY - timedelta(days=days - number),
                "verdict": "above_target",
                "status": "yellow",
                "top_leaking_stage": "support",
                "top_leaking_revenue_at_risk": 7_654_321.5,
                "systemic_failures": ["escalation", "support"],
                "trend_7_days": "rising",
                "trend_28_days": "not_measurable",
                "trend_notes": ["2024-12-23 was not run: nothing to compare with 28 days before."],
            }
        ),
    )
    [summary] = made(
        JourneySummary, 1, lambda _: {"customers_recommended": 123_456, "customers_without_answer": 25_926}
    )
    summary |= {"interventions_pending": 4_711, "interventions_expired": 12, "total_customers_analyzed": 1_000_000}
    [roi] = made(
        RoiEstimate,
        1,
        lambda _: (
            {"total_value": 4_800_000.0, "total_cost": 1_245_000.01, "net_benefit": 3_554_999.99}
            | {"roi_percent": 285.5, "interventions_executed": 98_765, "evidence_grade": "assumption"}
        ),
    )
    kpi_status = made(KpiStatus, 3, lambda number: {"status": ["at_risk", "on_track", "not_measurable"][number - 1]})
    return JourneyFigures(
        as_of=DAY,
        policy_hash=POLICY.policy_hash,
        policy_version="1",
        report_rows=25,
        trend_days=90,
        summary=summary,
        snapshot=snapshots[-1],
        snapshots=snapshots,
        segments=made(PortfolioBySegment, 3, counted),
        stages=[
            row | {"journey_stage": stage}
            for row, stage in zip(made(PortfolioByStage, len(STAGES), counted), STAGES, strict=True)
        ],
        flows=[
            default_row(StageFlows, number)
            | {"as_of": DAY, "from_stage": STAGES[start], "to_stage": STAGES[end], "customers": 100_000 // (number + 1)}
            | {"invalid_moves": int(end == 0)}
            for number, (start, end) in enumerate(MOVES)
        ],
        conformance=made(
            Conformance, 4, lambda number: {"segment": ["All", "SMB", "Mid-Market", "Enterprise"][number - 1]}
        ),
        risk_bands=[
            {"band_low": band / 10, "band_high": (band + 1) / 10, "risk_tier": tier, "customers": 1_000 * (12 - band)}
            for band, tier in enumerate([None, None, "low", "low", "low", "medium", "medium", "high", "high", "high"])
        ],
        next_steps=made(
            NextSteps,
            25,
            lambda number: (
                {"rank": number, "subject": word(number), "why": f"{word(number)} waits for approval"}
                | {"reference": word(number), "revenue_at_risk": 1_234_567.89 / number}
            ),
        ),
        last_step={"as_of": DAY, "rank": 654_321},
        decisions=made(
            RecommendedInterventions,
            25,
            lambda number: (
                {"intervention_id": f"I-{number:012d}", "customer_id": word(number)}
                | {
                    "recommended_action": word(number),
                    "playbook_name": word(number),
                    "triggered_by_signals": [word(number)],
                }
                | {"approval_reasons": ["high_value_customer"], "expected_value": 12_345.67}
            ),
        ),
        gaps=made(CoverageGaps, 25, lambda number: {"customer_id": word(number), "account_value": 9_876_543.21}),
        approvals=made(
            ApprovalRequests, 25, lambda number: {"customer_id": word(number), "recommended_action": word(number)}
        ),
        playbooks=made(
            PlaybookPerformance,
            len(hostile[:25]),
            lambda number: (
                {"playbook_id": word(number), "segment": "All", "expected_net_value": 5_000.0 - 300 * number}
                | {"net_value_lower_bound": 4_000.0 - 400 * number, "net_value_upper_bound": 6_500.0 - 200 * number}
            ),
        ),
        playbook_count=[{"segment": "All", "playbooks": 1_234}],
        kpis=made(Kpis, 19, lambda number: {"kpi": f"kpi_of_a_rather_long_name_{'x' * number}", "note": word(number)}),
        kpi_status=kpi_status,
        roi=roi,
        roi_parts=[
            default_row(RoiBreakdown, number)
            | {"as_of": DAY, "component": name, "kind": kind, "amount": amount, "evidence_grade": grade}
            for number, (name, kind, amount, grade) in enumerate(
                [
                    ("retained_revenue", "value", 4_000_000.0, "randomised"),
                    ("escalation_prevention", "value", 500_000.0, "matched"),
                    ("faster_resolution", "value", 300_000.0, "before_after"),
                    ("support_workload_reduction", "value", None, "assumption"),
                    ("playbook_cost", "cost", 1_000_000.01, "assumption"),
                    ("infrastructure", "cost", 245_000.0, "assumption"),
                ]
            )
        ],
        roi_grades=made(RoiByGrade, 4, lambda number: {"strength": number}),
        sensitivity=[
            default_row(RoiSensitivity, number)
            | {"as_of": DAY, "rank": number, "net_benefit_base": 3_554_999.99, "swing": 2e6 / number}
            | {"net_benefit_low": 3_554_999.99 - 1e6 / number, "net_benefit_high": 3_554_999.99 + 1e6 / number}
            for number in range(1, 12)
        ],
        loads=made(DatasetLoads, 10, lambda number: {"source_file": word(number), "rows_read": 10_000_000}),
        rejections=made(
            RejectionsByRule, 10, lambda number: {"rule": word(number), "example_customer_id": word(number)}
        ),
        portfolio=POLICY.journey.portfolio,
        currency=POLICY.labels.currency,
        history={"portfolio_snapshots": snapshots, "journey_summary": [summary], "roi_estimate": [roi]},
        naming=Naming(POLICY.labels, DAY.year),
        paragraph=rule_based_summary(summary, roi, kpi_status),
    )


def without_anything(figures: JourneyFigures) -> JourneyFigures:
    """Return figures of which every list is empty and every share unknown."""
    unknown: dict[str, Any] = {"verdict": "not_measurable", "status": "not_measurable", "status_reasons": []}
    unknown |= {"revenue_at_risk": None, "revenue_at_risk_share": None, "top_leaking_stage": None}
    unknown |= {"systemic_failures": [], "trend_7_days": "not_measurable", "trend_notes": []}
    snapshot = figures.snapshot | unknown
    lists = ("segments", "stages", "flows", "conformance", "risk_bands", "next_steps", "decisions", "gaps", "approvals")
    empty: dict[str, Any] = {name: [] for name in (*lists, "playbooks", "kpis", "kpi_status", "rejections")}
    parts = [row | {"amount": None} for row in figures.roi_parts]
    return replace(
        figures,
        snapshot=snapshot,
        snapshots=[snapshot],
        history=dict(figures.history) | {"portfolio_snapshots": [snapshot]},
        paragraph=None,
        last_step=None,
        sensitivity=[],
        roi_parts=parts,
        **empty,
    )
