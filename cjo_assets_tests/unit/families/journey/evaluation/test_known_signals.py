"""Tests of known_signals: twins, derived signals without a twin, unknown customers, and no derived signals."""

from datetime import date

from cjo_assets.families.journey.evaluation.known_signals import (
    KnownSignals,
    derived_signals_of_unknown_customers,
    known_signals,
    signals_that_were_lost,
)
from cjo_assets.families.journey.inputs.customers import Customers
from cjo_assets.families.journey.inputs.derived_signals import DerivedSignals
from cjo_assets.families.journey.inputs.signals import Signals
from cjo_assets_tests.support.rows import Row, Rows, by, day, kept, rows_of, table_of

CUSTOMERS = table_of(Customers, [{"customer_id": "C1"}, {"customer_id": "C2"}])
OWN = [
    {"signal_id": "S1", "customer_id": "C1", "signal_type": "usage_drop", "detected_at": day(-1), "source": "manual"},
    {"signal_id": "S2", "customer_id": "C1", "signal_type": "usage_drop", "detected_at": day(-2), "source": "manual"},
]


def derived(name: str, customer: str, kind: str, at: date, strength: float = 0.5) -> Row:
    """Return a derived signal."""
    return {
        "signal_id": name,
        "customer_id": customer,
        "signal_type": kind,
        "detected_at": at,
        "signal_strength": strength,
        "source": "derived",
        "evidence": [f"tickets:{name}"],
    }


def of(own: Rows, others: Rows) -> dict[str, Row]:
    """Return the known signals by id."""
    table = known_signals(table_of(Signals, own), table_of(DerivedSignals, others), CUSTOMERS)
    return by("signal_id", kept(KnownSignals, table))


def test_without_derived_signals_the_rows_are_those_of_the_sources() -> None:
    found = list(of(OWN, []).values())
    signals = kept(Signals, table_of(Signals, OWN))
    added = {"confirmed_by": None, "evidence": []}
    assert sorted(found, key=str) == sorted((row | added for row in signals), key=str)


def test_a_twin_confirms_a_signal_and_adds_none() -> None:
    found = of(OWN, [derived("D1", "C1", "usage_drop", day(-1), 1.0)])
    assert set(found) == {"S1", "S2"}
    assert (found["S1"]["confirmed_by"], found["S2"]["confirmed_by"]) == ("D1", None)
    assert (found["S1"]["source"], found["S1"]["evidence"]) == ("manual", [])
    assert found["S1"]["signal_strength"] == table_value(OWN, "signal_strength")


def test_other_types_customers_and_days_are_added() -> None:
    others = [
        derived("D1", "C1", "usage_drop", day(-3)),
        derived("D2", "C1", "usage_recovery", day(-1)),
        derived("D3", "C2", "usage_drop", day(-1)),
        derived("D4", "C9", "usage_drop", day(-1)),
    ]
    found = of(OWN, others)
    assert set(found) == {"S1", "S2", "D1", "D2", "D3"}
    row = found["D1"]
    assert (row["source"], row["evidence"], row["confirmed_by"]) == ("derived", ["tickets:D1"], None)
    assert (row["journey_stage"], row["normalized_strength"]) == (None, None)
    table = table_of(DerivedSignals, others)
    assert [row["signal_id"] for row in rows_of(derived_signals_of_unknown_customers(table, CUSTOMERS))] == ["D4"]


def test_of_derived_rivals_the_strongest_counts() -> None:
    others = [derived("D1", "C1", "usage_drop", day(-3), 0.4), derived("D2", "C1", "usage_drop", day(-3), 0.6)]
    assert set(of(OWN, others)) == {"S1", "S2", "D2"}
    confirmed = of(OWN, [row | {"detected_at": day(-1)} for row in others])
    assert (len(confirmed), confirmed["S1"]["confirmed_by"]) == (2, "D2")


def test_lost_signals_are_found() -> None:
    signals = table_of(Signals, OWN)
    known = known_signals(signals, table_of(DerivedSignals, []), CUSTOMERS)
    assert rows_of(signals_that_were_lost(known, signals)) == []
    fewer = known.filter(known.signal_id != "S1")
    assert [row["signal_id"] for row in rows_of(signals_that_were_lost(fewer, signals))] == ["S1"]


def table_value(rows: Rows, name: str) -> object:
    """Return the value of a column in the first row, as the contract fills it."""
    return rows_of(table_of(Signals, rows))[0][name]
