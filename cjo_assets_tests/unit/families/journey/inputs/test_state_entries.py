"""Tests of the order of a customer's entries, and of the kind of each transition."""

from datetime import date

import ibis

from cjo_assets.core.quarantine.rules import QuarantinedRows
from cjo_assets.engine.validation import judged
from cjo_assets.families.journey.inputs.state_entries import (
    AllowedTransitions,
    StateEntries,
    entries_in_order,
    entries_of_one_day,
    transitions_as_read,
)
from cjo_assets_tests.support.rows import POLICY, Rows, days_of, kept, made_of, rows_of, table_of

EARLIER, THAT_DAY = date(2025, 1, 1), date(2025, 1, 10)
STAGES = ["onboarding", "engagement", "support", "retention", "escalation", "churned"]

# The list of the issue, word for word; everything else with a stage before it is invalid.
VALID_STEPS = {
    ("onboarding", "engagement"),
    ("engagement", "support"),
    ("engagement", "retention"),
    ("engagement", "churned"),
    ("support", "retention"),
    ("support", "escalation"),
    ("support", "churned"),
    ("retention", "churned"),
    ("escalation", "support"),
    ("escalation", "retention"),
    ("escalation", "churned"),
}
RE_ENTRIES = {("retention", "support")}


def entry(customer: str, stage: str, day: date, previous: str | None) -> dict[str, object]:
    """Return one entry of the log."""
    return {"customer_id": customer, "journey_stage": stage, "state_entered_at": day, "previous_stage": previous}


def way_of(found: Rows, customer: str) -> list[tuple[str, str | None, str]]:
    """Return stage, previous stage and transition of a customer's entries in their order."""
    rows = sorted((row for row in found if row["customer_id"] == customer), key=lambda row: row["entry_number"])
    assert [row["entry_number"] for row in rows] == list(range(len(rows)))
    return [(row["journey_stage"], row["previous_stage"], row["transition"]) for row in rows]


def test_every_step_there_can_be_is_named() -> None:
    steps = [(before, after) for before in [None, *STAGES] for after in STAGES]
    log = [entry(f"{before}>{after}", after, THAT_DAY, before) for before, after in steps]
    found = {
        row["customer_id"]: row["transition"] for row in rows_of(entries_in_order(table_of(StateEntries, log), POLICY))
    }
    expected = {}
    for before, after in steps:
        kind = "invalid"
        if before is None:
            kind = "initial" if after == "onboarding" else "unknown"
        elif (before, after) in RE_ENTRIES:
            kind = "re_entry"
        elif (before, after) in VALID_STEPS:
            kind = "valid"
        expected[f"{before}>{after}"] = kind
    assert found == expected


def test_entries_of_one_day_are_put_in_order() -> None:
    log = [
        # The previous stage of one is the other's stage: it came later, although the order of stages is the reverse.
        entry("linked", "support", THAT_DAY, "retention"),
        entry("linked", "retention", THAT_DAY, "engagement"),
        # Neither names the other: the stage later in the policy's order came later.
        entry("unlinked", "escalation", THAT_DAY, None),
        entry("unlinked", "engagement", THAT_DAY, "onboarding"),
        # Each names the other: that decides nothing.
        entry("circular", "retention", THAT_DAY, "support"),
        entry("circular", "support", THAT_DAY, "retention"),
        # A chain of three: each names the one before.
        entry("chain", "engagement", THAT_DAY, "onboarding"),
        entry("chain", "support", THAT_DAY, "engagement"),
        entry("chain", "onboarding", THAT_DAY, None),
        # Four in a row, two of them against the order of stages.
        entry("long chain", "escalation", THAT_DAY, "support"),
        entry("long chain", "support", THAT_DAY, "retention"),
        entry("long chain", "retention", THAT_DAY, "engagement"),
        entry("long chain", "engagement", THAT_DAY, "onboarding"),
        # The stage named is that of another day: it links nothing, and the day decides.
        entry("other day", "support", THAT_DAY, "retention"),
        entry("other day", "retention", EARLIER, "engagement"),
        # An entry that names its own stage follows nothing.
        entry("itself", "support", THAT_DAY, "support"),
        entry("itself", "engagement", THAT_DAY, "onboarding"),
    ]
    found = rows_of(entries_in_order(table_of(StateEntries, log), POLICY))
    assert way_of(found, "linked") == [("retention", "engagement", "valid"), ("support", "retention", "re_entry")]
    assert way_of(found, "unlinked") == [("engagement", "onboarding", "valid"), ("escalation", "engagement", "invalid")]
    assert way_of(found, "circular") == [("support", "retention", "re_entry"), ("retention", "support", "valid")]
    assert way_of(found, "chain") == [
        ("onboarding", None, "initial"),
        ("engagement", "onboarding", "valid"),
        ("support", "engagement", "valid"),
    ]
    assert way_of(found, "long chain") == [
        ("engagement", "onboarding", "valid"),
        ("retention", "engagement", "valid"),
        ("support", "retention", "re_entry"),
        ("escalation", "support", "valid"),
    ]
    assert way_of(found, "other day") == [("retention", "engagement", "valid"), ("support", "retention", "re_entry")]
    assert way_of(found, "itself") == [("engagement", "onboarding", "valid"), ("support", "engagement", "valid")]


def test_who_follows_a_follower_came_later_still() -> None:
    """Support names escalation and retention names support: retention is last, whatever the order of stages."""
    log = [
        entry("calmed", "escalation", THAT_DAY, None),
        entry("calmed", "support", THAT_DAY, "escalation"),
        entry("calmed", "retention", THAT_DAY, "support"),
    ]
    found = rows_of(entries_in_order(table_of(StateEntries, log), POLICY))
    assert way_of(found, "calmed") == [
        ("escalation", None, "unknown"),
        ("support", "escalation", "valid"),
        ("retention", "support", "valid"),
    ]


def test_the_log_decides_before_the_reported_previous_stage() -> None:
    log = [
        entry("logged", "onboarding", EARLIER, None),
        entry("logged", "engagement", THAT_DAY, "support"),
        entry("reported", "engagement", THAT_DAY, "support"),
        entry("neither", "engagement", THAT_DAY, None),
        # A stage entered again is a step from itself to itself.
        entry("again", "support", EARLIER, "engagement"),
        entry("again", "support", THAT_DAY, "retention"),
        entry("back", "churned", EARLIER, "support"),
        entry("back", "engagement", THAT_DAY, None),
    ]
    found = rows_of(entries_in_order(table_of(StateEntries, log), POLICY))
    assert way_of(found, "logged") == [("onboarding", None, "initial"), ("engagement", "onboarding", "valid")]
    assert way_of(found, "reported") == [("engagement", "support", "invalid")]
    assert way_of(found, "neither") == [("engagement", None, "unknown")]
    assert way_of(found, "again") == [("support", "engagement", "valid"), ("support", "support", "invalid")]
    assert way_of(found, "back") == [("churned", "support", "valid"), ("engagement", "churned", "invalid")]
    reported = {row["journey_stage"]: row["reported_previous_stage"] for row in found if row["customer_id"] == "logged"}
    assert reported == {"onboarding": None, "engagement": "support"}


def test_two_entries_of_one_day_are_shown() -> None:
    log = [
        entry("twice", "onboarding", THAT_DAY, None),
        entry("twice", "engagement", THAT_DAY, "onboarding"),
        entry("once a day", "onboarding", EARLIER, None),
        entry("once a day", "engagement", THAT_DAY, None),
    ]
    found = rows_of(entries_of_one_day(days_of(StateEntries, log)))
    assert found == [{"customer_id": "twice", "state_entered_at": THAT_DAY, "entries": 2}]


def test_invalid_transitions_are_found_before_quarantine() -> None:
    names = ["customer_id", "journey_stage", "state_entered_at", "days_in_state", "previous_stage", "confirmed_stage"]
    place = {"source_file": "string", "source_row": "int64"}
    texts = [
        ["good", "support", "2025-01-10", "0", "engagement", None, "log.csv", 1],
        ["bad", "engagement", "2025-01-09", "2", "support", None, "log.csv", 2],
        ["nobody", None, "2025-01-09", None, "support", None, "log.csv", 3],
    ]
    rows = [dict(zip([*names, *place], row, strict=True)) for row in texts]
    raw = made_of(rows, ibis.schema(dict.fromkeys(names, "string") | place))
    rejected = table_of(QuarantinedRows, [{"source_file": "log.csv", "source_row": 3}, {"source_file": "old.csv"}])
    accepted = [
        entry("good", "support", THAT_DAY, "engagement"),
        entry("bad", "engagement", date(2025, 1, 9), "support"),
    ]
    found = transitions_as_read(raw, rejected, days_of(StateEntries, accepted), POLICY)
    kinds = {row["customer_id"]: row["transition"] for row in rows_of(found)}
    assert kinds == {"good": "valid", "bad": "invalid", "nobody": "unknown"}
    verdict = judged(found, AllowedTransitions, POLICY.vocabulary)
    assert list(verdict.broken.values()) == [1]
    assert [row["customer_id"] for row in verdict.examples] == ["bad"]
    good = found.filter(found.customer_id == "good")
    assert len(kept(AllowedTransitions, good)) == 1
