"""Performance of playbooks as recorded by an earlier system.

One row per playbook and segment. It serves as a prior with a run count of its own; these runs are not counted as ours.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import ANY_SEGMENT, LARGEST_AMOUNT, Contract, column, key
from cjo_assets.core.dataset import Dataset
from cjo_assets.policy import Policy

# Ratios are reported to one decimal: a larger difference is no rounding.
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
        "Value over cost as the log states it; compared, never used.",
        ge=-LARGEST_AMOUNT,
        le=LARGEST_AMOUNT,
        optional=True,
    )
    override_rate: float = column("Share of runs that people overrode [0-1].", ge=0, le=1, optional=True)
    last_updated: date = column("Day from which this was known.")


def relations(rows: ir.Table, playbooks: ir.Table, policy: Policy) -> dict[str, ir.BooleanValue]:
    """Return the rules on the playbook and the segment of a row."""
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
    """Return rows whose ROI ratio is not success_rate x avg_value / avg_cost."""
    log = playbook_performance_log
    compared = log.mutate(expected_ratio=log.success_rate * log.avg_value / log.avg_cost.nullif(0.0))
    is_other = (compared.roi_ratio - compared.expected_ratio).abs() > HALF_A_DECIMAL
    return compared.filter(is_other).select("playbook_id", "segment", "roi_ratio", "expected_ratio")


def logged_runs(log: ir.Table, as_of: ir.DateScalar, is_used: bool) -> ir.Table:
    """Return the sums of the log by a day, per playbook and segment; no rows where the policy does not use it."""
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
