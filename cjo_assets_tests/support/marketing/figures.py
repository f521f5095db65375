"""Figures of a marketing day by hand: every list full, long numbers, names that would rather be markup."""

from typing import Any

from cjo_assets.families.marketing.report.figures import COUNTED, SHOWN, MarketingFigures
from cjo_assets.families.marketing.report.summary import campaign_summary, marketing_summary, marketing_summary_figures
from cjo_assets.policy import Policy
from cjo_assets.reporting.document import Record
from cjo_assets.reporting.naming import Naming
from cjo_assets_tests.support.journey.figures import HOSTILE
from cjo_assets_tests.support.rows import DAY, POLICY, Row, Rows, default_row

ONE_A_DAY = ("performance_assessment", "roi_analysis")
# What every table calls its own, and what pictures are drawn from.
SAID: dict[str, Row] = {
    "roi_analysis": {
        "roi_status": "negative",
        "total_net_roi": -1_234_567.89,
        "total_cost": 9_876_543.21,
        "value_evidence_grade": "assumption",
    },
    "experiment_evaluations": {
        "relative_effect": 0.2,
        "relative_effect_low": -0.1,
        "relative_effect_high": None,
        "always_valid_relative_low": -0.5,
        "always_valid_relative_high": 12.0,
        "guardrails_broken": [],
    },
    "campaign_analysis": {"spent_share": 1.4, "elapsed_share": 0.7, "overall_performance": "below_expectations"},
    "budget_governance": {"amount": 1_234_567.5, "status": "executed", "is_against_the_rules": True},
    "funnel_analysis": {"state": "measured", "rate": 0.054, "rate_low": 0.05, "rate_high": 0.06}
    | {"from_stage": "click", "from_count": 1_234_567, "to_count": 66_667, "is_leak": True, "missing": 12_345},
    "risk_register": {"is_open": True, "is_blocking": True, "exposure": 5_250.0},
    "roi_components": {"amount": 1_000.0},
}
NAMES = ("campaign_id", "experiment_id", "budget_action_id", "risk_id", "target_id", "name", "target_name", "rule")
PROSE = ("description", "rationale", "note", "current_value")


def made_figures(rows: int = 30, shown: int = 25, policy: Policy = POLICY) -> MarketingFigures:
    """Return figures of a day with so many rows in each table, of which lists show the first."""
    rules = policy.marketing.reporting
    tables = {
        table: _rows(table, 1 if table in ONE_A_DAY else rows if spec.is_whole else min(rows, shown))
        for table, spec in SHOWN.items()
    }
    totals = {table: 1 if table in ONE_A_DAY else rows for table in SHOWN}
    counts = dict.fromkeys(COUNTED, rows)
    [assessment], [roi] = tables["performance_assessment"], tables["roi_analysis"]
    found = marketing_summary_figures(assessment, roi, counts, totals)
    loads = [
        {"dataset": f"dataset {number}", "source_file": _word(number), "rows_read": 10**7, "rows_accepted": 1}
        | {"rows_rejected": 1, "note": _word(number)}
        for number in range(rows)
    ]
    return MarketingFigures(
        as_of=DAY,
        policy_hash=policy.policy_hash,
        policy_version="1",
        rules=rules,
        funnel=policy.marketing.funnel,
        rows=tables,
        totals=totals,
        counts=counts,
        currency=policy.marketing.budgets.currency,
        roi_target=policy.marketing.kpis.business_kpi_targets.roi_estimate,
        history={"roi_analysis": [roi], "performance_assessment": [assessment]},
        naming=Naming(policy.labels, DAY.year),
        loads=loads,
        rejections=[{"dataset": row["dataset"], "rule": row["note"], "rows": 1} for row in loads],
        insights=tuple(
            campaign_summary(Record("marketing.campaign_analysis", ("campaign_id",), row))
            for row in tables["campaign_analysis"][: rules.llm_insights_max_campaigns]
        ),
        paragraph=marketing_summary(found, roi, tables["kpi_status"], rules.llm_summary_max_tokens),
    )


def _rows(table: str, count: int) -> Rows:
    return [_row(table, number) for number in range(count)]


def _row(table: str, number: int) -> Row:
    row = default_row(SHOWN[table].contract, number + 1) | {"as_of": DAY} | SAID.get(table, {})
    said: dict[str, Any] = {name: _word(number) for name in (*NAMES, *PROSE) if isinstance(row.get(name), str)}
    if table in ("experiment_evaluations", "campaign_analysis", "segment_portfolio", "recommendations"):
        said.pop("rule", None)
    return row | said


def _word(number: int) -> str:
    return HOSTILE[number % len(HOSTILE)]
