"""Tests of moves between stages and of the throughput of stages, over the last ninety days of a small log."""

import ibis.expr.types as ir
import pytest

from cjo_assets.families.journey.inputs.customers import Customers
from cjo_assets.families.journey.inputs.state_entries import StateEntries
from cjo_assets.families.journey.process.stage_flows import StageFlows, stage_flows
from cjo_assets.families.journey.process.stage_throughput import StageThroughput, stage_throughput
from cjo_assets.families.journey.process.visits import Visits, known_visits, visits
from cjo_assets_tests.support.rows import Row, as_of, by, day, kept, policy_with, rows_of, table_of

POLICY = policy_with(journey__portfolio__window_days=90, journey__portfolio__slow_visit_share=0.5)
# Typical: onboarding 14 days, engagement 30, support 7, retention 90.
# Of each customer (stage, days ago, stage before as reported).
LOG: dict[str, list[tuple[str, int, str | None]]] = {
    "C1": [("onboarding", 50, None), ("engagement", 40, "onboarding"), ("support", 5, "engagement")],
    "C2": [("onboarding", 60, None), ("engagement", 40, "onboarding"), ("support", 10, "engagement")],
    # The move 90 days ago is outside the window that ends today, that 89 days ago is in it.
    "C3": [("onboarding", 120, None), ("engagement", 90, "onboarding"), ("support", 89, "engagement")],
    # To and fro: three days in support each time.
    "C4": [("support", 30, "retention"), ("retention", 27, None), ("support", 20, None), ("retention", 17, None)],
    "C5": [("support", 8, None), ("engagement", 1, None), ("churned", 0, None)],
    # Not yet.
    "C6": [("onboarding", -1, None)],
}


def events(until: int = 1) -> ir.Table:
    """Return the visits of the log, as it was so many days after today."""
    entries = [
        {"customer_id": name, "journey_stage": stage, "state_entered_at": day(-ago), "previous_stage": previous}
        for name, steps in LOG.items()
        for stage, ago, previous in steps
        if -ago <= until
    ]
    people = [{"customer_id": name, "segment": "SMB"} for name in LOG]
    return table_of(Visits, kept(Visits, visits(table_of(Customers, people), table_of(StateEntries, entries), POLICY)))


def test_the_map_counts_moves_customers_and_who_was_held_up() -> None:
    rows = by(("from_stage", "to_stage"), kept(StageFlows, stage_flows(events(), as_of(), POLICY), policy=POLICY))

    def flow(start: str | None, end: str) -> tuple[object, ...]:
        row: Row = rows[start, end]
        figures = ("moves", "customers", "median_days", "invalid_moves", "invalid_share", "customers_held_up")
        return tuple(row[name] for name in figures)

    expected = {
        # Two journeys begin; where they come from needs no rule.
        (None, "onboarding"): (2, 2, None, 0, 0.0, 0),
        # C5's log begins in support without a word on where it came from.
        (None, "support"): (1, 1, None, 0, None, 0),
        # 10 and 20 days; 20 is more than the 14 that are typical.
        ("onboarding", "engagement"): (2, 2, 15.0, 0, 0.0, 1),
        # 35, 30 and 1 days; 30 is typical.
        ("engagement", "support"): (3, 3, 30.0, 0, 0.0, 1),
        # C4 twice: what the first entry reports counts as a move, of unknown length; the second took 7 days.
        ("retention", "support"): (2, 1, 7.0, 0, 0.0, 0),
        ("support", "retention"): (2, 1, 3.0, 0, 0.0, 0),
        ("support", "engagement"): (1, 1, 7.0, 1, 1.0, 0),
        ("engagement", "churned"): (1, 1, 1.0, 0, 0.0, 0),
    }
    assert {key: flow(*key) for key in rows} == expected


def test_throughput_uses_ended_visits_and_counts_open_ones() -> None:
    table = stage_throughput(events(), as_of(), POLICY)
    rows = by("journey_stage", kept(StageThroughput, table, policy=POLICY))
    assert set(rows) == {"onboarding", "engagement", "support", "retention"}, "a terminal stage is no stay"
    figures = {
        "onboarding": {
            # 10 and 20 days; C3's 30 days ended before the window.
            **{"typical_days": 14.0, "ended_visits": 2, "median_days": 15.0, "slow_days": 15.0},
            **{"over_typical_visits": 1, "running_visits": 0, "running_median_days": None},
            **{"started_visits": 2, "rework_visits": 0, "rework_share": 0.0},
        },
        "support": {
            # C4 3 and 3, C5 7 days; C1, C2 and C3 are there for 5, 10 and 89 days: they are not in the 3.
            **{"typical_days": 7.0, "ended_visits": 3, "median_days": 3.0, "slow_days": 3.0},
            **{"over_typical_visits": 0, "running_visits": 3, "running_median_days": 10.0},
            **{"started_visits": 6, "rework_visits": 1, "rework_share": 0.166667},
        },
        "retention": {
            **{"typical_days": 90.0, "ended_visits": 1, "median_days": 7.0, "slow_days": 7.0},
            **{"over_typical_visits": 0, "running_visits": 1, "running_median_days": 17.0},
            **{"started_visits": 2, "rework_visits": 1, "rework_share": 0.5},
        },
    }
    for stage, expected in figures.items():
        assert {name: rows[stage][name] for name in expected} == expected, stage


def test_a_stage_in_which_nothing_ended_has_no_throughput() -> None:
    customers = table_of(Customers, [{"customer_id": "C1", "segment": "SMB"}])
    entries = [{"customer_id": "C1", "journey_stage": "retention", "state_entered_at": day(-400)}]
    log = visits(customers, table_of(StateEntries, entries), POLICY)
    [row] = kept(StageThroughput, stage_throughput(log, as_of(), POLICY))
    assert (row["ended_visits"], row["median_days"], row["slow_days"]) == (0, None, None)
    assert (row["running_visits"], row["running_median_days"]) == (1, 400.0)
    assert (row["started_visits"], row["rework_share"]) == (0, None)


@pytest.mark.parametrize("ago", [18, 45])
def test_history_is_that_of_the_log_of_that_day(ago: int) -> None:
    """One event log serves all days: later entries only end the visits of a day, and that is undone."""
    then = known_visits(events(), as_of(-ago))
    assert sorted(map(repr, rows_of(then))) == sorted(map(repr, rows_of(events(until=-ago))))
    assert rows_of(then.filter(then.left_at.isnull()))
