"""Counts, shares and status of a group of customers.

Shared by the portfolio's tables, so that they mean the same for a segment, a stage and the whole. Counts and amounts of
the whole are the sums of its parts; shares are computed for each group.

A group is green only if all three shares are known and at most their targets. One share above its target makes it
yellow, above its red limit red. A share is unknown in a group that is too small, without signals, or with forecasts
from the policy's prior only.
"""

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from cjo_assets.core.contract import DatedContract, TextList, any_of, column
from cjo_assets.core.expressions.intervals import NOT_MEASURABLE
from cjo_assets.core.expressions.numbers import CONTRIBUTION_DECIMALS, money_sum, rounded
from cjo_assets.core.expressions.sentences import sentence
from cjo_assets.policy import Policy

GREEN, YELLOW, RED = "green", "yellow", "red"
STATUSES = [GREEN, YELLOW, RED, NOT_MEASURABLE]
MEASURES = ("revenue_at_risk_share", "high_risk_share", "friction_rate")


class PortfolioCounts(DatedContract):
    """Counts and amounts of a group of customers."""

    customers: int = column("Customers, those who left included [customers].", ge=0)
    active_customers: int = column("Of these, who have not left [customers].", ge=0)
    customers_with_signals: int = column("Active, with a signal in the look-back [customers].", ge=0)
    customers_high_risk: int = column("Active, in tier high [customers].", ge=0)
    customers_medium_risk: int = column("Active, in tier medium [customers].", ge=0)
    customers_low_risk: int = column("Active, in tier low [customers].", ge=0)
    customers_in_friction: int = column("Active, with any reason for friction [customers].", ge=0)
    customers_critical: int = column("Active, in critical stage health [customers].", ge=0)
    customers_without_answer: int = column("Active, in coverage_gaps [customers].", ge=0)
    customers_without_forecast: int = column("Active, without a stage and so without a forecast [customers].", ge=0)
    customers_on_belief: int = column("Active, whose churn forecast is the policy's belief alone [customers].", ge=0)
    account_value: float = column("Yearly value of the active accounts [currency].", ge=0)
    account_value_forecast: float = column("Of these, of the accounts with a forecast [currency].", ge=0)
    revenue_at_risk: float = column(
        "Sum of churn probability x account value [currency, up = worse]; null without any forecast.",
        ge=0,
        nullable=True,
    )
    revenue_at_risk_without_answer: float = column(
        "Of this, of customers in coverage_gaps [currency, up = worse]; null where none of them has a forecast.",
        ge=0,
        nullable=True,
    )


class PortfolioShares(PortfolioCounts):
    """Counts, amounts, shares and status of a group of customers."""

    revenue_at_risk_share: float = column(
        "Revenue at risk over the value with a forecast [0-1, up = worse]; null without any.",
        decimals=6,
        ge=0,
        le=1,
        nullable=True,
    )
    high_risk_share: float = column(
        "High-risk over active customers [0-1, up = worse]; null without any.", decimals=6, ge=0, le=1, nullable=True
    )
    friction_rate: float = column(
        "Customers in friction over active customers [0-1, up = worse]; null without any.",
        decimals=6,
        ge=0,
        le=1,
        nullable=True,
    )
    status: str = column("green, yellow, red or not_measurable, by the policy's targets and limits.", isin=STATUSES)
    status_reasons: TextList = column("Effect of each share on the status, in words, sorted.")


COUNTS = [name for name in PortfolioCounts.to_schema().columns if name != "as_of"]
NULLABLE = ("revenue_at_risk", "revenue_at_risk_without_answer")
MONEY = ("account_value", "account_value_forecast", *NULLABLE)


def summed(cells: ir.Table, *keys: str) -> ir.Table:
    """Add up counts and amounts, by the keys or over all rows."""
    sums = {name: money_sum(cells[name]) if name in MONEY else cells[name].sum() for name in COUNTS}
    sums |= {name: total.fill_null(0) for name, total in sums.items() if name not in NULLABLE}
    return cells.group_by(*keys).agg(**sums) if keys else cells.agg(**sums)


def with_status(groups: ir.Table, policy: Policy) -> ir.Table:
    """Add shares, status and its reasons to the sums of each group."""
    # Limits are compared before the shares are rounded to six decimals, without the noise of binary floats.
    exact = {f"exact_{name}": share for name, share in exact_shares(groups).items()}
    groups = groups.mutate(**exact)
    groups = groups.mutate(**{name: rounded(groups[f"exact_{name}"]) for name in MEASURES})
    judged = [_judge(groups, name, policy) for name in MEASURES]
    return groups.mutate(
        status=ibis.cases(
            (any_of(share.is_red for share in judged), RED),
            (any_of(share.is_yellow for share in judged), YELLOW),
            (any_of(share.is_unknown for share in judged), NOT_MEASURABLE),
            else_=GREEN,
        ),
        status_reasons=ibis.array([share.reason for share in judged]).sort(),
    )


@dataclass(frozen=True)
class _Judgement:
    """Result of comparing one share with its target and red limit."""

    is_red: ir.BooleanValue
    is_yellow: ir.BooleanValue
    is_unknown: ir.BooleanValue
    reason: ir.StringValue


def _judge(groups: ir.Table, name: str, policy: Policy) -> _Judgement:
    """Compare a share with its target and red limit; without enough data it may fail, but not pass."""
    rules = policy.journey.portfolio
    share, shown = groups[f"exact_{name}"], groups[name]
    target, red = getattr(rules.targets, name), getattr(rules.red_limits, name)
    is_small = groups.active_customers < rules.minimum_customers
    is_blind, why = _blindness(groups, name)
    is_red, is_yellow = (share > red) & ~is_small, (share > target) & ~is_small
    reason = ibis.cases(
        (share.isnull(), f"{name}: nobody to judge"),
        (is_small, f"{name}: fewer active customers than {rules.minimum_customers}"),
        (is_red, sentence(f"{name} {{}} is above the red limit {red}", shown)),
        (is_yellow, sentence(f"{name} {{}} is above the target {target}", shown)),
        (is_blind, f"{name}: {why}"),
        else_=sentence(f"{name} {{}} keeps the target {target}", shown),
    )
    is_unknown = share.isnull() | is_small | is_blind
    return _Judgement(is_red.fill_null(False), is_yellow.fill_null(False), is_unknown, reason)


def _blindness(groups: ir.Table, name: str) -> tuple[ir.BooleanValue, str]:
    """Return whether a share has no data behind it, and why."""
    with_forecast = groups.active_customers - groups.customers_without_forecast
    if name == "revenue_at_risk_share":
        return groups.customers_on_belief == with_forecast, "no forecast rests on more than the policy's belief"
    if name == "high_risk_share":
        return groups.customers_with_signals == 0, "no signal speaks of any customer"
    return ibis.literal(False), ""


def exact_shares(groups: ir.Table) -> dict[str, ir.NumericValue]:
    """Return the three shares without the noise of binary floats; null without active customers."""
    active = groups.active_customers.nullif(0)
    shares = {
        "revenue_at_risk_share": groups.revenue_at_risk / groups.account_value_forecast.nullif(0.0),
        "high_risk_share": groups.customers_high_risk / active,
        "friction_rate": groups.customers_in_friction / active,
    }
    return {name: rounded(share, CONTRIBUTION_DECIMALS) for name, share in shares.items()}
