"""Tests of fused signals: fading, adjustment, settlement, windows, trend. Figures by hand.

Severity is strength x trust x factor x adjustment, at most 1; each 14 days halve it. negative_sentiment has the
largest weight, 0.30, so its factor is 1; that of usage_drop is 0.5 + 0.5 x 0.20 / 0.30.
"""

from collections.abc import Sequence
from typing import Any

import pytest

from cjo_assets.families.journey.evaluation.fused_signals import FusedSignals, fused_signals
from cjo_assets.families.journey.evaluation.known_signals import KnownSignals
from cjo_assets.families.journey.inputs.customers import Customers
from cjo_assets.policy import Policy
from cjo_assets_tests.support.journey.deciding import decided, ledger_of, outcome, past
from cjo_assets_tests.support.rows import DAY, POLICY, Row, as_of, by, day, kept, policy_with, table_of

DROP = 0.5 + 0.5 * 0.20 / 0.30
TENTH = 0.5 + 0.5 * 0.10 / 0.30


def signal(customer: str, kind: str, strength: float, offset: int, **cells: Any) -> Row:
    """Return one automated signal, detected so many days from D."""
    shared = {"customer_id": customer, "signal_type": kind, "signal_strength": strength, "detected_at": day(offset)}
    return shared | {"source": "automated", "signal_id": f"{customer} {kind} {offset}"} | cells


def fuse(
    signals: Sequence[Row],
    *,
    segments: dict[str, str] | None = None,
    history: Sequence[Row] = (),
    earlier: Sequence[Row] = (),
    outcomes: Sequence[Row] = (),
    others: Sequence[str] = (),
    offset: int = 0,
    policy: Policy = POLICY,
) -> dict[str, Row]:
    """Return the fused signals by customer."""
    names = sorted({row["customer_id"] for row in signals} | set(others))
    people = [{"customer_id": name, "segment": (segments or {}).get(name, "SMB")} for name in names]
    found = fused_signals(
        customers=table_of(Customers, people),
        known_signals=table_of(KnownSignals, signals),
        intervention_ledger=ledger_of(
            [], people=people, history=history, earlier=earlier, outcomes=outcomes, offset=offset, policy=policy
        ),
        as_of=as_of(offset),
        policy=policy,
    )
    return by("customer_id", kept(FusedSignals, found, day(offset), policy))


def risks(found: dict[str, Row]) -> dict[str, float]:
    """Return the fused risk of each customer."""
    return {name: row["fused_risk_score"] for name, row in found.items()}


def test_two_weeks_halve_a_signal() -> None:
    found = fuse(
        [
            signal("today", "negative_sentiment", 0.8, 0),
            signal("two weeks", "negative_sentiment", 0.8, -14),
            signal("four weeks", "negative_sentiment", 0.8, -28),
            signal("certain once", "negative_sentiment", 1.0, -14),
            signal("certain", "negative_sentiment", 1.0, 0),
            signal("two", "negative_sentiment", 0.8, 0),
            signal("two", "usage_drop", 0.6, -14),
            signal("relieved", "negative_sentiment", 0.8, 0),
            signal("relieved", "renewal_intent", 0.9, -14),
            signal("too old", "negative_sentiment", 0.8, -91),
            signal("tomorrow", "negative_sentiment", 0.8, 1),
        ],
        others=["quiet"],
    )
    assert risks(found) == pytest.approx(
        {
            "today": 0.8,
            "two weeks": 0.4,
            "four weeks": 0.2,
            "certain once": 0.5,
            "certain": 1.0,
            "two": 1 - 0.2 * (1 - 0.3 * DROP),
            "relieved": 0.8 * (1 - 0.5 * 0.45 * TENTH),
            "too old": 0.0,
            "tomorrow": 0.0,
            "quiet": 0.0,
        },
        abs=5e-7,
    )
    assert found["two"]["negative_severity"] == pytest.approx(0.8 + 0.3 * DROP, abs=5e-7)
    assert found["relieved"]["positive_severity"] == pytest.approx(0.45 * TENTH, abs=5e-7)
    assert (found["two"]["first_seen"], found["two"]["last_seen"]) == (day(-14), day(0))
    assert found["two"]["counted_signal_types"] == ["negative_sentiment", "usage_drop"]
    quiet = {name: found["quiet"][name] for name in ("counted_signals", "trend", "first_seen", "last_seen")}
    assert quiet == {"counted_signals": 0, "trend": None, "first_seen": None, "last_seen": None}


def test_good_and_unknown_signals_never_raise_risk() -> None:
    """Traps 7 and 18."""
    bad = signal("bad", "negative_sentiment", 0.6, -2)
    found = fuse(
        [
            bad,
            *(bad | {"customer_id": name, "signal_id": name} for name in ("good too", "puzzling")),
            signal("good too", "renewal_intent", 1.0, -1),
            signal("puzzling", "invented", 1.0, -1),
            signal("only good", "renewal_intent", 1.0, 0),
        ]
    )
    assert found["good too"]["fused_risk_score"] < found["bad"]["fused_risk_score"]
    assert found["puzzling"]["fused_risk_score"] == found["bad"]["fused_risk_score"]
    assert found["puzzling"]["counted_signal_types"] == ["invented", "negative_sentiment"]
    assert (found["only good"]["fused_risk_score"], found["only good"]["trend"]) == (0.0, "stable")


def test_a_segment_may_adjust_a_type_and_fade_faster() -> None:
    """Trap 18: segment adjustment loaded and unused. Nothing but the fusion of the segment differs."""
    own = {"signal_adjustments": {"usage_drop": 1.2}, "recency_half_life_days": 7}
    rules = policy_with(
        journey__fusion__signal_adjustments={"usage_drop": 0.5, "negative_sentiment": 2.0},
        segment_overrides={"Enterprise": {"fusion": own}},
    )
    names = {"small": "SMB", "large": "Enterprise"}
    found = fuse([signal(name, "usage_drop", 0.6, -14) for name in names], segments=names, policy=rules)
    assert risks(found) == pytest.approx({"small": 0.15 * DROP, "large": 0.6 * 1.2 * DROP / 4}, abs=5e-7)
    # What would exceed 1 counts 1.
    certain = fuse([signal("small", "negative_sentiment", 0.6, 0)], policy=rules)
    assert certain["small"]["negative_severity"] == 1.0


def test_what_the_source_supplies_counts_where_its_switch_is_on() -> None:
    supplied: Row = {"normalized_strength": 0.5, "risk_weight": 0.4, "segment_adjustment": 0.25}
    log = [signal("supplied", "usage_drop", 0.8, 0, **supplied), signal("plain", "usage_drop", 0.8, 0)]
    off = {f"journey__fusion__use_{name}": False for name in supplied}
    cases = {
        None: 0.8 * DROP,
        "normalized_strength": 0.5 * DROP,
        "risk_weight": 0.8 * 0.4,
        "segment_adjustment": 0.8 * DROP * 0.25,
    }
    for name, severity in cases.items():
        rules = policy_with(**off | ({f"journey__fusion__use_{name}": True} if name else {}))
        expected = {"supplied": severity, "plain": 0.8 * DROP}
        assert risks(fuse(log, policy=rules)) == pytest.approx(expected, abs=5e-7), name


def test_a_success_settles_what_it_answered_from_its_day_on() -> None:
    names = ["ours", "history", "unresolved", "later silence", "later success", "not measured"]
    log = [signal(name, kind, 0.6, -14) for name in names for kind in ("negative_sentiment", "usage_drop")]
    triggers = {name: {"triggered_by_signals": [f"{name} negative_sentiment -14"]} for name in names}
    # A decision that was open for days is in the ledger of each.
    earlier = [decided(f"I {name}", name, "any", offset, **triggers[name]) for name in names for offset in (-6, -5)]
    history = [past("H history", "history", -6, **triggers["history"])]
    earlier = [row for row in earlier if row["customer_id"] != "history"]
    outcomes = [
        outcome("O1", "I ours", 0, outcome="resolved"),
        outcome("O2", "H history", 0, outcome="improved_engagement"),
        outcome("O3", "I unresolved", 0, outcome="partial_improvement"),
        outcome("O4", "I later silence", -2, outcome="resolved"),
        outcome("O5", "I later silence", 0, outcome="no_response"),
        outcome("O6", "I later success", -2, outcome="no_response"),
        outcome("O7", "I later success", 0, outcome="resolved"),
    ]

    def settled(offset: int) -> set[str]:
        found = fuse(log, history=history, earlier=earlier, outcomes=outcomes, offset=offset)
        assert all(row["settled_signals"] + row["counted_signals"] == 2 for row in found.values())
        for row in found.values():
            types = ["usage_drop"] if row["settled_signals"] else ["negative_sentiment", "usage_drop"]
            assert row["counted_signal_types"] == types
        return {name for name, row in found.items() if row["settled_signals"]}

    # The latest outcome counts: of "later silence" the success was undone, from that day on.
    assert settled(-3) == set()
    assert settled(-1) == {"later silence"}
    assert settled(0) == {"ours", "history", "later success"}
    found = fuse(log, history=history, earlier=earlier, outcomes=outcomes)
    assert found["ours"]["fused_risk_score"] == pytest.approx(0.3 * DROP, abs=5e-7)
    assert found["unresolved"]["fused_risk_score"] == pytest.approx(1 - 0.7 * (1 - 0.3 * DROP), abs=5e-7)
    # Which outcomes are successes is policy.
    rules = policy_with(journey__learning__success_outcomes=["partial_improvement"])
    found = fuse(log, earlier=earlier, outcomes=outcomes, policy=rules)
    assert [name for name, row in found.items() if row["settled_signals"]] == ["unresolved"]


def test_the_windows_end_on_the_day() -> None:
    """Seven days: D - 6 to D. Thirty: D - 29 to D."""
    offsets = {"today": 0, "short edge": -6, "past short": -7, "long edge": -29, "past long": -30}
    found = fuse([signal(name, "negative_sentiment", 0.5, offset) for name, offset in offsets.items()])
    counts = {
        name: (row["short_window_negative_signals"], row["long_window_negative_signals"]) for name, row in found.items()
    }
    assert counts == {
        "today": (1, 1),
        "short edge": (1, 1),
        "past short": (0, 1),
        "long edge": (0, 1),
        "past long": (0, 0),
    }
    own = {"short_window_days": 8, "long_window_days": 31}
    rules = policy_with(segment_overrides={"Enterprise": {"fusion": own}})
    names = dict.fromkeys(offsets, "Enterprise")
    wide = fuse(
        [signal(name, "negative_sentiment", 0.5, offset) for name, offset in offsets.items()],
        segments=names,
        policy=rules,
    )
    assert [wide[name]["short_window_negative_signals"] for name in offsets] == [1, 1, 1, 0, 0]
    assert [wide[name]["long_window_negative_signals"] for name in offsets] == [1, 1, 1, 1, 1]


def test_trend_compares_periods_beyond_a_margin() -> None:
    # 0.7 in 7 days is 0.1 a day; the 23 days before with 0.1 a day sum to 2.3. Margin: a quarter.
    def log(name: str, recent: float, earlier: Sequence[float]) -> list[Row]:
        rows = [signal(name, "negative_sentiment", strength, -7 - place) for place, strength in enumerate(earlier)]
        return [*rows, *([signal(name, "negative_sentiment", recent, -3)] if recent else [])]

    steady = (0.8, 0.8, 0.7)
    cases = {
        "steady": (log("steady", 0.7, steady), 0.1, 0.1, "stable"),
        "at the margin": (log("at the margin", 0.875, steady), 0.125, 0.1, "stable"),
        "beyond": (log("beyond", 0.876, steady), 0.876 / 7, 0.1, "worsening"),
        "at the lower margin": (log("at the lower margin", 0.525, steady), 0.075, 0.1, "stable"),
        "below": (log("below", 0.524, steady), 0.524 / 7, 0.1, "improving"),
        "new": (log("new", 0.7, ()), 0.1, 0.0, "worsening"),
        "over": (log("over", 0.0, steady), 0.0, 0.1, "improving"),
        "long over": ([signal("long over", "negative_sentiment", 0.9, -40)], 0.0, 0.0, "stable"),
    }
    found = fuse([row for rows, *_ in cases.values() for row in rows])
    for name, (_, recent, earlier, trend) in cases.items():
        row = found[name]
        numbers = (row["recent_severity_per_day"], row["earlier_severity_per_day"])
        assert numbers == pytest.approx((recent, earlier), abs=5e-7), name
        assert row["trend"] == trend, name
    # What is settled has no trend.
    settled = fuse(
        log("over", 0.9, ()),
        history=[past("H1", "over", -2, triggered_by_signals=["over negative_sentiment -3"])],
        outcomes=[outcome("O1", "H1", 0, outcome="resolved")],
    )
    assert (settled["over"]["trend"], settled["over"]["settled_signals"]) == (None, 1)


def test_row_order_and_later_records_change_nothing() -> None:
    log = [signal(f"C{number % 3}", "negative_sentiment", number / 10, -number) for number in range(9)]
    earlier = [decided("I1", "C0", "any", -1, triggered_by_signals=[log[0]["signal_id"], log[3]["signal_id"]])]
    outcomes = [outcome("O1", "I1", -1, outcome="resolved")]
    base = fuse(log, earlier=earlier, outcomes=outcomes)
    assert base["C0"]["settled_signals"] == 2
    later = [outcome("O2", "I1", 1, outcome="no_response"), *outcomes]
    assert fuse([signal("C1", "usage_drop", 1.0, 1), *log[::-1]], earlier=earlier, outcomes=later) == base
    assert base["C0"]["as_of"] == DAY
