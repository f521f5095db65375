"""Rows that the report of the journey family shows, and its files."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from cjo_assets.core.contract import ANY_SEGMENT
from cjo_assets.core.family import Report
from cjo_assets.core.settings import Settings
from cjo_assets.engine.store import Store
from cjo_assets.families.journey.report.figures import NAMES, RISK_BAND, JourneyFigures
from cjo_assets.families.journey.report.report import journey_report
from cjo_assets.families.journey.report.summary import rule_based_summary
from cjo_assets.families.journey.report.texts import summary_of_day
from cjo_assets.policy import Policy
from cjo_assets.reporting.document import Chart
from cjo_assets.reporting.first_screen import history_of
from cjo_assets.reporting.naming import read_naming
from cjo_assets.reporting.summary import Summary
from cjo_assets.reporting.writing import loads_of, remove_folder, write_document

REPORT_FILE = "journey_report.html"
# Tables with one row a day whose figures the tiles show.
TABLES_OF_TILES = ("portfolio_snapshots", "journey_summary", "roi_estimate")
SNAPSHOTS = "SELECT * FROM journey.portfolio_snapshots WHERE as_of <= $1 AND as_of > $1 - $2::INTEGER ORDER BY as_of"
PLAYBOOK_COUNT = (
    "SELECT segment, count(*) AS playbooks FROM journey.playbook_performance "
    "WHERE as_of = ? AND segment = ? GROUP BY segment"
)
PENDING_REQUESTS = """
    SELECT requests.* FROM journey.approval_requests AS requests JOIN journey.outcome_analyses AS followed
        ON followed.as_of = $1 AND followed.intervention_id = requests.intervention_id
    WHERE followed.approval_status = 'pending'
    QUALIFY row_number() OVER (ORDER BY requests.expires_at, requests.intervention_id) <= $2
        OR list_contains($3, requests.intervention_id)
    ORDER BY requests.expires_at, requests.intervention_id"""


def journey_figures(store: Store, as_of: date, policy: Policy, paragraph: Summary | None = None) -> JourneyFigures:
    """Read the figures of a day; long lists are cut to the policy's length and counted whole.

    Args:
        store: the tables.
        as_of: the day.
        policy: how long a list and a trend may be.
        paragraph: the day in words; the rules' own unless given.
    """
    limit, trend_days = policy.journey.reporting.report_rows, policy.journey.reporting.trend_days

    of_day = partial(_of_day, store, as_of)

    [summary], [roi], [snapshot] = (
        of_day(t, "as_of") for t in ("journey_summary", "roi_estimate", "portfolio_snapshots")
    )
    kpi_status = of_day("kpi_status", "family")
    history = {table: history_of(store, f"journey.{table}", as_of) for table in TABLES_OF_TILES}
    next_steps = of_day("next_steps", "rank", limit)
    all_segments = f"segment = '{ANY_SEGMENT}'"
    gaps = of_day("coverage_gaps", "overall_risk_score DESC, customer_id", limit)
    playbooks = of_day("playbook_performance", "expected_net_value DESC, playbook_id", limit, all_segments)
    return JourneyFigures(
        as_of=as_of,
        policy_hash=policy.policy_hash,
        policy_version=policy.version,
        report_rows=limit,
        trend_days=trend_days,
        summary=summary,
        snapshot=snapshot,
        snapshots=store.rows(SNAPSHOTS, as_of, trend_days),
        segments=of_day("portfolio_by_segment", "segment"),
        stages=sorted(of_day("portfolio_by_stage", "journey_stage"), key=_place_of(policy)),
        flows=of_day("stage_flows", "customers DESC, from_stage, to_stage"),
        conformance=of_day("conformance", f"{all_segments} DESC, segment"),
        risk_bands=risk_bands(store, as_of),
        next_steps=next_steps,
        last_step=next(iter(of_day("next_steps", "rank DESC", 1)), None),
        decisions=of_day("recommended_interventions", "priority_score DESC, customer_id", limit),
        gaps=gaps,
        approvals=store.rows(PENDING_REQUESTS, as_of, limit, [step["reference"] for step in next_steps]),
        playbooks=playbooks,
        playbook_count=store.rows(PLAYBOOK_COUNT, as_of, ANY_SEGMENT),
        kpis=of_day("kpis", "family, kpi"),
        kpi_status=kpi_status,
        roi=roi,
        roi_parts=of_day("roi_breakdown", "kind, component, evidence_grade"),
        roi_grades=of_day("roi_by_grade", "strength"),
        sensitivity=of_day("roi_sensitivity", "rank"),
        loads=loads_of(store, "journey"),
        rejections=of_day("rejections_by_rule", "dataset, rule"),
        portfolio=policy.journey.portfolio,
        currency=policy.labels.currency,
        history=history,
        naming=read_naming(store, policy.labels, as_of, NAMES, (gaps, playbooks)),
        paragraph=paragraph or rule_based_summary(summary, roi, kpi_status),
    )


def _of_day(
    store: Store, as_of: date, table: str, order: str, rows: int | None = None, where: str = "true"
) -> list[dict[str, Any]]:
    """Return the rows of a table on a day, in an order; the first of them where a number is given."""
    cut = f" LIMIT {rows}" if rows is not None else ""
    return store.rows(f"SELECT * FROM journey.{table} WHERE as_of = ? AND {where} ORDER BY {order}{cut}", as_of)


def risk_bands(store: Store, as_of: date) -> list[dict[str, Any]]:
    """Count customers by band of overall risk and tier; the last band holds its upper end too."""
    bands = round(1 / RISK_BAND)
    return store.rows(
        f"SELECT least(floor(round(overall_risk_score * {bands}, 6)), {bands - 1}) / {bands} AS band_low, "
        f"(least(floor(round(overall_risk_score * {bands}, 6)), {bands - 1}) + 1) / {bands} AS band_high, "
        "risk_tier, count(*) AS customers FROM journey.risk_scores WHERE as_of = ? "
        "GROUP BY ALL ORDER BY band_low, risk_tier",
        as_of,
    )


def write_report(store: Store, settings: Settings, as_of: date, policy: Policy) -> Path | None:
    """Write the report of a day and return its page; remove an old one where the policy disables reports."""
    folder = settings.report_of("journey", as_of)
    if not policy.journey.reporting.enable_reporting:
        remove_folder(folder)
        return None
    figures = journey_figures(store, as_of, policy, summary_of_day(store, as_of, policy))
    return write_document(journey_report(figures), folder, REPORT_FILE, _charts)


def _charts() -> Mapping[str, Chart]:
    from cjo_assets.families.journey.report.charts import CHARTS

    return CHARTS


REPORT = Report(
    REPORT_FILE, journey_report, write_report, ("risk_trend", "journey_map", "playbook_leaderboard", "roi_waterfall")
)


def _place_of(policy: Policy) -> Any:
    """Return what sorts stages as the policy lists them; customers without one come last."""
    stages = policy.vocabulary.stages
    return lambda row: stages.index(row["journey_stage"]) if row["journey_stage"] in stages else len(stages)
