"""Tests of aggregated signals: severities, independent alarms, relief, the look-back."""

from itertools import pairwise

import pytest

from cjo_assets.families.journey.evaluation.aggregated_signals import AggregatedSignals, aggregated_signals
from cjo_assets.families.journey.inputs.customers import Customers
from cjo_assets.families.journey.inputs.signals import Signals
from cjo_assets_tests.support.rows import POLICY, Row, as_of, by, day, kept, policy_with, table_of

# 0.5 + 0.5 x weight / largest weight; the largest is that of negative_sentiment.
SENTIMENT = 0.5 + 0.5 * 0.30 / 0.30
SPIKE = 0.5 + 0.5 * 0.25 / 0.30
DROP = 0.5 + 0.5 * 0.20 / 0.30
REPEAT = 0.5 + 0.5 * 0.15 / 0.30
TENTH = 0.5 + 0.5 * 0.10 / 0.30
MANUAL = 0.8
FACTORS = {
    "negative_sentiment": SENTIMENT,
    "support_ticket_spike": SPIKE,
    "usage_drop": DROP,
    "repeat_support_tickets": REPEAT,
    "failed_onboarding_step": TENTH,
    "support_satisfaction_low": TENTH,
    "inactivity_warning": TENTH,
    "low_product_usage": TENTH,
}
POSITIVE = ["positive_sentiment", "renewal_intent", "usage_recovery"]


def signal(customer: str, kind: str, strength: float, offset: int = -1, source: str = "automated") -> Row:
    """Return one signal, detected so many days from D."""
    return {
        "customer_id": customer,
        "signal_type": kind,
        "signal_strength": strength,
        "detected_at": day(offset),
        "source": source,
    }


SIGNALS = [
    signal("one", "negative_sentiment", 0.6),
    signal("two", "negative_sentiment", 0.6),
    signal("two", "usage_drop", 0.5, source="manual"),
    # The same two, and good news: the strongest relieves, the weaker adds nothing to the relief.
    signal("relieved", "usage_drop", 0.5, source="manual"),
    signal("relieved", "negative_sentiment", 0.6),
    signal("relieved", "renewal_intent", 0.75),
    signal("relieved", "positive_sentiment", 0.3),
    signal("only good", "usage_recovery", 1.0),
    signal("certain", "negative_sentiment", 1.0),
    signal("certain", "usage_drop", 0.3),
    signal("certain", "renewal_intent", 1.0),
    # A type that the catalogue does not know is counted, trusted as its source is, and changes no risk.
    signal("puzzling", "invented", 0.9, source="manual"),
    signal("puzzling", "negative_sentiment", 0.6),
    signal("only puzzling", "invented", 1.0),
    # D - 90 and D are read, D - 91 and D + 1 are not.
    signal("at the edge", "negative_sentiment", 0.1, -90),
    signal("at the edge", "negative_sentiment", 0.4, 0),
    signal("at the edge", "usage_drop", 0.9, -91),
    signal("at the edge", "renewal_intent", 0.9, 1),
    signal("all past", "negative_sentiment", 0.9, -91),
    signal("weak", "negative_sentiment", 0.0),
    signal("stranger", "negative_sentiment", 0.9),
]
# total, negative, positive, types, negative severity, positive severity, trust, risk
EXPECTED = {
    "one": (1, 1, 0, ["negative_sentiment"], 0.6, 0.0, 1.0, 0.6),
    "two": (
        2,
        2,
        0,
        ["negative_sentiment", "usage_drop"],
        0.6 + 0.5 * MANUAL * DROP,
        0.0,
        (1 + MANUAL) / 2,
        1 - (1 - 0.6) * (1 - 0.5 * MANUAL * DROP),
    ),
    "relieved": (
        4,
        2,
        2,
        ["negative_sentiment", "positive_sentiment", "renewal_intent", "usage_drop"],
        0.6 + 0.5 * MANUAL * DROP,
        0.75 * TENTH + 0.3 * TENTH,
        (3 + MANUAL) / 4,
        (1 - (1 - 0.6) * (1 - 0.5 * MANUAL * DROP)) * (1 - 0.5 * 0.75 * TENTH),
    ),
    "only good": (1, 0, 1, ["usage_recovery"], 0.0, TENTH, 1.0, 0.0),
    "certain": (
        3,
        2,
        1,
        ["negative_sentiment", "renewal_intent", "usage_drop"],
        1 + 0.3 * DROP,
        TENTH,
        1.0,
        1 * (1 - 0.5 * TENTH),
    ),
    "puzzling": (2, 1, 0, ["invented", "negative_sentiment"], 0.6, 0.0, (1 + MANUAL) / 2, 0.6),
    "only puzzling": (1, 0, 0, ["invented"], 0.0, 0.0, 1.0, 0.0),
    "at the edge": (2, 2, 0, ["negative_sentiment"], 0.5, 0.0, 1.0, 1 - 0.9 * 0.6),
    "all past": (0, 0, 0, [], 0.0, 0.0, None, 0.0),
    "weak": (1, 1, 0, ["negative_sentiment"], 0.0, 0.0, 1.0, 0.0),
    "quiet": (0, 0, 0, [], 0.0, 0.0, None, 0.0),
}
# mean and largest strength
STRENGTHS = {
    "one": (0.6, 0.6),
    "two": (0.55, 0.6),
    "relieved": ((0.5 + 0.6 + 0.75 + 0.3) / 4, 0.75),
    "puzzling": (0.75, 0.9),
    "at the edge": (0.25, 0.4),
    "quiet": (None, None),
    "all past": (None, None),
}


def test_evidence_adds_up() -> None:
    people = table_of(Customers, [{"customer_id": name} for name in EXPECTED])
    rows = by(
        "customer_id",
        kept(AggregatedSignals, aggregated_signals(people, table_of(Signals, SIGNALS), as_of(), POLICY)),
    )
    assert rows.keys() == EXPECTED.keys()
    for name, (total, negative, positive, types, bad, good, trust, risk) in EXPECTED.items():
        row = rows[name]
        assert (row["total_signals"], row["negative_signals"], row["positive_signals"]) == (total, negative, positive)
        assert row["signal_types"] == types
        assert row["negative_severity"] == pytest.approx(bad, abs=5e-7)
        assert row["positive_severity"] == pytest.approx(good, abs=5e-7)
        assert row["average_source_trust"] == (None if trust is None else pytest.approx(trust, abs=5e-7))
        assert row["aggregated_risk_score"] == pytest.approx(risk, abs=5e-7), name
    for name, (mean, largest) in STRENGTHS.items():
        row = rows[name]
        assert (row["average_signal_strength"], row["max_signal_strength"]) == (pytest.approx(mean), largest)


def test_every_type_of_the_catalogue_has_its_polarity_and_weight() -> None:
    people = [{"customer_id": name} for name in [*FACTORS, *POSITIVE]]
    # Each customer has one signal of the type; those of a positive type an alarm of 0.6 besides.
    log = [signal(name, name, 0.9) for name in [*FACTORS, *POSITIVE]]
    log += [signal(name, "negative_sentiment", 0.6) for name in POSITIVE]
    found = aggregated_signals(table_of(Customers, people), table_of(Signals, log), as_of(), POLICY)
    risks = {row["customer_id"]: row["aggregated_risk_score"] for row in kept(AggregatedSignals, found)}
    alone = {name: 0.9 * factor for name, factor in FACTORS.items()}
    relieved = dict.fromkeys(POSITIVE, 0.6 * (1 - 0.5 * 0.9 * TENTH))
    assert risks == pytest.approx(alone | relieved, abs=5e-7)


def test_risk_is_monotone_in_good_and_bad_signals() -> None:
    kinds = [*FACTORS, *POSITIVE, "invented"]
    people = [{"customer_id": str(count)} for count in range(len(kinds) + 1)]
    # Customer n has the first n signals: risk may rise up to the last negative one and not after.
    log = [signal(str(count), kind, 0.3) for count in range(len(kinds) + 1) for kind in kinds[:count]]
    found = aggregated_signals(table_of(Customers, people), table_of(Signals, log), as_of(), POLICY)
    rows = by("customer_id", kept(AggregatedSignals, found))
    risks = [rows[str(count)]["aggregated_risk_score"] for count in range(len(kinds) + 1)]
    bad, good = risks[: len(FACTORS) + 1], risks[len(FACTORS) :]
    assert all(before < after for before, after in pairwise(bad))
    assert all(before >= after for before, after in pairwise(good))
    assert good[0] > good[-1] > 0


def test_a_segment_may_have_a_look_back_and_a_trust_of_its_own() -> None:
    rules = policy_with(
        segment_overrides={
            "Enterprise": {
                "signals": {"look_back_days": 10, "source_trust": {"manual": 0.5}},
                "fusion": {"long_window_days": 10},
            }
        }
    )
    people = [{"customer_id": "small", "segment": "SMB"}, {"customer_id": "large", "segment": "Enterprise"}]
    log = [
        signal(name, "negative_sentiment", strength, offset, "manual")
        for name in ("small", "large")
        for strength, offset in ((0.4, -10), (0.2, -11))
    ]
    found = aggregated_signals(table_of(Customers, people), table_of(Signals, log), as_of(), rules)
    rows = by("customer_id", kept(AggregatedSignals, found))
    assert rows["small"]["aggregated_risk_score"] == pytest.approx(1 - (1 - 0.4 * 0.8) * (1 - 0.2 * 0.8), abs=5e-7)
    assert rows["large"]["aggregated_risk_score"] == pytest.approx(0.4 * 0.5, abs=5e-7)
    assert (rows["small"]["total_signals"], rows["large"]["total_signals"]) == (2, 1)
