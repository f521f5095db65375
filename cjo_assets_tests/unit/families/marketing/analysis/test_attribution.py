"""Tests of attribution: each method by itself, each conversion once, compared with the measured conversions."""

import itertools
import math
from typing import Any

import pytest

from cjo_assets.families.marketing.analysis.attribution import (
    Attribution,
    attribution,
    credit_that_disagrees,
    credit_that_is_lost,
)
from cjo_assets.families.marketing.analysis.touch_credits import (
    METHODS,
    TouchCredits,
    conversions_at_several_instants,
    conversions_of_several_values,
    conversions_without_credit,
    credits_that_do_not_sum,
    touch_credits,
)
from cjo_assets.families.marketing.inputs.attribution_hints import AttributionHints
from cjo_assets.families.marketing.inputs.touchpoints import Touchpoints
from cjo_assets.policy import Policy
from cjo_assets_tests.support.marketing.campaigns import performance, performance_table
from cjo_assets_tests.support.rows import POLICY, Row, Rows, as_of, by, instant, kept, policy_with, rows_of, table_of

CONVERTED = instant("2025-01-19T12:00:00")


def touch(name: str, conversion: str, moment: str, channel: str = "mail", **changes: Any) -> Row:
    """Return a touch of a conversion."""
    return {
        "touchpoint_id": name,
        "conversion_id": conversion,
        "converted_at": CONVERTED,
        "touched_at": instant(moment),
        "campaign_id": "one",
        "channel_id": channel,
    } | changes


TOUCHES = [
    # Four touches, one and two weeks apart.
    touch("1", "four", "2024-12-29T12:00:00", "search"),
    touch("2", "four", "2025-01-05T12:00:00", "mail"),
    touch("3", "four", "2025-01-12T12:00:00", "social"),
    touch("4", "four", "2025-01-19T12:00:00", "mail"),
    touch("5", "alone", "2025-01-01T00:00:00", "mail"),
    # Two at one instant: the key decides which is the first.
    touch("7", "two", "2025-01-10T00:00:00", "social"),
    touch("6", "two", "2025-01-10T00:00:00", "search", campaign_id="other"),
    # Thirty days are within the window, a second more is not.
    touch("8", "old", "2024-12-20T12:00:00", "mail"),
    touch("9", "old", "2024-12-20T11:59:59", "search"),
    touch("10", "too old", "2024-11-01T00:00:00", "search"),
    # Converted after the day.
    touch("11", "tomorrow", "2025-01-19T00:00:00", converted_at=instant("2025-01-21T00:00:00")),
]
# first, last, linear, position-based, time decay; of time decay 1/8, 1/4, 1/2 and 1 share 15/8.
CREDITS = {
    "1": (1.0, 0.0, 0.25, 0.4, 1 / 15),
    "2": (0.0, 0.0, 0.25, 0.1, 2 / 15),
    "3": (0.0, 0.0, 0.25, 0.1, 4 / 15),
    "4": (0.0, 1.0, 0.25, 0.4, 8 / 15),
    "5": (1.0, 1.0, 1.0, 1.0, 1.0),
    "6": (1.0, 0.0, 0.5, 0.5, 0.5),
    "7": (0.0, 1.0, 0.5, 0.5, 0.5),
    "8": (1.0, 1.0, 1.0, 1.0, 1.0),
    "11": (1.0, 1.0, 1.0, 1.0, 1.0),
}


def credited(touches: Rows, policy: Policy = POLICY) -> Rows:
    """Return the credits of touches."""
    return kept(TouchCredits, touch_credits(table_of(Touchpoints, touches), policy))


@pytest.fixture(scope="module")
def given() -> Rows:
    """Return the credits of the touches above."""
    return credited(TOUCHES)


def test_each_method_by_hand(given: Rows) -> None:
    found = {row["touchpoint_id"]: tuple(row[name] for name in METHODS) for row in given}
    assert found.keys() == CREDITS.keys()
    for name, expected in CREDITS.items():
        assert found[name] == pytest.approx(expected, abs=1e-9), name
    places = by("touchpoint_id", given)
    assert [(places[name]["place"], places[name]["touches"]) for name in ("1", "4", "6", "7")] == [
        (1, 4),
        (4, 4),
        (1, 2),
        (2, 2),
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"position_weights": {"first": 0.0, "middle": 1.0, "last": 0.0}},
        {"position_weights": {"first": 1.0, "middle": 0.0, "last": 3.0}, "half_life_days": 1e-9},
        {"half_life_days": 1e12, "window_days": 36_500.0},
        {"window_days": 0.01},
    ],
)
def test_a_conversion_is_one_whatever_the_method(changes: dict[str, Any]) -> None:
    """Trap M20: the credits of every conversion add up to 1 under any policy, with one to nine touches."""
    policy = policy_with(**{f"marketing__attribution__{name}": value for name, value in changes.items()})
    touches = [
        touch(f"{count}-{place}", f"of {count}", f"2025-01-{10 + place:02d}T00:00:00")
        for count in range(1, 10)
        for place in range(count)
    ]
    table = touch_credits(table_of(Touchpoints, [*TOUCHES, *touches]), policy)
    assert not rows_of(credits_that_do_not_sum(table))
    sums: dict[tuple[str, str], float] = {}
    for row, name in itertools.product(kept(TouchCredits, table), METHODS):
        key = row["conversion_id"], name
        sums[key] = sums.get(key, 0.0) + row[name]
    assert all(math.isclose(total, 1.0, abs_tol=1e-9) for total in sums.values())


def test_a_conversion_without_credit_is_named() -> None:
    touches = table_of(Touchpoints, TOUCHES)
    found = rows_of(conversions_without_credit(touches, touch_credits(touches, POLICY)))
    assert [row["conversion_id"] for row in found] == ["too old"]
    assert not rows_of(conversions_at_several_instants(touches))
    twice = [*TOUCHES, touch("12", "alone", "2025-01-02T00:00:00", converted_at=instant("2025-01-18T00:00:00"))]
    assert rows_of(conversions_at_several_instants(table_of(Touchpoints, twice)))


@pytest.mark.parametrize("name", ["window_days", "half_life_days", "position_weights"])
def test_the_policy_divides(name: str, given: Rows) -> None:
    value = {"first": 0.5, "middle": 0.2, "last": 0.3} if name == "position_weights" else 10.0
    assert credited(TOUCHES, policy_with(**{f"marketing__attribution__{name}": value})) != given


def hint(name: str, method: str, channel: str, conversions: float, confidence: float = 1.0, **changes: Any) -> Row:
    """Return a hint about the campaign."""
    return {
        "hint_id": name,
        "method": method,
        "channel_id": channel,
        "attributed_conversions": conversions,
        "confidence": confidence,
        "campaign_id": "one",
        "timestamp": instant("2025-01-20T23:59:59"),
    } | changes


HINTS = [
    hint("1", "last_touch", "mail", 30.0, 0.5),
    hint("2", "last_touch", "mail", 70.0, 0.9, timestamp=instant("2025-01-19T00:00:00")),
    hint("3", "last_touch", "search", 20.0, 0.4),
    hint("4", "first_touch", "search", 100.0),
    hint("5", "assist", "mail", 400.0, 0.0),
    hint("6", "assist", "fax", 3.5),
    hint("7", "last_touch", "mail", 1000.0, timestamp=instant("2025-01-21T00:00:00")),
]
MEASURED = [
    performance("one", 60, asset_id="a"),
    performance("one", 45, asset_id="b"),
    performance("one", 10, channel_id="search"),
    performance("one", 0, channel_id="social"),
]
# source, records, credit, confidence, weighted, share of method, measured, disagreement, state
EXPECTED = {
    ("mail", "last_touch"): ("hints", 2, 100.0, 0.78, 78.0, 100 / 120, 105, -5.0, "agrees"),
    ("search", "last_touch"): ("hints", 1, 20.0, 0.4, 8.0, 20 / 120, 10, 10.0, "disagrees"),
    ("social", "last_touch"): ("hints", 0, None, None, None, None, 0, None, "not_credited"),
    ("search", "first_touch"): ("hints", 1, 100.0, 1.0, 100.0, 1.0, 10, 90.0, "disagrees"),
    ("mail", "first_touch"): ("hints", 0, None, None, None, None, 105, None, "not_credited"),
    ("mail", "assist"): ("hints", 1, 400.0, 0.0, 0.0, 400 / 403.5, 105, 295.0, "not_exclusive"),
    ("fax", "assist"): ("hints", 1, 3.5, 1.0, 3.5, 3.5 / 403.5, None, None, "not_measured"),
    ("search", "first"): ("touchpoints", 1, 1.0, None, None, 1 / 3, 10, -9.0, "disagrees"),
    ("mail", "last"): ("touchpoints", 4, 3.0, None, None, 0.75, 105, -102.0, "disagrees"),
    ("social", "time_decay"): ("touchpoints", 2, 4 / 15 + 0.5, None, None, (4 / 15 + 0.5) / 3.5, 0, 4 / 15 + 0.5,
                               "disagrees"),
}  # fmt: skip


@pytest.fixture(scope="module")
def tables() -> dict[str, Any]:
    """Return the inputs."""
    return {
        "attribution_hints": table_of(AttributionHints, HINTS),
        "touch_credits": table_of(TouchCredits, credited(TOUCHES)),
        "asset_performance": performance_table(MEASURED),
    }


@pytest.fixture(scope="module")
def rows(tables: dict[str, Any]) -> Rows:
    """Return the credit of each channel and method."""
    return kept(Attribution, attribution(**tables, as_of=as_of(), policy=POLICY))


@pytest.mark.parametrize(("channel", "method"), EXPECTED)
def test_credit_by_hand(channel: str, method: str, rows: Rows) -> None:
    """Trap M20: hints are used, each method within itself, trusted as far as the source trusts them."""
    row = by(("campaign_id", "channel_id", "method"), rows)["one", channel, method]
    names = ("source", "records", "credited_conversions", "confidence", "weighted_conversions", "share_of_method")
    found = tuple(row[name] for name in (*names, "measured_conversions", "disagreement", "state"))
    for value, expected in zip(found, EXPECTED[channel, method], strict=True):
        assert value == (pytest.approx(expected, abs=1e-6) if isinstance(expected, float) else expected), row


def test_no_method_is_mixed_with_another(rows: Rows) -> None:
    """Trap M20: per method the credit is that of its own rows, or the conversions known on the day."""
    totals: dict[str, float] = {}
    for row in rows:
        totals[row["method"]] = totals.get(row["method"], 0.0) + (row["credited_conversions"] or 0.0)
    expected = {"last_touch": 120.0, "first_touch": 100.0, "assist": 403.5} | dict.fromkeys(METHODS, 4.0)
    assert totals == pytest.approx(expected, abs=1e-5)


def test_lost_credit_is_found(rows: Rows, tables: dict[str, Any]) -> None:
    table = table_of(Attribution, [{name: row[name] for name in row if name != "as_of"} for row in rows])
    sources = tables["attribution_hints"], tables["touch_credits"]
    assert not rows_of(credit_that_is_lost(table, *sources, as_of(), POLICY))
    lost = table.filter(~((table.channel_id == "mail") & table.method.isin(["assist", "linear"])))
    assert {row["method"] for row in rows_of(credit_that_is_lost(lost, *sources, as_of(), POLICY))} == {
        "assist",
        "linear",
    }
    named = {(row["channel_id"], row["method"]) for row in rows_of(credit_that_disagrees(table))}
    assert ("search", "last_touch") in named
    assert not named & {("mail", "last_touch"), ("mail", "assist"), ("fax", "assist")}


VALUES = {"four": 100.01, "two": 0.0, "too old": 50.0, "tomorrow": 9.0}
# Credited value and the credit of conversions that carry a value; "alone" and "old" carry none.
VALUED = {
    ("one", "search", "first"): (100.01, 1.0),
    ("one", "search", "last"): (0.0, 0.0),
    ("one", "mail", "first"): (0.0, 0.0),
    ("one", "mail", "linear"): (50.005, 0.5),
    ("one", "mail", "position_based"): (50.005, 0.5),
    ("one", "social", "time_decay"): (100.01 * 4 / 15, 4 / 15 + 0.5),
    ("other", "search", "first"): (0.0, 1.0),
    ("one", "mail", "last_touch"): (None, None),
    ("one", "social", "last_touch"): (None, None),
}


def test_value_is_credited_as_conversions_are(tables: dict[str, Any], rows: Rows) -> None:
    """Of the conversions that carry a value, whichever of their touches states it."""
    assert {(row["credited_value"], row["valued_conversions"]) for row in rows} == {(None, None), (None, 0.0)}
    touches = [row | {"conversion_value": VALUES.get(row["conversion_id"])} for row in TOUCHES]
    touches[0] |= {"conversion_value": None}
    credits_of_touches = credited(touches)
    sources = tables | {"touch_credits": table_of(TouchCredits, credits_of_touches)}
    found = kept(Attribution, attribution(**sources, as_of=as_of(), policy=POLICY))
    places = by(("campaign_id", "channel_id", "method"), found)
    for place, expected in VALUED.items():
        assert (places[place]["credited_value"], places[place]["valued_conversions"]) == (
            pytest.approx(expected, abs=1e-6) if expected[0] is not None else expected
        ), place
    for row in found:
        of_row = [
            (touch["conversion_value"], touch[row["method"]])
            for touch in credits_of_touches
            if row["method"] in METHODS and touch["conversion_value"] is not None
            if (touch["campaign_id"], touch["channel_id"]) == (row["campaign_id"], row["channel_id"])
            if touch["conversion_id"] != "tomorrow"
        ]
        value = math.fsum(amount * credit for amount, credit in of_row) if of_row else None
        assert row["credited_value"] == pytest.approx(value, abs=1e-6), row
    table = table_of(Attribution, [{name: row[name] for name in row if name != "as_of"} for row in found])
    given = [sources["attribution_hints"], sources["touch_credits"], as_of(), POLICY]
    assert not rows_of(credit_that_is_lost(table, *given))
    cent = (table.channel_id == "search") & (table.method == "linear") & (table.campaign_id == "one")
    less = table.mutate(credited_value=table.credited_value - cent.ifelse(0.01, 0.0))
    assert [row["method"] for row in rows_of(credit_that_is_lost(less, *given))] == ["linear"]


def test_no_cent_of_a_large_value_is_lost(tables: dict[str, Any]) -> None:
    """A third of a conversion is stored to twelve decimals, which a large value would show."""
    touches = [
        touch(f"{name}-{place}", name, f"2025-01-{10 + place:02d}T00:00:00", f"c{place}", conversion_value=value)
        for name, value in (("huge", 1e12), ("odd", 99_999_999_999.99))
        for place in range(3)
    ]
    credits_of_touches = table_of(TouchCredits, credited(touches))
    sources = tables | {"touch_credits": credits_of_touches}
    rows = kept(Attribution, attribution(**sources, as_of=as_of(), policy=POLICY))
    for method in METHODS:
        total = math.fsum(row["credited_value"] or 0.0 for row in rows if row["method"] == method)
        assert abs(total - 1_099_999_999_999.99) < 0.005, method
    table = table_of(Attribution, [{name: row[name] for name in row if name != "as_of"} for row in rows])
    assert not rows_of(credit_that_is_lost(table, tables["attribution_hints"], credits_of_touches, as_of(), POLICY))


def test_values_that_differ_are_named() -> None:
    touches = [touch("1", "a", "2025-01-10T00:00:00", conversion_value=1.0), touch("2", "a", "2025-01-11T00:00:00")]
    assert not rows_of(conversions_of_several_values(table_of(Touchpoints, touches)))
    touches.append(touch("3", "a", "2025-01-12T00:00:00", conversion_value=2.0))
    (row,) = rows_of(conversions_of_several_values(table_of(Touchpoints, touches)))
    assert (row["lowest_value"], row["highest_value"]) == (1.0, 2.0)
    assert {row["conversion_value"] for row in credited(touches)} == {2.0}


def test_the_policy_decides_how_hints_are_summed(tables: dict[str, Any]) -> None:
    """A hint that restates the one before it replaces it; a wider tolerance agrees."""
    policy = policy_with(marketing__attribution__hints_are="restatements", marketing__attribution__tolerance=1.0)
    found = by(("campaign_id", "channel_id", "method"), rows_of(attribution(**tables, as_of=as_of(), policy=policy)))
    assert found["one", "mail", "last_touch"]["credited_conversions"] == 30.0
    assert found["one", "search", "last_touch"]["state"] == "agrees"


def test_nothing_to_attribute(tables: dict[str, Any]) -> None:
    none = {name: table.filter(False) for name, table in tables.items()}
    assert kept(Attribution, attribution(**none, as_of=as_of(), policy=POLICY)) == []
    assert credited([]) == []
