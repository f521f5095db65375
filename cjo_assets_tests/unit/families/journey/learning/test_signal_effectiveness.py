"""Tests of signal effectiveness: a run counts once per type, and no signal is not zero."""

from cjo_assets.families.journey.inputs.signals import Signals
from cjo_assets.families.journey.learning.signal_effectiveness import SignalEffectiveness, signal_effectiveness
from cjo_assets_tests.support.journey.experience import Experience, playbook
from cjo_assets_tests.support.rows import POLICY, as_of, by, day, kept, table_of

SIGNALS = [
    {"signal_id": "S1", "signal_type": "usage_drop"},
    {"signal_id": "S2", "signal_type": "usage_drop"},
    {"signal_id": "S3", "signal_type": "negative_sentiment"},
    {"signal_id": "S4", "signal_type": "on_no_list"},
    {"signal_id": "S5", "signal_type": "unheard_of", "detected_at": day(1)},
]


def test_runs_and_successes_by_the_types_that_triggered_them() -> None:
    known = Experience()
    # triggers, outcome
    runs = [
        (["S1", "S2"], "resolved"),  # two of a type are one run
        (["S1", "S3"], "resolved"),
        (["S2"], "no_response"),
        (["S3", "no customer"], "no_response"),
        ([], "no_response"),
        (["S3"], None),
        (["S5"], "no_response"),  # not seen by D
    ]
    for triggers, outcome in runs:
        (name,) = known.run("P", triggered_by_signals=triggers)
        if outcome:
            known.measure(name, outcome=outcome)
    (refused,) = known.run("P", triggered_by_signals=["S3"], requires_human_approval=True)
    known.measure(refused, outcome="resolved")
    found = signal_effectiveness(known.ledger([playbook("P")]), table_of(Signals, SIGNALS), as_of(), POLICY)
    rows = by("signal_type", kept(SignalEffectiveness, found))
    names = ("measured_runs", "successes", "success_rate", "overall_success_rate", "difference")
    counts = {kind: tuple(row[name] for name in names) for kind, row in rows.items()}
    assert counts.pop("usage_drop") == (3, 2, 0.666667, 0.333333, 0.333333)
    assert counts.pop("negative_sentiment") == (2, 1, 0.5, 0.333333, 0.166667)
    assert set(counts.values()) == {(0, 0, None, 0.333333, None)}
    assert rows.keys() == POLICY.journey.signals.catalogue.keys() | {"on_no_list"}
    # Wilson, 90 %, of 1 in 2 and of nothing.
    row = rows["negative_sentiment"]
    assert (round(row["success_rate_low"], 3), round(row["success_rate_high"], 3)) == (0.121, 0.879)
    assert rows["on_no_list"]["success_rate_low"] is rows["on_no_list"]["success_rate_high"] is None


def test_without_any_run_no_rate_is_known() -> None:
    found = signal_effectiveness(Experience().ledger([playbook("P")]), table_of(Signals, []), as_of(), POLICY)
    rows = kept(SignalEffectiveness, found)
    assert len(rows) == len(POLICY.journey.signals.catalogue)
    assert {row["overall_success_rate"] for row in rows} == {None}
