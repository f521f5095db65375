"""Tests of the confidence in a customer's need, through candidates: certainty, conflict, trust, completeness."""

from datetime import date

import pytest

from cjo_assets.core.quarantine.contests import REPEATED_ROW
from cjo_assets_tests.support.journey.deciding import ENTERED, consider, lost, need, playbook
from cjo_assets_tests.support.rows import day


def test_confidence_is_risk_conflict_trust_and_completeness() -> None:
    """Trap 25: confidence is not risk + 0.2 and nothing else."""
    cases = {
        # certainty, conflict, trust
        "plain": (need("plain"), (0.7, 0.0, 1.0)),
        "capped": (need("capped", 0.9), (1.0, 0.0, 1.0)),
        # min(0.6, 0.2) / (0.6 + 0.2)
        "contradicted": (need("contradicted", positive_severity=0.2), (0.7, 0.25, 1.0)),
        "torn": (need("torn", positive_severity=0.6), (0.7, 0.5, 1.0)),
        "only good": (need("only good", negative_severity=0.0, positive_severity=0.6), (0.7, 0.0, 1.0)),
        "hearsay": (need("hearsay", average_source_trust=0.8), (0.7, 0.0, 0.8)),
        "everything": (need("everything", positive_severity=0.2, average_source_trust=0.9), (0.7, 0.25, 0.9)),
        "silent": (
            need("silent", total_signals=0, counted_signal_types=[], negative_severity=0.0, average_source_trust=None),
            (0.7, 0.0, 1.0),
        ),
    }
    found = consider([case for case, _ in cases.values()], [playbook("any")])
    for name, (_, (certainty, conflict, trust)) in cases.items():
        row = found[name, "any"]
        assert (row["conflict"], row["source_trust"], row["completeness"]) == (conflict, trust, 1.0), name
        assert row["confidence"] == pytest.approx(certainty * (1 - 0.5 * conflict) * trust, abs=5e-7), name


def test_completeness_is_the_share_of_reliable_records() -> None:
    shares = {
        # Three signals and the state entry, and one signal that was rejected.
        "lost one": 4 / 5,
        # Beyond the look-back of 90 days, or after D, it would not have counted anyway.
        "lost at the edge": 4 / 5,
        "lost before": 1.0,
        "lost tomorrow": 1.0,
        # Without a readable date it may be about any day.
        "lost undated": 4 / 5,
        # A way the policy does not allow: the state entry cannot be relied on.
        "jumped": 3 / 4,
        # A rejected entry that could be the current one; one from before cannot.
        "entry lost since": 3 / 4,
        "entry lost that day": 3 / 4,
        "entry lost undated": 3 / 4,
        "entry lost before": 1.0,
        "entry lost tomorrow": 1.0,
        "both": 3 / 5,
        "nothing lost": 1.0,
    }
    needs = [need(name, total_signals=3, transition="invalid" if name == "jumped" else "re_entry") for name in shares]
    lost_signals = [
        lost("lost one", day(-1)),
        lost("lost at the edge", day(-90)),
        lost("lost before", day(-91)),
        lost("lost tomorrow", day(1)),
        lost("lost undated", None),
        lost("both", day(-1)),
        lost(None, day(-1)),
        lost("stranger", day(-1)),
    ]
    lost_entries = [
        lost("entry lost since", day(-1)),
        lost("entry lost that day", ENTERED),
        lost("entry lost undated", None),
        lost("entry lost before", date(2025, 1, 9)),
        lost("entry lost tomorrow", day(1)),
        lost("both", day(-1)),
        lost("both", None),
    ]
    found = consider(needs, [playbook("any")], lost_signals=lost_signals, lost_entries=lost_entries)
    assert {key[0]: row["completeness"] for key, row in found.items()} == pytest.approx(shares, abs=5e-7)
    assert found["both", "any"]["confidence"] == pytest.approx(0.7 * 3 / 5, abs=5e-7)


def test_a_copy_that_was_dropped_loses_nothing() -> None:
    """DESIGN 6: of two rows with one key and the same content one is kept; the record itself was not rejected."""
    found = consider(
        [need("copied signal"), need("copied entry")],
        [playbook("any")],
        lost_signals=[lost("copied signal", day(-1), REPEATED_ROW)],
        lost_entries=[lost("copied entry", ENTERED, REPEATED_ROW)],
    )
    assert {key[0]: row["completeness"] for key, row in found.items()} == {"copied signal": 1.0, "copied entry": 1.0}
