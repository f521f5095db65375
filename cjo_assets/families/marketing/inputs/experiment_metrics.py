"""Experiment metrics: sums over the people of an arm, of values such as revenue, since the experiment began.

One row per experiment, asset, metric and day. Optional: without it experiments are read by their counts alone. Sums of
squares of people do not add up over days, so each row replaces the one before it, whatever `snapshots_are` states. The
asset names the arm: an experiment may have more of them than its two, all of its campaign; its `control_asset` is the
control.
"""

from datetime import date

import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import LARGEST_AMOUNT, LARGEST_COUNT, Contract, column, key
from cjo_assets.core.dataset import Dataset
from cjo_assets.core.expressions.keys import is_key_in
from cjo_assets.policy import Policy

LARGEST_SQUARE = LARGEST_AMOUNT**2
# A source that rounds its sums may be off by so much of them.
ROUNDING = 1 + 1e-9


class ExperimentMetrics(Contract):
    """Sums over the people of arms that passed their contract. One row per experiment, asset, metric and day."""

    experiment_id: str = key("Experiment.")
    asset_id: str = key("Creative asset that the people were shown: the arm.")
    metric: str = key("Metric, as the policy's person_metrics define it.")
    measured_on: date = key("Last day that the sums contain.")
    people: int = column("People assigned to the arm since the experiment began [people].", ge=0, le=LARGEST_COUNT)
    total: float = column("Sum of their values; of a ratio the numerator.", ge=-LARGEST_AMOUNT, le=LARGEST_AMOUNT)
    sum_of_squares: float = column("Sum of the squares of their values.", ge=0, le=LARGEST_SQUARE)
    denominator_total: float = column(
        "Sum of the denominators of a ratio; null for a mean.", ge=0, le=LARGEST_AMOUNT, optional=True
    )
    denominator_sum_of_squares: float = column(
        "Sum of their squares; null for a mean.", ge=0, le=LARGEST_SQUARE, optional=True
    )
    denominator_products: float = column(
        "Sum of numerator times denominator of each person; null for a mean.",
        ge=-LARGEST_SQUARE,
        le=LARGEST_SQUARE,
        optional=True,
    )
    pre_total: float = column(
        "Sum of the values of the same people before the experiment; null where not known.",
        ge=-LARGEST_AMOUNT,
        le=LARGEST_AMOUNT,
        optional=True,
    )
    pre_sum_of_squares: float = column(
        "Sum of the squares of these; null where not known.", ge=0, le=LARGEST_SQUARE, optional=True
    )
    pre_products: float = column(
        "Sum of the value before times the value since of each person; null where not known.",
        ge=-LARGEST_SQUARE,
        le=LARGEST_SQUARE,
        optional=True,
    )


def relations(rows: ir.Table, experiments: ir.Table, creative_assets: ir.Table) -> dict[str, ir.BooleanValue]:
    """Name the sums of unknown experiments and arms, and sums that no people can have."""
    arms = experiments.select("experiment_id", "campaign_id").join(
        creative_assets.select("asset_id", "campaign_id"), "campaign_id"
    )
    squares = {"total": "sum_of_squares", "denominator_total": "denominator_sum_of_squares"}
    squares |= {"pre_total": "pre_sum_of_squares"}
    products = {"denominator_products": "denominator_sum_of_squares", "pre_products": "pre_sum_of_squares"}
    # The inequality of Cauchy and Schwarz.
    return {
        "experiment_id: unknown experiment": rows.experiment_id.notin(experiments.experiment_id),
        "asset_id: no asset of the experiment's campaign": ~is_key_in(
            [rows.experiment_id, rows.asset_id], arms, ["experiment_id", "asset_id"]
        ),
        **{
            f"{square}: less than the total of so many people": rows[total] ** 2 > rows.people * rows[square] * ROUNDING
            for total, square in squares.items()
        },
        **{
            f"{product}: more than the squares allow": rows[product] ** 2
            > rows.sum_of_squares * rows[square] * ROUNDING
            for product, square in products.items()
        },
    }


DATASET = Dataset(
    "experiment_metrics", ExperimentMetrics, is_optional=True, relations=relations, record_date="measured_on"
)


@check
def undefined_metrics(experiment_metrics: ir.Table, policy: Policy) -> ir.Table:
    """Return sums of metrics that the policy does not define: they are not compared."""
    defined = list(policy.marketing.person_metrics.definitions)
    rows = experiment_metrics.filter(experiment_metrics.metric.notin(defined)) if defined else experiment_metrics
    return rows.select("experiment_id", "metric", "asset_id", "measured_on")
