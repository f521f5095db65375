"""Recent daily spend of each audience segment of a campaign, in experiments that continue.

It is the basis of savings: completed or stopped experiments, and those past their last day, have no future spend.
"""

import ibis.expr.types as ir

from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.numbers import money_sum
from cjo_assets.families.marketing.analysis.reconciliation import increments, placed_snapshots
from cjo_assets.families.marketing.inputs.experiments import RUNNING
from cjo_assets.policy import Policy


def recent_spend(
    performance_metrics: ir.Table,
    creative_assets: ir.Table,
    experiments: ir.Table,
    as_of: ir.DateScalar,
    policy: Policy,
) -> ir.Table:
    """Sum spend in the policy's last days by campaign and segment, of experiments that continue after the day."""
    snapshots = increments(placed_snapshots(performance_metrics, creative_assets, as_of), policy)
    continues = (experiments.status == RUNNING) & (experiments.end_date > as_of).fill_null(True)
    first = days_after(as_of, 1 - policy.marketing.recommendations.pace_days)
    recent = snapshots.filter(snapshots.day >= first)
    recent = recent.semi_join(experiments.filter(continues), "experiment_id")
    return recent.group_by("campaign_id", "segment_id").agg(recent_spend=money_sum(recent.cost))
