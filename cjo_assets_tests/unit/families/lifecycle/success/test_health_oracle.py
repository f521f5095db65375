"""Tests of health and its backtest against an independent recomputation on 300 generated clients."""

import random

import pytest

from cjo_assets.families.lifecycle.money.subscriptions import subscriptions
from cjo_assets.families.lifecycle.success.health_backtest import HealthBacktest, health_backtest
from cjo_assets_tests.support.lifecycle.events import RULES, events_of
from cjo_assets_tests.support.lifecycle.generated_clients import clients_of, events_for, metrics_for
from cjo_assets_tests.support.lifecycle.health import metrics_of, scores_of
from cjo_assets_tests.support.lifecycle.health_oracle import WINDOW, Ledger, band, score
from cjo_assets_tests.support.rows import as_of, by, day, kept


@pytest.mark.parametrize("seed", [1, 2])
def test_scores_bands_and_the_backtest_agree(seed: int) -> None:
    draw = random.Random(seed)
    clients = clients_of(draw)
    metrics, log = metrics_for(draw, clients), events_for(clients)
    ledger = Ledger(metrics)
    found = scores_of(metrics, log)
    paying = {client.name: client for client in clients if client.pays_on(day(0))}
    assert found.keys() == paying.keys()
    bands = set()
    for name, client in paying.items():
        exact, earlier = score(ledger, client, day(0)), score(ledger, client, day(-7))
        row = found[name]
        assert row["score"] == (None if exact is None else pytest.approx(float(exact), abs=6e-7)), name
        assert row["band"] == band(exact)
        was_paying = client.pays_on(day(-7))
        known = float(earlier) if was_paying and earlier is not None else None
        assert row["earlier_score"] == (None if known is None else pytest.approx(known, abs=6e-7)), name
        bands.add(row["band"])
    assert bands == {"red", "yellow", "green", "unknown"}
    subscribed = subscriptions(events_of(*log), as_of(), RULES)
    table = health_backtest(metrics_of(metrics), events_of(*log), subscribed, as_of(), RULES)
    tested = by(("horizon_days", "band"), kept(HealthBacktest, table))
    for days in RULES.health.backtest.horizons:
        then = {client.name: client for client in clients if client.pays_on(day(-days))}
        banded = {name: band(score(ledger, client, day(-days))) for name, client in then.items()}
        for name in ("red", "yellow", "green", "unknown"):
            own = [client for client in then.values() if banded[client.name] == name]
            left = [client for client in own if not client.pays_on(day(0))]
            row = tested[days, name]
            assert (row["customers"], row["churned"], row["mrr"]) == (len(own), len(left), 100.0 * len(own))
    assert RULES.health.window_days == WINDOW
