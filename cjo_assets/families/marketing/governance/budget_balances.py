"""Budget moved into and out of every channel of a campaign, by double entry.

One row per as-of date, campaign, channel and currency with moves. Every effective move is entered at both its channels
with the same amount in whole cents, so the nets of a campaign sum to 0. Amounts of different currencies are never
added. Moves that a rule refuses are counted separately as well.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.numbers import MONEY_DECIMALS, money_sum, rounded
from cjo_assets.core.expressions.tables import long_rows, merged

CENTS = f"decimal(38, {MONEY_DECIMALS})"


class BudgetBalances(DatedContract):
    """Budget moved by channel. One row per as-of date, campaign, channel and currency."""

    campaign_id: str = key("Campaign.")
    channel_id: str = key("Channel.")
    currency: str = key("Currency.")
    moves: int = column("Effective moves, into and out of the channel [moves].", ge=1)
    moved_in: float = column("What it got [currency].", ge=0)
    moved_out: float = column("What it gave [currency].", ge=0)
    net: float = column("What it got less what it gave [currency]; sums to 0 over a campaign's channels.", decimals=2)
    refused_in: float = column("Of what it got, by moves that a rule refuses [currency].", ge=0)


def budget_balances(budget_governance: ir.Table) -> ir.Table:
    """Enter every effective move at both its channels and sum the entries."""
    moves = budget_governance.filter(budget_governance.is_effective)
    moves = moves.mutate(amount=rounded(moves.amount, MONEY_DECIMALS))
    nothing = ibis.literal(0.0)
    refused = moves.is_refused.ifelse(moves.amount, nothing)
    ends = [
        {"channel_id": moves.from_channel_id, "got": nothing, "gave": moves.amount, "refused": nothing},
        {"channel_id": moves.to_channel_id, "got": moves.amount, "gave": nothing, "refused": refused},
    ]
    entries = long_rows(moves, ["campaign_id", "currency"], ends)
    balances = entries.group_by("campaign_id", "channel_id", "currency").agg(
        moves=entries.count(),
        moved_in=money_sum(entries.got),
        moved_out=money_sum(entries.gave),
        refused_in=money_sum(entries.refused),
    )
    return balances.mutate(net=balances.moved_in - balances.moved_out)


@check(blocking=True)
def nets_that_do_not_sum_to_nothing(budget_balances: ir.Table) -> ir.Table:
    """Return campaigns whose nets do not sum to 0."""
    sums = budget_balances.group_by("campaign_id", "currency").agg(net=budget_balances.net.cast(CENTS).sum())
    return sums.filter(sums.net != 0)


@check(blocking=True)
def balances_that_miss_moves(budget_balances: ir.Table, budget_governance: ir.Table) -> ir.Table:
    """Return campaigns whose entries in or out differ from the sum of the moves."""
    moves = budget_governance.filter(budget_governance.is_effective)
    moved = moves.group_by("campaign_id", "currency").agg(moved=rounded(moves.amount, MONEY_DECIMALS).cast(CENTS).sum())
    entered = budget_balances.group_by("campaign_id", "currency").agg(
        moved_in=budget_balances.moved_in.cast(CENTS).sum(), moved_out=budget_balances.moved_out.cast(CENTS).sum()
    )
    both = merged([moved, entered], ["campaign_id", "currency"])
    is_wrong = (both.moved != both.moved_in) | (both.moved != both.moved_out)
    both = both.filter(is_wrong.fill_null(True))
    return both.select(
        "campaign_id",
        moved=both.moved.cast("float64"),
        moved_in=both.moved_in.cast("float64"),
        moved_out=both.moved_out.cast("float64"),
    )
