"""Reports: figures of one day out of the tables, into a file.

Belongs here: reading the rows a report shows and writing the text it became. Does not belong here: the wording; that is
`reporting/`.
"""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from typing import Any

from cjo_assets.policy import Policy
from cjo_assets.reporting.journey_report import JourneyFigures, journey_report
from cjo_assets.wiring.settings import Settings
from cjo_assets.wiring.store import Store

REPORT_FILE = "journey_report.md"


def rows_of(store: Store, sql: str, *parameters: Any) -> list[dict[str, Any]]:
    """Return the rows of a small query as dictionaries."""
    found = store.connection.execute(sql, list(parameters))
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def journey_figures(store: Store, as_of: date, policy: Policy) -> JourneyFigures:
    """Read the figures of a day; long lists are cut to the policy's length and counted whole."""
    limit = policy.journey.reporting.report_rows

    def of_day(table: str, order: str, rows: int | None = None) -> list[dict[str, Any]]:
        cut = f" LIMIT {rows}" if rows is not None else ""
        return rows_of(store, f"SELECT * FROM {table} WHERE as_of = ? ORDER BY {order}{cut}", as_of)

    return JourneyFigures(
        as_of=as_of,
        policy_hash=policy.policy_hash,
        policy_version=policy.version,
        summary=of_day("journey.journey_summary", "as_of")[0],
        kpis=of_day("journey.kpis", "family, kpi"),
        kpi_status=of_day("journey.kpi_status", "family"),
        roi=of_day("journey.roi_estimate", "as_of")[0],
        roi_parts=of_day("journey.roi_breakdown", "kind, component"),
        decisions=of_day("journey.recommended_interventions", "priority_score DESC, customer_id", limit),
        gaps=of_day("journey.coverage_gaps", "overall_risk_score DESC, customer_id", limit),
        loads=rows_of(store, "SELECT * FROM audit.dataset_loads ORDER BY dataset"),
        rejections=rejections(store),
    )


def rejections(store: Store) -> list[dict[str, Any]]:
    """Count the rows of the present files that were turned away, by dataset and rule."""
    parts = " UNION ALL ".join(
        f"SELECT dataset, record_key, unnest(broken_rules) AS rule FROM quarantine.{dataset.name}"
        for dataset in store.datasets
    )
    return rows_of(
        store,
        f"SELECT dataset, rule, count(*) AS rows, min(record_key) AS example FROM ({parts}) "
        "GROUP BY dataset, rule ORDER BY dataset, rule",
    )


def write_report(store: Store, settings: Settings, as_of: date, policy: Policy) -> Path | None:
    """Write the report of a day, or take a stale one away where the policy wants none."""
    path = settings.reports / as_of.isoformat() / REPORT_FILE
    if not policy.journey.reporting.enable_reporting:
        path.unlink(missing_ok=True)
        return None
    text = journey_report(journey_figures(store, as_of, policy))
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)
    return path
