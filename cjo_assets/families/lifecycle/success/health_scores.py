"""Health score of each client, its band and its change.

One row per as-of date and client; clients are the customers who pay or have a trial. The score is the sum of the
contributions. Below the policy's coverage there is no score, and the band is unknown. The earlier score is computed
again from what was known change_days before, not read from another day. Whether the score foretells departures is
measured by `health_backtest`.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, TextList, column, key, names_where
from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.numbers import RATE_DECIMALS, SCORE_DECIMALS, rounded
from cjo_assets.core.expressions.tables import first_per, lookup
from cjo_assets.families.lifecycle.inputs._tenancy import without_organization
from cjo_assets.families.lifecycle.success._health import BANDS, FULL_POINTS, MEASURES, band_of, score_of, scores_on
from cjo_assets.policy.lifecycle import LifecyclePolicy

CUSTOMER = "customer_id"
# Scores are published with six decimals: a sum of contributions may differ by half of the sixth.
SUM_TOLERANCE = 6e-7


class HealthScores(DatedContract):
    """Health of each client. One row per as-of date and client."""

    customer_id: str = key("Customer.", personal="customer")
    score: float = column(
        "Health score [0-100, up = better]; null below the policy's minimum_coverage.",
        ge=0,
        le=FULL_POINTS,
        nullable=True,
        decimals=SCORE_DECIMALS,
    )
    band: str = column("red, yellow or green by the policy's bands; unknown without a score.", isin=BANDS)
    coverage: float = column("Weight of the components with data [0-1].", ge=0, le=1, decimals=RATE_DECIMALS)
    mrr: float = column("Recurring revenue [currency per month]; 0 in a trial.", ge=0, decimals=2)
    earlier_score: float = column(
        "Score the policy's change_days before; null where there was none.",
        ge=0,
        le=FULL_POINTS,
        nullable=True,
        decimals=SCORE_DECIMALS,
    )
    change: float = column(
        "score less earlier_score [points], up = better; null where one is missing.",
        ge=-FULL_POINTS,
        le=FULL_POINTS,
        nullable=True,
        decimals=SCORE_DECIMALS,
    )
    has_fallen: bool = column("Whether the change is at most the policy's fell; null without a change.", nullable=True)
    weakest_measure: str = column(
        "Measure that loses the most points of the score; null where none does.", isin=MEASURES, nullable=True
    )
    not_measurable: TextList = column("Measures without data, sorted.")


def health_scores(
    health_contributions: ir.Table,
    daily_metrics: ir.Table,
    lifecycle_events: ir.Table,
    accounts: ir.Table,
    as_of: ir.DateScalar,
    policy: LifecyclePolicy,
) -> ir.Table:
    """Add up the contributions of each client, and compare the score with the earlier one."""
    rows = _scored(health_contributions)
    earlier = scores_on(daily_metrics, lifecycle_events, days_after(as_of, -policy.health.change_days), policy)
    rows = lookup(rows, earlier, CUSTOMER, earlier_score="score")
    rows = lookup(rows, accounts, CUSTOMER, "mrr")
    change = rounded(rows.score - rows.earlier_score, RATE_DECIMALS)
    return rows.mutate(band=band_of(rows.score, policy), change=change, has_fallen=change <= policy.health.fell)


def _scored(contributions: ir.Table) -> ir.Table:
    """Return score, coverage, weakest and missing measures of each client."""
    loss = contributions.weight * FULL_POINTS - contributions.contribution
    rows = contributions.mutate(loss=rounded(loss, RATE_DECIMALS))
    sums = rows.group_by(CUSTOMER).agg(
        score=score_of(rows.contribution.sum()),
        coverage=rows.coverage.max(),
        **{f"lacks_{name}": (rows.value.isnull() & (rows.measure == name)).any() for name in MEASURES},
    )
    worst = rows.filter(rows.loss > 0)
    worst = first_per(worst, CUSTOMER, [ibis.desc("loss"), "measure"])
    sums = lookup(sums, worst, CUSTOMER, weakest_measure="measure")
    return sums.mutate(not_measurable=names_where({name: sums[f"lacks_{name}"] for name in MEASURES}))


@check(blocking=True)
def rows_of_no_organization(health_scores: ir.Table, organizations: ir.Table) -> ir.Table:
    """Return scores whose organization is not in the file."""
    return without_organization(health_scores, organizations)


@check(blocking=True)
def scores_that_are_not_the_sum(health_scores: ir.Table, health_contributions: ir.Table) -> ir.Table:
    """Return clients whose contributions do not add up to their score."""
    parts = health_contributions
    sums = parts.group_by(CUSTOMER).agg(total=parts.contribution.sum())
    compared = lookup(health_scores, sums, CUSTOMER)
    is_equal = (compared.score - compared.total).abs() <= SUM_TOLERANCE
    is_withheld = compared.score.isnull() & compared.total.isnull()
    return compared.filter(~(is_equal.fill_null(False) | is_withheld)).select(CUSTOMER, "score", "total")


@check(blocking=True)
def clients_without_score_row(accounts: ir.Table, health_scores: ir.Table) -> ir.Table:
    """Return paying customers without a row."""
    paying = accounts.filter(accounts.subscriptions > 0)
    return paying.filter(paying.customer_id.notin(health_scores.customer_id)).select(CUSTOMER)


@check
def health_that_fell(health_scores: ir.Table) -> ir.Table:
    """Return clients whose score fell by the policy's points within its days."""
    return health_scores.filter(health_scores.has_fallen).select(CUSTOMER, "earlier_score", "score", "change")
