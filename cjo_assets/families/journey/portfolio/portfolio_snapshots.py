"""Totals of the portfolio, with trends.

One row per as-of date. Every count and amount is the sum of `portfolio_cells`. The trend compares with the rows of this
table for the same weekday a week and four weeks before; without a run on that day there is no trend, and a note states
it.

The top leaking stage is the one with the most revenue at risk. The verdict is about the portfolio's targets, which are
upper limits: above_target is worse. `kpis` measures the effect of actions.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.config import TableConfig
from cjo_assets.core.contract import TextList, any_of, column
from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.intervals import NOT_MEASURABLE
from cjo_assets.core.expressions.numbers import CONTRIBUTION_DECIMALS, money_sum, rounded, same_money
from cjo_assets.core.expressions.sentences import sentence
from cjo_assets.families.journey.portfolio._portfolio_measures import GREEN, PortfolioShares, summed, with_status
from cjo_assets.policy import Policy

ON_TARGET, ABOVE_TARGET = "on_target", "above_target"
VERDICTS = [ON_TARGET, ABOVE_TARGET, NOT_MEASURABLE]
RISING, STEADY, FALLING = "rising", "steady", "falling"
TRENDS = [RISING, STEADY, FALLING, NOT_MEASURABLE]
# The same weekday before. The names of columns contain these numbers, so they are not in the policy.
DAYS_BEFORE = (7, 28)


class PortfolioSnapshots(PortfolioShares):
    """The portfolio in one line. One row per as-of date."""

    verdict: str = column(
        "on_target: every share is known and at most its target; above_target: worse; or not_measurable.",
        isin=VERDICTS,
    )
    top_leaking_stage: str = column(
        "Stage with the most revenue at risk, of two the first by name; null without any.",
        words="stages",
        nullable=True,
    )
    top_leaking_revenue_at_risk: float = column("Revenue at risk there [currency].", ge=0, nullable=True)
    systemic_failures: TextList = column("Stages whose friction rate breaks their limit, sorted.")
    revenue_at_risk_7_days_before: float = column(
        "Revenue at risk a week before [currency]; null if that day was not run.", ge=0, nullable=True
    )
    customers_high_risk_7_days_before: int = column(
        "High-risk customers a week before [customers]; null if that day was not run.", ge=0, nullable=True
    )
    trend_7_days: str = column("Where revenue at risk went within a week.", isin=TRENDS)
    revenue_at_risk_28_days_before: float = column(
        "Revenue at risk four weeks before [currency]; null if that day was not run.", ge=0, nullable=True
    )
    customers_high_risk_28_days_before: int = column(
        "High-risk customers four weeks before [customers]; null if that day was not run.", ge=0, nullable=True
    )
    trend_28_days: str = column("Where revenue at risk went within four weeks.", isin=TRENDS)
    trend_notes: TextList = column("What a reader of the trends must know: days not run, other policies.")
    policy_hash: str = column("Policy that determined the status.")


# Columns of earlier days that the trends read.
CONFIG = TableConfig(look_back_columns=("as_of", "revenue_at_risk", "customers_high_risk", "policy_hash"))


def portfolio_snapshots(
    portfolio_cells: ir.Table,
    portfolio_by_stage: ir.Table,
    earlier_portfolio_snapshots: ir.Table,
    as_of: ir.DateScalar,
    policy: Policy,
) -> ir.Table:
    """Add up the day, add its status, and compare it with the same weekday before."""
    stages = portfolio_by_stage
    most = stages.mutate(most=stages.revenue_at_risk.max().over())
    most = most.filter(most.revenue_at_risk == most.most, most.most > 0)
    totals = with_status(summed(portfolio_cells), policy).cross_join(
        most.agg(top_leaking_stage=most.journey_stage.min(), top_leaking_revenue_at_risk=most.revenue_at_risk.max()),
        stages.agg(failures=stages.journey_stage.collect(where=stages.is_systemic_failure)),
    )
    totals = totals.mutate(
        systemic_failures=totals.failures.sort().fill_null(ibis.literal([], "array<string>")),
        verdict=totals.status.cases((GREEN, ON_TARGET), (NOT_MEASURABLE, NOT_MEASURABLE), else_=ABOVE_TARGET),
        policy_hash=ibis.literal(policy.policy_hash),
    )
    notes = []
    for days in DAYS_BEFORE:
        totals = totals.cross_join(_totals_before(earlier_portfolio_snapshots, as_of, days))
        totals = totals.mutate(**{f"trend_{days}_days": _trend(totals, days, policy)})
        notes.append(_note(totals, as_of, days))
    return totals.mutate(trend_notes=ibis.array(notes).filter(lambda note: note.notnull()))


def _totals_before(earlier: ir.Table, as_of: ir.DateScalar, days: int) -> ir.Table:
    """Return the totals so many days before as one row; null where that day was not run."""
    then = earlier.filter(earlier.as_of == days_after(as_of, -days))
    return then.agg(
        **{
            f"was_run_{days}": then.count() > 0,
            f"policy_hash_{days}": then.policy_hash.max(),
            f"revenue_at_risk_{days}_days_before": then.revenue_at_risk.max(),
            f"customers_high_risk_{days}_days_before": then.customers_high_risk.max(),
        }
    )


def _trend(rows: ir.Table, days: int, policy: Policy) -> ir.StringValue:
    before = rows[f"revenue_at_risk_{days}_days_before"]
    change = rounded(rows.revenue_at_risk - before, CONTRIBUTION_DECIMALS)
    margin = rounded(before * policy.journey.portfolio.trend_margin, CONTRIBUTION_DECIMALS)
    return ibis.cases(
        (change.isnull(), NOT_MEASURABLE),
        (change > margin, RISING),
        (change < -margin, FALLING),
        else_=STEADY,
    )


def _note(rows: ir.Table, as_of: ir.DateScalar, days: int) -> ir.StringValue:
    day = days_after(as_of, -days)
    return ibis.cases(
        (~rows[f"was_run_{days}"], sentence(f"{{}} was not run: nothing to compare with {days} days before.", day)),
        (rows[f"policy_hash_{days}"] != rows.policy_hash, sentence("{} was judged under another policy.", day)),
        (rows[f"revenue_at_risk_{days}_days_before"].isnull(), sentence("On {} nobody had a forecast.", day)),
        else_=ibis.null("string"),
    )


@check(blocking=True)
def segments_that_do_not_sum(portfolio_snapshots: ir.Table, portfolio_by_segment: ir.Table) -> ir.Table:
    """Return the snapshot where a figure is not the sum of its segments."""
    return _apart(portfolio_snapshots, portfolio_by_segment)


@check(blocking=True)
def stages_that_do_not_sum(portfolio_snapshots: ir.Table, portfolio_by_stage: ir.Table) -> ir.Table:
    """Return the snapshot where a figure is not the sum of its stages."""
    return _apart(portfolio_snapshots, portfolio_by_stage)


def _apart(whole: ir.Table, parts: ir.Table) -> ir.Table:
    counts, amounts = ("customers", "active_customers", "customers_high_risk"), ("account_value", "revenue_at_risk")
    sums = {f"sum_of_{name}": parts[name].sum().fill_null(0) for name in counts}
    sums |= {f"sum_of_{name}": money_sum(parts[name]).fill_null(0.0) for name in amounts}
    compared = whole.select(*counts, *amounts).cross_join(parts.agg(**sums))
    differs = [compared[name] != compared[f"sum_of_{name}"] for name in counts]
    differs += [~same_money(compared[name].fill_null(0.0), compared[f"sum_of_{name}"]) for name in amounts]
    return compared.filter(any_of(differs))
