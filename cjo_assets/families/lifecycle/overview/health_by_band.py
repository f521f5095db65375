"""Clients and recurring revenue by band of the health score.

One row per as-of date and band, also for a band without clients. Clients are the customers who pay or have a trial.
"""

import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.numbers import MONEY_DECIMALS, RATE_DECIMALS, money_sum
from cjo_assets.core.expressions.rows import literal_rows
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.families.lifecycle.success._health import BANDS


class HealthByBand(DatedContract):
    """Clients and revenue by band of health. One row per as-of date and band."""

    band: str = key("red, yellow or green by the policy's bands; unknown without a score.", isin=BANDS)
    place: int = column("Place of the band, from 1: the worst.", ge=1, le=len(BANDS))
    clients: int = column("Clients [customers].", ge=0)
    mrr: float = column("Their recurring revenue [currency per month].", ge=0, decimals=MONEY_DECIMALS)
    mrr_share: float = column(
        "The same over that of all bands [0-1]; null without revenue.",
        ge=0,
        le=1,
        nullable=True,
        decimals=RATE_DECIMALS,
    )


def health_by_band(health_scores: ir.Table) -> ir.Table:
    """Count the clients of each band and add up their revenue."""
    bands = literal_rows(
        [{"band": band, "place": place} for place, band in enumerate(BANDS, start=1)],
        {"band": "string", "place": "int64"},
    )
    sums = health_scores.group_by("band").agg(clients=health_scores.count(), sum=money_sum(health_scores.mrr))
    rows = lookup(bands, sums, "band")
    rows = rows.mutate(clients=rows.clients.fill_null(0), mrr=rows["sum"].fill_null(0.0))
    return rows.mutate(mrr_share=rows.mrr / rows.mrr.sum().over().nullif(0.0))


@check(blocking=True)
def bands_without_some_clients(health_by_band: ir.Table, health_scores: ir.Table) -> ir.Table:
    """Return the numbers of clients in bands and of scores if they differ."""
    sums = health_by_band.agg(counted=health_by_band.clients.sum().fill_null(0)).cross_join(
        health_scores.agg(scores=health_scores.count())
    )
    return sums.filter(sums.counted != sums.scores)
