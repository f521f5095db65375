"""Tests of the clients and the revenue of each band of health."""

from cjo_assets.families.lifecycle.overview.health_by_band import (
    HealthByBand,
    bands_without_some_clients,
    health_by_band,
)
from cjo_assets.families.lifecycle.success.health_scores import HealthScores
from cjo_assets_tests.support.rows import Row, Rows, by, kept, rows_of, table_of


def of(*rows: Row) -> dict[str, Row]:
    """Return the bands of some clients."""
    return by("band", kept(HealthByBand, health_by_band(table_of(HealthScores, rows))))


def test_every_band_has_a_row() -> None:
    found = of({"band": "red", "mrr": 10.0}, {"band": "red", "mrr": 5.0}, {"band": "green", "mrr": 85.0})
    assert {name: (row["place"], row["clients"], row["mrr"], row["mrr_share"]) for name, row in found.items()} == {
        "red": (1, 2, 15.0, 0.15),
        "yellow": (2, 0, 0.0, 0.0),
        "green": (3, 1, 85.0, 0.85),
        "unknown": (4, 0, 0.0, 0.0),
    }


def test_without_revenue_there_are_no_shares() -> None:
    found = of({"band": "unknown", "mrr": 0.0})
    assert [row["mrr_share"] for row in found.values()] == [None] * 4
    assert found["unknown"]["clients"] == 1


def test_every_client_is_in_a_band() -> None:
    scores = table_of(HealthScores, [{"band": "red"}])
    bands: Rows = [{"band": "red", "clients": 2}]
    assert len(rows_of(bands_without_some_clients(table_of(HealthByBand, bands), scores))) == 1
    assert rows_of(bands_without_some_clients(health_by_band(scores), scores)) == []
