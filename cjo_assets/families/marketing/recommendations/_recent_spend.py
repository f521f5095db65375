"""What each audience segment of a campaign still costs a day, from the snapshots of the last days.

Not a table but what a saving is judged by. Spend to come is that of experiments that still run: what a completed or
stopped experiment, or one whose last day has passed, has cost is no sign of any.
"""

from datetime import date, timedelta

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.numbers import money_sum
from cjo_assets.families.marketing.analysis.reconciliation import increments, placed_snapshots
from cjo_assets.families.marketing.inputs.experiments import RUNNING
from cjo_assets.policy import Policy


def recent_spend(
    performance_metrics: ir.Table, creative_assets: ir.Table, experiments: ir.Table, as_of: date, policy: Policy
) -> ir.Table:
    """Return spend in the policy's last days, by campaign and segment, of experiments that go on after the day."""
    snapshots = increments(placed_snapshots(performance_metrics, creative_assets, as_of), policy)
    goes_on = (experiments.status == RUNNING) & (experiments.end_date > as_of).fill_null(True)
    rows = snapshots.semi_join(experiments.filter(goes_on), "experiment_id")
    first = as_of - timedelta(days=policy.marketing.recommendations.pace_days - 1)
    rows = rows.filter(rows.day >= ibis.literal(first, "date"))
    return rows.group_by("campaign_id", "segment_id").agg(recent_spend=money_sum(rows.cost))
