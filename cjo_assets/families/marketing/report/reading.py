"""Rows that the marketing report shows, and its files."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

from cjo_assets.core.family import Report
from cjo_assets.core.settings import Settings
from cjo_assets.core.table import QUARANTINE
from cjo_assets.engine.store import Store
from cjo_assets.families.marketing.report.figures import (
    COUNTED,
    NAMES,
    SHOWN,
    TABLES_OF_TILES,
    MarketingFigures,
)
from cjo_assets.families.marketing.report.report import marketing_report
from cjo_assets.families.marketing.report.summary import marketing_summary_figures
from cjo_assets.families.marketing.report.texts import MarketingWords
from cjo_assets.policy import Policy
from cjo_assets.reporting.document import Chart, records
from cjo_assets.reporting.first_screen import history_of
from cjo_assets.reporting.naming import read_naming
from cjo_assets.reporting.writing import loads_of, remove_folder, write_document

FAMILY = "marketing"
REPORT_FILE = "marketing_report.html"


def marketing_figures(
    store: Store, as_of: date, policy: Policy, words: MarketingWords | None = None
) -> MarketingFigures:
    """Read the figures of a day; long lists are cut to the policy's length and counted whole.

    Args:
        store: the tables.
        as_of: the day.
        policy: how long a list may be.
        words: the author of texts; by policy and environment unless given.
    """
    words = words or MarketingWords(store, as_of, policy)
    rules = policy.marketing.reporting
    rows = {}
    for table, shown in SHOWN.items():
        cut = "" if shown.is_whole else f" LIMIT {rules.report_rows}"
        rows[table] = store.rows(f"SELECT * FROM {FAMILY}.{table} WHERE as_of = ? ORDER BY {shown.order}{cut}", as_of)
    totals = {table: store.count(f"{FAMILY}.{table}", as_of) for table in SHOWN}
    counts = {}
    for table, column, content in COUNTED:
        sql = f'SELECT count(*) AS found FROM {FAMILY}.{table} WHERE as_of = ? AND "{column}" = ?'
        [counted] = store.rows(sql, as_of, content)
        counts[table, column, content] = counted["found"]
    datasets = [dataset.name for dataset in store.datasets_by_family[FAMILY]]
    rejected = " UNION ALL ".join(
        f"SELECT '{name}' AS dataset, unnest(broken_rules) AS rule FROM {QUARANTINE}.{name}" for name in datasets
    )
    [assessment], [roi] = rows["performance_assessment"], rows["roi_analysis"]
    found = marketing_summary_figures(assessment, roi, counts, totals)
    campaigns = records(f"{FAMILY}.campaign_analysis", SHOWN["campaign_analysis"].key, rows["campaign_analysis"])
    return MarketingFigures(
        as_of=as_of,
        policy_hash=policy.policy_hash,
        policy_version=policy.version,
        rules=rules,
        funnel=policy.marketing.funnel,
        rows=rows,
        totals=totals,
        counts=counts,
        currency=policy.marketing.budgets.currency,
        roi_target=policy.marketing.kpis.business_kpi_targets.roi_estimate,
        history={table: history_of(store, f"{FAMILY}.{table}", as_of) for table in TABLES_OF_TILES},
        naming=read_naming(store, policy.labels, as_of, NAMES, rows.values()),
        loads=loads_of(store, FAMILY),
        rejections=store.rows(f"SELECT dataset, rule, count(*) AS rows FROM ({rejected}) GROUP BY ALL ORDER BY ALL"),
        paragraph=words.summary(found, roi, rows["kpi_status"]),
        insights=words.insights(campaigns),
    )


def write_marketing_report(store: Store, settings: Settings, as_of: date, policy: Policy) -> Path | None:
    """Write the report of a day and return its page; remove an old one where the policy disables reports."""
    folder = settings.report_of(FAMILY, as_of)
    if not policy.marketing.reporting.enable_reporting:
        remove_folder(folder)
        return None
    return write_document(marketing_report(marketing_figures(store, as_of, policy)), folder, REPORT_FILE, _charts)


def _charts() -> Mapping[str, Chart]:
    from cjo_assets.families.marketing.report.charts import CHARTS

    return CHARTS


REPORT = Report(
    REPORT_FILE,
    marketing_report,
    write_marketing_report,
    ("experiment_forest", "campaign_pacing", "budget_flows", "campaign_funnel"),
)
