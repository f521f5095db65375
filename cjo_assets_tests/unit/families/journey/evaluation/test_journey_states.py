"""Tests of the state of each customer on a day: the latest entry known by then, and the days since."""

from datetime import date

from cjo_assets.families.journey.evaluation.journey_states import (
    JourneyStates,
    disagreeing_days,
    invalid_transitions,
    journey_states,
)
from cjo_assets.families.journey.inputs.customers import Customers
from cjo_assets.families.journey.inputs.state_entries import StateEntries
from cjo_assets_tests.support.rows import DAY, POLICY, Row, as_of, by, day, kept, rows_of, table_of

NEW_YEAR = date(2025, 1, 1)
NOTHING_KNOWN: Row = {
    "journey_stage": None,
    "state_entered_at": None,
    "days_in_state": None,
    "reported_days_in_state": None,
    "previous_stage": None,
    "transition": "unknown",
}


def entry(customer: str, stage: str, entered: date, previous: str | None = None, days: int | None = None) -> Row:
    """Return one entry of the log."""
    return {
        "customer_id": customer,
        "journey_stage": stage,
        "state_entered_at": entered,
        "previous_stage": previous,
        "days_in_state": days,
    }


LOG = [
    # 1 to 20 January: 19 days, whatever the source counted.
    entry("stayed", "onboarding", NEW_YEAR, None, 5),
    entry("moved", "onboarding", NEW_YEAR),
    entry("moved", "engagement", day(-9), "support", 9),
    entry("arrived today", "onboarding", DAY),
    # What happens tomorrow is not known today: neither stage, nor number of entries, nor order.
    entry("moves tomorrow", "onboarding", NEW_YEAR),
    entry("moves tomorrow", "engagement", day(1), "onboarding"),
    entry("comes tomorrow", "onboarding", day(1)),
    # Two entries of one day: support names retention, so it is the later one; two more follow after D.
    entry("twice a day", "support", day(-3), "retention"),
    entry("twice a day", "retention", day(-3), "engagement"),
    entry("twice a day", "escalation", day(2), "support"),
    entry("left", "churned", day(-30), "support"),
    entry("odd", "engagement", day(-11), "support", 2),
    # A leap year: 29 days of February 2024, 366 days from 20 January to 20 January and 335 more.
    entry("long ago", "retention", date(2024, 2, 20), "engagement"),
]
EXPECTED = {
    "stayed": ("onboarding", NEW_YEAR, 19, 5, None, "initial"),
    "moved": ("engagement", day(-9), 9, 9, "onboarding", "valid"),
    "arrived today": ("onboarding", DAY, 0, None, None, "initial"),
    "moves tomorrow": ("onboarding", NEW_YEAR, 19, None, None, "initial"),
    "twice a day": ("support", day(-3), 3, None, "retention", "re_entry"),
    "left": ("churned", day(-30), 30, None, "support", "valid"),
    "odd": ("engagement", day(-11), 11, 2, "support", "invalid"),
    "long ago": ("retention", date(2024, 2, 20), 366 - 31, None, "engagement", "valid"),
}
WITHOUT_ENTRY = ["comes tomorrow", "never came"]


def test_every_customer_has_the_stage_of_the_latest_entry() -> None:
    people = [{"customer_id": name, "segment": "SMB"} for name in [*EXPECTED, "comes tomorrow"]]
    people.append({"customer_id": "never came", "segment": "Enterprise"})
    # An entry of an unknown customer makes no state.
    log = table_of(StateEntries, [*LOG, entry("stranger", "onboarding", NEW_YEAR)])
    rows = by("customer_id", kept(JourneyStates, journey_states(table_of(Customers, people), log, as_of(), POLICY)))
    assert rows.keys() == {row["customer_id"] for row in people}
    for name, cells in EXPECTED.items():
        expected = {"as_of": DAY, "customer_id": name, "segment": "SMB"} | dict(zip(NOTHING_KNOWN, cells, strict=True))
        assert rows[name] == expected
    for name in WITHOUT_ENTRY:
        segment = "Enterprise" if name == "never came" else "SMB"
        assert rows[name] == {"as_of": DAY, "customer_id": name, "segment": segment} | NOTHING_KNOWN


def test_the_next_day_sees_what_this_day_did_not() -> None:
    people = table_of(Customers, [{"customer_id": name} for name in ("moves tomorrow", "comes tomorrow", "stayed")])
    states = journey_states(people, table_of(StateEntries, LOG), as_of(1), POLICY)
    rows = by("customer_id", kept(JourneyStates, states, day(1)))
    found = {name: (row["journey_stage"], row["days_in_state"], row["transition"]) for name, row in rows.items()}
    assert found == {
        "moves tomorrow": ("engagement", 0, "valid"),
        "comes tomorrow": ("onboarding", 0, "initial"),
        "stayed": ("onboarding", 20, "initial"),
    }


def test_odd_states_are_shown() -> None:
    states = table_of(
        JourneyStates,
        [
            {"customer_id": "agrees", "days_in_state": 9, "reported_days_in_state": 9, "transition": "valid"},
            {"customer_id": "reports less", "days_in_state": 9, "reported_days_in_state": 8, "transition": "initial"},
            {"customer_id": "reports nothing", "days_in_state": 9, "transition": "re_entry"},
            {"customer_id": "nowhere", "transition": "unknown"},
            {"customer_id": "jumped", "journey_stage": "engagement", "previous_stage": "support"}
            | {"transition": "invalid"},
        ],
    )
    assert rows_of(disagreeing_days(states)) == [
        {"customer_id": "reports less", "days_in_state": 9, "reported_days_in_state": 8}
    ]
    assert rows_of(invalid_transitions(states)) == [
        {"customer_id": "jumped", "previous_stage": "support", "journey_stage": "engagement"}
    ]
