"""Contributions of measures to the health score of each client.

One row per as-of date, client and measure; clients are the customers who pay or have a trial. A measure without data
has no value, points or weight: it is not counted as 0. The contributions of a client add up to its score.
"""

import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.numbers import CONTRIBUTION_DECIMALS, RATE_DECIMALS
from cjo_assets.families.lifecycle.inputs._tenancy import without_organization
from cjo_assets.families.lifecycle.success._health import FULL_POINTS, MEASURES, as_measures, health_on
from cjo_assets.policy.lifecycle import LifecyclePolicy
from cjo_assets.policy.lifecycle_success import HealthComponents

COMPONENTS = list(HealthComponents.model_fields)


class HealthContributions(DatedContract):
    """What each measure adds to the health score. One row per as-of date, client and measure."""

    customer_id: str = key("Customer.", personal="customer")
    measure: str = key("Measure, as the policy's health.measures names it.", isin=MEASURES)
    component: str = column("Component of the measure.", isin=COMPONENTS)
    numerator: float = column(
        "Numerator of the value, in the unit of the measure; null where not measurable.",
        ge=0,
        nullable=True,
        decimals=CONTRIBUTION_DECIMALS,
    )
    denominator: float = column(
        "Denominator of the value; 1 where it is no ratio; null where not measurable.",
        ge=0,
        nullable=True,
        decimals=CONTRIBUTION_DECIMALS,
    )
    value: float = column(
        "Value of the measure, in its own unit; null where not measurable.",
        ge=0,
        nullable=True,
        decimals=CONTRIBUTION_DECIMALS,
    )
    points: float = column(
        "Points of the measure [0-100, up = better]; null where not measurable.",
        ge=0,
        le=FULL_POINTS,
        nullable=True,
        decimals=CONTRIBUTION_DECIMALS,
    )
    weight: float = column(
        "Share of the measure in the score [0-1]; null where not measurable or the score is withheld.",
        ge=0,
        le=1,
        nullable=True,
        decimals=CONTRIBUTION_DECIMALS,
    )
    contribution: float = column(
        "points times weight [points]; null where not measurable or the score is withheld.",
        ge=0,
        le=FULL_POINTS,
        nullable=True,
        decimals=CONTRIBUTION_DECIMALS,
    )
    coverage: float = column(
        "Weight of the components with data [0-1], the same for all measures of a client.",
        ge=0,
        le=1,
        decimals=RATE_DECIMALS,
    )


def health_contributions(
    daily_metrics: ir.Table, lifecycle_events: ir.Table, as_of: ir.DateScalar, policy: LifecyclePolicy
) -> ir.Table:
    """Return the measures of each client with their points, weights and contributions."""
    return as_measures(health_on(daily_metrics, lifecycle_events, as_of, policy), policy)


@check(blocking=True)
def rows_of_no_organization(health_contributions: ir.Table, organizations: ir.Table) -> ir.Table:
    """Return contributions whose organization is not in the file."""
    return without_organization(health_contributions, organizations)


@check(blocking=True)
def weights_that_do_not_sum(health_contributions: ir.Table) -> ir.Table:
    """Return clients whose weights do not add up to 1, although they have a score."""
    rows = health_contributions
    sums = rows.group_by("customer_id").agg(weights=rows.weight.sum())
    return sums.filter((sums.weights - 1).abs() > 10.0**-RATE_DECIMALS)
