"""Playbook performance log: what an earlier system knew of its playbooks.

One row per playbook and segment. A prior with its own run count: these runs are believed and are not ours.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import ANY_SEGMENT, LARGEST_AMOUNT, Contract, column, key
from cjo_assets.core.dataset import Dataset
from cjo_assets.policy import Policy

# Ratios are written down to one decimal: what is further off was computed otherwise.
HALF_A_DECIMAL = 0.05


class PlaybookPerformanceLog(Contract):
    """Log rows that passed their contract. One row per playbook and segment."""

    playbook_id: str = key("Playbook.")
    segment: str = key("Market segment, or All.")
    runs: int = column("Runs behind the figures [runs].", ge=0)
    success_rate: float = column("Share of runs that succeeded [0-1], up = better.", ge=0, le=1)
    avg_cost: float = column("Cost of one run [currency].", ge=0, le=LARGEST_AMOUNT)
    avg_value: float = column("Value of one success [currency].", ge=-LARGEST_AMOUNT, le=LARGEST_AMOUNT)
    roi_ratio: float = column(
        "Value over cost as the log states it; compared, never believed.",
        ge=-LARGEST_AMOUNT,
        le=LARGEST_AMOUNT,
        optional=True,
    )
    override_rate: float = column("Share of runs that people overrode [0-1].", ge=0, le=1, optional=True)
    last_updated: date = column("Day from which this was known.")


def relations(rows: ir.Table, playbooks: ir.Table, policy: Policy) -> dict[str, ir.BooleanValue]:
    """Name the rows about no playbook or no segment we know."""
    return {
        "playbook_id: unknown playbook": rows.playbook_id.notin(playbooks.playbook_id),
        "segment: not in the policy's segments": rows.segment.notin([ANY_SEGMENT, *policy.vocabulary.segments]),
    }


DATASET = Dataset(
    "playbook_performance_log",
    PlaybookPerformanceLog,
    is_optional=True,
    relations=relations,
    record_date="last_updated",
)


@check
def ratios_without_success(playbook_performance_log: ir.Table) -> ir.Table:
    """Find rows whose ROI ratio is not success_rate x avg_value / avg_cost."""
    rows = playbook_performance_log
    expected = rows.success_rate * rows.avg_value / rows.avg_cost.nullif(0.0)
    rows = rows.mutate(expected_ratio=expected)
    is_other = (rows.roi_ratio - rows.expected_ratio).abs() > HALF_A_DECIMAL
    return rows.filter(is_other).select("playbook_id", "segment", "roi_ratio", "expected_ratio")


def logged_runs(log: ir.Table, as_of: date, is_used: bool) -> ir.Table:
    """Return what the log adds up to by a day, per playbook and segment; nothing where it is not to be used."""
    rows = log.filter(log.last_updated <= as_of, ibis.literal(is_used))
    return rows.select(
        "playbook_id",
        "segment",
        log_runs=rows.runs,
        log_successes=rows.success_rate * rows.runs,
        log_cost=rows.avg_cost * rows.runs,
        log_worth=rows.success_rate * rows.runs * rows.avg_value,
        log_overrides=(rows.override_rate * rows.runs).fill_null(0.0),
        log_judged=rows.override_rate.notnull().ifelse(rows.runs, 0),
    )
