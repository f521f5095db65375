"""Rows that the lifecycle report shows, and its files."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

from cjo_assets.core.family import Report
from cjo_assets.core.settings import Settings
from cjo_assets.core.table import QUARANTINE
from cjo_assets.engine.store import Store
from cjo_assets.families.lifecycle.report.figures import FAMILY, NAMES, SHOWN, LifecycleFigures, Shown
from cjo_assets.families.lifecycle.report.report import lifecycle_report
from cjo_assets.policy import Policy
from cjo_assets.policy.lifecycle import LifecyclePolicy
from cjo_assets.policy.policy import section_named
from cjo_assets.reporting.document import Chart, Row
from cjo_assets.reporting.first_screen import history_of
from cjo_assets.reporting.naming import read_naming
from cjo_assets.reporting.writing import loads_of, remove_folder, write_document

REPORT_FILE = "lifecycle_report.html"


def lifecycle_figures(store: Store, as_of: date, policy: Policy) -> LifecycleFigures:
    """Read the figures of a day; long lists are cut to the policy's length."""
    rules = rules_of(policy)
    rows: dict[str, list[Row]] = {}
    cut = set()
    for name, shown in SHOWN.items():
        limit = getattr(rules.reporting, shown.limit) if shown.limit else None
        customers = [row["customer_id"] for row in rows[shown.customers_of]] if shown.customers_of else None
        rows[name] = _rows(store, name, shown, as_of, limit, customers)
        if limit is not None and len(rows[name]) > limit:
            cut.add(name)
            rows[name] = rows[name][:limit]
    datasets = [dataset.name for dataset in store.datasets_by_family[FAMILY]]
    rejected = " UNION ALL ".join(
        f"SELECT '{name}' AS dataset, unnest(broken_rules) AS rule FROM {QUARANTINE}.{name}" for name in datasets
    )
    return LifecycleFigures(
        as_of=as_of,
        policy_hash=policy.policy_hash,
        policy_version=policy.version,
        rules=rules,
        rows=rows,
        cut=frozenset(cut),
        history=history_of(store, f"{FAMILY}.lifecycle_summary", as_of),
        naming=read_naming(store, policy.labels, as_of, NAMES, rows.values()),
        loads=loads_of(store, FAMILY),
        rejections=store.rows(f"SELECT dataset, rule, count(*) AS rows FROM ({rejected}) GROUP BY ALL ORDER BY ALL"),
    )


def _rows(
    store: Store, name: str, shown: Shown, as_of: date, limit: int | None, customers: list[str] | None
) -> list[Row]:
    """Return the rows of a list, of some customers where they are given, and one more than the limit if there is."""
    table = f"{FAMILY}.{shown.table or name}"
    cut = "" if limit is None else f" LIMIT {limit + 1}"
    sql = f"SELECT * FROM {table} WHERE as_of = ? AND ({shown.where})"
    if customers is None:
        return store.rows(f"{sql} ORDER BY {shown.order}{cut}", as_of)
    return store.rows(f"{sql} AND list_contains(?, customer_id) ORDER BY {shown.order}{cut}", as_of, customers)


def write_lifecycle_report(store: Store, settings: Settings, as_of: date, policy: Policy) -> Path | None:
    """Write the report of a day and return its page; remove an old one where the policy disables reports."""
    folder = settings.report_of(FAMILY, as_of)
    if not rules_of(policy).reporting.enable_reporting:
        remove_folder(folder)
        return None
    return write_document(lifecycle_report(lifecycle_figures(store, as_of, policy)), folder, REPORT_FILE, _charts)


def rules_of(policy: Policy) -> LifecyclePolicy:
    """Return the section of the family."""
    section: LifecyclePolicy = section_named(policy, LifecyclePolicy.__name__)
    return section


def _charts() -> Mapping[str, Chart]:
    from cjo_assets.families.lifecycle.report.charts import CHARTS

    return CHARTS


REPORT = Report(REPORT_FILE, lifecycle_report, write_lifecycle_report, ("mrr_bridge", "mrr_months", "pipeline_funnel"))
