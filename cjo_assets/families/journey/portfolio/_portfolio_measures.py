"""What is counted of a group of customers, and how a group is judged.

Not a table but what the portfolio's tables share, so that a count, a share and a colour mean one thing for a segment, a
stage and the whole. Counts and amounts add up: those of the whole are the sums of its parts. Shares do not, and are
computed anew for each group.

A group is green only if all three shares are known and at most their targets. One share above its target is enough for
yellow, above its red limit for red. What is too small, what no signal speaks of and what rests on the policy's belief
alone is not known, however good it looks.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.contract import DatedContract, TextList, column
from cjo_assets.core.expressions.intervals import NOT_MEASURABLE
from cjo_assets.core.expressions.numbers import CONTRIBUTION_DECIMALS, money_sum, rounded
from cjo_assets.policy import Policy

GREEN, YELLOW, RED = "green", "yellow", "red"
STATUSES = [GREEN, YELLOW, RED, NOT_MEASURABLE]
MEASURES = ("revenue_at_risk_share", "high_risk_share", "friction_rate")


class PortfolioCounts(DatedContract):
    """What is counted of a group of customers."""

    customers: int = column("Customers, those who left included [customers].", ge=0)
    active_customers: int = column("Of these, who have not left [customers].", ge=0)
    customers_with_signals: int = column("Active, with a signal in the look-back [customers].", ge=0)
    customers_high_risk: int = column("Active, in tier high [customers].", ge=0)
    customers_medium_risk: int = column("Active, in tier medium [customers].", ge=0)
    customers_low_risk: int = column("Active, in tier low [customers].", ge=0)
    customers_in_friction: int = column("Active, with any reason for friction [customers].", ge=0)
    customers_critical: int = column("Active, in critical stage health [customers].", ge=0)
    customers_without_answer: int = column("Active, in coverage_gaps [customers].", ge=0)
    customers_without_forecast: int = column("Active, whose future nobody can say: without a stage [customers].", ge=0)
    customers_on_belief: int = column("Active, whose churn forecast is the policy's belief alone [customers].", ge=0)
    account_value: float = column("Yearly value of the active accounts [currency].", ge=0)
    account_value_forecast: float = column("Of these, of the accounts with a forecast [currency].", ge=0)
    revenue_at_risk: float = column(
        "Sum of churn probability x account value [currency, up = worse]; null where nobody has a forecast.",
        ge=0,
        nullable=True,
    )
    revenue_at_risk_without_answer: float = column(
        "Of this, of customers in coverage_gaps [currency, up = worse]; null where none of them has a forecast.",
        ge=0,
        nullable=True,
    )


class PortfolioShares(PortfolioCounts):
    """What is counted of a group of customers, and how the group is judged."""

    revenue_at_risk_share: float = column(
        "Revenue at risk over the value with a forecast [0-1, up = worse]; null without any.", ge=0, le=1, nullable=True
    )
    high_risk_share: float = column(
        "High-risk over active customers [0-1, up = worse]; null without any.", ge=0, le=1, nullable=True
    )
    friction_rate: float = column(
        "Customers in friction over active customers [0-1, up = worse]; null without any.", ge=0, le=1, nullable=True
    )
    status: str = column("green, yellow, red or not_measurable, by the policy's targets and limits.", isin=STATUSES)
    status_reasons: TextList = column("What each share says of the status, in words, sorted.")


COUNTS = [name for name in PortfolioCounts.to_schema().columns if name != "as_of"]
NULLABLE = ("revenue_at_risk", "revenue_at_risk_without_answer")
MONEY = ("account_value", "account_value_forecast", *NULLABLE)


def summed(rows: ir.Table, *keys: str) -> ir.Table:
    """Add up what is counted, by the keys or over all rows."""
    sums = {name: money_sum(rows[name]) if name in MONEY else rows[name].sum() for name in COUNTS}
    sums |= {name: total.fill_null(0) for name, total in sums.items() if name not in NULLABLE}
    return rows.group_by(*keys).agg(**sums) if keys else rows.agg(**sums)


def with_status(rows: ir.Table, policy: Policy) -> ir.Table:
    """Add shares, status and its reasons to what was added up."""
    rules = policy.journey.portfolio
    # Shares are judged before they are rounded to what is published; only float noise is taken off first.
    exact = exact_shares(rows)
    rows = rows.mutate(**{f"exact_{name}": share for name, share in exact.items()})
    rows = rows.mutate(**{name: rounded(rows[f"exact_{name}"]) for name in MEASURES})
    is_small = rows.active_customers < rules.minimum_customers
    with_forecast = rows.active_customers - rows.customers_without_forecast
    unknown = {
        "revenue_at_risk_share": (
            rows.customers_on_belief == with_forecast,
            "no forecast rests on more than the policy's belief",
        ),
        "high_risk_share": (rows.customers_with_signals == 0, "no signal speaks of any customer"),
        "friction_rate": (ibis.literal(False), ""),
    }
    small = ibis.literal("fewer active customers than ") + str(rules.minimum_customers)
    reasons, reds, yellows, blanks = [], [], [], []
    for name in MEASURES:
        share, shown = rows[f"exact_{name}"], rows[name].cast("string")
        target, red = getattr(rules.targets, name), getattr(rules.red_limits, name)
        is_blind, why = unknown[name]
        is_blank = share.isnull() | is_small | is_blind
        # What is blind cannot calm anybody. It may alarm.
        is_red, is_yellow = (share > red) & ~is_small, (share > target) & ~is_small
        reasons.append(
            ibis.cases(
                (share.isnull(), f"{name}: nobody to judge"),
                (is_small, ibis.literal(f"{name}: ") + small),
                (is_red, ibis.literal(f"{name} ") + shown + f" is above the red limit {red}"),
                (is_yellow, ibis.literal(f"{name} ") + shown + f" is above the target {target}"),
                (is_blind, f"{name}: {why}"),
                else_=ibis.literal(f"{name} ") + shown + f" keeps the target {target}",
            )
        )
        reds.append(is_red.fill_null(False))
        yellows.append(is_yellow.fill_null(False))
        blanks.append(is_blank)
    return rows.mutate(
        status=ibis.cases(
            (reds[0] | reds[1] | reds[2], RED),
            (yellows[0] | yellows[1] | yellows[2], YELLOW),
            (blanks[0] | blanks[1] | blanks[2], NOT_MEASURABLE),
            else_=GREEN,
        ),
        status_reasons=ibis.array(reasons).sort(),
    ).drop(*(f"exact_{name}" for name in MEASURES))


def exact_shares(rows: ir.Table) -> dict[str, ir.NumericValue]:
    """Return the three shares of what was added up, free of float noise; null where there is nobody to judge."""
    active = rows.active_customers.nullif(0)
    shares = {
        "revenue_at_risk_share": rows.revenue_at_risk / rows.account_value_forecast.nullif(0.0),
        "high_risk_share": rows.customers_high_risk / active,
        "friction_rate": rows.customers_in_friction / active,
    }
    return {name: rounded(share, CONTRIBUTION_DECIMALS) for name, share in shares.items()}
